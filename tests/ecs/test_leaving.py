"""Machines leave: drained, stopped, deregistered twice over, and never by force unasked."""

from __future__ import annotations

import pytest
from fake_ecs import Script

from elasticache_police import ecs_anywhere
from elasticache_police.ecs_anywhere import Cluster, TaskSpec
from elasticache_police.errors import AccessDeniedError, AwsError, ConfigurationError, TaskFailedError, WaitTimeoutError

SPEC = TaskSpec(family="job", image="image")


def _operations(fake, *wanted: str) -> list[str]:
    return [operation for operation, _ in fake.calls if operation in wanted]


CHANGES = (
    "UpdateContainerInstancesState",
    "StopTask",
    "DeregisterContainerInstance",
    "DeregisterManagedInstance",
)


def test_an_idle_machine_leaves_both_services(fake, joined):
    (machine,) = ecs_anywhere.instances(joined)

    gone = ecs_anywhere.leave(joined, machine.instance_id)

    assert (gone.deregistered, gone.left_systems_manager, gone.stopped_tasks) == ((machine.arn,), True, ())
    assert "rm -rf /var/lib/ecs" in gone.cleanup_command
    assert ecs_anywhere.instances(joined) == ()
    assert fake.managed == {}
    assert _operations(fake, *CHANGES) == [CHANGES[0], CHANGES[2], CHANGES[3]]


def test_a_machine_that_ecs_does_not_drain_stays(fake, joined):
    """ECS says so in an answer that says OK."""
    (machine,) = ecs_anywhere.instances(joined)
    fake.undrainable[machine.arn] = "INACTIVE"
    with pytest.raises(AwsError, match=f"{machine.instance_id} cannot be drained.*INACTIVE"):
        ecs_anywhere.leave(joined, machine.instance_id)
    assert _operations(fake, *CHANGES) == ["UpdateContainerInstancesState"]


def test_a_machine_that_went_before_it_was_drained_leaves(fake, joined):
    (machine,) = ecs_anywhere.instances(joined)
    fake.undrainable[machine.arn] = "MISSING"
    assert ecs_anywhere.leave(joined, machine.instance_id).left_systems_manager


def test_leaving_again_is_no_error(joined):
    (machine,) = ecs_anywhere.instances(joined)
    ecs_anywhere.leave(joined, machine.instance_id)
    again = ecs_anywhere.leave(joined, machine.instance_id)
    assert (again.deregistered, again.left_systems_manager) == ((), False)


def test_a_departure_that_was_interrupted_is_finished(fake, joined):
    (machine,) = ecs_anywhere.instances(joined)
    fake.fails("DeregisterManagedInstance", "InternalServerError", status=400)
    with pytest.raises(AwsError) as caught:
        ecs_anywhere.leave(joined, machine.arn)  # which nobody knows any more now
    assert caught.value.__notes__ == [
        f"{machine.instance_id} has left ECS, and not all the rest; go on with: leave police {machine.instance_id}"
    ]
    again = ecs_anywhere.leave(joined, machine.instance_id)
    assert (again.deregistered, again.left_systems_manager) == ((), True)


def test_running_tasks_are_waited_for(fake, joined):
    fake.script("job", Script(runs=4))
    ecs_anywhere.run_task(joined, SPEC)
    (machine,) = ecs_anywhere.instances(joined)
    seen = []
    gone = ecs_anywhere.leave(joined, machine.instance_id, on_progress=lambda now: seen.append(now.status))
    assert seen[0] == "1 running and 0 pending task(s)"
    assert seen[-1] == "0 running and 0 pending task(s)"
    assert gone.abandoned_tasks == ()


def test_tasks_are_stopped_only_when_asked(fake, joined):
    fake.script("job", Script(runs=1000))
    run = ecs_anywhere.run_task(joined, SPEC)
    (machine,) = ecs_anywhere.instances(joined)
    with pytest.raises(WaitTimeoutError, match="1 running") as caught:
        ecs_anywhere.leave(joined, machine.instance_id, timeout_s=20)
    (note,) = caught.value.__notes__
    assert note.startswith(f"{machine.instance_id} was not deregistered; it drains and takes no new tasks.")
    assert note.endswith(f"--cluster police --container-instances {machine.arn} --status ACTIVE")
    assert _operations(fake, "StopTask", "DeregisterContainerInstance", "DeregisterManagedInstance") == []

    gone = ecs_anywhere.leave(joined, machine.instance_id, stop_tasks=True)

    assert gone.stopped_tasks == (run.arn,)
    assert fake.tasks[run.arn].stopped


def test_ctrl_c_while_a_machine_leaves_says_in_which_state_it_is(fake, joined):
    fake.script("job", Script(runs=1000))
    ecs_anywhere.run_task(joined, SPEC)
    (machine,) = ecs_anywhere.instances(joined)

    def interrupt(_now):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        ecs_anywhere.leave(joined, machine.instance_id, on_progress=interrupt)
    assert "Leave again to go on (--stop-tasks stops its tasks" in caught.value.__notes__[0]
    assert fake.machine(machine.instance_id).status == "DRAINING"


