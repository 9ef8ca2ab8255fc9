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
    height, width = line.shape
    ink = np.abs(line.astype(np.float32) - np.float32(median(line)))
    padded = np.pad(ink, 1, mode="edge")
    total = sum(padded[1 + i : 1 + i + height, 1 + j : 1 + j + width] for i in (-1, 0, 1) for j in (-1, 0, 1))
    smooth = np.asarray(total) / np.float32(9)
    strong = min(_STRONG, width)
    rows = np.partition(smooth, width - strong, axis=1)[:, -strong:].mean(axis=1)
    y0, y1 = _extent(rows)
    strong = min(3, y1 - y0)
    columns = np.partition(smooth[y0:y1], y1 - y0 - strong, axis=0)[-strong:].mean(axis=0)
    x0, x1 = _extent(columns)
    return x0, y0, x1, y1


def _extent(strength: np.ndarray) -> tuple[int, int]:
    low, high = float(strength.min()), float(strength.max())
    strong = np.flatnonzero(strength > low + _SHARE * (high - low))
    if not len(strong):
        return 0, len(strength)
    return int(strong[0]), int(strong[-1]) + 1


def crop_window(line: np.ndarray) -> LineWindow:
    """Return the reader's window over the letters of a crop.

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
