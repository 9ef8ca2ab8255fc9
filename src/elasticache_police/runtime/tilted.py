"""Tilted pages, as a photographed slide or a crooked scan: how to tell one, and how it becomes upright.

The finder says of every cell of text where the capitals of its line begin and end, so two cells of one line tell how it
runs. The median over all such pairs tells how the page lies: too little, as the finder has an eye for level lines, so
what is found is stretched, and measured once more on the page turned so far.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from elasticache_police.runtime.proposals import HEIGHT_PX, MIN_CAP_PX, STRIDE, Proposal

__all__ = [
    "APART_CELLS",
    "APART_ON_A_LABEL",
    "LABEL_MARGIN_CAPS",
    "LEAST_LABEL_PAIRS",
    "LEAST_LABEL_TILT",
    "LEAST_PAIRS",
    "LEAST_TILT",
    "MOST_LABELS",
    "MOST_LABEL_TILT",
    "MOST_TILT",
    "ONE_LABEL",
    "OPPOSED",
    "QUARTER",
    "ROWS_ON_A_LABEL",
    "ROWS_ON_A_PAGE",
    "SAME_HEIGHT",
    "SAME_LABEL",
    "SAME_LABEL_HEIGHT",
    "SAME_LINE",
    "SAME_SLOPE",
    "STEEP",
    "STEEP_SURE",
    "STRETCH",
    "STRETCH_ON_A_LABEL",
    "TILTED",
    "TILT_LEVELS",
    "label_tilts",
    "measured",
    "plausible",
    "to_page",
    "upright_size",
]

TILTED = 5
"""A page, or a label on it, that lies askew; a number after those of the floors of isometric drawings."""
TILT_LEVELS = 3
"""So many levels of the pyramid, the finest first, tell of a tilt."""
APART_CELLS = 4
"""How far the cells of a pair are apart."""
ROWS_ON_A_PAGE = 1
"""So many rows of cells up or down it reaches."""
SAME_LINE = 0.7
"""A pair's heights on the page differ by no more than this, in heights of capitals: the next line is further."""
SAME_HEIGHT = 1.3
"""The taller of a pair's capitals are less than so many times the height of the other's."""
LEAST_PAIRS = 60
"""With fewer the page counts as level."""
OPPOSED = 8
"""A page is level when an eighth as many lines rise as fall, or the other way round: they are labels."""
SAME_SLOPE = 0.01
"""Pairs whose slopes differ by no more than this agree."""
STRETCH = 1.25
"""By this what is measured of a page is multiplied: of a tilt of a few degrees the finder shows 0.8, more or less."""
STRETCH_ON_A_LABEL = 1.12
"""By this what is measured of a label: of 5 degrees the finder shows three quarters, of 40 nine tenths."""
APART_ON_A_LABEL = 2
"""How far the cells of a pair are apart that tells how a single label lies."""
ROWS_ON_A_LABEL = 2
"""So many rows of cells up or down such a pair reaches, where that on a page reaches one: it may be steep."""
SAME_LABEL = 2.2
"""Its heights on the page differ by no more than this, in heights of capitals."""
SAME_LABEL_HEIGHT = 1.5
"""Its capitals and the label's are no more than so many times the height of each other."""
LEAST_LABEL_PAIRS = 6
"""With fewer a label counts as level: half of those at 45 degrees have nineteen, one in ten five."""
LEAST_LABEL_TILT, MOST_LABEL_TILT = 50, 1050
"""In thousandths of a radian: about 3 and 60 degrees. A label tilted less is read as it is."""
QUARTER = 1571
"""A quarter of a turn, in thousandths of a radian."""
STEEP = 400
"""Of places that the finder is less sure of, those count whose label is tilted by more, in thousandths of a radian: it
has an eye for level lines."""
STEEP_SURE = 0.7
"""So sure it has to be of these, as a share of what it has to be of any place."""
MOST_LABELS = 16
"""So many tilted labels of a page are turned, those that the finder is surest of."""
ONE_LABEL = 0.5
"""Intersection over union of the surroundings of two places above which they are of one label: on a steep one the
finder sees its name at three places or more."""
LABEL_MARGIN_CAPS = (5.0, 2.0)
"""What is looked at besides a tilted label, along and across it, in heights of capitals."""
LEAST_TILT, MOST_TILT = 18, 140
"""In thousandths of a radian: about 1 and 8 degrees. What is tilted less is read as it is; what seems tilted more is
something else."""


