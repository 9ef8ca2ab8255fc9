"""Training as a task on a cluster."""

from __future__ import annotations

import click

from elasticache_police.cli._aws_options import account_options
from elasticache_police.cli.ecs._shared import (
    SECONDS,
    Status,
    cluster_of,
    dry_run_option,
    log_group_for,
    print_log,
    says_how_to_follow,
    show_plan,
    task_options,
)

__all__ = ["train"]


@click.command()
@click.argument("cluster")
@click.option("--fonts", required=True, metavar="S3URI", help="Prefix of font files.")
@click.option("--out", required=True, metavar="S3URI", help="The model.tar.gz to write.")
@click.option("--image", required=True, help="URI of the training image.")
@click.option("--name", default="ElastiCache", show_default=True, help="The name to police.")
@click.option("--start-from", metavar="S3URI", help="Prefix of finder.npz and reader.npz, weights to go on from.")
@click.option("--gpus", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--timeout", "timeout_s", type=SECONDS, default=86_400, show_default=True, help="Seconds.")
@click.option("--wait-for-room", "placement_timeout_s", type=SECONDS, default=0, show_default=True, help="Seconds.")
@click.option("--stop-on-interrupt", is_flag=True, help="On Ctrl-C stop the task; the next call resumes.")
@click.argument("train_arguments", nargs=-1, type=click.UNPROCESSED)
@task_options
@dry_run_option
@account_options
def train(
    *,
    cluster: str,
    fonts: str,
    out: str,
    image: str,
    name: str,
    start_from: str | None,
    gpus: int,
    timeout_s: float,
    placement_timeout_s: float,
    stop_on_interrupt: bool,
    train_arguments: tuple[str, ...],
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
    """Train a model in a container on CLUSTER; arguments after -- go to `elasticache-police train`.

    The log is streamed here; the last line is the model's URI, as `elasticache-police deploy` takes it.
    """
    from elasticache_police import ecs_anywhere

    spec = ecs_anywhere.training_spec(
        fonts=fonts,
        out=out,
        image=image,
        name=name,
        start_from=start_from,
        task_role_arn=task_role,
        execution_role_arn=execution_role,
        launch_type=launch_type,
        cpu_units=cpu_units,
        memory_mib=memory_mib,
        gpus=gpus,
        subnets=subnets,
        security_groups=security_groups,
        assign_public_ip=public_ip,
        log_group=log_group_for(execution_role),
        train_arguments=train_arguments,
    )
    place = cluster_of(cluster, region, profile)
    if dry_run:
        show_plan(ecs_anywhere.plan_training(place, spec))
        return
    with Status() as status, says_how_to_follow(place):
        trained = ecs_anywhere.train(
            place,
            spec,
            placement_timeout_s=placement_timeout_s,
            timeout_s=timeout_s,
            on_log=print_log,
            on_progress=status,
            on_start=lambda run: click.echo(run.arn, err=True),
            stop_on_interrupt=stop_on_interrupt,
        )
    click.echo(f"for inspections (--model): {trained.model_directory_url}", err=True)
    click.echo(trained.model_data_url)
