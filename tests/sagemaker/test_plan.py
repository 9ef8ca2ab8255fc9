"""A specification as exact requests."""

from __future__ import annotations

import json

import attrs
import pytest
from botocore_rules import problems
from story import ACCOUNT, ROLE, STORY_KEY

from elasticache_police._aws import Request
from elasticache_police.errors import ConfigurationError
from elasticache_police.sagemaker_deploy.images import image_uri
from elasticache_police.sagemaker_deploy.options import (
    AsyncInference,
    BacklogScaling,
    DataCapture,
    Guardrails,
    Serverless,
    TargetScaling,
    Vpc,
)
from elasticache_police.sagemaker_deploy.planning import plan
from elasticache_police.sagemaker_deploy.spec import EndpointSpec, ModelSpec, Variant

TAGS = [
    {"Key": "elasticache-police", "Value": "true"},
    {"Key": "elasticache-police:endpoint", "Value": "ElastiCachePoliceEndpoint"},
]


def test_the_story_s_own_values_come_out_exactly() -> None:
    story = EndpointSpec(
        model=ModelSpec(
            name="ElastiCachePoliceModel",
            model_data_url=f"s3://sagemaker-ap-northeast-1-{ACCOUNT}/{STORY_KEY}",
            role_arn=ROLE,
            tensorflow_version="2.4.1",
        ),
        config_name="ElastiCachePoliceEndpointConfig",
        endpoint_name="ElastiCachePoliceEndpoint",
        region="ap-northeast-1",
    )
    requests = plan(story).requests
    for request in requests[:2]:
        assert request.parameters["Tags"][1]["Key"] == "elasticache-police:content"
        del request.parameters["Tags"][1]
    assert requests == (
        Request(
            service="sagemaker",
            operation="CreateModel",
            parameters={
                "ModelName": "ElastiCachePoliceModel",
                "PrimaryContainer": {
                    "Image": "763104351884.dkr.ecr.ap-northeast-1.amazonaws.com/tensorflow-inference:2.4.1-cpu",
                    "ModelDataUrl": f"s3://sagemaker-ap-northeast-1-{ACCOUNT}/{STORY_KEY}",
                },
                "ExecutionRoleArn": ROLE,
                "EnableNetworkIsolation": True,
                "Tags": TAGS,
            },
        ),
        Request(
            service="sagemaker",
            operation="CreateEndpointConfig",
            parameters={
                "EndpointConfigName": "ElastiCachePoliceEndpointConfig",
                "ProductionVariants": [
                    {
                        "VariantName": "AllTraffic",
                        "ModelName": "ElastiCachePoliceModel",
                        "InitialInstanceCount": 1,
                        "InstanceType": "ml.m5.large",
                    }
                ],
                "Tags": TAGS,
            },
        ),
        Request(
            service="sagemaker",
            operation="CreateEndpoint",
            parameters={
                "EndpointName": "ElastiCachePoliceEndpoint",
                "EndpointConfigName": "ElastiCachePoliceEndpointConfig",
                "Tags": TAGS,
            },
        ),
    )


def _environment(model: ModelSpec, **changes) -> object:
    (request, *_) = plan(EndpointSpec(model=attrs.evolve(model, **changes), region="us-east-1")).requests
    container = request.parameters["PrimaryContainer"]
    assert isinstance(container, dict)
    return container.get("Environment")


def test_the_container_runs_as_the_local_endpoint_does_unless_told_otherwise(model) -> None:
    """Without oneDNN, which damages TensorFlow's heap on some processors."""
    assert _environment(model) == {"TF_ENABLE_ONEDNN_OPTS": "0"}
    assert _environment(model, environment={"A": "b"}) == {"A": "b", "TF_ENABLE_ONEDNN_OPTS": "0"}
    assert _environment(model, environment={"TF_ENABLE_ONEDNN_OPTS": "1"}) == {"TF_ENABLE_ONEDNN_OPTS": "1"}
    assert _environment(model, image_uri="1.dkr.ecr.us-east-1.amazonaws.com/mine:1") is None


