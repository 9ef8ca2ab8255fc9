"""Scaling set up and taken down; everything found by its tag; everything deleted in the right order."""

from __future__ import annotations

import attrs
import boto3
import pytest
from fake_sagemaker import AwsFault
from test_archive import pack

from elasticache_police import sagemaker_deploy as sm
from elasticache_police._aws import PROJECT_TAG
from elasticache_police.errors import AwsError, LeftBehindError, NotFoundError

ENDPOINT = "ElastiCachePoliceEndpoint"
ALARM = f"elasticache-police/{ENDPOINT}/AllTraffic/backlog-without-capacity"


@pytest.fixture
def queue(spec):
    return attrs.evolve(
        spec,
        asynchronous=sm.AsyncInference(output_url="s3://queue/out", failure_url="s3://queue/fail"),
        variants=[sm.Variant(scaling=sm.BacklogScaling(maximum=3))],
    )


def _scaling():
    client = boto3.client("application-autoscaling")
    targets = client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    policies = client.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    alarms = boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return targets, policies, alarms


def test_scaling_to_zero_is_set_up_with_the_alarm_that_wakes_it(fake, queue, pace) -> None:
    done = sm.deploy(queue, pace=pace)
    (target,), policies, alarms = _scaling()
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 3)
    kinds = {policy["PolicyName"]: policy for policy in policies}
    assert set(kinds) == {f"{ENDPOINT}-AllTraffic-backlog", f"{ENDPOINT}-AllTraffic-wake"}
    (alarm,) = [alarm for alarm in alarms if alarm["AlarmName"] == ALARM]
    assert alarm["AlarmActions"] == [kinds[f"{ENDPOINT}-AllTraffic-wake"]["PolicyARN"]]
    assert [resource.kind for resource in done.made][2:] == [
        "endpoint", "scaling target", "scaling policy", "scaling policy", "alarm",
    ]  # fmt: skip
    assert sm.deploy(queue, pace=pace).made == ()


def test_scaling_goes_when_a_later_specification_does_not_ask_for_it(fake, queue, pace) -> None:
    sm.deploy(queue, pace=pace)
    scaling = boto3.client("application-autoscaling")
    where = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{ENDPOINT}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    tracking = {
        "TargetValue": 5.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    }
    scaling.put_scaling_policy(
        PolicyName="somebody-elses",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracking,
        **where,
    )
    fixed = attrs.evolve(queue, variants=[attrs.evolve(queue.variants[0], scaling=None)])
    sm.deploy(fixed, pace=pace)
    targets, policies, alarms = _scaling()
    assert [policy["PolicyName"] for policy in policies] == ["somebody-elses"]
    assert len(targets) == 1, "it scales by a policy that is not ours"
    assert ALARM not in {alarm["AlarmName"] for alarm in alarms}
    sm.deploy(queue, pace=pace)
    scaling.delete_scaling_policy(PolicyName="somebody-elses", **where)
    sm.deploy(fixed, pace=pace)
    assert _scaling()[:2] == ([], [])


def test_delete_takes_everything_down_in_order(fake, queue, pace) -> None:
    sm.deploy(queue, pace=pace)
    gone = sm.delete(ENDPOINT, pace=pace)
    assert [resource.kind for resource in gone.removed] == [
        "alarm", "scaling policy", "scaling policy", "scaling target", "endpoint", "endpoint configuration", "model",
    ]  # fmt: skip
    assert fake.names == set()
    targets, policies, alarms = _scaling()
    assert (targets, policies) == ([], [])
    assert ALARM not in {alarm["AlarmName"] for alarm in alarms}
    assert sm.delete(ENDPOINT, pace=pace) == sm.Teardown(), "twice is safe"


def test_scaling_that_fails_takes_the_endpoint_back(fake, queue, pace, monkeypatch) -> None:
    from elasticache_police._aws import Clients

    real = Clients.perform

    def refuse(self, request):
        if request.operation == "PutMetricAlarm":
            raise AwsError("not allowed", operation="PutMetricAlarm", code="AccessDenied")
        return real(self, request)

    monkeypatch.setattr(Clients, "perform", refuse)
    with pytest.raises(AwsError, match="not allowed"):
        sm.deploy(queue, pace=pace)
    assert fake.names == set()
    assert _scaling()[:2] == ([], [])


