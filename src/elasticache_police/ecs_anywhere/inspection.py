"""Inspects a whole prefix of S3 with N identical tasks: ``inspect s3://... --on-ecs CLUSTER --tasks N``."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib.metadata
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import attrs

from elasticache_police._aws import PROJECT_TAG
from elasticache_police._waiting import wait_until
from elasticache_police.ecs_anywhere import _s3
from elasticache_police.ecs_anywhere._read import Answer, number, text
from elasticache_police.ecs_anywhere.cluster import Cluster, as_cluster, request
from elasticache_police.ecs_anywhere.collection import SUFFIXES, CollectionJob, Picture, recipe_of
from elasticache_police.ecs_anywhere.definitions import Definition, look_up, register_task
from elasticache_police.ecs_anywhere.logs import LogTail
from elasticache_police.ecs_anywhere.merging import CollectionReport, done_etags, failures, merge
from elasticache_police.ecs_anywhere.packing import send_model
from elasticache_police.ecs_anywhere.queues import (
    RUN_ID,
    Depth,
    Queues,
    dead_letters,
    depth,
    enqueue,
    make_queues,
    queue_requests,
    remove_queues,
)
from elasticache_police.ecs_anywhere.results import read_result
from elasticache_police.ecs_anywhere.task_spec import TaskSpec
from elasticache_police.ecs_anywhere.tasks import TaskRun, plan_run, run_tasks, stop_task
from elasticache_police.ecs_anywhere.waiting import describe
from elasticache_police.errors import (
    AccessDeniedError,
    AwsError,
    ConfigurationError,
    ModelFileError,
    NotFoundError,
    PlacementError,
    PoliceError,
    TaskFailedError,
)

if TYPE_CHECKING:
    from elasticache_police._aws import Clients, Request
    from elasticache_police._waiting import OnProgress

__all__ = ["inspect_on", "list_pictures", "new_run_id", "plan_inspection"]

WORKER = ("ecs", "work")
"""The command of an inspection task: the image's entry point is ``elasticache-police``."""
FAMILY = "elasticache-police-inspect"
"""The task definition that is used when none is named."""
_REPLACEMENTS_A_TASK = 3
_APPEARS_S = 60.0
"""DescribeTasks may not know a task for some seconds after RunTask returned it."""
_LOG_TAIL = 10
_ROUNDS = 3


class Crew(Protocol):
    """The workers of a run, wherever they are."""

    def alive(self, *, work_left: bool) -> int:
        """Count the workers that run; replace those that died while there is work left."""

    def stop(self) -> None:
        """End the workers."""


@attrs.frozen(kw_only=True)
class _Run:
    """A run that has begun."""

    job: CollectionJob
    queues: Queues
    manifest: Path
    pictures: int
    skipped: int

    def lines(self) -> Iterator[Picture]:
        with self.manifest.open(encoding="utf-8") as file:
            for line in file:
                yield Picture.from_json(line)


def list_pictures(
    clients: Clients, source: str, *, results: str, suffixes: Sequence[str] = SUFFIXES
) -> Iterator[Picture]:
    """Yield the pictures below an S3 prefix.

    Args:
        clients: Where to look.
        source: ``s3://bucket/prefix``.
        results: Where results go; what lies there is never a picture of the collection.
        suffixes: Endings of the keys to take, in lower case; empty to take every object. What an object really is
            is judged by its content later.
    """
    place, mine = _s3.parse(source, what="the pictures' place"), _s3.parse(results, what="the results' place")
    own = mine.key.rstrip("/") + "/"
    for one in _s3.listing(clients, place):
        key = text(one, "Key")
        if key.endswith("/") or (place.bucket == mine.bucket and key.startswith(own)):
            continue
        if suffixes and not key.lower().endswith(tuple(suffixes)):
            continue
        yield Picture(key=key, etag=text(one, "ETag").strip('"'), size=number(one, "Size"))


def new_run_id() -> str:
    """Return an id for a run: the time, and something that no other run has."""
    return f"{dt.datetime.now(dt.UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"


def _version() -> str:
    try:
        return importlib.metadata.version("elasticache-police")
    except importlib.metadata.PackageNotFoundError:
        return "0"


