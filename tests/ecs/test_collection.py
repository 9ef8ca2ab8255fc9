"""A large collection: nothing lost, nothing twice, poison named, and a second run that does only what is new."""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from pathlib import Path

import attrs
import pytest
from botocore.exceptions import ClientError
from fake_ecs import Script
from local_crew import LocalCrew
from quick_workers import Threads

from elasticache_police import ecs_anywhere
from elasticache_police._aws import Clients
from elasticache_police.ecs_anywhere import Cluster, CollectionJob, Picture, TaskSpec, Worker, _inspector, queues
from elasticache_police.ecs_anywhere import worker as worker_module
from elasticache_police.ecs_anywhere._inspector import Outcome
from elasticache_police.ecs_anywhere.collection import recipe_of
from elasticache_police.ecs_anywhere.crew import TaskCrew
from elasticache_police.ecs_anywhere.packing import directory_beside, fetch_model, packed, send_model
from elasticache_police.ecs_anywhere.queues import dead_letters, depth, enqueue, make_queues
from elasticache_police.errors import (
    AccessDeniedError,
    ConfigurationError,
    ModelFileError,
    NotFoundError,
    PlacementError,
    PoliceError,
    TaskFailedError,
)
from elasticache_police.runtime.files import PACKAGED

SPEC = TaskSpec(family="elasticache-police-inspect", image="inspector", cpu_units=256, memory_mib=256)
SOURCE, RESULTS = "s3://pictures/decks/", "s3://pictures/results"


@pytest.fixture
def s3(moto_url, boto_session):
    client = boto_session.client("s3")
    client.create_bucket(Bucket="pictures")
    return client


@pytest.fixture
def here(moto_url, fake_url, boto_session) -> Cluster:
    """The cluster with real time, for real worker processes."""
    return Cluster("police", session=boto_session)


def _put(s3, **pictures: str) -> None:
    for name, content in pictures.items():
        s3.put_object(Bucket="pictures", Key=f"decks/{name}.png", Body=content.encode())


def _report(s3, uri: str) -> dict:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def _inspect(here, **options):
    options = {"results": RESULTS, "tasks": 1, "delay_s": 0.2, "timeout_s": 1800, "crew": Threads, **options}
    return ecs_anywhere.inspect_on(here, SOURCE, SPEC, **options)


def test_every_picture_is_in_the_merged_report_once_and_in_order(s3, here):
    _put(
        s3,
        a="Amazon ElasticCache",
        b="Amazon ElastiCache",
        c="ElasticCache again",
        **{"z-copy-of-a": "Amazon ElasticCache"},
    )
    s3.put_object(Bucket="pictures", Key="decks/notes.txt", Body=b"not a picture by its name")
    s3.put_object(Bucket="pictures", Key="decks/folder/", Body=b"")
    seen = []

    report = _inspect(here, on_progress=lambda now: seen.append(now.status))

    merged = _report(s3, report.report_uri)
    assert [file["file"] for file in merged["files"]] == [
        "s3://pictures/decks/a.png",
        "s3://pictures/decks/b.png",
        "s3://pictures/decks/c.png",
        "s3://pictures/decks/z-copy-of-a.png",
    ]
    assert [file["pages"][0]["findings"][0]["verdict"] for file in merged["files"]] == [
        "misspelled",
        "correct",
        "misspelled",
        "misspelled",
    ]
    assert merged["version"] == 1
    assert merged["summary"] == {
        "files": 4,
        "unreadable": 0,
        "pages": 4,
        "findings": 4,
        "correct": 1,
        "misspelled": 3,
    }
    assert (report.pictures, report.misspelled_pictures, report.misspelled_findings) == (4, 3, 3)
    assert (report.failures, report.dead_letter_queue_url) == ((), "")
    assert "of 4 pictures done" in seen[-1]
    assert report.pictures_per_s > 0


def test_nothing_is_left_on_sqs_after_a_clean_run(s3, here, boto_session):
    _put(s3, a="ElastiCache")
    _inspect(here)
    assert boto_session.client("sqs").list_queues().get("QueueUrls", []) == []


def test_a_second_run_inspects_only_what_is_new(s3, here):
    _put(s3, a="ElastiCache", b="ElasticCache")
    _inspect(here)
    _put(s3, b="now ElastiCache", c="ElastiCache too")
    tallies = []

    report = _inspect(here, crew=lambda job, count: Threads(job, count, tally=tallies))

    assert sum(tally.inspected for tally in tallies) == 2
    assert (report.pictures, report.skipped, report.misspelled_pictures) == (3, 1, 0)


def test_another_name_is_another_recipe():
    assert recipe_of("1", ("A", "B"), "m") == recipe_of("1", ("B", "A"), "m")
    assert len({recipe_of("1", ("A",), "m"), recipe_of("2", ("A",), "m"), recipe_of("1", ("A",), "n")}) == 3


def _work(environment, _command):
    """Be a task: inspect what is in the queue."""
    Worker(
        CollectionJob.from_environment(environment), clients=Clients(), inspector="quick_inspector:make", poll_s=0
    ).run()
    return 0


def test_another_image_inspects_everything_anew(s3, fake, joined, moto_url):
    """The submitter is the same, and so is the name of the family: what runs is not."""
    _put(s3, a="ElastiCache", b="ElasticCache")

    fake.script(SPEC.family, Script(execute=_work))
    upgraded = attrs.evolve(SPEC, image="inspector:2")

    def skipped(task):
        return ecs_anywhere.inspect_on(joined, SOURCE, task, results=RESULTS, tasks=1).skipped

    assert [skipped(SPEC), skipped(SPEC.family)] == [0, 2]
    ecs_anywhere.register_task(joined, upgraded)
    assert [skipped(SPEC.family), skipped(upgraded), skipped(SPEC.family)] == [0, 2, 2]
    assert skipped(attrs.evolve(upgraded, memory_mib=512)) == 2  # the same image, in another size


