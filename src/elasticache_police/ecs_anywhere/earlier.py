"""Finds the tasks that an earlier call started: one with the same client token, or of the same run.

ECS remembers a client token with the answer it gave, a refusal included, and only for some time. So a call that has to
wait for room needs a new token at every try, and a repeated one would not meet the token that started something. A tag
tells for as long as ECS knows the task.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from elasticache_police.ecs_anywhere._read import Answer, children, text, texts

if TYPE_CHECKING:
    from elasticache_police._aws import Request
    from elasticache_police.ecs_anywhere.cluster import Cluster
    from elasticache_police.ecs_anywhere.definitions import Definition

__all__ = ["MARK", "UNDONE", "any_ends", "family_of", "mark_of", "running_with", "started_earlier", "tag_of"]

MARK = "elasticache-police-call"
"""The tag whose value says by which call a task was started."""
UNDONE = "not all tasks could be started"
"""Why a task was stopped again that a call could not use; a repeated call cannot either."""


def mark_of(wanted: Request) -> str:
    """Return what tells the call of a request, its client token included, from every other."""
    return hashlib.sha256(json.dumps(wanted.parameters, sort_keys=True).encode()).hexdigest()[:32]


def started_earlier(cluster: Cluster, family: str, mark: str) -> list[Answer]:
    """Return the tasks that a call started, those too that have stopped since, as far as ECS still knows them."""
    found = [*_tasks(cluster, family, "RUNNING"), *_tasks(cluster, family, "STOPPED")]
    return [one for one in found if tag_of(one, MARK) == mark and text(one, "stoppedReason") != UNDONE]


def running_with(cluster: Cluster, family: str, key: str) -> list[Answer]:
    """Return the tasks of a family with a tag, whatever its value, that run or are to, and that nobody has stopped."""
    return [one for one in _tasks(cluster, family, "RUNNING") if tag_of(one, key)]


def family_of(definition: Definition) -> str:
    """Return the family's name."""
    return definition.arn.rsplit("/", 1)[-1].partition(":")[0]


def any_ends(cluster: Cluster, family: str) -> bool:
    """Say whether a task of a family was stopped and has not ended yet: until it has, it fills its machine."""
    return any(text(one, "lastStatus") != "STOPPED" for one in _tasks(cluster, family, "STOPPED"))


def tag_of(answer: Answer, key: str) -> str:
    """Return the value of a task's tag, empty where it has none of that key."""
    return next((text(tag, "value") for tag in children(answer, "tags") if text(tag, "key") == key), "")


def _tasks(cluster: Cluster, family: str, status: str) -> list[Answer]:
    found: list[Answer] = []
    for page in cluster.pages("ecs", "ListTasks", cluster=cluster.name, family=family, desiredStatus=status):
        arns = list(texts(page, "taskArns"))  # a page has no more than DescribeTasks takes
        if arns:
            answer = cluster.perform("ecs", "DescribeTasks", cluster=cluster.name, tasks=arns, include=["TAGS"])
            found += children(answer, "tasks")
    return found