def test_earlier_configurations_and_models_go_with_the_endpoint(fake, spec, pace) -> None:
    sm.deploy(spec, pace=pace)
    sm.deploy(attrs.evolve(spec, variants=[sm.Variant(instance_type="ml.m5.xlarge")]), pace=pace)
    other = attrs.evolve(spec, endpoint_name="Another", model=attrs.evolve(spec.model, environment={"A": "b"}))
    sm.deploy(other, pace=pace)
    assert len(fake.configs) == 3
    sm.delete(ENDPOINT, pace=pace)
    assert fake.names == {"Another", sm.plan(other).config_name, *sm.plan(other).model_names}


def test_what_another_endpoint_uses_stays_and_is_told(fake, spec, pace) -> None:
    shared = attrs.evolve(spec, model=attrs.evolve(spec.model, name="Shared"))
    sm.deploy(shared, pace=pace)
    bigger = [sm.Variant(instance_type="ml.m5.xlarge")]
    other = attrs.evolve(shared, endpoint_name="Another", variants=bigger)
    sm.deploy(other, pace=pace)
    third = attrs.evolve(shared, endpoint_name="Third", config_name=sm.plan(shared).config_name)
    boto3.client("sagemaker").create_endpoint(EndpointName="Third", EndpointConfigName=third.config_name)
    told: list[str] = []
    gone = sm.delete(ENDPOINT, on_event=lambda event: told.append(str(event)), pace=pace)
    assert [str(resource) for resource in gone.removed] == [f"endpoint {ENDPOINT}"]
    assert told[:2] == [
        f"keeping endpoint configuration {third.config_name}: endpoint Third uses it too",
        "keeping model Shared: endpoint Third uses it too",
    ]
    sm.delete("Third", pace=pace)
    assert fake.names == {"Another", sm.plan(other).config_name, "Shared"}
    sm.delete("Another", pace=pace)
    assert fake.names == set()


@pytest.fixture
def among_others(fake, monkeypatch):
    """Things of another team, whose tags this package's own policy does not let anybody read."""
    client = boto3.client("sagemaker")
    client.create_model(ModelName="theirs", ExecutionRoleArn="arn:aws:iam::123456789012:role/Theirs")
    variants = [{"VariantName": "v", "ModelName": "theirs"}]
    client.create_endpoint_config(EndpointConfigName="theirs", ProductionVariants=variants)
    client.create_endpoint(EndpointName="theirs", EndpointConfigName="theirs")
    for name in ("ListTags", "DescribeEndpoint"):
        monkeypatch.setattr(fake, f"_{name}", _only_ours(name, getattr(fake, f"_{name}")))


def _only_ours(operation, real):
    def answer(**parameters):
        name = next(iter(parameters.values())).rpartition("/")[2].lower()
        if not name.startswith("elasticachepolice"):
            raise AwsFault("AccessDeniedException", f"not authorized to perform: sagemaker:{operation}")
        return real(**parameters)

    return answer


@pytest.mark.usefixtures("among_others")
def test_tags_of_others_that_may_not_be_read_are_told_of_once_for_each_kind(fake, spec, pace) -> None:
    sm.deploy(spec, pace=pace)
    client = boto3.client("sagemaker")
    client.create_model(ModelName="theirs-too", ExecutionRoleArn="arn:aws:iam::123456789012:role/Theirs")
    told: list[str] = []
    found = sm.list(on_event=lambda event: told.append(str(event)))
    assert [resource.kind for resource in found] == ["endpoint", "endpoint configuration", "model"]
    about_tags = [words.partition(";")[0] for words in told if "activation" not in words]  # moto has no activations
    assert about_tags == [
        "cannot see endpoint *: the tags of 1, taken for somebody else's",
        "cannot see endpoint configuration *: the tags of 1, taken for somebody else's",
        "cannot see model *: the tags of 2, taken for somebody else's",
    ]
    sm.delete_all(pace=pace)
    assert fake.names == {"theirs", "theirs-too"}


