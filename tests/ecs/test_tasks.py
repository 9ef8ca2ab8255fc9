"""Tasks: what cannot work refused, placement, logs, long waits, ends in words, and every trap that ECS lays."""

from __future__ import annotations

import attrs
import botocore.session
import pytest
from botocore.validate import ParamValidator
from fake_ecs import NO_CAPACITY, AwsFault, Script

from elasticache_police import ecs_anywhere
from elasticache_police.ecs_anywhere import LaunchType, TaskSpec, Volume
from elasticache_police.ecs_anywhere.definitions import look_up
from elasticache_police.errors import (
    AwsError,
    ConfigurationError,
    NotFoundError,
    PlacementError,
    TaskFailedError,
    ThrottledError,
    WaitTimeoutError,
)

ROLE = "arn:aws:iam::111122223333:role/police"
SPEC = TaskSpec(family="job", image="image", log_group="/ecs/test", execution_role_arn=ROLE)
ECR = "111122223333.dkr.ecr.us-east-1.amazonaws.com/police:1"


def _sent(fake, wanted: str) -> list[dict]:
    return [parameters for operation, parameters in fake.calls if operation == wanted]


# ---- specifications ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"network_mode": "awsvpc", "subnets": ("s",)}, "awsvpc cannot be used with launch type EXTERNAL"),
        ({"subnets": ("subnet-1",)}, "belong to network mode awsvpc"),
        ({"volumes": (Volume(name="v", container_path="/v", efs_file_system_id="fs-1"),)}, "ECS Anywhere has none"),
        ({"log_group": "/ecs/x"}, "needs execution_role_arn"),
        ({"secrets": {"TOKEN": "arn:x"}}, "secrets with launch type EXTERNAL needs execution_role_arn"),
        ({"image": ECR}, "image in ECR"),
        ({"family": "with space"}, "family"),
        ({"image": ""}, "needs an image"),
        ({"memory_mib": 4}, "at least"),
        ({"network_mode": "overlay"}, "not one of"),
        ({"launch_type": "FARGATE"}, "needs subnets"),
        ({"launch_type": "FARGATE", "subnets": ("s",), "network_mode": "host"}, "Fargate has awsvpc only"),
        ({"launch_type": "FARGATE", "subnets": ("s",), "gpus": 1}, "Fargate has none"),
        ({"launch_type": "FARGATE", "subnets": ("s",), "memory_mib": 512}, "2048 to 8192 MiB"),
        ({"launch_type": "FARGATE", "subnets": ("s",), "stop_timeout_s": 300}, "120 s at most"),
        (
            {
                "launch_type": "FARGATE",
                "subnets": ("s",),
                "volumes": (Volume(name="v", container_path="/v", host_path="/data"),),
            },
            "shows no machine",
        ),
    ],
)
def test_what_a_launch_type_cannot_do_is_refused_with_the_reason(wrong, reason):
    with pytest.raises(ConfigurationError, match=reason):
        TaskSpec(**{"family": "job", "image": "image", **wrong})


@pytest.mark.parametrize("mode", ["bridge", "host", "none"])
def test_the_networks_of_ecs_anywhere_are_accepted(mode):
    assert TaskSpec(family="job", image="image", network_mode=mode).network == mode


