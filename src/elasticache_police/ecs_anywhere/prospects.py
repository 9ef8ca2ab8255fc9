"""Whether machines can still register with an activation, as Systems Manager tells it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from elasticache_police.ecs_anywhere._read import Answer, flag, moment, number_or_none

if TYPE_CHECKING:
    from elasticache_police.ecs_anywhere.cluster import Cluster

__all__ = ["Prospects"]

_SETTLES_S = 60.0
"""What Systems Manager says for so long is so: a very new activation is not listed yet, and the last machine that
registers is counted before it is listed."""


class Prospects:
    """Looks at an activation again and again while machines are awaited."""

    def __init__(self, cluster: Cluster, activation_id: str, n: int) -> None:
        self._cluster = cluster
        self._filters = [{"FilterKey": "ActivationIds", "FilterValues": [activation_id]}]
        self._wanted = n
        self._doubtful_since: float | None = None

    def hopeless(self) -> str:
        """Return why so many never can; empty if they can, and as long as Systems Manager may only lag behind."""
        found = next(self._cluster.every("ssm", "DescribeActivations", "ActivationList", Filters=self._filters), None)
        certain = "" if found is None else self._certain(found)
        doubt = "" if certain else self._doubt(found)
        if not doubt:
            self._doubtful_since = None
            return certain
        now = self._cluster.clock()
        if self._doubtful_since is None:
            self._doubtful_since = now
        return doubt if now - self._doubtful_since > _SETTLES_S else ""

    def _certain(self, found: Answer) -> str:
        ends = moment(found, "ExpirationDate")
        if flag(found, "Expired") or (ends is not None and ends <= dt.datetime.now(dt.UTC)):
            return "expired"
        limit = number_or_none(found, "RegistrationLimit")
        return f"for {limit} machine(s) only" if limit is not None and limit < self._wanted else ""

    def _doubt(self, found: Answer | None) -> str:
        if found is None:
            return "unknown to Systems Manager (deleted, or of another account or region)"
        limit, used = number_or_none(found, "RegistrationLimit"), number_or_none(found, "RegistrationsCount")
        if limit is None or used is None or used < limit:
            return ""
        return f"used up: {used} of {limit} registrations, some by machines that are gone"
