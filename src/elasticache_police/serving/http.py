"""Plain functions from request to response, served over HTTP/1.1 by uvicorn on a socket that is already bound."""

from __future__ import annotations

import asyncio
import errno
import http.client
import json
import logging
import socket
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import attrs

__all__ = [
    "BACKLOG",
    "Request",
    "Response",
    "cannot_listen",
    "error_response",
    "falcon_response",
    "runtime_error_response",
    "serve",
    "validation_error_response",
]

_log = logging.getLogger(__name__)

BACKLOG = 1024
"""Connections that may wait to be accepted."""

_LARGEST_DROPPED_BYTES = 1024**3

_Message: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]


@attrs.frozen(kw_only=True)
class Request:
    """An HTTP request, its body read."""

    method: str
    path: str
    """The path, percent escapes and all, without the query."""
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes = attrs.field(repr=False)

    @property
    def content_type(self) -> str | None:
        """The Content-Type header, None if there is none."""
        return self.headers.get("content-type")


@attrs.frozen(kw_only=True)
class Response:
    """An HTTP response."""

    status: int
    body: bytes = attrs.field(default=b"", repr=False)
    content_type: str = "application/json"
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """Further headers."""


Answer: TypeAlias = Callable[[Request], Response]


def error_response(status: int, message: str) -> Response:
    """Return ``{"error": message}``."""
    return Response(status=status, body=json.dumps({"error": message}).encode())


def falcon_response(status: int, description: str) -> Response:
    """Return what falcon, the web framework of containers from 2.20, makes of an HTTP error without a title."""
    title = f"{status} {http.client.responses.get(status, '')}".strip()
    return Response(status=status, body=json.dumps({"title": title, "description": description}).encode())


def runtime_error_response(status: int, kind: str, body: Mapping[str, str | int]) -> Response:
    """Return an error as SageMaker's runtime API words it: its kind in a header, where boto3 looks for it."""
    headers = {"x-amzn-ErrorType": kind, "x-amzn-RequestId": str(uuid.uuid4())}
    return Response(status=status, body=json.dumps(body).encode(), headers=headers)


def validation_error_response(message: str) -> Response:
    """Return the runtime API's answer to a request that is none."""
    return runtime_error_response(400, "ValidationError", {"Message": message})


def cannot_listen(host: str, port: int, error: OSError) -> str:
    """Say why nothing can listen there, and what to do."""
    advice = "; choose another port, or 0 for a free one" if error.errno == errno.EADDRINUSE else ""
    return f"cannot listen on {host} port {port}: {error.strerror or error}{advice}"


class _ClientGoneError(Exception):
    """There is nobody to answer."""


class _App:
    """The ASGI application around an :data:`Answer`, which runs in a pool of threads."""

    def __init__(self, answer: Answer, *, threads: int, max_payload_bytes: int) -> None:
        self._answer = answer
        self._max_payload_bytes = max_payload_bytes
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="request")

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        started = time.perf_counter()
        path = scope["raw_path"].decode("latin-1")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            body = await self._read(receive)
        except _ClientGoneError:
            _log.info("%s %s: the client went away before its request was whole", scope["method"], path)
            return
        if body is None:
            message = f"HTTP content length exceeded {self._max_payload_bytes} bytes."
            response = Response(status=413, body=json.dumps({"error": message, "message": message}).encode())
        else:
            request = Request(method=scope["method"], path=path, headers=headers, body=body)
            response = await asyncio.get_running_loop().run_in_executor(self._pool, self._answer, request)
        await self._write(send, response, close=body is None)
        _log.info(
            "%s %s %d %d bytes in %.1f ms",
            scope["method"],
            path,
            response.status,
            len(response.body),
            (time.perf_counter() - started) * 1000,
        )

    async def _read(self, receive: _Receive) -> bytes | None:
        """Return the body; None if it is too large.

        Raises:
            _ClientGoneError: The client closed the connection before all of it was here.

        What is too much is read all the same, and dropped, up to a point: clients send a whole body before they look
        at an answer, and a closed connection would hide it from them.
        """
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientGoneError
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > self._max_payload_bytes:
                parts.clear()
            else:
                parts.append(part)
            if not message.get("more_body", False) or size > _LARGEST_DROPPED_BYTES:
                return None if size > self._max_payload_bytes else b"".join(parts)

    async def _write(self, send: _Send, response: Response, *, close: bool) -> None:
        headers = {
            "Content-Type": response.content_type,
            "Content-Length": str(len(response.body)),
            **({"Connection": "close"} if close else {}),
            **response.headers,
        }
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": encoded})
        await send({"type": "http.response.body", "body": response.body})


def serve(
    answer: Answer,
    listener: socket.socket,
    *,
    threads: int,
    max_payload_bytes: int,
    on_ready: Callable[[], None],
    stop: threading.Event,
    shutdown_timeout_s: float,
) -> None:
    """Serve until ``stop`` is set, then let the requests under way finish.

    Args:
        answer: Called in one of ``threads`` threads for every request.
        listener: A bound socket.
        threads: How many requests are answered at a time.
        max_payload_bytes: A larger body is answered 413 without calling ``answer``.
        on_ready: Called once requests are accepted.
        stop: Ends it.
        shutdown_timeout_s: How long requests under way may take once ``stop`` is set.
    """
    import uvicorn

    class Notice:
        given = False

    async def on_tick() -> None:
        if not Notice.given:
            Notice.given = True
            on_ready()

    app = _App(answer, threads=threads, max_payload_bytes=max_payload_bytes)
    config = uvicorn.Config(
        app,
        lifespan="off",
        interface="asgi3",
        loop="asyncio",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=max(1, round(shutdown_timeout_s)),
        callback_notify=on_tick,
        timeout_notify=0,
    )
    server = uvicorn.Server(config)

    def wait_for_stop() -> None:
        stop.wait()
        server.should_exit = True

    threading.Thread(target=wait_for_stop, daemon=True, name="stop").start()
    server.run(sockets=[listener])
