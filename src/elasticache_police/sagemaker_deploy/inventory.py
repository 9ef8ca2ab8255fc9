"""What of this project exists on an account, and deleting it: one endpoint with all it needs, or everything."""

from __future__ import annotations

import builtins
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

from elasticache_police._aws import PROJECT_TAG
from elasticache_police._waiting import OnProgress
from elasticache_police.errors import AccessDeniedError, AwsError, NotFoundError
from elasticache_police.sagemaker_deploy._session import Pace, Work
from elasticache_police.sagemaker_deploy.archive import DEFAULT_PREFIX, default_bucket
from elasticache_police.sagemaker_deploy.own_machines import on_ecs
from elasticache_police.sagemaker_deploy.resources import Event, OnEvent, Resource
from elasticache_police.sagemaker_deploy.scaled import alarms, scaling
from elasticache_police.sagemaker_deploy.scaling import ALARM_PREFIX
from elasticache_police.sagemaker_deploy.sharing import archive_of, models_of, without_shared
from elasticache_police.sagemaker_deploy.teardown import Teardown, remove

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_sagemaker import SageMakerClient

    from elasticache_police.sagemaker_deploy.resources import Kind

__all__ = ["delete", "delete_all", "list"]

_Listing: TypeAlias = "tuple[Kind, str, str, str, str]"
_LISTINGS: tuple[_Listing, ...] = (
    ("endpoint", "ListEndpoints", "Endpoints", "Endpoint", "EndpointStatus"),
    ("transform job", "ListTransformJobs", "TransformJobSummaries", "TransformJob", "TransformJobStatus"),
    ("compilation job", "ListCompilationJobs", "CompilationJobSummaries", "CompilationJob", "CompilationJobStatus"),
    ("endpoint configuration", "ListEndpointConfigs", "EndpointConfigs", "EndpointConfig", ""),
    ("model", "ListModels", "Models", "Model", ""),
)
_ENDED_JOBS = frozenset({"COMPLETED", "FAILED", "STOPPED"})


