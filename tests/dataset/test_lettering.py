"""Letters as titles have them: small capitals, outlines, shadows; and what of it a sample says."""

from __future__ import annotations

import itertools
import random

import attrs
import numpy as np
import pytest
from PIL import Image, ImageDraw

from elasticache_police.dataset.fonts import Font, check_font, packaged_fonts
from elasticache_police.dataset.lettering import Lettering, lettering
from elasticache_police.dataset.pages import font_set

GROUND, INK, BEHIND = 128, 255, 0


@pytest.fixture(scope="module")
def fonts():
    return [font for path in packaged_fonts() if isinstance(font := check_font(path), Font)]


@pytest.fixture(scope="module")
def plain(fonts) -> Lettering:
    sans = next(font for font in fonts if font.path.stem == "LiberationSans-Regular")
    return Lettering(font=sans, size=40.0, cap=28.0, tracking=0.0, gap=0.0, stroke=0.0)


def drawn(face: Lettering, fonts, text: str, *, behind: int | None = None) -> tuple[np.ndarray, list[float]]:
    picture = Image.new("L", (420, 80), GROUND)
    runs, edges = face.measure(text, font_set(fonts), random.Random(0))
    face.write(ImageDraw.Draw(picture), 20, 55, runs, edges, INK, behind)
    return np.asarray(picture), edges


def test_small_capitals_say_capitals(plain, fonts) -> None:
    small = attrs.evolve(plain, small_capitals=0.75)
    assert small.said("Amazon ElastiCache 2") == "AMAZON ELASTICACHE 2"
    assert plain.said("Amazon ElastiCache 2") == "Amazon ElastiCache 2"
    runs, edges = small.measure("ElastiCache 2", font_set(fonts), random.Random(0))
    assert [(run.text, run.size) for run in runs] == [
        ("E", 40.0),
        ("LASTI", 30.0),
        ("C", 40.0),
        ("ACHE", 30.0),
        (" 2", 40.0),
    ]
    assert len(edges) == len("ElastiCache 2") + 1
    assert np.all(np.diff(edges) > 0)


def test_small_capitals_are_as_high_as_asked(plain, fonts) -> None:
    seen, edges = drawn(attrs.evolve(plain, small_capitals=0.75), fonts, "El")
    first, second = (
        np.flatnonzero((seen[:, 20 + round(a) : 20 + round(b)] > 200).any(axis=1)) for a, b in itertools.pairwise(edges)
    )
    assert len(second) / len(first) == pytest.approx(0.75, abs=0.06)
    assert first[-1] == second[-1]  # on one baseline


def test_an_outline_surrounds_letters_that_stay_where_they_are(plain, fonts) -> None:
    alone, _ = drawn(plain, fonts, "Elasti")
    outlined, _ = drawn(attrs.evolve(plain, outline=3.0), fonts, "Elasti", behind=BEHIND)
    assert outlined[alone == 255].min() > 250
    rows, columns = np.nonzero(outlined < 20)
    inner = np.nonzero(alone == 255)
    assert rows.min() < inner[0].min() - 1
    assert rows.max() > inner[0].max() + 1
    assert columns.min() < inner[1].min() - 1


def test_an_outline_may_cover_some_of_the_letters(plain, fonts) -> None:
    whole, _ = drawn(attrs.evolve(plain, outline=2.0), fonts, "Elasti", behind=BEHIND)
    less, _ = drawn(attrs.evolve(plain, outline=2.0, outline_within=0.6), fonts, "Elasti", behind=BEHIND)
    ink = [int((seen.clip(GROUND) - GROUND).sum(dtype=int)) for seen in (whole, less)]
    assert 0.2 * ink[0] < ink[1] < 0.9 * ink[0]


def test_a_shadow_lies_behind_and_beside(plain, fonts) -> None:
    alone, _ = drawn(plain, fonts, "Elasti")
    shadowed, _ = drawn(attrs.evolve(plain, shadow=(4.0, 3.0)), fonts, "Elasti", behind=BEHIND)
    assert shadowed[alone == 255].min() > 250
    dark = np.argwhere(shadowed < 20)
    assert dark[:, 0].max() == np.argwhere(alone == 255)[:, 0].max() + 3


def test_most_letters_are_plain_and_tiny_ones_all(fonts) -> None:
    made = [lettering(random.Random(seed), fonts[0], 20.0) for seed in range(2000)]
    ornate = [face for face in made if face is not None and (face.outline or face.shadow != (0.0, 0.0))]
    assert 0.04 < len(ornate) / len(made) < 0.12
    assert 0.01 < sum(face is not None and bool(face.small_capitals) for face in made) / len(made) < 0.06
    tiny = [lettering(random.Random(seed), fonts[0], 8.0) for seed in range(500)]
    assert all(face is not None and not face.outline and face.shadow == (0.0, 0.0) for face in tiny)
