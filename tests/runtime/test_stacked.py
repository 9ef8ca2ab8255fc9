"""A name broken over two lines: which places belong together, and what is told about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from looks import frames_of

from elasticache_police.findings import Kind, Verdict
from elasticache_police.runtime.judging import LOOKS
from elasticache_police.runtime.proposals import Proposal
from elasticache_police.runtime.stacked import judge_places, pairs

if TYPE_CHECKING:
    import numpy as np

ABOVE = Proposal(score=0.75, x0=200.0, y0=100.0, x1=260.0, y1=110.0)
BELOW = Proposal(score=0.7, x0=203.0, y0=116.0, x1=257.0, y1=126.0)


def moved(place: Proposal, *, x: float = 0.0, y: float = 0.0, taller: float = 1.0) -> Proposal:
    y1 = place.y1 + y
    y0 = y1 - (place.y1 - place.y0) * taller
    return Proposal(score=place.score, x0=place.x0 + x, y0=y0, x1=place.x1 + x, y1=y1)


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
    found = told([frames_of(above)] * len(LOOKS), [frames_of(below)] * len(LOOKS))
    assert [finding for finding in found if finding.verdict is Verdict.MISSPELLED] == []


def test_one_look_alone_accuses_nobody() -> None:
    good, bad = frames_of("Elasti"), frames_of("Elastic")
    below = [frames_of("Cache")] * len(LOOKS)
    assert told([bad, good, good], below) == []
    assert [found.reading for found in told([bad, bad, good], below)] == ["Elastic Cache"]


def test_what_is_hard_to_read_is_left_alone() -> None:
    above, below = [frames_of("Elastic", sure=0.93)] * len(LOOKS), [frames_of("Cache", sure=0.93)] * len(LOOKS)
    assert told(above, below) == []


def test_a_name_on_one_line_is_told_as_without_halves() -> None:
    whole = Proposal(score=0.9, x0=200.0, y0=100.0, x1=300.0, y1=110.0)
    assert readings("ElasticCache", "for Redis", places=(whole, BELOW)) == ["ElasticCache"]


def test_another_name_is_broken_where_a_word_begins_and_not_before_an_abbreviation() -> None:
    assert readings("Cloudf", "Formation", names=("GitHub", "CloudFormation")) == ["Cloudf Formation"]
    assert readings("Cloud", "Formation", names=("CloudFormation",)) == []
    assert readings("Postgres", "SQL", names=("PostgreSQL",)) == []


def test_halves_are_read_again_only_where_they_fit_together() -> None:
    """Names that cannot be broken, and words that are no halves, are looked at as if they stood alone."""

    def once(text: str):
        def look(number: int) -> np.ndarray:
            assert number == 0, "read for nothing"
            return frames_of(text)

        return look

    for above, below, name in (
        ("Load", "Group", "ElastiCache"),
        ("Load", "Group", "Redis"),
        ("RDS", "Cache", "GitHub"),
    ):
        seen = judge_places([(ABOVE, once(above)), (BELOW, once(below))], width=900, height=600, names=(name,))
        assert list(seen) == []


def test_below_one_another_are_lines_of_one_size_right_below_one_another() -> None:
    assert pairs([ABOVE, BELOW]) == [(0, 1)]
    assert pairs([BELOW, ABOVE]) == [(1, 0)]
    assert pairs([]) == []
    for other in (
        moved(BELOW, y=10),
        moved(BELOW, y=-8),
        moved(BELOW, x=120),
        moved(BELOW, x=-120),
        moved(BELOW, taller=1.4),
        moved(BELOW, taller=0.7),
    ):
        assert pairs([ABOVE, other]) == []
    assert pairs([ABOVE, moved(BELOW, x=-80), moved(BELOW, y=3)]) == [(0, 1), (0, 2)]


def test_words_that_share_no_width_are_of_two_texts() -> None:
    """``Elastic`` at the end of one line and ``Cache`` at the beginning of the next, far to the left."""
    above, below = "Amazon EC2 and its Elastic", "Cache hits are many and misses few"
    wide = Proposal(score=0.5, x0=100.0, y0=100.0, x1=400.0, y1=110.0)
    assert readings(above, below, places=(wide, moved(wide, y=16))) == []


def test_amazon_may_stand_before_the_first_half_though_a_window_cuts_it() -> None:
    """``Amazon Elastic`` above ``Cache``, flush left: the halves share no width, and the window begins at ``azon``."""
    aside = moved(BELOW, x=-58)
    assert readings("azon Elastic", "Cache", places=(ABOVE, aside)) == ["Elastic Cache"]
    assert readings("Elastic", "Cache", places=(ABOVE, moved(BELOW, x=-110))) == []
