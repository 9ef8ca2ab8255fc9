"""The execution role that SageMaker assumes: made if it does not exist."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, cast

import attrs

from elasticache_police._aws import PROJECT_TAG, Clients, Request
from elasticache_police.errors import AlreadyExistsError, AwsError, ConfigurationError, NotFoundError
from elasticache_police.sagemaker_deploy.planning import tag_list
from elasticache_police.sagemaker_deploy.policies import EXECUTION_TRUST, Scope, policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_iam import IAMClient

    from elasticache_police._aws import JsonValue

__all__ = ["ExecutionRole", "delete_execution_role", "ensure_execution_role", "role_requests"]

_POLICY_NAME = "elasticache-police"


@attrs.frozen(kw_only=True)
class ExecutionRole:
    """The role that SageMaker assumes."""

    arn: str
    created: bool
    """Whether it was made just now. SageMaker cannot assume it for its first 10 to 60 seconds: :func:`deploy` waits."""


def role_requests(scope: Scope) -> tuple[Request, Request]:
    """Build the requests that make the execution role and give it its permissions: CreateRole and PutRolePolicy."""
    role: Mapping[str, JsonValue] = {
        "RoleName": scope.role_name,
        "AssumeRolePolicyDocument": json.dumps(EXECUTION_TRUST),
        "Description": "Assumed by SageMaker for elasticache-police",
        "Tags": tag_list(dict([PROJECT_TAG])),
    }
    allowed: Mapping[str, JsonValue] = {
        "RoleName": scope.role_name,
        "PolicyName": _POLICY_NAME,
        "PolicyDocument": json.dumps(policy("execution-role", scope)),
    }
    return (
        Request(service="iam", operation="CreateRole", parameters=role),
        Request(service="iam", operation="PutRolePolicy", parameters=allowed),
    )


def ensure_execution_role(
    scope: Scope | None = None,
    *,
    client: IAMClient | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> ExecutionRole:
    """Return the execution role, made with its least-privilege policy if it does not exist.

    A role that exists is not changed; one that SageMaker may not assume is refused. A role that cannot be given its
    permissions is removed again.

    Args:
        scope: Its name, and what its policy is narrowed to.
        client: IAM client; wins over `session`.
        session: boto3 session.
        config: botocore settings.

    Raises:
        ConfigurationError: The role exists and trusts somebody else.
        AwsError: AWS refused.
    """
    clients = Clients(clients=None if client is None else {"iam": client}, session=session, config=config)
    scope = scope or Scope()

    creating, allowing = role_requests(scope)

    def send(operation: str) -> Mapping[str, object]:
        return clients.perform(Request(service="iam", operation=operation, parameters={"RoleName": scope.role_name}))

    try:
        return _existing(send("GetRole"), scope.role_name)
    except NotFoundError:
        pass
    try:
        made = clients.perform(creating)
    except AlreadyExistsError:  # another process was faster
        return _existing(send("GetRole"), scope.role_name)
    try:
        clients.perform(allowing)
    except BaseException as error:  # a role without permissions would be taken for a good one next time
        try:
            _delete(clients, scope.role_name)
        except AwsError as refusal:
            error.add_note(f"LEFT BEHIND: role {scope.role_name}, without permissions ({refusal})")
        else:
            error.add_note(f"removed again: role {scope.role_name}")
        raise
    return ExecutionRole(arn=_arn(made), created=True)


def delete_execution_role(
    name: str, *, client: IAMClient | None = None, session: Session | None = None, config: Config | None = None
) -> None:
    """Delete a role that :func:`ensure_execution_role` made, with its policy; one that is gone is no error.

    Args:
        name: Which.
        client: IAM client; wins over `session`.
        session: boto3 session.
        config: botocore settings.

    Raises:
        AwsError: AWS refused; as for a role that was given more policies since.
    """
    _delete(Clients(clients=None if client is None else {"iam": client}, session=session, config=config), name)


def _delete(clients: Clients, name: str) -> None:
    steps: tuple[Request, ...] = (
        Request(service="iam", operation="DeleteRolePolicy", parameters={"RoleName": name, "PolicyName": _POLICY_NAME}),
        Request(service="iam", operation="DeleteRole", parameters={"RoleName": name}),
    )
    for step in steps:
        with contextlib.suppress(NotFoundError):
            clients.perform(step)


def _arn(answer: Mapping[str, object]) -> str:
    return str(cast("Mapping[str, object]", answer["Role"])["Arn"])


def _existing(answer: Mapping[str, object], name: str) -> ExecutionRole:
    trust = cast("Mapping[str, object]", answer["Role"]).get("AssumeRolePolicyDocument")
    if "sagemaker.amazonaws.com" not in json.dumps(trust):
        raise ConfigurationError(
            f"role {name} exists and does not let sagemaker.amazonaws.com assume it; name another role, or add that"
        )
    return ExecutionRole(arn=_arn(answer), created=False)
