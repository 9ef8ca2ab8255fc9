"""Registering machines of one's own: cluster, role, activation, and the wait until they have joined."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from elasticache_police._aws import PROJECT_TAG, Request
from elasticache_police._waiting import wait_until
from elasticache_police.ecs_anywhere._read import children, text
from elasticache_police.ecs_anywhere.activation import (
    MAX_REGISTRATIONS,
    Activation,
    Secret,
    check_expiry,
    quiet_response_bodies,
)
from elasticache_police.ecs_anywhere.belonging import CLUSTER_TAG
from elasticache_police.ecs_anywhere.cluster import Cluster, as_cluster, request
from elasticache_police.ecs_anywhere.machines import Connection, Instance, instances
from elasticache_police.ecs_anywhere.prospects import Prospects
from elasticache_police.ecs_anywhere.roles import HOST_POLICIES, HOST_ROLE, SSM, ensure_role, role_parameters
from elasticache_police.errors import AwsError, ConfigurationError, NotFoundError, ResourceFailedError, WaitTimeoutError

if TYPE_CHECKING:
    from elasticache_police._waiting import OnProgress

__all__ = ["create_activation", "ensure_cluster", "plan_activation", "wait_registered"]

_ROLE_ARRIVES_S = 90.0
_LEAVING = frozenset({"DRAINING", "DEREGISTERING"})


def _tags(tags: Mapping[str, str] | None) -> dict[str, str]:
    return {PROJECT_TAG[0]: PROJECT_TAG[1], **(tags or {})}


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_REGISTRATIONS:
        raise ConfigurationError(f"an activation registers 1 to {MAX_REGISTRATIONS} machines, not {limit}")


def _check_role_name(role: str) -> None:
    if ":" in role or "/" in role:
        raise ConfigurationError(f"an activation takes the role's name, {role.rsplit('/', 1)[-1]!r}, not {role!r}")


def _activation_request(
    cluster: Cluster, *, role: str, limit: int, expires_at: dt.datetime, tags: Mapping[str, str]
) -> Request:
    return request(
        "ssm",
        "CreateActivation",
        Description=f"elasticache-police: machines for ECS cluster {cluster.name}",
        DefaultInstanceName=f"{cluster.name}-external",
        IamRole=role,
        RegistrationLimit=limit,
        ExpirationDate=expires_at,
        Tags=[{"Key": key, "Value": value} for key, value in sorted({**tags, CLUSTER_TAG: cluster.name}.items())],
    )


def plan_activation(
    cluster: Cluster | str,
    *,
    limit: int = 1,
    expires_in: dt.timedelta = dt.timedelta(hours=24),
    role: str = HOST_ROLE,
    tags: Mapping[str, str] | None = None,
    create_missing: bool = False,
) -> tuple[Request, ...]:
    """Return every request that :func:`create_activation` would send, in order, without sending any.

    Of the requests that make the cluster and the role only the missing ones would really be sent.

    Raises:
        ConfigurationError: Something asked for cannot be.
    """
    cluster = as_cluster(cluster)
    _ = cluster.region  # refuses regions without ECS Anywhere
    _check_limit(limit)
    _check_role_name(role)
    tagged = _tags(tags)
    expires_at = dt.datetime.now(dt.UTC) + check_expiry(expires_in)
    plan = []
    if create_missing:
        plan.append(_cluster_request(cluster, tagged))
        plan.append(request("iam", "CreateRole", **role_parameters(role, SSM, tagged)))
        plan += [
            request(
                "iam", "AttachRolePolicy", RoleName=role, PolicyArn=f"arn:{cluster.clients.partition}:iam::aws:{name}"
            )
            for name in HOST_POLICIES
        ]
    plan.append(_activation_request(cluster, role=role, limit=limit, expires_at=expires_at, tags=tagged))
    return tuple(plan)


def _cluster_request(cluster: Cluster, tags: Mapping[str, str]) -> Request:
    listed = [{"key": key, "value": value} for key, value in sorted(tags.items())]
    return request("ecs", "CreateCluster", clusterName=cluster.name, tags=listed)


def ensure_cluster(cluster: Cluster | str, *, create: bool = True, tags: Mapping[str, str] | None = None) -> bool:
    """Make sure that the cluster is active. Safe to repeat.

    Returns:
        Whether it was made just now.

    Raises:
        NotFoundError: There is none and it is not to be made.
        AwsError: ECS refused a request.
    """
    cluster = as_cluster(cluster)
    found = children(cluster.perform("ecs", "DescribeClusters", clusters=[cluster.name]), "clusters")
    if any(text(one, "status") == "ACTIVE" for one in found):
        return False
    if not create:
        raise NotFoundError(f"there is no active cluster {cluster.name}", operation="DescribeClusters")
    cluster.clients.perform(_cluster_request(cluster, _tags(tags)))
    return True


def create_activation(
    cluster: Cluster | str,
    *,
    limit: int = 1,
    expires_in: dt.timedelta = dt.timedelta(hours=24),
    role: str = HOST_ROLE,
    tags: Mapping[str, str] | None = None,
    create_missing: bool = False,
) -> Activation:
    """Make the activation with which up to ``limit`` machines join the cluster.

    The code in the result is a secret and cannot be asked for again. botocore's debug log, which writes every
    response, is kept quiet while it is received.

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateActivation.html

    Args:
        cluster: The cluster the machines are to join.
        limit: How many machines may register with it, 1 to 1,000.
        expires_in: For how long it works, at most 30 days.
        role: Name of the IAM role that the machines assume.
        tags: Put on the activation, and by Systems Manager on every machine that registers with it.
        create_missing: Make the cluster and the role where they do not exist, and attach AWS's two policies to it.

    Raises:
        ConfigurationError: Something asked for cannot be, or the role trusts another service.
        NotFoundError: The cluster or the role does not exist, and ``create_missing`` was not given.
        AwsError: AWS refused a request.
    """
    cluster = as_cluster(cluster)
    region = cluster.region
    _check_limit(limit)
    _check_role_name(role)
    check_expiry(expires_in)
    tagged = _tags(tags)
    ensure_cluster(cluster, create=create_missing, tags=tags)
    made = ensure_role(cluster, role, SSM, policies=HOST_POLICIES, create=create_missing, tags=tagged)
    expires_at = dt.datetime.now(dt.UTC) + expires_in
    wanted = _activation_request(cluster, role=role, limit=limit, expires_at=expires_at, tags=tagged)

    def not_yet_assumable(error: AwsError) -> bool:
        return made and error.code == "ValidationException" and "role" in str(error).lower()

    with quiet_response_bodies():
        answer = wait_until(
            lambda: cluster.clients.perform(wanted),
            done=lambda _: True,
            waited_for=f"Systems Manager to accept the new role {role}",
            timeout_s=_ROLE_ARRIVES_S if made else 0.0,
            delay_s=5.0,
            status=lambda _: "accepted",
            passing=not_yet_assumable,
            clock=cluster.clock,
            sleep=cluster.sleep,
        )
        return Activation(
            activation_id=text(answer, "ActivationId"),
            code=Secret(text(answer, "ActivationCode")),
            region=region,
            cluster=cluster.name,
            role=role,
            registration_limit=limit,
            expires_at=expires_at,
        )


@attrs.frozen(kw_only=True)
class _Joining:
    """How far the machines have come."""

    managed: frozenset[str]
    """Ids that Systems Manager knows."""
    joined: tuple[Instance, ...]
    """Connected to the cluster and taking tasks, duplicates left out."""
    waiting: tuple[Instance, ...]
    """Registered in the cluster, and not connected."""
    leaving: tuple[Instance, ...]
    """Draining: they take no tasks."""
    hopeless: str
    """Why no more machines will come with the activation; empty while they can."""

    def words(self, wanted: int) -> str:
        parts = [f"{len(self.joined)} of {wanted} connected"]
        here = {one.instance_id for one in (*self.joined, *self.waiting, *self.leaving)}
        only_managed = sorted(self.managed - here)
        if self.waiting:
            parts.append(f"registered, agent not connected: {', '.join(one.instance_id for one in self.waiting)}")
        if self.leaving:
            parts.append(f"draining, take no tasks: {', '.join(one.instance_id for one in self.leaving)}")
        if only_managed:
            parts.append(f"in Systems Manager, not yet in the cluster: {', '.join(only_managed)}")
        return "; ".join(parts)


def wait_registered(
    cluster: Cluster | str,
    n: int = 1,
    *,
    activation: Activation | str | None = None,
    timeout_s: float = 1800.0,
    delay_s: float = 10.0,
    on_progress: OnProgress | None = None,
) -> tuple[Instance, ...]:
    """Wait until ``n`` machines of one's own have joined and their agents are connected.

    EC2 instances of the same cluster do not count.

    Args:
        cluster: The cluster.
        n: How many.
        activation: Count only machines that registered with this one (or its id).
        timeout_s: Seconds after which to give up.
        delay_s: Seconds between looks.
        on_progress: Called after every look with how far each machine has come.

    Returns:
        The connected machines, at least ``n``.

    Raises:
        WaitTimeoutError: They did not come in time; it says how far they came.
        ResourceFailedError: So many machines can never come with the activation: it expired, was deleted, is used up,
            or is for fewer.
        AwsError: AWS refused a request.
    """
    cluster = as_cluster(cluster)
    chosen = activation.activation_id if isinstance(activation, Activation) else activation
    prospects = None if chosen is None else Prospects(cluster, chosen, n)

    def look() -> _Joining:
        managed: frozenset[str] = frozenset()
        why_not = ""
        if prospects is not None:
            filters = [{"Key": "ActivationIds", "Values": [chosen]}]
            found = cluster.every("ssm", "DescribeInstanceInformation", "InstanceInformationList", Filters=filters)
            managed = frozenset(text(one, "InstanceId") for one in found)
            if len(managed) < n:
                why_not = prospects.hopeless()
        ours = [one for one in instances(cluster) if one.external and one.connection is not Connection.DUPLICATE]
        if prospects is not None:
            ours = [one for one in ours if one.instance_id in managed]
        return _Joining(
            managed=managed,
            joined=tuple(one for one in ours if one.takes_tasks),
            waiting=tuple(one for one in ours if not one.takes_tasks and one.status not in _LEAVING),
            leaving=tuple(one for one in ours if one.status in _LEAVING),
            hopeless=why_not,
        )

    def done(state: _Joining) -> bool:
        if len(state.joined) >= n:
            return True
        if state.hopeless:
            raise ResourceFailedError(
                f"activation {chosen}",
                status=state.hopeless,
                reason=f"{len(state.managed)} machine(s) used it, and {n} were awaited: make a new activation",
                operation="DescribeActivations",
            )
        return False

    try:
        state = wait_until(
            look,
            done=done,
            waited_for=f"{n} machine(s) to join cluster {cluster.name}",
            timeout_s=timeout_s,
            delay_s=delay_s,
            status=lambda state: state.words(n),
            on_progress=on_progress,
            clock=cluster.clock,
            sleep=cluster.sleep,
        )
    except WaitTimeoutError as error:
        error.add_note(
            "on a machine that does not come, look at what the installer printed, at /var/log/amazon/ssm and at "
            "/var/log/ecs; `elasticache-police ecs check-script` makes a script that finds what stops most of them"
        )
        raise
    return state.joined
