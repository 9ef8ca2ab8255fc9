"""A task as data, and what cannot work refused before AWS is asked."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import NoReturn

import attrs

from elasticache_police._aws import Request
from elasticache_police.ecs_anywhere.cluster import request
from elasticache_police.errors import ConfigurationError

__all__ = ["LaunchType", "TaskSpec", "Volume", "definition_request"]

_FAMILY = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
_FARGATE_MEMORY = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4097, 1024)),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16385, 1024)),
    4096: tuple(range(8192, 30721, 1024)),
    8192: tuple(range(16384, 61441, 4096)),
    16384: tuple(range(32768, 122881, 8192)),
}


class LaunchType(str, enum.Enum):
    """Where ECS runs a task: one way of operating, three places."""

    EXTERNAL = "EXTERNAL"
    """A machine of one's own: ECS Anywhere."""
    FARGATE = "FARGATE"
    """AWS's own capacity, no machine to see."""
    EC2 = "EC2"
    """An EC2 instance of one's own account."""

    def __str__(self) -> str:
        return self.value

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        raise ConfigurationError(f"a launch type is one of {', '.join(cls)}, not {value!r}")


@attrs.frozen(kw_only=True)
class Volume:
    """A directory that outlives the container, or at least its root file system."""

    name: str
    container_path: str
    """Where the container sees it."""
    host_path: str | None = None
    """A directory of the machine (bind mount); None for a volume that lives as long as the task."""
    efs_file_system_id: str | None = None
    """An EFS file system; not on ECS Anywhere."""
    read_only: bool = False

    def __attrs_post_init__(self) -> None:
        if not self.container_path.startswith("/"):
            raise ConfigurationError(f"volume {self.name}: container_path {self.container_path!r} is not absolute")
        if self.host_path is not None and self.efs_file_system_id is not None:
            raise ConfigurationError(f"volume {self.name}: give a host path or an EFS file system, not both")


@attrs.frozen(kw_only=True)
class TaskSpec:
    """What to run, checked against what the launch type can do when it is made.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-anywhere.html (what ECS Anywhere lacks)
    """

    family: str
    """The task definition's name."""
    image: str
    """The container image's URI."""
    command: tuple[str, ...] = ()
    """Replaces the image's CMD."""
    entry_point: tuple[str, ...] = ()
    """Replaces the image's ENTRYPOINT."""
    launch_type: LaunchType = attrs.field(default=LaunchType.EXTERNAL, converter=LaunchType)
    network_mode: str | None = None
    """``bridge``, ``host`` or ``none``; ``awsvpc`` on Fargate and EC2 only.

    None: ``awsvpc`` on Fargate, else ``bridge``.
    """
    cpu_units: int = 1024
    """1,024 to a core."""
    memory_mib: int = 2048
    """Hard limit: beyond it the kernel kills the container, exit code 137."""
    gpus: int = 0
    volumes: tuple[Volume, ...] = ()
    environment: Mapping[str, str] = attrs.field(factory=dict)
    """Not for secrets: everyone who can describe the task reads it."""
    secrets: Mapping[str, str] = attrs.field(factory=dict)
    """Environment variable to the ARN of a Secrets Manager secret or an SSM parameter."""
    log_group: str | None = None
    """CloudWatch Logs group for the ``awslogs`` driver; None leaves the log on the machine."""
    log_region: str | None = None
    task_role_arn: str | None = None
    """What the code in the container may do."""
    execution_role_arn: str | None = None
    """What the agent may do for it: pull from ECR, write logs, read secrets."""
    subnets: tuple[str, ...] = ()
    """Only with ``awsvpc``."""
    security_groups: tuple[str, ...] = ()
    assign_public_ip: bool = False
    read_only_root: bool = True
    """Mount the container's root file system read-only."""
    stop_timeout_s: int = 120
    """Seconds between SIGTERM and SIGKILL; Fargate allows at most 120."""
    user: str | None = None
    tags: Mapping[str, str] = attrs.field(factory=dict)

    container_name: str = "main"

    def __attrs_post_init__(self) -> None:
        if not _FAMILY.match(self.family):
            raise ConfigurationError(f"a family is 1 to 255 letters, digits, - and _, not {self.family!r}")
        if not self.image:
            raise ConfigurationError("a task needs an image")
        if self.cpu_units < 2 or self.memory_mib < 6 or self.gpus < 0:
            raise ConfigurationError("a task needs at least 2 CPU units, 6 MiB of memory and no fewer than 0 GPUs")
        for check in (self._refuse_network, self._refuse_storage, self._refuse_roles, self._refuse_size):
            check()

    @property
    def network(self) -> str:
        """The network mode that will be asked for."""
        return self.network_mode or ("awsvpc" if self.launch_type is LaunchType.FARGATE else "bridge")

    def _refuse(self, what: str, why: str) -> None:
        raise ConfigurationError(f"{what} cannot be used with launch type {self.launch_type}: {why}")

    def _refuse_network(self) -> None:
        if self.network not in {"bridge", "host", "none", "awsvpc"}:
            raise ConfigurationError(f"network mode {self.network!r} is not one of bridge, host, none, awsvpc")
        if self.launch_type is LaunchType.EXTERNAL and self.network == "awsvpc":
            self._refuse("network mode awsvpc", "a machine of one's own has no VPC interface; use bridge, host or none")
        if self.launch_type is LaunchType.FARGATE and self.network != "awsvpc":
            self._refuse(f"network mode {self.network}", "Fargate has awsvpc only")
        if self.network == "awsvpc" and not self.subnets:
            raise ConfigurationError("network mode awsvpc needs subnets")
        if self.network != "awsvpc" and (self.subnets or self.security_groups or self.assign_public_ip):
            self._refuse("subnets, security groups and public addresses", "they belong to network mode awsvpc")

    def _refuse_storage(self) -> None:
        names = [volume.name for volume in self.volumes]
        if len(set(names)) != len(names):
            raise ConfigurationError("two volumes have the same name")
        for volume in self.volumes:
            if volume.efs_file_system_id is not None and self.launch_type is LaunchType.EXTERNAL:
                self._refuse(f"EFS volume {volume.name}", "ECS Anywhere has none; mount it on the machine, bind that")
            if volume.host_path is not None and self.launch_type is LaunchType.FARGATE:
                self._refuse(f"host path of volume {volume.name}", "Fargate shows no machine")

    def _refuse_roles(self) -> None:
        if self.execution_role_arn is not None:
            return
        reasons = {
            "logs in CloudWatch": self.log_group is not None,
            "secrets": bool(self.secrets),
            f"an image in ECR ({self.image})": ".dkr.ecr." in self.image,
        }
        for what, asked in reasons.items():
            if asked and self.launch_type is not LaunchType.EC2:
                raise ConfigurationError(
                    f"{what} with launch type {self.launch_type} needs execution_role_arn: "
                    "the agent has no other role to do it with"
                )

    def _refuse_size(self) -> None:
        if self.launch_type is not LaunchType.FARGATE:
            return
        if self.gpus:
            self._refuse("a GPU", "Fargate has none")
        if self.memory_mib not in _FARGATE_MEMORY.get(self.cpu_units, ()):
            sizes = _FARGATE_MEMORY.get(self.cpu_units)
            known = f"{sizes[0]} to {sizes[-1]} MiB" if sizes else f"CPU units {', '.join(map(str, _FARGATE_MEMORY))}"
            self._refuse(f"{self.cpu_units} CPU units with {self.memory_mib} MiB", f"Fargate offers {known}")
        if self.stop_timeout_s > 120:
            self._refuse(f"a stop timeout of {self.stop_timeout_s} s", "Fargate allows 120 s at most")


