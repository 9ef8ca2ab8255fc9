"""Reads a merged report back, a picture at a time: a million pictures have most of a gigabyte in memory."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from elasticache_police._waiting import patiently
from elasticache_police.ecs_anywhere import _s3
from elasticache_police.ecs_anywhere.cluster import Cluster, as_cluster
from elasticache_police.errors import ConfigurationError
from elasticache_police.findings import Finding, Kind, Page, Report, Verdict

if TYPE_CHECKING:
    from elasticache_police._aws import Clients
    from elasticache_police.ecs_anywhere.merging import CollectionReport
    from elasticache_police.findings import FindingDict, ReportDict

__all__ = ["BEGINNING", "END", "iter_report", "read_report", "report_of"]

BEGINNING = '{"version": 1, "files": [\n'
"""Before the first picture of a merged report; each has a line."""
END = '], "summary": '
"""After the last one's line, before the counts."""


def iter_report(cluster: Cluster | str, report: CollectionReport | str) -> Iterator[Report]:
    """Yield each picture of a merged report, without pixels, in the report's order.

    The report is fetched into a temporary file first, and only one picture of it is held at a time.

    Args:
        cluster: Whose S3 to read from.
        report: What :func:`~elasticache_police.ecs_anywhere.inspection.inspect_on` returned, or the ``s3://...`` of it.

    Raises:
        NotFoundError: There is none; this and the others when the first picture is asked for.
        ConfigurationError: It is no merged report.
        WaitTimeoutError: S3 could not be reached for minutes.
        AwsError: S3 refused.
    """
    place = _s3.parse(report if isinstance(report, str) else report.report_uri, what="the report's place")
    clients = as_cluster(cluster).clients
    return _each(clients, place)


def read_report(cluster: Cluster | str, report: CollectionReport | str) -> tuple[Report, ...]:
    """Return all that :func:`iter_report` yields: for collections that fit into memory.

    Args:
        cluster: Whose S3 to read from.
        report: As there.

    Raises:
        NotFoundError: There is none.
        ConfigurationError: It is no merged report.
        WaitTimeoutError: S3 could not be reached for minutes.
        AwsError: S3 refused.
    """
    return tuple(iter_report(cluster, report))


def _each(clients: Clients, place: _s3.Place) -> Iterator[Report]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        patiently(lambda: _s3.download(clients, place, path))
        try:
            yield from _reports_in(path)
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(f"{place} is no merged report of a collection: {error}") from error


def _reports_in(path: Path) -> Iterator[Report]:
    with path.open(encoding="utf-8") as lines:
        if next(lines, "") != BEGINNING:
            raise ValueError("it begins otherwise")
        for line in lines:
            if line.startswith(END):
                return
            yield report_of(json.loads(line.rstrip("\n").removesuffix(",")))
    raise ValueError("it has no end")


def report_of(data: ReportDict) -> Report:
    """Return a report from its plain data.

    Raises:
        ValueError, KeyError or TypeError: It is something else.
    """
    pages = tuple(
        Page(
            number=page["page"],
            width=page["width"],
            height=page["height"],
            findings=tuple(map(_finding_of, page["findings"])),
        )
        for page in data["pages"]
    )
    return Report(source=data["file"], pages=pages, error=data["error"])


def _finding_of(data: FindingDict) -> Finding:
    x0, y0, x1, y1 = data["box"]
    return Finding(
        box=(x0, y0, x1, y1),
        verdict=Verdict(data["verdict"]),
        score=data["score"],
        reading=data["reading"],
        kind=None if data["kind"] is None else Kind(data["kind"]),
        name=data["name"],
    )