def test_an_image_that_was_pushed_again_under_its_tag_inspects_everything_anew(s3, fake, joined, moto_url):
    _put(s3, a="ElastiCache", b="ElasticCache")

    class Registry:
        meta = joined.clients["ecs"].meta

        def describe_images(self, **_parameters):
            return {"imageDetails": [{"imageDigest": self.digest}]}

    registry = joined.clients._given["ecr"] = Registry()
    fake.script(SPEC.family, Script(execute=_work))
    spec = attrs.evolve(
        SPEC, image="111122223333.dkr.ecr.us-east-1.amazonaws.com/inspect:1", execution_role_arn="arn:aws:iam::1:role/e"
    )
    skipped = []
    for registry.digest in ("sha256:a", "sha256:a", "sha256:b"):
        skipped.append(ecs_anywhere.inspect_on(joined, SOURCE, spec, results=RESULTS, tasks=1).skipped)
    assert skipped == [0, 2, 0]


def test_a_model_that_was_overwritten_inspects_everything_anew(s3, here):
    _put(s3, a="ElastiCache", b="ElasticCache")
    model = {"Bucket": "pictures", "Key": "model.tar.gz"}
    skipped = []
    for content in (b"first", b"first", b"second"):
        s3.put_object(Body=content, **model)
        skipped.append(_inspect(here, model="s3://pictures/model.tar.gz").skipped)
    assert skipped == [0, 2, 0]


def test_a_model_that_may_not_be_looked_at_shares_no_results_with_another_run(s3, here):
    """Only the tasks' role may: nobody can say whether it is still the same."""
    _put(s3, a="ElastiCache")

    def refuse(params, **_):
        if "model.tar.gz" in params["url_path"]:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "HeadObject")

    here.clients["s3"].meta.events.register("before-call.s3.HeadObject", refuse)
    runs = [_inspect(here, model="s3://pictures/model.tar.gz", run_id=run) for run in ("n-1", "n-2", "n-1")]
    assert [run.skipped for run in runs] == [0, 0, 1]


def test_a_task_takes_no_other_model_than_the_run_began_with(s3, tmp_path):
    s3.put_object(Bucket="pictures", Key="model.tar.gz", Body=b"now another one")
    with pytest.raises(ModelFileError, match="was overwritten after the run began with it: run again"):
        fetch_model(Clients(), "s3://pictures/model.tar.gz", tmp_path, etag="0" * 32)


@pytest.mark.parametrize(("task", "model"), [(SPEC.family, None), (SPEC, "s3://pictures/model.tar.gz")])
def test_a_plan_that_cannot_know_the_recipe_names_none(here, task, model):
    plan = ecs_anywhere.plan_inspection(here, SOURCE, task, results=RESULTS, model=model)
    (run,) = [one for one in plan if one.operation == "RunTask"]
    assert {"name": "POLICE_RECIPE", "value": "<recipe>"} in run.parameters["overrides"]["containerOverrides"][0][
        "environment"
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("unreadable bytes", "no picture (send another one)"),
        ("crash", "the inspecting process died (signal SIGSEGV)"),
        ("broken", "ValueError: a defect of ours"),
        ("hang", "not done after 1 s"),
    ],
)
def test_poison_ends_in_the_dead_letter_queue_and_is_named(s3, here, content, reason):
    _put(s3, good="ElastiCache", poison=content, wrong="ElasticCache")

    report = _inspect(here, max_receives=2, picture_timeout_s=1)

    assert (report.pictures, report.misspelled_pictures) == (3, 1)
    (failure,) = report.failures
    assert failure.file == "s3://pictures/decks/poison.png"
    assert reason in failure.reason
    assert [file["error"] is None for file in _report(s3, report.report_uri)["files"]] == [True, False, True]
    letters = [picture.key for picture, _ in dead_letters(Clients(), report.dead_letter_queue_url)]
    assert letters == ["decks/poison.png"]


def test_more_poison_than_sqs_hands_out_at_once_is_all_named_in_one_round(s3, here, monkeypatch):
    """SQS keeps 120,000 messages in flight and then says that there are none."""
    monkeypatch.setattr(queues, "_IN_FLIGHT", 10)
    _put(s3, good="ElastiCache", **{f"poison{number:02}": f"unreadable {number}" for number in range(25)})
    crews = []

    def crew(job, count):
        crews.append(job)
        return Threads(job, count)

    report = _inspect(here, crew=crew)

    assert [failure.reason for failure in report.failures] == ["no picture (send another one)"] * 25
    assert len(crews) == 1  # nothing was taken for lost, and tried again
    assert depth(Clients(), report.dead_letter_queue_url).total == 25


def test_letters_that_come_again_before_all_are_read_end_the_reading(s3):
    """It takes longer than they stay invisible: they came again and again, for ever."""
    worker = _worker_over(s3, "again", a="unreadable", b="unreadable, too")
    worker.run()
    clients = Clients()

    def at_once(params, **_):
        params["VisibilityTimeout"] = 0

    clients["sqs"].meta.events.register("provide-client-params.sqs.ReceiveMessage", at_once)
    letters = queues.read_letters(clients, worker.job.dead_letter_queue_url)
    assert sorted(picture.key for picture in letters.reasons) == ["decks/a.png", "decks/b.png"]


def test_an_sqs_that_says_that_too_many_letters_are_out_is_no_error(s3):
    worker = _worker_over(s3, "over", a="unreadable")
    worker.run()
    clients = Clients()

    def refuse(**_):
        raise ClientError({"Error": {"Code": "OverLimit", "Message": "too many messages in flight"}}, "ReceiveMessage")

    clients["sqs"].meta.events.register("before-call.sqs.ReceiveMessage", refuse)
    letters = queues.read_letters(clients, worker.job.dead_letter_queue_url)
    assert (letters.reasons, letters.complete) == ({}, False)


