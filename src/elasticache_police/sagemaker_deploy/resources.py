"""What this package makes on AWS, one value for each thing, and how each is deleted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Literal

import attrs

from elasticache_police._aws import Request
from elasticache_police.sagemaker_deploy.scaling import DIMENSION

__all__ = ["Event", "Kind", "OnEvent", "Resource", "delete_request"]

_BILLABLE = frozenset({
    "alarm", "endpoint", "transform job", "archive", "task", "container instance", "log group",
})  # fmt: skip

Kind = Literal[
    "alarm",
    "scaling policy",
    "scaling target",
    "endpoint",
    "endpoint configuration",
    "model",
    "transform job",
    "compilation job",
    "archive",
    "activation",
    "task",
    "container instance",
    "managed instance",
    "cluster",
    "queue",
    "log group",
]


@attrs.frozen(kw_only=True)
class Resource:
    """One thing on AWS."""

    kind: Kind
    name: str
    """Its name; for scaling the variant's resource id, for an archive ``bucket/key``, for what runs on ECS its ARN, for
    an activation its id, for a queue its URL."""
    part: str = ""
    """What to call it, where that is shorter: a scaling policy's name, a task's id, a machine's ``mi-...``."""
    status: str = attrs.field(default="", eq=False)
    created_at: dt.datetime | None = attrs.field(default=None, eq=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.part or self.name}"

    @property
    def billable(self) -> bool:
        """Whether it costs money by existing: models, policies, activations, clusters and idle queues, say, do not."""
        return self.kind in _BILLABLE


@attrs.frozen(kw_only=True)
class Event:
    """One step of a deployment or a clean-up."""

    action: Literal["creating", "reusing", "updating", "removing", "removed", "keeping", "left behind", "cannot see"]
    resource: Resource
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.action} {self.resource}" + (f": {self.detail}" if self.detail else "")


OnEvent = Callable[[Event], None]
"""Told of every step, before it is taken for ``creating``, ``updating`` and ``removing``."""


def delete_request(resource: Resource) -> Request:
    """Build the request that deletes a resource by name (for a running transform job: stops it)."""
    target = {"ServiceNamespace": "sagemaker", "ResourceId": resource.name, "ScalableDimension": DIMENSION}
    bucket, _, key = resource.name.partition("/")
    match resource.kind:
        case "alarm":
            return Request(service="cloudwatch", operation="DeleteAlarms", parameters={"AlarmNames": [resource.name]})
        case "scaling policy":
            return Request(
                service="application-autoscaling",
                operation="DeleteScalingPolicy",
                parameters={"PolicyName": resource.part, **target},
            )
        case "scaling target":
            return Request(service="application-autoscaling", operation="DeregisterScalableTarget", parameters=target)
        case "archive":
            return Request(service="s3", operation="DeleteObject", parameters={"Bucket": bucket, "Key": key})
        case "endpoint":
            operation, field = "DeleteEndpoint", "EndpointName"
        case "endpoint configuration":
            operation, field = "DeleteEndpointConfig", "EndpointConfigName"
        case "model":
            operation, field = "DeleteModel", "ModelName"
        case "transform job":
            operation, field = "StopTransformJob", "TransformJobName"
        case "compilation job":
            operation, field = "StopCompilationJob", "CompilationJobName"
        case _:
            return _delete_on_ecs(resource)
    return Request(service="sagemaker", operation=operation, parameters={field: resource.name})


def _delete_on_ecs(resource: Resource) -> Request:
    """Build the request that deletes a thing of the other half (for a task: stops it)."""
    name = resource.name
    in_cluster = {"cluster": name.split("/")[1]} if "/" in name else {}  # arn:...:task/CLUSTER/ID
    match resource.kind:
        case "activation":
            return Request(service="ssm", operation="DeleteActivation", parameters={"ActivationId": name})
        case "task":
            return Request(service="ecs", operation="StopTask", parameters={**in_cluster, "task": name})
        case "container instance":
            return Request(
                service="ecs",
                operation="DeregisterContainerInstance",
                parameters={**in_cluster, "containerInstance": name, "force": True},
            )
        case "managed instance":
            return Request(service="ssm", operation="DeregisterManagedInstance", parameters={"InstanceId": name})
        case "cluster":
            return Request(service="ecs", operation="DeleteCluster", parameters={"cluster": name})
        case "queue":
            return Request(service="sqs", operation="DeleteQueue", parameters={"QueueUrl": name})
    return Request(service="logs", operation="DeleteLogGroup", parameters={"logGroupName": name})
