"""Takes pictures from the queue until there are none: what runs in every task of a collection.

``python -m elasticache_police.ecs_anywhere.worker`` reads the job from the environment. However a worker ends, also by
SIGKILL, no picture is lost: its message comes back after the visibility timeout. Nothing is counted twice either: a
result is one object named after the picture's content.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from elasticache_police._aws import Clients, Request, is_passing
from elasticache_police._waiting import patiently
from elasticache_police.ecs_anywhere import _s3
from elasticache_police.ecs_anywhere._inspector import Outcome, Sandbox
from elasticache_police.ecs_anywhere._read import Answer, children, text
from elasticache_police.ecs_anywhere.collection import MAX_BYTES, VANISHED, CollectionJob, Picture
from elasticache_police.ecs_anywhere.packing import check_model, fetch_model
from elasticache_police.ecs_anywhere.queues import APPEARS_S, depth, is_gone
from elasticache_police.errors import AwsError, ConfigurationError, NotFoundError, PoliceError

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["Tally", "Worker", "main"]

PACKAGED = "elasticache_police.ecs_anywhere._inspector:police"
_REASON_CHARACTERS = 2_000
_UNSENDABLE = re.compile("[^\\t\\n\\r\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that SQS takes in no message."""
_NOT_OURS = frozenset({"InvalidParameterValue", "MessageNotInflight", "ReceiptHandleIsInvalid"})
"""What SQS says about the receipt of a message that is somebody else's by now."""


@attrs.define
class Tally:
    """What one worker has done."""

    inspected: int = 0
    skipped: int = 0
    """Results that were there already."""
    unreadable: int = 0
    """Sent to the dead-letter queue at once: no further try would help."""
    returned: int = 0
    """Given back to the queue after a crash or a timeout, for another try."""
    vanished: int = 0
    """Deleted or changed since they were listed."""


