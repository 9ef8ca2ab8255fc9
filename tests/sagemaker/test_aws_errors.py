"""AWS's errors in this package's words, and clients that are made late."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ReadTimeoutError

from elasticache_police import _aws
from elasticache_police.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    AwsError,
    ConfigurationError,
    EndpointNotReadyError,
    InvocationError,
    NotFoundError,
    PayloadTooLargeError,
    ThrottledError,
)


def _client_error(code: str, message: str | None = "text", **extra: object) -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"RequestId": "req-1"}, **extra}
    return ClientError(response, "CreateEndpoint")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("ValidationException", 'Could not find endpoint "X".', NotFoundError),
        ("ValidationException", 'Could not find model "m1".', NotFoundError),
        ("ValidationException", "Cannot create already existing endpoint configuration 'arn:X'.", AlreadyExistsError),
        ("ValidationException", "1 validation error detected", AwsError),
        ("ValidationError", "Endpoint X of account 1 not found.", NotFoundError),
        ("ResourceNotFoundException", "m", NotFoundError),
        ("NoSuchKey", "m", NotFoundError),
        ("404", "Not Found", NotFoundError),
        ("EntityAlreadyExists", "m", AlreadyExistsError),
        ("ThrottlingException", None, ThrottledError),
        ("TooManyRequestsException", "m", ThrottledError),
        ("AccessDenied", "m", AccessDeniedError),
        ("403", "Forbidden", AccessDeniedError),
        ("ExpiredTokenException", "m", AccessDeniedError),
        ("ModelNotReadyException", "m", EndpointNotReadyError),
        ("413", "m", PayloadTooLargeError),
        ("ResourceLimitExceeded", "quota", AwsError),
    ],
)
def test_each_code_has_its_class(code: str, message: str | None, kind: type[AwsError]) -> None:
    error = _aws.translate(_client_error(code, message))
    assert type(error) is kind
    assert (error.operation, error.code, error.request_id) == ("CreateEndpoint", code, "req-1")


def test_a_model_error_carries_what_the_container_said() -> None:
    raw = _client_error(
        "ModelError", OriginalStatusCode=400, OriginalMessage='{"error": "bad"}', LogStreamArn="arn:log"
    )
    error = _aws.translate(raw, "InvokeEndpoint")
    assert isinstance(error, InvocationError)
    assert (error.model_status, error.model_message, error.log_url) == (400, '{"error": "bad"}', "arn:log")


def test_errors_without_an_answer_are_translated_too() -> None:
    nobody = _aws.translate(NoCredentialsError())
    assert type(nobody) is AccessDeniedError
    assert "AWS_ACCESS_KEY_ID" in str(nobody), "what to do about it"
    lost = _aws.translate(ReadTimeoutError(endpoint_url="http://x"), "InvokeEndpoint")
    assert (type(lost), lost.code, lost.operation) == (AwsError, "ReadTimeoutError", "InvokeEndpoint")


@pytest.mark.parametrize(
    ("code", "passes"), [("ThrottlingException", True), ("503", True), ("ValidationException", False)]
)
def test_which_errors_pass(code: str, passes: bool) -> None:
    assert _aws.is_passing(_aws.translate(_client_error(code))) is passes


def test_translated_keeps_the_cause() -> None:
    raw = _client_error("ThrottlingException")
    with pytest.raises(ThrottledError) as caught, _aws.translated("DescribeEndpoint"):
        raise raw
    assert caught.value.__cause__ is raw
    assert caught.value.operation == "DescribeEndpoint"


def test_a_given_client_wins_over_the_session() -> None:
    given = boto3.client("sagemaker", region_name="eu-west-1")
    clients = _aws.Clients(clients={"sagemaker": given}, session=boto3.Session(region_name="us-east-1"))
    assert clients["sagemaker"] is given
    assert clients["s3"].meta.region_name == "eu-west-1", "its neighbours are made for the same region"


def test_no_region_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(ConfigurationError, match="AWS_DEFAULT_REGION"):
        _aws.client("sagemaker")


def test_clients_retry_as_botocore_does_by_its_standard() -> None:
    made = _aws.client("sagemaker", region="eu-west-1")
    assert made.meta.config.retries["mode"] == "standard"
