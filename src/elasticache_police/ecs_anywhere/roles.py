"""The three IAM roles of ECS Anywhere and the permissions each operation needs, as data.

* the **host role** (``ecsAnywhereRole``): the machine assumes it through Systems Manager; trusts ``ssm.amazonaws.com``
* the **task execution role**: the agent pulls images and writes logs with it; trusts ``ecs-tasks.amazonaws.com``
* the **task role**: the code in the container reads and writes S3 with it; trusts ``ecs-tasks.amazonaws.com``

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/iam-role-ecsanywhere.html (one step on that page has shown
the wrong service in the trust policy; :func:`check_trust` is for that).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypedDict

from elasticache_police.ecs_anywhere._read import Answer, child, text
from elasticache_police.ecs_anywhere._s3 import parse
from elasticache_police.ecs_anywhere.cluster import Cluster
from elasticache_police.errors import AlreadyExistsError, ConfigurationError, NotFoundError

__all__ = [
    "HOST_ROLE",
    "OPERATIONS",
    "Policy",
    "Statement",
    "check_trust",
    "ensure_role",
    "policy",
    "trust_policy",
]

HOST_ROLE = "ecsAnywhereRole"
HOST_POLICIES = (
    "policy/AmazonSSMManagedInstanceCore",
    "policy/service-role/AmazonEC2ContainerServiceforEC2Role",
)
EXECUTION_POLICIES = ("policy/service-role/AmazonECSTaskExecutionRolePolicy",)
SSM = "ssm.amazonaws.com"
TASKS = "ecs-tasks.amazonaws.com"


class Statement(TypedDict, total=False):
    """One statement of an IAM policy."""

    Sid: str
    Effect: str
    Principal: dict[str, str]
    Action: list[str]
    Resource: list[str]
    Condition: dict[str, dict[str, str]]


class Policy(TypedDict):
    """An IAM policy document."""

    Version: str
    Statement: list[Statement]


def trust_policy(service: str) -> Policy:
    """Return a trust policy that lets one AWS service assume the role."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": ["sts:AssumeRole"]}],
    }


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else [value]


def check_trust(role: str, document: Mapping[str, object] | str, service: str) -> None:
    """Do nothing when a trust policy lets ``service`` assume the role.

    Args:
        role: The role's name, for the message.
        document: Its AssumeRolePolicyDocument, decoded or as text.
        service: Such as ``ssm.amazonaws.com``.

    Raises:
        ConfigurationError: It does not, or says so only under the name of another service.
    """
    decoded: object = json.loads(document) if isinstance(document, str) else document
    trusted: set[str] = set()
    statements = _listed(decoded.get("Statement", [])) if isinstance(decoded, Mapping) else []
    for statement in statements:
        if not isinstance(statement, Mapping) or statement.get("Effect") != "Allow":
            continue
        principal = statement.get("Principal")
        actions = {str(action) for action in _listed(statement.get("Action", []))}
        if actions & {"sts:AssumeRole", "sts:*", "*"} and isinstance(principal, Mapping):
            trusted |= {str(name) for name in _listed(principal.get("Service", []))}
    if service not in trusted:
        raise ConfigurationError(
            f"role {role} cannot be used here: its trust policy lets {', '.join(sorted(trusted)) or 'no service'} "
            f"assume it, and it must be {service}; "
            f"correct it with: aws iam update-assume-role-policy --role-name {role} "
            f"--policy-document '{json.dumps(trust_policy(service))}'"
        )


