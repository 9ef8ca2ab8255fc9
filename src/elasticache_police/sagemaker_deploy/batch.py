"""Batch transform: every picture under an S3 prefix, as it is, inspected by instances that exist only for the job."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import attrs

from elasticache_police._aws import PROJECT_TAG, Request
from elasticache_police._waiting import OnProgress
from elasticache_police.errors import AlreadyExistsError, ConfigurationError, ResourceFailedError
from elasticache_police.findings import Report
from elasticache_police.sagemaker_deploy._session import Pace, Work
from elasticache_police.sagemaker_deploy._validators import between, resource_name, s3_url
from elasticache_police.sagemaker_deploy.batch_answers import read_answers
from elasticache_police.sagemaker_deploy.hosts import batch_host_image, check_container, has_local_storage
from elasticache_police.sagemaker_deploy.making import ROLE_POLL_S, ROLE_TIMEOUT_S, make, role_is_new
from elasticache_police.sagemaker_deploy.planning import model_request, tag_list
from elasticache_police.sagemaker_deploy.resources import OnEvent, Resource
from elasticache_police.sagemaker_deploy.spec import ModelSpec, Variant
from elasticache_police.sagemaker_deploy.teardown import Ledger, remove
from elasticache_police.spelling import DEFAULT_NAME

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_sagemaker import SageMakerClient

    from elasticache_police._aws import JsonValue

__all__ = ["BatchSpec", "BatchStatus", "batch_request", "inspect_batch", "start_batch", "wait_batch"]

_FAMILIES = frozenset({
    "m4", "c4", "p2", "p3", "c5", "m5", "m6i", "c6i", "r6i", "m7i", "c7i", "r7i", "g4dn", "g5", "g6", "g6e", "trn1",
    "inf2",
})  # fmt: skip


def _job_name() -> str:
    return f"ElastiCachePolice-{uuid.uuid4().hex[:12]}"


@attrs.frozen(kw_only=True)
class BatchSpec:
    """A batch transform job over pictures (AWS: CreateTransformJob)."""

    model: ModelSpec | str
    """The model, made for the job and removed after it, or the name of one that exists."""
    input_url: str = attrs.field(validator=s3_url)
    """``s3://bucket/prefix``: every object whose key begins with it is one request."""
    output_url: str = attrs.field(validator=s3_url)
    """``s3://bucket/prefix`` under which the answers appear, each under its picture's key and ``.out``."""
    instance_type: str = "ml.m5.xlarge"
    instance_count: int = attrs.field(default=1, validator=between(1, 100))
    job_name: str = attrs.field(factory=_job_name, validator=resource_name)
    max_payload_mb: int = attrs.field(default=6, validator=between(1, 100))
    """Largest picture."""
    max_concurrent: int = attrs.field(default=4, validator=between(1, 100))
    """Requests at once per instance; times ``max_payload_mb`` at most 100."""
    invocation_timeout_s: int = attrs.field(default=60, validator=between(1, 3600))
    invocation_retries: int = attrs.field(default=1, validator=between(0, 3))
    kms_key_id: str | None = None
    """Encrypts the answers."""
    volume_kms_key_id: str | None = None
    """Encrypts the instances' volumes; not where they have disks of their own, such as ml.g5, which encrypt anyway."""
    transform_ami_version: str | None = None
    """Host image of GPU instances. None takes the one AWS's managed TensorFlow GPU images need, where the job makes the
    model; AWS's own default otherwise."""
    region: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.max_concurrent * self.max_payload_mb > 100:
            raise ConfigurationError("BatchSpec: max_concurrent times max_payload_mb must not exceed 100 MB")
        family = self.instance_type.removeprefix("ml.").partition(".")[0]
        if family not in _FAMILIES:
            raise ConfigurationError(
                f"batch transform does not run on {self.instance_type} (no Graviton, no t2, no Inf1); take ml.m5"
            )
        if isinstance(self.model, ModelSpec):
            check_container(self.instance_type, uri=self.model.image_uri, version=self.model.tensorflow_version)
        if self.volume_kms_key_id is not None and has_local_storage(self.instance_type):
            raise ConfigurationError(
                f"BatchSpec: {self.instance_type} stores on disks of its own, which it encrypts, and AWS refuses a key"
                " for a volume: leave volume_kms_key_id out"
            )

    @property
    def result_prefix(self) -> str:
        """The output prefix without a slash at its end."""
        return self.output_url.rstrip("/")


@attrs.frozen(kw_only=True)
class BatchStatus:
    """A job as it is now."""

    job_name: str
    status: str
    """AWS's ``TransformJobStatus``, such as ``InProgress``."""
    failure_reason: str = ""


def batch_request(spec: BatchSpec, model_name: str) -> Request:
    """Build CreateTransformJob: whole objects, one a request, as pictures.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
    """
    output: dict[str, JsonValue] = {
        "S3OutputPath": spec.result_prefix,
        "Accept": "application/json",
        "AssembleWith": "None",
    }
    if spec.kms_key_id is not None:
        output["KmsKeyId"] = spec.kms_key_id
    resources: dict[str, JsonValue] = {"InstanceType": spec.instance_type, "InstanceCount": spec.instance_count}
    if spec.volume_kms_key_id is not None:
        resources["VolumeKmsKeyId"] = spec.volume_kms_key_id
    host_image, model = spec.transform_ami_version, spec.model
    if host_image is None and not isinstance(model, str):
        host_image = batch_host_image(spec.instance_type, uri=model.image_uri, version=model.tensorflow_version)
    if host_image is not None:
        resources["TransformAmiVersion"] = host_image
    return Request(
        service="sagemaker",
        operation="CreateTransformJob",
        parameters={
            "TransformJobName": spec.job_name,
            "ModelName": model_name,
            "MaxConcurrentTransforms": spec.max_concurrent,
            "MaxPayloadInMB": spec.max_payload_mb,
            "ModelClientConfig": {
                "InvocationsTimeoutInSeconds": spec.invocation_timeout_s,
                "InvocationsMaxRetries": spec.invocation_retries,
            },
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": spec.input_url}},
                "ContentType": "application/x-image",
                "CompressionType": "None",
                "SplitType": "None",
            },
            "TransformOutput": output,
            "TransformResources": resources,
            "Tags": tag_list(dict([PROJECT_TAG])),
        },
    )


