"""Machines join: activation, role, host texts, and the wait until their agents are connected."""

from __future__ import annotations

import datetime as dt
import json
import logging
import pickle

import boto3
import pytest
from fake_ecs import AwsFault

from elasticache_police import ecs_anywhere
from elasticache_police.ecs_anywhere import Activation, Connection
from elasticache_police.ecs_anywhere.roles import HOST_ROLE, SSM, TASKS, trust_policy
from elasticache_police.errors import (
    ConfigurationError,
    NotFoundError,
    PoliceError,
    ResourceFailedError,
    ThrottledError,
    WaitTimeoutError,
)


def _role(service: str, name: str = HOST_ROLE) -> None:
    boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust_policy(service)))


def test_an_activation_brings_cluster_and_role_along_when_asked(fake, cluster):
    activation = ecs_anywhere.create_activation(cluster, limit=3, tags={"team": "docs"}, create_missing=True)

    assert fake.clusters["police"]["status"] == "ACTIVE"
    assert {"key": "elasticache-police", "value": "true"} in fake.clusters["police"]["tags"]
    assert json.loads(fake.roles[HOST_ROLE]["trust"]) == trust_policy(SSM)
    assert fake.roles[HOST_ROLE]["policies"] == [
        "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
        "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role",
    ]
    made = fake.activations[activation.activation_id]
    assert (made["limit"], made["role"], made["tags"]["team"]) == (3, HOST_ROLE, "docs")
    assert activation.code == made["code"]
    assert (activation.region, activation.cluster, activation.registration_limit) == ("us-east-1", "police", 3)


def test_making_things_again_changes_nothing(fake, cluster):
    ecs_anywhere.create_activation(cluster, create_missing=True)
    ecs_anywhere.create_activation(cluster, create_missing=True)

    operations = [operation for operation, _ in fake.calls]
    assert operations.count("CreateCluster") == 1
    assert operations.count("CreateRole") == 1
    assert len(fake.roles[HOST_ROLE]["policies"]) == 2


def test_nothing_is_made_unasked(fake, cluster):
    with pytest.raises(NotFoundError, match="no active cluster police"):
        ecs_anywhere.create_activation(cluster)
    fake.create_cluster({"clusterName": "police"})
    with pytest.raises(NotFoundError):
        ecs_anywhere.create_activation(cluster)
    assert fake.activations == {}


def test_a_role_that_trusts_another_service_is_named_with_the_remedy(fake, cluster):
    _role(TASKS)
    with pytest.raises(ConfigurationError, match=r"lets ecs-tasks.amazonaws.com assume it.*must be ssm.amazonaws.com"):
        ecs_anywhere.create_activation(cluster, create_missing=True)
    assert fake.activations == {}


def test_a_new_role_that_cannot_be_assumed_yet_is_waited_for(fake, cluster):
    fake.assumable_after[HOST_ROLE] = 3
    activation = ecs_anywhere.create_activation(cluster, create_missing=True)
    assert activation.activation_id in fake.activations


def test_an_old_role_that_cannot_be_assumed_is_not_waited_for(fake, cluster):
    _role(SSM)
    fake.assumable_after[HOST_ROLE] = 1
    with pytest.raises(PoliceError, match="missing ssm service principal"):
        ecs_anywhere.create_activation(cluster, create_missing=True)
    assert [operation for operation, _ in fake.calls].count("CreateActivation") == 1


@pytest.mark.parametrize("limit", [0, 1001])
def test_limits_that_aws_refuses_are_refused_beforehand(fake, cluster, limit):
    with pytest.raises(ConfigurationError, match="1 to 1000"):
        ecs_anywhere.create_activation(cluster, limit=limit)
    assert fake.calls == []


def test_an_expiry_beyond_thirty_days_is_refused(cluster):
    with pytest.raises(ConfigurationError, match="30 days"):
        ecs_anywhere.plan_activation(cluster, expires_in=dt.timedelta(days=31))


def test_china_has_no_ecs_anywhere():
    with pytest.raises(ConfigurationError, match="cn-north-1"):
        ecs_anywhere.create_activation(ecs_anywhere.Cluster("police", region="cn-north-1"))


def test_the_code_shows_up_in_no_repr_log_plan_or_error(fake, cluster, caplog):
    caplog.set_level(logging.DEBUG)
    plan = ecs_anywhere.plan_activation(cluster, create_missing=True)
    activation = ecs_anywhere.create_activation(cluster, create_missing=True)
    code = str(activation.code)
    with pytest.raises(WaitTimeoutError) as waited:
        ecs_anywhere.wait_registered(cluster, activation=activation, timeout_s=5)

    assert code in ecs_anywhere.install_command(activation)
    for shown in (
        repr(activation),
        str(activation),
        f"{activation}",
        repr(activation.code),
        repr({"code": activation.code}),
        json.dumps(activation.to_dict()),
        repr(plan),
        str(waited.value),
        caplog.text,
    ):
        assert code not in shown
    assert "CreateActivation" in caplog.text  # the log was listened to
    assert pickle.loads(pickle.dumps(activation)).code == code  # noqa: S301  our own


