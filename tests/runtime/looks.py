"""Frames as the reader would give them, without a reader."""

from __future__ import annotations

import numpy as np

from elasticache_police.runtime.alphabet import BLANK, CLASSES, encode

__all__ = ["BLANKS", "frames_of"]

BLANKS = 20
"""Frames that say nothing, before a text and after it."""


def frames_of(text: str, *, sure: float = 0.9999) -> np.ndarray:
    """Return frames that say a text far from both ends of the line, a blank around each character."""
    rows = np.full((2 * len(text) + 1, CLASSES), (1 - sure) / (CLASSES - 1))
    rows[::2, BLANK] = sure
    rows[np.arange(1, len(rows), 2), encode(text)] = sure
    nothing = np.full((BLANKS, CLASSES), 1e-6 / CLASSES)
    nothing[:, BLANK] = 1 - 1e-6
    return np.vstack([nothing, rows, nothing])
