"""Reports say what was found: counts, words, and pictures on which a mistake cannot be overlooked."""

from __future__ import annotations

import io
import json

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from elasticache_police.errors import ImageError
from elasticache_police.findings import Finding, Kind, Page, Report, Verdict
from elasticache_police.report.annotate import draw_findings
from elasticache_police.report.document import Summary, render_json, summarise, to_document
from elasticache_police.report.text import print_text
from elasticache_police.report.words import describe, misspellings, place, printable, sentence

WRONG = Finding(
    box=(300, 200, 420, 224), verdict=Verdict.MISSPELLED, score=0.012, reading="ElasticCache", kind=Kind.EXTRA_LETTER
)
RIGHT = Finding(box=(300, 300, 420, 324), verdict=Verdict.CORRECT, score=0.998, reading="ElastiCache")
RED, GREEN, WHITE = (213, 60, 0), (0, 148, 108), (255, 255, 255)


def report(*findings, image=None, source="a.png", pages=1):
    blank = tuple(Page(number=number, width=800, height=600) for number in range(1, pages))
    return Report(
        source=source, pages=(*blank, Page(number=pages, width=800, height=600, findings=findings, image=image))
    )


def test_the_counts_decide_the_exit_code():
    bad = Report(source="b.png", error="b.png: is empty")
    assert summarise([]) == Summary()
    assert summarise([report(RIGHT)]).exit_code == 0
    assert summarise([report(RIGHT), report(WRONG, RIGHT, pages=3)]) == Summary(
        files=2, pages=4, correct=2, misspelled=1
    )
    assert summarise([report(WRONG)]).exit_code == 1
    assert summarise([report(WRONG), bad]).exit_code == 2
    assert str(summarise([report(WRONG), bad])) == "2 files, 1 page: 1 misspelled, 0 correct, 1 file unreadable"


def test_json_round_trips_and_keeps_other_scripts_readable():
    text = render_json([report(WRONG, source="画像.png")])
    assert "画像.png" in text
    assert json.loads(text) == to_document([report(WRONG, source="画像.png")])


def test_words():
    assert describe(WRONG) == "misspelled: extra letter"
    assert describe(RIGHT) == "correct"
    assert list(misspellings(report(RIGHT, WRONG))) == [(report(RIGHT, WRONG).pages[0], WRONG)]
    two = report(WRONG, pages=2)
    assert place(report(WRONG), report(WRONG).pages[0], WRONG) == "300,200-420,224"
    assert sentence(two, two.pages[1], WRONG) == (
        '"ElasticCache" should be "ElastiCache" (extra letter), at page 2, 300,200-420,224; score 0.012'
    )


@hypothesis.given(st.text())
def test_printable_text_has_no_control_characters_and_leaves_letters_alone(text):
    shown = printable(text)
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in shown)
    if text.isalnum():
        assert shown == text


def test_the_table_fits_a_narrow_terminal_without_losing_a_letter():
    stream = io.StringIO()
    name = "a-very-long-folder/" * 6 + "x.png"
    print_text([report(WRONG, source=name)], Console(file=stream, width=80, force_terminal=False))
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert "".join(line[:30].split(" ")[0] for line in lines[2:-2]).replace(" ", "") in name


def colours(picture):
    return {colour for _, colour in picture.getcolors(1 << 24)}


@pytest.mark.parametrize("background", [(0, 0, 0), WHITE, (128, 128, 128), RED, (20, 30, 60)])
def test_a_mistake_shows_on_any_background_and_its_word_is_left_alone(background):
    picture = Image.new("RGB", (800, 600), background)
    picture.paste((90, 90, 90), WRONG.box)
    drawn = draw_findings(picture, [WRONG])
    assert drawn.size == picture.size
    assert {RED, WHITE} <= colours(drawn)
    assert list(drawn.crop(WRONG.box).getcolors()) == [(120 * 24, (90, 90, 90))]
    assert colours(picture) == {background, (90, 90, 90)}


def test_a_right_name_is_framed_in_another_colour_and_not_labelled():
    drawn = draw_findings(Image.new("RGB", (800, 600), (0, 0, 0)), [RIGHT])
    assert colours(drawn) == {(0, 0, 0), GREEN, WHITE}
    changed = np.argwhere(np.asarray(drawn).any(axis=2))
    (top, left), (bottom, right) = changed.min(0), changed.max(0)
    assert RIGHT.box[0] - left < 15
    assert RIGHT.box[1] - top < 15
    assert right - RIGHT.box[2] < 15
    assert bottom - RIGHT.box[3] < 15


