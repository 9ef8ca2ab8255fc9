"""Trains a model in a container on a machine of one's own, and hands on what SageMaker deploys."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs

from elasticache_police._waiting import check_limit
from elasticache_police.ecs_anywhere import _s3
from elasticache_police.ecs_anywhere.cluster import Cluster, as_cluster
from elasticache_police.ecs_anywhere.logs import OnLog, ensure_log_group, plan_log_group
from elasticache_police.ecs_anywhere.packing import directory_beside
from elasticache_police.ecs_anywhere.results import TaskResult
from elasticache_police.ecs_anywhere.task_spec import LaunchType, TaskSpec, Volume
from elasticache_police.ecs_anywhere.tasks import TaskRun, plan_run, run_task
from elasticache_police.ecs_anywhere.waiting import wait_stopped
from elasticache_police.errors import AccessDeniedError, ConfigurationError, NotFoundError, TaskFailedError

if TYPE_CHECKING:
    from elasticache_police._aws import Request
    from elasticache_police._waiting import OnProgress
    from elasticache_police.sagemaker_deploy.spec import EndpointSpec

__all__ = ["TrainedModel", "plan_training", "train", "train_on", "training_spec"]

FAMILY = "elasticache-police-train"
LOG_GROUP = "/ecs/elasticache-police"
WORK = "/work"
"""The one place where the training container writes."""


@attrs.frozen(kw_only=True)
class TrainedModel:
    """An archive that a training task wrote."""

    model_data_url: str
    """``s3://...`` of the ``model.tar.gz``: what SageMaker calls ModelDataUrl."""
    result: TaskResult
    """How the task ended."""

    @property
    def model_directory_url(self) -> str:
        """``s3://...`` of the model's directory, packed: what an inspection takes for its model."""
        return directory_beside(self.model_data_url)

    def endpoint_spec(self, role_arn: str, *, endpoint_name: str = "ElastiCachePoliceEndpoint") -> EndpointSpec:
        """Return what :func:`elasticache_police.sagemaker_deploy.deploy` takes.

        Args:
            role_arn: The execution role that SageMaker assumes.
            endpoint_name: How the endpoint is to be called.
        """
        return _endpoint_spec(self.model_data_url, role_arn, endpoint_name)


def _endpoint_spec(model_data_url: str, role_arn: str, endpoint_name: str) -> EndpointSpec:
    from elasticache_police.sagemaker_deploy.spec import EndpointSpec, ModelSpec

    return EndpointSpec(model=ModelSpec(model_data_url=model_data_url, role_arn=role_arn), endpoint_name=endpoint_name)


def training_spec(
    *,
    fonts: str,
    out: str,
    image: str,
    name: str = "ElastiCache",
    task_role_arn: str | None = None,
    execution_role_arn: str | None = None,
    launch_type: LaunchType | str = LaunchType.EXTERNAL,
    cpu_units: int = 2048,
    memory_mib: int = 4096,
    gpus: int = 0,
    subnets: Sequence[str] = (),
    security_groups: Sequence[str] = (),
    assign_public_ip: bool = False,
    log_group: str | None = LOG_GROUP,
    checkpoints: str | None = None,
    start_from: str | None = None,
    train_arguments: Sequence[str] = (),
    work_path: str | None = None,
) -> TaskSpec:
    """Return the task that trains a model.

    Args:
        fonts: ``s3://bucket/prefix`` of font files; those in the image are used besides.
        out: ``s3://.../model.tar.gz`` to write; ``model.directory.tar.gz`` beside it is for inspections.
        image: The training image's URI.
        name: The name to police.
        task_role_arn: With it the container reads fonts and writes the model; needed, except on EC2 instances.
        execution_role_arn: With it the agent pulls the image and writes the log.
        launch_type: EXTERNAL, FARGATE or EC2.
        cpu_units: 1,024 to a core.
        memory_mib: Hard limit.
        gpus: NVIDIA GPUs; needs the GPU image.
        subnets: For FARGATE.
        security_groups: For FARGATE; the VPC's default one otherwise.
        assign_public_ip: For FARGATE; needed in a subnet that reaches the internet by no other way.
        log_group: Where the log goes; None leaves it on the machine.
        checkpoints: ``s3://...`` prefix for checkpoints, from which an interrupted training resumes; by default beside
            ``out``.
        start_from: ``s3://...`` prefix of ``finder.npz`` and ``reader.npz``, trained weights to go on from.
        train_arguments: Further arguments of ``elasticache-police train``, such as ``("--steps", "2000")``.
        work_path: A directory of the machine to work in; by default a volume that lives as long as the task.

    Raises:
        ConfigurationError: A place is no S3 URI, or the launch type cannot do it.
    """
    _s3.parse(fonts, what="the fonts' place")
    if not _s3.parse(out, what="the model's place").key.endswith(".tar.gz"):
        raise ConfigurationError(f"the model's place ends with .tar.gz, as SageMaker wants it; not {out!r}")
    if start_from is not None:
        _s3.parse(start_from, what="the place of the weights to start from")
    where = LaunchType(launch_type)
    if task_role_arn is None and where is not LaunchType.EC2:
        raise ConfigurationError(
            f"training with launch type {where} needs task_role_arn: the container has no other role"
        )
    return TaskSpec(
        family=FAMILY,
        image=image,
        launch_type=where,
        cpu_units=cpu_units,
        memory_mib=memory_mib,
        gpus=gpus,
        subnets=tuple(subnets),
        security_groups=tuple(security_groups),
        assign_public_ip=assign_public_ip,
        environment={
            "POLICE_NAME": name,
            "POLICE_FONTS": fonts,
            "POLICE_OUT": out,
            "POLICE_CHECKPOINTS": checkpoints or f"{out.removesuffix('.tar.gz')}.checkpoints",
            "POLICE_TRAIN_ARGUMENTS": json.dumps(list(train_arguments)),
            "POLICE_WORK": WORK,
            **({} if start_from is None else {"POLICE_START_FROM": start_from}),
        },
        volumes=(
            Volume(name="work", container_path=WORK, host_path=work_path),
            Volume(name="tmp", container_path="/tmp"),  # noqa: S108  the container's own
        ),
        log_group=log_group,
        task_role_arn=task_role_arn,
        execution_role_arn=execution_role_arn,
    )