def test_a_disconnected_machine_with_tasks_needs_force_and_says_what_it_abandons(fake, joined):
    fake.script("job", Script(runs=1000))
    run = ecs_anywhere.run_task(joined, SPEC)
    (machine,) = ecs_anywhere.instances(joined)
    fake.machine(machine.instance_id).connected = False
    with pytest.raises(WaitTimeoutError, match="agent is disconnected: ECS cannot stop them"):
        ecs_anywhere.leave(joined, machine.instance_id, stop_tasks=True, timeout_s=20)

    gone = ecs_anywhere.leave(joined, machine.instance_id, force=True)

    assert gone.abandoned_tasks == (run.arn,)
    assert [p["force"] for operation, p in fake.calls if operation == "DeregisterContainerInstance"] == [True]


def test_a_task_whose_machine_was_forced_out_is_not_said_never_to_have_run(fake, joined):
    fake.script("job", Script(runs=1000))
    run = ecs_anywhere.run_task(joined, SPEC)
    fake.tick()
    ecs_anywhere.leave(joined, ecs_anywhere.instances(joined)[0].instance_id, force=True)

    (result,) = ecs_anywhere.wait_stopped(joined, [run])

    assert (result.exit_code, result.succeeded) == (None, False)
    assert result.explanation == "it ran, and ECS lost sight of it: its machine was terminated or deregistered"
    with pytest.raises(TaskFailedError, match=r"terminated or deregistered \(Container instance deregistration forced"):
        result.raise_for_failure()


def test_tasks_that_were_asked_to_stop_and_still_run_are_named(fake, joined):
    """ECS lists a task that was asked to stop under desiredStatus STOPPED, though it still runs."""
    fake.script("job", Script(runs=1000))
    before, now = (ecs_anywhere.run_task(joined, SPEC).arn for _ in range(2))
    ecs_anywhere.stop_task(joined, before)
    (machine,) = ecs_anywhere.instances(joined)
    fake.machine(machine.instance_id).connected = False

    gone = ecs_anywhere.leave(joined, machine.instance_id, stop_tasks=True, force=True)

    assert gone.stopped_tasks == (now,)
    assert set(gone.abandoned_tasks) == {before, now}


def test_tasks_that_have_ended_are_not_named_when_a_machine_is_forced_out(fake, joined):
    fake.script("job", Script(runs=1), Script(runs=1000))
    ended, running = (ecs_anywhere.run_task(joined, SPEC).arn for _ in range(2))
    fake.tick()
    (machine,) = ecs_anywhere.instances(joined)
    gone = ecs_anywhere.leave(joined, machine.instance_id, force=True)
    assert gone.abandoned_tasks == (running,)
    assert fake.tasks[ended].stopped


def test_a_registration_that_ecs_counts_tasks_on_says_how_to_leave(fake, joined):
    (machine,) = ecs_anywhere.instances(joined)
    fake.fails("DeregisterContainerInstance", "InvalidParameterException", "Found running tasks on the instance.")
    with pytest.raises(AwsError, match="Found running tasks") as caught:
        ecs_anywhere.leave(joined, machine.instance_id)
    assert "leave with force=True (--force)" in caught.value.__notes__[0]
    assert "was not deregistered" in caught.value.__notes__[1]


def test_a_machine_that_could_not_even_be_drained_is_not_said_to_drain(fake, joined):
    (machine,) = ecs_anywhere.instances(joined)
    fake.fails("UpdateContainerInstancesState", "AccessDeniedException", "no")
    with pytest.raises(AwsError) as caught:
        ecs_anywhere.leave(joined, machine.instance_id)
    assert not hasattr(caught.value, "__notes__")


def test_force_is_never_sent_unasked(fake, joined):
    (machine,) = ecs_anywhere.instances(joined)
    ecs_anywhere.leave(joined, machine.instance_id)
    assert [p["force"] for operation, p in fake.calls if operation == "DeregisterContainerInstance"] == [False]


def test_a_machine_that_registered_twice_leaves_with_both_registrations(fake, joined):
    (first,) = ecs_anywhere.instances(joined)
    second = fake.registers_again(first.instance_id)
    gone = ecs_anywhere.leave(joined, first.instance_id)
    assert set(gone.deregistered) == {first.arn, second.arn}
    assert fake.managed == {}


def test_an_activation_is_deleted_once(fake, cluster):
    activation = ecs_anywhere.create_activation(cluster, create_missing=True)
    assert ecs_anywhere.delete_activation(cluster, activation.activation_id) is True
    assert ecs_anywhere.delete_activation(cluster, activation.activation_id) is False
    assert fake.activations == {}


