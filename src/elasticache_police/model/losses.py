"""What the networks are trained to make small, in keras.ops, so that every backend computes the same."""

from __future__ import annotations

import keras
from keras import ops

__all__ = ["finder_loss", "reader_loss"]

_FOCUS = 1.5
_NAME_GAIN = 4.0
_BOX_GAIN = 1.0
_FRAME_GAIN = 0.1
_CERTAIN = 30.0
_HOPELESS = 6.0  # per letter: nobody could read it, or it has more letters than frames


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
        truth: float32 (N, H/8, W/8, 13) of :func:`elasticache_police.model.samples.finder_targets`.
        answer: float32 (N, H/8, W/8, 8).
    """
    name = _focal(answer[..., 0], truth[..., 0]) * truth[..., 1] * (1.0 + (_NAME_GAIN - 1.0) * truth[..., 0])
    text = _focal(answer[..., 1], truth[..., 2]) * truth[..., 3]
    sides = (_huber(answer[..., 2] - truth[..., 4]) + _huber(answer[..., 3] - truth[..., 5])) * truth[..., 6]
    heights = (_huber(answer[..., 4] - truth[..., 7]) + _huber(answer[..., 5] - truth[..., 8])) * truth[..., 9]
    turned = (_focal(answer[..., 6], truth[..., 10]) + _focal(answer[..., 7], truth[..., 11])) * truth[..., 12]
    hearts = ops.sum(truth[..., 0]) + 8.0
    texts = ops.sum(truth[..., 2]) + 50.0
    turns = ops.sum(truth[..., 10:12]) + 25.0
    return (
        ops.sum(name) / hearts
        + ops.sum(text) / texts
        + ops.sum(turned) / turns
        + _BOX_GAIN * (ops.sum(sides) / hearts + ops.sum(heights) / texts)
    )


def _ctc(text: keras.KerasTensor, logits: keras.KerasTensor, lengths: keras.KerasTensor) -> keras.KerasTensor:
    """Return the loss of CTC of every line; class 0 is the blank.

    On TensorFlow this is its compiled operation, ten times as fast on a CPU as what ``keras.ops.ctc_loss`` builds.
    """
    steps = ops.zeros_like(lengths) + ops.shape(logits)[1]
    if keras.backend.backend() != "tensorflow":
        return ops.ctc_loss(text, logits, lengths, steps, mask_index=0)
    import tensorflow as tf

    return tf.nn.ctc_loss(
        labels=tf.sparse.from_dense(text),
        logits=logits,
        label_length=None,
        logit_length=steps,
        logits_time_major=False,
        blank_index=0,
    )


def reader_loss(truth: keras.KerasTensor, answer: keras.KerasTensor) -> keras.KerasTensor:
    """Return the reader's loss: of the text as a whole, and a little of every frame.

    The cross-entropy of the frames, whose truth the renderer knows, teaches letters fast; the loss of CTC (Graves et
    al., 2006) then lets the reader decide by itself which frame of a glyph speaks, so that it is sure of the text.

    Args:
        truth: float32 (N, T, 3) of :class:`elasticache_police.model.batches.ReaderBatches`: class and weight of every
            frame, weight -1 for a frame of which nothing is known, and the text's classes, left-aligned.
        answer: float32 (N, T, classes), logits.
    """
    classes = ops.cast(truth[..., 0], "int32")
    weights = ops.maximum(truth[..., 1], 0.0)
    frames = keras.losses.sparse_categorical_crossentropy(classes, answer, from_logits=True)
    frame_loss = ops.sum(frames * weights) / (ops.sum(weights) + 1.0)
    blank = _CERTAIN * ops.one_hot(ops.zeros_like(classes), answer.shape[-1])
    known = ops.where(truth[..., 1:2] < 0, blank, answer)
    text = ops.cast(truth[..., 2], "int32")
    lengths = ops.sum(ops.cast(text > 0, "int32"), axis=-1)
    empty = ops.expand_dims(lengths == 0, -1) & (ops.arange(ops.shape(text)[1]) == 0)
    text_loss = _ctc(ops.where(empty, 1, text), known, ops.maximum(lengths, 1))
    text_loss = ops.where(lengths > 0, text_loss, 0.0)
    each = text_loss / (ops.cast(lengths, "float32") + 4.0)
    return ops.mean(ops.minimum(each, _HOPELESS)) + _FRAME_GAIN * frame_loss
