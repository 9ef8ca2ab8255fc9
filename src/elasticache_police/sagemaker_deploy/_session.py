"""What every operation here is given: clients, whom to tell, and how patient to be."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

import attrs

from elasticache_police._aws import Clients, Request, is_passing
from elasticache_police._waiting import OnProgress, wait_until
from elasticache_police.errors import AccessDeniedError, AwsError
from elasticache_police.sagemaker_deploy.resources import Event, OnEvent, Resource

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_sagemaker import SageMakerClient

    from elasticache_police.sagemaker_deploy.resources import Kind

__all__ = ["Pace", "Work"]

_T = TypeVar("_T")


@attrs.frozen(kw_only=True)
class Pace:
    """How waits pass their time; tests pass a clock of their own."""

    poll_s: float = 30.0
    """Seconds between two looks: AWS throttles accounts that look more often at many endpoints."""
    clock: Callable[[], float] = time.monotonic
    """Seconds that only grow."""
    sleep: Callable[[float], None] = time.sleep
    """Pauses for seconds."""


@attrs.frozen(kw_only=True)
class Work:
    """One piece of work on AWS."""

    clients: Clients
    pace: Pace = Pace()
    on_event: OnEvent | None = None
    on_progress: OnProgress | None = None

    @classmethod
    def of(
        cls,
        *,
        client: SageMakerClient | None = None,
        session: Session | None = None,
        config: Config | None = None,
        region: str | None = None,
        pace: Pace | None = None,
        on_event: OnEvent | None = None,
        on_progress: OnProgress | None = None,
    ) -> Work:
        """Gather what a public function was given; a client that is given decides the region."""
        given = None if client is None else {"sagemaker": client}
        clients = Clients(clients=given, session=session, region=None if given else region, config=config)
        return cls(clients=clients, pace=pace or Pace(), on_event=on_event, on_progress=on_progress)

    def undisturbed(self) -> Work:
        """Return this work with listeners whose failures are ignored: for a clean-up, which must go on without them.

        Whoever listens writes to a pipe that closes, say, and may even end the program for it, as rich's console does.
        A Ctrl-C is no failure of a listener.
        """
        return attrs.evolve(self, on_event=_ignoring(self.on_event), on_progress=_ignoring(self.on_progress))

    def tell(self, event: Event) -> None:
        """Tell whoever listens."""
        if self.on_event is not None:
            self.on_event(event)

    def send(self, service: str, operation: str, **parameters: object) -> Mapping[str, object]:
        """Send one request."""
        request = Request(service=service, operation=operation, parameters=parameters)  # type: ignore[arg-type]
        return self.clients.perform(request)

    def pages(self, service: str, operation: str, key: str, **parameters: object) -> Iterator[Mapping[str, object]]:
        """Yield the items of every page of a listing."""
        token: object = None
        while True:
            more = {} if token is None else {"NextToken": token}
            answer = self.send(service, operation, **parameters, **more)
            yield from cast(Sequence[Mapping[str, object]], answer.get(key) or ())
            token = answer.get("NextToken")
            if not token:
                return

    def seen(
        self, kind: Kind, name: str, found: Iterator[Resource], *, unless: type[AwsError] = AccessDeniedError
    ) -> Iterator[Resource]:
        """Yield what is found, as far as the caller may look, and tell where not: where `unless` is raised."""
        try:
            yield from found
        except unless as error:
            self.tell(Event(action="cannot see", resource=Resource(kind=kind, name=name), detail=str(error)))

    def wait(
        self,
        look: Callable[[], _T],
        *,
        done: Callable[[_T], bool],
        waited_for: str,
        timeout_s: float,
        status: Callable[[_T], str] = str,
        poll_s: float | None = None,
        passing: Callable[[AwsError], bool] = is_passing,
    ) -> _T:
        """Wait as :func:`wait_until` does, at this work's pace."""
        return wait_until(
            look,
            done=done,
            waited_for=waited_for,
            timeout_s=timeout_s,
            delay_s=self.pace.poll_s if poll_s is None else poll_s,
            status=status,
            on_progress=self.on_progress,
            clock=self.pace.clock,
            sleep=self.pace.sleep,
            passing=passing,
        )


def _ignoring(listener: Callable[[_T], None] | None) -> Callable[[_T], None] | None:
    if listener is None:
        return None

    def told(what: _T) -> None:
        with contextlib.suppress(Exception, SystemExit):
            listener(what)

    return told