def test_variables_of_a_container_are_counted_with_ours(model) -> None:
    """AWS takes a hundred."""
    many = {f"V{number}": "1" for number in range(100)}
    with pytest.raises(ConfigurationError, match="100 variables, and TF_ENABLE_ONEDNN_OPTS is one"):
        _environment(model, environment=many)
    del many["V0"]
    environment = _environment(model, environment=many)
    assert environment == {**many, "TF_ENABLE_ONEDNN_OPTS": "0"}


def _every_option(model: ModelSpec) -> dict[str, EndpointSpec]:
    def spec(**options) -> EndpointSpec:
        return EndpointSpec(**{"model": model, "region": "us-east-1", **options})

    url = "s3://bucket/prefix"
    return {
        "plain": spec(),
        "weights": spec(
            variants=[
                Variant(name="old", weight=9.0, routing="LEAST_OUTSTANDING_REQUESTS"),
                Variant(name="new", weight=1.0, model=attrs.evolve(model, environment={"A": "b"}), volume_gib=30),
            ]
        ),
        "a shadow": spec(
            variants=[Variant(name="now", instance_count=2)],
            shadow=Variant(name="next", weight=0.5, model=attrs.evolve(model, environment={"A": "b"})),
        ),
        "gpu": spec(variants=[Variant(instance_type="ml.g4dn.xlarge", startup_timeout_s=600, download_timeout_s=60)]),
        "graviton": spec(variants=[Variant(instance_type="ml.c7g.large")]),
        "own image on Inferentia": spec(
            model=attrs.evolve(model, image_uri="1.dkr.ecr.us-east-1.amazonaws.com/mine:neuron"),
            variants=[Variant(instance_type="ml.inf1.xlarge")],
        ),
        "scaling": spec(variants=[Variant(scaling=TargetScaling(maximum=4, target=100.0, metric="concurrency"))]),
        "serverless": spec(
            variants=[Variant(serverless=Serverless(memory_mib=2048, max_concurrency=10, provisioned_concurrency=1))]
        ),
        "asynchronous to zero": spec(
            asynchronous=AsyncInference(
                output_url=url,
                failure_url=url,
                max_concurrent_per_instance=4,
                success_topic_arn=f"arn:aws:sns:us-east-1:{ACCOUNT}:good",
                error_topic_arn=f"arn:aws:sns:us-east-1:{ACCOUNT}:bad",
                kms_key_id="alias/key",
            ),
            variants=[Variant(scaling=BacklogScaling(maximum=3))],
        ),
        "guardrails": spec(
            guardrails=Guardrails(traffic="canary", step_percent=10, rollback_alarm_names=["errors", "latency"])
        ),
        "linear": spec(guardrails=Guardrails(traffic="linear", step_percent=25, wait_s=60, termination_wait_s=120)),
        "capture, keys, network": spec(
            model=attrs.evolve(model, vpc=Vpc(subnet_ids=["subnet-1"], security_group_ids=["sg-1"])),
            data_capture=DataCapture(destination_url=url, sampling_percent=10, kms_key_id="alias/key"),
            kms_key_id="alias/key",
            tags={"team": "docs"},
        ),
    }


@pytest.mark.parametrize(
    "name",
    [
        "plain", "weights", "a shadow", "gpu", "graviton", "own image on Inferentia", "scaling", "serverless",
        "asynchronous to zero", "guardrails", "linear", "capture, keys, network",
    ],
)  # fmt: skip
def test_botocore_has_nothing_against_any_option(name: str, model: ModelSpec) -> None:
    made = plan(_every_option(model)[name])
    for request in (*made.requests, made.update):
        assert problems(request) == []
    assert json.loads(made.to_json())[0]["operation"] == "CreateModel"


def _config(spec: EndpointSpec):
    return plan(spec).config.parameters


