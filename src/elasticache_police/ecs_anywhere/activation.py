"""An SSM hybrid activation: the ticket with which a machine of one's own joins a cluster."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from elasticache_police.errors import ConfigurationError

__all__ = ["Activation", "Secret", "check_expiry", "quiet_response_bodies"]

MAX_REGISTRATIONS = 1000
"""How many machines one activation may register, at most (CreateActivation's own limit)."""
MAX_DAYS = 30
"""How long an activation may live, at most."""


class Secret(str):
    """Text that shows itself only to who asks for it on purpose.

    ``str(secret)``, formatting and comparison work as for any text, because a command has to be made from it;
    ``repr()``, and with it every debugger, traceback with locals and data class, shows asterisks.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'****'"


def _as_secret(text: str) -> Secret:
    return Secret(text)


@attrs.frozen(kw_only=True)
class Activation:
    """What CreateActivation returned, and what the host needs to use it.

    AWS shows the code once: it is in no later answer, and neither in this object's ``repr``.
    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateActivation.html
    """

    activation_id: str
    code: Secret = attrs.field(converter=_as_secret, repr=False)
    """The activation code. A secret: whoever has it can register machines in your account."""
    region: str
    cluster: str = "default"
    """The ECS cluster that the host is to join."""
    role: str = "ecsAnywhereRole"
    """Name of the IAM role that the host assumes."""
    registration_limit: int = 1
    """How many machines may register with it."""
    expires_at: dt.datetime | None = None
    """When it stops working (UTC); None means AWS's default, 24 hours after it was made."""

    def to_dict(self) -> dict[str, str | int | None]:
        """Return plain data for JSON, without the code."""
        return {
            "activation_id": self.activation_id,
            "region": self.region,
            "cluster": self.cluster,
            "role": self.role,
            "registration_limit": self.registration_limit,
            "expires_at": None if self.expires_at is None else self.expires_at.isoformat(),
        }


def check_expiry(expires_in: dt.timedelta) -> dt.timedelta:
    """Return ``expires_in`` when AWS would take it.

    Raises:
        ConfigurationError: It is not positive, or longer than 30 days.
    """
    if not dt.timedelta(0) < expires_in <= dt.timedelta(days=MAX_DAYS):
        raise ConfigurationError(
            f"an activation lives for more than nothing and at most {MAX_DAYS} days, not {expires_in}"
        )
    return expires_in


@contextmanager
def quiet_response_bodies() -> Iterator[None]:
    """Keep botocore's debug log from writing response bodies of this thread while it is entered.

    botocore logs every response body at DEBUG level, and CreateActivation's holds the code.
    """
    thread = threading.get_ident()

    def not_ours(record: logging.LogRecord) -> bool:
        return record.thread != thread

    loggers = [logging.getLogger(name) for name in ("botocore.parsers", "botocore.endpoint", "urllib3.connectionpool")]
    for logger in loggers:
        logger.addFilter(not_ours)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(not_ours)
