"""Run an archive's ``code/inference.py`` as the managed container's Python service does.

https://github.com/aws/sagemaker-tensorflow-serving-container#prepost-processing
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import logging
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from elasticache_police.errors import ModelFileError
from elasticache_police.serving.http import Request, Response, error_response, falcon_response
from elasticache_police.serving.options import ContainerVersion

if TYPE_CHECKING:
    import requests

__all__ = ["Context", "ContextWithTimeout", "Handlers", "load_handlers"]

_log = logging.getLogger(__name__)


class Context(NamedTuple):
    """What the container tells a handler about a request. There is no gRPC here: ``grpc_port`` and ``channel``."""

    model_name: str | None
    model_version: str | None
    method: str | None
    rest_uri: str
    grpc_port: str | None
    channel: None
    custom_attributes: str | None
    request_content_type: str
    accept_header: str
    content_length: int | None


class ContextWithTimeout(NamedTuple):
    """The same from TensorFlow 2.20 on."""

    model_name: str | None
    model_version: str | None
    method: str | None
    rest_uri: str
    grpc_port: str | None
    channel: None
    custom_attributes: str | None
    request_content_type: str
    accept_header: str
    content_length: int | None
    timeout: float


_Handler: TypeAlias = "Callable[[io.BytesIO, Context | ContextWithTimeout], tuple[bytes | str, str]]"

_NOT_IN_CONTAINER = ("PIL", "keras", "tensorflow")
"""Modules that are around here and that the managed image does not have."""


_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class _ServingRefusedError(Exception):
    """TensorFlow Serving answered with an error behind a pair of handlers, in containers from 2.20."""

    def __init__(self, status: int, description: str) -> None:
        self.status = status
        self.description = description
        super().__init__(description)


class _NotInContainer(importlib.abc.MetaPathFinder):
    """Makes imports fail that would fail in the container, unless ``code/`` brings the module along."""

    def __init__(self, search_path: Sequence[str]) -> None:
        self._search_path = search_path

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname not in _NOT_IN_CONTAINER:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, self._search_path)
        if spec is None:
            raise ModuleNotFoundError(
                f"No module named {fullname!r}: it is installed here, but SageMaker's managed TensorFlow image does "
                "not have it. Put it into code/lib of the archive, or list it in code/requirements.txt",
                name=fullname,
            )
        return spec


class Handlers:
    """The functions of an ``inference.py``."""

    def __init__(
        self,
        call: _Handler,
        *,
        container: ContainerVersion,
    ) -> None:
        self._call = call
        self._container = container

    def answer(self, request: Request, *, rest_uri: str, attributes: dict[str, str], timeout_s: float) -> Response:
        """Answer a request through the handlers.

        Args:
            request: The request, as it came.
            rest_uri: Where TensorFlow Serving answers it.
            attributes: The ``tfs-*`` attributes of the request.
            timeout_s: How long TensorFlow Serving may take.
        """
        length = request.headers.get("content-length", "")
        context: Context | ContextWithTimeout = Context(
            model_name=attributes.get("tfs-model-name"),
            model_version=attributes.get("tfs-model-version"),
            method=attributes.get("tfs-method"),
            rest_uri=rest_uri,
            grpc_port=None,
            channel=None,
            custom_attributes=request.headers.get("x-amzn-sagemaker-custom-attributes"),
            request_content_type=request.content_type or "application/json",
            accept_header=request.headers.get("accept") or "application/json",
            content_length=int(length) if length.isdigit() else None,
        )
        if self._container is not ContainerVersion.UP_TO_2_19:
            context = ContextWithTimeout(**context._asdict(), timeout=timeout_s)
        try:
            body, content_type = self._call(io.BytesIO(request.body), context)
            answered = Response(status=200, body=_body(body), content_type=_header_value(str(content_type)))
        except _ServingRefusedError as error:
            return falcon_response(error.status, error.description)
        except SystemExit as error:  # of a thread that answers, it would end nothing and be told to nobody
            _log.exception("a handler asked to exit")
            return error_response(500, f"the handler called sys.exit({'' if error.code is None else repr(error.code)})")
        except Exception as error:  # noqa: BLE001  someone else's code: the container catches all of it, too
            refused = self._raised_on_purpose(error)
            if refused is not None:
                return refused
            _log.exception("exception handling request")
            return error_response(500, str(error))
        return answered

    def _raised_on_purpose(self, error: Exception) -> Response | None:
        """Return the answer that a ``falcon.HTTPError`` stands for, where the container lets it through."""
        falcon = sys.modules.get("falcon")
        if self._container is ContainerVersion.UP_TO_2_19 or falcon is None:
            return None
        if not isinstance(error, falcon.HTTPError):
            return None
        return Response(
            status=int(str(error.status)[:3]),  # a number, or a line such as "400 Bad Request"
            body=json.dumps(error.to_dict()).encode(),
            headers=dict(error.headers or {}),
        )


def _body(body: object) -> bytes:
    """Return what a handler answered as bytes, or refuse it: ``bytes(5)`` would be five bytes of nothing."""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    raise TypeError(f"the handler answered {type(body).__name__} as a body; it must be str or bytes")


def _header_value(content_type: str) -> str:
    """Return a handler's content type as a header may hold it, or refuse it: there would be no answer at all."""
    value = content_type.strip(" \t")
    if not _HEADER_VALUE.fullmatch(value):
        raise ValueError(f"the handler answered {content_type!r} as a content type, which no HTTP header may hold")
    return value