class Worker:
    """One consumer of the queue."""

    def __init__(
        self,
        job: CollectionJob,
        *,
        clients: Clients | None = None,
        inspector: str = PACKAGED,
        model_folder: str | None = None,
        poll_s: int = 10,
        idle_polls: int = 2,
        queueing_s: float = 600.0,
    ) -> None:
        """Remember the job; nothing starts yet.

        Args:
            job: What to do.
            clients: Where to send requests; boto3's default chain otherwise.
            inspector: ``module:function`` that makes the inspection from names, model and confidence.
            model_folder: The job's model, unpacked; None for the packaged one.
            poll_s: Seconds of a long poll of the queue, 0 to 20.
            idle_polls: End after so many empty polls of a queue that also has nothing in flight.
            queueing_s: For so long an empty queue is waited at while the job says that more is to come: the process
                that fills it may be gone for good.
        """
        self.job = job
        self.tally = Tally()
        self._clients = clients or Clients()
        self._sandbox = Sandbox(
            inspector,
            names=job.names,
            model=model_folder,
            min_confidence=job.min_confidence,
            timeout_s=job.picture_timeout_s,
        )
        self._poll_s = poll_s
        self._idle_polls = idle_polls
        self._queueing_s = queueing_s
        self._more_to_come = bool(job.queueing)
        self._last_message = time.monotonic()
        self._has_read = False
        self._has_received = False
        self._stop = threading.Event()

    def stop(self) -> None:
        """End after the picture in hand; safe in a signal handler."""
        self._stop.set()

    def run(self) -> Tally:
        """Work until the queue is empty or :meth:`stop` is called.

        Raises:
            AwsError: The queue or S3 refused a request for good.
            WaitTimeoutError: One of them could not be reached for minutes.
            PoliceError: The process that inspects could not be started, or its model is good for no picture.
        """
        idle = 0
        try:
            while not self._stop.is_set() and idle < self._idle_polls:
                messages = self._next()
                for message in messages:
                    self._take(message)
                    self._last_message = time.monotonic()
                busy = bool(messages) or patiently(self._is_busy)
                idle = 0 if busy else idle + 1
        except AwsError as error:
            if not is_gone(error):  # else the submitter has everything and took the queue away
                raise
        finally:
            self._sandbox.close()
        return self.tally

    def _sqs(self, operation: str, **parameters: object) -> Answer:
        parameters.setdefault("QueueUrl", self.job.queue_url)
        return self._clients.perform(Request(service="sqs", operation=operation, parameters=parameters))  # type: ignore[arg-type]

    def _next(self) -> list[Answer]:
        """Return the next message, if there is one. Until SQS first knows the queue it may be too new to be known."""
        known_by = time.monotonic() + (0.0 if self._has_received else APPEARS_S)
        messages = patiently(self._receive, passing=lambda error: is_gone(error) and time.monotonic() < known_by)
        self._has_received = True
        return messages

    def _receive(self) -> list[Answer]:
        # One at a time: a picture that kills the container must not count against its neighbours.
        answer = self._sqs(
            "ReceiveMessage",
            MaxNumberOfMessages=1,
            WaitTimeSeconds=self._poll_s,
            VisibilityTimeout=self.job.visibility_timeout_s,
        )
        return children(answer, "Messages")

    def _is_busy(self) -> bool:
        """Say whether the queue holds anything, also what others have in work, or will; wait a moment if so."""
        busy = self._is_being_filled() or depth(self._clients, self.job.queue_url).total > 0
        if busy:
            self._stop.wait(min(1.0, self.job.visibility_timeout_s / 4))
        return busy

    def _is_being_filled(self) -> bool:
        """Say whether messages are still being queued."""
        if self._more_to_come:
            is_late = time.monotonic() - self._last_message > self._queueing_s
            self._more_to_come = not is_late and not _s3.exists(self._clients, self.job.queued_place)
        return self._more_to_come

    def _take(self, message: Answer) -> None:
        handle = text(message, "ReceiptHandle")
        try:
            picture = Picture.from_json(text(message, "Body"))
        except ConfigurationError:
            self._bury(message, None, "not a picture of a manifest")
            return
        with self._kept(handle):
            known = patiently(lambda: _s3.exists(self._clients, self.job.result_place(picture)))
            outcome = None if known else self._inspect(picture)
            if outcome is not None and outcome.report is not None:
                body = json.dumps(outcome.report, ensure_ascii=False).encode()
                self._write(self.job.result_place(picture), body)
        if known:
            self.tally.skipped += 1
            self._settle("DeleteMessage", handle)
        elif outcome is None:
            self.tally.vanished += 1
            self._note(picture, VANISHED, of_content=False)
            self._settle("DeleteMessage", handle)
        elif outcome.report is not None:
            self.tally.inspected += 1
            self._settle("DeleteMessage", handle)
        elif outcome.final:
            self._bury(message, picture, outcome.reason, of_content=outcome.of_content)
        else:
            self.tally.returned += 1
            self._note(picture, outcome.reason, of_content=True)
            self._settle("ChangeMessageVisibility", handle, VisibilityTimeout=0)

    def _settle(self, operation: str, handle: str, **parameters: object) -> None:
        """Delete a message or give it back; one that was handed to another worker meanwhile is that one's business."""
        try:
            patiently(lambda: self._sqs(operation, ReceiptHandle=handle, **parameters))
        except AwsError as error:
            if error.code.rsplit(".", 1)[-1] not in _NOT_OURS:
                raise

    def _inspect(self, picture: Picture) -> Outcome | None:
        source = self.job.source_place
        place = _s3.Place(source.bucket, picture.key)
        if picture.size > MAX_BYTES:
            return Outcome(reason=f"{picture.size} bytes are more than {MAX_BYTES}", final=True)
        try:
            content = patiently(lambda: _s3.read(self._clients, place, etag=picture.etag))
        except NotFoundError:
            return None
        except AwsError as error:
            if error.code in {"PreconditionFailed", "412"}:
                return None
            # Archived, or encrypted with a key that is not for us: this picture's trouble, unless nothing can be read.
            if error.code == "InvalidObjectState" or self._has_read:
                return Outcome(reason=f"S3 does not give it out: {error}", final=True, of_content=False)
            raise
        self._has_read = True
        return self._sandbox.inspect(content, str(place))

    def _write(self, place: _s3.Place, body: bytes) -> None:
        patiently(lambda: _s3.write(self._clients, place, body, content_type="application/json"))

    def _note(self, picture: Picture, reason: str, *, of_content: bool) -> None:
        note = {"key": picture.key, "etag": picture.etag, "reason": _sendable(reason), "of_content": of_content}
        self._write(self.job.failure_place(picture), json.dumps(note, ensure_ascii=False).encode())

    def _bury(self, message: Answer, picture: Picture | None, reason: str, *, of_content: bool = True) -> None:
        """Move a message to the dead-letter queue with its reason; sending comes first, so that none is lost."""
        self.tally.unreadable += 1
        if picture is not None:
            self._note(picture, reason, of_content=of_content)
        patiently(
            lambda: self._sqs(
                "SendMessage",
                QueueUrl=self.job.dead_letter_queue_url,
                MessageBody=text(message, "Body"),
                MessageAttributes={"reason": {"DataType": "String", "StringValue": _sendable(reason) or "none"}},
            )
        )
        self._settle("DeleteMessage", text(message, "ReceiptHandle"))

    @contextmanager
    def _kept(self, handle: str) -> Iterator[None]:
        """Keep the message invisible to others while the block runs, however long it takes."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(self.job.visibility_timeout_s / 3):
                try:
                    self._sqs(
                        "ChangeMessageVisibility",
                        ReceiptHandle=handle,
                        VisibilityTimeout=self.job.visibility_timeout_s,
                    )
                except AwsError as error:
                    if not is_passing(error):  # handed to another worker already: at worst it is inspected twice
                        return

        heart = threading.Thread(target=beat, name="visibility", daemon=True)
        heart.start()
        try:
            yield
        finally:
            done.set()
            heart.join()


def _sendable(reason: str) -> str:
    return _UNSENDABLE.sub("\N{REPLACEMENT CHARACTER}", reason)[-_REASON_CHARACTERS:]


def _model(clients: Clients, job: CollectionJob, folder: Path) -> str | None:
    if job.model is None:
        return None
    model = fetch_model(clients, job.model, folder, etag=job.model_etag or None)
    check_model(model, job.model)
    return model


def main() -> int:
    """Run one worker as the environment says; return its exit code."""
    began = time.monotonic()
    clients = Clients()
    try:
        job = CollectionJob.from_environment(os.environ)
        with tempfile.TemporaryDirectory() as folder:
            model = _model(clients, job, Path(folder))
            worker = Worker(job, clients=clients, model_folder=model)

            def end(number: int, _frame: FrameType | None) -> None:
                print(f"worker: {signal.Signals(number).name}: ending after this picture", flush=True)  # noqa: T201  the container's log
                worker.stop()

            signal.signal(signal.SIGTERM, end)
            signal.signal(signal.SIGINT, end)
            print(f"worker: run {job.run_id}, pictures of {job.source}", flush=True)  # noqa: T201  the container's log
            tally = worker.run()
    except PoliceError as error:
        print(f"worker: {error}", file=sys.stderr, flush=True)  # noqa: T201  the container's log
        return 2
    seconds = time.monotonic() - began
    counts = ", ".join(f"{value} {name}" for name, value in attrs.asdict(tally).items())
    print(f"worker: {counts} in {seconds:.1f} s", flush=True)  # noqa: T201  the container's log
    return 0


if __name__ == "__main__":
    sys.exit(main())