def test_a_definition_holds_everything_that_was_asked_for(fake, joined):
    spec = TaskSpec(
        family="job",
        image=ECR,
        command=("train", "--steps", "2"),
        network_mode="host",
        cpu_units=512,
        memory_mib=1024,
        gpus=1,
        volumes=(Volume(name="data", container_path="/data", host_path="/srv/data", read_only=True),),
        environment={"A": "1"},
        secrets={"TOKEN": "arn:aws:secretsmanager:us-east-1:111122223333:secret:t"},
        log_group="/ecs/test",
        task_role_arn=ROLE,
        execution_role_arn=ROLE,
        user="10001",
        tags={"team": "docs"},
    )
    ecs_anywhere.register_task(joined, spec)
    (sent,) = _sent(fake, "RegisterTaskDefinition")
    assert {tag["key"] for tag in sent.pop("tags")} == {"team", "elasticache-police", "elasticache-police-digest"}
    assert sent == {
        "family": "job",
        "requiresCompatibilities": ["EXTERNAL"],
        "networkMode": "host",
        "taskRoleArn": ROLE,
        "executionRoleArn": ROLE,
        "volumes": [{"name": "data", "host": {"sourcePath": "/srv/data"}}],
        "containerDefinitions": [
            {
                "name": "main",
                "image": ECR,
                "essential": True,
                "cpu": 512,
                "memory": 1024,
                "command": ["train", "--steps", "2"],
                "user": "10001",
                "environment": [{"name": "A", "value": "1"}],
                "secrets": [{"name": "TOKEN", "valueFrom": "arn:aws:secretsmanager:us-east-1:111122223333:secret:t"}],
                "resourceRequirements": [{"type": "GPU", "value": "1"}],
                "mountPoints": [{"sourceVolume": "data", "containerPath": "/data", "readOnly": True}],
                "readonlyRootFilesystem": True,
                "stopTimeout": 120,
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {
                        "awslogs-group": "/ecs/test",
                        "awslogs-stream-prefix": "job",
                        "awslogs-region": "us-east-1",
                    },
                },
            }
        ],
    }


def test_registering_the_same_task_again_makes_no_new_revision(fake, joined):
    first = ecs_anywhere.register_task(joined, SPEC)
    assert ecs_anywhere.register_task(joined, SPEC) == first
    changed = TaskSpec(family="job", image="other", log_group="/ecs/test", execution_role_arn=ROLE)
    assert ecs_anywhere.register_task(joined, changed).arn.endswith("job:2")


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        TaskSpec(family="f", image=ECR, launch_type="FARGATE", execution_role_arn=ROLE, subnets=("subnet-1",)),
        TaskSpec(family="e", image="i", launch_type="EC2", gpus=1),
    ],
)
def test_every_planned_request_passes_botocores_own_validation(joined, spec):
    for wanted in ecs_anywhere.plan_run(joined, spec, 12, environment={"A": "1"}):
        model = botocore.session.get_session().get_service_model(wanted.service)
        shape = model.operation_model(wanted.operation).input_shape
        report = ParamValidator().validate(wanted.parameters, shape)
        assert not report.has_errors(), report.generate_report()


# ---- running ----------------------------------------------------------------------------------------------


def test_a_task_runs_to_its_end_and_prints_live(fake, joined):
    fake.script("job", Script(runs=4, log=["one", "two", "three"]))
    run = ecs_anywhere.run_task(joined, SPEC, command=["go"], environment={"A": "1"})
    lines, states = [], []

    (result,) = ecs_anywhere.wait_stopped(
        joined,
        [run],
        on_log=lambda line: lines.append((len(states), line.message)),
        on_progress=lambda now: states.append(now.status),
    )

    assert (result.succeeded, result.exit_code, result.stop_code) == (True, 0, "EssentialContainerExited")
    assert [message for _, message in lines] == ["one", "two", "three"]
    assert lines[0][0] < len(states)  # while it ran
    assert states == ["PENDING", "RUNNING", "RUNNING", "RUNNING", "STOPPED"]
    assert result.log_tail == ("one", "two", "three")
    assert fake.tasks[run.arn].command == ["go"]
    assert fake.tasks[run.arn].environment == {"A": "1"}


def test_the_same_call_runs_on_fargate(fake, joined):
    spec = TaskSpec(
        family="job", image="image", launch_type=LaunchType.FARGATE, subnets=("subnet-1",), assign_public_ip=True
    )
    ecs_anywhere.run_task(joined, spec)
    (sent,) = _sent(fake, "RunTask")
    assert sent["launchType"] == "FARGATE"
    assert sent["networkConfiguration"]["awsvpcConfiguration"] == {
        "subnets": ["subnet-1"],
        "securityGroups": [],
        "assignPublicIp": "ENABLED",
    }


