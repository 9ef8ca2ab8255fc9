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
from elasticache_police.errors import AccessDeniedError, WaitTimeoutError

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
