"""The verdict on a classic crop: is the name spelled right on this one line?

The odds are between "the name stands here, letter for letter" and "the line says what is read, which is not the name",
or, where a name is read, its rival: see :mod:`elasticache_police.runtime.rivals`.
A line that is plainly one or the other is looked at once; any other is looked at three times, at other magnifications.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from elasticache_police.findings import Classification, Kind, Verdict
from elasticache_police.runtime.judging import LOOKS, SURE
from elasticache_police.runtime.reading import Reading, read
from elasticache_police.runtime.rivals import HABIT, rival, written
from elasticache_police.runtime.scoring import holds, position, says, spelled
from elasticache_police.spelling import kind_of, occurrences, right_spellings

if TYPE_CHECKING:
    import numpy as np

__all__ = ["DOUBT", "PLAIN", "classify"]

DOUBT = 1e-3
"""Added to both sides of the odds: of what cannot be read nothing is known."""
PLAIN = 0.5
"""Least probability of what stands on a line from which one look can be enough."""


def classify(frames: Callable[[int], np.ndarray], names: Sequence[str]) -> Classification:
    """Return the verdict on a line.

    Args:
        frames: Gives the frames of look ``i`` at the line, float32 (T, CLASSES), each row a distribution.
        names: The names to police.
    """
    readings: list[Reading] = []
    said: list[str] = []
    right: dict[str, float] = dict.fromkeys(names, 0.0)
    other = 0.0
    score = 0.5
    name = names[0]
    for number in range(len(LOOKS)):
        reading = read(frames(number))
        readings.append(reading)
        said.append(reading.text)
        for known in names:
            right[known] += _right(reading, known)
        name = max(right, key=lambda known: right[known])
        if number or right[name] < SURE:
            text, weight = _other(reading, names)
            said.append(text)
            other += weight
        looks = len(readings)
        score = (right[name] + DOUBT * looks) / (right[name] + other + 2 * DOUBT * looks)
        if number == 0 and max(score, 1 - score) >= SURE and max(right[name], other) >= PLAIN:
            break
    return _answer(said, name, names, score)


def _right(reading: Reading, name: str) -> float:
    """Return P(the line holds a name), in capitals too where it is in capitals."""
    right = spelled(reading.frames, name)
    if name != name.upper() and 2 * sum(character.isupper() for character in reading.text) >= len(name):
        right += spelled(reading.frames, name.upper())
    return min(1.0, right)


def _other(reading: Reading, names: Sequence[str]) -> tuple[str, float]:
    """Return what else than a name a line may say, and how much that counts: what is read, or the rival of a name."""
    words = right_spellings(names)
    for word in words:
        start = position(reading.text, word)
        if start >= 0:
            path = rival(reading, word, start)
            text = reading.text if path is None else written(path)
            weight = 0.0 if any(holds(text, other) for other in words) else HABIT * says(reading.frames, text)
            return text, weight
    return reading.text, says(reading.frames, reading.text)


def _answer(said: Sequence[str], name: str, names: Sequence[str], score: float) -> Classification:
    """Put a verdict into words: the reading is the first that agrees with it, where there is one."""
    correct = score >= 0.5
    text = name if correct else said[0]
    for line in said:
        found = occurrences(line, names)
        here = found[0].text if found else line
        if (here in right_spellings([name])) == correct:
            text = here
            break
    kind = None if correct else (kind_of(text, name) or Kind.SEVERAL)
    verdict = Verdict.CORRECT if correct else Verdict.MISSPELLED
    return Classification(score=score, verdict=verdict, reading=text, kind=kind)
