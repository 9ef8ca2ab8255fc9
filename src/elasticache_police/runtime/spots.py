"""Where in a line of text a name may stand, for names that the finder does not know.

The line is read once, and a spot is what has enough of a name in it to be worth a place of its own, to be looked at as
one that the finder points at: with its own surroundings, and as often as it takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from elasticache_police.runtime.judging import pairs_of, window_of
from elasticache_police.runtime.lines import FRAME_PX
from elasticache_police.runtime.proposals import Proposal
from elasticache_police.runtime.reading import Reading
from elasticache_police.runtime.stacked import broken
from elasticache_police.spelling import occurrences

__all__ = ["places_in", "spots"]

ENOUGH = 0.5
"""Least share of a name's pairs of neighbouring letters, within as many letters as the name has and a few more."""
SPARE_LETTERS = 3
_WORD = re.compile("[A-Za-z]+")


def spots(text: str, names: Sequence[str]) -> list[tuple[int, int]]:
    """Return where a text has something of a name or is a half of one: (start, stop), left to right, none over another.

    Args:
        text: One line, as it was read: letters may be wrong and spaces missing.
        names: The names to police.
    """
    found = [(one.start, one.stop) for one in occurrences(text, names)]
    for name in names:
        found += _resembling(text, name)
    halves = {half.lower() for name in names for head, tail in broken(name) for half in (head + tail[0], tail)}
    found += [word.span() for word in _WORD.finditer(text) if word[0].lower() in halves]
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(stop, merged[-1][1])
        else:
            merged.append((start, stop))
    return merged


def _resembling(text: str, name: str) -> Iterator[tuple[int, int]]:
    """Yield from where to where a text shares enough pairs of letters with a name, the likest part first."""
    at = [i for i, character in enumerate(text) if character != " "]
    letters = "".join(text[i] for i in at).lower()
    wanted = pairs_of(name)
    hits = {i: pair for i in range(len(letters) - 1) if (pair := letters[i : i + 2]) in wanted}
    while hits:
        shares = {start: _shared(hits, start, start + len(name) + SPARE_LETTERS) for start in hits}
        # Of parts that share as much the shortest: what stands behind the name may share a pair as well.
        start = max(shares, key=lambda start: (len(shares[start]), -shares[start][-1] + start))
        inside = shares[start]
        if len(inside) < ENOUGH * len(wanted):
            return
        yield at[start], at[inside[-1] + 1] + 1
        hits = {i: pair for i, pair in hits.items() if not start <= i <= inside[-1]}


def _shared(hits: dict[int, str], start: int, stop: int) -> list[int]:
    """Return where, from ``start`` to before ``stop``, a pair of letters stands for the first time."""
    first: dict[str, int] = {}
    for i, pair in hits.items():
        if start <= i < stop:
            first.setdefault(pair, i)
    return list(first.values())


def places_in(line: Proposal, reading: Reading, names: Sequence[str]) -> Iterator[Proposal]:
    """Yield the places in a line of text that are worth a look of their own.

    Args:
        line: The line.
        reading: What the first look at it says.
        names: The names to police.
    """
    window = window_of(line, 0)
    for start, stop in spots(reading.text, names):
        x0 = window.page_x(float(reading.first[start]) * FRAME_PX)
        x1 = window.page_x(float(reading.last[stop - 1] + 1) * FRAME_PX)
        yield Proposal(line.score, x0, line.y0, x1, line.y1)
