"""Isometric drawings: ``runtime.isometric`` as a graph."""

from __future__ import annotations

import math

import tensorflow as tf

from elasticache_police.model.graph.affine import Map
from elasticache_police.runtime.isometric import (
    FALLING,
    LEAN,
    LEAST_SHARE,
    REACH_DEGREES,
    ROWS_APART,
    SLOPE,
    STEEP,
)

__all__ = ["is_isometric", "to_page", "upright_size"]


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


def upright_size(width: tf.Tensor, height: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return width and height, int32, of a whole page once its labels are plain: ``runtime.isometric.upright_size``."""
    width, height = tf.cast(width, tf.float64), tf.cast(height, tf.float64)
    sides = (0.5 * width + LEAN * height, height + SLOPE * width)
    wide, tall = (tf.cast(tf.math.ceil(side), tf.int32) for side in sides)
    return wide, tall


def to_page(turn: tf.Tensor, width: tf.Tensor, height: tf.Tensor) -> Map:
    """Return where a point of the plain picture lies on the page: ``runtime.isometric.to_page``."""
    falling = tf.equal(turn, FALLING)
    v0, u0 = SLOPE * tf.cast(width, tf.float64), LEAN * tf.cast(height, tf.float64)

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
