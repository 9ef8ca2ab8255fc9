"""A place and its looks as a PNG, for a client to judge; :mod:`elasticache_police.runtime.packed` has the layout."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from elasticache_police.runtime.packed import HEADER_BYTES, KEPT, LEAST, LEAST_OF_THE_REST

__all__ = ["pack"]


def pack(place: tf.Tensor, page: tf.Tensor, region: tf.Tensor, looks: Sequence[tf.Tensor]) -> tf.Tensor:
    """Return a place as a PNG.

    Args:
        place: float32 (5,): score, x0, y0, x1, y1.
        page: uint8 (H, W), the page or the upright part of it that was looked at.
        region: int32 (6,), how that part lies on the page; see :func:`elasticache_police.model.graph.places.on_page`.
        looks: For each look float32 (T, CLASSES), each row a distribution.

    Returns:
        string scalar.
    """
    shape = tf.shape(page)
    counts = [tf.shape(look)[0] for look in looks]
    integers = tf.concat([tf.stack([shape[1], shape[0], *counts]), region], axis=0)
    header = tf.concat([tf.reshape(tf.bitcast(values, tf.uint8), [-1]) for values in (place, integers)], axis=0)
    width = tf.reduce_max(tf.stack([HEADER_BYTES, *counts]))
    rows = [header[tf.newaxis], *(_rows(look) for look in looks)]
    wide = [tf.pad(part, [[0, 0], [0, width - tf.shape(part)[1]]]) for part in rows]
    return tf.io.encode_png(tf.concat(wide, axis=0)[..., tf.newaxis], compression=9)


def _rows(frames: tf.Tensor) -> tf.Tensor:
    """Return uint8 (3 * KEPT, T): classes, upper bytes, lower bytes."""
    best, classes = tf.math.top_k(frames, KEPT)
    seen = best >= LEAST
    best = tf.where(seen, best, 0.0)
    # What is left to 1, computed where it is small: as the sum of all others.
    rest = tf.reduce_sum(frames, axis=1, keepdims=True) - tf.reduce_sum(best, axis=1, keepdims=True)
    rest = tf.where(rest >= LEAST_OF_THE_REST, rest, 0.0)
    numbers = tf.bitcast(tf.cast(tf.concat([rest, best[:, 1:]], axis=1), tf.float16), tf.uint16)
    planes = [tf.where(seen, classes, 0), tf.cast(numbers, tf.int32) // 256, tf.cast(numbers, tf.int32) % 256]
    return tf.cast(tf.transpose(tf.concat(planes, axis=1)), tf.uint8)
