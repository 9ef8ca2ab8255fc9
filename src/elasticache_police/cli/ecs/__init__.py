"""``elasticache-police ecs``: machines of one's own in a cluster, and tasks on them."""

from __future__ import annotations

import click

from elasticache_police.cli.ecs import collection, machines, tasks, training
from elasticache_police.cli.ecs.collection import inspect_collection

__all__ = ["ecs", "inspect_collection"]


@click.group()
def ecs() -> None:
    """Register your own machines with Amazon ECS Anywhere and run tasks on them."""


for _command in (
    machines.activate,
    machines.check_script,
    machines.wait,
    machines.instances,
    machines.leave,
    machines.activations,
    machines.delete_activation,
    machines.cleanup_command,
    training.train,
    collection.register_inspector,
    collection.inspect,
    collection.work,
    tasks.run,
    tasks.follow,
    tasks.stop,
    tasks.policy,
):
    ecs.add_command(_command)
