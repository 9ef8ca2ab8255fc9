"""Rendered samples: labels that are true, and data that depend on seed and index only."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables._g_l_y_f import GlyphCoordinates
from PIL import Image, ImageDraw

from elasticache_police.dataset.crops import render_crop
from elasticache_police.dataset.fonts import Font, FontProblem, check_font, find_fonts, packaged_fonts
from elasticache_police.dataset.lettering import Lettering
from elasticache_police.dataset.near_misses import near_miss
from elasticache_police.dataset.pages import PageStyle, font_set, render_page
from elasticache_police.dataset.text import NameTexts
from elasticache_police.dataset.writing import write_dataset
from elasticache_police.errors import ConfigurationError
from elasticache_police.spelling import distance, kind_of

NAME = "ElastiCache"


@pytest.fixture(scope="module")
def fonts() -> list[Font]:
    fit, problems = find_fonts(packaged_fonts())
    assert not problems
    return fit


def test_packaged_fonts_are_fit_and_have_their_licences(fonts: list[Font]) -> None:
    assert len(fonts) >= 3
    licences = [path.read_text(encoding="utf-8") for path in packaged_fonts()[0].parent.glob("LICENSE-*.txt")]
    assert len(licences) == len(fonts)
    assert all("Open Font License" in text or "OPEN FONT LICENSE" in text for text in licences)


def test_a_file_that_is_no_font_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "broken.ttf"
    path.write_bytes(b"no font at all")
    problem = check_font(path)
    assert isinstance(problem, FontProblem)
    assert "cannot be read" in problem.reason


def test_excluded_families_are_left_out_whatever_their_case_and_spaces() -> None:
    fit, problems = find_fonts(packaged_fonts(), exclude=frozenset({"liberationSANS"}))
    assert all(font.family != "Liberation Sans" for font in fit)
    assert any("excluded" in problem.reason for problem in problems)


def test_a_missing_folder_of_fonts_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        find_fonts([tmp_path / "nowhere"])


def test_a_page_depends_on_seed_and_index_only(fonts: list[Font]) -> None:
    prepared, texts, style = font_set(fonts), NameTexts(names=(NAME,)), PageStyle()

    def page(seed: int, index: int) -> np.ndarray:
        return render_page(seed=seed, index=index, fonts=prepared, texts=texts, style=style).grey

    first = page(1, 7)
    page(1, 8)
    np.testing.assert_array_equal(first, page(1, 7))
    assert (first != page(2, 7)).any()


def test_labels_stand_where_ink_stands(fonts: list[Font]) -> None:
    """The box of every name holds more contrast than the empty row above its line would."""
    prepared, texts, style = font_set(fonts), NameTexts(names=(NAME,)), PageStyle(width=640, height=448, cap_px=(9, 26))
    seen = 0
    for index in range(12):
        page = render_page(seed=3, index=index, fonts=prepared, texts=texts, style=style)
        assert page.grey.shape == (448, 640)
        for line in page.lines:
            assert len(line.edges) == len(line.text) + 1
            assert (np.diff(line.edges) >= -3).all()
            for span in line.spans:
                x0, y0, x1, y1 = (round(v) for v in line.span_box(span))
                if x0 < 0 or y0 < 0 or x1 > 640 or y1 > 448:
                    continue
                seen += 1
                assert np.ptp(page.grey[y0:y1, x0:x1]) > 12, (index, line.text)  # pages may fade
    assert seen > 20


def test_labels_follow_wide_gaps_between_words_and_letters(fonts: list[Font]) -> None:
    """Every letter stands where its edges say, however far its word was set from the one before."""
    face = Lettering(font=fonts[0], size=30.0, cap=21.0, tracking=5.0, gap=25.0, stroke=0)
    picture = Image.new("L", (640, 60))
    text = "Elastic Cache"
    runs, edges = face.measure(text, font_set(fonts), random.Random(0))
    face.write(ImageDraw.Draw(picture), 10, 40, runs, edges, 255)
    columns = np.asarray(picture).max(axis=0) > 128
    assert edges[8] - edges[7] > 30
    for i, character in enumerate(text):
        middle = columns[round(10 + edges[i]) : round(10 + edges[i + 1] - face.tracking) + 1]
        assert middle.any() == (character != " "), (character, edges[i])
        assert not columns[round(10 + edges[i + 1] - face.tracking) + 2 : round(10 + edges[i + 1]) - 1].any()


def test_garbled_names_keep_any_letter_from_foretelling_the_next() -> None:
    rng = random.Random(0)
    far = [distance(NameTexts(names=(NAME,)).written(rng).lower().replace(" ", ""), NAME.lower()) for _ in range(3000)]
    assert sum(edits > 2 for edits in far) > 30
    near = NameTexts(names=(NAME,), garbled_share=0.0)
    assert all(distance(near.written(rng).lower().replace(" ", ""), NAME.lower()) <= 2 for _ in range(3000))


def test_a_font_without_digits_is_not_asked_for_any() -> None:
    rng = random.Random(0)
    texts = NameTexts(names=(NAME,))
    assert any(any(map(str.isdigit, texts.written(rng))) for _ in range(3000))
    assert not any(any(map(str.isdigit, texts.written(rng, digits=False))) for _ in range(3000))


def test_slanted_letters_are_letters_all_the_same(fonts: list[Font], tmp_path: Path) -> None:
    """A script is judged by its letters set upright: its slant does not make it a picture font."""
    upright = next(font for font in fonts if font.path.suffix == ".ttf")
    drawn = TTFont(upright.path)
    for name in drawn.getGlyphOrder():
        glyph = drawn["glyf"][name]
        if glyph.numberOfContours > 0:
            glyph.coordinates = GlyphCoordinates([(x + 0.45 * y, y) for x, y in glyph.coordinates])
            glyph.recalcBounds(drawn["glyf"])
    drawn.save(tmp_path / "slanted.ttf")
    slanted = check_font(tmp_path / "slanted.ttf")
    assert isinstance(slanted, Font)
    assert slanted.likeness > 0.8 * upright.likeness


def test_near_misses_cover_every_kind_and_never_are_the_name() -> None:
    rng = random.Random(0)
    made = [near_miss(NAME, rng) for _ in range(3000)]
    kinds = {kind: sum(miss.kind is kind for miss in made) for kind in {miss.kind for miss in made}}
    assert {kind.value for kind in kinds} == {
        "case",
        "extra_letter",
        "missing_letter",
        "split",
        "swapped_letters",
        "wrong_letter",
    }
    assert min(kinds.values()) > 150
    assert all(kind_of(miss.text, NAME) is not None for miss in made)
    texts = {miss.text for miss in made}
    assert {"ElasticCache", "Elasticache", "Elastic Cache", "Elasticcache", "Elasti Cache"} <= texts


@pytest.mark.parametrize("name", ["GitHub", "AWS", "CloudFormation", "Redis", "Load Balancer"])
def test_other_names_have_near_misses_too(name: str) -> None:
    rng = random.Random(1)
    assert all(near_miss(name, rng).text != name for _ in range(200))


def test_crops_are_the_storys_size_and_half_of_them_right(fonts: list[Font]) -> None:
    samples = [render_crop(seed=1, index=i, font=fonts[i % len(fonts)], name=NAME, hard=i % 3 == 0) for i in range(60)]
    assert all(sample.grey.shape == (50, 700) and sample.grey.dtype == np.uint8 for sample in samples)
    assert sum(sample.kind is None for sample in samples) == 30
    assert all(sample.text.removeprefix("Amazon ") == NAME for sample in samples if sample.kind is None)
    assert all(sample.text.removeprefix("Amazon ") != NAME for sample in samples if sample.kind is not None)


def test_a_dataset_is_written_with_labels_and_a_contact_sheet(fonts: list[Font], tmp_path: Path) -> None:
    sheet = write_dataset(tmp_path / "set", name=NAME, fonts=fonts, crops=10, pages=2, seed=4)
    labels = [json.loads(line) for line in (tmp_path / "set" / "labels.jsonl").read_text().splitlines()]
    assert len(labels) == 12
    for label in labels:
        assert (tmp_path / "set" / label["file"]).is_file()
    first = labels[0]
    assert first["verdict"] == "correct"
    assert first["file"].startswith(("crops/AmazonElastiCache_", "crops/ElastiCache_"))
    with Image.open(sheet) as picture:
        assert picture.size[0] > 700
    with pytest.raises(ConfigurationError, match="not empty"):
        write_dataset(tmp_path / "set", name=NAME, fonts=fonts, crops=1, pages=0)


def test_checking_fonts_says_how_far_it_is() -> None:
    said: list[tuple[int, int]] = []
    find_fonts(packaged_fonts(), progress=lambda done, files: said.append((done, files)))
    assert said == [(number, len(packaged_fonts())) for number in range(1, len(packaged_fonts()) + 1)]
