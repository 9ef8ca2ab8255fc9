"""Fills a run's queue in threads, while the tasks work on what is in it already."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Self

from elasticache_police._aws import is_passing
from elasticache_police._waiting import BAD_MOMENT_S, wait_until
from elasticache_police.ecs_anywhere import _s3
from elasticache_police.ecs_anywhere.queues import AT_ONCE, enqueue

if TYPE_CHECKING:
    from elasticache_police._aws import Clients
    from elasticache_police.ecs_anywhere.collection import CollectionJob, Picture

__all__ = ["Queueing"]

_THREADS = 8
"""A client of boto3's keeps ten connections."""


class Queueing:
    """Sends a message per picture for as long as the ``with`` block runs, or until all are sent.

    The first batch is sent before the block begins: where SQS refuses it, nobody has started workers yet. After the
    last one a note is written to S3, where the job names one: until it is there, a worker at an empty queue waits.
    """

    def __init__(self, clients: Clients, job: CollectionJob, pictures: Sequence[Picture]) -> None:
        """Remember what to send; nothing is sent yet.

        Args:
            clients: Where.
            job: Whose queue, and which note.
            pictures: What to send; each is sent once.
        """
        self._clients = clients
        self._job = job
        self._source = iter(pictures)
        self._total = self._left = len(pictures)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="queueing")
        self._threads: list[Future[None]] = []

    @property
    def total(self) -> int:
        """How many pictures are to be queued in all."""
        return self._total

    @property
    def left(self) -> int:
        """How many pictures are not queued yet."""
        return self._left

    def __enter__(self) -> Self:
        """Send the first batch, and begin with the others.

        Raises:
            WaitTimeoutError: One of them could not be reached for minutes.
            AwsError: SQS or S3 refused.
        """
        self._send()
        self._threads = [self._pool.submit(self._send_all) for _ in range(_THREADS)]
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop after the batches that are under way."""
        self._stopped.set()
        self._pool.shutdown()

    def raise_for_failure(self) -> None:
        """Raise what ended one of the threads, if anything did.

        Raises:
            WaitTimeoutError: SQS or S3 could not be reached for minutes.
            AwsError: One of them refused.
        """
        for thread in self._threads:
            if thread.done():
                thread.result()

    def _send_all(self) -> None:
        while not self._stopped.is_set() and self._send():
            pass

    def _send(self) -> bool:
        """Send the next batch, and the note after the last; say whether there was one."""
        with self._lock:
            batch = list(islice(self._source, AT_ONCE))
        if not batch:
            return False
        left = batch

        def send() -> bool:
            nonlocal left
            left = enqueue(self._clients, self._job.queue_url, left)
            return not left

        self._patiently(send)
        if left:  # the block ended
            return False
        with self._lock:
            self._left -= len(batch)
            is_last = self._left == 0
        if is_last and self._job.queueing:
            note = json.dumps({"pictures": self._total}).encode()
            place = self._job.queued_place

            def write() -> bool:
                _s3.write(self._clients, place, note, content_type="application/json")
                return True

            self._patiently(write)
        return True

    def _patiently(self, send: Callable[[], bool]) -> None:
        """Send until all is sent, for minutes while only passing errors come back and nobody ended the block.

        Messages of a request whose answer was lost arrive twice: the second one finds the first one's result.
        """
        wait_until(
            send,
            done=lambda is_sent: is_sent or self._stopped.is_set(),
            waited_for="a part of the pictures to be queued",
            timeout_s=BAD_MOMENT_S,
            delay_s=1.0,
            max_delay_s=15.0,
            status=lambda is_sent: "sent" if is_sent else "SQS took a part only",
            passing=lambda error: is_passing(error) and not self._stopped.is_set(),
            sleep=self._pause,
        )

    def _pause(self, seconds: float) -> None:
        self._stopped.wait(seconds)