def test_weights_models_and_routing_of_several_variants(model: ModelSpec) -> None:
    made = plan(_every_option(model)["weights"])
    assert len(made.models) == 2
    old, new = made.config.parameters["ProductionVariants"]
    assert (old["InitialVariantWeight"], new["InitialVariantWeight"]) == (9.0, 1.0)
    assert old["RoutingConfig"] == {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
    assert [old["ModelName"], new["ModelName"]] == list(made.model_names)
    assert new["VolumeSizeInGB"] == 30


def test_a_shadow_has_its_share_its_model_and_no_answers_used(model: ModelSpec) -> None:
    made = plan(_every_option(model)["a shadow"])
    (now,) = made.config.parameters["ProductionVariants"]
    (following,) = made.config.parameters["ShadowProductionVariants"]
    assert (now["InitialVariantWeight"], following["InitialVariantWeight"]) == (1.0, 0.5)
    assert (now["ModelName"], following["ModelName"]) == made.model_names
    assert now["InitialInstanceCount"] == 2


def test_gpu_images_get_the_host_image_they_need(model: ModelSpec) -> None:
    (variant,) = _config(_every_option(model)["gpu"])["ProductionVariants"]
    assert variant["InferenceAmiVersion"] == "al2-ami-sagemaker-inference-gpu-3-1"
    for version, cuda_12 in (("2.19", True), ("2.16.1", True), ("2.14", False), ("2.4.1", False)):
        older = attrs.evolve(_every_option(model)["gpu"], model=attrs.evolve(model, tensorflow_version=version))
        (variant,) = _config(older)["ProductionVariants"]
        assert ("InferenceAmiVersion" in variant) is cuda_12, version


@pytest.mark.parametrize(
    "instance_type", ["ml.p6-b200.48xlarge", "ml.p6-b300.48xlarge", "ml.g7.2xlarge", "ml.g7e.2xlarge"]
)
def test_gpus_that_the_older_driver_does_not_know_keep_the_host_image_of_their_own(instance_type, model) -> None:
    (variant,) = _config(_on(model, instance_type))["ProductionVariants"]
    assert "InferenceAmiVersion" not in variant
    (variant,) = _config(_on(model, instance_type, inference_ami_version="another"))["ProductionVariants"]
    assert variant["InferenceAmiVersion"] == "another"


def _on(model: ModelSpec, instance_type: str, **options) -> EndpointSpec:
    variant = Variant(instance_type=instance_type, **options)
    return EndpointSpec(model=attrs.evolve(model, tensorflow_version=None), variants=[variant], region="us-east-1")


def test_gpus_that_cuda_12_left_behind_run_older_images_only(model: ModelSpec) -> None:
    with pytest.raises(ConfigurationError, match=r"ml\.p2.*CUDA 12.*ml\.g4dn"):
        _on(model, "ml.p2.xlarge")
    with pytest.raises(ConfigurationError, match="CUDA 12"):
        _on(attrs.evolve(model, image_uri=image_uri("us-east-1", processor="gpu")), "ml.p2.xlarge")
    older = EndpointSpec(
        model=attrs.evolve(model, tensorflow_version="2.4.1"),
        variants=[Variant(instance_type="ml.p2.xlarge")],
        region="us-east-1",
    )
    assert "InferenceAmiVersion" not in _config(older)["ProductionVariants"][0]


@pytest.mark.parametrize(
    "instance_type",
    [
        "ml.g4dn.xlarge",
        "ml.g5.xlarge",
        "ml.g6e.xlarge",
        "ml.p4d.24xlarge",
        "ml.p5.48xlarge",
        "ml.m5d.large",
        "ml.c6gd.large",
    ],
)
def test_a_volume_for_instances_with_disks_of_their_own_is_refused(instance_type: str, model: ModelSpec) -> None:
    with pytest.raises(ConfigurationError, match="leave volume_gib out"):
        _on(model, instance_type, volume_gib=100)


@pytest.mark.parametrize(
    "instance_type", ["ml.m5.large", "ml.c6i.large", "ml.c6gn.large", "ml.p3.2xlarge", "ml.r8g.large"]
)
def test_a_volume_for_other_instances_is_not(instance_type: str, model: ModelSpec) -> None:
    (variant,) = _config(_on(model, instance_type, volume_gib=100))["ProductionVariants"]
    assert variant["VolumeSizeInGB"] == 100


@pytest.mark.parametrize(
    ("rails", "seconds"),
    [
        (Guardrails(), 3600),
        (Guardrails(wait_s=3600, termination_wait_s=3600), 9000),
        (Guardrails(traffic="linear", step_percent=10, wait_s=600), 7200),
        (Guardrails(traffic="linear", step_percent=30, wait_s=1000), 4800),
        (Guardrails(traffic="linear", step_percent=10, wait_s=3100), 28_800),
        (Guardrails(traffic="canary", wait_s=600, max_execution_s=700), 700),
    ],
)
def test_an_update_gets_more_time_than_it_waits(rails: Guardrails, seconds: int, model: ModelSpec) -> None:
    made = plan(EndpointSpec(model=model, guardrails=rails, region="us-east-1"))
    policy = made.update.parameters["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["MaximumExecutionTimeoutInSeconds"] == seconds


@pytest.mark.parametrize(
    "options",
    [
        {"wait_s": 600, "termination_wait_s": 600, "max_execution_s": 1200},
        {"traffic": "linear", "step_percent": 10, "wait_s": 3600},
        {"traffic": "canary", "wait_s": 3600, "max_execution_s": 3600},
    ],
)
def test_an_update_that_only_waits_is_refused(options) -> None:
    with pytest.raises(ConfigurationError, match="always be rolled back"):
        Guardrails(**options)


@pytest.mark.parametrize(
    ("uri", "pinned"),
    [
        (image_uri("us-east-1", processor="gpu"), True),
        (image_uri("us-east-1", "2.14.1", "gpu"), False),
        ("111122223333.dkr.ecr.us-east-1.amazonaws.com/mine:2.20-gpu", False),
    ],
)
def test_a_gpu_image_of_aws_s_that_is_named_gets_the_host_it_needs_as_well(uri, pinned, model: ModelSpec) -> None:
    spec = EndpointSpec(
        model=attrs.evolve(model, image_uri=uri),
        variants=[Variant(instance_type="ml.g4dn.xlarge")],
        region="us-east-1",
    )
    (variant,) = _config(spec)["ProductionVariants"]
    assert variant.get("InferenceAmiVersion") == ("al2-ami-sagemaker-inference-gpu-3-1" if pinned else None)


def test_serverless_has_neither_instances_nor_network_isolation(model: ModelSpec) -> None:
    made = plan(_every_option(model)["serverless"])
    (variant,) = made.config.parameters["ProductionVariants"]
    assert variant["ServerlessConfig"] == {
        "MemorySizeInMB": 2048,
        "MaxConcurrency": 10,
        "ProvisionedConcurrency": 1,
    }
    assert not {"InstanceType", "InitialInstanceCount"} & set(variant)
    assert "EnableNetworkIsolation" not in made.models[0].parameters


def test_asynchronous_scales_to_zero_and_wakes_again(model: ModelSpec) -> None:
    target, tracking, wake, alarm = plan(_every_option(model)["asynchronous to zero"]).scaling
    resource = "endpoint/ElastiCachePoliceEndpoint/variant/AllTraffic"
    assert (target.operation, target.parameters["MinCapacity"], target.parameters["MaxCapacity"]) == (
        "RegisterScalableTarget",
        0,
        3,
    )
    assert {request.parameters["ResourceId"] for request in (target, tracking, wake)} == {resource}
    metric = tracking.parameters["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"]
    assert metric["MetricName"] == "ApproximateBacklogSizePerInstance"
    assert wake.parameters["PolicyType"] == "StepScaling"
    assert wake.parameters["StepScalingPolicyConfiguration"]["StepAdjustments"] == [
        {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}
    ]
    assert alarm.parameters["MetricName"] == "HasBacklogWithoutCapacity"
    assert (alarm.parameters["EvaluationPeriods"], alarm.parameters["TreatMissingData"]) == (2, "missing")


def test_an_asynchronous_minimum_above_zero_needs_no_wake_up(spec: EndpointSpec) -> None:
    options = AsyncInference(output_url="s3://bucket/out")
    variant = Variant(scaling=BacklogScaling(minimum=1, maximum=2))
    made = plan(attrs.evolve(spec, asynchronous=options, variants=[variant]))
    assert [request.operation for request in made.scaling] == ["RegisterScalableTarget", "PutScalingPolicy"]


def test_guardrails_are_in_the_update_and_not_in_the_first_deployment(model: ModelSpec) -> None:
    made = plan(_every_option(model)["guardrails"])
    assert "DeploymentConfig" not in made.endpoint.parameters
    assert made.update.parameters["DeploymentConfig"] == {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 300,
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
            },
            "TerminationWaitInSeconds": 0,
            "MaximumExecutionTimeoutInSeconds": 3600,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}, {"AlarmName": "latency"}]},
    }


