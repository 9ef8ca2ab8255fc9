"""Auto scaling that AWS throttles or refuses: an endpoint that answers stays, and nothing is claimed to be left."""

from __future__ import annotations

import io
import json

import attrs
import boto3
import pytest
import urllib3
from botocore.awsrequest import AWSResponse

from elasticache_police import sagemaker_deploy as sm
from elasticache_police.errors import (
    AccessDeniedError,
    AwsError,
    ConfigurationError,
    ResourceFailedError,
    ThrottledError,
    WaitTimeoutError,
)
from elasticache_police.sagemaker_deploy import deploying

ENDPOINT = "ElastiCachePoliceEndpoint"
TARGET = f"endpoint/{ENDPOINT}/variant/AllTraffic"
POLICY = f"{ENDPOINT}-AllTraffic-load"


class Refusing:
    """A boto3 session, some of whose requests to Application Auto Scaling are refused before they arrive."""

    def __init__(self) -> None:
        self.session = boto3.Session()
        self.refusals: dict[str, list[str]] = {}
        self.session.events.register("before-send.application-auto-scaling", self._refuse)

    def refuse(self, operation: str, code: str, *, times: int = 1000) -> None:
        self.refusals[operation] = [code] * times

    def _refuse(self, request, event_name, **_) -> AWSResponse | None:
        codes = self.refusals.get(event_name.rpartition(".")[2])
        if not codes:
            return None
        answer = io.BytesIO(json.dumps({"__type": codes.pop(), "message": "refused"}).encode())
        body = urllib3.HTTPResponse(body=answer, preload_content=False)
        return AWSResponse(request.url, 400, {"Content-Type": "application/x-amz-json-1.1"}, body)


@pytest.fixture
def refusing() -> Refusing:
    return Refusing()


@pytest.fixture
def scaled(spec) -> sm.EndpointSpec:
    return attrs.evolve(spec, variants=[sm.Variant(scaling=sm.TargetScaling(maximum=3, target=10.0))])


def _there() -> list[str]:
    client = boto3.client("application-autoscaling")
    where = {"ServiceNamespace": "sagemaker"}
    targets = client.describe_scalable_targets(**where)["ScalableTargets"]
    policies = client.describe_scaling_policies(**where)["ScalingPolicies"]
    return [*(target["ResourceId"] for target in targets), *(policy["PolicyName"] for policy in policies)]


@pytest.mark.parametrize(
    "operation", ["DescribeScalableTargets", "RegisterScalableTarget", "DescribeScalingPolicies", "PutScalingPolicy"]
)
@pytest.mark.parametrize("code", ["ThrottlingException", "ConcurrentUpdateException", "InternalServiceException"])
def test_a_refusal_that_passes_costs_no_endpoint(fake, scaled, pace, refusing, operation: str, code: str) -> None:
    refusing.refuse(operation, code, times=3)
    done = sm.deploy(scaled, pace=pace, session=refusing.session)
    assert [resource.kind for resource in done.made][2:] == ["endpoint", "scaling target", "scaling policy"]
    assert _there() == [TARGET, POLICY]


def test_scaling_that_never_came_to_be_is_not_left_behind(fake, scaled, pace, refusing) -> None:
    for operation in ("RegisterScalableTarget", "DeregisterScalableTarget"):
        refusing.refuse(operation, "AccessDeniedException")
    with pytest.raises(AccessDeniedError) as caught:
        sm.deploy(scaled, pace=pace, session=refusing.session)
    (note,) = caught.value.__notes__
    assert note.startswith(f"removed again: endpoint {ENDPOINT}, ")
    assert "LEFT BEHIND" not in note
    assert fake.names == set()


def test_scaling_that_is_there_and_cannot_go_is_left_behind(fake, scaled, pace, refusing) -> None:
    refusing.refuse("PutScalingPolicy", "ThrottlingException")
    refusing.refuse("DeregisterScalableTarget", "AccessDeniedException")
    with pytest.raises(WaitTimeoutError, match="PutScalingPolicy") as caught:
        sm.deploy(scaled, pace=pace, session=refusing.session)
    (note,) = caught.value.__notes__
    assert f"LEFT BEHIND: scaling target {TARGET} (" in note
    assert _there() == [TARGET]


def _with(spec: sm.EndpointSpec, **changes) -> sm.EndpointSpec:
    return attrs.evolve(spec, variants=[attrs.evolve(spec.variants[0], **changes)])


def _alarm_actions() -> list[str]:
    return [action for alarm in boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]
            if alarm["AlarmName"].startswith("elasticache-police/") for action in alarm["AlarmActions"]]  # fmt: skip


def test_scaling_makes_way_for_another_instance_type_and_is_set_up_again(fake, scaled, pace) -> None:
    sm.deploy(scaled, pace=pace)
    told: list[str] = []
    done = sm.deploy(
        _with(scaled, instance_type="ml.c5.large"), on_event=lambda event: told.append(str(event)), pace=pace
    )
    assert done.action == "updated"
    assert _there() == [TARGET, POLICY]
    update = told.index(f"updating endpoint {ENDPOINT}: to {done.config_name}")
    assert told[update - 2 : update] == [f"removing scaling target {TARGET}", f"removed scaling target {TARGET}"]
    assert told[update + 1 :] == [f"creating scaling target {TARGET}", f"creating scaling policy {POLICY}"]


def test_a_scaled_variant_may_go(fake, scaled, pace) -> None:
    sm.deploy(scaled, pace=pace)
    assert sm.deploy(_with(scaled, name="New", scaling=None), pace=pace).action == "updated"
    assert _there() == []


