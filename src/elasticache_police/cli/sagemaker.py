"""``elasticache-police deploy`` and ``endpoint``: put a model behind a SageMaker endpoint, watch it, take it down."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import attrs
import click

from elasticache_police.cli._aws_options import Display, account_options, aws_session, display, key_value
from elasticache_police.errors import ConfigurationError

if TYPE_CHECKING:
    from boto3.session import Session

    from elasticache_police.sagemaker_deploy import EndpointSpec, EndpointStatus, ModelSpec, Resource, Variant

__all__ = ["deploy", "endpoint"]

_SOME_ACCOUNT = "111122223333"  # AWS's own example; a dry run does not ask whose account this is
_Command = TypeVar("_Command", bound=Callable[..., object])


@attrs.frozen(kw_only=True)
class _Wanted:
    """The options of ``deploy`` and ``endpoint update``, as click hands them over."""

    model: str
    role_arn: str | None
    create_role: str | None
    endpoint_name: str
    model_name: str | None
    config_name: str | None
    image_uri: str | None
    tensorflow_version: str | None
    environment: tuple[str, ...]
    network_isolation: bool | None
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    instance_type: str
    instance_count: int
    routing: str | None
    max_instances: int | None
    min_instances: int | None
    target: float | None
    serverless_memory_mib: int | None
    max_concurrency: int
    async_output: str | None
    async_failure: str | None
    success_topic: str | None
    error_topic: str | None
    capture: str | None
    capture_percent: int
    traffic: str | None
    step_percent: int
    wait_s: int
    alarms: tuple[str, ...]
    kms_key_id: str | None
    tags: tuple[str, ...]
    bucket: str | None
    key: str | None
    dry_run: bool
    keep_on_failure: bool
    timeout_s: float
    region: str | None
    profile: str | None


_OPTIONS = (
    click.argument("model", metavar="MODEL"),
    click.option("--role-arn", help="Execution role that SageMaker assumes."),
    click.option("--create-role", metavar="NAME", help="Make that role, with least permissions, if it does not exist."),
    click.option("--endpoint-name", default="ElastiCachePoliceEndpoint", show_default=True),
    click.option("--model-name", help="[default: derived from the content]"),
    click.option("--config-name", help="[default: derived from the content]"),
    click.option("--image-uri", help="Container.  [default: AWS's TensorFlow image for region and instance type]"),
    click.option("--tensorflow-version", help="Version of that image.  [default: the newest]"),
    click.option("--env", "environment", metavar="KEY=VALUE", multiple=True, help="Variable of the container."),
    click.option("--network-isolation/--no-network-isolation", default=None, help="[default: on, where AWS has it]"),
    click.option("--subnet", "subnets", multiple=True, help="Attach the containers to this subnet."),
    click.option("--security-group", "security_groups", multiple=True),
    click.option("--instance-type", default="ml.m5.large", show_default=True),
    click.option("--instance-count", default=1, show_default=True, type=click.IntRange(min=1)),
    click.option("--routing", type=click.Choice(["LEAST_OUTSTANDING_REQUESTS", "RANDOM"]), help="Load balancing."),
    click.option("--max-instances", type=click.IntRange(min=1), help="Scale automatically up to this many."),
    click.option("--min-instances", type=click.IntRange(min=0), help="And down to.  [default: 1; asynchronous: 0]"),
    click.option("--target", type=float, help="Invocations a minute, or requests waiting, per instance to hold."),
    click.option("--serverless-memory-mib", type=int, help="Serverless with this memory instead of instances."),
    click.option("--max-concurrency", default=5, show_default=True, help="Serverless: requests at once."),
    click.option("--async-output", metavar="S3URL", help="Asynchronous: where answers go."),
    click.option("--async-failure", metavar="S3URL", help="Asynchronous: where failures go."),
    click.option("--success-topic", metavar="ARN", help="Asynchronous: SNS topic of answers."),
    click.option("--error-topic", metavar="ARN", help="Asynchronous: SNS topic of failures."),
    click.option("--capture", metavar="S3URL", help="Keep requests and answers there."),
    click.option("--capture-percent", default=100, show_default=True),
    click.option("--traffic", type=click.Choice(["all_at_once", "canary", "linear"]), help="How updates move traffic."),
    click.option("--step-percent", default=10, show_default=True, help="Size of the canary or of a linear step."),
    click.option("--wait-s", default=300, show_default=True, help="Baking time of each step."),
    click.option("--alarm", "alarms", multiple=True, help="CloudWatch alarm that rolls an update back."),
    click.option("--kms-key-id", help="Encrypt the instances' volumes and the archive."),
    click.option("--tag", "tags", metavar="KEY=VALUE", multiple=True),
    click.option("--bucket", help="For the archive.  [default: sagemaker-REGION-ACCOUNT]"),
    click.option("--key", help="For the archive.  [default: holds its checksum]"),
    click.option("--dry-run", is_flag=True, help="Print the requests and send none."),
    click.option("--keep-on-failure", is_flag=True, help="Leave what was made when something fails."),
    click.option("--timeout-s", default=3600.0, show_default=True, help="Time to come into service."),
    account_options,
)


def _deploy_options(command: _Command) -> _Command:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@_deploy_options
def deploy(**options: object) -> None:
    """Put MODEL, a model.tar.gz or its S3 URL, behind an endpoint and wait until it answers.

    Safe to repeat. When something fails, or on Ctrl-C, what was made is removed again.
    """
    _deploy(_Wanted(**options), updating=False)  # type: ignore[arg-type]  # click's names are these fields


@click.group()
def endpoint() -> None:
    """Show, list, update and delete endpoints."""


@endpoint.command("update")
@_deploy_options
def endpoint_update(**options: object) -> None:
    """Move an existing endpoint to MODEL and these options; a rolled-back update is an error."""
    _deploy(_Wanted(**options), updating=True)  # type: ignore[arg-type]  # click's names are these fields


@endpoint.command("status")
@click.argument("name", default="ElastiCachePoliceEndpoint")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@account_options
def endpoint_status(*, name: str, as_json: bool, region: str | None, profile: str | None) -> None:
    """Show what endpoint NAME is doing."""
    from elasticache_police import sagemaker_deploy

    seen = sagemaker_deploy.status(name, session=aws_session(region, profile))
    click.echo(json.dumps(attrs.asdict(seen), indent=2, default=str) if as_json else _words(seen))


@endpoint.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@account_options
def endpoint_list(*, as_json: bool, region: str | None, profile: str | None) -> None:
    """List everything of this project in the region: endpoints, jobs, alarms, configurations, models."""
    from elasticache_police import sagemaker_deploy

    found = sagemaker_deploy.list(session=aws_session(region, profile))
    if as_json:
        click.echo(json.dumps([_plain(resource) for resource in found], indent=2))
        return
    for resource in found:
        click.echo("\t".join((resource.kind, resource.part or resource.name, resource.status or "-", _cost(resource))))
    if not found:
        click.echo("nothing of this project is here", err=True)


@endpoint.command("delete")
@click.argument("name", required=False)
@click.option("--all-of-this-project", is_flag=True, help="Everything that `endpoint list` lists.")
@click.option("--keep-models", is_flag=True, help="Leave the models of NAME.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="With --all-of-this-project: list, and delete nothing.")
@account_options
def endpoint_delete(
    *,
    name: str | None,
    all_of_this_project: bool,
    keep_models: bool,
    yes: bool,
    dry_run: bool,
    region: str | None,
    profile: str | None,
) -> None:
    """Delete endpoint NAME with its scaling, alarms, configurations and models."""
    from elasticache_police import sagemaker_deploy

    if (name is None) != all_of_this_project:
        raise click.UsageError("name an endpoint, or say --all-of-this-project")
    session = aws_session(region, profile)
    if name is None:
        found = sagemaker_deploy.list(session=session)
        for resource in found:
            click.echo(f"{resource} {resource.status}".rstrip())
        if dry_run or not found:
            return
    elif dry_run:
        raise click.UsageError("--dry-run goes with --all-of-this-project")
    if not yes:
        click.confirm(f"Delete {name or 'all of this'}?", abort=True, err=True)
    with display() as shown:
        if name is None:
            sagemaker_deploy.delete_all(on_event=shown.on_event, on_progress=shown.on_progress, session=session)
        else:
            sagemaker_deploy.delete(
                name,
                keep_models=keep_models,
                on_event=shown.on_event,
                on_progress=shown.on_progress,
                session=session,
            )


def _deploy(wanted: _Wanted, *, updating: bool) -> None:
    from elasticache_police import sagemaker_deploy

    session = aws_session(wanted.region, wanted.profile)
    region = wanted.region or session.region_name
    if region is None:
        raise ConfigurationError("no AWS region: give --region, or set AWS_DEFAULT_REGION")
    wanted = attrs.evolve(wanted, region=region)
    if wanted.dry_run:
        click.echo(_dry_run(wanted))
        return
    with display() as shown:
        role_arn = _role(wanted, session)
        spec = _spec(wanted, _upload(wanted, session, shown), role_arn)
        action = sagemaker_deploy.update if updating else sagemaker_deploy.deploy
        done = action(
            spec,
            timeout_s=wanted.timeout_s,
            undo=not wanted.keep_on_failure,
            on_event=shown.on_event,
            on_progress=shown.on_progress,
            session=session,
        )
    click.echo(f"{done.action}: {_words(done.endpoint)}")


def _dry_run(wanted: _Wanted) -> str:
    """Return the requests as JSON; no call is made, so a local archive's account is an example."""
    from elasticache_police import sagemaker_deploy
    from elasticache_police.sagemaker_deploy.archive import check_archive, default_bucket, default_key

    url = wanted.model
    requests: list[object] = []
    if not url.startswith("s3://"):
        check_archive(Path(url))
        bucket = wanted.bucket or default_bucket(str(wanted.region), _SOME_ACCOUNT)
        key = wanted.key or default_key(Path(url))
        requests.append(
            {"service": "s3", "operation": "PutObject", "parameters": {"Bucket": bucket, "Key": key, "Body": url}}
        )
        url = f"s3://{bucket}/{key}"
    role_arn = wanted.role_arn or f"arn:aws:iam::{_SOME_ACCOUNT}:role/{wanted.create_role or 'ROLE'}"
    if _SOME_ACCOUNT in url + role_arn:
        click.echo(f"{_SOME_ACCOUNT} stands for your account: a dry run asks AWS nothing", err=True)
    requests += json.loads(sagemaker_deploy.plan(_spec(wanted, url, role_arn)).to_json())
    return json.dumps(requests, indent=2, ensure_ascii=False)


