"""Marks beside letters: they stand there, and the letters stay readable."""

from __future__ import annotations

import random

import numpy as np
import pytest
from PIL import Image, ImageDraw

from elasticache_police.dataset import marks
from elasticache_police.dataset.scenery import Canvas, other_shade

GROUND = 128
LETTERS = (140.0, 60.0, 220.0, 80.0)


def drawn(made: marks.Marks, seed: int) -> np.ndarray:
    image = Image.new("L", (360, 140), GROUND)
    canvas = Canvas(image=image, draw=ImageDraw.Draw(image), scale=1.0, taken=[], lines=[], turned=[])
    made.draw(random.Random(seed), canvas, LETTERS, 0)
    return np.asarray(image)


@pytest.mark.parametrize("mark", sorted({*marks._BEFORE, *marks._AFTER}, key=lambda mark: mark.__name__))
@pytest.mark.parametrize("before", [True, False])
def test_a_mark_stands_on_its_side_and_leaves_the_letters_alone(mark, before: bool) -> None:
    x0, top, x1, baseline = (round(edge) for edge in LETTERS)
    seen = 0
    for seed in range(60):
        made = marks.Marks(before=mark if before else None, after=None if before else mark, squiggle=False, gap=0.06)
        changed = drawn(made, seed) != GROUND
        assert not changed[top:baseline, x0:x1].any()
        own, other = (changed[:, :x0], changed[:, x1 + 1 :]) if before else (changed[:, x1 + 1 :], changed[:, :x0])
        assert not other.any()
        seen += bool(own.any())
    assert seen > 50  # now and then its grey is the ground's


def test_a_squiggle_runs_below_the_letters() -> None:
    x0, _, x1, baseline = (round(edge) for edge in LETTERS)
    for seed in range(30):
        changed = drawn(marks.Marks(before=None, after=None, squiggle=True, gap=0.1), seed) != GROUND
        assert not changed[:baseline].any()
        assert not changed[:, : x0 - 1].any()
        assert not changed[:, x1 + 2 :].any()


def test_every_kind_of_mark_is_chosen() -> None:
    chosen = [marks.marks_beside(random.Random(seed)) for seed in range(600)]
    assert {one.before for one in chosen} == {None, *marks._BEFORE}
    assert {one.after for one in chosen} == {None, *marks._AFTER}
    assert {one.squiggle for one in chosen} == {True, False}
    assert all(one.before or one.after or one.squiggle for one in chosen)


@pytest.mark.parametrize("shade", [0, 40, 127, 128, 200, 255])
def test_another_shade_is_far_enough_away(shade: int) -> None:
    for seed in range(100):
        other = other_shade(random.Random(seed), shade, apart=80)
        assert 0 <= other <= 255
        assert abs(other - shade) >= 80
