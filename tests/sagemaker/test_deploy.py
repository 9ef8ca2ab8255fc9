"""Deploying, over a SageMaker that takes its time, fails and rolls back as AWS's does."""

from __future__ import annotations

import attrs
import boto3
import pytest
from fake_sagemaker import AwsFault

from elasticache_police import sagemaker_deploy as sm
from elasticache_police.errors import (
    AlreadyExistsError,
    AwsError,
    ConfigurationError,
    NotFoundError,
    ResourceFailedError,
    ThrottledError,
    WaitTimeoutError,
)

ENDPOINT = "ElastiCachePoliceEndpoint"


def _names(spec):
    made = sm.plan(spec)
    return made.model_names[0], made.config_name, made.endpoint_name


def test_a_first_deployment_makes_three_things_and_waits(fake, spec, pace, time) -> None:
    model, config, endpoint = _names(spec)
    events, looks = [], []
    done = sm.deploy(spec, pace=pace, on_event=events.append, on_progress=looks.append)
    assert fake.changes() == [f"CreateModel {model}", f"CreateEndpointConfig {config}", f"CreateEndpoint {endpoint}"]
    assert (done.action, done.endpoint.status, done.config_name, done.model_names) == (
        "created", "InService", config, (model,),
    )  # fmt: skip
    assert [resource.name for resource in done.made] == [model, config, endpoint]
    assert [str(event) for event in events] == [
        f"creating model {model}", f"creating endpoint configuration {config}", f"creating endpoint {endpoint}",
    ]  # fmt: skip
    assert [look.status for look in looks if "service" in look.waited_for] == ["Creating", "InService"]
    assert time.slept == [30.0]


def test_what_is_sent_is_what_the_plan_says(fake, spec, pace) -> None:
    sm.deploy(spec, pace=pace)
    sent = [(name, parameters) for name, parameters in fake.calls if name.startswith("Create")]
    assert sent == [(request.operation, request.parameters) for request in sm.plan(spec).requests]


def test_each_of_the_three_calls_is_usable_alone(fake, spec, model) -> None:
    assert ":model/" in sm.create_model(model)
    assert ":endpoint-config/" in sm.create_endpoint_config(spec)
    assert ":endpoint/" in sm.create_endpoint(spec)
    assert fake.operations() == ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"]
    with pytest.raises(AlreadyExistsError):
        sm.create_endpoint(spec)


def test_deploying_twice_changes_nothing(fake, spec, pace) -> None:
    sm.deploy(spec, pace=pace)
    before = fake.changes()
    again = sm.deploy(spec, pace=pace)
    assert (again.action, again.made) == ("unchanged", ())
    assert fake.changes() == before


def test_a_changed_specification_updates_the_endpoint(fake, spec, pace) -> None:
    first = sm.deploy(spec, pace=pace)
    bigger = attrs.evolve(spec, variants=[sm.Variant(instance_type="ml.m5.xlarge")])
    done = sm.deploy(bigger, pace=pace)
    assert (done.action, done.endpoint.config_name) == ("updated", sm.plan(bigger).config_name)
    assert done.replaced_config_name == first.config_name
    assert first.config_name in fake.configs, "the way back is kept"
    assert fake.changes()[-2:] == [f"CreateEndpointConfig {done.config_name}", f"UpdateEndpoint {ENDPOINT}"]


def test_update_is_never_the_first_time(fake, spec, pace) -> None:
    with pytest.raises(NotFoundError):
        sm.update(spec, pace=pace)
    assert fake.changes() == []