def ensure_role(
    cluster: Cluster,
    role: str,
    service: str,
    *,
    policies: Sequence[str],
    create: bool,
    tags: Mapping[str, str] | None = None,
) -> bool:
    """Check a role's trust policy; make the role and attach AWS's policies where asked. Safe to repeat.

    Args:
        cluster: Whose account to look into.
        role: The role's name.
        service: The service that is to assume it.
        policies: AWS-managed policies to attach when ``create``, as in ``policy/AmazonSSMManagedInstanceCore``.
        create: Make it if it does not exist, attach what is missing.
        tags: Put on a role that is made here.

    Returns:
        Whether the role was made just now: other services may take a minute to see it.

    Raises:
        ConfigurationError: It exists and trusts another service.
        NotFoundError: It does not exist and is not to be made.
        AwsError: IAM refused a request.
    """
    made = False
    try:
        found = child(cluster.perform("iam", "GetRole", RoleName=role), "Role")
        check_trust(role, _document(found), service)
    except NotFoundError:
        if not create:
            raise
        try:
            cluster.perform("iam", "CreateRole", **role_parameters(role, service, tags or {}))
            made = True
        except AlreadyExistsError:  # another process was faster
            found = child(cluster.perform("iam", "GetRole", RoleName=role), "Role")
            check_trust(role, _document(found), service)
    if create:
        for name in policies:
            arn = f"arn:{cluster.clients.partition}:iam::aws:{name}"
            cluster.perform("iam", "AttachRolePolicy", RoleName=role, PolicyArn=arn)
    return made


def _document(role: Answer) -> Mapping[str, object] | str:
    document = role.get("AssumeRolePolicyDocument")
    return document if isinstance(document, Mapping) else text(role, "AssumeRolePolicyDocument")


def role_parameters(role: str, service: str, tags: Mapping[str, str]) -> dict[str, object]:
    """Return CreateRole's parameters."""
    return {
        "RoleName": role,
        "AssumeRolePolicyDocument": json.dumps(trust_policy(service)),
        "Description": "Made by elasticache-police",
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())],
    }


def _statement(
    sid: str, actions: str, *resources: str, condition: dict[str, dict[str, str]] | None = None
) -> Statement:
    made: Statement = {"Sid": sid, "Effect": "Allow", "Action": actions.split(), "Resource": list(resources)}
    if condition:
        made["Condition"] = condition
    return made


OPERATIONS = {
    "ecs-register": "make a cluster, the host role and activations; watch machines join",
    "ecs-leave": "drain and deregister machines, delete activations",
    "ecs-tasks": "register, run, watch and stop tasks, read their logs",
    "ecs-train": "run a training and look at what it left",
    "ecs-inspect": "run an inspection of a collection: queues, tasks, results",
    "ecs-host": "what the machine itself needs, trimmed from AWS's managed policies",
    "ecs-execution-role": "what the agent needs to pull the image and write logs",
    "ecs-train-task-role": "what the training container needs",
    "ecs-inspect-task-role": "what the inspection container needs",
}
"""Every operation that :func:`policy` knows, and what it is."""