def _role(wanted: _Wanted, session: Session) -> str:
    from elasticache_police._aws import Clients
    from elasticache_police.sagemaker_deploy import Scope, ensure_execution_role

    if wanted.role_arn is not None:
        return wanted.role_arn
    if wanted.create_role is None:
        raise click.UsageError("SageMaker needs a role to assume: give --role-arn, or --create-role NAME")
    clients = Clients(session=session)
    scope = Scope(
        region=str(wanted.region),
        account_id=clients.account_id(),
        partition=clients.partition,
        role_name=wanted.create_role,
        bucket=wanted.bucket or "sagemaker-*",
        topic_arn=wanted.success_topic or wanted.error_topic,
        vpc=bool(wanted.subnets),
    )
    return ensure_execution_role(scope, session=session).arn


def _upload(wanted: _Wanted, session: Session, shown: Display) -> str:
    from elasticache_police import sagemaker_deploy
    from elasticache_police.sagemaker_deploy import Event, Resource

    if wanted.model.startswith("s3://"):
        return wanted.model
    sent = sagemaker_deploy.upload(
        wanted.model,
        bucket=wanted.bucket,
        key=wanted.key,
        kms_key_id=wanted.kms_key_id,
        on_bytes=shown.on_bytes,
        session=session,
    )
    archive = Resource(kind="archive", name=sent.url.removeprefix("s3://"))
    shown.on_event(Event(action="reusing" if sent.reused else "creating", resource=archive))
    return sent.url