@pytest.mark.parametrize("registered", [False, True])
def test_one_spec_runs_in_all_three_places(fake, joined, registered):
    spec = TaskSpec(family="job", image="image", cpu_units=256, memory_mib=512)
    for place, subnets in (("EXTERNAL", ()), ("FARGATE", ("subnet-1",)), ("EC2", ())):
        task = ecs_anywhere.register_task(joined, attrs.evolve(spec, launch_type=place, subnets=subnets))
        ecs_anywhere.run_task(joined, task.arn if registered else spec, launch_type=place, subnets=subnets)
    assert [sent["launchType"] for sent in _sent(fake, "RunTask")] == ["EXTERNAL", "FARGATE", "EC2"]
    assert ["networkConfiguration" in sent for sent in _sent(fake, "RunTask")] == [False, True, False]


@pytest.mark.parametrize(
    ("registered_for", "place"),
    [(["EC2", "EXTERNAL"], "EXTERNAL"), (["EC2"], "EC2"), (["MANAGED_INSTANCES", "FARGATE"], "FARGATE"),
     (["MANAGED_INSTANCES"], "EXTERNAL"), ([], "EXTERNAL")],
)  # fmt: skip
def test_a_task_that_others_registered_runs_on_a_machine_of_ones_own_where_it_may(joined, registered_for, place):
    container = {"name": "main", "image": "image", "memory": 64}
    joined.perform(
        "ecs",
        "RegisterTaskDefinition",
        family="theirs",
        requiresCompatibilities=registered_for,
        networkMode="bridge",
        containerDefinitions=[container],
    )
    assert look_up(joined, "theirs").launch_type.value == place


def test_an_unknown_launch_type_is_named_with_the_known_ones(joined):
    with pytest.raises(ConfigurationError, match="one of EXTERNAL, FARGATE, EC2, not 'MOON'"):
        ecs_anywhere.run_task(joined, SPEC, launch_type="MOON")


def test_a_task_left_running_can_be_waited_for_by_another_process(fake, joined):
    fake.script("job", Script(runs=3, log=["hello"]))
    started = ecs_anywhere.run_task(joined, SPEC)
    found = ecs_anywhere.find_task(joined, started.arn)
    lines = []
    (result,) = ecs_anywhere.wait_stopped(joined, [found], on_log=lambda line: lines.append(line.message))
    assert (result.exit_code, lines) == (0, ["hello"])
    with pytest.raises(NotFoundError, match="does not know task gone"):
        ecs_anywhere.find_task(joined, "gone")


def test_many_tasks_are_started_ten_at_a_time(fake, joined):
    small = TaskSpec(family="job", image="image", cpu_units=64, memory_mib=64)
    runs = ecs_anywhere.run_tasks(joined, small, 23)
    assert len({run.arn for run in runs}) == 23
    assert [parameters["count"] for parameters in _sent(fake, "RunTask")] == [10, 10, 3]
    assert len({parameters["clientToken"] for parameters in _sent(fake, "RunTask")}) == 3


def test_the_same_client_token_starts_nothing_twice(fake, joined):
    first = ecs_anywhere.run_task(joined, SPEC, client_token="nightly")
    again = ecs_anywhere.run_task(joined, SPEC, client_token="nightly")
    assert again.arn == first.arn
    assert len(fake.tasks) == 1
    with pytest.raises(AwsError, match="other parameters"):
        ecs_anywhere.run_task(joined, SPEC, client_token="nightly", command=["else"])


def test_the_same_client_token_starts_nothing_twice_where_the_first_call_waited_for_room(fake, joined):
    filler = attrs.evolve(SPEC, family="filler", cpu_units=4096, memory_mib=8192)
    fake.script("filler", Script(runs=3))
    fake.script("job", Script(runs=1000))
    ecs_anywhere.run_task(joined, filler)
    first = ecs_anywhere.run_task(joined, SPEC, client_token="nightly", placement_timeout_s=600)
    fake.tokens.clear()  # ECS forgets them in time
    again = ecs_anywhere.run_task(joined, SPEC, client_token="nightly", placement_timeout_s=600)
    assert again == first
    assert sum(task.definition["family"] == "job" for task in fake.tasks.values()) == 1
    other = ecs_anywhere.run_task(joined, SPEC, client_token="nightly-2")
    assert other.arn != first.arn


