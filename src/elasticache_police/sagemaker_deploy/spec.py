"""What to deploy, as frozen data: a model, its variants, one endpoint. Combinations AWS refuses are refused here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal

import attrs

from elasticache_police.errors import ConfigurationError
from elasticache_police.sagemaker_deploy._validators import between, one_of, resource_name, role_arn, s3_url, some
from elasticache_police.sagemaker_deploy.hosts import check_container, has_local_storage
from elasticache_police.sagemaker_deploy.images import processor_of_image
from elasticache_police.sagemaker_deploy.options import (
    AsyncInference,
    BacklogScaling,
    DataCapture,
    Guardrails,
    Serverless,
    TargetScaling,
    Vpc,
)

__all__ = ["EndpointSpec", "ModelSpec", "Variant"]

MOST_VARIABLES = 100
"""Environment variables that AWS takes for a container."""
_BURSTABLE = "ml.t2."
"""The only burstable instances that endpoints have; RegisterScalableTarget refuses them when the endpoint already runs
(https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-add-console.html)."""


def _frozen_mapping(value: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(value))


@attrs.frozen(kw_only=True)
class ModelSpec:
    """A model archive in S3, the container that serves it and the role it runs as (AWS: CreateModel)."""

    model_data_url: str = attrs.field(validator=s3_url)
    """``s3://bucket/key`` of the ``model.tar.gz``; :func:`upload` returns one."""
    role_arn: str = attrs.field(validator=role_arn)
    """ARN of the execution role that SageMaker assumes."""
    name: str | None = attrs.field(default=None, validator=resource_name)
    """``ModelName``. None derives one from the endpoint and the content, so that a changed model has a new name."""
    image_uri: str | None = None
    """The container. None takes AWS's managed TensorFlow image for region, version and the variant's processor."""
    tensorflow_version: str | None = None
    """Version of that managed image, such as ``2.20`` or the story's ``2.4.1``; None takes the newest."""
    environment: Mapping[str, str] = attrs.field(factory=dict, converter=_frozen_mapping, hash=False)
    """Environment variables of the container, such as ``SAGEMAKER_TFS_ENABLE_BATCHING``. AWS's TensorFlow images for
    x86 get ``TF_ENABLE_ONEDNN_OPTS=0`` from 2.9 on, as the local endpoint has it, unless it is given here."""
    network_isolation: bool | None = None
    """No outbound network for the container. None means on, except where AWS has none (serverless)."""
    vpc: Vpc | None = None

    def __attrs_post_init__(self) -> None:
        if self.image_uri is not None and self.tensorflow_version is not None:
            raise ConfigurationError("ModelSpec: image_uri names the version already; leave tensorflow_version out")
        if len(self.environment) > MOST_VARIABLES:
            raise ConfigurationError(f"ModelSpec.environment: AWS takes at most {MOST_VARIABLES} variables")


@attrs.frozen(kw_only=True)
class Variant:
    """One fleet behind an endpoint (AWS: ProductionVariant)."""

    name: str = attrs.field(default="AllTraffic", validator=resource_name)
    instance_type: str = "ml.m5.large"
    instance_count: int = attrs.field(default=1, validator=between(1, 10_000))
    weight: float = attrs.field(default=1.0, validator=between(0, 1_000_000))
    """Share of the traffic, relative to the other variants' weights."""
    model: ModelSpec | None = None
    """Another model than the endpoint's, to compare two under real traffic."""
    serverless: Serverless | None = None
    """Instead of instances."""
    routing: Literal["LEAST_OUTSTANDING_REQUESTS", "RANDOM"] | None = attrs.field(
        default=None, validator=one_of(None, "LEAST_OUTSTANDING_REQUESTS", "RANDOM")
    )
    """How requests are spread over the instances; AWS's default is RANDOM."""
    scaling: TargetScaling | BacklogScaling | None = None
    volume_gib: int | None = attrs.field(default=None, validator=between(1, 512))
    """Storage of each instance; not where it has disks of its own, such as ml.g5."""
    download_timeout_s: int | None = attrs.field(default=None, validator=between(60, 3600))
    """Time to fetch the model archive."""
    startup_timeout_s: int | None = attrs.field(default=None, validator=between(60, 3600))
    """Time until the container must answer ``/ping``."""
    inference_ami_version: str | None = None
    """Host image of GPU instances. None takes the one AWS's managed TensorFlow GPU images need, where the instance
    type's own would not do."""


def _variants(variants: Iterable[Variant]) -> tuple[Variant, ...]:
    return tuple(variants)


