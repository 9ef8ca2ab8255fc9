"""Police over an asynchronous endpoint: tickets, answers, failures, and keys that are not there yet."""

from __future__ import annotations

import contextlib
import io
import json

import boto3
import pytest
from botocore.stub import Stubber
from PIL import Image
from test_remote import FOUND, NAME

from elasticache_police import Police, Ticket
from elasticache_police.errors import (
    AccessDeniedError,
    AwsError,
    ConfigurationError,
    InvocationError,
    NotFoundError,
    PayloadTooLargeError,
    WaitTimeoutError,
)


@pytest.fixture
def s3(fake):
    client = boto3.client("s3")
    client.create_bucket(Bucket="queue", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    return client


@pytest.fixture
def police(s3) -> Police:
    return Police.from_async(NAME, input_url="s3://queue/in", min_confidence=0.5, timeout_s=5.0, poll_s=0.01)


def _put(s3, url: str, body: bytes) -> None:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    s3.put_object(Bucket=bucket, Key=key, Body=body)


def _answer(pages: int = 1) -> bytes:
    return json.dumps({"predictions": [FOUND] * pages}).encode()


def _two_pages() -> Image.Image:
    file = io.BytesIO()
    first, second = Image.new("RGB", (200, 100), "white"), Image.new("RGB", (300, 150), "white")
    first.save(file, "TIFF", save_all=True, append_images=[second])
    return file.getvalue()


def test_a_ticket_is_kept_and_picked_up_in_another_process(fake, s3, police) -> None:
    ticket = police.submit(_two_pages())
    assert (ticket.endpoint_name, ticket.page_sizes) == (NAME, ((200, 100), (300, 150)))
    stored = ticket.to_json()
    _put(s3, ticket.output_url, _answer(2))
    report = Ticket.from_json(stored).result(timeout_s=5.0)
    assert [(page.number, page.width, len(page.findings)) for page in report.pages] == [(1, 200, 2), (2, 300, 2)]
    assert Ticket.from_json(stored) == ticket


def test_the_request_lies_where_the_endpoint_is_told(fake, s3, police) -> None:
    ticket = police.submit(Image.new("L", (20, 10)))
    headers = fake.calls[-1][1]["headers"]
    assert headers["x-amzn-sagemaker-inputlocation"] == ticket.input_url
    assert ticket.input_url == f"s3://queue/in/{ticket.inference_id}.json"
    body = s3.get_object(Bucket="queue", Key=f"in/{ticket.inference_id}.json")["Body"].read()
    assert json.loads(body)["signature_name"] == "inspect"


def test_inspect_waits_for_the_answer(fake, s3, police) -> None:
    real = fake._invoke_async

    def at_once(name, headers):
        body, answer = real(name, headers)
        _put(s3, answer["x-amzn-sagemaker-outputlocation"], _answer())
        return body, answer

    fake._invoke_async = at_once
    assert [finding.reading for finding in police.inspect(Image.new("L", (200, 100))).findings] == [
        "ElasticCache", "ElastiCache",
    ]  # fmt: skip


def test_a_failure_is_found_at_the_failure_location(fake, s3, police) -> None:
    ticket = police.submit(Image.new("L", (20, 10)))
    _put(s3, ticket.failure_url, b"Received server error (500) from model")
    with pytest.raises(InvocationError, match=r"server error \(500\)") as caught:
        ticket.result(timeout_s=5.0)
    assert caught.value.model_message == "Received server error (500) from model"


def _requests(s3) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket="queue", Prefix="in/").get("Contents", [])]


@pytest.mark.parametrize("failed", [False, True])
def test_a_request_goes_once_its_answer_or_its_failure_was_read(fake, s3, police, failed) -> None:
    ticket = police.submit(Image.new("L", (20, 10)))
    assert len(_requests(s3)) == 1
    _put(s3, ticket.failure_url if failed else ticket.output_url, _answer())
    with pytest.raises(InvocationError) if failed else contextlib.nullcontext():
        police.result(ticket)
    assert _requests(s3) == []


def test_a_request_stays_when_asked_or_when_there_is_no_answer_yet(fake, s3) -> None:
    police = Police.from_async(NAME, input_url="s3://queue/in", timeout_s=0.0, keep_requests=True)
    ticket = police.submit(Image.new("L", (20, 10)))
    with pytest.raises(WaitTimeoutError):
        ticket.result(timeout_s=0.0)
    _put(s3, ticket.output_url, _answer())
    police.result(ticket)
    ticket.result(keep_request=True)
    assert len(_requests(s3)) == 1


def test_who_may_not_delete_the_request_gets_the_answer_all_the_same(fake, s3, police) -> None:
    ticket = police.submit(Image.new("L", (20, 10)))
    client = boto3.client("s3")
    bucket, _, key = ticket.input_url.removeprefix("s3://").partition("/")
    with Stubber(client) as stub:
        stub.add_response("get_object", {"Body": io.BytesIO(_answer())})
        stub.add_client_error("delete_object", "AccessDenied", expected_params={"Bucket": bucket, "Key": key})
        assert len(ticket.result(timeout_s=0.0, client=client).findings) == 2
        stub.assert_no_pending_responses()


def test_no_answer_in_time_is_a_timeout_and_may_be_asked_for_again(fake, s3, police, time) -> None:
    ticket = police.submit(Image.new("L", (20, 10)))
    with pytest.raises(WaitTimeoutError) as caught:
        ticket.result(timeout_s=60.0, poll_s=10.0, clock=time.clock, sleep=time.sleep)
    assert (caught.value.elapsed_s, caught.value.last_status) == (60.0, "pending")
    _put(s3, ticket.output_url, _answer())
    assert len(police.result(ticket, timeout_s=1.0).findings) == 2


