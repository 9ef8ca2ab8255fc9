"""The classic crop: one line of text as 50 x 700 grey pixels, clean or as hard as pictures get."""

from __future__ import annotations

import io
import random

import attrs
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from elasticache_police.dataset.fonts import Font, load
from elasticache_police.dataset.near_misses import near_miss
from elasticache_police.findings import Kind

__all__ = ["HEIGHT", "WIDTH", "CropSample", "render_crop"]

HEIGHT, WIDTH = 50, 700


@attrs.frozen(kw_only=True)
class CropSample:
    """A crop and the truth about it."""

    grey: np.ndarray
    """uint8 (50, 700)."""
    text: str
    """What is written."""
    kind: Kind | None
    """What is wrong with it; None when it is right."""
    font: Font

    @property
    def file_name(self) -> str:
        """As in the story: ``AmazonElasticCache_<Font>0.png``."""
        return f"{self.text.replace(' ', '')}_{self.font.path.name}0.png"


def render_crop(
    *, seed: int, index: int, font: Font, name: str, prefix: str = "Amazon ", hard: bool = False
) -> CropSample:
    """Render one crop; every second one, by its index, is spelled right.

    Args:
        seed: The dataset's seed.
        index: The sample's number; the crop depends on seed, index and the other arguments only.
        font: What to draw with.
        name: The name to spell, right or wrong.
        prefix: What stands before it in three crops of four.
        hard: Whether to shrink, blur, add noise, compress or turn light on dark.
    """
    rng = random.Random(f"crop/{seed}/{index}")  # noqa: S311  not for secrets
    noise = np.random.default_rng([seed, index])
    miss = None if index % 2 == 0 else near_miss(name, rng)
    text = (prefix if rng.random() < 0.75 else "") + (name if miss is None else miss.text)
    size = 34.0
    face = load(font.path, size)
    x0, y0, x1, y1 = face.getbbox(text, anchor="ls")
    fit = min((WIDTH - 24) / max(1, x1 - x0), (HEIGHT - 8) / max(1, y1 - y0), 1.2)
    if hard:
        fit *= rng.uniform(0.35, 0.9)
    face = load(font.path, size * fit)
    x0, y0, x1, y1 = face.getbbox(text, anchor="ls")
    dark_on_light = not hard or rng.random() < 0.5
    ground, ink = (255, 0) if not hard else (rng.randint(170, 255), rng.randint(0, 90))
    if not dark_on_light:
        ground, ink = ink, ground
    image = Image.new("L", (WIDTH, HEIGHT), ground)
    x = (WIDTH - (x1 - x0)) / 2 - x0
    y = (HEIGHT - (y1 - y0)) / 2 - y0
    ImageDraw.Draw(image).text((x, y), text, fill=ink, font=face, anchor="ls")
    if hard:
        image = _harden(image, rng, noise)
    return CropSample(grey=np.asarray(image), text=text, kind=None if miss is None else miss.kind, font=font)


def _harden(image: Image.Image, rng: random.Random, noise: np.random.Generator) -> Image.Image:
    if rng.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0)))
    if rng.random() < 0.5:
        values = np.asarray(image, np.float32) + noise.normal(0, rng.uniform(2, 14), (HEIGHT, WIDTH))
        image = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    if rng.random() < 0.5:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=rng.randint(30, 85))
        image = Image.open(buffer)
        image.load()
    return image