def _spec(wanted: _Wanted, model_data_url: str, role_arn: str) -> EndpointSpec:
    from elasticache_police.sagemaker_deploy import (
        AsyncInference,
        DataCapture,
        EndpointSpec,
        Guardrails,
        ModelSpec,
        Vpc,
    )

    attached = bool(wanted.subnets or wanted.security_groups)
    model: ModelSpec = ModelSpec(
        model_data_url=model_data_url,
        role_arn=role_arn,
        name=wanted.model_name,
        image_uri=wanted.image_uri,
        tensorflow_version=wanted.tensorflow_version,
        environment=dict(map(key_value, wanted.environment)),
        network_isolation=wanted.network_isolation,
        vpc=Vpc(subnet_ids=wanted.subnets, security_group_ids=wanted.security_groups) if attached else None,
    )
    queue = None
    if wanted.async_output is not None:
        queue = AsyncInference(
            output_url=wanted.async_output,
            failure_url=wanted.async_failure,
            success_topic_arn=wanted.success_topic,
            error_topic_arn=wanted.error_topic,
        )
    return EndpointSpec(
        model=model,
        endpoint_name=wanted.endpoint_name,
        config_name=wanted.config_name,
        variants=(_variant(wanted),),
        region=wanted.region,
        asynchronous=queue,
        data_capture=None
        if wanted.capture is None
        else DataCapture(destination_url=wanted.capture, sampling_percent=wanted.capture_percent),
        guardrails=None
        if wanted.traffic is None
        else Guardrails(
            traffic=wanted.traffic,  # type: ignore[arg-type]  # click has checked the choice
            step_percent=wanted.step_percent,
            wait_s=wanted.wait_s,
            rollback_alarm_names=wanted.alarms,
        ),
        kms_key_id=None if wanted.serverless_memory_mib is not None else wanted.kms_key_id,
        tags=dict(map(key_value, wanted.tags)),
    )


