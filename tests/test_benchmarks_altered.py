"""Names altered on real pictures: their letters are told apart, moved, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.altered import NAME, WORDS, alter, find_letters, outcome
from PIL import Image, ImageDraw, ImageFont

from elasticache_police.findings import Finding, Verdict

X, TOP = 120, 60


def page(text: str = NAME, *, after: str = "") -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """Return a page with a name in letters that stand apart, and the box from its capitals' top to its baseline."""
    image = Image.new("L", (700, 160), 250)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=36)
    x = float(X)
    for letter in text:
        draw.text((x, TOP), letter, fill=30, font=font)
        x += draw.textlength(letter, font=font) + 3
    end = round(x)
    draw.text((end + 6, TOP), after, fill=30, font=font)
    _, top, _, bottom = draw.textbbox((X, TOP), "E", font=font)
    return np.array(image), (X - 2, int(top), end + 2, int(bottom))


def test_the_letters_of_a_name_are_told_apart() -> None:
    grey, box = page()
    name = find_letters(grey, box)
    assert name is not None
    assert len(name.letters) == len(NAME)
    assert (np.hstack(name.letters) == grey[name.y0 : name.y1, name.x0 : name.x1]).all()
    assert all((letter < 128).any() for letter in name.letters)
    assert name.ground == 250


def test_letters_that_touch_or_a_busy_ground_are_left_alone() -> None:
    grey, box = page()
    touching = grey.copy()
    touching[box[3] - 3 : box[3], X : X + 60] = 30
    assert find_letters(touching, box) is None
    busy = np.random.default_rng(1).integers(0, 256, grey.shape).astype(np.uint8)
    assert find_letters(busy, box) is None
    assert find_letters(grey, (900, 10, 990, 30)) is None


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_written_in_the_letters_of_the_name(word: str) -> None:
    grey, box = page()
    name = find_letters(grey, box)
    assert name is not None
    before = grey.copy()
    x0, y0, x1, y1 = alter(grey, name, word)
    assert (x0, y0, y1) == (name.x0, name.y0, name.y1)
    outside = np.ones(grey.shape, bool)
    outside[y0:y1, x0 : max(x1, name.x1)] = False
    assert (grey[outside] == before[outside]).all()
    columns = (grey[y0:y1, x0 - 2 : x1 + 2] < 128).any(axis=0)
    assert np.count_nonzero(np.diff(columns.astype(int)) == 1) == len(word.replace(" ", ""))


def test_a_longer_word_is_drawn_narrower_where_something_stands_beside_it() -> None:
    free, box = page()
    name = find_letters(free, box)
    tight, tight_box = page(after="next")
    beside = find_letters(tight, tight_box)
    assert name is not None
    assert beside is not None
    before = tight.copy()
    wide = alter(free, name, "ElastiCaches")
    narrow = alter(tight, beside, "ElastiCaches")
    assert narrow[2] - narrow[0] < wide[2] - wide[0]
    assert (tight[:, box[2] + 10 :] == before[:, box[2] + 10 :]).all()


def test_what_became_of_a_name() -> None:
    def finding(verdict: Verdict, score: float) -> Finding:
        return Finding(box=(10, 10, 90, 30), verdict=verdict, score=score, reading="x", kind=None, name=NAME)

    here, elsewhere = (20, 12, 80, 28), (200, 12, 280, 28)
    assert outcome([finding(Verdict.MISSPELLED, 0.1)], here, 0.8) == ("found", "x")
    assert outcome([finding(Verdict.MISSPELLED, 0.3)], here, 0.8) == ("unsure", "x")
    assert outcome([finding(Verdict.CORRECT, 0.9)], here, 0.8) == ("taken for right", "x")
    assert outcome([finding(Verdict.MISSPELLED, 0.1)], elsewhere, 0.8) == ("not seen", "")
