"""Reports as a table for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from rich import box
from rich.table import Table
from rich.text import Text

from elasticache_police.findings import Finding, Page, Report, Verdict
from elasticache_police.report.document import Tally
from elasticache_police.report.words import describe, place, printable

if TYPE_CHECKING:
    from rich.console import Console

    from elasticache_police.report.document import Summary

__all__ = ["print_text"]

_Row: TypeAlias = tuple[Report, Page, Finding]
_NARROW, _WIDE = 80, 10_000
_ROWS = 5_000
"""Of a table at most."""
_STYLES = {Verdict.MISSPELLED: "bold red", Verdict.CORRECT: "green"}


def print_text(reports: Iterable[Report], console: Console, *, only_misspelled: bool = False) -> Summary:
    """Print a table of findings and a line of counts; of very many findings a line each instead of the table.

    Args:
        reports: What to print, held only as long as it has findings for a table; unreadable files are counted, their
            errors are not repeated here.
        console: Where to; its width is kept to.
        only_misspelled: Leave out names that are spelled right.

    Returns:
        The counts.
    """
    tally = Tally()
    rows: list[_Row] = []
    too_many = False
    for report in tally.over(reports):
        rows += [
            (report, page, finding)
            for page in report.pages
            for finding in page.findings
            if finding.verdict is Verdict.MISSPELLED or not only_misspelled
        ]
        if len(rows) > _ROWS:
            too_many = True
            _print_lines(rows, console)
            rows.clear()
    if too_many:
        _print_lines(rows, console)
    elif rows:
        table = _table(rows)
        wanted = console.measure(table, options=console.options.update(width=_WIDE)).maximum
        fits = wanted <= console.width or console.width >= _NARROW
        console.print(table if fits else _paragraphs(rows))
    if too_many or rows:
        console.print()
    console.print(Text(str(tally.summary)))
    return tally.summary


def _print_lines(rows: Iterable[_Row], console: Console) -> None:
    """Print a line for each finding, unfolded: laying out a table takes milliseconds a row."""
    lines = [
        f"{printable(report.source)}  {place(report, page, finding)}  {printable(finding.reading)}  "
        f"{describe(finding)}  {finding.score:.3f}"
        for report, page, finding in rows
    ]
    if lines:
        console.out("\n".join(lines), highlight=False)


def _table(rows: Iterable[_Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("file", overflow="fold")
    table.add_column("place", overflow="fold")
    table.add_column("reading", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    for report, page, finding in rows:
        table.add_row(
            Text(printable(report.source)),
            Text(place(report, page, finding)),
            Text(printable(finding.reading)),
            Text(describe(finding), style=_STYLES[finding.verdict]),
            f"{finding.score:.3f}",
        )
    return table


def _paragraphs(rows: Iterable[_Row]) -> Text:
    """Return the same for a terminal too narrow for a table: where, then what, a line each."""
    return Text("\n").join(
        Text.assemble(
            f"{printable(report.source)} {place(report, page, finding)}\n  {printable(finding.reading)}  ",
            (describe(finding), _STYLES[finding.verdict]),
            f"  {finding.score:.3f}",
        )
        for report, page, finding in rows
    )
