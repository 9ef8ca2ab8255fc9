"""The reader's frames to text and to P(spelled right): :mod:`elasticache_police.runtime.reading` and ``.scoring``."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from elasticache_police import spelling
from elasticache_police.model.graph.rivals import begins_of, side_by_side, with_rivals
from elasticache_police.runtime import judging
from elasticache_police.runtime.alphabet import BLANK, CHARACTERS, CLASSES, OTHER, OTHER_SIGN, encode
from elasticache_police.runtime.reading import GAP_FRAMES, SPACE
from elasticache_police.runtime.rivals import HABIT
from elasticache_police.runtime.scoring import automaton, pattern

__all__ = ["nearly", "resembles", "says_otherwise", "spaced", "spelled", "text_of"]

_SIGNS = [b"", *(character.encode() for character in CHARACTERS), OTHER_SIGN.encode()]
_FOLDED = [BLANK, *encode(CHARACTERS.lower()), OTHER]
"""The class of every class's small letter."""
_SKIPPED = encode(" -")
"""What comparing letters only passes over, as in :mod:`elasticache_police.spelling`."""
_FAR = 1000
_STRIDE = 16
"""Frames in one turn of a loop over them: a turn costs TensorFlow more than a frame does."""
_TINY = 1e-30


def spaced(frames: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Return frames in which a long silence within a line is a space for sure, as ``runtime.reading.read`` has it.

    Args:
        frames: float32 (N, T, CLASSES).
        lengths: int32 (N,), how many frames each line has.
    """
    best = tf.argmax(frames, axis=-1, output_type=tf.int32)
    written = tf.logical_and(tf.not_equal(best, BLANK), tf.sequence_mask(lengths, tf.shape(best)[1]))
    where, signs = tf.cast(tf.where(written), tf.int32), tf.boolean_mask(best, written)
    before, after = where[:-1], where[1:]
    letters = tf.logical_and(tf.not_equal(signs[:-1], SPACE), tf.not_equal(signs[1:], SPACE))
    apart = tf.logical_and(tf.equal(before[:, 0], after[:, 0]), after[:, 1] - before[:, 1] > GAP_FRAMES)
    middles = tf.boolean_mask((before + after) // 2, tf.logical_and(letters, apart))
    spaces = tf.tile(tf.one_hot([SPACE], CLASSES), [tf.shape(middles)[0], 1])
    return tf.tensor_scatter_nd_update(frames, middles, spaces)


def text_of(frames: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Return what lines say by the likeliest class of every frame, string (N,), without spaces around it.

    Args:
        frames: float32 (N, T, CLASSES).
        lengths: int32 (N,), how many frames each line has.
    """
    return _text(*_letters(frames, lengths))


def _text(classes: tf.Tensor, begins: tf.Tensor) -> tf.Tensor:
    signs = tf.gather(tf.constant(_SIGNS), tf.boolean_mask(classes, begins))
    said = tf.RaggedTensor.from_row_lengths(signs, tf.reduce_sum(tf.cast(begins, tf.int32), axis=1))
    return tf.strings.strip(tf.strings.reduce_join(said, axis=1))


def spelled(frames: tf.Tensor, lengths: tf.Tensor, names: Sequence[str]) -> tf.Tensor:
    """Return the probability that lines hold names spelled just so, in their own case or in capitals.

    The automata of :func:`elasticache_police.runtime.scoring.automaton` run side by side, over all lines at once.

    Args:
        frames: float32 (N, T, CLASSES).
        lengths: int32 (N,), how many frames each line has.
        names: The names.

    Returns:
        float32 (N, len(names)).
    """
    machines = [automaton(word) for word in spelling.right_spellings(names)]
    moves = tf.constant(_diagonal([machine.moves for machine in machines]))
    accepts = tf.constant(_diagonal([machine.accepts[:, np.newaxis] for machine in machines]))
    start = tf.constant(np.concatenate([machine.start for machine in machines]))
    emits = tf.constant(np.concatenate([machine.emits for machine in machines], axis=1))
    lines, longest = tf.unstack(tf.shape(frames)[:2])
    turns = (longest + _STRIDE - 1) // _STRIDE
    # Silence at the end of a line changes nothing: what is accepted stays accepted, and nothing else becomes so.
    frames = tf.pad(frames, [[0, 0], [0, turns * _STRIDE - longest], [0, 0]])
    within = tf.sequence_mask(lengths, turns * _STRIDE)
    frames = tf.where(within[:, :, tf.newaxis], frames, tf.one_hot(BLANK, CLASSES))
    emitted = tf.reshape(tf.cast(tf.transpose(frames, [1, 0, 2]), tf.float64), [-1, CLASSES]) @ emits
    emitted = tf.reshape(emitted, [turns, _STRIDE, lines, start.shape[0]])

    def steps(turn: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        for emission in tf.unstack(emitted[turn], num=_STRIDE):
            state = (state @ moves) * emission
        return turn + 1, state

    begin = (tf.constant(0), tf.tile(start[tf.newaxis], [lines, 1]))
    _, state = tf.while_loop(lambda turn, _: turn < turns, steps, begin)
    words = tf.reshape(state @ accepts, [-1, len(names), 2])
    return tf.cast(tf.clip_by_value(tf.reduce_sum(words, axis=-1), 0.0, 1.0), tf.float32)


def says_otherwise(frames: tf.Tensor, lengths: tf.Tensor, names: Sequence[str]) -> tf.Tensor:
    """Return how much speaks for another text than a name on lines: what is read or, where a name is, its rival.

    It is :func:`elasticache_police.runtime.scoring.says` of that text, the rival's times
    :data:`elasticache_police.runtime.rivals.HABIT`; 0 for a name without a rival.

    Args:
        frames: float32 (N, T, CLASSES).
        lengths: int32 (N,), how many frames each line has.
        names: The names.

    Returns:
        float32 (N,).
    """
    path, named = with_rivals(frames, lengths, names)
    begins = begins_of(path, lengths)
    counts = tf.reduce_sum(tf.cast(begins, tf.int32), axis=1)
    text = side_by_side(tf.boolean_mask(path, begins), counts)
    # The operation wants a letter in every line; what it says of a line without any is replaced below.
    empty = tf.equal(counts, 0)
    text = tf.pad(text, [[0, 0], [0, 1]])
    text = tf.concat([tf.where(empty, OTHER, text[:, 0])[:, tf.newaxis], text[:, 1:]], axis=1)
    # The first version of the operation, whose blank is the last class: the second leaves a random name in the file.
    surprise = tf.compat.v1.nn.ctc_loss(
        labels=_without_blank(text),
        inputs=tf.math.log(tf.roll(frames, -1, axis=-1) + _TINY),
        sequence_length=lengths,
        time_major=False,
    )
    within = tf.sequence_mask(lengths, tf.shape(path)[1])
    silence = tf.reduce_sum(tf.where(within, tf.math.log(frames[..., BLANK] + _TINY), 0.0), axis=1)
    says = tf.exp(tf.where(empty, silence, -surprise))
    line = _text(path, begins)
    words = set(spelling.right_spellings(names))
    holds = tf.reduce_any([tf.strings.regex_full_match(line, pattern(word)) for word in sorted(words)], axis=0)
    return tf.where(holds, 0.0, says * tf.where(named, HABIT, 1.0))


def _without_blank(text: tf.Tensor) -> tf.SparseTensor:
    """Return left-aligned classes, int32 (N, L), blank where nothing is, numbered from the one after the blank."""
    written = tf.sparse.from_dense(text)
    return tf.SparseTensor(written.indices, written.values - 1, written.dense_shape)


def _letters(frames: tf.Tensor, lengths: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the likeliest class of every frame, int32 (N, T), and whether a character begins there, bool (N, T)."""
    best = tf.argmax(frames, axis=-1, output_type=tf.int32)
    return best, begins_of(best, lengths)


def nearly(frames: tf.Tensor, lengths: tf.Tensor, names: Sequence[str]) -> tf.Tensor:
    """Return whether lines hold one of some names, or what is a few edits away from one, in any case.

    The distance is Levenshtein's between the name and the part of the line that is most like it (Sellers, 1980). It is
    coarser than :func:`elasticache_police.spelling.occurrences`, which a graph cannot run.

    Args:
        frames: float32 (N, T, CLASSES).
        lengths: int32 (N,), how many frames each line has.
        names: The names.

    Returns:
        bool (N,).
    """
    best, begins = _letters(frames, lengths)
    for passed in _SKIPPED:
        begins = tf.logical_and(begins, tf.not_equal(best, passed))
    counts = tf.reduce_sum(tf.cast(begins, tf.int32), axis=1)
    said = tf.boolean_mask(tf.gather(tf.constant(_FOLDED), best), begins)
    letters = side_by_side(said, counts)
    found = tf.zeros_like(lengths, tf.bool)
    for name in names:
        target = tf.constant(encode(spelling._squeeze(name)))  # noqa: SLF001  the rules themselves
        found = tf.logical_or(found, _distance(letters, counts, target) <= spelling._allowed(name))  # noqa: SLF001
    return found


def resembles(text: tf.Tensor, names: Sequence[str]) -> tf.Tensor:
    """Return whether a text has a quarter of the pairs of letters of a name, so that another look is worth its time.

    What fails this makes :func:`elasticache_police.runtime.judging.judge` content with the first look.

    Args:
        text: string scalar, what the first look reads.
        names: The names.
    """
    letters = tf.strings.regex_replace(tf.strings.lower(text), " ", "")
    enough = []
    for name in names:
        pairs = sorted(judging.pairs_of(name))
        held = [tf.strings.regex_full_match(letters, f".*{re.escape(pair)}.*") for pair in pairs]
        enough.append(4 * tf.add_n([tf.cast(one, tf.int32) for one in held]) >= len(pairs))
    return tf.reduce_any(tf.stack(enough))


def _distance(letters: tf.Tensor, counts: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Return the least edits, int32 (N,), between a word and any part of each line.

    Args:
        letters: int32 (N, L), the classes of each line's letters.
        counts: int32 (N,), how many letters each line has.
        target: int32 (M,), the classes of the word.
    """
    size, length = tf.shape(letters), target.shape[0]
    steps = np.arange(length + 1)
    missing = tf.constant(np.where(steps[:, None] <= steps, steps - steps[:, None], _FAR), tf.int32)

    def step(time: tf.Tensor, row: tf.Tensor, least: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        wrong = tf.cast(tf.not_equal(letters[:, time, tf.newaxis], target), tf.int32)
        after = tf.pad(tf.minimum(row[:, 1:] + 1, row[:, :-1] + wrong), [[0, 0], [1, 0]])
        after = tf.reduce_min(after[:, :, tf.newaxis] + missing, axis=1)
        row = tf.where((time < counts)[:, tf.newaxis], after, row)
        return time + 1, row, tf.minimum(least, row[:, -1])

    first = tf.tile(tf.range(length + 1)[tf.newaxis], [size[0], 1])
    begin = (tf.constant(0), first, tf.fill([size[0]], length))
    return tf.while_loop(lambda time, *_: time < size[1], step, begin)[2]


def _diagonal(blocks: Sequence[np.ndarray]) -> np.ndarray:
    """Return a matrix with some matrices along its diagonal."""
    out = np.zeros((sum(len(block) for block in blocks), sum(block.shape[1] for block in blocks)))
    row = column = 0
    for block in blocks:
        out[row : row + block.shape[0], column : column + block.shape[1]] = block
        row, column = row + block.shape[0], column + block.shape[1]
    return out
