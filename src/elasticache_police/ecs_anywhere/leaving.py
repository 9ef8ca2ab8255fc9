"""Taking machines out of a cluster: drain, stop, deregister in ECS and in Systems Manager. Safe to repeat."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import attrs

from elasticache_police._waiting import wait_until
from elasticache_police.ecs_anywhere._read import children, text, texts
from elasticache_police.ecs_anywhere.activation import Activation
from elasticache_police.ecs_anywhere.belonging import refuse_of_another
from elasticache_police.ecs_anywhere.cluster import Cluster, as_cluster, request
from elasticache_police.ecs_anywhere.host import cleanup_command
from elasticache_police.ecs_anywhere.machines import Connection, Instance, instances
from elasticache_police.ecs_anywhere.tasks import stop_task
from elasticache_police.ecs_anywhere.waiting import describe
from elasticache_police.errors import AwsError, NotFoundError, PoliceError

if TYPE_CHECKING:
    from elasticache_police._aws import Request
    from elasticache_police._waiting import OnProgress

__all__ = ["Departure", "delete_activation", "leave", "plan_delete_activation", "plan_leave"]

_GONE_FROM_SSM = frozenset({"InvalidInstanceId", "InvalidActivation", "InvalidActivationId"})


@attrs.frozen(kw_only=True)
class Departure:
    """What :func:`leave` did."""

    instance_id: str
    deregistered: tuple[str, ...]
    """ARNs deregistered in ECS just now; several when the machine had registered more than once."""
    left_systems_manager: bool
    """Whether Systems Manager forgot it just now; False when it had before, or for an EC2 instance."""
    stopped_tasks: tuple[str, ...] = ()
    """Tasks that were asked to stop."""
    abandoned_tasks: tuple[str, ...] = ()
    """Tasks that still run on the machine, unknown to ECS from now on, also those that were asked to stop and have not
    ended; only ever with ``force``."""
    deleted_activation: bool = False
    """Whether the activation was deleted just now; False when that was not asked for, or it was gone already."""
    operating_system: Literal["linux", "windows"] = "linux"
    """What ECS said of the machine; ``linux`` when it was gone from ECS already."""

    @property
    def cleanup_command(self) -> str:
        """What to run on the machine now; without it the machine cannot register again."""
        return cleanup_command(self.operating_system)


def _of(cluster: Cluster, instance_id: str) -> list[Instance]:
    try:
        found = instances(cluster)
    except NotFoundError:  # the whole cluster is gone
        return []
    return [one for one in found if instance_id in (one.instance_id, one.arn, one.arn.rsplit("/", 1)[-1])]


def _tasks(cluster: Cluster, instance: Instance, wanted: Literal["RUNNING", "STOPPED"] = "RUNNING") -> list[str]:
    """List a machine's tasks of which ECS wants that they run, or that they stop: of these some still run."""
    pages = cluster.pages(
        "ecs", "ListTasks", cluster=cluster.name, containerInstance=instance.arn, desiredStatus=wanted
    )
    return [arn for page in pages for arn in texts(page, "taskArns")]


def _still_running(cluster: Cluster, instance: Instance) -> list[str]:
    found = describe(cluster, [*_tasks(cluster, instance), *_tasks(cluster, instance, "STOPPED")])
    return [arn for arn, answer in found.items() if text(answer, "lastStatus") != "STOPPED"]


def plan_leave(
    cluster: Cluster | str,
    instance: Instance | str,
    *,
    stop_tasks: bool = False,
    force: bool = False,
    activation: Activation | str | None = None,
) -> tuple[Request, ...]:
    """Return the requests that change something when a machine leaves, in order, without sending any of them.

    StopTask is shown once; it is sent for each task that runs by then. Of a machine that is only named, its
    registrations are looked up; what is gone from ECS already is not in the plan.

    Raises:
        ConfigurationError: ECS does not know the machine in this cluster, and by its tag it belongs to another.
        AwsError: AWS refused to describe the machines, or to say to which cluster one belongs.
    """
    cluster = as_cluster(cluster)
    if isinstance(instance, Instance):
        machine, found = instance.instance_id, [instance]
    else:
        machine, found = _registrations(cluster, instance, force=force)
    plan = []
    for one in found:
        if one.connection is Connection.DUPLICATE:
            continue
        if one.status == "ACTIVE":
            plan.append(_drain_request(cluster, one))
        if stop_tasks:
            plan.append(request("ecs", "StopTask", cluster=cluster.name, task="<each running task>"))
    plan += [_deregister_request(cluster, one, force=force) for one in found]
    if machine.startswith("mi-"):
        plan.append(request("ssm", "DeregisterManagedInstance", InstanceId=machine))
    if activation is not None:
        plan.append(plan_delete_activation(activation))
    return tuple(plan)