def load_handlers(
    code: Path, session: requests.Session, *, container: ContainerVersion, timeout_s: float
) -> Handlers | None:
    """Import ``code/inference.py`` with ``code/`` and ``code/lib`` on the path.

    What the managed image lacks cannot be imported here either, unless the archive brings it along or asks for it in
    ``requirements.txt``. Requirements are not installed: what this environment has is used.

    Args:
        code: The ``code/`` directory.
        session: Posts to TensorFlow Serving for a pair of handlers.
        container: Which generation of the container to behave like.
        timeout_s: How long TensorFlow Serving may take.

    Returns:
        None if there is no ``inference.py``: the container then passes requests on.

    Raises:
        ModelFileError: It cannot be imported, or has neither ``handler`` nor both ``input_handler`` and
            ``output_handler``.
    """
    lib = code / "lib"
    search_path = [str(code)] + ([str(lib)] if lib.exists() else [])
    sys.path[:0] = search_path
    if lib.exists() or not (code / "requirements.txt").exists():
        sys.meta_path.insert(0, _NotInContainer(search_path))
    else:
        _log.warning("code/requirements.txt is not installed; what is importable in this environment is used")
    script = code / "inference.py"
    if not script.exists():
        return None
    module = _import(script)
    handler = getattr(module, "handler", None)
    if handler is None:
        before, after = getattr(module, "input_handler", None), getattr(module, "output_handler", None)
        if before is None or after is None:
            raise ModelFileError(
                "code/inference.py: Handlers are not implemented correctly in user script: it needs handler, or "
                "input_handler and output_handler"
            )
        handler = _pair(before, after, session, container, timeout_s)
    return Handlers(handler, container=container)


def _import(script: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("inference", script)
    if spec is None or spec.loader is None:
        raise ModelFileError("code/inference.py cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules["inference"] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # someone else's code may raise anything
        raise ModelFileError(f"code/inference.py cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _pair(
    before: Callable[..., bytes | str],
    after: Callable[..., tuple[bytes | str, str]],
    session: requests.Session,
    container: ContainerVersion,
    timeout_s: float,
) -> _Handler:
    def handler(data: io.BytesIO, context: Context | ContextWithTimeout) -> tuple[bytes | str, str]:
        response = session.post(context.rest_uri, data=before(data, context), timeout=timeout_s)
        if response.status_code != 200 and container is not ContainerVersion.UP_TO_2_19:
            raise _ServingRefusedError(response.status_code, response.content.decode("utf-8", "replace"))
        return after(response, context)

    return handler
