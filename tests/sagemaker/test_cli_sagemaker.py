"""The commands deploy, endpoint, invoke, batch and iam."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from unittest.mock import patch

import boto3
import pytest
from click.testing import CliRunner
from PIL import Image
from story import ACCOUNT, ROLE, STORY_KEY
from test_archive import pack
from test_batch import s3  # noqa: F401  a fixture
from test_remote import FOUND, NAME, _answering

from elasticache_police import _wire
from elasticache_police import sagemaker_deploy as sm
from elasticache_police.cli import main
from elasticache_police.cli.invoke import show
from elasticache_police.errors import AccessDeniedError
from elasticache_police.findings import Report
from elasticache_police.sagemaker_deploy import _session, roles

URL = f"s3://sagemaker-ap-northeast-1-{ACCOUNT}/{STORY_KEY}"
DEPLOY = ["deploy", URL, "--role-arn", ROLE]


@pytest.fixture
def run(monkeypatch, pace):
    """Run a command, without real waiting."""
    monkeypatch.setattr(_session, "Pace", lambda: pace)

    def invoke(*arguments: str, code: int = 0, text: str | None = None):
        result = CliRunner().invoke(main, arguments, input=text)
        assert result.exit_code == code, result.output
        return result

    return invoke


def test_a_dry_run_prints_the_plan_and_sends_nothing(fake, run, spec) -> None:
    result = run(*DEPLOY, "--dry-run", "--instance-type", "ml.c7g.large", "--env", "A=b")
    requests = json.loads(result.stdout)
    assert [request["operation"] for request in requests] == ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"]
    assert requests[0]["parameters"]["PrimaryContainer"]["Environment"] == {"A": "b"}
    assert "arm64" in requests[0]["parameters"]["PrimaryContainer"]["Image"]
    assert fake.calls == []


def test_a_dry_run_is_the_plan_of_the_same_specification(fake, run, spec) -> None:
    assert json.loads(run(*DEPLOY, "--dry-run").stdout) == json.loads(sm.plan(spec).to_json())


def test_a_dry_run_of_a_local_archive_asks_nobody_whose_account_it_is(fake, run, tmp_path) -> None:
    archive = pack(tmp_path / "model.tar.gz", "1/saved_model.pb")
    result = run("deploy", str(archive), "--create-role", "PoliceRole", "--dry-run")
    role, allowed, upload, model, *_ = json.loads(result.stdout)
    assert (role["operation"], role["parameters"]["RoleName"]) == ("CreateRole", "PoliceRole")
    assert json.loads(allowed["parameters"]["PolicyDocument"])["Version"] == "2012-10-17"
    assert upload["parameters"]["Bucket"] == "sagemaker-ap-northeast-1-111122223333"
    assert model["parameters"]["PrimaryContainer"]["ModelDataUrl"].endswith(upload["parameters"]["Key"])
    assert model["parameters"]["ExecutionRoleArn"] == "arn:aws:iam::111122223333:role/PoliceRole"
    assert "stands for your account" in result.stderr


def test_deploy_status_list_and_delete(fake, run, tmp_path) -> None:
    archive = pack(tmp_path / "model.tar.gz", "1/saved_model.pb")
    result = run("deploy", str(archive), "--create-role", "PoliceRole")
    assert result.stdout.startswith(f"created: endpoint {NAME} is InService")
    assert "creating archive sagemaker-ap-northeast-1-123456789012/" in result.stderr
    assert f"endpoint {NAME} is InService" in run("endpoint", "status").stdout
    assert json.loads(run("endpoint", "status", NAME, "--json").stdout)["status"] == "InService"
    listed = json.loads(run("endpoint", "list", "--json").stdout)
    assert [(item["kind"], item["billable"]) for item in listed] == [
        ("endpoint", True), ("endpoint configuration", False), ("model", False), ("archive", True),
    ]  # fmt: skip
    run("endpoint", "delete", "--all-of-this-project", "--dry-run")
    assert len(fake.names) == 3
    run("endpoint", "delete", "--all-of-this-project", "--yes")
    assert fake.names == set()


def test_deleting_what_is_not_there_says_so_rather_than_nothing(fake, run) -> None:
    result = run("endpoint", "delete", "ElastiCachePoliceEndpiont", "--yes")
    assert "nothing was deleted: there is no endpoint ElastiCachePoliceEndpiont" in result.stderr
    assert "region ap-northeast-1" in result.stderr


def test_a_failed_deployment_says_what_became_of_what_was_made(fake, run) -> None:
    fake.creating = ["Creating", ("Failed", "did not pass the ping health check")]
    result = run(*DEPLOY, code=2)
    assert "did not pass the ping health check" in result.stderr
    assert f"removed again: endpoint {NAME}" in result.stderr
    assert fake.names == set()


@pytest.fixture
def signals_are_no_end(request):
    """Signals that a command lets through fail its test rather than end all of them."""

    def fail(number, _):
        pytest.fail(f"{signal.Signals(number).name} came through")

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, fail) for number in numbers}
    yield
    assert [signal.getsignal(number) for number in numbers] == [fail, fail]
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.usefixtures("signals_are_no_end")
def test_a_cancelled_deployment_takes_back_what_was_made_as_on_ctrl_c(fake, run, time, number) -> None:
    fake.creating = ["Creating", "Creating", "InService"]
    time.interrupt_at, time.interrupt_by = 1, number
    result = run(*DEPLOY, code=130)
    assert f"removed again: endpoint {NAME}" in result.stderr
    assert result.stderr.endswith("interrupted\n")
    assert fake.names == set()


@pytest.mark.usefixtures("signals_are_no_end")
def test_a_cancelled_compilation_is_stopped(fake, run, time) -> None:
    time.interrupt_at, time.interrupt_by = 1, signal.SIGTERM
    assert "was stopped" in run(*COMPILE, "2.9", code=130).stderr
    assert fake.operations("Stop") == ["StopCompilationJob"]


@pytest.mark.parametrize(("unread", "code"), [(["stderr"], 0), (["stdout", "stderr"], 141)])
def test_a_deployment_goes_on_when_nobody_reads_how_it_goes(fake, unread, code) -> None:
    fake.creating = ["InService"]
    reader, gone = os.pipe()
    os.close(reader)
    streams = {"stdout": subprocess.PIPE} | dict.fromkeys(unread, gone)
    try:
        done = subprocess.run([sys.executable, "-m", "elasticache_police", *DEPLOY], **streams, check=False)
    finally:
        os.close(gone)
    assert (done.returncode, fake.operations("Delete")) == (code, [])
    assert len(fake.names) == 3


def _archives() -> list[str]:
    answer = boto3.client("s3").list_objects_v2(Bucket="sagemaker-ap-northeast-1-123456789012")
    return [item["Key"] for item in answer.get("Contents", [])]


@pytest.mark.parametrize(
    ("more", "said", "left"),
    [
        ([], "removed again: archive sagemaker-ap-northeast-1-123456789012/", 0),
        (["--keep-on-failure"], "kept as asked: model", 1),
    ],
)
def test_an_archive_sent_for_a_deployment_that_failed_goes_with_it(fake, run, tmp_path, more, said, left) -> None:
    fake.creating = ["Creating", ("Failed", "no capacity")]
    archive = pack(tmp_path / "model.tar.gz", "1/saved_model.pb")
    result = run("deploy", str(archive), "--role-arn", ROLE, *more, code=2)
    assert said in result.stderr
    assert len(_archives()) == left


def test_an_archive_goes_even_when_what_listens_ends_the_program(fake, run, tmp_path, monkeypatch) -> None:
    """As rich's console does when the reader of its pipe has gone."""
    from elasticache_police import sagemaker_deploy

    def ended(*_, **__):
        raise SystemExit(1)

    monkeypatch.setattr(sagemaker_deploy, "deploy", ended)
    archive = pack(tmp_path / "model.tar.gz", "1/saved_model.pb")
    run("deploy", str(archive), "--role-arn", ROLE, code=1)
    assert _archives() == []


