"""Puts the results of a collection together: one report, every picture of the manifest in it exactly once."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

import attrs

from elasticache_police._aws import Clients
from elasticache_police._waiting import patiently
from elasticache_police.ecs_anywhere import _s3
from elasticache_police.ecs_anywhere._read import text
from elasticache_police.ecs_anywhere.collection import CollectionJob, Picture
from elasticache_police.ecs_anywhere.giving_up import GivenUp
from elasticache_police.ecs_anywhere.reading import BEGINNING, END, report_of
from elasticache_police.errors import NotFoundError

if TYPE_CHECKING:
    from elasticache_police.findings import ReportDict

__all__ = ["CollectionReport", "Failure", "done_etags", "merge", "reports"]

_CHUNK = 1_000
TELLS_EVERY = 10_000
"""After so many pictures listed or merged it is said how many there are: seconds of work on AWS."""


@attrs.frozen(kw_only=True)
class Failure:
    """A picture that could not be inspected."""

    file: str
    reason: str


@attrs.frozen(kw_only=True)
class CollectionReport:
    """What came out of a collection."""

    run_id: str
    report_uri: str
    """Where the merged report lies: the same JSON as ``elasticache-police inspect --format json``."""
    pictures: int
    """Pictures of the manifest; each is in the report exactly once."""
    skipped: int = 0
    """Whose result was there from an earlier run."""
    misspelled_pictures: int = 0
    misspelled_findings: int = 0
    failures: tuple[Failure, ...] = ()
    """Pictures that could not be inspected, each with its reason."""
    elapsed_s: float = 0.0
    dead_letter_queue_url: str = ""
    """Kept when something is in it, else empty."""
    left_behind: tuple[str, ...] = ()
    """Queues of the run that could not be deleted, each with the reason; they cost nothing."""

    @property
    def pictures_per_s(self) -> float:
        """Throughput over the whole run, start and merge included; pictures skipped do not count."""
        return (self.pictures - self.skipped) / self.elapsed_s if self.elapsed_s > 0 else 0.0


def done_etags(clients: Clients, job: CollectionJob) -> set[str]:
    """Return the ETags that have a result."""
    folder = job.results_folder / ""
    return {
        text(one, "Key").rsplit("/", 1)[-1].removesuffix(".json")
        for one in _s3.listing(clients, _s3.Place(folder.bucket, folder.key))
    }


def _chunks(pictures: Iterable[Picture]) -> Iterator[list[Picture]]:
    source = iter(pictures)
    while chunk := list(islice(source, _CHUNK)):
        yield chunk


def reports(
    clients: Clients, job: CollectionJob, pictures: Iterable[Picture], given_up: GivenUp
) -> Iterator[ReportDict]:
    """Yield one report per picture, in the manifest's order; a picture without a result becomes one with an error.

    Args:
        clients: Where to read.
        job: The run.
        pictures: The manifest.
        given_up: Why a picture has none.
    """
    bucket = job.source_place.bucket

    def fetch(picture: Picture) -> ReportDict:
        file = f"s3://{bucket}/{picture.key}"
        place = job.result_place(picture)
        try:
            found = cast("ReportDict", json.loads(patiently(lambda: _s3.read(clients, place))))
            return {**report_of(found).to_dict(), "file": file}  # pictures of the same content share a result
        except NotFoundError:
            reason = given_up.reason(picture) or "no worker survived it, and none left a reason"
        except (ValueError, KeyError, TypeError):  # no worker wrote it
            reason = f"its result {place} is no report: delete that object and run again"
        return {"file": file, "error": reason, "pages": []}

    with ThreadPoolExecutor(_s3.AT_ONCE) as pool:
        for chunk in _chunks(pictures):
            yield from pool.map(fetch, chunk)


def merge(
    clients: Clients,
    job: CollectionJob,
    pictures: Iterable[Picture],
    given_up: GivenUp,
    *,
    on_count: Callable[[int], None],
) -> CollectionReport:
    """Write the merged report to the run's folder and return what is in it.

    Args:
        clients: Where.
        job: The run.
        pictures: The manifest.
        given_up: Why a picture has no result.
        on_count: Called every now and then with how many pictures are in the report.
    """
    place = job.run_folder / "report.json"
    count = pages = findings = wrong_pictures = wrong = 0
    failed: list[Failure] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        with path.open("w", encoding="utf-8") as file:
            file.write(BEGINNING)
            for report in reports(clients, job, pictures, given_up):
                file.write((",\n" if count else "") + json.dumps(report, ensure_ascii=False))
                count += 1
                if count % TELLS_EVERY == 0:
                    on_count(count)
                if report["error"] is not None:
                    failed.append(Failure(file=report["file"], reason=report["error"]))
                verdicts = [found["verdict"] for page in report["pages"] for found in page["findings"]]
                here = verdicts.count("misspelled")
                pages += len(report["pages"])
                findings += len(verdicts)
                wrong += here
                wrong_pictures += here > 0
            summary = {  # the same counts as report.document.SummaryDict
                "files": count,
                "unreadable": len(failed),
                "pages": pages,
                "findings": findings,
                "correct": findings - wrong,
                "misspelled": wrong,
            }
            file.write(f"\n{END}" + json.dumps(summary) + "}\n")
        patiently(lambda: _s3.upload(clients, path, place))
    return CollectionReport(
        run_id=job.run_id,
        report_uri=str(place),
        pictures=count,
        misspelled_pictures=wrong_pictures,
        misspelled_findings=wrong,
        failures=tuple(failed),
    )