@pytest.mark.usefixtures("among_others")
@pytest.mark.parametrize("refused", ["", "ListEndpointConfigs", "ListModels"])
def test_an_endpoint_is_deleted_whatever_else_cannot_be_seen(fake, spec, pace, refused: str) -> None:
    sm.deploy(spec, pace=pace)
    fake.fail(refused, "AccessDeniedException", "not allowed", times=1)
    told: list[str] = []
    sm.delete(ENDPOINT, on_event=lambda event: told.append(str(event)), pace=pace)
    assert fake.names == {"theirs"}
    assert any(words.startswith("cannot see endpoint *: what 1 use") for words in told)


def test_models_may_be_kept(fake, spec, pace) -> None:
    sm.deploy(spec, pace=pace)
    sm.delete(ENDPOINT, keep_models=True, pace=pace)
    assert fake.names == set(sm.plan(spec).model_names)


def test_a_foreign_endpoint_is_deleted_with_its_configuration_and_model(fake, spec, model, pace) -> None:
    client = boto3.client("sagemaker")
    for request in sm.plan(spec).requests:
        from botocore import xform_name

        parameters = {key: value for key, value in request.parameters.items() if key != "Tags"}
        getattr(client, xform_name(request.operation))(**parameters)
    fake.endpoints[ENDPOINT]["script"] = ["InService"]
    assert sm.list() == ()
    sm.delete(ENDPOINT, pace=pace)
    assert fake.names == set()


def test_list_finds_everything_by_tag_and_nothing_else(fake, queue, spec, model, pace) -> None:
    sm.deploy(queue, pace=pace)
    boto3.client("sagemaker").create_model(
        ModelName="Foreign", PrimaryContainer={"Image": "x"}, ExecutionRoleArn=model.role_arn
    )
    fake.transforming = ["InProgress"]
    sm.start_batch(
        sm.BatchSpec(model="Foreign", input_url="s3://bucket/in/", output_url="s3://bucket/out", job_name="Running")
    )
    found = sm.list()
    names = sm.plan(queue)
    assert [(resource.kind, resource.part or resource.name) for resource in found] == [
        ("alarm", ALARM),
        ("scaling policy", f"{ENDPOINT}-AllTraffic-backlog"),
        ("scaling policy", f"{ENDPOINT}-AllTraffic-wake"),
        ("scaling target", f"endpoint/{ENDPOINT}/variant/AllTraffic"),
        ("endpoint", ENDPOINT),
        ("transform job", "Running"),
        ("endpoint configuration", names.config_name),
        ("model", names.model_names[0]),
    ]
    assert [resource.name for resource in found if resource.billable] == [ALARM, ENDPOINT, "Running"]
    assert next(resource for resource in found if resource.kind == "endpoint").status == "InService"


def test_delete_all_leaves_what_is_not_ours(fake, queue, model, pace) -> None:
    sm.deploy(queue, pace=pace)
    boto3.client("sagemaker").create_model(
        ModelName="Foreign", PrimaryContainer={"Image": "x"}, ExecutionRoleArn=model.role_arn
    )
    sm.delete_all(pace=pace)
    assert fake.names == {"Foreign"}
    assert sm.list() == ()


def test_delete_all_leaves_what_an_endpoint_of_somebody_else_uses(fake, spec, pace, tmp_path) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="own", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    archive = sm.upload(pack(tmp_path / "model.tar.gz", "1/saved_model.pb"), bucket="own", key="here.tar.gz")
    plan = sm.deploy(attrs.evolve(spec, model=attrs.evolve(spec.model, model_data_url=archive.url)), pace=pace)
    foreign = boto3.client("sagemaker")
    variant = {"VariantName": "A", "ModelName": plan.model_names[0], "InitialInstanceCount": 1}
    foreign.create_endpoint_config(
        EndpointConfigName="Theirs", ProductionVariants=[{**variant, "InstanceType": "ml.m5.large"}]
    )
    foreign.create_endpoint(EndpointName="Theirs", EndpointConfigName="Theirs")
    told: list[str] = []
    sm.delete_all(on_event=lambda event: told.append(str(event)), pace=pace)
    assert fake.names == {"Theirs", plan.model_names[0]}
    assert [words for words in told if words.startswith("keeping")] == [
        f"keeping model {plan.model_names[0]}: endpoint Theirs uses it too",
        "keeping archive own/here.tar.gz: endpoint Theirs uses it too",
    ]
    assert "Contents" in client.list_objects_v2(Bucket="own")