def test_the_plan_is_what_is_sent(fake, cluster):
    plan = ecs_anywhere.plan_activation(cluster, limit=2, create_missing=True)
    ecs_anywhere.create_activation(cluster, limit=2, create_missing=True)

    planned = {one.operation: one.parameters for one in plan}
    sent = dict(fake.calls)
    assert sent["CreateCluster"] == planned["CreateCluster"]
    ours = {key: value for key, value in planned["CreateActivation"].items() if key != "ExpirationDate"}
    assert {key: value for key, value in sent["CreateActivation"].items() if key != "ExpirationDate"} == ours
    assert [one.operation for one in plan] == [
        "CreateCluster",
        "CreateRole",
        "AttachRolePolicy",
        "AttachRolePolicy",
        "CreateActivation",
    ]


def test_waiting_follows_machines_from_systems_manager_into_the_cluster(fake, cluster):
    activation = ecs_anywhere.create_activation(cluster, limit=2, create_missing=True)
    first = fake.joins(activation.activation_id, activation.code)
    second = fake.joins(activation.activation_id, activation.code, connected=False)
    seen = []

    def progress(now):
        seen.append(now.status)
        if len(seen) == 2:
            fake.machine(second).connected = True

    machines = ecs_anywhere.wait_registered(cluster, 2, activation=activation, on_progress=progress)

    assert [one.instance_id for one in machines] == [first, second]
    assert seen[0] == f"1 of 2 connected; registered, agent not connected: {second}"
    assert seen[-1] == "2 of 2 connected"


def test_machines_of_another_activation_do_not_count(fake, joined):
    mine = ecs_anywhere.create_activation(joined)
    with pytest.raises(WaitTimeoutError, match="0 of 1 connected"):
        ecs_anywhere.wait_registered(joined, activation=mine, timeout_s=20)


def test_an_expired_activation_ends_the_wait_with_the_reason(fake, cluster):
    activation = ecs_anywhere.create_activation(cluster, limit=2, create_missing=True)
    fake.joins(activation.activation_id, activation.code)
    fake.expire(activation.activation_id)
    with pytest.raises(ResourceFailedError, match=r"is expired: 1 machine\(s\) used it, and 2 were awaited"):
        ecs_anywhere.wait_registered(cluster, 2, activation=activation)


def test_more_machines_than_an_activation_registers_are_not_waited_for(fake, cluster):
    activation = ecs_anywhere.create_activation(cluster, limit=1, create_missing=True)
    with pytest.raises(ResourceFailedError, match=r"is for 1 machine\(s\) only: 0 machine\(s\) used it, and 2"):
        ecs_anywhere.wait_registered(cluster, 2, activation=activation)


def test_an_activation_that_is_used_up_by_machines_that_left_ends_the_wait_after_a_minute(fake, cluster):
    activation = ecs_anywhere.create_activation(cluster, limit=2, create_missing=True)
    left, _ = (fake.joins(activation.activation_id, activation.code) for _ in range(2))
    ecs_anywhere.leave(cluster, left)
    began = fake.clock()
    with pytest.raises(ResourceFailedError, match=r"is used up: 2 of 2 registrations.*: 1 machine\(s\) used it, and 2"):
        ecs_anywhere.wait_registered(cluster, 2, activation=activation)
    assert 60 < fake.clock() - began < 120


def test_a_machine_that_systems_manager_lists_late_is_waited_for(fake, cluster):
    activation = ecs_anywhere.create_activation(cluster, create_missing=True)
    late = fake.joins(activation.activation_id, activation.code)
    listed = {late: fake.managed.pop(late)}

    def list_it(now):
        if now.elapsed_s > 30:
            fake.managed.update(listed)

    (machine,) = ecs_anywhere.wait_registered(cluster, activation=activation, on_progress=list_it)
    assert machine.instance_id == late


def test_a_machine_that_drains_has_not_joined(fake, joined):
    (machine,) = fake.machines
    machine.status = "DRAINING"
    with pytest.raises(WaitTimeoutError, match=f"0 of 1 connected; draining, take no tasks: {machine.instance_id}"):
        ecs_anywhere.wait_registered(joined, timeout_s=20)


def test_a_deleted_activation_ends_the_wait_and_a_very_new_one_does_not(fake, cluster):
    activation = ecs_anywhere.create_activation(cluster, create_missing=True)
    ecs_anywhere.delete_activation(cluster, activation)
    seen = []
    with pytest.raises(ResourceFailedError, match="unknown to Systems Manager"):
        ecs_anywhere.wait_registered(cluster, activation=activation, on_progress=lambda now: seen.append(now.elapsed_s))
    assert seen[-1] > 60


