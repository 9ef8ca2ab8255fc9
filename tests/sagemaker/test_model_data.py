"""An archive that no role could read is told at once, and not waited for like a role that is too new."""

from __future__ import annotations

import attrs
import boto3
import pytest
from botocore.stub import Stubber
from story import ACCOUNT

from elasticache_police import sagemaker_deploy as sm
from elasticache_police._aws import Clients
from elasticache_police.errors import ConfigurationError, NotFoundError, ResourceFailedError, WaitTimeoutError
from elasticache_police.sagemaker_deploy._session import Work
from elasticache_police.sagemaker_deploy.model_data import check_model_data

BUCKET = f"sagemaker-ap-northeast-1-{ACCOUNT}"
REFUSAL = (
    f"Could not access model data at s3://{BUCKET}/model.tar.gz. Please ensure that the role exists and that its trust"
    " relationship policy allows the action sts:AssumeRole, and that the object is located in ap-northeast-1."
)


@pytest.fixture
def refused(fake):
    """A SageMaker that cannot read any archive, in AWS's words."""
    fake.fail("CreateModel", "ValidationException", REFUSAL, times=1000)
    return fake


def _named(spec, url: str):
    return attrs.evolve(spec, model=attrs.evolve(spec.model, model_data_url=url))


def test_a_missing_archive_is_told_at_once_with_what_to_do(refused, archived, pace, time) -> None:
    url = f"s3://{BUCKET}/mistyped.tar.gz"
    with pytest.raises(NotFoundError, match=f"there is no archive at {url}: check the address, or send the archive"):
        sm.deploy(_named(archived, url), pace=pace)
    assert time.slept == []
    assert refused.names == set()
    assert refused.operations("CreateModel") == ["CreateModel"]


def test_a_missing_bucket_is_told_at_once(refused, spec, pace, time) -> None:
    with pytest.raises(NotFoundError, match="there is no bucket nobodys"):
        sm.deploy(_named(spec, "s3://nobodys/model.tar.gz"), pace=pace)
    assert time.slept == []


@pytest.mark.parametrize("work", [sm.deploy, sm.update], ids=["deploy", "update"])
def test_an_archive_in_another_region_is_refused_with_the_ways_out(fake, archived, pace, time, work) -> None:
    s3 = boto3.client("s3", region_name="eu-west-1")
    s3.create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="far", Key="model.tar.gz", Body=b"a model")
    sm.deploy(archived, pace=pace)
    before, time.slept[:] = fake.names, []
    fake.fail("CreateModel", "ValidationException", REFUSAL, times=1000)
    with pytest.raises(ConfigurationError, match="lies in eu-west-1, and SageMaker in ap-northeast-1 reads") as caught:
        work(_named(archived, "s3://far/model.tar.gz"), pace=pace)
    assert "or deploy to eu-west-1" in str(caught.value)
    assert time.slept == []
    assert fake.names == before


def test_a_batch_job_is_told_as_well(refused, spec, pace, time) -> None:
    model = attrs.evolve(spec.model, model_data_url="s3://nobodys/model.tar.gz")
    job = sm.BatchSpec(model=model, input_url="s3://nobodys/in/", output_url="s3://nobodys/out")
    with pytest.raises(NotFoundError, match="there is no bucket nobodys"):
        list(sm.inspect_batch(job, pace=pace))
    assert time.slept == []


def test_an_archive_that_is_there_leaves_the_role_to_be_waited_for(refused, archived, pace) -> None:
    with pytest.raises(WaitTimeoutError, match="Could not access model data"):
        sm.deploy(archived, pace=pace)


def test_a_deployment_that_is_not_refused_looks_at_no_archive(fake, spec, pace) -> None:
    """Its caller needs no permission on S3, and an archive that only the role may see is no matter."""
    assert sm.deploy(spec, pace=pace).action == "created"
    fake.creating = [("Failed", REFUSAL)]
    other = attrs.evolve(spec, endpoint_name="Another")
    with pytest.raises(ResourceFailedError):
        sm.deploy(other, pace=pace)


def _stubbed():
    s3 = boto3.client("s3", region_name="ap-northeast-1")
    return Work(clients=Clients(clients={"s3": s3})), Stubber(s3)


def test_what_the_caller_may_not_see_is_left_to_the_role() -> None:
    work, stub = _stubbed()
    with stub:
        stub.add_client_error("head_bucket", "403", "Forbidden", http_status_code=403)
        stub.add_client_error("head_object", "403", "Forbidden", http_status_code=403)
        check_model_data(work, "s3://theirs/model.tar.gz")
        stub.assert_no_pending_responses()


@pytest.mark.parametrize("allowed", [True, False])
def test_the_region_is_read_where_s3_says_it_even_in_a_refusal(allowed) -> None:
    work, stub = _stubbed()
    header = {"HTTPHeaders": {"x-amz-bucket-region": "us-east-1"}}
    with stub:
        if allowed:
            stub.add_response("head_bucket", {"BucketRegion": "us-east-1"}, {"Bucket": "far"})
        else:
            stub.add_client_error("head_bucket", "403", "Forbidden", http_status_code=403, response_meta=header)
        with pytest.raises(ConfigurationError, match="lies in us-east-1"):
            check_model_data(work, "s3://far/model.tar.gz")
