"""Commands about tasks of any kind, and the permissions that all of this needs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from elasticache_police.cli._aws_options import account_options, key_values
from elasticache_police.cli.ecs._shared import (
    SECONDS,
    Status,
    cluster_of,
    dry_run_option,
    log_group_for,
    looked_up,
    print_log,
    says_how_to_follow,
    show_plan,
    task_options,
)
from elasticache_police.ecs_anywhere.roles import OPERATIONS

if TYPE_CHECKING:
    from elasticache_police.ecs_anywhere import Cluster, TaskRun, TaskSpec

__all__ = ["follow", "policy", "run", "stop"]


@click.command()
@click.argument("cluster")
@click.option("--task", "family", metavar="NAME", help="A registered task to run.")
@click.option("--image", help="Or an image: a task is registered for it.")
@click.option("--family", "new_family", default="elasticache-police-run", show_default=True, help="Its name then.")
@click.option("--gpus", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--network", type=click.Choice(["bridge", "host", "none", "awsvpc"]), help="Network mode.")
@click.option("--env", "environment", multiple=True, metavar="NAME=VALUE", help="May be repeated; not for secrets.")
@click.option("--secret", "secrets", multiple=True, metavar="NAME=ARN", help="May be repeated.")
@click.option("--read-only", is_flag=True, help="Mount the container's root file system read-only.")
@click.option("--tasks", type=click.IntRange(min=1), default=1, show_default=True, help="How many.")
@click.option("--timeout", "timeout_s", type=SECONDS, default=86_400, show_default=True, help="Seconds.")
@click.option("--wait-for-room", "placement_timeout_s", type=SECONDS, default=0, show_default=True, help="Seconds.")
@click.option("--stop-on-interrupt", is_flag=True, help="On Ctrl-C stop the tasks; else they go on.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@task_options
@dry_run_option
@account_options
def run(
    *,
    cluster: str,
    family: str | None,
    image: str | None,
    new_family: str,
    gpus: int,
    network: str | None,
    environment: tuple[str, ...],
    secrets: tuple[str, ...],
    read_only: bool,
    tasks: int,
    timeout_s: float,
    placement_timeout_s: float,
    stop_on_interrupt: bool,
    command: tuple[str, ...],
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
    """Run tasks on CLUSTER and follow their log to the end; words after -- are the container's command."""
    from elasticache_police import ecs_anywhere

    if (family is None) == (image is None):
        raise click.UsageError("give --image, or --task with the name of a registered one")
    if family is not None:
        _refuse_what_is_registered()
    elsewhere = launch_type if family is not None and _is_given("launch_type") else None
    variables = key_values(environment)
    group = log_group_for(execution_role) if family is None else None
    task: TaskSpec | str = family or ecs_anywhere.TaskSpec(
        family=new_family,
        image=image or "",
        launch_type=launch_type,
        network_mode=network,
        cpu_units=cpu_units,
        memory_mib=memory_mib,
        gpus=gpus,
        secrets=key_values(secrets),
        log_group=group,
        read_only_root=read_only,
        task_role_arn=task_role,
        execution_role_arn=execution_role,
        subnets=subnets,
        security_groups=security_groups,
        assign_public_ip=public_ip,
    )
    place = cluster_of(cluster, region, profile)
    if dry_run:
        logs = () if group is None else ecs_anywhere.plan_log_group(group)
        plan = ecs_anywhere.plan_run(
            place,
            looked_up(place, task, launch_type=elsewhere) if isinstance(task, str) else task,
            tasks,
            command=command,
            environment=variables,
            launch_type=elsewhere,
            subnets=subnets if family is not None else (),
        )
        show_plan((*logs, *plan))
        return
    if group is not None:
        ecs_anywhere.ensure_log_group(place, group)
    with Status() as status:
        started = ecs_anywhere.run_tasks(
            place,
            task,
            tasks,
            command=command,
            environment=variables,
            launch_type=elsewhere,
            subnets=subnets if family is not None else (),
            placement_timeout_s=placement_timeout_s,
            on_progress=status,
        )
    for one in started:
        click.echo(one.arn, err=True)
    _to_the_end(place, started, timeout_s=timeout_s, stop_on_interrupt=stop_on_interrupt)


def _is_given(parameter: str) -> bool:
    source = click.get_current_context().get_parameter_source(parameter)
    return source not in {None, click.core.ParameterSource.DEFAULT}


