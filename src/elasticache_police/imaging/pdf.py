"""PDF pages to pixels, through pypdfium2 (the ``pdf`` extra)."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from elasticache_police.errors import ImageError, MissingExtraError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["PDF_DPI", "pdf_pages"]

PDF_DPI = 150
"""Dots an inch at which pages are rendered: 10-point text has capitals 15 pixels high."""

PDF_MAX_PIXELS = 32_000_000
"""A larger page, a poster, is rendered with fewer dots an inch."""

_ADVICE = "open it in a viewer and export it again"

# PDFium is not thread-safe: one call at a time in this process.
_LOCK = threading.Lock()


def pdf_pages(stream: BinaryIO, source: str, *, max_pixels: int) -> Iterator[tuple[int, Image.Image]]:
    """Yield (number, page) of a PDF, rendered on white as RGB.

    Args:
        stream: The encoded document, open while pages are drawn from it.
        source: What to call it in messages.
        max_pixels: A page that would have more is rendered smaller.

    Raises:
        MissingExtraError: pypdfium2 is not installed.
        ImageError: The document is damaged, empty or locked by a password.
    """
    try:
        import pypdfium2
    except ImportError as error:
        raise MissingExtraError(f"{source}: reading PDF", "pdf") from error
    limit = min(max_pixels, PDF_MAX_PIXELS)
    with _LOCK:
        try:
            document = pypdfium2.PdfDocument(stream)
            count = len(document)
        except pypdfium2.PdfiumError as error:
            if "password" in str(error).lower():
                raise ImageError(source, "is locked by a password", "save a copy without one") from error
            raise ImageError(source, f"is a damaged PDF: {error}", _ADVICE) from error
    try:
        if count == 0:
            raise ImageError(source, "is a PDF without pages", _ADVICE)
        for index in range(count):
            with _LOCK:
                try:
                    page = document[index]
                    width, height = page.get_size()
                    scale = min(PDF_DPI / 72, math.sqrt(limit / max(width * height, 1.0)) * 0.999)
                    picture = page.render(scale=scale).to_pil().convert("RGB")
                    page.close()
                except (pypdfium2.PdfiumError, ValueError, MemoryError) as error:
                    raise ImageError(source, f"page {index + 1} of the PDF is damaged: {error}", _ADVICE) from error
            yield index + 1, picture
    finally:
        with _LOCK:
            document.close()
