"""Strokes made thinner and fatter: the letters stay whole and stay where they stood."""

from __future__ import annotations

import random

import numpy as np
import pytest
from PIL import Image, ImageDraw

from elasticache_police.dataset.fonts import Font, check_font, load, packaged_fonts
from elasticache_police.dataset.lettering import Lettering
from elasticache_police.dataset.pages import font_set
from elasticache_police.dataset.strokes import stem, thin_mask, thinned

TEXT = "ElastiCache"


@pytest.fixture(scope="module")
def font() -> Font:
    found = check_font(next(path for path in packaged_fonts() if path.suffix == ".ttf"))
    assert isinstance(found, Font)
    return found


def drawn(font: Font, size: int) -> np.ndarray:
    picture = Image.new("L", (size * 8, size * 2))
    ImageDraw.Draw(picture).text((size // 2, size * 3 // 2), TEXT, fill=255, font=load(font.path, size), anchor="ls")
    return np.asarray(picture) > 127


def pieces(ink: np.ndarray) -> int:
    """Return how many pieces, joined also by corners, the ink has."""
    left = set(zip(*np.nonzero(ink), strict=True))
    count = 0
    while left:
        count += 1
        front = [left.pop()]
        while front:
            y, x = front.pop()
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            front.extend(near)
    return count


def test_a_bar_loses_a_pixel_all_around_at_every_step() -> None:
    ink = np.zeros((20, 60), bool)
    ink[5:14, 5:55] = True
    once, thrice = thinned(ink, 1), thinned(ink, 3)
    assert once[:, 30].sum() == 7
    assert thrice[:, 30].sum() == 3
    assert (thrice <= once).all()
    assert (once <= ink).all()


def test_thinning_never_breaks_a_letter(font: Font) -> None:
    """However long it goes on: strokes of one pixel stay, and no piece vanishes or falls in two."""
    ink = drawn(font, 60)
    whole = pieces(ink)
    assert whole == len(TEXT) + 1  # the dot of the i
    for steps in (1, 2, 4, 12):
        less = thinned(ink, steps)
        assert pieces(less) == whole
        assert less.sum() < ink.sum()


def test_the_stem_of_a_face_is_what_its_l_is_thick(font: Font) -> None:
    ink = np.asarray(drawn(font, 200))
    columns = np.flatnonzero(ink.any(axis=0))
    assert 0.04 < stem(font.path) < 0.2
    assert stem(font.path) * 200 < columns[-1] - columns[0]
    widths = [np.diff(np.flatnonzero(np.diff(row.astype(int))))[::2] for row in ink if row.any()]
    assert np.median(np.concatenate(widths)) == pytest.approx(stem(font.path) * 200, abs=5)


def test_thin_letters_stand_where_the_others_stood(font: Font) -> None:
    """Also at the end of a long line: hinting makes a small run longer or shorter than it is at a larger size."""
    fonts, text = font_set([font]), f"{TEXT} and {TEXT} or {TEXT}"
    for size in (12.0, 13.0, 24.0):
        seen = []
        for stroke in (0.0, -0.02 * size):
            face = Lettering(font=font, size=size, cap=0.7 * size, tracking=0.0, gap=0.0, stroke=stroke)
            picture = Image.new("L", (round(20 * size), 50))
            runs, edges = face.measure(text, fonts, random.Random(0))
            face.write(ImageDraw.Draw(picture), 10.3, 35.6, runs, edges, 255)
            seen.append((picture.getbbox() or (), float(np.asarray(picture, np.int64).sum())))
        (usual, ink), (thin, less) = seen
        assert max(map(abs, np.subtract(usual, thin))) <= 1.5
        assert 0.2 * ink < less < 0.8 * ink


def test_a_mask_says_where_it_belongs(font: Font) -> None:
    mask, (left, top) = thin_mask([(0.0, "E"), (30.0, "E")], load(font.path, 24), thinner=0.5, offset=(100.0, 60.0))
    box = mask.getbbox() or (0, 0, 0, 0)
    assert 100 <= left + box[0] <= 104
    assert 130 <= left + box[2] <= 148
    assert top + box[3] == pytest.approx(60, abs=1)


@pytest.mark.parametrize("tracking", [0.0, 2.0])
def test_a_lettering_is_drawn_with_the_strokes_it_says(font: Font, tracking: float) -> None:
    fonts = font_set([font])
    ink = []
    for stroke in (-0.6, 0.0, 0.5):
        face = Lettering(font=font, size=24.0, cap=17.0, tracking=tracking, gap=0.0, stroke=stroke)
        picture = Image.new("L", (260, 50))
        runs, edges = face.measure(TEXT, fonts, random.Random(0))
        face.write(ImageDraw.Draw(picture), 10, 35, runs, edges, 255)
        ink.append(int(np.asarray(picture, np.int64).sum()))
    assert ink[0] < 0.85 * ink[1]
    assert ink[2] > 1.1 * ink[1]
