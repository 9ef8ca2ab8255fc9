"""Inspects a whole prefix of S3 with N identical tasks: ``inspect s3://... --on-ecs CLUSTER --tasks N``."""

from __future__ import annotations

import importlib.metadata
import tempfile
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from elasticache_police._aws import PROJECT_TAG
from elasticache_police._waiting import Progress, patiently
from elasticache_police.ecs_anywhere.cluster import Cluster, as_cluster, request
from elasticache_police.ecs_anywhere.collection import SUFFIXES, VANISHED, CollectionJob, recipe_of
from elasticache_police.ecs_anywhere.collection_run import (
    begin,
    missing,
    new_run_id,
    reasons,
    resumable,
)
from elasticache_police.ecs_anywhere.crew import WORKER, Crew, TaskCrew, tags_of
from elasticache_police.ecs_anywhere.definitions import Definition, look_up, register_task
from elasticache_police.ecs_anywhere.draining import drain
from elasticache_police.ecs_anywhere.giving_up import GivenUp
from elasticache_police.ecs_anywhere.images import identity_of, is_tag_in_ecr
from elasticache_police.ecs_anywhere.merging import CollectionReport, merge
from elasticache_police.ecs_anywhere.packing import etag_of_model, plan_model, send_model
from elasticache_police.ecs_anywhere.queueing import Queueing
from elasticache_police.ecs_anywhere.queues import (
    AT_ONCE,
    depth,
    plan_dead_letters,
    queue_requests,
    remove_queues,
)
from elasticache_police.ecs_anywhere.refusals import (
    check_cluster,
    check_folder,
    check_numbers,
    check_start,
    checked_run_id,
    names_of,
    results_of,
)
from elasticache_police.ecs_anywhere.task_spec import TaskSpec
from elasticache_police.ecs_anywhere.tasks import plan_run, plan_stop
from elasticache_police.errors import NotFoundError

if TYPE_CHECKING:
    from elasticache_police._aws import Request
    from elasticache_police._waiting import OnProgress

__all__ = ["inspect_on", "plan_inspection"]

FAMILY = "elasticache-police-inspect"
"""The task definition that is used when none is named."""
_ROUNDS = 3
"""How often pictures are queued that have neither a result nor a reason why not."""


def _version() -> str:
    try:
        return importlib.metadata.version("elasticache-police")
    except importlib.metadata.PackageNotFoundError:
        return "0"


def _job(
    source: str,
    results: str,
    run_id: str,
    *,
    recipe: str,
    names: tuple[str, ...],
    model: str | None,
    model_etag: str = "",
    min_confidence: float | None,
    visibility_timeout_s: int,
    picture_timeout_s: float,
) -> CollectionJob:
    """Return the job of a run whose queues are not made yet."""
    return CollectionJob(
        source=source,
        results=results,
        run_id=run_id,
        recipe=recipe,
        queue_url="<the queue>",
        dead_letter_queue_url="<the dead-letter queue>",
        names=names,
        model=model,
        model_etag=model_etag,
        min_confidence=min_confidence,
        visibility_timeout_s=visibility_timeout_s,
        picture_timeout_s=picture_timeout_s,
    )


def _recipe(
    image: str, *, names: tuple[str, ...], model: str | None, model_etag: str = "", min_confidence: float | None
) -> str:
    which = "packaged" if model is None else model
    which = f"{which} {model_etag}" if model_etag else which
    return recipe_of(_version(), names, which, min_confidence, image=image)


def _image(task: TaskSpec | Definition) -> str:
    """Return the image's URI; what stands for it where ECS does not tell it."""
    return task.image or task.arn if isinstance(task, Definition) else task.image


