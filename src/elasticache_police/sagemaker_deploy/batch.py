"""Batch transform: every picture under an S3 prefix, as it is, inspected by instances that exist only for the job."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

import attrs

from elasticache_police import _wire
from elasticache_police._aws import PROJECT_TAG, Clients, Request
from elasticache_police._waiting import OnProgress
from elasticache_police.errors import ConfigurationError, InvocationError, NotFoundError, ResourceFailedError
from elasticache_police.findings import Page, Report
from elasticache_police.sagemaker_deploy._session import Pace, Work
from elasticache_police.sagemaker_deploy._validators import between, resource_name, s3_url, split_s3_url
from elasticache_police.sagemaker_deploy.planning import model_request, tag_list
from elasticache_police.sagemaker_deploy.resources import Event, OnEvent, Resource
from elasticache_police.sagemaker_deploy.spec import ModelSpec, Variant
from elasticache_police.sagemaker_deploy.teardown import Ledger, remove
from elasticache_police.spelling import DEFAULT_NAME

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

    from elasticache_police._aws import JsonValue

__all__ = ["BatchSpec", "BatchStatus", "batch_request", "inspect_batch", "read_batch", "start_batch", "wait_batch"]

_FAMILIES = frozenset(
    {"m4", "c4", "p2", "p3", "c5", "m5", "m6i", "c6i", "r6i", "m7i", "c7i", "r7i", "g4dn", "g5", "g6", "g6e", "trn1"}
)
_HEADER_BYTES = 65_536


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
    instance_count: int = attrs.field(default=1, validator=between(1, 1000))
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
    region: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.max_concurrent * self.max_payload_mb > 100:
            raise ConfigurationError("BatchSpec: max_concurrent times max_payload_mb must not exceed 100 MB")
        family = self.instance_type.removeprefix("ml.").partition(".")[0]
        if family not in _FAMILIES:
            raise ConfigurationError(
                f"batch transform does not run on {self.instance_type} (no Graviton, no t2, no Inferentia); take ml.m5"
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
    work = Work.of(client=client, session=session, config=config, region=None if client is not None else spec.region)
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
        region=None if client is not None else spec.region,
        pace=pace,
        on_event=on_event,
        on_progress=on_progress,
    )
    ended = _run(work, spec, timeout_s=timeout_s)
    reason = ended.failure_reason or f"the job is {ended.status}"
    reports = _read(work.clients, spec.input_url, spec.output_url, names, min_confidence, missing=reason)
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
            model = Resource(kind="model", name=model_name)
            work.tell(Event(action="creating", resource=model))
            ledger.note(model)
            work.wait(
                lambda: work.clients.perform(request),
                done=lambda _: True,
                waited_for="SageMaker to accept CreateModel",
                timeout_s=120.0,
                status=lambda _: "accepted",
                poll_s=5.0,
                passing=lambda error: "assume role" in str(error).lower(),
            )
        job = Resource(kind="transform job", name=spec.job_name)
        work.tell(Event(action="creating", resource=job))
        ledger.note(job)
        work.clients.perform(batch_request(spec, model_name))
        ended = _until_ended(work, spec.job_name, timeout_s=timeout_s)
    remove(work, [resource for resource in ledger.made if resource.kind == "model"]).check()
    return ended


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


def read_batch(
    input_url: str,
    output_url: str,
    *,
    names: Sequence[str] = (DEFAULT_NAME,),
    min_confidence: float = 0.0,
    client: S3Client | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> Iterator[Report]:
    """Read the answers of a job, lazily, as reports in the order of the pictures' keys.

    Args:
        input_url: The job's ``s3://bucket/prefix`` of pictures.
        output_url: The job's ``s3://bucket/prefix`` of answers.
        names: The names that the model polices.
        min_confidence: Findings with less confidence are left out.
        client: S3 client; wins over `session`.
        session: boto3 session.
        config: botocore settings.

    Yields:
        One report for each picture; with an error where there is no answer to it.

    Raises:
        AwsError: AWS refused.
    """
    clients = Clients(clients=None if client is None else {"s3": client}, session=session, config=config)
    missing = "batch transform left no answer for it; the job's FailureReason and its log say why"
    return _read(clients, input_url, output_url, names, min_confidence, missing=missing)


def _read(
    clients: Clients, input_url: str, output_url: str, names: Sequence[str], min_confidence: float, *, missing: str
) -> Iterator[Report]:
    bucket, prefix = split_s3_url(input_url)
    out_bucket, out_prefix = split_s3_url(output_url)
    base = prefix if prefix.endswith("/") else prefix.rpartition("/")[0]
    same_place = bucket == out_bucket and out_prefix.startswith(prefix)
    for key in _keys(clients, bucket, prefix):
        if key.endswith("/") or (same_place and key.startswith(out_prefix.rstrip("/") + "/")):
            continue
        relative = key.removeprefix(base).lstrip("/")
        out_key = f"{out_prefix.rstrip('/')}/{relative}.out".lstrip("/")
        source = f"s3://{bucket}/{key}"
        try:
            answer = _object(clients, out_bucket, out_key)
        except NotFoundError:
            yield Report(source=source, error=missing)
            continue
        try:
            (prediction,) = _wire.predictions_of(answer, count=1)
            found = _wire.findings_of(prediction, names=names)
        except InvocationError as error:
            yield Report(source=source, error=str(error))
            continue
        width, height = _size(clients, bucket, key)
        sure = tuple(finding for finding in found if finding.confidence >= min_confidence)
        yield Report(source=source, pages=(Page(width=width, height=height, findings=sure),))


def _keys(clients: Clients, bucket: str, prefix: str) -> Iterator[str]:
    """Yield the keys under a prefix, sorted as S3 sorts them."""
    token: JsonValue = None
    while True:
        more: dict[str, JsonValue] = {} if token is None else {"ContinuationToken": token}
        request = Request(
            service="s3", operation="ListObjectsV2", parameters={"Bucket": bucket, "Prefix": prefix, **more}
        )
        answer = clients.perform(request)
        for item in cast(Sequence[Mapping[str, object]], answer.get("Contents") or ()):
            yield str(item["Key"])
        token = cast(str | None, answer.get("NextContinuationToken"))
        if not token:
            return


def _object(clients: Clients, bucket: str, key: str, **more: JsonValue) -> bytes:
    request = Request(service="s3", operation="GetObject", parameters={"Bucket": bucket, "Key": key, **more})
    return cast("StreamingBody", clients.perform(request)["Body"]).read()


def _size(clients: Clients, bucket: str, key: str) -> tuple[int, int]:
    """Read a picture's width and height from its first bytes; (0, 0) when they do not tell."""
    from PIL import Image, UnidentifiedImageError

    header = _object(clients, bucket, key, Range=f"bytes=0-{_HEADER_BYTES - 1}")
    try:
        with Image.open(io.BytesIO(header)) as picture:
            return picture.size
    except (UnidentifiedImageError, OSError, SyntaxError):
        return 0, 0
