"""A fair fuzzy match over the text that an OCR engine reads: what its user would write in an afternoon.

The rules of the house hold for all: identifiers (small letters beside ``-._:/`` or in quotes) are left alone, and all
capitals are not judged for case. They were added here in favour of the peers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypedDict

from benchmarks.words import NAME

__all__ = ["Found", "Line", "distance", "matches", "to_findings", "verdict_of_line"]

Line = tuple[str, tuple[float, float, float, float]]
"""Text and its box (x0, y0, x1, y1)."""

_NEAR, _SHORT = 2, 7
"""So many edits away a word is the name still, and one fewer where the name has at most so many letters."""
_FEWER, _MORE = 2, 3
_JOINERS = frozenset("-._:/\\@=\"'")


class Found(TypedDict):
    """A finding of any system."""

    box: list[float]
    verdict: str
    reading: str


def distance(a: str, b: str) -> int:
    """Return Levenshtein's edit distance."""
    before = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
        before = row
    return before[-1]


def _is_swap(a: str, b: str) -> bool:
    """Return whether two words differ in two neighbouring letters that changed places: one slip, though two edits."""
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    return a != b and a[:at] + a[at + 1 : at + 2] + a[at : at + 1] + a[at + 2 :] == b


def matches(text: str, name: str = NAME) -> list[tuple[int, int, str]]:
    """Return (start, stop, verdict) of every window of a line that is the name or nearly."""
    found = []
    near = _NEAR - (len(name) <= _SHORT)
    for match in re.finditer(f"[{name[0].upper()}{name[0].lower()}]", text):
        start = match.start()
        if text[start].islower() and start and text[start - 1].isascii() and text[start - 1].isalpha():
            continue  # in the middle of a word; "AmazonElastiCache" is what is read where a space is narrow
        best: tuple[tuple[int, int], str] | None = None
        for length in range(len(name) - _FEWER, len(name) + _MORE + 1):
            window = text[start : start + length]
            if len(window) < length:
                break
            bare = re.sub(r"\s", "", window)
            key = (distance(bare.lower(), name.lower()), min(distance(window, name), distance(window, name.upper())))
            is_near = key[0] <= near or _is_swap(bare.lower(), name.lower())
            if is_near and (best is None or key < best[0]):
                best = (key, window)
        if best is None or _identifier(text, start, best[1]):
            continue
        stop = start + len(best[1])
        stop += _one_letter_more(text, stop)
        right = text[start:stop] in {name, name.upper()}
        found.append((start, stop, "correct" if right else "misspelled"))
    return found


def _one_letter_more(text: str, stop: int) -> int:
    """Return 1 when the word goes on for just one letter (``ElastiCachee``); more is a word whose space was lost."""
    rest = [character.isascii() and character.isalpha() for character in text[stop : stop + 2]]
    return 1 if rest in ([True], [True, False]) else 0


def _identifier(text: str, start: int, window: str) -> bool:
    around = text[max(0, start - 1) : start] + text[start + len(window) : start + len(window) + 1]
    return window.islower() and any(character in _JOINERS for character in around)


def to_findings(lines: Iterable[Line], name: str = NAME) -> list[Found]:
    """Return findings from lines of text, their boxes shared out by the number of characters."""
    found: list[Found] = []
    for text, (x0, y0, x1, y1) in lines:
        wide = (x1 - x0) / max(1, len(text))
        found += [
            {"box": [x0 + a * wide, y0, x0 + b * wide, y1], "verdict": verdict, "reading": text[a:b]}
            for a, b, verdict in matches(text, name)
        ]
    return found


def verdict_of_line(text: str) -> str:
    """Return ``correct``, ``misspelled`` or ``unread`` for the text of a crop."""
    verdicts = {verdict for _, _, verdict in matches(text)}
    return "misspelled" if "misspelled" in verdicts else "correct" if verdicts else "unread"
