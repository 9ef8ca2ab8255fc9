"""SageMaker Neo: compiling a model for one kind of instance, where AWS still supports that.

The story names Neo and Inf1. Neo's compilers stopped at TensorFlow 2.9, Neuron's support for TensorFlow and Inf1 has
ended: what cannot work is refused here, with the reason and what to do instead
(https://docs.aws.amazon.com/sagemaker/latest/dg/neo-supported-cloud.html).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, cast, get_args

import attrs

from elasticache_police._aws import PROJECT_TAG, Request, is_passing
from elasticache_police._waiting import OnProgress
from elasticache_police.errors import AwsError, ConfigurationError, NotFoundError, ResourceFailedError
from elasticache_police.sagemaker_deploy._session import Pace, Work
from elasticache_police.sagemaker_deploy._validators import between, one_of, resource_name, role_arn, s3_url, some
from elasticache_police.sagemaker_deploy.planning import tag_list

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_sagemaker import SageMakerClient

__all__ = ["CompilationSpec", "Target", "compilation_request", "compile_model"]

Target = Literal["ml_m4", "ml_m5", "ml_c4", "ml_c5", "ml_p2", "ml_p3", "ml_g4dn", "ml_inf1"]

_SUPPORTED = {"cloud": ("1.15", "2.9"), "ml_inf1": ("1.15", "2.5")}
_INSTEAD = "serve it uncompiled on Graviton (ml.c7g with the arm64 image) or serverless for a lower price"


def _job_name() -> str:
    return f"ElastiCachePolice-{uuid.uuid4().hex[:12]}"


@attrs.frozen(kw_only=True)
class CompilationSpec:
    """A Neo compilation (AWS: CreateCompilationJob)."""

    model_data_url: str = attrs.field(validator=s3_url)
    role_arn: str = attrs.field(validator=role_arn)
    output_url: str = attrs.field(validator=s3_url)
    tensorflow_version: str
    """The version that exported the model, such as ``2.9``."""
    target: Target = attrs.field(default="ml_m5", validator=one_of(*get_args(Target)))
    """The kind of instance to compile for (AWS: TargetDevice)."""
    input_name: str = "image"
    input_shape: tuple[int, ...] = attrs.field(default=(1, 50, 700, 1), validator=some)
    """Neo wants every size named: no batch of any size."""
    job_name: str = attrs.field(factory=_job_name, validator=resource_name)
    max_runtime_s: int = attrs.field(default=900, validator=between(1, 86_400))

    def __attrs_post_init__(self) -> None:
        supported = _SUPPORTED.get(self.target, _SUPPORTED["cloud"])
        if ".".join(self.tensorflow_version.split(".")[:2]) in supported:
            return
        reason = f"Neo compiles TensorFlow {' and '.join(supported)} for {self.target}, not {self.tensorflow_version}"
        if self.target == "ml_inf1":
            reason += " (and AWS Neuron has ended its support for TensorFlow and for Inf1)"
        raise ConfigurationError(f"{reason}: {_INSTEAD}")


def compilation_request(spec: CompilationSpec) -> Request:
    """Build CreateCompilationJob."""
    return Request(
        service="sagemaker",
        operation="CreateCompilationJob",
        parameters={
            "CompilationJobName": spec.job_name,
            "RoleArn": spec.role_arn,
            "InputConfig": {
                "S3Uri": spec.model_data_url,
                "DataInputConfig": json.dumps({spec.input_name: list(spec.input_shape)}),
                "Framework": "TENSORFLOW",
                "FrameworkVersion": ".".join(spec.tensorflow_version.split(".")[:2]),
            },
            "OutputConfig": {"S3OutputLocation": spec.output_url, "TargetDevice": spec.target},
            "StoppingCondition": {"MaxRuntimeInSeconds": spec.max_runtime_s},
            "Tags": tag_list(dict([PROJECT_TAG])),
        },
    )


def compile_model(
    spec: CompilationSpec,
    *,
    timeout_s: float = 1800.0,
    on_progress: OnProgress | None = None,
    pace: Pace | None = None,
    client: SageMakerClient | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> str:
    """Compile a model and return the S3 URL of the result.

    On a timeout or Ctrl-C the job is stopped; botocore has no waiter for it.

    Raises:
        ResourceFailedError: Compiling failed, with AWS's reason.
        WaitTimeoutError: It did not end in time.
        AwsError: AWS refused.
    """
    work = Work.of(client=client, session=session, config=config, pace=pace, on_progress=on_progress)
    started, ended = False, ""

    def done(seen: Mapping[str, object]) -> bool:
        nonlocal ended
        status = str(seen["CompilationJobStatus"])
        if status in {"FAILED", "STOPPED"}:
            ended = status
            reason = str(seen.get("FailureReason") or "")
            raise ResourceFailedError(f"compilation job {spec.job_name}", status=status, reason=reason)
        if status == "COMPLETED":
            ended = status
        return bool(ended)

    try:
        work.clients.perform(compilation_request(spec))
        started = True
        seen = work.wait(
            lambda: work.send("sagemaker", "DescribeCompilationJob", CompilationJobName=spec.job_name),
            done=done,
            waited_for=f"compilation job {spec.job_name} to end",
            timeout_s=timeout_s,
            status=lambda seen: str(seen["CompilationJobStatus"]),
        )
    except BaseException as error:
        refused = isinstance(error, AwsError) and not is_passing(error)
        if not ended and (started or not refused):  # where the answer was lost it may run all the same
            _stop(work, spec.job_name, error)
        raise
    return str(cast(Mapping[str, object], seen["ModelArtifacts"])["S3ModelArtifacts"])


def _stop(work: Work, job_name: str, why: BaseException) -> None:
    """Stop a job, and note with the error what became of it."""
    try:
        work.send("sagemaker", "StopCompilationJob", CompilationJobName=job_name)
    except NotFoundError:
        return
    except AwsError as error:
        why.add_note(f"compilation job {job_name} could not be stopped: {error}")
    else:
        why.add_note(f"compilation job {job_name} was stopped")
