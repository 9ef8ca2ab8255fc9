"""Inspects pictures in a process of its own, so that one that crashes or hangs takes only that process with it."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import attrs

from elasticache_police.errors import (
    ConfigurationError,
    ImageError,
    MissingExtraError,
    ModelFileError,
    PoliceError,
)

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from elasticache_police.findings import ReportDict

__all__ = ["Inspect", "Outcome", "Sandbox"]

Inspect = Callable[[bytes, str], "ReportDict"]
"""Takes a picture's bytes and its name, returns the report as plain data."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What became of one picture: a report, or a reason."""

    report: ReportDict | None = None
    reason: str = ""
    final: bool = False
    """Whether trying again would end the same way."""
    of_content: bool = True
    """Whether the reason lies in the picture's content, so that it holds for every picture of the same content."""


def police(names: tuple[str, ...], model: str | None, min_confidence: float | None) -> Inspect:
    """Return the inspection by the packaged model, or by one from a folder."""
    from elasticache_police import Police

    judge = (
        Police.from_model(model, names or None, min_confidence=min_confidence)
        if model
        else Police(names or None, min_confidence=min_confidence)
    )

    def inspect(picture: bytes, source: str) -> ReportDict:
        report = judge.inspect(picture).to_dict()
        return {**report, "file": source}

    return inspect


def _serve(
    connection: Connection, factory: str, names: tuple[str, ...], model: str | None, min_confidence: float | None
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to end
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    module, _, attribute = factory.partition(":")
    inspect = cast("Inspect", getattr(importlib.import_module(module), attribute)(names, model, min_confidence))
    with contextlib.suppress(OSError):  # the parent is gone already: the first thing asked for tells
        connection.send(("ready", ""))
    while True:
        try:
            picture, source = connection.recv()
        except (EOFError, OSError):  # the parent is gone
            return
        try:
            answer: tuple[str, object] = ("report", inspect(picture, source))
        except ImageError as error:
            answer = ("unreadable", f"{error.reason}" + (f" ({error.advice})" if error.advice else ""))
        except MissingExtraError as error:
            answer = ("unreadable", str(error))
        except (ConfigurationError, ModelFileError) as error:  # would be raised for every picture
            answer = ("unfit", str(error))
        except MemoryError:
            os._exit(137)  # as the kernel would have done a moment later
        except (PoliceError, ValueError, TypeError, RuntimeError, OSError, ArithmeticError, LookupError):
            answer = ("broken", traceback.format_exc(limit=-3).strip())
        try:
            connection.send(answer)
        except OSError:
            return


class Sandbox:
    """One child process that inspects one picture after the other; replaced when it dies."""

    def __init__(
        self,
        factory: str,
        *,
        names: tuple[str, ...] = (),
        model: str | None = None,
        min_confidence: float | None = None,
        timeout_s: float = 300,
    ) -> None:
        """Remember what to run; the process starts with the first picture.

        Args:
            factory: ``module:function`` that makes the :data:`Inspect` from names, model and confidence.
            names: The policed names; none for the model's own.
            model: A model's folder; None for the packaged one.
            min_confidence: Findings with less confidence are left out; None for the model's own threshold.
            timeout_s: Seconds that one picture may take.
        """
        self._factory = factory
        self._names = names
        self._model = model
        self._min_confidence = min_confidence
        self._timeout_s = timeout_s
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve,
            args=(theirs, self._factory, self._names, self._model, self._min_confidence),
            daemon=True,
            name="inspector",
        )
        self._process.start()
        theirs.close()
        self._connection = ours
        try:
            ready = ours.poll(120) and ours.recv() == ("ready", "")
        except EOFError:
            ready = False
        if not ready:
            self.close()
            raise PoliceError("the inspecting process could not start; its own message is above")
        return ours

    def inspect(self, picture: bytes, source: str) -> Outcome:
        """Inspect one picture; whatever happens to the process, an outcome comes back.

        Raises:
            PoliceError: The process could not be started at all, or its model or its names are good for no picture.
        """
        connection = self._connection or self._start()
        try:
            connection.send((picture, source))
            if not connection.poll(self._timeout_s):
                self.close()
                return Outcome(reason=f"not done after {self._timeout_s:g} s")
            kind, value = connection.recv()
        except (EOFError, OSError):
            process = self._process
            if process is not None:
                process.join(5)
            code = None if process is None else process.exitcode
            self.close()
            return Outcome(reason=f"the inspecting process died ({_death(code)})")
        if kind == "unfit":
            self.close()
            raise PoliceError(f"no picture can be inspected: {value}")
        if kind == "report":
            return Outcome(report=cast("ReportDict", value), final=True)
        return Outcome(reason=str(value), final=kind == "unreadable")

    def close(self) -> None:
        """End the process, if there is one."""
        process, connection = self._process, self._connection
        self._process = self._connection = None
        if connection is not None:
            connection.close()
        if process is not None:
            process.kill()
            process.join(10)


def _death(code: int | None) -> str:
    if code is None:
        return "cause unknown"
    if code < 0:
        return f"signal {signal.Signals(-code).name}"
    return "out of memory" if code == 137 else f"exit code {code}"
