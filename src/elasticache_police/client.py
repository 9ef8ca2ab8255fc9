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
from elasticache_police.spelling import DEFAULT_NAME

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient
    from PIL import Image

    from elasticache_police._backend import Backend, LocalRuntime
    from elasticache_police._waiting import OnProgress
    from elasticache_police._wire import Wire
    from elasticache_police.imaging import ImageInput
    from elasticache_police.sagemaker_deploy import EndpointSpec, Pace
    from elasticache_police.sagemaker_deploy.resources import OnEvent
    from elasticache_police.tickets import Ticket

__all__ = ["Police"]

_LINES_AT_ONCE = 32
_GROUPED_PIXELS = 16_000_000  # of pages that are looked at together
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
    def from_endpoint(
        cls,
        endpoint_name: str,
        names: Sequence[str] | None = None,
        *,
        min_confidence: float | None = None,
        variant_name: str | None = None,
        limit_bytes: int | None = None,
        client: SageMakerRuntimeClient | None = None,
        session: Session | None = None,
        config: Config | None = None,
    ) -> Police:
        """Return police whose model is behind a SageMaker real-time or serverless endpoint.

        Pages and lines travel as pictures, small enough for the limit; retries are botocore's.

        Args:
            endpoint_name: The endpoint, in service by the time it is asked.
            names: The names its model was made for; ``ElastiCache`` when not given.
            min_confidence: As for the class; the packaged model's threshold when not given.
            variant_name: Ask this variant only, rather than by the variants' weights.
            limit_bytes: Bytes that a request may have: 6 MB when not given, 4 MB is right for serverless.
            client: boto3's ``sagemaker-runtime`` client; wins over `session`.
            session: boto3 session.
            config: botocore settings; by default an answer is waited for 70 s, as the container has 60.

        Raises:
            ConfigurationError: As for the class.
            NotFoundError: When asked: there is no such endpoint.
            InvocationError: When asked: the model failed, with what its container said.
            EndpointNotReadyError: When asked: it is not in service.
            PayloadTooLargeError: When asked: a page does not fit, however compressed.
            AwsError: When asked: AWS refused; throttling is :class:`ThrottledError`.
        """
        from elasticache_police._remote import EndpointBackend
        from elasticache_police._wire import REAL_TIME_LIMIT

        backend = EndpointBackend(
            endpoint_name,
            names=_checked_names(names) or (DEFAULT_NAME,),
            variant_name=variant_name,
            limit_bytes=REAL_TIME_LIMIT if limit_bytes is None else limit_bytes,
            client=client,
            session=session,
            config=config,
        )
        return cls._over(backend, min_confidence=min_confidence)

    @classmethod
    def from_async(
        cls,
        endpoint_name: str,
        names: Sequence[str] | None = None,
        *,
        input_url: str,
        min_confidence: float | None = None,
        timeout_s: float = 900.0,
        poll_s: float = 2.0,
        client: SageMakerRuntimeClient | None = None,
        session: Session | None = None,
        config: Config | None = None,
    ) -> Police:
        """Return police whose model is behind a SageMaker asynchronous endpoint.

        :meth:`submit` hands a picture over and returns at once; :meth:`inspect` and the others wait for the answer.

        Args:
            endpoint_name: The endpoint.
            names: As for :meth:`from_endpoint`.
            input_url: ``s3://bucket/prefix`` under which requests are put; the endpoint's role must read there.
            min_confidence: As for :meth:`from_endpoint`.
            timeout_s: Seconds to wait for an answer; an endpoint at zero instances takes minutes to wake.
            poll_s: Seconds between two looks for it.
            client: boto3's ``sagemaker-runtime`` client; wins over `session`.
            session: boto3 session, also for S3.
            config: botocore settings.

        Raises:
            ConfigurationError: As for the class, or `input_url` has another form.
        """
        from elasticache_police._async import AsyncBackend

        backend = AsyncBackend(
            endpoint_name,
            input_url=input_url,
            names=_checked_names(names) or (DEFAULT_NAME,),
            timeout_s=timeout_s,
            poll_s=poll_s,
            client=client,
            session=session,
            config=config,
        )
        return cls._over(backend, min_confidence=min_confidence)

    @classmethod
    @contextlib.contextmanager
    def deployed(
        cls,
        spec: EndpointSpec,
        names: Sequence[str] | None = None,
        *,
        min_confidence: float | None = None,
        input_url: str | None = None,
        on_event: OnEvent | None = None,
        on_progress: OnProgress | None = None,
        pace: Pace | None = None,
        session: Session | None = None,
        config: Config | None = None,
    ) -> Iterator[Police]:
        """Deploy an endpoint, hand out police on it, and remove it when the block ends, however it ends.

        Only what this call made is removed: an endpoint that existed before stays.

        Args:
            spec: What to deploy.
            names: As for :meth:`from_endpoint`.
            min_confidence: As for :meth:`from_endpoint`.
            input_url: As for :meth:`from_async`; needed for an asynchronous endpoint.
            on_event: Told of every step.
            on_progress: Told of every look while waiting.
            pace: How often to look.
            session: boto3 session.
            config: botocore settings.

        Raises:
            ConfigurationError: The specification cannot work.
            ResourceFailedError: The endpoint failed to start; nothing is left of it.
            LeftBehindError: Something could not be removed at the end.
            AwsError: AWS refused.
        """
        from elasticache_police import sagemaker_deploy

        if spec.asynchronous is not None and input_url is None:
            raise ConfigurationError("an asynchronous endpoint needs input_url, where requests are put")
        with sagemaker_deploy.deployed(
            spec, on_event=on_event, on_progress=on_progress, pace=pace, session=session, config=config
        ):
            if input_url is None or spec.asynchronous is None:
                yield cls.from_endpoint(
                    spec.endpoint_name, names, min_confidence=min_confidence, session=session, config=config
                )
            else:
                yield cls.from_async(
                    spec.endpoint_name,
                    names,
                    input_url=input_url,
                    min_confidence=min_confidence,
                    session=session,
                    config=config,
                )

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

    def submit(self, image: ImageInput) -> Ticket:
        """Hand every page of a picture or document to an asynchronous endpoint, and return at once.

        Args:
            image: As for :meth:`inspect`.

        Returns:
            A ticket: ``ticket.result(timeout_s)`` is the report, in this process or, by way of ``ticket.to_json()``,
            in another.

        Raises:
            ConfigurationError: The model is not behind an asynchronous endpoint.
            ImageError: It cannot be read.
            AwsError: AWS refused.
        """
        from elasticache_police._async import AsyncBackend
        from elasticache_police.imaging import open_pages, source_name

        if not isinstance(self._backend, AsyncBackend):
            raise ConfigurationError("only police made by Police.from_async hand pictures over; inspect() answers here")
        source = source_name(image)
        pages = open_pages(image, source=source)
        return self._backend.submit(pages, source=source, min_confidence=self.min_confidence)

    def result(self, ticket: Ticket, timeout_s: float | None = None) -> Report:
        """Wait for the answer to a ticket of :meth:`submit`, made here or elsewhere.

        Args:
            ticket: What `submit` returned.
            timeout_s: Seconds after which to give up; that of :meth:`from_async` when not given.

        Raises:
            ConfigurationError: The model is not behind an asynchronous endpoint.
            InvocationError: The model failed; with what it said.
            WaitTimeoutError: No answer in time; it may be asked for again.
            AwsError: AWS refused.
        """
        from elasticache_police._async import AsyncBackend

        if not isinstance(self._backend, AsyncBackend):
            raise ConfigurationError("only police made by Police.from_async wait for tickets; or call ticket.result()")
        return self._backend.result(ticket, timeout_s)

    @overload
    def classify(
        self, crop: list[ImageInput] | tuple[ImageInput, ...], *, wire: Wire = ...
    ) -> list[Classification]: ...

    @overload
    def classify(self, crop: ImageInput, *, wire: Wire = ...) -> Classification: ...

    def classify(
        self, crop: ImageInput | list[ImageInput] | tuple[ImageInput, ...], *, wire: Wire = "base64"
    ) -> Classification | list[Classification]:
        """Say whether one line of text spells the name right: the classic question of 50 x 700 grey pixels.

        Args:
            crop: Any picture of one line; other sizes are scaled to fit, see
                :func:`elasticache_police.imaging.crop_to_line`. A list, a tuple or an array of four dimensions
                (N, H, W, channels) is a batch.
            wire: How lines travel to an endpoint: as pictures in base64, or ``floats``, the nested lists of numbers
                that the classic TensorFlow request has, about 700 kB a line.

        Returns:
            One classification, or a list of them for a batch.

        Raises:
            ImageError: A crop cannot be read.
            ModelFileError: The model cannot be loaded.
        """
        if isinstance(crop, list | tuple) or getattr(crop, "ndim", 0) == 4:
            return list(self.classify_many(crop, wire=wire))  # type: ignore[arg-type]  # an array iterates over its pictures
        (answer,) = self.classify_many([crop], wire=wire)
        return answer

    def classify_many(self, crops: Iterable[ImageInput], *, wire: Wire = "base64") -> Iterator[Classification]:
        """Classify lines as :meth:`classify` does, lazily and in batches.

        Raises:
            ImageError: A crop cannot be read.
            ModelFileError: The model cannot be loaded.
        """
        import numpy as np

        from elasticache_police.imaging import crop_to_line

        remaining = iter(crops)
        while batch := [crop_to_line(crop) for crop in itertools.islice(remaining, _LINES_AT_ONCE)]:
            yield from self._backend.classify_lines(np.stack(batch), wire=wire)

    def _report(self, image: ImageInput, *, keep_pixels: float) -> Report:
        from elasticache_police.imaging import numbered_pages, source_name

        source = source_name(image)
        min_confidence = self.min_confidence
        pages: list[Page] = []
        try:
            for group in _grouped(numbered_pages(image, source=source), self._backend.pages_at_once):
                found = self._backend.inspect_pages([picture for _, picture in group])
                for (number, picture), findings in zip(group, found, strict=True):
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