def test_an_archive_that_was_there_before_or_is_still_needed_stays(fake, run, tmp_path) -> None:
    archive = pack(tmp_path / "model.tar.gz", "1/saved_model.pb")
    fake.creating = [("Failed", "no capacity")]
    fake.fail("DeleteModel", "AccessDeniedException", "not allowed")
    result = run("deploy", str(archive), "--role-arn", ROLE, code=2)
    assert "LEFT BEHIND: archive" in result.stderr
    assert len(_archives()) == 1
    assert "removed again: archive" not in run("deploy", str(archive), "--role-arn", ROLE, code=2).stderr
    assert len(_archives()) == 1


def test_an_archive_goes_whatever_ended_the_deployment(fake, run, tmp_path, monkeypatch) -> None:
    def leave(*_, **__) -> None:
        raise SystemExit(3)

    monkeypatch.setattr(sm, "deploy", leave)
    archive = pack(tmp_path / "model.tar.gz", "1/saved_model.pb")
    run("deploy", str(archive), "--role-arn", ROLE, code=3)
    assert _archives() == []


def _roles() -> list[str]:
    return [role["RoleName"] for role in boto3.client("iam").list_roles()["Roles"]]


def test_a_role_made_for_a_deployment_that_failed_goes_with_it(fake, run) -> None:
    fake.creating = [("Failed", "no capacity")]
    result = run("deploy", URL, "--create-role", "PoliceRole", code=2)
    assert "removed again: role PoliceRole" in result.stderr
    assert _roles() == []


