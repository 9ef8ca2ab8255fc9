"""Isometric drawings: how to tell one, and how its labels, drawn on the floor, become plain text.

Both directions of the floor lie 30 degrees from the horizontal there. A label's baseline follows one of them and the
stems of its letters the other. One affine map takes the first to the horizontal and the second to the vertical.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = [
    "FALLING",
    "LEAN",
    "LEAST_SHARE",
    "REACH_DEGREES",
    "RISING",
    "ROWS_APART",
    "SLOPE",
    "STEEP",
    "is_isometric",
    "to_page",
    "upright_size",
]

RISING, FALLING = 3, 4
"""A baseline that goes up to the right, and one that goes down; numbers after those of quarter turns."""
SLOPE = math.sqrt(1 / 3)
LEAN = math.sqrt(3 / 4)
ROWS_APART = 4
"""Every fourth row is looked at: enough for a share."""
STEEP = 24
"""Differences of grey, across and down together, above which there is an edge."""
REACH_DEGREES = 3.0
LEAST_SHARE = 0.045
"""Share of all edges, by strength, that lie in either direction of the floor. Drawings have 7 % and more in each, other
pictures 3 % and less."""


def is_isometric(grey: np.ndarray) -> bool:
    """Return whether a page is an isometric drawing: many of its edges follow both directions of the floor.

    Args:
        grey: uint8 (H, W).
    """
    if min(grey.shape) < ROWS_APART:
        return False
    middle = grey[1:-1:ROWS_APART].astype(np.int16)
    across = middle[:, 2:] - middle[:, :-2]
    down = (grey[2::ROWS_APART].astype(np.int16) - grey[:-2:ROWS_APART])[:, 1:-1]
    edge = np.abs(across) + np.abs(down) > STEEP
    x, y = across[edge].astype(np.float32), down[edge].astype(np.float32)
    strength = np.hypot(x, y)
    near = np.float32(math.cos(math.radians(REACH_DEGREES))) * strength
    # The normal of an edge that rises by 30 degrees points 60 degrees down to the right.
    along, up = np.float32(0.5) * x, np.float32(LEAN) * y
    shares = [float(strength[np.abs(up + sign * along) >= near].sum()) for sign in (1, -1)]
    return min(shares) > LEAST_SHARE * (float(strength.sum()) + 1.0)


def upright_size(width: int, height: int) -> tuple[int, int]:
    """Return width and height of a whole page once its labels are plain."""
    return math.ceil(0.5 * width + LEAN * height), math.ceil(height + SLOPE * width)


def to_page(turn: int, width: int, height: int) -> tuple[float, float, float, float, float, float]:
    """Return (a, b, c, d, e, f): the point (u, v) of the plain picture is (a u + b v + c, d u + e v + f) of the page.

    Args:
        turn: ``RISING`` or ``FALLING``.
        width: Pixels of the page.
        height: Pixels of the page.
    """
    if turn == FALLING:
        v0 = SLOPE * width
        return 1.0, -LEAN, LEAN * v0, SLOPE, 0.5, -0.5 * v0
    u0 = LEAN * height
    return 1.0, LEAN, -u0, -SLOPE, 0.5, SLOPE * u0
