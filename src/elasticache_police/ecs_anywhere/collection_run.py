"""One run over a collection: which pictures, in which queues, which are left to do and which nobody could do."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from elasticache_police._aws import PROJECT_TAG
from elasticache_police._waiting import patiently
from elasticache_police.ecs_anywhere import _s3, merging
from elasticache_police.ecs_anywhere._read import number, text
from elasticache_police.ecs_anywhere.collection import SUFFIXES, VANISHED, CollectionJob, Picture
from elasticache_police.ecs_anywhere.giving_up import GivenUp, noted
from elasticache_police.ecs_anywhere.merging import done_etags
from elasticache_police.ecs_anywhere.queues import Queues, make_queues, read_letters
from elasticache_police.errors import ConfigurationError, PoliceError

if TYPE_CHECKING:
    from elasticache_police._aws import Clients
    from elasticache_police._waiting import OnProgress
    from elasticache_police.ecs_anywhere.cluster import Cluster

__all__ = ["CollectionRun", "begin", "list_pictures", "missing", "new_run_id", "reasons", "resumable"]

UNJUDGED = "every task that took it ended without a word, in round after round: they were killed, or it kills them"
"""The reason of a picture of which no worker ever got to say anything."""


@attrs.frozen(kw_only=True)
class CollectionRun:
    """A run that has begun."""

    job: CollectionJob
    queues: Queues
    manifest: Path
    """A file with a line per picture."""
    pictures: int
    """How many lines."""
    skipped: int
    """How many of them have a result from before."""

    def lines(self) -> Iterator[Picture]:
        """Yield the pictures of the manifest in its order."""
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


@contextlib.contextmanager
def resumable(run_id: str) -> Iterator[None]:
    """Say with what ends the block how to go on."""
    try:
        yield
    except (KeyboardInterrupt, PoliceError) as error:
        error.add_note(f"what is done stays done; go on with run_id={run_id!r}")
        raise


def begin(
    cluster: Cluster,
    folder: Path,
    *,
    job: CollectionJob,
    suffixes: Sequence[str],
    max_receives: int,
    on_progress: OnProgress | None,
    on_count: Callable[[int], None],
) -> CollectionRun:
    """List the pictures, write the manifest, make the queues.

    Args:
        cluster: Where.
        folder: A directory for the manifest.
        job: What to do; the urls of its queues are filled in.
        suffixes: Endings of the keys to take.
        max_receives: How often a picture is tried.
        on_progress: Called while SQS refuses to make the queues for now.
        on_count: Called every now and then with how many pictures were listed.

    Raises:
        ConfigurationError: There are no pictures.
        WaitTimeoutError: SQS goes on refusing to make the queues.
        AwsError: AWS refused a request.
    """
    clients = cluster.clients
    done = done_etags(clients, job)
    manifest = folder / "manifest.jsonl"
    count = skipped = 0
    with manifest.open("w", encoding="utf-8") as file:
        for picture in list_pictures(clients, job.source, results=job.results, suffixes=suffixes):
            file.write(picture.to_json() + "\n")
            count += 1
            if count % merging.TELLS_EVERY == 0:
                on_count(count)
            skipped += picture.etag in done
    if not count:
        raise ConfigurationError(f"there are no pictures below {job.source}")
    patiently(lambda: _s3.upload(clients, manifest, job.run_folder / "manifest.jsonl"))
    with resumable(job.run_id):  # from here on something is left on AWS
        queues = make_queues(
            cluster,
            job.run_id,
            visibility_timeout_s=job.visibility_timeout_s,
            max_receives=max_receives,
            tags={**dict([PROJECT_TAG]), "run": job.run_id},
            on_progress=on_progress,
        )
    job = attrs.evolve(job, queue_url=queues.url, dead_letter_queue_url=queues.dead_letter_url)
    return CollectionRun(job=job, queues=queues, manifest=manifest, pictures=count, skipped=skipped)


def missing(clients: Clients, run: CollectionRun, given_up: GivenUp) -> list[Picture]:
    """Return one picture for each content that has no result and was not given up.

    Where S3 did not give that one out, all others of the same content are returned: rounds are too few to try them one
    after the other, and once one has a result the others cost a look.
    """
    seen = done_etags(clients, run.job)
    withheld = {etag for etag, _ in given_up.objects}
    found = []
    for picture in run.lines():
        if picture.etag in seen or given_up.reason(picture) is not None:
            continue
        if picture.etag not in withheld:
            seen.add(picture.etag)
        found.append(picture)
    return found


def reasons(clients: Clients, run: CollectionRun, *, rounds_left: bool) -> GivenUp:
    """Return why pictures failed for good: those of the dead-letter queue, and those that vanished.

    A dead letter of which no worker noted anything was never judged: workers that held it were killed. While there are
    rounds left it is taken out of the dead-letter queue, so that the picture is missing and tried again; so is the
    letter of a picture that has its result by now. Of letters that are too many to be read the notes tell.
    """
    notes = noted(clients, run.job)

    @functools.cache
    def done() -> set[str]:
        return done_etags(clients, run.job)

    def over(picture: Picture, reason: str) -> bool:
        judged = bool(reason) or notes.reason(picture) is not None
        return picture.etag in done() or (rounds_left and not judged)

    letters = read_letters(clients, run.queues.dead_letter_url, drop=over)
    found = notes.only(set(letters.reasons)) if letters.complete else notes
    unnoted = {
        picture.etag: reason or UNJUDGED for picture, reason in letters.reasons.items() if found.reason(picture) is None
    }
    vanished = {place: reason for place, reason in notes.objects.items() if reason == VANISHED}
    return found | GivenUp(contents=unnoted, objects=vanished)
