"""A specification as the exact requests that make it real: pure data, no call."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from elasticache_police._aws import PROJECT_TAG, Clients, Request
from elasticache_police.errors import ConfigurationError
from elasticache_police.sagemaker_deploy.hosts import endpoint_host_image
from elasticache_police.sagemaker_deploy.images import container_environment, image_uri, processor_of
from elasticache_police.sagemaker_deploy.scaling import scaling_requests
from elasticache_police.sagemaker_deploy.spec import MOST_VARIABLES, EndpointSpec, ModelSpec, Variant

if TYPE_CHECKING:
    from elasticache_police._aws import JsonValue
    from elasticache_police.sagemaker_deploy.options import AsyncInference, DataCapture, Guardrails

__all__ = [
    "CONTENT_TAG",
    "Plan",
    "endpoint_config_request",
    "endpoint_request",
    "model_request",
    "plan",
    "tag_list",
    "tags_of",
    "update_request",
]

CONTENT_TAG = "elasticache-police:content"
"""Tag of models and configurations with a digest of what they say, to know one again by."""


@attrs.frozen(kw_only=True)
class Plan:
    """The requests that make an endpoint, in the order they are sent."""

    region: str
    models: tuple[Request, ...]
    """CreateModel, one for each distinct model."""
    config: Request
    """CreateEndpointConfig."""
    endpoint: Request
    """CreateEndpoint."""
    update: Request
    """UpdateEndpoint, sent instead of CreateEndpoint when the endpoint exists with another configuration."""
    scaling: tuple[Request, ...] = ()
    """Auto scaling: targets, policies and alarms, once the endpoint is in service."""

    @property
    def requests(self) -> tuple[Request, ...]:
        """Every request of a first deployment, in order."""
        return (*self.models, self.config, self.endpoint, *self.scaling)

    @property
    def model_names(self) -> tuple[str, ...]:
        """The names of the models."""
        return tuple(str(request.parameters["ModelName"]) for request in self.models)

    @property
    def config_name(self) -> str:
        """The name of the endpoint configuration."""
        return str(self.config.parameters["EndpointConfigName"])

    @property
    def endpoint_name(self) -> str:
        """The name of the endpoint."""
        return str(self.endpoint.parameters["EndpointName"])

    def to_json(self) -> str:
        """Return the requests as JSON text, as ``--dry-run`` prints them."""
        listed = [
            {"service": request.service, "operation": request.operation, "parameters": request.parameters}
            for request in self.requests
        ]
        return json.dumps(listed, indent=2, ensure_ascii=False)


def plan(spec: EndpointSpec) -> Plan:
    """Turn a specification into the exact requests that would make it real, without a call.

    Args:
        spec: What is wanted. Its region, or else the default session's, decides the image.

    Raises:
        ConfigurationError: The region is unknown, or has no image for what is wanted.
    """
    region = spec.region or Clients().region
    models: dict[str, Request] = {}
    variants: list[Mapping[str, JsonValue]] = []
    for variant in spec.all_variants:
        request = model_request(
            spec.model_of(variant),
            region=region,
            variant=variant,
            endpoint_name=spec.endpoint_name,
            tags=tags_of(spec),
        )
        name = str(request.parameters["ModelName"])
        if models.setdefault(name, request) != request:
            raise ConfigurationError(
                f"model {name} would be two different models (variant {variant.name} needs another container);"
                " leave ModelSpec.name out, or give each variant a model with a name of its own"
            )
        variants.append(_production_variant(spec, variant, model_name=name))
    config = endpoint_config_request(spec, variants[: len(spec.variants)], shadows=variants[len(spec.variants) :])
    config_name = str(config.parameters["EndpointConfigName"])
    return Plan(
        region=region,
        models=tuple(models.values()),
        config=config,
        endpoint=endpoint_request(spec.endpoint_name, config_name, tags=tags_of(spec)),
        update=update_request(spec, config_name),
        scaling=scaling_requests(spec, tags=tags_of(spec)),
    )


def tags_of(spec: EndpointSpec) -> dict[str, str]:
    """Return the tags of everything that is made for a specification."""
    return {**spec.tags, **dict([PROJECT_TAG]), "elasticache-police:endpoint": spec.endpoint_name}


def model_request(
    model: ModelSpec,
    *,
    region: str,
    variant: Variant | None = None,
    endpoint_name: str = "ElastiCachePoliceEndpoint",
    tags: Mapping[str, str] | None = None,
) -> Request:
    """Build CreateModel.

    Args:
        model: The archive, the container and the role.
        region: Decides the managed image.
        variant: The fleet that will serve it, which decides the processor; a plain CPU fleet when not given.
        endpoint_name: The endpoint a derived name is derived from.
        tags: More tags for it; this project's own are always there.

    Raises:
        ConfigurationError: AWS has no managed image for what is wanted, or takes no more variables.
    """
    variant = variant or Variant()
    image = model.image_uri or _managed_image(model, variant, region)
    container: dict[str, JsonValue] = {"Image": image, "ModelDataUrl": model.model_data_url}
    environment = {**container_environment(image), **model.environment}
    if len(environment) > MOST_VARIABLES:
        missing = ", ".join(sorted(environment.keys() - model.environment.keys()))
        raise ConfigurationError(f"ModelSpec.environment: AWS takes {MOST_VARIABLES} variables, and {missing} is one")
    if environment:
        container["Environment"] = {**environment}
    parameters: dict[str, JsonValue] = {"PrimaryContainer": container, "ExecutionRoleArn": model.role_arn}
    isolated = variant.serverless is None if model.network_isolation is None else model.network_isolation
    if isolated:
        parameters["EnableNetworkIsolation"] = True
    if model.vpc is not None:
        parameters["VpcConfig"] = {
            "SecurityGroupIds": list(model.vpc.security_group_ids),
            "Subnets": list(model.vpc.subnet_ids),
        }
    digest = _digest(parameters)
    name = model.name or _content_name(endpoint_name, "Model", digest)
    tags = {**(tags or {}), **dict([PROJECT_TAG]), CONTENT_TAG: digest}
    return Request(
        service="sagemaker",
        operation="CreateModel",
        parameters={"ModelName": name, **parameters, "Tags": tag_list(tags)},
    )


def endpoint_config_request(
    spec: EndpointSpec,
    variants: Sequence[Mapping[str, JsonValue]],
    *,
    shadows: Sequence[Mapping[str, JsonValue]] = (),
) -> Request:
    """Build CreateEndpointConfig from a specification, its production variants and its shadows."""
    parameters: dict[str, JsonValue] = {"ProductionVariants": list(variants)}
    if shadows:
        parameters["ShadowProductionVariants"] = list(shadows)
    if spec.kms_key_id is not None:
        parameters["KmsKeyId"] = spec.kms_key_id
    if spec.data_capture is not None:
        parameters["DataCaptureConfig"] = _data_capture(spec.data_capture)
    if spec.asynchronous is not None:
        parameters["AsyncInferenceConfig"] = _async_inference(spec.asynchronous)
    digest = _digest(parameters)
    name = spec.config_name or _content_name(spec.endpoint_name, "EndpointConfig", digest)
    tags = {**tags_of(spec), CONTENT_TAG: digest}
    return Request(
        service="sagemaker",
        operation="CreateEndpointConfig",
        parameters={"EndpointConfigName": name, **parameters, "Tags": tag_list(tags)},
    )


def endpoint_request(endpoint_name: str, config_name: str, *, tags: Mapping[str, str]) -> Request:
    """Build CreateEndpoint."""
    return Request(
        service="sagemaker",
        operation="CreateEndpoint",
        parameters={"EndpointName": endpoint_name, "EndpointConfigName": config_name, "Tags": tag_list(tags)},
    )


def update_request(spec: EndpointSpec, config_name: str) -> Request:
    """Build UpdateEndpoint with the guardrails of a specification."""
    parameters: dict[str, JsonValue] = {"EndpointName": spec.endpoint_name, "EndpointConfigName": config_name}
    if any(variant.scaling is not None for variant in spec.variants):
        parameters["RetainAllVariantProperties"] = True  # or an update would undo what scaling has reached
        parameters["ExcludeRetainedVariantProperties"] = [
            {"VariantPropertyType": "DesiredWeight"},
            {"VariantPropertyType": "DataCaptureConfig"},
        ]
    if spec.guardrails is not None:
        parameters["DeploymentConfig"] = _deployment(spec.guardrails)
    return Request(service="sagemaker", operation="UpdateEndpoint", parameters=parameters)


def _managed_image(model: ModelSpec, variant: Variant, region: str) -> str:
    processor = "cpu" if variant.serverless is not None else processor_of(variant.instance_type)
    return image_uri(region, model.tensorflow_version, processor)


def _digest(parameters: Mapping[str, JsonValue]) -> str:
    return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()[:10]


def _content_name(endpoint_name: str, kind: str, digest: str) -> str:
    """Name a resource after what it says: the same content has the same name, other content another."""
    stem = (endpoint_name.removesuffix("Endpoint") or endpoint_name)[: 62 - len(kind) - len(digest)]
    return f"{stem.rstrip('-')}{kind}-{digest}"


def tag_list(tags: Mapping[str, str]) -> list[Mapping[str, JsonValue]]:
    """Return tags as most of AWS takes them."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _production_variant(spec: EndpointSpec, variant: Variant, *, model_name: str) -> Mapping[str, JsonValue]:
    fields: dict[str, JsonValue] = {"VariantName": variant.name, "ModelName": model_name}
    if variant.serverless is not None:
        serverless: dict[str, JsonValue] = {
            "MemorySizeInMB": variant.serverless.memory_mib,
            "MaxConcurrency": variant.serverless.max_concurrency,
        }
        if variant.serverless.provisioned_concurrency is not None:
            serverless["ProvisionedConcurrency"] = variant.serverless.provisioned_concurrency
        fields["ServerlessConfig"] = serverless
    else:
        fields["InitialInstanceCount"] = variant.instance_count
        fields["InstanceType"] = variant.instance_type
    if len(spec.all_variants) > 1:
        fields["InitialVariantWeight"] = variant.weight
    optional: dict[str, JsonValue] = {
        "VolumeSizeInGB": variant.volume_gib,
        "ModelDataDownloadTimeoutInSeconds": variant.download_timeout_s,
        "ContainerStartupHealthCheckTimeoutInSeconds": variant.startup_timeout_s,
        "RoutingConfig": None if variant.routing is None else {"RoutingStrategy": variant.routing},
        "InferenceAmiVersion": variant.inference_ami_version or _host_image(spec, variant),
    }
    fields.update({key: value for key, value in optional.items() if value is not None})
    return fields


