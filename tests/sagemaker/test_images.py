"""The table of AWS's managed images."""

from __future__ import annotations

import pytest

from elasticache_police.errors import ConfigurationError
from elasticache_police.sagemaker_deploy import images


@pytest.mark.parametrize(
    ("region", "version", "processor", "expected"),
    [
        (
            "ap-northeast-1",
            "2.4.1",
            "cpu",
            "763104351884.dkr.ecr.ap-northeast-1.amazonaws.com/tensorflow-inference:2.4.1-cpu",
        ),
        (
            "us-east-1",
            None,
            "cpu",
            "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.20-cpu-py312-amzn2023-sagemaker-v1",
        ),
        (
            "us-east-1",
            "2.20.0",
            "gpu",
            "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.20-gpu-py312-cu129-amzn2023-sagemaker-v1",
        ),
        (
            "eu-south-2",
            None,
            "arm64",
            "503227376785.dkr.ecr.eu-south-2.amazonaws.com/tensorflow-inference-arm64:2.19.0-cpu-py312-ubuntu22.04-sagemaker",
        ),
        ("cn-north-1", "2.19", "gpu", "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/tensorflow-inference:2.19-gpu"),
    ],
)
def test_the_uri_of_region_version_and_processor(region, version, processor, expected) -> None:
    assert images.image_uri(region, version, processor) == expected


@pytest.mark.parametrize("version", [None, "2.18", "2.19"])
@pytest.mark.parametrize("processor", ["cpu", "gpu", "arm64"])
def test_what_an_image_computes_on_is_told_by_its_uri(version, processor) -> None:
    uri = images.image_uri("eu-west-1", version, processor)
    assert images.processor_of_image(uri) == processor
    assert images.processor_of_image(f"{uri}@sha256:{'0' * 64}") == processor


@pytest.mark.parametrize(
    "uri", ["1.dkr.ecr.eu-west-1.amazonaws.com/mine:1-cpu", "r/tensorflow-inference@sha256:0", "x"]
)
def test_an_image_of_somebody_else_s_may_be_for_anything(uri) -> None:
    assert images.processor_of_image(uri) is None


def test_38_regions_are_known_and_every_uri_fits_sagemaker() -> None:
    assert len(images.regions()) == 38
    assert max(len(images.image_uri(region)) for region in images.regions()) <= 255


@pytest.mark.parametrize(
    ("region", "version", "processor"),
    [
        ("mars-north-1", None, "cpu"),
        ("us-east-1", "2.21", "cpu"),
        ("us-east-1", "2.20", "arm64"),
        ("us-east-1", "2.9.1", "arm64"),
        ("us-east-1", "latest", "cpu"),
        ("us-east-1", None, "tpu"),
    ],
)
def test_what_is_not_in_the_table_is_refused(region, version, processor) -> None:
    with pytest.raises(ConfigurationError):
        images.image_uri(region, version, processor)


@pytest.mark.parametrize(
    ("instance_type", "processor"),
    [
        ("ml.m5.large", "cpu"), ("ml.t2.medium", "cpu"), ("ml.c7i.large", "cpu"), ("ml.m5dn.xlarge", "cpu"),
        ("ml.g4dn.xlarge", "gpu"), ("ml.p3.2xlarge", "gpu"), ("ml.g6e.12xlarge", "gpu"), ("ml.p4d.24xlarge", "gpu"),
        ("ml.c7g.large", "arm64"), ("ml.c6gn.xlarge", "arm64"), ("ml.m6gd.large", "arm64"), ("ml.r8g.large", "arm64"),
    ],
)  # fmt: skip
def test_the_processor_of_an_instance_type(instance_type, processor) -> None:
    assert images.processor_of(instance_type) == processor


@pytest.mark.parametrize("instance_type", ["ml.inf1.xlarge", "ml.inf2.xlarge", "ml.trn1.2xlarge"])
def test_neuron_instances_are_refused_with_reason_and_alternative(instance_type) -> None:
    with pytest.raises(ConfigurationError, match=r"Neuron no longer supports TensorFlow.*Graviton.*serverless"):
        images.processor_of(instance_type)


