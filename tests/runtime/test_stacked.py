"""A name broken over two lines: which places belong together, and what is told about them."""

from __future__ import annotations

import numpy as np
import pytest
from looks import frames_of

from elasticache_police.findings import Kind, Verdict
from elasticache_police.runtime.judging import LOOKS
from elasticache_police.runtime.proposals import Proposal, peaks
from elasticache_police.runtime.stacked import judge_places, pairs

ABOVE = Proposal(score=0.25, x0=200.0, y0=100.0, x1=260.0, y1=110.0, half=True)
BELOW = Proposal(score=0.2, x0=203.0, y0=116.0, x1=257.0, y1=126.0, half=True)


def moved(place: Proposal, *, x: float = 0.0, y: float = 0.0, taller: float = 1.0, score: float = 0.2) -> Proposal:
    y1 = place.y1 + y
    y0 = y1 - (place.y1 - place.y0) * taller
    return Proposal(score=score, x0=place.x0 + x, y0=y0, x1=place.x1 + x, y1=y1, half=True)


def told(
    above: list[np.ndarray],
    below: list[np.ndarray],
    *,
    places: tuple[Proposal, Proposal] = (ABOVE, BELOW),
    names: tuple[str, ...] = ("ElastiCache",),
):
    seen = judge_places(
        [(places[0], above.__getitem__), (places[1], below.__getitem__)],
        width=900,
        height=600,
        names=names,
    )
    return [sighting.finding for sighting in seen]


def readings(above: str, below: str, **options: object) -> list[str]:
    found = told([frames_of(above)] * len(LOOKS), [frames_of(below)] * len(LOOKS), **options)  # type: ignore[arg-type]
    return [finding.reading for finding in found]


@pytest.mark.parametrize(
    ("above", "below", "reading"),
    [
        ("Elastic", "Cache", "Elastic Cache"),
        ("Amazon Elastic", "Cache for Redis", "Elastic Cache"),
        ("Elastic", "cache", "Elastic cache"),
        ("ELASTIC", "CACHE", "ELASTIC CACHE"),
        ("Elastic |", "| Cache", "Elastic Cache"),
        ("Elastic", "Cache (Redis)", "Elastic Cache"),
    ],
)
def test_two_words_one_above_the_other_are_one_finding(above: str, below: str, reading: str) -> None:
    (found,) = told([frames_of(above)] * len(LOOKS), [frames_of(below)] * len(LOOKS))
    assert (found.verdict, found.reading, found.kind) == (Verdict.MISSPELLED, reading, Kind.EXTRA_LETTER)
    assert found.score < 0.01
    assert (found.box[1], found.box[3]) == (int(ABOVE.y0), int(BELOW.y1))


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("Elasti", "Cache"),  # the right letters: there may have been no room
        ("ElastiCache", "for Redis"),
        ("Elastic IP", "Cache"),
        ("Elastic", "Load Balancer"),
        ("Elastic", "Cached"),
        ("Elastic", "Cache-aside"),
        ("Elastic", "Edge Cache"),
        ("Elastic", "2 Cache"),
        ("Elastic.", "Cache"),
        ("Plastic", "Cache"),
        ("my-elastic", "cache"),
        ("elastic", "cache"),
        ("aws.Elastic", "Cache"),
    ],
)
def test_what_may_be_right_is_left_alone(above: str, below: str) -> None:
    assert readings(above, below) == []


def test_one_look_alone_accuses_nobody() -> None:
    good, bad = frames_of("Elasti"), frames_of("Elastic")
    below = [frames_of("Cache")] * len(LOOKS)
    assert told([bad, good, good], below) == []
    assert [found.reading for found in told([bad, bad, good], below)] == ["Elastic Cache"]


def test_what_is_hard_to_read_is_left_alone() -> None:
    above, below = [frames_of("Elastic", sure=0.93)] * len(LOOKS), [frames_of("Cache", sure=0.93)] * len(LOOKS)
    assert told(above, below) == []


def test_a_place_for_halves_is_not_read_for_a_whole_name() -> None:
    assert readings("ElasticCache", "ElasticCache") == []


def test_a_name_on_one_line_is_told_as_without_halves() -> None:
    whole = Proposal(score=0.9, x0=200.0, y0=100.0, x1=300.0, y1=110.0)
    assert readings("ElasticCache", "for Redis", places=(whole, BELOW)) == ["ElasticCache"]


def test_another_name_is_broken_where_a_word_begins_and_not_before_an_abbreviation() -> None:
    assert readings("Cloudf", "Formation", names=("GitHub", "CloudFormation")) == ["Cloudf Formation"]
    assert readings("Cloud", "Formation", names=("CloudFormation",)) == []
    assert readings("Postgres", "SQL", names=("PostgreSQL",)) == []


def test_names_that_cannot_be_broken_cost_no_look() -> None:
    def never(_: int) -> np.ndarray:
        raise AssertionError("read for nothing")

    seen = judge_places([(ABOVE, never), (BELOW, never)], width=900, height=600, names=("Redis",))
    assert list(seen) == []


def test_below_one_another_are_lines_of_one_size_right_below_one_another() -> None:
    assert pairs([ABOVE, BELOW]) == [(0, 1)]
    assert pairs([BELOW, ABOVE]) == [(1, 0)]
    assert pairs([]) == []
    for other in (
        moved(BELOW, y=10),
        moved(BELOW, y=-8),
        moved(BELOW, x=40),
        moved(BELOW, taller=1.4),
        moved(BELOW, taller=0.7),
        moved(BELOW, score=0.04),
    ):
        assert pairs([ABOVE, other]) == []
    assert pairs([ABOVE, moved(BELOW, x=20), moved(BELOW, y=3)]) == [(0, 1), (0, 2)]


def test_words_that_share_no_width_are_of_two_texts() -> None:
    """``Elastic`` at the end of one line and ``Cache`` at the beginning of the next, far to the left."""
    above, below = "Amazon EC2 and its Elastic", "Cache hits are many and misses few"
    wide = Proposal(score=0.5, x0=100.0, y0=100.0, x1=400.0, y1=110.0, half=True)
    assert readings(above, below, places=(wide, moved(wide, y=16, score=0.5))) == []


def cells_with(scores: dict[tuple[int, int], float]) -> np.ndarray:
    """Return a finder's answer with some of a name in some cells, 40 x 8 pixels around each."""
    cells = np.zeros((6, 30, 8), np.float32)
    cells[..., 0] = -9.0
    cells[..., 2:4] = 20 / 32
    cells[..., 4:6] = 4 / 8
    for (row, column), score in scores.items():
        cells[row, column, 0] = np.log(score / (1 - score))
    return cells


def test_a_peak_is_the_best_of_its_row_and_no_name() -> None:
    cells = cells_with({(2, 10): 0.3, (2, 12): 0.25, (3, 11): 0.2, (2, 20): 0.5, (2, 22): 0.4, (4, 5): 0.05})
    found = peaks(cells, scale=2.0, least=0.12, below=0.45)
    assert [round(one.score, 2) for one in found] == [0.3, 0.2]  # of two rows; not beside a name, not too weak
    assert all(one.half for one in found)
    assert (found[0].x0, found[0].x1) == ((84 - 20) * 2, (84 + 20) * 2)
    assert (found[0].y0, found[0].y1) == ((20 - 4) * 2, (20 + 4) * 2)