class _Forbidding:
    """S3 for a caller who may not list the bucket: a missing key answers 403 for a while."""

    def __init__(self, s3, times: int) -> None:
        self._s3, self._times, self.meta = s3, times, s3.meta
        self.delete_object = s3.delete_object

    def get_object(self, **parameters):
        if self._times > 0:
            self._times -= 1
            raise self._s3.exceptions.ClientError(
                {"Error": {"Code": "AccessDenied", "Message": "Access Denied"}, "ResponseMetadata": {"RequestId": "r"}},
                "GetObject",
            )
        return self._s3.get_object(**parameters)


def test_a_403_means_not_yet_where_the_bucket_may_not_be_listed(fake, s3, police, time) -> None:
    ticket = police.submit(Image.new("L", (20, 10)))
    _put(s3, ticket.output_url, _answer())
    report = ticket.result(timeout_s=60.0, client=_Forbidding(s3, 4), clock=time.clock, sleep=time.sleep)
    assert len(report.findings) == 2


def test_a_403_that_lasts_says_what_may_be_missing(fake, s3, police, time) -> None:
    ticket = police.submit(Image.new("L", (20, 10)))
    with pytest.raises(AccessDeniedError, match="s3:ListBucket") as caught:
        ticket.result(timeout_s=60.0, client=_Forbidding(s3, 10_000), clock=time.clock, sleep=time.sleep)
    assert isinstance(caught.value.__cause__, WaitTimeoutError)


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "ExpiredToken", "SignatureDoesNotMatch"])
def test_bad_credentials_are_told_at_once_and_not_taken_for_not_yet(fake, s3, police, time, code) -> None:
    ticket = police.submit(Image.new("L", (20, 10)))
    client = boto3.client("s3")
    with Stubber(client) as stub:
        stub.add_client_error("get_object", code, "no good", http_status_code=403)
        with pytest.raises(AccessDeniedError, match="no good") as caught:
            ticket.result(timeout_s=60.0, client=client, clock=time.clock, sleep=time.sleep)
    assert (caught.value.code, time.slept) == (code, [])


def test_a_bucket_that_does_not_exist_ends_the_wait_at_once(fake, s3, police) -> None:
    import attrs

    ticket = attrs.evolve(police.submit(Image.new("L", (20, 10))), output_url="s3://nowhere/out/x.out")
    with pytest.raises(NotFoundError):
        ticket.result(timeout_s=60.0)


def test_a_refused_request_leaves_nothing_in_the_bucket(fake, s3, police) -> None:
    fake.fail("InvokeEndpointAsync", "ValidationError", f"Endpoint {NAME} of account 123456789012 not found.")
    with pytest.raises(NotFoundError):
        police.submit(Image.new("L", (20, 10)))
    assert "Contents" not in s3.list_objects_v2(Bucket="queue")


def test_a_request_interrupted_on_its_way_leaves_nothing_in_the_bucket(fake, s3, police, monkeypatch) -> None:
    from elasticache_police._aws import Clients

    real = Clients.perform

    def interrupted(self, request):
        if request.operation == "InvokeEndpointAsync":
            raise KeyboardInterrupt
        return real(self, request)

    monkeypatch.setattr(Clients, "perform", interrupted)
    with pytest.raises(KeyboardInterrupt):
        police.submit(Image.new("L", (20, 10)))
    assert "Contents" not in s3.list_objects_v2(Bucket="queue")


def test_a_document_too_large_in_all_its_pages_is_refused_before_it_is_sent(fake, s3, police, monkeypatch) -> None:
    monkeypatch.setattr("elasticache_police._async._LIMIT_BYTES", 600)
    with pytest.raises(PayloadTooLargeError, match="and 600 are allowed: hand its pages over a few at a time"):
        police.submit(_two_pages())
    assert "Contents" not in s3.list_objects_v2(Bucket="queue")


def test_classify_works_here_too(fake, s3, police) -> None:
    real = fake._invoke_async

    def at_once(name, headers):
        body, answer = real(name, headers)
        _put(s3, answer["x-amzn-sagemaker-outputlocation"], b'{"predictions": [[0.25]]}')
        return body, answer

    fake._invoke_async = at_once
    assert police.classify(Image.new("L", (700, 50))).score == 0.25


def test_what_is_no_ticket_or_no_prefix_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        Ticket.from_json('{"endpoint_name": "x"}')


@pytest.mark.parametrize(
    "wrong",
    [{"output_url": 6}, {"failure_url": None}, {"names": "ElastiCache"}, {"names": [1]}, {"min_confidence": "0"}],
)
def test_a_stored_ticket_with_other_kinds_of_values_is_refused_when_it_is_read(wrong) -> None:
    stored = {
        "endpoint_name": "E", "inference_id": "1", "source": "a.png", "page_sizes": [[1, 2]],
        "input_url": "s3://bucket/in", "output_url": "s3://bucket/out", "failure_url": "", "names": ["ElastiCache"],
        "min_confidence": 0.5,
    }  # fmt: skip
    Ticket.from_json(json.dumps(stored))
    with pytest.raises(ConfigurationError, match="no stored ticket"):
        Ticket.from_json(json.dumps(stored | wrong))
    with pytest.raises(ConfigurationError):
        Police.from_async(NAME, input_url="queue/in")


def test_moto_s_asynchronous_endpoint_is_understood(moto) -> None:
    """Moto answers at once, at a place of its own choosing, for any endpoint."""
    boto3.client("s3").create_bucket(Bucket="queue", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    police = Police.from_async(NAME, input_url="s3://queue/in", min_confidence=0.5)
    ticket = police.submit(Image.new("L", (20, 10)))
    with pytest.raises(AwsError):
        ticket.result(timeout_s=5.0)
