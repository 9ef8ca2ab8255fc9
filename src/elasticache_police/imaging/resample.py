"""Resampling that gives the same pixels with every version of Pillow, and in a deployed model's graph."""

from __future__ import annotations

import math

from PIL import Image

__all__ = ["resized"]


def resized(grey: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    """Return a part of a picture in another size, bilinear and antialiased: along rows first, then along columns.

    ``Image.resize`` makes the same two passes, but since Pillow 13 it begins with the columns where that is less work.
    Between the passes greys are rounded, so a quarter of all pixels would differ by one from what Pillow 12 and the
    graph of :mod:`elasticache_police.model.graph.resample` make of them.

    Args:
        grey: Mode ``L``.
        size: Width and height of the result.
        box: Left, top, right and bottom of the part, within the picture.
    """
    left, top, right, bottom = box
    width, height = size
    reach = max((bottom - top) / height, 1.0)
    first, last = max(0, math.floor(top - reach)), min(grey.height, math.ceil(bottom + reach))
    rows = grey.crop((0, first, grey.width, last))
    across = rows.resize((width, last - first), Image.Resampling.BILINEAR, box=(left, 0, right, last - first))
    return across.resize(size, Image.Resampling.BILINEAR, box=(0, top - first, width, bottom - first))
