"""Waiting for tasks to end: hours if need be, their log on the screen, Ctrl-C understood."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from elasticache_police._aws import is_passing
from elasticache_police._waiting import wait_until
from elasticache_police.ecs_anywhere._read import Answer, children, text
from elasticache_police.ecs_anywhere.cluster import Cluster, as_cluster
from elasticache_police.ecs_anywhere.logs import LogLine, LogTail, OnLog
from elasticache_police.ecs_anywhere.results import TaskResult, read_result
from elasticache_police.ecs_anywhere.tasks import TaskRun, stop_task
from elasticache_police.errors import AccessDeniedError, AwsError, NotFoundError, PoliceError

if TYPE_CHECKING:
    from elasticache_police._waiting import OnProgress

__all__ = ["describe", "tasks_left", "wait_stopped"]

_AT_ONCE = 100
MISSING_GRACE_S = 60.0
"""DescribeTasks may not know a task for some seconds, after RunTask returned it and later too: it is eventually
consistent. One that stays unknown for so long is gone."""
_LOG_TAIL = 20
_LEFT = "tasks_left"
"""Where an error keeps the ids of the tasks that go on, for a command line that knows how it was called."""


def describe(cluster: Cluster | str, runs: Iterable[TaskRun | str]) -> dict[str, Answer]:
    """Return DescribeTasks' view of each task (or its ARN) by ARN; a task that ECS does not know is absent."""
    cluster = as_cluster(cluster)
    arns = [run if isinstance(run, str) else run.arn for run in runs]
    found: dict[str, Answer] = {}
    for start in range(0, len(arns), _AT_ONCE):
        answer = cluster.perform("ecs", "DescribeTasks", cluster=cluster.name, tasks=arns[start : start + _AT_ONCE])
        found |= {text(one, "taskArn"): one for one in children(answer, "tasks")}
    return found


