"""The machines of a cluster: who is there, connected or not, and with what to spare."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable

import attrs

from elasticache_police.ecs_anywhere._read import (
    Answer,
    child,
    children,
    flag,
    moment,
    number,
    text,
    texts,
)
from elasticache_police.ecs_anywhere.cluster import Cluster, as_cluster

__all__ = ["Connection", "Instance", "instances"]

_DESCRIBE_AT_ONCE = 100


class Connection(str, enum.Enum):
    """What the agent of a registered machine is up to."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    """Its tasks keep running, and ECS hears nothing of them."""
    DUPLICATE = "duplicate"
    """An older registration of a machine that registered again; nothing will ever come from it."""

    def __str__(self) -> str:
        return self.value


@attrs.frozen(kw_only=True)
class Instance:
    """A container instance as ECS describes it.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerInstance.html
    """

    arn: str
    instance_id: str
    """``mi-...`` for a machine of one's own, ``i-...`` for an EC2 instance."""
    status: str
    """ECS's word: ACTIVE, DRAINING, REGISTERING, DEREGISTERING, REGISTRATION_FAILED."""
    connection: Connection
    cpu_units: int
    """1,024 to a core."""
    cpu_units_free: int
    memory_mib: int
    memory_mib_free: int
    gpus: tuple[str, ...] = ()
    """The ids of its GPUs."""
    gpus_free: int = 0
    running_tasks: int = 0
    pending_tasks: int = 0
    agent_version: str = ""
    docker_version: str = ""
    registered_at: dt.datetime | None = None
    attributes: tuple[str, ...] = ()
    """Its attributes, ``name`` or ``name=value``, sorted."""

    @property
    def agent_connected(self) -> bool:
        """Whether ECS hears its agent: ECS's own ``agentConnected``, never true of a duplicate."""
        return self.connection is Connection.CONNECTED

    @property
    def takes_tasks(self) -> bool:
        """Whether ECS hears its agent and places tasks on it: it does not on one that drains."""
        return self.agent_connected and self.status == "ACTIVE"

    @property
    def external(self) -> bool:
        """Whether it is a machine of one's own."""
        return self.instance_id.startswith("mi-")


def instances(cluster: Cluster | str) -> tuple[Instance, ...]:
    """Describe every machine of a cluster, sorted by instance id and registration time.

    RegisterContainerInstance is not idempotent: a machine that was registered twice has several ARNs. The one that is
    connected, or else the newest, counts; the others come back as :attr:`Connection.DUPLICATE`.

    Raises:
        NotFoundError: There is no such cluster.
        AwsError: ECS refused a request.
    """
    cluster = as_cluster(cluster)
    arns = [
        arn
        for page in cluster.pages("ecs", "ListContainerInstances", cluster=cluster.name)
        for arn in texts(page, "containerInstanceArns")
    ]
    answers: list[Answer] = []
    for start in range(0, len(arns), _DESCRIBE_AT_ONCE):
        part = arns[start : start + _DESCRIBE_AT_ONCE]
        described = cluster.perform("ecs", "DescribeContainerInstances", cluster=cluster.name, containerInstances=part)
        answers += children(described, "containerInstances")
    return _told_apart(_read(answer) for answer in answers)


def _read(answer: Answer) -> Instance:
    registered = {text(item, "name"): item for item in children(answer, "registeredResources")}
    remaining = {text(item, "name"): item for item in children(answer, "remainingResources")}
    nothing: Answer = {}
    return Instance(
        arn=text(answer, "containerInstanceArn"),
        instance_id=text(answer, "ec2InstanceId"),
        status=text(answer, "status"),
        connection=Connection.CONNECTED if flag(answer, "agentConnected") else Connection.DISCONNECTED,
        cpu_units=number(registered.get("CPU", nothing), "integerValue"),
        cpu_units_free=number(remaining.get("CPU", nothing), "integerValue"),
        memory_mib=number(registered.get("MEMORY", nothing), "integerValue"),
        memory_mib_free=number(remaining.get("MEMORY", nothing), "integerValue"),
        gpus=texts(registered.get("GPU", nothing), "stringSetValue"),
        gpus_free=len(texts(remaining.get("GPU", nothing), "stringSetValue")),
        running_tasks=number(answer, "runningTasksCount"),
        pending_tasks=number(answer, "pendingTasksCount"),
        agent_version=text(child(answer, "versionInfo"), "agentVersion"),
        docker_version=text(child(answer, "versionInfo"), "dockerVersion").removeprefix("DockerVersion: "),
        registered_at=moment(answer, "registeredAt"),
        attributes=tuple(
            sorted(
                f"{text(item, 'name')}={text(item, 'value')}" if text(item, "value") else text(item, "name")
                for item in children(answer, "attributes")
            )
        ),
    )


def _told_apart(found: Iterable[Instance]) -> tuple[Instance, ...]:
    """Mark all but one registration of each machine as duplicates."""
    never = dt.datetime.min.replace(tzinfo=dt.UTC)
    ordered = sorted(found, key=lambda one: (one.instance_id, one.registered_at or never))
    best: dict[str, Instance] = {}
    for one in ordered:  # a later one wins, unless the earlier one is connected and it is not
        rival = best.get(one.instance_id)
        if rival is None or one.agent_connected or not rival.agent_connected:
            best[one.instance_id] = one
    return tuple(
        one
        if not one.instance_id or best[one.instance_id] is one
        else attrs.evolve(one, connection=Connection.DUPLICATE)
        for one in ordered
    )
