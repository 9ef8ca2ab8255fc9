"""The local endpoint as a whole: unpack the model, start its processes, watch over them, stop them."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import socket
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from elasticache_police.errors import ConfigurationError, MissingExtraError, ModelFileError, ServingError
from elasticache_police.serving.archive import unpack
from elasticache_police.serving.child import FrontTask, ModelTask
from elasticache_police.serving.http import BACKLOG, cannot_listen
from elasticache_police.serving.layout import ModelLayout, find_models
from elasticache_police.serving.options import EndpointOptions
from elasticache_police.serving.processes import Child

__all__ = ["LocalEndpoint"]

_log = logging.getLogger(__name__)

_NEEDED = ("tensorflow", "uvicorn", "requests")
_LOOK_EVERY_S = 0.25
_MOST_RESTARTS = 3
_RESTART_WINDOW_S = 60.0
_UNSET_FD = -1


class LocalEndpoint:
    """A SageMaker endpoint on this machine.

    Use it as a context manager, or call :meth:`start` and :meth:`stop`::

        with LocalEndpoint(EndpointOptions(model="model.tar.gz", port=0)) as endpoint:
            print(endpoint.url)

    Args:
        options: What to serve, and how.
    """

    def __init__(self, options: EndpointOptions) -> None:
        self.options = options
        self._layout: ModelLayout | None = None
        self._scratch: Path | None = None
        self._public: socket.socket | None = None
        self._address: tuple[str, int] | None = None
        self._private: list[socket.socket] = []
        self._models: list[Child] = []
        self._fronts: list[Child] = []
        self._restarts: list[float] = []
        self._failure: ServingError | None = None
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where it answers, for ``endpoint_url`` of a ``sagemaker-runtime`` client.

        Raises:
            ServingError: It has not been started.
        """
        if self._address is None:
            raise ServingError("the endpoint has not been started")
        host, port = self._address
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  to connect to, not to listen on
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def layout(self) -> ModelLayout:
        """The models it serves.

        Raises:
            ServingError: It has not been started.
        """
        if self._layout is None:
            raise ServingError("the endpoint has not been started")
        return self._layout

    def start(self) -> None:
        """Load the model and answer requests; returns when it does.

        Raises:
            MissingExtraError: TensorFlow, uvicorn or requests is not installed.
            ConfigurationError: The system cannot run it, the port is taken, or there is no model of that name.
            ModelFileError: The archive is not one that SageMaker would take.
            ServingError: TensorFlow cannot load the model, ``code/inference.py`` cannot be imported, or it takes
                longer than ``startup_timeout_s``.
        """
        _check_installed()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        threading.Thread(target=self._watch, daemon=True, name="watch").start()

    def stop(self, *, timeout_s: float | None = None) -> None:
        """Finish the requests under way, end every process and remove what was unpacked. Safe to call twice.

        Args:
            timeout_s: How long the requests under way may take before the processes are killed; None for a little
                more than the options' ``shutdown_timeout_s``.
        """
        patience_s = self.options.shutdown_timeout_s + 5.0 if timeout_s is None else timeout_s
        self._stopping.set()
        with self._lock:
            # With this copy closed, connections are refused as soon as the front processes close theirs. They end
            # first: what they are working on still needs the models behind them.
            if self._public is not None:
                self._public.close()
                self._public = None
            for group in (self._fronts, self._models):
                for child in group:
                    child.ask_to_stop()
                for child in group:
                    child.stop(patience_s)
                group.clear()
            for listener in self._private:
                listener.close()
            self._private.clear()
            if self._scratch is not None:
                shutil.rmtree(self._scratch, ignore_errors=True)
                self._scratch = None
        self._ended.set()

    def wait(self) -> None:
        """Wait until it is stopped.

        Raises:
            ServingError: It stopped by itself, because its processes kept ending.
        """
        self._ended.wait()
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> None:
        options = self.options
        self._public = _bind(options.host, options.port)
        self._address = self._public.getsockname()[:2]
        self._layout = find_models(self._model_directory(), default=options.default_model, shown=options.model)
        deadline = time.monotonic() + options.startup_timeout_s
        for _ in range(options.workers):
            self._private.append(_bind("127.0.0.1", 0))
            self._private[-1].listen(BACKLOG)
            self._models.append(Child(self._model_task(self._private[-1])))
        for child in self._models:
            child.wait_until_ready(deadline)
        self._fronts.extend(Child(self._front_task(listener)) for listener in self._private)
        for child in self._fronts:
            child.wait_until_ready(deadline)

    def _model_directory(self) -> Path:
        model = self.options.model
        if model.is_dir():
            return model.resolve()
        if not model.exists():
            raise ModelFileError(f"{model}: there is no such file or directory")
        self._scratch = Path(tempfile.mkdtemp(prefix="elasticache-police-model-"))
        unpack(model, self._scratch)
        return self._scratch

    def _model_task(self, listener: socket.socket) -> ModelTask:
        options = self.options
        return ModelTask(
            listener_fd=listener.fileno(),
            status_fd=_UNSET_FD,
            threads=options.threads,
            # Pictures grow by a third on their way from a request to JSON.
            max_payload_bytes=2 * options.max_payload_bytes,
            shutdown_timeout_s=options.shutdown_timeout_s,
            log_level=options.log_level,
            models={
                model.name: {str(number): str(path) for number, path in model.versions.items()}
                for model in self.layout.models
            },
            intra_op_threads=options.intra_op_threads,
            inter_op_threads=options.inter_op_threads,
            scratch=None if self._scratch is None else str(self._scratch),
        )

    def _front_task(self, serving: socket.socket) -> FrontTask:
        options, layout = self.options, self.layout
        if self._public is None:
            raise ServingError("the endpoint has not been started")
        host, port = serving.getsockname()[:2]
        return FrontTask(
            listener_fd=self._public.fileno(),
            status_fd=_UNSET_FD,
            threads=options.threads,
            max_payload_bytes=options.max_payload_bytes,
            shutdown_timeout_s=options.shutdown_timeout_s,
            log_level=options.log_level,
            serving_url=f"http://{host}:{port}",
            default_model=layout.default,
            code=None if layout.code is None else str(layout.code),
            container=str(options.container),
            endpoint_name=options.endpoint_name,
            timeout_s=options.request_timeout_s,
            async_output=options.async_output,
            async_failure=options.async_failure,
        )

    def _watch(self) -> None:
        """Start processes again that ended by themselves, unless they keep doing so."""
        while not self._stopping.wait(_LOOK_EVERY_S):
            with self._lock:
                failure = None if self._stopping.is_set() else self._restart_ended()
            if failure is not None:
                self._failure = failure
                self.stop()

    def _restart_ended(self) -> ServingError | None:
        for group in (self._models, self._fronts):
            for index, child in enumerate(group):
                if child.exit_code is None:
                    continue
                ended = f"the endpoint's {child.task.role} process {child.pid} ended with exit code {child.exit_code}"
                now = time.monotonic()
                self._restarts = [moment for moment in self._restarts if now - moment < _RESTART_WINDOW_S] + [now]
                if len(self._restarts) > _MOST_RESTARTS:
                    return ServingError(f"{ended}, after {_MOST_RESTARTS} restarts within a minute")
                _log.error("%s; it is started again", ended)
                child.stop(0.0)
                group[index] = Child(child.task)
        return None


def _check_installed() -> None:
    if os.name != "posix":
        raise ConfigurationError("the local endpoint runs on Linux and macOS; on Windows, use it in WSL")
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError("The local endpoint", "serve")


def _bind(host: str, port: int) -> socket.socket:
    """Return a socket bound and not listening: until something listens, connections are refused."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(cannot_listen(host, port, error)) from error
    return listener
