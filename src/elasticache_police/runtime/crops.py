"""Where in a classic crop, one line in 50 x 700 pixels, the letters are."""

from __future__ import annotations

import numpy as np

from elasticache_police.runtime.lines import CAP_PX, LINE_PX, TOP_PX, LineWindow, median

__all__ = ["crop_window", "ink_extent"]

_STRONG = 24
"""How many of the darkest pixels of a row, or of the brightest, speak for it."""
_SHARE = 0.3


def ink_extent(line: np.ndarray) -> tuple[int, int, int, int]:
    """Return (x0, y0, x1, y1) of the letters of a crop: rows and columns that stand out from its ground.

    Args:
        line: uint8 (H, W).
    """
    width = line.shape[1]
    ink = np.abs(line.astype(np.int16) - np.int16(median(line)))
    padded = np.pad(ink, 1, mode="edge")
    upright = padded[:-2] + padded[1:-1] + padded[2:]
    nine = upright[:, :-2] + upright[:, 1:-1] + upright[:, 2:]
    strong = min(_STRONG, width)
    rows = np.partition(nine, width - strong, axis=1)[:, -strong:].mean(axis=1)
    y0, y1 = _extent(rows)
    strong = min(3, y1 - y0)
    columns = np.partition(nine[y0:y1].T, y1 - y0 - strong, axis=1)[:, -strong:].mean(axis=1)
    x0, x1 = _extent(columns)
    return x0, y0, x1, y1


def _extent(strength: np.ndarray) -> tuple[int, int]:
    low, high = float(strength.min()), float(strength.max())
    strong = np.flatnonzero(strength > low + _SHARE * (high - low))
    if not len(strong):
        return 0, len(strength)
    return int(strong[0]), int(strong[-1]) + 1


def crop_window(line: np.ndarray) -> LineWindow:
    """Return the reader's window over the letters of a crop, for the first look at it.

    Args:
        line: uint8 (H, W).
    """
    x0, y0, x1, y1 = ink_extent(line)
    cap = max(5.0, float(y1 - y0) - 1.0)
    scale = CAP_PX / cap
    width = -(-max(1, round((x1 - x0) * scale) + LINE_PX) // 16) * 16
    middle = (x0 + x1) / 2
    centre = (y0 + y1) / 2
    return LineWindow(
        x0=middle - width / scale / 2,
        y0=centre - (TOP_PX + CAP_PX / 2) / scale,
        width=width,
        scale_x=scale,
        scale_y=scale,
    )
