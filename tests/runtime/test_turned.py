"""Text that runs up or down a page: found by its cells, looked at upright, reported where it stands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from elasticache_police.runtime.proposals import STRIDE
from elasticache_police.runtime.turned import CHANNELS, CLIMBS, FALLS, MARGIN_CELLS, RUN_CELLS, Region, regions

OUTPUTS = 8


def cells_with(turn: int, *, rows: slice, columns: slice, shape: tuple[int, int] = (40, 60)) -> np.ndarray:
    cells = np.full((*shape, OUTPUTS), -4.0, np.float32)
    cells[rows, columns, CHANNELS[turn]] = 4.0
    return cells


@pytest.mark.parametrize("turn", [CLIMBS, FALLS])
def test_an_upright_run_of_cells_becomes_a_region_with_room_around(turn: int) -> None:
    cells = cells_with(turn, rows=slice(10, 20), columns=slice(30, 31))
    (region,) = regions([(cells, 1.0)], width=480, height=320)
    across, along = MARGIN_CELLS
    assert region == Region(
        turn, (30 - across) * STRIDE, (10 - along) * STRIDE, (31 + across) * STRIDE, (20 + along) * STRIDE
    )


def test_less_sure_cells_say_how_far_the_text_reaches_but_not_that_there_is_any() -> None:
    cells = cells_with(CLIMBS, rows=slice(10, 13), columns=slice(30, 31))
    unsure = np.float32(np.log(0.42 / 0.58))
    cells[10:25, 30, CHANNELS[CLIMBS]] = np.maximum(cells[10:25, 30, CHANNELS[CLIMBS]], unsure)
    (region,) = regions([(cells, 1.0)], width=480, height=320)
    assert (region.y0, region.y1) == ((10 - MARGIN_CELLS[1]) * STRIDE, (25 + MARGIN_CELLS[1]) * STRIDE)
    cells[10:13, 30, CHANNELS[CLIMBS]] = unsure
    assert regions([(cells, 1.0)], width=480, height=320) == []


def test_a_run_that_is_too_short_or_lies_flat_is_nothing() -> None:
    short = cells_with(CLIMBS, rows=slice(10, 10 + RUN_CELLS - 1), columns=slice(30, 31))
    flat = cells_with(CLIMBS, rows=slice(10, 11), columns=slice(5, 50))
    low = cells_with(CLIMBS, rows=slice(0, 2), columns=slice(5, 50), shape=(2, 60))
    for cells in (short, flat, low):
        assert regions([(cells, 1.0)], width=480, height=320) == []


def test_levels_are_put_together_in_pixels_of_the_page_and_kept_inside_it() -> None:
    fine = cells_with(CLIMBS, rows=slice(0, 9), columns=slice(0, 1))
    coarse = cells_with(CLIMBS, rows=slice(5, 20), columns=slice(28, 30), shape=(20, 30))
    fine[10:14, 10, CHANNELS[FALLS]] = 4.0
    found = regions([(fine, 1.0), (coarse, 2.0)], width=475, height=318)
    assert [region.turn for region in found] == [CLIMBS, FALLS]
    assert found[0] == Region(CLIMBS, 0, 0, 475, 318)


def test_huge_letters_are_not_taken_for_turned_text() -> None:
    nothing = np.full((40, 60, OUTPUTS), -4.0, np.float32)
    huge = cells_with(CLIMBS, rows=slice(2, 8), columns=slice(3, 4), shape=(10, 15))
    assert regions([(nothing, 1.0), (nothing[::2, ::2], 2.0), (huge, 4.0)], width=480, height=320) == []


@given(
    turn=st.sampled_from([CLIMBS, FALLS]),
    corner=st.tuples(st.integers(0, 40), st.integers(0, 30)),
    size=st.tuples(st.integers(8, 50), st.integers(8, 50)),
    data=st.data(),
)
def test_a_box_of_the_upright_part_holds_the_same_pixels_on_the_page(turn, corner, size, data) -> None:
    page = np.random.default_rng(1).integers(0, 256, (80, 90), np.uint8)
    region = Region(turn, *corner, corner[0] + size[0], corner[1] + size[1])
    upright = region.upright(Image.fromarray(page))
    assert upright.size == (size[1], size[0])
    u0, v0 = data.draw(st.integers(0, upright.width - 1)), data.draw(st.integers(0, upright.height - 1))
    u1 = data.draw(st.integers(u0 + 1, upright.width))
    v1 = data.draw(st.integers(v0 + 1, upright.height))
    x0, y0, x1, y1 = region.on_page((u0, v0, u1, v1))
    quarter_turns = 1 if turn == CLIMBS else -1
    np.testing.assert_array_equal(np.rot90(np.asarray(upright)[v0:v1, u0:u1], quarter_turns), page[y0:y1, x0:x1])