def test_a_label_goes_where_nothing_is_written():
    picture = Image.new("RGB", (800, 600), WHITE)
    noise = np.random.default_rng(3).integers(0, 256, (140, 800, 3), np.uint8)
    picture.paste(Image.fromarray(noise), (0, 45))  # above the word
    drawn = np.asarray(draw_findings(picture, [WRONG]))
    assert (drawn[45:185] == noise).all()


@pytest.mark.parametrize("box", [(300, 200, 324, 320), (300, 200, 392, 290)])
def test_the_label_of_a_word_that_runs_up_or_lies_askew_is_no_larger_than_its_letters_ask_for(box):
    def label(finding):
        drawn = np.asarray(draw_findings(Image.new("RGB", (800, 600), (0, 0, 0)), [finding])).astype(bool).any(axis=2)
        x0, y0, x1, y1 = finding.box
        drawn[y0 - 8 : y1 + 8, x0 - 8 : x1 + 8] = False
        return np.count_nonzero(drawn)

    turned = Finding(box=box, verdict=Verdict.MISSPELLED, score=0.01, reading="ElasticCache", kind=Kind.EXTRA_LETTER)
    assert 0 < label(turned) < 1.5 * label(WRONG)


@hypothesis.settings(max_examples=60)
@hypothesis.given(
    st.integers(8, 300),
    st.integers(8, 200),
    st.lists(st.tuples(*[st.floats(0, 1)] * 4, st.booleans()), max_size=6),
)
def test_no_label_covers_a_finding_and_the_size_stays(width, height, relative):
    findings = []
    for x, y, w, h, wrong in relative:
        x0, y0 = int(x * (width - 1)), int(y * (height - 1))
        x1, y1 = min(x0 + 1 + int(w * width / 3), width), min(y0 + 1 + int(h * height / 3), height)
        kind = {"box": (x0, y0, x1, y1), "reading": "ElasticCache", "score": 0.1 if wrong else 0.9}
        findings.append(Finding(verdict=Verdict.MISSPELLED if wrong else Verdict.CORRECT, **kind))
    picture = Image.new("RGB", (width, height), (1, 2, 3))
    assert draw_findings(picture, findings).size == picture.size


def test_a_crop_that_the_word_fills_keeps_its_word():
    line = Image.new("RGB", (700, 50), WHITE)
    box = (20, 4, 680, 46)
    line.paste((0, 0, 0), box)
    drawn = draw_findings(line, [Finding(box=box, verdict=Verdict.MISSPELLED, score=0.0, reading="ElasticCache")])
    inner = drawn.crop((24, 8, 676, 42))
    assert colours(inner) == {(0, 0, 0)}


def test_annotate_needs_a_page_that_is_there():
    with pytest.raises(ValueError, match=r"a\.png has no page 3; its pages: 1, 2"):
        report(WRONG, pages=2, image=Image.new("RGB", (800, 600))).annotate(3)


def test_annotate_reads_a_file_again_and_notices_that_it_is_another(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (800, 600)).save(path)
    found = report(WRONG, source=str(path))
    assert RED in colours(found.annotate())
    Image.new("RGB", (80, 60)).save(path)
    with pytest.raises(ImageError, match="inspect it again"):
        found.annotate()
    path.unlink()
    with pytest.raises(ImageError, match="no such file"):
        found.annotate()


@pytest.mark.parametrize("width", [24, 40, 60])
def test_a_narrow_terminal_shows_every_reading_whole(width):
    console = Console(width=width, record=True, file=io.StringIO())
    print_text([report(WRONG, source="slides/architecture-overview.png")], console)
    shown = console.export_text()
    for word in ("ElasticCache", "misspelled"):
        assert word in shown


def test_json_that_comes_in_pieces_is_what_json_would_write():
    for reports in ([], [report(WRONG, source="a\nb\u2028.png")], [report(WRONG, RIGHT), report(RIGHT, pages=2)]):
        assert render_json(reports) == json.dumps(to_document(reports), ensure_ascii=False, indent=2) + "\n"


def test_very_many_findings_get_a_line_each_instead_of_a_table(monkeypatch):
    monkeypatch.setattr("elasticache_police.report.text._ROWS", 2)
    stream = io.StringIO()
    many = [report(WRONG, source=f"{number}.png") for number in range(5)]
    print_text(iter(many), Console(file=stream, width=80, force_terminal=False))
    lines = stream.getvalue().splitlines()
    assert [line.split("  ")[0] for line in lines[:5]] == [f"{number}.png" for number in range(5)]
    assert lines[5:] == ["", "5 files, 5 pages: 5 misspelled, 0 correct"]
