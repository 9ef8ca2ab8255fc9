"""Scaling that stands in the way of an update: taken away for it, and put back when the update fails.

AWS refuses to change the instance type of a variant that is a scalable target, or to drop one
(https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html).
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

import attrs

from elasticache_police._aws import Request
from elasticache_police.errors import AccessDeniedError, ConfigurationError, NotFoundError, PoliceError
from elasticache_police.sagemaker_deploy._session import Work
from elasticache_police.sagemaker_deploy.resources import Event, Resource
from elasticache_police.sagemaker_deploy.scaled import is_ours
from elasticache_police.sagemaker_deploy.scaler import patiently, put, scaling_resource
from elasticache_police.sagemaker_deploy.scaling import DIMENSION, alarm_name, resource_id
from elasticache_police.sagemaker_deploy.teardown import remove
from elasticache_police.sagemaker_deploy.watching import EndpointStatus, describe

if TYPE_CHECKING:
    from elasticache_police._aws import JsonValue

__all__ = ["without_scaling"]

_SERVICE = "application-autoscaling"
_WHERE = {"ServiceNamespace": "sagemaker"}
_TARGET = ("ServiceNamespace", "ResourceId", "ScalableDimension", "MinCapacity", "MaxCapacity", "SuspendedState")
_POLICY = (
    "PolicyName", "ServiceNamespace", "ResourceId", "ScalableDimension", "PolicyType", "StepScalingPolicyConfiguration",
    "TargetTrackingScalingPolicyConfiguration",
)  # fmt: skip
_ALARM = (
    "AlarmName", "AlarmDescription", "ActionsEnabled", "Namespace", "MetricName", "Dimensions", "Statistic", "Period",
    "EvaluationPeriods", "DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData",
)  # fmt: skip


@attrs.frozen(kw_only=True)
class _Taken:
    """What is taken away: the requests that put it back, targets first, and the alarms that trigger a policy.

    The alarms stay meanwhile, with their tags: they stand in nobody's way.
    """

    requests: tuple[Request, ...] = ()
    alarms: Mapping[str, str] = attrs.field(factory=dict)
    """Alarm names by the name of the policy that they trigger."""

    @property
    def resources(self) -> tuple[Resource, ...]:
        return tuple(map(scaling_resource, self.requests))


@contextlib.contextmanager
def without_scaling(work: Work, before: EndpointStatus, config: Request) -> Iterator[None]:
    """Take the scaling away that an update would be refused for, for the length of the block that updates.

    When the block fails and the endpoint has its old configuration, the scaling is put back; the error's notes say so,
    or what is not back. After an update that succeeded the new specification's scaling is set up in its stead.

    Args:
        work: Clients, patience, listeners.
        before: The endpoint as it is.
        config: The request that makes the new configuration.

    Raises:
        ConfigurationError: It scales by what is not this package's, which would be lost.
        LeftBehindError: The scaling could not be taken away.
        AwsError: AWS refused to say what scales it.
    """
    taken = _in_the_way(work, before.name, _changed(work, before.config_name, config))
    if not taken.requests:
        yield
        return
    try:
        remove(work, taken.resources[::-1]).check()
        yield
    except BaseException as error:
        error.add_note(_put_back(work.undisturbed(), before, taken))
        raise


def _changed(work: Work, live_name: str, config: Request) -> Collection[str]:
    """Return the variants that a new configuration gives another instance type, or drops."""
    try:
        live = _types(work.send("sagemaker", "DescribeEndpointConfig", EndpointConfigName=live_name))
    except NotFoundError:  # deleted under the endpoint: nobody knows its types
        return ()
    new = _types(config.parameters)
    return [name for name, kind in live.items() if name not in new or new[name] != kind]


def _types(config: Mapping[str, object]) -> Mapping[str, object]:
    variants = cast(Sequence[Mapping[str, object]], config["ProductionVariants"])
    return {str(variant["VariantName"]): variant.get("InstanceType") for variant in variants}


def _in_the_way(work: Work, endpoint_name: str, variant_names: Collection[str]) -> _Taken:
    """Return what scales variants; nothing where the caller may not look, as AWS says in its own words what to do."""
    names = {resource_id(endpoint_name, name): name for name in variant_names}
    if not names:
        return _Taken()
    try:
        found = [*work.pages(_SERVICE, "DescribeScalableTargets", "ScalableTargets", **_WHERE, ResourceIds=[*names])]
    except AccessDeniedError as error:
        unseen = Resource(kind="scaling target", name=resource_id(endpoint_name, "*"))
        work.tell(Event(action="cannot see", resource=unseen, detail=str(error)))
        return _Taken()
    requests: list[Request] = []
    alarms: dict[str, str] = {}
    for target in found:
        place = str(target["ResourceId"])
        if target["ScalableDimension"] != DIMENSION:
            continue
        policies = [*work.pages(_SERVICE, "DescribeScalingPolicies", "ScalingPolicies", **_WHERE, ResourceId=place)]
        restoring = [_request("PutScalingPolicy", policy, _POLICY) for policy in policies]
        _refuse_foreign(work, endpoint_name, names[place], [scaling_resource(request) for request in restoring])
        requests += [_request("RegisterScalableTarget", target, _TARGET), *restoring]
        steps = [policy for policy in policies if policy["PolicyType"] == "StepScaling"]
        alarms |= {str(policy["PolicyName"]): alarm_name(endpoint_name, names[place]) for policy in steps}
    return _Taken(requests=tuple(requests), alarms=alarms)


def _refuse_foreign(work: Work, endpoint_name: str, variant_name: str, policies: Sequence[Resource]) -> None:
    """Refuse to take away what somebody else set up: AWS deletes policies and schedules with their target."""
    place = resource_id(endpoint_name, variant_name)
    schedules = work.pages(_SERVICE, "DescribeScheduledActions", "ScheduledActions", **_WHERE, ResourceId=place)
    foreign = [policy.part for policy in policies if not is_ours(policy, endpoint_name)]
    foreign += [str(schedule["ScheduledActionName"]) for schedule in schedules]
    if foreign:
        raise ConfigurationError(
            f"variant {variant_name} would change its instance type or go, and is scaled by {', '.join(foreign)}, which"
            " this package did not set up: AWS updates it only without scaling, so take that away first"
        )


def _put_back(work: Work, before: EndpointStatus, taken: _Taken) -> str:
    """Put scaling back where the endpoint is what it was, and say what became of it."""
    names = ", ".join(map(str, taken.resources))
    lost = f"NOT PUT BACK: {names}; deploy again to scale endpoint {before.name}"
    try:
        seen = patiently(work, functools.partial(describe, work, before.name), f"a look at endpoint {before.name}")
        if not seen.in_service or seen.pending_config_name or seen.config_name != before.config_name:
            return f"{lost} (it is {seen.status} with {seen.pending_config_name or seen.config_name})"
        for request in taken.requests:
            work.tell(Event(action="creating", resource=scaling_resource(request)))
            arn = put(work, request)
            alarm = taken.alarms.get(str(request.parameters.get("PolicyName")))
            if alarm is not None:
                _point(work, alarm, arn)
    except PoliceError as error:
        return f"{lost} ({error})"
    except BaseException as interrupt:
        interrupt.add_note(lost)
        raise
    return f"put back: {names}"


def _point(work: Work, alarm: str, policy_arn: str) -> None:
    """Let an alarm trigger a policy that was made anew."""
    answer = work.send("cloudwatch", "DescribeAlarms", AlarmNames=[alarm])
    for found in cast(Sequence[Mapping[str, object]], answer["MetricAlarms"]):
        request = _request("PutMetricAlarm", found, _ALARM)
        put(work, attrs.evolve(request, parameters={**request.parameters, "AlarmActions": [policy_arn]}))


def _request(operation: str, found: Mapping[str, object], fields: Collection[str]) -> Request:
    """Build the request that makes what was found."""
    parameters = cast("Mapping[str, JsonValue]", {field: found[field] for field in fields if field in found})
    return Request(
        service="cloudwatch" if operation == "PutMetricAlarm" else _SERVICE, operation=operation, parameters=parameters
    )
