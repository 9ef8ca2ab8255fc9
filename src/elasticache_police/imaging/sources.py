"""What a user may hand in as a picture, what to call it, and what its first bytes say it is."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from typing import BinaryIO, TypeAlias, Union

import numpy as np
import numpy.typing as npt
from PIL import Image

from elasticache_police.errors import ImageError

__all__ = [
    "ImageInput",
    "encoded_stream",
    "format_of",
    "is_one_picture",
    "looks_like_a_picture",
    "refuse_unknown",
    "source_name",
]

ImageInput: TypeAlias = Union[  # noqa: UP007  one a line reads better
    str,
    os.PathLike[str],
    bytes,
    bytearray,
    memoryview,
    BinaryIO,
    Image.Image,
    npt.NDArray[np.uint8],
    npt.NDArray[np.float32],
    npt.NDArray[np.float64],
]
"""What is accepted as a picture: a path, encoded bytes, a binary file object, a PIL image or a numpy array."""

MAX_STREAM_BYTES = 256 << 20
"""The most that is read from a file object or pipe, in bytes: an endless stream must not eat the memory."""

_SUPPORTED = "PNG, JPEG, WebP, GIF, BMP, TIFF or PDF"

# The first bytes of what we read; BMP, WebP and PDF are looked at more closely below.
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}

# What people hand in instead, and what helps them.
_STRANGERS = (
    (b"PK\x03\x04", "is an archive or an Office file", "export slides or documents as PDF"),
    (b"\xd0\xcf\x11\xe0", "is an old Office file", "export it as PDF"),
    (b"%!PS", "is PostScript", "convert it to PDF"),
    (b"8BPS", "is a Photoshop file", "export it as PNG"),
    (b"\x00\x00\x01\x00", "is an icon file", "convert it to PNG"),
    (b"\x1f\x8b", "is compressed with gzip", "decompress it first"),
    (b"version https://git-lfs", "is a Git LFS pointer, not the picture itself", "run: git lfs pull"),
)


def source_name(image: ImageInput) -> str:
    """Return what to call a picture in reports and messages.

    Args:
        image: Anything :func:`~elasticache_police.imaging.open_pages` accepts.

    Returns:
        The path as the user wrote it, a file object's name, or a description such as ``<bytes>``.
    """
    if isinstance(image, str):
        return image
    if isinstance(image, os.PathLike):
        return os.fsdecode(image)
    if isinstance(image, bytes | bytearray | memoryview):
        return "<bytes>"
    if isinstance(image, Image.Image):
        name = getattr(image, "filename", "")
        return name if isinstance(name, str) and name else "<image>"
    if isinstance(image, np.ndarray):
        return "<array>"
    name = getattr(image, "name", None)
    if isinstance(name, str) and name:
        return name
    return "<stream>" if hasattr(image, "read") else f"<{type(image).__name__}>"


def is_one_picture(thing: object) -> bool:
    """Say whether something is a picture by itself, rather than several to iterate over.

    Args:
        thing: Anything; an array of four dimensions is several pictures.
    """
    if isinstance(thing, np.ndarray):
        return thing.ndim < 4
    return isinstance(thing, str | os.PathLike | bytes | bytearray | memoryview | Image.Image) or callable(
        getattr(thing, "read", None)
    )


def looks_like_a_picture(head: bytes) -> bool:
    """Say whether a file that starts with these bytes is of a kind we read, whatever it is called.

    Args:
        head: The first 1,024 bytes of the file; fewer are enough for everything but odd PDFs.
    """
    return format_of(head) is not None


def format_of(head: bytes) -> str | None:
    """Return what a file that starts with these bytes is, in Pillow's names or ``PDF``; None if we cannot read it."""
    for signature, name in _SIGNATURES.items():
        if head.startswith(signature):
            return name
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":  # text may start with BM too; these bytes are reserved
        return "BMP"
    return "PDF" if b"%PDF-" in head[:1024] else None  # readers of PDF accept rubbish in front of it


