"""``elasticache-police inspect``: look at pictures, say what is misspelled, leave with a telling exit code."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
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
@click.option("--model", metavar="DIR", help="A model's folder.  [default: the packaged one]")
@click.option("--on-ecs", metavar="CLUSTER", help="Inspect an S3 prefix, s3://BUCKET/PREFIX, with tasks on a cluster.")
@click.option("--tasks", type=click.IntRange(min=1), help="Tasks on that cluster.  [default: 4]")
@click.option("--results", metavar="S3URI", help="Where those tasks put results.  [default: in the pictures' bucket]")
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
    on_ecs: str | None,
    tasks: int | None,
    results: str | None,
    quiet: bool,
) -> None:
    """Find misspelled names in pictures.

    PATH is a picture, a PDF, a folder (searched with everything below it), a glob in quotes, or - for standard input.
    What a file is follows from its content, not from its name.
    """
    if on_ecs is not None:
        local = {"--annotate": annotate_dir, "--min-confidence": min_confidence, "--jobs": jobs}
        ctx.exit(
            _inspect_on_ecs(
                paths, local, format_, on_ecs, tasks=tasks, results=results, names=names, model=model, output=output
            )
        )
    if tasks is not None or results is not None:
        raise click.UsageError("--tasks and --results are about --on-ecs CLUSTER")
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


def _inspect_on_ecs(
    paths: tuple[str, ...],
    local: Mapping[str, object],
    format_: str,
    cluster: str,
    *,
    tasks: int | None,
    results: str | None,
    names: tuple[str, ...],
    model: str | None,
    output: str | None,
) -> int:
    """Hand an S3 prefix to a cluster; refuse what only this machine could do."""
    if len(paths) != 1 or not paths[0].startswith("s3://"):
        raise click.UsageError("--on-ecs takes one s3://BUCKET/PREFIX")
    if format_ not in {"text", "json"}:
        raise click.UsageError(f"--format {format_} does not go with --on-ecs; text and json do")
    for option, value in local.items():
        if value is not None:
            raise click.UsageError(f"{option} does not go with --on-ecs")
    from elasticache_police.cli.ecs import inspect_collection

    return inspect_collection(
        paths[0],
        cluster=cluster,
        tasks=4 if tasks is None else tasks,
        results=results,
        names=names,
        model=model,
        form=format_,
        output=output,
    )


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
