"""The options of an endpoint, one frozen class for each thing AWS lets one choose."""

from __future__ import annotations

from typing import Literal

import attrs

from elasticache_police.errors import ConfigurationError
from elasticache_police.sagemaker_deploy._validators import between, one_of, optional_s3_url, s3_url, some, strings

__all__ = [
    "AsyncInference",
    "BacklogScaling",
    "DataCapture",
    "Guardrails",
    "Serverless",
    "TargetScaling",
    "Vpc",
]

_LONGEST_UPDATE_S = 28_800


@attrs.frozen(kw_only=True)
class Vpc:
    """The network that the model's containers are attached to (AWS: VpcConfig)."""

    subnet_ids: tuple[str, ...] = attrs.field(converter=strings, validator=some)
    security_group_ids: tuple[str, ...] = attrs.field(converter=strings, validator=some)


@attrs.frozen(kw_only=True)
class Serverless:
    """No instances: memory by the request, nothing paid between requests (AWS: ServerlessConfig).

    AWS has neither GPU, VPC, network isolation, data capture nor several variants here; a request has 60 seconds
    and 4 MB.
    """

    memory_mib: int = attrs.field(default=3072, validator=one_of(*range(1024, 6145, 1024)))
    """1024 to 6144 in steps of 1024."""
    max_concurrency: int = attrs.field(default=5, validator=between(1, 200))
    """Requests at the same time, 1 to 200."""
    provisioned_concurrency: int | None = attrs.field(default=None, validator=between(1, 200))
    """Copies kept warm, paid for as long as the endpoint exists; at most ``max_concurrency``."""

    def __attrs_post_init__(self) -> None:
        if self.provisioned_concurrency is not None and self.provisioned_concurrency > self.max_concurrency:
            raise ConfigurationError("Serverless.provisioned_concurrency must not exceed max_concurrency")


@attrs.frozen(kw_only=True)
class AsyncInference:
    """Requests and answers through S3 instead of the connection (AWS: AsyncInferenceConfig)."""

    output_url: str = attrs.field(validator=s3_url)
    """``s3://bucket/prefix`` under which answers appear."""
    failure_url: str | None = attrs.field(default=None, validator=optional_s3_url)
    """``s3://bucket/prefix`` for failures; without it a failure is silent and can only time out."""
    max_concurrent_per_instance: int | None = attrs.field(default=None, validator=between(1, 1000))
    """Requests one instance works on at once; None leaves it to SageMaker."""
    success_topic_arn: str | None = None
    """SNS topic told of every answer."""
    error_topic_arn: str | None = None
    """SNS topic told of every failure."""
    kms_key_id: str | None = None
    """Key that encrypts the answers in S3."""


@attrs.frozen(kw_only=True)
class TargetScaling:
    """Instances follow the load: target tracking on a metric of the variant."""

    maximum: int = attrs.field(validator=between(1, 10_000))
    """Most instances."""
    minimum: int = attrs.field(default=1, validator=between(1, 10_000))
    """Fewest instances; a real-time variant keeps at least one."""
    target: float = attrs.field(validator=between(0.1, 1_000_000))
    """Value of the metric to hold: invocations per instance and minute, or requests at once per model copy."""
    metric: Literal["invocations", "concurrency"] = attrs.field(
        default="invocations", validator=one_of("invocations", "concurrency")
    )
    """``invocations``: SageMakerVariantInvocationsPerInstance; ``concurrency``:
    SageMakerVariantConcurrentRequestsPerModelHighResolution, which reacts within seconds."""
    scale_out_cooldown_s: int = attrs.field(default=60, validator=between(0, 86_400))
    scale_in_cooldown_s: int = attrs.field(default=300, validator=between(0, 86_400))

    def __attrs_post_init__(self) -> None:
        if self.minimum > self.maximum:
            raise ConfigurationError("TargetScaling.minimum must not exceed maximum")


