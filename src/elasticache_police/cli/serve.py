"""``elasticache-police serve``: SageMaker's TensorFlow container on this machine, until it is told to stop."""

from __future__ import annotations

from pathlib import Path

import click

from elasticache_police.cli._signals import interrupted_by_signals
from elasticache_police.serving import ContainerVersion, EndpointOptions, LocalEndpoint

__all__ = ["serve"]

_BYTES_PER_MB = 1024 * 1024
_POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command()
@click.argument("model", metavar="MODEL", type=click.Path(exists=True, path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; the default is private.")
@click.option(
    "--port",
    "-p",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    envvar="SAGEMAKER_BIND_TO_PORT",
    help="TCP port; 0 takes a free one.",
)
@click.option(
    "--workers",
    "-w",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Copies of the model, each in processes of its own.",
)
@click.option(
    "--threads", type=click.IntRange(min=1), default=32, show_default=True, help="Requests at a time, per worker."
)
@click.option(
    "--container",
    type=click.Choice([str(version) for version in ContainerVersion]),
    default=str(ContainerVersion.UP_TO_2_19),
    show_default=True,
    help="Behave like the images up to this TensorFlow version, or (2.20) from it on.",
)
@click.option("--endpoint-name", help="The only NAME that /endpoints/NAME/invocations answers to.  [default: any]")
@click.option(
    "--default-model",
    envvar="SAGEMAKER_TFS_DEFAULT_MODEL_NAME",
    help="The model for requests that name none.  [default: the first by name]",
)
@click.option(
    "--max-payload-mb",
    type=_POSITIVE,
    default=25,
    show_default=True,
    help="Largest request; a larger one is answered 413. SageMaker's real-time limit is documented as 6 or 25.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=_POSITIVE,
    default=60,
    show_default=True,
    help="Seconds the model may take for a request.",
)
@click.option(
    "--startup-timeout",
    "startup_timeout_s",
    type=_POSITIVE,
    default=300,
    show_default=True,
    envvar="SAGEMAKER_TFS_WAIT_TIME_SECONDS",
    help="Seconds the model may take to load.",
)
@click.option("--async-output", metavar="S3_URI", help="Take InvokeEndpointAsync, and put results there.")
@click.option("--async-failure", metavar="S3_URI", help="Put the errors of InvokeEndpointAsync there.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="warning",
    show_default=True,
    help="info logs every request on standard error.",
)
def serve(
    *,
    model: Path,
    host: str,
    port: int,
    workers: int,
    threads: int,
    container: str,
    endpoint_name: str | None,
    default_model: str | None,
    max_payload_mb: float,
    timeout_s: float,
    startup_timeout_s: float,
    async_output: str | None,
    async_failure: str | None,
    log_level: str,
) -> None:
    """Serve MODEL, a model.tar.gz or a folder laid out like one, as SageMaker does.

    It answers /ping and /invocations as the managed TensorFlow container does, and /endpoints/NAME/invocations as
    SageMaker's runtime does, so boto3's "sagemaker-runtime" client works unchanged with the address that is shown as
    its endpoint_url.

    Ctrl-C or SIGTERM stop it, once the requests under way are finished.
    """
    if async_failure is not None and async_output is None:
        raise click.UsageError("--async-failure goes with --async-output")
    options = EndpointOptions(
        model=model,
        host=host,
        port=port,
        workers=workers,
        threads=threads,
        container=ContainerVersion(container),
        endpoint_name=endpoint_name,
        default_model=default_model,
        max_payload_bytes=max(1, round(max_payload_mb * _BYTES_PER_MB)),
        request_timeout_s=timeout_s,
        startup_timeout_s=startup_timeout_s,
        async_output=async_output,
        async_failure=async_failure,
        log_level=log_level,
    )
    endpoint = LocalEndpoint(options)
    with interrupted_by_signals():
        try:
            click.echo(f"Loading {model} ...", err=True)
            endpoint.start()
            _introduce(endpoint)
            endpoint.wait()
        except KeyboardInterrupt:
            click.echo("Stopping; once more to stop at once.", err=True)
        finally:
            _stop(endpoint)


def _stop(endpoint: LocalEndpoint) -> None:
    try:
        endpoint.stop()
    except KeyboardInterrupt:
        endpoint.stop(timeout_s=0.0)


def _introduce(endpoint: LocalEndpoint) -> None:
    layout = endpoint.layout
    click.echo(f"Serving {endpoint.options.model} at {endpoint.url}")
    for model in layout.models:
        versions = ", ".join(map(str, model.versions))
        default = " (default)" if model.name == layout.default else ""
        click.echo(f"  model {model.name}{default}: version {versions}")
    if layout.code is not None:
        click.echo("  through code/inference.py" if (layout.code / "inference.py").exists() else "  with code/")
    click.echo("Ctrl-C stops it.")
