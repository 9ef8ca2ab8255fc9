"""Auto scaling of an endpoint's variants: the requests that set it up and those that take it down again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from elasticache_police._aws import Request
from elasticache_police.sagemaker_deploy.options import BacklogScaling, TargetScaling

if TYPE_CHECKING:
    from elasticache_police._aws import JsonValue
    from elasticache_police.sagemaker_deploy.spec import EndpointSpec, Variant

__all__ = [
    "ALARM_PREFIX",
    "DIMENSION",
    "POLICY_ARN_PLACEHOLDER",
    "POLICY_KINDS",
    "alarm_name",
    "policy_name",
    "resource_id",
    "scaling_requests",
]

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
ALARM_PREFIX = "elasticache-police/"
"""Every alarm this package makes is named under it, so that none is lost."""
POLICY_ARN_PLACEHOLDER = "{PolicyARN of the step policy}"
"""Stands in a plan for what AWS only tells when the step policy is made."""

POLICY_KINDS = ("load", "backlog", "wake")
"""The policies that this package sets up: for the load, for the backlog, and to wake from zero instances."""

_METRICS = {
    "invocations": "SageMakerVariantInvocationsPerInstance",
    "concurrency": "SageMakerVariantConcurrentRequestsPerModelHighResolution",
}


def resource_id(endpoint_name: str, variant_name: str) -> str:
    """Name a variant as Application Auto Scaling does."""
    return f"endpoint/{endpoint_name}/variant/{variant_name}"


def alarm_name(endpoint_name: str, variant_name: str) -> str:
    """Name the alarm that wakes an asynchronous variant from zero instances."""
    return f"{ALARM_PREFIX}{endpoint_name}/{variant_name}/backlog-without-capacity"


def policy_name(endpoint_name: str, variant_name: str, kind: str) -> str:
    """Name a policy of a variant.

    Args:
        endpoint_name: The endpoint.
        variant_name: The variant.
        kind: One of :data:`POLICY_KINDS`.
    """
    return f"{endpoint_name}-{variant_name}-{kind}"


def scaling_requests(spec: EndpointSpec, *, tags: Mapping[str, str]) -> tuple[Request, ...]:
    """Build the requests that set up the scaling of every variant that wants it."""
    requests: list[Request] = []
    for variant in spec.variants:
        if isinstance(variant.scaling, TargetScaling):
            requests += _by_target(spec, variant, variant.scaling)
        elif isinstance(variant.scaling, BacklogScaling):
            requests += _by_backlog(spec, variant, variant.scaling, tags)
    return tuple(requests)


def _target(spec: EndpointSpec, variant: Variant) -> dict[str, JsonValue]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": resource_id(spec.endpoint_name, variant.name),
        "ScalableDimension": DIMENSION,
    }


def _register(spec: EndpointSpec, variant: Variant, minimum: int, maximum: int) -> Request:
    return Request(
        service="application-autoscaling",
        operation="RegisterScalableTarget",
        parameters={**_target(spec, variant), "MinCapacity": minimum, "MaxCapacity": maximum},
    )


def _policy(spec: EndpointSpec, variant: Variant, name: str, **configuration: JsonValue) -> Request:
    kind = "StepScaling" if "StepScalingPolicyConfiguration" in configuration else "TargetTrackingScaling"
    return Request(
        service="application-autoscaling",
        operation="PutScalingPolicy",
        parameters={
            "PolicyName": policy_name(spec.endpoint_name, variant.name, name),
            **_target(spec, variant),
            "PolicyType": kind,
            **configuration,
        },
    )


def _by_target(spec: EndpointSpec, variant: Variant, scaling: TargetScaling) -> list[Request]:
    tracking: dict[str, JsonValue] = {
        "TargetValue": scaling.target,
        "PredefinedMetricSpecification": {"PredefinedMetricType": _METRICS[scaling.metric]},
        "ScaleOutCooldown": scaling.scale_out_cooldown_s,
        "ScaleInCooldown": scaling.scale_in_cooldown_s,
    }
    return [
        _register(spec, variant, scaling.minimum, scaling.maximum),
        _policy(spec, variant, "load", TargetTrackingScalingPolicyConfiguration=tracking),
    ]


def _by_backlog(
    spec: EndpointSpec, variant: Variant, scaling: BacklogScaling, tags: Mapping[str, str]
) -> list[Request]:
    dimensions: list[JsonValue] = [{"Name": "EndpointName", "Value": spec.endpoint_name}]
    tracking: dict[str, JsonValue] = {
        "TargetValue": scaling.backlog_per_instance,
        "CustomizedMetricSpecification": {
            "MetricName": "ApproximateBacklogSizePerInstance",
            "Namespace": "AWS/SageMaker",
            "Dimensions": dimensions,
            "Statistic": "Average",
        },
        "ScaleOutCooldown": scaling.scale_out_cooldown_s,
        "ScaleInCooldown": scaling.scale_in_cooldown_s,
    }
    requests = [
        _register(spec, variant, scaling.minimum, scaling.maximum),
        _policy(spec, variant, "backlog", TargetTrackingScalingPolicyConfiguration=tracking),
    ]
    if scaling.minimum > 0:
        return requests
    wake: dict[str, JsonValue] = {
        "AdjustmentType": "ChangeInCapacity",
        "MetricAggregationType": "Average",
        "Cooldown": scaling.scale_out_cooldown_s,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
    }
    alarm = Request(
        service="cloudwatch",
        operation="PutMetricAlarm",
        parameters={
            "AlarmName": alarm_name(spec.endpoint_name, variant.name),
            "AlarmDescription": f"Wakes {spec.endpoint_name} when requests wait and no instance runs",
            "Namespace": "AWS/SageMaker",
            "MetricName": "HasBacklogWithoutCapacity",
            "Dimensions": dimensions,
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 2,
            "DatapointsToAlarm": 2,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "missing",
            "AlarmActions": [POLICY_ARN_PLACEHOLDER],
            "Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())],
        },
    )
    return [*requests, _policy(spec, variant, "wake", StepScalingPolicyConfiguration=wake), alarm]