def test_a_call_that_is_repeated_after_its_tasks_were_stopped_again_starts_new_ones(fake, joined):
    big = attrs.evolve(SPEC, memory_mib=5000)
    fake.script("job", Script(runs=1000))
    with pytest.raises(PlacementError):
        ecs_anywhere.run_tasks(joined, big, 2, client_token="pair")
    fake.tick()
    fake.tokens.clear()
    activation = ecs_anywhere.create_activation(joined)
    fake.joins(activation.activation_id, activation.code)
    runs = ecs_anywhere.run_tasks(joined, big, 2, client_token="pair")
    assert [fake.tasks[run.arn].stop_asked for run in runs] == [False, False]


def test_a_request_that_is_sent_again_after_a_server_error_keeps_its_token(fake, joined):
    fake.fails("RunTask", "ServerException", status=500)
    ecs_anywhere.run_task(joined, SPEC)
    tokens = [parameters["clientToken"] for parameters in _sent(fake, "RunTask")]
    assert len(tokens) == 2
    assert len(set(tokens)) == 1


@pytest.mark.parametrize(
    ("wants", "reason", "words"),
    [
        ({"memory_mib": 999_999}, "RESOURCE:MEMORY", "no machine has enough memory free"),
        ({"cpu_units": 999_999}, "RESOURCE:CPU", "no machine has enough CPU units free"),
        ({"gpus": 1}, "RESOURCE:GPU", "--enable-gpu"),
    ],
)
def test_no_capacity_is_a_typed_error_that_says_what_lacks(joined, wants, reason, words):
    with pytest.raises(PlacementError, match=words) as failed:
        ecs_anywhere.run_task(joined, TaskSpec(family="job", image="image", **wants))
    assert failed.value.reasons == (reason,)
    assert (failed.value.wanted, failed.value.placed) == (1, 0)
    assert isinstance(failed.value, TaskFailedError)


def test_a_disconnected_agent_takes_no_task(fake, joined):
    (machine,) = ecs_anywhere.instances(joined)
    fake.machine(machine.instance_id).connected = False
    with pytest.raises(PlacementError, match="no machine's agent is connected"):
        ecs_anywhere.run_task(joined, SPEC)


def test_a_cluster_without_machines_is_a_placement_failure_too(cluster):
    ecs_anywhere.ensure_cluster(cluster)
    with pytest.raises(PlacementError, match="the cluster has no machines"):
        ecs_anywhere.run_task(cluster, SPEC)


def test_what_could_be_placed_is_stopped_when_not_all_could(fake, joined):
    big = TaskSpec(family="job", image="image", memory_mib=3000)
    with pytest.raises(PlacementError, match="2 of 5 tasks could be placed"):
        ecs_anywhere.run_tasks(joined, big, 5)
    assert len(fake.tasks) == 2
    assert all(task.stop_asked for task in fake.tasks.values())


def test_fewer_tasks_are_fine_when_allowed(fake, joined):
    big = TaskSpec(family="job", image="image", memory_mib=3000)
    assert len(ecs_anywhere.run_tasks(joined, big, 5, allow_fewer=True)) == 2
    assert not any(task.stop_asked for task in fake.tasks.values())


def test_room_is_waited_for_when_asked(fake, joined):
    big = TaskSpec(family="job", image="image", memory_mib=5000)
    fake.script("job", Script(runs=3))
    ecs_anywhere.run_task(joined, big)
    run = ecs_anywhere.run_task(joined, big, placement_timeout_s=120)
    assert len(fake.tasks) == 2
    assert run.arn in fake.tasks


FARGATE = TaskSpec(
    family="job",
    image="image",
    launch_type="FARGATE",
    subnets=("subnet-1", "subnet-2"),
    security_groups=("sg-1",),
    assign_public_ip=True,
)


@pytest.mark.parametrize("code", [None, "ClientException", "ThrottlingException"])
def test_no_capacity_on_fargate_is_the_same_typed_error(fake, joined, code):
    if code is None:
        fake.fargate_lacks = 1
    else:
        fake.fails("RunTask", code, NO_CAPACITY)
    with pytest.raises(PlacementError, match=r"no task could be placed .* further availability zones") as failed:
        ecs_anywhere.run_task(joined, FARGATE)
    assert failed.value.reasons[0].startswith("Capacity is unavailable at this time")
    assert failed.value.code == (code or "")


