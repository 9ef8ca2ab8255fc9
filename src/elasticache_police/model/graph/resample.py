"""Pillow's bilinear resampling and halving of 8-bit grey, to the bit.

Pillow resamples in two passes with weights of 22 binary digits and 8-bit values between the passes;
:mod:`elasticache_police.imaging.resample` has it begin with the rows. The same integers are computed here: a tap is a
pixel that has a share in a pixel of the result. See ``Resample.c`` and ``Reduce.c`` of Pillow.
"""

from __future__ import annotations

import tensorflow as tf

__all__ = ["halve", "lower_median", "resize"]

_PRECISION_BITS = 22
_HALF = 1 << (_PRECISION_BITS - 1)


def resize(
    grey: tf.Tensor, box: tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], size: tuple[tf.Tensor, tf.Tensor]
) -> tf.Tensor:
    """Return a part of a picture in another size: :func:`elasticache_police.imaging.resample.resized`.

    Args:
        grey: uint8 (H, W).
        box: Left, top, right and bottom of the part, float64 scalars; Pillow takes them as float32.
        size: Height and width of the result, int32 scalars.

    Returns:
        uint8 of that size.
    """
    left, top, right, bottom = box
    shape = tf.shape(grey)
    reach = tf.maximum((bottom - top) / tf.cast(size[0], tf.float64), 1.0)
    first = tf.maximum(0, tf.cast(tf.floor(top - reach), tf.int32))
    last = tf.minimum(shape[0], tf.cast(tf.math.ceil(bottom + reach), tf.int32))
    above = tf.cast(first, tf.float64)
    columns, column_weights = _taps(shape[1], left, right, size[1])
    rows, row_weights = _taps(last - first, top - above, bottom - above, size[0])
    across = _weighted(tf.gather(grey[first:last], columns, axis=1), column_weights[tf.newaxis], axis=2)
    return tf.cast(_weighted(tf.gather(across, rows, axis=0), row_weights[:, :, tf.newaxis], axis=1), tf.uint8)


def _taps(length: tf.Tensor, start: tf.Tensor, stop: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return int32 (count, K): the taps of each pixel of the result, and their weights."""
    start, stop = tf.cast(start, tf.float32), tf.cast(stop, tf.float32)
    scale = tf.cast(stop - start, tf.float64) / tf.cast(count, tf.float64)
    support = tf.maximum(scale, 1.0)
    centre = tf.cast(start, tf.float64) + (tf.cast(tf.range(count), tf.float64) + 0.5) * scale
    first = tf.maximum(tf.cast(centre - support + 0.5, tf.int32), 0)
    after = tf.minimum(tf.cast(centre + support + 0.5, tf.int32), length)
    places = first[:, tf.newaxis] + tf.range(tf.cast(tf.math.ceil(support), tf.int32) * 2 + 1)
    distance = (tf.cast(places, tf.float64) - centre[:, tf.newaxis] + 0.5) * (1.0 / support)
    weights = tf.maximum(1.0 - tf.abs(distance), 0.0)
    weights = tf.where(places < after[:, tf.newaxis], weights, tf.zeros_like(weights))
    weights /= tf.reduce_sum(weights, axis=1, keepdims=True)
    whole = tf.cast(0.5 + weights * float(1 << _PRECISION_BITS), tf.int32)
    return tf.minimum(places, length - 1), whole


def _weighted(values: tf.Tensor, weights: tf.Tensor, *, axis: int) -> tf.Tensor:
    total = tf.reduce_sum(tf.cast(values, tf.int32) * weights, axis=axis) + _HALF
    return tf.clip_by_value(tf.bitwise.right_shift(total, _PRECISION_BITS), 0, 255)


def halve(grey: tf.Tensor) -> tf.Tensor:
    """Return a picture at half its size, odd sizes rounded up: ``Image.reduce(2)``.

    Args:
        grey: uint8 (H, W).
    """
    odd = tf.shape(grey) % 2
    x = tf.cast(tf.pad(grey, [[0, odd[0]], [0, odd[1]]], mode="SYMMETRIC"), tf.int32)
    total = x[0::2, 0::2] + x[0::2, 1::2] + x[1::2, 0::2] + x[1::2, 1::2]
    return tf.cast(tf.bitwise.right_shift(total + 2, 2), tf.uint8)


def lower_median(grey: tf.Tensor) -> tf.Tensor:
    """Return the lower median of some uint8 greys, an int32 scalar: :func:`elasticache_police.runtime.lines.median`."""
    counts = tf.math.bincount(tf.reshape(tf.cast(grey, tf.int32), [-1]), minlength=256, maxlength=256)
    half = (tf.size(grey) + 1) // 2
    return tf.reduce_sum(tf.cast(tf.cumsum(counts) < half, tf.int32))
