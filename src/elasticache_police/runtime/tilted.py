"""Tilted pages, as a photographed slide or a crooked scan: how to tell one, and how it becomes upright.

The finder says of every cell of text where the capitals of its line begin and end, so two cells of one line tell how it
runs. The median over all such pairs tells how the page lies: too little, as the finder has an eye for level lines, so
what is found is stretched, and measured once more on the page turned so far.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from elasticache_police.runtime.proposals import HEIGHT_PX, MIN_CAP_PX, STRIDE

__all__ = [
    "APART_CELLS",
    "LEAST_PAIRS",
    "LEAST_TILT",
    "MOST_TILT",
    "SAME_HEIGHT",
    "SAME_LINE",
    "SAME_SLOPE",
    "STRETCH",
    "TILTED",
    "TILT_LEVELS",
    "measured",
    "plausible",
    "to_page",
    "upright_size",
]

TILTED = 5
"""A whole page that lies askew; a number after those of the floors of isometric drawings."""
TILT_LEVELS = 3
"""So many levels of the pyramid, the finest first, tell of a tilt."""
APART_CELLS = 4
"""How far the cells of a pair are apart."""
SAME_LINE = 0.7
"""A pair's heights on the page differ by no more than this, in heights of capitals: the next line is further."""
SAME_HEIGHT = 1.3
"""The taller of a pair's capitals are less than so many times the height of the other's."""
LEAST_PAIRS = 60
"""With fewer the page counts as level."""
SAME_SLOPE = 0.01
"""Pairs whose slopes differ by no more than this agree."""
STRETCH = 1.6
"""By this what is measured is multiplied: of tilts between 1 and 6 degrees the finder shows 0.55 to 0.6."""
LEAST_TILT, MOST_TILT = 18, 140
"""In thousandths of a radian: about 1 and 8 degrees. What is tilted less is read as it is; what seems tilted more is
something else."""


def measured(levels: Sequence[tuple[np.ndarray, float]]) -> int:
    """Return by how much a page seems to be turned clockwise, in thousandths of a radian.

    It is 0 when too little tells, or when more lines are level than fall as the median does: then some labels lie along
    arrows, and the page is level.

    Args:
        levels: The finder's answer, float32 (H/8, W/8, 8), for every level of the pyramid, and page pixels per pixel
            of that level.
    """
    slopes = np.sort(np.concatenate([_slopes(cells) for cells, _ in levels[:TILT_LEVELS]]))
    if len(slopes) < LEAST_PAIRS:
        return 0
    middle = slopes[(len(slopes) - 1) // 2]
    agreeing, level = (np.count_nonzero(abs(slopes - slope) <= np.float32(SAME_SLOPE)) for slope in (middle, 0))
    return round(1000 * STRETCH * math.atan(float(middle))) if agreeing > level else 0


def plausible(tilt: int) -> int:
    """Return a tilt, or 0 when it is so small that the page counts as level, or too large to be one."""
    return tilt if LEAST_TILT <= abs(tilt) <= MOST_TILT else 0


def _slopes(cells: np.ndarray) -> np.ndarray:
    """Return how steeply the lines of one level fall, by pairs of cells, float32 (N,)."""
    tall, wide = cells.shape[:2]
    rows, columns = np.nonzero(cells[..., 1] >= 0)
    picked = cells[rows, columns]
    heights = np.full((tall + 2, wide + APART_CELLS), -1, np.float32)  # a border of cells without text
    middles = np.zeros_like(heights)
    heights[rows + 1, columns] = (picked[:, 4] + picked[:, 5]) * np.float32(HEIGHT_PX)
    middles[rows + 1, columns] = rows * STRIDE + (picked[:, 5] - picked[:, 4]) * np.float32(HEIGHT_PX / 2)
    height, middle = heights[rows + 1, columns], middles[rows + 1, columns]
    found = []
    for step in (0, 1, 2):
        other = heights[rows + step, columns + APART_CELLS]
        fall = middles[rows + step, columns + APART_CELLS] - middle
        low, high = np.minimum(height, other), np.maximum(height, other)
        pair = (low >= MIN_CAP_PX) & (high < np.float32(SAME_HEIGHT) * low) & (abs(fall) <= np.float32(SAME_LINE) * low)
        found.append(fall[pair] / np.float32(APART_CELLS * STRIDE))
    return np.concatenate(found)


def upright_size(tilt: int, width: int, height: int) -> tuple[int, int]:
    """Return width and height of a whole page once it is upright."""
    cos, sin = math.cos(tilt / 1000), abs(math.sin(tilt / 1000))
    return math.ceil(cos * width + sin * height), math.ceil(sin * width + cos * height)


def to_page(tilt: int, width: int, height: int) -> tuple[float, float, float, float, float, float]:
    """Return (a, b, c, d, e, f): the point (u, v) of the upright page is (a u + b v + c, d u + e v + f) of the page.

    Args:
        tilt: By how much the page is turned clockwise, in thousandths of a radian.
        width: Pixels of the page.
        height: Pixels of the page.
    """
    cos, sin = math.cos(tilt / 1000), math.sin(tilt / 1000)
    wide, tall = upright_size(tilt, width, height)
    return (
        *(cos, -sin, (width - cos * wide + sin * tall) / 2),
        *(sin, cos, (height - sin * wide - cos * tall) / 2),
    )