def test_capacity_on_fargate_is_waited_for_when_asked(fake, joined):
    fake.fargate_lacks = 1
    fake.fails("RunTask", "ClientException", NO_CAPACITY)
    seen = []
    ecs_anywhere.run_task(joined, FARGATE, placement_timeout_s=120, on_progress=lambda now: seen.append(now.status))
    assert len(fake.tasks) == 1
    assert ["Fargate has no room there now" in status for status in seen] == [True, True, False]


def test_a_family_on_fargate_runs_by_its_name_where_it_was_registered_to(fake, joined):
    ecs_anywhere.register_task(joined, FARGATE)
    ecs_anywhere.run_task(joined, "job")
    (sent,) = _sent(fake, "RunTask")
    assert sent["networkConfiguration"]["awsvpcConfiguration"] == {
        "subnets": ["subnet-1", "subnet-2"],
        "securityGroups": ["sg-1"],
        "assignPublicIp": "ENABLED",
    }


def test_other_subnets_are_another_revision(joined):
    first = ecs_anywhere.register_task(joined, FARGATE)
    assert ecs_anywhere.register_task(joined, FARGATE).arn == first.arn
    assert ecs_anywhere.register_task(joined, attrs.evolve(FARGATE, subnets=("subnet-3",))).arn != first.arn


def test_a_family_in_a_vpc_that_says_no_subnets_is_refused_with_what_to_do(fake, joined):
    definition = ecs_anywhere.register_task(joined, FARGATE)
    fake.definition_tags[definition.arn] = []  # registered by another program
    with pytest.raises(ConfigurationError, match=r"job:1 runs in network mode awsvpc.*--subnet"):
        ecs_anywhere.run_task(joined, "job")


def test_what_was_placed_and_cannot_be_stopped_again_is_named(fake, joined):
    big = TaskSpec(family="job", image="image", memory_mib=3000)
    fake.fails("StopTask", "AccessDeniedException", "no")
    with pytest.raises(PlacementError, match="2 of 5 tasks could be placed") as failed:
        ecs_anywhere.run_tasks(joined, big, 5)
    first, second = fake.tasks
    assert [fake.tasks[arn].stop_asked for arn in (first, second)] == [False, True]
    could_not, is_stopping = failed.value.__notes__
    assert could_not.startswith(f"task {first} was started and could not be stopped again: StopTask: no [code Acc")
    assert is_stopping == f"task {second} was started and is being stopped again"


# ---- waiting ----------------------------------------------------------------------------------------------


def test_a_task_that_ecs_does_not_know_yet_is_waited_for(fake, joined):
    fake.script("job", Script(invisible=3, runs=5))
    run = ecs_anywhere.run_task(joined, SPEC)
    states = []
    (result,) = ecs_anywhere.wait_stopped(joined, [run], on_progress=lambda now: states.append(now.status))
    assert states[:3] == ["not visible yet"] * 3
    assert result.succeeded


def test_a_task_that_never_shows_up_is_an_error_after_a_minute(fake, joined):
    fake.script("job", Script(invisible=10_000))
    run = ecs_anywhere.run_task(joined, SPEC)
    with pytest.raises(NotFoundError, match="does not know task"):
        ecs_anywhere.wait_stopped(joined, [run])


def test_a_task_that_ecs_does_not_know_for_a_moment_has_not_ended(fake, joined):
    """DescribeTasks is eventually consistent: known, missing and known again."""
    fake.script("job", Script(runs=20, exit_code=3))
    run = ecs_anywhere.run_task(joined, SPEC)

    def flap(now):
        fake.unknown = {run.arn} if int(now.elapsed_s / 25) % 2 else set()

    (result,) = ecs_anywhere.wait_stopped(joined, [run], on_progress=flap)
    assert (result.exit_code, result.stop_code) == (3, "EssentialContainerExited")