def test_every_instance_type_botocore_lists_is_understood() -> None:
    import botocore.session

    service = botocore.session.get_session().get_service_model("sagemaker")
    for name in service.shape_for("ProductionVariantInstanceType").enum:
        if not name.startswith(("ml.inf", "ml.trn", "ml.dl", "ml.p6e")):
            assert images.processor_of(name) in {"cpu", "gpu", "arm64"}


@pytest.mark.parametrize("instance_type", ["ml.dl1.24xlarge", "ml.p6e-gb200.36xlarge"])
def test_accelerators_without_a_tensorflow_image_are_refused_unless_an_image_is_named(instance_type: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no TensorFlow image.*ml\.g5.*image_uri"):
        images.processor_of(instance_type)
    with pytest.raises(ConfigurationError, match="no TensorFlow image"):
        images.check_image(images.image_uri("us-east-1"), instance_type)
    images.check_image(_OURS.format("gpu"), instance_type)


@pytest.mark.parametrize("name", ["m5.large", "ml.large", "ml.eia2.medium", ""])
def test_what_is_no_instance_type_is_refused(name) -> None:
    with pytest.raises(ConfigurationError):
        images.processor_of(name)


_OURS = "111122223333.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.19-{}"


@pytest.mark.parametrize(
    ("uri", "instance_type", "reason"),
    [
        (images.image_uri("us-east-1", processor="gpu"), "ml.m5.large", "has no GPU.*leave image_uri out.*ml.g4dn"),
        (images.image_uri("us-east-1", "2.4.1", "gpu"), "ml.c5.xlarge", "has no GPU"),
        (images.image_uri("cn-north-1", "2.19"), "ml.g5.xlarge", "would leave idle.*leave image_uri out.*ml.m5.large"),
        (images.image_uri("us-east-1"), "ml.inf1.xlarge", "Neuron no longer supports TensorFlow"),
        (images.image_uri("us-east-1"), "ml.c7g.large", "is for x86.*leave image_uri out for the arm64 image"),
        (images.image_uri("us-east-1", processor="arm64"), "ml.g5.xlarge", "is for Graviton.*for the gpu image"),
    ],
)
def test_one_of_aws_s_images_for_another_processor_is_refused_with_the_alternative(uri, instance_type, reason) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        images.check_image(uri, instance_type)


@pytest.mark.parametrize(
    ("uri", "instance_type"),
    [
        (images.image_uri("us-east-1", processor="gpu"), "ml.g4dn.xlarge"),
        (images.image_uri("us-east-1"), "ml.m5.large"),
        (images.image_uri("us-east-1", processor="arm64"), "ml.c7g.large"),
        (_OURS.format("cpu"), "ml.g5.xlarge"),  # what is in it is for its owner to know
        (_OURS.format("gpu"), "ml.m5.large"),
        ("111122223333.dkr.ecr.us-east-1.amazonaws.com/mine:neuron", "ml.inf2.xlarge"),
        ("111122223333.dkr.ecr.us-east-1.amazonaws.com/mine:1-cpu", "ml.c7g.large"),
        ("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-gpu-py312", "ml.m5.large"),
    ],
)
def test_an_image_that_may_fit_is_not_refused(uri: str, instance_type: str) -> None:
    images.check_image(uri, instance_type)


def test_the_version_of_an_image_is_known_for_aws_s_own_only() -> None:
    assert images.managed_version(images.image_uri("us-east-1", "2.4.1")) == (2, 4)
    assert images.managed_version(images.image_uri("cn-north-1", processor="arm64")) == (2, 19)
    assert images.managed_version(_OURS.format("gpu")) is None
    assert images.managed_version("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-gpu") is None


@pytest.mark.parametrize(
    ("uri", "off"),
    [
        (images.image_uri("us-east-1"), True),
        (images.image_uri("cn-north-1", processor="gpu"), True),
        (images.image_uri("us-east-1", "2.9"), True),
        (images.image_uri("us-east-1", "2.8"), False),  # has oneDNN, and does not use it unless it is told to
        (images.image_uri("ap-northeast-1", "2.4.1"), False),
        (images.image_uri("us-east-1", processor="arm64"), False),  # seen on x86 only
        ("111122223333.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.20-cpu", False),  # one's own
    ],
)
def test_aws_images_run_without_onednn_as_the_local_endpoint_does(uri: str, off: bool) -> None:
    assert images.container_environment(uri) == ({"TF_ENABLE_ONEDNN_OPTS": "0"} if off else {})