def _check(source: str, results: str | None) -> str:
    """Return where results go: where asked, or ``elasticache-police/`` in the pictures' bucket."""
    place = _s3.parse(source, what="the pictures' place")
    if results is None:
        return f"s3://{place.bucket}/elasticache-police"
    if not _s3.parse(results, what="the results' place").key.strip("/"):
        raise ConfigurationError("results need a prefix of their own: s3://BUCKET/PREFIX")
    return results


def plan_inspection(
    cluster: Cluster | str,
    source: str,
    task: TaskSpec | Definition | str = FAMILY,
    *,
    results: str | None = None,
    tasks: int = 4,
    run_id: str = "<run>",
    visibility_timeout_s: int = 120,
    max_receives: int = 3,
) -> tuple[Request, ...]:
    """Return the requests that :func:`inspect_on` would send, in order, without sending any.

    Listings and the one message per picture are shown once.
    """
    cluster = as_cluster(cluster)
    results = _check(source, results)
    place, out = _s3.parse(source), _s3.parse(results) / "runs" / run_id
    dead, queue = queue_requests(
        run_id,
        visibility_timeout_s=visibility_timeout_s,
        max_receives=max_receives,
        tags={**dict([PROJECT_TAG]), "run": run_id},
        dead_letter_arn="<arn of the dead-letter queue>",
    )
    return (
        request("s3", "ListObjectsV2", Bucket=place.bucket, Prefix=place.key),
        request("s3", "PutObject", Bucket=out.bucket, Key=f"{out.key}/manifest.jsonl", Body="<the manifest>"),
        dead,
        queue,
        request("sqs", "SendMessageBatch", QueueUrl="<the queue>", Entries=[{"Id": "0", "MessageBody": "<picture>"}]),
        *plan_run(cluster, task, tasks, command=WORKER),
        request("s3", "PutObject", Bucket=out.bucket, Key=f"{out.key}/report.json", Body="<the merged report>"),
        request("sqs", "DeleteQueue", QueueUrl="<the queue>"),
    )


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

    Pictures whose content has a result already are skipped, so a second run does only what is new. A run that was
    interrupted goes on when it is called again with its ``run_id``. On Ctrl-C the tasks are stopped; results stay.

    Args:
        cluster: Where the tasks run.
        source: ``s3://bucket/prefix`` of the pictures.
        task: The inspection task: what to register (image, size, roles, launch type), or the name of a family that
            is registered. Command and environment are set here.
        results: ``s3://bucket/prefix`` for results, manifest and merged report; by default ``elasticache-police/`` in
            the pictures' bucket.
        tasks: How many tasks; fewer run when the cluster has no room for all.
        names: The policed names; none for the model's own.
        model: A model's directory, which is packed and uploaded, or ``s3://...`` of a packed one; None for the model in
            the package.
        min_confidence: Findings with less confidence are left out; None for the model's own threshold.
        run_id: Goes on with that run; None begins a new one.
        suffixes: Endings of the keys to take; empty for every object.
        visibility_timeout_s: A picture whose task died is handed out again after this long.
        picture_timeout_s: A picture that takes longer is given up for this time.
        max_receives: A picture that was given up this often goes to the dead-letter queue.
        timeout_s: Seconds after which to give up.
        delay_s: Seconds between looks.
        on_progress: Called after every look with pictures done, throughput and tasks.
        crew: Starts the workers in another way, given the job and how many, such as processes of this machine.

    Raises:
        NotFoundError: No such task is registered, or there is no such bucket.
        ConfigurationError: There are no pictures, or something asked for cannot be.
        PlacementError: The cluster cannot take a single task.
        TaskFailedError: Every task died, and so did its replacements; it says how, with the last one's last words.
        WaitTimeoutError: The time is up; results stay, and a later call with the run id in the error's notes goes on.
        AwsError: AWS refused a request.
    """
    cluster = as_cluster(cluster)
    results = _check(source, results)
    run_id = run_id or new_run_id()
    if not RUN_ID.fullmatch(run_id):
        raise ConfigurationError(f"a run's id is 1 to 56 letters, digits, - and _, not {run_id!r}")
    began = cluster.clock()
    if crew is None:  # before queues and messages are made for tasks that cannot start
        task = _registered(cluster, task)
    if model is not None:
        model = send_model(cluster.clients, model, results)
        _check_model(cluster.clients, model)
    with tempfile.TemporaryDirectory() as folder:
        run = _begin(
            cluster,
            Path(folder),
            suffixes=suffixes,
            max_receives=max_receives,
            job=CollectionJob(
                source=source,
                results=results,
                run_id=run_id,
                recipe=recipe_of(_version(), names, model or "packaged", min_confidence),
                queue_url="-",
                dead_letter_queue_url="-",
                names=names,
                model=model,
                min_confidence=min_confidence,
                visibility_timeout_s=visibility_timeout_s,
                picture_timeout_s=picture_timeout_s,
            ),
        )
        start = crew or (lambda job, count: _Tasks(cluster, task, job, count))
        reasons: dict[str, str] = {}
        with _resumable(run_id):
            for round_number in range(_ROUNDS):
                missing = _missing(cluster.clients, run, reasons)
                if not missing:
                    break
                if round_number or depth(cluster.clients, run.queues.url).total == 0:  # else an interrupted run's
                    enqueue(cluster.clients, run.queues.url, missing)
                workers = start(run.job, min(tasks, len(missing)))
                left = timeout_s - (cluster.clock() - began)
                try:
                    _drain(cluster, run, workers, timeout_s=max(left, 0.0), delay_s=delay_s, on_progress=on_progress)
                finally:
                    workers.stop()
                reasons |= _reasons(cluster.clients, run)
            report = merge(cluster.clients, run.job, run.lines(), reasons)
        remove_queues(cluster.clients, run.queues, keep_dead_letters=bool(report.failures))
    return attrs.evolve(
        report,
        skipped=run.skipped,
        elapsed_s=cluster.clock() - began,
        dead_letter_queue_url=run.queues.dead_letter_url if report.failures else "",
    )


def _begin(cluster: Cluster, folder: Path, *, job: CollectionJob, suffixes: Sequence[str], max_receives: int) -> _Run:
    """List the pictures, write the manifest, make the queues."""
    clients = cluster.clients
    done = done_etags(clients, job)
    manifest = folder / "manifest.jsonl"
    count = skipped = 0
    with manifest.open("w", encoding="utf-8") as file:
        for picture in list_pictures(clients, job.source, results=job.results, suffixes=suffixes):
            file.write(picture.to_json() + "\n")
            count += 1
            skipped += picture.etag in done
    if not count:
        raise ConfigurationError(f"there are no pictures below {job.source}")
    _s3.upload(clients, manifest, job.run_folder / "manifest.jsonl")
    queues = make_queues(
        clients,
        job.run_id,
        visibility_timeout_s=job.visibility_timeout_s,
        max_receives=max_receives,
        tags={**dict([PROJECT_TAG]), "run": job.run_id},
    )
    job = attrs.evolve(job, queue_url=queues.url, dead_letter_queue_url=queues.dead_letter_url)
    return _Run(job=job, queues=queues, manifest=manifest, pictures=count, skipped=skipped)


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


def _check_model(clients: Clients, model: str) -> None:
    """Refuse a model that no task would find."""
    try:
        there = _s3.exists(clients, _s3.parse(model))
    except AccessDeniedError:  # the tasks' role may be allowed to look
        return
    if not there:
        raise ModelFileError(f"there is no packed model at {model}; of a model's directory one would be made")


@contextlib.contextmanager
def _resumable(run_id: str) -> Iterator[None]:
    """Say with what ends the block how to go on."""
    try:
        yield
    except (KeyboardInterrupt, PoliceError) as error:
        error.add_note(f"what is done stays done; go on with run_id={run_id!r}")
        raise


def _each_once(pictures: Iterator[Picture], done: set[str]) -> Iterator[Picture]:
    """Yield one picture per content that has no result yet."""
    seen = set(done)
    for picture in pictures:
        if picture.etag not in seen:
            seen.add(picture.etag)
            yield picture


def _missing(clients: Clients, run: _Run, reasons: Mapping[str, str]) -> list[Picture]:
    return list(_each_once(run.lines(), done_etags(clients, run.job) | set(reasons)))


def _reasons(clients: Clients, run: _Run) -> dict[str, str]:
    """Return why pictures failed for good: those of the dead-letter queue, and those that vanished."""
    noted = failures(clients, run.job)
    dead = {picture.etag: reason for picture, reason in dead_letters(clients, run.queues.dead_letter_url)}
    found = {
        etag: reason or noted.get(etag) or "every task that took it died, and none could say why"
        for etag, reason in dead.items()
    }
    return found | {etag: reason for etag, reason in noted.items() if reason.startswith("deleted or changed")}


class _Tasks:
    """The tasks of a run; one that dies while there is work is replaced, a few times."""

    def __init__(self, cluster: Cluster, task: TaskSpec | Definition | str, job: CollectionJob, count: int) -> None:
        self._cluster = cluster
        self._environment = job.to_environment()
        self._task = task
        self._wanted = count
        self._budget = count * _REPLACEMENTS_A_TASK
        self._started_at: dict[str, float] = {}
        self._seen: dict[str, Answer] = {}
        self._last: TaskRun | None = None
        self._runs = self._launch(count)

    def _launch(self, count: int) -> list[TaskRun]:
        started = run_tasks(
            self._cluster, self._task, count, command=WORKER, environment=self._environment, allow_fewer=True
        )
        self._started_at |= dict.fromkeys((run.arn for run in started), self._cluster.clock())
        return list(started)

    def alive(self, *, work_left: bool) -> int:
        found = describe(self._cluster, self._runs)
        self._seen |= found
        self._runs = [run for run in self._runs if not self._ended(run, found.get(run.arn))]
        lacking = min(self._wanted - len(self._runs), self._budget)
        if work_left and lacking > 0:
            self._budget -= lacking
            try:
                self._runs += self._launch(lacking)
            except PlacementError:
                if not self._runs:
                    raise
        if work_left and not self._runs:
            raise TaskFailedError(
                "every task ended while pictures were left, and so did their replacements: look at the tasks' logs"
                + self._last_words(),
                operation="",
            )
        return len(self._runs)

    def _ended(self, run: TaskRun, answer: Answer | None) -> bool:
        if answer is None:  # not known yet, or stopped so long ago that ECS has forgotten it
            age = self._cluster.clock() - self._started_at[run.arn]
            ended = run.arn in self._seen or age > _APPEARS_S
        else:
            ended = text(answer, "lastStatus") == "STOPPED"
        if ended:
            self._last = run
        return ended

    def _last_words(self) -> str:
        """Return how the last task ended, with the end of its log where that can be read."""
        run = self._last
        if run is None or run.arn not in self._seen:
            return ""
        lines: list[str] = []
        if run.definition.log is not None:
            with contextlib.suppress(AwsError):  # then there is less to say
                lines = [line.message for line in LogTail(self._cluster, run.definition.log, run.task_id).poll()]
        result = read_result(self._seen[run.arn], run.definition.container_name)
        ended = f"; the last one, {result.task_id}: {result.explanation}"
        return "\n  ".join([ended, *lines[-_LOG_TAIL:]])

    def stop(self) -> None:
        for run in self._runs:
            # One refusal must not keep the others running; a task that stays ends when the queue is empty or gone.
            with contextlib.suppress(AwsError):
                stop_task(self._cluster, run, reason="the collection is done or was given up")


def _drain(
    cluster: Cluster, run: _Run, workers: Crew, *, timeout_s: float, delay_s: float, on_progress: OnProgress | None
) -> None:
    """Wait until the queue has nothing waiting and nothing in flight, twice in a row: SQS's counts are estimates."""
    began = cluster.clock()
    empty = 0
    at_first: int | None = None

    def look() -> tuple[Depth, int]:
        nonlocal empty, at_first
        now = depth(cluster.clients, run.queues.url)
        at_first = now.total if at_first is None else max(at_first, now.total)
        empty = empty + 1 if now.total == 0 else 0
        return now, workers.alive(work_left=now.total > 0)

    def words(state: tuple[Depth, int]) -> str:
        now, alive = state
        done = max((at_first or 0) - now.total, 0)
        rate = done / max(cluster.clock() - began, 1e-9)
        return (
            f"{run.pictures - now.total} of {run.pictures} pictures done, {now.in_flight} in work, "
            f"{rate:.1f} a second, {alive} task(s)"
        )

    wait_until(
        look,
        done=lambda _: empty >= 2,
        waited_for=f"the {run.pictures} pictures of {run.job.source}",
        timeout_s=timeout_s,
        delay_s=delay_s,
        status=words,
        on_progress=on_progress,
        clock=cluster.clock,
        sleep=cluster.sleep,
    )
