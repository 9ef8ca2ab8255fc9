"""What happens to a drawn page before somebody looks at it: blur, noise, JPEG, faded contrast, sharpening."""

from __future__ import annotations

import io
import random

import numpy as np
from PIL import Image, ImageFilter

__all__ = ["degrade"]


def degrade(grey: np.ndarray, rng: random.Random, noise: np.random.Generator, *, max_blur_px: float) -> np.ndarray:
    """Return a degraded copy of a grey page.

    Args:
        grey: uint8 (H, W).
        rng: The sample's own generator, for choices.
        noise: The sample's own generator, for pixels.
        max_blur_px: Largest radius of blur; what a person cannot read teaches nothing but guessing.
    """
    image = Image.fromarray(grey)
    if rng.random() < 0.12:
        # Sub-pixel (LCD) antialiasing, seen in grey, is a short blur along the line.
        image = image.filter(ImageFilter.Kernel((3, 3), (0, 0, 0, 1, rng.choice([2, 4]), 1, 0, 0, 0)))
    if rng.random() < 0.06:
        image = _fade(image, rng)
    chance = rng.random()
    if chance < 0.22:
        image = image.filter(ImageFilter.GaussianBlur(max_blur_px * rng.choice([0.3, 0.5, 0.7, 0.85, 1.0])))
    elif chance < 0.30:
        image = image.filter(
            ImageFilter.UnsharpMask(radius=rng.choice([1, 2]), percent=rng.choice([50, 100, 150]), threshold=0)
        )
    if rng.random() < 0.12:
        values = np.asarray(image, np.float32)
        values = values + noise.normal(0, rng.choice([2.0, 5.0, 9.0, 14.0]), values.shape).astype(np.float32)
        image = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    if rng.random() < 0.1:
        low, high = rng.randint(0, 90), rng.randint(170, 255)
        values = np.asarray(image, np.float32)
        image = Image.fromarray((low + values * (high - low) / 255).astype(np.uint8))
    if rng.random() < 0.3:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=rng.choice([25, 40, 55, 70, 80, 90]))
        buffer.seek(0)
        image = Image.open(buffer)
        image.load()
    return np.asarray(image)


def _fade(image: Image.Image, rng: random.Random) -> Image.Image:
    """Let a page fade out to one side, as cards and carousels do, but not so far that nobody could read it."""
    width, height = image.size
    across = rng.random() < 0.6
    length = width if across else height
    start, end = sorted((rng.uniform(-0.3, 1.0), rng.uniform(0.2, 1.5)))
    ramp = np.clip((np.arange(length) / length - start) / max(0.05, end - start), 0, 1).astype(np.float32)
    ramp = 1 - rng.uniform(0.4, 0.82) * ramp
    if rng.random() < 0.5:
        ramp = ramp[::-1]
    share = ramp[None, :] if across else ramp[:, None]
    ground = rng.choice([0, 255, 255, int(np.median(np.asarray(image)))])
    values = np.asarray(image, np.float32) * share + ground * (1 - share)
    return Image.fromarray(values.astype(np.uint8))
