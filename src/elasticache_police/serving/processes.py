"""Start, watch and stop one process of a local endpoint."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import attrs

import elasticache_police
from elasticache_police.errors import ServingError
from elasticache_police.serving.child import FrontTask, ModelTask

__all__ = ["Child"]

_PACKAGE_HOME = str(Path(elasticache_police.__file__).parents[1])
_CODE = "import sys; sys.path.append(sys.argv.pop()); from elasticache_police.serving.child import main; main()"
_ENVIRONMENT = {
    "PYTHONUNBUFFERED": "1",  # what inference.py prints is to be seen when it is printed
    "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
    # oneDNN in TensorFlow 2.20 damages the heap now and then on some processors (AVX-512, AMX): 7 of 53 processes that
    # looked at pages ended with it, of 27 without it none. One fell in MklConvOp::AllocateOutputTensor, which keeps the
    # operands of a fused sum in members of the kernel: calls at the same time share them.
    "TF_ENABLE_ONEDNN_OPTS": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "0"),
}


class Child:
    """A process that serves on ``listener_fd``. It lives in a session of its own, so Ctrl-C does not reach it."""

    def __init__(self, task: ModelTask | FrontTask) -> None:
        """Start it.

        Args:
            task: What it is to do; its ``status_fd`` is filled in here.
        """
        self.task = task
        reader, writer = os.pipe()
        task = attrs.evolve(task, status_fd=writer)
        local = ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1", "localhost")))
        try:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter
                [sys.executable, "-P", "-c", _CODE, _PACKAGE_HOME],
                stdin=subprocess.PIPE,
                pass_fds=(task.listener_fd, writer),
                env={**os.environ, **_ENVIRONMENT, "NO_PROXY": local, "no_proxy": local},
                start_new_session=True,
            )
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        self._status: IO[str] = os.fdopen(reader)
        with contextlib.suppress(BrokenPipeError):  # wait_until_ready finds out why it has ended already
            self._lifeline().write(json.dumps(attrs.asdict(task)).encode() + b"\n")
            self._lifeline().flush()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def wait_until_ready(self, deadline: float) -> None:
        """Wait until it accepts requests.

        Args:
            deadline: When to give up, on the clock of ``time.monotonic``.

        Raises:
            ServingError: It could not start, or not in time.
        """
        while not select.select([self._status], [], [], max(0.0, min(0.5, deadline - time.monotonic())))[0]:
            if time.monotonic() >= deadline:
                raise ServingError(
                    f"the endpoint's {self.task.role} process was not ready in time; on a busy machine or for a large"
                    " model, give it longer (startup_timeout_s, --startup-timeout)"
                )
        line = self._status.readline()
        status = json.loads(line) if line else {}
        if "ready" in status:
            return
        code = self._process.wait()
        raise ServingError(
            status.get("error") or f"the endpoint's {self.task.role} process ended with exit code {code}"
        )

    def ask_to_stop(self) -> None:
        """Let it finish the requests under way and end."""
        if not self._lifeline().closed:
            try:
                self._lifeline().close()
            except BrokenPipeError:
                return  # it has ended already

    def stop(self, timeout_s: float) -> None:
        """Ask it to stop, wait, and kill it if it does not."""
        self.ask_to_stop()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._status.close()

    def _lifeline(self) -> IO[bytes]:
        if self._process.stdin is None:
            raise ServingError("the process has no standard input")  # never: it was asked for
        return self._process.stdin
