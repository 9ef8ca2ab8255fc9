"""What an inspection of a collection cannot do is refused before anything is listed, made or started."""

from __future__ import annotations

import math

import boto3
import pytest
from fake_ecs import Script

from elasticache_police import ecs_anywhere
from elasticache_police._aws import Clients
from elasticache_police.ecs_anywhere import Cluster, CollectionJob, Definition, LaunchType, TaskSpec, Worker
from elasticache_police.errors import ConfigurationError, NotFoundError

SPEC = TaskSpec(family="elasticache-police-inspect", image="inspector", cpu_units=256, memory_mib=256)
REFUSED = [
    ({"tasks": 0}, "the number of tasks is at least 1, not 0"),
    ({"min_confidence": 7.0}, "min_confidence is 7.0: a number in 0..1 is needed"),
    ({"visibility_timeout_s": 0}, "a visibility timeout is 1 to 43200 seconds, not 0"),
    ({"max_receives": 0}, "a picture is tried 1 to 1000 times, not 0"),
    ({"picture_timeout_s": 0.0}, "a picture is given a finite time above 0 seconds, not 0.0"),
    ({"picture_timeout_s": math.inf}, "a picture is given a finite time above 0 seconds, not inf"),
    ({"names": ("",)}, r"names is \('',\): at least one name, and none empty, is needed"),
    ({"names": ("GitHub", "ab")}, "cannot police the name 'ab'"),
    ({"names": ("ElastiCaché",)}, "cannot police the name 'ElastiCaché'"),
    ({"results": "s3://pictures/decks"}, "s3://pictures/decks/ lies where results go, s3://pictures/decks, "),
    ({"results": "s3://pictures/decks/"}, "s3://pictures/decks/ lies where results go, s3://pictures/decks/, "),
]
ONLY_WHERE_IT_WAITS = [
    ({"timeout_s": math.inf}, "a wait needs a finite limit in seconds, not inf"),
    ({"timeout_s": math.nan}, "a wait needs a finite limit in seconds, not nan"),
    ({"timeout_s": -1.0}, "a wait needs a finite limit in seconds, not -1.0"),
]


@pytest.fixture
def s3(moto_url):
    client = boto3.client("s3")
    client.create_bucket(Bucket="pictures")
    client.put_object(Bucket="pictures", Key="decks/a.png", Body=b"ElastiCache")
    return client


@pytest.mark.parametrize(("options", "words"), REFUSED + ONLY_WHERE_IT_WAITS)
def test_what_cannot_be_is_refused_before_a_single_request(fake, cluster, options, words):
    """A name that cannot be policed made every picture of the collection poison, each after three tries."""
    with pytest.raises(ConfigurationError, match=words):
        ecs_anywhere.inspect_on(cluster, "s3://pictures/decks/", SPEC, **options)
    assert fake.calls == []


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_the_plan_refuses_the_same(cluster, options, words):
    with pytest.raises(ConfigurationError, match=words):
        ecs_anywhere.plan_inspection(cluster, "s3://pictures/decks/", SPEC, **options)


@pytest.mark.parametrize("source", ["elasticache-police/in/", "elasticache-police/", "elasticache-police"])
def test_pictures_below_the_usual_place_of_results_are_not_called_absent(cluster, source):
    with pytest.raises(ConfigurationError, match=r"name another place for the results \(--results\)"):
        ecs_anywhere.inspect_on(cluster, f"s3://pictures/{source}", SPEC)


def test_a_cluster_that_there_is_not_is_named_before_anything_is_made(s3, joined, boto_session):
    nowhere = Cluster("polcie", session=boto_session)
    with pytest.raises(NotFoundError, match="there is no cluster polcie in us-east-1"):
        ecs_anywhere.inspect_on(nowhere, "s3://pictures/decks/", SPEC)
    assert boto_session.client("sqs").list_queues().get("QueueUrls", []) == []
    assert s3.list_objects_v2(Bucket="pictures")["KeyCount"] == 1


@pytest.mark.parametrize(
    ("task", "options", "words"),
    [
        (
            SPEC,
            {"names": [f"A rather long name {number}" for number in range(400)]},
            "ECS takes 8192 characters of what",
        ),
        (
            Definition(arn="f:1", container_name="main", network_mode="awsvpc", launch_type=LaunchType.FARGATE),
            {},
            "runs in network mode awsvpc, which needs subnets",
        ),
    ],
    ids=["too many names", "no subnets"],
)
def test_a_task_that_could_not_be_started_is_known_before_anything_is_made(s3, joined, task, options, words):
    with pytest.raises(ConfigurationError, match=words):
        ecs_anywhere.inspect_on(joined, "s3://pictures/decks/", task, **options)
    assert boto3.client("sqs").list_queues().get("QueueUrls", []) == []
    assert s3.list_objects_v2(Bucket="pictures")["KeyCount"] == 1


def test_a_cluster_whose_tasks_may_not_be_listed_is_no_error_yet(s3, fake, joined):
    """Who may run tasks and not list them finds out by running them."""

    def container(environment, _command):
        job = CollectionJob.from_environment(environment)
        assert job.names == ("GitHub",)
        Worker(job, clients=Clients(), inspector="quick_inspector:make", poll_s=0).run()
        return 0

    fake.script(SPEC.family, Script(execute=container))
    fake.fails("ListTasks", "AccessDeniedException", times=100)
    report = ecs_anywhere.inspect_on(joined, "s3://pictures/decks/", SPEC, names="GitHub")
    assert (report.pictures, report.failures) == (1, ())
