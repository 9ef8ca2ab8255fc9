"""The benchmark counts as it says: worked cases with known answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from benchmarks import manifest
from benchmarks.scoring import Tally, height_class, reliability, score_crops, score_pages
from benchmarks.tables import share, table
from benchmarks.worker import Result, known

if TYPE_CHECKING:
    from benchmarks.manifest import Occurrence, Truth
    from benchmarks.matching import Found


def _written(word: str, verdict: str, box: list[float], kind: str | None = None) -> Occurrence:
    return {"text": word, "word": word, "verdict": verdict, "box": box, "kind": kind, "cap_px": 11.0, "amazon": "no"}


def _page(*occurrences: Occurrence) -> Truth:
    return {"file": "a.png", "sha256": "1", "width": 900, "height": 100, "occurrences": list(occurrences)}


def _said(*findings: tuple[list[float], str]) -> Result:
    found: list[Found] = [{"box": box, "verdict": verdict, "reading": "?"} for box, verdict in findings]
    return {"sha256": "1", "version": "1", "wall_ms": 1.0, "cpu_ms": 1.0, "findings": found}


_LEFT, _RIGHT, _FAR = [0.0, 0.0, 100.0, 20.0], [200.0, 0.0, 300.0, 20.0], [600.0, 0.0, 700.0, 20.0]


def test_hits_misses_and_false_alarms_are_counted_once_each() -> None:
    page = _page(
        _written("Elasticache", "misspelled", _LEFT, "lowercase_c"), _written("ElastiCache", "correct", _RIGHT)
    )
    score = score_pages([page], [_said((_RIGHT, "misspelled"), (_FAR, "misspelled"))])
    assert score.total == Tally(hits=0, misses=1, false_alarms=2)
    assert score.parts["kind"] == {"lowercase_c": Tally(misses=1), "right spelling": Tally(false_alarms=1)}
    assert score.parts["height"] == {"10-12 px": Tally(misses=1, false_alarms=1)}
    assert score.pages_with_false_alarm == 1
    assert [alarm.truth for alarm in score.false_alarms] == ["ElastiCache", "(nothing)"]


def test_a_perfect_answer_scores_one_and_a_correct_elsewhere_does_no_harm() -> None:
    page = _page(_written("Elasticache", "misspelled", _LEFT), _written("ElastiCache", "correct", _RIGHT))
    score = score_pages([page], [_said((_LEFT, "misspelled"), (_RIGHT, "correct"), (_FAR, "correct"))])
    assert (score.total.f1, score.total.precision, score.total.recall, score.total.right_seen) == (1.0, 1.0, 1.0, 1)


def test_a_box_around_amazon_and_the_name_hits_and_so_does_a_small_one_inside() -> None:
    page = _page(_written("Elasticache", "misspelled", _LEFT))
    for box in ([-90.0, -2.0, 102.0, 22.0], [40.0, 5.0, 60.0, 15.0]):
        assert score_pages([page], [_said((box, "misspelled"))]).total == Tally(hits=1)


def test_an_identifier_is_counted_apart() -> None:
    page = _page(_written("elasticache", "identifier", _LEFT))
    flagged = score_pages([page], [_said((_LEFT, "misspelled"))])
    assert (flagged.identifiers, flagged.identifiers_flagged, flagged.total) == (1, 1, Tally())
    left_alone = score_pages([page], [_said((_LEFT, "correct"))])
    assert (left_alone.identifiers, left_alone.identifiers_flagged, left_alone.total) == (1, 0, Tally())


def test_f1_of_known_counts() -> None:
    tally = Tally(hits=8, misses=2, false_alarms=2)
    assert (tally.precision, tally.recall, tally.f1) == (0.8, 0.8, pytest.approx(0.8))
    assert Tally(misses=1).f1 == 0.0


def test_an_unread_crop_is_wrong() -> None:
    truths = [
        _page(_written("ElastiCache", "correct", _LEFT)),
        _page(_written("Elasticache", "misspelled", _LEFT, "lowercase_c")),
    ]
    answers: list[Result] = [
        {
            "sha256": "1",
            "version": "1",
            "wall_ms": 1.0,
            "cpu_ms": 1.0,
            "verdict": "unread",
            "score": None,
            "reading": "",
        },
        {
            "sha256": "1",
            "version": "1",
            "wall_ms": 1.0,
            "cpu_ms": 1.0,
            "verdict": "misspelled",
            "score": 0.02,
            "reading": "x",
        },
    ]
    score = score_crops(truths, answers)
    assert (score.right, score.asked, score.accuracy) == (1, 2, 0.5)
    assert score.parts["kind"] == {"right spelling": (0, 1), "lowercase_c": (1, 1)}
    assert reliability(truths, answers) == [(0.02, 0.0, 1)]


def test_a_mistake_in_a_text_face_is_told_from_one_in_a_hand() -> None:
    truths = [
        _page({**_written("Elasticache", "misspelled", _LEFT), "font": font}) for font in ("kalam-700", "lora-400")
    ]
    answers: list[Result] = [
        {"sha256": "1", "version": "1", "wall_ms": 1.0, "cpu_ms": 1.0, "verdict": verdict, "score": 0.5, "reading": "x"}
        for verdict in ("correct", "misspelled")
    ]
    assert score_crops(truths, answers).parts["face"] == {"hand or display": (0, 1), "text": (1, 1)}


@pytest.mark.parametrize(
    ("cap_px", "name"),
    [(7.0, "7-9 px"), (9.6, "10-12 px"), (12.6, "13-20 px"), (21.0, "21-60 px"), (60.6, "above 60 px")],
)
def test_heights_fall_into_their_class(cap_px: float, name: str) -> None:
    assert height_class(cap_px) == name


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    pages = [_page(_written("ElastiCache가", "correct", _LEFT))]
    manifest.write(tmp_path / "manifest.jsonl", pages)
    assert manifest.read(tmp_path / "manifest.jsonl") == pages


def test_answers_survive_an_interrupted_line(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"sha256": "1", "version": "2", "wall_ms": 1, "cpu_ms": 1}\n{"sha256": "3", "ver', "utf-8")
    assert set(known(path)) == {("1", "2")}
    assert known(tmp_path / "none") == {}


def test_a_table_lines_up() -> None:
    assert table("T", ["a", "bb"], [["ccc", "d"]]) == "### T\n\n| a   | bb |\n| --- | -- |\n| ccc | d  |\n"
    assert share(197, 200) == "98.5 % (197/200)"
    assert share(0, 0) == "-"
