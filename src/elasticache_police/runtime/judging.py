"""From readings of a place to findings: what is written there, how surely, and whether that is right.

Nothing here knows where the frames come from, so a model in this process and one behind an endpoint judge alike.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs
import numpy as np

from elasticache_police.findings import Finding, Kind, Verdict
from elasticache_police.runtime.lines import FRAME_PX, LineWindow
from elasticache_police.runtime.proposals import Proposal
from elasticache_police.runtime.reading import Reading, read
from elasticache_police.runtime.rivals import HABIT, rival, written
from elasticache_police.runtime.scoring import spelled
from elasticache_police.runtime.tilted import QUARTER, TILTED
from elasticache_police.runtime.turned import Region
from elasticache_police.spelling import Occurrence, capitals_behind, kind_of, occurrences

__all__ = ["LOOKS", "Frames", "distinct", "judge", "pairs_of", "turned", "window_of"]

LOOKS = ((1.0, 0.0), (0.86, 0.04), (1.15, -0.04))
"""Height of the window and its shift (in heights of capitals) of the first look at a place and of two more."""
MARGIN_CAPS = 3.5
SURE = 0.93
LEGIBLE = 0.17
"""Least probability of what is told about a place, over all looks at it."""
LEGIBLE_AT_THE_EDGE = 0.7
"""The same for a name wrong at its first or last letter, and at most the next: a window cuts these of a tilted line."""
LEGIBLE_WITH_FAULTS = 0.5
"""The same for a name with several faults: it may be another word misread, such as ``Elasticsearch`` in tiny print."""
AGREEING = 2
"""Least number of looks that must show something like a name there: one alone may have misread a neighbour."""
_SLIGHT = 1e-3
"""Least weight of what is left alone: never none."""
_SIGNS = frozenset("lIit1|!xXoO0C")
"""What is read for a slash, a number, a dagger or a text cursor after a name, a cross, a ring or a copyright mark."""
_EDGE_FRAMES = 5
_NEAR_CAPS = 1.2
"""So close to the page's edge, in heights of capitals, that a letter may be cut there and not be read at all."""

Frames = Callable[[int], np.ndarray]
"""Returns the frames of look ``i`` at a place, float32 (T, CLASSES), each row a distribution."""


def window_of(proposal: Proposal, look: int) -> LineWindow:
    """Return the part of the page that a look at a place shows."""
    stretch, shift = LOOKS[look]
    margin = MARGIN_CAPS * proposal.cap_px
    grown = proposal.cap_px * (stretch - 1) / 2
    moved = proposal.cap_px * shift
    return LineWindow.around(
        top=proposal.y0 - grown + moved,
        baseline=proposal.y1 + grown + moved,
        x0=proposal.x0 - margin,
        x1=proposal.x1 + margin,
    )


@attrs.frozen
class Sighting:
    """A finding and how legible it was, to keep the better of two of the same place."""

    finding: Finding
    weight: float
    """How legible it was, times how sure the finder was of the place."""
    left_alone: bool = False
    """Whether it was read as an identifier, which no other, worse reading of the same place may accuse."""


def turned(sightings: Iterable[Sighting], region: Region) -> Iterator[Sighting]:
    """Yield sightings, made in an upright part of a page, as they lie on the page itself; half a name is left out.

    The edges of a tilted part lie inside of what it looks like upright, so that a name they cut looked whole there.
    """
    for sighting in sightings:
        finding = sighting.finding
        box = region.on_page(finding.box)
        near = _NEAR_CAPS * (finding.box[3] - finding.box[1])
        across, down = (near, 1.0) if abs(region.tilt) < QUARTER // 2 else (1.0, near)
        inside = (
            region.x0 + across <= box[0]
            and box[2] <= region.x1 - across
            and region.y0 + down <= box[1]
            and box[3] <= region.y1 - down
        )
        if inside or region.turn != TILTED or finding.verdict is Verdict.CORRECT:
            yield attrs.evolve(sighting, finding=attrs.evolve(finding, box=box))


def pairs_of(text: str) -> set[str]:
    """Return the pairs of neighbouring letters in a text, without case and spaces."""
    letters = text.lower().replace(" ", "")
    return {letters[i : i + 2] for i in range(len(letters) - 1)}


def _differs_at_an_end(text: str, name: str) -> bool:
    """Return whether a name's first or last letter is wrong, missing or one too many, and at most the next one too."""
    first = text[0] != name[0] and text.endswith(name[2:])
    last = text[-1] != name[-1] and text.startswith(name[:-2])
    return first or last or text[:-1] == name


def _least_to_accuse(text: str, name: str) -> float:
    """Return how legible a wrong spelling has to be."""
    if _differs_at_an_end(text, name):
        return LEGIBLE_AT_THE_EDGE
    return LEGIBLE_WITH_FAULTS if kind_of(text, name) is Kind.SEVERAL else LEGIBLE