def test_scaling_stays_for_an_update_that_does_not_mind_it(fake, scaled, pace, refusing) -> None:
    sm.deploy(scaled, pace=pace)
    for operation in ("DeregisterScalableTarget", "DeleteScalingPolicy"):
        refusing.refuse(operation, "AccessDeniedException")
    assert sm.deploy(_with(scaled, volume_gib=20), pace=pace, session=refusing.session).action == "updated"


@pytest.fixture
def queue(spec) -> sm.EndpointSpec:
    variant = sm.Variant(scaling=sm.BacklogScaling(maximum=3))
    return attrs.evolve(spec, asynchronous=sm.AsyncInference(output_url="s3://queue/out"), variants=[variant])


def test_scaling_is_put_back_when_the_update_is_rolled_back(fake, queue, pace) -> None:
    sm.deploy(queue, pace=pace)
    before = _there(), _alarm_actions()
    fake.updating = ["Updating", "RollingBack", ("InService", "no capacity")]
    with pytest.raises(ResourceFailedError, match="rolled back") as caught:
        sm.deploy(_with(queue, instance_type="ml.c5.large"), pace=pace)
    assert _there() == before[0]
    client = boto3.client("application-autoscaling")
    policies = client.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    wake = [policy["PolicyARN"] for policy in policies if policy["PolicyType"] == "StepScaling"]
    assert _alarm_actions() == wake
    assert caught.value.__notes__[0].startswith(f"put back: scaling target {TARGET}, scaling policy ")
    (target,) = client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 3)


@pytest.mark.parametrize("code", ["ResourceLimitExceeded", "AccessDeniedException"])
def test_scaling_is_put_back_when_the_update_is_refused(fake, scaled, pace, code: str) -> None:
    sm.deploy(scaled, pace=pace)
    fake.fail("UpdateEndpoint", code, "refused")
    with pytest.raises(AwsError, match="refused"):
        sm.deploy(_with(scaled, instance_type="ml.c5.large"), pace=pace)
    assert _there() == [TARGET, POLICY]


def test_scaling_that_is_not_back_after_an_interrupted_update_is_told(fake, scaled, pace, time) -> None:
    sm.deploy(scaled, pace=pace)
    fake.updating = ["Updating"] * 10
    time.interrupt_at = len(time.slept) + 1
    with pytest.raises(KeyboardInterrupt) as caught:
        sm.deploy(_with(scaled, instance_type="ml.c5.large"), pace=pace)
    note = caught.value.__notes__[0]
    assert note.startswith(f"NOT PUT BACK: scaling target {TARGET}, scaling policy {POLICY}; deploy again to scale ")
    assert "it is Updating" in note


def test_scaling_of_somebody_else_s_is_not_taken_away_for_an_update(fake, scaled, pace) -> None:
    sm.deploy(scaled, pace=pace)
    boto3.client("application-autoscaling").put_scheduled_action(
        ServiceNamespace="sagemaker",
        ScheduledActionName="at-night",
        ResourceId=TARGET,
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        Schedule="cron(0 22 * * ? *)",
        ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 1},
    )
    with pytest.raises(ConfigurationError, match=r"AllTraffic would .* scaled by at-night"):
        sm.deploy(_with(scaled, instance_type="ml.c5.large"), pace=pace)
    assert _there() == [TARGET, POLICY]
    assert fake.operations("UpdateEndpoint") == []


def test_updating_what_scales_needs_what_the_policies_say(fake, queue, pace, refusing) -> None:
    called: set[str] = set()

    def note(model, **_) -> None:
        called.add(f"{model.service_model.service_name}:{model.name}")

    refusing.session.events.register("before-call", note)
    sm.deploy(queue, pace=pace, session=refusing.session)
    fake.updating = ["Updating", "RollingBack", "InService"]
    with pytest.raises(ResourceFailedError):
        sm.deploy(_with(queue, instance_type="ml.c5.large"), pace=pace, session=refusing.session)
    statements = [one for name in ("deploy", "scale") for one in sm.policy(name)["Statement"]]
    assert called <= {action for statement in statements for action in statement["Action"]}


@pytest.fixture
def looking_back(monkeypatch):
    """Make the looks for scaling of before raise errors, the first ones first; the looks after them are real."""
    errors: list[BaseException] = []
    look = deploying.outdated

    def outdated(*arguments):
        if errors:
            raise errors.pop(0)
        return look(*arguments)

    monkeypatch.setattr(deploying, "outdated", outdated)
    return errors


def test_a_bad_moment_after_the_update_costs_no_update(fake, scaled, spec, pace, looking_back) -> None:
    sm.deploy(scaled, pace=pace)
    looking_back += [
        ThrottledError("Rate exceeded", operation="DescribeAlarms", code="Throttling"),
        AwsError("closed", operation="DescribeAlarms", code="ConnectionClosedError"),
    ]
    done = sm.deploy(attrs.evolve(spec, variants=[sm.Variant(instance_type="ml.c5.large")]), pace=pace)
    assert (done.action, _there(), looking_back) == ("updated", [], [])


@pytest.mark.parametrize("kind", [KeyboardInterrupt, AwsError])
@pytest.mark.parametrize(("instance_type", "what"), [("ml.c5.large", "was updated to"), ("ml.m5.large", "has")])
def test_an_end_after_the_update_says_that_the_endpoint_is_in_service(
    fake, spec, pace, looking_back, kind: type[BaseException], instance_type: str, what: str
) -> None:
    sm.deploy(spec, pace=pace)
    looking_back.append(kind("broken"))
    with pytest.raises(kind) as caught:
        sm.deploy(attrs.evolve(spec, variants=[sm.Variant(instance_type=instance_type)]), pace=pace)
    config = fake.endpoints[ENDPOINT]["config"]
    assert caught.value.__notes__[-1:] == [
        f"endpoint {ENDPOINT} {what} configuration {config} and is in service; scaling of before may remain"
    ]
