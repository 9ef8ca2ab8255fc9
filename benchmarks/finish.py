"""What happens to a picture after it was drawn: made smaller, blurred, compressed, saved in some format."""

from __future__ import annotations

import io
import random
from typing import Literal

import numpy as np
from PIL import Image, ImageFilter

__all__ = ["Format", "encode", "grain", "harden", "polarity", "shrink", "spread"]

_RIM_PX = 3.0
Format = Literal["png", "png-palette", "png-alpha", "jpeg", "webp"]


def shrink(image: Image.Image, factor: float) -> Image.Image:
    """Make a picture smaller, as a pasted screenshot is."""
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS)


def encode(image: Image.Image, kind: Format, rng: random.Random) -> tuple[bytes, str]:
    """Return a picture's file and its suffix; JPEG quality 40 to 90, WebP 50 to 90."""
    out = io.BytesIO()
    if kind == "jpeg":
        image.convert("RGB").save(out, "JPEG", quality=rng.randint(40, 90))
        return out.getvalue(), ".jpg"
    if kind == "webp":
        image.convert("RGB").save(out, "WEBP", quality=rng.randint(50, 90))
        return out.getvalue(), ".webp"
    if kind == "png-palette":
        image = image.convert("RGB").quantize(rng.choice((32, 64, 128, 256)))
    elif kind == "png":
        image = image.convert("RGB")
    image.save(out, "PNG")
    return out.getvalue(), ".png"


def grain(image: Image.Image, strength: float, rng: random.Random) -> Image.Image:
    """Add noise of a standard deviation in grey levels."""
    values = np.asarray(image, dtype=np.float32)
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0.0, strength, values.shape)
    return Image.fromarray(np.clip(values + noise, 0, 255).astype(np.uint8))


def harden(line: Image.Image, rng: random.Random, *, factor: float) -> Image.Image:
    """Return a grey line of the same size after a hard life: smaller and back, blur, noise, JPEG.

    Args:
        line: Grey, 50 x 700.
        rng: Decides all.
        factor: The size it was squeezed to, 0.35 to 0.9.
    """
    small = shrink(line, factor)
    if rng.random() < 0.5:
        small = small.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.75)))
    if rng.random() < 0.6:
        small = grain(small, rng.uniform(2.0, 12.0), rng)
    if rng.random() < 0.7:
        out = io.BytesIO()
        small.save(out, "JPEG", quality=rng.randint(35, 90))
        small = Image.open(io.BytesIO(out.getvalue()))
    way = rng.choice((Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS))
    return small.resize(line.size, way).convert("L")


def spread(image: Image.Image, box: tuple[float, float, float, float]) -> float:
    """Return how far ink and paper stand apart in a box: 95th minus 5th percentile of grey."""
    values = _values(image, box)
    return float(np.percentile(values, 97) - np.percentile(values, 3))


def polarity(image: Image.Image, box: tuple[float, float, float, float]) -> str:
    """Return ``dark_on_light`` or ``light_on_dark``: paper is what lies directly around the letters."""
    x0, y0, x1, y1 = box
    above = _values(image, (x0, y0 - _RIM_PX, x1, y0 - 1))
    below = _values(image, (x0, y1 + 1, x1, y1 + _RIM_PX))
    paper = float(np.median(np.concatenate([above.ravel(), below.ravel()])))
    low, high = (float(value) for value in np.percentile(_values(image, box), (3, 97)))
    return "dark_on_light" if paper > (low + high) / 2 else "light_on_dark"


def _values(image: Image.Image, box: tuple[float, float, float, float]) -> np.ndarray:
    """Return the grey levels in a box, as much of it as lies in the picture, one pixel at least."""
    x0, y0 = (max(0, min(round(v), side - 1)) for v, side in zip(box[:2], image.size, strict=True))
    x1, y1 = (min(round(v), side) for v, side in zip(box[2:], image.size, strict=True))
    return np.asarray(image.convert("L").crop((x0, y0, max(x1, x0 + 1), max(y1, y0 + 1))))
