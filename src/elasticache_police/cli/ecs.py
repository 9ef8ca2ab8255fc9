"""``elasticache-police ecs``: machines of one's own in a cluster, and tasks on them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from elasticache_police.ecs_anywhere.roles import HOST_ROLE, OPERATIONS

if TYPE_CHECKING:
    from elasticache_police._aws import Request
    from elasticache_police._waiting import Progress
    from elasticache_police.ecs_anywhere import Cluster, HostOptions, LogLine

__all__ = ["ecs", "inspect_collection"]

_F = TypeVar("_F", bound=Callable[..., object])


def _options(*options: Callable[[_F], _F]) -> Callable[[_F], _F]:
    def decorate(function: _F) -> _F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


_aws_options: Callable[[_F], _F] = _options(
    click.option("--region", help="AWS region.  [default: the profile's]"),
    click.option("--profile", help="AWS profile.  [default: boto3's own chain]"),
)
_dry_run: Callable[[_F], _F] = _options(
    click.option("--dry-run", is_flag=True, help="Print every call it would make, and make none.")
)
_host_options: Callable[[_F], _F] = _options(
    click.option("--windows", is_flag=True, help="The host runs Windows Server."),
    click.option("--gpu", is_flag=True, help="Let tasks ask for the host's NVIDIA GPUs."),
    click.option(
        "--docker-source",
        type=click.Choice(["all", "docker", "distro", "none"]),
        default="all",
        show_default=True,
        help="Where the installer takes Docker from; none if it is there (always on RHEL).",
    ),
    click.option("--proxy", metavar="URL", help="HTTP proxy for the installer, Docker and both agents."),
    click.option("--no-proxy", multiple=True, metavar="ADDRESS", help="Bypasses the proxy; may be repeated."),
    click.option("--certs-file", metavar="PATH", help="Certificates on the host that ECS Exec trusts."),
    click.option("--ecs-version", help="Version of the ECS agent.  [default: the latest]"),
)
_task_options: Callable[[_F], _F] = _options(
    click.option("--task-role", metavar="ARN", help="IAM role of the code in the container."),
    click.option("--execution-role", metavar="ARN", help="IAM role with which the agent pulls images and logs."),
    click.option(
        "--launch-type",
        type=click.Choice(["EXTERNAL", "FARGATE", "EC2"]),
        default="EXTERNAL",
        show_default=True,
        help="Your own machines, AWS's capacity, or EC2 instances.",
    ),
    click.option("--subnet", "subnets", multiple=True, help="For FARGATE; may be repeated."),
    click.option("--cpu", "cpu_units", type=int, default=2048, show_default=True, help="CPU units, 1024 to a core."),
    click.option("--memory", "memory_mib", type=int, default=4096, show_default=True, help="Memory limit in MiB."),
)


def _cluster(name: str, region: str | None, profile: str | None) -> Cluster:
    from elasticache_police.ecs_anywhere import Cluster

    if profile is None:
        return Cluster(name, region=region)
    import boto3
    from botocore.exceptions import ProfileNotFound

    from elasticache_police.errors import ConfigurationError

    try:
        return Cluster(name, session=boto3.session.Session(profile_name=profile), region=region)
    except ProfileNotFound as error:
        raise ConfigurationError(str(error)) from error


def _host(**given: object) -> HostOptions:
    from elasticache_police.ecs_anywhere import HostOptions

    windows = given.pop("windows")
    return HostOptions(operating_system="windows" if windows else "linux", **given)  # type: ignore[arg-type]


def _show_plan(plan: Iterable[Request]) -> None:
    for number, one in enumerate(plan, 1):
        click.echo(f"{number}. {one.service}:{one.operation}")
        click.echo(json.dumps(one.parameters, indent=2, default=str, ensure_ascii=False))


class _Status:
    """Shows on standard error how a wait goes: every change, or on a terminal one line that changes."""

    def __init__(self) -> None:
        self._last = ""
        self._terminal = sys.stderr.isatty()

    def __call__(self, now: Progress) -> None:
        if now.status == self._last and not self._terminal:
            return
        self._last = now.status
        text = f"[{now.elapsed_s:5.0f} s] {now.waited_for}: {now.status}"
        click.echo(f"\r\x1b[K{text[:200]}" if self._terminal else text, err=True, nl=not self._terminal)

    def end(self) -> None:
        if self._terminal and self._last:
            click.echo(err=True)


def _print_log(line: LogLine) -> None:
    click.echo(f"{line.timestamp:%H:%M:%S} {line.task_id[:8]} {line.message}")


@click.group()
def ecs() -> None:
    """Register your own machines with Amazon ECS Anywhere and run tasks on them."""


@ecs.command()
@click.argument("cluster")
@click.option("--limit", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many machines may join.")
@click.option(
    "--hours", type=click.FloatRange(0, 720, min_open=True), default=24, show_default=True, help="How long it works."
)
@click.option("--role", default=HOST_ROLE, show_default=True, help="IAM role that the machines assume.")
@click.option("--create-missing", is_flag=True, help="Make the cluster and the role if they do not exist.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="Put on everything; may be repeated.")
@click.option(
    "--as",
    "form",
    type=click.Choice(["command", "script", "cloud-init"]),
    default="command",
    show_default=True,
    help="What to print: the install command, a script that checks the host first, or user data.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to this file, readable by you only.",
)
@_host_options
@_dry_run
@_aws_options
def activate(
    *,
    cluster: str,
    limit: int,
    hours: float,
    role: str,
    create_missing: bool,
    tags: tuple[str, ...],
    form: str,
    output: Path | None,
    dry_run: bool,
    region: str | None,
    profile: str | None,
    **host: object,
) -> None:
    """Make an activation for CLUSTER and print what to run on the machines.

    What is printed holds the activation code, a secret: whoever has it can register machines in your account.
    """
    import datetime as dt

    from elasticache_police import ecs_anywhere

    options = _host(**host)
    labels = dict(_pair(tag) for tag in tags)
    place = _cluster(cluster, region, profile)
    life = dt.timedelta(hours=hours)
    if dry_run:
        _show_plan(
            ecs_anywhere.plan_activation(
                place, limit=limit, expires_in=life, role=role, tags=labels, create_missing=create_missing
            )
        )
        return
    activation = ecs_anywhere.create_activation(
        place, limit=limit, expires_in=life, role=role, tags=labels, create_missing=create_missing
    )
    make = {
        "command": ecs_anywhere.install_command,
        "script": ecs_anywhere.install_script,
        "cloud-init": ecs_anywhere.cloud_init,
    }[form]
    text = make(activation, options)
    click.echo(
        f"activation {activation.activation_id}: up to {limit} machine(s), for {hours:g} h. "
        "The text holds its code, a secret.",
        err=True,
    )
    if output is None:
        click.echo(text)
        return
    _write_private(output, text + "\n")
    click.echo(f"written to {click.format_filename(output)}; delete it when the machines have joined", err=True)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise click.BadParameter(f"a tag is written as NAME=VALUE, not {text!r}")
    return name, value


def _write_private(path: Path, text: str) -> None:
    from elasticache_police.errors import ConfigurationError

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o600)
            file.write(text)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error


@ecs.command("check-script")
@click.option("--region", required=True, help="AWS region of the cluster.")
@_host_options
def check_script(*, region: str, **host: object) -> None:
    """Print a script that says whether a Linux host is ready to be registered. It changes nothing."""
    from elasticache_police import ecs_anywhere

    click.echo(ecs_anywhere.check_script(region, _host(**host)), nl=False)


@ecs.command("wait")
@click.argument("cluster")
@click.argument("machines", type=click.IntRange(min=1), default=1)
@click.option("--activation", metavar="ID", help="Count only machines that registered with this activation.")
@click.option("--timeout", "timeout_s", type=float, default=1800, show_default=True, help="Seconds.")
@_aws_options
def wait(
    *, cluster: str, machines: int, activation: str | None, timeout_s: float, region: str | None, profile: str | None
) -> None:
    """Wait until MACHINES of your own have joined CLUSTER and their agents are connected."""
    from elasticache_police import ecs_anywhere

    status = _Status()
    try:
        found = ecs_anywhere.wait_registered(
            _cluster(cluster, region, profile), machines, activation=activation, timeout_s=timeout_s, on_progress=status
        )
    finally:
        status.end()
    for one in found:
        click.echo(one.instance_id)


@ecs.command()
@click.argument("cluster")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@_aws_options
def instances(*, cluster: str, form: str, region: str | None, profile: str | None) -> None:
    """List the machines of CLUSTER: connection, capacity, tasks, agent."""
    import attrs

    from elasticache_police import ecs_anywhere

    found = ecs_anywhere.instances(_cluster(cluster, region, profile))
    if form == "json":
        click.echo(json.dumps([attrs.asdict(one) for one in found], indent=2, default=str))
        return
    from rich.console import Console
    from rich.table import Column, Table

    names = ("agent", "status", "CPU free", "MiB free", "GPUs free", "tasks", "version")
    table = Table(Column("machine", overflow="fold", min_width=20), *names)
    for one in found:
        table.add_row(
            one.instance_id,
            str(one.connection),
            one.status,
            f"{one.cpu_units_free}/{one.cpu_units}",
            f"{one.memory_mib_free}/{one.memory_mib}",
            f"{one.gpus_free}/{len(one.gpus)}",
            f"{one.running_tasks}+{one.pending_tasks}",
            one.agent_version,
        )
    Console().print(table)


@ecs.command()
@click.argument("cluster")
@click.argument("instance")
@click.option("--stop-tasks", is_flag=True, help="Stop its tasks rather than wait for them to end.")
@click.option("--force", is_flag=True, help="Do not wait: tasks run on, unknown to ECS.")
@click.option("--timeout", "timeout_s", type=float, default=1800, show_default=True, help="Seconds to wait for tasks.")
@_dry_run
@_aws_options
def leave(
    *,
    cluster: str,
    instance: str,
    stop_tasks: bool,
    force: bool,
    timeout_s: float,
    dry_run: bool,
    region: str | None,
    profile: str | None,
) -> None:
    """Take INSTANCE (mi-...) out of CLUSTER and out of Systems Manager, and print how to clean it up.

    Safe to repeat: what is gone already counts as done.
    """
    from elasticache_police import ecs_anywhere

    place = _cluster(cluster, region, profile)
    if dry_run:
        for one in ecs_anywhere.instances(place):
            if instance in (one.instance_id, one.arn):
                _show_plan(ecs_anywhere.plan_leave(place, one, stop_tasks=stop_tasks, force=force))
        return
    status = _Status()
    try:
        gone = ecs_anywhere.leave(
            place, instance, stop_tasks=stop_tasks, force=force, timeout_s=timeout_s, on_progress=status
        )
    finally:
        status.end()
    click.echo(
        f"{gone.instance_id}: {len(gone.deregistered)} registration(s) removed from ECS, "
        f"{'removed from' if gone.left_systems_manager else 'unknown to'} Systems Manager, "
        f"{len(gone.stopped_tasks)} task(s) stopped",
        err=True,
    )
    for arn in gone.abandoned_tasks:
        click.echo(f"still running on the machine, unknown to ECS: {arn}", err=True)
    click.echo("now run this on the machine:", err=True)
    click.echo(gone.cleanup_command)


@ecs.command("delete-activation")
@click.argument("activation")
@_aws_options
def delete_activation(*, activation: str, region: str | None, profile: str | None) -> None:
    """Delete an activation, so that no further machine can register with it."""
    from elasticache_police import ecs_anywhere

    deleted = ecs_anywhere.delete_activation(_cluster("default", region, profile), activation)
    click.echo("deleted" if deleted else "it was gone already", err=True)


@ecs.command("cleanup-command")
@click.option("--windows", is_flag=True, help="The host runs Windows Server.")
def cleanup_command(*, windows: bool) -> None:
    """Print what to run on a machine that has left, before it can register again."""
    from elasticache_police import ecs_anywhere

    click.echo(ecs_anywhere.cleanup_command("windows" if windows else "linux"))


@ecs.command()
@click.argument("cluster")
@click.option("--fonts", required=True, metavar="S3URI", help="Prefix of font files.")
@click.option("--out", required=True, metavar="S3URI", help="The model.tar.gz to write.")
@click.option("--image", required=True, help="URI of the training image.")
@click.option("--name", default="ElastiCache", show_default=True, help="The name to police.")
@click.option("--gpus", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--timeout", "timeout_s", type=float, default=86_400, show_default=True, help="Seconds.")
@click.option("--wait-for-room", "placement_timeout_s", type=float, default=0, show_default=True, help="Seconds.")
@click.option("--stop-on-interrupt", is_flag=True, help="On Ctrl-C stop the task; the next call resumes.")
@click.argument("train_arguments", nargs=-1, type=click.UNPROCESSED)
@_task_options
@_dry_run
@_aws_options
def train(
    *,
    cluster: str,
    fonts: str,
    out: str,
    image: str,
    name: str,
    gpus: int,
    timeout_s: float,
    placement_timeout_s: float,
    stop_on_interrupt: bool,
    train_arguments: tuple[str, ...],
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
    """Train a model in a container on CLUSTER; arguments after -- go to `elasticache-police train`.

    The log is streamed here; the last line is the model's URI, as `elasticache-police deploy` takes it.
    """
    from elasticache_police import ecs_anywhere

    spec = ecs_anywhere.training_spec(
        fonts=fonts,
        out=out,
        image=image,
        name=name,
        task_role_arn=task_role,
        execution_role_arn=execution_role,
        launch_type=launch_type,
        cpu_units=cpu_units,
        memory_mib=memory_mib,
        gpus=gpus,
        subnets=subnets,
        log_group="/ecs/elasticache-police" if execution_role else None,
        train_arguments=train_arguments,
    )
    place = _cluster(cluster, region, profile)
    if dry_run:
        _show_plan(ecs_anywhere.plan_training(place, spec))
        return
    status = _Status()
    try:
        trained = ecs_anywhere.train(
            place,
            spec,
            placement_timeout_s=placement_timeout_s,
            timeout_s=timeout_s,
            on_log=_print_log,
            on_progress=status,
            stop_on_interrupt=stop_on_interrupt,
        )
    finally:
        status.end()
    click.echo(trained.model_data_url)


@ecs.command("register-inspector")
@click.argument("cluster")
@click.option("--image", required=True, help="URI of the inspection image.")
@_task_options
@_dry_run
@_aws_options
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
    place = _cluster(cluster, region, profile)
    if dry_run:
        _show_plan(ecs_anywhere.plan_run(place, spec)[:1])
        return
    if spec.log_group is not None:
        ecs_anywhere.ensure_log_group(place, spec.log_group)
    click.echo(ecs_anywhere.register_task(place, spec).arn)


@ecs.command()
def work() -> None:
    """Be one worker of a collection, as the environment says; what every inspection task runs."""
    from elasticache_police.ecs_anywhere.worker import main

    click.get_current_context().exit(main())


@ecs.command()
@click.argument("operation", type=click.Choice(sorted(OPERATIONS)))
@click.option("--cluster", default="police", show_default=True)
@click.option("--region", default="*", show_default=True)
@click.option("--account", default="*", show_default=True)
@click.option("--bucket", default="BUCKET", show_default=True)
@click.option("--data-prefix", default="", help="Where in the bucket the data lie.")
@click.option("--results-prefix", default="", help="Where in the bucket results go.")
def policy(*, operation: str, **places: str) -> None:
    """Print the least IAM permissions of OPERATION."""
    from elasticache_police import ecs_anywhere

    click.echo(json.dumps(ecs_anywhere.policy(operation, **places), indent=2))


@ecs.command("inspect")
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
@_dry_run
@_aws_options
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
        cluster=_cluster(cluster, region, profile),
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
        _show_plan(ecs_anywhere.plan_inspection(place, source, task, results=results, tasks=tasks))
        return 0
    status = _Status()
    try:
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
    finally:
        status.end()
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
