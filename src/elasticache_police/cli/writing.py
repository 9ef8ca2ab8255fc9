"""Reports in the form, and to the place, that a command line asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from elasticache_police.cli._streams import let_go_of_unread
from elasticache_police.errors import ConfigurationError, PoliceError

if TYPE_CHECKING:
    from elasticache_police.findings import Report
    from elasticache_police.report.document import Summary

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


def write_reports(reports: Iterable[Report], form: str, output: str | None, *, quiet: bool = False) -> Summary:
    """Write reports to a file, or to standard output, as they come.

    Args:
        reports: What to write.
        form: One of :data:`FORMATS`.
        output: A file's path; None for standard output.
        quiet: Leave names that are spelled right out of the table.

    Returns:
        The reports' counts.

    Raises:
        ConfigurationError: The file cannot be written.
        BrokenPipeError: Nobody reads standard output any more.
    """
    from elasticache_police.report.document import Tally

    tally = Tally()
    passing = tally.over(reports)
    if output is None:
        try:
            for piece in _rendered(passing, form, sys.stdout, quiet=quiet):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        except (BrokenPipeError, PoliceError):  # what draws the reports may fail, too
            raise
        except OSError as error:
            let_go_of_unread()
            raise ConfigurationError(f"the report cannot be written: {error.strerror}") from error
        return tally.summary
    try:
        with Path(output).open("w", encoding="utf-8") as file:
            for piece in _rendered(passing, form, file, quiet=quiet):
                file.buffer.write(piece)
    except PoliceError:
        raise
    except OSError as error:
        raise ConfigurationError(f"--output {output}: {error.strerror}") from error
    return tally.summary


def _rendered(reports: Iterable[Report], form: str, destination: TextIO, *, quiet: bool) -> Iterator[bytes]:
    if form == "text":
        yield _table(reports, destination, quiet=quiet)
        return
    # A file's name may hold bytes that are no UTF-8: written \udc80, which is right in JSON and readable elsewhere.
    for piece in _pieces(reports, form):
        yield piece.encode("utf-8", "backslashreplace")


def _pieces(reports: Iterable[Report], form: str) -> Iterator[str]:
    if form == "json":
        from elasticache_police.report.document import json_pieces

        yield from json_pieces(reports)
    elif form == "github":
        from elasticache_police.report.github import github_pieces

        yield from github_pieces(reports)
    elif form == "sarif":
        from elasticache_police.report.sarif import render_sarif

        yield render_sarif(reports)
    else:
        from elasticache_police.report.html import render_html

        yield render_html(reports)


def _table(reports: Iterable[Report], destination: TextIO, *, quiet: bool) -> bytes:
    from rich.console import Console

    from elasticache_police.report.text import print_text

    # A pipe or a file has no width: nothing is folded or cut there.
    width = None if destination.isatty() else 10_000
    console = Console(file=destination, width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        print_text(reports, console, only_misspelled=quiet)
    return capture.get().encode(destination.encoding or "utf-8", "backslashreplace")
