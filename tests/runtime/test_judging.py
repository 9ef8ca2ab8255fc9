"""What is claimed about a place of a page, from one look or three."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from looks import BLANKS, frames_of

from elasticache_police.findings import Verdict
from elasticache_police.runtime.alphabet import BLANK, encode
from elasticache_police.runtime.judging import LOOKS, judge
from elasticache_police.runtime.proposals import Proposal

if TYPE_CHECKING:
    import numpy as np

PLACE = Proposal(score=0.9, x0=200.0, y0=100.0, x1=300.0, y1=110.0)


def told(*looks: np.ndarray) -> tuple[list[tuple[Verdict, str]], int]:
    """Return what is told about a place, and how many looks it took."""
    taken: list[int] = []

    def frames(look: int) -> np.ndarray:
        taken.append(look)
        return looks[look]

    sightings = list(judge(PLACE, frames, width=900, height=600, names=("ElastiCache",)))
    return [(sighting.finding.verdict, sighting.finding.reading) for sighting in sightings], len(taken)


def test_a_plain_name_takes_one_look() -> None:
    assert told(frames_of("Amazon ElastiCache", sure=0.9999)) == ([(Verdict.CORRECT, "ElastiCache")], 1)


def test_a_near_miss_takes_every_look() -> None:
    wrong = frames_of("Amazon ElasticCache", sure=0.9999)
    assert told(wrong, wrong, wrong) == ([(Verdict.MISSPELLED, "ElasticCache")], len(LOOKS))


def test_what_is_like_the_name_but_no_occurrence_twice_is_not_looked_at_a_third_time() -> None:
    """One look alone accuses nobody, whatever it shows."""
    other, wrong = frames_of("elastic plastic cachet", sure=0.99), frames_of("ElasticCache", sure=0.99)
    assert told(other, other, wrong) == ([], 2)
    assert told(other, wrong, wrong) == ([(Verdict.MISSPELLED, "ElasticCache")], len(LOOKS))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_look_that_lost_the_capital_does_not_make_an_identifier_of_a_name(place: int) -> None:
    """On a page that fades out, one look read ``lasticache for``: small letters alone, which code would have."""
    looks = [frames_of("Elasticache for", sure=0.9999) for _ in LOOKS]
    looks[place] = frames_of("lasticache for", sure=0.9999)
    assert told(*looks)[0] == [(Verdict.MISSPELLED, "Elasticache")]
    assert told(*[frames_of("lasticache for", sure=0.9999)] * len(LOOKS))[0] == []


def test_a_fault_at_an_end_has_to_be_plain() -> None:
    for text in ("ElastiCacha", "ElastiCach", "ElastiCachee", "ClastiCache", "lastiCache", "eastiCache"):
        assert told(*[frames_of(text, sure=0.9999)] * len(LOOKS))[0] == [(Verdict.MISSPELLED, text)]
        assert told(*[frames_of(text, sure=0.95)] * len(LOOKS))[0] == []
    assert told(*[frames_of("ElasttiCache", sure=0.95)] * len(LOOKS))[0] == [(Verdict.MISSPELLED, "ElasttiCache")]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_look_alone_accuses_nobody(place: int) -> None:
    """``elast-cache-1r7``: one look took its c for a C."""
    looks = [frames_of("up: elast-cache 1r7", sure=0.9999) for _ in LOOKS]
    looks[place] = frames_of("up: elast-Cache 1r7", sure=0.9999)
    assert told(*looks)[0] == []


def test_two_looks_that_agree_are_enough_where_the_third_sees_something_else() -> None:
    wrong, other = frames_of("Elastic Cache", sure=0.97), frames_of("Elsstlc Cdche", sure=0.97)
    assert told(wrong, other, wrong)[0] == [(Verdict.MISSPELLED, "Elastic Cache")]


def test_letters_that_cannot_be_told_are_not_judged() -> None:
    unsure = frames_of("ElasticCache", sure=0.7)
    assert told(unsure, unsure, unsure)[0] == []


@pytest.mark.parametrize(
    ("read", "accused"),
    [
        ("elastiCache", False),
        ("plastiCache", False),
        ("lastiCache", False),
        ("EelastiCache", True),
        ("Elasticache", True),
    ],
)
def test_a_faint_name_is_not_accused_for_its_first_letter_alone(read: str, *, accused: bool) -> None:
    """It is the first that a tilted line loses."""
    faint = frames_of(read, sure=0.98)
    assert bool(told(faint, faint, faint)[0]) is accused
    clear = frames_of(read, sure=0.999)
    assert told(clear, clear, clear)[0] == [(Verdict.MISSPELLED, read)]


def test_faint_letters_are_not_accused_of_several_faults() -> None:
    """``Elasticsearch`` in tiny print, its s and e unseen, is two edits from the name."""
    faint = frames_of("Elasticarch", sure=0.96)
    assert told(faint, faint, faint)[0] == []
    one_fault = frames_of("ElasticCache", sure=0.96)
    assert told(one_fault, one_fault, one_fault)[0] == [(Verdict.MISSPELLED, "ElasticCache")]
    clear = frames_of("Elasticarch", sure=0.99)
    assert told(clear, clear, clear)[0] == [(Verdict.MISSPELLED, "Elasticarch")]


def test_a_letter_in_doubt_leaves_the_name_open() -> None:
    """The reader leans to the name: half a space in three looks alike is no right name for sure, and no fault."""
    half = frames_of("ElastiCache", sure=0.995)
    space = BLANKS + 2 * len("Elasti")
    half[space, BLANK] -= 0.3
    half[space, encode(" ")[0]] += 0.3
    (sighting,) = judge(PLACE, lambda _look: half, width=900, height=600, names=("ElastiCache",))
    assert 0.4 < sighting.finding.score < 0.7