def test_a_role_goes_when_the_archive_cannot_be_sent(fake, run, tmp_path) -> None:
    archive = pack(tmp_path / "model.tar.gz", "1/saved_model.pb")
    result = run("deploy", str(archive), "--create-role", "PoliceRole", "--bucket", "Not a bucket", code=2)
    assert "removed again: role PoliceRole" in result.stderr
    assert _roles() == []


def test_a_role_that_was_there_before_stays(fake, run) -> None:
    sm.ensure_execution_role(sm.Scope(role_name="PoliceRole"))
    fake.creating = [("Failed", "no capacity")]
    assert "role PoliceRole" not in run("deploy", URL, "--create-role", "PoliceRole", code=2).stderr
    assert _roles() == ["PoliceRole"]


@pytest.mark.parametrize(
    ("more", "refused", "said"),
    [
        (["--keep-on-failure"], "", "kept as asked: role PoliceRole"),
        ([], "DeleteModel", "LEFT BEHIND: role PoliceRole (model"),
        ([], "DeleteRole", "LEFT BEHIND: role PoliceRole (DeleteRole: no [code AccessDenied])"),
        ([], "interrupted", "LEFT BEHIND: role PoliceRole (interrupted)"),
    ],
)
def test_a_role_that_stays_is_named(fake, run, monkeypatch, more, refused, said) -> None:
    def refuse(*_, **__) -> None:
        if refused == "interrupted":
            raise KeyboardInterrupt
        raise AccessDeniedError("no", operation="DeleteRole", code="AccessDenied")

    if refused == "DeleteModel":
        fake.fail("DeleteModel", "AccessDeniedException", "not allowed")
    elif refused:
        monkeypatch.setattr(roles, "delete_execution_role", refuse)
    fake.creating = [("Failed", "no capacity")]
    code = 130 if refused == "interrupted" else 2
    assert said in run("deploy", URL, "--create-role", "PoliceRole", *more, code=code).stderr
    assert _roles() == ["PoliceRole"]


_KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
_KEY_ARN = f"arn:aws:kms:ap-northeast-1:123456789012:key/{_KEY}"


@pytest.mark.parametrize("key", [_KEY, _KEY_ARN])
def test_a_role_may_use_the_key_that_encrypts_the_archive(fake, run, key) -> None:
    run("deploy", URL, "--create-role", "PoliceRole", "--kms-key-id", key)
    iam = boto3.client("iam")
    document = iam.get_role_policy(RoleName="PoliceRole", PolicyName="elasticache-police")["PolicyDocument"]
    (allowed,) = [statement for statement in document["Statement"] if statement["Sid"] == "Key"]
    assert allowed["Resource"] == [_KEY_ARN]


