"""Commands about machines of one's own: registering them, seeing them, letting them go."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from pathlib import Path

import click

from elasticache_police.cli._aws_options import account_options, key_values
from elasticache_police.cli.ecs._shared import (
    SECONDS,
    Status,
    cluster_of,
    dry_run_option,
    host_of,
    host_options,
    show_plan,
)
from elasticache_police.ecs_anywhere.roles import HOST_ROLE

__all__ = [
    "activate",
    "activations",
    "check_script",
    "cleanup_command",
    "delete_activation",
    "instances",
    "leave",
    "wait",
]


@click.command()
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
@host_options
@dry_run_option
@account_options
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
    from elasticache_police import ecs_anywhere

    options = host_of(**host)
    labels = key_values(tags)
    place = cluster_of(cluster, region, profile)
    life = dt.timedelta(hours=hours)
    if dry_run:
        show_plan(
            ecs_anywhere.plan_activation(
                place, limit=limit, expires_in=life, role=role, tags=labels, create_missing=create_missing
            )
        )
        return
    if output is not None:
        _write_private(output, "")  # the code is shown once: look before it is made whether it can be kept
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


def _write_private(path: Path, text: str) -> None:
    from elasticache_police.errors import ConfigurationError

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o600)
            file.write(text)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error


@click.command("check-script")
@click.option("--region", required=True, help="AWS region of the cluster.")
@host_options
def check_script(*, region: str, **host: object) -> None:
    """Print a script that says whether a host is ready to be registered. It changes nothing."""
    from elasticache_police import ecs_anywhere

    click.echo(ecs_anywhere.check_script(region, host_of(**host)), nl=False)


@click.command("wait")
@click.argument("cluster")
@click.argument("machines", type=click.IntRange(min=1), default=1)
@click.option("--activation", metavar="ID", help="Count only machines that registered with this activation.")
@click.option("--timeout", "timeout_s", type=SECONDS, default=1800, show_default=True, help="Seconds.")
@account_options
def wait(
    *, cluster: str, machines: int, activation: str | None, timeout_s: float, region: str | None, profile: str | None
) -> None:
    """Wait until MACHINES of your own have joined CLUSTER and their agents are connected."""
    from elasticache_police import ecs_anywhere

    with Status() as status:
        found = ecs_anywhere.wait_registered(
            cluster_of(cluster, region, profile),
            machines,
            activation=activation,
            timeout_s=timeout_s,
            on_progress=status,
        )
    for one in found:
        click.echo(one.instance_id)


@click.command()
@click.argument("cluster")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@account_options
def instances(*, cluster: str, form: str, region: str | None, profile: str | None) -> None:
    """List the machines of CLUSTER: connection, capacity, tasks, agent."""
    import attrs

    from elasticache_police import ecs_anywhere

    found = ecs_anywhere.instances(cluster_of(cluster, region, profile))
    if form == "json":
        click.echo(json.dumps([attrs.asdict(one) for one in found], indent=2, default=str))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table

    names = ("agent", "status", "CPU free", "MiB free", "GPUs free", "tasks", "version")
    columns = [Column(name, overflow="fold") for name in names]
    table = Table(Column("machine", overflow="fold", min_width=20), *columns, box=box.SIMPLE_HEAD)
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
    # A pipe or a file has no width: nothing is folded or cut there.
    Console(width=None if sys.stdout.isatty() else 10_000).print(table)


@click.command()
@click.argument("cluster")
@click.argument("instance")
@click.option("--stop-tasks", is_flag=True, help="Stop its tasks rather than wait for them to end.")
@click.option(
    "--force", is_flag=True, help="Do not wait: tasks run on, unknown to ECS. Forget a machine of another cluster."
)
@click.option("--activation", metavar="ID", help="Delete this activation too.")
@click.option(
    "--timeout", "timeout_s", type=SECONDS, default=1800, show_default=True, help="Seconds to wait for tasks."
)
@dry_run_option
@account_options
def leave(
    *,
    cluster: str,
    instance: str,
    stop_tasks: bool,
    force: bool,
    activation: str | None,
    timeout_s: float,
    dry_run: bool,
    region: str | None,
    profile: str | None,
) -> None:
    """Take INSTANCE (mi-...) out of CLUSTER and out of Systems Manager, and print how to clean it up.

    Safe to repeat: what is gone already counts as done.
    """
    from elasticache_police import ecs_anywhere

    place = cluster_of(cluster, region, profile)
    if dry_run:
        show_plan(ecs_anywhere.plan_leave(place, instance, stop_tasks=stop_tasks, force=force, activation=activation))
        return
    with Status() as status:
        gone = ecs_anywhere.leave(
            place,
            instance,
            stop_tasks=stop_tasks,
            force=force,
            activation=activation,
            timeout_s=timeout_s,
            on_progress=status,
        )
    click.echo(
        f"{gone.instance_id}: {len(gone.deregistered)} registration(s) removed from ECS, "
        f"{'removed from' if gone.left_systems_manager else 'unknown to'} Systems Manager, "
        f"{len(gone.stopped_tasks)} task(s) stopped",
        err=True,
    )
    if not gone.deregistered and not gone.left_systems_manager:
        click.echo(
            f"neither knows {instance}: it left before, or it is another; `elasticache-police ecs instances {cluster}` "
            "lists those that are there",
            err=True,
        )
    for arn in gone.abandoned_tasks:
        asked = "asked to stop, and " if arn in gone.stopped_tasks else ""
        click.echo(f"{asked}still running on the machine, unknown to ECS: {arn}", err=True)
    click.echo("now run this on the machine:", err=True)
    click.echo(gone.cleanup_command)


@click.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@account_options
def activations(*, form: str, region: str | None, profile: str | None) -> None:
    """List this project's activations, used up and expired ones too. Codes are in no listing."""
    import attrs

    from elasticache_police import ecs_anywhere

    found = ecs_anywhere.activations(cluster_of("default", region, profile))
    if form == "json":
        click.echo(json.dumps([attrs.asdict(one) for one in found], indent=2, default=str))
        return
    for one in found:
        state = "expired" if one.expired else f"until {one.expires_at:%Y-%m-%d %H:%M} UTC" if one.expires_at else ""
        used = f"{one.registrations} of {one.registration_limit} machine(s)"
        click.echo(f"{one.activation_id}  {one.cluster or '-'}  {used}  {state}")


