"""How a task ended, in words that help."""

from __future__ import annotations

import datetime as dt

import attrs

from elasticache_police.ecs_anywhere._read import Answer, children, moment, number_or_none, text
from elasticache_police.errors import TaskFailedError

__all__ = ["TaskResult", "read_result"]

_SIGNALS = {
    134: "it aborted (SIGABRT)",
    137: "it was killed (SIGKILL): most often because it used more memory than its limit, or did not end in time",
    139: "it crashed (SIGSEGV)",
    143: "it was told to end (SIGTERM)",
}
_REASONS = (
    ("log group does not exist", "its log group does not exist: make it with ensure_log_group, or leave log_group out"),
    ("OutOfMemory", "the container used more memory than its limit: raise memory_mib"),
    ("CannotPullContainer", "the image could not be pulled: look at its name, the execution role, and the network"),
    ("CannotStartContainer", "the container could not be started: look at its entry point and mounts"),
    ("CannotCreateVolume", "a volume could not be made: look at the host path"),
    ("ResourceInitialization", "a secret, a log group or a volume could not be set up: look at the execution role"),
    ("CgroupError", "the machine's memory cgroup is off: run the check script on it"),
    ("Capacity is unavailable", "Fargate had no room for it: start it again later, or in further availability zones"),
    ("DockerTimeout", "Docker on the machine did not answer in time"),
)


@attrs.frozen(kw_only=True)
class TaskResult:
    """How a task ended.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
    """

    arn: str
    exit_code: int | None
    """The essential container's exit code; None when it never ran, or ECS lost sight of it."""
    stop_code: str = ""
    """ECS's ``stopCode``, such as EssentialContainerExited or TaskFailedToStart; MISSING when ECS forgot the task."""
    reason: str = ""
    """ECS's ``stoppedReason``."""
    container_reason: str = ""
    """The container's own reason, such as OutOfMemoryError."""
    instance_arn: str = ""
    started_at: dt.datetime | None = None
    """None when it never ran."""
    stopped_at: dt.datetime | None = None
    log_tail: tuple[str, ...] = ()
    """The last lines it printed, when its log was followed."""

    @property
    def task_id(self) -> str:
        """The last part of the ARN."""
        return self.arn.rsplit("/", 1)[-1]

    @property
    def succeeded(self) -> bool:
        """Whether the container ran and ended with exit code 0."""
        return self.exit_code == 0

    @property
    def explanation(self) -> str:
        """What happened, and what to look at."""
        if self.succeeded:
            return "it ended well"
        if self.stop_code == "MISSING":
            return "ECS has forgotten it: a stopped task is kept for an hour only"
        for sign, words in _REASONS:
            if sign in self.container_reason or sign in self.reason:
                return words
        if self.exit_code is None:
            if self.started_at is not None:
                return "it ran, and ECS lost sight of it: its machine was terminated or deregistered"
            return "its container never ran"
        return _SIGNALS.get(self.exit_code, f"its container ended with exit code {self.exit_code}")

    def raise_for_failure(self) -> TaskResult:
        """Return itself when the task succeeded.

        Raises:
            TaskFailedError: It did not; with exit code, stop code, reason and the last lines of the log.
        """
        if self.succeeded:
            return self
        said = "; ".join(part for part in (self.container_reason, self.reason) if part)
        message = f"task {self.task_id} failed: {self.explanation}" + (f" ({said})" if said else "")
        if self.log_tail:
            message += "\nlast lines of its log:\n" + "\n".join(f"  {line}" for line in self.log_tail)
        raise TaskFailedError(
            message,
            operation="",
            task_arn=self.arn,
            stop_code=self.stop_code,
            reason=said,
            exit_code=self.exit_code,
        )


def read_result(answer: Answer, container_name: str, log_tail: tuple[str, ...] = ()) -> TaskResult:
    """Read a stopped task of DescribeTasks.

    Args:
        answer: The task.
        container_name: The container whose exit code counts.
        log_tail: The last lines it printed.
    """
    containers = children(answer, "containers")
    main = next((one for one in containers if text(one, "name") == container_name), containers[0] if containers else {})
    return TaskResult(
        arn=text(answer, "taskArn"),
        exit_code=number_or_none(main, "exitCode"),
        stop_code=text(answer, "stopCode"),
        reason=text(answer, "stoppedReason"),
        container_reason=text(main, "reason"),
        instance_arn=text(answer, "containerInstanceArn"),
        started_at=moment(answer, "startedAt"),
        stopped_at=moment(answer, "stoppedAt"),
        log_tail=log_tail,
    )