def test_a_task_that_ecs_forgot_counts_as_stopped_after_a_minute(fake, joined):
    fake.script("job", Script(runs=1000))
    run = ecs_anywhere.run_task(joined, SPEC)
    began = fake.clock()

    def forget(_now):
        fake.unknown = {run.arn}

    (result,) = ecs_anywhere.wait_stopped(joined, [run], on_progress=forget)
    assert (result.exit_code, result.stop_code) == (None, "MISSING")
    assert fake.clock() - began > 60


def test_a_task_is_waited_for_beyond_the_ten_minutes_of_botocores_waiter(fake, joined):
    fake.script("job", Script(runs=150))
    run = ecs_anywhere.run_task(joined, SPEC)
    began = fake.clock()
    (result,) = ecs_anywhere.wait_stopped(joined, [run])
    assert result.succeeded
    assert fake.clock() - began > 600


def test_a_wait_ends_when_it_was_told_to(fake, joined):
    fake.script("job", Script(runs=10_000))
    run = ecs_anywhere.run_task(joined, SPEC)
    with pytest.raises(WaitTimeoutError, match="the last state seen was RUNNING"):
        ecs_anywhere.wait_stopped(joined, [run], timeout_s=50)
    assert not fake.tasks[run.arn].stop_asked
    with pytest.raises(WaitTimeoutError):
        ecs_anywhere.wait_stopped(joined, [run], timeout_s=50, stop_on_timeout=True)
    assert fake.tasks[run.arn].stop_asked


def test_a_task_that_was_killed_for_memory_says_so(fake, joined):
    reason = "OutOfMemoryError: Container killed due to memory usage"
    fake.script("job", Script(exit_code=137, container_reason=reason, log=["epoch 1", "epoch 2"]))
    run = ecs_anywhere.run_task(joined, SPEC)
    (result,) = ecs_anywhere.wait_stopped(joined, [run], on_log=lambda line: None)
    assert (result.succeeded, result.exit_code) == (False, 137)
    with pytest.raises(TaskFailedError, match="raise memory_mib") as failed:
        result.raise_for_failure()
    assert (failed.value.exit_code, failed.value.task_arn) == (137, run.arn)
    assert "  epoch 2" in str(failed.value)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (Script(exit_code=137), "SIGKILL"),
        (Script(exit_code=139), "SIGSEGV"),
        (Script(exit_code=3), "exit code 3"),
        (
            Script(exit_code=None, stop_code="TaskFailedToStart", container_reason="CannotPullContainerError: denied"),
            "could not be pulled",
        ),
        (Script(exit_code=None, reason="ResourceInitializationError: unable to pull secrets"), "secret"),
        (
            Script(
                exit_code=None,
                container_reason="CannotStartContainerError: failed to create Cloudwatch log stream: "
                "ResourceNotFoundException: The specified log group does not exist.",
            ),
            "ensure_log_group",
        ),
        (Script(exit_code=None, stop_code="TaskFailedToStart", reason=NO_CAPACITY), "Fargate had no room"),
        (Script(exit_code=None, stop_code="TaskFailedToStart", reason="Task failed to start"), "never ran"),
    ],
)
def test_every_bad_end_has_an_explanation(fake, joined, script, words):
    fake.script("job", script)
    run = ecs_anywhere.run_task(joined, SPEC)
    (result,) = ecs_anywhere.wait_stopped(joined, [run])
    assert words in result.explanation
    with pytest.raises(TaskFailedError):
        result.raise_for_failure()


def test_an_agent_that_disconnects_in_the_middle_is_seen_and_survived(fake, joined):
    fake.script("job", Script(runs=2))
    run = ecs_anywhere.run_task(joined, SPEC)
    machine = fake.tasks[run.arn].machine
    machine.connected = False
    states = []

    def progress(now):
        states.append(now.status)
        if len(states) == 6:
            machine.connected = True

    (result,) = ecs_anywhere.wait_stopped(joined, [run], on_progress=progress)

    assert "RUNNING (agent disconnected: it goes on, ECS hears nothing of it)" in states
    assert result.succeeded


