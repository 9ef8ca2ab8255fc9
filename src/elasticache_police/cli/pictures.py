"""What people name on a command line, to the pictures that they mean."""

from __future__ import annotations

import glob
import io
import itertools
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias

import attrs
import click

__all__ = ["ANNOTATED_SUFFIX", "Picture", "find_pictures", "input_of"]

ANNOTATED_SUFFIX = ".annotated.png"
"""How the pictures that ``--annotate`` writes end; folders are searched without them."""

_STDIN = "-"
_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".pdf"})

PictureInput: TypeAlias = "Path | BinaryIO"


@attrs.frozen
class Picture:
    """A picture that someone named, alone or by its folder."""

    path: str
    """As it was named; ``-`` for standard input."""
    relative: Path
    """Where it lies below what was named: the file's own name for a file."""


def find_pictures(names: Iterable[str], *, skip: Path | None = None) -> list[Picture]:
    """Return the pictures that paths, folders, globs and ``-`` mean, each once, in order.

    A folder means every file below it that is a picture by its first bytes or claims to be one by its name; hidden
    files and folders and what ``--annotate`` wrote are left out. A glob means such files too, and the folders it
    matches. A file named by itself is taken whatever it is, and so is one that does not exist, or a folder below that
    may not be searched: reading it says so.

    Args:
        names: What was written on the command line.
        skip: A folder that is not searched: where annotated copies go.

    Raises:
        click.UsageError: A folder or glob means no picture at all.
    """
    found: dict[str, Picture] = {}
    for name in names:
        pictures = list(_pictures_of(name, skip))
        if not pictures:
            raise click.UsageError(f"no pictures in {click.format_filename(name)}")
        for picture in pictures:
            found.setdefault(_STDIN if picture.path == _STDIN else os.path.realpath(picture.path), picture)
    return list(found.values())


def input_of(picture: Picture) -> PictureInput:
    """Return what to hand to :meth:`elasticache_police.Police.inspect`."""
    if picture.path != _STDIN:
        return Path(picture.path)
    from elasticache_police.imaging.sources import MAX_STREAM_BYTES

    return _StandardInput(sys.stdin.buffer.read(MAX_STREAM_BYTES + 1))  # one more than is accepted: refused later


class _StandardInput(io.BytesIO):
    """Standard input, read whole, under the name it has in reports."""

    name = "<stdin>"


def _pictures_of(name: str, skip: Path | None) -> Iterator[Picture]:
    if name == _STDIN:
        yield Picture(name, Path("stdin"))
    elif Path(name).is_dir():
        for path in _walk(Path(name), skip):
            yield Picture(str(path), path.relative_to(name))
    elif glob.has_magic(name) and not Path(name).exists():
        root = Path(*itertools.takewhile(lambda part: not glob.has_magic(part), Path(name).parts))
        for match in map(Path, sorted(glob.glob(name, recursive=True))):  # noqa: PTH207  it leaves hidden files out
            for path in _walk(match, skip) if match.is_dir() else [match]:
                if match.is_dir() or _is_searched_for(path):
                    yield Picture(str(path), path.relative_to(root))
    else:
        yield Picture(name, Path(Path(name).name))


def _walk(folder: Path, skip: Path | None) -> Iterator[Path]:
    skipped = None if skip is None else os.path.realpath(skip)
    closed: list[OSError] = []
    for root, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and os.path.realpath(Path(root, name)) != skipped
        )
        yield from (path for path in (Path(root, name) for name in sorted(files)) if _is_searched_for(path))
    yield from (Path(os.fsdecode(error.filename)) for error in closed)


def _is_searched_for(path: Path) -> bool:
    """Say whether a file that nobody named by itself is to be inspected."""
    return not path.name.startswith(".") and not path.name.endswith(ANNOTATED_SUFFIX) and _is_picture(path)


def _is_picture(path: Path) -> bool:
    from elasticache_police.imaging import looks_like_a_picture

    if path.exists() and not path.is_file():  # a pipe would wait for a writer
        return False
    if path.suffix.lower() in _SUFFIXES:
        return True  # if it is none, saying so is the point
    try:
        with path.open("rb") as stream:
            return looks_like_a_picture(stream.read(1024))
    except OSError:
        return False
