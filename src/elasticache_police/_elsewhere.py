"""Police whose model is somewhere else: behind an endpoint, with or without a ticket for the answer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Self

from elasticache_police._inspecting import checked_names
from elasticache_police.errors import ConfigurationError
from elasticache_police.findings import Report
from elasticache_police.spelling import DEFAULT_NAME

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

    from elasticache_police._backend import Backend
    from elasticache_police._waiting import OnProgress
    from elasticache_police.imaging import ImageInput
    from elasticache_police.sagemaker_deploy import EndpointSpec, Pace
    from elasticache_police.sagemaker_deploy.resources import OnEvent
    from elasticache_police.tickets import Ticket

__all__ = ["RemotePolice"]


class RemotePolice:
    """What :class:`~elasticache_police.Police` can do when its model is not in this process."""

    _backend: Backend

    def __init__(self, *, min_confidence: float | None = None) -> None:
        self._min_confidence = min_confidence

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
    ) -> Self:
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
            names=checked_names(names) or (DEFAULT_NAME,),
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
        keep_requests: bool = False,
        client: SageMakerRuntimeClient | None = None,
        session: Session | None = None,
        config: Config | None = None,
    ) -> Self:
        """Return police whose model is behind a SageMaker asynchronous endpoint.

        :meth:`submit` hands a picture over and returns at once; :meth:`inspect` and the others wait for the answer.

        Args:
            endpoint_name: The endpoint.
            names: As for :meth:`from_endpoint`.
            input_url: ``s3://bucket/prefix`` under which requests are put; the endpoint's role must read there. Each is
                deleted once its answer or its failure was read, as far as the caller may.
            min_confidence: As for :meth:`from_endpoint`.
            timeout_s: Seconds to wait for an answer; an endpoint at zero instances takes minutes to wake.
            poll_s: Seconds between two looks for it.
            keep_requests: Leave requests where they were put.
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
            names=checked_names(names) or (DEFAULT_NAME,),
            timeout_s=timeout_s,
            poll_s=poll_s,
            keep_requests=keep_requests,
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
    ) -> Iterator[Self]:
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
            ConfigurationError: The specification cannot work, or another argument cannot, as for :meth:`from_async`.
            ResourceFailedError: The endpoint failed to start; nothing is left of it.
            LeftBehindError: Something could not be removed at the end.
            AwsError: AWS refused.
        """
        from elasticache_police import sagemaker_deploy
        from elasticache_police._wire import SERVERLESS_LIMIT

        if spec.asynchronous is not None and input_url is None:
            raise ConfigurationError("an asynchronous endpoint needs input_url, where requests are put")
        config = _in_region(config, spec.region)
        serverless = any(variant.serverless is not None for variant in spec.variants)
        if input_url is None or spec.asynchronous is None:
            police = cls.from_endpoint(
                spec.endpoint_name,
                names,
                min_confidence=min_confidence,
                limit_bytes=SERVERLESS_LIMIT if serverless else None,
                session=session,
                config=config,
            )
        else:
            police = cls.from_async(
                spec.endpoint_name,
                names,
                input_url=input_url,
                min_confidence=min_confidence,
                session=session,
                config=config,
            )
        with sagemaker_deploy.deployed(
            spec, on_event=on_event, on_progress=on_progress, pace=pace, session=session, config=config
        ):
            yield police

    @classmethod
    def _over(cls, backend: Backend, *, min_confidence: float | None = None) -> Self:
        """Return police over any backend; the way in for models that are somewhere else."""
        police = cls(min_confidence=min_confidence)
        police._backend = backend
        return police

    @property
    def min_confidence(self) -> float:
        """The confidence below which findings are left out."""
        return self._backend.default_min_confidence if self._min_confidence is None else self._min_confidence

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


def _in_region(config: Config | None, region: str | None) -> Config | None:
    """Return settings that also send requests to a region, where one is named."""
    from botocore.config import Config

    if region is None:
        return config
    there = Config(region_name=region)
    return there if config is None else config.merge(there)
