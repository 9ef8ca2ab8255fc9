"""A merged report comes back a picture at a time, and what is none is named."""

from __future__ import annotations

import json
import tracemalloc

import boto3
import pytest
from quick_workers import Threads

from elasticache_police import ecs_anywhere
from elasticache_police.ecs_anywhere import Cluster
from elasticache_police.errors import ConfigurationError, NotFoundError
from elasticache_police.findings import Finding, Kind, Page, Report, Verdict

WHERE = "s3://pictures/runs/r/report.json"
FOUND = {
    "box": [0, 0, 10, 10],
    "verdict": "misspelled",
    "score": 0.1,
    "reading": "ElasticCache\u2028\x85 (two ends of a line)",
    "kind": "extra_letter",
    "name": "ElastiCache",
}
PICTURE = {
    "file": "s3://pictures/a.png",
    "error": None,
    "pages": [{"page": 1, "width": 9, "height": 9, "findings": [FOUND]}],
}
UNREADABLE = {"file": "s3://pictures/]b.png", "error": "no picture", "pages": []}


@pytest.fixture
def s3(moto_url):
    client = boto3.client("s3")
    client.create_bucket(Bucket="pictures")
    return client


def _put(s3, text: str) -> None:
    s3.put_object(Bucket="pictures", Key="runs/r/report.json", Body=text.encode())


def _merged(*files: dict) -> str:
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in files)
    return '{"version": 1, "files": [\n' + lines + '\n], "summary": {}}\n'


def test_a_merged_report_comes_back_whole_and_in_order(s3):
    _put(s3, _merged(PICTURE, UNREADABLE))
    finding = Finding(
        box=(0, 0, 10, 10), verdict=Verdict.MISSPELLED, score=0.1, reading=FOUND["reading"], kind=Kind.EXTRA_LETTER
    )
    expected = (
        Report(source="s3://pictures/a.png", pages=(Page(width=9, height=9, findings=(finding,)),)),
        Report(source="s3://pictures/]b.png", error="no picture"),
    )
    assert tuple(ecs_anywhere.iter_report("police", WHERE)) == expected
    assert ecs_anywhere.read_report("police", WHERE) == expected


def test_what_a_run_wrote_is_read_back(s3, boto_session):
    for name, content in (("a", "ElasticCache"), ("b", "unreadable bytes")):
        s3.put_object(Bucket="pictures", Key=f"decks/{name}.png", Body=content.encode())
    here = Cluster("police", session=boto_session)
    report = ecs_anywhere.inspect_on(
        here, "s3://pictures/decks/", results="s3://pictures/results", tasks=1, delay_s=0.2, crew=Threads
    )
    wrong, unreadable = ecs_anywhere.iter_report(here, report)
    assert [finding.reading for finding in wrong.misspelled] == ["ElasticCache"]
    assert unreadable.error == "no picture (send another one)"


def test_a_report_of_many_pictures_is_never_held_whole(s3):
    _put(s3, _merged(*[PICTURE] * 20_000))

    def most_bytes() -> int:
        reports = ecs_anywhere.iter_report("police", WHERE)
        one = next(reports)  # fetched by now; S3 is played by this process, and would be counted
        tracemalloc.start()
        assert sum(report == one for report in reports) == 19_999
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    # Of objects that have 15 MB together. What other threads of this process still do can only add to it.
    assert min(most_bytes() for _ in range(3)) < 1_000_000


@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"version": 1, "files": [\n', _merged({"file": "a"}), _merged(PICTURE)[:-40], _merged(PICTURE)[:60]],
)
def test_what_is_no_merged_report_is_named(s3, text):
    _put(s3, text)
    with pytest.raises(ConfigurationError, match=f"{WHERE} is no merged report of a collection: "):
        ecs_anywhere.read_report("police", WHERE)


def test_a_report_that_is_not_there_is_typed(s3):
    with pytest.raises(NotFoundError):
        ecs_anywhere.read_report("police", WHERE)


@pytest.mark.parametrize(
    "body", [b"", b'{"file": ', b"[]", b"{}", b"3", b'{"file": "a", "error": null, "pages": [{}]}', b"\xff"]
)
def test_a_result_that_no_worker_wrote_is_named_and_the_others_are_reported(s3, boto_session, body):
    """It ended every run over this collection with a traceback."""
    here = Cluster("police", session=boto_session)
    options = {"results": "s3://pictures/results", "tasks": 1, "delay_s": 0.2, "crew": Threads}
    for name, content in (("a", "ElasticCache"), ("b", "ElastiCache")):
        s3.put_object(Bucket="pictures", Key=f"decks/{name}.png", Body=content.encode())
    assert ecs_anywhere.inspect_on(here, "s3://pictures/decks/", **options).failures == ()
    etag = s3.head_object(Bucket="pictures", Key="decks/a.png")["ETag"].strip('"')
    found = s3.list_objects_v2(Bucket="pictures", Prefix="results/results/")["Contents"]
    (key,) = [one["Key"] for one in found if etag in one["Key"]]
    s3.put_object(Bucket="pictures", Key=key, Body=body)

    report = ecs_anywhere.inspect_on(here, "s3://pictures/decks/", **options)

    (failure,) = report.failures
    assert failure.file == "s3://pictures/decks/a.png"
    assert failure.reason == f"its result s3://pictures/{key} is no report: delete that object and run again"
    assert (report.pictures, report.dead_letter_queue_url) == (2, "")
