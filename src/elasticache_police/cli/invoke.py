"""``elasticache-police invoke``: ask an endpoint about pictures, in the words and exit codes of ``inspect``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

import click

from elasticache_police.cli._aws_options import account_options, aws_session
from elasticache_police.cli._signals import interrupted_by_signals
from elasticache_police.cli.pictures import find_pictures, input_of
from elasticache_police.errors import ConfigurationError
from elasticache_police.findings import Verdict

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_s3 import S3Client

    from elasticache_police.client import Police
    from elasticache_police.findings import Report

__all__ = ["invoke", "show"]

_FORMAT, _WIRE = "text", "base64"


@click.command()
@click.argument("endpoint_name", metavar="ENDPOINT")
@click.argument("paths", metavar="PATH...", nargs=-1)
@click.option("--classify", "as_crops", is_flag=True, help="Each picture is one line of text: print its score.")
@click.option(
    "--wire",
    type=click.Choice(["base64", "floats"]),
    default=_WIRE,
    show_default=True,
    help="With --classify: as pictures, or as the classic nested lists of numbers.",
)
@click.option("--async", "input_url", metavar="S3URL", help="The endpoint is asynchronous; requests are put here.")
@click.option("--submit", is_flag=True, help="With --async: hand over, print a ticket a line, and do not wait.")
@click.option("--tickets", type=click.File(encoding="utf-8"), help="Fetch the answers to what --submit printed.")
@click.option("--keep-requests", is_flag=True, help="Leave requests in S3 when their answers were read.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default=_FORMAT, show_default=True)
@click.option("--min-confidence", type=click.FloatRange(0.0, 1.0), help="Leave out findings with less confidence.")
@click.option("--name", "names", multiple=True, help="A name that the endpoint's model polices.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Requests at once.")
@click.option("--serverless", is_flag=True, help="The endpoint is serverless: requests are kept within 4 MB, not 6.")
@click.option("--timeout-s", default=900.0, show_default=True, help="With --async: time to wait for an answer.")
@account_options
@click.pass_context
@interrupted_by_signals()
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
    keep_requests: bool,
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

    _check_together(
        {
            "PATH": bool(paths),
            "--classify": as_crops,
            "--wire": wire != _WIRE,
            "--async": input_url is not None,
            "--submit": submit,
            "--tickets": tickets is not None,
            "--keep-requests": keep_requests,
            "--format": format_ != _FORMAT,
            "--min-confidence": min_confidence is not None,
            "--name": bool(names),
            "--jobs": jobs is not None,
            "--serverless": serverless,
        }
    )
    session = aws_session(region, profile)
    wanted = names or None
    if tickets is not None:
        ctx.exit(show(list(_fetched(tickets, timeout_s, session, keep_requests=keep_requests)), format_))
    if input_url is None:
        police = Police.from_endpoint(
            endpoint_name,
            wanted,
            min_confidence=min_confidence,
            limit_bytes=SERVERLESS_LIMIT if serverless else None,
            session=session,
        )
    else:
        police = Police.from_async(
            endpoint_name,
            wanted,
            input_url=input_url,
            min_confidence=min_confidence,
            timeout_s=timeout_s,
            keep_requests=keep_requests,
            session=session,
        )
    pictures = [input_of(picture) for picture in find_pictures(paths)]
    if submit:
        for picture in pictures:
            click.echo(police.submit(picture).to_json())
    elif as_crops:
        ctx.exit(_classify(police, [str(path) for path in pictures], wire, format_))
    else:
        ctx.exit(show(list(police.inspect_many(pictures, jobs=jobs)), format_))


def _check_together(given: Mapping[str, bool]) -> None:
    """Refuse options that would have no effect beside each other.

    Args:
        given: Whether each was given.

    Raises:
        UsageError: Some would, or one is missing.
    """
    alone = {
        "--tickets": {"--format", "--keep-requests"},
        "--submit": {"PATH", "--async", "--min-confidence", "--name"},
    }
    for option, partners in alone.items():
        strange = [other for other, there in given.items() if there and other not in {option, *partners}]
        if given[option] and strange:
            raise click.UsageError(f"{option} goes without {', '.join(strange)}")
    if given["--classify"] and (given["--jobs"] or given["--name"] or given["--min-confidence"]):
        raise click.UsageError(
            "--classify prints the score of every picture: leave --jobs, --name, --min-confidence out"
        )
    if given["--wire"] and not given["--classify"]:
        raise click.UsageError("--wire goes with --classify: pages travel as pictures")
    if given["--serverless"] and given["--async"]:
        raise click.UsageError("an endpoint is serverless or asynchronous: give --serverless or --async")
    if given["--submit"] and not given["--async"]:
        raise click.UsageError("--submit goes with --async S3URL")
    if given["--keep-requests"] and not given["--async"] and not given["--tickets"]:
        raise click.UsageError("--keep-requests goes with --async S3URL or --tickets")
    if not given["PATH"] and not given["--tickets"]:
        raise click.UsageError("name at least one picture")


def _fetched(tickets: TextIO, timeout_s: float, session: Session, *, keep_requests: bool) -> Iterator[Report]:
    """Yield the answers to tickets, a line each; one that cannot be had leaves the others theirs."""
    from elasticache_police import _aws
    from elasticache_police.errors import AwsError, WaitTimeoutError
    from elasticache_police.findings import Report
    from elasticache_police.tickets import Ticket

    s3 = cast("S3Client", _aws.client("s3", session=session))
    for ticket in [Ticket.from_json(line) for line in tickets if line.strip()]:
        try:
            yield ticket.result(timeout_s, keep_request=keep_requests, client=s3)
        except (AwsError, WaitTimeoutError) as error:
            yield Report(source=ticket.source, error=str(error))


def _classify(police: Police, paths: list[str], wire: str, format_: str) -> int:
    """Print a score a picture; return the exit code."""
    answers = police.classify([Path(path) for path in paths], wire="floats" if wire == "floats" else "base64")
    pairs = list(zip(paths, answers, strict=True))
    if format_ == "json":
        rows = [{"source": path, "score": answer.score, "verdict": str(answer.verdict)} for path, answer in pairs]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for path, answer in pairs:
            click.echo(f"{answer.score:.4f}\t{answer.verdict}\t{path}")
    return int(any(answer.verdict is Verdict.MISSPELLED for answer in answers))


def show(reports: list[Report], format_: str) -> int:
    """Print reports to standard output and return the exit code."""
    from elasticache_police.report.document import render_json, summarise
    from elasticache_police.report.words import printable

    for report in reports:
        if report.error is not None:
            click.echo(f"error: {printable(report.source)}: {printable(report.error)}", err=True)
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
