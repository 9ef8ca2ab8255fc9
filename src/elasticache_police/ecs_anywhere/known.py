"""The activations of this project that Systems Manager still holds: found by their tag, without their codes."""

from __future__ import annotations

import datetime as dt

import attrs

from elasticache_police._aws import PROJECT_TAG
from elasticache_police.ecs_anywhere._read import children, flag, moment, number, text
from elasticache_police.ecs_anywhere.belonging import CLUSTER_TAG
from elasticache_police.ecs_anywhere.cluster import Cluster, as_cluster

__all__ = ["KnownActivation", "activations"]


@attrs.frozen(kw_only=True)
class KnownActivation:
    """An activation as Systems Manager lists it; its code is in no listing.

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Activation.html
    """

    activation_id: str
    cluster: str = ""
    """The ECS cluster that its machines were to join; empty when its tags do not say."""
    role: str = ""
    """Name of the IAM role that its machines assume."""
    registration_limit: int = 0
    """How many machines may register with it."""
    registrations: int = 0
    """How many have."""
    expires_at: dt.datetime | None = None
    expired: bool = False

    @property
    def usable(self) -> bool:
        """Whether another machine could register with it."""
        return not self.expired and self.registrations < self.registration_limit


def activations(cluster: Cluster | str = "default") -> tuple[KnownActivation, ...]:
    """List the activations of this project in the region, for every cluster, sorted by their end.

    Args:
        cluster: Whose account and region; its name does not matter.

    Raises:
        AwsError: Systems Manager refused the request.
    """
    found = []
    for one in as_cluster(cluster).every("ssm", "DescribeActivations", "ActivationList"):
        tags = {text(tag, "Key"): text(tag, "Value") for tag in children(one, "Tags")}
        if PROJECT_TAG not in tags.items():
            continue
        ends = moment(one, "ExpirationDate")
        found.append(
            KnownActivation(
                activation_id=text(one, "ActivationId"),
                cluster=tags.get(CLUSTER_TAG, ""),
                role=text(one, "IamRole"),
                registration_limit=number(one, "RegistrationLimit"),
                registrations=number(one, "RegistrationsCount"),
                expires_at=ends,
                expired=flag(one, "Expired") or (ends is not None and ends <= dt.datetime.now(dt.UTC)),
            )
        )
    never = dt.datetime.max.replace(tzinfo=dt.UTC)
    return tuple(sorted(found, key=lambda one: (one.expires_at or never, one.activation_id)))
