"""Windows over lines of text, and cutting them out: ``runtime.lines`` and ``runtime.crops`` as a graph."""

from __future__ import annotations

import attrs
import numpy as np
import tensorflow as tf

from elasticache_police.model.graph.resample import lower_median, resize
from elasticache_police.runtime.crops import NEIGHBOURS, SHORTEST_CAP_PX, STRONG, STRONG_OF_A_COLUMN, TENTHS
from elasticache_police.runtime.judging import LOOKS, MARGIN_CAPS
from elasticache_police.runtime.lines import CAP_PX, COLUMNS_MULTIPLE, LINE_PX, TOP_PX

__all__ = ["Window", "crop_window", "cut", "ink_extent", "look_again", "window_of"]


_LOOKS = np.array(LOOKS)  # no tensor: what a function captures is saved under a number of this process


@attrs.frozen(eq=False)
class Window:
    """A rectangle of a page that becomes a reader's input; see :class:`elasticache_police.runtime.lines.LineWindow`."""

    x0: tf.Tensor
    """float64 scalar, page pixels."""
    y0: tf.Tensor
    """float64 scalar, page pixels."""
    width: tf.Tensor
    """int32 scalar, columns of the input."""
    scale: tf.Tensor
    """float64 scalar, columns and rows of the input per page pixel."""


def _up(columns: tf.Tensor) -> tf.Tensor:
    """Return columns, a float64 whole number, as int32 rounded up to whole multiples."""
    return (tf.cast(columns, tf.int32) + (COLUMNS_MULTIPLE - 1)) // COLUMNS_MULTIPLE * COLUMNS_MULTIPLE


def window_of(place: tf.Tensor, look: tf.Tensor) -> Window:
    """Return the part of the page that a look at a place shows: :func:`elasticache_police.runtime.judging.window_of`.

    Args:
        place: (5,): score, x0, y0, x1, y1.
        look: Which of :data:`elasticache_police.runtime.judging.LOOKS`, int32.
    """
    _, left, y0, right, y1 = tf.unstack(tf.cast(place, tf.float64))
    cap = y1 - y0
    stretch, shift = tf.unstack(tf.gather(_LOOKS, look))
    margin, grown, moved = MARGIN_CAPS * cap, cap * (stretch - 1) / 2, cap * shift
    return _around(top=y0 - grown + moved, baseline=y1 + grown + moved, x0=left - margin, x1=right + margin)


def look_again(window: Window, look: tf.Tensor) -> Window:
    """Return the window of another look at the same line: :meth:`elasticache_police.runtime.lines.LineWindow.look`.

    Args:
        window: That of the first look.
        look: Which of :data:`elasticache_police.runtime.judging.LOOKS`, int32.
    """
    stretch, shift = tf.unstack(tf.gather(_LOOKS, look))
    cap = CAP_PX / window.scale
    top = window.y0 + TOP_PX / window.scale - cap * (stretch - 1) / 2 + cap * shift
    x1 = window.x0 + tf.cast(window.width, tf.float64) / window.scale
    return _around(top=top, baseline=top + cap * stretch, x0=window.x0, x1=x1)


def _around(*, top: tf.Tensor, baseline: tf.Tensor, x0: tf.Tensor, x1: tf.Tensor) -> Window:
    """Return the window over a line: :meth:`elasticache_police.runtime.lines.LineWindow.around`."""
    scale = CAP_PX / tf.maximum(tf.constant(1.0, tf.float64), baseline - top)
    width = _up(tf.maximum(tf.constant(1.0, tf.float64), tf.round((x1 - x0) * scale)))
    extra = (tf.cast(width, tf.float64) / scale - (x1 - x0)) / 2
    return Window(x0=x0 - extra, y0=top - TOP_PX / scale, width=width, scale=scale)


