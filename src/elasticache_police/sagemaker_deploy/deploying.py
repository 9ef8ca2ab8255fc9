"""From a specification to an endpoint in service, or to nothing at all."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, cast

import attrs

from elasticache_police._aws import Request, is_passing
from elasticache_police._waiting import OnProgress
from elasticache_police.errors import (
    AlreadyExistsError,
    AwsError,
    ConfigurationError,
    NotFoundError,
    ResourceFailedError,
)
from elasticache_police.sagemaker_deploy._session import Pace, Work
from elasticache_police.sagemaker_deploy.lifecycle import in_region
from elasticache_police.sagemaker_deploy.planning import CONTENT_TAG, Plan, plan
from elasticache_police.sagemaker_deploy.resources import Event, OnEvent, Resource
from elasticache_police.sagemaker_deploy.scaling import POLICY_ARN_PLACEHOLDER
from elasticache_police.sagemaker_deploy.spec import EndpointSpec
from elasticache_police.sagemaker_deploy.teardown import Ledger, remove
from elasticache_police.sagemaker_deploy.watching import (
    MOVING,
    EndpointStatus,
    describe,
    until_deleted,
    until_in_service,
    until_settled,
)

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_sagemaker import SageMakerClient

    from elasticache_police._aws import JsonValue

__all__ = ["Deployment", "deploy", "deployed", "update"]

_ROLE_POLL_S = 5.0
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


def deploy(
    spec: EndpointSpec,
    *,
    timeout_s: float = 3600.0,
    role_timeout_s: float = 120.0,
    undo: bool = True,
    on_event: OnEvent | None = None,
    on_progress: OnProgress | None = None,
    pace: Pace | None = None,
    client: SageMakerClient | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> Deployment:
    """Make an endpoint be what a specification says, and wait until it answers.

    Safe to repeat: what exists with the same content is used as it is, an endpoint with another configuration is
    updated. When anything fails, or on Ctrl-C, what this call made is removed again, in reverse order and by name;
    the error's notes (``__notes__``) say what was removed and what could not be.

    Args:
        spec: What is wanted.
        timeout_s: Seconds for the endpoint to come into service.
        role_timeout_s: Seconds for a new execution role to reach SageMaker, 10 to 60 being usual.
        undo: Remove what was made when something fails. False leaves it for inspection and says what there is.
        on_event: Told of every step.
        on_progress: Told of every look while waiting.
        pace: How often to look.
        client: SageMaker client; wins over `session`.
        session: boto3 session, also for the other services.
        config: botocore settings.

    Raises:
        ConfigurationError: The specification cannot work, or names something that exists with other content.
        ResourceFailedError: The endpoint failed, or its update was rolled back; with AWS's reason and the last
            lines the container logged.
        WaitTimeoutError: It did not come into service in time.
        AwsError: AWS refused a request.
    """
    work = Work.of(
        client=client,
        session=session,
        config=config,
        region=None if client is not None else spec.region,
        pace=pace,
        on_event=on_event,
        on_progress=on_progress,
    )
    made = plan(in_region(spec, work.clients))
    with Ledger(work, undo=undo) as ledger:
        return _Deployer(work, ledger, made, timeout_s=timeout_s, role_timeout_s=role_timeout_s).run()


def update(
    spec: EndpointSpec,
    *,
    timeout_s: float = 3600.0,
    role_timeout_s: float = 120.0,
    undo: bool = True,
    on_event: OnEvent | None = None,
    on_progress: OnProgress | None = None,
    pace: Pace | None = None,
    client: SageMakerClient | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> Deployment:
    """Move an existing endpoint to a specification, by its guardrails; like :func:`deploy`, but never the first time.

    An update that AWS rolls back is an error, and the new configuration and model are removed again.

    Raises:
        NotFoundError: There is no such endpoint.
        ResourceFailedError: The update failed or was rolled back.
        WaitTimeoutError: It did not finish in time.
        AwsError: AWS refused a request.
    """
    work = Work.of(
        client=client,
        session=session,
        config=config,
        region=None if client is not None else spec.region,
        pace=pace,
        on_event=on_event,
        on_progress=on_progress,
    )
    made = plan(in_region(spec, work.clients))
    describe(work, spec.endpoint_name)
    with Ledger(work, undo=undo) as ledger:
        return _Deployer(work, ledger, made, timeout_s=timeout_s, role_timeout_s=role_timeout_s).run()


@contextlib.contextmanager
def deployed(
    spec: EndpointSpec,
    *,
    timeout_s: float = 3600.0,
    on_event: OnEvent | None = None,
    on_progress: OnProgress | None = None,
    pace: Pace | None = None,
    client: SageMakerClient | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> Iterator[Deployment]:
    """Deploy for the length of a block, and remove what was made when it ends, however it ends.

    An endpoint that existed before stays, as the deployment left it.

    Raises:
        LeftBehindError: Something could not be removed at the end.
        AwsError: As :func:`deploy`.
    """
    made = deploy(
        spec,
        timeout_s=timeout_s,
        on_event=on_event,
        on_progress=on_progress,
        pace=pace,
        client=client,
        session=session,
        config=config,
    )
    work = Work.of(
        client=client,
        session=session,
        config=config,
        region=None if client is not None else spec.region,
        pace=pace,
        on_event=on_event,
        on_progress=on_progress,
    )
    try:
        yield made
    finally:
        if made.action == "created":
            remove(work, made.made[::-1]).check()


class _Deployer:
    """One deployment, step by step."""

    def __init__(self, work: Work, ledger: Ledger, made: Plan, *, timeout_s: float, role_timeout_s: float) -> None:
        self._work = work
        self._ledger = ledger
        self._plan = made
        self._timeout_s = timeout_s
        self._role_timeout_s = role_timeout_s

    def run(self) -> Deployment:
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
            action, after = "updated", self._update()
        self._scale()
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
            if self._make(request, resource, timeout_s=timeout_s, poll_s=_ROLE_POLL_S, passing=_role_is_new):
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

    def _make(
        self,
        request: Request,
        resource: Resource,
        *,
        timeout_s: float,
        poll_s: float,
        passing: Callable[[AwsError], bool],
    ) -> bool:
        """Send a request that makes a thing, again while it is refused for a reason that passes.

        The thing is noted first, so that it is removed even when the answer is lost. "Exists already" on a repeated
        attempt means that the earlier one took effect and its answer was lost; on the first, that somebody else was
        faster.

        Returns:
            Whether this call made it; False when somebody else did.
        """
        lost = False

        def attempt() -> Mapping[str, object] | None:
            nonlocal lost
            try:
                return self._work.clients.perform(request)
            except AlreadyExistsError as error:
                if lost or _was_retried(error):
                    return None
                raise
            except AwsError as error:
                lost = lost or is_passing(error)
                raise

        self._work.tell(Event(action="creating", resource=resource))
        self._ledger.note(resource)
        try:
            self._work.wait(
                attempt,
                done=lambda _: True,
                waited_for=f"SageMaker to accept {request.operation}",
                timeout_s=timeout_s,
                status=lambda _: "accepted",
                poll_s=poll_s,
                passing=lambda error: is_passing(error) or passing(error),
            )
        except AlreadyExistsError:
            self._ledger.forget(resource)
            return False
        return True

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
        ours = self._make(
            self._plan.endpoint,
            endpoint,
            timeout_s=_CONFIG_TIMEOUT_S,
            poll_s=_CONFIG_POLL_S,
            passing=_config_is_new,
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
            lambda: self._work.clients.perform(self._plan.update),
            done=lambda _: True,
            waited_for="SageMaker to accept UpdateEndpoint",
            timeout_s=_CONFIG_TIMEOUT_S,
            status=lambda _: "accepted",
            poll_s=_CONFIG_POLL_S,
            passing=lambda error: is_passing(error) or _config_is_new(error),
        )
        return until_in_service(
            self._work,
            endpoint.name,
            config_name=self._plan.config_name,
            timeout_s=self._timeout_s,
            updating=True,
        )

    def _scale(self) -> None:
        policy_arn = ""
        for request in self._plan.scaling:
            resource = _scaling_resource(request)
            if not self._is_there(request):
                self._ledger.note(resource)
            self._work.tell(Event(action="creating", resource=resource))
            parameters = dict(request.parameters)
            if parameters.get("AlarmActions") == [POLICY_ARN_PLACEHOLDER]:
                parameters["AlarmActions"] = [policy_arn]
            answer = self._work.clients.perform(attrs.evolve(request, parameters=parameters))
            policy_arn = str(answer.get("PolicyARN") or policy_arn)

    def _is_there(self, request: Request) -> bool:
        """Say whether a scaling target, policy or alarm exists already: its request would only renew it."""
        where = {"ServiceNamespace": "sagemaker"}
        parameters = request.parameters
        if request.operation == "RegisterScalableTarget":
            answer = self._work.send(
                request.service, "DescribeScalableTargets", **where, ResourceIds=[parameters["ResourceId"]]
            )
            found = cast(Sequence[Mapping[str, object]], answer["ScalableTargets"])
            return any(target["ResourceId"] == parameters["ResourceId"] for target in found)
        if request.operation == "PutScalingPolicy":
            answer = self._work.send(
                request.service, "DescribeScalingPolicies", **where, PolicyNames=[parameters["PolicyName"]]
            )
            found = cast(Sequence[Mapping[str, object]], answer["ScalingPolicies"])
            return any(policy["PolicyName"] == parameters["PolicyName"] for policy in found)
        answer = self._work.send(request.service, "DescribeAlarms", AlarmNames=[parameters["AlarmName"]])
        return bool(answer["MetricAlarms"])


def _role_is_new(error: AwsError) -> bool:
    """SageMaker cannot assume a role in its first 10 to 60 seconds."""
    return "assume role" in str(error).lower()


def _config_is_new(error: AwsError) -> bool:
    """CreateEndpoint may not see a configuration that was just made."""
    return "could not find endpoint configuration" in str(error).lower()


def _was_retried(error: AwsError) -> bool:
    """Say whether botocore sent a request more than once before this answer."""
    response = getattr(error.__cause__, "response", {})
    return int(response.get("ResponseMetadata", {}).get("RetryAttempts", 0)) > 0


def _model_resource(request: Request) -> Resource:
    return Resource(kind="model", name=str(request.parameters["ModelName"]))


def _scaling_resource(request: Request) -> Resource:
    parameters = request.parameters
    if request.operation == "PutMetricAlarm":
        return Resource(kind="alarm", name=str(parameters["AlarmName"]))
    if request.operation == "PutScalingPolicy":
        return Resource(kind="scaling policy", name=str(parameters["ResourceId"]), part=str(parameters["PolicyName"]))
    return Resource(kind="scaling target", name=str(parameters["ResourceId"]))


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
