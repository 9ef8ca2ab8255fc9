"""What scales an endpoint on AWS now, and what of it no specification asks for any more."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import cast

from elasticache_police.errors import AccessDeniedError
from elasticache_police.sagemaker_deploy._session import Work
from elasticache_police.sagemaker_deploy.resources import Event, Resource
from elasticache_police.sagemaker_deploy.scaling import ALARM_PREFIX, POLICY_KINDS, policy_name

__all__ = ["alarms", "exists", "is_ours", "outdated", "scaling"]

_SERVICE = "application-autoscaling"


def alarms(work: Work, prefix: str) -> Iterator[Resource]:
    """Yield the alarms whose names begin so."""
    for item in work.pages("cloudwatch", "DescribeAlarms", "MetricAlarms", AlarmNamePrefix=prefix):
        yield Resource(kind="alarm", name=str(item["AlarmName"]))


def scaling(work: Work, endpoint_name: str) -> Iterator[Resource]:
    """Yield the scaling policies and targets of an endpoint's variants, policies first."""
    prefix = f"endpoint/{endpoint_name}/variant/"
    where = {"ServiceNamespace": "sagemaker"}
    for item in work.pages(_SERVICE, "DescribeScalingPolicies", "ScalingPolicies", **where):
        if str(item["ResourceId"]).startswith(prefix):
            yield Resource(kind="scaling policy", name=str(item["ResourceId"]), part=str(item["PolicyName"]))
    for item in work.pages(_SERVICE, "DescribeScalableTargets", "ScalableTargets", **where):
        if str(item["ResourceId"]).startswith(prefix):
            yield Resource(kind="scaling target", name=str(item["ResourceId"]))


def exists(work: Work, resource: Resource) -> bool:
    """Say whether an alarm, a scaling policy or a scaling target is there."""
    if resource.kind == "alarm":
        return bool(work.send("cloudwatch", "DescribeAlarms", AlarmNames=[resource.name])["MetricAlarms"])
    where = {"ServiceNamespace": "sagemaker"}
    if resource.kind == "scaling policy":
        policies = work.send(_SERVICE, "DescribeScalingPolicies", **where, PolicyNames=[resource.part])
        found = cast(Sequence[Mapping[str, object]], policies["ScalingPolicies"])
        return any((one["ResourceId"], one["PolicyName"]) == (resource.name, resource.part) for one in found)
    targets = work.send(_SERVICE, "DescribeScalableTargets", **where, ResourceIds=[resource.name])
    found = cast(Sequence[Mapping[str, object]], targets["ScalableTargets"])
    return any(one["ResourceId"] == resource.name for one in found)


def outdated(work: Work, endpoint_name: str, wanted: Collection[Resource]) -> Sequence[Resource]:
    """Return the scaling that this package once set up for an endpoint and that is wanted no more.

    Policies of somebody else's stay, and so does a target that has one. Where the caller may not look, nothing is found
    and whoever listens is told.

    Args:
        work: Clients, listeners.
        endpoint_name: The endpoint.
        wanted: The policies, targets and alarms that its specification asks for.
    """
    try:
        wakers = [alarm for alarm in alarms(work, f"{ALARM_PREFIX}{endpoint_name}/") if alarm not in wanted]
        found = [*scaling(work, endpoint_name)]
    except AccessDeniedError as error:
        unseen = Resource(kind="scaling policy", name=f"endpoint/{endpoint_name}/variant/*")
        work.tell(Event(action="cannot see", resource=unseen, detail=str(error)))
        return ()
    policies = [resource for resource in found if resource.kind == "scaling policy"]
    stale = [policy for policy in policies if is_ours(policy, endpoint_name) and policy not in wanted]
    kept = {policy.name for policy in policies if policy not in stale}
    targets = [
        resource
        for resource in found
        if resource.kind == "scaling target"
        and resource not in wanted
        and resource.name not in kept
        and resource.name in {policy.name for policy in stale}
    ]
    return [*wakers, *stale, *targets]


def is_ours(policy: Resource, endpoint_name: str) -> bool:
    """Say whether a scaling policy of an endpoint is one that this package makes."""
    variant_name = policy.name.rpartition("/")[2]
    return policy.part in {policy_name(endpoint_name, variant_name, kind) for kind in POLICY_KINDS}
