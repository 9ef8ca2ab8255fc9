"""``elasticache-police inspect``: look at pictures, say what is misspelled, leave with a telling exit code."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click

from elasticache_police.cli.annotator import Annotator
from elasticache_police.cli.elsewhere import Elsewhere
from elasticache_police.cli.pictures import Picture, find_pictures, input_of
from elasticache_police.cli.writing import FORMATS, check_folder, check_output, write_reports
from elasticache_police.errors import PoliceError
from elasticache_police.findings import Report
from elasticache_police.report.words import printable

__all__ = ["inspect"]


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
    type=click.Choice(FORMATS),
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
@click.option("--run", "run_id", metavar="RUN", help="Go on with an interrupted run on that cluster.")
@click.option("--on-sagemaker", metavar="MODEL", help="Inspect an S3 prefix by batch transform with a SageMaker model.")
@click.option(
    "--results", metavar="S3URI", help="Where those two put results.  [default: elasticache-police/ in the bucket]"
)
@click.option(
    "--dry-run", is_flag=True, help="With one of those two: print every call it would make, and change nothing."
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
    on_ecs: str | None,
    on_sagemaker: str | None,
    tasks: int | None,
    run_id: str | None,
    results: str | None,
    dry_run: bool,
    quiet: bool,
) -> None:
    """Find misspelled names in pictures.

    PATH is a picture, a PDF, a folder (searched with everything below it), a glob in quotes, or - for standard input.
    What a file is follows from its content, not from its name.
    """
    elsewhere = Elsewhere(
        paths=paths,
        form=format_,
        output=output,
        names=names,
        model=model,
        results=results,
        min_confidence=min_confidence,
        quiet=quiet,
        dry_run=dry_run,
        local={"--annotate": annotate_dir, "--jobs": jobs},
    )
    if on_ecs is not None:
        ctx.exit(elsewhere.on_ecs(on_ecs, tasks=tasks, run_id=run_id))
    _refuse_where_given("is about --on-ecs CLUSTER", {"--tasks": tasks, "--run": run_id})
    if on_sagemaker is not None:
        ctx.exit(elsewhere.on_sagemaker(on_sagemaker))
    _refuse_where_given(
        "is about --on-ecs and --on-sagemaker: without them no call is made",
        {"--results": results, "--dry-run": dry_run or None},
    )
    in_s3 = next((path for path in paths if path.startswith("s3://")), None)
    _refuse_where_given("is inspected with --on-ecs CLUSTER or --on-sagemaker MODEL", {str(in_s3): in_s3})
    from elasticache_police.client import Police

    check_output(output)
    check_folder("--annotate", annotate_dir)
    pictures = find_pictures(paths, skip=None if annotate_dir is None else Path(annotate_dir))
    annotator = None if annotate_dir is None else Annotator(Path(annotate_dir), pictures)
    wanted = names or None
    police = (
        Police(wanted, min_confidence=min_confidence)
        if model is None
        else Police.from_model(model, wanted, min_confidence=min_confidence)
    )
    reports = []
    failed = False  # to write a copy
    with _quiet_pillow(), contextlib.ExitStack() as stack:
        stream = police.inspect_many(map(input_of, pictures), jobs=jobs)
        stack.callback(stream.close)
        for picture, report in zip(pictures, _with_progress(stream, len(pictures)), strict=True):
            if report.error is not None:
                click.echo(f"error: {printable(report.error)}", err=True)
            if annotator is not None:
                failed |= not _annotated(annotator, picture, report)
            reports.append(report)
    summary = write_reports(reports, format_, output, quiet=quiet)
    if annotator is not None and annotator.written:
        click.echo(f"annotated copies: {len(annotator.written)} in {click.format_filename(annotator.folder)}", err=True)
    ctx.exit(2 if failed else summary.exit_code)


def _refuse_where_given(why: str, options: Mapping[str, object]) -> None:
    for option, value in options.items():
        if value is not None:
            raise click.UsageError(f"{option} {why}")


def _annotated(annotator: Annotator, picture: Picture, report: Report) -> bool:
    """Write copies of a picture; an error is told and loses no report."""
    try:
        annotator.write(picture, report)
    except PoliceError as error:
        click.echo(f"error: {printable(str(error))}", err=True)
        return False
    return True


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
