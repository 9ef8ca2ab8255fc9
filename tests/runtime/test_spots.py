"""Where in a line of text a name that the finder does not know may stand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elasticache_police.runtime.alphabet import BLANK, CLASSES, encode
from elasticache_police.runtime.judging import window_of
from elasticache_police.runtime.lines import FRAME_PX
from elasticache_police.runtime.proposals import Proposal
from elasticache_police.runtime.reading import read
from elasticache_police.runtime.spots import places_in, spots

NAMES = ("PostgreSQL", "GitHub")


def seen(line: str, names: tuple[str, ...] = NAMES) -> list[str]:
    """Return what of a line is looked at again."""
    return [line[start:stop] for start, stop in spots(line, names)]


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("PostgreSQL", ["PostgreSQL"]),
        ("AWSPostgreSQLfor Redis", ["PostgreSQL"]),  # spaces that were not read
        ("using POST8RE5QL here", ["POST8RE5QL"]),
        ("PostgreSQL and jostgreSQL", ["PostgreSQL", "jostgreSQL"]),
        ("on GiHub, from PosgresSQL", ["GiHub", "PosgresSQL"]),
        ("Postgre SQL", ["Postgre SQL"]),
        ("a node of some cluster", []),
        ("", []),
        ("x", []),
    ],
)
def test_what_has_enough_of_a_name_is_a_spot(line: str, parts: list[str]) -> None:
    assert seen(line) == parts


def test_a_half_of_a_broken_name_is_a_spot_by_itself() -> None:
    """``CloudF`` above ``Formation`` are read together: see :mod:`elasticache_police.runtime.stacked`."""
    assert seen("a Hub is", ("GitHub",)) == ["Hub"]
    assert seen("AWS Clouds", ("GitHub",)) == []
    assert seen("AWS CloudF", ("CloudFormation",)) == ["CloudF"]


@given(st.text(alphabet="GitHub PostgreSQL-./", max_size=40))
def test_spots_lie_inside_the_line_in_order_and_apart(line: str) -> None:
    found = spots(line, NAMES)
    assert all(0 <= start < stop <= len(line) for start, stop in found)
    assert all(stop <= start for (_, stop), (start, _) in pairwise(found))


@given(st.text(alphabet="abcdefghijklm -", max_size=12), st.text(alphabet="abcdefghijklm -", max_size=12))
def test_a_right_name_is_always_within_a_spot(before: str, after: str) -> None:
    line = f"{before} GitHub {after}"
    at = len(before) + 1
    assert any(start <= at and at + len("GitHub") <= stop for start, stop in spots(line, ("GitHub",)))


def test_a_place_lies_where_its_letters_were_seen() -> None:
    line = Proposal(score=0.8, x0=100.0, y0=40.0, x1=400.0, y1=60.0)
    window = window_of(line, 0)
    text, first, apart = "on GitHub now", 40, 6
    frames = np.zeros((window.width // FRAME_PX, CLASSES), np.float32)
    frames[:, BLANK] = 1
    at = first + apart * np.arange(len(text))
    frames[at] = np.eye(CLASSES, dtype=np.float32)[encode(text)]
    (place,) = places_in(line, read(frames), NAMES)
    begin, end = at[text.index("G")], at[text.index("b")]
    assert (place.y0, place.y1, place.score) == (40.0, 60.0, 0.8)
    assert place.x0 == window.page_x(begin * FRAME_PX)
    assert place.x1 == window.page_x((end + 1) * FRAME_PX)
