"""A small ECS with external instances, SSM hybrid activations, CloudWatch Logs and IAM roles, as AWS documents them.

moto lacks or distorts all of this. Real boto3 talks to it over HTTP (`serve`); a test plays the machines' agents
(`joins`, `disconnects`, `registers_again`) and says how tasks end (`script`). Time is a count of ticks.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote

ACCOUNT = "111122223333"
REGION = "us-east-1"
NO_CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
_EPOCH = 1_700_000_000.0


class AwsFault(Exception):  # noqa: N818  AWS calls it a fault
    """An error that goes back to the caller."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass
class Script:
    """How a task behaves, in ticks after its start."""

    invisible: int = 0
    """DescribeTasks answers MISSING for so long."""
    runs: int = 2
    exit_code: int | None = 0
    stop_code: str = "EssentialContainerExited"
    reason: str = "Essential container in task exited"
    container_reason: str = ""
    log: list[str] = field(default_factory=list)
    log_late: int = 0
    """Ticks after which the log appears."""
    execute: Callable[[dict[str, str], list[str]], int] | None = None
    """Runs for real, in a thread, with the container's environment and command; returns the exit code."""


@dataclass
class Machine:
    instance_id: str
    arn: str
    cluster: str
    cpu: int
    memory: int
    gpus: list[str]
    connected: bool = True
    status: str = "ACTIVE"
    registered_at: float = 0.0
    os_type: str = "linux"


@dataclass
class Task:
    arn: str
    definition: dict
    machine: Machine | None
    script: Script
    born: int
    environment: dict[str, str]
    command: list[str]
    stopped_at: int | None = None
    exit_code: int | None = None
    stop_code: str = ""
    reason: str = ""
    thread: threading.Thread | None = None
    stop_asked: bool = False
    tags: list = field(default_factory=list)

    @property
    def stopped(self) -> bool:
        return self.stopped_at is not None

    @property
    def container(self) -> dict:
        return self.definition["containerDefinitions"][0]


