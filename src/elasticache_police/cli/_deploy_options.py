"""The options of ``deploy`` and ``endpoint update``, and the specification that they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import attrs
import click

from elasticache_police.cli._aws_options import account_options, key_value, key_values

if TYPE_CHECKING:
    from typing import TypeAlias

    from elasticache_police.sagemaker_deploy import BacklogScaling, EndpointSpec, ModelSpec, TargetScaling, Variant

    Scaling: TypeAlias = BacklogScaling | TargetScaling

__all__ = ["Wanted", "deploy_options", "spec_of"]

_FLEET = "NAME=TYPE[:COUNT[:WEIGHT]]"
_CAPTURE_PERCENT = 100
_STEP_PERCENT = 10
_WAIT_S = 300
_MAX_CONCURRENCY = 5
_Command = TypeVar("_Command", bound=Callable[..., object])


@attrs.frozen(kw_only=True)
class Fleet:
    """What ``INSTANCE_TYPE:COUNT:WEIGHT`` says."""

    instance_type: str = "ml.m5.large"
    instance_count: int = 1
    weight: float = 1.0


@attrs.frozen(kw_only=True)
class Wanted:
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
    instance_type: str | None
    instance_count: int | None
    variants: tuple[str, ...]
    shadow: str | None
    variant_models: tuple[str, ...]
    routing: str | None
    max_instances: int | None
    min_instances: int | None
    target: float | None
    serverless_memory_mib: int | None
    max_concurrency: int
    async_input: str | None
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
    click.option("--instance-type", help="[default: ml.m5.large]"),
    click.option("--instance-count", type=click.IntRange(min=1), help="[default: 1]"),
    click.option(
        "--variant", "variants", metavar=_FLEET, multiple=True, help="One of several fleets sharing the load."
    ),
    click.option("--shadow", metavar=_FLEET, help="A fleet that is asked too and whose answers nobody gets."),
    click.option(
        "--variant-model", "variant_models", metavar="NAME=S3URL", multiple=True, help="That fleet's own archive."
    ),
    click.option("--routing", type=click.Choice(["LEAST_OUTSTANDING_REQUESTS", "RANDOM"]), help="Load balancing."),
    click.option("--max-instances", type=click.IntRange(min=1), help="Scale automatically up to this many."),
    click.option("--min-instances", type=click.IntRange(min=0), help="And down to.  [default: 1; asynchronous: 0]"),
    click.option("--target", type=float, help="Invocations a minute, or requests waiting, per instance to hold."),
    click.option("--serverless-memory-mib", type=int, help="Serverless with this memory instead of instances."),
    click.option(
        "--max-concurrency", default=_MAX_CONCURRENCY, show_default=True, help="Serverless: requests at once."
    ),
    click.option("--async-input", metavar="S3URL", help="Asynchronous: where requests go, for --create-role."),
    click.option("--async-output", metavar="S3URL", help="Asynchronous: where answers go."),
    click.option("--async-failure", metavar="S3URL", help="Asynchronous: where failures go."),
    click.option("--success-topic", metavar="ARN", help="Asynchronous: SNS topic of answers."),
    click.option("--error-topic", metavar="ARN", help="Asynchronous: SNS topic of failures."),
    click.option("--capture", metavar="S3URL", help="Keep requests and answers there."),
    click.option("--capture-percent", default=_CAPTURE_PERCENT, show_default=True),
    click.option("--traffic", type=click.Choice(["all_at_once", "canary", "linear"]), help="How updates move traffic."),
    click.option(
        "--step-percent", default=_STEP_PERCENT, show_default=True, help="Size of the canary or of a linear step."
    ),
    click.option("--wait-s", default=_WAIT_S, show_default=True, help="Baking time of each step."),
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


def deploy_options(command: _Command) -> _Command:
    """Add them all to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def spec_of(wanted: Wanted, model_data_url: str, role_arn: str) -> EndpointSpec:
    """Return what the options ask for.

    Raises:
        UsageError: They contradict each other.
        ConfigurationError: AWS would refuse the combination.
    """
    from elasticache_police.sagemaker_deploy import (
        AsyncInference,
        DataCapture,
        EndpointSpec,
        Guardrails,
        ModelSpec,
        Vpc,
    )

    _check_partners(wanted)
    attached = bool(wanted.subnets or wanted.security_groups)
    model: ModelSpec = ModelSpec(
        model_data_url=model_data_url,
        role_arn=role_arn,
        name=wanted.model_name,
        image_uri=wanted.image_uri,
        tensorflow_version=wanted.tensorflow_version,
        environment=key_values(wanted.environment),
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
    fleets = _fleets(wanted)
    shadows = () if wanted.shadow is None else (_fleet(wanted.shadow),)
    urls = key_values(wanted.variant_models)
    if unknown := urls.keys() - {name for name, _ in (*fleets, *shadows)}:
        raise click.UsageError(f"--variant-model: no --variant or --shadow is called {', '.join(sorted(unknown))}")
    models = {name: attrs.evolve(model, model_data_url=url, name=None) for name, url in urls.items()}
    scaling = _scaling(wanted)
    shadow = [_variant(wanted, name, fleet, models.get(name), None) for name, fleet in shadows]
    return EndpointSpec(
        model=model,
        endpoint_name=wanted.endpoint_name,
        config_name=wanted.config_name,
        variants=tuple(_variant(wanted, name, fleet, models.get(name), scaling) for name, fleet in fleets),
        shadow=shadow[0] if shadow else None,
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
        tags=key_values(wanted.tags),
    )


def _check_partners(wanted: Wanted) -> None:
    """Refuse an option that would be without effect, because the one it belongs to is missing.

    Raises:
        UsageError: There is one.
    """
    families: tuple[tuple[str, object, dict[str, bool]], ...] = (
        (
            "--async-output",
            wanted.async_output,
            {
                "--async-input": wanted.async_input is not None,
                "--async-failure": wanted.async_failure is not None,
                "--success-topic": wanted.success_topic is not None,
                "--error-topic": wanted.error_topic is not None,
            },
        ),
        ("--capture", wanted.capture, {"--capture-percent": wanted.capture_percent != _CAPTURE_PERCENT}),
        (
            "--traffic",
            wanted.traffic,
            {
                "--alarm": bool(wanted.alarms),
                "--step-percent": wanted.step_percent != _STEP_PERCENT,
                "--wait-s": wanted.wait_s != _WAIT_S,
            },
        ),
        (
            "--max-instances",
            wanted.max_instances,
            {"--min-instances": wanted.min_instances is not None, "--target": wanted.target is not None},
        ),
        (
            "--serverless-memory-mib",
            wanted.serverless_memory_mib,
            {"--max-concurrency": wanted.max_concurrency != _MAX_CONCURRENCY},
        ),
    )
    for head, value, others in families:
        given = [option for option, there in others.items() if there]
        if value is None and given:
            raise click.UsageError(f"{', '.join(given)} without {head} would have no effect: give {head} too")
    instances = {"--routing": wanted.routing is not None, "--max-instances": wanted.max_instances is not None}
    given = [option for option, there in instances.items() if there]
    if wanted.serverless_memory_mib is not None and given:
        raise click.UsageError(f"--serverless-memory-mib means no instances: leave {', '.join(given)} out")


def _fleet(text: str) -> tuple[str, Fleet]:
    """Read ``NAME=INSTANCE_TYPE:COUNT:WEIGHT``; count and weight are 1 when left out."""
    name, said = key_value(text)
    instance_type, *numbers = said.split(":")
    try:
        count, weight = [*numbers, *("1", "1")[len(numbers) :]]
        return name, Fleet(instance_type=instance_type, instance_count=int(count), weight=float(weight))
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is not of the form NAME=TYPE:COUNT:WEIGHT, as in new=ml.c7g.large:2:0.1"
        ) from error


