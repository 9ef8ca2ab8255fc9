"""Any picture to its pages: upright, opaque, 8-bit RGB, one at a time."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import struct
import threading
import zlib
from collections.abc import Generator, Iterator
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageChops, ImageSequence, UnidentifiedImageError

from elasticache_police.errors import ImageError
from elasticache_police.imaging.normalise import array_to_rgb, to_luma, to_rgb
from elasticache_police.imaging.pdf import pdf_pages
from elasticache_police.imaging.sources import (
    ImageInput,
    encoded_stream,
    format_of,
    refuse_unknown,
    source_name,
)

__all__ = ["MAX_PIXELS", "numbered_pages", "open_pages"]

MAX_PIXELS = 89_478_485
"""The largest page that is decoded, in pixels: Pillow's own limit, 256 MiB as RGB, 9,459 pixels squared."""

# Where Pillow keeps the readers that we need; its thirty others are not exposed to strangers' files.
_READERS = {
    "BMP": "PIL.BmpImagePlugin",
    "GIF": "PIL.GifImagePlugin",
    "JPEG": "PIL.JpegImagePlugin",
    "PNG": "PIL.PngImagePlugin",
    "TIFF": "PIL.TiffImagePlugin",
    "WEBP": "PIL.WebPImagePlugin",
}
_ANIMATIONS = frozenset({"GIF", "WEBP", "PNG"})
_REDUCED_RESOLUTION = 1  # bit of TIFF's NewSubfileType: a smaller copy of another page
_NEW_SUBFILE_TYPE = 254

# Pillow loads a picture on first use, and not safely from two threads: the same one may be given to several.
_LOADING = threading.Lock()

# What Pillow's readers raise on damaged files, found by fuzzing; there is no common base short of Exception.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    UserWarning,  # where the caller turns warnings into errors
    ValueError,
    struct.error,
    zlib.error,
)


def open_pages(
    image: ImageInput, *, source: str | None = None, max_pixels: int = MAX_PIXELS, grey: bool = False
) -> Generator[Image.Image, None, None]:
    """Yield the pages of any picture as upright RGB, one at a time.

    What a file is follows from its content, never from its name. Pages are those of a PDF (rendered at 150 dots an
    inch) or TIFF and the frames of an animated GIF, WebP or PNG; a frame that shows exactly what the one before it
    showed is left out, and so are a TIFF's reduced copies of its own pages. A PIL image is one page: the frame it
    stands at. Transparency is composited on white, EXIF orientation applied, other colour spaces and bit depths are
    converted. The input is not changed; a file object is read from its start.

    Args:
        image: A path, encoded bytes, a binary file object, a PIL image, or a numpy array: (H, W), (H, W, 1),
            (H, W, 3) or (H, W, 4), uint8 or float in 0..1.
        source: What to call it in messages; :func:`source_name` when not given.
        max_pixels: The most pixels a page may have.
        grey: Whether only the luma is wanted.

    Yields:
        Mode RGB, or L where only the luma is wanted; each page's own size.

    Raises:
        ImageError: It cannot be read, or is too large; the message names it and says what to do.
        MissingExtraError: It is a PDF and the ``pdf`` extra is not installed.
    """
    for _, page in numbered_pages(image, source=source, max_pixels=max_pixels, grey=grey):
        yield page


def numbered_pages(
    image: ImageInput, *, source: str | None = None, max_pixels: int = MAX_PIXELS, grey: bool = False
) -> Generator[tuple[int, Image.Image], None, None]:
    """Yield (number, page) as :func:`open_pages` does; numbers count from 1 and include what is left out."""
    source = source_name(image) if source is None else source
    if isinstance(image, Image.Image):
        _refuse_size(image.size, source, max_pixels)
        with _LOADING, _as_image_error(source, ""):
            image.load()
        yield 1, _decode(image, source, "", grey=grey)
    elif isinstance(image, np.ndarray):
        page = array_to_rgb(image, source)
        _refuse_size(page.size, source, max_pixels)
        yield 1, page.convert("L") if grey else page
    else:
        with encoded_stream(image, source) as stream:
            head = stream.read(1024)
            stream.seek(0)
            form = format_of(head)
            if form is None:
                raise refuse_unknown(head, source)
            if form == "PDF":
                for number, page in pdf_pages(stream, source, max_pixels=max_pixels):
                    yield number, page.convert("L") if grey else page
            else:
                yield from _picture_pages(stream, form, source, max_pixels, grey=grey)