def plan_inspection(
    cluster: Cluster | str,
    source: str,
    task: TaskSpec | Definition | str = FAMILY,
    *,
    results: str | None = None,
    tasks: int = 4,
    names: tuple[str, ...] = (),
    model: str | None = None,
    min_confidence: float | None = None,
    run_id: str = "<run>",
    visibility_timeout_s: int = 120,
    picture_timeout_s: float = 300.0,
    max_receives: int = 3,
) -> tuple[Request, ...]:
    """Return the requests that :func:`inspect_on` would send, in order, without sending any.

    Listings and the end of a task are shown once, messages with pictures twice: the first ones are sent before the
    tasks are started, the others while they run. Requests that only look are left out.
    Arguments mean what they mean there. A family that is only named, a model that is in S3, and what a tag in ECR
    stands for are not looked up, so the recipe of the results is not known then; of a
    :class:`~elasticache_police.ecs_anywhere.definitions.Definition` the plan knows where and what it runs.

    Raises:
        ConfigurationError: Something asked for cannot be.
        ModelFileError: The model is neither in S3 nor a directory.
    """
    cluster = as_cluster(cluster)
    results, names = results_of(source, results), names_of(names)
    check_folder(model)
    check_numbers(
        tasks=tasks,
        min_confidence=min_confidence,
        visibility_timeout_s=visibility_timeout_s,
        picture_timeout_s=picture_timeout_s,
        max_receives=max_receives,
    )
    uri, sent = (None, ()) if model is None else plan_model(model, results)
    job = _job(
        source,
        results,
        run_id,
        recipe="<recipe>"
        if isinstance(task, str) or is_tag_in_ecr(_image(task)) or (uri is not None and not sent)
        else _recipe(_image(task), names=names, model=uri, min_confidence=min_confidence),
        names=names,
        model=uri,
        min_confidence=min_confidence,
        visibility_timeout_s=visibility_timeout_s,
        picture_timeout_s=picture_timeout_s,
    )
    job = attrs.evolve(job, queueing="<call>")
    out = job.run_folder
    runs = plan_run(cluster, task, tasks, command=WORKER, environment=job.to_environment(), tags=tags_of(job))
    registered = 1 if isinstance(task, TaskSpec) else 0
    dead, queue = queue_requests(
        run_id,
        visibility_timeout_s=visibility_timeout_s,
        max_receives=max_receives,
        tags={**dict([PROJECT_TAG]), "run": run_id},
        dead_letter_arn="<arn of the dead-letter queue>",
    )
    return (
        *runs[:registered],
        *sent,
        request("s3", "ListObjectsV2", Bucket=job.source_place.bucket, Prefix=job.source_place.key),
        request("s3", "PutObject", Bucket=out.bucket, Key=f"{out.key}/manifest.jsonl", Body="<the manifest>"),
        dead,
        queue,
        _messages(job, f"<each of the first {AT_ONCE} pictures>"),
        *runs[registered:],
        _messages(job, f"<each other picture, {AT_ONCE} in a request>"),
        request("s3", "PutObject", Bucket=out.bucket, Key=job.queued_place.key, Body="<how many, when all are queued>"),
        plan_stop(cluster, "<each task that still runs>"),
        *plan_dead_letters(job.dead_letter_queue_url),
        request("s3", "PutObject", Bucket=out.bucket, Key=f"{out.key}/report.json", Body="<the merged report>"),
        request("sqs", "DeleteQueue", QueueUrl=job.queue_url),
        request("sqs", "DeleteQueue", QueueUrl=f"{job.dead_letter_queue_url}, if it is empty"),
    )


def _messages(job: CollectionJob, body: str) -> Request:
    entries = [{"Id": "0", "MessageBody": body}]
    return request("sqs", "SendMessageBatch", QueueUrl=job.queue_url, Entries=entries)


