"""``elasticache-police compile``: a model compiled by SageMaker Neo, where AWS still does that."""

from __future__ import annotations

import json
from typing import get_args

import attrs
import click

from elasticache_police.cli._aws_options import account_options, aws_session, display
from elasticache_police.sagemaker_deploy.neo import CompilationSpec, Target, compilation_request, compile_model

__all__ = ["compile_"]


@click.command("compile")
@click.argument("model_data_url", metavar="MODEL_S3URL")
@click.argument("output_url", metavar="OUTPUT_S3URL")
@click.option("--tensorflow-version", required=True, help="The version that exported the model; Neo ends at 2.9.")
@click.option("--role-arn", required=True, help="Execution role that SageMaker assumes.")
@click.option(
    "--target", type=click.Choice(get_args(Target)), default="ml_m5", show_default=True, help="Instances to run on."
)
@click.option("--input-name", default="image", show_default=True)
@click.option("--input-shape", default="1,50,700,1", show_default=True, metavar="N,N,...")
@click.option("--job-name", help="[default: a new one]")
@click.option("--dry-run", is_flag=True, help="Print the request and send none.")
@click.option("--timeout-s", default=1800.0, show_default=True, help="Time for the job.")
@account_options
def compile_(
    *,
    model_data_url: str,
    output_url: str,
    tensorflow_version: str,
    role_arn: str,
    target: str,
    input_name: str,
    input_shape: str,
    job_name: str | None,
    dry_run: bool,
    timeout_s: float,
    region: str | None,
    profile: str | None,
) -> None:
    """Compile MODEL_S3URL with SageMaker Neo and print where the result lies, under OUTPUT_S3URL.

    What Neo no longer compiles is refused before anything is sent, with what to do instead.
    """
    try:
        shape = tuple(int(size) for size in input_shape.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{input_shape!r} is no list of numbers such as 1,50,700,1") from error
    spec = CompilationSpec(
        model_data_url=model_data_url,
        role_arn=role_arn,
        output_url=output_url,
        tensorflow_version=tensorflow_version,
        target=target,  # type: ignore[arg-type]  # click has checked the choice
        input_name=input_name,
        input_shape=shape,
    )
    if job_name is not None:
        spec = attrs.evolve(spec, job_name=job_name)
    if dry_run:
        request = compilation_request(spec)
        shown = {"service": request.service, "operation": request.operation, "parameters": request.parameters}
        click.echo(json.dumps([shown], indent=2, ensure_ascii=False))
        return
    session = aws_session(region, profile)
    with display() as told:
        click.echo(compile_model(spec, timeout_s=timeout_s, on_progress=told.on_progress, session=session))