def test_a_role_may_pull_the_image_of_one_s_own_that_it_is_made_for(fake, run) -> None:
    image = "111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/police:1"
    run("deploy", URL, "--create-role", "PoliceRole", "--image-uri", image)
    document = boto3.client("iam").get_role_policy(RoleName="PoliceRole", PolicyName="elasticache-police")[
        "PolicyDocument"
    ]
    (allowed,) = [statement for statement in document["Statement"] if statement["Sid"] == "Image"]
    assert "arn:aws:ecr:ap-northeast-1:111122223333:repository/police" in allowed["Resource"]
    shown = json.loads(run("iam", "show", "execution-role", "--image-uri", image, "--vpc").stdout)
    by_sid = {statement["Sid"]: statement["Resource"] for statement in shown["Statement"]}
    assert by_sid["Image"][1:] == ["arn:aws:ecr:ap-northeast-1:111122223333:repository/police"]
    assert by_sid["Network"] == ["*"]


@pytest.mark.parametrize("key", ["alias/models", "arn:aws:kms:ap-northeast-1:123456789012:alias/models"])
def test_an_alias_is_no_key_that_a_role_s_policy_can_name(fake, run, key) -> None:
    result = run("deploy", URL, "--create-role", "PoliceRole", "--kms-key-id", key, code=2)
    assert f"aws kms describe-key --key-id {key}" in " ".join(result.stderr.split())
    assert (_roles(), fake.calls) == ([], [])
    run(*DEPLOY, "--kms-key-id", key)


def test_what_cannot_work_is_refused_before_a_role_is_made_or_an_archive_sent(fake, run, tmp_path) -> None:
    archive = pack(tmp_path / "model.tar.gz", "1/saved_model.pb")
    run("deploy", str(archive), "--create-role", "PoliceRole", "--instance-type", "ml.inf1.xlarge", code=2)
    assert boto3.client("iam").list_roles()["Roles"] == []
    assert boto3.client("s3").list_buckets()["Buckets"] == []


def test_update_needs_an_endpoint(fake, run) -> None:
    result = run("endpoint", "update", *DEPLOY[1:], code=2)
    assert "Could not find endpoint" in result.stderr
    assert fake.changes() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["deploy", URL],
        [*DEPLOY, "--instance-type", "ml.inf1.xlarge"],
        [*DEPLOY, "--max-instances", "3"],
        [*DEPLOY, "--serverless-memory-mib", "1000"],
        [*DEPLOY, "--env", "nonsense"],
        [*DEPLOY, "--env", "A=1", "--env", "A=2"],
        [*DEPLOY, "--variant", "ml.m5.large"],
        [*DEPLOY, "--variant", "a=ml.m5.large:two"],
        [*DEPLOY, "--variant", "a=ml.m5.large:1:1:1"],
        [*DEPLOY, "--variant", "a=ml.m5.large", "--variant", "a=ml.m5.large"],
        [*DEPLOY, "--variant", "a=ml.m5.large", "--instance-count", "2"],
        [*DEPLOY, "--variant", "a=ml.m5.large", "--serverless-memory-mib", "2048"],
        [*DEPLOY, "--variant-model", "a=s3://bucket/key"],
        [*DEPLOY, "--alarm", "errors"],
        [*DEPLOY, "--wait-s", "60"],
        [*DEPLOY, "--async-failure", "s3://bucket/failed"],
        [*DEPLOY, "--error-topic", "arn:aws:sns:eu-west-1:111122223333:t"],
        [*DEPLOY, "--capture-percent", "5"],
        [*DEPLOY, "--min-instances", "2"],
        [*DEPLOY, "--max-concurrency", "50"],
        [*DEPLOY, "--serverless-memory-mib", "2048", "--routing", "RANDOM"],
        [*DEPLOY, "--serverless-memory-mib", "2048", "--max-instances", "3", "--target", "5"],
        ["endpoint", "delete"],
        ["endpoint", "delete", "--all-of-this-project", "--keep-models", "--yes"],
        ["iam", "show", "fly"],
        ["batch", "s3://bucket/in/", "s3://bucket/out/"],
        ["invoke", NAME],
        ["invoke", NAME, "a.png", "--tickets", "-"],
        ["invoke", NAME, "--tickets", "-", "--async", "s3://bucket/in"],
        ["invoke", NAME, "a.png", "--submit"],
        ["invoke", NAME, "a.png", "--keep-requests"],
        ["invoke", NAME, "a.png", "--submit", "--async", "s3://bucket/in", "--classify"],
        ["invoke", NAME, "a.png", "--wire", "floats"],
        ["invoke", NAME, "a.png", "--classify", "--min-confidence", "0.5"],
    ],
)
def test_what_cannot_work_is_a_usage_error_and_sends_nothing(fake, run, arguments) -> None:
    run(*arguments, code=2)
    assert fake.calls == []