@attrs.frozen(kw_only=True)
class EndpointSpec:
    """Everything about one endpoint: what :func:`plan` turns into requests and :func:`deploy` makes real.

    Example:
        The story's own endpoint::

            EndpointSpec(
                model=ModelSpec(
                    name="ElastiCachePoliceModel",
                    model_data_url="s3://sagemaker-ap-northeast-1-111122223333/amazon_elasticache_police/"
                    "amazon-elasticache-police-model.tar.gz",
                    role_arn="arn:aws:iam::111122223333:role/SageMakerRole",
                    tensorflow_version="2.4.1",
                ),
                config_name="ElastiCachePoliceEndpointConfig",
                region="ap-northeast-1",
            )
    """

    model: ModelSpec
    endpoint_name: str = attrs.field(default="ElastiCachePoliceEndpoint", validator=resource_name)
    config_name: str | None = attrs.field(default=None, validator=resource_name)
    """``EndpointConfigName``. None derives one from the content: AWS never changes a configuration, so a name used
    again would silently deploy the old one."""
    variants: tuple[Variant, ...] = attrs.field(default=(Variant(),), converter=_variants, validator=some)
    shadow: Variant | None = None
    """A fleet that is asked too and whose answers nobody gets (AWS: ShadowProductionVariants), to try a model under
    real traffic. Its weight, relative to that of the only other variant, is the share of the requests it sees."""
    region: str | None = None
    """None takes the session's region."""
    asynchronous: AsyncInference | None = None
    data_capture: DataCapture | None = None
    guardrails: Guardrails | None = None
    """How later updates of this endpoint roll out."""
    kms_key_id: str | None = None
    """Key for the instances' volumes; NVMe disks on the instance itself are encrypted by their hardware anyway."""
    tags: Mapping[str, str] = attrs.field(factory=dict, converter=_frozen_mapping, hash=False)
    """More tags for everything that is made; this project's own tags are always there."""

    def __attrs_post_init__(self) -> None:
        names = [variant.name for variant in self.all_variants]
        if len(self.variants) > 10 or len(set(names)) != len(names):
            raise ConfigurationError("EndpointSpec.variants: at most 10, each with a name of its own")
        for variant in self.all_variants:
            _check_variant(self, variant)
        if self.shadow is not None:
            _check_shadow(self, self.shadow)
        if self.guardrails is not None and self.asynchronous is not None and self.guardrails.traffic != "all_at_once":
            raise ConfigurationError("an asynchronous endpoint is updated all at once: it has no traffic to shift")
        if len(self.tags) > 45:
            raise ConfigurationError("EndpointSpec.tags: at most 45, this project adds its own to AWS's limit of 50")

    @property
    def all_variants(self) -> tuple[Variant, ...]:
        """The variants, and the shadow at the end."""
        return self.variants if self.shadow is None else (*self.variants, self.shadow)

    def model_of(self, variant: Variant) -> ModelSpec:
        """Return the model that a variant serves."""
        return variant.model or self.model


def _check_variant(spec: EndpointSpec, variant: Variant) -> None:
    """Refuse what AWS would refuse, or what it would accept and never let work."""
    model = spec.model_of(variant)
    if variant.serverless is not None:
        _check_serverless(spec, variant, model)
        return
    check_container(variant.instance_type, uri=model.image_uri, version=model.tensorflow_version)
    if variant.volume_gib is not None and has_local_storage(variant.instance_type):
        raise ConfigurationError(
            f"variant {variant.name}: {variant.instance_type} stores on disks of its own, and AWS refuses a volume:"
            " leave volume_gib out"
        )
    if spec.guardrails is not None and variant.instance_type.startswith(("ml.inf", "ml.trn")):
        raise ConfigurationError(f"{variant.instance_type}: AWS excludes Inferentia from deployment guardrails")
    if variant.scaling is not None and variant.instance_type.startswith(_BURSTABLE):
        raise ConfigurationError(
            f"variant {variant.name}: AWS does not scale burstable instances ({variant.instance_type});"
            " take ml.m5.large, say, or as many instances as the load needs without scaling"
        )
    if isinstance(variant.scaling, BacklogScaling) and spec.asynchronous is None:
        raise ConfigurationError(f"variant {variant.name}: only an asynchronous endpoint has a backlog to scale by")
    if isinstance(variant.scaling, TargetScaling) and spec.asynchronous is not None:
        raise ConfigurationError(f"variant {variant.name}: an asynchronous endpoint scales by its backlog")
    if spec.asynchronous is not None and len(spec.variants) > 1:
        raise ConfigurationError("an asynchronous endpoint has one variant")


def _check_shadow(spec: EndpointSpec, shadow: Variant) -> None:
    if len(spec.variants) > 1:
        raise ConfigurationError("EndpointSpec.shadow: AWS takes a shadow beside one variant, not beside several")
    if spec.asynchronous is not None:
        raise ConfigurationError("EndpointSpec.shadow: an asynchronous endpoint has none")
    if shadow.scaling is not None:
        raise ConfigurationError(
            "EndpointSpec.shadow: it does not scale by itself; give it as many instances as it needs"
        )
    if not 0 < shadow.weight <= spec.variants[0].weight:
        raise ConfigurationError(
            "EndpointSpec.shadow: its weight must be above 0, and at most that of the variant it follows"
        )


def _check_serverless(spec: EndpointSpec, variant: Variant, model: ModelSpec) -> None:
    usual = attrs.fields(Variant)
    made_for = None if model.image_uri is None else processor_of_image(model.image_uri)
    conflicts = {
        f"instance type ({variant.instance_type})": variant.instance_type != usual.instance_type.default,
        "number of instances": variant.instance_count != usual.instance_count.default,
        "GPU": made_for == "gpu",
        "Graviton": made_for == "arm64",
        "several variants": len(spec.all_variants) > 1,
        "a VPC": model.vpc is not None,
        "network isolation": model.network_isolation is True,
        "data capture": spec.data_capture is not None,
        "asynchronous inference": spec.asynchronous is not None,
        "instance auto scaling": variant.scaling is not None,
        "a routing strategy": variant.routing is not None,
        "a volume or its key": variant.volume_gib is not None or spec.kms_key_id is not None,
        "deployment guardrails": spec.guardrails is not None,
        "a GPU host image": variant.inference_ami_version is not None,
    }
    found = [words for words, there in conflicts.items() if there]
    if found:
        raise ConfigurationError(
            f"variant {variant.name}: AWS's serverless inference has no {', no '.join(found)};"
            " leave that out, or take instances"
        )
