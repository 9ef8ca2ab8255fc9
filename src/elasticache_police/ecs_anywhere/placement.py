"""Why no machine takes a task, in words that help."""

from __future__ import annotations

from collections.abc import Sequence

from elasticache_police.ecs_anywhere._read import Answer, text
from elasticache_police.errors import AwsError

__all__ = ["in_words", "no_room"]

_NO_CAPACITY = "Capacity is unavailable"
_QUOTA = "reached the limit"
_LACKS = {
    "RESOURCE:CPU": "no machine has enough CPU units free",
    "RESOURCE:MEMORY": "no machine has enough memory free",
    "RESOURCE:GPU": "no machine has a GPU free (was it registered with --enable-gpu?)",
    "RESOURCE:PORTS": "the host port is taken on every machine",
    "AGENT": "no machine's agent is connected",
    "ATTRIBUTE": "no machine has an attribute that the task requires (log driver, network mode, architecture)",
    "INACTIVE": "the machine or the cluster is not active",
    "MemberOf": "no machine meets the placement constraint",
    _NO_CAPACITY: "Fargate has no room there now: try later, or give subnets in further availability zones",
    _QUOTA: "the account's quota of tasks or vCPUs on Fargate is used up",
}
_REFUSALS = {
    "no container instances were found": {"reason": "AGENT", "detail": "the cluster has no machines"},
    _NO_CAPACITY.lower(): {"reason": f"{_NO_CAPACITY} at this time"},
    _QUOTA: {"reason": f"{_QUOTA} of tasks or vCPUs that run at once"},
}
"""What RunTask answers as an error, though it is a failure to place: a part of its message, and the failure."""


def no_room(error: AwsError) -> Answer | None:
    """Return the placement failure that an error of RunTask is, or None when it is another error.

    Fargate says so in either way, by an error or by a failure without an ARN.
    https://repost.aws/knowledge-center/ecs-fargate-runtask-capacity
    """
    said = str(error).lower()
    return next((failure for sign, failure in _REFUSALS.items() if sign in said), None)


def in_words(failures: Sequence[Answer]) -> str:
    """Say what RunTask's failures mean, each once, with ECS's own words behind.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
    """
    words = []
    for reason, detail in dict.fromkeys((text(one, "reason"), text(one, "detail")) for one in failures):
        sign = next((known for known in _LACKS if reason.startswith(known)), "")
        parts = (_LACKS.get(sign, ""), detail, reason)
        words.append(": ".join(part for part in parts if part))
    return "; ".join(words) or "ECS gave no reason"
