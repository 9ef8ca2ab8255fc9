"""What else lines may say where a name is read: :mod:`elasticache_police.runtime.rivals`, over all lines at once."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import tensorflow as tf

from elasticache_police.runtime import rivals
from elasticache_police.runtime.alphabet import BLANK, CLASSES, among
from elasticache_police.runtime.scoring import shapes, told_behind
from elasticache_police.spelling import right_spellings

if TYPE_CHECKING:
    import numpy as np

__all__ = ["begins_of", "side_by_side", "with_rivals"]

_TINY = 1e-30
"""Divisor where a line has no more frames."""


class _Letters(NamedTuple):
    """What lines say by the likeliest classes of their frames, each int32 (N, L) of L characters, zeros behind them."""

    signs: tf.Tensor
    """Their classes."""
    first: tf.Tensor
    """The first frame of each."""
    last: tf.Tensor
    """Its last frame."""
    counts: tf.Tensor
    """int32 (N,), how many characters a line has."""


class _Places(NamedTuple):
    """Where in lines a word is read, each int32 (N,); what is said of lines without any counts for nothing."""

    found: tf.Tensor
    """bool."""
    begin: tf.Tensor
    """The frame after the character before the word."""
    first: tf.Tensor
    """The first frame of the word."""
    last: tf.Tensor
    """Its last frame."""
    end: tf.Tensor
    """The frame of the character after it, or how many there are."""


def with_rivals(frames: tf.Tensor, lengths: tf.Tensor, names: Sequence[str]) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the likeliest classes of frames, where a name is read those of its rival, int32 (N, T), and where it is.

    Args:
        frames: float32 (N, T, CLASSES).
        lengths: int32 (N,), how many frames each line has.
        names: The names.

    Returns:
        The classes, of a name without a rival those of the name, and bool (N,): whether a name is read.
    """
    best = tf.argmax(frames, axis=-1, output_type=tf.int32)
    words = right_spellings(names)
    letters = _letters(best, lengths)
    places = [_places(letters, lengths, word) for word in words]
    named = tf.reduce_any([place.found for place in places], axis=0)

    def changed() -> tf.Tensor:
        path, free = best, tf.logical_not(tf.zeros_like(named))
        ratios = _ratios(frames, best)
        for word, place in zip(words, places, strict=True):
            allowed = tf.where(_may_differ(best, place, word), ratios, 0.0)
            flat = tf.reshape(allowed, [-1, tf.shape(best)[1] * CLASSES])
            strongest = tf.argmax(flat, axis=1, output_type=tf.int32)
            here = tf.logical_and(tf.logical_and(place.found, free), tf.reduce_max(flat, axis=1) >= rivals.LEAST)
            turned = tf.one_hot(strongest // CLASSES, tf.shape(best)[1]) > 0
            turned = tf.logical_and(turned, here[:, tf.newaxis])
            path = tf.where(turned, (strongest % CLASSES)[:, tf.newaxis], path)
            free = tf.logical_and(free, tf.logical_not(place.found))
        return path

    return tf.cond(tf.reduce_any(named), changed, lambda: best), named


def _ratios(frames: tf.Tensor, best: tf.Tensor) -> tf.Tensor:
    """Return how likely a class is, compared with the likeliest, float32; 0 where it makes no other text."""
    ratios = frames / tf.maximum(tf.reduce_max(frames, axis=-1, keepdims=True), _TINY)
    another = tf.not_equal(best[..., tf.newaxis], tf.range(CLASSES))
    return tf.where(tf.logical_and(another, _changes(best)), ratios, 0.0)


def begins_of(classes: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Return where characters begin in the classes of frames, int32 (N, T): bool (N, T)."""
    size = tf.shape(classes)
    begins = tf.not_equal(classes, tf.concat([tf.fill([size[0], 1], BLANK), classes[:, :-1]], axis=1))
    begins = tf.logical_and(begins, tf.sequence_mask(lengths, size[1]))
    return tf.logical_and(begins, tf.not_equal(classes, BLANK))


def side_by_side(values: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
    """Return the values of each line side by side, int32 (N, L), zeros behind them."""
    return tf.RaggedTensor.from_row_lengths(values, counts).to_tensor()


def _letters(best: tf.Tensor, lengths: tf.Tensor) -> _Letters:
    """Return the characters of lines, given the likeliest classes of their frames."""
    begins = begins_of(best, lengths)
    ends = tf.reverse(begins_of(tf.reverse(best, [1]), tf.fill(tf.shape(lengths), tf.shape(best)[1])), [1])
    counts = tf.reduce_sum(tf.cast(begins, tf.int32), axis=1)
    signs = tf.boolean_mask(best, begins)
    first, last = (tf.cast(tf.where(mask)[:, 1], tf.int32) for mask in (begins, ends))
    return _Letters(side_by_side(signs, counts), side_by_side(first, counts), side_by_side(last, counts), counts)


def _places(letters: _Letters, lengths: tf.Tensor, word: str) -> _Places:
    """Return where a word stands, the first time, in what lines say."""
    signs, first, last, counts = letters
    longest, size = tf.shape(signs)[1], len(word)
    padded = tf.pad(signs, [[0, 0], [1, size + 2]])

    def are(classes: np.ndarray, place: int) -> tf.Tensor:
        return tf.gather(tf.constant(classes), padded[:, place : place + longest])

    _, twins = told_behind(word)
    another_word = tf.logical_and(are(among(twins), size + 1), are(among(string.ascii_letters), size + 2))
    stands = [
        tf.logical_not(are(rivals.may_stand_before(word), 0)),
        tf.logical_or(tf.logical_not(are(rivals.may_stand_after(word), size + 1)), another_word),
    ]
    stands += [are(among(alike), place) for place, alike in enumerate(shapes(word), start=1)]
    # One place more, so that a line without a letter has one too.
    here = tf.pad(tf.reduce_all(tf.stack(stands), axis=0), [[0, 0], [0, 1]])
    start = tf.argmax(here, axis=1, output_type=tf.int32)

    def at(frames: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.pad(frames, [[0, 0], [1, size + 1]]), place + 1, batch_dims=1)

    return _Places(
        found=tf.reduce_any(here, axis=1),
        begin=tf.where(start > 0, at(last, start - 1) + 1, 0),
        first=at(first, start),
        last=at(last, start + size - 1),
        end=tf.where(start + size < counts, at(first, start + size), lengths),
    )


def _may_differ(best: tf.Tensor, places: _Places, word: str) -> tf.Tensor:
    """Return which class, in which frame, would make another text of a word, bool (N, T, CLASSES)."""
    frame = tf.range(tf.shape(best)[1])[tf.newaxis]
    begin, first, last, end = (value[:, tf.newaxis] for value in places[1:])
    inside = tf.logical_and(frame >= begin, frame < end)[..., tf.newaxis]
    different = tf.gather(tf.constant(rivals.others(word)), best)
    different = tf.where((frame < first)[..., tf.newaxis], tf.constant(rivals.may_stand_before(word)), different)
    different = tf.where((frame > last)[..., tf.newaxis], tf.constant(rivals.may_stand_after(word)), different)
    return tf.logical_and(inside, different)


def _changes(best: tf.Tensor) -> tf.Tensor:
    """Return whether a text becomes another when a frame is of another class, bool (N, T, CLASSES)."""
    before = tf.pad(best[:, :-1], [[0, 0], [1, 0]])[..., tf.newaxis]
    after = tf.pad(best[:, 1:], [[0, 0], [0, 1]])[..., tf.newaxis]
    was, now = (_added(before, here, after) for here in (best[..., tf.newaxis], tf.range(CLASSES)))
    return tf.reduce_any(tf.not_equal(was, now), axis=0)


def _added(before: tf.Tensor, here: tf.Tensor, after: tf.Tensor) -> tf.Tensor:
    """Return what a frame and the one after it add to a text, int32 (2, ...), blanks behind it."""
    one = tf.where(tf.logical_or(tf.equal(here, before), tf.equal(here, BLANK)), BLANK, here)
    two = tf.where(tf.logical_or(tf.equal(after, here), tf.equal(after, BLANK)), BLANK, after)
    one = one + tf.zeros_like(two)
    return tf.stack([tf.where(tf.equal(one, BLANK), two, one), tf.where(tf.equal(one, BLANK), BLANK, two)])
