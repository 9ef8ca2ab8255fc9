"""To which cluster a machine belongs that ECS does not know in the one that was named.

Such a machine left that cluster before and Systems Manager still holds it, or the cluster's name is a mistake: then
the machine may be at work in another one, and forgetting it would cut its agents off. The activation put the cluster's
name on it as a tag, which tells the two apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elasticache_police.ecs_anywhere._read import children, text
from elasticache_police.errors import AccessDeniedError, AwsError, ConfigurationError

if TYPE_CHECKING:
    from elasticache_police.ecs_anywhere.cluster import Cluster

__all__ = ["CLUSTER_TAG", "refuse_of_another"]

CLUSTER_TAG = "ecs-cluster"
"""The tag of activations, and of the machines that registered with them."""
_UNKNOWN = frozenset({"InvalidResourceId", "InvalidInstanceId"})


def refuse_of_another(cluster: Cluster, instance_id: str) -> None:
    """Do nothing where a machine's tag names this cluster, or no cluster, or the machine is gone.

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListTagsForResource.html

    Raises:
        ConfigurationError: The tag names another cluster.
        AwsError: Systems Manager refused to say.
    """
    theirs = _tagged(cluster, instance_id)
    if theirs not in ("", cluster.name):
        raise ConfigurationError(
            f"{instance_id} is not in cluster {cluster.name}: by its tag {CLUSTER_TAG} it belongs to {theirs}, where "
            f"it may be at work. Leave {theirs} instead, or with force=True (--force) take it out of Systems Manager "
            "whatever runs on it"
        )


def _tagged(cluster: Cluster, instance_id: str) -> str:
    """Return the cluster that a machine's tag names, empty where there is none."""
    try:
        answer = cluster.perform("ssm", "ListTagsForResource", ResourceType="ManagedInstance", ResourceId=instance_id)
    except AccessDeniedError as error:
        error.add_note(
            f"ECS does not know {instance_id} in cluster {cluster.name}, and its tag says whether it belongs to "
            "another; the policy of ecs-leave allows to look, and force=True (--force) does not look"
        )
        raise
    except AwsError as error:
        if error.code in _UNKNOWN:
            return ""
        raise
    return next((text(tag, "Value") for tag in children(answer, "TagList") if text(tag, "Key") == CLUSTER_TAG), "")
