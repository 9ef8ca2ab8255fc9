"""Tilted pages and labels: ``runtime.tilted`` as a graph."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from elasticache_police.model.graph.affine import Map
from elasticache_police.runtime.proposals import HEIGHT_PX, MIN_CAP_PX, STRIDE
from elasticache_police.runtime.tilted import (
    LEAST_LABEL_PAIRS,
    LEAST_PAIRS,
    LEAST_TILT,
    MOST_LABEL_TILT,
    MOST_TILT,
    OPPOSED,
    QUARTER,
    SAME_HEIGHT,
    SAME_LABEL_HEIGHT,
    SAME_LINE,
    SAME_SLOPE,
    STRETCH,
    STRETCH_ON_A_LABEL,
)

__all__ = ["label_tilts", "measured", "plausible", "slopes", "to_page", "turn", "upright_size"]

_MOST = QUARTER + MOST_LABEL_TILT
_SINES = np.array([math.sin(tilt / 1000) for tilt in range(-_MOST, _MOST + 1)])
_COSINES = np.array([math.cos(tilt / 1000) for tilt in range(-_MOST, _MOST + 1)])


def slopes(cells: tf.Tensor, apart: int, up_or_down: int, reach: float) -> tf.Tensor:
    """Return how the lines of one level run, by pairs of cells, float32 (N, 4): ``runtime.tilted._slopes``.

    Their columns are: how steeply a line falls; x, y and the height of capitals, in pixels of the level.
    """
    rows, columns = tf.unstack(tf.shape(cells)[:2])
    across = tf.cast(tf.range(columns)[tf.newaxis] * STRIDE, tf.float32) + (apart + 1) * STRIDE / 2
    middle = (
        tf.cast(tf.range(rows)[:, tf.newaxis] * STRIDE, tf.float32) + (cells[..., 5] - cells[..., 4]) * HEIGHT_PX / 2
    )
    height = tf.where(cells[..., 1] >= 0, (cells[..., 4] + cells[..., 5]) * HEIGHT_PX, -1.0)
    border = [[up_or_down, up_or_down], [0, apart]]
    other_middle = tf.pad(middle, border)
    other_height = tf.pad(height, border, constant_values=-1.0)
    found = []
    for row in range(2 * up_or_down + 1):
        other = other_height[row : row + rows, apart:]
        fall = other_middle[row : row + rows, apart:] - middle
        low, high = tf.minimum(height, other), tf.maximum(height, other)
        near = tf.logical_and(high < SAME_HEIGHT * low, tf.abs(fall) <= reach * low)
        x, y = tf.broadcast_to(across, tf.shape(fall)), middle + fall / 2 + STRIDE / 2
        pairs = tf.stack([fall / (apart * STRIDE), x, y, (low + high) / 2], axis=-1)
        found.append(tf.boolean_mask(pairs, tf.logical_and(low >= MIN_CAP_PX, near)))
    return tf.concat(found, axis=0)


def label_tilts(pairs: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Return by how much the line at each place seems to be turned, int32 (P,): ``runtime.tilted.label_tilts``.

    Args:
        pairs: Those of all levels that tell, float32 (N, 4), in pixels of the page: see :func:`slopes`.
        places: float32 (P, 5): score, x0, y0, x1, y1.
    """
    fall, x, y, cap = tf.unstack(pairs, axis=1)

    def tilt(place: tf.Tensor) -> tf.Tensor:
        _, x0, y0, x1, y1 = tf.unstack(place)
        aside = x - (x0 + x1) / 2
        off = y - (y0 + y1) / 2 - STRETCH_ON_A_LABEL * fall * aside
        conditions = [
            2 * tf.abs(aside) <= x1 - x0,
            tf.abs(off) <= SAME_LINE * (y1 - y0),
            cap < SAME_LABEL_HEIGHT * (y1 - y0),
            y1 - y0 < SAME_LABEL_HEIGHT * cap,
        ]
        here = tf.sort(tf.boolean_mask(fall, tf.reduce_all(tf.stack(conditions), axis=0)))
        return tf.where(tf.size(here) >= LEAST_LABEL_PAIRS, _of_median(here, STRETCH_ON_A_LABEL), 0)

    return tf.map_fn(tilt, places, fn_output_signature=tf.TensorSpec([], tf.int32))


def measured(slopes: tf.Tensor) -> tf.Tensor:
    """Return by how much a page seems to be turned clockwise, in thousandths of a radian, int32.

    Args:
        slopes: Those of all levels that tell, float32 (N,).
    """
    ordered = tf.sort(slopes)

    def agreeing(slope: tf.Tensor | float) -> tf.Tensor:
        return tf.math.count_nonzero(tf.abs(ordered - slope) <= SAME_SLOPE)

    middle = _median(ordered)
    others = tf.maximum(agreeing(0.0), OPPOSED * agreeing(-middle))
    falls = tf.logical_and(tf.size(ordered) >= LEAST_PAIRS, agreeing(middle) > others)
    return tf.where(falls, _of_median(ordered, STRETCH), 0)


def _median(ordered: tf.Tensor) -> tf.Tensor:
    """Return the (lower) median of sorted numbers, 0 of none."""
    return tf.gather(tf.concat([ordered, [0.0]], axis=0), tf.maximum(tf.size(ordered) - 1, 0) // 2)


def _of_median(ordered: tf.Tensor, stretch: float) -> tf.Tensor:
    """Return the tilt, int32, that the median of sorted slopes tells of."""
    return tf.cast(tf.round(1000 * stretch * tf.atan(tf.cast(_median(ordered), tf.float64))), tf.int32)


def plausible(tilt: tf.Tensor) -> tf.Tensor:
    """Return a tilt, or 0 where it is none: ``runtime.tilted.plausible``."""
    return tf.where(tf.logical_and(tf.abs(tilt) >= LEAST_TILT, tf.abs(tilt) <= MOST_TILT), tilt, 0)


def turn(tilt: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return cosine and sine, float64."""
    row = tf.clip_by_value(tilt + _MOST, 0, 2 * _MOST)
    return tf.gather(_COSINES, row), tf.gather(_SINES, row)


def upright_size(tilt: tf.Tensor, width: tf.Tensor, height: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return width and height of a whole page once it is upright, int32: ``runtime.tilted.upright_size``."""
    cos, sin = (tf.abs(part) for part in turn(tilt))
    width, height = tf.cast(width, tf.float64), tf.cast(height, tf.float64)
    sides = (cos * width + sin * height, sin * width + cos * height)
    wide, tall = (tf.cast(tf.math.ceil(side), tf.int32) for side in sides)
    return wide, tall


def to_page(tilt: tf.Tensor, width: tf.Tensor, height: tf.Tensor) -> Map:
    """Return where a point of the upright page lies: ``runtime.tilted.to_page``."""
    cos, sin = turn(tilt)
    wide, tall = (tf.cast(side, tf.float64) for side in upright_size(tilt, width, height))
    width, height = tf.cast(width, tf.float64), tf.cast(height, tf.float64)
    return (
        *(cos, -sin, (width - cos * wide + sin * tall) / 2),
        *(sin, cos, (height - sin * wide - cos * tall) / 2),
    )
