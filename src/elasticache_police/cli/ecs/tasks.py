"""Commands about tasks of any kind, and the permissions that all of this needs."""

from __future__ import annotations

import json

import click

from elasticache_police.ecs_anywhere.roles import OPERATIONS

__all__ = ["policy"]


@click.command()
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