def _registrations(cluster: Cluster, instance_id: str, *, force: bool) -> tuple[str, list[Instance]]:
    """Return the machine that is meant, and every registration of it that ECS still holds.

    Raises:
        ConfigurationError: It holds none, and without ``force`` the machine's tag says that it is of another cluster.
    """
    found = _of(cluster, instance_id)
    if not found:
        if instance_id.startswith("mi-") and not force:
            refuse_of_another(cluster, instance_id)
        return instance_id, []
    machine = found[0].instance_id
    return machine, [one for one in _of(cluster, machine) if one.status != "INACTIVE"]


def _drain_request(cluster: Cluster, one: Instance) -> Request:
    return request(
        "ecs",
        "UpdateContainerInstancesState",
        cluster=cluster.name,
        containerInstances=[one.arn],
        status="DRAINING",
    )


def _drain(cluster: Cluster, one: Instance) -> None:
    """Drain a machine; one that is gone is no error.

    Raises:
        AwsError: ECS refused it, which it also does in an answer that says OK.
    """
    answer = cluster.clients.perform(_drain_request(cluster, one))
    for failure in children(answer, "failures"):
        reason = text(failure, "reason")
        if reason != "MISSING":
            raise AwsError(
                f"{one.instance_id} cannot be drained: {text(failure, 'detail') or 'ECS does not say why'}",
                operation="UpdateContainerInstancesState",
                code=reason,
            )


def _deregister_request(cluster: Cluster, one: Instance, *, force: bool) -> Request:
    return request("ecs", "DeregisterContainerInstance", cluster=cluster.name, containerInstance=one.arn, force=force)


def plan_delete_activation(activation: Activation | str) -> Request:
    """Return the request that :func:`delete_activation` would send, without sending it."""
    which = activation if isinstance(activation, str) else activation.activation_id
    return request("ssm", "DeleteActivation", ActivationId=which)


def leave(
    cluster: Cluster | str,
    instance_id: str,
    *,
    stop_tasks: bool = False,
    force: bool = False,
    activation: Activation | str | None = None,
    timeout_s: float = 1800.0,
    delay_s: float = 10.0,
    on_progress: OnProgress | None = None,
) -> Departure:
    """Take a machine out of the cluster and out of Systems Manager.

    Drains it, waits for its tasks to end (or stops them), deregisters every registration it has, then forgets the
    managed instance. Where an earlier call was interrupted this one goes on; what is gone already counts as done. A
    machine that ECS does not know in this cluster is forgotten only if its tag ``ecs-cluster`` names no other.

    Args:
        cluster: The cluster.
        instance_id: ``mi-...``, or a container instance's id or ARN.
        stop_tasks: Stop its tasks rather than wait for them to end. Draining alone ends only tasks of services.
        force: Do not wait: leave tasks running on the machine, where ECS neither sees nor counts them any more; the
            result names them. Nor ask to which cluster a machine belongs that ECS does not know in this one.
        activation: Delete this activation too (or the one with this id), so that nobody registers with it any more;
            machines that did keep working.
        timeout_s: Seconds to wait for tasks to end.
        delay_s: Seconds between looks.
        on_progress: Called after every look.

    Raises:
        WaitTimeoutError: Tasks still run (of a disconnected machine ECS cannot stop any); nothing was deregistered.
        ConfigurationError: ECS does not know the machine in this cluster, and by its tag it belongs to another;
            nothing was changed.
        AwsError: AWS refused a request.
    """
    cluster = as_cluster(cluster)
    machine, found = _registrations(cluster, instance_id, force=force)
    current = [one for one in found if one.connection is not Connection.DUPLICATE]
    stopped: list[str] = []
    abandoned: list[str] = []
    draining: list[str] = []
    gone: list[str] = []
    with _half_left(cluster, machine, draining, gone):
        for one in current:
            if one.status == "ACTIVE":
                _drain(cluster, one)
            draining.append(one.arn)
            if stop_tasks:
                stopped += [
                    arn
                    for arn in _tasks(cluster, one)
                    if stop_task(cluster, arn, reason=f"machine {machine} leaves the cluster")  # else it has just ended
                ]
            if force:
                abandoned += _still_running(cluster, one)
            else:
                _wait_idle(cluster, one, timeout_s=timeout_s, delay_s=delay_s, on_progress=on_progress)
        gone.extend(one.arn for one in found if _deregister(cluster, one, force=force))
        forgotten = machine.startswith("mi-") and _forget(cluster, machine)
        deleted = activation is not None and delete_activation(cluster, activation)
    return Departure(
        instance_id=machine,
        deregistered=tuple(gone),
        left_systems_manager=forgotten,
        stopped_tasks=tuple(stopped),
        abandoned_tasks=tuple(abandoned),
        deleted_activation=deleted,
        operating_system="windows" if any("ecs.os-type=windows" in one.attributes for one in found) else "linux",
    )


