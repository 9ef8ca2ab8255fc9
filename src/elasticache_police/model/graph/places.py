"""The finder over a pyramid of the page: ``runtime.proposals`` and ``Runtime.propose`` as a graph."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from elasticache_police.model.graph.resample import halve
from elasticache_police.runtime.engine import LEVELS, MAX_PLACES, MIN_LEVEL_PX
from elasticache_police.runtime.proposals import HEIGHT_PX, MIN_CAP_PX, REPEAT, SAME_PLACE, SIDE_PX, STRIDE

__all__ = ["propose"]


def propose(page: tf.Tensor, finder: Callable[[tf.Tensor], tf.Tensor], *, threshold: float) -> tf.Tensor:
    """Return the places of a page worth reading, best first.

    Args:
        page: uint8 (H, W).
        finder: uint8 (H, W), multiples of 8 -> float32 (H / 8, W / 8, 6).
        threshold: Least score of the finder.

    Returns:
        float32 (P, 5): score, x0, y0, x1, y1 in pixels of the page.
    """
    found = []
    level = page
    for number in range(LEVELS):
        scale = 2.0**number

        def here(level: tf.Tensor = level, scale: float = scale) -> tf.Tensor:
            return _names(finder(_whole_cells(level)), scale=scale, threshold=threshold)

        nowhere = lambda: tf.zeros([0, 5], tf.float64)  # noqa: E731
        if number == 0:
            found.append(here())
        else:
            found.append(tf.cond(tf.reduce_min(tf.shape(level)) < MIN_LEVEL_PX, nowhere, here))
        if number + 1 < LEVELS:
            level = halve(level)
    places = tf.concat(found, axis=0)
    kept = _best(places[:, 0], places[:, 1:], limit=MAX_PLACES, overlap=REPEAT)
    return tf.ensure_shape(tf.cast(tf.gather(places, kept), tf.float32), [None, 5])


def _whole_cells(level: tf.Tensor) -> tf.Tensor:
    """Return a level made larger to whole cells by repeating its last row and column."""
    height, width = tf.unstack(tf.shape(level))

    def places(length: tf.Tensor) -> tf.Tensor:
        return tf.minimum(tf.range((length + STRIDE - 1) // STRIDE * STRIDE), length - 1)

    return tf.gather(tf.gather(level, places(height), axis=0), places(width), axis=1)


def _names(cells: tf.Tensor, *, scale: float, threshold: float) -> tf.Tensor:
    """Return float64 (K, 5), where the finder sees a name at one level: ``proposals.names``."""
    scores = tf.sigmoid(cells[..., 0])
    where = tf.where(scores >= threshold)
    picked = tf.cast(tf.gather_nd(cells, where), tf.float64)
    centre = tf.cast(where * STRIDE, tf.float64) + STRIDE / 2
    y, x = centre[:, 0], centre[:, 1]
    boxes = tf.stack(
        [
            x - picked[:, 2] * SIDE_PX,
            y - picked[:, 4] * HEIGHT_PX,
            x + picked[:, 3] * SIDE_PX,
            y + picked[:, 5] * HEIGHT_PX,
        ],
        axis=1,
    )
    heights, widths = boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]
    good = tf.logical_and(heights >= MIN_CAP_PX, widths > heights)
    weights = tf.boolean_mask(tf.cast(tf.gather_nd(scores, where), tf.float64), good)
    return _merged(weights, tf.boolean_mask(boxes, good), scale=scale)


def _merged(weights: tf.Tensor, boxes: tf.Tensor, *, scale: float) -> tf.Tensor:
    """Average the cells that point at the same place, weighted by their scores."""
    chosen = _best(weights, boxes, limit=tf.size(weights), overlap=SAME_PLACE)
    count = tf.size(chosen)
    same = _overlap(boxes, tf.gather(boxes, chosen)) > SAME_PLACE
    # Every cell belongs to the best chosen one that it overlaps, as if they were picked one after the other.
    home = tf.reduce_min(tf.where(same, tf.range(count)[tf.newaxis], count), axis=1)
    home = tf.tensor_scatter_nd_update(tf.minimum(home, count), chosen[:, tf.newaxis], tf.range(count))
    total = tf.math.unsorted_segment_sum(weights, home, count + 1)[:count]
    mean = tf.math.unsorted_segment_sum(boxes * weights[:, tf.newaxis], home, count + 1)[:count] / total[:, tf.newaxis]
    return tf.concat([tf.gather(weights, chosen)[:, tf.newaxis], mean * scale], axis=1)


def _best(scores: tf.Tensor, boxes: tf.Tensor, *, limit: tf.Tensor | int, overlap: float) -> tf.Tensor:
    """Return which boxes are left when each suppresses those it overlaps that score less, best first."""
    y_first = tf.cast(tf.gather(boxes, [1, 0, 3, 2], axis=1), tf.float32)
    return tf.image.non_max_suppression(y_first, tf.cast(scores, tf.float32), limit, overlap)


def _overlap(boxes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Return intersection over union, float64 (M, K), of M boxes with K others."""
    a, b = boxes[:, tf.newaxis], others[tf.newaxis]
    sides = tf.minimum(a[..., 2:], b[..., 2:]) - tf.maximum(a[..., :2], b[..., :2])
    common = tf.reduce_prod(tf.maximum(sides, 0.0), axis=-1)
    area, own = (tf.reduce_prod(box[..., 2:] - box[..., :2], axis=-1) for box in (a, b))
    return common / tf.maximum(tf.constant(1e-6, tf.float64), area + own - common)