def test_throttling_in_the_middle_of_a_wait_is_survived(fake, joined):
    run = ecs_anywhere.run_task(joined, SPEC)
    fake.fails("DescribeTasks", "ThrottlingException", times=4)
    fake.fails("GetLogEvents", "ThrottlingException", times=2)
    (result,) = ecs_anywhere.wait_stopped(joined, [run], on_log=lambda line: None)
    assert result.succeeded


def test_throttling_when_starting_is_typed(fake, joined):
    fake.fails("RegisterTaskDefinition", "ThrottlingException", "Rate exceeded")
    with pytest.raises(ThrottledError):
        ecs_anywhere.run_task(joined, SPEC)


def test_what_a_plan_shows_is_what_is_sent(fake, joined):
    register, run = ecs_anywhere.plan_run(joined, SPEC, command=["go"])
    ecs_anywhere.run_task(joined, SPEC, command=["go"])
    assert _sent(fake, "RegisterTaskDefinition") == [register.parameters]
    (sent,) = _sent(fake, "RunTask")
    assert {**sent, "clientToken": "", "taskDefinition": ""} == {
        **run.parameters,
        "clientToken": "",
        "taskDefinition": "",
    }


def test_tasks_that_nobody_would_know_of_are_stopped_again(fake, joined):
    small = TaskSpec(family="job", image="image", cpu_units=64, memory_mib=64)
    ecs_anywhere.register_task(joined, small)
    sent = fake.run_task

    def second_is_refused(parameters):
        if fake.tasks:
            raise AwsFault("AccessDeniedException", "no more")
        return sent(parameters)

    fake.run_task = second_is_refused
    with pytest.raises(AwsError, match="no more") as caught:
        ecs_anywhere.run_tasks(joined, small, 12)
    assert all(task.stop_asked for task in fake.tasks.values())
    assert len(caught.value.__notes__) == 10


def test_logs_that_come_late_are_still_shown_once(fake, joined):
    fake.script("job", Script(runs=2, log=["a", "b"], log_late=3))
    run = ecs_anywhere.run_task(joined, SPEC)
    lines = []
    ecs_anywhere.wait_stopped(joined, [run], on_log=lambda line: lines.append(line.message), log_grace_s=60)
    assert lines == ["a", "b"]


def test_logs_that_never_come_do_not_hang_the_wait(fake, joined):
    fake.script("job", Script(runs=1, log=["never"], log_late=100_000))
    run = ecs_anywhere.run_task(joined, SPEC)
    lines = []
    (result,) = ecs_anywhere.wait_stopped(joined, [run], on_log=lines.append)
    assert (result.succeeded, lines) == (True, [])


def _unreadable(fake, joined, **task):
    fake.script("job", Script(runs=8, log=[str(number) for number in range(8)], **task))
    runs = ecs_anywhere.run_tasks(joined, SPEC, 2)
    lines = []
    results = ecs_anywhere.wait_stopped(joined, runs, on_log=lines.append)
    assert [result.exit_code for result in results] == [0, 0]
    return lines


def test_who_may_not_read_logs_waits_all_the_same_and_hears_it_once(fake, joined):
    fake.fails("GetLogEvents", "AccessDeniedException", "not authorized to perform: logs:GetLogEvents", times=100)
    (line,) = _unreadable(fake, joined)
    assert line.notice
    assert "it takes the permission logs:GetLogEvents on log group /ecs/test" in line.message
    assert len(_sent(fake, "GetLogEvents")) == 2  # once a task: it will not change


def test_a_log_group_that_is_gone_does_not_end_the_wait_and_is_named_once(fake, joined):
    fake.deleted_log_groups.add("/ecs/test")
    (line,) = _unreadable(fake, joined)
    assert line.notice
    assert "log group /ecs/test does not exist" in line.message


def test_logs_that_cannot_be_reached_for_a_while_change_nothing(fake, joined):
    """A wait must not depend on them: of CloudWatch Logs' bad hour only the lines are late."""
    fake.fails("GetLogEvents", "ServiceUnavailableException", times=9)
    lines = _unreadable(fake, joined)
    assert sorted(line.message for line in lines) == sorted([str(number) for number in range(8)] * 2)


