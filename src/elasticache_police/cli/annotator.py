"""Annotated copies of what was inspected, side by side in one folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from elasticache_police.cli.pictures import ANNOTATED_SUFFIX, Picture
from elasticache_police.errors import ConfigurationError
from elasticache_police.findings import Report

__all__ = ["Annotator"]


class Annotator:
    """Writes a copy of each page that has findings, with the findings drawn on it.

    ``slides/deck.pdf``, found below ``slides``, becomes ``deck-page-3.annotated.png``; a picture of one page
    ``name.annotated.png``. Folders below what was named are kept. No input is overwritten, and no two copies of a run
    share a name.

    Args:
        folder: Where to write; it is made when the first copy is.
        inputs: Everything that is inspected in this run.
    """

    def __init__(self, folder: Path, inputs: Sequence[Picture]) -> None:
        self.folder = folder
        self.written: list[Path] = []
        self._taken = {_key(Path(picture.path)) for picture in inputs}

    def write(self, picture: Picture, report: Report) -> None:
        """Write a copy of each page of a report that has findings.

        Raises:
            ConfigurationError: The folder cannot be written to.
            ImageError: The file is gone or changed since it was inspected.
        """
        from elasticache_police.report.annotate import annotated_pages

        found_on = {page.number for page in report.pages if page.findings}
        for number, annotated in annotated_pages(report, found_on):
            suffix = f"-page-{number}" if len(report.pages) > 1 else ""
            target = self._free_name(picture.relative.with_suffix(""), suffix)
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                annotated.save(target, "PNG")
            except OSError as error:
                reason = error.strerror or error
                raise ConfigurationError(f"--annotate: {target} cannot be written: {reason}") from error
            self.written.append(target)

    def _free_name(self, stem: Path, suffix: str) -> Path:
        number = 1
        while True:
            again = "" if number == 1 else f"-{number}"
            target = self.folder / stem.parent / f"{stem.name}{again}{suffix}{ANNOTATED_SUFFIX}"
            if _key(target) not in self._taken:
                self._taken.add(_key(target))
                return target
            number += 1


def _key(path: Path) -> str:
    """Return what tells files apart, on file systems that ignore case too."""
    return os.path.realpath(path).casefold()
