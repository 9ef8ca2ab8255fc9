"""InvokeEndpointAsync: an answer at once, the result in S3 later, errors beside it."""

from __future__ import annotations

import json

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws

from elasticache_police.cli import main
from elasticache_police.errors import ConfigurationError
from elasticache_police.serving.asynchronous import AsyncInvocations, S3Prefix

INPUT = "s3://bucket/in/request.json"


@pytest.fixture
def s3():
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="in/request.json", Body=b"[1.0, 2.0]")
        yield client


@pytest.fixture
def submit(loopback, half_plus, s3, monkeypatch):
    """Send an invocation, wait for the work to be done, and return the answer."""
    plain = loopback({"half_plus_three": {1: half_plus(3)}})

    def send(failure="s3://bucket/failed", body=b"", **headers):
        invocations = AsyncInvocations(
            plain.container.invoke,
            s3,
            output=S3Prefix.parse("s3://bucket/out/"),
            failure=None if failure is None else S3Prefix.parse(failure),
        )
        monkeypatch.setattr(type(plain.container), "asynchronous", invocations, raising=False)
        named = {f"x_amzn_sagemaker_{name}": value for name, value in headers.items()}
        response = plain.request("POST", "/endpoints/E/async-invocations", body, **named)
        invocations._pool.shutdown(wait=True)
        return response

    return send


def read(s3, location):
    place = S3Prefix.parse(location)
    return s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read()


def keys(s3, prefix):
    return [item["Key"] for item in s3.list_objects_v2(Bucket="bucket", Prefix=prefix).get("Contents", [])]


def test_the_result_is_where_the_answer_says(submit, s3):
    response = submit(inputlocation=INPUT, content_type="application/json")

    assert response.status == 202
    output = response.headers["x-amzn-sagemaker-outputlocation"]
    assert output.startswith("s3://bucket/out/")
    assert json.loads(read(s3, output)) == {"predictions": [[3.5, 4.0]]}
    assert (len(keys(s3, "out/")), keys(s3, "failed/")) == (1, [])


def test_a_request_may_carry_its_body_and_name_its_result(submit, s3):
    response = submit(
        body=b'{"instances": [2.0]}',
        content_type="application/json",
        filename="mine.json",
        s3outputpathextension="today",
        inference_id="my-id",
    )

    assert (response.headers["x-amzn-sagemaker-outputlocation"], json.loads(response.body)) == (
        "s3://bucket/out/today/mine.json",
        {"InferenceId": "my-id"},
    )
    assert json.loads(read(s3, "s3://bucket/out/today/mine.json")) == {"predictions": [4.0]}


@pytest.mark.parametrize(
    ("body", "headers", "message"),
    [
        (b"", {}, "Neither Body nor InputLocation"),
        (b"[1.0]", {"inputlocation": INPUT}, "Body and InputLocation are both given"),
        (b" " * 128_001, {}, "Body has 128001 bytes, and may have 128000"),
    ],
)
def test_an_invocation_has_its_input_in_one_place_and_only_a_small_one_inline(submit, s3, body, headers, message):
    response = submit(body=body, content_type="application/json", **headers)

    assert (response.status, response.headers["x-amzn-ErrorType"]) == (400, "ValidationError")
    assert message in json.loads(response.body)["Message"]
    assert keys(s3, "out/") == keys(s3, "failed/") == []


def test_a_body_of_just_the_size_is_taken(submit):
    assert submit(body=b"[1.0]".ljust(128_000), content_type="application/json").status == 202


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"inputlocation": INPUT, "content_type": "text/html"}, "Received client error (415) from primary"),
        ({"inputlocation": "s3://bucket/nothing", "content_type": "application/json"}, "the input cannot be read"),
        ({"inputlocation": "nowhere", "content_type": "application/json"}, "'nowhere' is no address in S3"),
    ],
)
def test_an_error_goes_where_errors_go(submit, s3, headers, message):
    response = submit(**headers)

    assert response.status == 202
    assert message in read(s3, response.headers["x-amzn-sagemaker-failurelocation"]).decode()
    assert keys(s3, "out/") == []


def test_without_a_place_for_errors_they_are_lost_as_in_sagemaker(submit, s3):
    response = submit(failure=None, inputlocation=INPUT, content_type="text/html")

    assert "x-amzn-sagemaker-failurelocation" not in response.headers
    assert [item for item in keys(s3, "") if not item.startswith("in/")] == []


def test_an_endpoint_with_no_place_for_results_takes_none(half_plus_three):
    response = half_plus_three.request("POST", "/endpoints/E/async-invocations")

    assert (response.status, response.headers["x-amzn-ErrorType"]) == (400, "ValidationError")


def test_a_place_in_s3_is_checked():
    with pytest.raises(ConfigurationError, match="'bucket/out' is no address in S3"):
        S3Prefix.parse("bucket/out")


def test_a_place_for_errors_without_one_for_answers_is_refused(tmp_path) -> None:
    result = CliRunner().invoke(main, ["serve", str(tmp_path), "--async-failure", "s3://queue/failed"])
    assert result.exit_code == 2
    assert "--async-failure goes with --async-output" in result.stderr
