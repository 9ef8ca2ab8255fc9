"""The finder over a pyramid of the page: ``runtime.proposals`` and ``.turned`` as a graph."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from elasticache_police.model.graph import affine, isometric, tilted
from elasticache_police.model.graph.resample import halve, lower_median
from elasticache_police.runtime.engine import LEAST_MARGIN_PX, LEVELS, MAX_PLACES, MIN_LEVEL_PX, SMALL_PX
from elasticache_police.runtime.proposals import (
    COARSE_CAP_PX,
    HEIGHT_PX,
    MIN_CAP_PX,
    REPEAT,
    SAME_PLACE,
    SIDE_PX,
    STRIDE,
)
from elasticache_police.runtime.tilted import (
    APART_CELLS,
    APART_ON_A_LABEL,
    LABEL_MARGIN_CAPS,
    LEAST_LABEL_TILT,
    MOST_LABEL_TILT,
    MOST_LABELS,
    ONE_LABEL,
    QUARTER,
    ROWS_ON_A_LABEL,
    ROWS_ON_A_PAGE,
    SAME_LABEL,
    SAME_LINE,
    STEEP,
    STEEP_SURE,
    TILT_LEVELS,
    TILTED,
)
from elasticache_police.runtime.turned import (
    CHANNELS,
    CLIMBS,
    FALLS,
    FLOORS,
    MARGIN_CELLS,
    RUN_CELLS,
    TURNED_EXTENT,
    TURNED_LEVELS,
    TURNED_THRESHOLD,
)

__all__ = ["labels", "look_over", "of_page", "on_page", "upright"]


def look_over(
    page: tf.Tensor, finder: Callable[[tf.Tensor], tf.Tensor], *, threshold: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return the places of a page worth reading, best first, the parts of it worth turning, and how all of it lies.

    Args:
        page: uint8 (H, W).
        finder: uint8 (H, W), multiples of 8 -> float32 (H / 8, W / 8, 8).
        threshold: Least score of the finder.

    Returns:
        float32 (P, 5): score and x0, y0, x1, y1 in pixels of the page; float32 (Q, 5): those that are worth it only
        where a label is steep; int32 (2, 4): where text climbs and where it falls, x0, y0, x1, y1, zeros for nowhere;
        int32 scalar: by how much it seems tilted; float32 (N, 4): the pairs of cells that tell how a single label lies,
        see :func:`tilted.slopes`, in pixels of the page.
    """

    def more(number: tf.Tensor, level: tf.Tensor, *_: tf.Tensor) -> tf.Tensor:
        large_enough = tf.logical_or(tf.equal(number, 0), tf.reduce_min(tf.shape(level)) >= MIN_LEVEL_PX)
        return tf.logical_and(number < LEVELS, large_enough)

    def look(number: tf.Tensor, level: tf.Tensor, *seen: tf.Tensor) -> tuple[tf.Tensor, ...]:
        found, turned, slopes, pairs = seen
        cells = finder(_whole_cells(level))
        scale = tf.pow(tf.constant(2.0, tf.float64), tf.cast(number, tf.float64))
        tells = tf.cast(number < TILT_LEVELS, tf.int32)
        names = _names(cells, scale=scale, threshold=threshold)
        unsure = _names(cells, scale=scale, threshold=threshold * STEEP_SURE, below=threshold)
        falls = tilted.slopes(cells, APART_CELLS, ROWS_ON_A_PAGE, SAME_LINE)[:, 0]
        steep = tilted.slopes(cells, APART_ON_A_LABEL, ROWS_ON_A_LABEL, SAME_LABEL)
        on_page = tf.stack([1.0, *[tf.cast(scale, tf.float32)] * 3])
        return (
            number + 1,
            halve(level),
            tf.concat([found, names, unsure[: tells * tf.shape(unsure)[0]]], axis=0),
            tf.concat([turned, _extents(cells, scale=scale)[tf.newaxis]], axis=0),
            tf.concat([slopes, falls[: tells * tf.size(falls)]], axis=0),
            tf.concat([pairs, steep[: tells * tf.shape(steep)[0]] * on_page], axis=0),
        )

    side = tf.reduce_min(tf.shape(page))
    margin = tf.where(side < SMALL_PX, side * 3 // 4 + LEAST_MARGIN_PX, 0)

    def with_margin() -> tf.Tensor:
        return tf.pad(page, tf.fill([2, 2], margin), constant_values=tf.cast(lower_median(page), tf.uint8))

    framed = tf.ensure_shape(tf.cond(margin > 0, with_margin, lambda: page), [None, None])
    moved = tf.cast(margin, tf.float64) * tf.constant([0.0, 1.0, 1.0, 1.0, 1.0], tf.float64)
    # One loop rather than one branch for each level: TensorFlow prepares what is in the graph when it is first asked.
    start = (
        tf.constant(0),
        framed,
        tf.zeros([0, 5], tf.float64),
        tf.zeros([0, len(CHANNELS), 5], tf.float64),
        tf.zeros([0]),
        tf.zeros([0, 4]),
    )
    shapes = [
        tf.TensorShape(shape) for shape in ([], [None, None], [None, 5], [None, len(CHANNELS), 5], [None], [None, 4])
    ]
    _, _, places, turned, slopes, pairs = tf.while_loop(more, look, start, shape_invariants=tuple(shapes))
    best = tf.gather(places, _best(places[:, 0], places[:, 1:], limit=MAX_PLACES, overlap=REPEAT))
    best = tf.ensure_shape(tf.cast(best - moved, tf.float32), [None, 5])
    is_sure = best[:, 0] >= threshold
    sure, unsure = tf.boolean_mask(best, is_sure), tf.boolean_mask(best, tf.logical_not(is_sure))
    extents = turned[:TURNED_LEVELS] - tf.roll(moved, -1, axis=0)
    pairs -= tf.cast(margin, tf.float32) * tf.constant([0.0, 1.0, 1.0, 0.0])
    return sure, unsure, _together(extents, tf.shape(page)), tilted.measured(slopes), pairs


def labels(places: tf.Tensor, weaker: tf.Tensor, pairs: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return which places lie askew, bool (P,), and what to turn for them, int32 (K, 6): ``turned.labels``.

    Args:
        places: float32 (P, 5): score, x0, y0, x1, y1.
        weaker: float32 (Q, 5), more of them, which count where they are steep.
        pairs: float32 (N, 4), what tells how each lies: see :func:`look_over`.
        size: Height and width of the page, int32 (2,).
    """
    count, more = tf.shape(places)[:1], tf.shape(weaker)[:1]
    least = tf.concat([tf.fill(count, LEAST_LABEL_TILT), tf.fill(more, STEEP)], axis=0)
    places = tf.concat([places, weaker], axis=0)
    tilts = tilted.label_tilts(pairs, places)
    askew = tf.where(tf.logical_and(tf.abs(tilts) >= least, tf.abs(tilts) <= MOST_LABEL_TILT))[:, 0]
    tilts = tf.gather(tilts, askew)
    scores, x0, y0, x1, y1 = tf.unstack(tf.cast(tf.gather(places, askew), tf.float64), axis=1)
    along, across = LABEL_MARGIN_CAPS
    long, tall = (x1 - x0) / 2 + along * (y1 - y0), (0.5 + across) * (y1 - y0)
    cos, sin = tilted.turn(tilts)
    sin, x, y = tf.abs(sin), (x0 + x1) / 2, (y0 + y1) / 2
    wide, high = cos * long + sin * tall, sin * long + cos * tall
    first = tf.maximum(tf.cast(tf.floor(tf.stack([x - wide, y - high], axis=1)), tf.int32), 0)
    last = tf.minimum(tf.cast(tf.math.ceil(tf.stack([x + wide, y + high], axis=1)), tf.int32), size[::-1])
    boxes = tf.concat([first, last], axis=1)
    exact = tf.cast(boxes, tf.float64)
    kept = _best(scores, exact, limit=MOST_LABELS, overlap=ONE_LABEL)
    turned = tf.reduce_any(_overlap(exact, tf.gather(exact, kept)) > ONE_LABEL, axis=1)
    own = tf.range(count[0], dtype=askew.dtype)[:, tf.newaxis]
    is_askew = tf.reduce_any(tf.equal(own, tf.boolean_mask(askew, turned)), axis=1)
    turns = tf.fill([tf.size(kept), 1], TILTED)
    return is_askew, tf.concat([turns, tf.gather(boxes, kept), tf.gather(tilts, kept)[:, tf.newaxis]], axis=1)


_NOWHERE = np.array([np.inf, np.inf, -np.inf, -np.inf])


def _together(extents: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Return int32 (2, 4), one box for each direction around those of all levels, float64 (TURNED_LEVELS, 2, 5)."""
    first = tf.reduce_min(extents[..., :2], axis=0)
    last = tf.reduce_max(extents[..., 2:4], axis=0)
    height, width = tf.unstack(tf.cast(size, tf.float64))
    box = tf.concat([tf.maximum(first, 0.0), tf.minimum(last, tf.stack([width, height]))], axis=1)
    is_turned = tf.reduce_max(extents[..., 4:], axis=0) > 0
    return tf.cast(tf.where(is_turned, box, tf.zeros_like(box)), tf.int32)


def _extents(cells: tf.Tensor, *, scale: tf.Tensor) -> tf.Tensor:
    """Return for each direction, float64 (2, 5), a box around what may be turned, and 1 where something surely is."""
    return tf.stack([_extent(cells[..., channel], scale=scale) for channel in CHANNELS.values()])


def _extent(logits: tf.Tensor, *, scale: tf.Tensor) -> tf.Tensor:
    cells = tf.cast(_runs(logits, TURNED_EXTENT), tf.float64)
    first, last = tf.reduce_min(cells, axis=0), tf.reduce_max(cells, axis=0)
    across, along = MARGIN_CELLS
    unit = STRIDE * scale
    box = [first[1] - across, first[0] - along, last[1] + 1 + across, last[0] + RUN_CELLS + along]
    surely = tf.cast(tf.size(_runs(logits, TURNED_THRESHOLD)) > 0, tf.float64)
    return tf.concat([tf.where(tf.equal(tf.shape(cells)[0], 0), _NOWHERE, tf.stack(box) * unit), [surely]], axis=0)


def _runs(logits: tf.Tensor, threshold: float) -> tf.Tensor:
    """Return row and column, int64 (N, 2), where upright runs of cells begin: ``turned._runs``."""
    seen = logits >= tf.constant(np.log(threshold / (1 - threshold)), tf.float32)
    count = tf.maximum(tf.shape(seen)[0] - RUN_CELLS + 1, 0)
    return tf.where(tf.reduce_all(tf.stack([seen[i : i + count] for i in range(RUN_CELLS)]), axis=0))


def upright(page: tf.Tensor, region: tf.Tensor) -> tf.Tensor:
    """Return a part of a page turned so that its text reads from left to right: ``turned.Region.upright``.

    Args:
        page: uint8 (H, W).
        region: See :func:`on_page`.
    """
    turn, x0, y0, x1, y1, tilt = tf.unstack(region)
    part = page[y0:y1, x0:x1]

    def quarter() -> tf.Tensor:
        turned = tf.transpose(tf.reverse(part, axis=[0])), tf.transpose(tf.reverse(part, axis=[1]))
        return tf.cond(tf.equal(turn, CLIMBS), lambda: turned[0], lambda: turned[1])

    def askew() -> tf.Tensor:
        is_tilted, width, height = tf.equal(turn, TILTED), x1 - x0, y1 - y0
        maps = zip(tilted.to_page(tilt, width, height), isometric.to_page(turn, width, height), strict=True)
        sizes = zip(tilted.upright_size(tilt, width, height), isometric.upright_size(width, height), strict=True)
        a, b, c, d, e, f = (tf.where(is_tilted, one, other) for one, other in maps)
        wide, tall = (tf.where(is_tilted, one, other) for one, other in sizes)
        return affine.upright(part, (a, b, c, d, e, f), (wide, tall))

    is_quarter = tf.reduce_any(tf.equal(turn, list(CHANNELS)))
    seen = tf.cond(tf.equal(turn, 0), lambda: page, lambda: tf.cond(is_quarter, quarter, askew))
    return tf.ensure_shape(seen, [None, None])


def on_page(boxes: tf.Tensor, region: tf.Tensor) -> tf.Tensor:
    """Return where boxes of a part of a page lie on it: ``turned.Region.on_page``.

    Args:
        boxes: float32 (P, 4) of the part as it was looked at.
        region: int32 (6,): 0 for the page as it is, else how it was turned; x0, y0, x1, y1; of a tilted part its tilt.
    """
    turn, *corners, tilt = tf.unstack(region)
    x0, y0, x1, y1 = (tf.cast(corner, tf.float32) for corner in corners)
    u0, v0, u1, v1 = tf.unstack(boxes, axis=1)
    climbs = tf.stack([x0 + v0, y1 - u1, x0 + v1, y1 - u0], axis=1)
    falls = tf.stack([x1 - v1, y0 + u0, x1 - v0, y0 + u1], axis=1)
    quarter = tf.where(tf.equal(turn, 0), boxes, tf.where(tf.equal(turn, CLIMBS), climbs, falls))
    width, height = corners[2] - corners[0], corners[3] - corners[1]
    lying = affine.on_page(boxes, isometric.to_page(turn, width, height), width, height)
    askew = affine.on_page(boxes, tilted.to_page(tilt, width, height), width, height)
    lying, askew = (part + tf.stack([x0, y0, x0, y0]) for part in (lying, askew))
    return tf.where(tf.reduce_any(tf.equal(turn, FLOORS)), lying, tf.where(tf.equal(turn, TILTED), askew, quarter))


def of_page(labels: tf.Tensor, region: tf.Tensor) -> tf.Tensor:
    """Return tilted labels of a part of a page, int32 (K, 6), as some of the page: ``turned.Region.of_page``.

    Args:
        labels: What to turn, of the part once it was upright: see :func:`labels`.
        region: The part, turned by a quarter: see :func:`on_page`.
    """
    boxes = tf.cast(on_page(tf.cast(labels[:, 1:5], tf.float32), region), tf.int32)
    tilt = labels[:, 5:] + tf.where(tf.equal(region[0], FALLS), QUARTER, -QUARTER)
    return tf.concat([labels[:, :1], boxes, tilt], axis=1)


def _whole_cells(level: tf.Tensor) -> tf.Tensor:
    """Return a level made larger to whole cells by repeating its last row and column."""
    height, width = tf.unstack(tf.shape(level))

    def places(length: tf.Tensor) -> tf.Tensor:
        return tf.minimum(tf.range((length + STRIDE - 1) // STRIDE * STRIDE), length - 1)

    return tf.gather(tf.gather(level, places(height), axis=0), places(width), axis=1)


def _names(cells: tf.Tensor, *, scale: tf.Tensor, threshold: float, below: float = math.inf) -> tf.Tensor:
    """Return float64 (K, 5), where the finder sees a name at one level: ``proposals.names``."""
    scores = tf.sigmoid(cells[..., 0])
    weights, boxes = _boxes(cells, scores, tf.where(tf.logical_and(scores >= threshold, scores < below)))
    return _merged(weights, boxes, scale=scale)


def _boxes(cells: tf.Tensor, scores: tf.Tensor, where: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the scores, float64 (K,), and the boxes, float64 (K, 4), of those among some cells whose box is one."""
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
    return tf.boolean_mask(tf.cast(tf.gather_nd(scores, where), tf.float64), good), tf.boolean_mask(boxes, good)


def _merged(weights: tf.Tensor, boxes: tf.Tensor, *, scale: tf.Tensor) -> tf.Tensor:
    """Average the cells that point at the same place, weighted by their scores; at coarser levels not the smallest."""
    chosen = _best(weights, boxes, limit=tf.size(weights), overlap=SAME_PLACE)
    count = tf.size(chosen)
    same = _overlap(boxes, tf.gather(boxes, chosen)) > SAME_PLACE
    # Every cell belongs to the best chosen one that it overlaps, as if they were picked one after the other.
    home = tf.reduce_min(tf.where(same, tf.range(count)[tf.newaxis], count), axis=1)
    home = tf.tensor_scatter_nd_update(tf.minimum(home, count), chosen[:, tf.newaxis], tf.range(count))
    total = tf.math.unsorted_segment_sum(weights, home, count + 1)[:count]
    mean = tf.math.unsorted_segment_sum(boxes * weights[:, tf.newaxis], home, count + 1)[:count] / total[:, tf.newaxis]
    places = tf.concat([tf.gather(weights, chosen)[:, tf.newaxis], mean * scale], axis=1)
    return tf.boolean_mask(places, tf.logical_or(scale <= 1, mean[:, 3] - mean[:, 1] >= COARSE_CAP_PX))


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
