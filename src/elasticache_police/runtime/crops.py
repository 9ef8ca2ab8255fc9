"""Where in a classic crop, one line in 50 x 700 pixels, the letters are."""

from __future__ import annotations

import numpy as np

from elasticache_police.runtime.lines import CAP_PX, LINE_PX, TOP_PX, LineWindow, median, whole_columns

__all__ = ["SHARE", "SHORTEST_CAP_PX", "STRONG", "STRONG_OF_A_COLUMN", "crop_window", "ink_extent"]

STRONG = 24
"""How many of the darkest pixels of a row, or of the brightest, speak for it."""
STRONG_OF_A_COLUMN = 3
"""How many of them speak for a column."""
SHARE = 0.3
"""What stands out by more than this share of what stands out most is a letter."""
SHORTEST_CAP_PX = 5.0
"""Letters less tall are looked at as if they were."""


def ink_extent(line: np.ndarray) -> tuple[int, int, int, int]:
    """Return (x0, y0, x1, y1) of the letters of a crop: rows and columns that stand out from its ground.

    Args:
        line: uint8 (H, W).
    """
    width = line.shape[1]
    ink = np.abs(line.astype(np.int16) - np.int16(median(line)))
    nine = _of_nine(ink)
    strong = min(STRONG, width)
    rows = np.partition(nine, width - strong, axis=1)[:, -strong:].mean(axis=1)
    y0, y1 = _extent(rows)
    x0, x1 = _extent(_mean_of_three(nine[y0:y1]))
    return x0, y0, x1, y1


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


def _mean_of_three(rows: np.ndarray) -> np.ndarray:
    """Return the mean of the three greatest values of every column, of fewer rows that of all, float (W,).

    Row by row: for so few this is half the work of parting every column.
    """
    if len(rows) <= STRONG_OF_A_COLUMN:
        return np.asarray(rows.mean(axis=0))
    first, second, third = np.zeros((STRONG_OF_A_COLUMN, rows.shape[1]), rows.dtype)
    for row in rows:
        rest = np.minimum(first, row)
        np.maximum(first, row, out=first)
        spare = np.minimum(second, rest)
        np.maximum(second, rest, out=second)
        np.maximum(third, spare, out=third)
    return np.asarray((first + second + third) / STRONG_OF_A_COLUMN)


def _extent(strength: np.ndarray) -> tuple[int, int]:
    low, high = float(strength.min()), float(strength.max())
    strong = np.flatnonzero(strength > low + SHARE * (high - low))
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
