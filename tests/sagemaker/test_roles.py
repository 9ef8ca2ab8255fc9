"""Permissions as data, and the execution role."""

from __future__ import annotations

import json

import attrs
import boto3
import pytest
from botocore.stub import Stubber
from PIL import Image
from story import ROLE, STORY_KEY
from test_archive import pack
from test_batch import s3  # noqa: F401  a fixture

from elasticache_police import Police
from elasticache_police import sagemaker_deploy as sm
from elasticache_police.errors import (
    AccessDeniedError,
    ConfigurationError,
    ResourceFailedError,
    ThrottledError,
    WaitTimeoutError,
)
from elasticache_police.sagemaker_deploy.policies import OPERATIONS
from elasticache_police.sagemaker_deploy.roles import delete_execution_role

SCOPE = sm.Scope(
    region="eu-west-1",
    account_id="123456789012",
    bucket="my-bucket",
    kms_key_arn="arn:aws:kms:eu-west-1:123456789012:key/1",
    urls=["s3://queue/out", "s3://all-of-it"],
    topic_arns=["arn:aws:sns:eu-west-1:123456789012:t", "arn:aws:sns:eu-west-1:123456789012:u"],
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


@pytest.fixture
def session_and_calls():
    """A boto3 session, and the IAM actions of the requests that it sends."""
    session, actions = boto3.Session(), set()
    others = {
        "HeadObject": "GetObject", "HeadBucket": "ListBucket", "ListObjectsV2": "ListBucket",
        "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    }  # fmt: skip
    services = {"sagemaker-runtime": "sagemaker"}

    def note(model, **_) -> None:
        service = model.service_model.service_name
        name = others.get(model.name, model.name) if service == "s3" else model.name
        actions.add(f"{services.get(service, service)}:{name}")

    session.events.register("before-call", note)
    return session, actions


def _upload(session, tmp_path, **_) -> None:
    sm.upload(pack(tmp_path / "model.tar.gz", "1/saved_model.pb"), session=session)


def _submit(session, fake, **_) -> None:
    fake.fail("InvokeEndpointAsync", "ThrottlingException")
    police = Police.from_async("E", input_url="s3://pictures/in", session=session)
    with pytest.raises(ThrottledError):
        police.submit(Image.new("RGB", (20, 10)))


def _batch(session, model, pace, **_) -> None:
    job = sm.BatchSpec(model=model, input_url="s3://pictures/in/", output_url="s3://pictures/out")
    with pytest.raises(ResourceFailedError):
        list(sm.inspect_batch(job, session=session, pace=pace))


@pytest.mark.parametrize(
    ("operation", "work"), [("upload", _upload), ("invoke-async", _submit), ("batch", _batch)], ids=str
)
def test_a_policy_allows_what_its_operation_calls(
    fake,
    s3,  # noqa: F811  the fixture
    session_and_calls,
    tmp_path,
    model,
    pace,
    operation,
    work,
) -> None:
    session, called = session_and_calls
    fake.transforming = [("Failed", "no answer at all")]
    work(session=session, fake=fake, tmp_path=tmp_path, model=model, pace=pace)
    assert called - {"sts:GetCallerIdentity"} <= _actions(operation)


def test_deploying_needs_no_more_than_its_own_calls(fake, spec, pace) -> None:
    """What a deployment, its undoing and a second one really call is what the policy allows."""
    sm.deploy(spec, pace=pace)
    sm.deploy(spec, pace=pace)
    called = {f"sagemaker:{name}" for name in fake.operations()}
    assert called <= _actions("deploy")


def _refused(session, fake, archived, pace, **_) -> None:
    fake.fail("CreateModel", "ValidationException", "Could not access model data at s3://b/k")
    sm.deploy(archived, session=session, pace=pace)


def _list(session, **_) -> None:
    sm.list(session=session)


@pytest.mark.parametrize(("operation", "work"), [("deploy", _refused), ("list", _list)])
def test_looking_into_the_account_needs_what_the_policy_says(
    fake, archived, session_and_calls, pace, operation, work
) -> None:
    session, called = session_and_calls
    work(session=session, fake=fake, archived=archived, pace=pace)
    assert called - {"sts:GetCallerIdentity"} <= _actions(operation)


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
    others.remove("ssm:DeleteActivation")  # AWS narrows it to no resource
    assert all(action.partition(":")[2].startswith(("List", "Describe")) for action in others)


def test_passing_the_role_is_for_sagemaker_only() -> None:
    (statement,) = [one for one in sm.policy("deploy", SCOPE)["Statement"] if "iam:PassRole" in one["Action"]]
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    assert statement["Resource"] == ["arn:aws:iam::123456789012:role/ElastiCachePoliceExecutionRole"]


def test_a_key_for_the_instances_asks_the_caller_for_a_grant_and_nothing_else_of_the_key() -> None:
    (statement,) = [one for one in sm.policy("deploy", SCOPE)["Statement"] if one["Sid"] == "Key"]
    assert (statement["Action"], statement["Resource"]) == (["kms:CreateGrant"], [SCOPE.kms_key_arn])
    assert not [action for action in _actions("batch") if action.startswith("logs:")], "a job's log is not read"


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        (
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com/mine/police:2@sha256:ab",
            "eu-west-1:111122223333:repository/mine/police",
        ),
        (
            "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:2",
            "eu-west-1:763104351884:repository/pytorch-inference",
        ),
        ("registry.example.com/mine:1", None),
    ],
)
def test_the_execution_role_may_pull_the_image_that_is_named(uri, allowed) -> None:
    scope = attrs.evolve(SCOPE, image_uris=[uri])
    (statement,) = [one for one in sm.policy("execution-role", scope)["Statement"] if one["Sid"] == "Image"]
    managed = "arn:aws:ecr:eu-west-1:763104351884:repository/tensorflow-inference*"
    assert statement["Resource"] == [managed] + ([] if allowed is None else [f"arn:aws:ecr:{allowed}"])


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


