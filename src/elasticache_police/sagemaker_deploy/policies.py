"""The least-privilege IAM policy of every operation here, as data.

Derived from the calls this package makes and from AWS's documentation
(https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html); not run against an
account.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypedDict

import attrs

from elasticache_police.errors import ConfigurationError
from elasticache_police.sagemaker_deploy._validators import strings
from elasticache_police.sagemaker_deploy.archive import DEFAULT_PREFIX
from elasticache_police.sagemaker_deploy.images import registry_account
from elasticache_police.sagemaker_deploy.own_machines import NAMES

__all__ = ["EXECUTION_TRUST", "OPERATIONS", "PolicyDocument", "Scope", "Statement", "policy"]


_ECR_IMAGE = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[^/]+/(?P<name>[^:@]+)")
_ECS_KINDS = ("cluster", "task", "container-instance")


class Statement(TypedDict, total=False):
    """One statement of an IAM policy."""

    Sid: str
    Effect: str
    Principal: dict[str, str]
    Action: list[str]
    Resource: list[str]
    Condition: dict[str, dict[str, str]]


class PolicyDocument(TypedDict):
    """An IAM policy."""

    Version: str
    Statement: list[Statement]


EXECUTION_TRUST: PolicyDocument = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": ["sts:AssumeRole"]}
    ],
}
"""Who may assume the execution role."""


@attrs.frozen(kw_only=True)
class Scope:
    """What a policy is narrowed to."""

    region: str = "*"
    account_id: str = "*"
    partition: str = "aws"
    prefix: str = "ElastiCachePolice"
    """Beginning of the names of models, configurations, endpoints and jobs."""
    bucket: str = "sagemaker-*"
    key_prefix: str = DEFAULT_PREFIX
    role_name: str = "ElastiCachePoliceExecutionRole"
    kms_key_arn: str | None = None
    urls: tuple[str, ...] = attrs.field(default=(), converter=strings)
    """``s3://bucket/prefix`` of everything else that is read or written: archives elsewhere, requests, answers,
    pictures, captured data."""
    topic_arns: tuple[str, ...] = attrs.field(default=(), converter=strings)
    """SNS topics of asynchronous answers and failures."""
    vpc: bool = False
    """Whether models are attached to a VPC."""
    image_uris: tuple[str, ...] = attrs.field(default=(), converter=strings)
    """Containers other than AWS's managed TensorFlow image, such as your own in ECR."""

    def sagemaker(self, kind: str, prefix: str | None = None) -> str:
        """Return the ARN of this project's resources of a kind; SageMaker writes names in lower case in them."""
        name = (self.prefix if prefix is None else prefix).lower()
        return f"arn:{self.partition}:sagemaker:{self.region}:{self.account_id}:{kind}/{name}*"

    @property
    def role_arn(self) -> str:
        """The execution role."""
        return f"arn:{self.partition}:iam::{self.account_id}:role/{self.role_name}"

    @property
    def bucket_arn(self) -> str:
        """The bucket."""
        return f"arn:{self.partition}:s3:::{self.bucket}"

    @property
    def archives(self) -> str:
        """The archives: the objects under the prefix in the bucket."""
        return f"{self.bucket_arn}/{self.key_prefix}/*"

    @property
    def objects(self) -> list[str]:
        """The archives, and the objects under the other URLs."""
        return [self.archives, *(f"arn:{self.partition}:s3:::{_place(url)}*" for url in self.urls)]

    @property
    def buckets(self) -> list[str]:
        """The bucket, and those of the other URLs."""
        others = (f"arn:{self.partition}:s3:::{_place(url).partition('/')[0]}" for url in self.urls)
        return [*dict.fromkeys((self.bucket_arn, *others))]

    @property
    def repositories(self) -> list[str]:
        """The ECR repositories of the managed image and of the other ones."""
        registry = "*" if self.region == "*" else registry_account(self.region)
        managed = f"arn:{self.partition}:ecr:{self.region}:{registry}:repository/tensorflow-inference*"
        found = (_ECR_IMAGE.match(uri) for uri in self.image_uris)
        others = (
            f"arn:{self.partition}:ecr:{match['region']}:{match['account']}:repository/{match['name']}"
            for match in found
            if match is not None
        )
        return [*dict.fromkeys((managed, *others))]

    def logs(self, group: str) -> str:
        """Return the ARN of log groups."""
        return f"arn:{self.partition}:logs:{self.region}:{self.account_id}:log-group:{group}"


