"""From pictures to reports, whatever looks at them: pages in groups, pictures in order and several at once."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from elasticache_police.errors import (
    ConfigurationError,
    ImageError,
    InvocationError,
    MissingExtraError,
    PayloadTooLargeError,
)
from elasticache_police.findings import Page, Report

if TYPE_CHECKING:
    from concurrent.futures import Future

    from PIL import Image

    from elasticache_police._backend import Backend
    from elasticache_police.imaging import ImageInput

__all__ = ["checked_confidence", "checked_names", "in_order", "report_of", "report_or_error"]

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")

_GROUPED_PIXELS = 16_000_000  # of pages that are looked at together
_KEPT_PIXELS = 100_000_000  # of a file's pages, for annotate(); further pages are read again from the file

# What is wrong with one picture, rather than with the model, the account or the network.
_ERRORS_OF_ONE_PICTURE = (ImageError, InvocationError, MissingExtraError, PayloadTooLargeError)


def report_of(image: ImageInput, backend: Backend, *, min_confidence: float, kept_pixels: int = _KEPT_PIXELS) -> Report:
    """Look at every page of a picture.

    Args:
        image: As for :meth:`elasticache_police.Police.inspect`.
        backend: What looks.
        min_confidence: Findings with less confidence are left out.
        kept_pixels: Of a file's pages so many pixels are kept for annotating; it can be read again. What cannot, such
            as bytes or a pipe, is kept whole.

    Raises:
        ImageError: It cannot be read.
    """
    from elasticache_police.imaging import numbered_pages, source_name

    source = source_name(image)
    again = isinstance(image, str | os.PathLike) and Path(image).is_file()
    left = kept_pixels if again else math.inf
    pages: list[Page] = []
    try:
        for group in _grouped(numbered_pages(image, source=source), backend.pages_at_once):
            found = backend.inspect_pages([picture for _, picture in group])
            for (number, picture), findings in zip(group, found, strict=True):
                left -= picture.width * picture.height
                page = Page(
                    number=number,
                    width=picture.width,
                    height=picture.height,
                    findings=tuple(finding for finding in findings if finding.confidence >= min_confidence),
                    image=picture if left >= 0 else None,
                )
                pages.append(page)
    except MemoryError as error:
        raise ImageError(source, "needs more memory than there is", "scale it down, or use fewer jobs") from error
    return Report(source=source, pages=tuple(pages))


def report_or_error(image: ImageInput, backend: Backend, *, min_confidence: float) -> Report:
    """Return :func:`report_of` a picture, or a report that says why it cannot be read; a file's pixels are not kept."""
    from elasticache_police.imaging import source_name

    try:
        return report_of(image, backend, min_confidence=min_confidence, kept_pixels=0)
    except _ERRORS_OF_ONE_PICTURE as error:
        return Report(source=source_name(image), error=str(error))


def in_order(items: Iterator[_Item], work: Callable[[_Item], _Answer], *, jobs: int) -> Generator[_Answer, None, None]:
    """Work on items, several at once in threads, and yield the answers in order.

    Lazy: at most ``2 * jobs`` items are drawn ahead of what was yielded. Closing the generator ends the work. If
    drawing an item fails, the answers to those before it come first.

    Args:
        items: What to work on; may be endless.
        work: What to do with one; an error it raises ends the run when its turn comes.
        jobs: How many to work on at once.
    """
    if jobs == 1:
        yield from map(work, items)
        return
    from concurrent.futures import ThreadPoolExecutor

    drawn = _Drawn(items)
    with contextlib.ExitStack() as stack:
        pool = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="police")
        stack.callback(pool.shutdown, cancel_futures=True)
        ahead: deque[Future[_Answer]] = deque()
        while True:
            for item in itertools.islice(drawn, 2 * jobs - len(ahead)):
                ahead.append(pool.submit(work, item))
            if not ahead:
                break
            yield ahead.popleft().result()
    if drawn.error is not None:
        raise drawn.error


class _Drawn(Iterator[_Item]):
    """An iterator over another that ends where that one fails, and keeps the error for later."""

    def __init__(self, items: Iterator[_Item]) -> None:
        self._items = items
        self.error: Exception | None = None

    def __next__(self) -> _Item:
        if self.error is None:
            try:
                return next(self._items)
            except StopIteration:
                raise
            except Exception as error:  # noqa: BLE001  whatever it is, it is raised again in its turn
                self.error = error
        raise StopIteration


def _grouped(
    pages: Iterable[tuple[int, Image.Image]], most: int
) -> Generator[list[tuple[int, Image.Image]], None, None]:
    """Group numbered pages, lazily, so that few are held at once and few pixels."""
    group: list[tuple[int, Image.Image]] = []
    held = 0
    for number, picture in pages:
        group.append((number, picture))
        held += picture.width * picture.height
        if len(group) >= most or held >= _GROUPED_PIXELS:
            yield group
            group, held = [], 0
    if group:
        yield group


def checked_names(names: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return names to police as a tuple; one may be given by itself.

    Raises:
        ConfigurationError: There is none, or one is empty or no text.
    """
    if names is None:
        return None
    checked: tuple[object, ...] = (names,) if isinstance(names, str) else tuple(names)
    texts = tuple(name for name in checked if isinstance(name, str) and name.strip())
    if not texts or len(texts) < len(checked):
        raise ConfigurationError(f"names is {names!r}: at least one name, and none empty, is needed")
    return texts


def checked_confidence(min_confidence: float | None) -> float | None:
    """Return a confidence as it was given.

    Raises:
        ConfigurationError: It is not in 0..1.
    """
    if min_confidence is not None and not 0.0 <= min_confidence <= 1.0:
        raise ConfigurationError(f"min_confidence is {min_confidence}: a number in 0..1 is needed")
    return min_confidence
