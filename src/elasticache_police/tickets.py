"""Requests to an asynchronous endpoint whose answers are fetched later, by this process or another."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import attrs

from elasticache_police import _wire
from elasticache_police._aws import Clients, Request, read_body
from elasticache_police._waiting import OnProgress, wait_until
from elasticache_police.errors import (
    AccessDeniedError,
    AwsError,
    ConfigurationError,
    InvocationError,
    NotFoundError,
    WaitTimeoutError,
)
from elasticache_police.findings import Finding, Page, Report

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_s3 import S3Client

__all__ = ["Ticket"]

_log = logging.getLogger(__name__)

_MAYBE_MISSING = frozenset({"403", "AccessDenied", "Forbidden"})
"""What S3 answers about a missing key to who may not list; other refusals, as of bad credentials, mean just that."""


def _split(url: str) -> tuple[str, str]:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key


def _read(clients: Clients, url: str, denied: list[AccessDeniedError]) -> bytes | None:
    """Return an object, or None while it is not there; `denied` holds the refusals that may mean just that."""
    bucket, key = _split(url)
    request = Request(service="s3", operation="GetObject", parameters={"Bucket": bucket, "Key": key})
    try:
        answer = clients.perform(request)
    except NotFoundError as error:
        if error.code == "NoSuchBucket":
            raise
        denied.clear()
        return None
    except AccessDeniedError as error:
        if error.code not in _MAYBE_MISSING:
            raise
        denied.append(error)
        return None
    return read_body(answer, "GetObject")


def _sizes(sizes: Iterable[Iterable[int]]) -> tuple[tuple[int, int], ...]:
    pairs = [tuple(size) for size in sizes]
    return tuple((int(width), int(height)) for width, height in pairs)


def _strings(texts: Iterable[str]) -> tuple[str, ...]:
    if isinstance(texts, str):
        raise TypeError("one text, and several are expected")
    return tuple(texts)


_TEXT = attrs.validators.instance_of(str)


@attrs.frozen(kw_only=True)
class Ticket:
    """A picture handed to an asynchronous endpoint; its report is at the end of :meth:`result`.

    Plain data: keep :meth:`to_json` anywhere and go on with :meth:`from_json` in another process.
    """

    endpoint_name: str = attrs.field(validator=_TEXT)
    inference_id: str = attrs.field(validator=_TEXT)
    source: str = attrs.field(validator=_TEXT)
    """What the user called the picture."""
    page_sizes: tuple[tuple[int, int], ...] = attrs.field(converter=_sizes)
    """Width and height of each page, pixels."""
    input_url: str = attrs.field(validator=_TEXT)
    """Where the request lies, until its answer or its failure was read."""
    output_url: str = attrs.field(validator=_TEXT)
    """Where the answer will appear."""
    failure_url: str = attrs.field(default="", validator=_TEXT)
    """Where word of a failure would appear; empty when the endpoint has no such place."""
    names: tuple[str, ...] = attrs.field(converter=_strings, validator=attrs.validators.deep_iterable(_TEXT))
    min_confidence: float = attrs.field(validator=attrs.validators.instance_of((int, float)))

    def to_json(self) -> str:
        """Return it as JSON text, to be stored."""
        return json.dumps(attrs.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Ticket:
        """Return a ticket from what :meth:`to_json` made.

        Raises:
            ConfigurationError: It is no such text.
        """
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"this is no stored ticket: {text[:80]!r}") from error

    def result(
        self,
        timeout_s: float = 900.0,
        *,
        poll_s: float = 2.0,
        keep_request: bool = False,
        on_progress: OnProgress | None = None,
        client: S3Client | None = None,
        session: Session | None = None,
        config: Config | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Report:
        """Wait for the answer and return it as a report; arguments and errors as for :meth:`answer`."""
        answer = self.answer(
            timeout_s,
            poll_s=poll_s,
            keep_request=keep_request,
            on_progress=on_progress,
            client=client,
            session=session,
            config=config,
            clock=clock,
            sleep=sleep,
        )
        return self.report_of(answer)

    def answer(
        self,
        timeout_s: float = 900.0,
        *,
        poll_s: float = 2.0,
        keep_request: bool = False,
        on_progress: OnProgress | None = None,
        client: S3Client | None = None,
        session: Session | None = None,
        config: Config | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> bytes:
        """Wait for the answer and return its bytes; :meth:`result` reads them.

        The request, which holds the picture, is deleted then, as far as the caller may; the answer stays.

        A missing object answers 404, or 403 when the caller may not list the bucket: both mean "not yet", and only
        when the time is up is a lasting 403 reported as what it may be.

        Args:
            timeout_s: Seconds after which to give up; the request itself goes on, and may be asked for again. An
                endpoint that has scaled to zero takes minutes to wake.
            poll_s: Seconds between two looks.
            keep_request: Leave the request where it lies.
            on_progress: Called after every look.
            client: S3 client; wins over `session`.
            session: boto3 session.
            config: botocore settings.
            clock: Seconds that only grow; injected by tests.
            sleep: Pauses for seconds; injected by tests.

        Raises:
            InvocationError: The model failed; with what it said.
            WaitTimeoutError: No answer in time.
            AccessDeniedError: No answer in time, and S3 says "forbidden" rather than "not there"; or, at once, the
                credentials are missing, wrong or expired.
            AwsError: AWS refused.
        """
        clients = Clients(clients=None if client is None else {"s3": client}, session=session, config=config)
        denied: list[AccessDeniedError] = []

        def look() -> tuple[bytes | None, bytes | None]:
            answer = _read(clients, self.output_url, denied)
            failure = _read(clients, self.failure_url, denied) if answer is None and self.failure_url else None
            return answer, failure

        try:
            answer, failure = wait_until(
                look,
                done=lambda seen: seen != (None, None),
                waited_for=f"the answer of {self.endpoint_name} about {self.source}",
                timeout_s=timeout_s,
                delay_s=poll_s,
                max_delay_s=max(30.0, poll_s),
                status=lambda seen: "pending" if seen == (None, None) else "answered",
                on_progress=on_progress,
                clock=clock,
                sleep=sleep,
            )
        except WaitTimeoutError as error:
            if denied:
                raise AccessDeniedError(
                    f"no answer after {error.elapsed_s:.0f} s, and S3 says 'forbidden' about {self.output_url}: either"
                    " it is not there yet (without s3:ListBucket a missing object answers 403), or s3:GetObject or the"
                    " key's kms:Decrypt is missing",
                    operation="GetObject",
                    code=denied[-1].code,
                    request_id=denied[-1].request_id,
                ) from error
            raise
        if not keep_request:
            self._delete_request(clients)
        if answer is None:
            said = (failure or b"").decode("utf-8", "replace").strip()
            raise InvocationError(
                f"the model failed on {self.source}: {said or 'it did not say why'}",
                operation="InvokeEndpointAsync",
                model_message=said,
            )
        return answer

    def _delete_request(self, clients: Clients) -> None:
        """Delete the request, which nobody needs any more; a refusal costs nobody the answer."""
        bucket, key = _split(self.input_url)
        try:
            clients.perform(Request(service="s3", operation="DeleteObject", parameters={"Bucket": bucket, "Key": key}))
        except AwsError as error:
            _log.debug("the request stays at %s: %s", self.input_url, error)

    def report_of(self, answer: bytes) -> Report:
        """Read an answer.

        Raises:
            InvocationError: It is none.
        """
        predictions = _wire.predictions_of(answer, count=len(self.page_sizes))
        pages = tuple(
            Page(number=number, width=width, height=height, findings=self._sure(prediction))
            for number, ((width, height), prediction) in enumerate(zip(self.page_sizes, predictions, strict=True), 1)
        )
        return Report(source=self.source, pages=pages)

    def _sure(self, prediction: object) -> tuple[Finding, ...]:
        found = _wire.findings_of(prediction, names=self.names)
        return tuple(finding for finding in found if finding.confidence >= self.min_confidence)
