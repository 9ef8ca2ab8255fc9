"""Where in a classic crop, one line in 50 x 700 pixels, the letters are."""

from __future__ import annotations

import numpy as np

from elasticache_police.runtime.lines import CAP_PX, LINE_PX, TOP_PX, LineWindow, median, whole_columns

__all__ = ["NEIGHBOURS", "SHORTEST_CAP_PX", "STRONG", "STRONG_OF_A_COLUMN", "TENTHS", "crop_window", "ink_extent"]

STRONG = 24
"""How many of the darkest pixels of a row, or of the brightest, speak for it."""
STRONG_OF_A_COLUMN = 3
"""How many of them speak for a column."""
TENTHS = 3
"""What stands out by more than so many tenths of what stands out most is a letter."""
NEIGHBOURS = 7
"""So many columns to either side tell noise from letters."""
SHORTEST_CAP_PX = 5.0
"""Letters less tall are looked at as if they were."""


def ink_extent(line: np.ndarray) -> tuple[int, int, int, int]:
    """Return (x0, y0, x1, y1) of the letters of a crop: rows and columns that stand out from its ground.

    First about which columns, since noise on a wide ground would drown faint letters; then within these which rows,
    and then which columns.

    Args:
        line: uint8 (H, W).
    """
    ink = np.abs(line.astype(np.int16) - np.int16(median(line)))
    nine = _of_nine(ink)
    left, right = _inked_columns(nine)
    nine = nine[:, left:right]
    weak = max(0, right - left - STRONG)
    y0, y1 = _extent(np.partition(nine, weak, axis=1)[:, weak:].sum(axis=1))
    x0, x1 = _extent(_sum_of_three(nine[y0:y1]))
    return left + x0, y0, left + x1, y1


def _inked_columns(nine: np.ndarray) -> tuple[int, int]:
    """Return between which columns a line is written on, with some of its ground on either side.

    What stands out most in a column is summed over its neighbours: letters stand side by side, noise does not.
    """
    width = nine.shape[1]
    greatest = nine.max(axis=0).astype(np.int64)
    summed = np.cumsum(np.concatenate([[0], *[greatest[:1]] * NEIGHBOURS, greatest, *[greatest[-1:]] * NEIGHBOURS]))
    around = summed[2 * NEIGHBOURS + 1 :] - summed[:width]
    x0, x1 = _extent(around)
    return max(0, x0 - NEIGHBOURS - 1), min(width, x1 + NEIGHBOURS + 1)


def _of_nine(ink: np.ndarray) -> np.ndarray:
    """Return the sum of every pixel and its eight neighbours; beyond the edges a picture goes on as it ends.

    Line by line into an array that is there already: to pad the picture first would take as long as all the sums.
    """
    three = ink.copy()
    three[1:] += ink[:-1]
    three[:-1] += ink[1:]
    three[0] += ink[0]
    three[-1] += ink[-1]
    nine = three.copy()
    nine[:, 1:] += three[:, :-1]
    nine[:, :-1] += three[:, 1:]
    nine[:, 0] += three[:, 0]
    nine[:, -1] += three[:, -1]
    return nine


def _sum_of_three(rows: np.ndarray) -> np.ndarray:
    """Return the sum of the three greatest values of every column, of fewer rows that of all, int (W,)."""
    weak = max(0, len(rows) - STRONG_OF_A_COLUMN)
    return np.asarray(np.partition(rows, weak, axis=0)[weak:].sum(axis=0))


def _extent(strength: np.ndarray) -> tuple[int, int]:
    """Return where the first number that stands out is, and where the last one ends; integers, so that none is near."""
    low, high = int(strength.min()), int(strength.max())
    strong = np.flatnonzero((strength.astype(np.int64) - low) * 10 > (high - low) * TENTHS)
    if not len(strong):
        return 0, len(strength)
    return int(strong[0]), int(strong[-1]) + 1


def crop_window(line: np.ndarray) -> LineWindow:
    """Return the reader's window over the letters of a crop, for the first look at it.

    Args:
        line: uint8 (H, W).
    """
    x0, y0, x1, y1 = ink_extent(line)
    cap = max(SHORTEST_CAP_PX, float(y1 - y0) - 1.0)
    scale = CAP_PX / cap
    width = whole_columns(round((x1 - x0) * scale) + LINE_PX)
    middle = (x0 + x1) / 2
    centre = (y0 + y1) / 2
    return LineWindow(
        x0=middle - width / scale / 2,
        y0=centre - (TOP_PX + CAP_PX / 2) / scale,
        width=width,
        scale_x=scale,
        scale_y=scale,
    )
