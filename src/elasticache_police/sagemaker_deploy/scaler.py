"""Setting up the scaling of an endpoint in service, patiently: one that answers is not given up for a throttle."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TypeVar

import attrs

from elasticache_police._aws import Request
from elasticache_police.sagemaker_deploy._session import Work
from elasticache_police.sagemaker_deploy.resources import Event, Resource
from elasticache_police.sagemaker_deploy.scaled import exists
from elasticache_police.sagemaker_deploy.scaling import POLICY_ARN_PLACEHOLDER
from elasticache_police.sagemaker_deploy.teardown import Ledger

__all__ = ["patiently", "put", "scaling_resource", "set_up"]

_T = TypeVar("_T")

_POLL_S = 5.0
_TIMEOUT_S = 180.0


def set_up(work: Work, ledger: Ledger, requests: Sequence[Request]) -> None:
    """Send the requests for scaling, and note what was not there before."""
    policy_arn = ""
    for request in requests:
        resource = scaling_resource(request)
        if not patiently(work, functools.partial(exists, work, resource), f"AWS to say whether {resource} is there"):
            ledger.note(resource)
        work.tell(Event(action="creating", resource=resource))
        policy_arn = put(work, request, policy_arn) or policy_arn


def put(work: Work, request: Request, policy_arn: str = "") -> str:
    """Send a request for scaling, again while its refusal passes: repeated, it only renews what is there.

    Args:
        work: Clients, patience, listeners.
        request: What to set up.
        policy_arn: The policy that an alarm triggers, where the request leaves that open.

    Returns:
        The ARN of a policy that was made.

    Raises:
        WaitTimeoutError: It was refused all the time.
        AwsError: AWS refused for good.
    """
    if request.parameters.get("AlarmActions") == [POLICY_ARN_PLACEHOLDER]:
        request = attrs.evolve(request, parameters={**request.parameters, "AlarmActions": [policy_arn]})
    answer = patiently(work, functools.partial(work.clients.perform, request), f"AWS to accept {request.operation}")
    return str(answer.get("PolicyARN") or "")


def patiently(work: Work, ask: Callable[[], _T], waited_for: str) -> _T:
    """Return an answer, asked for again while AWS throttles or has a bad moment."""
    return work.wait(
        ask,
        done=lambda _: True,
        waited_for=waited_for,
        timeout_s=_TIMEOUT_S,
        status=lambda _: "answered",
        poll_s=_POLL_S,
    )


def scaling_resource(request: Request) -> Resource:
    """Return what a request for scaling sets up."""
    parameters = request.parameters
    if request.operation == "PutMetricAlarm":
        return Resource(kind="alarm", name=str(parameters["AlarmName"]))
    if request.operation == "PutScalingPolicy":
        return Resource(kind="scaling policy", name=str(parameters["ResourceId"]), part=str(parameters["PolicyName"]))
    return Resource(kind="scaling target", name=str(parameters["ResourceId"]))
