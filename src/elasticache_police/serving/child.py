"""The two kinds of processes of a local endpoint, each started by :mod:`.endpoint` with its task on standard input.

The standard input stays open as long as the endpoint lives; its end, however it comes about, is the sign to finish the
requests under way and go. So no process is ever left behind, nor what was unpacked for them.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, cast

import attrs

from elasticache_police.errors import PoliceError
from elasticache_police.serving.http import BACKLOG, Answer, cannot_listen, serve
from elasticache_police.serving.options import ContainerVersion

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["FrontTask", "ModelTask", "main"]


@attrs.frozen(kw_only=True)
class _Task:
    listener_fd: int
    status_fd: int
    threads: int
    max_payload_bytes: int
    shutdown_timeout_s: float
    log_level: str


@attrs.frozen(kw_only=True)
class ModelTask(_Task):
    """Load models and speak TensorFlow Serving's REST API."""

    models: dict[str, dict[str, str]]
    """Directory by version number by model name."""
    intra_op_threads: int
    inter_op_threads: int
    scratch: str | None
    """What was unpacked, to be removed at the end: the endpoint that does so may have been killed."""
    role: str = "model"


@attrs.frozen(kw_only=True)
class FrontTask(_Task):
    """Speak SageMaker's contract, and run ``code/inference.py``."""

    serving_url: str
    default_model: str
    code: str | None
    container: str
    endpoint_name: str | None
    timeout_s: float
    async_output: str | None
    async_failure: str | None
    role: str = "front"


def main() -> None:
    """Read the task, make ready, say so, and serve until the standard input ends."""
    given = json.loads(sys.stdin.buffer.readline())
    task = ModelTask(**given) if given["role"] == "model" else FrontTask(**given)
    logging.basicConfig(
        level=task.log_level.upper(), format=f"%(asctime)s %(levelname)s {task.role} %(process)d: %(message)s"
    )
    stop = threading.Event()
    threading.Thread(target=_wait_for_end, args=(stop,), daemon=True, name="lifeline").start()
    with os.fdopen(task.status_fd, "w") as status:

        def report(word: str, text: str = "") -> None:
            status.write(json.dumps({word: text}) + "\n")
            status.flush()

        try:
            answer = _model(task) if isinstance(task, ModelTask) else _front(task)
        except PoliceError as error:
            report("error", str(error))
            sys.exit(1)
        listener = socket.socket(fileno=task.listener_fd)
        try:
            listener.listen(BACKLOG)
        except OSError as error:  # another took the port between our binding and now: only listening is exclusive
            host, port = listener.getsockname()[:2]
            report("error", cannot_listen(host, port, error))
            sys.exit(1)
        serve(
            answer,
            listener,
            threads=task.threads,
            max_payload_bytes=task.max_payload_bytes,
            on_ready=lambda: report("ready"),
            stop=stop,
            shutdown_timeout_s=task.shutdown_timeout_s,
        )
    if isinstance(task, ModelTask) and task.scratch is not None:
        shutil.rmtree(task.scratch, ignore_errors=True)


def _wait_for_end(stop: threading.Event) -> None:
    # Not by way of sys.stdin, whose lock a thread that waits would keep: Python cannot end in good order then.
    while os.read(sys.stdin.fileno(), 1):
        pass
    stop.set()


def _model(task: ModelTask) -> Answer:
    from elasticache_police.serving import servable
    from elasticache_police.serving.rest import RestApi

    def load(path: str) -> servable.Servable:
        model = servable.load(
            Path(path), intra_op_threads=task.intra_op_threads, inter_op_threads=task.inter_op_threads
        )
        servable.warm_up(model, Path(path))
        return model

    models = {
        name: {int(version): load(path) for version, path in versions.items()} for name, versions in task.models.items()
    }
    return RestApi(models).answer


def _front(task: FrontTask) -> Answer:
    import requests
    from requests.adapters import HTTPAdapter

    from elasticache_police._aws import client as aws_client
    from elasticache_police.serving.asynchronous import AsyncInvocations, S3Prefix
    from elasticache_police.serving.container import Container
    from elasticache_police.serving.handlers import load_handlers

    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=task.threads))
    version = ContainerVersion(task.container)
    handlers = (
        None
        if task.code is None
        else load_handlers(Path(task.code), session, container=version, timeout_s=task.timeout_s)
    )
    container = Container(
        serving_url=task.serving_url,
        session=session,
        default_model=task.default_model,
        has_python_service=task.code is not None,
        handlers=handlers,
        version=version,
        endpoint_name=task.endpoint_name,
        timeout_s=task.timeout_s,
    )
    if task.async_output is None:
        return container.answer
    invocations = AsyncInvocations(
        container.invoke,
        cast("S3Client", aws_client("s3")),
        output=S3Prefix.parse(task.async_output),
        failure=None if task.async_failure is None else S3Prefix.parse(task.async_failure),
    )
    return attrs.evolve(container, asynchronous=invocations).answer
