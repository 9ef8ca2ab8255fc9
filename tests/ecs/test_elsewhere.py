"""`inspect s3://...` as a user types it, on a cluster and on SageMaker: the same pictures, the same form of report."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from batch_transform import BatchTransform, over_http, serve
from click.testing import CliRunner
from fake_ecs import Script
from PIL import Image, ImageDraw

from elasticache_police._aws import Clients
from elasticache_police.cli import main
from elasticache_police.ecs_anywhere import CollectionJob, TaskSpec, Worker, register_task
from elasticache_police.findings import Report

SOURCE = "s3://pictures/decks/"
FOUND = {"boxes": [[10, 20, 110, 40]], "scores": [0.01], "readings": ["ElasticCache"], "count": 1}
NOTHING = {"boxes": [], "scores": [], "readings": [], "count": 0}
MODELS = Path(__file__).parents[1] / "serving" / "models.py"


def _inspect(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["inspect", SOURCE, *words], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def _png(*, marked: bool) -> bytes:
    page = Image.new("L", (400, 300), 255)
    if marked:
        ImageDraw.Draw(page).rectangle((50, 60, 149, 79), fill=0)
    file = io.BytesIO()
    page.save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def s3(moto_url):
    client = boto3.client("s3")
    client.create_bucket(Bucket="pictures")
    return client


# --- on a cluster ------------------------------------------------------------------------------------------------


@pytest.fixture
def studio(s3, fake, joined, moto_url):
    """A cluster whose inspection task is registered; its container looks at pictures that are words."""
    for name, word in (("a", "Amazon ElasticCache"), ("b", "Amazon ElastiCache")):
        s3.put_object(Bucket="pictures", Key=f"decks/{name}.png", Body=word.encode())

    def container(environment, _command):
        job = CollectionJob.from_environment(environment)
        Worker(job, clients=Clients(), inspector="quick_inspector:make", poll_s=0).run()
        return 0

    fake.script("elasticache-police-inspect", Script(execute=container))
    register_task(joined, TaskSpec(family="elasticache-police-inspect", image="inspector:1"))
    return fake


@pytest.mark.usefixtures("no_sleep")
def test_on_ecs_writes_the_same_report_as_an_inspection_here(studio):
    code, out, err = _inspect("--on-ecs", "police", "--tasks", "2", "--format", "json")
    assert code == 1
    document = json.loads(out)
    assert [(file["file"], file["pages"][0]["findings"][0]["verdict"]) for file in document["files"]] == [
        ("s3://pictures/decks/a.png", "misspelled"),
        ("s3://pictures/decks/b.png", "correct"),
    ]
    assert document["summary"]["misspelled"] == 1
    to_go_on = (
        f"; if this process is killed, go on with: elasticache-police ecs inspect {SOURCE} --cluster police --run "
    )
    assert to_go_on in err.splitlines()[0]
    assert "2 of 2 pictures done" in err
    assert "report: s3://pictures/elasticache-police/runs/" in err


@pytest.mark.usefixtures("no_sleep")
@pytest.mark.parametrize(
    ("form", "shows"), [("text", "1 misspelled, 1 correct"), ("github", "::error file="), ("html", "<!doctype html>")]
)
def test_every_format_is_there_on_ecs(studio, form, shows):
    code, out, _ = _inspect("--on-ecs", "police", "--format", form, "--quiet")
    assert code == 1
    assert shows.lower() in out.lower()
    assert "decks/a.png" in out


@pytest.mark.usefixtures("no_sleep")
def test_places_in_s3_stay_what_they_are_in_sarif(studio, s3):
    """A key is no path: its two slashes are not one, and the scheme is not escaped."""
    s3.put_object(Bucket="pictures", Key="decks//a b+c%20ü.png", Body=b"ElasticCache")
    _, out, _ = _inspect("--on-ecs", "police", "--format", "sarif")
    results = json.loads(out)["runs"][0]["results"]
    uris = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in results]
    assert uris == ["s3://pictures/decks//a%20b%2Bc%2520%C3%BC.png", "s3://pictures/decks/a.png"]


@pytest.mark.usefixtures("no_sleep")
def test_odd_keys_are_inspected_and_named_as_they_are(studio, s3):
    odd = [
        "a b.png",
        "plus+plus.png",
        "100%25 %2F.png",
        "ünï\u2603 \U0001f600.PNG",
        "q?x=1&y#z.png",
        "'\"<>.png",
        "\\.png",
    ]
    keys = [*(f"decks/{name}" for name in odd), "decks//two.png", "decks/" + "k" * 1000 + ".png"]
    for key in keys:
        s3.put_object(Bucket="pictures", Key=key, Body=f"ElasticCache in {key}".encode())
    s3.put_object(Bucket="pictures", Key="decks/folder.png/", Body=b"ElasticCache")
    code, out, _ = _inspect("--on-ecs", "police", "--format", "json")
    found = {file["file"]: file["error"] for file in json.loads(out)["files"]}
    assert (code, found) == (1, {f"s3://pictures/{key}": None for key in [*keys, "decks/a.png", "decks/b.png"]})


@pytest.mark.usefixtures("no_sleep")
def test_a_file_that_cannot_be_written_is_known_before_the_work(studio, tmp_path):
    for option in ("--on-ecs", "--on-sagemaker"):
        code, _, err = _inspect(option, "police", "-o", str(tmp_path / "none" / "report.json"))
        assert (code, "No such file or directory" in err) == (2, True)
    assert not studio.tasks


@pytest.mark.usefixtures("no_sleep")
def test_where_the_merged_report_is_gets_said_even_if_this_one_cannot_be_written(studio, tmp_path, monkeypatch):
    monkeypatch.setattr("elasticache_police.cli.ecs.collection.check_output", lambda _output: None)
    code, _, err = _inspect("--on-ecs", "police", "-o", str(tmp_path / "none" / "report.json"))
    assert (code, "report: s3://pictures/elasticache-police/runs/" in err) == (2, True)


@pytest.mark.usefixtures("no_sleep")
def test_a_run_goes_on_from_either_command(studio, s3, monkeypatch):
    """What is printed goes on in the same form, to the same place."""
    with monkeypatch.context() as patch:

        def interrupted(*_arguments, **_options):
            raise KeyboardInterrupt

        patch.setattr("elasticache_police.ecs_anywhere.draining.wait_until", interrupted)
        words = ["--on-ecs", "police", "--run", "night", "--format", "github", "--quiet"]
        result = CliRunner().invoke(main, ["inspect", SOURCE, *words])
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("that is: ")]
    assert line.endswith(" --cluster police --run night --tasks 4 --format github --quiet")
    words = line.removeprefix("that is: elasticache-police ").split()
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    assert (result.exit_code, "::error file=" in result.stdout) == (1, True)
    assert "report: s3://pictures/elasticache-police/runs/night/report.json" in result.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "s3://pictures/decks/ is inspected with --on-ecs CLUSTER or --on-sagemaker MODEL"),
        (("--run", "night"), "--run is about --on-ecs CLUSTER"),
    ],
)
def test_what_takes_machines_elsewhere_says_so(words, says):
    code, _, err = _inspect(*words)
    assert (code, says in err) == (2, True)


EVIL = "decks/\x1b]0;mine\x07\x1b[2J.png"
WRITTEN_OUT = r"error: s3://pictures/decks/\x1b]0;mine\x07\x1b[2J.png: "


@pytest.mark.usefixtures("no_sleep")
def test_a_key_does_not_steer_the_terminal_from_a_cluster(studio, s3):
    s3.put_object(Bucket="pictures", Key=EVIL, Body=b"unreadable bytes")
    code, _, err = _inspect("--on-ecs", "police", "--format", "json")
    assert code == 2
    assert WRITTEN_OUT in err
    assert "\x1b" not in err


@pytest.mark.usefixtures("no_sleep")
def test_on_ecs_says_how_to_go_on_after_ctrl_c(studio, monkeypatch):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("elasticache_police.ecs_anywhere.draining.wait_until", interrupted)
    result = CliRunner().invoke(main, ["inspect", SOURCE, "--on-ecs", "police"])
    assert result.exit_code == 130
    assert "what is done stays done; go on with run_id='" in result.stderr
    assert f"that is: elasticache-police ecs inspect {SOURCE} --cluster police --run " in result.stderr


@pytest.mark.usefixtures("no_sleep")
def test_the_command_to_go_on_with_is_for_the_same_account_and_region(studio, monkeypatch, tmp_path):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    (tmp_path / "config").write_text("[profile rack]\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setattr("elasticache_police.ecs_anywhere.draining.wait_until", interrupted)
    command = ["ecs", "inspect", SOURCE, "--cluster", "police", "--region", "eu-west-1", "--profile", "rack"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 130
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("that is: ")]
    assert line.endswith(" --region eu-west-1 --profile rack")


def _planned_runs(out: str) -> list[dict]:
    """Return the parameters of each RunTask that a dry run shows."""
    decoder = json.JSONDecoder()
    return [decoder.raw_decode(rest.lstrip())[0] for rest in out.split("ecs:RunTask")[1:]]


def test_a_dry_run_on_ecs_changes_nothing(fake, fake_url):
    code, out, err = _inspect("--on-ecs", "police", "--tasks", "16", "--dry-run")
    assert code == 0
    assert [line.partition(". ")[2] for line in out.splitlines() if line[0].isdigit()] == [
        "s3:ListObjectsV2", "s3:PutObject", "sqs:CreateQueue", "sqs:CreateQueue", "sqs:SendMessageBatch",
        "ecs:RunTask", "ecs:RunTask", "sqs:SendMessageBatch", "s3:PutObject", "ecs:StopTask", "sqs:ReceiveMessage",
        "sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibilityBatch", "s3:PutObject", "sqs:DeleteQueue",
        "sqs:DeleteQueue",
    ]  # fmt: skip
    assert [operation for operation, _ in fake.calls] == ["DescribeTaskDefinition"]
    assert [run["launchType"] for run in _planned_runs(out)] == ["EXTERNAL", "EXTERNAL"]
    assert "takes elasticache-police-inspect for a task on machines of your own: " in err
    assert "there is no task definition elasticache-police-inspect in us-east-1" in err


def test_a_dry_run_that_may_not_look_plans_on(fake, fake_url):
    fake.fails("DescribeTaskDefinition", "AccessDeniedException", "not for you")
    code, out, err = _inspect("--on-ecs", "police", "--dry-run")
    assert (code, len(_planned_runs(out))) == (0, 1)
    assert "for a task on machines of your own: " in err
    assert "not for you" in err


@pytest.mark.usefixtures("no_sleep")
def test_a_dry_run_on_ecs_shows_where_the_registered_task_runs(studio, joined):
    """What is printed is what RunTask gets, but for what only a run makes: its id, token and queues."""
    spec = TaskSpec(
        family="elasticache-police-inspect",
        image="inspector:1",
        container_name="inspector",
        launch_type="FARGATE",
        subnets=("subnet-1",),
        security_groups=("sg-1",),
    )
    register_task(joined, spec)
    code, out, err = _inspect("--on-ecs", "police", "--dry-run")
    assert (code, err) == (0, "")
    (planned,) = _planned_runs(out)
    assert planned["launchType"] == "FARGATE"
    assert planned["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == ["subnet-1"]

    assert _inspect("--on-ecs", "police")[0] == 1

    sent = next(parameters for operation, parameters in studio.calls if operation == "RunTask")
    (of_plan,), (of_run,) = (one["overrides"].pop("containerOverrides") for one in (planned, sent))
    assert {name for name in sent if sent[name] != planned[name]} == {"clientToken", "count", "tags"}  # two pictures
    assert [tag for tag in planned["tags"] if tag not in sent["tags"]] == [{"key": "run", "value": "<run>"}]
    environments = [{pair["name"]: pair["value"] for pair in one["environment"]} for one in (of_plan, of_run)]
    assert environments[0].keys() == environments[1].keys()
    assert {name for name in environments[0] if environments[0][name] != environments[1][name]} == {
        "POLICE_RUN", "POLICE_QUEUEING", "POLICE_QUEUE_URL", "POLICE_DEAD_LETTER_QUEUE_URL",
    }  # fmt: skip
    assert (of_plan["name"], of_run["name"]) == ("inspector", "inspector")


# --- on SageMaker ------------------------------------------------------------------------------------------------


@pytest.fixture
def pictures(s3):
    s3.put_object(Bucket="pictures", Key="decks/a.png", Body=_png(marked=True))
    s3.put_object(Bucket="pictures", Key="decks/more/b.png", Body=_png(marked=False))
    return s3


def _on_sagemaker(container, monkeypatch, *words: str) -> tuple[int, str, str]:
    with serve(BatchTransform(container)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", url)
        return _inspect("--on-sagemaker", "ElastiCachePoliceModel", "--format", "json", *words)


def _shown(out: str) -> list[tuple[str, int, list[str]]]:
    files = json.loads(out)["files"]
    return [
        (one["file"], one["pages"][0]["width"], [found["reading"] for found in one["pages"][0]["findings"]])
        for one in files
        if one["error"] is None
    ]


EXPECTED = [
    ("s3://pictures/decks/a.png", 400, ["ElasticCache"]),
    ("s3://pictures/decks/more/b.png", 400, []),
]


def test_on_sagemaker_every_picture_comes_back_in_the_same_report(pictures, monkeypatch):
    seen = []

    def container(body, content_type):
        seen.append((body, content_type))
        return json.dumps({"predictions": [FOUND if body == _png(marked=True) else NOTHING]}).encode()

    code, out, err = _on_sagemaker(container, monkeypatch)
    assert seen == [(_png(marked=True), "application/x-image"), (_png(marked=False), "application/x-image")]
    assert (code, _shown(out)) == (1, EXPECTED)
    assert "answers: s3://pictures/elasticache-police/answers" in err


def test_a_picture_that_the_container_refuses_is_named_and_the_others_count(pictures, monkeypatch):
    pictures.put_object(Bucket="pictures", Key="decks/broken.png", Body=b"no picture")

    def container(body, _content_type):
        if body == b"no picture":
            raise OSError
        return json.dumps({"predictions": [NOTHING]}).encode()

    code, out, err = _on_sagemaker(container, monkeypatch, "--results", "s3://pictures/answers")
    assert (code, len(_shown(out))) == (2, 2)
    assert "error: s3://pictures/decks/broken.png: ClientError: 1 object(s) failed" in err


def test_a_key_does_not_steer_the_terminal_from_sagemaker(monkeypatch):
    report = Report(source=f"s3://pictures/{EVIL}", error="\x1b[2J no picture")
    monkeypatch.setattr("elasticache_police.sagemaker_deploy.inspect_batch", lambda *_, **_options: iter([report]))
    code, _, err = _inspect("--on-sagemaker", "ElastiCachePoliceModel", "--format", "json")
    assert code == 2
    assert WRITTEN_OUT + r"\x1b[2J no picture" in err
    assert "\x1b" not in err


def test_a_dry_run_on_sagemaker_makes_no_call():
    code, out, _ = _inspect("--on-sagemaker", "ElastiCachePoliceModel", "--dry-run")
    assert (code, out.splitlines()[0]) == (0, "1. sagemaker:CreateTransformJob")
    assert '"S3OutputPath": "s3://pictures/elasticache-police/answers"' in out


@pytest.mark.train
def test_on_sagemaker_over_a_real_archive_in_the_container_s_contract(pictures, monkeypatch, tmp_path):
    """CreateTransformJob sends pictures to the local endpoint, which runs the archive's own code/inference.py."""
    if importlib.util.find_spec("uvicorn") is None:
        pytest.skip("needs the extra serve")
    from elasticache_police.model.export import write_archive
    from elasticache_police.serving import EndpointOptions, LocalEndpoint

    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, str(MODELS), "--police", str(tmp_path)], check=True, capture_output=True, env=quiet)
    write_archive(tmp_path / "1", tmp_path / "model.tar.gz")
    with LocalEndpoint(EndpointOptions(model=tmp_path / "model.tar.gz", port=0)) as endpoint:
        code, out, _ = _on_sagemaker(over_http(endpoint.url), monkeypatch, "--min-confidence", "0")
    assert (code, _shown(out)) == (0, EXPECTED)  # this model scores by the page's whiteness: all is well
