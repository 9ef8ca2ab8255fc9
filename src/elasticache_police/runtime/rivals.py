"""What else a line may say where a name is read: the likeliest text that is the name no more.

A reader has seen the right name more often than any one of its near-misses, and where letters are in doubt it reads
what it has seen. The doubt is in its frames all the same: the text that takes one frame for the next likeliest and is
no longer the name, such as ``Elasti Cache`` for a frame that is half a space, has a probability of its own.
"""

from __future__ import annotations

import functools
import string

import numpy as np

from elasticache_police.runtime.alphabet import BLANK, CLASSES, among, decode, encode
from elasticache_police.runtime.reading import Reading
from elasticache_police.runtime.scoring import shapes, told_behind
from elasticache_police.spelling import barred_before

__all__ = ["HABIT", "LEAST", "may_stand_after", "may_stand_before", "others", "rival", "written"]

HABIT = 2.0
"""By how much the rival counts for more than the reader gives it: so much does the reader lean to the name. Chosen on
crops in validation fonts: 2 to 4 are alike there, and the least of them accuses least."""
LEAST = 0.02
"""A frame's class that is less likely than this, compared with the likeliest, is no rival."""


def rival(reading: Reading, word: str, start: int) -> np.ndarray | None:
    """Return the likeliest classes of a line's frames that make another text of a word in it, int (T,).

    One frame, from behind the character before the word to before the one after it, is of another class. It makes a
    letter more, a letter less, another letter or a space; where only a border of the word would change, or a letter
    would become one that looks the same, it is the word still and no rival.

    Args:
        reading: The line.
        word: What is read there, as it is spelled in the automaton's sense: see ``scoring.holds``.
        start: Where it stands in the reading's text.

    Returns:
        None where every frame is plain.
    """
    frames = reading.frames
    stop = start + len(word)
    begin, end = reading.around(start, stop)
    best = frames.argmax(axis=-1)
    part, said = frames[begin:end], best[begin:end]
    ratios = part / part[np.arange(end - begin), said][:, np.newaxis]
    ratios[np.arange(end - begin), said] = 0.0
    if ratios.max() < LEAST:
        return None
    first, last = int(reading.first[start]) - begin, int(reading.last[stop - 1]) - begin
    ratios[:first] *= may_stand_before(word)
    ratios[last + 1 :] *= may_stand_after(word)
    ratios[first : last + 1] *= others(word)[said[first : last + 1]]
    around = np.concatenate(
        [[BLANK if begin == 0 else best[begin - 1]], said, [BLANK if end == len(best) else best[end]]]
    )
    for place in np.argsort(-ratios, axis=None, kind="stable"):
        frame, index = divmod(int(place), CLASSES)
        if ratios[frame, index] < LEAST:
            return None
        before, here, after = (int(around[frame + i]) for i in range(3))
        if _added(before, here, after) != _added(before, index, after):
            path: np.ndarray = best.copy()
            path[begin + frame] = index
            return path
    return None


def _added(before: int, here: int, after: int) -> list[int]:
    """Return what two frames add to a text, given the one before them."""
    pairs = ((before, here), (here, after))
    return [new for old, new in pairs if new not in {old, BLANK}]


def written(path: np.ndarray) -> str:
    """Return the text that a sequence of classes writes: repeats and blanks are dropped."""
    begins = path != np.concatenate([[BLANK], path[:-1]])
    return decode([int(index) for index in path[begins]])


@functools.lru_cache(maxsize=4096)
def others(word: str) -> np.ndarray:
    """Return which class is another character than which in a word, bool (CLASSES, CLASSES)."""
    other = np.ones((CLASSES, CLASSES), bool)
    for alike in shapes(word):
        classes = encode(alike)
        other[np.ix_(classes, classes)] = False
    return other


@functools.lru_cache(maxsize=4096)
def may_stand_after(word: str) -> np.ndarray:
    """Return which classes make another word of the one they follow, bool (CLASSES,): see ``scoring.pattern``."""
    sure, _ = told_behind(word)
    return np.asarray(among(string.ascii_letters) & ~among(sure))


@functools.lru_cache(maxsize=4096)
def may_stand_before(word: str) -> np.ndarray:
    """Return which classes make another word of the one they come before, bool (CLASSES,): see ``scoring.pattern``."""
    return among(barred_before(word))