def _fleets(wanted: Wanted) -> tuple[tuple[str, Fleet], ...]:
    """Return the fleets with their names; one unless several are named."""
    plain = bool(wanted.instance_type or wanted.instance_count)
    if wanted.serverless_memory_mib is not None and (plain or wanted.variants or wanted.shadow):
        raise click.UsageError("--serverless-memory-mib means no instances: leave --instance-type and its like out")
    if wanted.variants and plain:
        raise click.UsageError("--variant says what a fleet is made of: leave --instance-type and its like out")
    if wanted.variants:
        return tuple(map(_fleet, wanted.variants))
    usual = Fleet()
    only = Fleet(
        instance_type=wanted.instance_type or usual.instance_type,
        instance_count=wanted.instance_count or usual.instance_count,
    )
    return (("AllTraffic", only),)


def _variant(wanted: Wanted, name: str, fleet: Fleet, model: ModelSpec | None, scaling: Scaling | None) -> Variant:
    from elasticache_police.sagemaker_deploy import Serverless, Variant

    if wanted.serverless_memory_mib is not None:
        serverless = Serverless(memory_mib=wanted.serverless_memory_mib, max_concurrency=wanted.max_concurrency)
        return Variant(serverless=serverless)
    return Variant(
        name=name,
        instance_type=fleet.instance_type,
        instance_count=fleet.instance_count,
        weight=fleet.weight,
        model=model,
        routing=wanted.routing,  # type: ignore[arg-type]  # click has checked the choice
        scaling=scaling,
    )


def _scaling(wanted: Wanted) -> Scaling | None:
    from elasticache_police.sagemaker_deploy import BacklogScaling, TargetScaling

    if wanted.max_instances is None:
        return None
    if wanted.async_output is not None:
        return BacklogScaling(
            minimum=wanted.min_instances or 0,
            maximum=wanted.max_instances,
            backlog_per_instance=wanted.target or 5.0,
        )
    if wanted.target is None:
        raise click.UsageError("--max-instances needs --target, the load per instance to hold")
    minimum = 1 if wanted.min_instances is None else wanted.min_instances
    return TargetScaling(minimum=minimum, maximum=wanted.max_instances, target=wanted.target)
