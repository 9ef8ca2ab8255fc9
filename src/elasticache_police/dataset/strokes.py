"""Strokes made thinner than a face has them: a hairline weight for every family, also for those that have none."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from elasticache_police.dataset.fonts import load

__all__ = ["MAGNIFIED_EM_PX", "stem", "thin_mask", "thinned"]

MAGNIFIED_EM_PX = 120
"""Letters are made thinner at about this em size, or their own where that is larger, and shrunk again."""
_INK = 127


@functools.lru_cache(maxsize=8192)
def stem(path: Path) -> float:
    """Return how thick the stem of a face's ``l`` is, in em."""
    box = load(path, 100).getbbox("l", anchor="ls")
    picture = Image.new("L", (max(1, round(box[2] - box[0])), max(1, round(box[3] - box[1]))))
    ImageDraw.Draw(picture).text((-box[0], -box[1]), "l", fill=255, font=load(path, 100), anchor="ls")
    rows = (np.asarray(picture) > _INK).sum(axis=1)
    rows = rows[rows > 0]
    return float(np.median(rows)) / 100 if len(rows) else 0.0


def _deletable() -> tuple[np.ndarray, np.ndarray]:
    """Return which pixels the two halves of a step take away, bool (256,), by their eight neighbours clockwise."""
    halves = np.zeros((2, 256), bool)
    for code in range(256):
        around = [code >> i & 1 for i in range(8)]  # from the one above, clockwise
        rises = sum(a == 0 and b == 1 for a, b in zip(around, around[1:] + around[:1], strict=True))
        if rises != 1 or not 2 <= sum(around) <= 6:
            continue
        up, right, down, left = around[0], around[2], around[4], around[6]
        halves[0, code] = not (up and right and down) and not (right and down and left)
        halves[1, code] = not (up and right and left) and not (up and down and left)
    return halves[0], halves[1]


_HALVES = _deletable()
_AROUND = ((0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0), (0, 0))


def thinned(ink: np.ndarray, steps: int) -> np.ndarray:
    """Take pixels off the outline of letters, without ever breaking a stroke.

    Args:
        ink: bool (H, W).
        steps: How often one pixel is taken off all around; a stroke of one pixel stays.

    Returns:
        bool (H, W).

    The thinning of Zhang and Suen (A fast parallel algorithm for thinning digital patterns, 1984), stopped early.
    """
    height, width = ink.shape
    now = ink.astype(np.uint8)
    for _ in range(steps):
        for half in _HALVES:
            padded = np.pad(now, 1)
            code = np.zeros((height, width), np.uint8)
            for bit, (dy, dx) in enumerate(_AROUND):
                code |= padded[dy : dy + height, dx : dx + width] << np.uint8(bit)
            now &= ~half[code]
    return now.astype(bool)


def thin_mask(
    pieces: list[tuple[float, str]], face: ImageFont.FreeTypeFont, *, thinner: float, offset: tuple[float, float]
) -> tuple[Image.Image, tuple[int, int]]:
    """Draw text with thinner strokes.

    Args:
        pieces: Of every piece of the text the x where it starts, in pixels, and what it says.
        face: The face at the size to draw at.
        thinner: Pixels that every stroke loses.
        offset: x and baseline of the text.

    Returns:
        The ink, 0..255, and the left and top pixel where it belongs.
    """
    times = max(1, round(MAGNIFIED_EM_PX / face.size))
    large = face.font_variant(size=face.size * times)
    x, baseline = offset[0] * times, offset[1] * times
    boxes = [large.getbbox(text, anchor="ls") for _, text in pieces]
    left = min(x + at * times + box[0] for (at, _), box in zip(pieces, boxes, strict=True))
    right = max(x + at * times + box[2] for (at, _), box in zip(pieces, boxes, strict=True))
    top, bottom = baseline + min(box[1] for box in boxes), baseline + max(box[3] for box in boxes)
    corner = (int(left // times) - 1, int(top // times) - 1)
    size = (int(right // times) + 2 - corner[0], int(bottom // times) + 2 - corner[1])
    picture = Image.new("L", (size[0] * times, size[1] * times))
    draw = ImageDraw.Draw(picture)
    for at, text in pieces:
        place = (x + at * times - corner[0] * times, baseline - corner[1] * times)
        draw.text(place, text, fill=255, font=large, anchor="ls")
    ink = thinned(np.asarray(picture) > _INK, round(thinner * times / 2))
    return Image.fromarray(ink.astype(np.uint8) * 255).reduce(times), corner
