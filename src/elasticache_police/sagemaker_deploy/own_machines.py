"""The half of this project that runs on ECS, seen by the inventory: what of it exists, so that it can go as well.

Registered machines, running tasks and logs cost money; clusters and idle queues do not. The functions that make and
watch these things are in :mod:`elasticache_police.ecs_anywhere`.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from elasticache_police._aws import PROJECT_TAG
from elasticache_police.errors import AwsError, NotFoundError
from elasticache_police.sagemaker_deploy._session import Work
from elasticache_police.sagemaker_deploy.resources import Resource

__all__ = ["NAMES", "on_ecs"]

NAMES = "elasticache-police"
"""What the names of queues begin with, and of log groups after ``/ecs/``; tasks are started by it."""

_AT_ONCE = 100
_GONE = frozenset({"INACTIVE"})


def on_ecs(work: Work) -> Iterator[Resource]:
    """Yield activations, tasks, machines, clusters, queues and logs of this project, in the order they can be deleted.

    Raises:
        AwsError: AWS refused.
    """
    # First, so that no machine joins meanwhile, and also where there is no cluster any more: they outlive it. They cost
    # nothing: what keeps them from sight keeps nothing else.
    yield from work.seen("activation", "*", _activations(work), unless=AwsError)
    names = [arn for page in _pages(work, "ecs", "ListClusters") for arn in _texts(page, "clusterArns")]
    clusters: list[Mapping[str, object]] = []
    for arns in _parts(names):
        clusters += _items(work.send("ecs", "DescribeClusters", clusters=arns, include=["TAGS"]), "clusters")
    clusters = [cluster for cluster in clusters if cluster.get("status") not in _GONE]
    for cluster in clusters:
        yield from _tasks(work, str(cluster["clusterArn"]))
    for cluster in clusters:
        yield from _machines(work, str(cluster["clusterArn"]), ours=_is_ours(cluster))
    for cluster in clusters:
        if _is_ours(cluster):
            yield Resource(kind="cluster", name=str(cluster["clusterName"]), status=str(cluster.get("status", "")))
    yield from _queues(work)
    yield from _log_groups(work)


def _activations(work: Work) -> Iterator[Resource]:
    """Yield what machines join clusters with, used up and expired ones too."""
    for page in _pages(work, "ssm", "DescribeActivations"):
        for one in _items(page, "ActivationList"):
            if PROJECT_TAG in {(tag.get("Key"), tag.get("Value")) for tag in _items(one, "Tags")}:
                used = f"{one.get('RegistrationsCount', 0)} of {one.get('RegistrationLimit', 1)} used"
                made = cast(dt.datetime | None, one.get("CreatedDate"))
                status = "expired" if one.get("Expired") else used
                yield Resource(kind="activation", name=str(one["ActivationId"]), status=status, created_at=made)


def _is_ours(answer: Mapping[str, object]) -> bool:
    """Say whether an ECS structure carries the project's tag; ECS writes tags in lower case."""
    return any((tag.get("key"), tag.get("value")) == PROJECT_TAG for tag in _items(answer, "tags"))


def _tasks(work: Work, cluster: str) -> Iterator[Resource]:
    """Yield the tasks that this package started and that have not ended; on Fargate and EC2 they cost money."""
    for page in _pages(work, "ecs", "ListTasks", cluster=cluster, startedBy=NAMES, desiredStatus="RUNNING"):
        for arn in _texts(page, "taskArns"):
            yield Resource(kind="task", name=arn, part=arn.rpartition("/")[2])


def _machines(work: Work, cluster: str, *, ours: bool) -> Iterator[Resource]:
    """Yield machines of one's own: all of a cluster of this project, else those that its activations registered."""
    pages = _pages(work, "ecs", "ListContainerInstances", cluster=cluster)
    arns = [arn for page in pages for arn in _texts(page, "containerInstanceArns")]
    found: list[Mapping[str, object]] = []
    for part in _parts(arns):
        answer = work.send("ecs", "DescribeContainerInstances", cluster=cluster, containerInstances=part)
        found += _items(answer, "containerInstances")
    external = [one for one in found if str(one.get("ec2InstanceId", "")).startswith("mi-")]
    if external and not ours:
        tagged = _registered_by_us(work)
        external = [one for one in external if one["ec2InstanceId"] in tagged]
    for one in external:
        made = cast(dt.datetime | None, one.get("registeredAt"))
        yield Resource(
            kind="container instance",
            name=str(one["containerInstanceArn"]),
            part=str(one["ec2InstanceId"]),
            status=str(one.get("status", "")),
            created_at=made,
        )
    for machine in dict.fromkeys(str(one["ec2InstanceId"]) for one in external):
        yield Resource(kind="managed instance", name=machine)


def _registered_by_us(work: Work) -> frozenset[str]:
    """Return the machines that registered with an activation of this project: Systems Manager copies its tags."""
    key, value = PROJECT_TAG
    wanted = [{"Key": f"tag:{key}", "Values": [value]}]
    pages = _pages(work, "ssm", "DescribeInstanceInformation", Filters=wanted)
    return frozenset(str(one["InstanceId"]) for page in pages for one in _items(page, "InstanceInformationList"))


def _queues(work: Work) -> Iterator[Resource]:
    for page in _pages(work, "sqs", "ListQueues", QueueNamePrefix=f"{NAMES}-", MaxResults=1000):
        for url in _texts(page, "QueueUrls"):
            try:
                tags = cast(Mapping[str, str], work.send("sqs", "ListQueueTags", QueueUrl=url).get("Tags") or {})
            except NotFoundError:  # gone by now
                continue
            if PROJECT_TAG in tags.items():
                yield Resource(kind="queue", name=url, part=url.rpartition("/")[2])


def _log_groups(work: Work) -> Iterator[Resource]:
    for page in _pages(work, "logs", "DescribeLogGroups", logGroupNamePrefix=f"/ecs/{NAMES}"):
        for group in _items(page, "logGroups"):
            arn = str(group["arn"]).removesuffix(":*")
            try:
                tags = work.send("logs", "ListTagsForResource", resourceArn=arn).get("tags") or {}
            except NotFoundError:  # gone by now
                continue
            if PROJECT_TAG in cast(Mapping[str, str], tags).items():
                yield Resource(kind="log group", name=str(group["logGroupName"]))


def _pages(work: Work, service: str, operation: str, **parameters: object) -> Iterator[Mapping[str, object]]:
    key = "nextToken" if service in {"ecs", "logs"} else "NextToken"
    token: object = None
    while True:
        more = {} if token is None else {key: token}
        answer = work.send(service, operation, **parameters, **more)
        yield answer
        token = answer.get(key)
        if not token:
            return


def _parts(arns: Sequence[str]) -> Iterator[Sequence[str]]:
    remaining = iter(arns)
    while part := list(itertools.islice(remaining, _AT_ONCE)):
        yield part


def _texts(answer: Mapping[str, object], key: str) -> Sequence[str]:
    return cast(Sequence[str], answer.get(key) or ())


def _items(answer: Mapping[str, object], key: str) -> Sequence[Mapping[str, object]]:
    return cast(Sequence[Mapping[str, object]], answer.get(key) or ())
