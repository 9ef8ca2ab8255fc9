"""Train and inspect on machines of one's own with Amazon ECS Anywhere.

Register machines, run tasks on them (or on Fargate or EC2 with the same call), watch them, and take the machines out
again::

    from elasticache_police import ecs_anywhere as ecs

    activation = ecs.create_activation("police", limit=2, create_missing=True)
    print(ecs.install_command(activation))            # paste it into the machines' shells
    ecs.wait_registered("police", 2, activation=activation)
    spec = ecs.train_on("police", fonts="s3://my-bucket/fonts", out="s3://my-bucket/model.tar.gz", ...)
    report = ecs.inspect_on("police", "s3://my-bucket/pictures/", ..., tasks=16)

Every function takes the cluster first: its name, or a :class:`Cluster` with the session, region or clients to use.
Every function that changes something has a ``plan_...`` twin that returns the requests without sending them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elasticache_police.ecs_anywhere.activation import Activation, Secret
    from elasticache_police.ecs_anywhere.cluster import Cluster
    from elasticache_police.ecs_anywhere.collection import CollectionJob, Picture
    from elasticache_police.ecs_anywhere.definitions import Definition, plan_register, register_task
    from elasticache_police.ecs_anywhere.host import (
        HostOptions,
        check_script,
        cleanup_command,
        cloud_init,
        install_command,
        install_script,
    )
    from elasticache_police.ecs_anywhere.inspection import inspect_on, plan_inspection
    from elasticache_police.ecs_anywhere.known import KnownActivation, activations
    from elasticache_police.ecs_anywhere.leaving import (
        Departure,
        delete_activation,
        leave,
        plan_delete_activation,
        plan_leave,
    )
    from elasticache_police.ecs_anywhere.logs import LogLine, LogPlace, LogTail, ensure_log_group, plan_log_group
    from elasticache_police.ecs_anywhere.machines import Connection, Instance, instances
    from elasticache_police.ecs_anywhere.merging import CollectionReport, Failure
    from elasticache_police.ecs_anywhere.reading import iter_report, read_report
    from elasticache_police.ecs_anywhere.registration import (
        create_activation,
        ensure_cluster,
        plan_activation,
        wait_registered,
    )
    from elasticache_police.ecs_anywhere.results import TaskResult
    from elasticache_police.ecs_anywhere.roles import policy
    from elasticache_police.ecs_anywhere.task_spec import LaunchType, TaskSpec, Volume
    from elasticache_police.ecs_anywhere.tasks import (
        TaskRun,
        find_task,
        plan_run,
        plan_stop,
        run_task,
        run_tasks,
        stop_task,
    )
    from elasticache_police.ecs_anywhere.training import (
        TrainedModel,
        plan_training,
        train,
        train_on,
        training_spec,
    )
    from elasticache_police.ecs_anywhere.waiting import wait_stopped
    from elasticache_police.ecs_anywhere.worker import Worker

__all__ = [
    "Activation",
    "Cluster",
    "CollectionJob",
    "CollectionReport",
    "Connection",
    "Definition",
    "Departure",
    "Failure",
    "HostOptions",
    "Instance",
    "KnownActivation",
    "LaunchType",
    "LogLine",
    "LogPlace",
    "LogTail",
    "Picture",
    "Secret",
    "TaskResult",
    "TaskRun",
    "TaskSpec",
    "TrainedModel",
    "Volume",
    "Worker",
    "activations",
    "check_script",
    "cleanup_command",
    "cloud_init",
    "create_activation",
    "delete_activation",
    "ensure_cluster",
    "ensure_log_group",
    "find_task",
    "inspect_on",
    "install_command",
    "install_script",
    "instances",
    "iter_report",
    "leave",
    "plan_activation",
    "plan_delete_activation",
    "plan_inspection",
    "plan_leave",
    "plan_log_group",
    "plan_register",
    "plan_run",
    "plan_stop",
    "plan_training",
    "policy",
    "read_report",
    "register_task",
    "run_task",
    "run_tasks",
    "stop_task",
    "train",
    "train_on",
    "training_spec",
    "wait_registered",
    "wait_stopped",
]

_HOMES = {
    "activation": ("Activation", "Secret"),
    "known": ("KnownActivation", "activations"),
    "cluster": ("Cluster",),
    "collection": ("CollectionJob", "Picture"),
    "definitions": ("Definition", "plan_register", "register_task"),
    "host": ("HostOptions", "check_script", "cleanup_command", "cloud_init", "install_command", "install_script"),
    "inspection": ("inspect_on", "plan_inspection"),
    "machines": ("Connection", "Instance", "instances"),
    "leaving": ("Departure", "delete_activation", "leave", "plan_delete_activation", "plan_leave"),
    "logs": ("LogLine", "LogPlace", "LogTail", "ensure_log_group", "plan_log_group"),
    "merging": ("CollectionReport", "Failure"),
    "reading": ("iter_report", "read_report"),
    "registration": ("create_activation", "ensure_cluster", "plan_activation", "wait_registered"),
    "results": ("TaskResult",),
    "roles": ("policy",),
    "task_spec": ("LaunchType", "TaskSpec", "Volume"),
    "tasks": ("TaskRun", "find_task", "plan_run", "plan_stop", "run_task", "run_tasks", "stop_task"),
    "training": ("TrainedModel", "plan_training", "train", "train_on", "training_spec"),
    "waiting": ("wait_stopped",),
    "worker": ("Worker",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
