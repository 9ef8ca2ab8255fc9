"""A cluster as the functions of this package see it: a name, clients and a clock."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from elasticache_police._aws import Clients, Request
from elasticache_police.ecs_anywhere._read import Answer, children, text
from elasticache_police.errors import ConfigurationError

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.client import BaseClient
    from botocore.config import Config

__all__ = ["Cluster", "as_cluster"]


_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")


class Cluster:
    """An ECS cluster in one account and region.

    Every function of :mod:`elasticache_police.ecs_anywhere` takes one, or just its name.
    """

    def __init__(
        self,
        name: str = "default",
        *,
        clients: Mapping[str, BaseClient] | None = None,
        session: Session | None = None,
        region: str | None = None,
        config: Config | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Remember where to send requests; nothing is sent and no client is made yet.

        Args:
            name: The cluster's short name.
            clients: Ready boto3 clients by service name, such as ``{"ecs": ...}``; they win over the session.
            session: The boto3 session for the others.
            region: Overrides the session's region.
            config: Overrides this package's botocore settings.
            clock: Seconds that only grow, for waits; injected by tests.
            sleep: Pauses for seconds, for waits; injected by tests.

        Raises:
            ConfigurationError: That is no name of a cluster, but its ARN, say.
        """
        if not _NAME.fullmatch(name):
            raise ConfigurationError(f"a cluster is called by its short name, letters, digits, - and _; not {name!r}")
        self.name = name
        self.clock = clock
        self.sleep = sleep
        self.clients = Clients(clients=clients, session=session, region=region, config=config)

    def __repr__(self) -> str:
        return f"Cluster({self.name!r})"

    @property
    def region(self) -> str:
        """The region that requests go to.

        Raises:
            ConfigurationError: There is none, or ECS Anywhere does not exist there.
        """
        region = self.clients.region
        if region.startswith("cn-"):
            raise ConfigurationError(f"ECS Anywhere is not offered in {region}: AWS's China regions do not have it")
        return region

    def perform(self, service: str, operation: str, **parameters: object) -> Answer:
        """Send one request and return AWS's answer.

        Raises:
            AwsError: AWS refused or failed it; one of its subclasses where AWS says why.
        """
        return self.clients.perform(request(service, operation, **parameters))

    def every(self, service: str, operation: str, items: str, **parameters: object) -> Iterator[Answer]:
        """Yield the structures of a listing, page after page."""
        for page in self.pages(service, operation, **parameters):
            yield from children(page, items)

    def pages(self, service: str, operation: str, **parameters: object) -> Iterator[Answer]:
        """Yield the pages of a listing."""
        key = "NextToken" if service in {"ssm", "sqs"} else "nextToken"
        token = ""
        while True:
            more = {key: token} if token else {}
            page = self.perform(service, operation, **parameters, **more)
            yield page
            token = text(page, key)
            if not token:
                return


def request(service: str, operation: str, **parameters: object) -> Request:
    """Make a request from keyword arguments by AWS's names."""
    return Request(service=service, operation=operation, parameters=parameters)  # type: ignore[arg-type]


def as_cluster(cluster: Cluster | str) -> Cluster:
    """Return the cluster, made from its name with boto3's default chain where only that is given."""
    return Cluster(cluster) if isinstance(cluster, str) else cluster