def test_an_execution_role_is_deleted_with_its_policy_and_may_be_gone_already(moto) -> None:
    sm.ensure_execution_role(SCOPE)
    delete_execution_role(SCOPE.role_name)
    assert boto3.client("iam").list_roles()["Roles"] == []
    delete_execution_role(SCOPE.role_name)


def test_making_a_role_and_taking_it_back_needs_no_more_than_the_policy_says(moto, session_and_calls) -> None:
    session, called = session_and_calls
    sm.ensure_execution_role(SCOPE, session=session)
    delete_execution_role(SCOPE.role_name, session=session)
    assert called <= _actions("create-execution-role")


def test_a_role_for_somebody_else_is_refused(moto) -> None:
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}]}
    boto3.client("iam").create_role(RoleName=SCOPE.role_name, AssumeRolePolicyDocument=json.dumps(trust))
    with pytest.raises(ConfigurationError, match="does not let sagemaker"):
        sm.ensure_execution_role(SCOPE)


def test_everything_that_is_read_and_written_is_allowed_beside_the_archives() -> None:
    by_sid = {statement["Sid"]: statement for statement in sm.policy("execution-role", SCOPE)["Statement"]}
    assert by_sid["Objects"]["Resource"] == [
        "arn:aws:s3:::my-bucket/amazon_elasticache_police/*", "arn:aws:s3:::queue/out*", "arn:aws:s3:::all-of-it/*",
    ]  # fmt: skip
    assert by_sid["Bucket"]["Resource"] == ["arn:aws:s3:::my-bucket", "arn:aws:s3:::queue", "arn:aws:s3:::all-of-it"]
    assert by_sid["Notify"]["Resource"] == list(SCOPE.topic_arns)
    (deleting,) = [one for one in sm.policy("delete", SCOPE)["Statement"] if "s3:DeleteObject" in one["Action"]]
    assert deleting["Resource"] == ["arn:aws:s3:::my-bucket/amazon_elasticache_police/*"], "and nothing of theirs"


@pytest.mark.parametrize("removable", [True, False])
def test_a_role_that_gets_no_permissions_is_not_left_to_be_taken_for_a_good_one(removable) -> None:
    iam = boto3.client("iam")
    role = {
        "Path": "/", "RoleName": SCOPE.role_name, "RoleId": "A" * 16, "Arn": "arn:aws:iam::123456789012:role/R",
        "CreateDate": 1,
    }  # fmt: skip
    with Stubber(iam) as stub:
        stub.add_client_error("get_role", "NoSuchEntity")
        stub.add_response("create_role", {"Role": role})
        stub.add_client_error("put_role_policy", "AccessDenied", "no iam:PutRolePolicy")
        stub.add_client_error("delete_role_policy", "NoSuchEntity")
        if removable:
            stub.add_response("delete_role", {}, {"RoleName": SCOPE.role_name})
        else:
            stub.add_client_error("delete_role", "AccessDenied", "no iam:DeleteRole")
        with pytest.raises(AccessDeniedError, match="no iam:PutRolePolicy") as caught:
            sm.ensure_execution_role(SCOPE, client=iam)
        stub.assert_no_pending_responses()
    said = "removed again: role" if removable else "LEFT BEHIND: role"
    assert caught.value.__notes__[0].startswith(f"{said} {SCOPE.role_name}")


@pytest.mark.parametrize(
    "message",
    [
        f"Could not assume role {ROLE}. Please ensure that the role exists and allows principal",
        f'Could not access model data at s3://b/{STORY_KEY}. Please ensure that the role "{ROLE}" exists',
        f"The role {ROLE} does not grant ecr:GetDownloadUrlForLayer permission",
    ],
)
def test_a_role_and_its_permissions_are_waited_for_and_a_lasting_refusal_is_told(
    fake, archived, pace, time, message
) -> None:
    spec = archived
    fake.fail("CreateModel", "ValidationException", message, times=3)
    assert sm.deploy(spec, pace=pace).action == "created"
    sm.delete(spec.endpoint_name, pace=pace)
    fake.fail("CreateModel", "ValidationException", message, times=1000)
    with pytest.raises(WaitTimeoutError, match=message.partition(" ")[0]) as caught:
        sm.deploy(spec, pace=pace)
    assert message in str(caught.value)
    assert fake.names == set()
