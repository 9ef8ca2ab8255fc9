"""A deployment step by step: make what is not there, move or start the endpoint, wait, set up scaling."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, cast

import attrs

from elasticache_police._aws import Request, is_passing
from elasticache_police.errors import (
    AlreadyExistsError,
    AwsError,
    ConfigurationError,
    NotFoundError,
    ResourceFailedError,
)
from elasticache_police.sagemaker_deploy._session import Work
from elasticache_police.sagemaker_deploy.making import ROLE_POLL_S, config_is_new, make, role_is_new, was_retried
from elasticache_police.sagemaker_deploy.planning import CONTENT_TAG, Plan
from elasticache_police.sagemaker_deploy.resources import Event, Resource
from elasticache_police.sagemaker_deploy.scaler import set_up
from elasticache_police.sagemaker_deploy.teardown import Ledger
from elasticache_police.sagemaker_deploy.unscaling import without_scaling
from elasticache_police.sagemaker_deploy.watching import (
    MOVING,
    EndpointStatus,
    describe,
    until_deleted,
    until_in_service,
    until_settled,
)

if TYPE_CHECKING:
    from elasticache_police._aws import JsonValue

__all__ = ["Deployer", "Deployment"]

_CONFIG_POLL_S = 2.0
_CONFIG_TIMEOUT_S = 60.0


@attrs.frozen(kw_only=True)
class Deployment:
    """What a deployment did."""

    action: Literal["created", "updated", "unchanged"]
    endpoint: EndpointStatus
    config_name: str
    model_names: tuple[str, ...]
    made: tuple[Resource, ...] = ()
    """What did not exist before, in the order it was made."""
    replaced_config_name: str | None = None
    """The configuration the endpoint had before an update; kept, to go back to."""


class Deployer:
    """One deployment.

    Args:
        work: Clients, patience, listeners.
        ledger: Where what is about to be made is noted.
        made: What to make.
        timeout_s: Seconds for the endpoint to come into service.
        role_timeout_s: Seconds for a new role to reach SageMaker.
    """

    def __init__(self, work: Work, ledger: Ledger, made: Plan, *, timeout_s: float, role_timeout_s: float) -> None:
        self._work = work
        self._ledger = ledger
        self._plan = made
        self._timeout_s = timeout_s
        self._role_timeout_s = role_timeout_s

    def run(self) -> Deployment:
        """Take every step."""
        for request in self._plan.models:
            self._ensure(request, "DescribeModel", _model_resource(request), timeout_s=self._role_timeout_s)
        config = Resource(kind="endpoint configuration", name=self._plan.config_name)
        self._ensure(self._plan.config, "DescribeEndpointConfig", config, timeout_s=self._role_timeout_s)
        before = self._present()
        if before is None:
            action, after = "created", self._create()
        elif before.config_name == config.name:
            endpoint = Resource(kind="endpoint", name=self._plan.endpoint_name)
            self._work.tell(Event(action="reusing", resource=endpoint))
            action, after = "unchanged", before
        else:
            with without_scaling(self._work, before, self._plan.config):
                action, after = "updated", self._update()
        set_up(self._work, self._ledger, self._plan.scaling)
        return Deployment(
            action=cast(Literal["created", "updated", "unchanged"], action),
            endpoint=after,
            config_name=self._plan.config_name,
            model_names=self._plan.model_names,
            made=self._ledger.made,
            replaced_config_name=before.config_name if before is not None and action == "updated" else None,
        )

    def _ensure(self, request: Request, describing: str, resource: Resource, *, timeout_s: float) -> None:
        """Make a model or configuration unless it exists with the same content."""
        key = next(iter(request.parameters))
        name = {key: request.parameters[key]}
        found = self._found(describing, name)
        if found is None:
            if make(
                self._work,
                self._ledger,
                request,
                resource,
                timeout_s=timeout_s,
                poll_s=ROLE_POLL_S,
                passing=role_is_new,
            ):
                return
            found = self._work.clients.perform(Request(service="sagemaker", operation=describing, parameters=name))
        different = self._differences(request, found)
        if different:
            raise ConfigurationError(
                f"{resource} exists already with other content ({', '.join(different)}), and AWS never changes one:"
                " choose another name, or leave the name out to have it derived from the content"
            )
        self._work.tell(Event(action="reusing", resource=resource))

    def _differences(self, request: Request, found: Mapping[str, object]) -> list[str]:
        """Name what a request wants and an existing thing is not: by its content tag, or else field by field."""
        arn = next(str(value) for key, value in found.items() if key in {"ModelArn", "EndpointConfigArn"})
        try:
            answer = self._work.send("sagemaker", "ListTags", ResourceArn=arn)
        except AwsError:  # not allowed to look
            tags: dict[str, str] = {}
        else:
            tags = {tag["Key"]: tag["Value"] for tag in cast(Sequence[Mapping[str, str]], answer.get("Tags") or ())}
        wanted = {tag["Key"]: tag["Value"] for tag in cast(Sequence[Mapping[str, str]], request.parameters["Tags"])}
        if tags.get(CONTENT_TAG) == wanted[CONTENT_TAG]:
            return []
        return _differences(request.parameters, found) or (["its content tag"] if CONTENT_TAG in tags else [])

    def _found(self, describing: str, name: Mapping[str, JsonValue]) -> Mapping[str, object] | None:
        try:
            return self._work.clients.perform(Request(service="sagemaker", operation=describing, parameters=name))
        except NotFoundError:
            return None

    def _present(self) -> EndpointStatus | None:
        """Return the endpoint once AWS lets it be changed; None when there is none."""
        name = self._plan.endpoint_name
        try:
            seen = describe(self._work, name)
        except NotFoundError:
            return None
        if seen.status == "Deleting":
            until_deleted(self._work, name, timeout_s=self._timeout_s)
            return None
        if seen.status in MOVING:
            settled = until_settled(self._work, name, timeout_s=self._timeout_s)
            if settled is None:
                return None
            seen = settled
        if not seen.in_service:
            reason = f"{seen.failure_reason or 'AWS gave no reason'}; delete the endpoint before deploying it again"
            raise ResourceFailedError(f"endpoint {name}", status=seen.status, reason=reason)
        return seen

    def _create(self) -> EndpointStatus:
        endpoint = Resource(kind="endpoint", name=self._plan.endpoint_name)
        ours = make(
            self._work,
            self._ledger,
            self._plan.endpoint,
            endpoint,
            timeout_s=_CONFIG_TIMEOUT_S,
            poll_s=_CONFIG_POLL_S,
            passing=config_is_new,
        )
        if not ours:
            raise AlreadyExistsError(f"{endpoint} was made by somebody else just now", operation="CreateEndpoint")
        return until_in_service(
            self._work, endpoint.name, config_name=self._plan.config_name, timeout_s=self._timeout_s
        )

    def _update(self) -> EndpointStatus:
        endpoint = Resource(kind="endpoint", name=self._plan.endpoint_name)
        self._work.tell(Event(action="updating", resource=endpoint, detail=f"to {self._plan.config_name}"))
        self._ledger.protect(endpoint.name)
        self._work.wait(
            self._update_accepted(),
            done=lambda _: True,
            waited_for="SageMaker to accept UpdateEndpoint",
            timeout_s=_CONFIG_TIMEOUT_S,
            status=lambda _: "accepted",
            poll_s=_CONFIG_POLL_S,
            passing=lambda error: is_passing(error) or config_is_new(error),
        )
        return until_in_service(
            self._work,
            endpoint.name,
            config_name=self._plan.config_name,
            timeout_s=self._timeout_s,
            updating=True,
        )

    def _update_accepted(self) -> Callable[[], None]:
        """Return what asks for the update, again and again if need be.

        AWS refuses to update an endpoint that is being updated: on a repeated attempt that may be the earlier one,
        whose answer was lost.
        """
        lost = False

        def attempt() -> None:
            nonlocal lost
            try:
                self._work.clients.perform(self._plan.update)
            except AwsError as error:
                lost = lost or was_retried(error)
                if lost and self._is_moving_there():
                    return
                lost = lost or is_passing(error)
                raise

        return attempt

    def _is_moving_there(self) -> bool:
        seen = describe(self._work, self._plan.endpoint_name)
        return self._plan.config_name in {seen.config_name, seen.pending_config_name}


def _model_resource(request: Request) -> Resource:
    return Resource(kind="model", name=str(request.parameters["ModelName"]))


def _differences(wanted: Mapping[str, object], found: Mapping[str, object]) -> list[str]:
    """Name what is wanted and not found so; what AWS adds on its own is no difference, nor are tags."""
    return [key for key, value in wanted.items() if key != "Tags" and not _covers(found.get(key), value)]


def _covers(found: object, wanted: object) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(_covers(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return (
            isinstance(found, Sequence)
            and len(found) == len(wanted)
            and all(_covers(*pair) for pair in zip(found, wanted, strict=True))
        )
    return found == wanted