def test_what_cannot_be_deleted_is_an_error_that_names_it_after_deleting_the_rest(fake, spec, pace) -> None:
    sm.deploy(spec, pace=pace)
    fake.fail("DeleteEndpointConfig", "AccessDeniedException", "not allowed")
    with pytest.raises(LeftBehindError) as caught:
        sm.delete(ENDPOINT, pace=pace)
    config = sm.plan(spec).config_name
    assert fake.names == {config}
    assert caught.value.left[0].startswith(f"endpoint configuration {config} (")
    assert len(caught.value.removed) == 2


def test_an_endpoint_being_created_is_waited_for_and_deleted(fake, spec, pace) -> None:
    sm.create_model(spec.model)
    attached = attrs.evolve(spec, model=attrs.evolve(spec.model, name=next(iter(fake.models))))
    sm.create_endpoint_config(attached)
    fake.creating = ["Creating"] * 3 + ["InService"]
    sm.create_endpoint(attached)
    sm.delete(ENDPOINT, pace=pace)
    assert ENDPOINT not in fake.endpoints


def test_an_endpoint_that_somebody_else_deletes_meanwhile_is_gone_and_not_left(fake, spec, pace) -> None:
    fake.creating = ["InService"]
    sm.deploy(spec, pace=pace)
    fake.endpoints[ENDPOINT]["script"] = ["Updating", "Updating", "InService"]
    fake.fail("DeleteEndpoint", "ValidationException", "Could not find endpoint", after=1)
    gone = sm.delete(ENDPOINT, pace=pace)
    assert gone.left == ()
    assert fake.operations("DeleteEndpoint").count("DeleteEndpoint") == 2


def test_waiting_for_what_does_not_exist_says_so(fake, pace) -> None:
    with pytest.raises(NotFoundError):
        sm.wait_in_service(ENDPOINT, pace=pace)
    sm.wait_deleted(ENDPOINT, pace=pace)


def test_what_runs_on_ecs_is_found_and_goes_too(fake, pace, monkeypatch) -> None:
    from elasticache_police import ecs_anywhere
    from elasticache_police._aws import Clients

    real = Clients.perform

    def perform(self, request):  # moto has no activations
        return {} if request.operation == "DescribeActivations" else real(self, request)

    monkeypatch.setattr(Clients, "perform", perform)

    ecs_anywhere.ensure_cluster("police")
    ecs_anywhere.ensure_log_group("police", "/ecs/elasticache-police")
    tags = dict([PROJECT_TAG])
    boto3.client("sqs").create_queue(QueueName="elasticache-police-run", tags=tags)
    boto3.client("sqs").create_queue(QueueName="elasticache-police-foreign")
    boto3.client("ecs").create_cluster(clusterName="foreign")
    boto3.client("logs").create_log_group(logGroupName="/ecs/elasticache-police-foreign")
    found = sm.list()
    assert [(resource.kind, resource.part or resource.name, resource.billable) for resource in found] == [
        ("cluster", "police", False),
        ("queue", "elasticache-police-run", False),
        ("log group", "/ecs/elasticache-police", True),
    ]
    boto3.client("sqs").create_queue(QueueName="elasticache-police-since", tags=tags)
    assert sm.delete_all(only=found, pace=pace).removed == found
    since = sm.list()
    assert [resource.part for resource in since] == ["elasticache-police-since"]  # nobody was shown it
    assert sm.delete_all(pace=pace).removed == since
    assert sm.list() == ()
    assert len(boto3.client("sqs").list_queues()["QueueUrls"]) == 1