def list(  # noqa: A001  what it does; callers write sagemaker_deploy.list(...)
    *,
    on_event: OnEvent | None = None,
    client: SageMakerClient | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> tuple[Resource, ...]:
    """List everything of this project in the region, by its tag, users before what they use.

    Endpoints with their scaling and alarms, running jobs, configurations, models, and the archives in SageMaker's
    default bucket and in those that its models name; of the half on ECS activations (where there is a cluster to join
    with them), running tasks, registered machines, clusters, queues and logs. :attr:`Resource.billable` says what costs
    money by existing. Jobs that have ended are left out: they cost nothing and cannot be deleted.

    Args:
        on_event: Told, as ``cannot see``, of each part of the account that the caller may not look into.
        client: SageMaker client; wins over `session`.
        session: boto3 session, also for the other services.
        config: botocore settings.

    Raises:
        AwsError: AWS refused.
    """
    return tuple(_everything(Work.of(client=client, session=session, config=config, on_event=on_event)))


def delete(
    endpoint_name: str,
    *,
    keep_models: bool = False,
    timeout_s: float = 1800.0,
    on_event: OnEvent | None = None,
    on_progress: OnProgress | None = None,
    pace: Pace | None = None,
    client: SageMakerClient | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> Teardown:
    """Delete an endpoint and everything it needs: scaling, alarms, the endpoint, its configurations, its models.

    Configurations and models of earlier deployments of the endpoint are found by their tag and go with it, as far as
    the caller may look; `on_event` is told where not. What another endpoint uses stays, and `on_event` is told. Safe to
    repeat; an endpoint that does not exist has its remains removed.

    Args:
        endpoint_name: Which.
        keep_models: Leave the models.
        timeout_s: Seconds for the endpoint to go.
        on_event: Told of every step.
        on_progress: Told of every look while waiting.
        pace: How often to look.
        client: SageMaker client; wins over `session`.
        session: boto3 session, also for the other services.
        config: botocore settings.

    Raises:
        LeftBehindError: Something could not be removed; everything else was.
        AwsError: AWS refused to say what there is.
    """
    work = Work.of(client=client, session=session, config=config, pace=pace, on_event=on_event, on_progress=on_progress)
    doomed = _of_endpoint(work, endpoint_name)
    if keep_models:
        doomed = [resource for resource in doomed if resource.kind != "model"]
    return remove(work, doomed, timeout_s=timeout_s).check()


def delete_all(
    *,
    only: Iterable[Resource] | None = None,
    timeout_s: float = 1800.0,
    on_event: OnEvent | None = None,
    on_progress: OnProgress | None = None,
    pace: Pace | None = None,
    client: SageMakerClient | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> Teardown:
    """Delete everything of this project in the region: what :func:`list` lists.

    What somebody else's endpoint uses stays, and `on_event` is told.

    Args:
        only: What to delete of it, as :func:`list` gave it, in that order: what was shown to somebody who agreed, and
            nothing that was made since.
        timeout_s: Seconds for each endpoint to go.
        on_event: Told of every step.
        on_progress: Told of every look while waiting.
        pace: How often to look.
        client: SageMaker client; wins over `session`.
        session: boto3 session, also for the other services.
        config: botocore settings.

    Raises:
        LeftBehindError: Something could not be removed; everything else was.
        AwsError: AWS refused to say what there is.
    """
    work = Work.of(client=client, session=session, config=config, pace=pace, on_event=on_event, on_progress=on_progress)
    doomed = [*(_everything(work) if only is None else only)]
    return remove(work, without_shared(work, doomed), timeout_s=timeout_s).check()


def _everything(work: Work) -> Iterator[Resource]:
    """Yield what carries the project's tag, in the order in which it can be deleted."""
    yield from alarms(work, ALARM_PREFIX)
    project = [resource for listing in _LISTINGS for resource in _tagged(work, listing, PROJECT_TAG)]
    for resource in project:
        if resource.kind == "endpoint":
            yield from scaling(work, resource.name)
    yield from project
    yield from _archives(work, [resource.name for resource in project if resource.kind == "model"])
    yield from work.seen("cluster", "*", on_ecs(work))


def _of_endpoint(work: Work, endpoint_name: str) -> Sequence[Resource]:
    """Return an endpoint and all it needs, in the order in which it can be deleted."""
    doomed = [*alarms(work, f"{ALARM_PREFIX}{endpoint_name}/"), *scaling(work, endpoint_name)]
    names: dict[Kind, dict[str, None]] = {"endpoint": {}, "endpoint configuration": {}, "model": {}}
    try:
        seen = work.send("sagemaker", "DescribeEndpoint", EndpointName=endpoint_name)
    except NotFoundError:
        pass
    else:
        names["endpoint"][endpoint_name] = None
        if seen.get("EndpointConfigName"):
            names["endpoint configuration"][str(seen["EndpointConfigName"])] = None
    for listing in _LISTINGS:
        kind = listing[0]
        if kind in names:  # what the endpoint names goes even when its relatives cannot be found
            for resource in work.seen(kind, "*", _tagged(work, listing, _endpoint_tag(endpoint_name)), unless=AwsError):
                names[kind][resource.name] = None
    for config_name in names["endpoint configuration"]:
        names["model"].update(dict.fromkeys(models_of(work, config_name)))
    found = [Resource(kind=kind, name=name) for kind, some in names.items() for name in some]
    return [*doomed, *without_shared(work, found)]


def _endpoint_tag(endpoint_name: str) -> tuple[str, str]:
    return "elasticache-police:endpoint", endpoint_name


def _tagged(work: Work, listing: _Listing, tag: tuple[str, str]) -> Iterator[Resource]:
    """Yield what is of a kind and carries a tag; whoever listens is told of tags that the caller may not read.

    A policy that allows to read the tags of this project's names refuses those of everybody else.
    """
    kind, operation, answer_key, field, status_field = listing
    denied: builtins.list[AccessDeniedError] = []
    for item in work.pages("sagemaker", operation, answer_key):
        status = str(item.get(status_field, ""))
        if status.upper() in _ENDED_JOBS and kind.endswith("job"):
            continue
        try:
            tags = _tags(work, str(item[f"{field}Arn"]))
        except AccessDeniedError as error:
            denied.append(error)
            continue
        if tag in tags:
            made = cast(dt.datetime | None, item.get("CreationTime"))
            yield Resource(kind=kind, name=str(item[f"{field}Name"]), status=status, created_at=made)
    if denied:
        unseen = f"the tags of {len(denied)}, taken for somebody else's; {denied[0]}"
        work.tell(Event(action="cannot see", resource=Resource(kind=kind, name="*"), detail=unseen))


def _tags(work: Work, arn: str) -> frozenset[tuple[str, str]]:
    """Return a thing's tags; none when it is gone by now."""
    try:
        pairs = [*work.pages("sagemaker", "ListTags", "Tags", ResourceArn=arn)]
    except NotFoundError:
        return frozenset()
    return frozenset((str(pair["Key"]), str(pair["Value"])) for pair in pairs)


def _archives(work: Work, model_names: Sequence[str]) -> Iterator[Resource]:
    """Yield the archives that carry the project's tag: in SageMaker's default bucket, and those that models name."""
    named = dict.fromkeys(place for name in model_names if (place := archive_of(work, name)))
    bucket = default_bucket(work.clients.region, work.clients.account_id())
    for archive in work.seen("archive", f"{bucket}/{DEFAULT_PREFIX}/", _archives_in(work, bucket)):
        named.pop(archive.name, None)
        yield archive
    for place in named:
        yield from work.seen("archive", place, _archive_at(work, place))


def _archives_in(work: Work, bucket: str) -> Iterator[Resource]:
    token: object = None
    while True:
        more = {} if token is None else {"ContinuationToken": token}
        try:
            answer = work.send("s3", "ListObjectsV2", Bucket=bucket, Prefix=f"{DEFAULT_PREFIX}/", **more)
        except NotFoundError:  # no such bucket
            return
        for item in cast(Sequence[Mapping[str, object]], answer.get("Contents") or ()):
            made = cast(dt.datetime | None, item.get("LastModified"))
            yield from _archive_at(work, f"{bucket}/{item['Key']}", made)
        token = answer.get("NextContinuationToken")
        if not token:
            return


def _archive_at(work: Work, place: str, made: dt.datetime | None = None) -> Iterator[Resource]:
    """Yield an object if it is there and carries the project's tag."""
    bucket, _, key = place.partition("/")
    try:
        tagging = work.send("s3", "GetObjectTagging", Bucket=bucket, Key=key)
    except NotFoundError:
        return
    pairs = cast(Sequence[Mapping[str, str]], tagging.get("TagSet") or ())
    if PROJECT_TAG in {(pair["Key"], pair["Value"]) for pair in pairs}:
        yield Resource(kind="archive", name=place, created_at=made)
