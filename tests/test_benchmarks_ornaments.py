"""Labels dressed up: whatever they wear, what is written is what the truth says."""

from __future__ import annotations

import html
import random
import re
from pathlib import Path

import pytest
from benchmarks.fonts import Face
from benchmarks.ornaments import ORNAMENTS
from benchmarks.sheet import Pen, theme

FACE = Face(slug="a", family="A", path=Path("a.ttf"), weight=400, variable=False, italic=False, cap=0.7, x_height=0.5)
MARKED = re.compile(r'<span class="n" data-i="(\d+)"[^>]*>(.*?)</span>', re.DOTALL)


def drawn(kind: str, seed: int) -> tuple[str, Pen]:
    rng = random.Random(seed)
    pen = Pen(rng, FACE, scale=1.0, body_cap_px=14.0, names=6)
    _, content = ORNAMENTS[kind](pen, theme(rng))
    return content, pen


@pytest.mark.parametrize("kind", ORNAMENTS)
def test_every_name_on_the_page_is_in_the_truth_as_it_is_written(kind: str) -> None:
    verdicts = set()
    for seed in range(40):
        content, pen = drawn(kind, seed)
        written = {int(number): html.unescape(text).replace("<br>", " ") for number, text in MARKED.findall(content)}
        assert written == {number: mark["word"] for number, mark in enumerate(pen.marks)}
        assert all((mark["word"].lower() == "elasticache") <= (mark["kind"] != "extra_c") for mark in pen.marks)
        verdicts |= {mark["verdict"] for mark in pen.marks}
    assert verdicts == {"correct", "misspelled"}


def test_in_small_capitals_case_is_no_fault() -> None:
    kinds = {mark["kind"] for seed in range(60) for mark in drawn("small capitals", seed)[1].marks}
    assert kinds
    assert not kinds & {"lowercase_c", "case"}
    assert {"lowercase_c"} <= {mark["kind"] for seed in range(60) for mark in drawn("plain", seed)[1].marks}


def test_a_line_a_word_is_wrong_by_the_letter_too_many_and_right_on_one_line() -> None:
    seen = {(mark["word"], mark["verdict"]) for seed in range(40) for mark in drawn("a line a word", seed)[1].marks}
    assert seen == {("Elastic Cache", "misspelled"), ("ElastiCache", "correct")}
