"""The queue is filled while the tasks work: all arrives, nobody leaves too early, and whatever ends it ends all."""

from __future__ import annotations

import json
import threading
from collections import Counter

import attrs
import pytest
from botocore.exceptions import ClientError
from quick_workers import Threads

from elasticache_police import ecs_anywhere
from elasticache_police._aws import Clients
from elasticache_police.ecs_anywhere import Cluster, CollectionJob, Picture, Worker, draining, merging
from elasticache_police.ecs_anywhere.queueing import Queueing
from elasticache_police.ecs_anywhere.queues import depth
from elasticache_police.errors import AccessDeniedError, AwsError, NotFoundError, PlacementError, ThrottledError

JOB = CollectionJob(
    source="s3://pictures/decks/",
    results="s3://pictures/results",
    run_id="r",
    recipe="c",
    queue_url="the queue",
    dead_letter_queue_url="the dead-letter queue",
    queueing="call",
)
NOTE = "results/runs/r/queued/call.json"


def _pictures(count: int) -> list[Picture]:
    return [Picture(f"decks/{number:03}.png", f"e{number}", 1) for number in range(count)]


class Stand:
    """In the place of SQS and S3: keeps what arrives, and says what a test wants of a batch."""

    def __init__(self, answer=lambda _number: {}) -> None:
        self.answer = answer
        self.requests = 0
        self.arrived: list[str] = []
        self.note: dict | None = None
        self.lock = threading.Lock()

    def perform(self, request):
        sent = request.parameters
        if request.operation == "PutObject":
            assert sent["Key"] == NOTE
            self.note = {**json.loads(sent["Body"]), "arrived": len(self.arrived)}
            return {}
        if request.operation == "HeadObject":
            if self.note is None:
                raise NotFoundError("none", operation="HeadObject")
            return {"ETag": '"e"'}
        if request.operation != "SendMessageBatch":  # of an empty queue
            return {"Attributes": {}}
        with self.lock:
            self.requests += 1
            number = self.requests
        answer = self.answer(number)
        failed = {one["Id"] for one in answer.get("Failed", [])}
        bodies = [json.loads(one["MessageBody"])["key"] for one in sent["Entries"] if one["Id"] not in failed]
        with self.lock:
            self.arrived += bodies
        return answer


def _queue_all(stand: Stand, count: int) -> Queueing:
    with Queueing(stand, JOB, _pictures(count)) as queueing:
        for thread in queueing._threads:
            thread.exception()  # waits
    return queueing


def test_pictures_are_queued_several_batches_at_once_and_noted_after_the_last():
    together = threading.Barrier(8, timeout=60)

    def eight_at_once(number):
        if number not in {1, 10}:
            together.wait()
        return {}

    stand = Stand(eight_at_once)
    queueing = _queue_all(stand, 95)
    queueing.raise_for_failure()
    assert Counter(stand.arrived) == {picture.key: 1 for picture in _pictures(95)}
    assert stand.note == {"pictures": 95, "arrived": 95}
    assert (queueing.left, queueing.total) == (0, 95)


def test_the_first_pictures_are_queued_before_the_block_begins_and_a_refusal_keeps_it_from_beginning():
    stand = Stand()
    with Queueing(stand, JOB, _pictures(3)):
        assert (stand.arrived, stand.note) == ([one.key for one in _pictures(3)], {"pictures": 3, "arrived": 3})

    def refuse(_number):
        raise AccessDeniedError("no", operation="SendMessageBatch", code="AccessDenied")

    with pytest.raises(AccessDeniedError), Queueing(Stand(refuse), JOB, _pictures(3)):
        pytest.fail("it began")


def test_what_sqs_refuses_of_a_batch_is_sent_again():
    stand = Stand(lambda number: {"Failed": [{"Id": "3"}, {"Id": "4"}]} if number == 1 else {})
    _queue_all(stand, 25).raise_for_failure()
    assert Counter(stand.arrived) == {picture.key: 1 for picture in _pictures(25)}


def test_what_sqs_fails_to_take_is_waited_for_and_nothing_else_is_sent_again():
    failed = {"Id": "3", "SenderFault": False, "Code": "InternalError"}
    stand = Stand(
        lambda number: (
            {"Failed": [failed]} if number == 1 else {"Failed": [{**failed, "Id": "0"}]} if number < 6 else {}
        )
    )
    _queue_all(stand, 10).raise_for_failure()
    assert Counter(stand.arrived) == {picture.key: 1 for picture in _pictures(10)}
    assert stand.requests == 6


