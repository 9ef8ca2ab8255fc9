"""Where AWS keeps its TensorFlow inference images: by region, version and processor.

The registry accounts and tags were copied on 2026-11-22 from AWS's own tables (the image URI configuration of its
SageMaker SDK and its deep learning container repository). AWS adds regions and versions faster than a table can
follow: every place that takes a version also takes a whole ``image_uri``.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from elasticache_police.errors import ConfigurationError

__all__ = [
    "LATEST_VERSION",
    "Processor",
    "check_image",
    "container_environment",
    "image_uri",
    "managed_version",
    "processor_of",
    "processor_of_image",
    "regions",
    "registry_account",
]

Processor = Literal["cpu", "gpu", "arm64"]

LATEST_VERSION: dict[Processor, str] = {"cpu": "2.20", "gpu": "2.20", "arm64": "2.19"}
"""The newest TensorFlow that AWS publishes an inference image for."""

_MOST_REGIONS = (
    "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
    "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2",
    "us-west-1", "us-west-2",
)  # fmt: skip
_ACCOUNTS: dict[str, str] = dict.fromkeys(_MOST_REGIONS, "763104351884") | {
    "af-south-1": "626614931356",
    "ap-east-1": "871362719292",
    "ap-east-2": "975050140332",
    "ap-northeast-3": "364406365360",
    "ap-south-2": "772153158452",
    "ap-southeast-3": "907027046896",
    "ap-southeast-4": "457447274322",
    "ap-southeast-5": "550225433462",
    "ap-southeast-6": "633930458069",
    "ap-southeast-7": "590183813437",
    "ca-west-1": "204538143572",
    "cn-north-1": "727897471807",
    "cn-northwest-1": "727897471807",
    "eu-central-2": "380420809688",
    "eu-south-1": "692866216735",
    "eu-south-2": "503227376785",
    "il-central-1": "780543022126",
    "me-central-1": "914824155844",
    "me-south-1": "217643126080",
    "mx-central-1": "637423239942",
    "us-gov-east-1": "446045086412",
    "us-gov-west-1": "442386744353",
}
_EXACT_TAGS: dict[tuple[Processor, str], str] = {
    ("cpu", "2.20"): "2.20-cpu-py312-amzn2023-sagemaker-v1",
    ("gpu", "2.20"): "2.20-gpu-py312-cu129-amzn2023-sagemaker-v1",
    ("arm64", "2.19"): "2.19.0-cpu-py312-ubuntu22.04-sagemaker",
    ("arm64", "2.18"): "2.18.0-cpu-py310-ubuntu20.04-sagemaker",
}
_VERSION = re.compile(r"[12]\.\d+(\.\d+)?")
_X86_IMAGE = re.compile(r"(?:^|/)tensorflow-inference:[^/]*?-(?P<processor>cpu|gpu)(?:[-@]|$)")
_MANAGED_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?"
    r"/tensorflow-inference(?:-arm64)?:(?P<version>\d+\.\d+)[.-].*"
)
_ARM64_IMAGE = re.compile(r"(?:^|/)tensorflow-inference-arm64[:@]")
_ONEDNN_BY_DEFAULT = (2, 9)
"""TensorFlow on x86 uses oneDNN since then unless it is told not to
(https://github.com/tensorflow/tensorflow/releases/tag/v2.9.0)."""
_NO_IMAGE = ("ml.dl", "ml.p6e-gb")
"""Instances with Gaudi accelerators, and with NVIDIA's Grace processors."""
_FAMILY = re.compile(r"ml\.(?P<family>[a-z]+)(?P<generation>\d+)(?P<features>[a-z\-]*)(-[a-z0-9]+)?\.[a-z0-9\-]+")


def regions() -> tuple[str, ...]:
    """Return the regions whose registry account is known, sorted."""
    return tuple(sorted(_ACCOUNTS))


def registry_account(region: str) -> str:
    """Return the account whose registry holds AWS's images for a region.

    Raises:
        ConfigurationError: The region is not in the table.
    """
    if region not in _ACCOUNTS:
        raise ConfigurationError(f"AWS's registry account for region {region!r} is not known here: name an image_uri")
    return _ACCOUNTS[region]


def processor_of(instance_type: str) -> Processor:
    """Say what a SageMaker instance type computes on.

    Args:
        instance_type: Such as ``ml.m5.large``.

    Raises:
        ConfigurationError: It is no instance type, or one that AWS has no TensorFlow image for.
    """
    match = _FAMILY.fullmatch(instance_type)
    if match is None:
        raise ConfigurationError(f"{instance_type!r} is not a SageMaker instance type such as ml.m5.large")
    family = match["family"]
    if family == "eia":
        raise ConfigurationError("Elastic Inference no longer exists; take ml.g4dn for a GPU or ml.c7g for a low price")
    if family in {"inf", "trn"}:
        raise ConfigurationError(
            f"{instance_type}: AWS Neuron no longer supports TensorFlow (nor, since 2026, Inf1), and AWS publishes no"
            " TensorFlow image for it. For a low price take Graviton (ml.c7g, arm64) or serverless; a Neuron image of"
            " your own can be named as image_uri"
        )
    if instance_type.startswith(_NO_IMAGE):
        raise ConfigurationError(
            f"{instance_type}: AWS publishes no TensorFlow image for Gaudi, nor for GPUs beside arm64 processors. Take"
            " ml.g5 or ml.p5; an image of your own can be named as image_uri"
        )
    if family in {"p", "g", "gr"}:
        return "gpu"
    return "arm64" if "g" in match["features"] else "cpu"


def processor_of_image(uri: str) -> Processor | None:
    """Say what one of AWS's managed TensorFlow images, or a copy that kept its name, computes on.

    Args:
        uri: Such as :func:`image_uri` returns.

    Returns:
        None for every other image, and for one that is named by its digest only: it may be for anything.

    Example:
        >>> from elasticache_police.sagemaker_deploy.images import processor_of_image
        >>> processor_of_image("763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.19-gpu")
        'gpu'
    """
    if _ARM64_IMAGE.search(uri):
        return "arm64"
    match = _X86_IMAGE.search(uri)
    return None if match is None else "gpu" if match["processor"] == "gpu" else "cpu"


def managed_version(uri: str) -> tuple[int, int] | None:
    """Return TensorFlow's version in one of AWS's own inference images, as major and minor number.

    Returns:
        None for every image that lies elsewhere than in AWS's registries, and for one named by its digest only.
    """
    match = _MANAGED_IMAGE.fullmatch(uri)
    if match is None or match["account"] not in _ACCOUNTS.values():
        return None
    major, minor = match["version"].split(".")
    return int(major), int(minor)


def container_environment(uri: str) -> dict[str, str]:
    """Return the variables that a container gets unless a model says otherwise: what the local endpoint runs with.

    On some processors oneDNN damages TensorFlow's heap, see :mod:`elasticache_police.serving.processes`, so AWS's
    TensorFlow images for x86 go without it, as the local endpoint does. What an image of one's own needs is not known.

    Args:
        uri: The container's image.
    """
    version = managed_version(uri)
    on_x86 = processor_of_image(uri) in {"cpu", "gpu"}
    return {"TF_ENABLE_ONEDNN_OPTS": "0"} if on_x86 and version is not None and version >= _ONEDNN_BY_DEFAULT else {}


def check_image(uri: str, instance_type: str) -> None:
    """Refuse an image that is made for another processor than the instance's.

    One for the other architecture cannot start, and neither can a GPU image without a GPU; AWS's CPU image would leave
    a GPU idle that is paid for. Whether a copy or an image of one's own uses a GPU is not for its name to say.

    Args:
        uri: The container's image.
        instance_type: Such as ``ml.m5.large``.

    Raises:
        ConfigurationError: It is; or AWS has no TensorFlow image for the instance type, and this is one of AWS's.
    """
    is_managed = managed_version(uri) is not None
    if instance_type.startswith(("ml.inf", "ml.trn", *_NO_IMAGE)) and not is_managed:
        return  # an image of one's own, for Neuron say
    offered, made_for = processor_of(instance_type), processor_of_image(uri)
    if made_for in {None, offered}:
        return
    instead = f"leave image_uri out for the {offered} image, or name tensorflow_version"
    if offered == "arm64":
        raise ConfigurationError(f"{instance_type} is Graviton (arm64); {uri} is for x86: {instead}")
    if made_for == "arm64":
        raise ConfigurationError(f"{instance_type} is x86; {uri} is for Graviton (arm64): {instead}")
    if is_managed:
        reason = "has no GPU; {} is for one" if offered == "cpu" else "has a GPU, which {} would leave idle"
        other = "ml.g4dn.xlarge" if offered == "cpu" else "ml.m5.large"
        raise ConfigurationError(f"{instance_type} {reason.format(uri)}: {instead}, or take {other}")


def image_uri(region: str, version: str | None = None, processor: Processor = "cpu") -> str:
    """Return the URI of AWS's managed TensorFlow inference image.

    Args:
        region: Such as ``ap-northeast-1``.
        version: TensorFlow's version, such as ``2.20`` or ``2.4.1``; None for the newest of the processor.
        processor: ``cpu``, ``gpu`` or ``arm64`` (Graviton).

    Raises:
        ConfigurationError: The region, the version or the combination is not in the table.

    Example:
        >>> from elasticache_police.sagemaker_deploy import image_uri
        >>> image_uri("ap-northeast-1", "2.4.1")
        '763104351884.dkr.ecr.ap-northeast-1.amazonaws.com/tensorflow-inference:2.4.1-cpu'
    """
    if processor not in get_args(Processor):
        raise ConfigurationError(f"no processor {processor!r}: choose cpu, gpu or arm64")
    account = registry_account(region)
    version = version or LATEST_VERSION[processor]
    if not _VERSION.fullmatch(version):
        raise ConfigurationError(f"{version!r} is not a TensorFlow version such as 2.20 or 2.4.1")
    major_minor = tuple(int(part) for part in version.split(".")[:2])
    newest = tuple(int(part) for part in LATEST_VERSION[processor].split("."))
    if major_minor > newest:
        raise ConfigurationError(
            f"AWS publishes TensorFlow images for {processor} up to {LATEST_VERSION[processor]}, not {version};"
            " if it does by now, name its image_uri"
        )
    exact = _EXACT_TAGS.get((processor, ".".join(version.split(".")[:2])))
    if processor == "arm64" and exact is None:
        raise ConfigurationError(f"no arm64 image of TensorFlow {version}: take 2.18 or 2.19, or name an image_uri")
    repository = "tensorflow-inference-arm64" if processor == "arm64" else "tensorflow-inference"
    tag = exact or f"{version}-{processor}"
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{account}.dkr.ecr.{region}.{suffix}/{repository}:{tag}"