@contextlib.contextmanager
def _half_left(cluster: Cluster, machine: str, draining: list[str], gone: list[str]) -> Iterator[None]:
    """Say with what ends the block how far the machine is, and what to do."""
    try:
        yield
    except (KeyboardInterrupt, PoliceError) as error:
        if gone:
            error.add_note(f"{machine} has left ECS, and not all the rest; go on with: leave {cluster.name} {machine}")
        elif draining:
            error.add_note(
                f"{machine} was not deregistered; it drains and takes no new tasks. Leave again to go on (--stop-tasks "
                "stops its tasks, --force leaves them running unseen), or let it stay: aws ecs "
                f"update-container-instances-state --cluster {cluster.name} --container-instances {' '.join(draining)} "
                "--status ACTIVE"
            )
        raise


def _wait_idle(
    cluster: Cluster, instance: Instance, *, timeout_s: float, delay_s: float, on_progress: OnProgress | None
) -> None:
    def look() -> Instance | None:
        return next((one for one in _of(cluster, instance.arn) if one.arn == instance.arn), None)

    def words(one: Instance | None) -> str:
        if one is None:
            return "gone"
        tasks = f"{one.running_tasks} running and {one.pending_tasks} pending task(s)"
        return tasks if one.agent_connected else f"{tasks}, and the agent is disconnected: ECS cannot stop them"

    wait_until(
        look,
        done=lambda one: one is None or one.running_tasks + one.pending_tasks == 0,
        waited_for=f"the tasks of {instance.instance_id} to end",
        timeout_s=timeout_s,
        delay_s=delay_s,
        status=words,
        on_progress=on_progress,
        clock=cluster.clock,
        sleep=cluster.sleep,
    )


def _deregister(cluster: Cluster, instance: Instance, *, force: bool) -> bool:
    # A duplicate holds no agent; only force takes it out when ECS still counts tasks on it.
    try:
        cluster.clients.perform(_deregister_request(cluster, instance, force=force))
    except NotFoundError:
        return False
    except AwsError as error:
        if "running tasks" in str(error).lower():
            error.add_note(
                f"ECS counts tasks on registration {instance.arn}; where it is a duplicate, or they do not matter, "
                "leave with force=True (--force)"
            )
        raise
    return True


def _forget(cluster: Cluster, instance_id: str) -> bool:
    try:
        cluster.perform("ssm", "DeregisterManagedInstance", InstanceId=instance_id)
    except AwsError as error:
        if error.code in _GONE_FROM_SSM:
            return False
        raise
    return True


def delete_activation(cluster: Cluster | str, activation: Activation | str) -> bool:
    """Delete an activation, so that no further machine can register with it. Machines that did keep working.

    Args:
        cluster: Whose account and region.
        activation: Which, or its id.

    Returns:
        Whether it was deleted just now; False when it was gone already.

    Raises:
        AwsError: Systems Manager refused the request.
    """
    cluster = as_cluster(cluster)
    try:
        cluster.clients.perform(plan_delete_activation(activation))
    except AwsError as error:
        if error.code in _GONE_FROM_SSM:
            return False
        raise
    return True
