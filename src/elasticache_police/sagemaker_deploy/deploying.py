"""From a specification to an endpoint in service, or to nothing at all."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from elasticache_police._waiting import OnProgress
from elasticache_police.sagemaker_deploy._deployer import Deployer, Deployment
from elasticache_police.sagemaker_deploy._session import Pace, Work
from elasticache_police.sagemaker_deploy.lifecycle import in_region
from elasticache_police.sagemaker_deploy.making import ROLE_TIMEOUT_S
from elasticache_police.sagemaker_deploy.planning import plan
from elasticache_police.sagemaker_deploy.resources import OnEvent, Resource
from elasticache_police.sagemaker_deploy.scaled import outdated
from elasticache_police.sagemaker_deploy.scaler import patiently, scaling_resource
from elasticache_police.sagemaker_deploy.spec import EndpointSpec
from elasticache_police.sagemaker_deploy.teardown import Ledger, remove
from elasticache_police.sagemaker_deploy.watching import describe

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_sagemaker import SageMakerClient

__all__ = ["Deployment", "deploy", "deployed", "update"]


def deploy(
    spec: EndpointSpec,
    *,
    timeout_s: float = 3600.0,
    role_timeout_s: float = ROLE_TIMEOUT_S,
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
    updated, and scaling that an earlier specification asked for goes when this one does not. When anything fails, or on
    Ctrl-C, what this call made is removed again, in reverse order and by name; the error's notes (``__notes__``) say
    what was removed and what could not be, or that the endpoint is in service and only old scaling may be left.

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
        ConfigurationError: The specification cannot work, names something that exists with other content, or an archive
            in another region.
        NotFoundError: SageMaker cannot read the archive, and it is not there.
        ResourceFailedError: The endpoint failed, or its update was rolled back; with AWS's reason and the last
            lines the container logged.
        WaitTimeoutError: It did not come into service in time.
        AwsError: AWS refused a request.
    """
    work = Work.of(
        client=client,
        session=session,
        config=config,
        region=spec.region,
        pace=pace,
        on_event=on_event,
        on_progress=on_progress,
    )
    return _made_real(work, spec, timeout_s=timeout_s, role_timeout_s=role_timeout_s, undo=undo)


def update(
    spec: EndpointSpec,
    *,
    timeout_s: float = 3600.0,
    role_timeout_s: float = ROLE_TIMEOUT_S,
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
        NotFoundError: There is no such endpoint, or as for :func:`deploy`.
        ConfigurationError: As for :func:`deploy`.
        ResourceFailedError: The update failed or was rolled back.
        WaitTimeoutError: It did not finish in time.
        AwsError: AWS refused a request.
    """
    work = Work.of(
        client=client,
        session=session,
        config=config,
        region=spec.region,
        pace=pace,
        on_event=on_event,
        on_progress=on_progress,
    )
    describe(work, spec.endpoint_name)
    return _made_real(work, spec, timeout_s=timeout_s, role_timeout_s=role_timeout_s, undo=undo)


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

    An endpoint that existed before stays, as the deployment left it. An error of the block keeps its class; its notes
    say what was removed and what could not be.

    Raises:
        LeftBehindError: Something could not be removed at the end of a block without an error.
        AwsError: As :func:`deploy`.
    """
    work = Work.of(
        client=client,
        session=session,
        config=config,
        region=spec.region,
        pace=pace,
        on_event=on_event,
        on_progress=on_progress,
    )
    made = _made_real(work, spec, timeout_s=timeout_s, role_timeout_s=ROLE_TIMEOUT_S, undo=True)
    doomed = made.made[::-1] if made.action == "created" else ()
    try:
        yield made
    except BaseException as error:
        if doomed:
            error.add_note(str(remove(work, doomed)))
        raise
    remove(work, doomed).check()


def _made_real(work: Work, spec: EndpointSpec, *, timeout_s: float, role_timeout_s: float, undo: bool) -> Deployment:
    made = plan(in_region(spec, work.clients))
    with Ledger(work, undo=undo) as ledger:
        done = Deployer(work, ledger, made, timeout_s=timeout_s, role_timeout_s=role_timeout_s).run()
    if done.action != "created":
        wanted = {scaling_resource(request) for request in made.scaling}
        _remove_outdated(work, done, wanted)
    return done


def _remove_outdated(work: Work, done: Deployment, wanted: Collection[Resource]) -> None:
    """Remove the scaling of before; when that fails, the error's notes say that the deployment itself did not."""
    name = done.endpoint.name
    try:
        found = patiently(
            work, functools.partial(outdated, work, name, wanted), f"AWS to say what scaled endpoint {name} before"
        )
        remove(work, found).check()
    except BaseException as error:
        moved = "was updated to" if done.action == "updated" else "has"
        error.add_note(
            f"endpoint {name} {moved} configuration {done.config_name} and is in service; scaling of before may remain"
        )
        raise