def measured(levels: Sequence[tuple[np.ndarray, float]]) -> int:
    """Return by how much a page seems to be turned clockwise, in thousandths of a radian.

    It is 0 when too little tells, when more lines are level than fall as the median does, or when some rise by as
    much: then labels lie along arrows, and the page is level.

    Args:
        levels: The finder's answer, float32 (H/8, W/8, 8), for every level of the pyramid, and page pixels per pixel
            of that level.
    """
    slopes = np.sort(
        np.concatenate([_slopes(cells, APART_CELLS, ROWS_ON_A_PAGE, SAME_LINE)[0] for cells, _ in levels[:TILT_LEVELS]])
    )
    if len(slopes) < LEAST_PAIRS:
        return 0
    middle = _median(slopes)
    agreeing, level, opposed = (
        np.count_nonzero(abs(slopes - slope) <= np.float32(SAME_SLOPE)) for slope in (middle, 0, -middle)
    )
    return _tilt(middle, STRETCH) if agreeing > max(level, OPPOSED * opposed) else 0


def label_tilts(
    levels: Sequence[tuple[np.ndarray, float]], places: Sequence[Proposal], *, margin: int = 0
) -> list[int]:
    """Return by how much the line at each place of a page seems to be turned clockwise, in thousandths of a radian.

    Args:
        levels: See :func:`measured`.
        places: Places on the page.
        margin: Pixels that the levels show around the page.
    """
    found = []
    for cells, scale in levels[:TILT_LEVELS]:
        fall, x, y, cap = _slopes(cells, APART_ON_A_LABEL, ROWS_ON_A_LABEL, SAME_LABEL)
        unit = np.float32(scale)
        found.append((fall, x * unit - margin, y * unit - margin, cap * unit))
    fall, x, y, cap = (np.concatenate(parts) for parts in zip(*found, strict=True))
    tilts = []
    for place in places:
        aside = x - (place.x0 + place.x1) / 2
        off = y - (place.y0 + place.y1) / 2 - STRETCH_ON_A_LABEL * fall * aside
        here = (
            (2 * abs(aside) <= place.x1 - place.x0)
            & (abs(off) <= SAME_LINE * place.cap_px)
            & (cap < SAME_LABEL_HEIGHT * place.cap_px)
            & (place.cap_px < SAME_LABEL_HEIGHT * cap)
        )
        slopes = np.sort(fall[here])
        tilts.append(_tilt(_median(slopes), STRETCH_ON_A_LABEL) if len(slopes) >= LEAST_LABEL_PAIRS else 0)
    return tilts


def _median(ordered: np.ndarray) -> np.float32:
    """Return the (lower) median of sorted numbers, float32 (N,)."""
    middle: np.float32 = ordered[(len(ordered) - 1) // 2]
    return middle


def _tilt(slope: np.float32, stretch: float) -> int:
    """Return the tilt that a slope of the finder's tells of, in thousandths of a radian."""
    return round(1000 * stretch * math.atan(float(slope)))


def plausible(tilt: int) -> int:
    """Return a tilt, or 0 when it is so small that the page counts as level, or too large to be one."""
    return tilt if LEAST_TILT <= abs(tilt) <= MOST_TILT else 0


def _slopes(
    cells: np.ndarray, apart: int, up_or_down: int, reach: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return of the lines of one level, by pairs of cells, how steeply they fall, x, y and height of capitals.

    Args:
        cells: The finder's answer, float32 (H/8, W/8, 8).
        apart: How many columns the cells of a pair are apart.
        up_or_down: How many rows at most.
        reach: A pair's heights on the page differ by no more than this, in heights of capitals.

    Returns:
        Each float32 (N,), in pixels of the level.
    """
    tall, wide = cells.shape[:2]
    rows, columns = np.nonzero(cells[..., 1] >= 0)
    picked = cells[rows, columns]
    heights = np.full((tall + 2 * up_or_down, wide + apart), -1, np.float32)  # a border of cells without text
    middles = np.zeros_like(heights)
    height = (picked[:, 4] + picked[:, 5]) * np.float32(HEIGHT_PX)
    middle = (rows * STRIDE + (picked[:, 5] - picked[:, 4]) * np.float32(HEIGHT_PX / 2)).astype(np.float32)
    heights[rows + up_or_down, columns], middles[rows + up_or_down, columns] = height, middle
    found = []
    for row in range(2 * up_or_down + 1):
        other = heights[rows + row, columns + apart]
        fall = middles[rows + row, columns + apart] - middle
        low, high = np.minimum(height, other), np.maximum(height, other)
        pair = (low >= MIN_CAP_PX) & (high < np.float32(SAME_HEIGHT) * low) & (abs(fall) <= np.float32(reach) * low)
        x = columns[pair] * STRIDE + np.float32((apart + 1) * STRIDE / 2)
        y = middle[pair] + fall[pair] / 2 + np.float32(STRIDE / 2)
        found.append((fall[pair] / np.float32(apart * STRIDE), x, y, (low + high)[pair] / 2))
    fall, x, y, cap = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return fall, x, y, cap


def upright_size(tilt: int, width: int, height: int) -> tuple[int, int]:
    """Return width and height of a whole page once it is upright."""
    cos, sin = abs(math.cos(tilt / 1000)), abs(math.sin(tilt / 1000))
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