def plan_training(cluster: Cluster | str, spec: TaskSpec) -> tuple[Request, ...]:
    """Return the requests that :func:`train` would send, in order, without sending any."""
    cluster = as_cluster(cluster)
    logs = () if spec.log_group is None else plan_log_group(spec.log_group)
    return (*logs, *plan_run(cluster, spec))


def _check_places(cluster: Cluster, spec: TaskSpec) -> None:
    """Refuse a training that would find no fonts, or nowhere to leave its model.

    What the caller may not look at is left to the task, whose role may.
    """
    for variable, what in (("POLICE_FONTS", "fonts"), ("POLICE_START_FROM", "weights to start from")):
        if variable not in spec.environment:
            continue
        place = _s3.parse(spec.environment[variable])
        try:
            found = next(_s3.listing(cluster.clients, place / "" if place.key else place), None)
        except AccessDeniedError:
            continue
        except NotFoundError as error:
            raise ConfigurationError(f"there is no bucket {place.bucket} for the {what}") from error
        if found is None:
            raise ConfigurationError(f"there are no {what} below {place}")
    out = _s3.parse(spec.environment["POLICE_OUT"])
    try:
        cluster.perform("s3", "HeadBucket", Bucket=out.bucket)
    except AccessDeniedError:
        return
    except NotFoundError as error:
        raise ConfigurationError(f"there is no bucket {out.bucket} for the model") from error


def train(
    cluster: Cluster | str,
    spec: TaskSpec,
    *,
    placement_timeout_s: float = 0.0,
    timeout_s: float = 86_400.0,
    delay_s: float = 5.0,
    on_log: OnLog | None = None,
    on_progress: OnProgress | None = None,
    stop_on_interrupt: bool = False,
    client_token: str | None = None,
    on_start: Callable[[TaskRun], None] | None = None,
) -> TrainedModel:
    """Run a training task of :func:`training_spec` to its end.

    Args:
        cluster: Where.
        spec: The task.
        placement_timeout_s: Seconds to wait for a machine with room.
        timeout_s: Seconds the training may take.
        delay_s: Seconds between looks.
        on_log: Called for every line of its log.
        on_progress: Called after every look.
        stop_on_interrupt: On Ctrl-C stop the task; it writes a checkpoint, and the next call resumes.
        client_token: Makes a repeated call find the first one's task.
        on_start: Called once, with the task that was started.

    Raises:
        ConfigurationError: There are no fonts, or no bucket, where the task says; or a time limit is none.
        PlacementError: The cluster cannot take the task.
        TaskFailedError: It ended badly, or well without an archive.
        WaitTimeoutError: It takes too long; it goes on.
        AwsError: AWS refused a request.
    """
    check_limit(timeout_s)
    check_limit(placement_timeout_s)
    cluster = as_cluster(cluster)
    out = spec.environment["POLICE_OUT"]
    _check_places(cluster, spec)
    if spec.log_group is not None:
        ensure_log_group(cluster, spec.log_group)
    run = run_task(
        cluster, spec, placement_timeout_s=placement_timeout_s, client_token=client_token, on_progress=on_progress
    )
    if on_start is not None:
        on_start(run)
    (result,) = wait_stopped(
        cluster,
        [run],
        timeout_s=timeout_s,
        delay_s=delay_s,
        on_log=on_log,
        on_progress=on_progress,
        stop_on_interrupt=stop_on_interrupt,
    )
    result.raise_for_failure()
    if _is_absent(cluster, out):
        message = f"task {result.task_id} ended well and left nothing at {out}"
        raise TaskFailedError(message, operation="", task_arn=result.arn, exit_code=0)
    return TrainedModel(model_data_url=out, result=result)