def _picture_pages(
    stream: BinaryIO, form: str, source: str, max_pixels: int, *, grey: bool
) -> Iterator[tuple[int, Image.Image]]:
    with _open(stream, form, source) as picture:
        if form != "TIFF" and not _may_move(picture, form):
            _refuse_size(picture.size, source, max_pixels)
            yield 1, _decode(picture, source, "", grey=grey)
            return
        shown: Image.Image | None = None
        for number, frame in enumerate(_frames(picture, source), start=1):
            where = f"page {number}: " if number > 1 else ""
            _refuse_size(frame.size, source, max_pixels)
            if form == "TIFF" and _is_reduced_copy(frame):
                continue
            page = _decode(frame, source, where, grey=grey)
            if form in _ANIMATIONS:
                if shown is not None and _same(shown, page):
                    continue
                shown = page.copy()  # the caller may draw on the other
            yield number, page


def _may_move(picture: Image.Image, form: str) -> bool:
    """Say whether a picture may have several frames; a second picture in a JPEG is a preview or the other eye's."""
    # A GIF does not say in its head.
    return form == "GIF" or (form in _ANIMATIONS and bool(getattr(picture, "is_animated", False)))


def _same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and ImageChops.difference(one, other).getbbox() is None


def _open(stream: BinaryIO, form: str, source: str) -> Image.Image:
    importlib.import_module(_READERS[form])  # which registers it
    with _as_image_error(source, ""):
        return Image.open(stream, formats=(form,))


def _frames(picture: Image.Image, source: str) -> Iterator[Image.Image]:
    frames = ImageSequence.Iterator(picture)
    for number in itertools.count(1):
        with _as_image_error(source, f"page {number}: "):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame


def _decode(picture: Image.Image, source: str, where: str, *, grey: bool) -> Image.Image:
    with _as_image_error(source, where):
        return to_luma(picture, source) if grey else to_rgb(picture, source)


@contextlib.contextmanager
def _as_image_error(source: str, where: str) -> Iterator[None]:
    """Turn what Pillow raises while it decodes into an error that says which picture and what to do."""
    try:
        yield
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(source, f"{where}needs more memory than there is", _BOMB_ADVICE) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(source, f"{where}is too large: {error}", _BOMB_ADVICE) from error
    except UnidentifiedImageError as error:
        raise ImageError(source, "starts like a picture and is not one we can read", _DAMAGE_ADVICE) from error
    except _DAMAGE as error:
        raise _damaged(source, where, error) from error


def _is_reduced_copy(frame: Image.Image) -> bool:
    tags = getattr(frame, "tag_v2", {})
    kind = tags.get(_NEW_SUBFILE_TYPE, 0)
    return isinstance(kind, int) and bool(kind & _REDUCED_RESOLUTION)


_BOMB_ADVICE = "scale it down or cut it up; if a small file says so it may be hostile"
_DAMAGE_ADVICE = "it may be cut short or damaged: download or export it again"


def _refuse_size(size: tuple[int, int], source: str, max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise ImageError(
            source, f"is too large: {width} x {height} pixels where {max_pixels:,} in all are accepted", _BOMB_ADVICE
        )
    if width < 1 or height < 1:
        raise ImageError(source, f"has no pixels ({width} x {height})", "check how it was made")


def _damaged(source: str, where: str, error: BaseException) -> ImageError:
    if isinstance(error, OSError) and error.errno is not None:
        return ImageError(source, f"{where}cannot be read: {os.strerror(error.errno)}", "check the disk or network")
    return ImageError(source, f"{where}is damaged: {str(error) or type(error).__name__}", _DAMAGE_ADVICE)
