"""Reports as a table for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from elasticache_police.findings import Report, Verdict
from elasticache_police.report.document import summarise
from elasticache_police.report.words import describe, place, printable

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_text"]

_STYLES = {Verdict.MISSPELLED: "bold red", Verdict.CORRECT: "green"}


def print_text(reports: Iterable[Report], console: Console, *, only_misspelled: bool = False) -> None:
    """Print a table of findings and a line of counts.

    Args:
        reports: What to print; unreadable files are counted, their errors are not repeated here.
        console: Where to; its width is kept to.
        only_misspelled: Leave out names that are spelled right.
    """
    reports = tuple(reports)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("file", overflow="fold")
    table.add_column("place", overflow="fold")
    table.add_column("reading", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    for report in reports:
        for page in report.pages:
            for finding in page.findings:
                if only_misspelled and finding.verdict is not Verdict.MISSPELLED:
                    continue
                table.add_row(
                    Text(printable(report.source)),
                    Text(place(report, page, finding)),
                    Text(printable(finding.reading)),
                    Text(describe(finding), style=_STYLES[finding.verdict]),
                    f"{finding.score:.3f}",
                )
    if table.row_count:
        console.print(table)
        console.print()
    console.print(Text(str(summarise(reports))))