def _lacks_its_first(occurrence: Occurrence) -> bool:
    """Return whether an occurrence is small letters for want of its first one, which would be the capital."""
    return occurrence.text == occurrence.name[1:].lower()


def _ends_in_a_sign(text: str, name: str) -> bool:
    """Return whether a text is a name and one sign more that need not be a letter: a slash or a ring looks the same.

    Nor is a capital accused that may as well begin another word.
    """
    if text[:-1] == name and text[-1] in capitals_behind(name)[1]:
        return True
    return text[:-1] in {name, name.upper(), name.lower()} and text[-1] in _SIGNS


@attrs.frozen(eq=False)
class _Look:
    """One reading of a place, at some magnification."""

    window: LineWindow
    reading: Reading
    occurrences: list[Occurrence]

    def span(self, occurrence: Occurrence) -> tuple[float, float]:
        """Return the page's x of an occurrence's first and last column."""
        first = float(self.reading.first[occurrence.start]) * FRAME_PX
        last = float(self.reading.last[occurrence.stop - 1] + 1) * FRAME_PX
        return self.window.page_x(first), self.window.page_x(last)

    def at(self, x: float) -> Occurrence | None:
        """Return the occurrence that covers an x of the page."""
        for occurrence in self.occurrences:
            x0, x1 = self.span(occurrence)
            if x0 <= x <= x1:
                return occurrence
        return None

    def frames(self, occurrence: Occurrence) -> np.ndarray:
        """Return the frames of an occurrence, and of the capitals it is glued to, which say that it is a word."""
        text = self.reading.text
        before, after = text[: occurrence.start][-1:], text[occurrence.stop :][:1]
        return self.reading.slice(
            occurrence.start - before.isupper(), min(len(text), occurrence.stop + 2 * after.isupper())
        )

    def resembles(self, names: Sequence[str]) -> bool:
        """Return whether what is read has something of a name in it, so that another look is worth its time."""
        letters = pairs_of(self.reading.text)
        return any(len(pairs_of(name) & letters) * 4 >= len(pairs_of(name)) for name in names)

    def weigh(self, occurrence: Occurrence) -> tuple[float, float, str]:
        """Return P(the name stands there, spelled right), how much speaks for a wrong spelling, and that spelling.

        It is the one that is read or, where the name is read, its rival: see
        :mod:`elasticache_police.runtime.rivals`.
        """
        frames = self.frames(occurrence)
        right = spelled(frames, occurrence.name)
        if occurrence.text == occurrence.text.upper():
            right = min(1.0, right + spelled(frames, occurrence.name.upper()))
        if occurrence.kind is not None:
            return right, spelled(frames, occurrence.text), occurrence.text
        text = self._rival(occurrence)
        return right, HABIT * spelled(frames, text) if text else 0.0, text

    def _rival(self, occurrence: Occurrence) -> str:
        """Return the wrong spelling that is likeliest where the right one is read; empty where there is no doubt."""
        path = rival(self.reading, occurrence.text, occurrence.start)
        if path is None:
            return ""
        begin, end = self.reading.around(occurrence.start, occurrence.stop)
        return written(path[begin:end]).strip()