def policy(
    operation: str,
    *,
    cluster: str = "police",
    region: str = "*",
    account: str = "*",
    partition: str = "aws",
    bucket: str = "BUCKET",
    data_prefix: str = "",
    results_prefix: str = "",
    model: str | None = None,
    model_key: str | None = None,
    role: str = HOST_ROLE,
    repository: str = "elasticache-police*",
    family: str = "elasticache-police-*",
    log_group: str = "/ecs/elasticache-police*",
    key: str | None = None,
    secrets: Sequence[str] = (),
    task_roles: Sequence[str] = (),
) -> Policy:
    """Return the least-privilege policy of an operation.

    Derived from the calls this package makes and from AWS's documentation; not run against an account.

    Args:
        operation: One of :data:`OPERATIONS`.
        cluster: The cluster's name.
        region: AWS region, ``*`` for all.
        account: AWS account id, ``*`` for any.
        partition: ``aws``, ``aws-us-gov`` and so on.
        bucket: The S3 bucket of data and results.
        data_prefix: Where in it the data lie.
        results_prefix: Where in it results and models go.
        model: ``s3://...`` of the packed model that a collection is inspected with, when it lies elsewhere.
        model_key: ARN of the KMS key that encrypts that model, when it is another than the bucket's.
        role: Name of the host role.
        repository: Name of the ECR repositories of the images; ``*`` stands for any letters.
        family: Family of the task definitions that may run; ``*`` stands for any letters.
        log_group: Name of the log groups of their tasks; ``*`` stands for any letters.
        key: ARN of the KMS key that encrypts the bucket, when it is one of yours.
        secrets: ARNs of the secrets and SSM parameters that tasks are given.
        task_roles: ARNs of the task roles and execution roles that tasks may be given; any role that tasks can assume
            where there are none.

    Raises:
        ConfigurationError: There is no such operation, or the model is no place in S3.
    """
    ecs = f"arn:{partition}:ecs:{region}:{account}"
    iam = f"arn:{partition}:iam::{account}:role"
    logs = f"arn:{partition}:logs:{region}:{account}:log-group:{log_group}"
    queues = f"arn:{partition}:sqs:{region}:{account}:elasticache-police-*"
    images = f"arn:{partition}:ecr:*:{account}:repository/{repository}"  # one region's may serve clusters of others
    s3 = f"arn:{partition}:s3:::{bucket}"
    on_cluster = {"ArnEquals": {"ecs:cluster": f"{ecs}:cluster/{cluster}"}}
    data, results = f"{s3}/{data_prefix}*", f"{s3}/{results_prefix}*"
    run = [
        _statement(
            "Definitions",
            "ecs:RegisterTaskDefinition ecs:DescribeTaskDefinition ecs:TagResource",
            "*",
        ),
        _statement("Run", "ecs:RunTask", f"{ecs}:task-definition/{family}:*", condition=on_cluster),
        _statement("Watch", "ecs:DescribeTasks ecs:StopTask ecs:ListTasks", f"{ecs}:task/{cluster}/*",
                   f"{ecs}:container-instance/{cluster}/*"),
        _statement("Instances", "ecs:ListContainerInstances ecs:DescribeContainerInstances",
                   f"{ecs}:cluster/{cluster}", f"{ecs}:container-instance/{cluster}/*"),
        _statement("PassTaskRoles", "iam:PassRole", *(task_roles or [f"{iam}/*"]),
                   condition={"StringEquals": {"iam:PassedToService": TASKS}}),
        _statement("Logs", "logs:CreateLogGroup logs:TagResource logs:PutRetentionPolicy logs:GetLogEvents",
                   logs, f"{logs}:*"),
    ]  # fmt: skip
    listing = _statement("List", "s3:ListBucket", s3)  # without it S3 says Forbidden of an object that is not there
    read = [_statement("Read", "s3:GetObject", data), listing]
    documents: dict[str, list[Statement]] = {
        "ecs-register": [
            _statement("NewCluster", "ecs:CreateCluster", "*"),  # which knows no resource
            _statement("Cluster", "ecs:DescribeClusters ecs:TagResource", f"{ecs}:cluster/{cluster}"),
            _statement("Instances", "ecs:ListContainerInstances ecs:DescribeContainerInstances",
                       f"{ecs}:cluster/{cluster}", f"{ecs}:container-instance/{cluster}/*"),
            _statement("HostRole", "iam:GetRole iam:CreateRole iam:TagRole iam:AttachRolePolicy", f"{iam}/{role}"),
            _statement("PassHostRole", "iam:PassRole", f"{iam}/{role}",
                       condition={"StringEquals": {"iam:PassedToService": SSM}}),
            _statement("Activations", "ssm:CreateActivation ssm:DescribeActivations ssm:AddTagsToResource "
                       "ssm:DescribeInstanceInformation", "*"),
        ],
        "ecs-leave": [
            _statement("Instances", "ecs:ListContainerInstances ecs:DescribeContainerInstances "
                       "ecs:UpdateContainerInstancesState ecs:DeregisterContainerInstance ecs:ListTasks "
                       "ecs:DescribeTasks ecs:StopTask", f"{ecs}:cluster/{cluster}",
                       f"{ecs}:container-instance/{cluster}/*", f"{ecs}:task/{cluster}/*"),
            _statement("Machines", "ssm:DeregisterManagedInstance ssm:ListTagsForResource",
                       f"arn:{partition}:ssm:{region}:{account}:managed-instance/mi-*"),
            _statement("Activations", "ssm:DeleteActivation ssm:DescribeActivations", "*"),
        ],
        "ecs-tasks": run,
        "ecs-train": [
            *run, _statement("Look", "s3:GetObject", results), listing,
        ],
        "ecs-inspect": [
            *run, listing, _statement("Write", "s3:PutObject s3:GetObject s3:AbortMultipartUpload", results),
            _statement("Queues", "sqs:CreateQueue sqs:TagQueue sqs:GetQueueAttributes sqs:SendMessage "
                       "sqs:ReceiveMessage sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:DeleteQueue", queues),
            _statement("Image", "ecr:DescribeImages", images),
        ],
        "ecs-host": [
            _statement("Agent", "ecs:DiscoverPollEndpoint ecs:Poll ecs:RegisterContainerInstance "
                       "ecs:DeregisterContainerInstance ecs:StartTelemetrySession ecs:SubmitAttachmentStateChanges "
                       "ecs:SubmitContainerStateChange ecs:SubmitTaskStateChange "
                       "ecs:UpdateContainerInstancesState", "*"),
            _statement("SystemsManager", "ssm:UpdateInstanceInformation ssmmessages:CreateControlChannel "
                       "ssmmessages:CreateDataChannel ssmmessages:OpenControlChannel ssmmessages:OpenDataChannel "
                       "ec2messages:AcknowledgeMessage ec2messages:DeleteMessage ec2messages:FailMessage "
                       "ec2messages:GetEndpoint ec2messages:GetMessages ec2messages:SendReply", "*"),
        ],
        "ecs-execution-role": [
            _statement("Token", "ecr:GetAuthorizationToken", "*"),
            _statement("Pull", "ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer ecr:BatchGetImage",
                       images),
            _statement("Logs", "logs:CreateLogStream logs:PutLogEvents", logs, f"{logs}:*"),
        ],
        "ecs-train-task-role": [
            *read,
            _statement("Write", "s3:PutObject s3:GetObject s3:AbortMultipartUpload s3:DeleteObject", results),
        ],
        "ecs-inspect-task-role": [
            *read, _statement("Write", "s3:PutObject s3:GetObject", results),
            _statement("Queues", "sqs:ReceiveMessage sqs:DeleteMessage sqs:ChangeMessageVisibility sqs:SendMessage "
                       "sqs:GetQueueAttributes", queues),
        ],
    }  # fmt: skip
    if model is not None:
        place = parse(model, what="the model's place")
        archive = f"arn:{partition}:s3:::{place.bucket}"
        for name in ("ecs-inspect", "ecs-inspect-task-role"):
            documents[name].append(_statement("Model", "s3:GetObject", f"{archive}/{place.key}"))
            if place.bucket != bucket:  # for the difference between Forbidden and not there
                documents[name].append(_statement("ModelList", "s3:ListBucket", archive))
    if model_key is not None:  # who submits looks at the model's ETag only, which takes no key
        documents["ecs-inspect-task-role"].append(_statement("ModelKey", "kms:Decrypt", model_key))
    if key is not None:
        # Uploads in parts decrypt what they wrote.
        encrypted = _statement("Key", "kms:GenerateDataKey kms:Decrypt", key)
        for name in ("ecs-inspect", "ecs-train", "ecs-train-task-role", "ecs-inspect-task-role"):
            documents[name].append(encrypted)
    parameters = [arn for arn in secrets if ":ssm:" in arn]
    others = [arn for arn in secrets if ":ssm:" not in arn]
    if others:
        documents["ecs-execution-role"].append(_statement("Secrets", "secretsmanager:GetSecretValue", *others))
    if parameters:
        documents["ecs-execution-role"].append(_statement("Parameters", "ssm:GetParameters", *parameters))
    if operation not in documents:
        raise ConfigurationError(f"no policy for {operation!r}; there are: {', '.join(OPERATIONS)}")
    return {"Version": "2012-10-17", "Statement": documents[operation]}
