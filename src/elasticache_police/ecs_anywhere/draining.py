"""Waits until a run's queue was filled and is empty again, and says meanwhile how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from elasticache_police._waiting import wait_until
from elasticache_police.ecs_anywhere.collection_run import missing
from elasticache_police.ecs_anywhere.giving_up import noted
from elasticache_police.ecs_anywhere.queues import depth

if TYPE_CHECKING:
    from elasticache_police._waiting import OnProgress
    from elasticache_police.ecs_anywhere.cluster import Cluster
    from elasticache_police.ecs_anywhere.collection_run import CollectionRun
    from elasticache_police.ecs_anywhere.crew import Crew
    from elasticache_police.ecs_anywhere.giving_up import GivenUp
    from elasticache_police.ecs_anywhere.queueing import Queueing

__all__ = ["drain"]

SETTLES_S = 60.0
"""By its documentation SQS may count messages a minute after they were sent: so long it says empty of a full queue."""


@attrs.frozen(kw_only=True)
class _State:
    """How a round stands."""

    left: int
    """Pictures that are to be queued, wait, or are in work; SQS estimates."""
    to_queue: int
    in_flight: int
    tasks: int
    is_over: bool


def drain(
    cluster: Cluster,
    run: CollectionRun,
    queueing: Queueing,
    workers: Crew,
    *,
    given_up: GivenUp,
    timeout_s: float,
    delay_s: float,
    on_progress: OnProgress | None,
) -> None:
    """Wait until all is queued and the queue has nothing waiting and nothing in flight, twice in a row.

    SQS's counts are estimates, and late ones: before they settle they are believed only where a worker has had its say
    about every picture.

    Args:
        cluster: Where.
        run: Whose queue.
        queueing: What fills it.
        workers: What empties it; those that died are replaced at every look.
        given_up: What earlier rounds gave up; none of it is in the queue.
        timeout_s: Seconds after which to give up.
        delay_s: Seconds between looks.
        on_progress: Called after every look.

    Raises:
        WaitTimeoutError: The time is up, or pictures could not be queued for minutes.
        TaskFailedError: The workers ended, and so did their replacements.
        AwsError: AWS refused a request.
    """
    began = last_sent = cluster.clock()
    empty = 0
    of_before = noted(cluster.clients, run.job)  # of an earlier round or call: says nothing about this try
    at_first: int | None = None

    def look() -> _State:
        nonlocal empty, at_first, last_sent
        to_queue = queueing.left  # looked at first: what is queued between the looks counts twice rather than never
        if to_queue:
            last_sent = cluster.clock()
        now = depth(cluster.clients, run.queues.url)
        left = to_queue + now.total
        at_first = left if at_first is None else max(at_first, left)
        empty = empty + 1 if left == 0 else 0
        # SQS counts a minute late, too late while messages pour in: until then no picture is known to be done.
        alive = workers.alive(work_left=at_first if to_queue else left)
        is_over = empty >= 2 and (cluster.clock() - last_sent > SETTLES_S or all_are_judged())
        return _State(left=left, to_queue=to_queue, in_flight=now.in_flight, tasks=alive, is_over=is_over)

    def all_are_judged() -> bool:
        return not missing(cluster.clients, run, given_up | (noted(cluster.clients, run.job) - of_before))

    def done(state: _State) -> bool:
        queueing.raise_for_failure()
        return state.is_over

    def words(state: _State) -> str:
        if state.to_queue:
            queued = f"{queueing.total - state.to_queue} of {queueing.total} pictures queued"
            return f"{queued}, {state.in_flight} in work, {state.tasks} task(s)"
        rate = max((at_first or 0) - state.left, 0) / max(cluster.clock() - began, 1e-9)
        return (
            f"{max(run.pictures - state.left, 0)} of {run.pictures} pictures done, {state.in_flight} in work, "
            f"{rate:.1f} a second, {state.tasks} task(s)"
        )

    wait_until(
        look,
        done=done,
        waited_for=f"the {run.pictures} pictures of {run.job.source}",
        timeout_s=timeout_s,
        delay_s=delay_s,
        status=words,
        on_progress=on_progress,
        clock=cluster.clock,
        sleep=cluster.sleep,
    )