@attrs.frozen(kw_only=True)
class _Place:
    """A proposal on a page of some size, and the names to look for."""

    proposal: Proposal
    width: int
    height: int
    names: Sequence[str]

    def look(self, frames: np.ndarray, number: int) -> _Look:
        window = window_of(self.proposal, number)
        reading = read(frames)
        if not reading.text:
            return _Look(window, reading, [])
        near = _NEAR_CAPS * self.proposal.cap_px
        found = occurrences(
            reading.columns,
            self.names,
            cut_left=reading.first[0] < _EDGE_FRAMES or window.page_x(float(reading.first[0]) * FRAME_PX) < near,
            cut_right=reading.last[-1] >= len(frames) - _EDGE_FRAMES
            or window.page_x(float(reading.last[-1] + 1) * FRAME_PX) > self.width - near,
        )
        return _Look(window, reading, found)

    def sighting(self, look: _Look, occurrence: Occurrence, *, right: float, wrong: float, text: str) -> Sighting:
        score = right if wrong == 0.0 else right / (right + wrong)
        x0, x1 = look.span(occurrence)
        pad = 0.2 * self.proposal.cap_px
        box = (
            max(0, math.floor(x0 - pad)),
            max(0, math.floor(self.proposal.y0)),
            min(self.width, math.ceil(x1 + pad)),
            min(self.height, math.ceil(self.proposal.y1)),
        )
        correct = score >= 0.5
        finding = Finding(
            box=box,
            verdict=Verdict.CORRECT if correct else Verdict.MISSPELLED,
            score=score,
            reading=text,
            kind=None if correct else kind_of(text, occurrence.name),
            name=occurrence.name,
        )
        return Sighting(finding, (right + wrong) * self.proposal.score)

    def identifier(self, look: _Look, occurrence: Occurrence) -> Sighting:
        """Return that what stands here is to be left alone, as surely as it was read."""
        said = spelled(look.frames(occurrence), look.reading.text[occurrence.start : occurrence.stop])
        seen = self.sighting(look, occurrence, right=0.0, wrong=max(said, _SLIGHT), text=occurrence.text)
        return attrs.evolve(seen, left_alone=True)

    def together(self, looks: list[_Look], x: float) -> Sighting | None:
        """Weigh all looks at what stands at an x of the page; None when it cannot be told."""
        right = 0.0
        agreeing = 0
        texts: dict[str, float] = collections.defaultdict(float)
        best: tuple[float, _Look, Occurrence] | None = None
        for look in looks:
            occurrence = look.at(x)
            if occurrence is None or _lacks_its_first(occurrence):
                continue
            if occurrence.identifier:
                return self.identifier(look, occurrence)
            if occurrence.cut:
                return None
            agreeing += 1
            good, bad, other = look.weigh(occurrence)
            right += good / len(looks)
            if bad:
                texts[other] += bad / len(looks)
            if best is None or max(good, bad) > best[0]:
                best = (max(good, bad), look, occurrence)
        wrong = sum(texts.values())
        if best is None or agreeing < AGREEING or right + wrong < LEGIBLE:
            return None
        text = best[2].name if right >= wrong else max(texts, key=lambda key: texts[key])
        if right < wrong and right + wrong < _least_to_accuse(text, best[2].name):
            return None
        if right < wrong and _ends_in_a_sign(text, best[2].name):
            return None
        return self.sighting(best[1], best[2], right=right, wrong=wrong, text=text)


def judge(proposal: Proposal, frames: Frames, *, width: int, height: int, names: Sequence[str]) -> Iterator[Sighting]:
    """Read a place and yield what stands there: from one look when that is plainly right, else from three together.

    Args:
        proposal: The place.
        frames: Gives the frames of a look.
        width: Pixels of the page.
        height: Pixels of the page.
        names: The names to police.
    """
    here = _Place(proposal=proposal, width=width, height=height, names=names)
    looks = [here.look(frames(0), 0)]
    weighed = [(occurrence, looks[0].weigh(occurrence)[0]) for occurrence in looks[0].occurrences]
    plain = [(occurrence, right) for occurrence, right in weighed if right >= SURE and not occurrence.identifier]
    for occurrence, right in plain:
        yield here.sighting(looks[0], occurrence, right=right, wrong=0.0, text=occurrence.text)
    if len(plain) == len(weighed) and (weighed or not looks[0].resembles(names)):
        return
    for number in range(1, len(LOOKS)):
        if sum(bool(look.occurrences) for look in looks) + len(LOOKS) - number < AGREEING:
            return  # whatever the looks still to come show, too few agree
        looks.append(here.look(frames(number), number))
    done = [looks[0].span(occurrence) for occurrence, _ in plain]
    for look in looks:
        for occurrence in look.occurrences:
            x0, x1 = look.span(occurrence)
            middle = (x0 + x1) / 2
            if not any(a <= middle <= b for a, b in done):
                done.append((x0, x1))
                sighting = here.together(looks, middle)
                if sighting is not None:
                    yield sighting


def distinct(sightings: Iterable[Sighting]) -> tuple[Finding, ...]:
    """Keep the weightiest of sightings of the same place, in reading order, without what is to be left alone."""
    kept: list[Sighting] = []
    for sighting in sorted(sightings, key=lambda one: -one.weight):
        x0, y0, x1, y1 = sighting.finding.box
        middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
        if not any(
            (a0 <= middle_x <= a1 and b0 <= middle_y <= b1) or (x0 <= (a0 + a1) / 2 <= x1 and y0 <= (b0 + b1) / 2 <= y1)
            for a0, b0, a1, b1 in (other.finding.box for other in kept)
        ):
            kept.append(sighting)
    return tuple(_in_reading_order([one.finding for one in kept if not one.left_alone]))


def _in_reading_order(findings: list[Finding]) -> list[Finding]:
    """Sort line by line; findings belong to a line when their middles lie within half its height."""
    ordered: list[Finding] = []
    left = sorted(findings, key=lambda finding: finding.box[1] + finding.box[3])
    while left:
        first = left[0].box
        middle, reach = (first[1] + first[3]) / 2, (first[3] - first[1]) / 2
        line = [finding for finding in left if abs((finding.box[1] + finding.box[3]) / 2 - middle) <= reach]
        ordered += sorted(line, key=lambda finding: finding.box[0])
        left = [finding for finding in left if finding not in line]
    return ordered