def cut(grey: tf.Tensor, window: Window) -> tf.Tensor:
    """Return a window of a page, resampled: :func:`elasticache_police.runtime.lines.cut`.

    Args:
        grey: uint8 (H, W).
        window: What to cut.

    Returns:
        uint8 (32, window.width).
    """
    size = tf.cast(tf.shape(grey), tf.float64)
    zero = tf.constant(0.0, tf.float64)
    left, top = tf.maximum(zero, window.x0), tf.maximum(zero, window.y0)
    right = tf.minimum(size[1], window.x0 + tf.cast(window.width, tf.float64) / window.scale)
    bottom = tf.minimum(size[0], window.y0 + LINE_PX / window.scale)

    def place(edge: tf.Tensor, origin: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.round((edge - origin) * window.scale), tf.int32)

    def inside() -> tf.Tensor:
        u0, v0 = place(left, window.x0), place(top, window.y0)
        u1 = tf.maximum(place(right, window.x0), u0 + 1)
        v1 = tf.maximum(place(bottom, window.y0), v0 + 1)
        part = resize(grey, (left, top, right, bottom), (v1 - v0, u1 - u0))
        ground = tf.cast(lower_median(part), tf.uint8)
        part = part[: LINE_PX - v0, : window.width - u0]
        rows, columns = tf.unstack(tf.shape(part))
        around = [[v0, LINE_PX - v0 - rows], [u0, window.width - u0 - columns]]
        return tf.pad(part, around, constant_values=ground)

    def outside() -> tf.Tensor:
        return tf.fill([LINE_PX, window.width], tf.constant(255, tf.uint8))

    line = tf.cond(tf.logical_or(right - left < 1, bottom - top < 1), outside, inside)
    return tf.ensure_shape(line, [LINE_PX, None])


def ink_extent(line: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return x0, y0, x1, y1 of the letters of a crop, int32: :func:`elasticache_police.runtime.crops.ink_extent`.

    Args:
        line: uint8 (H, W).
    """
    ink = tf.abs(tf.cast(line, tf.int32) - tf.cast(lower_median(line), tf.int32))
    padded = tf.pad(ink, [[1, 1], [1, 1]], mode="SYMMETRIC")  # by one pixel this is what repeats the edge
    three = padded[:-2] + padded[1:-1] + padded[2:]
    nine = three[:, :-2] + three[:, 1:-1] + three[:, 2:]
    left, right = _inked_columns(nine)
    nine = nine[:, left:right]
    y0, y1 = _extent(_of_strongest(nine, tf.minimum(STRONG, right - left)))
    x0, x1 = _extent(_of_strongest(tf.transpose(nine[y0:y1]), tf.minimum(STRONG_OF_A_COLUMN, y1 - y0)))
    return left + x0, y0, left + x1, y1


def _inked_columns(nine: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return between which columns a line is written on, as :mod:`elasticache_police.runtime.crops` does."""
    greatest = tf.reduce_max(nine, axis=0)
    width = tf.size(greatest)
    ends = tf.fill([NEIGHBOURS], greatest[0]), tf.fill([NEIGHBOURS], greatest[-1])
    summed = tf.cumsum(tf.concat([[0], ends[0], greatest, ends[1]], axis=0))
    x0, x1 = _extent(summed[2 * NEIGHBOURS + 1 :] - summed[:width])
    return tf.maximum(0, x0 - NEIGHBOURS - 1), tf.minimum(width, x1 + NEIGHBOURS + 1)


def _of_strongest(sums: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Return the sum of the greatest values of each row, int32 (rows,)."""
    return tf.reduce_sum(tf.math.top_k(sums, count).values, axis=1)


def _extent(strength: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    low, high = tf.reduce_min(strength), tf.reduce_max(strength)
    strong = tf.cast(tf.where((strength - low) * 10 > (high - low) * TENTHS)[:, 0], tf.int32)
    length = tf.size(strength)
    first, last = tf.reduce_min(strong), tf.reduce_max(strong)
    empty = tf.equal(tf.size(strong), 0)
    return tf.where(empty, 0, first), tf.where(empty, length, last + 1)


def crop_window(line: tf.Tensor) -> Window:
    """Return the reader's window over the letters of a crop: :func:`elasticache_police.runtime.crops.crop_window`.

    Args:
        line: uint8 (H, W).
    """
    x0, y0, x1, y1 = (tf.cast(edge, tf.float64) for edge in ink_extent(line))
    scale = CAP_PX / tf.maximum(tf.constant(SHORTEST_CAP_PX, tf.float64), y1 - y0 - 1.0)
    width = _up(tf.maximum(tf.constant(1.0, tf.float64), tf.round((x1 - x0) * scale) + LINE_PX))
    return Window(
        x0=(x0 + x1) / 2 - tf.cast(width, tf.float64) / scale / 2,
        y0=(y0 + y1) / 2 - (TOP_PX + CAP_PX / 2) / scale,
        width=width,
        scale=scale,
    )
