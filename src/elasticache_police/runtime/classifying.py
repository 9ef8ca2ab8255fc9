"""The verdict on a classic crop: is the name spelled right on this one line?

The odds are between "the name stands here, letter for letter" and "the line says what is read, which is not the name".
A line that is plainly one or the other is looked at once; any other is looked at three times, at other magnifications.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from elasticache_police.findings import Classification, Kind, Verdict
from elasticache_police.runtime.judging import LOOKS, SURE
from elasticache_police.runtime.reading import Reading, read
from elasticache_police.runtime.scoring import holds, says, spelled
from elasticache_police.spelling import kind_of, occurrences

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
    right: dict[str, float] = dict.fromkeys(names, 0.0)
    other = 0.0
    score = 0.5
    name = names[0]
    for number in range(len(LOOKS)):
        reading = read(frames(number))
        readings.append(reading)
        for known in names:
            right[known] += _right(reading, known)
        name = max(right, key=lambda known: right[known])
        if number or right[name] < SURE:
            other += _other(reading, names)
        looks = len(readings)
        score = (right[name] + DOUBT * looks) / (right[name] + other + 2 * DOUBT * looks)
        if number == 0 and max(score, 1 - score) >= SURE and max(right[name], other) >= PLAIN:
            break
    correct = score >= 0.5
    return _answer(readings, name, names, score, correct=correct)


def _right(reading: Reading, name: str) -> float:
    """Return P(the line holds a name), in capitals too where it is in capitals."""
    right = spelled(reading.frames, name)
    if name != name.upper() and 2 * sum(character.isupper() for character in reading.text) >= len(name):
        right += spelled(reading.frames, name.upper())
    return min(1.0, right)


def _other(reading: Reading, names: Sequence[str]) -> float:
    """Return P(the line says what is read), 0 when that holds a name."""
    if any(holds(reading.text, word) for name in names for word in {name, name.upper()}):
        return 0.0
    return says(reading.frames, reading.text)


def _answer(
    readings: Sequence[Reading], name: str, names: Sequence[str], score: float, *, correct: bool
) -> Classification:
    """Put a verdict into words: the reading is of a look that agrees with it, where there is one."""
    text = readings[0].text
    for reading in readings:
        found = occurrences(reading.text, names)
        here = found[0].text if found else reading.text
        if (here in {name, name.upper()}) == correct:
            text = here
            break
    else:
        text = name if correct else text
    kind = None if correct else (kind_of(text, name) or Kind.SEVERAL)
    verdict = Verdict.CORRECT if correct else Verdict.MISSPELLED
    return Classification(score=score, verdict=verdict, reading=text, kind=kind)
