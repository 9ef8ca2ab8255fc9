"""The ecs commands: thin over the library, plans printed, the secret on standard output only when it is the answer."""

from __future__ import annotations

import json
import signal
import stat
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner
from fake_ecs import Script

from elasticache_police import ecs_anywhere
from elasticache_police.cli.ecs import ecs
from elasticache_police.ecs_anywhere.roles import OPERATIONS
from elasticache_police.errors import ConfigurationError, TaskFailedError

ROLE = "arn:aws:iam::111122223333:role/police"


def _run(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(ecs, words, catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def test_activate_prints_the_command_on_stdout_and_no_secret_on_stderr(fake, fake_url):
    code, out, err = _run("activate", "police", "--limit", "2", "--create-missing", "--gpu")
    ((activation_id, made),) = fake.activations.items()
    assert code == 0
    assert out.rstrip().endswith(f"--activation-id {activation_id} --activation-code {made['code']} --enable-gpu")
    assert activation_id in err
    assert made["code"] not in err


def test_activate_writes_a_file_for_its_owner_only(fake, fake_url, tmp_path):
    file = tmp_path / "register.sh"
    file.touch(0o644)
    code, out, _ = _run("activate", "police", "--create-missing", "--as", "script", "-o", str(file))
    assert (code, out) == (0, "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert next(iter(fake.activations.values()))["code"] in file.read_text()


def test_a_dry_run_prints_every_call_and_makes_none(fake, fake_url):
    code, out, _ = _run("activate", "police", "--create-missing", "--dry-run")
    assert code == 0
    assert [line for line in out.splitlines() if line[0].isdigit()] == [
        "1. ecs:CreateCluster",
        "2. iam:CreateRole",
        "3. iam:AttachRolePolicy",
        "4. iam:AttachRolePolicy",
        "5. ssm:CreateActivation",
    ]
    assert fake.calls == []


def test_training_has_a_dry_run(fake, fake_url):
    code, out, _ = _run(
        *("train", "police", "--fonts", "s3://b/fonts", "--out", "s3://b/model.tar.gz", "--image", "trainer"),
        *("--task-role", ROLE, "--execution-role", ROLE, "--dry-run", "--", "--seed", "3"),
    )
    assert code == 0
    assert [line for line in out.splitlines() if line[0].isdigit()] == [
        "1. logs:CreateLogGroup",
        "2. logs:PutRetentionPolicy",
        "3. ecs:RegisterTaskDefinition",
        "4. ecs:RunTask",
    ]
    assert '[\\"--seed\\", \\"3\\"]' in out
    assert fake.calls == []


def test_inspection_has_a_dry_run(fake, fake_url):
    code, out, _ = _run("inspect", "s3://b/pictures/", "--cluster", "police", "--tasks", "16", "--dry-run")
    assert code == 0
    assert "s3:ListObjectsV2" in out
    assert '"maxReceiveCount\\": 3' in out
    assert [operation for operation, _ in fake.calls] == ["DescribeTaskDefinition"]


def test_instances_come_as_a_table_and_as_json(fake, joined):
    (machine,) = ecs_anywhere.instances(joined)
    code, out, _ = _run("instances", "police")
    assert (code, machine.instance_id in out) == (0, True)
    code, out, _ = _run("instances", "police", "--format", "json")
    (shown,) = json.loads(out)
    assert (shown["instance_id"], shown["connection"], shown["cpu_units"]) == (machine.instance_id, "connected", 4096)


def test_the_table_of_instances_is_whole_in_a_pipe(fake, joined):
    """At 80 columns it said that a machine is `connec...` and has `4096/40...` CPU units."""
    _, out, _ = _run("instances", "police")
    machine = fake.machines[0].instance_id
    (row,) = [line.split() for line in out.splitlines() if machine in line]
    assert row[:5] == [machine, "connected", "ACTIVE", "4096/4096", "8192/8192"]


def test_waiting_prints_the_machines_that_joined(fake, joined):
    (machine,) = ecs_anywhere.instances(joined)
    code, out, err = _run("wait", "police", "1", "--timeout", "5")
    assert (code, out) == (0, f"{machine.instance_id}\n")
    assert "1 of 1 connected" in err


def test_leaving_prints_what_to_run_on_the_machine(fake, joined):
    (machine,) = ecs_anywhere.instances(joined)
    code, out, err = _run("leave", "police", machine.instance_id)
    assert code == 0
    assert out.startswith("sudo systemctl stop ecs amazon-ssm-agent\n")
    assert "1 registration(s) removed from ECS, removed from Systems Manager" in err
    assert fake.managed == {}


@pytest.mark.usefixtures("no_sleep")
def test_any_image_runs_and_its_log_is_followed(fake, joined):
    fake.script("hello", Script(runs=0, log=["hello from the container"]))
    code, out, err = _run(
        *("run", "police", "--image", "hello:1", "--family", "hello", "--execution-role", ROLE, "--cpu", "256"),
        *("--env", "A=1", "--", "echo", "hello"),
    )
    assert code == 0
    assert out.endswith("hello from the container\n")
    assert "it ended well" in err
    (task,) = fake.tasks.values()
    assert (task.command, task.environment) == (["echo", "hello"], {"A": "1"})


@pytest.mark.parametrize("limit", ["nan", "inf", "-5"])
def test_a_time_limit_that_is_none_is_refused_before_a_task_is_started(fake, joined, limit):
    for words in (
        ("run", "police", "--image", "busybox:1", "--timeout", limit),
        ("run", "police", "--image", "busybox:1", "--wait-for-room", limit),
        ("inspect", "s3://pictures/decks/", "--cluster", "police", "--timeout", limit),
    ):
        code, _, err = _run(*words)
        assert (code, "is not a finite number of seconds, 0 or more" in err) == (2, True)
    assert not fake.tasks


@pytest.mark.usefixtures("no_sleep")
def test_a_task_that_fails_is_an_error_with_its_reason(fake, joined):
    fake.script("hello", Script(runs=0, exit_code=137))
    with pytest.raises(TaskFailedError, match="SIGKILL"):
        _run("run", "police", "--image", "hello:1", "--family", "hello", "--cpu", "256")


@pytest.mark.usefixtures("no_sleep")
def test_running_tasks_are_followed_and_stopped_by_name(fake, joined):
    fake.script("hello", Script(runs=1))
    run = ecs_anywhere.run_task(joined, ecs_anywhere.TaskSpec(family="hello", image="hello:1"))
    code, out, _ = _run("stop", "police", run.arn, "--dry-run")
    assert (code, out.splitlines()[0], fake.tasks[run.arn].stop_asked) == (0, "1. ecs:StopTask", False)
    assert _run("stop", "police", run.arn)[0] == 0
    assert fake.tasks[run.arn].stop_asked
    fake.tick()
    with pytest.raises(TaskFailedError, match="told to end"):
        _run("follow", "police", run.arn)


def test_run_needs_an_image_or_a_registered_task(fake, joined):
    assert "give --image, or --task" in _run("run", "police")[2]
    code, out, _ = _run("run", "police", "--task", "hello", "--tasks", "12", "--dry-run")
    assert (code, [line for line in out.splitlines() if line[0].isdigit()]) == (0, ["1. ecs:RunTask", "2. ecs:RunTask"])


def test_a_registered_task_runs_elsewhere_when_asked_and_refuses_what_it_would_not_heed(fake, joined):
    words = ("run", "police", "--task", "hello", "--dry-run")
    assert '"launchType": "FARGATE"' in _run(*words, "--launch-type", "FARGATE", "--subnet", "subnet-1")[1]
    code, _, err = _run(*words, "--gpus", "1", "--memory", "512")
    assert code == 2
    assert "--gpus, --memory: a registered task has its own" in err


def test_a_dry_run_of_a_registered_task_shows_what_is_registered(fake, joined):
    arn = ecs_anywhere.register_task(
        joined,
        ecs_anywhere.TaskSpec(
            family="hello",
            image="hello:1",
            container_name="greeter",
            launch_type="FARGATE",
            subnets=("subnet-1",),
            cpu_units=256,
            memory_mib=512,
        ),
    ).arn
    words = ("run", "police", "--task", "hello", "--env", "A=b", "--dry-run")
    _, out, err = _run(*words)
    planned = json.loads(out.partition("\n")[2])
    assert (planned["taskDefinition"], planned["launchType"], err) == (arn, "FARGATE", "")
    assert planned["overrides"]["containerOverrides"][0]["name"] == "greeter"
    assert planned["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == ["subnet-1"]
    assert '"launchType": "EC2"' in _run(*words, "--launch-type", "EC2")[1]


def test_a_dry_run_of_an_unknown_task_says_what_it_assumes(fake, joined):
    words = ("run", "police", "--task", "hello", "--dry-run")
    assert "the plan takes hello for a task on machines of your own: " in _run(*words)[2]
    _, out, err = _run(*words, "--launch-type", "FARGATE")
    assert "the plan takes hello for a task that runs on FARGATE: " in err
    assert '"subnets": [\n        "<its subnets>"\n' in out


def test_no_activation_is_made_whose_code_could_not_be_written_down(fake, fake_url, tmp_path):
    with pytest.raises(ConfigurationError, match="No such file or directory"):
        _run("activate", "police", "--create-missing", "-o", str(tmp_path / "nowhere" / "register.sh"))
    assert fake.activations == {}


def test_activations_of_the_project_are_listed_and_deleted_together(fake, joined):
    other = boto3.client("ssm").create_activation(IamRole="r")["ActivationId"]
    (mine, made), _ = fake.activations.items()
    assert _run("activations")[1].startswith(f"{mine}  police  1 of 1 machine(s)  until ")
    assert made["code"] not in _run("activations", "--format", "json")[1]
    assert "ids of activations, or --all" in _run("delete-activation")[2]
    assert _run("delete-activation", "--all-of-this-project", "--dry-run")[1].count("ssm:DeleteActivation") == 1

    assert _run("delete-activation", "--all-of-this-project")[2] == f"{mine}: deleted\n"

    assert list(fake.activations) == [other]


def test_leaving_of_an_unknown_machine_says_that_nothing_was_there(fake, joined):
    code, _, err = _run("leave", "police", "mi-0ffffffffffffffff")
    assert code == 0
    assert "neither knows mi-0ffffffffffffffff" in err


@pytest.fixture
def unheard():
    """Signals that a command lets through fail its test rather than end all of them."""

    def fail(number, _):
        pytest.fail(f"{signal.Signals(number).name} came through")

    before = signal.signal(signal.SIGTERM, fail)
    yield
    assert signal.signal(signal.SIGTERM, before) is fail


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("no_sleep", "unheard")
def test_ctrl_c_on_the_command_line_says_how_to_go_on(fake, joined, monkeypatch, number):
    def interrupted(*_arguments, **_options):
        signal.raise_signal(number)

    monkeypatch.setattr("elasticache_police.ecs_anywhere.waiting.wait_until", interrupted)
    _, _, err = _run(
        "run", "police", "--image", "hello:1", "--family", "hello", "--cpu", "256", "--region", "us-east-1"
    )
    (arn,) = fake.tasks
    task = arn.rsplit("/", 1)[-1]
    assert f"watch them again with: elasticache-police ecs follow police {task} --region us-east-1\n" in err


def test_leaving_takes_the_activation_along_when_asked(fake, joined):
    (machine,) = ecs_anywhere.instances(joined)
    (activation,) = fake.activations
    assert "ssm:DeleteActivation" in _run("delete-activation", activation, "--dry-run")[1]
    assert _run("leave", "police", machine.instance_id, "--activation", activation)[0] == 0
    assert fake.activations == {}


def test_an_inspector_on_fargate_is_registered_with_its_network(fake, joined):
    words = ("register-inspector", "police", "--image", "inspector:1", "--task-role", ROLE, "--launch-type", "FARGATE")
    network = ("--subnet", "subnet-1", "--security-group", "sg-1", "--public-ip")
    assert _run(*words, *network)[0] == 0
    ecs_anywhere.run_task(joined, "elasticache-police-inspect")
    (sent,) = [parameters for operation, parameters in fake.calls if operation == "RunTask"]
    assert sent["networkConfiguration"]["awsvpcConfiguration"] == {
        "subnets": ["subnet-1"],
        "securityGroups": ["sg-1"],
        "assignPublicIp": "ENABLED",
    }


@pytest.mark.usefixtures("no_sleep")
def test_a_machine_that_is_forced_out_names_every_task_that_still_runs(fake, joined):
    fake.script("hello", Script(runs=1000))
    run = ecs_anywhere.run_task(joined, ecs_anywhere.TaskSpec(family="hello", image="hello:1"))
    (machine,) = ecs_anywhere.instances(joined)
    fake.machine(machine.instance_id).connected = False
    code, _, err = _run("leave", "police", machine.instance_id, "--stop-tasks", "--force")
    assert code == 0
    assert f"asked to stop, and still running on the machine, unknown to ECS: {run.arn}\n" in err


@pytest.mark.usefixtures("no_sleep")
def test_following_without_the_permission_to_read_logs_goes_on_and_says_so_on_stderr(fake, joined):
    fake.script("hello", Script(runs=3, log=["unseen"]))
    fake.fails("GetLogEvents", "AccessDeniedException", times=9)
    code, out, err = _run(
        *("run", "police", "--image", "hello:1", "--family", "hello", "--execution-role", ROLE, "--cpu", "256")
    )
    assert (code, out) == (0, "")
    assert err.count("the log cannot be read, the wait goes on: it takes the permission logs:GetLogEvents") == 1
    assert "it ended well" in err


def test_an_inspector_is_registered_for_inspect_on_ecs(fake, joined):
    code, out, _ = _run(
        *("register-inspector", "police", "--image", "inspector:1", "--task-role", ROLE, "--execution-role", ROLE)
    )
    assert (code, out.strip().endswith("task-definition/elasticache-police-inspect:1")) == (0, True)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_operation_has_a_policy_without_wildcard_actions(operation):
    code, out, _ = _run("policy", operation, "--account", "111122223333", "--bucket", "b")
    document = json.loads(out)
    assert (code, document["Version"]) == (0, "2012-10-17")
    for statement in document["Statement"]:
        assert statement["Effect"] == "Allow"
        assert all(":" in action and "*" not in action for action in statement["Action"])
        assert statement["Resource"]


def test_a_cluster_may_be_made_at_all():
    """CreateCluster knows no resource: a statement that names one allows nothing."""
    statements = json.loads(_run("policy", "ecs-register")[1])["Statement"]
    assert [one["Resource"] for one in statements if "ecs:CreateCluster" in one["Action"]] == [["*"]]


def test_tasks_may_be_given_only_the_roles_that_are_named():
    statements = json.loads(_run("policy", "ecs-tasks", "--task-role", ROLE)[1])["Statement"]
    assert [one["Resource"] for one in statements if one["Action"] == ["iam:PassRole"]] == [[ROLE]]


def test_policies_allow_nothing_that_is_never_called():
    sources = "\n".join(path.read_text() for path in Path(ecs_anywhere.__file__).parent.glob("*.py"))
    implied = {"TagResource", "TagRole", "TagQueue", "AddTagsToResource", "PassRole", "AbortMultipartUpload"}
    for operation in ("ecs-register", "ecs-leave", "ecs-tasks", "ecs-train", "ecs-inspect"):
        for statement in json.loads(_run("policy", operation)[1])["Statement"]:
            for action in {action.split(":")[1] for action in statement["Action"]} - implied:
                assert f'"{action}' in sources or action == "ListBucket", action


def test_a_models_own_key_is_for_the_task_that_reads_it():
    key = "arn:aws:kms:eu-west-1:111122223333:key/models"
    options = ("--model", "s3://models/m.tar.gz", "--model-key", key)

    def actions(operation):
        statements = json.loads(_run("policy", operation, *options)[1])["Statement"]
        return [one["Action"] for one in statements if one["Resource"] == [key]]

    assert (actions("ecs-inspect-task-role"), actions("ecs-inspect")) == ([["kms:Decrypt"]], [])


def test_policies_cover_a_key_of_ones_own_secrets_and_other_families():
    key, secret = "arn:aws:kms:eu-west-1:111122223333:key/k", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:s"
    parameter = "arn:aws:ssm:eu-west-1:111122223333:parameter/p"
    options = ("--key", key, "--secret", secret, "--secret", parameter, "--family", "nightly", "--log-group", "/ecs/n")

    def allowed(operation):
        statements = json.loads(_run("policy", operation, *options)[1])["Statement"]
        return {(action, resource) for one in statements for action in one["Action"] for resource in one["Resource"]}

    for operation in ("ecs-train", "ecs-inspect", "ecs-train-task-role", "ecs-inspect-task-role"):
        assert {("kms:GenerateDataKey", key), ("kms:Decrypt", key)} <= allowed(operation)
    agent = allowed("ecs-execution-role")
    assert {("secretsmanager:GetSecretValue", secret), ("ssm:GetParameters", parameter)} <= agent
    assert ("logs:PutLogEvents", "arn:aws:logs:*:*:log-group:/ecs/n:*") in agent
    tasks = allowed("ecs-tasks")
    assert ("ecs:RunTask", "arn:aws:ecs:*:*:task-definition/nightly:*") in tasks
    assert ("logs:CreateLogGroup", "arn:aws:logs:*:*:log-group:/ecs/n") in tasks


def test_texts_for_hosts_need_no_account():
    assert _run("check-script", "--region", "eu-west-1")[1].startswith("#!/bin/bash\n")
    assert "amazon-ecs-init" in _run("cleanup-command")[1]
