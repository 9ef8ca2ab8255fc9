"""A model behind a SageMaker asynchronous endpoint, as a backend of :class:`Police`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from elasticache_police import _wire
from elasticache_police._remote import RemoteBackend
from elasticache_police.errors import AwsError, ConfigurationError, PayloadTooLargeError
from elasticache_police.spelling import DEFAULT_NAME
from elasticache_police.tickets import Ticket

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient
    from PIL import Image

    from elasticache_police._wire import Wire
    from elasticache_police.findings import Classification, Finding, Report

__all__ = ["AsyncBackend"]

_LIMIT_BYTES = 1024**3
_JOBS = 32
_PAGES_AT_ONCE = 32


class AsyncBackend(RemoteBackend):
    """A model behind an endpoint that answers through S3.

    Args:
        endpoint_name: Which.
        input_url: ``s3://bucket/prefix`` under which requests are put.
        names: The names its model polices.
        timeout_s: Seconds to wait for an answer where a call waits for one.
        poll_s: Seconds between two looks for it.
        keep_requests: Leave requests where they were put when their answers were read.
        client: SageMaker runtime client; wins over `session`.
        session: boto3 session, also for S3.
        config: botocore settings.
    """

    def __init__(
        self,
        endpoint_name: str,
        *,
        input_url: str,
        names: Sequence[str] = (DEFAULT_NAME,),
        timeout_s: float = 900.0,
        poll_s: float = 2.0,
        keep_requests: bool = False,
        client: SageMakerRuntimeClient | None = None,
        session: Session | None = None,
        config: Config | None = None,
    ) -> None:
        bucket, _, prefix = input_url.removeprefix("s3://").partition("/")
        if not input_url.startswith("s3://") or not bucket:
            raise ConfigurationError(f"input_url {input_url!r} is not of the form s3://bucket/prefix")
        super().__init__(endpoint_name, names=names, client=client, session=session, config=config)
        self._bucket = bucket
        self._prefix = prefix.strip("/")
        self._timeout_s = timeout_s
        self._poll_s = poll_s
        self._keep_requests = keep_requests

    @property
    def default_jobs(self) -> int:
        """Pictures under way at once: an endpoint at zero instances wakes by its queue."""
        return _JOBS

    @property
    def pages_at_once(self) -> int:
        """Pages that share a request: a wait for each would be long."""
        return _PAGES_AT_ONCE

    def inspect_pages(self, pages: Sequence[Image.Image]) -> list[tuple[Finding, ...]]:
        """Return every finding on each page, however unsure; waits for the answer."""
        ticket = self.submit(pages, source=f"{len(pages)} pages", min_confidence=0.0)
        return [page.findings for page in self.result(ticket).pages]

    def classify_lines(self, lines: npt.NDArray[np.uint8], *, wire: Wire = "base64") -> list[Classification]:
        """Return the verdict on each line of uint8 (N, 50, 700); waits for the answer."""
        if wire == "floats":
            body = _wire.floats_body(lines)
        else:
            # As PNG, which every TensorFlow decodes: a request cannot be sent again here in another form.
            body = _wire.picture_body("classify", (_wire.encode_line(line, form="PNG") for line in lines))
        ticket = self._send(body, source=f"{len(lines)} lines", page_sizes=(), min_confidence=0.0)
        answer = ticket.answer(
            self._timeout_s,
            poll_s=self._poll_s,
            keep_request=self._keep_requests,
            session=self._session,
            config=self._config,
        )
        return _wire.scores_of(_wire.predictions_of(answer, count=len(lines)))

    def submit(self, pages: Iterable[Image.Image], *, source: str, min_confidence: float) -> Ticket:
        """Hand pages over and return at once.

        Args:
            pages: All pages of one picture or document.
            source: What the user called it.
            min_confidence: Kept in the ticket, for the report.
        """
        sizes, encoded = [], []
        for page in pages:
            sizes.append((page.width, page.height))
            encoded.append(_wire.encode_page(page, limit_bytes=_LIMIT_BYTES))
        body = _wire.picture_body("inspect", encoded)
        return self._send(body, source=source, page_sizes=tuple(sizes), min_confidence=min_confidence)

    def result(self, ticket: Ticket, timeout_s: float | None = None) -> Report:
        """Wait for the answer to a ticket."""
        return ticket.result(
            self._timeout_s if timeout_s is None else timeout_s,
            poll_s=self._poll_s,
            keep_request=self._keep_requests,
            session=self._session,
            config=self._config,
        )

    def _send(
        self, body: bytes, *, source: str, page_sizes: tuple[tuple[int, int], ...], min_confidence: float
    ) -> Ticket:
        if len(body) > _LIMIT_BYTES:
            raise PayloadTooLargeError(
                f"{source} is a request of {len(body):,} bytes, and {_LIMIT_BYTES:,} are allowed: hand its pages over a"
                " few at a time",
                operation="InvokeEndpointAsync",
            )
        inference_id = str(uuid.uuid4())
        key = "/".join(part for part in (self._prefix, f"{inference_id}.json") if part)
        put = {"Bucket": self._bucket, "Key": key, "Body": body, "ContentType": "application/json"}
        self._perform("s3", "PutObject", put)
        input_url = f"s3://{self._bucket}/{key}"
        invoke = {
            "EndpointName": self._endpoint_name,
            "InputLocation": input_url,
            "ContentType": "application/json",
            "Accept": "application/json",
            "InferenceId": inference_id,
        }
        try:
            answer = self._perform("sagemaker-runtime", "InvokeEndpointAsync", invoke)
        except (AwsError, KeyboardInterrupt) as error:
            self._take_back(key, error)
            raise
        return Ticket(
            endpoint_name=self._endpoint_name,
            inference_id=str(answer.get("InferenceId") or inference_id),
            source=source,
            page_sizes=page_sizes,
            input_url=input_url,
            output_url=str(answer["OutputLocation"]),
            failure_url=str(answer.get("FailureLocation") or ""),
            names=self._names,
            min_confidence=min_confidence,
        )

    def _take_back(self, key: str, why: BaseException) -> None:
        """Delete a request that nobody took, and note where it lies when even that is refused."""
        try:
            self._perform("s3", "DeleteObject", {"Bucket": self._bucket, "Key": key})
        except AwsError as error:
            why.add_note(f"the request stays at s3://{self._bucket}/{key}: {error}")
