"""Reports in the form, and to the place, that a command line asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TextIO

from elasticache_police.cli._streams import let_go_of_unread
from elasticache_police.errors import ConfigurationError
from elasticache_police.findings import Report

__all__ = ["FORMATS", "check_folder", "check_output", "write_reports"]

FORMATS = ("text", "json", "sarif", "github", "html")


def check_output(output: str | None) -> None:
    """Refuse a file that cannot be written, before the work whose report it is for.

    Raises:
        ConfigurationError: Its folder is missing, or one of both may not be written to.
    """
    if output is None:
        return
    path = Path(output)
    if not path.parent.is_dir():
        raise ConfigurationError(f"--output {output}: No such file or directory: {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigurationError(f"--output {output}: may not be written to")


def check_folder(option: str, folder: str | None) -> None:
    """Refuse a folder that cannot be made or written to, before the work whose results it is for.

    Raises:
        ConfigurationError: It is a file, or the nearest folder above that is there may not be written to.
    """
    if folder is None:
        return
    whole = Path(folder).absolute()
    nearest = next(path for path in (whole, *whole.parents) if path.exists())
    if not nearest.is_dir():
        raise ConfigurationError(f"{option}: {folder} cannot be written: {nearest} is no folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigurationError(f"{option}: {folder} cannot be written: no permission at {nearest}")


def write_reports(reports: Sequence[Report], form: str, output: str | None, *, quiet: bool = False) -> None:
    """Write reports to a file, or to standard output.

    Args:
        reports: What to write.
        form: One of :data:`FORMATS`.
        output: A file's path; None for standard output.
        quiet: Leave names that are spelled right out of the table.

    Raises:
        ConfigurationError: The file cannot be written.
        BrokenPipeError: Nobody reads standard output any more.
    """
    if output is None:
        try:
            sys.stdout.buffer.write(_rendered(reports, form, sys.stdout, quiet=quiet))
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            let_go_of_unread()
            raise ConfigurationError(f"the report cannot be written: {error.strerror}") from error
        return
    try:
        with Path(output).open("w", encoding="utf-8") as file:
            file.buffer.write(_rendered(reports, form, file, quiet=quiet))
    except OSError as error:
        raise ConfigurationError(f"--output {output}: {error.strerror}") from error


def _rendered(reports: Sequence[Report], form: str, destination: TextIO, *, quiet: bool) -> bytes:
    if form == "text":
        return _table(reports, destination, quiet=quiet)
    render: Callable[[Iterable[Report]], str]
    if form == "json":
        from elasticache_police.report.document import render_json as render
    elif form == "sarif":
        from elasticache_police.report.sarif import render_sarif as render
    elif form == "github":
        from elasticache_police.report.github import render_github as render
    else:
        from elasticache_police.report.html import render_html as render
    # A file's name may hold bytes that are no UTF-8: written \udc80, which is right in JSON and readable elsewhere.
    return render(reports).encode("utf-8", "backslashreplace")


def _table(reports: Sequence[Report], destination: TextIO, *, quiet: bool) -> bytes:
    from rich.console import Console

    from elasticache_police.report.text import print_text

    # A pipe or a file has no width: nothing is folded or cut there.
    width = None if destination.isatty() else 10_000
    console = Console(file=destination, width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        print_text(reports, console, only_misspelled=quiet)
    return capture.get().encode(destination.encoding or "utf-8", "backslashreplace")