def test_a_picture_that_lies_in_an_archive_is_named_and_the_others_are_done(s3, here):
    s3.put_object(Bucket="pictures", Key="decks/a.png", Body=b"ElastiCache of old", StorageClass="GLACIER")
    _put(s3, b="ElasticCache", c="ElastiCache")
    report = _inspect(here)
    assert (report.pictures, report.misspelled_pictures) == (3, 1)
    (failure,) = report.failures
    assert failure.file == "s3://pictures/decks/a.png"
    assert "S3 does not give it out: " in failure.reason
    assert "InvalidObjectState" in failure.reason


def _worker_over(s3, run_id: str, **pictures: str) -> Worker:
    """Return a worker whose queue holds these pictures in this order, and which may not read those called secret."""
    _put(s3, **pictures)
    clients = Clients()
    queues = make_queues(Cluster("police"), run_id, visibility_timeout_s=60, max_receives=5, tags={})
    job = CollectionJob(
        source=SOURCE,
        results=RESULTS,
        run_id=run_id,
        recipe="r",
        queue_url=queues.url,
        dead_letter_queue_url=queues.dead_letter_url,
    )
    for name, content in pictures.items():
        etag = s3.head_object(Bucket="pictures", Key=f"decks/{name}.png")["ETag"].strip('"')
        enqueue(clients, queues.url, [Picture(f"decks/{name}.png", etag, len(content))])

    def refuse(params, **_):
        if "secret" in params["url_path"]:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "kms:Decrypt"}}, "GetObject")

    clients["s3"].meta.events.register("before-call.s3.GetObject", refuse)
    return Worker(job, clients=clients, inspector="quick_inspector:make", poll_s=0)


def test_one_picture_that_may_not_be_read_is_named_and_the_others_are_done(s3):
    worker = _worker_over(s3, "one", a="ElastiCache", secret="ElastiCache!", z="ElasticCache")
    tally = worker.run()
    assert (tally.inspected, tally.unreadable) == (2, 1)
    ((picture, reason),) = dead_letters(Clients(), worker.job.dead_letter_queue_url)
    assert picture.key == "decks/secret.png"
    assert "kms:Decrypt [code AccessDenied]" in reason


def test_a_worker_that_may_read_nothing_says_so_and_buries_nothing(s3):
    worker = _worker_over(s3, "none", secret="ElastiCache", secret2="ElastiCache!")
    with pytest.raises(AccessDeniedError, match="kms:Decrypt"):
        worker.run()
    assert dead_letters(Clients(), worker.job.dead_letter_queue_url) == []
    assert depth(Clients(), worker.job.queue_url).total == 2


def test_a_model_that_is_good_for_no_picture_ends_the_worker_and_blames_none(s3):
    """It did blame each: a million of them, after three tries."""
    worker = _worker_over(s3, "unfit", a="unfit model", b="unfit as well")
    with pytest.raises(PoliceError, match="no picture can be inspected: half of it is missing"):
        worker.run()
    assert dead_letters(Clients(), worker.job.dead_letter_queue_url) == []
    assert depth(Clients(), worker.job.queue_url).total == 2


def test_a_bad_moment_of_s3_costs_no_picture_a_try(s3):
    """Throttling and broken connections are waited out with the picture in hand."""
    worker = _worker_over(s3, "minute", a="ElastiCache")
    left = [2]

    def stumble(**_):
        if left[0]:
            left[0] -= 1
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "Reduce your request rate"}}, "GetObject")

    worker._clients["s3"].meta.events.register("before-call.s3.GetObject", stumble)
    assert worker.run().inspected == 1
    assert left == [0]


def test_a_reason_with_characters_that_sqs_refuses_still_arrives(s3):
    worker = _worker_over(s3, "odd", odd="unreadable bytes")
    worker._sandbox.inspect = lambda picture, source: Outcome(reason="bad \x00 chunk \ud800 \x1b[31m", final=True)
    assert worker.run().unreadable == 1
    ((_, reason),) = dead_letters(Clients(), worker.job.dead_letter_queue_url)
    assert reason == "bad \N{REPLACEMENT CHARACTER} chunk \N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}[31m"


def test_a_report_is_not_lost_because_a_queue_cannot_be_deleted(s3, here):
    _put(s3, a="ElasticCache")

    def refuse(**_):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DeleteQueue")

    here.clients["sqs"].meta.events.register("before-call.sqs.DeleteQueue", refuse)
    report = _inspect(here)
    assert report.misspelled_pictures == 1
    assert [line.split(": ", 1)[1] for line in report.left_behind] == ["DeleteQueue: no [code AccessDenied]"] * 2


def test_queues_that_are_half_made_are_named_with_how_to_go_on(s3, here):
    _put(s3, a="ElasticCache")

    def refuse(**_):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetQueueAttributes")

    here.clients["sqs"].meta.events.register("before-call.sqs.GetQueueAttributes", refuse)
    with pytest.raises(AccessDeniedError) as caught:
        _inspect(here, run_id="half")
    assert caught.value.__notes__ == ["what is done stays done; go on with run_id='half'"]


def test_a_picture_that_vanished_is_reported_and_not_retried(s3, here, boto_session):
    _put(s3, a="ElastiCache", b="ElastiCache too")

    def crew(job, count):
        s3.delete_object(Bucket="pictures", Key="decks/b.png")
        return Threads(job, count)

    report = _inspect(here, crew=crew)
    assert [(one.file, one.reason) for one in report.failures] == [
        ("s3://pictures/decks/b.png", "deleted or changed since the run listed it: run again")
    ]
    assert report.dead_letter_queue_url == ""  # for nobody's letter is dead
    assert boto_session.client("sqs").list_queues().get("QueueUrls", []) == []


