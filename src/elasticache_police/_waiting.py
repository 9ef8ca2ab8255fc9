"""The one poller: every wait is finite, survives throttling, reports progress and says how long it waited."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import attrs

from elasticache_police._aws import is_passing
from elasticache_police.errors import AwsError, ConfigurationError, WaitTimeoutError

__all__ = ["BAD_MOMENT_S", "OnProgress", "Progress", "check_limit", "patiently", "wait_until"]

_T = TypeVar("_T")

BAD_MOMENT_S = 300.0
"""For so long work that is under way waits out throttling and broken connections."""


@attrs.frozen(kw_only=True)
class Progress:
    """One look at what is waited for."""

    waited_for: str
    """What is waited for, in words."""
    status: str
    """The state just seen, or why it could not be seen this time."""
    elapsed_s: float
    """Seconds since the wait began."""
    timeout_s: float
    """Seconds after which the wait gives up."""


OnProgress = Callable[[Progress], None]
"""Called after every look, in the waiting thread."""


def check_limit(timeout_s: float) -> None:
    """Refuse a time limit that is none, before there is something to wait for.

    Raises:
        ConfigurationError: It is not a finite number of seconds, or less than 0.
    """
    if not 0.0 <= timeout_s < float("inf"):
        message = f"a wait needs a finite limit in seconds, not {timeout_s}"
        raise ConfigurationError(message)


def wait_until(
    look: Callable[[], _T],
    *,
    done: Callable[[_T], bool],
    waited_for: str,
    timeout_s: float,
    delay_s: float = 15.0,
    max_delay_s: float = 60.0,
    status: Callable[[_T], str] = str,
    passing: Callable[[AwsError], bool] = is_passing,
    on_progress: OnProgress | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> _T:
    """Look again and again until what is seen is what is waited for.

    There is always one look, and one last look at the end of the time. An error that passes (throttling, a broken
    connection) does not end the wait: the pause doubles up to ``max_delay_s`` until a look succeeds again. A state
    that can never become the right one is for ``done`` to recognise, by raising.

    Args:
        look: Fetches the present state; raises :class:`AwsError` when it cannot.
        done: Says whether that state ends the wait; raises to end it badly.
        waited_for: What is waited for, in words, such as ``endpoint X to be in service``.
        timeout_s: Seconds after which to give up; finite and at least 0.
        delay_s: Seconds between two looks.
        max_delay_s: Longest pause after errors that pass.
        status: Puts a state into words for progress and for the error.
        passing: Says which errors of ``look`` pass.
        on_progress: Called after every look.
        clock: Seconds that only grow; injected by tests.
        sleep: Pauses for seconds; injected by tests.

    Returns:
        The state that ended the wait.

    Raises:
        WaitTimeoutError: The time is up.
        ConfigurationError: The time limit is not a finite number of seconds.
    """
    check_limit(timeout_s)
    started = clock()
    pause = delay_s
    while True:
        last: AwsError | None = None
        try:
            state = look()
        except AwsError as error:
            if not passing(error):
                raise
            last = error
            seen = f"unknown ({error.code or error})" if is_passing(error) else f"refused ({error})"
            pause = min(pause * 2, max_delay_s)
        else:
            seen = status(state)
            pause = delay_s
        elapsed = clock() - started
        if on_progress is not None:
            on_progress(Progress(waited_for=waited_for, status=seen, elapsed_s=elapsed, timeout_s=timeout_s))
        if last is None and done(state):
            return state
        if elapsed >= timeout_s:
            raise WaitTimeoutError(waited_for, elapsed_s=elapsed, last_status=seen) from last
        sleep(min(pause, timeout_s - elapsed))


def patiently(send: Callable[[], _T], *, passing: Callable[[AwsError], bool] = lambda _: False) -> _T:
    """Send, and again for minutes while throttling, a broken connection or what else passes is all that comes back.

    For the middle of long work, where an error that botocore's own few retries do not outlast would end all of it.

    Args:
        send: Sends one request, or several that may be repeated.
        passing: Says which other errors pass.

    Raises:
        WaitTimeoutError: It did not pass.
        AwsError: AWS refused it.
    """
    return wait_until(
        send,
        done=lambda _: True,
        waited_for="a request to get through",
        timeout_s=BAD_MOMENT_S,
        delay_s=1.0,
        max_delay_s=15.0,
        passing=lambda error: is_passing(error) or passing(error),
    )
