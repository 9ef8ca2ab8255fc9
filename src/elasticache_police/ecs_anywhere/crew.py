"""The tasks that work on a collection: kept at their number while there is work, stopped when there is none."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from elasticache_police._waiting import patiently
from elasticache_police.ecs_anywhere._read import Answer, text
from elasticache_police.ecs_anywhere.definitions import Definition
from elasticache_police.ecs_anywhere.earlier import any_ends, family_of, running_with, tag_of
from elasticache_police.ecs_anywhere.logs import LogTail
from elasticache_police.ecs_anywhere.results import read_result
from elasticache_police.ecs_anywhere.tasks import TaskRun, run_tasks, stop_task
from elasticache_police.ecs_anywhere.waiting import MISSING_GRACE_S, describe
from elasticache_police.errors import AccessDeniedError, AwsError, PlacementError, TaskFailedError

if TYPE_CHECKING:
    from elasticache_police.ecs_anywhere.cluster import Cluster
    from elasticache_police.ecs_anywhere.collection import CollectionJob
    from elasticache_police.ecs_anywhere.task_spec import TaskSpec

__all__ = ["WORKER", "Crew", "TaskCrew", "tags_of"]

WORKER = ("ecs", "work")
"""The command of an inspection task: the image's entry point is ``elasticache-police``."""
_REPLACEMENTS_A_TASK = 3
_MACHINE_RETURNS_S = 600.0
"""A run whose machines are all away goes on when one is back within so long, and for so long a task of which ECS hears
nothing keeps its place: it goes on without the connection, unless its machine is off."""
_LOG_TAIL = 10
_RUN, _RECIPE = "run", "recipe"


def tags_of(job: CollectionJob) -> dict[str, str]:
    """Return the tags by which a later call that goes on with the run finds its tasks."""
    return {_RUN: job.run_id, _RECIPE: job.recipe}


class Crew(Protocol):
    """The workers of a run, wherever they are."""

    def alive(self, *, work_left: int) -> int:
        """Count the workers that run; replace those that died while there is work left: so many pictures."""

    def stop(self) -> Sequence[str] | None:
        """End the workers; return those that could not be ended, each with the reason, if there are any."""


