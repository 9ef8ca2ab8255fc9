"""``elasticache-police batch``: inspect every picture under an S3 prefix by batch transform."""

from __future__ import annotations

import click

from elasticache_police.cli._aws_options import account_options, aws_session, display
from elasticache_police.cli.invoke import show

__all__ = ["batch"]


@click.command()
@click.argument("input_url", metavar="INPUT_S3URL")
@click.argument("output_url", metavar="OUTPUT_S3URL")
@click.option("--model-name", help="A SageMaker model that exists.")
@click.option("--model-data-url", metavar="S3URL", help="Or an archive: the model is made for the job and removed.")
@click.option("--role-arn", help="Execution role, with --model-data-url.")
@click.option("--image-uri", help="Container, with --model-data-url.  [default: AWS's TensorFlow image]")
@click.option("--instance-type", default="ml.m5.xlarge", show_default=True)
@click.option("--instance-count", default=1, show_default=True, type=click.IntRange(min=1))
@click.option("--max-concurrent", default=4, show_default=True, help="Requests at once per instance.")
@click.option("--max-payload-mb", default=6, show_default=True, help="Largest picture.")
@click.option("--read-only", is_flag=True, help="Run no job: read the answers of an earlier one.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--min-confidence", type=click.FloatRange(0.0, 1.0), default=0.9, show_default=True)
@click.option("--timeout-s", default=6 * 3600.0, show_default=True, help="Time for the whole job.")
@account_options
@click.pass_context
def batch(
    ctx: click.Context,
    *,
    input_url: str,
    output_url: str,
    model_name: str | None,
    model_data_url: str | None,
    role_arn: str | None,
    image_uri: str | None,
    instance_type: str,
    instance_count: int,
    max_concurrent: int,
    max_payload_mb: int,
    read_only: bool,
    format_: str,
    min_confidence: float,
    timeout_s: float,
    region: str | None,
    profile: str | None,
) -> None:
    """Inspect the PNG and JPEG pictures under INPUT_S3URL as they are; answers are kept under OUTPUT_S3URL."""
    from elasticache_police import sagemaker_deploy as sm

    session = aws_session(region, profile)
    if read_only:
        reports = list(sm.read_batch(input_url, output_url, min_confidence=min_confidence, session=session))
        if not reports:
            raise click.UsageError(f"no pictures in {input_url}")
        ctx.exit(show(reports, format_))
    if (model_name is None) == (model_data_url is None):
        raise click.UsageError("give --model-name, or --model-data-url with --role-arn")
    model: sm.ModelSpec | str
    if model_data_url is not None:
        if role_arn is None:
            raise click.UsageError("--model-data-url needs --role-arn")
        model = sm.ModelSpec(model_data_url=model_data_url, role_arn=role_arn, image_uri=image_uri)
    else:
        model = str(model_name)
    spec = sm.BatchSpec(
        model=model,
        input_url=input_url,
        output_url=output_url,
        instance_type=instance_type,
        instance_count=instance_count,
        max_concurrent=max_concurrent,
        max_payload_mb=max_payload_mb,
    )
    with display() as shown:
        found = list(
            sm.inspect_batch(
                spec,
                min_confidence=min_confidence,
                timeout_s=timeout_s,
                on_event=shown.on_event,
                on_progress=shown.on_progress,
                session=session,
            )
        )
    ctx.exit(show(found, format_))
