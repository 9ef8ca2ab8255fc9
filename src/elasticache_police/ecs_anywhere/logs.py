"""What a task prints, live from CloudWatch Logs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import attrs

from elasticache_police._aws import PROJECT_TAG, Request
from elasticache_police.ecs_anywhere._read import children, number, text
from elasticache_police.ecs_anywhere.cluster import Cluster, as_cluster, request
from elasticache_police.errors import AlreadyExistsError, AwsError, NotFoundError

__all__ = ["LogLine", "LogPlace", "LogTail", "OnLog", "ensure_log_group", "plan_log_group"]

_PAGES_A_POLL = 20


@attrs.frozen(kw_only=True)
class LogLine:
    """One line of a container's output."""

    task_id: str
    timestamp: dt.datetime
    message: str
    notice: bool = False
    """Whether it is no line of the container, but this package saying, once a wait, why there may be none."""


OnLog = Callable[[LogLine], None]
"""Called for every new line, in the waiting thread."""


@attrs.frozen(kw_only=True)
class LogPlace:
    """Where the ``awslogs`` driver writes a task's output."""

    group: str
    prefix: str
    container: str

    def stream(self, task_id: str) -> str:
        """Return the stream's name: ``prefix/container/task id``."""
        return f"{self.prefix}/{self.container}/{task_id}"


class LogTail:
    """Reads one task's stream from where it stopped last time.

    The stream appears some seconds after the container started, and never when the container did not; lines may
    arrive after the task has stopped. Neither is an error.
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
    """

    def __init__(self, cluster: Cluster | str, place: LogPlace, task_id: str) -> None:
        """Remember where to read; nothing is read yet."""
        self._cluster = as_cluster(cluster)
        self._place = place
        self._task_id = task_id
        self._token = ""

    def poll(self) -> list[LogLine]:
        """Return the lines that are new since the last call, oldest first.

        Raises:
            NotFoundError: There is no such log group. A stream that does not exist yet is no error.
            AwsError: CloudWatch Logs refused the request.
        """
        lines: list[LogLine] = []
        for _ in range(_PAGES_A_POLL):
            more = {"nextToken": self._token} if self._token else {}
            try:
                page = self._cluster.perform(
                    "logs",
                    "GetLogEvents",
                    logGroupName=self._place.group,
                    logStreamName=self._place.stream(self._task_id),
                    startFromHead=True,
                    **more,
                )
            except NotFoundError as error:
                if "log group" in str(error).lower():
                    raise
                return lines
            except AwsError:
                if lines:  # they would be lost: the next poll goes on behind them
                    return lines
                raise
            lines += [
                LogLine(
                    task_id=self._task_id,
                    timestamp=dt.datetime.fromtimestamp(number(event, "timestamp") / 1000, tz=dt.UTC),
                    message=text(event, "message"),
                )
                for event in children(page, "events")
            ]
            token = text(page, "nextForwardToken")
            at_end = token == self._token or not token
            self._token = token or self._token
            if at_end:
                break
        return lines


def ensure_log_group(cluster: Cluster | str, group: str, *, retention_days: int = 30) -> bool:
    """Make a log group with a retention if there is none. Safe to repeat; an existing group is left as it is.

    Returns:
        Whether it was made just now.
    """
    cluster = as_cluster(cluster)
    create, keep = plan_log_group(group, retention_days=retention_days)
    try:
        cluster.clients.perform(create)
    except AlreadyExistsError:
        return False
    cluster.clients.perform(keep)
    return True


def plan_log_group(group: str, *, retention_days: int = 30) -> tuple[Request, Request]:
    """Return the requests that :func:`ensure_log_group` would send where there is no such group; send none."""
    return (
        request("logs", "CreateLogGroup", logGroupName=group, tags=dict([PROJECT_TAG])),
        request("logs", "PutRetentionPolicy", logGroupName=group, retentionInDays=retention_days),
    )
