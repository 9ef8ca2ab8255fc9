"""A name broken over two lines and wrong at the break: ``Elastic`` above ``Cache``, as labels of diagrams have it.

Each line by itself is a word that is right. The finder has learned to point at both; what matters is whether one of two
such places is right above the other, in letters of one size. Only one slip is looked for, the one that makes two words
of a name: the first word got the letter that the second begins with. ``Elasti`` above ``Cache`` is left alone: whoever
set these two lines may just have run out of room.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterator, Sequence

import attrs
import numpy as np

from elasticache_police.findings import Box, Finding, Verdict
from elasticache_police.runtime.judging import AGREEING, LOOKS, Frames, Sighting, judge, window_of
from elasticache_police.runtime.lines import FRAME_PX
from elasticache_police.runtime.proposals import Proposal
from elasticache_police.runtime.reading import Reading, read
from elasticache_police.runtime.scoring import spelled
from elasticache_police.spelling import kind_of, word_starts

__all__ = ["broken", "judge_places", "pairs"]

_SAME_SIZE = 1.3
"""The taller capitals of two halves are less than so many times as high as the others."""
_PITCH_CAPS = (1.2, 2.3)
"""From baseline to baseline, in heights of capitals."""
_ASIDE_CAPS = 4.0
"""So far aside of each other two halves lie at most, in heights of capitals: "Amazon" may stand before the first."""
_SHORTEST_HALF = 3
"""Letters."""
_LEGIBLE = 0.5
"""Least probability of what is told about two halves."""
_BEFORE = r"(?:(?:Amazon|AMAZON|AWS|(?P<cut>^(?:m?azon|z?on|M?AZON|Z?ON))) )?"
"""What may stand before a name; a window may show no more than the end of it."""
_LAST_WORD = re.compile(rf"(?<![A-Za-z0-9_.:/-]){_BEFORE}(?P<word>[A-Za-z]+)(?: ?\|)?$")
_FIRST_WORD = re.compile(r"^(?:\| ?)?(?P<word>[A-Za-z]+)(?![A-Za-z0-9_.:/-])")
_CUT_CAPS = (4.0, 7.5)
"""So far before the name begins an "Amazon" of which a window shows the end only, in heights of capitals."""


def pairs(places: Sequence[Proposal]) -> list[tuple[int, int]]:
    """Return which places lie right above which others, as their numbers."""
    if not places:
        return []
    x0, y0, x1, y1 = np.array([[p.x0, p.y0, p.x1, p.y1] for p in places]).T[:, :, np.newaxis]
    cap = y1 - y0
    pitch = (y1.T - y1) * 2 / (cap + cap.T)
    common = np.minimum(x1, x1.T) - np.maximum(x0, x0.T)
    stacked = (
        (np.maximum(cap, cap.T) < _SAME_SIZE * np.minimum(cap, cap.T))
        & (pitch > _PITCH_CAPS[0])
        & (pitch < _PITCH_CAPS[1])
        & (common > -_ASIDE_CAPS * cap)
    )
    return [(int(above), int(below)) for above, below in np.argwhere(stacked)]


def judge_places(
    places: Sequence[tuple[Proposal, Frames]], *, width: int, height: int, names: Sequence[str]
) -> Iterator[Sighting]:
    """Read places of a picture and yield what stands there, on one line or on two.

    Args:
        places: Every place with what gives the frames of a look at it.
        width: Pixels of the picture.
        height: Pixels of the picture.
        names: The names to police.
    """
    kept = [(proposal, functools.cache(frames)) for proposal, frames in places]
    for proposal, frames in kept:
        yield from judge(proposal, frames, width=width, height=height, names=names)
    wanted = {name: breaks for name in names if (breaks := broken(name))}
    if not wanted:
        return
    halves = [_Half(proposal, functools.cache(_reader(frames))) for proposal, frames in kept]
    for above, below in pairs([proposal for proposal, _ in kept]):
        for name, words in wanted.items():
            sighting = _together(halves[above], halves[below], name, words, width=width, height=height)
            if sighting is not None:
                yield sighting


def _reader(frames: Frames) -> Callable[[int], Reading]:
    return lambda look: read(frames(look))


def broken(name: str) -> list[tuple[str, str]]:
    """Return where a name may be taken for two words, and what they are then: ``("Elasti", "Cache")``.

    Not before capitals alone: "Postgres" above "SQL" are two labels that are right.
    """
    words = [(name[:start], name[start:]) for start in word_starts(name)]
    return [
        (head, tail)
        for head, tail in words
        if min(len(head), len(tail)) >= _SHORTEST_HALF and head[-1].islower() and tail[1].islower()
    ]


@attrs.frozen
class _Written:
    """A word of a reading."""

    start: int
    stop: int
    """Where it stands in the text."""
    begin_x: float
    """X of the page where it begins, or the "Amazon" before it."""
    is_cut: bool
    """Whether that "Amazon" begins before what was read."""
    x0: float
    x1: float
    """X of the page of its first and its last column."""

    def over(self, other: _Written, *, cap: float) -> bool:
        """Return whether it shares some width with a word below, or both begin below one another."""
        if min(self.x1, other.x1) > max(self.x0, other.x0):
            return True
        if self.is_cut:
            return _CUT_CAPS[0] * cap < self.x0 - other.x0 < _CUT_CAPS[1] * cap
        return abs(self.begin_x - other.x0) < cap


@attrs.frozen(eq=False)
class _Half:
    """A place and its readings."""

    proposal: Proposal
    readings: Callable[[int], Reading]

    def ends_with(self, word: str, look: int) -> _Written | None:
        """Return where in a reading the last word of a text stands, when it is this one; whatever its case."""
        found = self._found(_LAST_WORD, word, look)
        return found if found and self.readings(look).text[found.start] == word[0] else None

    def begins_with(self, word: str, look: int) -> _Written | None:
        """Return where in a reading the first word of a text stands, when it is this one; whatever its case."""
        return self._found(_FIRST_WORD, word, look)

    def _found(self, pattern: re.Pattern[str], word: str, look: int) -> _Written | None:
        """Return the first text of a reading with this word where a pattern has its group."""
        reading, window = self.readings(look), window_of(self.proposal, look)
        begin = 0
        for text in reading.columns.split("\t"):
            found = pattern.search(text)
            if found and found["word"].lower() == word.lower():
                start, stop = begin + found.start("word"), begin + found.end("word")
                edges = reading.first[begin + found.start()], reading.first[start], reading.last[stop - 1] + 1
                begin_x, x0, x1 = (window.page_x(float(edge) * FRAME_PX) for edge in edges)
                is_cut = bool(found.groupdict().get("cut"))
                return _Written(start=start, stop=stop, begin_x=begin_x, is_cut=is_cut, x0=x0, x1=x1)
            begin += len(text) + 1
        return None


def _together(
    above: _Half, below: _Half, name: str, breaks: list[tuple[str, str]], *, width: int, height: int
) -> Sighting | None:
    """Weigh all looks at two places; None when they are not two halves, or it cannot be told."""
    for head, tail in breaks:
        word = head + tail[0].lower()
        right = wrong = 0.0
        agreeing = 0
        seen: tuple[float, str, Box] | None = None
        for look in range(len(LOOKS)):
            words = _words(above, below, (word, tail), look)
            if words is None:
                if look == 0:
                    break  # most places are something else: no look more for them
                continue
            first, second = words
            agreeing += 1
            top, bottom = above.readings(look), below.readings(look)
            frames = top.slice(first.start, first.stop), bottom.slice(second.start, second.stop)
            texts = top.text[first.start : first.stop], bottom.text[second.start : second.stop]
            said = spelled(frames[0], texts[0]) * spelled(frames[1], texts[1])
            wrong += said / len(LOOKS)
            meant = (head.upper(), tail.upper()) if texts[0] == texts[0].upper() else (head, tail)
            right += spelled(frames[0], meant[0]) * spelled(frames[1], meant[1]) / len(LOOKS)
            if seen is None or said > seen[0]:
                seen = said, " ".join(texts), _around(above, below, words, width=width, height=height)
        if seen is None or agreeing < AGREEING or right >= wrong or right + wrong < _LEGIBLE:
            continue
        _, text, box = seen
        finding = Finding(
            box=box,
            verdict=Verdict.MISSPELLED,
            score=right / (right + wrong),
            reading=text,
            kind=kind_of(text, name),
            name=name,
        )
        return Sighting(finding, (right + wrong) * max(above.proposal.score, below.proposal.score))
    return None


def _words(above: _Half, below: _Half, words: tuple[str, str], look: int) -> tuple[_Written, _Written] | None:
    """Return where two words stand one above the other."""
    first = above.ends_with(words[0], look)
    second = below.begins_with(words[1], look) if first else None
    if first is None or second is None or not first.over(second, cap=above.proposal.cap_px):
        return None
    return first, second


def _around(above: _Half, below: _Half, words: tuple[_Written, _Written], *, width: int, height: int) -> Box:
    pad = 0.2 * above.proposal.cap_px
    return (
        max(0, math.floor(min(word.x0 for word in words) - pad)),
        max(0, math.floor(above.proposal.y0)),
        min(width, math.ceil(max(word.x1 for word in words) + pad)),
        min(height, math.ceil(below.proposal.y1)),
    )