@click.command("delete-activation")
@click.argument("activation", nargs=-1, metavar="[ID]...")
@click.option("--all-of-this-project", "every", is_flag=True, help="Delete all that `ecs activations` lists.")
@dry_run_option
@account_options
def delete_activation(
    *, activation: tuple[str, ...], every: bool, dry_run: bool, region: str | None, profile: str | None
) -> None:
    """Delete activations, so that no further machine can register with them. Machines that did keep working."""
    from elasticache_police import ecs_anywhere

    if every == bool(activation):
        raise click.UsageError("give the ids of activations, or --all-of-this-project")
    place = cluster_of("default", region, profile)
    doomed = [one.activation_id for one in ecs_anywhere.activations(place)] if every else activation
    if dry_run:
        show_plan(ecs_anywhere.plan_delete_activation(one) for one in doomed)
        return
    for one in doomed:
        deleted = ecs_anywhere.delete_activation(place, one)
        click.echo(f"{one}: {'deleted' if deleted else 'it was gone already'}", err=True)


@click.command("cleanup-command")
@click.option("--windows", is_flag=True, help="The host runs Windows Server.")
def cleanup_command(*, windows: bool) -> None:
    """Print what to run on a machine that has left, before it can register again."""
    from elasticache_police import ecs_anywhere

    click.echo(ecs_anywhere.cleanup_command("windows" if windows else "linux"))
