"""What an instance type brings along beside its processor: the driver of its GPUs, disks of its own."""

from __future__ import annotations

import re

from elasticache_police.errors import ConfigurationError
from elasticache_police.sagemaker_deploy.images import (
    LATEST_VERSION,
    check_image,
    managed_version,
    processor_of,
    processor_of_image,
)

__all__ = ["batch_host_image", "check_container", "endpoint_host_image", "has_local_storage"]

_ENDPOINT_AMI = "al2-ami-sagemaker-inference-gpu-3-1"  # driver 550
_BATCH_AMI = "al2-ami-sagemaker-batch-gpu-535"
_CUDA_12 = (2, 16)
"""AWS's GPU images of TensorFlow have CUDA 12 since then, which needs driver 525; those up to 2.14 have CUDA 11. The
hosts of most GPU instances start with driver 470
(https://docs.aws.amazon.com/sagemaker/latest/dg/inference-gpu-drivers.html)."""
_BEFORE_CUDA_12 = "ml.p2."
"""Their GPUs are of NVIDIA's Kepler generation, which CUDA 12 and the drivers after 470 left behind."""
_NEWER = ("ml.p6", "ml.g7")
"""Their GPUs are of NVIDIA's Blackwell generation, which driver 550 does not know: their own hosts have a newer one."""
_LOCAL_STORAGE = re.compile(r"ml\.(?:[a-z]+\d+[a-z]*d[a-z]*|(?:g[567]|gr6|p[56]|trn)[a-z0-9\-]*)\..+")


def check_container(instance_type: str, *, uri: str | None, version: str | None) -> None:
    """Refuse a container that cannot run on an instance type, or that would leave what is paid for idle.

    Args:
        instance_type: Such as ``ml.m5.large``.
        uri: The container's image; None for AWS's managed one for the instance type.
        version: Of TensorFlow in that managed image; None for the newest.

    Raises:
        ConfigurationError: It cannot, with what to take instead.
    """
    if uri is None:
        processor_of(instance_type)  # there must be one
    else:
        check_image(uri, instance_type)
    if instance_type.startswith(_BEFORE_CUDA_12) and _has_cuda_12(instance_type, uri=uri, version=version):
        raise ConfigurationError(
            f"{instance_type}: its GPUs (K80) work neither with CUDA 12, which AWS's GPU images have from TensorFlow"
            " 2.16 on, nor with the driver it needs: take ml.g4dn.xlarge"
        )


def endpoint_host_image(instance_type: str, *, uri: str | None, version: str | None) -> str | None:
    """Return the host image (AWS: InferenceAmiVersion) that a container needs on an instance type of an endpoint.

    Args:
        instance_type: As for :func:`check_container`.
        uri: As for :func:`check_container`.
        version: As for :func:`check_container`.

    Returns:
        None where the instance type's own will do, and for every image that is not AWS's.
    """
    if instance_type.startswith(_NEWER):
        return None
    return _ENDPOINT_AMI if _has_cuda_12(instance_type, uri=uri, version=version) else None


def batch_host_image(instance_type: str, *, uri: str | None, version: str | None) -> str | None:
    """Return the host image (AWS: TransformAmiVersion) that a container needs for batch transform, or None.

    Arguments and answer are as for :func:`endpoint_host_image`.
    """
    return _BATCH_AMI if _has_cuda_12(instance_type, uri=uri, version=version) else None


def _has_cuda_12(instance_type: str, *, uri: str | None, version: str | None) -> bool:
    """Say whether a container is one of AWS's GPU images with CUDA 12."""
    if uri is not None:
        managed = managed_version(uri)
        return processor_of_image(uri) == "gpu" and managed is not None and managed >= _CUDA_12
    major, minor = (version or LATEST_VERSION["gpu"]).split(".")[:2]
    return processor_of(instance_type) == "gpu" and (int(major), int(minor)) >= _CUDA_12


def has_local_storage(instance_type: str) -> bool:
    """Say whether instances have disks of their own, which take the place of a volume."""
    return _LOCAL_STORAGE.fullmatch(instance_type) is not None