def _is_absent(cluster: Cluster, uri: str) -> bool:
    """Say whether S3 says that an object is not there.

    Who may not look is not told: the task's own word that it ended well counts for more than hours of training lost.
    """
    try:
        return not _s3.exists(cluster.clients, _s3.parse(uri))
    except AccessDeniedError:
        return False


def train_on(
    cluster: Cluster | str,
    *,
    fonts: str,
    out: str,
    image: str,
    endpoint_role_arn: str,
    endpoint_name: str = "ElastiCachePoliceEndpoint",
    name: str = "ElastiCache",
    task_role_arn: str | None = None,
    execution_role_arn: str | None = None,
    launch_type: LaunchType | str = LaunchType.EXTERNAL,
    cpu_units: int = 2048,
    memory_mib: int = 4096,
    gpus: int = 0,
    subnets: Sequence[str] = (),
    security_groups: Sequence[str] = (),
    assign_public_ip: bool = False,
    log_group: str | None = LOG_GROUP,
    checkpoints: str | None = None,
    start_from: str | None = None,
    train_arguments: Sequence[str] = (),
    placement_timeout_s: float = 0.0,
    timeout_s: float = 86_400.0,
    delay_s: float = 5.0,
    on_log: OnLog | None = None,
    on_progress: OnProgress | None = None,
    stop_on_interrupt: bool = False,
) -> EndpointSpec:
    """Train a model in a container on the cluster and return what ``sagemaker_deploy.deploy`` takes.

    The whole first half of the story in one call: task definition, task, log, wait, archive. :func:`training_spec` and
    :func:`train` are its two halves, for who wants the result of the task itself; the arguments are explained there.

    Args:
        cluster: Where to train.
        fonts: ``s3://bucket/prefix`` of font files.
        out: ``s3://.../model.tar.gz`` to write; ``model.directory.tar.gz`` beside it is for inspections.
        image: The training image's URI.
        endpoint_role_arn: The execution role that SageMaker will assume to serve it.
        endpoint_name: How the endpoint is to be called.
        name: The name to police.
        task_role_arn: With it the container reads fonts and writes the model.
        execution_role_arn: With it the agent pulls the image and writes the log.
        launch_type: EXTERNAL, FARGATE or EC2.
        cpu_units: 1,024 to a core.
        memory_mib: Hard limit.
        gpus: NVIDIA GPUs.
        subnets: For FARGATE.
        security_groups: For FARGATE; the VPC's default one otherwise.
        assign_public_ip: For FARGATE; needed in a subnet that reaches the internet by no other way.
        log_group: Where the log goes.
        checkpoints: Where checkpoints go; by default beside ``out``.
        start_from: Trained weights to go on from.
        train_arguments: Further arguments of ``elasticache-police train``.
        placement_timeout_s: Seconds to wait for a machine with room.
        timeout_s: Seconds the training may take.
        delay_s: Seconds between looks.
        on_log: Called for every line of its log.
        on_progress: Called after every look.
        stop_on_interrupt: On Ctrl-C stop the task; it writes a checkpoint, and the next call resumes.

    Raises:
        ConfigurationError: Something asked for cannot be.
        PlacementError: The cluster cannot take the task.
        TaskFailedError: The training failed.
        WaitTimeoutError: It takes too long; it goes on.
        AwsError: AWS refused a request.
    """
    _endpoint_spec(out, endpoint_role_arn, endpoint_name)  # refuses bad names before hours of training
    spec = training_spec(
        fonts=fonts,
        out=out,
        image=image,
        name=name,
        task_role_arn=task_role_arn,
        execution_role_arn=execution_role_arn,
        launch_type=launch_type,
        cpu_units=cpu_units,
        memory_mib=memory_mib,
        gpus=gpus,
        subnets=subnets,
        security_groups=security_groups,
        assign_public_ip=assign_public_ip,
        log_group=log_group,
        checkpoints=checkpoints,
        start_from=start_from,
        train_arguments=train_arguments,
    )
    trained = train(
        cluster,
        spec,
        placement_timeout_s=placement_timeout_s,
        timeout_s=timeout_s,
        delay_s=delay_s,
        on_log=on_log,
        on_progress=on_progress,
        stop_on_interrupt=stop_on_interrupt,
    )
    return trained.endpoint_spec(endpoint_role_arn, endpoint_name=endpoint_name)
