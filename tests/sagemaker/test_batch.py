"""Batch transform over pictures as they are, and Neo where AWS still has it."""

from __future__ import annotations

import contextlib
import io
import json

import attrs
import boto3
import botocore.session
import pytest
from botocore_rules import problems
from PIL import Image
from story import ROLE
from test_remote import FOUND

from elasticache_police import sagemaker_deploy as sm
from elasticache_police.errors import (
    AlreadyExistsError,
    AwsError,
    ConfigurationError,
    ResourceFailedError,
    WaitTimeoutError,
)
from elasticache_police.sagemaker_deploy.batch import batch_request
from elasticache_police.sagemaker_deploy.neo import compilation_request


def _png(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height), 255).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def s3(moto):
    client = boto3.client("s3")
    client.create_bucket(Bucket="pictures", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    for key, size in (("in/a.png", (200, 100)), ("in/deep/b.png", (300, 150)), ("in/c.png", (20, 10))):
        client.put_object(Bucket="pictures", Key=key, Body=_png(*size))
    client.put_object(Bucket="pictures", Key="elsewhere/d.png", Body=b"")
    return client


def _answer(s3, *keys: str) -> None:
    body = json.dumps({"predictions": [FOUND]}).encode()
    for key in keys:
        s3.put_object(Bucket="pictures", Key=f"out/{key}.out", Body=body)


@pytest.fixture
def job(model) -> sm.BatchSpec:
    return sm.BatchSpec(
        model=model, input_url="s3://pictures/in/", output_url="s3://pictures/out", job_name="ElastiCachePolice-1"
    )


def test_the_request_sends_whole_pictures_one_at_a_time(job) -> None:
    request = batch_request(job, "ElastiCachePoliceModel")
    assert problems(request) == []
    assert request.parameters["TransformInput"] == {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://pictures/in/"}},
        "ContentType": "application/x-image",
        "CompressionType": "None",
        "SplitType": "None",
    }
    assert request.parameters["TransformOutput"] == {
        "S3OutputPath": "s3://pictures/out", "Accept": "application/json", "AssembleWith": "None",
    }  # fmt: skip


def test_a_job_from_beginning_to_end_leaves_no_model(fake, s3, job, pace) -> None:
    _answer(s3, "a.png", "deep/b.png", "c.png")
    reports = list(sm.inspect_batch(job, min_confidence=0.5, pace=pace))
    assert [(report.source, report.pages[0].width, len(report.findings)) for report in reports] == [
        ("s3://pictures/in/a.png", 200, 2),
        ("s3://pictures/in/c.png", 20, 2),
        ("s3://pictures/in/deep/b.png", 300, 2),
    ]
    assert fake.models == {}
    assert fake.changes() == [
        "CreateModel ElastiCachePolice-1", "CreateTransformJob ElastiCachePolice-1", "DeleteModel ElastiCachePolice-1",
    ]  # fmt: skip


def test_one_bad_picture_fails_the_job_and_not_the_others(fake, s3, job, pace) -> None:
    fake.transforming = ["InProgress", ("Failed", "ClientError: 1 object failed")]
    _answer(s3, "deep/b.png", "c.png")
    reports = list(sm.inspect_batch(job, min_confidence=0.5, pace=pace))
    assert [(report.source[-5:], report.error) for report in reports] == [
        ("a.png", "ClientError: 1 object failed"), ("c.png", None), ("b.png", None),
    ]  # fmt: skip


def test_a_job_without_a_single_answer_has_failed(fake, s3, job, pace) -> None:
    fake.transforming = [("Failed", "AlgorithmError: no model")]
    with pytest.raises(ResourceFailedError, match="AlgorithmError: no model"):
        list(sm.inspect_batch(job, pace=pace))
    assert fake.models == {}


def test_a_job_that_takes_too_long_is_stopped_and_its_model_removed(fake, s3, job, pace) -> None:
    fake.transforming = ["InProgress"]
    with pytest.raises(WaitTimeoutError):
        list(sm.inspect_batch(job, timeout_s=60.0, pace=pace))
    assert fake.changes()[-2:] == ["StopTransformJob ElastiCachePolice-1", "DeleteModel ElastiCachePolice-1"]


def test_a_job_that_is_refused_leaves_no_model(fake, s3, job, pace) -> None:
    fake.fail("CreateTransformJob", "ResourceLimitExceeded", "quota")
    with pytest.raises(Exception, match="quota"):
        list(sm.inspect_batch(job, pace=pace))
    assert fake.models == {}


def test_a_model_and_a_job_of_somebody_else_are_neither_used_nor_removed(fake, s3, job, pace) -> None:
    named = attrs.evolve(job, model=attrs.evolve(job.model, name="Theirs"))
    sm.create_model(named.model)
    with pytest.raises(AlreadyExistsError, match="model Theirs exists already"):
        list(sm.inspect_batch(named, pace=pace))
    fake.transforming = ["InProgress"]
    sm.start_batch(attrs.evolve(job, model="Theirs"))
    with pytest.raises(AlreadyExistsError, match="transform job ElastiCachePolice-1 exists already"):
        list(sm.inspect_batch(job, pace=pace))
    assert set(fake.models) == {"Theirs"}
    assert not fake.operations("Stop")


def test_a_new_role_is_waited_for(fake, s3, job, pace, time) -> None:
    fake.fail("CreateModel", "ValidationException", "Could not assume role", times=3)
    _answer(s3, "a.png")
    assert len(list(sm.inspect_batch(job, pace=pace))) == 3
    assert time.slept[:3] == [10.0, 20.0, 40.0]


def test_results_are_read_back_later_and_a_broken_one_is_one_report(s3) -> None:
    _answer(s3, "a.png")
    s3.put_object(Bucket="pictures", Key="out/c.png.out", Body=b"not json")
    reports = list(sm.read_batch("s3://pictures/in/", "s3://pictures/out/", min_confidence=0.9))
    assert [report.error is None for report in reports] == [True, False, False]
    assert "does not understand" in reports[1].error
    assert "left no answer" in reports[2].error


def test_answers_in_a_folder_of_the_pictures_are_not_taken_for_pictures(s3) -> None:
    s3.put_object(Bucket="pictures", Key="in/out/a.png.out", Body=json.dumps({"predictions": [FOUND]}).encode())
    reports = list(sm.read_batch("s3://pictures/in/", "s3://pictures/in/out/"))
    assert [report.source for report in reports] == [
        "s3://pictures/in/a.png", "s3://pictures/in/c.png", "s3://pictures/in/deep/b.png",
    ]  # fmt: skip
    assert reports[0].error is None


@pytest.mark.parametrize("input_url", ["s3://pictures/in/", "s3://pictures/in"])
@pytest.mark.parametrize("output_url", ["s3://pictures/in/", "s3://pictures/in"])
def test_answers_beside_the_pictures_are_read_and_not_taken_for_pictures(s3, input_url: str, output_url: str) -> None:
    folder = "in/" if input_url.endswith("/") else "in/in/"  # a prefix without a slash leaves its name in the keys
    for name in ("a.png", "deep/b.png", "c.png"):
        s3.put_object(Bucket="pictures", Key=f"{folder}{name}.out", Body=json.dumps({"predictions": [FOUND]}).encode())
    s3.put_object(Bucket="pictures", Key="in/drawing.out", Body=_png(20, 10))
    reports = list(sm.read_batch(input_url, output_url))
    assert [(report.source, report.error is None) for report in reports] == [
        ("s3://pictures/in/a.png", True),
        ("s3://pictures/in/c.png", True),
        ("s3://pictures/in/deep/b.png", True),
        ("s3://pictures/in/drawing.out", False),
    ]


def test_answers_beside_pictures_that_a_part_of_a_name_picks_are_not_taken_for_pictures(s3) -> None:
    s3.put_object(Bucket="pictures", Key="in/a.png.out", Body=json.dumps({"predictions": [FOUND]}).encode())
    (report,) = sm.read_batch("s3://pictures/in/a", "s3://pictures/in")
    assert (report.source, report.error) == ("s3://pictures/in/a.png", None)


def test_a_folder_that_only_begins_like_that_of_the_answers_holds_pictures(s3) -> None:
    s3.put_object(Bucket="pictures", Key="in/outside.png", Body=_png(20, 10))
    reports = list(sm.read_batch("s3://pictures/in/", "s3://pictures/in/out"))
    assert "s3://pictures/in/outside.png" in [report.source for report in reports]


@pytest.mark.parametrize(
    "options",
    [
        {"instance_type": "ml.c7g.large"}, {"instance_type": "ml.t2.medium"}, {"instance_type": "ml.inf1.xlarge"},
        {"max_concurrent": 20, "max_payload_mb": 6}, {"instance_count": 101},
        {"instance_type": "ml.g5.xlarge", "volume_kms_key_id": "key"},
    ],
)  # fmt: skip
def test_what_batch_transform_refuses_is_refused_before(options) -> None:
    with pytest.raises(ConfigurationError):
        sm.BatchSpec(model="M", input_url="s3://bucket/in/", output_url="s3://bucket/out/", **options)


def test_every_family_that_batch_transform_has_is_taken_and_no_other() -> None:
    service = botocore.session.get_session().get_service_model("sagemaker")
    types = {name: service.shape_for(name).enum for name in ("TransformInstanceType", "ProductionVariantInstanceType")}
    families = {kind: {name.split(".")[1] for name in names} for kind, names in types.items()}
    for family in set.union(*families.values()):
        where = {"input_url": "s3://bucket/in/", "output_url": "s3://bucket/out/", "model": "M"}
        refusal = contextlib.nullcontext()
        if family not in families["TransformInstanceType"]:
            refusal = pytest.raises(ConfigurationError, match="does not run on")
        with refusal:
            sm.BatchSpec(instance_type=f"ml.{family}.xlarge", **where)


def test_accelerators_without_a_tensorflow_image_need_one_of_one_s_own(job) -> None:
    for instance_type in ("ml.inf2.xlarge", "ml.trn1.2xlarge"):
        with pytest.raises(ConfigurationError, match="Neuron"):
            attrs.evolve(job, model=attrs.evolve(job.model, image_uri=None), instance_type=instance_type)
        own = attrs.evolve(job.model, image_uri="111122223333.dkr.ecr.us-east-1.amazonaws.com/mine:neuron")
        assert problems(batch_request(attrs.evolve(job, model=own, instance_type=instance_type), "M")) == []


def test_gpus_that_cuda_12_left_behind_run_older_images_only(job) -> None:
    model = attrs.evolve(job.model, image_uri=None)
    with pytest.raises(ConfigurationError, match=r"ml\.p2.*CUDA 12.*ml\.g4dn"):
        attrs.evolve(job, model=model, instance_type="ml.p2.xlarge")
    older = attrs.evolve(job, model=attrs.evolve(model, tensorflow_version="2.4.1"), instance_type="ml.p2.xlarge")
    assert "TransformAmiVersion" not in batch_request(older, "M").parameters["TransformResources"]


@pytest.mark.parametrize(("processor", "instance_type"), [("gpu", "ml.m5.xlarge"), ("cpu", "ml.g5.xlarge")])
def test_batch_transform_on_one_of_aws_s_images_for_another_processor_is_refused(job, processor, instance_type) -> None:
    model = attrs.evolve(job.model, image_uri=sm.image_uri("us-east-1", processor=processor))
    with pytest.raises(ConfigurationError, match="leave image_uri out"):
        attrs.evolve(job, model=model, instance_type=instance_type)


@pytest.mark.parametrize(
    ("instance_type", "version", "chosen", "expected"),
    [
        ("ml.g5.xlarge", None, None, "al2-ami-sagemaker-batch-gpu-535"),
        ("ml.g5.xlarge", "2.19", None, "al2-ami-sagemaker-batch-gpu-535"),
        ("ml.g5.xlarge", None, "another", "another"),
        ("ml.g5.xlarge", "2.14.1", None, None),  # CUDA 11
        ("ml.m5.xlarge", None, None, None),
    ],
)
def test_gpu_images_get_the_host_image_they_need_in_batches_too(job, instance_type, version, chosen, expected) -> None:
    model = attrs.evolve(job.model, image_uri=None, tensorflow_version=version)
    spec = attrs.evolve(job, model=model, instance_type=instance_type, transform_ami_version=chosen)
    request = batch_request(spec, "M")
    assert problems(request) == []
    assert request.parameters["TransformResources"].get("TransformAmiVersion") == expected
    existing = batch_request(attrs.evolve(spec, model="M"), "M")  # who made it knows what it needs
    assert existing.parameters["TransformResources"].get("TransformAmiVersion") == chosen


def _compilation(**options) -> sm.CompilationSpec:
    urls = {"model_data_url": "s3://bucket/model.tar.gz", "output_url": "s3://bucket/neo/"}
    return sm.CompilationSpec(role_arn=ROLE, **urls, **options)


def test_neo_compiles_what_it_still_supports(fake, pace) -> None:
    spec = _compilation(tensorflow_version="2.9", job_name="J")
    assert problems(compilation_request(spec)) == []
    assert sm.compile_model(spec, pace=pace) == "s3://bucket/neo/model.tar.gz"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tensorflow_version": "2.20"}, r"TensorFlow 1.15 and 2.9 for ml_m5, not 2.20.*Graviton"),
        ({"tensorflow_version": "2.20", "target": "ml_inf1"}, r"Neuron has ended its support.*serverless"),
    ],
)
def test_neo_is_refused_with_reason_and_alternative(options, words) -> None:
    with pytest.raises(ConfigurationError, match=words):
        _compilation(**options)


