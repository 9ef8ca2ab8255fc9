"""``elasticache-police inspect``: look at pictures, say what is misspelled, leave with a telling exit code."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TextIO

import click

from elasticache_police.cli.annotator import Annotator
from elasticache_police.cli.pictures import find_pictures, input_of
from elasticache_police.errors import ConfigurationError
from elasticache_police.findings import Report
from elasticache_police.report.words import printable

__all__ = ["inspect"]

_FORMATS = ("text", "json", "sarif", "github", "html")


_EPILOG = """\b
Exit codes:
  0  every name is spelled right, or there is none
  1  at least one is misspelled
  2  a picture could not be read, or the command was not understood
"""


@click.command(epilog=_EPILOG)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option(
    "--format",
    "format_",
    type=click.Choice(_FORMATS),
    default="text",
    show_default=True,
    help="How to report: a table, JSON, SARIF for code scanning, GitHub annotations, or a web page.",
)
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="Write the report to a file.")
@click.option(
    "--annotate",
    "annotate_dir",
    type=click.Path(file_okay=False),
    help="Write a copy of each page with findings to this folder, the findings drawn on it.",
)
@click.option(
    "--min-confidence",
    type=click.FloatRange(0.0, 1.0),
    help="Leave out findings with less confidence, max(score, 1 - score).  [default: the model's own]",
)
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Pictures to look at at once.  [default: one a core]")
@click.option("--name", "names", multiple=True, help="A name to police; may be repeated.  [default: the model's own]")
@click.option(
    "--model", type=click.Path(exists=True, file_okay=False), help="A model's folder.  [default: the packaged one]"
)
@click.option("--quiet", "-q", is_flag=True, help="Leave names that are spelled right out of the table.")
@click.pass_context
def inspect(
    ctx: click.Context,
    *,
    paths: tuple[str, ...],
    format_: str,
    output: str | None,
    annotate_dir: str | None,
    min_confidence: float | None,
    jobs: int | None,
    names: tuple[str, ...],
    model: str | None,
    quiet: bool,
) -> None:
    """Find misspelled names in pictures.

    PATH is a picture, a PDF, a folder (searched with everything below it), a glob in quotes, or - for standard input.
    What a file is follows from its content, not from its name.
    """
    from elasticache_police.client import Police
    from elasticache_police.report.document import summarise

    pictures = find_pictures(paths, skip=None if annotate_dir is None else Path(annotate_dir))
    annotator = None if annotate_dir is None else Annotator(Path(annotate_dir), pictures)
    wanted = names or None
    police = (
        Police(wanted, min_confidence=min_confidence)
        if model is None
        else Police.from_model(model, wanted, min_confidence=min_confidence)
    )
    reports = []
    with _quiet_pillow(), contextlib.ExitStack() as stack:
        stream = police.inspect_many(map(input_of, pictures), jobs=jobs)
        stack.callback(stream.close)
        for picture, report in zip(pictures, _with_progress(stream, len(pictures)), strict=True):
            if report.error is not None:
                click.echo(f"error: {printable(report.error)}", err=True)
            if annotator is not None:
                annotator.write(picture, report)
            reports.append(report)
    _write(reports, format_, output, quiet=quiet)
    if annotator is not None and annotator.written:
        click.echo(f"annotated copies: {len(annotator.written)} in {click.format_filename(annotator.folder)}", err=True)
    ctx.exit(summarise(reports).exit_code)


@contextlib.contextmanager
def _quiet_pillow() -> Iterator[None]:
    """Say nothing of flaws in spite of which a picture can be read; those that matter are errors."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def _with_progress(reports: Iterable[Report], total: int) -> Iterator[Report]:
    """Show on standard error how far a run of several pictures is, if that is a terminal."""
    if total < 2 or not sys.stderr.isatty():
        yield from reports
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("inspecting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield from progress.track(reports, total=total)


def _write(reports: list[Report], format_: str, output: str | None, *, quiet: bool) -> None:
    """Write the report to a file or to standard output."""
    if output is None:
        sys.stdout.buffer.write(_rendered(reports, format_, sys.stdout, quiet=quiet))
        sys.stdout.buffer.flush()
        return
    try:
        with Path(output).open("w", encoding="utf-8") as file:
            file.buffer.write(_rendered(reports, format_, file, quiet=quiet))
    except OSError as error:
        raise ConfigurationError(f"--output {output}: {error.strerror}") from error


def _rendered(reports: list[Report], format_: str, destination: TextIO, *, quiet: bool) -> bytes:
    if format_ == "text":
        return _table(reports, destination, quiet=quiet)
    render: Callable[[Iterable[Report]], str]
    if format_ == "json":
        from elasticache_police.report.document import render_json as render
    elif format_ == "sarif":
        from elasticache_police.report.sarif import render_sarif as render
    elif format_ == "github":
        from elasticache_police.report.github import render_github as render
    else:
        from elasticache_police.report.html import render_html as render
    # A file's name may hold bytes that are no UTF-8: written \udc80, which is right in JSON and readable elsewhere.
    return render(reports).encode("utf-8", "backslashreplace")


def _table(reports: list[Report], destination: TextIO, *, quiet: bool) -> bytes:
    from rich.console import Console

    from elasticache_police.report.text import print_text

    # A pipe or a file has no width: nothing is folded or cut there.
    width = None if destination.isatty() else 10_000
    console = Console(file=destination, width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        print_text(reports, console, only_misspelled=quiet)
    return capture.get().encode(destination.encoding or "utf-8", "backslashreplace")
