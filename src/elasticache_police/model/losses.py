"""What the networks are trained to make small, in keras.ops, so that every backend computes the same."""

from __future__ import annotations

import keras
from keras import ops

__all__ = ["finder_loss", "reader_loss"]

_FOCUS = 1.5
_NAME_GAIN = 4.0
_BOX_GAIN = 1.0


def _focal(logit: keras.KerasTensor, truth: keras.KerasTensor) -> keras.KerasTensor:
    """Cross-entropy of a logit, cells that are easy already counting less (Lin et al., 2017, arXiv:1708.02002)."""
    loss = ops.softplus(logit) - logit * truth
    miss = ops.abs(truth - ops.sigmoid(logit))
    return loss * miss**_FOCUS


def _huber(error: keras.KerasTensor) -> keras.KerasTensor:
    size = ops.abs(error)
    return ops.where(size < 0.25, 2.0 * size * size, size - 0.125)


def finder_loss(truth: keras.KerasTensor, answer: keras.KerasTensor) -> keras.KerasTensor:
    """Return the finder's loss.

    Args:
        truth: float32 (N, H/8, W/8, 10) of :func:`elasticache_police.model.samples.finder_targets`.
        answer: float32 (N, H/8, W/8, 6).
    """
    name = _focal(answer[..., 0], truth[..., 0]) * truth[..., 1] * (1.0 + (_NAME_GAIN - 1.0) * truth[..., 0])
    text = _focal(answer[..., 1], truth[..., 2]) * truth[..., 3]
    sides = (_huber(answer[..., 2] - truth[..., 4]) + _huber(answer[..., 3] - truth[..., 5])) * truth[..., 6]
    heights = (_huber(answer[..., 4] - truth[..., 7]) + _huber(answer[..., 5] - truth[..., 8])) * truth[..., 9]
    hearts = ops.sum(truth[..., 0]) + 8.0
    texts = ops.sum(truth[..., 2]) + 50.0
    return (
        ops.sum(name) / hearts + ops.sum(text) / texts + _BOX_GAIN * (ops.sum(sides) / hearts + ops.sum(heights) / texts)
    )


def reader_loss(truth: keras.KerasTensor, answer: keras.KerasTensor) -> keras.KerasTensor:
    """Return the mean weighted cross-entropy of the frames.

    Args:
        truth: float32 (N, T, 2): class and weight of every frame.
        answer: float32 (N, T, classes), logits.
    """
    classes = ops.cast(truth[..., 0], "int32")
    loss = keras.losses.sparse_categorical_crossentropy(classes, answer, from_logits=True)
    weights = truth[..., 1]
    return ops.sum(loss * weights) / (ops.sum(weights) + 1.0)