def test_killed_workers_lose_nothing_and_duplicate_nothing(s3, here):
    """Ten SIGKILLs at seeded moments; `benchmarks/collection.py --kills 100` does a hundred."""
    wanted = {}
    for number in range(40):
        word = "ElasticCache" if number % 3 == 0 else "ElastiCache"
        wanted[f"s3://pictures/decks/p{number:02}.png"] = f"slow {word} {number}"
        _put(s3, **{f"p{number:02}": f"slow {word} {number}"})
    crews = []

    def crew(job, count):
        crews.append(LocalCrew(job, count, kills=10, seed=7))
        return crews[-1]

    report = _inspect(here, tasks=2, crew=crew, visibility_timeout_s=2)

    files = _report(s3, report.report_uri)["files"]
    read = [(file["file"], file["pages"][0]["findings"][0]["reading"]) for file in files]
    assert read == sorted(wanted.items())
    assert report.failures == ()
    assert report.misspelled_pictures == 14
    assert sum(one.killed for one in crews) > 0


class Killed(Threads):
    """Workers that come after others which took the picture as often as it is handed out, and were killed each time."""

    def __init__(self, job, count) -> None:
        sqs = Clients()["sqs"]
        for _ in range(3):
            while not sqs.receive_message(QueueUrl=job.queue_url, VisibilityTimeout=1).get("Messages"):
                time.sleep(0.1)
        super().__init__(job, count)


def test_a_picture_whose_workers_were_killed_is_not_called_poison(s3, here, boto_session):
    """Three deaths with nothing noted say nothing about the picture: it comes again in the next round."""
    _put(s3, good="ElasticCache")
    crews = iter([Killed, Killed, Threads])

    def crew(job, count):
        return next(crews)(job, count)

    report = _inspect(here, crew=crew)

    assert (report.misspelled_pictures, report.failures, report.dead_letter_queue_url) == (1, (), "")
    assert boto_session.client("sqs").list_queues().get("QueueUrls", []) == []


def test_a_picture_that_no_worker_ever_outlives_is_given_up_and_the_reason_says_so(s3, here):
    _put(s3, good="ElastiCache")
    report = _inspect(here, crew=Killed)
    (failure,) = report.failures
    assert failure.reason.startswith("every task that took it ended without a word, in round after round")
    ((picture, reason),) = dead_letters(Clients(), report.dead_letter_queue_url)
    assert (picture.key, reason) == ("decks/good.png", "")


def test_a_copy_stands_in_for_a_picture_that_vanished(s3, here):
    _put(s3, a="ElasticCache", b="ElasticCache", c="ElasticCache")

    class LosesTwo(Threads):
        def __init__(self, job, count) -> None:
            for name in ("a", "b"):
                s3.delete_object(Bucket="pictures", Key=f"decks/{name}.png")
            super().__init__(job, count)

    report = _inspect(here, crew=LosesTwo)
    assert (report.misspelled_pictures, report.failures) == (3, ())


def test_a_copy_stands_in_for_a_picture_that_s3_does_not_give_out(s3, here, boto_session):
    s3.put_object(Bucket="pictures", Key="decks/b.png", Body=b"ElasticCache", StorageClass="GLACIER")
    _put(s3, a="ElastiCache", c="ElasticCache")
    report = _inspect(here)
    assert (report.misspelled_pictures, report.failures, report.dead_letter_queue_url) == (2, (), "")
    assert boto_session.client("sqs").list_queues().get("QueueUrls", []) == []


def test_copies_of_which_none_can_be_had_are_each_named_with_their_own_reason(s3, here):
    s3.put_object(Bucket="pictures", Key="decks/b.png", Body=b"ElasticCache", StorageClass="GLACIER")
    _put(s3, a="ElastiCache", c="ElasticCache")

    class Loses(Threads):
        def __init__(self, job, count) -> None:
            s3.delete_object(Bucket="pictures", Key="decks/c.png")
            super().__init__(job, count)

    report = _inspect(here, crew=Loses)
    assert [one.file[-5:] for one in report.failures] == ["b.png", "c.png"]
    assert "InvalidObjectState" in report.failures[0].reason
    assert report.failures[1].reason == "deleted or changed since the run listed it: run again"
    letters = [picture.key for picture, _ in dead_letters(Clients(), report.dead_letter_queue_url)]
    assert letters == ["decks/b.png"]


def test_an_interrupted_run_goes_on_under_its_id(s3, here, boto_session):
    _put(s3, a="ElastiCache", b="ElasticCache")

    class Nobody:
        def __init__(self, job, count) -> None:
            pass

        def alive(self, *, work_left):
            raise KeyboardInterrupt

        def stop(self) -> None:
            pass

    with pytest.raises(KeyboardInterrupt):
        _inspect(here, run_id="night-1", crew=Nobody)
    (url, _) = sorted(boto_session.client("sqs").list_queues()["QueueUrls"], key=len)
    assert depth(Clients(), url).total == 2

    report = _inspect(here, run_id="night-1")

    assert (report.run_id, report.pictures, report.failures) == ("night-1", 2, ())
    assert boto_session.client("sqs").list_queues().get("QueueUrls", []) == []


def test_going_on_after_the_submitter_was_killed_takes_over_the_tasks_it_left(s3, fake, joined, moto_url):
    """They fill the machine, so others would find no room."""
    _put(s3, a="ElastiCache", b="ElasticCache")
    spec = attrs.evolve(SPEC, memory_mib=8_000)
    go = threading.Event()

    def work(environment, _command):
        go.wait(60)
        job = CollectionJob.from_environment(environment)
        Worker(job, clients=Clients(), inspector="quick_inspector:make", poll_s=0).run()
        return 0

    def interrupt(_now):
        raise KeyboardInterrupt

    fake.script(SPEC.family, Script(execute=work))
    fake.fails("StopTask", "AccessDeniedException", "in the place of SIGKILL")
    with pytest.raises(KeyboardInterrupt):
        ecs_anywhere.inspect_on(joined, SOURCE, spec, results=RESULTS, tasks=1, run_id="k", on_progress=interrupt)
    report = ecs_anywhere.inspect_on(
        joined, SOURCE, spec, results=RESULTS, tasks=2, run_id="k", on_progress=lambda _now: go.set()
    )
    assert (report.pictures, report.misspelled_pictures, report.failures) == (2, 1, ())
    assert len(fake.tasks) == 1


