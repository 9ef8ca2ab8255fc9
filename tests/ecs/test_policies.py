"""The policies of an inspection, compared with the calls that its two sides really make."""

from __future__ import annotations

import fnmatch
import threading

import boto3
import pytest

from elasticache_police import ecs_anywhere
from elasticache_police._aws import Clients
from elasticache_police.ecs_anywhere import Cluster, Worker
from elasticache_police.ecs_anywhere.packing import etag_of_model, fetch_model, send_model
from elasticache_police.ecs_anywhere.roles import policy

ALSO = {
    "HeadObject": "GetObject",
    "ListObjectsV2": "ListBucket",
    "SendMessageBatch": "SendMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
}
"""Calls that IAM knows under another name."""
UNSEEN = {
    "ecs-inspect": {
        ("s3:AbortMultipartUpload", "results"),  # of a report that is sent in parts
        ("sqs:TagQueue", "queues"),  # by CreateQueue with tags
        ("sqs:DeleteMessage", "queues"),  # of letters whose pictures are tried again
    },
    "ecs-inspect-task-role": {
        ("s3:ListBucket", "bucket"),  # without it S3 says Forbidden of a result that is not there yet
    },
}
"""What is needed besides the calls of the run below."""


class _OneThread:
    def __init__(self, job, clients: Clients) -> None:
        self.worker = Worker(job, clients=clients, inspector="quick_inspector:make", poll_s=0, idle_polls=2)
        self.thread = threading.Thread(target=self.worker.run)
        self.thread.start()

    def alive(self, *, work_left: int) -> int:
        return int(self.thread.is_alive())

    def stop(self) -> None:
        self.worker.stop()
        self.thread.join()


def _place(key: str) -> str:
    return "results" if key.startswith("results") else "data"


def _noting(calls: set[tuple[str, str]]) -> boto3.session.Session:
    """Return a session whose clients note what they are asked for, as action and place."""
    session = boto3.session.Session(region_name="us-east-1")

    def note(params, model, **_) -> None:
        service = model.service_model.service_name
        where = "queues" if service == "sqs" else _place(params["Key"]) if "Key" in params else "bucket"
        calls.add((f"{service}:{ALSO.get(model.name, model.name)}", where))

    session.events.register("before-parameter-build", note)
    return session


def _granted(operation: str) -> set[tuple[str, str]]:
    """Return what a policy allows on S3 and SQS, as action and place."""
    document = policy(operation, bucket="pictures", data_prefix="decks/", results_prefix="results/")
    places = {"arn:aws:s3:::pictures": "bucket", "arn:aws:s3:::pictures/decks/*": "data"}
    places["arn:aws:s3:::pictures/results/*"] = "results"
    return {
        (action, places.get(resource, "queues"))
        for statement in document["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
        if action.startswith(("s3:", "sqs:"))
    }


@pytest.fixture
def made(moto_url) -> dict[str, set[tuple[str, str]]]:
    """By policy the calls of a run with good pictures, one that cannot be read and one that kills its process."""
    store = boto3.client("s3")
    store.create_bucket(Bucket="pictures")
    for name, content in (("a", "ElastiCache"), ("b", "unreadable bytes"), ("c", "crash")):
        store.put_object(Bucket="pictures", Key=f"decks/{name}.png", Body=content.encode())
    submitter: set[tuple[str, str]] = set()
    task: set[tuple[str, str]] = set()
    workers = Clients(session=_noting(task))
    cluster = Cluster("police", session=_noting(submitter))
    report = ecs_anywhere.inspect_on(
        cluster,
        "s3://pictures/decks/",
        results="s3://pictures/results",
        tasks=1,
        max_receives=2,
        delay_s=0.2,
        crew=lambda job, _count: _OneThread(job, workers),
    )
    assert len(ecs_anywhere.read_report(cluster, report)) == 3
    return {"ecs-inspect": submitter, "ecs-inspect-task-role": task}


def test_an_inspection_may_do_what_it_does_and_nothing_else(made):
    for operation, calls in made.items():
        assert _granted(operation) == calls | UNSEEN[operation], operation


def test_a_model_that_lies_elsewhere_may_be_looked_at_and_fetched(moto_url, tmp_path):
    boto3.client("s3").create_bucket(Bucket="models")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "weights.bin").write_bytes(b"weights")
    uri = send_model(Clients(), str(tmp_path / "mine"), "s3://models/of-the-year")
    calls: set[tuple[str, str]] = set()
    clients = Clients(session=_noting(calls))
    fetch_model(clients, uri, tmp_path / "there", etag=etag_of_model(clients, uri))
    assert {action for action, _ in calls} == {"s3:GetObject"}
    archive = uri.replace("s3://", "arn:aws:s3:::")
    for operation in ("ecs-inspect", "ecs-inspect-task-role"):
        without = policy(operation, bucket="pictures")["Statement"]
        added = [one for one in policy(operation, bucket="pictures", model=uri)["Statement"] if one not in without]
        assert [(one["Action"], one["Resource"]) for one in added] == [
            (["s3:GetObject"], [archive]),
            (["s3:ListBucket"], ["arn:aws:s3:::models"]),
        ]
        assert len(policy(operation, bucket="models", model=uri)["Statement"]) == len(without) + 1


@pytest.mark.parametrize(("operation", "sid"), [("ecs-execution-role", "Pull"), ("ecs-inspect", "Image")])
def test_the_images_of_the_guide_are_allowed_by_default(operation, sid):
    (statement,) = [one for one in policy(operation)["Statement"] if one["Sid"] == sid]
    (resource,) = statement["Resource"]
    for name in ("elasticache-police-train", "elasticache-police-inspect"):
        assert fnmatch.fnmatchcase(f"arn:aws:ecr:eu-west-1:111122223333:repository/{name}", resource)


def test_only_a_training_s_task_deletes_objects():
    deleting = {
        operation
        for operation in ("ecs-train", "ecs-inspect", "ecs-train-task-role", "ecs-inspect-task-role")
        if any(action == "s3:DeleteObject" for action, _ in _granted(operation))
    }
    assert deleting == {"ecs-train-task-role"}
