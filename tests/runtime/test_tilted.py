"""Tilted pages: how they are told from level ones, and how they become upright."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from elasticache_police.runtime import tilted
from elasticache_police.runtime.proposals import HEIGHT_PX, STRIDE, Proposal
from elasticache_police.runtime.turned import CLIMBS, FALLS, Region, labels

OUTPUTS = 8
CAP_PX = 10.0


def page_of_lines(slope: float, *, lines: int = 4, pitch_px: float = 30, columns: int = 60) -> np.ndarray:
    """Return the finder's cells of a page with lines of text, 10 pixels high, that fall by a slope."""
    rows = 60
    cells = np.full((rows, columns, OUTPUTS), -4.0, np.float32)
    x = np.arange(columns) * STRIDE + STRIDE / 2
    y = (np.arange(rows) * STRIDE + STRIDE / 2)[:, None]
    for line in range(lines):
        middle = 200 + line * pitch_px + slope * (x - x.mean())
        text = np.abs(y - middle) <= CAP_PX / 2
        cells[..., 1][text] = 4.0
        cells[..., 4][text] = ((y - (middle - CAP_PX / 2)) / HEIGHT_PX)[text]
        cells[..., 5][text] = (((middle + CAP_PX / 2) - y) / HEIGHT_PX)[text]
    return cells


@pytest.mark.parametrize("degrees", [-5, -3, -1.2, 1.2, 3, 5])
def test_the_slope_of_lines_is_measured_and_stretched(degrees: float) -> None:
    levels = [(page_of_lines(math.tan(math.radians(degrees))), 1.0)]
    assert tilted.measured(levels) == pytest.approx(1000 * tilted.STRETCH * math.radians(degrees), abs=1)


def test_what_is_nearly_level_or_too_steep_to_be_a_tilt_is_left_as_it_is() -> None:
    for tilt in (0, 17, -17, 141, -141, 600):
        assert tilted.plausible(tilt) == 0
    for tilt in (18, -18, 140, -140):
        assert tilted.plausible(tilt) == tilt


def test_a_short_line_is_not_enough_to_turn_a_page() -> None:
    assert tilted.measured([(page_of_lines(0.07, lines=1, columns=9), 1.0)]) == 0


def test_the_next_line_is_not_taken_for_the_same() -> None:
    assert tilted.measured([(page_of_lines(0.0, lines=9, pitch_px=14), 1.0)]) == 0
    tilt = tilted.measured([(page_of_lines(0.06, lines=9, pitch_px=14), 1.0)])
    assert tilt == pytest.approx(60 * tilted.STRETCH, abs=3)


def test_labels_along_arrows_do_not_turn_a_level_page() -> None:
    level = page_of_lines(0.0, lines=4)
    askew = page_of_lines(0.12, lines=5)
    assert tilted.measured([(askew, 1.0)]) > 0
    assert tilted.measured([(askew, 1.0), (level, 1.0), (level[:, :30], 1.0)]) == 0


def test_labels_that_lie_this_way_and_that_do_not_turn_a_page() -> None:
    one, other = page_of_lines(0.12, lines=4), page_of_lines(-0.12, lines=3)
    assert tilted.measured([(one, 1.0)]) > 0
    assert tilted.measured([(one, 1.0), (other, 1.0)]) == 0


def test_cells_at_the_right_edge_have_no_neighbours_on_the_left() -> None:
    """Rows do not run on into the next."""
    cells = np.full((40, 8, OUTPUTS), -4.0, np.float32)
    cells[:, [0, 7], 1] = 4.0
    cells[..., 4:6] = 0.6
    assert tilted.measured([(cells, 1.0)]) == 0


@pytest.mark.parametrize("degrees", [-42, -12, -6, 4, 9, 33])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_how_a_label_lies_is_told_by_its_own_cells(degrees: float, scale: float) -> None:
    """Between level lines, at any level of the pyramid, and where the page has a margin of ground."""
    cells = page_of_lines(0.0, lines=3, pitch_px=90)
    label = page_of_lines(math.tan(math.radians(degrees)), lines=1)
    cells[:, 22:38] = np.roll(label, 6, axis=0)[:, 22:38]
    margin = 16
    x, y, half = 30 * STRIDE, 200 + 6 * STRIDE, CAP_PX / 2
    seen = [Proposal(0.9, x - 60, y - half, x + 60, y + half), Proposal(0.8, 20, 200 - half, 140, 200 + half)]
    places = [Proposal(p.score, *(edge * scale - margin for edge in (p.x0, p.y0, p.x1, p.y1))) for p in seen]
    tilt, level = tilted.label_tilts([(cells, scale)], places, margin=margin)
    assert tilt == pytest.approx(1000 * tilted.STRETCH_ON_A_LABEL * math.radians(degrees), abs=8)
    assert level == 0


def test_a_label_of_other_letters_than_the_place_tells_nothing() -> None:
    cells = page_of_lines(0.15, lines=1)
    place = Proposal(0.9, 180, 200 - CAP_PX, 300, 200 + CAP_PX)
    assert tilted.label_tilts([(cells, 1.0)], [place]) == [0]


def test_what_surrounds_a_label_holds_all_of_it_and_stays_on_the_page() -> None:
    cells = page_of_lines(0.1, lines=1)
    label = Proposal(0.9, 180, 195, 300, 205)
    (place,), (region,) = labels([(cells, 1.0)], [label], width=480, height=260)
    assert place is label
    assert region.tilt > tilted.LEAST_LABEL_TILT
    assert 0 <= region.x0 < 180 - 3 * CAP_PX
    assert 300 + 3 * CAP_PX < region.x1 <= 480
    assert region.y0 < 195 - 0.1 * 60
    assert 205 + 0.1 * 60 < region.y1 <= 260


