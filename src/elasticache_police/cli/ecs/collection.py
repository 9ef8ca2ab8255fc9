"""Inspecting a collection of pictures in S3 with tasks on a cluster."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from elasticache_police.cli._aws_options import account_options
from elasticache_police.cli.ecs._shared import Status, cluster_of, dry_run_option, show_plan, task_options

if TYPE_CHECKING:
    from elasticache_police.ecs_anywhere import Cluster

__all__ = ["inspect", "inspect_collection", "register_inspector", "work"]


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
        cpu_units=cpu_units,
        memory_mib=memory_mib,
        volumes=(ecs_anywhere.Volume(name="tmp", container_path="/tmp"),),  # noqa: S108  the container's own
        log_group="/ecs/elasticache-police" if execution_role else None,
    )
    place = cluster_of(cluster, region, profile)
    if dry_run:
        show_plan(ecs_anywhere.plan_run(place, spec)[:1])
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
@click.option("--run", "run_id", help="Go on with an interrupted run.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--timeout", "timeout_s", type=float, default=86_400, show_default=True, help="Seconds.")
@dry_run_option
@account_options
def inspect(
    *,
    source: str,
    cluster: str,
    tasks: int,
    family: str | None,
    results: str | None,
    names: tuple[str, ...],
    model: str | None,
    run_id: str | None,
    form: str,
    timeout_s: float,
    dry_run: bool,
    region: str | None,
    profile: str | None,
) -> None:
    """Inspect every picture below S3URI with tasks on a cluster; the same as `inspect S3URI --on-ecs CLUSTER`."""
    code = inspect_collection(
        source,
        cluster=cluster_of(cluster, region, profile),
        tasks=tasks,
        family=family,
        results=results,
        names=names,
        model=model,
        run_id=run_id,
        form=form,
        timeout_s=timeout_s,
        dry_run=dry_run,
    )
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
    run_id: str | None = None,
    form: str = "text",
    output: str | None = None,
    timeout_s: float = 86_400.0,
    dry_run: bool = False,
) -> int:
    """Inspect an S3 prefix on a cluster, print the merged report and return the exit code.

    Args:
        source: ``s3://bucket/prefix``.
        cluster: Where the tasks run.
        tasks: How many.
        family: The registered task; None for ``elasticache-police-inspect``.
        results: Where results go.
        names: The policed names; empty for the model's own.
        model: A model's directory or ``s3://`` of a packed one; None for the packaged one.
        run_id: Goes on with that run.
        form: ``text`` or ``json``.
        output: A file for the report; None for standard output.
        timeout_s: Seconds after which to give up.
        dry_run: Print the calls, make none.
    """
    from elasticache_police import ecs_anywhere
    from elasticache_police.ecs_anywhere import _s3
    from elasticache_police.ecs_anywhere.cluster import as_cluster
    from elasticache_police.ecs_anywhere.inspection import FAMILY

    place = as_cluster(cluster)
    task = family or FAMILY
    if dry_run:
        show_plan(ecs_anywhere.plan_inspection(place, source, task, results=results, tasks=tasks))
        return 0
    with Status() as status:
        report = ecs_anywhere.inspect_on(
            place,
            source,
            task,
            results=results,
            tasks=tasks,
            names=names,
            model=model,
            run_id=run_id,
            timeout_s=timeout_s,
            on_progress=status,
        )
    merged = _s3.read(place.clients, _s3.parse(report.report_uri)).decode()
    text = merged if form == "json" else _as_text(json.loads(merged)["files"])
    if output is None:
        click.echo(text, nl=False)
    else:
        Path(output).write_text(text, encoding="utf-8")
    for failure in report.failures:
        click.echo(f"error: {failure.file}: {failure.reason}", err=True)
    click.echo(
        f"{report.pictures} pictures ({report.skipped} known from before), {report.misspelled_pictures} with "
        f"{report.misspelled_findings} misspelled names, {len(report.failures)} unreadable; "
        f"{report.elapsed_s:.0f} s, {report.pictures_per_s:.1f} pictures a second; report: {report.report_uri}",
        err=True,
    )
    if report.dead_letter_queue_url:
        click.echo(f"pictures nobody could inspect wait in {report.dead_letter_queue_url}", err=True)
    if report.failures:
        return 2
    return 1 if report.misspelled_findings else 0


def _as_text(files: Iterable[dict[str, object]]) -> str:
    """Return a line per misspelled name: file, page, box, reading, score."""
    lines = []
    for file in files:
        pages = file["pages"]
        for page in pages if isinstance(pages, list) else []:
            lines += [
                f"{file['file']}\tpage {page['page']}\t{','.join(map(str, found['box']))}\t"
                f"{found['reading']}\t{found['score']}\n"
                for found in page["findings"]
                if found["verdict"] == "misspelled"
            ]
    return "".join(lines)