def test_asynchronous_options_make_an_endpoint_that_sleeps(fake, run) -> None:
    arguments = [*DEPLOY, "--async-output", "s3://bucket/out", "--async-failure", "s3://bucket/fail"]
    requests = json.loads(run(*arguments, "--max-instances", "2", "--dry-run").stdout)
    assert [request["operation"] for request in requests][3:] == [
        "RegisterScalableTarget", "PutScalingPolicy", "PutScalingPolicy", "PutMetricAlarm",
    ]  # fmt: skip
    assert requests[3]["parameters"]["MinCapacity"] == 0


def test_a_role_made_for_an_asynchronous_endpoint_may_do_what_the_endpoint_does(fake, run) -> None:
    topics = [f"arn:aws:sns:ap-northeast-1:{ACCOUNT}:{name}" for name in ("good", "bad")]
    places = ["--async-input", "s3://queue/in", "--async-output", "s3://queue/out", "--async-failure", "s3://other/bad"]
    told = ["--success-topic", topics[0], "--error-topic", topics[1]]
    run("deploy", "s3://models/v2.tar.gz", "--create-role", "PoliceRole", *places, *told)
    iam = boto3.client("iam")
    document = iam.get_role_policy(RoleName="PoliceRole", PolicyName="elasticache-police")["PolicyDocument"]
    by_sid = {statement["Sid"]: statement["Resource"] for statement in document["Statement"]}
    assert by_sid["Objects"][1:] == [
        "arn:aws:s3:::queue/in*", "arn:aws:s3:::queue/out*", "arn:aws:s3:::other/bad*",
        "arn:aws:s3:::models/v2.tar.gz*",
    ]  # fmt: skip
    assert by_sid["Bucket"][1:] == ["arn:aws:s3:::queue", "arn:aws:s3:::other", "arn:aws:s3:::models"]
    assert by_sid["Notify"] == topics


def test_several_fleets_share_the_traffic_each_with_its_own_model(fake, run) -> None:
    fleets = ["--variant", "old=ml.m5.large:2:9", "--variant", "new=ml.c7g.large"]
    requests = json.loads(run(*DEPLOY, *fleets, "--variant-model", "new=s3://bucket/v2.tar.gz", "--dry-run").stdout)
    old_model, new_model, config, _ = (request["parameters"] for request in requests)
    assert [model["PrimaryContainer"]["ModelDataUrl"] for model in (old_model, new_model)] == [
        URL,
        "s3://bucket/v2.tar.gz",
    ]
    keys = ("VariantName", "InstanceType", "InitialInstanceCount", "InitialVariantWeight", "ModelName")
    assert [tuple(variant[key] for key in keys) for variant in config["ProductionVariants"]] == [
        ("old", "ml.m5.large", 2, 9.0, old_model["ModelName"]),
        ("new", "ml.c7g.large", 1, 1.0, new_model["ModelName"]),
    ]


def test_a_shadow_is_asked_beside_the_endpoint_s_fleet(fake, run) -> None:
    requests = json.loads(run(*DEPLOY, "--shadow", "next=ml.m5.xlarge:1:0.25", "--dry-run").stdout)
    config = requests[1]["parameters"]
    assert [variant["VariantName"] for variant in config["ProductionVariants"]] == ["AllTraffic"]
    (shadow,) = config["ShadowProductionVariants"]
    assert (shadow["VariantName"], shadow["InitialVariantWeight"]) == ("next", 0.25)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "slide.png"
    Image.new("RGB", (200, 100), "white").save(path)
    return str(path)