class _Watch:
    """What is known about each task so far."""

    def __init__(self, cluster: Cluster, runs: Sequence[TaskRun], on_log: OnLog | None) -> None:
        self.cluster = cluster
        self.runs = runs
        self.on_log = on_log
        self.missing_since: dict[str, float] = {}
        self.seen: dict[str, Answer] = {}
        self.tails = {
            run.arn: LogTail(cluster, run.definition.log, run.task_id)
            for run in runs
            if on_log is not None and run.definition.log is not None
        }
        self.said_unreadable = False
        self.last_lines: dict[str, deque[str]] = {run.arn: deque(maxlen=_LOG_TAIL) for run in runs}

    def look(self) -> dict[str, str]:
        """Return the status of each task by ARN."""
        open_runs = [run for run in self.runs if text(self.seen.get(run.arn, {}), "lastStatus") != "STOPPED"]
        found = describe(self.cluster, open_runs)
        for run in open_runs:
            if run.arn in found:
                self.seen[run.arn] = found[run.arn]
                self.missing_since.pop(run.arn, None)
                continue
            now = self.cluster.clock()
            if now - self.missing_since.setdefault(run.arn, now) <= MISSING_GRACE_S:
                continue
            if run.arn in self.seen:  # known before, forgotten since: it stopped more than an hour ago
                self.seen[run.arn] = {"taskArn": run.arn, "lastStatus": "STOPPED", "stopCode": "MISSING"}
            else:
                message = f"ECS does not know task {run.arn} in cluster {self.cluster.name}"
                raise NotFoundError(message, operation="DescribeTasks", code="MISSING")
        self.pump()
        return {run.arn: self.status(run.arn) for run in self.runs}

    def status(self, arn: str) -> str:
        answer = self.seen.get(arn)
        if answer is None:
            return "not visible yet"
        status = text(answer, "lastStatus")
        if status == "RUNNING" and text(answer, "connectivity") == "DISCONNECTED":
            return "RUNNING (agent disconnected: it goes on, ECS hears nothing of it)"
        return status

    def pump(self) -> bool:
        """Hand on new lines of the logs; say whether there were any, or may have been."""
        any_new = False
        for arn, tail in list(self.tails.items()):
            try:
                lines = tail.poll()
            except AwsError as error:  # whatever becomes of the log, the task goes on, and so does the wait
                any_new |= is_passing(error)
                self.note_unreadable(arn, error)
                continue
            any_new |= bool(lines)
            self.last_lines[arn].extend(line.message for line in lines)
            self.hand_on(lines)
        return any_new

    def note_unreadable(self, arn: str, error: AwsError) -> None:
        """Say once why no lines come, unless that passes; ask no more where it cannot change while we wait."""
        if is_passing(error):
            return
        if not isinstance(error, NotFoundError):  # a group may still be made
            del self.tails[arn]
        if self.said_unreadable:
            return
        self.said_unreadable = True
        group = next(run.definition.log.group for run in self.runs if run.arn == arn and run.definition.log is not None)
        why = {
            AccessDeniedError: f"it takes the permission logs:GetLogEvents on log group {group}",
            NotFoundError: f"log group {group} does not exist; what the tasks print is lost until it is made",
        }.get(type(error), f"log group {group}")
        message = f"the log cannot be read, the wait goes on: {why} ({error})"
        self.hand_on([LogLine(task_id=arn.rsplit("/", 1)[-1], timestamp=_now(), message=message, notice=True)])

    def hand_on(self, lines: Iterable[LogLine]) -> None:
        """Call back with every line."""
        if self.on_log is not None:
            for line in lines:
                self.on_log(line)

    def drain(self, grace_s: float, delay_s: float) -> None:
        """Wait for lines that arrive after the end: until two polls bring none, at most ``grace_s`` seconds."""
        ends = self.cluster.clock() + grace_s
        quiet = 0
        while self.tails and quiet < 2 and self.cluster.clock() < ends:
            self.cluster.sleep(min(delay_s, grace_s))
            quiet = 0 if self.pump() else quiet + 1


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def wait_stopped(
    cluster: Cluster | str,
    runs: Sequence[TaskRun],
    *,
    timeout_s: float = 86_400.0,
    delay_s: float = 5.0,
    log_grace_s: float = 15.0,
    on_log: OnLog | None = None,
    on_progress: OnProgress | None = None,
    stop_on_interrupt: bool = False,
    stop_on_timeout: bool = False,
) -> tuple[TaskResult, ...]:
    """Wait until every task has stopped, handing on their log lines as they come.

    Unlike botocore's waiters it waits as long as it is told (they end after ten minutes), survives throttling and the
    seconds after the start when ECS does not know the task yet, and tells a success from exit code 137.

    Args:
        cluster: The cluster.
        runs: The tasks.
        timeout_s: Seconds after which to give up; a day by default.
        delay_s: Seconds between looks.
        log_grace_s: Seconds to wait for late log lines after the end.
        on_log: Called for every line that a task prints; needs a task with a log group. A log that cannot be read does
            not end the wait: one line whose ``notice`` is set says why there are no others.
        on_progress: Called after every look.
        stop_on_interrupt: On Ctrl-C stop the tasks before :class:`KeyboardInterrupt` goes on. By default they keep
            running, and a later call can wait for them again; the exception's notes name them.
        stop_on_timeout: Stop the tasks when the time is up.

    Returns:
        One result per task, in the order of ``runs``; failures are results, not exceptions.

    Raises:
        WaitTimeoutError: Not all stopped in time.
        NotFoundError: ECS does not know a task a minute after its start.
        AwsError: ECS refused a request.
    """
    cluster = as_cluster(cluster)
    watch = _Watch(cluster, runs, on_log)
    try:
        wait_until(
            watch.look,
            done=lambda states: all(state == "STOPPED" for state in states.values()),
            waited_for=f"{len(runs)} task(s) in cluster {cluster.name} to stop",
            timeout_s=timeout_s,
            delay_s=delay_s,
            status=_count,
            on_progress=on_progress,
            clock=cluster.clock,
            sleep=cluster.sleep,
        )
        watch.drain(log_grace_s, delay_s)
    except KeyboardInterrupt as error:
        _leave(watch, error, "interrupted with Ctrl-C" if stop_on_interrupt else None)
        raise
    except PoliceError as error:
        timed_out = isinstance(error, TimeoutError)
        _leave(watch, error, "the time it was given is up" if timed_out and stop_on_timeout else None)
        raise
    return tuple(
        read_result(watch.seen[run.arn], run.definition.container_name, tuple(watch.last_lines[run.arn]))
        for run in runs
    )


def _count(states: dict[str, str]) -> str:
    counts: dict[str, int] = {}
    for state in states.values():
        counts[state] = counts.get(state, 0) + 1
    if len(states) == 1:
        return next(iter(counts))
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))


def _leave(watch: _Watch, error: BaseException, reason: str | None) -> None:
    """Stop the tasks that still run if there is a reason to; say in the error's notes which go on."""
    left = []
    for run in watch.runs:
        if text(watch.seen.get(run.arn, {}), "lastStatus") == "STOPPED":
            continue
        if reason is None:
            left.append(run)
            continue
        try:
            stop_task(watch.cluster, run, reason=reason)
        except AwsError as refused:  # the others are to be stopped all the same
            error.add_note(f"task {run.task_id} could not be stopped: {refused}")
            left.append(run)
    if left:
        names = [run.task_id for run in left]
        vars(error)[_LEFT] = tuple(names)
        error.add_note(f"{len(left)} task(s) go on in cluster {watch.cluster.name}: {' '.join(names)}")


def tasks_left(error: BaseException) -> tuple[str, ...]:
    """Return the ids of the tasks that went on when an error, or Ctrl-C, ended the wait for them."""
    left: tuple[str, ...] = vars(error).get(_LEFT, ())
    return left