class Account:
    """ECS with a cluster of ours and another's, each with machines, as moto's cannot have them."""

    OURS, THEIRS = "arn:aws:ecs:r:1:cluster/police", "arn:aws:ecs:r:1:cluster/theirs"

    def __init__(self) -> None:
        self.machines = {self.OURS: ["mi-1", "i-1"], self.THEIRS: ["mi-2", "mi-3"]}
        self.refusals = {"DeleteCluster": ["ClusterContainsContainerInstancesException"] * 2}
        self.sent: list[tuple[str, dict]] = []

    def perform(self, request):
        parameters = dict(request.parameters)
        self.sent.append((request.operation, parameters))
        for code in self.refusals.get(request.operation, [])[:1]:
            self.refusals[request.operation].pop(0)
            raise AwsError("not yet", operation=request.operation, code=code)
        cluster = str(parameters.get("cluster"))
        name = cluster.rpartition("/")[2]
        answers = {
            "ListClusters": {"clusterArns": [*self.machines]},
            "DescribeClusters": {
                "clusters": [
                    {"clusterArn": self.OURS, "clusterName": "police", "status": "ACTIVE",
                     "tags": [{"key": PROJECT_TAG[0], "value": PROJECT_TAG[1]}]},
                    {"clusterArn": self.THEIRS, "clusterName": "theirs", "status": "ACTIVE"},
                ]
            },
            "ListTasks": {"taskArns": [f"arn:aws:ecs:r:1:task/{name}/t-{name}"]},
            "ListContainerInstances": {
                "containerInstanceArns": [
                    f"arn:aws:ecs:r:1:container-instance/{name}/{machine}" for machine in self.machines.get(cluster, [])
                ]
            },
            "DescribeContainerInstances": {
                "containerInstances": [
                    {"containerInstanceArn": arn, "ec2InstanceId": arn.rpartition("/")[2], "status": "ACTIVE"}
                    for arn in parameters.get("containerInstances", [])
                ]
            },
            "DescribeActivations": {
                "ActivationList": [
                    {"ActivationId": "a-ours", "RegistrationLimit": 2, "RegistrationsCount": 1,
                     "Tags": [{"Key": PROJECT_TAG[0], "Value": PROJECT_TAG[1]}]},
                    {"ActivationId": "a-theirs", "Tags": [{"Key": "team", "Value": "them"}]},
                ]
            },
            "DescribeInstanceInformation": {"InstanceInformationList": [{"InstanceId": "mi-3"}]},
            "GetCallerIdentity": {"Account": "1"},
        }  # fmt: skip
        return answers.get(request.operation, {})


def test_machines_and_tasks_of_this_project_go_and_those_of_others_stay(monkeypatch, pace, time) -> None:
    from elasticache_police._aws import Clients

    account = Account()
    monkeypatch.setattr(Clients, "perform", account.perform)
    monkeypatch.setattr(Clients, "account_id", lambda self: "1")
    gone = sm.delete_all(pace=pace)
    assert [str(resource) for resource in gone.removed] == [
        "activation a-ours", "task t-police", "task t-theirs", "container instance mi-1", "managed instance mi-1",
        "container instance mi-3", "managed instance mi-3", "cluster police",
    ]  # fmt: skip
    changes = [(name, sent) for name, sent in account.sent if name.startswith(("Stop", "Deregister", "Delete"))]
    assert changes.pop(0) == ("DeleteActivation", {"ActivationId": "a-ours"}), "before a machine joins meanwhile"
    assert changes[0] == ("StopTask", {"cluster": "police", "task": "arn:aws:ecs:r:1:task/police/t-police"})
    assert changes[2] == (
        "DeregisterContainerInstance",
        {
            "cluster": "police",
            "containerInstance": "arn:aws:ecs:r:1:container-instance/police/mi-1",
            "force": True,
        },
    )
    assert [name for name, _ in changes].count("DeleteCluster") == 3, "refused while it still empties"
    assert time.slept