def test_invoke_reports_as_inspect_does(fake, run, picture) -> None:
    fake.answer = _answering([FOUND])
    report = json.loads(run("invoke", NAME, picture, "--format", "json", code=1).stdout)
    assert "ElasticCache" in json.dumps(report)
    assert "ElasticCache" in run("invoke", NAME, picture, code=1).stdout
    fake.answer = _answering([{**FOUND, "count": 1}])
    run("invoke", NAME, picture)


def test_invoke_classifies_a_line_in_the_story_s_way(fake, run, picture) -> None:
    fake.answer = _answering([[0.404]])
    result = run("invoke", NAME, "--classify", "--wire", "floats", picture, code=1)
    assert result.stdout == f"0.4040\tmisspelled\t{picture}\n"
    assert fake.calls[-1][1]["Body"].startswith(b"[[[[")
    answers = json.loads(run("invoke", NAME, "--classify", "--format", "json", picture, code=1).stdout)
    assert answers == [{"source": picture, "score": 0.404, "verdict": "misspelled"}]


def test_tickets_are_printed_and_fetched_later(fake, run, picture, tmp_path, moto) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="queue", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    printed = run("invoke", NAME, picture, "--async", "s3://queue/in", "--submit").stdout
    key = json.loads(printed)["output_url"].removeprefix("s3://queue/")
    client.put_object(Bucket="queue", Key=key, Body=json.dumps({"predictions": [FOUND]}).encode())
    (tmp_path / "tickets").write_text(printed)
    fetch = ("invoke", NAME, "--tickets", str(tmp_path / "tickets"))
    assert "ElasticCache" in run(*fetch, "--keep-requests", code=1).stdout
    assert [item["Key"][:3] for item in client.list_objects_v2(Bucket="queue")["Contents"]] == ["in/", "out"]
    assert "ElasticCache" in run(*fetch, code=1).stdout
    assert [item["Key"][:3] for item in client.list_objects_v2(Bucket="queue")["Contents"]] == ["out"]


