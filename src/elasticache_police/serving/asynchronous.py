"""``InvokeEndpointAsync`` on this machine: input from S3, the result to S3, an answer at once.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html. Which S3 it is, real or
a fake such as moto's server, is botocore's usual affair: ``AWS_ENDPOINT_URL_S3`` names another.
"""

from __future__ import annotations

import json
import logging
import re
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import attrs

from elasticache_police.errors import ConfigurationError
from elasticache_police.serving.http import Request, Response, validation_error_response

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["AsyncInvocations", "S3Prefix"]

_log = logging.getLogger(__name__)

_S3_URI = re.compile(r"s3://([^/]+)/?(.*)")
_HEADER = "x-amzn-sagemaker-"
_MOST_INLINE_BYTES = 128_000
"""Of a Body; a larger input lies in S3."""


@attrs.frozen
class S3Prefix:
    """A bucket and the beginning of a key."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> S3Prefix:
        """Read ``s3://bucket/key``.

        Raises:
            ConfigurationError: It is no such thing.
        """
        match = _S3_URI.fullmatch(uri)
        if match is None:
            raise ConfigurationError(f"{uri!r} is no address in S3: s3://BUCKET/KEY")
        return cls(match.group(1), match.group(2))

    def __truediv__(self, name: str) -> S3Prefix:
        return S3Prefix(self.bucket, f"{self.key.rstrip('/')}/{name}".lstrip("/"))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class AsyncInvocations:
    """Works on invocations in the background, a few at a time.

    Args:
        invoke: Asks the container.
        s3: A client for S3.
        output: Where results go.
        failure: Where errors go; None keeps them nowhere, as SageMaker does without ``S3FailurePath``.
        concurrency: How many invocations are worked on at a time.
    """

    def __init__(
        self,
        invoke: Callable[[Request], Response],
        s3: S3Client,
        *,
        output: S3Prefix,
        failure: S3Prefix | None,
        concurrency: int = 4,
    ) -> None:
        self._invoke = invoke
        self._s3 = s3
        self._output = output
        self._failure = failure
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="async")

    def submit(self, request: Request) -> Response:
        """Take an invocation on; the answer says where its result will be, or what is wrong with the request."""
        refused = _refused(request)
        if refused is not None:
            return validation_error_response(refused)
        identity = str(uuid.uuid4())
        extension = request.headers.get(f"{_HEADER}s3outputpathextension")
        base = self._output / extension if extension else self._output
        output = base / request.headers.get(f"{_HEADER}filename", f"{identity}.out")
        failure = self._failure / f"{identity}-error.out" if self._failure else None
        self._pool.submit(self._work, request, output, failure)
        headers = {f"{_HEADER}outputlocation": str(output), "x-amzn-RequestId": identity}
        if failure is not None:
            headers[f"{_HEADER}failurelocation"] = str(failure)
        body = {"InferenceId": request.headers.get(f"{_HEADER}inference-id", identity)}
        return Response(status=202, body=json.dumps(body).encode(), headers=headers)

    def _work(self, request: Request, output: S3Prefix, failure: S3Prefix | None) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            try:
                answer = self._invoke(self._container_request(request))
            except (BotoCoreError, ClientError, ConfigurationError) as error:
                answer = Response(status=400, body=f"the input cannot be read: {error}".encode())
            if answer.status == 200:
                self._put(output, answer.body, answer.content_type)
            elif failure is not None:
                side = "client" if answer.status < 500 else "server"
                text = answer.body.decode("utf-8", "replace")
                message = f'Received {side} error ({answer.status}) from primary with message "{text}".'
                self._put(failure, message.encode(), "text/plain")
        except (BotoCoreError, ClientError):
            _log.exception("the result of an asynchronous invocation could not be written to S3")

    def _container_request(self, request: Request) -> Request:
        """Make the request that the container gets, its body fetched from S3."""
        body = request.body
        if location := request.headers.get(f"{_HEADER}inputlocation"):
            source = S3Prefix.parse(location)
            body = self._s3.get_object(Bucket=source.bucket, Key=source.key)["Body"].read()
        names = {"content-type": "content-type", "accept": "accept", "custom-attributes": f"{_HEADER}custom-attributes"}
        headers = {
            name: request.headers[_HEADER + sent] for sent, name in names.items() if _HEADER + sent in request.headers
        }
        return Request(
            method="POST", path="/invocations", headers={"content-length": str(len(body)), **headers}, body=body
        )

    def _put(self, place: S3Prefix, body: bytes, content_type: str) -> None:
        self._s3.put_object(Bucket=place.bucket, Key=place.key, Body=body, ContentType=content_type)


def _refused(request: Request) -> str | None:
    """Say what SageMaker would not take about a request."""
    location = request.headers.get(f"{_HEADER}inputlocation")
    if location and request.body:
        return "Body and InputLocation are both given: an asynchronous invocation has one of them."
    if not location and not request.body:
        return "Neither Body nor InputLocation is given: an asynchronous invocation has one of them."
    if len(request.body) > _MOST_INLINE_BYTES:
        return (
            f"Body has {len(request.body)} bytes, and may have {_MOST_INLINE_BYTES}: put a larger input into S3, and"
            " its place into InputLocation."
        )
    return None
