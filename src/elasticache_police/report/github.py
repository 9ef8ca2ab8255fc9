"""Reports as GitHub's workflow commands, which become annotations in a pull request.

Their form: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from elasticache_police.report.document import summarise
from elasticache_police.report.words import misspellings, sentence

if TYPE_CHECKING:
    from elasticache_police.findings import Report

__all__ = ["render_github"]


def render_github(reports: Iterable[Report]) -> str:
    """Return one ``::error`` line for each misspelling and unreadable file, and a last line of counts."""
    reports = tuple(reports)
    lines = []
    for report in reports:
        if report.error is not None:
            lines.append(_command(report.source, "Unreadable picture", report.error))
        lines += [
            _command(report.source, "Misspelled name", sentence(report, page, finding))
            for page, finding in misspellings(report)
        ]
    lines.append(str(summarise(reports)))
    return "\n".join(lines) + "\n"


def _command(file: str, title: str, message: str) -> str:
    return f"::error file={_escaped_property(file)},line=1,title={_escaped_property(title)}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