def test_a_failed_compilation_tells_why(fake, pace) -> None:
    fake.compiling = ["INPROGRESS", ("FAILED", "ClientConfigurationError: no such input")]
    with pytest.raises(ResourceFailedError, match="no such input"):
        sm.compile_model(_compilation(tensorflow_version="2.9"), pace=pace)
    assert "StopCompilationJob" not in fake.operations()


def test_a_compilation_that_takes_too_long_is_stopped(fake, pace) -> None:
    fake.compiling = ["INPROGRESS"]
    with pytest.raises(WaitTimeoutError):
        sm.compile_model(_compilation(tensorflow_version="2.9"), timeout_s=60.0, pace=pace)
    assert fake.operations()[-1] == "StopCompilationJob"


@pytest.mark.parametrize("took_effect", [True, False], ids=["answer lost", "refused"])
def test_a_compilation_that_may_run_although_its_start_failed_is_stopped(fake, pace, took_effect: bool) -> None:
    fault = "ConnectionClosed" if took_effect else "ResourceLimitExceeded"
    fake.fail("CreateCompilationJob", fault, "quota", took_effect=took_effect)
    with pytest.raises(AwsError) as caught:
        sm.compile_model(_compilation(tensorflow_version="2.9"), pace=pace)
    assert ("StopCompilationJob" in fake.operations()) is took_effect
    assert bool(getattr(caught.value, "__notes__", ())) is took_effect