def _refuse_what_is_registered() -> None:
    """Refuse options that a registered task would not heed."""
    fixed = {
        "new_family": "--family",
        "gpus": "--gpus",
        "network": "--network",
        "secrets": "--secret",
        "read_only": "--read-only",
        "task_role": "--task-role",
        "execution_role": "--execution-role",
        "cpu_units": "--cpu",
        "memory_mib": "--memory",
        "security_groups": "--security-group",
        "public_ip": "--public-ip",
    }
    given = [option for parameter, option in fixed.items() if _is_given(parameter)]
    if given:
        raise click.UsageError(
            f"{', '.join(given)}: a registered task has its own; give --image to register another, or leave it out"
        )


@click.command()
@click.argument("cluster")
@click.argument("tasks", metavar="TASK...", nargs=-1, required=True)
@click.option("--timeout", "timeout_s", type=SECONDS, default=86_400, show_default=True, help="Seconds.")
@account_options
def follow(*, cluster: str, tasks: tuple[str, ...], timeout_s: float, region: str | None, profile: str | None) -> None:
    """Follow the log of tasks that run already, such as a training left with Ctrl-C, to their end."""
    from elasticache_police import ecs_anywhere

    place = cluster_of(cluster, region, profile)
    _to_the_end(place, [ecs_anywhere.find_task(place, one) for one in tasks], timeout_s=timeout_s)


def _to_the_end(
    cluster: Cluster, runs: list[TaskRun] | tuple[TaskRun, ...], *, timeout_s: float, stop_on_interrupt: bool = False
) -> None:
    from elasticache_police import ecs_anywhere

    with Status() as status, says_how_to_follow(cluster):
        results = ecs_anywhere.wait_stopped(
            cluster,
            runs,
            timeout_s=timeout_s,
            on_log=print_log,
            on_progress=status,
            stop_on_interrupt=stop_on_interrupt,
        )
    for result in results:
        click.echo(f"task {result.task_id}: {result.explanation}", err=True)
    for result in results:
        result.raise_for_failure()


@click.command()
@click.argument("cluster")
@click.argument("tasks", metavar="TASK...", nargs=-1, required=True)
@dry_run_option
@account_options
def stop(*, cluster: str, tasks: tuple[str, ...], dry_run: bool, region: str | None, profile: str | None) -> None:
    """Ask tasks to end: SIGTERM, and SIGKILL after their stop timeout. A training writes a checkpoint first."""
    from elasticache_police import ecs_anywhere

    place = cluster_of(cluster, region, profile)
    if dry_run:
        show_plan(ecs_anywhere.plan_stop(place, one) for one in tasks)
        return
    for one in tasks:
        known = ecs_anywhere.stop_task(place, one)
        click.echo(f"{one}: {'asked to end' if known else 'unknown to ECS: it is gone already'}", err=True)


@click.command()
@click.argument("operation", type=click.Choice(sorted(OPERATIONS)))
@click.option("--cluster", default="police", show_default=True)
@click.option("--region", default="*", show_default=True)
@click.option("--account", default="*", show_default=True)
@click.option("--bucket", default="BUCKET", show_default=True)
@click.option("--data-prefix", default="", help="Where in the bucket the data lie.")
@click.option("--results-prefix", default="", help="Where in the bucket results go.")
@click.option("--model", metavar="S3URI", help="Packed model of a collection, when it lies elsewhere.")
@click.option("--repository", default="elasticache-police*", show_default=True, help="ECR repository of the images.")
@click.option("--family", default="elasticache-police-*", show_default=True, help="Family of the task definitions.")
@click.option("--log-group", default="/ecs/elasticache-police*", show_default=True, help="Log group of the tasks.")
@click.option("--key", metavar="ARN", help="The KMS key that encrypts the bucket.")
@click.option("--model-key", metavar="ARN", help="The KMS key that encrypts that model, when it is another.")
@click.option(
    "--secret", "secrets", metavar="ARN", multiple=True, help="A secret or SSM parameter that tasks are given."
)
@click.option(
    "--task-role", "task_roles", metavar="ARN", multiple=True, help="A role that tasks may be given.  [default: any]"
)
def policy(
    *,
    operation: str,
    model: str | None,
    key: str | None,
    model_key: str | None,
    secrets: tuple[str, ...],
    task_roles: tuple[str, ...],
    **places: str,
) -> None:
    """Print the least IAM permissions of OPERATION."""
    from elasticache_police import ecs_anywhere

    document = ecs_anywhere.policy(
        operation, model=model, key=key, model_key=model_key, secrets=secrets, task_roles=task_roles, **places
    )
    click.echo(json.dumps(document, indent=2))
