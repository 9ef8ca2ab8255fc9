"""Starting, finding and stopping tasks: on machines of one's own, on Fargate and on EC2 with the same call."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import attrs

from elasticache_police._aws import PROJECT_TAG, Request
from elasticache_police._waiting import wait_until
from elasticache_police.ecs_anywhere._read import Answer, children, text
from elasticache_police.ecs_anywhere.cluster import Cluster, as_cluster, request
from elasticache_police.ecs_anywhere.definitions import (
    Definition,
    definition_of,
    look_up,
    plan_register,
    register_task,
)
from elasticache_police.ecs_anywhere.earlier import MARK, UNDONE, family_of, mark_of, started_earlier
from elasticache_police.ecs_anywhere.placement import in_words, no_room
from elasticache_police.ecs_anywhere.task_spec import LaunchType, TaskSpec
from elasticache_police.errors import AwsError, ConfigurationError, NotFoundError, PlacementError

if TYPE_CHECKING:
    from elasticache_police._waiting import OnProgress

__all__ = ["TaskRun", "find_task", "plan_run", "plan_stop", "run_task", "run_tasks", "stop_task"]

_AT_ONCE = 10
"""RunTask starts at most ten tasks."""
_OVERRIDES = 8192
"""What RunTask takes of command and environment together, as JSON and in characters, by its documentation."""


@attrs.frozen(kw_only=True)
class TaskRun:
    """A task that was started."""

    arn: str
    cluster: str
    definition: Definition
    instance_arn: str = ""

    @property
    def task_id(self) -> str:
        """The last part of the ARN; the log stream ends with it."""
        return self.arn.rsplit("/", 1)[-1]


def _run_request(
    cluster: Cluster,
    definition: Definition,
    *,
    count: int,
    token: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    tags: Mapping[str, str],
) -> Request:
    override: dict[str, object] = {"name": definition.container_name}
    if command:
        override["command"] = list(command)
    if environment:
        override["environment"] = [{"name": key, "value": value} for key, value in sorted(environment.items())]
    overrides: dict[str, object] = {"containerOverrides": [override]} if len(override) > 1 else {}
    characters = len(json.dumps(overrides, ensure_ascii=False, separators=(",", ":")))
    if characters > _OVERRIDES:
        raise ConfigurationError(
            f"ECS takes {_OVERRIDES} characters of what a task is started with, command and environment, not "
            f"{characters}: put some of it into S3 or into the task's definition"
        )
    parameters: dict[str, object] = {
        "cluster": cluster.name,
        "taskDefinition": definition.arn,
        "launchType": definition.launch_type.value,
        "count": count,
        "clientToken": token,
        "startedBy": "elasticache-police",
        "enableECSManagedTags": True,
        "propagateTags": "TASK_DEFINITION",
        "overrides": overrides,
        "tags": [{"key": key, "value": value} for key, value in sorted(tags.items())],
    }
    if definition.network_mode == "awsvpc":
        if not definition.subnets:
            raise ConfigurationError(
                f"{definition.arn.rsplit('/', 1)[-1]} runs in network mode awsvpc, which needs subnets: give subnets "
                "(--subnet), or register it with them"
            )
        parameters["networkConfiguration"] = {
            "awsvpcConfiguration": {
                "subnets": list(definition.subnets),
                "securityGroups": list(definition.security_groups),
                "assignPublicIp": "ENABLED" if definition.assign_public_ip else "DISABLED",
            }
        }
    return request("ecs", "RunTask", **{key: value for key, value in parameters.items() if value not in ([], {})})


def plan_run(
    cluster: Cluster | str,
    task: TaskSpec | Definition | str,
    n: int = 1,
    *,
    command: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    launch_type: LaunchType | str | None = None,
    subnets: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
) -> tuple[Request, ...]:
    """Return the requests that :func:`run_tasks` would send, in order, without sending any.

    Of a family that is only named the plan knows no more than the name. It assumes launch type EXTERNAL where none is
    given, and for FARGATE that the family is registered with its subnets where none are.
    """
    cluster = as_cluster(cluster)
    _check_count(n)
    if isinstance(task, TaskSpec):
        task = _placed(task, launch_type, subnets)
    definition = _placed(_as_planned(task, launch_type), launch_type, subnets)
    runs = [
        _run_request(
            cluster,
            definition,
            count=count,
            token=f"<token>-{number}",
            command=command,
            environment=environment or {},
            tags={**dict([PROJECT_TAG]), **(tags or {})},
        )
        for number, count in enumerate(_batches(n))
    ]
    return (plan_register(cluster, task), *runs) if isinstance(task, TaskSpec) else tuple(runs)


def _as_planned(task: TaskSpec | Definition | str, launch_type: LaunchType | str | None) -> Definition:
    if isinstance(task, Definition):
        return task
    if isinstance(task, str):
        where = LaunchType.EXTERNAL if launch_type is None else LaunchType(launch_type)
        planned = Definition(arn=task, container_name="main", launch_type=where)
        if where is not LaunchType.FARGATE:
            return planned
        return attrs.evolve(planned, network_mode="awsvpc", subnets=("<its subnets>",))
    return definition_of(f"{task.family}:<new revision>", task)


_Task = TypeVar("_Task", TaskSpec, Definition)


def _placed(task: _Task, launch_type: LaunchType | str | None, subnets: Sequence[str]) -> _Task:
    """Return a task as it is to run elsewhere than it says itself."""
    where = task.launch_type if launch_type is None else LaunchType(launch_type)
    return attrs.evolve(task, launch_type=where, subnets=tuple(subnets) or task.subnets)


def _check_count(n: int) -> None:
    if n < 1:
        raise ConfigurationError(f"the number of tasks is at least 1, not {n}")


def _batches(n: int) -> list[int]:
    return [_AT_ONCE] * (n // _AT_ONCE) + ([n % _AT_ONCE] if n % _AT_ONCE else [])


def run_task(
    cluster: Cluster | str,
    task: TaskSpec | Definition | str,
    *,
    command: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    launch_type: LaunchType | str | None = None,
    subnets: Sequence[str] = (),
    client_token: str | None = None,
    placement_timeout_s: float = 0.0,
    on_progress: OnProgress | None = None,
    tags: Mapping[str, str] | None = None,
) -> TaskRun:
    """Start one task; see :func:`run_tasks`."""
    return run_tasks(
        cluster,
        task,
        1,
        command=command,
        environment=environment,
        launch_type=launch_type,
        subnets=subnets,
        client_token=client_token,
        placement_timeout_s=placement_timeout_s,
        on_progress=on_progress,
        tags=tags,
    )[0]


def run_tasks(
    cluster: Cluster | str,
    task: TaskSpec | Definition | str,
    n: int,
    *,
    command: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    launch_type: LaunchType | str | None = None,
    subnets: Sequence[str] = (),
    client_token: str | None = None,
    placement_timeout_s: float = 0.0,
    on_progress: OnProgress | None = None,
    allow_fewer: bool = False,
    tags: Mapping[str, str] | None = None,
) -> tuple[TaskRun, ...]:
    """Start ``n`` identical tasks where the task's launch type says.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html

    Args:
        cluster: The cluster.
        task: What to run; a spec is registered first, a text names a registered family or ARN.
        n: How many.
        command: Replaces the container's command.
        environment: Added to the container's environment.
        launch_type: Run it there instead of where it says itself: EXTERNAL, FARGATE or EC2.
        subnets: For FARGATE, instead of its own.
        client_token: At most 32 characters. A second call with the same token and the same request starts nothing
            and returns the tasks of the first, also where that one had to wait for room; tasks that stopped are found
            for an hour. By default every call has its own, so that botocore's retries of a lost answer start nothing
            twice.
        placement_timeout_s: Seconds to try again when no machine can take a task, or Fargate has no capacity.
        on_progress: Called after every try, with what lacks.
        allow_fewer: Return fewer tasks than ``n``, at least one, rather than fail.
        tags: Put on every task.

    Raises:
        ConfigurationError: The number, the token or the launch type cannot be, a task on Fargate has no subnets, or
            command and environment are longer than ECS takes.
        NotFoundError: No such task is registered.
        PlacementError: The cluster, or Fargate, cannot take them; what could be placed was stopped again.
        AwsError: ECS refused a request; what was started before was stopped again, and the error's notes say so.
    """
    cluster = as_cluster(cluster)
    _check_count(n)
    base = client_token or uuid.uuid4().hex
    if not 1 <= len(base) <= 32:
        raise ConfigurationError("a client token has 1 to 32 characters")
    if isinstance(task, TaskSpec):
        task = register_task(cluster, _placed(task, launch_type, subnets))
    definition = _placed(look_up(cluster, task) if isinstance(task, str) else task, launch_type, subnets)
    marks = {**dict([PROJECT_TAG]), **(tags or {})}
    whole = _run_request(
        cluster, definition, count=n, token=base, command=command, environment=environment or {}, tags=marks
    )
    if client_token is not None:
        marks[MARK] = mark_of(whole)
    started = _of_call(cluster, definition, marks.get(MARK))[:n]
    if len(started) == n or (started and allow_fewer):
        return tuple(started)
    attempt = 0
    refusal: AwsError | None = None

    def place() -> list[Answer]:
        # The token says how far we are, so a request that is sent again after a lost answer starts nothing twice.
        nonlocal attempt, refusal
        failures: list[Answer] = []
        for count in _batches(n - len(started)):
            wanted = _run_request(
                cluster,
                definition,
                count=count,
                token=f"{base}-{attempt}-{len(started)}",
                command=command,
                environment=environment or {},
                tags=marks,
            )
            answer, refusal = _answer(cluster, wanted)
            placed = [_run_of(cluster, definition, one) for one in children(answer, "tasks")]
            started.extend(placed)
            failures = children(answer, "failures")
            if len(placed) < count:
                break
        attempt += 1
        return failures

    deadline = cluster.clock() + placement_timeout_s
    try:
        failures = wait_until(
            place,
            done=lambda _: len(started) >= n or cluster.clock() >= deadline,
            waited_for=f"cluster {cluster.name} to take {n} task(s)",
            timeout_s=placement_timeout_s + 60.0,
            delay_s=min(10.0, max(placement_timeout_s, 2.0)),
            status=lambda found: in_words(found) if found else f"{len(started)} of {n} placed",
            on_progress=on_progress,
            clock=cluster.clock,
            sleep=cluster.sleep,
        )
    except BaseException as error:  # whatever ends it, nobody gets to know of these tasks
        _undo(cluster, started, error)
        raise
    if len(started) < n and not (allow_fewer and started):
        placed = f"{len(started)} of {n} tasks could be placed" if started else "no task could be placed"
        lacking = PlacementError(
            f"{placed} in cluster {cluster.name}: {in_words(failures)}",
            wanted=n,
            placed=len(started),
            reasons=tuple(dict.fromkeys(text(one, "reason") for one in failures)),
            code="" if refusal is None else refusal.code,
        )
        _undo(cluster, started, lacking)
        raise lacking from refusal
    return tuple(started)


def _answer(cluster: Cluster, wanted: Request) -> tuple[Answer, AwsError | None]:
    """Return what RunTask answers; where it puts a failure to place into an error, as an answer, with that error."""
    try:
        return cluster.clients.perform(wanted), None
    except AwsError as error:
        failure = no_room(error)
        if failure is None:
            raise
        return {"tasks": [], "failures": [failure]}, error


def _of_call(cluster: Cluster, definition: Definition, mark: str | None) -> list[TaskRun]:
    """Return what an earlier call with the same mark started; nothing where there can be none."""
    if mark is None:
        return []
    return [_run_of(cluster, definition, one) for one in started_earlier(cluster, family_of(definition), mark)]


def _run_of(cluster: Cluster, definition: Definition, answer: Answer) -> TaskRun:
    return TaskRun(
        arn=text(answer, "taskArn"),
        cluster=cluster.name,
        definition=definition,
        instance_arn=text(answer, "containerInstanceArn"),
    )


def _undo(cluster: Cluster, started: Sequence[TaskRun], error: BaseException) -> None:
    for run in started:
        try:
            stop_task(cluster, run, reason=UNDONE)
        except AwsError as refused:
            error.add_note(f"task {run.arn} was started and could not be stopped again: {refused}")
        else:
            error.add_note(f"task {run.arn} was started and is being stopped again")


def plan_stop(cluster: Cluster | str, run: TaskRun | str, *, reason: str = "stopped by elasticache-police") -> Request:
    """Return the request that :func:`stop_task` would send, without sending it."""
    arn = run if isinstance(run, str) else run.arn
    return request("ecs", "StopTask", cluster=as_cluster(cluster).name, task=arn, reason=reason)


def stop_task(cluster: Cluster | str, run: TaskRun | str, *, reason: str = "stopped by elasticache-police") -> bool:
    """Ask ECS to stop a task: SIGTERM, then SIGKILL after its stop timeout. Safe to repeat.

    Returns:
        Whether ECS knew the task.
    """
    cluster = as_cluster(cluster)
    try:
        cluster.clients.perform(plan_stop(cluster, run, reason=reason))
    except NotFoundError:
        return False
    return True


def find_task(cluster: Cluster | str, task: str) -> TaskRun:
    """Return a task that was started before, by this process or another, to wait for it or to follow its log.

    Args:
        cluster: Where it runs.
        task: Its ARN, or the last part of that.

    Raises:
        NotFoundError: ECS does not know it: wrong, or stopped more than an hour ago.
        AwsError: ECS refused a request.
    """
    cluster = as_cluster(cluster)
    found = children(cluster.perform("ecs", "DescribeTasks", cluster=cluster.name, tasks=[task]), "tasks")
    if not found:
        raise NotFoundError(f"ECS does not know task {task} in cluster {cluster.name}", operation="DescribeTasks")
    return _run_of(cluster, look_up(cluster, text(found[0], "taskDefinitionArn")), found[0])
