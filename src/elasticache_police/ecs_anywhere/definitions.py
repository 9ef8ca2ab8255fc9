"""Task definitions: registered once, found again when they are the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import attrs

from elasticache_police._aws import PROJECT_TAG, Request
from elasticache_police.ecs_anywhere._read import child, children, text
from elasticache_police.ecs_anywhere.cluster import Cluster, as_cluster
from elasticache_police.ecs_anywhere.logs import LogPlace
from elasticache_police.ecs_anywhere.task_spec import LaunchType, TaskSpec, definition_request
from elasticache_police.errors import AwsError, NotFoundError

__all__ = ["Definition", "definition_of", "look_up", "plan_register", "register_task"]

_DIGEST = "elasticache-police-digest"
_SUBNETS = "elasticache-police-subnets"
_SECURITY_GROUPS = "elasticache-police-security-groups"
_PUBLIC_IP = "elasticache-police-public-ip"
_TAG_CHARACTERS = 256
"""A tag's value is no longer."""


@attrs.frozen(kw_only=True)
class Definition:
    """A registered task definition: what is needed to run it, to find its log, and to tell what it runs."""

    arn: str
    container_name: str
    launch_type: LaunchType
    image: str = ""
    """The container image's URI, with its tag or digest."""
    log: LogPlace | None = None
    network_mode: str = "bridge"
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    assign_public_ip: bool = False


def _digest(wanted: Request) -> str:
    return hashlib.sha256(json.dumps(wanted.parameters, sort_keys=True).encode()).hexdigest()[:32]


def register_task(cluster: Cluster | str, spec: TaskSpec) -> Definition:
    """Register a task definition, or find the newest one of the family when it is the same.

    Raises:
        AwsError: ECS refused it.
    """
    cluster = as_cluster(cluster)
    wanted, digest = _wanted(cluster, spec)
    arn = _same_already(cluster, spec.family, digest)
    if arn is None:
        arn = text(child(cluster.clients.perform(wanted), "taskDefinition"), "taskDefinitionArn")
    return definition_of(arn, spec)


def plan_register(cluster: Cluster | str, spec: TaskSpec) -> Request:
    """Return the request that :func:`register_task` would send where there is no such task yet, without sending it."""
    return _wanted(as_cluster(cluster), spec)[0]


def _wanted(cluster: Cluster, spec: TaskSpec) -> tuple[Request, str]:
    """Return the tagged request, and the digest of what it registers."""
    if spec.launch_type is LaunchType.EXTERNAL:
        _ = cluster.region  # refuses regions without ECS Anywhere
    if spec.log_group is not None and spec.log_region is None:
        spec = attrs.evolve(spec, log_region=cluster.region)
    spec = attrs.evolve(spec, tags={**spec.tags, **_network_tags(spec)})
    untagged = definition_request(spec)
    digest = _digest(untagged)
    tags = {**spec.tags, **dict([PROJECT_TAG]), _DIGEST: digest}
    listed = [{"key": key, "value": value} for key, value in sorted(tags.items())]
    return attrs.evolve(untagged, parameters={**untagged.parameters, "tags": listed}), digest


def _network_tags(spec: TaskSpec) -> dict[str, str]:
    """Return where a task runs in a VPC as tags: RunTask wants to know it, and a task definition has no field for it.

    With them a family runs by its name alone. A list too long for a tag is left out, and has to be given again.
    """
    said = {
        _SUBNETS: " ".join(spec.subnets),
        _SECURITY_GROUPS: " ".join(spec.security_groups),
        _PUBLIC_IP: "true" if spec.assign_public_ip else "",
    }
    return {key: value for key, value in said.items() if 0 < len(value) <= _TAG_CHARACTERS}


def _same_already(cluster: Cluster, family: str, digest: str) -> str | None:
    try:
        answer = cluster.perform("ecs", "DescribeTaskDefinition", taskDefinition=family, include=["TAGS"])
    except NotFoundError:
        return None
    except AwsError as error:
        if error.code == "ClientException":  # "Unable to describe task definition."
            return None
        raise
    found = child(answer, "taskDefinition")
    same = any(text(tag, "key") == _DIGEST and text(tag, "value") == digest for tag in children(answer, "tags"))
    return text(found, "taskDefinitionArn") if same and text(found, "status") in ("", "ACTIVE") else None


def look_up(cluster: Cluster, name: str) -> Definition:
    """Return what ECS knows of a registered family or ARN.

    Raises:
        NotFoundError: There is none.
        AwsError: ECS refused.
    """
    try:
        answer = cluster.perform("ecs", "DescribeTaskDefinition", taskDefinition=name, include=["TAGS"])
    except AwsError as error:
        if error.code != "ClientException":  # "Unable to describe task definition."
            raise
        message = f"there is no task definition {name} in {cluster.region}: register it first, or look at its name"
        raise NotFoundError(message, operation="DescribeTaskDefinition", code=error.code) from error
    found = child(answer, "taskDefinition")
    tags = {text(tag, "key"): text(tag, "value") for tag in children(answer, "tags")}
    container = children(found, "containerDefinitions")[0]
    options = child(child(container, "logConfiguration"), "options")
    return Definition(
        arn=text(found, "taskDefinitionArn"),
        container_name=text(container, "name"),
        launch_type=_launch_type(_sequence(found.get("requiresCompatibilities"))),
        image=text(container, "image"),
        network_mode=text(found, "networkMode") or "bridge",
        log=LogPlace(
            group=text(options, "awslogs-group"),
            prefix=text(options, "awslogs-stream-prefix"),
            container=text(container, "name"),
        )
        if text(options, "awslogs-stream-prefix")
        else None,
        subnets=tuple(tags.get(_SUBNETS, "").split()),
        security_groups=tuple(tags.get(_SECURITY_GROUPS, "").split()),
        assign_public_ip=tags.get(_PUBLIC_IP) == "true",
    )


def _launch_type(asked: Sequence[object]) -> LaunchType:
    """Return where a task runs that was registered for several places: on a machine of one's own where it may.

    It may be registered for a place that this package does not know: then ECS is left to say what it thinks of it.
    """
    known = [one for one in LaunchType if one.value in asked]  # EXTERNAL comes first
    return known[0] if known else LaunchType.EXTERNAL


def _sequence(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def definition_of(arn: str, spec: TaskSpec) -> Definition:
    """Return the definition that a spec was, or will be, registered as."""
    place = None
    if spec.log_group is not None:
        place = LogPlace(group=spec.log_group, prefix=spec.family, container=spec.container_name)
    return Definition(
        arn=arn,
        container_name=spec.container_name,
        launch_type=spec.launch_type,
        image=spec.image,
        log=place,
        network_mode=spec.network,
        subnets=spec.subnets,
        security_groups=spec.security_groups,
        assign_public_ip=spec.assign_public_ip,
    )