def test_tasks_of_the_run_that_file_results_elsewhere_are_stopped_and_those_of_other_runs_are_not(fake, joined):
    fake.script(SPEC.family, Script(runs=1000))
    task = ecs_anywhere.register_task(joined, SPEC)

    def crew(run_id, recipe, task=task):
        job = CollectionJob(
            source=SOURCE, results=RESULTS, run_id=run_id, recipe=recipe, queue_url="q", dead_letter_queue_url="d"
        )
        return TaskCrew(joined, task, job, 1)

    for of_a_call in (("r", "old"), ("other", "old"), ("r", "new"), ("r", "new")):
        crew(*of_a_call)
    assert [task.stop_asked for task in fake.tasks.values()] == [True, False, False]
    large = ecs_anywhere.register_task(joined, attrs.evolve(SPEC, family="large", memory_mib=7_000))
    crew("full", "old", large)
    waits = crew("full", "new", large)  # no room until the other has ended
    for _ in range(3):
        fake.tick()
        alive = waits.alive(work_left=1)
    assert alive == 1


def test_the_work_runs_as_tasks_of_the_cluster(s3, fake, joined, moto_url):
    """The same through RunTask: N tasks get the job in their environment, and a task that dies is replaced."""
    _put(s3, a="ElastiCache", b="ElasticCache", c="ElastiCache!")
    environments = []

    def work(environment, command):
        environments.append((environment, command))
        job = CollectionJob.from_environment(environment)
        if len(environments) == 1:
            return 137
        worker = Worker(job, clients=Clients(), inspector="quick_inspector:make", poll_s=0)
        worker.run()
        return 0

    fake.script(SPEC.family, Script(execute=work))

    report = ecs_anywhere.inspect_on(joined, SOURCE, SPEC, results=RESULTS, tasks=2)

    assert (report.pictures, report.misspelled_pictures, report.failures) == (3, 1, ())
    assert len(environments) == 3
    environment, command = environments[0]
    assert command == ["ecs", "work"]
    assert environment["POLICE_SOURCE"] == SOURCE


def test_tasks_that_always_die_end_the_run_with_the_reason(s3, fake, joined, moto_url):
    _put(s3, a="ElastiCache")
    fake.script(SPEC.family, Script(runs=1, exit_code=1))
    with pytest.raises(TaskFailedError, match="look at the tasks' logs"):
        ecs_anywhere.inspect_on(joined, SOURCE, SPEC, results=RESULTS, tasks=1)


def test_the_last_task_says_why_they_all_died(s3, fake, joined, moto_url):
    _put(s3, a="ElastiCache")
    spec = attrs.evolve(SPEC, log_group="/ecs/test", execution_role_arn="arn:aws:iam::111122223333:role/police")
    fake.script(SPEC.family, Script(runs=2, exit_code=2, log=["worker: GetObject: Access Denied [code AccessDenied]"]))
    with pytest.raises(TaskFailedError, match=r"exit code 2\n  worker: GetObject: Access Denied") as caught:
        ecs_anywhere.inspect_on(joined, SOURCE, spec, results=RESULTS, tasks=1, run_id="night-2")
    assert caught.value.__notes__ == ["what is done stays done; go on with run_id='night-2'"]


def test_an_inspector_that_nobody_registered_is_named_before_queues_are_made(s3, joined, moto_url, boto_session):
    _put(s3, a="ElastiCache")
    with pytest.raises(NotFoundError, match="with: elasticache-police ecs register-inspector police --image"):
        ecs_anywhere.inspect_on(joined, SOURCE, results=RESULTS)
    assert boto_session.client("sqs").list_queues().get("QueueUrls", []) == []


def test_no_room_for_a_single_task_says_how_to_go_on(s3, fake, joined, moto_url):
    _put(s3, a="ElastiCache")
    with pytest.raises(PlacementError, match="RESOURCE:MEMORY") as caught:
        ecs_anywhere.inspect_on(joined, SOURCE, attrs.evolve(SPEC, memory_mib=99_999), results=RESULTS, run_id="r-3")
    assert caught.value.__notes__ == ["what is done stays done; go on with run_id='r-3'"]


def test_tasks_of_another_run_that_leave_no_room_are_named(s3, fake, joined, moto_url):
    """Those of a killed submitter: who just begins again finds the machines full."""
    _put(s3, a="ElastiCache")
    fake.script(SPEC.family, Script(runs=1000))
    task = ecs_anywhere.register_task(joined, attrs.evolve(SPEC, memory_mib=8_000))
    killed = CollectionJob(
        source=SOURCE, results=RESULTS, run_id="killed", recipe="c", queue_url="q", dead_letter_queue_url="d"
    )
    TaskCrew(joined, task, killed, 1)
    with pytest.raises(PlacementError) as caught:
        ecs_anywhere.inspect_on(joined, SOURCE, task, results=RESULTS, run_id="new")
    assert caught.value.__notes__ == [
        "tasks of run killed are at work: wait for their end, or go on with that run",
        "what is done stays done; go on with run_id='new'",
    ]


def test_going_on_at_once_after_ctrl_c_waits_for_the_end_of_the_tasks_that_were_stopped(s3, fake, joined, moto_url):
    """They fill the machines until they have ended, which takes as long as the picture in hand."""
    _put(s3, a="ElastiCache")
    spec = attrs.evolve(SPEC, memory_mib=8_000)
    ends = threading.Event()

    def interrupt(_now):
        raise KeyboardInterrupt

    def end_it(now):
        if "0 task(s)" in now.status:
            ends.set()

    fake.script(SPEC.family, Script(execute=lambda *_: ends.wait(300) and 143), Script(execute=_work))
    with pytest.raises(KeyboardInterrupt):
        ecs_anywhere.inspect_on(joined, SOURCE, spec, results=RESULTS, tasks=1, run_id="k", on_progress=interrupt)
    report = ecs_anywhere.inspect_on(joined, SOURCE, spec, results=RESULTS, tasks=1, run_id="k", on_progress=end_it)
    assert (report.pictures, report.failures, len(fake.tasks)) == (1, (), 2)


