"""What an endpoint is doing, and waiting until it does what it should."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import attrs

from elasticache_police._waiting import OnProgress
from elasticache_police.errors import AwsError, NotFoundError, ResourceFailedError
from elasticache_police.sagemaker_deploy._session import Pace, Work

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_sagemaker import SageMakerClient

__all__ = ["EndpointStatus", "VariantStatus", "describe", "log_tail", "status", "wait_deleted", "wait_in_service"]

_BROKEN = frozenset({"Failed", "OutOfService", "UpdateRollbackFailed"})
MOVING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
"""States that an endpoint leaves by itself, and in which AWS refuses to change or delete it."""
_GRACE_LOOKS = 3  # an update may take a moment to show


@attrs.frozen(kw_only=True)
class VariantStatus:
    """One fleet as it is now."""

    name: str
    instance_count: int
    """Instances in service; 0 for serverless and for an asynchronous fleet asleep."""
    desired_count: int
    weight: float
    image: str = ""
    """The image that runs, by tag."""
    shadow: bool = False
    """Whether it is asked without its answers being used."""


@attrs.frozen(kw_only=True)
class EndpointStatus:
    """An endpoint as it is now."""

    name: str
    arn: str
    status: str
    """AWS's ``EndpointStatus``, such as ``InService``."""
    config_name: str
    failure_reason: str = ""
    variants: tuple[VariantStatus, ...] = ()
    created_at: dt.datetime | None = None
    modified_at: dt.datetime | None = None
    output_url: str = ""
    """Where answers appear, for an asynchronous endpoint."""
    pending_config_name: str = ""
    """The configuration it is being moved to, while it is."""

    @property
    def in_service(self) -> bool:
        """Whether it answers."""
        return self.status == "InService"


