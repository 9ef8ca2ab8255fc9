"""Inspecting a collection of pictures in S3 with tasks on a cluster."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from elasticache_police.cli._aws_options import account_options, account_words
from elasticache_police.cli.ecs._shared import (
    SECONDS,
    Status,
    cluster_of,
    dry_run_option,
    log_group_for,
    looked_up,
    show_plan,
    task_options,
)
from elasticache_police.cli.writing import FORMATS, check_output, write_reports
from elasticache_police.errors import PoliceError

if TYPE_CHECKING:
    from elasticache_police._waiting import Progress
    from elasticache_police.ecs_anywhere import Cluster, CollectionReport

__all__ = ["inspect", "inspect_collection", "register_inspector", "work"]

DAY_S = 86_400.0


@click.command("register-inspector")
@click.argument("cluster")
@click.option("--image", required=True, help="URI of the inspection image.")
@task_options
@dry_run_option
@account_options
def register_inspector(
    *,
    cluster: str,
    image: str,
    task_role: str | None,
    execution_role: str | None,
    launch_type: str,
    subnets: tuple[str, ...],
    security_groups: tuple[str, ...],
    public_ip: bool,
    cpu_units: int,
    memory_mib: int,
    dry_run: bool,
    region: str | None,
    profile: str | None,
) -> None:
    """Register the task that `inspect s3://... --on-ecs CLUSTER` runs; once per image and size."""
    from elasticache_police import ecs_anywhere
    from elasticache_police.ecs_anywhere.inspection import FAMILY

    spec = ecs_anywhere.TaskSpec(
        family=FAMILY,
        image=image,
        task_role_arn=task_role,
        execution_role_arn=execution_role,
        launch_type=launch_type,
        subnets=subnets,
        security_groups=security_groups,
        assign_public_ip=public_ip,
        cpu_units=cpu_units,
        memory_mib=memory_mib,
        volumes=(ecs_anywhere.Volume(name="tmp", container_path="/tmp"),),  # noqa: S108  the container's own
        log_group=log_group_for(execution_role),
    )
    place = cluster_of(cluster, region, profile)
    if dry_run:
        logs = () if spec.log_group is None else ecs_anywhere.plan_log_group(spec.log_group)
        show_plan((*logs, ecs_anywhere.plan_register(place, spec)))
        return
    if spec.log_group is not None:
        ecs_anywhere.ensure_log_group(place, spec.log_group)
    click.echo(ecs_anywhere.register_task(place, spec).arn)


@click.command()
def work() -> None:
    """Be one worker of a collection, as the environment says; what every inspection task runs."""
    from elasticache_police.ecs_anywhere.worker import main

    click.get_current_context().exit(main())


@click.command("inspect")
@click.argument("source", metavar="S3URI")
@click.option("--cluster", required=True)
@click.option("--tasks", type=click.IntRange(min=1), default=4, show_default=True, help="How many tasks.")
@click.option("--task", "family", help="The registered task to run.  [default: elasticache-police-inspect]")
@click.option("--results", metavar="S3URI", help="Where results go.  [default: elasticache-police/ in the bucket]")
@click.option("--name", "names", multiple=True, help="A name to police; may be repeated.")
@click.option("--model", metavar="DIR", help="A model's folder, or s3:// of a packed one.  [default: the packaged one]")
@click.option(
    "--min-confidence",
    type=click.FloatRange(0.0, 1.0),
    help="Leave out findings with less confidence.  [default: the model's own]",
)
@click.option("--run", "run_id", help="Go on with an interrupted run.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="Write the report to a file.")
@click.option("--quiet", "-q", is_flag=True, help="Leave names that are spelled right out of the table.")
@click.option("--timeout", "timeout_s", type=SECONDS, default=DAY_S, show_default=True, help="Seconds.")
@dry_run_option
@account_options
def inspect(*, source: str, cluster: str, region: str | None, profile: str | None, **options: object) -> None:
    """Inspect every picture below S3URI with tasks on a cluster; the same as `inspect S3URI --on-ecs CLUSTER`."""
    code = inspect_collection(source, cluster=cluster_of(cluster, region, profile), **options)  # type: ignore[arg-type]
    click.get_current_context().exit(code)


def inspect_collection(
    source: str,
    *,
    cluster: Cluster | str,
    tasks: int = 4,
    family: str | None = None,
    results: str | None = None,
    names: tuple[str, ...] = (),
    model: str | None = None,
    min_confidence: float | None = None,
    run_id: str | None = None,
    form: str = "text",
    output: str | None = None,
    quiet: bool = False,
    timeout_s: float = DAY_S,
    dry_run: bool = False,
) -> int:
    """Inspect an S3 prefix on a cluster, write the merged report and return the exit code.

    Args:
        source: ``s3://bucket/prefix``.
        cluster: Where the tasks run.
        tasks: How many.
        family: The registered task; None for ``elasticache-police-inspect``.
        results: Where results go.
        names: The policed names; empty for the model's own.
        model: A model's directory or ``s3://`` of a packed one; None for the packaged one.
        min_confidence: Findings with less confidence are left out; None for the model's own threshold.
        run_id: Goes on with that run.
        form: One of :data:`~elasticache_police.cli.writing.FORMATS`.
        output: A file for the report; None for standard output.
        quiet: Leave names that are spelled right out of the table.
        timeout_s: Seconds after which to give up.
        dry_run: Print the calls, and make none but the one that looks the task up.
    """
    from elasticache_police import ecs_anywhere
    from elasticache_police.ecs_anywhere.cluster import as_cluster
    from elasticache_police.ecs_anywhere.collection_run import new_run_id
    from elasticache_police.ecs_anywhere.inspection import FAMILY

    place = as_cluster(cluster)
    task = family or FAMILY
    if dry_run:
        show_plan(
            ecs_anywhere.plan_inspection(
                place,
                source,
                looked_up(place, task),
                results=results,
                tasks=tasks,
                names=names,
                model=model,
                min_confidence=min_confidence,
                run_id=run_id or "<run>",
            )
        )
        return 0
    check_output(output)
    run_id = run_id or new_run_id()
    to_go_on = _command(
        source,
        {
            "--cluster": place.name,
            "--run": run_id,
            "--tasks": str(tasks),
            "--task": family,
            "--results": results,
            "--model": model,
            "--min-confidence": None if min_confidence is None else str(min_confidence),
            "--timeout": None if timeout_s == DAY_S else f"{timeout_s:g}",
            "--format": None if form == "text" else form,
            "--output": output,
        },
        names,
        quiet=quiet,
    )
    has_begun = False

    def tell(now: Progress) -> None:
        nonlocal has_begun
        if not has_begun:  # from here on there is something to go on with
            click.echo(f"run {run_id}; if this process is killed, go on with: {to_go_on}", err=True)
            has_begun = True
        status(now)

    with Status() as status:
        try:
            merged = ecs_anywhere.inspect_on(
                place,
                source,
                task,
                results=results,
                tasks=tasks,
                names=names,
                model=model,
                min_confidence=min_confidence,
                run_id=run_id,
                timeout_s=timeout_s,
                on_progress=tell,
            )
        except (KeyboardInterrupt, PoliceError) as error:
            if getattr(error, "__notes__", ()):  # there is something to go on with
                error.add_note(f"that is: {to_go_on}")
            raise
    try:
        summary = write_reports(ecs_anywhere.iter_report(place, merged), form, output, quiet=quiet)
    finally:  # the merged report is there, whatever becomes of this one
        _tell(merged)
    return summary.exit_code


def _tell(merged: CollectionReport) -> None:
    """Say on standard error what came out, and where it is."""
    from elasticache_police.report.words import printable

    for failure in merged.failures:
        click.echo(f"error: {printable(failure.file)}: {printable(failure.reason)}", err=True)
    click.echo(
        f"{merged.pictures} pictures ({merged.skipped} known from before), {merged.misspelled_pictures} with "
        f"{merged.misspelled_findings} misspelled names, {len(merged.failures)} unreadable; "
        f"{merged.elapsed_s:.0f} s, {merged.pictures_per_s:.1f} pictures a second; report: {merged.report_uri}",
        err=True,
    )
    if merged.dead_letter_queue_url:
        click.echo(f"pictures nobody could inspect wait in {merged.dead_letter_queue_url}", err=True)
    for one in merged.left_behind:
        click.echo(f"could not be deleted: {one}", err=True)


def _command(source: str, options: Mapping[str, str | None], names: tuple[str, ...], *, quiet: bool) -> str:
    """Return the command line that inspects a collection with these options, for the same account and region."""
    words = [source, *(word for option, value in options.items() if value is not None for word in (option, value))]
    words += [word for name in names for word in ("--name", name)]
    words += [*(["--quiet"] if quiet else []), *account_words()]
    return f"elasticache-police ecs inspect {shlex.join(words)}"
