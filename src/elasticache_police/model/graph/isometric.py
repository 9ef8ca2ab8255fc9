"""Isometric drawings: ``runtime.isometric``, and what ``runtime.turned`` does with it, as a graph."""

from __future__ import annotations

import math

import tensorflow as tf

from elasticache_police.model.graph.resample import lower_median
from elasticache_police.runtime.isometric import (
    FALLING,
    LEAN,
    LEAST_SHARE,
    REACH_DEGREES,
    ROWS_APART,
    SLOPE,
    STEEP,
)

__all__ = ["is_isometric", "on_page", "upright"]

_ROWS_AT_ONCE = 16


def is_isometric(grey: tf.Tensor) -> tf.Tensor:
    """Return whether a page, uint8 (H, W), is an isometric drawing, bool scalar."""

    def look() -> tf.Tensor:
        values = tf.cast(grey, tf.int32)
        middle = values[1:-1:ROWS_APART]
        across = middle[:, 2:] - middle[:, :-2]
        down = (values[2::ROWS_APART] - values[:-2:ROWS_APART])[:, 1:-1]
        edge = tf.abs(across) + tf.abs(down) > STEEP
        x, y = (tf.cast(tf.boolean_mask(part, edge), tf.float32) for part in (across, down))
        strength = tf.sqrt(x * x + y * y)
        near = math.cos(math.radians(REACH_DEGREES)) * strength
        along, up = 0.5 * x, LEAN * y
        shares = [tf.reduce_sum(tf.where(tf.abs(up + sign * along) >= near, strength, 0.0)) for sign in (1.0, -1.0)]
        return tf.minimum(*shares) > LEAST_SHARE * (tf.reduce_sum(strength) + 1.0)

    return tf.cond(tf.reduce_min(tf.shape(grey)) < ROWS_APART, lambda: tf.constant(value=False), look)


def _to_page(turn: tf.Tensor, width: tf.Tensor, height: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Return what :func:`elasticache_police.runtime.isometric.to_page` returns, float64 scalars."""
    falling = tf.equal(turn, FALLING)
    v0, u0 = SLOPE * width, LEAN * height

    def either(one: tf.Tensor | float, other: tf.Tensor | float) -> tf.Tensor:
        return tf.where(falling, tf.cast(one, tf.float64), tf.cast(other, tf.float64))

    half = tf.constant(0.5, tf.float64)
    return (
        tf.constant(1.0, tf.float64),
        either(-LEAN, LEAN),
        either(LEAN * v0, -u0),
        either(SLOPE, -SLOPE),
        half,
        either(-0.5 * v0, SLOPE * u0),
    )


def upright(page: tf.Tensor, turn: int) -> tf.Tensor:
    """Return a whole page, uint8 (H, W), seen so that the labels along one direction of its floor are plain text.

    What Pillow's affine transformation with bilinear resampling gives (``Geometry.c``), here and there one grey off:
    processors round the last bit of a product and sum differently.
    """
    shape = tf.shape(page)
    height, width = tf.unstack(tf.cast(shape, tf.float64))
    wide = tf.cast(tf.math.ceil(0.5 * width + LEAN * height), tf.int32)
    tall = tf.cast(tf.math.ceil(height + SLOPE * width), tf.int32)
    a, b, c, d, e, f = _to_page(tf.constant(turn), width, height)
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


def on_page(boxes: tf.Tensor, turn: tf.Tensor, width: tf.Tensor, height: tf.Tensor) -> tf.Tensor:
    """Return the upright boxes, float32 (P, 4), around where boxes of the plain picture lie on the page."""
    a, b, c, d, e, f = _to_page(turn, tf.cast(width, tf.float64), tf.cast(height, tf.float64))
    u0, v0, u1, v1 = tf.unstack(tf.cast(boxes, tf.float64), axis=1)
    corners = [(u, v) for u in (u0, u1) for v in (v0, v1)]
    x = tf.stack([a * u + b * v + c for u, v in corners])
    y = tf.stack([d * u + e * v + f for u, v in corners])
    x, y = (tf.clip_by_value(z, 0.0, tf.cast(end, tf.float64)) for z, end in ((x, width), (y, height)))
    sides = [tf.reduce_min(x, axis=0), tf.reduce_min(y, axis=0), tf.reduce_max(x, axis=0), tf.reduce_max(y, axis=0)]
    return tf.cast(tf.stack(sides, axis=1), tf.float32)