def test_a_task_that_ecs_has_forgotten_is_replaced(s3, fake, joined, moto_url):
    """A submitter that slept for hours finds its tasks neither running nor stopped: ECS forgets the stopped ones."""
    _put(s3, a="ElastiCache")
    fake.script(SPEC.family, Script(runs=1000))
    job = CollectionJob(
        source=SOURCE, results=RESULTS, run_id="r", recipe="c", queue_url="q", dead_letter_queue_url="d"
    )
    tasks = TaskCrew(joined, SPEC, job, 1)
    assert (tasks.alive(work_left=True), len(fake.tasks)) == (1, 1)
    fake.tasks.clear()
    began = fake.clock()
    while fake.clock() - began <= 60:
        assert (tasks.alive(work_left=True), len(fake.tasks)) == (1, 0)
        fake.tick()
    fake.tick()
    assert tasks.alive(work_left=True) == 1
    assert len(fake.tasks) == 1


def test_a_task_that_ecs_does_not_know_for_a_moment_is_not_replaced(fake, joined):
    fake.script(SPEC.family, Script(runs=1000))
    tasks = _crew(joined, 2)
    for known in (True, False, True, False, False, True):
        fake.tick()
        fake.unknown = set() if known else set(fake.tasks)
        assert (tasks.alive(work_left=True), len(fake.tasks)) == (2, 2)


def test_a_task_that_ecs_took_for_forgotten_is_stopped_in_the_end_all_the_same(fake, joined):
    fake.script(SPEC.family, Script(runs=1000))
    tasks = _crew(joined, 1)
    (first,) = fake.tasks.values()
    fake.unknown = {first.arn}
    while len(fake.tasks) == 1:
        fake.tick()
        tasks.alive(work_left=True)
    assert tasks.stop() == ()
    assert all(task.stop_asked for task in fake.tasks.values())


def test_tasks_that_cannot_be_stopped_after_ctrl_c_are_named(s3, fake, joined, moto_url):
    _put(s3, a="ElastiCache", b="ElastiCache!")
    fake.script(SPEC.family, Script(runs=1000))
    fake.fails("StopTask", "AccessDeniedException", "no")

    def interrupt(_now):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        ecs_anywhere.inspect_on(joined, SOURCE, SPEC, results=RESULTS, tasks=2, run_id="c", on_progress=interrupt)
    first, second = fake.tasks
    assert [fake.tasks[arn].stop_asked for arn in (first, second)] == [False, True]
    assert caught.value.__notes__[0].startswith(f"goes on working, for it could not be stopped: task {first}: StopTask")
    assert caught.value.__notes__[1:] == ["what is done stays done; go on with run_id='c'"]


def _crew(cluster, count, **changes) -> TaskCrew:
    job = CollectionJob(
        source=SOURCE, results=RESULTS, run_id="r", recipe="c", queue_url="q", dead_letter_queue_url="d"
    )
    return TaskCrew(cluster, attrs.evolve(SPEC, **changes), job, count)


def test_tasks_that_never_found_room_do_not_use_up_the_replacements(fake, joined):
    """16 asked for and room for one, all night: when that one dies it is replaced."""
    fake.script(SPEC.family, Script(runs=1000))
    tasks = _crew(joined, 4, memory_mib=5000)
    for _ in range(30):
        fake.tick()
        assert tasks.alive(work_left=True) == 1
    (first,) = fake.tasks.values()
    first.stop_asked = True
    fake.tick()
    assert tasks.alive(work_left=True) == 1
    assert len(fake.tasks) == 2


def test_tasks_that_die_are_replaced_for_as_long_as_pictures_get_done(fake, joined):
    """A machine that kills a task every few minutes, all night, ends no run; tasks that do nothing do."""
    fake.script(SPEC.family, Script(runs=1))
    tasks = _crew(joined, 1)
    for left in range(100, 80, -1):
        fake.tick()
        assert tasks.alive(work_left=left) == 1
    for _ in range(2):
        fake.tick()
        assert tasks.alive(work_left=81) == 1
    fake.tick()
    with pytest.raises(TaskFailedError):
        tasks.alive(work_left=81)


def test_machines_that_are_away_for_minutes_do_not_end_the_run(fake, joined):
    fake.script(SPEC.family, Script(runs=1), Script(runs=1000))
    tasks = _crew(joined, 1)
    fake.tick()
    (machine,) = fake.machines
    machine.connected = False
    for _ in range(60):  # five minutes
        fake.tick()
        assert tasks.alive(work_left=True) == 0
    machine.connected = True
    assert tasks.alive(work_left=True) == 1


def test_a_task_whose_machine_was_switched_off_is_replaced_and_stopped_in_the_end(fake, joined):
    """ECS says of it that it runs, for as long as the machine is away."""
    fake.script(SPEC.family, Script(runs=10_000))
    tasks = _crew(joined, 1)
    fake.tick()
    (off,) = fake.machines
    activation = ecs_anywhere.create_activation(joined)
    fake.joins(activation.activation_id, activation.code)
    off.connected = False
    began = fake.clock()
    while fake.clock() - began <= 600:  # it may well work on without the connection
        assert tasks.alive(work_left=True) == 1
        assert len(fake.tasks) == 1
        fake.tick()
    fake.tick()
    assert tasks.alive(work_left=True) == 2
    assert [task.machine is off for task in fake.tasks.values()] == [True, False]
    for _ in range(300):
        fake.tick()
        assert tasks.alive(work_left=True) == 2
    assert tasks.stop() == ()
    assert all(task.stop_asked for task in fake.tasks.values())


def test_machines_that_stay_away_end_the_run_with_the_reason(fake, joined):
    fake.script(SPEC.family, Script(runs=1))
    tasks = _crew(joined, 1)
    fake.tick()
    fake.machines[0].connected = False
    began = fake.clock()
    while fake.clock() - began <= 600:
        fake.tick()
        assert tasks.alive(work_left=True) == 0
    fake.tick()
    with pytest.raises(PlacementError, match="no machine's agent is connected"):
        tasks.alive(work_left=True)


