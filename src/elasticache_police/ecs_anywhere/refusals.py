"""What an inspection of a collection is refused for before anything is made: no queue, no task, no long listing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from elasticache_police._inspecting import checked_confidence, checked_names
from elasticache_police._waiting import check_limit
from elasticache_police.ecs_anywhere import _s3
from elasticache_police.ecs_anywhere.cluster import Cluster
from elasticache_police.ecs_anywhere.crew import WORKER
from elasticache_police.ecs_anywhere.packing import check_model
from elasticache_police.ecs_anywhere.queues import RUN_ID
from elasticache_police.ecs_anywhere.tasks import plan_run
from elasticache_police.errors import AccessDeniedError, ConfigurationError, ModelFileError, NotFoundError
from elasticache_police.spelling import check_name

if TYPE_CHECKING:
    from elasticache_police.ecs_anywhere.collection import CollectionJob
    from elasticache_police.ecs_anywhere.definitions import Definition
    from elasticache_police.ecs_anywhere.task_spec import TaskSpec

__all__ = ["check_cluster", "check_folder", "check_numbers", "check_start", "checked_run_id", "names_of", "results_of"]


def results_of(source: str, results: str | None) -> str:
    """Return where results go: where asked, or ``elasticache-police/`` in the pictures' bucket.

    Raises:
        ConfigurationError: One of both is no place in S3, or the pictures lie where results go.
    """
    place = _s3.parse(source, what="the pictures' place")
    results = results or f"s3://{place.bucket}/elasticache-police"
    mine = _s3.parse(results, what="the results' place")
    own = mine.key.strip("/")
    if not own:
        raise ConfigurationError("results need a prefix of their own: s3://BUCKET/PREFIX")
    if place.bucket == mine.bucket and f"{place.key}/".startswith(f"{mine.key.rstrip('/')}/"):
        raise ConfigurationError(
            f"{source} lies where results go, {results}, and what lies there is never a picture of the collection: "
            "name another place for the results (--results)"
        )
    return results


def check_folder(model: str | None) -> None:
    """Refuse a model's directory that is none; of what is in S3 the tasks say so.

    Raises:
        ModelFileError: It is none, or damaged.
    """
    if model is None or model.startswith("s3://"):
        return
    if not Path(model).is_dir():
        raise ModelFileError(f"{model} is no model directory")
    check_model(model, model)


def names_of(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names to police; one may be given by itself.

    Raises:
        ConfigurationError: One cannot be policed.
    """
    return tuple(check_name(name) for name in checked_names(names) or ()) if names else ()


def checked_run_id(run_id: str) -> str:
    """Return a run's id as it was given.

    Raises:
        ConfigurationError: No queue could be named after it.
    """
    if not RUN_ID.fullmatch(run_id):
        raise ConfigurationError(f"a run's id is 1 to 56 letters, digits, - and _, not {run_id!r}")
    return run_id


def check_numbers(
    *,
    tasks: int,
    min_confidence: float | None,
    visibility_timeout_s: int,
    picture_timeout_s: float,
    max_receives: int,
    timeout_s: float = 0.0,
) -> None:
    """Refuse numbers that cannot be.

    Raises:
        ConfigurationError: One of them.
    """
    checked_confidence(min_confidence)
    if tasks < 1:
        raise ConfigurationError(f"the number of tasks is at least 1, not {tasks}")
    if not 1 <= visibility_timeout_s <= 43_200:
        raise ConfigurationError(f"a visibility timeout is 1 to 43200 seconds, not {visibility_timeout_s}")
    if not 1 <= max_receives <= 1000:
        raise ConfigurationError(f"a picture is tried 1 to 1000 times, not {max_receives}")
    if not 0.0 < picture_timeout_s < math.inf:
        raise ConfigurationError(f"a picture is given a finite time above 0 seconds, not {picture_timeout_s}")
    check_limit(timeout_s)


def check_cluster(cluster: Cluster) -> None:
    """Refuse a cluster that there is not; one that may not be looked at passes.

    Raises:
        NotFoundError: There is none of that name.
    """
    try:
        cluster.perform("ecs", "ListTasks", cluster=cluster.name, maxResults=1)
    except AccessDeniedError:
        return
    except NotFoundError as error:
        raise NotFoundError(
            f"there is no cluster {cluster.name} in {cluster.clients.region}",
            operation=error.operation,
            code=error.code,
            request_id=error.request_id,
        ) from error


def check_start(cluster: Cluster, task: TaskSpec | Definition | str, job: CollectionJob) -> None:
    """Refuse a task that could not be started with a job: it lacks subnets, or the job is longer than ECS takes.

    Raises:
        ConfigurationError: One of both.
    """
    long = "https://sqs.REGION.amazonaws.com/ACCOUNT/".ljust(130, "-")  # the queues are not made yet
    job = attrs.evolve(job, queue_url=long, dead_letter_queue_url=long, queueing=32 * "-")
    plan_run(cluster, task, command=WORKER, environment=job.to_environment())