def test_a_picture_that_sqs_refuses_for_what_it_is_ends_it_and_is_not_noted():
    refused = {"Id": "0", "SenderFault": True, "Code": "InvalidMessageContents", "Message": "odd characters"}
    stand = Stand(lambda number: {"Failed": [refused]} if number > 1 else {})
    with pytest.raises(AwsError, match=r"1 message\(s\) of a batch were refused: odd .* \[code InvalidMessageContents"):
        _queue_all(stand, 25).raise_for_failure()
    assert stand.note is None


def test_throttling_is_waited_out():
    def throttle(number):
        if number in {1, 3}:
            raise ThrottledError("slower", operation="SendMessageBatch", code="RequestThrottled")
        return {}

    stand = Stand(throttle)
    _queue_all(stand, 25).raise_for_failure()
    assert Counter(stand.arrived) == {picture.key: 1 for picture in _pictures(25)}


def _idle_worker(stand: Stand, **options) -> Worker:
    return Worker(attrs.evolve(JOB, visibility_timeout_s=1), clients=stand, poll_s=0, **options)


def test_a_worker_does_not_leave_an_empty_queue_that_is_still_being_filled():
    stand = Stand()
    thread = threading.Thread(target=_idle_worker(stand).run)
    thread.start()
    thread.join(1)
    assert thread.is_alive()
    stand.note = {}
    thread.join(60)
    assert not thread.is_alive()


def test_a_worker_does_not_wait_for_ever_for_who_fills_the_queue():
    """The submitting process may have been killed."""
    assert _idle_worker(Stand(), queueing_s=0.5).run().inspected == 0


@pytest.fixture
def many(moto_url, boto_session) -> Cluster:
    """The cluster of a run over 25 pictures."""
    store = boto_session.client("s3")
    store.create_bucket(Bucket="pictures")
    for number in range(25):
        store.put_object(Bucket="pictures", Key=f"decks/{number:02}.png", Body=f"ElastiCache {number}".encode())
    return Cluster("police", session=boto_session)


def _after_the_first_batch(cluster: Cluster, do) -> None:
    batches = iter(range(1_000_000))

    def hook(**_):
        if next(batches):
            do()

    cluster.clients["sqs"].meta.events.register("before-call.sqs.SendMessageBatch", hook)


def _inspect(cluster: Cluster, **options):
    options = {"results": "s3://pictures/results", "tasks": 1, "delay_s": 0.2, "timeout_s": 300, **options}
    return ecs_anywhere.inspect_on(cluster, "s3://pictures/decks/", **options)


def test_workers_work_and_stay_while_pictures_are_still_queued(many):
    """The queue runs empty in the middle, and the one worker there is finds it so."""
    ran_empty = threading.Event()
    _after_the_first_batch(many, lambda: ran_empty.wait(120))

    class Watched(Threads):
        looks = 0

        def alive(self, *, work_left):
            self.looks += self.workers[0].tally.inspected == 10
            if self.looks > 5:
                ran_empty.set()
            return super().alive(work_left=work_left)

    seen = []
    report = _inspect(many, crew=Watched, on_progress=lambda now: seen.append(now.status))
    assert ran_empty.is_set()
    assert (report.pictures, report.failures) == (25, ())
    assert "10 of 25 pictures queued, 0 in work, 1 task(s)" in seen
    assert seen[-1].startswith("25 of 25 pictures done, 0 in work, ")


def _interrupt(now) -> None:
    if "queued" in now.status:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("code", "room", "on_progress", "error"),
    [
        ("Throttling", True, _interrupt, KeyboardInterrupt),
        ("Throttling", False, None, PlacementError),
        ("AccessDenied", True, None, AccessDeniedError),
    ],
    ids=["ctrl-c", "no room", "refused"],
)
def test_what_ends_a_run_while_pictures_are_queued_ends_queueing_and_workers(many, code, room, on_progress, error):
    def fail():
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "SendMessageBatch")

    _after_the_first_batch(many, fail)
    jobs, stopped = [], []

    class Idle:
        def __init__(self, job, count) -> None:
            jobs.append(job)
            if not room:
                raise PlacementError("no room", wanted=1)

        def alive(self, *, work_left):
            return 1

        def stop(self):
            stopped.append(self)

    with pytest.raises(error) as caught:
        _inspect(many, crew=Idle, run_id="night", on_progress=on_progress)
    assert caught.value.__notes__ == ["what is done stays done; go on with run_id='night'"]
    assert len(stopped) == room
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("queueing")]
    assert depth(Clients(), jobs[0].queue_url).total == 10


