"""Reports as GitHub's workflow commands, which become annotations in a pull request.

Their form: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from elasticache_police.report.document import Tally
from elasticache_police.report.words import misspellings, sentence

if TYPE_CHECKING:
    from elasticache_police.findings import Report

__all__ = ["github_pieces", "render_github"]


def render_github(reports: Iterable[Report]) -> str:
    """Return one ``::error`` line for each misspelling and unreadable file, and a last line of counts."""
    return "".join(github_pieces(reports))


def github_pieces(reports: Iterable[Report]) -> Iterator[str]:
    """Yield :func:`render_github` a line at a time."""
    tally = Tally()
    for report in tally.over(reports):
        if report.error is not None:
            yield _command(report.source, "Unreadable picture", report.error)
        for page, finding in misspellings(report):
            yield _command(report.source, "Misspelled name", sentence(report, page, finding))
    yield f"{tally.summary}\n"


def _command(file: str, title: str, message: str) -> str:
    return f"::error file={_escaped_property(file)},line=1,title={_escaped_property(title)}::{_escaped(message)}\n"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