def _variant(wanted: _Wanted) -> Variant:
    from elasticache_police.sagemaker_deploy import BacklogScaling, Serverless, TargetScaling, Variant

    if wanted.serverless_memory_mib is not None:
        serverless = Serverless(memory_mib=wanted.serverless_memory_mib, max_concurrency=wanted.max_concurrency)
        return Variant(serverless=serverless)
    scaling: TargetScaling | BacklogScaling | None = None
    if wanted.max_instances is not None and wanted.async_output is not None:
        scaling = BacklogScaling(
            minimum=wanted.min_instances or 0,
            maximum=wanted.max_instances,
            backlog_per_instance=wanted.target or 5.0,
        )
    elif wanted.max_instances is not None:
        if wanted.target is None:
            raise click.UsageError("--max-instances needs --target, the load per instance to hold")
        minimum = 1 if wanted.min_instances is None else wanted.min_instances
        scaling = TargetScaling(minimum=minimum, maximum=wanted.max_instances, target=wanted.target)
    return Variant(
        instance_type=wanted.instance_type,
        instance_count=wanted.instance_count,
        routing=wanted.routing,  # type: ignore[arg-type]  # click has checked the choice
        scaling=scaling,
    )


def _words(seen: EndpointStatus) -> str:
    lines = [f"endpoint {seen.name} is {seen.status} with configuration {seen.config_name}"]
    if seen.failure_reason:
        lines.append(f"  reason: {seen.failure_reason}")
    lines += [
        f"  variant {variant.name}: {variant.instance_count} of {variant.desired_count} instances,"
        f" weight {variant.weight:g}" + (f", {variant.image}" if variant.image else "")
        for variant in seen.variants
    ]
    if seen.output_url:
        lines.append(f"  answers appear under {seen.output_url}")
    return "\n".join(lines)


def _plain(resource: Resource) -> dict[str, str | bool]:
    return {
        "kind": resource.kind,
        "name": resource.part or resource.name,
        "status": resource.status,
        "billable": resource.billable,
    }


def _cost(resource: Resource) -> str:
    return "costs money" if resource.billable else "free"
