"""The police: one face over a model in this process or somewhere else."""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self, get_args, overload

from elasticache_police._backend import LocalBackend
from elasticache_police._elsewhere import RemotePolice
from elasticache_police._inspecting import checked_confidence, checked_names, in_order, report_of, report_or_error
from elasticache_police.errors import ConfigurationError
from elasticache_police.findings import Classification, Report

if TYPE_CHECKING:
    from elasticache_police._backend import LocalRuntime
    from elasticache_police._wire import Wire
    from elasticache_police.imaging import ImageInput

__all__ = ["Police"]

_LINES_AT_ONCE = 32


class Police(RemotePolice):
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
        super().__init__(min_confidence=checked_confidence(min_confidence))
        self._backend = LocalBackend(names=checked_names(names), runtime=runtime)

    @classmethod
    def from_model(
        cls,
        path: str | os.PathLike[str],
        names: Sequence[str] | None = None,
        *,
        min_confidence: float | None = None,
    ) -> Self:
        """Return police with a model made by ``elasticache-police train``, loaded on first use.

        Args:
            path: The model's directory; a relative one is that of the moment of this call.
            names: As for the class.
            min_confidence: As for the class.

        Raises:
            ConfigurationError: As for the class.
            ModelFileError: On first use: the directory is missing a part or damaged.
        """
        backend = LocalBackend(model=Path(path).absolute(), names=checked_names(names))
        return cls._over(backend, min_confidence=min_confidence)

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
        return report_of(image, self._backend, min_confidence=self.min_confidence)

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
            TypeError: `images` cannot be iterated over. What iterating over it raises comes after the reports on the
                pictures before that.
        """
        from elasticache_police.imaging import is_one_picture

        if is_one_picture(images):
            raise ConfigurationError("inspect_many takes several pictures, as a list for example; inspect takes one")
        if jobs is not None and jobs < 1:
            raise ConfigurationError(f"jobs is {jobs}: at least 1 is needed")
        return in_order(iter(images), self._look, jobs=self._backend.default_jobs if jobs is None else jobs)

    @overload
    def classify(  # type: ignore[overload-overlap]  # a str is a sequence of str, and a path here
        self, crop: ImageInput, *, wire: Wire = ...
    ) -> Classification: ...

    @overload
    def classify(self, crop: Sequence[ImageInput], *, wire: Wire = ...) -> list[Classification]: ...

    def classify(
        self, crop: ImageInput | Sequence[ImageInput], *, wire: Wire = "base64"
    ) -> Classification | list[Classification]:
        """Say whether one line of text spells the name right: the classic question of 50 x 700 grey pixels.

        Args:
            crop: Any picture of one line; other sizes are scaled to fit, see
                :func:`elasticache_police.imaging.crop_to_line`. A list or another sequence, or an array (N, H, W) or
                (N, H, W, channels), is a batch. (What a type checker cannot tell is the shape of an array: use
                :meth:`classify_many` where types matter.)
            wire: How lines travel to an endpoint: as pictures in base64, or ``floats``, the nested lists of numbers
                that the classic TensorFlow request has, about 700 kB a line.

        Returns:
            One classification, or a list of them for a batch.

        Raises:
            ConfigurationError: There is no such `wire`.
            ImageError: A crop cannot be read.
            ModelFileError: The model cannot be loaded.
        """
        if _is_batch(crop):
            return list(self.classify_many(crop, wire=wire))  # type: ignore[arg-type]  # an array iterates over its lines
        (answer,) = self.classify_many([crop], wire=wire)  # type: ignore[list-item]
        return answer

    def classify_many(self, crops: Iterable[ImageInput], *, wire: Wire = "base64") -> Iterator[Classification]:
        """Classify lines as :meth:`classify` does, lazily and in batches.

        Raises:
            ConfigurationError: There is no such `wire`.
            ImageError: A crop cannot be read.
            ModelFileError: The model cannot be loaded.
        """
        from elasticache_police._wire import Wire

        if wire not in get_args(Wire):
            raise ConfigurationError(f"no wire {wire!r}: lines travel as {' or as '.join(get_args(Wire))}")
        return self._classified(iter(crops), wire)

    def _classified(self, remaining: Iterator[ImageInput], wire: Wire) -> Iterator[Classification]:
        import numpy as np

        from elasticache_police.imaging import crop_to_line

        while batch := [crop_to_line(crop) for crop in itertools.islice(remaining, _LINES_AT_ONCE)]:
            yield from self._backend.classify_lines(np.stack(batch), wire=wire)

    def _look(self, image: ImageInput) -> Report:
        return report_or_error(image, self._backend, min_confidence=self.min_confidence)


def _is_batch(crop: object) -> bool:
    """Say whether these are several lines; an array's last axis holds colours where it has 1, 3 or 4 values."""
    if isinstance(crop, Sequence):
        return not isinstance(crop, str | bytes | bytearray | memoryview)
    shape: tuple[int, ...] = getattr(crop, "shape", ())
    return len(shape) == 4 or (len(shape) == 3 and shape[2] not in {1, 3, 4})
