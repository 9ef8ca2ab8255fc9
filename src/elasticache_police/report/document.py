"""Reports as one JSON document, and their counts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TypedDict

import attrs

from elasticache_police.findings import Report, ReportDict, Verdict

__all__ = [
    "DocumentDict",
    "Summary",
    "SummaryDict",
    "Tally",
    "json_pieces",
    "render_json",
    "summarise",
    "to_document",
]


class SummaryDict(TypedDict):
    """Counts as JSON."""

    files: int
    unreadable: int
    pages: int
    findings: int
    correct: int
    misspelled: int


class DocumentDict(TypedDict):
    """What ``inspect --format json`` writes."""

    version: int
    files: list[ReportDict]
    summary: SummaryDict


@attrs.frozen(kw_only=True)
class Summary:
    """Counts over a run."""

    files: int = 0
    """Pictures and documents asked for."""
    unreadable: int = 0
    """Those that could not be read."""
    pages: int = 0
    """Pages and frames looked at."""
    correct: int = 0
    """Names spelled right."""
    misspelled: int = 0
    """Names spelled wrong."""

    @property
    def exit_code(self) -> int:
        """0 clean, 1 misspellings, 2 something could not be read."""
        if self.unreadable:
            return 2
        return 1 if self.misspelled else 0

    def to_dict(self) -> SummaryDict:
        """Return plain data for JSON."""
        return {
            "files": self.files,
            "unreadable": self.unreadable,
            "pages": self.pages,
            "findings": self.correct + self.misspelled,
            "correct": self.correct,
            "misspelled": self.misspelled,
        }

    def __str__(self) -> str:
        parts = [f"{self.misspelled} misspelled", f"{self.correct} correct"]
        if self.unreadable:
            parts.append(f"{_count(self.unreadable, 'file')} unreadable")
        return f"{_count(self.files, 'file')}, {_count(self.pages, 'page')}: {', '.join(parts)}"


class Tally:
    """Counts reports while they pass by, so that nobody has to hold them for their counts."""

    def __init__(self) -> None:
        self.summary = Summary()
        """Of those that have passed so far."""

    def over(self, reports: Iterable[Report]) -> Iterator[Report]:
        """Yield the reports as they are."""
        for report in reports:
            wrong = sum(finding.verdict is Verdict.MISSPELLED for finding in report.findings)
            before = self.summary
            self.summary = Summary(
                files=before.files + 1,
                unreadable=before.unreadable + (report.error is not None),
                pages=before.pages + len(report.pages),
                correct=before.correct + len(report.findings) - wrong,
                misspelled=before.misspelled + wrong,
            )
            yield report


def summarise(reports: Iterable[Report]) -> Summary:
    """Count what reports say."""
    tally = Tally()
    for _ in tally.over(reports):
        pass
    return tally.summary


def to_document(reports: Iterable[Report]) -> DocumentDict:
    """Return reports as the JSON document that ``inspect --format json`` writes."""
    reports = tuple(reports)
    return {
        "version": 1,
        "files": [report.to_dict() for report in reports],
        "summary": summarise(reports).to_dict(),
    }


def render_json(reports: Iterable[Report]) -> str:
    """Return :func:`to_document` as text that ends with a newline."""
    return "".join(json_pieces(reports))


def json_pieces(reports: Iterable[Report]) -> Iterator[str]:
    """Yield :func:`render_json` a report at a time: no two are held at once."""
    tally = Tally()
    yield '{\n  "version": 1,\n  "files": ['
    before = "\n    "
    for report in tally.over(reports):
        yield before + _indented(report.to_dict(), 4)
        before = ",\n    "
    yield "\n  ]" if tally.summary.files else "]"
    yield f',\n  "summary": {_indented(tally.summary.to_dict(), 2)}\n}}\n'


def _indented(data: ReportDict | SummaryDict, spaces: int) -> str:
    """Return JSON whose lines after the first are indented: line breaks in texts are written out in JSON."""
    return json.dumps(data, ensure_ascii=False, indent=2).replace("\n", "\n" + " " * spaces)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
