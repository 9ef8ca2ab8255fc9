"""A model behind a SageMaker real-time or serverless endpoint, as a backend of :class:`Police`."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from elasticache_police import _wire
from elasticache_police._aws import Clients, Request, read_body
from elasticache_police.errors import AwsError, EndpointNotReadyError, InvocationError, PayloadTooLargeError
from elasticache_police.spelling import DEFAULT_NAME

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient
    from PIL import Image

    from elasticache_police._aws import JsonValue
    from elasticache_police._wire import LineForm, Wire
    from elasticache_police.findings import Classification, Finding

__all__ = ["EndpointBackend", "RemoteBackend", "min_confidence_of_packaged_model"]

_READ_TIMEOUT_S = 70  # the container has 60: asking again earlier would make it work twice
_JOBS = 8
_PAGES_AT_ONCE = 4  # an instance works through the pages of a request one after the other, in 60 s
_LINES_AT_ONCE = 32
_NOT_READY = re.compile(r"not in service|\bCreating\b|\bUpdating\b", re.IGNORECASE)
_UNKNOWN_FORM = re.compile(r"unknown image file format|webp", re.IGNORECASE)  # TensorFlow's words
_TOO_LARGE = re.compile(r"too large|exceeds? the (maximum|limit)|payload size", re.IGNORECASE)


def _runtime_config(config: Config | None) -> Config:
    """Return settings for a client that invokes endpoints; those that are given win."""
    from botocore.config import Config

    own = Config(read_timeout=_READ_TIMEOUT_S, max_pool_connections=64)
    return own if config is None else own.merge(config)


def min_confidence_of_packaged_model() -> float:
    """Return the packaged model's threshold, the best guess for one somewhere else."""
    from elasticache_police.errors import ModelFileError
    from elasticache_police.runtime.files import PACKAGED, Settings, read_settings

    try:
        return read_settings(PACKAGED).min_confidence
    except ModelFileError:
        return Settings(names=(DEFAULT_NAME,)).min_confidence


class RemoteBackend:
    """What all models behind an endpoint have in common. Connects on first use; safe to use from several threads.

    Args:
        endpoint_name: Which.
        names: The names its model polices.
        client: SageMaker runtime client; wins over `session`.
        session: boto3 session, also for other services.
        config: botocore settings.
    """

    def __init__(
        self,
        endpoint_name: str,
        *,
        names: Sequence[str] = (DEFAULT_NAME,),
        client: SageMakerRuntimeClient | None = None,
        session: Session | None = None,
        config: Config | None = None,
    ) -> None:
        self._endpoint_name = endpoint_name
        self._names = tuple(names)
        self._given = None if client is None else {"sagemaker-runtime": client}
        self._session = session
        self._config = config
        self._clients: Clients | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, object]:
        """Leave out what another process makes for itself."""
        return {name: value for name, value in vars(self).items() if name not in {"_clients", "_lock"}}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Take over what :meth:`__getstate__` gave."""
        vars(self).update(state, _clients=None, _lock=threading.Lock())

    @property
    def default_min_confidence(self) -> float:
        """The packaged model's; an endpoint does not tell its own."""
        return min_confidence_of_packaged_model()

    def _perform(self, service: str, operation: str, parameters: Mapping[str, object]) -> Mapping[str, object]:
        """Send a request; what is refused says what it is, where AWS's code does not tell."""
        with self._lock:
            if self._clients is None:
                config = _runtime_config(self._config)
                self._clients = Clients(clients=self._given, session=self._session, config=config)
        wanted = cast("Mapping[str, JsonValue]", parameters)
        try:
            return self._clients.perform(Request(service=service, operation=operation, parameters=wanted))
        except AwsError as error:
            raise _refined(error) from error.__cause__


