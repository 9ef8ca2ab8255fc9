"""What endpoints have in common: configurations and models of one that another uses too, and that stay for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from elasticache_police.errors import AccessDeniedError, NotFoundError
from elasticache_police.sagemaker_deploy._session import Work
from elasticache_police.sagemaker_deploy.resources import Event, Resource
from elasticache_police.sagemaker_deploy.watching import describe

__all__ = ["models_of", "without_shared"]


def models_of(work: Work, config_name: str) -> Sequence[str]:
    """Return the models that a configuration names; none when it is gone."""
    try:
        answer = work.send("sagemaker", "DescribeEndpointConfig", EndpointConfigName=config_name)
    except NotFoundError:
        return ()
    both = (answer.get("ProductionVariants"), answer.get("ShadowProductionVariants"))
    variants = [variant for some in both for variant in cast(Sequence[Mapping[str, str]], some or ())]
    return [variant["ModelName"] for variant in variants if "ModelName" in variant]


def without_shared(work: Work, endpoint_name: str, doomed: Sequence[Resource]) -> Iterator[Resource]:
    """Yield what may go with an endpoint; whoever listens is told of what stays because another endpoint uses it.

    Endpoints that the caller may not look into count as using nothing, and are told of.
    """
    users = _users(work, endpoint_name) if any(resource.kind != "endpoint" for resource in doomed) else {}
    for resource in doomed:
        if resource in users:
            work.tell(Event(action="keeping", resource=resource, detail=f"endpoint {users[resource]} uses it too"))
        else:
            yield resource


def _users(work: Work, endpoint_name: str) -> Mapping[Resource, str]:
    """Return what other endpoints use, with the name of one that does."""
    users: dict[Resource, str] = {}
    denied: list[AccessDeniedError] = []
    for other in work.seen("endpoint", "*", _others(work, endpoint_name)):
        try:
            users.update(dict.fromkeys(_used_by(work, other.name), other.name))
        except AccessDeniedError as error:
            denied.append(error)
    if denied:
        unseen = f"what {len(denied)} use, taken for nothing that goes; {denied[0]}"
        work.tell(Event(action="cannot see", resource=Resource(kind="endpoint", name="*"), detail=unseen))
    return users


def _others(work: Work, endpoint_name: str) -> Iterator[Resource]:
    for item in work.pages("sagemaker", "ListEndpoints", "Endpoints"):
        if item["EndpointName"] != endpoint_name:
            yield Resource(kind="endpoint", name=str(item["EndpointName"]))


def _used_by(work: Work, endpoint_name: str) -> Iterator[Resource]:
    """Yield the configurations and models that an endpoint has, or is being moved to."""
    try:
        seen = describe(work, endpoint_name)
    except NotFoundError:
        return
    for config_name in dict.fromkeys((seen.config_name, seen.pending_config_name)):
        if config_name:
            yield Resource(kind="endpoint configuration", name=config_name)
            yield from (Resource(kind="model", name=name) for name in models_of(work, config_name))