@pytest.fixture
def printed(fake, run, picture, moto) -> list[str]:
    """Two tickets, of which the last is answered."""
    client = boto3.client("s3")
    client.create_bucket(Bucket="queue", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    tickets = [run("invoke", NAME, picture, "--async", "s3://queue/in", "--submit").stdout for _ in range(2)]
    key = json.loads(tickets[-1])["output_url"].removeprefix("s3://queue/")
    client.put_object(Bucket="queue", Key=key, Body=json.dumps({"predictions": [FOUND]}).encode())
    return tickets


def test_a_ticket_without_an_answer_in_time_leaves_the_others_theirs(printed, run, tmp_path) -> None:
    (tmp_path / "tickets").write_text("".join(printed))
    options = ("--tickets", str(tmp_path / "tickets"), "--timeout-s", "0.1", "--format", "json")
    late, answered = json.loads(run("invoke", NAME, *options, code=2).stdout)["files"]
    assert "the answer of" in late["error"]
    assert answered["pages"][0]["findings"][0]["reading"] == "ElasticCache"


def test_a_ticket_that_is_refused_leaves_the_others_theirs(printed, run, tmp_path) -> None:
    (tmp_path / "tickets").write_text(printed[0].replace("s3://queue/out", "s3://nowhere/out") + printed[1])
    result = run("invoke", NAME, "--tickets", str(tmp_path / "tickets"), "--format", "json", code=2)
    refused, answered = json.loads(result.stdout)["files"]
    assert "NoSuchBucket" in refused["error"]
    assert answered["pages"][0]["findings"][0]["reading"] == "ElasticCache"


def test_a_serverless_endpoint_is_sent_no_more_than_it_takes(fake, run, picture) -> None:
    fake.answer = _answering([FOUND])
    with patch("elasticache_police._wire.encode_page", wraps=_wire.encode_page) as encode:
        run("invoke", NAME, picture, "--serverless", code=1)
    assert encode.call_args.kwargs["limit_bytes"] == _wire.SERVERLESS_LIMIT
    refused = run("invoke", NAME, picture, "--serverless", "--async", "s3://queue/in", code=2)
    assert "--serverless or --async" in refused.stderr


def test_batch_runs_and_reads(fake, run, s3) -> None:  # noqa: F811  the fixture
    for key in ("a.png", "deep/b.png"):
        body = json.dumps({"predictions": [{**FOUND, "count": 1}]}).encode()
        s3.put_object(Bucket="pictures", Key=f"out/{key}.out", Body=body)
    where = ["s3://pictures/in/", "s3://pictures/out"]
    result = run("batch", *where, "--model-data-url", URL, "--role-arn", ROLE, "--format", "json", code=2)
    assert "s3://pictures/in/c.png" in result.stderr, "the picture without an answer"
    assert fake.models == {}
    run("batch", *where, "--read-only", code=2)


def test_batch_says_when_there_is_no_picture_to_read_an_answer_of(run, s3) -> None:  # noqa: F811  the fixture
    result = run("batch", "s3://pictures/typo/", "s3://pictures/out", "--read-only", code=2)
    assert "no pictures in s3://pictures/typo/" in result.stderr
    assert not result.stdout


def test_batch_finds_misspellings_in_answers_beside_the_pictures(run, s3) -> None:  # noqa: F811  the fixture
    for key in ("a.png", "c.png", "deep/b.png"):
        s3.put_object(Bucket="pictures", Key=f"in/{key}.out", Body=json.dumps({"predictions": [FOUND]}).encode())
    result = run("batch", "s3://pictures/in/", "s3://pictures/in/", "--read-only", "--min-confidence", "0", code=1)
    assert "3 files" in result.stdout


COMPILE = ["compile", URL, "s3://bucket/compiled/", "--role-arn", ROLE, "--tensorflow-version"]


def test_compile_prints_where_the_result_lies(fake, run) -> None:
    result = run(*COMPILE, "2.9.2", "--target", "ml_c5")
    assert result.stdout == "s3://bucket/compiled/model.tar.gz\n"
    (sent,) = fake.compilations.values()
    assert (sent["OutputConfig"]["TargetDevice"], sent["InputConfig"]["FrameworkVersion"]) == ("ml_c5", "2.9")
    assert sent["InputConfig"]["DataInputConfig"] == '{"image": [1, 50, 700, 1]}'


def test_compile_shows_its_request(fake, run) -> None:
    (request,) = json.loads(run(*COMPILE, "2.9", "--dry-run", "--job-name", "J").stdout)
    assert (request["operation"], request["parameters"]["CompilationJobName"]) == ("CreateCompilationJob", "J")
    assert fake.calls == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["2.20"], "Neo compiles TensorFlow 1.15 and 2.9 for ml_m5, not 2.20: serve it uncompiled on Graviton"),
        (["2.9", "--target", "ml_inf1"], "AWS Neuron has ended its support for TensorFlow and for Inf1"),
        (["2.9", "--input-shape", "1,x"], "'1,x' is no list of numbers"),
    ],
)
def test_what_neo_no_longer_compiles_is_refused_with_the_way_out(fake, run, arguments, reason) -> None:
    assert reason in " ".join(run(*COMPILE, *arguments, code=2).stderr.split())
    assert fake.calls == []


def test_iam_shows_policies_of_both_halves(run) -> None:
    assert json.loads(run("iam", "show", "invoke", "--account", ACCOUNT).stdout)["Statement"][0]["Action"] == [
        "sagemaker:InvokeEndpoint"
    ]
    assert json.loads(run("iam", "show", "ecs-tasks").stdout)["Version"] == "2012-10-17"
    assert "execution-role" in run("iam", "list").stdout


def test_a_key_does_not_steer_the_terminal(capsys) -> None:
    assert show([Report(source="s3://b/\x1b[2J.png", error="\x07 no picture")], "json") == 2
    assert capsys.readouterr().err == "error: s3://b/\\x1b[2J.png: \\x07 no picture\n"
