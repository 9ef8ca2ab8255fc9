"""SageMaker's contract with a container, and the runtime API in front of it: ``/ping``, ``/invocations``, endpoints.

What the managed TensorFlow container's nginx and Python service do, and for ``/endpoints/NAME/invocations`` what
SageMaker makes of it for ``InvokeEndpoint``:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

import logging
import re
import uuid
from typing import TYPE_CHECKING
from urllib.parse import unquote

import attrs

from elasticache_police.model.serving_code.inference import JSON_TYPES, csv_request, json_request, media_type
from elasticache_police.serving.asynchronous import AsyncInvocations
from elasticache_police.serving.handlers import Handlers
from elasticache_police.serving.http import (
    Request,
    Response,
    error_response,
    falcon_response,
    runtime_error_response,
    validation_error_response,
)
from elasticache_police.serving.options import ContainerVersion

if TYPE_CHECKING:
    import requests

__all__ = ["Container"]

_log = logging.getLogger(__name__)

_ATTRIBUTES_HEADER = "x-amzn-sagemaker-custom-attributes"
_ATTRIBUTE = re.compile(r"tfs-[a-z\-]+=[^,]+")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_VERSION = re.compile(r"[0-9]+")
_METHODS = ("predict", "classify", "regress")
_ENDPOINT = re.compile(r"/endpoints/([^/]+)/(invocations|async-invocations)")


class _BadAttributeError(ValueError):
    """A ``tfs-*`` attribute that containers from 2.20 refuse."""


@attrs.frozen(kw_only=True)
class Container:
    """Answers what SageMaker and its clients send."""

    serving_url: str
    """Where TensorFlow Serving's REST API is, such as ``http://127.0.0.1:8501``."""
    session: requests.Session
    default_model: str
    has_python_service: bool
    """Whether ``code/`` makes the container start its Python service."""
    handlers: Handlers | None
    """``code/inference.py``, if there is one."""
    version: ContainerVersion
    endpoint_name: str | None
    timeout_s: float
    asynchronous: AsyncInvocations | None = None
    """Takes ``InvokeEndpointAsync``, if results have a place to go."""

    def answer(self, request: Request) -> Response:
        """Answer a request to the container, or to the runtime in front of it."""
        if request.path == "/ping":
            return self._ping() if request.method in {"GET", "HEAD"} else _method_not_allowed("GET")
        if request.path == "/invocations":
            return self.invoke(request) if request.method == "POST" else _method_not_allowed("POST")
        if match := _ENDPOINT.fullmatch(request.path):
            if request.method != "POST":
                return _method_not_allowed("POST")
            name = unquote(match.group(1))
            if self.endpoint_name not in {None, name}:
                return validation_error_response(f"Endpoint {name} of account 000000000000 not found.")
            return self._invoke_endpoint(request, name) if match.group(2) == "invocations" else self._submit(request)
        return error_response(404, "Not Found")

    def _ping(self) -> Response:
        if not self.has_python_service:
            import requests

            try:
                reply = self.session.get(f"{self.serving_url}/v1/models/{self.default_model}", timeout=2)
            except requests.RequestException as error:
                _log.warning("failed ping: %s", error)
                return Response(status=502)
            if reply.status_code != 200 or '"AVAILABLE"' not in reply.text:
                return Response(status=502)
        return Response(status=200)

    def invoke(self, request: Request) -> Response:
        """Answer a request to the container's own path."""
        attributes = _attributes(request)
        try:
            rest_uri = self._rest_uri(attributes)
        except _BadAttributeError as error:
            return error_response(400, str(error))
        if self.handlers is not None:
            return self.handlers.answer(request, rest_uri=rest_uri, attributes=attributes, timeout_s=self.timeout_s)
        return (
            self._pass_on_as_it_is(request, rest_uri) if self.has_python_service else self._pass_on(request, rest_uri)
        )

    def _rest_uri(self, attributes: dict[str, str]) -> str:
        name = attributes.get("tfs-model-name") or self.default_model
        version, method = attributes.get("tfs-model-version"), attributes.get("tfs-method", "predict")
        if self.version is not ContainerVersion.UP_TO_2_19:
            if not _NAME.fullmatch(name):
                raise _BadAttributeError("invalid tfs-model-name")
            if version is not None and not _VERSION.fullmatch(version):
                raise _BadAttributeError("invalid tfs-model-version")
            if method not in _METHODS:
                raise _BadAttributeError("invalid tfs-method")
        return f"{self.serving_url}/v1/models/{name}" + (f"/versions/{version}" if version else "") + f":{method}"

    def _pass_on(self, request: Request, rest_uri: str) -> Response:
        """Do what nginx does without ``code/``: make TensorFlow Serving's JSON of any form, and pass it on."""
        kind = request.content_type or ""
        if self.version is not ContainerVersion.UP_TO_2_19:
            kind = media_type(kind)
        text = request.body.decode("utf-8", "surrogateescape")
        if kind in JSON_TYPES:
            document = json_request(text)
        elif kind == "text/csv":
            document = csv_request(text)
        else:
            return error_response(415, f"Unsupported Media Type: {kind or 'Unknown'}")
        return self._as_accepted(request, self._post(rest_uri, document.encode("utf-8", "surrogateescape")))

    def _pass_on_as_it_is(self, request: Request, rest_uri: str) -> Response:
        """Do what the Python service does when ``code/`` has no ``inference.py``: pass the body on untouched."""
        kind = media_type(request.content_type)
        if self.version is not ContainerVersion.UP_TO_2_19 and kind and kind not in (*JSON_TYPES, "text/csv"):
            return error_response(415, f"Unsupported Media Type: {kind}")
        reply = self._post(rest_uri, request.body)
        if self.version is ContainerVersion.UP_TO_2_19:
            reply = attrs.evolve(reply, status=200)  # it loses TensorFlow Serving's status
        elif reply.status != 200:
            return falcon_response(reply.status, reply.body.decode("utf-8", "replace"))
        return attrs.evolve(reply, content_type=request.headers.get("accept") or "application/json")

    def _post(self, rest_uri: str, body: bytes) -> Response:
        import requests

        try:
            reply = self.session.post(rest_uri, data=body, timeout=self.timeout_s)
        except requests.Timeout:
            return error_response(504, "Gateway Time-out")
        except requests.RequestException as error:
            _log.warning("TensorFlow Serving cannot be reached: %s", error)
            return error_response(502, "Bad Gateway")
        return Response(status=reply.status_code, body=reply.content)

    def _as_accepted(self, request: Request, reply: Response) -> Response:
        """Put an answer on one line for whoever asks for JSON by name."""
        accepted = [kind.strip() for kind in request.headers.get("accept", "").split(",")]
        named = [kind for kind in accepted if kind in {"application/json", "application/jsonlines"}]
        if not named:
            return reply
        kind = named[0] if self.version is ContainerVersion.UP_TO_2_19 else "application/json"
        return attrs.evolve(reply, body=reply.body.replace(b"\n", b""), content_type=kind)

    def _invoke_endpoint(self, request: Request, name: str) -> Response:
        answer = self.invoke(request)
        if not 200 <= answer.status < 300:
            return _model_error(name, answer)
        headers = {"x-Amzn-Invoked-Production-Variant": "AllTraffic", "x-amzn-RequestId": str(uuid.uuid4())}
        return attrs.evolve(answer, headers=headers)

    def _submit(self, request: Request) -> Response:
        if self.asynchronous is None:
            return validation_error_response(
                "This endpoint takes no asynchronous invocations: it was given no place in S3."
            )
        return self.asynchronous.submit(request)


def _attributes(request: Request) -> dict[str, str]:
    """Return the ``tfs-*`` attributes; as in the container, one with two equal signs is not one."""
    pairs = [found.split("=") for found in _ATTRIBUTE.findall(request.headers.get(_ATTRIBUTES_HEADER, ""))]
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def _model_error(endpoint: str, answer: Response) -> Response:
    """Wrap a container's error as ``InvokeEndpoint`` does."""
    text = answer.body.decode("utf-8", "replace")
    side = "client" if answer.status < 500 else "server"
    return runtime_error_response(
        424,
        "ModelError",
        {
            "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if side == "client" else "SERVER_ERROR_FROM_MODEL",
            "LogStreamArn": f"arn:aws:logs:us-east-1:000000000000:log-group:/aws/sagemaker/Endpoints/{endpoint}",
            "Message": f'Received {side} error ({answer.status}) from primary with message "{text}".',
            "OriginalMessage": text,
            "OriginalStatusCode": answer.status,
        },
    )


def _method_not_allowed(allowed: str) -> Response:
    return attrs.evolve(error_response(405, "Method Not Allowed"), headers={"Allow": allowed})