@pytest.mark.parametrize(("error", "code"), [("AccessDeniedError", "AccessDeniedException"), ("AwsError", "500")])
def test_activations_that_may_not_be_seen_are_told_and_hide_nothing_else(error: str, code: str, monkeypatch) -> None:
    """Denied, or unknown to what stands in for AWS."""
    from elasticache_police import errors
    from elasticache_police._aws import Clients

    account, told = Account(), []

    def perform(self, request):
        if request.operation == "DescribeActivations":
            raise getattr(errors, error)("no", operation=request.operation, code=code)
        return account.perform(request)

    monkeypatch.setattr(Clients, "perform", perform)
    monkeypatch.setattr(Clients, "account_id", lambda self: "1")
    found = sm.list(on_event=lambda event: told.append(str(event)))
    assert str(found[0]) == "task t-police"
    assert told[0].startswith("cannot see activation *: DescribeActivations: no")


def test_an_activation_is_found_where_its_cluster_is_gone(fake, monkeypatch) -> None:
    from elasticache_police._aws import Clients

    account, real = Account(), Clients.perform

    def perform(self, request):
        return account.perform(request) if request.operation == "DescribeActivations" else real(self, request)

    monkeypatch.setattr(Clients, "perform", perform)
    assert [str(one) for one in sm.list()] == ["activation a-ours"]


def test_without_a_cluster_no_machine_is_looked_for(fake, session_calls) -> None:
    session, called = session_calls
    assert sm.list(session=session) == ()
    assert {"ListClusters", "DescribeActivations"} <= set(called)
    assert "DescribeInstanceInformation" not in called


@pytest.fixture
def session_calls():
    """A boto3 session, and the operations that it is asked for."""
    session, called = boto3.Session(), []
    session.events.register("before-call", lambda model, **_: called.append(model.name))
    return session, called


def test_a_part_of_the_account_that_may_not_be_seen_is_told_and_the_rest_is_listed(
    fake, spec, pace, monkeypatch
) -> None:
    from elasticache_police._aws import Clients
    from elasticache_police.errors import AccessDeniedError

    sm.deploy(spec, pace=pace)
    real = Clients.perform

    def refuse(self, request):
        if request.operation in {"ListClusters", "ListObjectsV2"}:
            raise AccessDeniedError(f"no {request.operation}", operation=request.operation, code="AccessDenied")
        return {} if request.operation == "DescribeActivations" else real(self, request)  # moto has no activations

    monkeypatch.setattr(Clients, "perform", refuse)
    told: list[str] = []
    found = sm.list(on_event=lambda event: told.append(str(event)))
    assert {resource.kind for resource in found} == {"endpoint", "endpoint configuration", "model"}
    bucket = "sagemaker-ap-northeast-1-123456789012/amazon_elasticache_police/"
    assert [words.rpartition(": no")[0] for words in told] == [
        f"cannot see archive {bucket}: ListObjectsV2",
        "cannot see cluster *: ListClusters",
    ]


def test_an_archive_in_a_bucket_of_one_s_own_is_found_through_its_model(fake, spec, pace, tmp_path) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="own", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    archive = sm.upload(pack(tmp_path / "model.tar.gz", "1/saved_model.pb"), bucket="own", key="here.tar.gz")
    sm.deploy(attrs.evolve(spec, model=attrs.evolve(spec.model, model_data_url=archive.url)), pace=pace)
    assert [resource.name for resource in sm.list() if resource.kind == "archive"] == ["own/here.tar.gz"]
    sm.delete_all(pace=pace)
    assert "Contents" not in client.list_objects_v2(Bucket="own")


def test_a_running_compilation_is_found_and_stopped(fake, pace) -> None:
    tags = [{"Key": PROJECT_TAG[0], "Value": PROJECT_TAG[1]}]
    for name, state in (("Running", "INPROGRESS"), ("Ended", "COMPLETED")):
        fake.compilations[name] = {"Tags": tags, "script": [state]}
    assert [(resource.kind, resource.name) for resource in sm.list()] == [("compilation job", "Running")]
    sm.delete_all(pace=pace)
    assert fake.changes() == ["StopCompilationJob Running"]


def test_throttled_deletions_are_tried_again(fake, spec, pace) -> None:
    sm.deploy(spec, pace=pace)
    fake.fail("DeleteModel", "ThrottlingException", "Rate exceeded", times=2)
    sm.delete(ENDPOINT, pace=pace)
    assert fake.names == set()
