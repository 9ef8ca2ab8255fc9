"""What endpoints have in common: configurations and models of one that another uses too, and that stay for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, cast

from elasticache_police.errors import AccessDeniedError, NotFoundError
from elasticache_police.sagemaker_deploy._session import Work
from elasticache_police.sagemaker_deploy.resources import Event, Kind, Resource
from elasticache_police.sagemaker_deploy.watching import describe

__all__ = ["archive_of", "models_of", "without_shared"]

_Place: TypeAlias = tuple[Kind, str]
_USABLE = frozenset({"endpoint configuration", "model", "archive"})


def models_of(work: Work, config_name: str) -> Sequence[str]:
    """Return the models that a configuration names; none when it is gone."""
    try:
        answer = work.send("sagemaker", "DescribeEndpointConfig", EndpointConfigName=config_name)
    except NotFoundError:
        return ()
    both = (answer.get("ProductionVariants"), answer.get("ShadowProductionVariants"))
    variants = [variant for some in both for variant in cast(Sequence[Mapping[str, str]], some or ())]
    return [variant["ModelName"] for variant in variants if "ModelName" in variant]


def archive_of(work: Work, model_name: str) -> str:
    """Return ``bucket/key`` of a model's archive; nothing when the model is gone or has none in S3."""
    try:
        answer = work.send("sagemaker", "DescribeModel", ModelName=model_name)
    except NotFoundError:
        return ""
    url = cast(Mapping[str, str], answer.get("PrimaryContainer") or {}).get("ModelDataUrl", "")
    return url.removeprefix("s3://") if url.startswith("s3://") else ""


def without_shared(work: Work, doomed: Sequence[Resource]) -> Iterator[Resource]:
    """Yield what may go; whoever listens is told of what stays because an endpoint that does not go uses it.

    Endpoints that the caller may not look into count as using nothing, and are told of.
    """
    usable = frozenset((resource.kind, resource.name) for resource in doomed if resource.kind in _USABLE)
    going = frozenset(resource.name for resource in doomed if resource.kind == "endpoint")
    users = _users(work, going, usable) if usable else {}
    for resource in doomed:
        user = users.get((resource.kind, resource.name))
        if user is None:
            yield resource
        else:
            work.tell(Event(action="keeping", resource=resource, detail=f"endpoint {user} uses it too"))


def _users(work: Work, going: frozenset[str], usable: frozenset[_Place]) -> Mapping[_Place, str]:
    """Return which of some things other endpoints use, with the name of one that does."""
    users: dict[_Place, str] = {}
    denied: list[AccessDeniedError] = []
    for other in work.seen("endpoint", "*", _others(work, going)):
        try:
            users.update(dict.fromkeys(_used_by(work, other.name, usable), other.name))
        except AccessDeniedError as error:
            denied.append(error)
    if denied:
        unseen = f"what {len(denied)} use, taken for nothing that goes; {denied[0]}"
        work.tell(Event(action="cannot see", resource=Resource(kind="endpoint", name="*"), detail=unseen))
    return users


def _others(work: Work, going: frozenset[str]) -> Iterator[Resource]:
    for item in work.pages("sagemaker", "ListEndpoints", "Endpoints"):
        if item["EndpointName"] not in going:
            yield Resource(kind="endpoint", name=str(item["EndpointName"]))


def _used_by(work: Work, endpoint_name: str, usable: frozenset[_Place]) -> Iterator[_Place]:
    """Yield what an endpoint has, or is being moved to, of some configurations, models and archives."""
    try:
        seen = describe(work, endpoint_name)
    except NotFoundError:
        return
    for config_name in dict.fromkeys((seen.config_name, seen.pending_config_name)):
        if config_name:
            yield "endpoint configuration", config_name
            for name in models_of(work, config_name):
                yield "model", name
                if ("model", name) in usable:
                    yield "archive", archive_of(work, name)
