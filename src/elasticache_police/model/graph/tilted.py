"""Tilted pages: ``runtime.tilted`` as a graph."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from elasticache_police.model.graph.affine import Map
from elasticache_police.runtime.proposals import HEIGHT_PX, MIN_CAP_PX, STRIDE
from elasticache_police.runtime.tilted import (
    APART_CELLS,
    LEAST_PAIRS,
    LEAST_TILT,
    MOST_TILT,
    SAME_HEIGHT,
    SAME_LINE,
    SAME_SLOPE,
    STRETCH,
)

__all__ = ["measured", "plausible", "slopes", "to_page", "upright_size"]

_SINES = np.array([math.sin(tilt / 1000) for tilt in range(-MOST_TILT, MOST_TILT + 1)])
_COSINES = np.array([math.cos(tilt / 1000) for tilt in range(-MOST_TILT, MOST_TILT + 1)])


def slopes(cells: tf.Tensor) -> tf.Tensor:
    """Return how steeply the lines of one level fall, by pairs of cells, float32 (N,)."""
    rows = tf.shape(cells)[0]
    middle = (
        tf.cast(tf.range(rows)[:, tf.newaxis] * STRIDE, tf.float32) + (cells[..., 5] - cells[..., 4]) * HEIGHT_PX / 2
    )
    height = tf.where(cells[..., 1] >= 0, (cells[..., 4] + cells[..., 5]) * HEIGHT_PX, -1.0)
    other_middle = tf.pad(middle, [[1, 1], [0, APART_CELLS]])
    other_height = tf.pad(height, [[1, 1], [0, APART_CELLS]], constant_values=-1.0)
    found = []
    for step in (0, 1, 2):
        other = other_height[step : step + rows, APART_CELLS:]
        fall = other_middle[step : step + rows, APART_CELLS:] - middle
        low, high = tf.minimum(height, other), tf.maximum(height, other)
        near = tf.logical_and(high < SAME_HEIGHT * low, tf.abs(fall) <= SAME_LINE * low)
        found.append(tf.boolean_mask(fall, tf.logical_and(low >= MIN_CAP_PX, near)) / (APART_CELLS * STRIDE))
    return tf.concat(found, axis=0)


def measured(slopes: tf.Tensor) -> tf.Tensor:
    """Return by how much a page seems to be turned clockwise, in thousandths of a radian, int32.

    Args:
        slopes: Those of all levels that tell, float32 (N,).
    """
    ordered = tf.sort(slopes)
    count = tf.size(ordered)
    middle = tf.gather(tf.concat([ordered, [0.0]], axis=0), tf.maximum(count - 1, 0) // 2)
    tilt = tf.cast(tf.round(1000 * STRETCH * tf.atan(tf.cast(middle, tf.float64))), tf.int32)

    def agreeing(slope: tf.Tensor | float) -> tf.Tensor:
        return tf.math.count_nonzero(tf.abs(ordered - slope) <= SAME_SLOPE)

    return tf.where(tf.logical_and(count >= LEAST_PAIRS, agreeing(middle) > agreeing(0.0)), tilt, 0)


def plausible(tilt: tf.Tensor) -> tf.Tensor:
    """Return a tilt, or 0 where it is none: ``runtime.tilted.plausible``."""
    return tf.where(tf.logical_and(tf.abs(tilt) >= LEAST_TILT, tf.abs(tilt) <= MOST_TILT), tilt, 0)


def _turn(tilt: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return cosine and sine, float64."""
    row = tf.clip_by_value(tilt + MOST_TILT, 0, 2 * MOST_TILT)
    return tf.gather(_COSINES, row), tf.gather(_SINES, row)


def upright_size(tilt: tf.Tensor, width: tf.Tensor, height: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return width and height of a whole page once it is upright, int32: ``runtime.tilted.upright_size``."""
    cos, sin = _turn(tilt)
    sin, width, height = tf.abs(sin), tf.cast(width, tf.float64), tf.cast(height, tf.float64)
    sides = (cos * width + sin * height, sin * width + cos * height)
    wide, tall = (tf.cast(tf.math.ceil(side), tf.int32) for side in sides)
    return wide, tall


def to_page(tilt: tf.Tensor, width: tf.Tensor, height: tf.Tensor) -> Map:
    """Return where a point of the upright page lies: ``runtime.tilted.to_page``."""
    cos, sin = _turn(tilt)
    wide, tall = (tf.cast(side, tf.float64) for side in upright_size(tilt, width, height))
    width, height = tf.cast(width, tf.float64), tf.cast(height, tf.float64)
    return (
        *(cos, -sin, (width - cos * wide + sin * tall) / 2),
        *(sin, cos, (height - sin * wide - cos * tall) / 2),
    )
