"""The whole control plane over moto's server, as anyone can run it without an account."""

from __future__ import annotations

import boto3
import pytest
from botocore_rules import problems
from test_archive import pack

from elasticache_police import sagemaker_deploy as sm
from elasticache_police.errors import ResourceFailedError

pytestmark = pytest.mark.usefixtures("moto")
ENDPOINT = "ElastiCachePoliceEndpoint"


def test_the_story_from_archive_to_nothing(tmp_path, pace) -> None:
    role = sm.ensure_execution_role()
    archive = sm.upload(pack(tmp_path / "model.tar.gz", "1/saved_model.pb"))
    spec = sm.EndpointSpec(
        model=sm.ModelSpec(
            name="ElastiCachePoliceModel",
            model_data_url=archive.url,
            role_arn=role.arn,
            tensorflow_version="2.4.1",
        ),
        config_name="ElastiCachePoliceEndpointConfig",
    )
    assert sm.deploy(spec, pace=pace).action == "created"
    client = boto3.client("sagemaker")
    model = client.describe_model(ModelName="ElastiCachePoliceModel")
    assert model["PrimaryContainer"]["Image"] == (
        "763104351884.dkr.ecr.ap-northeast-1.amazonaws.com/tensorflow-inference:2.4.1-cpu"
    )
    assert model["PrimaryContainer"]["ModelDataUrl"] == archive.url
    (variant,) = client.describe_endpoint_config(EndpointConfigName="ElastiCachePoliceEndpointConfig")[
        "ProductionVariants"
    ]
    assert {key: variant[key] for key in ("VariantName", "InstanceType", "InitialInstanceCount")} == {
        "VariantName": "AllTraffic", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1,
    }  # fmt: skip
    assert sm.status(ENDPOINT).in_service
    assert sm.deploy(spec, pace=pace).action == "unchanged"
    assert [resource.kind for resource in sm.list()] == ["endpoint", "endpoint configuration", "model", "archive"]
    sm.delete(ENDPOINT, pace=pace)
    (left,) = sm.list()
    assert (left.kind, f"s3://{left.name}", left.billable) == ("archive", archive.url, True)
    sm.delete_all(pace=pace)
    assert sm.list() == ()


def test_a_failure_told_by_moto_s_own_state_is_told(spec, pace, moto) -> None:
    from moto.sagemaker.models import sagemaker_backends

    sm.deploy(spec, pace=pace)
    endpoint = sagemaker_backends["123456789012"]["ap-northeast-1"].endpoints[ENDPOINT]
    endpoint.endpoint_status, endpoint.failure_reason = "Failed", "no capacity"
    with pytest.raises(ResourceFailedError, match="no capacity"):
        sm.wait_in_service(ENDPOINT, pace=pace)


def test_every_request_of_the_clean_up_is_one_botocore_knows() -> None:
    from typing import get_args

    from elasticache_police.sagemaker_deploy.resources import Kind, Resource, delete_request

    names = {
        "archive": "bucket/key",
        "activation": "01234567-89ab-cdef-0123-456789abcdef",
        "managed instance": "mi-0123456789abcdef0",
        "task": "arn:aws:ecs:r:1:task/c/t",
    }
    for kind in get_args(Kind):
        request = delete_request(Resource(kind=kind, name=names.get(kind, "a-name"), part="p"))
        assert problems(request) == []