def definition_request(spec: TaskSpec) -> Request:
    """Return the RegisterTaskDefinition request for a task."""
    parameters: dict[str, object] = {
        "family": spec.family,
        "requiresCompatibilities": [spec.launch_type.value],
        "networkMode": spec.network,
        "containerDefinitions": [_container(spec)],
        "volumes": [_volume(one) for one in spec.volumes],
        "taskRoleArn": spec.task_role_arn,
        "executionRoleArn": spec.execution_role_arn,
        "tags": [{"key": key, "value": value} for key, value in sorted(spec.tags.items())],
    }
    if spec.launch_type is LaunchType.FARGATE:
        parameters |= {"cpu": str(spec.cpu_units), "memory": str(spec.memory_mib)}
    return request("ecs", "RegisterTaskDefinition", **_said(parameters))


def _said(parameters: Mapping[str, object]) -> dict[str, object]:
    """Leave out what was not asked for."""
    return {key: value for key, value in parameters.items() if value is not None and value not in ([], {})}


def _container(spec: TaskSpec) -> dict[str, object]:
    on_machine = spec.launch_type is not LaunchType.FARGATE
    return _said(
        {
            "name": spec.container_name,
            "image": spec.image,
            "essential": True,
            "cpu": spec.cpu_units if on_machine else None,
            "memory": spec.memory_mib if on_machine else None,
            "entryPoint": list(spec.entry_point),
            "command": list(spec.command),
            "user": spec.user,
            "environment": [{"name": key, "value": value} for key, value in sorted(spec.environment.items())],
            "secrets": [{"name": key, "valueFrom": arn} for key, arn in sorted(spec.secrets.items())],
            "resourceRequirements": [{"type": "GPU", "value": str(spec.gpus)}] if spec.gpus else [],
            "mountPoints": [
                {"sourceVolume": one.name, "containerPath": one.container_path, "readOnly": one.read_only}
                for one in spec.volumes
            ],
            "readonlyRootFilesystem": spec.read_only_root,
            "stopTimeout": spec.stop_timeout_s,
            "logConfiguration": _log(spec),
        }
    )


def _log(spec: TaskSpec) -> dict[str, object]:
    if spec.log_group is None:
        return {}
    options = {"awslogs-group": spec.log_group, "awslogs-stream-prefix": spec.family}
    if spec.log_region is not None:
        options["awslogs-region"] = spec.log_region
    return {"logDriver": "awslogs", "options": options}


def _volume(volume: Volume) -> dict[str, object]:
    if volume.efs_file_system_id is not None:
        return {"name": volume.name, "efsVolumeConfiguration": {"fileSystemId": volume.efs_file_system_id}}
    if volume.host_path is not None:
        return {"name": volume.name, "host": {"sourcePath": volume.host_path}}
    return {"name": volume.name, "host": {}}