def start_batch(
    spec: BatchSpec,
    *,
    client: SageMakerClient | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> str:
    """Start a job on a model that exists, without waiting for it; returns the job's ARN.

    Raises:
        ConfigurationError: The specification has no model's name (:func:`inspect_batch` makes a model).
        AwsError: AWS refused.
    """
    if not isinstance(spec.model, str):
        raise ConfigurationError("start_batch takes the name of a model that exists; inspect_batch makes one")
    work = Work.of(client=client, session=session, config=config, region=spec.region)
    return str(work.clients.perform(batch_request(spec, spec.model))["TransformJobArn"])


def wait_batch(
    job_name: str,
    *,
    timeout_s: float = 3600.0,
    on_progress: OnProgress | None = None,
    pace: Pace | None = None,
    client: SageMakerClient | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> BatchStatus:
    """Wait until a job has ended, well or badly.

    A job in which a single picture failed ends as ``Failed`` with the answers of all others in place: what that
    means is for the caller to say (see :func:`read_batch`).

    Raises:
        WaitTimeoutError: The time is up.
        AwsError: AWS refused.
    """
    work = Work.of(client=client, session=session, config=config, pace=pace, on_progress=on_progress)
    return _until_ended(work, job_name, timeout_s=timeout_s)


def inspect_batch(
    spec: BatchSpec,
    *,
    names: Sequence[str] = (DEFAULT_NAME,),
    min_confidence: float = 0.0,
    timeout_s: float = 6 * 3600.0,
    on_event: OnEvent | None = None,
    on_progress: OnProgress | None = None,
    pace: Pace | None = None,
    client: SageMakerClient | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> Iterator[Report]:
    """Run a job from beginning to end and yield a report for every picture, in the order of their keys.

    A model made for the job is removed as soon as the job has ended; on an error or Ctrl-C the job is stopped as
    well. A picture that has no answer gives a report with an error.

    Args:
        spec: The job.
        names: The names that the model polices.
        min_confidence: Findings with less confidence are left out.
        timeout_s: Seconds for the whole job.
        on_event: Told of every step.
        on_progress: Told of every look while waiting.
        pace: How often to look.
        client: SageMaker client; wins over `session`.
        session: boto3 session, also for S3.
        config: botocore settings.

    Raises:
        ResourceFailedError: The job failed without a single answer.
        WaitTimeoutError: It did not end in time.
        AwsError: AWS refused.
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
    ended = _run(work, spec, timeout_s=timeout_s)
    reason = ended.failure_reason or f"the job is {ended.status}"
    reports = read_answers(work.clients, spec.input_url, spec.output_url, names, min_confidence, missing=reason)
    if ended.status == "Completed":
        yield from reports
        return
    held: list[Report] = []
    for report in reports:
        held.append(report)
        if report.error is None:  # at least one answer: the job did its work, and its bad pictures are reported
            yield from held
            yield from reports
            return
    raise ResourceFailedError(
        f"transform job {spec.job_name}", status=ended.status, reason=reason, operation="CreateTransformJob"
    )


def _run(work: Work, spec: BatchSpec, *, timeout_s: float) -> BatchStatus:
    with Ledger(work) as ledger:
        if isinstance(spec.model, str):
            model_name = spec.model
        else:
            request = model_request(
                attrs.evolve(spec.model, name=spec.model.name or spec.job_name),
                region=work.clients.region,
                variant=Variant(instance_type=spec.instance_type),
            )
            model_name = str(request.parameters["ModelName"])
            _make(work, ledger, request, Resource(kind="model", name=model_name))
        _make(work, ledger, batch_request(spec, model_name), Resource(kind="transform job", name=spec.job_name))
        ended = _until_ended(work, spec.job_name, timeout_s=timeout_s)
    remove(work, [resource for resource in ledger.made if resource.kind == "model"]).check()
    return ended


def _make(work: Work, ledger: Ledger, request: Request, resource: Resource) -> None:
    """Make a model or a job that nobody else has made."""
    ours = make(work, ledger, request, resource, timeout_s=ROLE_TIMEOUT_S, poll_s=ROLE_POLL_S, passing=role_is_new)
    if not ours:
        message = f"{resource} exists already; choose another name, or leave the name out"
        raise AlreadyExistsError(message, operation=request.operation)


def _until_ended(work: Work, job_name: str, *, timeout_s: float) -> BatchStatus:
    def look() -> BatchStatus:
        answer = work.send("sagemaker", "DescribeTransformJob", TransformJobName=job_name)
        return BatchStatus(
            job_name=job_name,
            status=str(answer["TransformJobStatus"]),
            failure_reason=str(answer.get("FailureReason") or ""),
        )

    return work.wait(
        look,
        done=lambda seen: seen.status in {"Completed", "Failed", "Stopped"},
        waited_for=f"transform job {job_name} to end",
        timeout_s=timeout_s,
        status=lambda seen: seen.status,
    )
