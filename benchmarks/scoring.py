"""Truth against answers: accuracy on crops, precision, recall and F1 on pages, for the whole and for every part.

A finding hits an occurrence when the centre of either box lies in the other. ``identifier`` and ``other_case``
occurrences expect nothing: a ``misspelled`` on an identifier is counted apart (``identifiers_flagged``), as it must
never happen, and not as a false alarm of the total.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from benchmarks.fonts import ODD
from benchmarks.manifest import Occurrence, Truth
from benchmarks.matching import Found
from benchmarks.worker import Result

__all__ = [
    "CropScore",
    "Miss",
    "PageScore",
    "Tally",
    "face_class",
    "height_class",
    "reliability",
    "score_crops",
    "score_pages",
]

_HEIGHTS = ((9.5, "7-9 px"), (12.5, "10-12 px"), (20.5, "13-20 px"), (60.5, "21-60 px"))


@attrs.define
class Tally:
    """Counts of one part of the truth."""

    hits: int = 0
    misses: int = 0
    false_alarms: int = 0
    right_seen: int = 0
    right_missed: int = 0

    @property
    def precision(self) -> float:
        """Share of alarms that were right; 1 when there was none."""
        return self.hits / (self.hits + self.false_alarms) if self.hits + self.false_alarms else 1.0

    @property
    def recall(self) -> float:
        """Share of misspellings found; 1 when there was none."""
        return self.hits / (self.hits + self.misses) if self.hits + self.misses else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall (van Rijsbergen, Information Retrieval, 1979)."""
        return (
            2 * self.precision * self.recall / (self.precision + self.recall) if self.precision + self.recall else 0.0
        )


@attrs.frozen(kw_only=True)
class Miss:
    """A mistake of a system: what was there, what it said."""

    file: str
    truth: str
    said: str
    box: tuple[float, ...]


@attrs.define
class PageScore:
    """How a system did on a set of pages."""

    total: Tally = attrs.Factory(Tally)
    parts: dict[str, dict[str, Tally]] = attrs.Factory(dict)
    identifiers: int = 0
    identifiers_flagged: int = 0
    pages: int = 0
    pages_with_false_alarm: int = 0
    misses: list[Miss] = attrs.Factory(list)
    false_alarms: list[Miss] = attrs.Factory(list)


@attrs.define
class CropScore:
    """How a system did on a set of crops: (right answers, asked) of the whole and of every part."""

    right: int = 0
    asked: int = 0
    parts: dict[str, dict[str, tuple[int, int]]] = attrs.Factory(dict)
    wrong: list[Miss] = attrs.Factory(list)

    @property
    def accuracy(self) -> float:
        """Share of right verdicts."""
        return self.right / self.asked if self.asked else 0.0


def height_class(cap_px: float) -> str:
    """Return the class of a capital's height in pixels."""
    return next((name for limit, name in _HEIGHTS if cap_px < limit), "above 60 px")


def face_class(font: str) -> str:
    """Return what sort of face it is, of a family and a weight such as ``kalam-700``."""
    return "hand or display" if font.rpartition("-")[0] in ODD else "text"


_AMAZON = {"no": "alone", "line": "after Amazon/AWS", "above": "Amazon/AWS above"}
_INK_OVER_CAP = 0.95  # a box measured by hand is a little higher than the capitals in it
_PARTS: dict[str, Callable[[Occurrence], str]] = {
    "kind": lambda o: o.get("kind") or "right spelling",
    "height": lambda o: height_class(o.get("cap_px", (o["box"][3] - o["box"][1]) * _INK_OVER_CAP)),
    "polarity": lambda o: o.get("polarity", "unknown"),
    "amazon": lambda o: _AMAZON.get(o.get("amazon", ""), "unknown"),
    "face": lambda o: face_class(o["font"]) if "font" in o else "unknown",
}


