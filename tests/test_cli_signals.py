"""Signals that ask a command to end are Ctrl-C to it, once for all that come at once, and only while it runs."""

from __future__ import annotations

import signal
import threading

import pytest

from elasticache_police.cli._signals import interrupted_by_signals

NUMBERS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


@pytest.fixture(autouse=True)
def untold():
    """Handlers of somebody else, which end a test that lets a signal through."""

    def fail(number, _):
        pytest.fail(f"{signal.Signals(number).name} came through")

    before = {number: signal.signal(number, fail) for number in NUMBERS}
    yield fail
    for number, handler in before.items():
        signal.signal(number, handler)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("number", NUMBERS)
def test_each_of_them_interrupts_and_what_handled_it_before_is_put_back(number, untold) -> None:
    with pytest.raises(KeyboardInterrupt), interrupted_by_signals():
        signal.raise_signal(number)
    assert [signal.getsignal(number) for number in NUMBERS] == [untold] * 3


def test_a_background_shell_does_not_make_deaf_to_ctrl_c_but_nohup_does_to_hangups() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interrupted_by_signals():
        signal.raise_signal(signal.SIGHUP)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_what_comes_at_once_is_one_request_and_a_later_one_ends_the_clean_up() -> None:
    clock, heard = Clock(), []
    with interrupted_by_signals(clock):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGHUP)
        heard.append("cleaning up")
        clock.now = 1.0
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    assert heard == ["cleaning up"]


def test_where_there_is_no_hangup_the_others_are_heard(monkeypatch) -> None:
    monkeypatch.delattr(signal, "SIGHUP")
    with pytest.raises(KeyboardInterrupt), interrupted_by_signals():
        signal.raise_signal(signal.SIGTERM)


def test_a_handler_that_could_not_be_put_back_is_left_alone(monkeypatch, untold) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda number: None)
    with interrupted_by_signals():
        monkeypatch.undo()
        assert signal.getsignal(signal.SIGTERM) is untold


def test_another_thread_is_not_told_and_changes_nothing(untold) -> None:
    seen = []

    def work() -> None:
        with interrupted_by_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [untold]