class EndpointBackend(RemoteBackend):
    """A model behind an endpoint that answers at once.

    Args:
        endpoint_name: Which.
        names: The names its model polices.
        variant_name: Ask this variant only, rather than by the variants' weights.
        limit_bytes: Bytes that a request may have.
        client: SageMaker runtime client; wins over `session`.
        session: boto3 session.
        config: botocore settings.
    """

    def __init__(
        self,
        endpoint_name: str,
        *,
        names: Sequence[str] = (DEFAULT_NAME,),
        variant_name: str | None = None,
        limit_bytes: int = _wire.REAL_TIME_LIMIT,
        client: SageMakerRuntimeClient | None = None,
        session: Session | None = None,
        config: Config | None = None,
    ) -> None:
        super().__init__(endpoint_name, names=names, client=client, session=session, config=config)
        self._variant_name = variant_name
        self._limit_bytes = limit_bytes
        self._line_form: LineForm = "WEBP"

    @property
    def default_jobs(self) -> int:
        """Requests at once: the endpoint works, this process waits."""
        return _JOBS

    @property
    def pages_at_once(self) -> int:
        """Pages that share a request, where they fit."""
        return _PAGES_AT_ONCE

    def inspect_pages(self, pages: Sequence[Image.Image]) -> list[tuple[Finding, ...]]:
        """Return every finding on several pages, asked for in as few requests as fit the limit."""
        encoded = [_wire.encode_page(page, limit_bytes=self._limit_bytes) for page in pages]
        found: list[tuple[Finding, ...]] = []
        for batch in _wire.fit_into_batches(encoded, limit_bytes=self._limit_bytes, most=_PAGES_AT_ONCE):
            body = self._invoke(_wire.picture_body("inspect", batch))
            predictions = _wire.predictions_of(body, count=len(batch))
            found += [_wire.findings_of(prediction, names=self._names) for prediction in predictions]
        return found

    def classify_lines(self, lines: npt.NDArray[np.uint8], *, wire: Wire = "base64") -> list[Classification]:
        """Return the verdict on each line of uint8 (N, 50, 700)."""
        if wire == "floats":
            return self._classify_floats(lines)
        answers: list[Classification] = []
        while len(answers) < len(lines):
            form = self._line_form
            try:
                for some in self._classify_pictures(lines[len(answers) :], form):
                    answers += some
            except InvocationError as error:
                if form == "PNG" or not _UNKNOWN_FORM.search(str(error)):
                    raise
                # TensorFlow up to 2.19, such as AWS has for Graviton; or another model than ours, which asks for one
                # channel.
                self._line_form = "PNG"
        return answers

    def _classify_pictures(self, lines: npt.NDArray[np.uint8], form: LineForm) -> Iterator[list[Classification]]:
        """Yield the answers to lines, request by request."""
        encoded = [_wire.encode_line(line, form=form) for line in lines]
        for batch in _wire.fit_into_batches(encoded, limit_bytes=self._limit_bytes, most=_LINES_AT_ONCE):
            body = self._invoke(_wire.picture_body("classify", batch))
            yield _wire.scores_of(_wire.predictions_of(body, count=len(batch)))

    def _classify_floats(self, lines: npt.NDArray[np.uint8]) -> list[Classification]:
        body = _wire.floats_body(lines)
        if len(body) > self._limit_bytes and len(lines) > 1:
            half = len(lines) // 2
            return self._classify_floats(lines[:half]) + self._classify_floats(lines[half:])
        return _wire.scores_of(_wire.predictions_of(self._invoke(body), count=len(lines)))

    def _invoke(self, body: bytes) -> bytes:
        if len(body) > self._limit_bytes:
            raise PayloadTooLargeError(
                f"a request of {len(body):,} bytes, and {self._limit_bytes:,} are allowed", operation="InvokeEndpoint"
            )
        parameters: dict[str, object] = {
            "EndpointName": self._endpoint_name,
            "ContentType": "application/json",
            "Accept": "application/json",
            "Body": body,
        }
        if self._variant_name is not None:
            parameters["TargetVariant"] = self._variant_name
        answer = self._perform("sagemaker-runtime", "InvokeEndpoint", parameters)
        return read_body(answer, "InvokeEndpoint")


def _refined(error: AwsError) -> AwsError:
    """Return an error of an invocation as what it says it is, where AWS's code does not tell."""
    details = {"operation": error.operation, "code": error.code, "request_id": error.request_id}
    text = str(error)
    if type(error) is not AwsError:
        return error
    if error.code in {"ValidationError", "ValidationException"} and _NOT_READY.search(text):
        return EndpointNotReadyError(_plain(error), **details)
    if error.code in {"ValidationError", "ValidationException"} and _TOO_LARGE.search(text):
        return PayloadTooLargeError(_plain(error), **details)
    if error.code.isdigit():  # a container asked without SageMaker in between
        return InvocationError(_plain(error), model_status=int(error.code), **details)
    return error


def _plain(error: AwsError) -> str:
    """Return AWS's message alone."""
    response = getattr(error.__cause__, "response", {})
    return str(response.get("Error", {}).get("Message") or error)