def test_the_plan_names_the_changes_in_order(joined):
    (machine,) = ecs_anywhere.instances(joined)
    plan = ecs_anywhere.plan_leave(joined, machine, stop_tasks=True, force=False)
    assert tuple(one.operation for one in plan) == CHANGES


def test_the_plan_of_a_machine_that_registered_twice_is_what_is_sent(fake, joined):
    (machine,) = ecs_anywhere.instances(joined)
    fake.registers_again(machine.instance_id)
    plan = ecs_anywhere.plan_leave(joined, machine.instance_id)
    before = len(fake.calls)

    ecs_anywhere.leave(joined, machine.instance_id)

    sent = [call for call in fake.calls[before:] if call[0] in CHANGES]
    assert [(one.operation, dict(one.parameters)) for one in plan] == sent
    assert [operation for operation, _ in sent].count("DeregisterManagedInstance") == 1


def test_a_machine_that_has_left_ecs_is_still_planned_to_leave_systems_manager(joined):
    plan = ecs_anywhere.plan_leave(joined, "mi-0ffffffffffffffff")
    assert [one.operation for one in plan] == ["DeregisterManagedInstance"]


def test_a_task_that_ends_just_before_it_is_stopped_does_not_stop_the_leaving(fake, joined):
    fake.script("job", Script(runs=1))
    ecs_anywhere.run_task(joined, SPEC)
    (machine,) = ecs_anywhere.instances(joined)
    fake.fails("StopTask", "InvalidParameterException", "The referenced task was not found.")

    gone = ecs_anywhere.leave(joined, machine.instance_id, stop_tasks=True)

    assert (gone.stopped_tasks, gone.left_systems_manager) == ((), True)


def test_the_activation_goes_too_when_asked(fake, joined):
    (machine,) = ecs_anywhere.instances(joined)
    (activation,) = fake.activations
    assert ecs_anywhere.plan_leave(joined, machine, activation=activation)[-1].operation == "DeleteActivation"
    assert ecs_anywhere.leave(joined, machine.instance_id, activation=activation).deleted_activation is True
    assert fake.activations == {}
    assert ecs_anywhere.leave(joined, machine.instance_id, activation=activation).deleted_activation is False


def test_a_windows_machine_gets_its_own_clean_up(fake, joined):
    (machine,) = ecs_anywhere.instances(joined)
    fake.machine(machine.instance_id).os_type = "windows"
    assert "ecs-anywhere-install.ps1 -Uninstall" in ecs_anywhere.leave(joined, machine.instance_id).cleanup_command


@pytest.fixture
def busy(fake, joined):
    """The id of a machine of cluster police that runs a task."""
    fake.script("job", Script(runs=1000))
    ecs_anywhere.run_task(joined, SPEC)
    return ecs_anywhere.instances(joined)[0].instance_id


def _named(joined, name: str) -> Cluster:
    made = Cluster(name, clock=joined.clock, sleep=joined.sleep)
    made.clients = joined.clients
    return made


@pytest.mark.parametrize("there", [False, True])
def test_a_machine_of_another_cluster_is_not_forgotten_for_a_wrong_name(fake, joined, busy, there):
    """The name is mistyped, or that of a cluster that there is."""
    wrong = _named(joined, "polcie")
    if there:
        fake.create_cluster({"clusterName": "polcie"})
    for act in (ecs_anywhere.leave, ecs_anywhere.plan_leave):
        with pytest.raises(ConfigurationError, match=f"{busy} is not in cluster polcie.* belongs to police"):
            act(wrong, busy)
    assert _operations(fake, *CHANGES) == []
    assert busy in fake.managed


def test_a_machine_of_another_cluster_is_forgotten_by_force(fake, joined, busy):
    wrong = _named(joined, "polcie")
    assert [one.operation for one in ecs_anywhere.plan_leave(wrong, busy, force=True)] == [CHANGES[3]]
    assert ecs_anywhere.leave(wrong, busy, force=True).left_systems_manager
    assert fake.managed == {}


def test_a_machine_whose_tags_name_no_cluster_is_forgotten(fake, joined, busy):
    """As one does that registered with an activation of somebody else."""
    fake.managed_tags[busy].clear()
    assert ecs_anywhere.leave(_named(joined, "other"), busy).left_systems_manager


def test_where_tags_may_not_be_read_nothing_is_forgotten(fake, joined, busy):
    fake.fails("ListTagsForResource", "AccessDeniedException", "no")
    with pytest.raises(AccessDeniedError) as caught:
        ecs_anywhere.leave(_named(joined, "polcie"), busy)
    assert "the policy of ecs-leave allows to look" in caught.value.__notes__[0]
    assert busy in fake.managed
    fake.fails("ListTagsForResource", "InternalServerError", "broken")
    with pytest.raises(AwsError, match="broken"):
        ecs_anywhere.leave(_named(joined, "polcie"), busy)
    assert busy in fake.managed