def score_pages(truths: Sequence[Truth], answers: Sequence[Result]) -> PageScore:
    """Score the answers, given in the order of the truths."""
    score = PageScore(pages=len(truths))
    for truth, answer in zip(truths, answers, strict=True):
        found, used = answer.get("findings", []), set[int]()
        before = score.total.false_alarms
        for written in truth["occurrences"]:
            hits = [i for i, finding in enumerate(found) if _hit(finding["box"], written["box"])]
            used.update(hits)
            _count(score, truth, written, [found[i] for i in hits])
        part = score.parts.setdefault("page", {}).setdefault(truth.get("page_kind", "picture"), Tally())
        for i, finding in enumerate(found):
            if i not in used and finding["verdict"] == "misspelled":
                score.total.false_alarms += 1
                part.false_alarms += 1
                score.false_alarms.append(
                    Miss(file=truth["file"], truth="(nothing)", said=finding["reading"], box=tuple(finding["box"]))
                )
        score.pages_with_false_alarm += score.total.false_alarms > before
    return score


def _count(score: PageScore, truth: Truth, written: Occurrence, found: list[Found]) -> None:
    said = {finding["verdict"] for finding in found}
    reading = ", ".join(finding["reading"] for finding in found) or "(nothing)"
    mistake = Miss(file=truth["file"], truth=written["word"], said=reading, box=tuple(written["box"]))
    if written["verdict"] not in {"correct", "misspelled"}:
        if written["verdict"] == "identifier":
            score.identifiers += 1
            score.identifiers_flagged += "misspelled" in said
        return
    page = {"page": truth.get("page_kind", "picture")}
    names = {name: part(written) for name, part in _PARTS.items()} | page
    tallies = [score.total, *(score.parts.setdefault(p, {}).setdefault(v, Tally()) for p, v in names.items())]
    for tally in tallies:
        if written["verdict"] == "misspelled":
            tally.hits += "misspelled" in said
            tally.misses += "misspelled" not in said
        else:
            tally.false_alarms += "misspelled" in said
            tally.right_seen += said == {"correct"}
            tally.right_missed += not said
    if written["verdict"] == "misspelled" and "misspelled" not in said:
        score.misses.append(mistake)
    if written["verdict"] == "correct" and "misspelled" in said:
        score.false_alarms.append(mistake)


def score_crops(truths: Sequence[Truth], answers: Sequence[Result]) -> CropScore:
    """Score the verdicts on crops, given in the order of the truths; ``unread`` is wrong."""
    score = CropScore()
    for truth, answer in zip(truths, answers, strict=True):
        written = truth["occurrences"][0]
        right = answer.get("verdict") == written["verdict"]
        score.right += right
        score.asked += 1
        for name, part in _PARTS.items():
            values = score.parts.setdefault(name, {})
            good, asked = values.get(part(written), (0, 0))
            values[part(written)] = (good + right, asked + 1)
        if not right:
            said = f"{answer.get('verdict')}: {answer.get('reading', '')}"
            score.wrong.append(Miss(file=truth["file"], truth=written["word"], said=said, box=()))
    return score


def reliability(
    truths: Sequence[Truth], answers: Sequence[Result], *, bins: int = 10
) -> list[tuple[float, float, int]]:
    """Return (mean score, share that is right, count) for each tenth of P(correct) that holds a crop."""
    rows: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for truth, answer in zip(truths, answers, strict=True):
        p = answer.get("score")
        if p is not None:
            rows[min(int(p * bins), bins - 1)].append((p, truth["occurrences"][0]["verdict"] == "correct"))
    return [
        (sum(p for p, _ in row) / len(row), sum(right for _, right in row) / len(row), len(row)) for row in rows if row
    ]


def _hit(a: Sequence[float], b: Sequence[float]) -> bool:
    return _inside(a, b) or _inside(b, a)


def _inside(a: Sequence[float], b: Sequence[float]) -> bool:
    x, y = (a[0] + a[2]) / 2, (a[1] + a[3]) / 2
    return b[0] <= x <= b[2] and b[1] <= y <= b[3]