@pytest.fixture
def late(fake, joined, many, monkeypatch):
    """A crew that comes up when SQS, which may say empty for a minute after messages were sent, still says so."""
    monkeypatch.setattr(draining, "SETTLES_S", 60.0)
    sent = []

    def count_late(parsed, **_):
        counts = [name for name in parsed.get("Attributes", {}) if name.startswith("Approximate")]
        if sent and fake.clock() - sent[-1] <= 55:
            parsed["Attributes"].update(dict.fromkeys(counts, "0"))

    events = joined.clients["sqs"].meta.events
    events.register("before-call.sqs.SendMessageBatch", lambda **_: sent.append(fake.clock()))
    events.register("after-call.sqs.GetQueueAttributes", count_late)

    class ComeUpLate:
        crews = 0

        def __init__(self, job, count) -> None:
            ComeUpLate.crews += 1
            self.job, self.count, self.born, self.threads = job, count, fake.clock(), None

        def alive(self, *, work_left):
            if self.threads is None and fake.clock() - self.born >= 40:
                self.threads = Threads(self.job, self.count)
            return self.count

        def stop(self):
            if self.threads is not None:
                self.threads.stop()

    return ComeUpLate


def test_an_empty_queue_is_not_believed_while_sqs_may_not_have_counted_yet(joined, late):
    """A task takes as long to come up."""
    report = _inspect(joined, crew=late, timeout_s=100_000)
    assert (report.pictures, report.failures, late.crews) == (25, (), 1)


def test_what_an_earlier_call_noted_of_a_picture_does_not_end_this_one(joined, late):
    """It failed then, and is tried again now: an empty queue is not believed because of the old note."""
    store = joined.clients["s3"]
    picture = {"Bucket": "pictures", "Key": "decks/07.png"}
    store.put_object(**picture, Body=b"ElastiCache 7", StorageClass="GLACIER")
    report = _inspect(joined, crew=Threads, run_id="r", timeout_s=100_000)
    assert [one.file for one in report.failures] == ["s3://pictures/decks/07.png"]
    store.put_object(**picture, Body=b"ElastiCache 7")
    report = _inspect(joined, crew=late, run_id="r", timeout_s=100_000)
    assert (report.pictures, report.failures, late.crews) == (25, (), 1)


def test_listing_and_merging_many_pictures_say_how_far_they_are(many, monkeypatch):
    monkeypatch.setattr(merging, "TELLS_EVERY", 10)
    seen = []
    _inspect(many, crew=Threads, on_progress=lambda now: seen.append(now.status))
    assert (seen[:2], seen[-2:]) == (["10 listed", "20 listed"], ["10 of 25 in the report", "20 of 25 in the report"])


def test_bad_moments_of_aws_at_the_end_of_a_run_do_not_end_it_without_a_report(many):
    for service, operation in (("s3", "ListObjectsV2"), ("s3", "GetObject"), ("sqs", "ReceiveMessage")):
        left = iter(range(1))

        def throttle(left=left, operation=operation, **_):
            if next(left, None) is not None:
                raise ClientError({"Error": {"Code": "SlowDown", "Message": "slower"}}, operation)

        many.clients[service].meta.events.register(f"before-call.{service}.{operation}", throttle)
    report = _inspect(many, crew=Threads)
    assert (report.pictures, report.failures) == (25, ())


def test_ctrl_c_while_the_last_note_hangs_stops_the_workers_all_the_same(many, monkeypatch):
    """Everything is done; only the note for the workers is still being written, and they wait for it."""

    def hang(self, *_error):
        raise KeyboardInterrupt

    monkeypatch.setattr(Queueing, "__exit__", hang)
    stopped = []

    class Stopped(Threads):
        def stop(self):
            stopped.append(self)
            super().stop()

    with pytest.raises(KeyboardInterrupt):
        _inspect(many, crew=Stopped)
    assert len(stopped) == 1