@attrs.frozen(kw_only=True)
class BacklogScaling:
    """Instances of an asynchronous endpoint follow its queue, down to none.

    Target tracking alone would not wake an endpoint at zero until the backlog exceeds the target, so a step policy
    on HasBacklogWithoutCapacity comes with it
    (https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html).
    """

    maximum: int = attrs.field(validator=between(1, 10_000))
    """Most instances."""
    minimum: int = attrs.field(default=0, validator=between(0, 10_000))
    """Fewest instances; 0 pays for nothing while the queue is empty."""
    backlog_per_instance: float = attrs.field(default=5.0, validator=between(0.1, 1_000_000))
    """Waiting requests per instance to hold (AWS: ApproximateBacklogSizePerInstance)."""
    scale_out_cooldown_s: int = attrs.field(default=300, validator=between(0, 86_400))
    scale_in_cooldown_s: int = attrs.field(default=600, validator=between(0, 86_400))

    def __attrs_post_init__(self) -> None:
        if self.minimum > self.maximum:
            raise ConfigurationError("BacklogScaling.minimum must not exceed maximum")


@attrs.frozen(kw_only=True)
class Guardrails:
    """How an update moves traffic to the new fleet, and what moves it back (AWS: DeploymentConfig, blue/green)."""

    traffic: Literal["all_at_once", "canary", "linear"] = attrs.field(
        default="all_at_once", validator=one_of("all_at_once", "canary", "linear")
    )
    step_percent: int = attrs.field(default=10, validator=between(1, 50))
    """Size of the canary, or of each linear step, in percent of the fleet: canary up to 50, linear 10 to 50."""
    wait_s: int = attrs.field(default=300, validator=between(0, 3600))
    """Baking time after the canary and after each step; alarms are watched meanwhile."""
    termination_wait_s: int = attrs.field(default=0, validator=between(0, 3600))
    """How long the old fleet is kept after all traffic has moved."""
    max_execution_s: int | None = attrs.field(default=None, validator=between(600, _LONGEST_UPDATE_S))
    """Time for the whole update, longer than all of its waits; what has not finished by then is rolled back. None takes
    half an hour more than the waits, and an hour at least."""
    rollback_alarm_names: tuple[str, ...] = attrs.field(default=(), converter=strings)
    """CloudWatch alarms, at most 10; when one goes off while baking, the update is rolled back."""

    def __attrs_post_init__(self) -> None:
        if len(self.rollback_alarm_names) > 10:
            raise ConfigurationError("Guardrails.rollback_alarm_names: AWS watches at most 10 alarms")
        if self.traffic == "linear" and self.step_percent < 10:
            raise ConfigurationError("Guardrails.step_percent: AWS takes linear steps from 10 to 50 percent")
        most_s = _LONGEST_UPDATE_S if self.max_execution_s is None else self.max_execution_s
        if self.waits_s >= most_s:
            raise ConfigurationError(
                f"Guardrails: its waits alone are {self.waits_s} s, and the whole update may take {most_s} s: it would"
                " always be rolled back; let it wait for less, or take larger steps"
            )

    @property
    def waits_s(self) -> int:
        """What an update spends waiting at least: between its steps, and before the old fleet goes."""
        waits = -(-100 // self.step_percent) - 1 if self.traffic == "linear" else 1
        return waits * self.wait_s + self.termination_wait_s

    @property
    def time_limit_s(self) -> int:
        """Time for the whole update (AWS: MaximumExecutionTimeoutInSeconds)."""
        if self.max_execution_s is not None:
            return self.max_execution_s
        return min(max(3600, self.waits_s + 1800), _LONGEST_UPDATE_S)


@attrs.frozen(kw_only=True)
class DataCapture:
    """Keep requests and answers in S3 (AWS: DataCaptureConfig). The pictures lie there as base64: mind whose."""

    destination_url: str = attrs.field(validator=s3_url)
    sampling_percent: int = attrs.field(default=100, validator=between(0, 100))
    capture_input: bool = True
    capture_output: bool = True
    kms_key_id: str | None = None

    def __attrs_post_init__(self) -> None:
        if not (self.capture_input or self.capture_output):
            raise ConfigurationError("DataCapture: choose capture_input, capture_output or both")
