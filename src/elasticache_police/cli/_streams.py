"""Standard streams whose reader may go away: a pipe into `head`, a terminal that is closed."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import IO, TextIO, cast

__all__ = ["let_go_of_unread", "telling"]


class _Telling:
    """A stream for words beside the result: that nobody reads them must not end what they are about."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return self._stream.write(text)
        _let_go(self._stream)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            _let_go(self._stream)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def telling() -> IO[str]:
    """Return standard error as a stream that loses what nobody reads instead of raising."""
    return cast(IO[str], _Telling(sys.stderr))


def let_go_of_unread() -> None:
    """Let go of the standard streams that nobody reads, so that Python says nothing of them when it flushes at exit."""
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            try:
                stream.flush()
            except OSError:
                _let_go(stream)


def _let_go(stream: TextIO) -> None:
    """Point a stream at nothing: what it holds, and what is still to come, is lost."""
    with contextlib.suppress(OSError), open(os.devnull, "wb") as nowhere:  # noqa: PTH123  no file
        os.dup2(nowhere.fileno(), stream.fileno())