def test_lines_before_an_error_are_not_lost(fake, joined):
    fake.script("job", Script(runs=10, log=["a", "b", "c", "d"]))
    run = ecs_anywhere.run_task(joined, SPEC)
    tail = ecs_anywhere.LogTail(joined, run.definition.log, run.task_id)
    for _ in range(6):
        fake.tick()
    sent = fake.get_log_events

    def second_page_fails(parameters):
        if "nextToken" in parameters:
            raise AwsFault("InvalidParameterException", "no")
        return sent(parameters)

    fake.get_log_events = second_page_fails
    assert [line.message for line in tail.poll()] == ["a", "b"]
    fake.get_log_events = sent
    assert [line.message for line in tail.poll()] == ["c", "d"]


def test_several_tasks_are_counted_by_state(fake, joined):
    small = TaskSpec(family="job", image="image", cpu_units=64, memory_mib=64)
    fake.script("job", Script(runs=1), Script(runs=3), Script(runs=3, exit_code=1))
    runs = ecs_anywhere.run_tasks(joined, small, 3)
    states = []
    results = ecs_anywhere.wait_stopped(joined, runs, on_progress=lambda now: states.append(now.status))
    assert [result.exit_code for result in results] == [0, 0, 1]
    assert "2 RUNNING, 1 STOPPED" in states


def test_ctrl_c_stops_the_tasks_only_when_asked(fake, joined):
    fake.script("job", Script(runs=1000))
    run = ecs_anywhere.run_task(joined, SPEC)

    def interrupt(_now):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ecs_anywhere.wait_stopped(joined, [run], on_progress=interrupt)
    assert not fake.tasks[run.arn].stop_asked
    with pytest.raises(KeyboardInterrupt):
        ecs_anywhere.wait_stopped(joined, [run], on_progress=interrupt, stop_on_interrupt=True)
    assert fake.tasks[run.arn].stop_asked


def _interrupt(_now):
    raise KeyboardInterrupt


def test_ctrl_c_names_what_goes_on(fake, joined):
    fake.script("job", Script(runs=0), Script(runs=1000))
    runs = ecs_anywhere.run_tasks(joined, SPEC, 2)
    fake.tick()
    with pytest.raises(KeyboardInterrupt) as caught:
        ecs_anywhere.wait_stopped(joined, runs, on_progress=_interrupt)
    (note,) = caught.value.__notes__
    assert note == f"1 task(s) go on in cluster police: {runs[1].task_id}"


def test_a_task_that_cannot_be_stopped_does_not_keep_the_others_running(fake, joined):
    fake.script("job", Script(runs=1000))
    runs = ecs_anywhere.run_tasks(joined, SPEC, 2)
    fake.fails("StopTask", "AccessDeniedException", "no")
    with pytest.raises(KeyboardInterrupt) as caught:
        ecs_anywhere.wait_stopped(joined, runs, on_progress=_interrupt, stop_on_interrupt=True)
    assert [fake.tasks[run.arn].stop_asked for run in runs] == [False, True]
    assert f"task {runs[0].task_id} could not be stopped: StopTask: no" in caught.value.__notes__[0]


def test_a_family_that_nobody_registered_is_named(joined):
    with pytest.raises(NotFoundError, match="there is no task definition nothing in us-east-1: register it first"):
        ecs_anywhere.run_task(joined, "nothing")


def test_stopping_a_task_that_is_gone_is_no_error(joined):
    assert ecs_anywhere.stop_task(joined, "arn:aws:ecs:us-east-1:111122223333:task/police/gone") is False


def test_a_family_can_be_run_by_name_and_its_log_is_found(fake, joined):
    ecs_anywhere.register_task(joined, SPEC)
    fake.script("job", Script(log=["hello"]))
    run = ecs_anywhere.run_task(joined, "job")
    lines = []
    ecs_anywhere.wait_stopped(joined, [run], on_log=lambda line: lines.append(line.message))
    assert lines == ["hello"]


def test_a_log_group_is_made_once(fake, joined):
    assert ecs_anywhere.ensure_log_group(joined, "/ecs/test") is True
    assert ecs_anywhere.ensure_log_group(joined, "/ecs/test") is False
    assert len(_sent(fake, "PutRetentionPolicy")) == 1
