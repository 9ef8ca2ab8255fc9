"""The police: one face over a model in this process or somewhere else."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, overload

from elasticache_police._backend import LocalBackend
from elasticache_police.errors import (
    ConfigurationError,
    ImageError,
    InvocationError,
    MissingExtraError,
    PayloadTooLargeError,
)
from elasticache_police.findings import Classification, Page, Report

if TYPE_CHECKING:
    from elasticache_police._backend import Backend, LocalRuntime
    from elasticache_police.imaging import ImageInput

__all__ = ["Police"]

_LINES_AT_ONCE = 32
_KEPT_PIXELS = 100_000_000  # of a file's pages, for annotate(); further pages are read again from the file

# What is wrong with one picture, rather than with the model, the account or the network.
_ERRORS_OF_ONE_PICTURE = (ImageError, InvocationError, MissingExtraError, PayloadTooLargeError)


class Police:
    """Finds names in images and says whether they are spelled right.

    The packaged model is loaded on first use. One instance may be used from several threads.

    Args:
        names: The names to police, such as ``["ElastiCache", "CloudFormation"]``; those that the model was made for
            when not given.
        min_confidence: Findings with less confidence, ``max(score, 1 - score)``, are left out; the model's own
            threshold when not given. 0 keeps everything.
        runtime: A model that is loaded already, instead of the packaged one.

    Raises:
        ConfigurationError: A name is empty, or `min_confidence` is not in 0..1.
    """

    def __init__(
        self,
        names: Sequence[str] | None = None,
        *,
        min_confidence: float | None = None,
        runtime: LocalRuntime | None = None,
    ) -> None:
        self._backend: Backend = LocalBackend(names=_checked_names(names), runtime=runtime)
        self._min_confidence = _checked_confidence(min_confidence)

    @classmethod
    def from_model(
        cls,
        path: str | os.PathLike[str],
        names: Sequence[str] | None = None,
        *,
        min_confidence: float | None = None,
    ) -> Police:
        """Return police with a model made by ``elasticache-police train``, loaded on first use.

        Args:
            path: The model's directory.
            names: As for the class.
            min_confidence: As for the class.

        Raises:
            ConfigurationError: As for the class.
            ModelFileError: On first use: the directory is missing a part or damaged.
        """
        backend = LocalBackend(model=Path(path), names=_checked_names(names))
        return cls._over(backend, min_confidence=min_confidence)

    @classmethod
    def _over(cls, backend: Backend, *, min_confidence: float | None = None) -> Police:
        """Return police over any backend; the way in for models that are somewhere else."""
        police = cls(min_confidence=min_confidence)
        police._backend = backend
        return police

    @property
    def min_confidence(self) -> float:
        """The confidence below which findings are left out."""
        return self._backend.default_min_confidence if self._min_confidence is None else self._min_confidence

    def inspect(self, image: ImageInput) -> Report:
        """Look at every page of one picture or document.

        Args:
            image: A path, encoded bytes, a binary file object, a PIL image or a numpy array; see
                :func:`elasticache_police.imaging.open_pages`.

        Returns:
            What was found, with the pixels kept for :meth:`~elasticache_police.findings.Report.annotate`.

        Raises:
            ImageError: It cannot be read; the message names it and says what to do.
            MissingExtraError: It is a PDF and the ``pdf`` extra is not installed.
            ModelFileError: The model cannot be loaded.
        """
        return self._report(image, keep_pixels=_KEPT_PIXELS if isinstance(image, str | os.PathLike) else math.inf)

    def inspect_many(self, images: Iterable[ImageInput], *, jobs: int | None = None) -> Generator[Report, None, None]:
        """Look at many pictures, several at once, and yield their reports in order.

        Lazy: `images` is drawn from as reports are, at most a few ahead; closing the generator ends the work. A picture
        that cannot be read gives a report with an :attr:`~elasticache_police.findings.Report.error`, and the run goes
        on. Pixels of files are not kept: they are read again if a report is asked to annotate.

        Args:
            images: Pictures as for :meth:`inspect`; an endless iterator will do.
            jobs: How many to look at at once, in threads: numpy, Pillow and the model's runtime let each other run.
                One for each core when not given.

        Yields:
            One report for each picture, in the order of `images`.

        Raises:
            ConfigurationError: `jobs` is less than 1, or `images` is one picture rather than several.
            ModelFileError: The model cannot be loaded.
        """
        if isinstance(images, str | bytes | bytearray | memoryview | os.PathLike):
            raise ConfigurationError("inspect_many takes several pictures, as a list for example; inspect takes one")
        if jobs is not None and jobs < 1:
            raise ConfigurationError(f"jobs is {jobs}: at least 1 is needed")
        return self._reports(images, self._backend.default_jobs if jobs is None else jobs)

    @overload
    def classify(self, crop: list[ImageInput] | tuple[ImageInput, ...]) -> list[Classification]: ...

    @overload
    def classify(self, crop: ImageInput) -> Classification: ...

    def classify(
        self, crop: ImageInput | list[ImageInput] | tuple[ImageInput, ...]
    ) -> Classification | list[Classification]:
        """Say whether one line of text spells the name right: the classic question of 50 x 700 grey pixels.

        Args:
            crop: Any picture of one line; other sizes are scaled to fit, see
                :func:`elasticache_police.imaging.crop_to_line`. A list, a tuple or an array of four dimensions
                (N, H, W, channels) is a batch.

        Returns:
            One classification, or a list of them for a batch.

        Raises:
            ImageError: A crop cannot be read.
            ModelFileError: The model cannot be loaded.
        """
        if isinstance(crop, list | tuple) or getattr(crop, "ndim", 0) == 4:
            return list(self.classify_many(crop))  # type: ignore[arg-type]  # an array iterates over its pictures
        (answer,) = self.classify_many([crop])
        return answer

    def classify_many(self, crops: Iterable[ImageInput]) -> Iterator[Classification]:
        """Classify lines as :meth:`classify` does, lazily and in batches.

        Raises:
            ImageError: A crop cannot be read.
            ModelFileError: The model cannot be loaded.
        """
        import numpy as np

        from elasticache_police.imaging import crop_to_line

        remaining = iter(crops)
        while batch := [crop_to_line(crop) for crop in itertools.islice(remaining, _LINES_AT_ONCE)]:
            yield from self._backend.classify_lines(np.stack(batch))

    def _report(self, image: ImageInput, *, keep_pixels: float) -> Report:
        from elasticache_police.imaging import numbered_pages, source_name

        source = source_name(image)
        min_confidence = self.min_confidence
        pages: list[Page] = []
        try:
            for number, picture in numbered_pages(image, source=source):
                findings = self._backend.inspect_page(picture)
                keep_pixels -= picture.width * picture.height
                page = Page(
                    number=number,
                    width=picture.width,
                    height=picture.height,
                    findings=tuple(finding for finding in findings if finding.confidence >= min_confidence),
                    image=picture if keep_pixels >= 0 else None,
                )
                pages.append(page)
        except MemoryError as error:
            raise ImageError(source, "needs more memory than there is", "scale it down, or use fewer jobs") from error
        return Report(source=source, pages=tuple(pages))

    def _report_or_error(self, image: ImageInput) -> Report:
        from elasticache_police.imaging import source_name

        try:
            return self._report(image, keep_pixels=0 if isinstance(image, str | os.PathLike) else math.inf)
        except _ERRORS_OF_ONE_PICTURE as error:
            return Report(source=source_name(image), error=str(error))

    def _reports(self, images: Iterable[ImageInput], jobs: int) -> Generator[Report, None, None]:
        if jobs == 1:
            yield from map(self._report_or_error, images)
            return
        with contextlib.ExitStack() as stack:
            pool = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="police")
            stack.callback(pool.shutdown, cancel_futures=True)
            remaining = iter(images)
            ahead: deque[Future[Report]] = deque()
            while True:
                for image in itertools.islice(remaining, 2 * jobs - len(ahead)):
                    ahead.append(pool.submit(self._report_or_error, image))
                if not ahead:
                    return
                yield ahead.popleft().result()


def _checked_names(names: Sequence[str] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    checked = (names,) if isinstance(names, str) else tuple(names)
    if not checked or not all(name.strip() for name in checked):
        raise ConfigurationError(f"names is {names!r}: at least one name, and none empty, is needed")
    return checked


def _checked_confidence(min_confidence: float | None) -> float | None:
    if min_confidence is not None and not 0.0 <= min_confidence <= 1.0:
        raise ConfigurationError(f"min_confidence is {min_confidence}: a number in 0..1 is needed")
    return min_confidence