def inspect_on(
    cluster: Cluster | str,
    source: str,
    task: TaskSpec | Definition | str = FAMILY,
    *,
    results: str | None = None,
    tasks: int = 4,
    names: tuple[str, ...] = (),
    model: str | None = None,
    min_confidence: float | None = None,
    run_id: str | None = None,
    suffixes: Sequence[str] = SUFFIXES,
    visibility_timeout_s: int = 120,
    picture_timeout_s: float = 300.0,
    max_receives: int = 3,
    timeout_s: float = 86_400.0,
    delay_s: float = 10.0,
    on_progress: OnProgress | None = None,
    crew: Callable[[CollectionJob, int], Crew] | None = None,
) -> CollectionReport:
    """Inspect every picture below an S3 prefix with ``tasks`` identical tasks, and merge what they find.

    Pictures whose content has a result already are skipped, so a second run does only what is new. Tasks start as soon
    as ten pictures are queued, and work while the others are. A run that was interrupted goes on when it is called
    again with its ``run_id``. On Ctrl-C the tasks are stopped; results stay.

    Args:
        cluster: Where the tasks run.
        source: ``s3://bucket/prefix`` of the pictures.
        task: The inspection task: what to register (image, size, roles, launch type), or the name of a family that
            is registered. Command and environment are set here.
        results: ``s3://bucket/prefix`` for results, manifest and merged report; by default ``elasticache-police/`` in
            the pictures' bucket.
        tasks: How many tasks; fewer run when the cluster has no room for all.
        names: The policed names; none for the model's own.
        model: A model's directory, which is packed and uploaded, or ``s3://...`` of a packed one, such as a training
            leaves (:attr:`~elasticache_police.ecs_anywhere.training.TrainedModel.model_directory_url`); None for the
            model in the package.
        min_confidence: Findings with less confidence are left out; None for the model's own threshold.
        run_id: Goes on with that run; None begins a new one.
        suffixes: Endings of the keys to take; empty for every object.
        visibility_timeout_s: A picture whose task died is handed out again after this long.
        picture_timeout_s: A picture that takes longer is given up for this time.
        max_receives: A picture that was taken this often goes to the dead-letter queue. There it is given up if a
            worker noted why, as after a crash or when its time was up; if none did it is queued again, twice at most.
        timeout_s: Seconds after which to give up.
        delay_s: Seconds between looks.
        on_progress: Called after every look with pictures queued or done, throughput and tasks, and after every ten
            thousand pictures listed at the start and put into the report at the end.
        crew: Starts the workers in another way, given the job and how many, such as processes of this machine.

    Raises:
        NotFoundError: No such task is registered, or there is no such cluster or bucket.
        ConfigurationError: There are no pictures, or something asked for cannot be; that is found out first.
        PlacementError: The cluster cannot take a single task.
        TaskFailedError: Every task died, and so did its replacements; it says how, with the last one's last words.
        WaitTimeoutError: The time is up; results stay, and a later call with the run id in the error's notes goes on.
        ModelFileError: The model is none, or there is none.
        AwsError: AWS refused a request.
    """
    cluster = as_cluster(cluster)
    results, names = results_of(source, results), names_of(names)
    check_folder(model)
    check_numbers(
        tasks=tasks,
        min_confidence=min_confidence,
        visibility_timeout_s=visibility_timeout_s,
        picture_timeout_s=picture_timeout_s,
        max_receives=max_receives,
        timeout_s=timeout_s,
    )
    run_id = checked_run_id(run_id or new_run_id())
    began = cluster.clock()
    tell = partial(_tell, on_progress, source, lambda: cluster.clock() - began, timeout_s)
    image = ""
    if crew is None:  # before queues and messages are made for tasks that cannot start
        check_cluster(cluster)
        task = _registered(cluster, task)
        image = identity_of(cluster, _image(task))
    etag: str | None = ""
    if model is not None:
        given, model = model, send_model(cluster.clients, model, results)
        etag = etag_of_model(cluster.clients, model)
        if given != model:  # a directory, packed: the name of its archive is its content's
            etag = ""
    job = _job(
        source,
        results,
        run_id,
        # A model of which nothing can be known shares no results with another run.
        recipe=_recipe(
            image,
            names=names,
            model=model,
            model_etag=run_id if etag is None else etag,
            min_confidence=min_confidence,
        ),
        names=names,
        model=model,
        model_etag=etag or "",
        min_confidence=min_confidence,
        visibility_timeout_s=visibility_timeout_s,
        picture_timeout_s=picture_timeout_s,
    )
    if crew is None:
        check_start(cluster, task, job)
    with tempfile.TemporaryDirectory() as folder:
        run = begin(
            cluster,
            Path(folder),
            job=job,
            suffixes=suffixes,
            max_receives=max_receives,
            on_progress=on_progress,
            on_count=partial(tell, "listed"),
        )
        start = crew or (lambda job, count: TaskCrew(cluster, task, job, count))
        given_up = GivenUp()
        with resumable(run_id):
            for round_number in range(_ROUNDS):
                left = missing(cluster.clients, run, given_up)
                if not left:
                    break
                # A queue that is filled already is an interrupted run's.
                if round_number or patiently(lambda: depth(cluster.clients, run.queues.url)).total == 0:
                    job, to_queue = attrs.evolve(run.job, queueing=uuid.uuid4().hex), left
                else:
                    job, to_queue = run.job, []
                with Queueing(cluster.clients, job, to_queue) as queueing:
                    workers = start(job, min(tasks, len(left)))
                    try:
                        drain(
                            cluster,
                            run,
                            queueing,
                            workers,
                            given_up=given_up,
                            timeout_s=max(timeout_s - (cluster.clock() - began), 0.0),
                            delay_s=delay_s,
                            on_progress=on_progress,
                        )
                    except BaseException as error:
                        for one in workers.stop() or ():
                            error.add_note(f"goes on working, for it could not be stopped: task {one}")
                        raise
                    workers.stop()  # one that cannot be stopped ends when the queue is gone
                given_up |= reasons(cluster.clients, run, rounds_left=round_number + 1 < _ROUNDS)
            in_report = partial(tell, f"of {run.pictures} in the report")
            report = merge(cluster.clients, run.job, run.lines(), given_up, on_count=in_report)
        buried = {*given_up.contents.values(), *given_up.objects.values()} - {VANISHED}
        dead = any(failure.reason in buried for failure in report.failures)
        left_behind = remove_queues(cluster.clients, run.queues, keep_dead_letters=dead)
    return attrs.evolve(
        report,
        skipped=run.skipped,
        elapsed_s=cluster.clock() - began,
        dead_letter_queue_url=run.queues.dead_letter_url if dead else "",
        left_behind=left_behind,
    )


def _tell(
    on_progress: OnProgress | None,
    source: str,
    elapsed: Callable[[], float],
    timeout_s: float,
    what: str,
    count: int,
) -> None:
    """Say how many pictures were listed, or are in the report."""
    if on_progress is not None:
        status = f"{count} {what}"
        on_progress(Progress(waited_for=source, status=status, elapsed_s=elapsed(), timeout_s=timeout_s))


def _registered(cluster: Cluster, task: TaskSpec | Definition | str) -> Definition:
    """Return the task as ECS knows it.

    Raises:
        NotFoundError: It is only named, and there is none of that name.
    """
    if isinstance(task, Definition):
        return task
    if isinstance(task, TaskSpec):
        return register_task(cluster, task)
    try:
        return look_up(cluster, task)
    except NotFoundError as error:
        raise NotFoundError(
            f"there is no inspection task {task}: register it once, with: "
            f"elasticache-police ecs register-inspector {cluster.name} --image ...",
            operation="DescribeTaskDefinition",
        ) from error