@contextlib.contextmanager
def encoded_stream(image: object, source: str) -> Iterator[BinaryIO]:
    """Open a path, bytes or a file object for reading from its start, and close what was opened here.

    Raises:
        ImageError: The path cannot be opened, the stream is no binary stream, is empty or endless.
    """
    with contextlib.ExitStack() as stack:
        if isinstance(image, str | os.PathLike):
            stream: BinaryIO = stack.enter_context(_open_path(os.fsdecode(image), source))
        elif isinstance(image, bytes | bytearray | memoryview):
            stream = io.BytesIO(image)
        else:
            stream = io.BytesIO(_read_all(image, source))
        head = stream.read(1024)
        if not head:
            raise ImageError(source, "is empty", "check how it was written or downloaded")
        stream.seek(0)
        yield stream


def refuse_unknown(head: bytes, source: str) -> ImageError:
    """Return the error for content that is no picture we read, worded by what its first bytes say it is."""
    for signature, what, advice in _STRANGERS:
        if head.startswith(signature):
            return ImageError(source, what, advice)
    if head[4:8] == b"ftyp":
        return ImageError(source, "is HEIC, AVIF or a video", "convert it to PNG or JPEG")
    lowered = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if lowered.startswith(b"<svg") or (lowered.startswith(b"<?xml") and b"<svg" in lowered):
        return ImageError(source, "is SVG, text rather than pixels", "render it to PNG, or search its text")
    if lowered.startswith((b"<!doctype html", b"<html")):
        return ImageError(
            source, "is a web page", "if it was downloaded, the answer was a page rather than the picture"
        )
    return ImageError(source, "is not a picture we can read", f"{_SUPPORTED} is needed")


def _open_path(path: str, source: str) -> BinaryIO:
    try:
        stream = open(path, "rb")  # noqa: SIM115, PTH123  closed by the caller's ExitStack
    except FileNotFoundError as error:
        advice = "download it and give the file" if "://" in path else "check the path"
        raise ImageError(source, "no such file", advice) from error
    except IsADirectoryError as error:
        raise ImageError(source, "is a folder", "name the pictures in it, or use the inspect command") from error
    except PermissionError as error:
        raise ImageError(source, "may not be read", "check its permissions") from error
    except (OSError, ValueError) as error:  # a name with a null byte, a loop of links, a dead network drive
        raise ImageError(source, f"cannot be opened: {error}", "check the path") from error
    if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        return stream
    with stream:  # a pipe or a device: Pillow needs to seek in it
        return io.BytesIO(_read_all(stream, source))


def _read_all(stream: object, source: str) -> bytes:
    read = getattr(stream, "read", None)
    if read is None:
        raise ImageError(
            source,
            f"{type(stream).__name__} is not a picture",
            "give a path, bytes, a binary file object, a PIL image or a numpy array",
        )
    try:
        _rewind(stream)
    except (OSError, ValueError) as error:  # ValueError: it is closed
        raise ImageError(source, f"cannot be read: {error}", "give an open binary file object") from error
    chunks: list[bytes] = []
    length = 0
    while chunk := _read_some(read, source):  # a raw stream may give less than was asked for
        chunks.append(chunk)
        length += len(chunk)
        if length > MAX_STREAM_BYTES:
            raise ImageError(source, f"is longer than {MAX_STREAM_BYTES >> 20} MiB", "save it and give its path")
    return b"".join(chunks)


def _rewind(stream: object) -> None:
    """Go to the start where a stream can, as Pillow does: a picture just written to it stands behind us."""
    seekable = getattr(stream, "seekable", None)
    if seekable is not None and seekable():
        stream.seek(0)  # type: ignore[attr-defined]


def _read_some(read: Callable[[int], object], source: str) -> bytes:
    try:
        chunk = read(1 << 20)
    except (OSError, ValueError) as error:  # ValueError: it is text in another encoding
        raise ImageError(source, f"cannot be read: {error}", "give an open binary file object") from error
    if isinstance(chunk, bytes | bytearray | memoryview):
        return bytes(chunk)
    raise ImageError(source, "gives text rather than bytes", 'open it in binary mode: open(path, "rb")')
