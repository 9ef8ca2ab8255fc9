"""``elasticache-police invoke``: ask an endpoint about pictures, in the words and exit codes of ``inspect``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from elasticache_police.cli._aws_options import account_options, aws_session
from elasticache_police.cli.pictures import find_pictures, input_of
from elasticache_police.errors import ConfigurationError
from elasticache_police.findings import Verdict

if TYPE_CHECKING:
    from elasticache_police.client import Police
    from elasticache_police.findings import Report

__all__ = ["invoke", "show"]


@click.command()
@click.argument("endpoint_name", metavar="ENDPOINT")
@click.argument("paths", metavar="PATH...", nargs=-1)
@click.option("--classify", "as_crops", is_flag=True, help="Each picture is one line of text: print its score.")
@click.option(
    "--wire",
    type=click.Choice(["base64", "floats"]),
    default="base64",
    show_default=True,
    help="With --classify: as pictures, or as the classic nested lists of numbers.",
)
@click.option("--async", "input_url", metavar="S3URL", help="The endpoint is asynchronous; requests are put here.")
@click.option("--submit", is_flag=True, help="With --async: hand over, print a ticket a line, and do not wait.")
@click.option("--tickets", type=click.File(encoding="utf-8"), help="Fetch the answers to what --submit printed.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--min-confidence", type=click.FloatRange(0.0, 1.0), help="Leave out findings with less confidence.")
@click.option("--name", "names", multiple=True, help="A name that the endpoint's model polices.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Requests at once.")
@click.option("--serverless", is_flag=True, help="The endpoint is serverless: requests are kept within 4 MB, not 6.")
@click.option("--timeout-s", default=900.0, show_default=True, help="With --async: time to wait for an answer.")
@account_options
@click.pass_context
def invoke(
    ctx: click.Context,
    *,
    endpoint_name: str,
    paths: tuple[str, ...],
    as_crops: bool,
    wire: str,
    input_url: str | None,
    submit: bool,
    tickets: TextIO | None,
    format_: str,
    min_confidence: float | None,
    names: tuple[str, ...],
    jobs: int | None,
    serverless: bool,
    timeout_s: float,
    region: str | None,
    profile: str | None,
) -> None:
    """Ask ENDPOINT about pictures, PDFs and folders; exit codes as for inspect."""
    from elasticache_police._wire import SERVERLESS_LIMIT
    from elasticache_police.client import Police

    session = aws_session(region, profile)
    wanted = names or None
    if tickets is not None:
        ctx.exit(show(list(_fetched(tickets, timeout_s, region, profile)), format_))
    if not paths:
        raise click.UsageError("name at least one picture")
    if input_url is None:
        police = Police.from_endpoint(
            endpoint_name,
            wanted,
            min_confidence=min_confidence,
            limit_bytes=SERVERLESS_LIMIT if serverless else None,
            session=session,
        )
    elif serverless:
        raise click.UsageError("an endpoint is serverless or asynchronous: give --serverless or --async")
    else:
        police = Police.from_async(
            endpoint_name,
            wanted,
            input_url=input_url,
            min_confidence=min_confidence,
            timeout_s=timeout_s,
            session=session,
        )
    pictures = [input_of(picture) for picture in find_pictures(paths)]
    if submit:
        if input_url is None:
            raise click.UsageError("--submit goes with --async S3URL")
        for picture in pictures:
            click.echo(police.submit(picture).to_json())
    elif as_crops:
        ctx.exit(_classify(police, [str(path) for path in pictures], wire))
    else:
        ctx.exit(show(list(police.inspect_many(pictures, jobs=jobs)), format_))


def _fetched(tickets: TextIO, timeout_s: float, region: str | None, profile: str | None) -> Iterator[Report]:
    from elasticache_police.errors import InvocationError, WaitTimeoutError
    from elasticache_police.findings import Report
    from elasticache_police.tickets import Ticket

    session = aws_session(region, profile)
    for line in tickets:
        if line.strip():
            ticket = Ticket.from_json(line)
            try:
                yield ticket.result(timeout_s, session=session)
            except (InvocationError, WaitTimeoutError) as error:
                yield Report(source=ticket.source, error=str(error))


def _classify(police: Police, paths: list[str], wire: str) -> int:
    """Print a score a picture; return the exit code."""
    answers = police.classify([Path(path) for path in paths], wire="floats" if wire == "floats" else "base64")
    for path, answer in zip(paths, answers, strict=True):
        click.echo(f"{answer.score:.4f}\t{answer.verdict}\t{path}")
    return int(any(answer.verdict is Verdict.MISSPELLED for answer in answers))


def show(reports: list[Report], format_: str) -> int:
    """Print reports to standard output and return the exit code."""
    from elasticache_police.report.document import render_json, summarise

    for report in reports:
        if report.error is not None:
            click.echo(f"error: {report.source}: {report.error}", err=True)
    if format_ == "json":
        click.echo(render_json(reports))
    elif format_ == "text":
        from rich.console import Console

        from elasticache_police.report.text import print_text

        width = None if sys.stdout.isatty() else 10_000
        print_text(reports, Console(width=width, highlight=False, markup=False, emoji=False))
    else:
        raise ConfigurationError(f"no format {format_!r}")
    return summarise(reports).exit_code
