"""The two queues of a run: pictures to inspect, and pictures that nobody could."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import attrs

from elasticache_police._aws import Clients, Request, is_passing
from elasticache_police._waiting import patiently, wait_until
from elasticache_police.ecs_anywhere._read import Answer, child, children, flag, number, text
from elasticache_police.ecs_anywhere.cluster import request
from elasticache_police.ecs_anywhere.collection import Picture
from elasticache_police.errors import AwsError, ConfigurationError

if TYPE_CHECKING:
    from elasticache_police._waiting import OnProgress, Progress
    from elasticache_police.ecs_anywhere.cluster import Cluster

__all__ = [
    "AT_ONCE",
    "RUN_ID",
    "Depth",
    "Letters",
    "Queues",
    "dead_letters",
    "depth",
    "enqueue",
    "make_queues",
    "plan_dead_letters",
    "queue_requests",
    "read_letters",
    "remove_queues",
]

RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,56}")
"""What SQS leaves of a queue's name of 80 characters for the run's id."""
AT_ONCE = 10
"""SQS takes at most so many messages in one request."""
RETENTION_S = 14 * 24 * 3600
APPEARS_S = 30.0
"""SQS may not know a queue for a second after it was made, by its documentation; so long it is given."""
_IS_FREE_S = 90.0
"""For 60 seconds SQS makes no queue of the name of one that was deleted, by its documentation; so long it is given."""
_IN_FLIGHT = 100_000
"""Of so many letters SQS is asked at most: beyond 120,000 that are out at once it hands out no more, without a word."""
_MADE = "made"
_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@attrs.frozen(kw_only=True)
class Queues:
    """Where a run's messages are."""

    url: str
    dead_letter_url: str


@attrs.frozen(kw_only=True)
class Depth:
    """How many messages a queue holds, as SQS estimates."""

    waiting: int
    in_flight: int

    @property
    def total(self) -> int:
        """Both together."""
        return self.waiting + self.in_flight


def _sqs(clients: Clients, operation: str, **parameters: object) -> Answer:
    return clients.perform(request("sqs", operation, **parameters))


def queue_name(run_id: str) -> str:
    """Return the name of a run's queue."""
    return f"elasticache-police-{run_id}"


def queue_requests(
    run_id: str, *, visibility_timeout_s: int, max_receives: int, tags: Mapping[str, str], dead_letter_arn: str
) -> tuple[Request, Request]:
    """Return the requests that make the dead-letter queue and the queue.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
    """
    common = {"MessageRetentionPeriod": str(RETENTION_S), "SqsManagedSseEnabled": "true"}
    redrive = json.dumps({"deadLetterTargetArn": dead_letter_arn, "maxReceiveCount": max_receives})
    name = queue_name(run_id)
    return (
        request("sqs", "CreateQueue", QueueName=f"{name}-dead", Attributes=common, tags=dict(tags)),
        request(
            "sqs",
            "CreateQueue",
            QueueName=name,
            Attributes={**common, "VisibilityTimeout": str(visibility_timeout_s), "RedrivePolicy": redrive},
            tags=dict(tags),
        ),
    )


