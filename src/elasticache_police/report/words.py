"""Findings in words: the phrases that every form of report uses."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from elasticache_police.findings import Finding, Page, Report, Verdict

__all__ = ["describe", "misspellings", "place", "printable", "sentence"]


def describe(finding: Finding) -> str:
    """Return the verdict in words: ``correct``, or ``misspelled: extra letter``."""
    words = finding.verdict.value
    return words if finding.kind is None else f"{words}: {finding.kind.value.replace('_', ' ')}"


def place(report: Report, page: Page, finding: Finding) -> str:
    """Return where a finding is: ``page 2, 120,55-340,80``; the page is left out where there is only one."""
    x0, y0, x1, y1 = finding.box
    where = f"{x0},{y0}-{x1},{y1}"
    return f"page {page.number}, {where}" if len(report.pages) > 1 else where


def sentence(report: Report, page: Page, finding: Finding) -> str:
    """Return a misspelling in a sentence for a log: what is written, what should be, and where."""
    kind = "" if finding.kind is None else f" ({finding.kind.value.replace('_', ' ')})"
    where = place(report, page, finding)
    return f'"{finding.reading}" should be "{finding.name}"{kind}, at {where}; score {finding.score:.3f}'


def misspellings(report: Report) -> Iterator[tuple[Page, Finding]]:
    """Yield each misspelling with its page."""
    for page in report.pages:
        for finding in page.findings:
            if finding.verdict is Verdict.MISSPELLED:
                yield page, finding


def printable(text: str) -> str:
    """Return text that cannot steer a terminal: control characters and broken Unicode are written out."""
    return "".join(
        character
        if unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