def status(
    endpoint_name: str,
    *,
    client: SageMakerClient | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> EndpointStatus:
    """Describe an endpoint as it is now.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html

    Raises:
        NotFoundError: There is no such endpoint.
        AwsError: AWS refused.
    """
    return describe(Work.of(client=client, session=session, config=config), endpoint_name)


def wait_in_service(
    endpoint_name: str,
    *,
    config_name: str | None = None,
    timeout_s: float = 3600.0,
    on_progress: OnProgress | None = None,
    pace: Pace | None = None,
    client: SageMakerClient | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> EndpointStatus:
    """Wait until an endpoint is in service.

    Args:
        endpoint_name: Which.
        config_name: The configuration it must then have: after an update AWS reports InService for the old one
            too, when the new one was rolled back.
        timeout_s: Seconds after which to give up.
        on_progress: Called after every look.
        pace: How often to look.
        client: SageMaker client; wins over `session`.
        session: boto3 session.
        config: botocore settings.

    Raises:
        ResourceFailedError: It failed, or its update was rolled back; with AWS's reason and the container's last
            log lines.
        WaitTimeoutError: The time is up.
        AwsError: AWS refused to say.
    """
    work = Work.of(client=client, session=session, config=config, pace=pace, on_progress=on_progress)
    return until_in_service(work, endpoint_name, config_name=config_name, timeout_s=timeout_s)


def wait_deleted(
    endpoint_name: str,
    *,
    timeout_s: float = 1800.0,
    on_progress: OnProgress | None = None,
    pace: Pace | None = None,
    client: SageMakerClient | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> None:
    """Wait until an endpoint is gone.

    Raises:
        WaitTimeoutError: The time is up.
        ResourceFailedError: Deleting it failed.
        AwsError: AWS refused to say.
    """
    work = Work.of(client=client, session=session, config=config, pace=pace, on_progress=on_progress)
    until_deleted(work, endpoint_name, timeout_s=timeout_s)


def describe(work: Work, endpoint_name: str) -> EndpointStatus:
    """Describe an endpoint; see :func:`status`."""
    answer = work.send("sagemaker", "DescribeEndpoint", EndpointName=endpoint_name)
    queue = cast(Mapping[str, Mapping[str, str]], answer.get("AsyncInferenceConfig") or {})
    pending = cast(Mapping[str, object], answer.get("PendingDeploymentSummary") or {})
    return EndpointStatus(
        name=endpoint_name,
        arn=str(answer["EndpointArn"]),
        status=str(answer["EndpointStatus"]),
        config_name=str(answer.get("EndpointConfigName") or ""),
        failure_reason=str(answer.get("FailureReason") or ""),
        variants=(*_variants(answer, "ProductionVariants"), *_variants(answer, "ShadowProductionVariants")),
        created_at=cast(dt.datetime | None, answer.get("CreationTime")),
        modified_at=cast(dt.datetime | None, answer.get("LastModifiedTime")),
        output_url=queue.get("OutputConfig", {}).get("S3OutputPath", ""),
        pending_config_name=str(pending.get("EndpointConfigName") or ""),
    )


def _variants(answer: Mapping[str, object], key: str) -> Sequence[VariantStatus]:
    found = cast(Sequence[Mapping[str, object]], answer.get(key) or ())
    return [_variant(item, shadow=key.startswith("Shadow")) for item in found]


def _variant(item: Mapping[str, object], *, shadow: bool) -> VariantStatus:
    images = cast(Sequence[Mapping[str, str]], item.get("DeployedImages") or ())
    return VariantStatus(
        name=str(item["VariantName"]),
        instance_count=cast(int, item.get("CurrentInstanceCount") or 0),
        desired_count=cast(int, item.get("DesiredInstanceCount") or 0),
        weight=cast(float, item.get("CurrentWeight") or 0.0),
        image=images[0].get("SpecifiedImage", "") if images else "",
        shadow=shadow,
    )


def until_in_service(
    work: Work, endpoint_name: str, *, config_name: str | None, timeout_s: float, updating: bool = False
) -> EndpointStatus:
    """Wait for service; see :func:`wait_in_service`.

    Args:
        work: Clients and patience.
        endpoint_name: Which.
        config_name: The configuration it must have.
        timeout_s: Seconds.
        updating: An update was just asked for, and may take a moment to show.
    """
    looks = 0
    moved = not updating

    def done(seen: EndpointStatus) -> bool:
        nonlocal looks, moved
        looks += 1
        moved = moved or seen.status in MOVING
        if seen.status in _BROKEN:
            raise _failed(work, seen, seen.failure_reason)
        if not seen.in_service:
            return False
        if config_name is None or seen.config_name == config_name:
            return True
        if not moved and looks < _GRACE_LOOKS:
            return False
        reason = f"the update to {config_name} was rolled back to {seen.config_name}"
        raise _failed(work, seen, f"{reason}: {seen.failure_reason}" if seen.failure_reason else reason)

    return work.wait(
        lambda: describe(work, endpoint_name),
        done=done,
        waited_for=f"endpoint {endpoint_name} to be in service",
        timeout_s=timeout_s,
        status=lambda seen: seen.status,
    )


def until_settled(work: Work, endpoint_name: str, *, timeout_s: float) -> EndpointStatus | None:
    """Wait until an endpoint is in none of the states it leaves by itself; None when it is gone."""
    return work.wait(
        lambda: _describe_or_none(work, endpoint_name),
        done=lambda seen: seen is None or seen.status not in MOVING,
        waited_for=f"endpoint {endpoint_name} to settle",
        timeout_s=timeout_s,
        status=lambda seen: "gone" if seen is None else seen.status,
    )


def until_deleted(work: Work, endpoint_name: str, *, timeout_s: float) -> None:
    """Wait until an endpoint is gone; see :func:`wait_deleted`."""

    def done(seen: EndpointStatus | None) -> bool:
        if seen is not None and seen.status == "Failed":
            raise ResourceFailedError(
                f"endpoint {endpoint_name}", status=seen.status, reason=seen.failure_reason, operation="DeleteEndpoint"
            )
        return seen is None

    work.wait(
        lambda: _describe_or_none(work, endpoint_name),
        done=done,
        waited_for=f"endpoint {endpoint_name} to be deleted",
        timeout_s=timeout_s,
        status=lambda seen: "gone" if seen is None else seen.status,
    )


def _describe_or_none(work: Work, endpoint_name: str) -> EndpointStatus | None:
    try:
        return describe(work, endpoint_name)
    except NotFoundError:
        return None


def _failed(work: Work, seen: EndpointStatus, reason: str) -> ResourceFailedError:
    return ResourceFailedError(
        f"endpoint {seen.name}",
        status=seen.status,
        reason=reason,
        log_tail=log_tail(work, seen.name),
        operation="CreateEndpoint" if seen.status == "Failed" else "UpdateEndpoint",
    )


def log_tail(work: Work, endpoint_name: str, *, lines: int = 15) -> tuple[str, ...]:
    """Return the last lines that an endpoint's containers logged; empty when they cannot be read."""
    group = f"/aws/sagemaker/Endpoints/{endpoint_name}"
    try:
        streams = work.send(
            "logs", "DescribeLogStreams", logGroupName=group, orderBy="LastEventTime", descending=True, limit=1
        )
        found = cast(Sequence[Mapping[str, str]], streams.get("logStreams") or ())
        if not found:
            return ()
        stream = found[0]["logStreamName"]
        events = work.send(
            "logs", "GetLogEvents", logGroupName=group, logStreamName=stream, limit=lines, startFromHead=False
        )
    except AwsError:
        return ()
    return tuple(
        str(event["message"]).rstrip() for event in cast(Sequence[Mapping[str, object]], events.get("events") or ())
    )