def _host_image(spec: EndpointSpec, variant: Variant) -> str | None:
    """Return the host image that the managed GPU images with CUDA 12 need, None for everything else."""
    if variant.serverless is not None:
        return None
    model = spec.model_of(variant)
    return endpoint_host_image(variant.instance_type, uri=model.image_uri, version=model.tensorflow_version)


def _data_capture(capture: DataCapture) -> Mapping[str, JsonValue]:
    modes = (("Input", capture.capture_input), ("Output", capture.capture_output))
    fields: dict[str, JsonValue] = {
        "EnableCapture": True,
        "InitialSamplingPercentage": capture.sampling_percent,
        "DestinationS3Uri": capture.destination_url,
        "CaptureOptions": [{"CaptureMode": mode} for mode, wanted in modes if wanted],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }
    if capture.kms_key_id is not None:
        fields["KmsKeyId"] = capture.kms_key_id
    return fields


def _async_inference(options: AsyncInference) -> Mapping[str, JsonValue]:
    output: dict[str, JsonValue] = {"S3OutputPath": options.output_url}
    if options.failure_url is not None:
        output["S3FailurePath"] = options.failure_url
    if options.kms_key_id is not None:
        output["KmsKeyId"] = options.kms_key_id
    topics = {"SuccessTopic": options.success_topic_arn, "ErrorTopic": options.error_topic_arn}
    if any(topics.values()):
        output["NotificationConfig"] = {name: arn for name, arn in topics.items() if arn is not None}
    fields: dict[str, JsonValue] = {"OutputConfig": output}
    if options.max_concurrent_per_instance is not None:
        fields["ClientConfig"] = {"MaxConcurrentInvocationsPerInstance": options.max_concurrent_per_instance}
    return fields


def _deployment(rails: Guardrails) -> Mapping[str, JsonValue]:
    routing: dict[str, JsonValue] = {"Type": rails.traffic.upper(), "WaitIntervalInSeconds": rails.wait_s}
    size: Mapping[str, JsonValue] = {"Type": "CAPACITY_PERCENT", "Value": rails.step_percent}
    if rails.traffic == "canary":
        routing["CanarySize"] = size
    elif rails.traffic == "linear":
        routing["LinearStepSize"] = size
    fields: dict[str, JsonValue] = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": rails.termination_wait_s,
            "MaximumExecutionTimeoutInSeconds": rails.time_limit_s,
        }
    }
    if rails.rollback_alarm_names:
        alarms: list[Mapping[str, JsonValue]] = [{"AlarmName": name} for name in rails.rollback_alarm_names]
        fields["AutoRollbackConfiguration"] = {"Alarms": alarms}
    return fields
