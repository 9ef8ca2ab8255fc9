"""The one poller."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from elasticache_police._waiting import Progress, wait_until
from elasticache_police.errors import (
    AccessDeniedError,
    AwsError,
    ConfigurationError,
    ThrottledError,
    WaitTimeoutError,
)


class FakeTime:
    """A clock that only a sleep moves, and what it was asked to sleep."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def _looks(*states: str | AwsError) -> Iterator[str | AwsError]:
    yield from states
    while True:
        yield states[-1]


def _wait(time: FakeTime, *states: str | AwsError, timeout_s: float = 60.0, seen: list[Progress] | None = None) -> str:
    source = _looks(*states)

    def look() -> str:
        state = next(source)
        if isinstance(state, AwsError):
            raise state
        return state

    return wait_until(
        look,
        done=lambda state: state == "InService",
        waited_for="endpoint X to be in service",
        timeout_s=timeout_s,
        delay_s=10.0,
        on_progress=None if seen is None else seen.append,
        clock=time.clock,
        sleep=time.sleep,
    )


def test_returns_the_state_waited_for_and_reports_every_look() -> None:
    time, seen = FakeTime(), list[Progress]()
    assert _wait(time, "Creating", "Creating", "InService", seen=seen) == "InService"
    assert time.slept == [10.0, 10.0]
    assert [(look.status, look.elapsed_s) for look in seen] == [("Creating", 0), ("Creating", 10), ("InService", 20)]


def test_a_state_that_is_there_at_once_costs_no_sleep() -> None:
    time = FakeTime()
    assert _wait(time, "InService", timeout_s=0.0) == "InService"
    assert time.slept == []


def test_gives_up_in_time_and_says_how_long_it_waited() -> None:
    time = FakeTime()
    with pytest.raises(WaitTimeoutError) as caught:
        _wait(time, "Creating", timeout_s=25.0)
    assert time.slept == [10.0, 10.0, 5.0], "the last pause ends with the time, and one last look follows it"
    assert (caught.value.elapsed_s, caught.value.last_status) == (25.0, "Creating")
    assert isinstance(caught.value, TimeoutError)


def test_throttling_in_the_middle_slows_the_wait_and_does_not_end_it() -> None:
    time, seen = FakeTime(), list[Progress]()
    throttle = ThrottledError("Rate exceeded", operation="DescribeEndpoint", code="ThrottlingException")
    states = ("Creating", throttle, throttle, throttle, throttle, "Creating", "InService")
    assert _wait(time, *states, timeout_s=600.0, seen=seen) == "InService"
    assert time.slept == [10.0, 20.0, 40.0, 60.0, 60.0, 10.0]
    assert seen[1].status == "unknown (ThrottlingException)"


def test_a_timeout_while_throttled_is_raised_from_the_throttle() -> None:
    throttle = ThrottledError("Rate exceeded", code="ThrottlingException")
    with pytest.raises(WaitTimeoutError) as caught:
        _wait(FakeTime(), throttle, timeout_s=15.0)
    assert caught.value.__cause__ is throttle


def test_an_error_that_does_not_pass_ends_the_wait_at_once() -> None:
    time = FakeTime()
    with pytest.raises(AccessDeniedError):
        _wait(time, AccessDeniedError("no", code="AccessDeniedException"))
    assert time.slept == []


@pytest.mark.parametrize("limit", [math.inf, math.nan, -1.0])
def test_an_endless_wait_is_refused(limit: float) -> None:
    with pytest.raises(ConfigurationError):
        _wait(FakeTime(), "InService", timeout_s=limit)