def test_labels_are_turned_up_to_a_number_the_surest_first_and_others_read_as_they_lie() -> None:
    number = tilted.MOST_LABELS + 5
    cells = np.tile(page_of_lines(0.1, lines=1), (1, number, 1))
    places = [Proposal(0.9 - i / 100, 480 * i + 180, 195, 480 * i + 300, 205) for i in range(number)]
    askew, regions = labels([(cells, 1.0)], places, width=480 * number, height=480)
    assert askew == places[: tilted.MOST_LABELS]
    assert [region.x0 // 480 for region in regions] == list(range(tilted.MOST_LABELS))


def test_a_label_whose_name_is_seen_at_several_places_is_turned_once() -> None:
    cells = page_of_lines(0.6, lines=1)
    places = [Proposal(0.9 - abs(off) / 100, 180 + off, 195 + off, 300 + off, 205 + off) for off in (0, -4, 5, 9)]
    askew, regions = labels([(cells, 1.0)], places, width=480, height=480)
    assert askew == places
    assert regions == labels([(cells, 1.0)], places[:1], width=480, height=480)[1]
    # A name on the next line is of another label.
    below = Proposal(0.5, 180, 275, 300, 285)
    two = page_of_lines(0.6, lines=2, pitch_px=80)
    assert len(labels([(two, 1.0)], [places[0], below], width=480, height=480)[1]) == 2


@pytest.mark.parametrize("turn", [CLIMBS, FALLS])
@pytest.mark.parametrize("tilt", [-400, 300, 900])
def test_a_label_that_leans_in_a_part_turned_by_a_quarter_reads_upright_from_the_page(turn: int, tilt: int) -> None:
    upright = Image.new("L", (120, 60), 255)
    ImageDraw.Draw(upright).polygon([(20, 25), (80, 25), (95, 40), (20, 35)], fill=0)  # no two of its sides are alike
    part = Region(turn, 40, 30, 260, 290)
    label = Region(tilted.TILTED, 60, 50, 180, 140, tilt)
    # The label as it leans in the part, the part as it runs on the page.
    leaning = Image.new("L", (260, 220), 255)
    middle = (label.x0 + label.x1) / 2, (label.y0 + label.y1) / 2
    leaning.paste(upright, (int(middle[0]) - 60, int(middle[1]) - 30))
    leaning = leaning.rotate(-math.degrees(tilt / 1000), Image.Resampling.BICUBIC, center=middle, fillcolor=255)
    page = Image.new("L", (320, 320), 255)
    page.paste(leaning.transpose(Image.Transpose.ROTATE_90 if turn == CLIMBS else Image.Transpose.ROTATE_270), (40, 30))
    assert np.array_equal(np.asarray(part.upright(page)), np.asarray(leaning))
    seen = part.of_page(label).upright(page)
    expected = Image.new("L", seen.size, 255)
    expected.paste(upright, ((seen.width - 120) // 2, (seen.height - 60) // 2))
    off = np.abs(np.asarray(seen).astype(int) - np.asarray(expected)) > 128
    assert off.sum() < 0.25 * (np.asarray(expected) == 0).sum()


@given(
    tilt=st.integers(tilted.LEAST_TILT, tilted.QUARTER + tilted.MOST_LABEL_TILT).flatmap(
        lambda size: st.sampled_from([size, -size])
    ),
    size=st.tuples(st.integers(60, 300), st.integers(60, 300)),
    place=st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9)),
)
def test_a_box_of_the_upright_page_lies_around_the_same_spot_of_the_page(tilt, size, place) -> None:
    page = Image.new("L", size, 255)
    x, y = int(place[0] * size[0]), int(place[1] * size[1])
    page.paste(0, (x - 2, y - 2, x + 3, y + 3))
    region = Region(tilted.TILTED, 0, 0, *size, tilt)
    upright = np.asarray(region.upright(page))
    rows, columns = np.nonzero(upright < 128)
    assert len(rows) == pytest.approx(25, abs=6)
    box = region.on_page((int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1))
    # The box around a square that leans is larger than the square, by most at half a quarter of a turn.
    assert box == pytest.approx((x - 2, y - 2, x + 3, y + 3), abs=2 + 2.5 * abs(math.sin(2 * tilt / 1000)))


def test_nothing_of_a_page_is_lost_when_it_is_turned() -> None:
    page = Image.new("L", (200, 100), 0)
    for tilt in (-140, -20, 20, 140):
        upright = Region(tilted.TILTED, 0, 0, 200, 100, tilt).upright(Image.eval(page, lambda _: 90))
        assert upright.width >= 200
        assert upright.height >= 100
        corners = Region(tilted.TILTED, 0, 0, 200, 100, tilt).on_page((0, 0, *upright.size))
        assert corners == (0, 0, 200, 100)


@pytest.mark.parametrize(("degrees", "turned"), [(33, 1), (-33, 1), (10, 0), (0, 0)])
def test_a_place_that_the_finder_is_less_sure_of_counts_where_its_label_is_steep(degrees: float, turned: int) -> None:
    cells = page_of_lines(math.tan(math.radians(degrees)), lines=1)
    label = Proposal(0.4, 180, 195, 300, 205)
    assert len(labels([(cells, 1.0)], [], [label], width=480, height=480)[1]) == turned
    assert len(labels([(cells, 1.0)], [label], width=480, height=480)[1]) == (degrees != 0)
