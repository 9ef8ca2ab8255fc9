"""Making one thing on AWS, so that it is known whose it is: by this call, or by somebody else before it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import cast

from elasticache_police._aws import Request, is_passing
from elasticache_police.errors import AlreadyExistsError, AwsError
from elasticache_police.sagemaker_deploy._session import Work
from elasticache_police.sagemaker_deploy.model_data import check_model_data
from elasticache_police.sagemaker_deploy.resources import Event, Resource
from elasticache_police.sagemaker_deploy.teardown import Ledger

__all__ = ["ROLE_POLL_S", "ROLE_TIMEOUT_S", "config_is_new", "make", "role_is_new", "was_retried"]

ROLE_TIMEOUT_S = 120.0
"""A new execution role takes SageMaker 10 to 60 seconds to see."""
ROLE_POLL_S = 5.0
_ROLE_IS_NEW = re.compile(r"assume role|could not access model data|does not grant ecr:", re.IGNORECASE)
_NO_MODEL_DATA = re.compile(r"could not access model data", re.IGNORECASE)


def make(
    work: Work,
    ledger: Ledger,
    request: Request,
    resource: Resource,
    *,
    timeout_s: float,
    poll_s: float,
    passing: Callable[[AwsError], bool],
) -> bool:
    """Send a request that makes a thing, again while it is refused for a reason that passes.

    The thing is noted first, so that it is removed even when the answer is lost. "Exists already" on a repeated
    attempt means that the earlier one took effect and its answer was lost; on the first, that somebody else made it,
    and it is not ours to remove. A refusal to read a model's archive is looked into at once: one that is missing, or in
    another region, is not waited for.

    Args:
        work: Clients, patience, listeners.
        ledger: Where it is noted.
        request: What makes it.
        resource: What it is then.
        timeout_s: Seconds for the refusal to pass.
        poll_s: Seconds between two attempts.
        passing: Says which refusals pass, beside throttling and broken connections.

    Returns:
        Whether this call made it; False when somebody else did.

    Raises:
        WaitTimeoutError: It was refused all the time.
        NotFoundError: A model's archive is not there.
        ConfigurationError: A model's archive lies in another region.
        AwsError: AWS refused for good.
    """
    lost = False

    def attempt() -> Mapping[str, object] | None:
        nonlocal lost
        try:
            return work.clients.perform(request)
        except AlreadyExistsError as error:
            if lost or was_retried(error):
                return None
            raise
        except AwsError as error:
            lost = lost or is_passing(error)
            if _NO_MODEL_DATA.search(str(error)):
                _check_archive(work, request)
            raise

    work.tell(Event(action="creating", resource=resource))
    ledger.note(resource)
    try:
        work.wait(
            attempt,
            done=lambda _: True,
            waited_for=f"SageMaker to accept {request.operation}",
            timeout_s=timeout_s,
            status=lambda _: "accepted",
            poll_s=poll_s,
            passing=lambda error: is_passing(error) or passing(error),
        )
    except AlreadyExistsError:
        ledger.forget(resource)
        return False
    return True


def role_is_new(error: AwsError) -> bool:
    """SageMaker can neither assume a role in its first 10 to 60 seconds, nor see what it is allowed.

    A lasting refusal reads the same: the wait then ends with AWS's words.
    """
    return _ROLE_IS_NEW.search(str(error)) is not None


def config_is_new(error: AwsError) -> bool:
    """CreateEndpoint may not see a configuration that was just made."""
    return "could not find endpoint configuration" in str(error).lower()


def _check_archive(work: Work, request: Request) -> None:
    """Look at the archive that a request names, if it names one; see :func:`check_model_data`."""
    container = cast(Mapping[str, str], request.parameters.get("PrimaryContainer") or {})
    if "ModelDataUrl" in container:
        check_model_data(work, container["ModelDataUrl"])


def was_retried(error: AwsError) -> bool:
    """Say whether botocore sent a request more than once before this answer."""
    response = getattr(error.__cause__, "response", None) or {}
    return int(response.get("ResponseMetadata", {}).get("RetryAttempts", 0)) > 0