@pytest.mark.parametrize("failing", ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"])
@pytest.mark.parametrize("took_effect", [False, True], ids=["refused", "answer lost"])
def test_whichever_call_fails_nothing_is_left(fake, spec, pace, failing: str, took_effect: bool) -> None:
    fake.creating = ["InService"] if took_effect else ["Creating", "InService"]
    fake.fail(failing, "ResourceLimitExceeded", "quota", took_effect=took_effect)
    with pytest.raises(AwsError, match="quota") as caught:
        sm.deploy(spec, pace=pace)
    assert fake.names == set()
    model, config, endpoint = _names(spec)
    creates = [f"CreateModel {model}", f"CreateEndpointConfig {config}", f"CreateEndpoint {endpoint}"]
    sent = creates[: ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"].index(failing) + 1]
    assert fake.changes() == sent + [create.replace("Create", "Delete", 1) for create in reversed(sent)]
    assert caught.value.code == "ResourceLimitExceeded"


@pytest.mark.parametrize("attempts", ["1", "3"], ids=["repeated by us", "repeated by botocore"])
@pytest.mark.parametrize("failing", ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"])
def test_an_answer_lost_on_the_way_is_asked_for_again_and_the_thing_is_ours(
    fake, spec, pace, failing: str, attempts: str, monkeypatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", attempts)
    fake.fail(failing, "ConnectionClosed", took_effect=True)
    done = sm.deploy(spec, pace=pace)
    assert [resource.name for resource in done.made] == list(_names(spec))


@pytest.mark.parametrize("attempts", ["1", "3"], ids=["repeated by us", "repeated by botocore"])
@pytest.mark.parametrize("code", ["ConnectionClosed", "InternalFailure"])
def test_an_update_whose_answer_was_lost_is_waited_for(fake, spec, pace, code, attempts: str, monkeypatch) -> None:
    sm.deploy(spec, pace=pace)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", attempts)
    fake.updating = ["Updating"] * 6 + ["InService"]
    fake.fail("UpdateEndpoint", code, took_effect=True, status=500)
    bigger = attrs.evolve(spec, variants=[sm.Variant(instance_type="ml.m5.xlarge")])
    done = sm.deploy(bigger, pace=pace)
    assert (done.action, done.endpoint.config_name) == ("updated", sm.plan(bigger).config_name)


def test_an_update_by_somebody_else_meanwhile_is_not_taken_for_ours(fake, spec, pace) -> None:
    sm.deploy(spec, pace=pace)
    client = boto3.client("sagemaker")
    variants = [{"VariantName": "v", "ModelName": sm.plan(spec).model_names[0]}]
    client.create_endpoint_config(EndpointConfigName="theirs", ProductionVariants=variants)
    real = fake._UpdateEndpoint

    def raced(**parameters):
        fake._UpdateEndpoint = real
        real(EndpointName=ENDPOINT, EndpointConfigName="theirs")
        raise AwsFault("ThrottlingException", "Rate exceeded")

    fake._UpdateEndpoint = raced
    fake.updating = ["Updating"] * 6 + ["InService"]
    bigger = attrs.evolve(spec, variants=[sm.Variant(instance_type="ml.m5.xlarge")])
    with pytest.raises(AwsError, match="in-progress"):
        sm.deploy(bigger, pace=pace)


def test_what_was_made_although_the_answer_was_lost_is_removed_on_failure(fake, spec, pace) -> None:
    fake.creating = ["Creating", ("Failed", "reason")]
    for operation in ("CreateModel", "CreateEndpointConfig", "CreateEndpoint"):
        fake.fail(operation, "ConnectionClosed", took_effect=True)
    with pytest.raises(ResourceFailedError):
        sm.deploy(spec, pace=pace)
    assert fake.names == set()


def test_creating_that_fails_tells_why_and_what_the_container_said(fake, spec, pace) -> None:
    group, stream = f"/aws/sagemaker/Endpoints/{ENDPOINT}", "AllTraffic/i-1"
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    import time as clock

    now = int(clock.time() * 1000)
    lines = [{"timestamp": now + number, "message": f"line {number}\n"} for number in range(20)]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=lines)
    reason = "The primary container for production variant AllTraffic did not pass the ping health check."
    fake.creating = ["Creating", "Creating", ("Failed", reason)]
    with pytest.raises(ResourceFailedError) as caught:
        sm.deploy(spec, pace=pace)
    assert (caught.value.status, caught.value.reason) == ("Failed", reason)
    assert caught.value.log_tail == tuple(f"line {number}" for number in range(5, 20))
    assert "line 19" in str(caught.value)
    assert fake.names == set()
    assert "removed again: endpoint " in caught.value.__notes__[0]


def test_what_failed_can_be_kept_for_inspection(fake, spec, pace) -> None:
    fake.creating = [("Failed", "reason")]
    with pytest.raises(ResourceFailedError) as caught:
        sm.deploy(spec, pace=pace, undo=False)
    assert fake.names == set(_names(spec))
    assert caught.value.__notes__[0].startswith("kept as asked: model ")


def test_a_failed_endpoint_of_before_is_not_deployed_onto(fake, spec, pace) -> None:
    fake.creating = [("Failed", "reason")]
    with pytest.raises(ResourceFailedError):
        sm.deploy(spec, pace=pace, undo=False)
    with pytest.raises(ResourceFailedError, match="delete the endpoint before"):
        sm.deploy(spec, pace=pace)
    assert ENDPOINT in fake.endpoints


def test_a_throttle_in_the_middle_of_the_wait_is_survived(fake, spec, pace, time) -> None:
    fake.creating = ["Creating"] * 4 + ["InService"]
    fake.fail("DescribeEndpoint", "ThrottlingException", "Rate exceeded", after=2, times=2)
    assert sm.deploy(spec, pace=pace).endpoint.in_service
    assert time.slept[:3] == [30.0, 60.0, 60.0]


def test_a_throttle_that_never_ends_is_a_timeout_and_cleaned_up(fake, spec, pace) -> None:
    fake.fail("DescribeEndpoint", "ThrottlingException", "Rate exceeded", after=1, times=5)
    with pytest.raises(WaitTimeoutError) as caught:
        sm.deploy(spec, pace=pace, timeout_s=100.0)
    assert isinstance(caught.value.__cause__, ThrottledError)
    assert fake.names == set()


def test_giving_up_waits_for_creating_to_end_and_removes_everything(fake, spec, pace) -> None:
    fake.creating = ["Creating"] * 8 + ["InService"]
    with pytest.raises(WaitTimeoutError, match="Creating"):
        sm.deploy(spec, pace=pace, timeout_s=60.0)
    assert fake.names == set()
    assert fake.operations("DeleteEndpoint")[:2] == ["DeleteEndpoint"] * 2, "AWS refuses the first while Creating"


def test_ctrl_c_cleans_up_and_says_so(fake, spec, pace, time) -> None:
    fake.creating = ["Creating"] * 5 + ["InService"]
    time.interrupt_at = 2
    with pytest.raises(KeyboardInterrupt) as caught:
        sm.deploy(spec, pace=pace)
    assert fake.names == set()
    assert caught.value.__notes__[0].startswith(f"removed again: endpoint {ENDPOINT}")


def test_a_second_ctrl_c_ends_the_clean_up_and_names_what_is_left(fake, spec, time, pace) -> None:
    fake.creating = ["Creating"] * 50

    class TwiceInterrupted(type(time)):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if len(self.slept) in {2, 4}:
                raise KeyboardInterrupt

    twice = TwiceInterrupted()
    with pytest.raises(KeyboardInterrupt) as caught:
        sm.deploy(spec, pace=sm.Pace(clock=twice.clock, sleep=twice.sleep))
    model, config, endpoint = _names(spec)
    assert fake.names == {model, config, endpoint}
    note = "\n".join(caught.value.__notes__)
    for name in (model, config, endpoint):
        assert f"{name} (interrupted)" in note


@pytest.mark.parametrize("failure", [BrokenPipeError, SystemExit, RuntimeError])
@pytest.mark.parametrize("listener", ["on_event", "on_progress"])
def test_a_listener_that_fails_ends_the_deployment_and_not_the_clean_up(
    fake, spec, pace, listener: str, failure: type[BaseException]
) -> None:
    fake.creating = ["Creating"] * 4 + ["InService"]
    gone = []

    def heard(what) -> None:
        if gone or f"endpoint {ENDPOINT}" in str(what):
            gone.append(True)
            raise failure("nobody listens any more")

    with pytest.raises(failure, match="nobody listens") as caught:
        sm.deploy(spec, pace=pace, **{listener: heard})
    assert fake.names == set()
    assert caught.value.__notes__[0].startswith("removed again: ")


def test_what_cannot_be_removed_is_reported_and_does_not_stop_the_rest(fake, spec, pace) -> None:
    model, config, _ = _names(spec)
    fake.fail("CreateEndpoint", "ResourceLimitExceeded", "quota")
    fake.fail("DeleteEndpointConfig", "AccessDeniedException", "not allowed")
    with pytest.raises(AwsError, match="quota") as caught:
        sm.deploy(spec, pace=pace)
    assert fake.names == {config}
    (note,) = caught.value.__notes__
    assert f"removed again: model {model}" in note
    assert f"LEFT BEHIND: endpoint configuration {config}" in note
    assert "not allowed" in note


def test_configuration_and_model_stay_while_an_endpoint_that_cannot_go_uses_them(fake, spec, pace) -> None:
    fake.creating = [("Failed", "reason")]
    fake.fail("DeleteEndpoint", "AccessDeniedException", "not allowed")
    with pytest.raises(ResourceFailedError) as caught:
        sm.deploy(spec, pace=pace)
    assert fake.names == set(_names(spec))
    assert "still uses it" in caught.value.__notes__[0]


def test_a_role_that_sagemaker_cannot_assume_yet_is_waited_for(fake, spec, pace, time) -> None:
    text = "Could not assume role arn:aws:iam::123456789012:role/SageMakerRole. Please ensure that the role exists"
    fake.fail("CreateModel", "ValidationException", text, times=3)
    assert sm.deploy(spec, pace=pace).action == "created"
    assert fake.operations("CreateModel") == ["CreateModel"] * 4
    assert time.slept[:3] == [10.0, 20.0, 40.0]


def test_a_role_that_never_arrives_is_a_timeout_with_aws_s_words(fake, spec, pace) -> None:
    fake.fail("CreateModel", "ValidationException", "Could not assume role X", times=100)
    with pytest.raises(WaitTimeoutError) as caught:
        sm.deploy(spec, pace=pace, role_timeout_s=60.0)
    assert "Could not assume role X" in str(caught.value.__cause__)


def test_a_configuration_that_sagemaker_does_not_see_yet_is_waited_for(fake, spec, pace) -> None:
    fake.fail("CreateEndpoint", "ValidationException", "Could not find endpoint configuration", times=2)
    assert sm.deploy(spec, pace=pace).action == "created"
    assert fake.operations("CreateEndpoint").count("CreateEndpoint") == 3


def test_an_update_that_rolls_back_is_a_failure_and_its_configuration_goes(fake, spec, pace) -> None:
    first = sm.deploy(spec, pace=pace)
    fake.updating = ["Updating", "RollingBack", ("InService", "alarm 'errors' went off")]
    bigger = attrs.evolve(spec, variants=[sm.Variant(instance_type="ml.m5.xlarge")])
    with pytest.raises(ResourceFailedError, match="rolled back") as caught:
        sm.update(bigger, pace=pace)
    assert "alarm 'errors' went off" in caught.value.reason
    assert fake.endpoints[ENDPOINT]["config"] == first.config_name
    assert set(fake.configs) == {first.config_name}
    assert set(fake.models) == set(first.model_names)


@pytest.mark.parametrize("end", ["OutOfService", "UpdateRollbackFailed", "Failed"])
def test_states_from_which_nothing_comes_end_the_wait_and_what_may_be_in_use_stays(fake, spec, pace, end: str) -> None:
    sm.deploy(spec, pace=pace)
    fake.updating = ["Updating", (end, "reason")]
    other = attrs.evolve(spec, model=attrs.evolve(spec.model, environment={"A": "b"}))
    with pytest.raises(ResourceFailedError) as caught:
        sm.update(other, pace=pace)
    assert caught.value.status == end
    model, config, _ = _names(other)
    assert fake.operations("Delete") == []
    (note,) = caught.value.__notes__
    why = f"(endpoint {ENDPOINT} is {end} and still uses it)"
    assert note == f"LEFT BEHIND: endpoint configuration {config} {why}, model {model} {why}"


def test_an_interrupted_update_keeps_what_the_endpoint_is_moving_to(fake, spec, pace, time) -> None:
    sm.deploy(spec, pace=pace)
    fake.updating = ["Updating"] * 10
    time.interrupt_at = len(time.slept) + 1
    bigger = attrs.evolve(spec, variants=[sm.Variant(instance_type="ml.m5.xlarge")])
    with pytest.raises(KeyboardInterrupt) as caught:
        sm.update(bigger, pace=pace)
    assert sm.plan(bigger).config_name in fake.configs
    assert f"LEFT BEHIND: endpoint configuration {sm.plan(bigger).config_name}" in caught.value.__notes__[0]


def test_an_update_that_takes_a_moment_to_show_is_no_rollback(fake, spec, pace) -> None:
    sm.deploy(spec, pace=pace)
    bigger = attrs.evolve(spec, variants=[sm.Variant(instance_type="ml.m5.xlarge")])
    real = fake._DescribeEndpoint

    stale = iter([True, True])

    def described(EndpointName):  # noqa: N803
        answer = real(EndpointName)
        if fake.endpoints[EndpointName].get("pending") and next(stale, False):
            fake.endpoints[EndpointName]["script"] = ["Updating", "InService"]
            return answer | {"EndpointStatus": "InService"}
        return answer

    fake._DescribeEndpoint = described
    assert sm.update(bigger, pace=pace).action == "updated"


def test_an_explicit_name_with_other_content_is_refused_rather_than_deployed_as_it_was(fake, spec, pace) -> None:
    named = attrs.evolve(spec, config_name="ElastiCachePoliceEndpointConfig")
    sm.deploy(named, pace=pace)
    before = fake.changes()
    other = attrs.evolve(named, variants=[sm.Variant(instance_type="ml.m5.xlarge")])
    with pytest.raises(ConfigurationError, match="exists already with other content"):
        sm.deploy(other, pace=pace)
    assert fake.changes() == before
    assert sm.deploy(named, pace=pace).action == "unchanged"


def test_a_model_somebody_else_made_first_is_used_and_not_removed(fake, spec, pace) -> None:
    model, _, _ = _names(spec)
    real = fake._CreateModel

    def raced(ModelName, **parameters):  # noqa: N803
        real(ModelName, **parameters)
        return real(ModelName, **parameters)

    fake._CreateModel = raced
    fake.fail("CreateEndpointConfig", "ResourceLimitExceeded", "quota")
    with pytest.raises(AwsError, match="quota"):
        sm.deploy(spec, pace=pace)
    assert fake.names == {model}


def test_an_endpoint_being_deleted_is_waited_for_and_made_again(fake, spec, pace) -> None:
    sm.deploy(spec, pace=pace)
    fake.endpoints[ENDPOINT]["script"] = ["Deleting", "Deleting"]
    assert sm.deploy(spec, pace=pace).action == "created"


def test_a_client_for_another_region_is_refused(fake, spec) -> None:
    with pytest.raises(ConfigurationError, match="ap-northeast-1 and the client for us-east-1"):
        sm.deploy(spec, client=boto3.client("sagemaker", region_name="us-east-1"))
    assert fake.calls == []


def test_status_is_typed(fake, spec, pace) -> None:
    sm.deploy(spec, pace=pace)
    seen = sm.status(ENDPOINT)
    assert (seen.name, seen.status, seen.in_service, seen.config_name) == (
        ENDPOINT, "InService", True, sm.plan(spec).config_name,
    )  # fmt: skip
    assert seen.variants == (
        sm.VariantStatus(name="AllTraffic", instance_count=1, desired_count=1, weight=1.0, image="image:tag"),
    )
    with pytest.raises(NotFoundError):
        sm.status("Another")