class TaskCrew:
    """The tasks of a run; one that dies while there is work is replaced, a few times while nothing gets done."""

    def __init__(self, cluster: Cluster, task: TaskSpec | Definition | str, job: CollectionJob, count: int) -> None:
        """Start the tasks, or as many of them as the cluster takes, besides those that a killed call of the run left.

        Args:
            cluster: Where.
            task: What to run; the command and the job's environment are added.
            job: What they work on.
            count: How many.

        Raises:
            PlacementError: The cluster cannot take a single one.
            AwsError: ECS refused a request.
        """
        self._cluster = cluster
        self._environment = job.to_environment()
        self._task = task
        self._wanted = count
        self._launches_left = count * (1 + _REPLACEMENTS_A_TASK)
        self._least_left: int | None = None
        self._missing_since: dict[str, float] = {}
        self._forgotten: list[TaskRun] = []
        self._seen: dict[str, Answer] = {}
        self._silent_since: dict[str, float] = {}
        self._last: TaskRun | None = None
        self._no_room_since: float | None = None
        self._tags = tags_of(job)
        self._makes_room = False
        self._other_runs: set[str] = set()
        self._runs = self._earlier()
        if len(self._runs) < count:
            try:
                self._runs += self._launch(count - len(self._runs))
            except PlacementError as error:
                if not self._runs and not self._expects_room():
                    if self._other_runs:
                        others = ", ".join(sorted(self._other_runs))
                        error.add_note(f"tasks of run {others} are at work: wait for their end, or go on with that run")
                    raise

    def _earlier(self) -> list[TaskRun]:
        """Return the tasks of the run that still work; those whose results are filed elsewhere are stopped."""
        if not isinstance(self._task, Definition):
            return []
        family = family_of(self._task)
        try:
            found = patiently(lambda: running_with(self._cluster, family, _RUN))
        except AccessDeniedError:
            return []
        runs = []
        for one in found:
            if tag_of(one, _RUN) != self._tags[_RUN]:
                self._other_runs.add(tag_of(one, _RUN))
                continue
            if tag_of(one, _RECIPE) != self._tags[_RECIPE]:
                stop_task(self._cluster, text(one, "taskArn"), reason="the run goes on in another way")
                self._makes_room = True
                continue
            where = text(one, "containerInstanceArn")
            runs.append(
                TaskRun(arn=text(one, "taskArn"), cluster=self._cluster.name, definition=self._task, instance_arn=where)
            )
        return runs

    def _expects_room(self) -> bool:
        """Say whether tasks are ending, such as those of a call that was interrupted a moment ago."""
        if self._makes_room or not isinstance(self._task, Definition):
            return self._makes_room
        try:
            return any_ends(self._cluster, family_of(self._task))
        except AwsError:  # what lacks is room: that is to be said
            return False

    def _launch(self, count: int) -> list[TaskRun]:
        started = run_tasks(
            self._cluster,
            self._task,
            count,
            command=WORKER,
            environment=self._environment,
            allow_fewer=True,
            tags=self._tags,
        )
        self._launches_left -= len(started)
        return list(started)

    def alive(self, *, work_left: int) -> int:
        """Count the tasks that run; replace those that ended, or are silent for long, while there is work left.

        Raises:
            PlacementError: None has run for minutes, and the cluster has no room for one.
            TaskFailedError: None runs, and so many ended that no more are tried.
            AwsError: ECS refused a request.
        """
        found = describe(self._cluster, self._runs)
        self._seen |= found
        self._runs = [run for run in self._runs if not self._ended(run, found.get(run.arn))]
        for run in self._runs:
            self._listen(run, found.get(run.arn))
        if work_left:
            self._forgive(work_left)
            self._fill()
        return len(self._runs)

    def _forgive(self, work_left: int) -> None:
        """Allow all replacements again when less is left than ever before: what gets done is worth the deaths.

        SQS estimates, so the number goes up and down; the least of them all only goes down.
        """
        if self._least_left is not None and work_left < self._least_left:
            self._launches_left = max(self._launches_left, self._wanted * _REPLACEMENTS_A_TASK)
        self._least_left = work_left if self._least_left is None else min(self._least_left, work_left)

    def _listen(self, run: TaskRun, answer: Answer | None) -> None:
        """Remember since when ECS hears nothing of a task."""
        if answer is None:
            return
        if text(answer, "connectivity") == "DISCONNECTED" and text(answer, "lastStatus") == "RUNNING":
            self._silent_since.setdefault(run.arn, self._cluster.clock())
        else:
            self._silent_since.pop(run.arn, None)

    def _heard(self) -> list[TaskRun]:
        """Return the tasks that can be counted on."""
        now = self._cluster.clock()
        return [run for run in self._runs if now - self._silent_since.get(run.arn, now) <= _MACHINE_RETURNS_S]

    def _fill(self) -> None:
        heard = self._heard()
        lacking = min(self._wanted - len(heard), self._launches_left)
        if lacking > 0:
            try:
                self._runs += self._launch(lacking)
                self._no_room_since = None
            except PlacementError:
                if self._is_hopeless(heard):
                    raise
        elif not heard:
            raise TaskFailedError(
                "every task ended or fell silent while pictures were left, and so did their replacements: look at the "
                "tasks' logs" + self._last_words(),
                operation="",
            )

    def _is_hopeless(self, heard: Sequence[TaskRun]) -> bool:
        """Say whether no task has run for so long that no machine will come back: one that restarts takes minutes."""
        now = self._cluster.clock()
        if heard:
            self._no_room_since = None
            return False
        if self._no_room_since is None:
            self._no_room_since = now
        return now - self._no_room_since > _MACHINE_RETURNS_S

    def _ended(self, run: TaskRun, answer: Answer | None) -> bool:
        if answer is None:  # not known yet or at the moment, or stopped so long ago that ECS has forgotten it
            now = self._cluster.clock()
            ended = now - self._missing_since.setdefault(run.arn, now) > MISSING_GRACE_S
            if ended:
                self._forgotten.append(run)
        else:
            self._missing_since.pop(run.arn, None)
            ended = text(answer, "lastStatus") == "STOPPED"
        if ended:
            self._last = run
        return ended

    def _last_words(self) -> str:
        """Return how the last task ended, with the end of its log where that can be read."""
        run = self._last
        if run is None or run.arn not in self._seen:
            return ""
        lines: list[str] = []
        if run.definition.log is not None:
            with contextlib.suppress(AwsError):  # then there is less to say
                lines = [line.message for line in LogTail(self._cluster, run.definition.log, run.task_id).poll()]
        result = read_result(self._seen[run.arn], run.definition.container_name)
        ended = f"; the last one, {result.task_id}: {result.explanation}"
        return "\n  ".join([ended, *lines[-_LOG_TAIL:]])

    def stop(self) -> tuple[str, ...]:
        """Ask ECS to stop those that run, or may; return those that it refused to stop, each with the reason."""
        refused = []
        for run in (*self._runs, *self._forgotten):
            try:
                stop_task(self._cluster, run, reason="the collection is done or was given up")
            except AwsError as error:  # the others are to be stopped all the same
                refused.append(f"{run.arn}: {error}")
        return tuple(refused)