class FakeEcs:
    """The state behind the API, and the levers of a test."""

    def __init__(self) -> None:
        self.now = 0
        self.lock = threading.RLock()
        self.clusters: dict[str, dict] = {}
        self.activations: dict[str, dict] = {}
        self.managed: dict[str, str] = {}
        self.managed_tags: dict[str, dict[str, str]] = {}
        """Of the machines in `managed`: an activation's tags go to those that register with it."""
        self.machines: list[Machine] = []
        self.definitions: dict[str, list[dict]] = {}
        self.definition_tags: dict[str, list] = {}
        self.tasks: dict[str, Task] = {}
        self.log_groups: set[str] = set()
        self.deleted_log_groups: set[str] = set()
        self.roles: dict[str, dict] = {}
        self.tokens: dict[str, tuple[str, list[str], list[dict]]] = {}
        """By client token the request, the tasks it started and the failures: ECS gives the same answer again."""
        self.scripts: dict[str, list[Script]] = {}
        self.unknown: set[str] = set()
        """Tasks that DescribeTasks does not know at the moment: it is eventually consistent."""
        self.fargate_lacks = 0
        """RunTask on Fargate finds no capacity so often."""
        self.assumable_after: dict[str, int] = {}
        self.undrainable: dict[str, str] = {}
        """Machines whose status ECS does not change, each with the reason it gives in an answer that says OK."""
        self.faults: list[tuple[str, AwsFault]] = []
        self.calls: list[tuple[str, dict]] = []
        self._numbers = itertools.count(1)

    # ---- levers -------------------------------------------------------------------------------------------

    def tick(self, _seconds: float = 0.0) -> None:
        with self.lock:
            self.now += 1
            for task in self.tasks.values():
                self._advance(task)
        if any(task.thread is not None and task.thread.is_alive() for task in self.tasks.values()):
            time.sleep(0.05)

    def clock(self) -> float:
        return float(self.now * 5)

    def fails(self, operation: str, code: str, message: str = "as the test wants", times: int = 1, status: int = 400):
        self.faults += [(operation, AwsFault(code, message, status))] * times

    def script(self, family: str, *scripts: Script) -> None:
        self.scripts.setdefault(family, []).extend(scripts)

    def joins(
        self,
        activation_id: str,
        code: str,
        *,
        cpu: int = 4096,
        memory: int = 8192,
        gpus: int = 0,
        connected: bool = True,
    ) -> str:
        """Play a machine that runs the install command."""
        found = self.activations.get(activation_id)
        if found is None or found["code"] != code:
            raise AwsFault("InvalidActivation", "Invalid activation")
        if found["expires"] <= _EPOCH + self.now or found["used"] >= found["limit"]:
            raise AwsFault("ActivationExpired", "Activation expired or used up")
        found["used"] += 1
        instance_id = f"mi-{next(self._numbers):017x}"
        self.managed[instance_id] = activation_id
        self.managed_tags[instance_id] = dict(found["tags"])
        self._register(instance_id, found["cluster"], cpu, memory, gpus, connected)
        return instance_id

    def _register(self, instance_id, cluster, cpu, memory, gpus, connected) -> Machine:
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/{cluster}/{uuid.uuid4().hex}"
        names = [f"GPU-{instance_id}-{place}" for place in range(gpus)]
        machine = Machine(instance_id, arn, cluster, cpu, memory, names, connected, registered_at=_EPOCH + self.now)
        self.machines.append(machine)
        return machine

    def machine(self, instance_id: str) -> Machine:
        return [one for one in self.machines if one.instance_id == instance_id and one.status != "INACTIVE"][-1]

    def registers_again(self, instance_id: str) -> Machine:
        """Play an agent that lost its state: the old registration stays, disconnected."""
        old = self.machine(instance_id)
        old.connected = False
        self.now += 1
        return self._register(instance_id, old.cluster, old.cpu, old.memory, len(old.gpus), True)

    def expire(self, activation_id: str) -> None:
        self.activations[activation_id]["expires"] = 0.0

    def running_on(self, machine: Machine) -> list[Task]:
        return [task for task in self.tasks.values() if task.machine is machine and not task.stopped]

    def _advance(self, task: Task) -> None:
        if task.stopped:
            return
        script = task.script
        if script.execute is not None:
            if task.thread is None:
                task.thread = threading.Thread(target=self._execute, args=(task,), daemon=True)
                task.thread.start()
            elif not task.thread.is_alive():
                self._end(task)
            return
        if task.machine is not None and not task.machine.connected:
            return  # it goes on, and ECS hears nothing
        if self.now - task.born >= script.runs or task.stop_asked:
            task.exit_code = 143 if task.stop_asked else script.exit_code
            self._end(task)

    def _execute(self, task: Task) -> None:
        code = task.script.execute(task.environment, task.command)
        if not task.stopped:  # else ECS has lost sight of it
            task.exit_code = code

    def _end(self, task: Task) -> None:
        task.stopped_at = self.now
        task.stop_code = "UserInitiated" if task.stop_asked else task.script.stop_code
        task.reason = task.reason or task.script.reason

    # ---- SSM ----------------------------------------------------------------------------------------------

    def create_activation(self, p: dict) -> dict:
        role = p["IamRole"]
        if self.assumable_after.get(role, 0) > 0:
            self.assumable_after[role] -= 1
            raise AwsFault(
                "ValidationException", f"Nonexistent role or missing ssm service principal in trust policy: {role}"
            )
        activation_id, code = str(uuid.uuid4()), f"Secret{uuid.uuid4().hex[:14]}"
        tags = {one["Key"]: one["Value"] for one in p.get("Tags", [])}
        self.activations[activation_id] = {
            "code": code,
            "limit": p.get("RegistrationLimit", 1),
            "used": 0,
            "expires": float(p.get("ExpirationDate", _EPOCH * 2)),
            "cluster": tags.get("ecs-cluster", "default"),
            "role": role,
            "tags": tags,
        }
        return {"ActivationId": activation_id, "ActivationCode": code}

    def describe_activations(self, p: dict) -> dict:
        wanted = [value for one in p.get("Filters", []) for value in one["FilterValues"]]
        found = [
            {
                "ActivationId": key,
                "RegistrationLimit": one["limit"],
                "RegistrationsCount": one["used"],
                "ExpirationDate": one["expires"],
                "Expired": one["expires"] <= _EPOCH,
                "IamRole": one["role"],
                "Tags": [{"Key": name, "Value": value} for name, value in one["tags"].items()],
            }
            for key, one in self.activations.items()
            if not wanted or key in wanted
        ]
        return {"ActivationList": found}

    def delete_activation(self, p: dict) -> dict:
        if self.activations.pop(p["ActivationId"], None) is None:
            raise AwsFault("InvalidActivation", "The activation is not valid.")
        return {}

    def describe_instance_information(self, p: dict) -> dict:
        wanted = [value for one in p.get("Filters", []) for value in one["Values"]]
        found = [
            {"InstanceId": key, "ResourceType": "ManagedInstance", "PingStatus": "Online", "ActivationId": one}
            for key, one in self.managed.items()
            if not wanted or one in wanted
        ]
        return {"InstanceInformationList": found}

    def list_tags_for_resource(self, p: dict) -> dict:
        if p["ResourceType"] != "ManagedInstance" or p["ResourceId"] not in self.managed:
            raise AwsFault("InvalidResourceId", "The resource ID is not valid. Verify that you entered the correct ID.")
        tags = self.managed_tags[p["ResourceId"]]
        return {"TagList": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def deregister_managed_instance(self, p: dict) -> dict:
        if self.managed.pop(p["InstanceId"], None) is None:
            raise AwsFault("InvalidInstanceId", f"{p['InstanceId']} is not valid")
        return {}

    # ---- ECS: clusters and machines -----------------------------------------------------------------------

    def _cluster(self, p: dict) -> str:
        name = p.get("cluster", "default").rsplit("/", 1)[-1]
        if name not in self.clusters:
            raise AwsFault("ClusterNotFoundException", "Cluster not found.")
        return name

    def create_cluster(self, p: dict) -> dict:
        name = p.get("clusterName", "default")
        self.clusters[name] = {"clusterName": name, "status": "ACTIVE", "tags": p.get("tags", [])}
        return {"cluster": self.clusters[name]}

    def describe_clusters(self, p: dict) -> dict:
        found = [self.clusters[one] for one in p["clusters"] if one in self.clusters]
        failures = [{"arn": one, "reason": "MISSING"} for one in p["clusters"] if one not in self.clusters]
        return {"clusters": found, "failures": failures}

    def list_container_instances(self, p: dict) -> dict:
        name = self._cluster(p)
        arns = [one.arn for one in self.machines if one.cluster == name and one.status != "INACTIVE"]
        start = int(p.get("nextToken", "0"))
        more = {"nextToken": str(start + 100)} if len(arns) > start + 100 else {}
        return {"containerInstanceArns": arns[start : start + 100], **more}

    def describe_container_instances(self, p: dict) -> dict:
        self._cluster(p)
        if len(p["containerInstances"]) > 100:
            raise AwsFault("InvalidParameterException", "containerInstances should have at most 100 items")
        by_arn = {one.arn: one for one in self.machines}
        found = [self._shown(by_arn[arn]) for arn in p["containerInstances"] if arn in by_arn]
        missing = [{"arn": arn, "reason": "MISSING"} for arn in p["containerInstances"] if arn not in by_arn]
        return {"containerInstances": found, "failures": missing}

    def _free(self, machine: Machine) -> tuple[int, int, list[str]]:
        tasks = self.running_on(machine)
        gpus = sum(int(one["value"]) for task in tasks for one in task.container.get("resourceRequirements", []))
        cpu = machine.cpu - sum(task.container.get("cpu", 0) for task in tasks)
        return cpu, machine.memory - sum(task.container.get("memory", 0) for task in tasks), machine.gpus[gpus:]

    def _shown(self, one: Machine) -> dict:
        def resources(cpu: int, memory: int, gpus: list[str]) -> list[dict]:
            return [
                {"name": "CPU", "type": "INTEGER", "integerValue": cpu},
                {"name": "MEMORY", "type": "INTEGER", "integerValue": memory},
                {"name": "GPU", "type": "STRINGSET", "stringSetValue": gpus},
            ]

        return {
            "containerInstanceArn": one.arn,
            "ec2InstanceId": one.instance_id,
            "status": one.status,
            "agentConnected": one.connected,
            "registeredResources": resources(one.cpu, one.memory, one.gpus),
            "remainingResources": resources(*self._free(one)),
            "runningTasksCount": len(self.running_on(one)),
            "pendingTasksCount": 0,
            "versionInfo": {"agentVersion": "1.89.0", "dockerVersion": "DockerVersion: 27.1.1"},
            "registeredAt": one.registered_at,
            "attributes": [{"name": "ecs.capability.external"}, {"name": "ecs.os-type", "value": one.os_type}],
        }

    def _found(self, p: dict, name: str) -> Machine:
        wanted = p[name]
        for one in self.machines:
            if wanted in (one.arn, one.arn.rsplit("/", 1)[-1]) and one.status != "INACTIVE":
                return one
        raise AwsFault("InvalidParameterException", f"Referenced container instance {wanted} not found.")

    def update_container_instances_state(self, p: dict) -> dict:
        failures = []
        for arn in p["containerInstances"]:
            if arn in self.undrainable:
                failures.append({"arn": arn, "reason": self.undrainable[arn]})
            else:
                self._found({"one": arn}, "one").status = p["status"]
        return {"containerInstances": [], "failures": failures}

    def deregister_container_instance(self, p: dict) -> dict:
        self._cluster(p)
        machine = self._found(p, "containerInstance")
        if self.running_on(machine) and not p.get("force"):
            raise AwsFault("InvalidParameterException", "Found running tasks on the instance.")
        for task in self.running_on(machine):  # they run on, and for ECS they have stopped
            task.stopped_at = self.now
            task.exit_code, task.stop_code = None, "TerminationNotice"
            task.reason = "Container instance deregistration forced by user"
        machine.status = "INACTIVE"
        return {"containerInstance": self._shown(machine)}

    # ---- ECS: tasks ---------------------------------------------------------------------------------------

    def register_task_definition(self, p: dict) -> dict:
        external = "EXTERNAL" in p.get("requiresCompatibilities", [])
        if external and p.get("networkMode") == "awsvpc":
            raise AwsFault("ClientException", "EXTERNAL tasks do not support awsvpc network mode.")
        revisions = self.definitions.setdefault(p["family"], [])
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{p['family']}:{len(revisions) + 1}"
        made = {key: value for key, value in p.items() if key != "tags"}
        revisions.append({**made, "taskDefinitionArn": arn, "revision": len(revisions) + 1, "status": "ACTIVE"})
        self.definition_tags[arn] = p.get("tags", [])
        return {"taskDefinition": revisions[-1], "tags": p.get("tags", [])}

    def _definition(self, name: str) -> dict:
        family, _, revision = name.rsplit("/", 1)[-1].partition(":")
        revisions = self.definitions.get(family, [])
        if not revisions or (revision and int(revision) > len(revisions)):
            raise AwsFault("ClientException", "Unable to describe task definition.")
        return revisions[int(revision) - 1 if revision else -1]

    def describe_task_definition(self, p: dict) -> dict:
        found = self._definition(p["taskDefinition"])
        tags = self.definition_tags[found["taskDefinitionArn"]] if "TAGS" in p.get("include", []) else []
        return {"taskDefinition": found, "tags": tags}

    def run_task(self, p: dict) -> dict:
        name = self._cluster(p)
        definition = self._definition(p["taskDefinition"])
        count = p.get("count", 1)
        if count > 10:
            raise AwsFault("InvalidParameterException", "count should be at most 10")
        if p["launchType"] not in definition.get("requiresCompatibilities", ["EC2", "EXTERNAL"]):
            raise AwsFault("InvalidParameterException", "Task definition does not support launch_type.")
        said = json.dumps({key: value for key, value in p.items() if key != "clientToken"}, sort_keys=True)
        token = p.get("clientToken")
        if token in self.tokens:
            before, arns, failures = self.tokens[token]
            if before != said:
                raise AwsFault("ConflictException", "clientToken was used with other parameters")
            return {"tasks": [self._seen(self.tasks[arn]) for arn in arns], "failures": failures}
        external = [one for one in self.machines if one.cluster == name and one.status != "INACTIVE"]
        if p["launchType"] != "FARGATE" and not external:
            raise AwsFault("InvalidParameterException", "No Container Instances were found in your cluster.")
        if p["launchType"] == "FARGATE" and self._fargate_refuses(p):
            return {"tasks": [], "failures": [{"reason": NO_CAPACITY}]}
        started, failures = [], []
        for _ in range(count):
            machine, lacks = self._placed(external, definition["containerDefinitions"][0])
            if p["launchType"] != "FARGATE" and machine is None:
                failures += lacks
                continue
            started.append(self._start(name, definition, machine, p))
        if token:
            self.tokens[token] = (said, [task.arn for task in started], failures)
        return {"tasks": [self._seen(task) for task in started], "failures": failures}

    def _fargate_refuses(self, p: dict) -> bool:
        if not p.get("networkConfiguration", {}).get("awsvpcConfiguration", {}).get("subnets"):
            raise AwsFault("InvalidParameterException", "subnets can not be empty.")
        self.fargate_lacks -= 1
        return self.fargate_lacks >= 0

    def _placed(self, machines: list[Machine], container: dict) -> tuple[Machine | None, list[dict]]:
        lacks = []
        gpus = sum(int(one["value"]) for one in container.get("resourceRequirements", []))
        for one in machines:
            cpu, memory, free_gpus = self._free(one)
            checks = (
                ("AGENT", one.connected and one.status == "ACTIVE"),
                ("RESOURCE:CPU", cpu >= container.get("cpu", 0)),
                ("RESOURCE:MEMORY", memory >= container.get("memory", 0)),
                ("RESOURCE:GPU", len(free_gpus) >= gpus),
            )
            wrong = [reason for reason, fine in checks if not fine]
            if not wrong:
                return one, []
            lacks.append({"arn": one.arn, "reason": wrong[0]})
        return None, lacks

    def _start(self, cluster: str, definition: dict, machine: Machine | None, p: dict) -> Task:
        scripts = self.scripts.get(definition["family"], [])
        script = scripts.pop(0) if len(scripts) > 1 else (scripts[0] if scripts else Script())
        container = definition["containerDefinitions"][0]
        override = next(iter(p.get("overrides", {}).get("containerOverrides", [])), {})
        pairs = [*container.get("environment", []), *override.get("environment", [])]
        task = Task(
            arn=f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{cluster}/{uuid.uuid4().hex}",
            definition=definition,
            machine=machine,
            script=script,
            born=self.now,
            environment={one["name"]: one["value"] for one in pairs},
            command=override.get("command") or container.get("command", []),
            tags=p.get("tags", []),
        )
        self.tasks[task.arn] = task
        return task

    def _seen(self, task: Task) -> dict:
        connected = task.machine is None or task.machine.connected
        status = "STOPPED" if task.stopped else ("PENDING" if self.now == task.born else "RUNNING")
        shown = {
            "taskArn": task.arn,
            "taskDefinitionArn": task.definition["taskDefinitionArn"],
            "lastStatus": status,
            "desiredStatus": "STOPPED" if task.stopped or task.stop_asked else "RUNNING",
            "connectivity": "CONNECTED" if connected else "DISCONNECTED",
            "createdAt": _EPOCH + task.born,
            "containers": [{"name": task.container["name"], "lastStatus": status}],
        }
        if task.machine is not None:
            shown["containerInstanceArn"] = task.machine.arn
        if status != "PENDING" and task.stop_code != "TaskFailedToStart":
            shown["startedAt"] = _EPOCH + task.born + 1
        if task.stopped:
            shown |= {"stopCode": task.stop_code, "stoppedReason": task.reason, "stoppedAt": _EPOCH + task.stopped_at}
            if task.exit_code is not None:
                shown["containers"][0]["exitCode"] = task.exit_code
            if task.script.container_reason:
                shown["containers"][0]["reason"] = task.script.container_reason
        return shown

    def describe_tasks(self, p: dict) -> dict:
        self._cluster(p)
        found, missing = [], []
        for arn in p["tasks"]:
            task = self.tasks.get(arn)
            if task is None or arn in self.unknown or self.now - task.born < task.script.invisible:
                missing.append({"arn": arn, "reason": "MISSING"})
            else:
                found.append(self._seen(task) | ({"tags": task.tags} if "TAGS" in p.get("include", []) else {}))
        return {"tasks": found, "failures": missing}

    def list_tasks(self, p: dict) -> dict:
        self._cluster(p)
        wanted = p.get("desiredStatus", "RUNNING")  # what ECS wants of a task, not what the task does
        arns = [
            task.arn
            for task in self.tasks.values()
            if self._seen(task)["desiredStatus"] == wanted
            and p.get("family") in (None, task.definition["family"])
            and ("containerInstance" not in p or (task.machine and task.machine.arn == p["containerInstance"]))
        ]
        start = int(p.get("nextToken", "0"))
        more = {"nextToken": str(start + 100)} if len(arns) > start + 100 else {}
        return {"taskArns": arns[start : start + 100], **more}

    def stop_task(self, p: dict) -> dict:
        task = self.tasks.get(p["task"])
        if task is None:
            raise AwsFault("InvalidParameterException", "The referenced task was not found.")
        task.stop_asked = True
        task.reason = p.get("reason", "")
        return {"task": self._seen(task)}

    # ---- CloudWatch Logs ----------------------------------------------------------------------------------

    def create_log_group(self, p: dict) -> dict:
        if p["logGroupName"] in self.log_groups:
            raise AwsFault("ResourceAlreadyExistsException", "The specified log group already exists")
        self.log_groups.add(p["logGroupName"])
        return {}

    def delete_log_group(self, p: dict) -> dict:
        self.log_groups.discard(p["logGroupName"])
        self.deleted_log_groups.add(p["logGroupName"])
        return {}

    def put_retention_policy(self, _p: dict) -> dict:
        return {}

    def get_log_events(self, p: dict) -> dict:
        if p["logGroupName"] in self.deleted_log_groups:
            raise AwsFault("ResourceNotFoundException", "The specified log group does not exist.")
        task_id = p["logStreamName"].rsplit("/", 1)[-1]
        task = next((one for one in self.tasks.values() if one.arn.endswith(task_id)), None)
        if task is None or self.now - task.born <= task.script.log_late:
            raise AwsFault("ResourceNotFoundException", "The specified log stream does not exist.")
        options = task.container["logConfiguration"]["options"]
        named = f"{options['awslogs-stream-prefix']}/{task.container['name']}/{task_id}"
        if (options["awslogs-group"], named) != (p["logGroupName"], p["logStreamName"]):
            raise AwsFault("ResourceNotFoundException", "The specified log stream does not exist.")
        age = self.now - task.born - task.script.log_late
        lines = task.script.log[:age]
        start = int(p.get("nextToken", "f/0").rsplit("/", 1)[-1])
        events = [
            {"timestamp": int((_EPOCH + place) * 1000), "message": line, "ingestionTime": 0}
            for place, line in enumerate(lines[start : start + 2], start)
        ]
        return {"events": events, "nextForwardToken": f"f/{start + len(events)}", "nextBackwardToken": "b/0"}

    # ---- IAM (query protocol, XML) ------------------------------------------------------------------------

    def iam(self, p: dict[str, str]) -> str:
        action, role = p["Action"], p["RoleName"]
        with self.lock:
            self.calls.append((action, p))
            if action == "CreateRole":
                if role in self.roles:
                    raise AwsFault("EntityAlreadyExists", f"Role with name {role} already exists.", 409)
                self.roles[role] = {"trust": p["AssumeRolePolicyDocument"], "policies": []}
            if role not in self.roles:
                raise AwsFault("NoSuchEntity", f"The role with name {role} cannot be found.", 404)
            if action == "AttachRolePolicy" and p["PolicyArn"] not in self.roles[role]["policies"]:
                self.roles[role]["policies"].append(p["PolicyArn"])
            if action not in {"CreateRole", "GetRole", "AttachRolePolicy"}:
                raise AwsFault("NotInThisFake", action, 500)
            trust = quote(self.roles[role]["trust"])
        shown = (
            f"<Role><Path>/</Path><RoleName>{role}</RoleName><RoleId>AROA</RoleId>"
            f"<Arn>arn:aws:iam::{ACCOUNT}:role/{role}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>"
            f"<AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument></Role>"
        )
        result = "" if action == "AttachRolePolicy" else f"<{action}Result>{shown}</{action}Result>"
        about = "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
        return f"<{action}Response>{result}{about}</{action}Response>"

    # ---- HTTP ---------------------------------------------------------------------------------------------

    def answer(self, operation: str, parameters: dict) -> dict:
        snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")
        with self.lock:
            self.calls.append((operation, parameters))
            for place, (name, fault) in enumerate(self.faults):
                if name == operation:
                    del self.faults[place]
                    raise fault
            return getattr(self, snake)(parameters)


@contextmanager
def serve(fake: FakeEcs):
    """Serve a fake on loopback and yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            if "X-Amz-Target" not in self.headers:
                self.query(dict(parse_qsl(raw.decode())))
                return
            body = json.loads(raw or b"{}")
            try:
                status, answer = 200, fake.answer(self.headers["X-Amz-Target"].rsplit(".", 1)[-1], body)
            except AwsFault as fault:
                status, answer = fault.status, {"__type": fault.code, "message": str(fault)}
            except AttributeError as error:
                status, answer = 500, {"__type": "NotInThisFake", "message": str(error)}
            self.send(status, json.dumps(answer).encode(), "application/x-amz-json-1.1")

        def query(self, parameters: dict[str, str]) -> None:
            try:
                status, content = 200, fake.iam(parameters)
            except AwsFault as fault:
                error = f"<Error><Type>Sender</Type><Code>{fault.code}</Code><Message>{fault}</Message></Error>"
                status, content = fault.status, f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
            self.send(status, content.encode(), "text/xml")

        def send(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("x-amzn-RequestId", "11111111-2222-3333-4444-555555555555")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