def test_a_machine_that_never_comes_is_an_error_that_says_where_to_look(fake, cluster):
    activation = ecs_anywhere.create_activation(cluster, create_missing=True)
    with pytest.raises(WaitTimeoutError, match="0 of 1 connected") as caught:
        ecs_anywhere.wait_registered(cluster, activation=activation, timeout_s=20)
    assert "/var/log/ecs; `elasticache-police ecs check-script`" in caught.value.__notes__[0]


def test_a_role_is_named_and_not_given_as_its_arn(fake, cluster):
    calls = len(fake.calls)
    with pytest.raises(ConfigurationError, match="takes the role's name, 'ecsAnywhereRole', not 'arn:aws:iam"):
        ecs_anywhere.create_activation(cluster, role="arn:aws:iam::111122223333:role/ecsAnywhereRole")
    assert len(fake.calls) == calls


def test_ec2_instances_of_the_cluster_are_not_waited_for(fake, joined):
    (machine,) = fake.machines
    fake._register("i-0123456789abcdef0", machine.cluster, 4096, 8192, 0, True)
    (found,) = ecs_anywhere.wait_registered(joined, 1, timeout_s=0)
    assert found.instance_id == machine.instance_id


def test_an_activation_registers_no_more_machines_than_its_limit(fake, cluster):
    activation = ecs_anywhere.create_activation(cluster, create_missing=True)
    fake.joins(activation.activation_id, activation.code)
    with pytest.raises(AwsFault):
        fake.joins(activation.activation_id, activation.code)


def test_throttling_in_the_middle_of_the_wait_is_survived(fake, joined):
    fake.fails("DescribeContainerInstances", "ThrottlingException", times=3)
    (machine,) = ecs_anywhere.wait_registered(joined, 1)
    assert machine.agent_connected


def test_throttling_outside_a_wait_is_typed(fake, joined):
    fake.fails("ListContainerInstances", "ThrottlingException", "Rate exceeded")
    with pytest.raises(ThrottledError, match="Rate exceeded"):
        ecs_anywhere.instances(joined)


def test_a_machine_that_registered_twice_counts_once(fake, joined):
    (before,) = ecs_anywhere.instances(joined)
    fake.registers_again(before.instance_id)

    found = ecs_anywhere.instances(joined)

    assert [(one.arn == before.arn, one.connection) for one in found] == [
        (True, Connection.DUPLICATE),
        (False, Connection.CONNECTED),
    ]
    assert len(ecs_anywhere.wait_registered(joined, 1)) == 1


def test_disconnected_and_duplicate_are_told_apart_when_no_agent_is_connected(fake, joined):
    (before,) = ecs_anywhere.instances(joined)
    again = fake.registers_again(before.instance_id)
    again.connected = False
    found = {one.arn: one.connection for one in ecs_anywhere.instances(joined)}
    assert found == {before.arn: Connection.DUPLICATE, again.arn: Connection.DISCONNECTED}


def test_an_instance_says_what_it_has_and_what_is_left(fake, cluster):
    activation = ecs_anywhere.create_activation(cluster, create_missing=True)
    fake.joins(activation.activation_id, activation.code, cpu=8192, memory=16384, gpus=2)
    spec = ecs_anywhere.TaskSpec(family="train", image="trainer", cpu_units=2048, memory_mib=4096, gpus=1)
    ecs_anywhere.run_task(cluster, spec)

    (one,) = ecs_anywhere.instances(cluster)

    assert (one.cpu_units, one.cpu_units_free, one.memory_mib, one.memory_mib_free) == (8192, 6144, 16384, 12288)
    assert (len(one.gpus), one.gpus_free, one.running_tasks) == (2, 1, 1)
    assert (one.agent_version, one.docker_version, one.external) == ("1.89.0", "27.1.1", True)
    assert one.attributes == ("ecs.capability.external", "ecs.os-type=linux")


def test_more_than_a_hundred_machines_are_all_described(fake, cluster):
    activation = ecs_anywhere.create_activation(cluster, limit=205, create_missing=True)
    for _ in range(205):
        fake.joins(activation.activation_id, activation.code)
    assert len(ecs_anywhere.wait_registered(cluster, 205)) == 205


def test_a_cluster_that_does_not_exist_is_typed(cluster):
    with pytest.raises(NotFoundError):
        ecs_anywhere.instances(cluster)


def test_an_activation_made_by_hand_hides_its_code_too():
    made = Activation(activation_id="a", code="hush-hush", region="eu-west-1")
    assert "hush" not in repr(made)
    assert made.code == "hush-hush"


@pytest.mark.parametrize("name", ["arn:aws:ecs:eu-west-1:111122223333:cluster/police", "", "two words", "a;b"])
def test_a_cluster_is_called_by_its_short_name(name):
    with pytest.raises(ConfigurationError, match="called by its short name"):
        ecs_anywhere.Cluster(name)
