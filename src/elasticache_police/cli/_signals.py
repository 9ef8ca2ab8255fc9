"""Signals that ask a command to end, told to it as Ctrl-C is."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

__all__ = ["interrupted_by_signals"]

_BURST_S = 0.5
"""`timeout` sends its signal twice, and a closed terminal's shell and kernel send one each: all of that is one request
to end, and the second must not end the clean-up that the first began."""


@contextlib.contextmanager
def interrupted_by_signals(clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM and SIGINT, even where a background shell made us deaf to SIGINT.

    On SIGHUP too, which comes when a terminal is closed, unless `nohup` has us ignore it. Signals that follow at once
    are part of the first. Only the main thread is told of signals: elsewhere this does nothing.

    Args:
        clock: Seconds that only grow; injected by tests.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[float] = []

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        now = clock()
        if heard and now - heard[-1] < _BURST_S:
            return
        heard.append(now)
        raise KeyboardInterrupt

    numbers = [signal.SIGTERM, signal.SIGINT]
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        numbers.append(hangup)
    # None is a handler that is none of Python's, which could not be put back.
    before = {number: handler for number in numbers if (handler := signal.getsignal(number)) is not None}
    try:
        for number in before:
            signal.signal(number, interrupt)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
