"""Removing what was made, by name, in reverse order, and saying what could not be removed."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

import attrs

from elasticache_police._aws import Request
from elasticache_police.errors import AwsError, LeftBehindError, NotFoundError, PoliceError, ThrottledError
from elasticache_police.sagemaker_deploy._session import Work
from elasticache_police.sagemaker_deploy.resources import Event, Resource, delete_request
from elasticache_police.sagemaker_deploy.scaled import exists
from elasticache_police.sagemaker_deploy.watching import MOVING, describe, until_deleted, until_settled

__all__ = ["Ledger", "Leftover", "Teardown", "remove"]

_PASSES_WITHIN_S = 180.0


@attrs.frozen(kw_only=True)
class Leftover:
    """Something that could not be removed."""

    resource: Resource
    reason: str

    def __str__(self) -> str:
        return f"{self.resource} ({self.reason})"


@attrs.frozen(kw_only=True)
class Teardown:
    """What a clean-up did."""

    removed: tuple[Resource, ...] = ()
    left: tuple[Leftover, ...] = ()

    def check(self) -> Teardown:
        """Return itself when nothing was left behind.

        Raises:
            LeftBehindError: Something was.
        """
        if self.left:
            raise LeftBehindError(left=map(str, self.left), removed=map(str, self.removed))
        return self

    def __str__(self) -> str:
        words = []
        if self.removed:
            words.append("removed again: " + ", ".join(map(str, self.removed)))
        if self.left:
            words.append("LEFT BEHIND: " + ", ".join(map(str, self.left)))
        return "; ".join(words) or "nothing was left to remove"


class _Remover:
    """One clean-up, which goes on after a failure and after an interrupt knows what remains."""

    def __init__(self, work: Work, *, timeout_s: float) -> None:
        self._work = work
        self._timeout_s = timeout_s
        self._removed: list[Resource] = []
        self._left: list[Leftover] = []
        self._kept_endpoint = ""

    @property
    def teardown(self) -> Teardown:
        return Teardown(removed=tuple(self._removed), left=tuple(self._left))

    def remove(self, resource: Resource) -> None:
        if self._kept_endpoint and resource.kind in {"endpoint configuration", "model"}:
            self.leave(resource, f"endpoint {self._kept_endpoint} still uses it")
            return
        self._work.tell(Event(action="removing", resource=resource))
        try:
            there = self._delete(resource)
        except PoliceError as error:
            if resource.kind == "endpoint":
                self._kept_endpoint = resource.name
            if not self._is_missing(resource):
                self.leave(resource, str(error))
            return
        if there:
            self._removed.append(resource)
            self._work.tell(Event(action="removed", resource=resource))

    def _is_missing(self, resource: Resource) -> bool:
        """Say whether scaling that could not be removed never came to be: what refused to make it refuses this too."""
        if resource.kind not in {"alarm", "scaling policy", "scaling target"}:
            return False
        try:
            return not exists(self._work, resource)
        except AwsError:
            return False

    def leave(self, resource: Resource, reason: str) -> None:
        self._left.append(Leftover(resource=resource, reason=reason))
        self._work.tell(Event(action="left behind", resource=resource, detail=reason))

    def _perform(self, request: Request) -> None:
        """Send a request; again while AWS throttles it or what it deletes is not empty yet."""
        try:
            self._work.clients.perform(request)
        except AwsError as error:
            if not _passes(error):
                raise
        else:
            return
        self._work.wait(
            lambda: self._work.clients.perform(request),
            done=lambda _: True,
            waited_for=f"AWS to accept {request.operation}",
            timeout_s=_PASSES_WITHIN_S,
            status=lambda _: "accepted",
            poll_s=5.0,
            passing=_passes,
        )

    def _delete(self, resource: Resource) -> bool:
        """Delete a thing; False when it was not there."""
        request = delete_request(resource)
        try:
            self._perform(request)
        except NotFoundError:
            return False
        except AwsError as error:
            if resource.kind != "endpoint" or not _in_progress(error):
                raise
            settled = until_settled(self._work, resource.name, timeout_s=self._timeout_s)
            if settled is None or not self._delete_settled(request):
                return True
        if resource.kind == "endpoint":
            until_deleted(self._work, resource.name, timeout_s=self._timeout_s)
        return True

    def _delete_settled(self, request: Request) -> bool:
        """Delete what can be deleted by now; False when somebody else has."""
        try:
            self._perform(request)
        except NotFoundError:
            return False
        return True


def _passes(error: AwsError) -> bool:
    """Throttling passes, and so does what a cluster holds for a while after its tasks and machines were told to go."""
    return isinstance(error, ThrottledError) or error.code.startswith("ClusterContains")


def _in_progress(error: AwsError) -> bool:
    """AWS neither deletes nor changes an endpoint that is being created or updated, and says so in words only."""
    text = str(error).lower()
    return "in-progress" in text or "in progress" in text or any(state.lower() in text for state in MOVING)


def remove(work: Work, resources: Iterable[Resource], *, timeout_s: float = 1800.0) -> Teardown:
    """Remove things in the order given, going on when one cannot be removed.

    What is not there any more counts neither as removed nor as left. An endpoint that is being created or updated
    is waited for first, as AWS refuses to delete it. Ctrl-C stops the clean-up; the interrupt then says what is
    left. A listener that fails does not stop it.

    Args:
        work: Clients, patience, listeners.
        resources: What to remove, users before what they use.
        timeout_s: Seconds for each endpoint to go.
    """
    remover = _Remover(work.undisturbed(), timeout_s=timeout_s)
    remaining = list(resources)
    try:
        while remaining:
            remover.remove(remaining[0])
            remaining.pop(0)
    except BaseException as interrupt:
        for resource in remaining:
            remover.leave(resource, "interrupted")
        interrupt.add_note(str(remover.teardown))
        raise
    return remover.teardown


class Ledger:
    """Remembers by name what is being made, and removes it again when the block fails or is interrupted.

    A name is noted before the request that makes it is sent, so that a thing whose answer never came is removed too.

    Args:
        work: Clients, patience, listeners.
        undo: Whether to remove what was made when the block fails.
        timeout_s: Seconds for an endpoint to go.
    """

    def __init__(self, work: Work, *, undo: bool = True, timeout_s: float = 1800.0) -> None:
        self._work = work
        self._undo = undo
        self._timeout_s = timeout_s
        self._made: list[Resource] = []
        self._busy_endpoint = ""

    @property
    def made(self) -> tuple[Resource, ...]:
        """What was made so far, in order."""
        return tuple(self._made)

    def note(self, resource: Resource) -> None:
        """Note that a thing is about to be made."""
        self._made.append(resource)

    def forget(self, resource: Resource) -> None:
        """Take a note back: it turned out to be there already, and is not ours to remove."""
        self._made.remove(resource)

    def protect(self, endpoint_name: str) -> None:
        """Say that an endpoint which is not ours to remove is being moved onto what was made."""
        self._busy_endpoint = endpoint_name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        if not self._undo:
            if self._made:
                error.add_note("kept as asked: " + ", ".join(map(str, self._made)))
            return
        error.add_note(str(self._take_back()))

    def _take_back(self) -> Teardown:
        doomed = self._made[::-1]
        if not self._busy_endpoint:
            return remove(self._work, doomed, timeout_s=self._timeout_s)
        in_use, reason = self._in_use()
        teardown = remove(
            self._work, [resource for resource in doomed if resource.kind not in in_use], timeout_s=self._timeout_s
        )
        left = tuple(Leftover(resource=resource, reason=reason) for resource in doomed if resource.kind in in_use)
        return attrs.evolve(teardown, left=teardown.left + left)

    def _in_use(self) -> tuple[frozenset[str], str]:
        """Say what the endpoint that was being updated may still use: everything, unless it serves something else.

        After a rollback that failed AWS runs a mix of the old and the new configuration, and shows the old one's name.
        """
        both = frozenset({"endpoint configuration", "model"})
        made = {resource.name for resource in self._made if resource.kind == "endpoint configuration"}
        try:
            seen = describe(self._work, self._busy_endpoint)
        except NotFoundError:
            return frozenset(), ""
        except PoliceError as error:
            return both, f"endpoint {self._busy_endpoint} may still use it: {error}"
        if not seen.in_service or seen.config_name in made:
            return both, f"endpoint {self._busy_endpoint} is {seen.status} and still uses it"
        return frozenset(), ""
