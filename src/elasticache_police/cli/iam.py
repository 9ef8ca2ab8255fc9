"""``elasticache-police iam``: the least permissions of each operation, as JSON to paste."""

from __future__ import annotations

import json

import click

__all__ = ["iam"]


@click.group()
def iam() -> None:
    """Show the least permissions of each operation."""


@iam.command("list")
def iam_list() -> None:
    """List the operations."""
    for name, words in _operations().items():
        click.echo(f"{name:24}{words}")


@iam.command("show")
@click.argument("operation")
@click.option("--region", default="*", show_default=True)
@click.option("--account", default="*", show_default=True, help="AWS account id.")
@click.option("--partition", default="aws", show_default=True)
@click.option("--bucket", help="S3 bucket.  [default: sagemaker-* for SageMaker]")
@click.option(
    "--url", "urls", metavar="S3URL", multiple=True, help="What else is read or written: requests, answers, pictures."
)
@click.option("--topic-arn", "topic_arns", metavar="ARN", multiple=True, help="SNS topic of asynchronous answers.")
@click.option("--prefix", default="ElastiCachePolice", show_default=True, help="Beginning of SageMaker's names.")
@click.option("--role", default="ElastiCachePoliceExecutionRole", show_default=True, help="SageMaker's role.")
@click.option("--kms-key-arn", help="Key of the objects, where they are encrypted with one.")
@click.option("--image-uri", "image_uris", multiple=True, help="Container of your own, for execution-role.")
@click.option("--vpc", is_flag=True, help="Models are attached to a VPC, for execution-role.")
@click.option("--cluster", default="police", show_default=True, help="ECS cluster.")
def iam_show(
    *,
    operation: str,
    region: str,
    account: str,
    partition: str,
    bucket: str | None,
    urls: tuple[str, ...],
    topic_arns: tuple[str, ...],
    prefix: str,
    role: str,
    kms_key_arn: str | None,
    image_uris: tuple[str, ...],
    vpc: bool,
    cluster: str,
) -> None:
    """Print the least-privilege policy of OPERATION (see `iam list`)."""
    from elasticache_police import ecs_anywhere, sagemaker_deploy
    from elasticache_police.sagemaker_deploy.policies import OPERATIONS

    if operation not in _operations():
        raise click.BadParameter(f"{operation!r} is none of: {', '.join(_operations())}", param_hint="OPERATION")
    document: object
    if operation in OPERATIONS:
        scope = sagemaker_deploy.Scope(
            region=region,
            account_id=account,
            partition=partition,
            prefix=prefix,
            bucket=bucket or "sagemaker-*",
            urls=urls,
            topic_arns=topic_arns,
            role_name=role,
            kms_key_arn=kms_key_arn,
            image_uris=image_uris,
            vpc=vpc,
        )
        document = sagemaker_deploy.policy(operation, scope)
    else:
        document = ecs_anywhere.policy(
            operation,
            cluster=cluster,
            region=region,
            account=account,
            partition=partition,
            bucket=bucket or "BUCKET",
        )
    click.echo(json.dumps(document, indent=2))


def _operations() -> dict[str, str]:
    from elasticache_police.ecs_anywhere.roles import OPERATIONS as ECS
    from elasticache_police.sagemaker_deploy.policies import OPERATIONS as SAGEMAKER

    return {**SAGEMAKER, **ECS}