def test_a_packed_model_that_is_not_there_is_refused_before_tasks_start(s3, fake, joined, moto_url):
    _put(s3, a="ElastiCache")
    with pytest.raises(ModelFileError, match=r"no packed model at s3://pictures/no-model.tar.gz"):
        ecs_anywhere.inspect_on(joined, SOURCE, SPEC, results=RESULTS, model="s3://pictures/no-model.tar.gz")
    assert fake.tasks == {}


def test_a_model_archive_that_was_cut_off_is_no_model(s3, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "weights.npz").write_bytes(bytes(range(256)) * 64)
    uri = send_model(Clients(), str(folder), RESULTS)
    key = uri.removeprefix("s3://pictures/")
    whole = s3.get_object(Bucket="pictures", Key=key)["Body"].read()
    s3.put_object(Bucket="pictures", Key=key, Body=whole[: len(whole) // 2])
    with pytest.raises(ModelFileError, match="is no model archive"):
        fetch_model(Clients(), uri, tmp_path / "there")


@pytest.mark.parametrize("plan", [True, False])
def test_a_directory_that_holds_no_model_is_refused_beforehand(here, tmp_path, plan):
    (tmp_path / "finder.onnx").write_bytes(b"weights")
    inspect = ecs_anywhere.plan_inspection if plan else ecs_anywhere.inspect_on
    with pytest.raises(ModelFileError, match=r"holds no model's directory.*config\.json is missing"):
        inspect(here, SOURCE, SPEC, model=str(tmp_path))


def test_a_task_says_that_an_archive_for_sagemaker_inspects_nothing(s3, tmp_path):
    """The one that `ecs train --out` names; the other one that a training leaves is taken."""
    job = CollectionJob(
        source=SOURCE, results=RESULTS, run_id="r", recipe="r", queue_url="q", dead_letter_queue_url="d"
    )
    (tmp_path / "saved" / "1").mkdir(parents=True)
    (tmp_path / "saved" / "1" / "saved_model.pb").write_bytes(b"graph")
    for folder, name in ((tmp_path / "saved", "model.tar.gz"), (PACKAGED, "model.directory.tar.gz")):
        s3.put_object(Bucket="pictures", Key=f"m/{name}", Body=packed(folder))
    archive = attrs.evolve(job, model="s3://pictures/m/model.tar.gz")
    with pytest.raises(ModelFileError, match=r"s3://pictures/m/model.tar.gz holds no .* \.directory\.tar\.gz does"):
        worker_module._model(Clients(), archive, tmp_path / "a")
    directory = attrs.evolve(job, model=directory_beside(archive.model))
    folder = worker_module._model(Clients(), directory, tmp_path / "b")
    assert Path(folder, "config.json").read_bytes() == (PACKAGED / "config.json").read_bytes()


def test_an_empty_prefix_is_an_error(s3, here):
    with pytest.raises(ConfigurationError, match="no pictures below s3://pictures/decks/"):
        _inspect(here)


@pytest.mark.parametrize("results", ["s3://pictures", "results", "s3://pictures/"])
def test_results_need_a_prefix_in_s3(here, results):
    with pytest.raises(ConfigurationError):
        _inspect(here, results=results)


def test_results_are_never_taken_for_pictures(s3, here):
    _put(s3, a="ElastiCache")
    s3.put_object(Bucket="pictures", Key="decks/out/results/x.png", Body=b"ElastiCache")
    report = _inspect(here, results="s3://pictures/decks/out")
    assert report.pictures == 1


def test_the_plan_names_every_call(here):
    plan = ecs_anywhere.plan_inspection(here, SOURCE, SPEC, results=RESULTS, tasks=12)
    assert [f"{one.service}:{one.operation}" for one in plan] == [
        "ecs:RegisterTaskDefinition",
        "s3:ListObjectsV2",
        "s3:PutObject",
        "sqs:CreateQueue",
        "sqs:CreateQueue",
        "sqs:SendMessageBatch",
        "ecs:RunTask",
        "ecs:RunTask",
        "sqs:SendMessageBatch",
        "s3:PutObject",
        "ecs:StopTask",
        "sqs:ReceiveMessage",
        "sqs:DeleteMessageBatch",
        "sqs:ChangeMessageVisibilityBatch",
        "s3:PutObject",
        "sqs:DeleteQueue",
        "sqs:DeleteQueue",
    ]


def test_the_plan_runs_tasks_as_they_are_run(s3, fake, joined, moto_url):
    _put(s3, a="ElastiCache")
    choices = {"results": RESULTS, "names": ("GitHub",), "model": str(PACKAGED), "min_confidence": 0.9}
    _registered, sent, *_rest = plan = ecs_anywhere.plan_inspection(joined, SOURCE, SPEC, run_id="r-9", **choices)
    fake.script(SPEC.family, Script(runs=1000))

    def interrupt(_now):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ecs_anywhere.inspect_on(joined, SOURCE, SPEC, run_id="r-9", on_progress=interrupt, **choices)
    (run,) = [one for one in plan if one.operation == "RunTask"]
    (override,) = run.parameters["overrides"]["containerOverrides"]
    planned = {pair["name"]: pair["value"] for pair in override["environment"]}
    (task,) = fake.tasks.values()
    assert planned.keys() == task.environment.keys()
    assert [tag["key"] for tag in run.parameters["tags"]] == [tag["key"] for tag in task.tags]
    assert {name for name in planned if planned[name] != task.environment[name]} == {
        "POLICE_QUEUE_URL", "POLICE_DEAD_LETTER_QUEUE_URL", "POLICE_QUEUEING",
    }  # fmt: skip
    assert s3.head_object(Bucket=sent.parameters["Bucket"], Key=sent.parameters["Key"])


def test_the_job_travels_through_the_environment_unchanged():
    job = CollectionJob(
        source=SOURCE,
        results=RESULTS,
        run_id="r",
        recipe="c",
        queue_url="https://q",
        dead_letter_queue_url="https://d",
        names=("ElastiCache", "日本"),
        model="s3://m/model.tar.gz",
        visibility_timeout_s=7,
        picture_timeout_s=1.5,
        queueing="q1",
    )
    assert CollectionJob.from_environment(job.to_environment()) == job
    with pytest.raises(ConfigurationError, match="POLICE_QUEUE_URL"):
        CollectionJob.from_environment({**job.to_environment(), "POLICE_QUEUE_URL": ""})


def _unknown_for_a_moment(client, operation: str) -> list[int]:
    """Let SQS not know the queue at the first two requests of an operation; return how often it will say so yet."""
    left = [2]

    def unknown(**_):
        if left[0]:
            left[0] -= 1
            code = "AWS.SimpleQueueService.NonExistentQueue"
            raise ClientError({"Error": {"Code": code, "Message": "The specified queue does not exist."}}, operation)

    client.meta.events.register(f"before-call.sqs.{operation}", unknown)
    return left


def test_queues_that_sqs_does_not_know_yet_are_waited_for(s3, cluster):
    left = _unknown_for_a_moment(cluster.clients["sqs"], "GetQueueAttributes")
    queues = make_queues(cluster, "young", visibility_timeout_s=30, max_receives=3, tags={})
    assert (left, depth(cluster.clients, queues.url).total) == ([0], 0)


def test_a_run_that_ended_a_moment_ago_goes_on_once_sqs_makes_its_queues_again(s3, fake, joined, moto_url):
    """SQS makes no queue of the name of one that was deleted within the last 60 seconds."""
    _put(s3, a="ElastiCache")
    free_at = fake.clock() + 60

    def refuse(**_):
        if fake.clock() < free_at:
            code = "AWS.SimpleQueueService.QueueDeletedRecently"
            raise ClientError({"Error": {"Code": code, "Message": "You must wait 60 seconds"}}, "CreateQueue")

    joined.clients["sqs"].meta.events.register("before-call.sqs.CreateQueue", refuse)
    seen = []
    report = _inspect(joined, run_id="again", on_progress=lambda now: seen.append((now.waited_for, now.status)))
    assert (report.pictures, report.failures) == (1, ())
    waited_for, status = seen[0]
    assert waited_for == "SQS to make the run's queues"
    assert status.startswith("refused (CreateQueue: You must wait 60 seconds ")
    assert not [now for now in seen if now[1] == "made"]


def test_a_worker_gives_a_new_queue_time_to_be_known(s3):
    worker = _worker_over(s3, "new", a="ElastiCache")
    left = _unknown_for_a_moment(worker._clients["sqs"], "ReceiveMessage")
    assert worker.run().inspected == 1
    assert left == [0]


def test_a_worker_whose_queue_is_taken_away_ends_quietly(s3):
    worker = _worker_over(s3, "over", a="ElastiCache")
    inspect = worker._sandbox.inspect

    def last(picture, source):
        worker._clients["sqs"].delete_queue(QueueUrl=worker.job.queue_url)
        return inspect(picture, source)

    worker._sandbox.inspect = last
    assert worker.run().inspected == 1


def test_a_slow_picture_is_not_handed_out_twice(s3, here):
    """The message stays invisible for as long as its picture is in work, beyond the visibility timeout."""
    _put(s3, a="hang for a while")
    tallies = []

    def crew(job, count):
        return Threads(job, 2, tally=tallies)

    began = time.monotonic()
    report = _inspect(here, crew=crew, visibility_timeout_s=5, picture_timeout_s=8, max_receives=1)
    assert time.monotonic() - began >= 8
    assert [tally.returned for tally in tallies] in ([1, 0], [0, 1])
    assert len(report.failures) == 1


def test_a_worker_survives_that_its_message_was_handed_to_another(s3, here):
    """A machine that slept longer than the visibility timeout finds its receipt worthless, and goes on."""
    _put(s3, a="crash")
    clients = Clients()
    queues = make_queues(here, "asleep", visibility_timeout_s=60, max_receives=5, tags={})
    job = CollectionJob(
        source=SOURCE,
        results=RESULTS,
        run_id="asleep",
        recipe="r",
        queue_url=queues.url,
        dead_letter_queue_url=queues.dead_letter_url,
    )
    etag = s3.head_object(Bucket="pictures", Key="decks/a.png")["ETag"].strip('"')
    enqueue(clients, queues.url, [Picture("decks/a.png", etag, 5)])
    worker = Worker(job, clients=clients, inspector="quick_inspector:make", poll_s=0)
    (message,) = worker._receive()
    worker._sqs("ChangeMessageVisibility", ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)

    worker._take(message)
    worker._sandbox.close()

    assert worker.tally.returned == 1
    assert depth(clients, queues.url).total == 1


def test_an_inspecting_process_whose_worker_was_killed_ends_without_a_traceback(monkeypatch):
    monkeypatch.setattr(_inspector.signal, "signal", lambda *_: None)  # this process stays as it is
    ours, theirs = multiprocessing.Pipe()
    ours.close()
    assert _inspector._serve(theirs, "quick_inspector:make", (), None, None) is None


def test_a_models_directory_travels_to_the_workers_unchanged(s3, tmp_path):
    (tmp_path / "mine" / "deep").mkdir(parents=True)
    (tmp_path / "mine" / "deep" / "weights.bin").write_bytes(b"weights")
    clients = Clients()
    uri = send_model(clients, str(tmp_path / "mine"), RESULTS)
    assert send_model(clients, str(tmp_path / "mine"), RESULTS) == uri  # named after the content
    assert send_model(clients, "s3://else/where.tar.gz", RESULTS) == "s3://else/where.tar.gz"
    folder = fetch_model(clients, uri, tmp_path / "there")
    assert Path(folder, "deep", "weights.bin").read_bytes() == b"weights"
    with pytest.raises(ModelFileError, match="no model directory"):
        send_model(clients, str(tmp_path / "none"), RESULTS)
