"""Pixels to network inputs: grey pages and the classic 50 x 700 line."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from elasticache_police.imaging.pages import open_pages
from elasticache_police.imaging.resample import resized

if TYPE_CHECKING:
    from elasticache_police.imaging.sources import ImageInput

__all__ = ["LINE_HEIGHT", "LINE_WIDTH", "crop_to_line", "crop_to_tensor", "line_to_tensor", "to_grey"]

LINE_HEIGHT = 50
"""Height of the classic crop, in pixels."""
LINE_WIDTH = 700
"""Width of the classic crop, in pixels."""


def to_grey(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return a page as grey pixels.

    Args:
        image: Mode RGB, as :func:`~elasticache_police.imaging.open_pages` yields it.

    Returns:
        uint8 (H, W), luma of ITU-R BT.601: ``(299 R + 587 G + 114 B) / 1000``.
    """
    return np.asarray(image.convert("L"))


def crop_to_line(crop: ImageInput) -> npt.NDArray[np.uint8]:
    """Bring a picture of one line of text onto the classic line.

    A picture of 50 x 700 pixels stays as it is. Any other is scaled to fit, keeping its proportions, and set at the
    left, in the middle of the height; the rest is filled with the median of the picture's edge, its background.

    Args:
        crop: Anything :func:`~elasticache_police.imaging.open_pages` accepts; the first page of several.

    Returns:
        uint8 (50, 700), grey.

    Raises:
        ImageError: It cannot be read.
    """
    if isinstance(crop, np.ndarray) and crop.dtype == np.uint8 and crop.shape == (LINE_HEIGHT, LINE_WIDTH):
        return np.array(crop, np.uint8)  # the classic line itself: nothing to do
    with contextlib.closing(open_pages(crop, grey=True)) as pages:  # lets go of the file
        grey = next(pages)
    if grey.size == (LINE_WIDTH, LINE_HEIGHT):
        return np.asarray(grey)
    scale = min(LINE_HEIGHT / grey.height, LINE_WIDTH / grey.width)
    width = min(max(round(grey.width * scale), 1), LINE_WIDTH)
    height = min(max(round(grey.height * scale), 1), LINE_HEIGHT)
    line = Image.new("L", (LINE_WIDTH, LINE_HEIGHT), _background(np.asarray(grey)))
    line.paste(resized(grey, (width, height), (0, 0, *grey.size)), (0, (LINE_HEIGHT - height) // 2))
    return np.asarray(line)


def line_to_tensor(line: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return a grey line, or a batch of lines, as the network takes it.

    Args:
        line: uint8 (..., 50, 700).

    Returns:
        float32 (..., 50, 700, 1) in [-1, 1]: ``(value - 127.5) / 127.5``.
    """
    return ((line.astype(np.float32) - np.float32(127.5)) / np.float32(127.5))[..., np.newaxis]


def crop_to_tensor(crop: ImageInput) -> npt.NDArray[np.float32]:
    """Return any crop as the network takes it: :func:`crop_to_line`, then :func:`line_to_tensor`.

    Returns:
        float32 (50, 700, 1) in [-1, 1].

    Raises:
        ImageError: It cannot be read.
    """
    return line_to_tensor(crop_to_line(crop))


def _background(grey: npt.NDArray[np.uint8]) -> int:
    edge = np.sort(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))
    return (int(edge[(len(edge) - 1) // 2]) + int(edge[len(edge) // 2])) // 2