def make_queues(
    cluster: Cluster,
    run_id: str,
    *,
    visibility_timeout_s: int,
    max_receives: int,
    tags: Mapping[str, str],
    on_progress: OnProgress | None = None,
) -> Queues:
    """Make both queues, or find them where an interrupted run made them, and wait until SQS knows them.

    Those of a run that ended less than a minute ago have to wait until SQS makes queues of these names again.

    Raises:
        WaitTimeoutError: It does not know them, or refuses to make them, for more than a minute.
        AwsError: SQS refused a request.
    """

    def requests(arn: str) -> tuple[Request, Request]:
        return queue_requests(
            run_id,
            visibility_timeout_s=visibility_timeout_s,
            max_receives=max_receives,
            tags=tags,
            dead_letter_arn=arn,
        )

    def tell(now: Progress) -> None:
        if on_progress is not None and now.status != _MADE:
            on_progress(now)

    def perform(wanted: Request) -> Answer:
        return wait_until(
            lambda: cluster.clients.perform(wanted),
            done=lambda _: True,
            waited_for="SQS to make the run's queues",
            timeout_s=_IS_FREE_S,
            delay_s=1.0,
            max_delay_s=4.0,
            status=lambda _: _MADE,
            passing=lambda error: is_passing(error) or _is_of_new_queues(error),
            on_progress=tell,
            clock=cluster.clock,
            sleep=cluster.sleep,
        )

    def arn_of(url: str) -> str:
        answer = perform(request("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["QueueArn"]))
        return text(child(answer, "Attributes"), "QueueArn")

    dead_url = text(perform(requests("")[0]), "QueueUrl")
    url = text(perform(requests(arn_of(dead_url))[1]), "QueueUrl")
    arn_of(url)  # once SQS tells it, it knows the queue
    return Queues(url=url, dead_letter_url=dead_url)


def _is_of_new_queues(error: AwsError) -> bool:
    """Say whether SQS means that a queue is too new to be known, or that one of its name is too freshly deleted."""
    is_deleted_recently = error.code.rsplit(".", 1)[-1] == "QueueDeletedRecently"
    return is_deleted_recently or is_gone(error) or "dead letter target does not exist" in str(error).lower()


def enqueue(clients: Clients, url: str, pictures: Sequence[Picture]) -> list[Picture]:
    """Send one message per picture, :data:`AT_ONCE` pictures at most; return those that SQS failed to take for now.

    Raises:
        AwsError: SQS refused them, or one of them for what it is.
    """
    entries = [{"Id": str(place), "MessageBody": picture.to_json()} for place, picture in enumerate(pictures)]
    failed = children(_sqs(clients, "SendMessageBatch", QueueUrl=url, Entries=entries), "Failed")
    refused = [one for one in failed if flag(one, "SenderFault")]
    if refused:
        message = f"{len(refused)} message(s) of a batch were refused: {text(refused[0], 'Message')}"
        raise AwsError(message, operation="SendMessageBatch", code=text(refused[0], "Code"))
    return [pictures[int(text(one, "Id"))] for one in failed]


def depth(clients: Clients, url: str) -> Depth:
    """Return how full a queue is."""
    found = child(_sqs(clients, "GetQueueAttributes", QueueUrl=url, AttributeNames=list(_COUNTS)), "Attributes")
    waiting, in_flight, delayed = (number(found, name) for name in _COUNTS)
    return Depth(waiting=waiting + delayed, in_flight=in_flight)


def is_gone(error: AwsError) -> bool:
    """Say whether SQS means that the queue does not exist, under either of its codes."""
    return error.code in {"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"}


def _letters_request(url: str) -> Request:
    return request(
        "sqs",
        "ReceiveMessage",
        QueueUrl=url,
        MaxNumberOfMessages=AT_ONCE,
        WaitTimeSeconds=1,
        VisibilityTimeout=600,
        MessageAttributeNames=["All"],
    )


def plan_dead_letters(url: str) -> tuple[Request, ...]:
    """Return the requests that :func:`read_letters` would send of a queue that holds something, each once."""
    letter = {"Id": "0", "ReceiptHandle": "<of a letter>"}
    return (
        _letters_request(url),
        request("sqs", "DeleteMessageBatch", QueueUrl=url, Entries=[letter]),
        request("sqs", "ChangeMessageVisibilityBatch", QueueUrl=url, Entries=[{**letter, "VisibilityTimeout": 0}]),
    )


@attrs.frozen(kw_only=True)
class Letters:
    """What was read of a dead-letter queue."""

    reasons: Mapping[Picture, str]
    """By picture the letter's reason, empty where it has none."""
    complete: bool
    """Whether that is all of them: SQS hands out so many at once and no more."""


def dead_letters(clients: Clients, url: str) -> list[tuple[Picture, str]]:
    """Return the pictures of the dead-letter queue with their reasons, and leave them there for others to see."""
    return list(read_letters(clients, url).reasons.items())


def read_letters(
    clients: Clients, url: str, *, drop: Callable[[Picture, str], bool] = lambda _picture, _reason: False
) -> Letters:
    """Return what is in the dead-letter queue, and leave it there for others to see.

    Args:
        clients: Where.
        url: The dead-letter queue.
        drop: Says of a picture and its letter's reason, empty where there is none, whether the letter is to go: it is
            deleted and not returned.
    """
    reasons: dict[Picture, str] = {}
    left: dict[str, str] = {}
    more = True
    while len(left) < _IN_FLIGHT:
        messages = _next_letters(clients, url)
        new = [message for message in messages or () if text(message, "MessageId") not in left]
        if not new:  # there is nothing more, or the first ones come again, or too many are out
            more = messages is None
            break
        dropped: list[str] = []
        for message in new:
            reason = text(child(child(message, "MessageAttributes"), "reason"), "StringValue")
            try:
                picture: Picture | None = Picture.from_json(text(message, "Body"))
            except ConfigurationError:  # put there by somebody else
                picture = None
            if picture is not None and drop(picture, reason):
                dropped.append(text(message, "ReceiptHandle"))
                continue
            left[text(message, "MessageId")] = text(message, "ReceiptHandle")
            if picture is not None:
                reasons[picture] = reason or reasons.get(picture, "")
        _settle(clients, "DeleteMessageBatch", url, dropped)
    # Counts are late: they are asked only where there may be more.
    complete = not more or patiently(lambda: depth(clients, url)).waiting == 0
    _settle(clients, "ChangeMessageVisibilityBatch", url, left.values(), VisibilityTimeout=0)
    return Letters(reasons=reasons, complete=complete)


def _next_letters(clients: Clients, url: str) -> list[Answer] | None:
    """Return the next letters; None where SQS says that too many are out."""
    try:
        return children(patiently(lambda: clients.perform(_letters_request(url))), "Messages")
    except AwsError as error:
        if error.code.rsplit(".", 1)[-1] != "OverLimit":
            raise
        return None


def _settle(clients: Clients, operation: str, url: str, handles: Iterable[str], **parameters: int) -> None:
    source = iter(handles)
    while batch := list(islice(source, AT_ONCE)):
        entries = [{"Id": str(place), "ReceiptHandle": one, **parameters} for place, one in enumerate(batch)]
        patiently(partial(_sqs, clients, operation, QueueUrl=url, Entries=entries))


def remove_queues(clients: Clients, queues: Queues, *, keep_dead_letters: bool) -> tuple[str, ...]:
    """Delete the queue, and the dead-letter queue unless it is to be kept. Safe to repeat.

    Returns:
        What could not be deleted, each with the reason: no error, for the run's report is worth more.
    """
    left = []
    for url in (queues.url,) if keep_dead_letters else (queues.url, queues.dead_letter_url):
        try:
            _sqs(clients, "DeleteQueue", QueueUrl=url)
        except AwsError as error:
            if not is_gone(error):
                left.append(f"{url}: {error}")
    return tuple(left)