def _place(url: str) -> str:
    """Return ``bucket/prefix`` of a URL, with a slash after a bucket that stands alone."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    return f"{bucket}/{prefix}"


def _allow(sid: str, actions: str, *resources: str, condition: dict[str, dict[str, str]] | None = None) -> Statement:
    made: Statement = {"Sid": sid, "Effect": "Allow", "Action": actions.split(), "Resource": list(resources)}
    if condition is not None:
        made["Condition"] = condition
    return made


def _pass_role(scope: Scope) -> Statement:
    service = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    return _allow("PassExecutionRole", "iam:PassRole", scope.role_arn, condition=service)


def _three(scope: Scope) -> list[str]:
    return [scope.sagemaker("model"), scope.sagemaker("endpoint-config"), scope.sagemaker("endpoint")]


def _kms(scope: Scope, actions: str) -> list[Statement]:
    return [] if scope.kms_key_arn is None else [_allow("Key", actions, scope.kms_key_arn)]


def _upload(scope: Scope) -> list[Statement]:
    return [
        _allow("Archive", "s3:PutObject s3:GetObject s3:PutObjectTagging s3:AbortMultipartUpload", scope.archives),
        _allow("TakeBack", "s3:DeleteObject", scope.archives),
        _allow("Bucket", "s3:ListBucket s3:CreateBucket s3:PutBucketPublicAccessBlock", scope.bucket_arn),
        *_kms(scope, "kms:GenerateDataKey kms:Decrypt"),
    ]


def _deploy(scope: Scope) -> list[Statement]:
    return [
        _allow(
            "Make",
            "sagemaker:CreateModel sagemaker:CreateEndpointConfig sagemaker:CreateEndpoint sagemaker:UpdateEndpoint"
            " sagemaker:AddTags sagemaker:ListTags",
            *_three(scope),
        ),
        _allow(
            "Watch",
            "sagemaker:DescribeModel sagemaker:DescribeEndpointConfig sagemaker:DescribeEndpoint",
            *_three(scope),
        ),
        _allow(
            "SeeScaling",
            "application-autoscaling:DescribeScalableTargets application-autoscaling:DescribeScalingPolicies"
            " application-autoscaling:DescribeScheduledActions cloudwatch:DescribeAlarms",
            "*",
        ),
        _allow(
            "TakeBack",
            "sagemaker:DeleteModel sagemaker:DeleteEndpointConfig sagemaker:DeleteEndpoint",
            *_three(scope),
        ),
        _pass_role(scope),
        *_why_unreadable(scope),
        *_logs(scope),
        *_kms(scope, "kms:CreateGrant"),  # CreateEndpoint asks for it on behalf of whoever calls
    ]


def _why_unreadable(scope: Scope) -> list[Statement]:
    """Allow to look at an archive that SageMaker could not read."""
    return [_allow("Archive", "s3:GetObject", scope.archives), _allow("Bucket", "s3:ListBucket", scope.bucket_arn)]


def _list(scope: Scope) -> list[Statement]:
    return [
        _allow(
            "List",
            "sagemaker:ListEndpoints sagemaker:ListEndpointConfigs sagemaker:ListModels sagemaker:ListTransformJobs"
            " sagemaker:ListCompilationJobs cloudwatch:DescribeAlarms"
            " application-autoscaling:DescribeScalableTargets application-autoscaling:DescribeScalingPolicies"
            " ecs:ListClusters ecs:DescribeClusters ecs:ListTasks ecs:ListContainerInstances"
            " ecs:DescribeContainerInstances ssm:DescribeInstanceInformation ssm:DescribeActivations sqs:ListQueues"
            " logs:DescribeLogGroups",
            "*",
        ),
        _allow("Tags", "sagemaker:ListTags", *_three(scope), *_jobs(scope)),
        _allow("Models", "sagemaker:DescribeModel", scope.sagemaker("model")),
        _allow("TagsOnEcs", "sqs:ListQueueTags logs:ListTagsForResource", *_on_ecs(scope)),
        _allow("Archives", "s3:ListBucket", scope.bucket_arn),
        _allow("ArchiveTags", "s3:GetObjectTagging", scope.archives),
    ]


def _jobs(scope: Scope) -> list[str]:
    return [scope.sagemaker("transform-job"), scope.sagemaker("compilation-job")]


def _on_ecs(scope: Scope) -> list[str]:
    return [f"arn:{scope.partition}:sqs:{scope.region}:{scope.account_id}:{NAMES}-*", scope.logs(f"/ecs/{NAMES}*")]


def _delete(scope: Scope) -> list[Statement]:
    return [
        *_list(scope),
        _allow("Describe", "sagemaker:DescribeEndpoint sagemaker:DescribeEndpointConfig", *_three(scope)[1:]),
        _allow(
            "Delete",
            "sagemaker:DeleteModel sagemaker:DeleteEndpointConfig sagemaker:DeleteEndpoint sagemaker:StopTransformJob"
            " sagemaker:StopCompilationJob",
            *_three(scope),
            *_jobs(scope),
        ),
        _allow("DeleteOnEcs", "sqs:DeleteQueue logs:DeleteLogGroup", *_on_ecs(scope)),
        _allow(
            "LeaveEcs",
            "ecs:StopTask ecs:DeregisterContainerInstance ecs:DeleteCluster",
            *(f"arn:{scope.partition}:ecs:{scope.region}:{scope.account_id}:{kind}/*" for kind in _ECS_KINDS),
        ),
        _allow("EndActivations", "ssm:DeleteActivation", "*"),  # AWS narrows it to no resource
        _allow(
            "ForgetMachines",
            "ssm:DeregisterManagedInstance",
            f"arn:{scope.partition}:ssm:{scope.region}:{scope.account_id}:managed-instance/mi-*",
        ),
        _allow(
            "Scaling",
            "application-autoscaling:DeleteScalingPolicy application-autoscaling:DeregisterScalableTarget",
            f"arn:{scope.partition}:application-autoscaling:{scope.region}:{scope.account_id}:scalable-target/*",
        ),
        _alarms(scope, "cloudwatch:DeleteAlarms"),
        _allow("DeleteArchives", "s3:DeleteObject", scope.archives),
    ]


def _alarms(scope: Scope, actions: str) -> Statement:
    alarms = f"arn:{scope.partition}:cloudwatch:{scope.region}:{scope.account_id}:alarm:elasticache-police/*"
    return _allow("Alarms", actions, alarms)


def _scale(scope: Scope) -> list[Statement]:
    linked = "sagemaker.application-autoscaling.amazonaws.com"
    name = f"aws-service-role/{linked}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    return [
        _allow(
            "Scaling",
            "application-autoscaling:RegisterScalableTarget application-autoscaling:PutScalingPolicy"
            " application-autoscaling:DeregisterScalableTarget application-autoscaling:DeleteScalingPolicy"
            " application-autoscaling:DescribeScalableTargets application-autoscaling:DescribeScalingPolicies"
            " application-autoscaling:DescribeScheduledActions",
            "*",
        ),
        _allow(
            "Endpoint",
            "sagemaker:DescribeEndpoint sagemaker:DescribeEndpointConfig sagemaker:UpdateEndpointWeightsAndCapacities",
            *_three(scope)[1:],
        ),
        _allow("SeeAlarms", "cloudwatch:DescribeAlarms", "*"),
        _alarms(scope, "cloudwatch:PutMetricAlarm cloudwatch:DeleteAlarms cloudwatch:TagResource"),
        _allow(
            "ServiceLinkedRole",
            "iam:CreateServiceLinkedRole",
            f"arn:{scope.partition}:iam::{scope.account_id}:role/{name}",
            condition={"StringLike": {"iam:AWSServiceName": linked}},
        ),
    ]


def _status(scope: Scope) -> list[Statement]:
    return [_allow("Watch", "sagemaker:DescribeEndpoint", scope.sagemaker("endpoint")), *_logs(scope)]


def _logs(scope: Scope) -> list[Statement]:
    group = scope.logs(f"/aws/sagemaker/Endpoints/{scope.prefix}*")
    return [_allow("Logs", "logs:DescribeLogStreams logs:GetLogEvents", group, f"{group}:log-stream:*")]


def _invoke(scope: Scope) -> list[Statement]:
    return [_allow("Invoke", "sagemaker:InvokeEndpoint", scope.sagemaker("endpoint"))]


def _invoke_async(scope: Scope) -> list[Statement]:
    return [
        _allow("Invoke", "sagemaker:InvokeEndpointAsync", scope.sagemaker("endpoint")),
        _allow("Objects", "s3:PutObject s3:GetObject s3:DeleteObject", *scope.objects),
        _allow("TellMissingFromForbidden", "s3:ListBucket", *scope.buckets),
        *_kms(scope, "kms:GenerateDataKey kms:Decrypt"),
    ]


def _batch(scope: Scope) -> list[Statement]:
    return [
        _allow(
            "Jobs",
            "sagemaker:CreateTransformJob sagemaker:DescribeTransformJob sagemaker:StopTransformJob sagemaker:AddTags",
            scope.sagemaker("transform-job"),
            scope.sagemaker("model"),
        ),
        _allow("ModelForTheJob", "sagemaker:CreateModel sagemaker:DeleteModel", scope.sagemaker("model")),
        _pass_role(scope),
        _allow("PicturesAndResults", "s3:GetObject", *scope.objects),
        _allow("List", "s3:ListBucket", *scope.buckets),
        *_kms(scope, "kms:Decrypt"),
    ]


def _neo(scope: Scope) -> list[Statement]:
    return [
        _allow(
            "Jobs",
            "sagemaker:CreateCompilationJob sagemaker:DescribeCompilationJob sagemaker:StopCompilationJob"
            " sagemaker:AddTags",
            scope.sagemaker("compilation-job"),
        ),
        _pass_role(scope),
    ]


def _create_role(scope: Scope) -> list[Statement]:
    making = "iam:GetRole iam:CreateRole iam:TagRole iam:PutRolePolicy"
    return [
        _allow("Role", making, scope.role_arn),
        _allow("TakeBack", "iam:DeleteRolePolicy iam:DeleteRole", scope.role_arn),
    ]


def _execution_role(scope: Scope) -> list[Statement]:
    group = scope.logs("/aws/sagemaker/*")
    statements = [
        _allow("Metrics", "cloudwatch:PutMetricData", "*"),
        _allow("Logs", "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents logs:DescribeLogStreams", group),
        _allow("RegistryToken", "ecr:GetAuthorizationToken", "*"),
        _allow("Image", "ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer ecr:BatchGetImage",
               *scope.repositories),
        _allow("Objects", "s3:GetObject s3:PutObject s3:AbortMultipartUpload", *scope.objects),
        _allow("Bucket", "s3:ListBucket s3:GetBucketLocation", *scope.buckets),
        *_kms(scope, "kms:Decrypt kms:GenerateDataKey kms:CreateGrant"),
    ]  # fmt: skip
    if scope.topic_arns:
        statements.append(_allow("Notify", "sns:Publish", *scope.topic_arns))
    if scope.vpc:
        interfaces = (
            "ec2:CreateNetworkInterface ec2:CreateNetworkInterfacePermission ec2:DeleteNetworkInterface"
            " ec2:DeleteNetworkInterfacePermission ec2:DescribeNetworkInterfaces ec2:DescribeVpcs"
            " ec2:DescribeDhcpOptions ec2:DescribeSubnets ec2:DescribeSecurityGroups"
        )
        statements.append(_allow("Network", interfaces, "*"))
    return statements


_POLICIES: dict[str, tuple[str, Callable[[Scope], list[Statement]]]] = {
    "upload": ("put a model archive into S3", _upload),
    "deploy": ("make, update and take back endpoints", _deploy),
    "scale": ("set up auto scaling", _scale),
    "status": ("see what an endpoint does, and its log", _status),
    "list": ("find everything of this project", _list),
    "delete": ("remove everything of this project", _delete),
    "invoke": ("ask a real-time or serverless endpoint", _invoke),
    "invoke-async": ("ask an asynchronous endpoint and read its answers", _invoke_async),
    "batch": ("run batch transform jobs and read their results", _batch),
    "neo": ("compile a model with Neo", _neo),
    "create-execution-role": ("make the role that SageMaker assumes", _create_role),
    "execution-role": ("what that role itself may do", _execution_role),
}

OPERATIONS: dict[str, str] = {name: words for name, (words, _) in _POLICIES.items()}
"""Every operation that :func:`policy` knows, and what it is."""


def policy(operation: str, scope: Scope | None = None) -> PolicyDocument:
    """Return the least-privilege policy of an operation.

    Args:
        operation: One of :data:`OPERATIONS`.
        scope: What to narrow it to.

    Raises:
        ConfigurationError: There is no such operation.
    """
    if operation not in _POLICIES:
        raise ConfigurationError(f"no policy for {operation!r}; there are: {', '.join(_POLICIES)}")
    return {"Version": "2012-10-17", "Statement": _POLICIES[operation][1](scope or Scope())}
