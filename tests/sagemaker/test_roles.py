"""Permissions as data, and the execution role."""

from __future__ import annotations

import json

import boto3
import pytest

from elasticache_police import sagemaker_deploy as sm
from elasticache_police.errors import ConfigurationError
from elasticache_police.sagemaker_deploy.policies import OPERATIONS

SCOPE = sm.Scope(
    region="eu-west-1",
    account_id="123456789012",
    bucket="my-bucket",
    kms_key_arn="arn:aws:kms:eu-west-1:123456789012:key/1",
    topic_arn="arn:aws:sns:eu-west-1:123456789012:t",
    vpc=True,
)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_policy_is_well_formed_and_names_real_services(operation) -> None:
    document = sm.policy(operation, SCOPE)
    assert document["Version"] == "2012-10-17"
    sids = [statement["Sid"] for statement in document["Statement"]]
    assert len(set(sids)) == len(sids)
    known = set(boto3.Session().get_available_services()) | {"kms"}
    for statement in document["Statement"]:
        assert statement["Effect"] == "Allow"
        assert all(action.partition(":")[0] in known and "*" not in action for action in statement["Action"])
        assert statement["Resource"]
        assert all(resource == "*" or resource.startswith("arn:aws:") for resource in statement["Resource"])
    assert len(json.dumps(document)) < 6144, "a managed policy's limit"


def _actions(operation: str) -> set[str]:
    return {action for statement in sm.policy(operation, SCOPE)["Statement"] for action in statement["Action"]}


def test_deploying_needs_no_more_than_its_own_calls(fake, spec, pace) -> None:
    """What a deployment, its undoing and a second one really call is what the policy allows."""
    sm.deploy(spec, pace=pace)
    sm.deploy(spec, pace=pace)
    called = {f"sagemaker:{name}" for name in fake.operations()}
    assert called <= _actions("deploy")


def test_only_what_must_be_is_open_to_every_resource() -> None:
    open_to_all = {
        action
        for operation in OPERATIONS
        for statement in sm.policy(operation, SCOPE)["Statement"]
        if statement["Resource"] == ["*"]
        for action in statement["Action"]
    }
    assert {action.partition(":")[0] for action in open_to_all} == {
        "sagemaker", "cloudwatch", "ecr", "ec2", "application-autoscaling", "ecs", "ssm", "sqs", "logs",
    }  # fmt: skip
    assert not [action for action in open_to_all if action.startswith(("sagemaker:C", "sagemaker:D"))]
    others = {action for action in open_to_all if action.startswith(("ecs:", "ssm:", "sqs:", "logs:"))}
    assert all(action.partition(":")[2].startswith(("List", "Describe")) for action in others)


def test_passing_the_role_is_for_sagemaker_only() -> None:
    (statement,) = [one for one in sm.policy("deploy", SCOPE)["Statement"] if "iam:PassRole" in one["Action"]]
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    assert statement["Resource"] == ["arn:aws:iam::123456789012:role/ElastiCachePoliceExecutionRole"]


def test_an_unknown_operation_lists_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="invoke-async"):
        sm.policy("fly")


def test_the_execution_role_is_made_once_with_its_policy(moto) -> None:
    first = sm.ensure_execution_role(SCOPE)
    assert first == sm.ExecutionRole(arn="arn:aws:iam::123456789012:role/ElastiCachePoliceExecutionRole", created=True)
    iam = boto3.client("iam")
    stored = iam.get_role_policy(RoleName=SCOPE.role_name, PolicyName="elasticache-police")["PolicyDocument"]
    assert stored == sm.policy("execution-role", SCOPE)
    trust = iam.get_role(RoleName=SCOPE.role_name)["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert sm.ensure_execution_role(SCOPE) == sm.ExecutionRole(arn=first.arn, created=False)


def test_a_role_for_somebody_else_is_refused(moto) -> None:
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}]}
    boto3.client("iam").create_role(RoleName=SCOPE.role_name, AssumeRolePolicyDocument=json.dumps(trust))
    with pytest.raises(ConfigurationError, match="does not let sagemaker"):
        sm.ensure_execution_role(SCOPE)