def test_names_follow_the_content(spec: EndpointSpec) -> None:
    again, first = plan(attrs.evolve(spec)), plan(spec)
    bigger = plan(attrs.evolve(spec, variants=[Variant(instance_type="ml.m5.xlarge")]))
    retrained = plan(attrs.evolve(spec, model=attrs.evolve(spec.model, model_data_url="s3://bucket/v2/model.tar.gz")))
    assert again == first
    assert bigger.model_names == first.model_names
    assert bigger.config_name != first.config_name
    assert retrained.model_names != first.model_names
    assert retrained.config_name != first.config_name
    assert first.config_name.startswith("ElastiCachePoliceEndpointConfig-")
    assert first.model_names[0].startswith("ElastiCachePoliceModel-")


@pytest.mark.parametrize(
    "name", ["e", "x" * 63, "my-endpoint", "-".join("abcdefghijklmnopqrstuvwxyz") + "-12345678901"]
)
def test_derived_names_are_names(name: str, spec: EndpointSpec) -> None:
    for request in plan(attrs.evolve(spec, endpoint_name=name)).requests:
        assert problems(request) == []


def test_the_region_may_be_the_session_s(spec: EndpointSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-2")
    made = plan(attrs.evolve(spec, region=None))
    assert made.region == "eu-central-2"
    assert str(made.models[0].parameters["PrimaryContainer"]["Image"]).startswith("380420809688.dkr.ecr.eu-central-2.")


def _refusals(model: ModelSpec) -> dict[str, object]:
    serverless = [Variant(serverless=Serverless())]
    queue = AsyncInference(output_url="s3://bucket/out")

    def spec(**options):
        return EndpointSpec(**{"model": model, "region": "us-east-1", **options})

    return {
        "an S3 URL of another form": lambda: attrs.evolve(model, model_data_url="model.tar.gz"),
        "a role that is none": lambda: attrs.evolve(model, role_arn="SageMakerRole"),
        "a name AWS refuses": lambda: spec(endpoint_name="Elasti_Cache"),
        "a name too long": lambda: spec(endpoint_name="x" * 64),
        "image and version": lambda: attrs.evolve(model, image_uri="x", tensorflow_version="2.20"),
        "Inf1 on the managed image": lambda: spec(variants=[Variant(instance_type="ml.inf1.xlarge")]),
        "an x86 image on Graviton": lambda: spec(
            model=attrs.evolve(model, image_uri="r/tensorflow-inference:2.19-cpu"),
            variants=[Variant(instance_type="ml.c7g.large")],
        ),
        "today's x86 image on Graviton": lambda: spec(
            model=attrs.evolve(model, image_uri=image_uri("us-east-1")),
            variants=[Variant(instance_type="ml.c7g.large")],
        ),
        "today's GPU image on Graviton": lambda: spec(
            model=attrs.evolve(model, image_uri=image_uri("us-east-1", processor="gpu")),
            variants=[Variant(instance_type="ml.c7g.large")],
        ),
        "a Graviton image on x86": lambda: spec(
            model=attrs.evolve(model, image_uri=image_uri("us-east-1", processor="arm64")),
            variants=[Variant(instance_type="ml.m5.large")],
        ),
        "AWS's GPU image without a GPU": lambda: spec(
            model=attrs.evolve(model, image_uri=image_uri("us-east-1", processor="gpu"))
        ),
        "AWS's CPU image on a GPU": lambda: spec(
            model=attrs.evolve(model, image_uri=image_uri("us-east-1")),
            variants=[Variant(instance_type="ml.g4dn.xlarge")],
        ),
        "AWS's CPU image on Inferentia": lambda: spec(
            model=attrs.evolve(model, image_uri=image_uri("us-east-1")),
            variants=[Variant(instance_type="ml.inf1.xlarge")],
        ),
        "two variants of one name": lambda: spec(variants=[Variant(), Variant()]),
        "a shadow of the same name": lambda: spec(shadow=Variant()),
        "a shadow of two": lambda: spec(variants=[Variant(name="a"), Variant(name="b")], shadow=Variant(name="c")),
        "a shadow of a queue": lambda: spec(asynchronous=queue, shadow=Variant(name="s")),
        "a shadow that scales": lambda: spec(shadow=Variant(name="s", scaling=TargetScaling(maximum=2, target=1.0))),
        "a shadow that sees more than there is": lambda: spec(shadow=Variant(name="s", weight=2.0)),
        "a serverless shadow": lambda: spec(shadow=Variant(name="s", serverless=Serverless())),
        "burstable instances that scale": lambda: spec(
            variants=[Variant(instance_type="ml.t2.medium", scaling=TargetScaling(maximum=2, target=1.0))]
        ),
        "a shadow of no instances": lambda: spec(variants=serverless, shadow=Variant(name="s")),
        "no variant": lambda: spec(variants=[]),
        "serverless with isolation": lambda: spec(
            model=attrs.evolve(model, network_isolation=True), variants=serverless
        ),
        "serverless with capture": lambda: spec(
            variants=serverless, data_capture=DataCapture(destination_url="s3://buc/x")
        ),
        "serverless and asynchronous": lambda: spec(variants=serverless, asynchronous=queue),
        "serverless memory between steps": lambda: Serverless(memory_mib=1500),
        "more provisioned than allowed": lambda: Serverless(max_concurrency=1, provisioned_concurrency=2),
        "backlog without queue": lambda: spec(variants=[Variant(scaling=BacklogScaling(maximum=1))]),
        "load with queue": lambda: spec(
            asynchronous=queue, variants=[Variant(scaling=TargetScaling(maximum=2, target=1.0))]
        ),
        "fewest above most": lambda: TargetScaling(minimum=3, maximum=2, target=1.0),
        "real-time to zero": lambda: TargetScaling(minimum=0, maximum=2, target=1.0),
        "eleven alarms": lambda: Guardrails(rollback_alarm_names=[str(number) for number in range(11)]),
        "too small linear steps": lambda: Guardrails(traffic="linear", step_percent=5),
        "a canary for a queue": lambda: spec(asynchronous=queue, guardrails=Guardrails(traffic="canary")),
        "capture of nothing": lambda: DataCapture(
            destination_url="s3://bucket/x", capture_input=False, capture_output=False
        ),
        "one model name, two processors": lambda: plan(
            spec(
                model=attrs.evolve(model, name="M"),
                variants=[Variant(name="a"), Variant(name="b", instance_type="ml.c7g.large")],
            )
        ),
    }


@pytest.mark.parametrize("name", sorted(_refusals(ModelSpec(model_data_url="s3://bucket/key", role_arn=ROLE))))
def test_what_cannot_work_is_refused_before_anything_is_sent(name: str, model: ModelSpec) -> None:
    with pytest.raises(ConfigurationError):
        _refusals(model)[name]()


@pytest.mark.parametrize(
    ("options", "image", "reason"),
    [
        ({"instance_type": "ml.g4dn.xlarge"}, None, "no instance type \\(ml.g4dn.xlarge\\)"),
        ({"instance_count": 3}, None, "no number of instances"),
        ({}, "1.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.19-gpu", "no GPU"),
        ({}, image_uri("us-east-1", processor="gpu"), "no GPU"),
        ({}, image_uri("us-east-1", processor="arm64"), "no Graviton"),
    ],
)
def test_serverless_with_instances_or_a_gpu_is_refused_not_ignored(model: ModelSpec, options, image, reason) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        EndpointSpec(model=attrs.evolve(model, image_uri=image), variants=[Variant(serverless=Serverless(), **options)])
