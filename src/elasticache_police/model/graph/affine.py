"""Affine maps from an upright picture to the page: what ``runtime.turned.Region`` does with Pillow, as a graph."""

from __future__ import annotations

import tensorflow as tf

from elasticache_police.model.graph.resample import lower_median

__all__ = ["Map", "on_page", "upright"]

_ROWS_AT_ONCE = 16

Map = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
"""Float64 scalars a to f: the point (u, v) of the upright picture is (a u + b v + c, d u + e v + f) of the page."""


def upright(page: tf.Tensor, to_page: Map, size: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
    """Return a page, uint8 (H, W), as it looks upright.

    What Pillow's affine transformation with bilinear resampling gives (``Geometry.c``), here and there one grey off:
    processors round the last bit of a product and sum differently.

    Args:
        page: uint8 (H, W).
        to_page: Where a point of the result lies on the page.
        size: Width and height of the result, int32 scalars.
    """
    a, b, c, d, e, f = to_page
    wide, tall = size
    shape = tf.shape(page)
    height, width = tf.unstack(tf.cast(shape, tf.float64))
    ground = tf.cast(lower_median(page), tf.uint8)
    flat = tf.reshape(page, [-1])
    u = tf.cast(tf.range(wide), tf.float64) + 0.5

    def row(number: tf.Tensor) -> tf.Tensor:
        v = tf.cast(number, tf.float64) + 0.5
        x, y = a * u + b * v + c, d * u + e * v + f
        inside = tf.logical_and(tf.logical_and(x >= 0, x < width), tf.logical_and(y >= 0, y < height))
        left, above = tf.floor(x - 0.5), tf.floor(y - 0.5)
        dx, dy = x - 0.5 - left, y - 0.5 - above

        def pixel(right: int, below: int) -> tf.Tensor:
            column = tf.clip_by_value(tf.cast(left, tf.int32) + right, 0, shape[1] - 1)
            line = tf.clip_by_value(tf.cast(above, tf.int32) + below, 0, shape[0] - 1)
            return tf.cast(tf.gather(flat, line * shape[1] + column), tf.float64)

        upper, lower = (pixel(0, below) + (pixel(1, below) - pixel(0, below)) * dx for below in (0, 1))
        return tf.where(inside, tf.cast(upper + (lower - upper) * dy, tf.uint8), ground)

    return tf.map_fn(row, tf.range(tall), fn_output_signature=tf.uint8, parallel_iterations=_ROWS_AT_ONCE)


def on_page(boxes: tf.Tensor, to_page: Map, width: tf.Tensor, height: tf.Tensor) -> tf.Tensor:
    """Return the boxes, float32 (P, 4), around where boxes of the upright picture lie on the page."""
    a, b, c, d, e, f = to_page
    u0, v0, u1, v1 = tf.unstack(tf.cast(boxes, tf.float64), axis=1)
    corners = [(u, v) for u in (u0, u1) for v in (v0, v1)]
    x = tf.stack([a * u + b * v + c for u, v in corners])
    y = tf.stack([d * u + e * v + f for u, v in corners])
    x, y = (tf.clip_by_value(z, 0.0, tf.cast(end, tf.float64)) for z, end in ((x, width), (y, height)))
    sides = [tf.reduce_min(x, axis=0), tf.reduce_min(y, axis=0), tf.reduce_max(x, axis=0), tf.reduce_max(y, axis=0)]
    return tf.cast(tf.stack(sides, axis=1), tf.float32)
