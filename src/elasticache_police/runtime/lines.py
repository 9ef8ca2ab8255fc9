"""Cutting a line of text out of a page the way the reader wants it: one preprocessing for training and for use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from elasticache_police.imaging.resample import resized

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "CAP_PX",
    "COLUMNS_MULTIPLE",
    "FRAME_PX",
    "LINE_PX",
    "TOP_PX",
    "LineWindow",
    "cut",
    "median",
    "whole_columns",
]

LINE_PX = 32
"""Height of the reader's input."""
CAP_PX = 20
"""Height of capitals in it, when the line's height was measured right."""
TOP_PX = 5
"""Rows above the capitals."""
FRAME_PX = 2
"""Columns a frame of the reader's answer stands for."""
COLUMNS_MULTIPLE = 16
"""The reader's input is this many columns wide, or a multiple."""


@attrs.frozen
class LineWindow:
    """A rectangle of a page that becomes a reader's input of 32 rows.

    A column ``u`` of the input shows the page at ``x0 + u / scale_x``.
    """

    x0: float
    y0: float
    width: int
    """Columns of the input."""
    scale_x: float
    """Columns of the input per page pixel."""
    scale_y: float

    @classmethod
    def around(cls, *, top: float, baseline: float, x0: float, x1: float) -> LineWindow:
        """Return the window over a line whose capitals reach from ``top`` to ``baseline``, in page pixels."""
        scale = CAP_PX / max(1.0, baseline - top)
        width = whole_columns((x1 - x0) * scale)
        extra = (width / scale - (x1 - x0)) / 2
        return cls(x0=x0 - extra, y0=top - TOP_PX / scale, width=width, scale_x=scale, scale_y=scale)

    def look(self, stretch: float, shift: float) -> LineWindow:
        """Return the window of another look at the same line.

        Args:
            stretch: How much taller it is.
            shift: How much lower, in heights of capitals.
        """
        cap = CAP_PX / self.scale_y
        top = self.y0 + TOP_PX / self.scale_y - cap * (stretch - 1) / 2 + cap * shift
        x1 = self.x0 + self.width / self.scale_x
        return LineWindow.around(top=top, baseline=top + cap * stretch, x0=self.x0, x1=x1)

    def page_x(self, column: float) -> float:
        """Return the page's x of a column of the input."""
        return self.x0 + column / self.scale_x


def whole_columns(columns: float) -> int:
    """Return how wide an input is that shows so many columns: at least one, and a multiple."""
    return -(-max(1, round(columns)) // COLUMNS_MULTIPLE) * COLUMNS_MULTIPLE


def cut(grey: Image.Image, window: LineWindow) -> np.ndarray:
    """Return a window of a page, resampled; what lies outside of the page gets the median grey of what lies inside.

    Args:
        grey: The page, mode ``L``.
        window: What to cut.

    Returns:
        uint8 (32, window.width).
    """
    width, height = grey.size
    x1 = window.x0 + window.width / window.scale_x
    y1 = window.y0 + LINE_PX / window.scale_y
    left, top = max(0.0, window.x0), max(0.0, window.y0)
    right, bottom = min(float(width), x1), min(float(height), y1)
    if right - left < 1 or bottom - top < 1:
        return np.full((LINE_PX, window.width), 255, np.uint8)
    u0, u1 = round((left - window.x0) * window.scale_x), round((right - window.x0) * window.scale_x)
    v0, v1 = round((top - window.y0) * window.scale_y), round((bottom - window.y0) * window.scale_y)
    u1, v1 = max(u1, u0 + 1), max(v1, v0 + 1)
    part = np.asarray(resized(grey, (u1 - u0, v1 - v0), (left, top, right, bottom)))
    if part.shape == (LINE_PX, window.width):
        return part
    out = np.full((LINE_PX, window.width), median(part), np.uint8)
    out[v0 : v0 + part.shape[0], u0 : u0 + part.shape[1]] = part[: LINE_PX - v0, : window.width - u0]
    return out


def median(grey: np.ndarray) -> int:
    """Return the (lower) median of some greys, uint8 of any shape, not empty."""
    middle = (grey.size - 1) // 2
    # A corner is mostly the ground, and the ground mostly the median: two comparisons tell. Else halve what is left.
    corner = grey.flat[0]
    if np.count_nonzero(grey < corner) <= middle < np.count_nonzero(grey <= corner):
        return int(corner)
    low, high = 0, 255
    while low < high:
        guess = (low + high) // 2
        if np.count_nonzero(grey <= guess) > middle:
            high = guess
        else:
            low = guess + 1
    return low
