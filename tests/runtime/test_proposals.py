"""From the finder's cells to names and lines of text."""

from __future__ import annotations

import numpy as np
import pytest

from elasticache_police.runtime.proposals import (
    COARSE_CAP_PX,
    HEIGHT_PX,
    LINE_CAP_PX,
    MIN_CAP_PX,
    SIDE_PX,
    STRIDE,
    lines_of_text,
    names,
    without_repeats,
)

WIDTH, HEIGHT = 40, 8
ROW = 4


def cells_of(cap_px: float, *, columns: range = range(5, 25), logit: float = 3.0) -> np.ndarray:
    """Return what the finder says of one line in a row of cells, at its own level."""
    cells = np.full((HEIGHT, WIDTH, 8), -9.0, np.float32)
    cells[ROW, columns, 1] = logit
    cells[ROW, columns, 4] = cells[ROW, columns, 5] = cap_px / 2 / HEIGHT_PX
    return cells


def test_a_run_of_cells_is_a_line() -> None:
    (line,) = lines_of_text(cells_of(10.0), scale=2.0, threshold=0.5)
    middle = (ROW * STRIDE + STRIDE / 2) * 2.0
    assert (line.x0, line.x1) == (5 * STRIDE * 2.0, 25 * STRIDE * 2.0)
    assert (line.y0, line.y1) == pytest.approx((middle - 10.0, middle + 10.0))
    assert line.score == pytest.approx(1 / (1 + np.exp(-3.0)), abs=1e-6)


def test_a_gap_of_a_cell_is_within_a_line_and_one_of_three_between_two() -> None:
    cells = cells_of(10.0)
    cells[ROW, 12, 1] = -9.0
    assert len(lines_of_text(cells, scale=1.0, threshold=0.5)) == 1
    cells[ROW, 12:15, 1] = -9.0
    assert len(lines_of_text(cells, scale=1.0, threshold=0.5)) == 2


def test_small_letters_are_read_at_the_finest_level_only() -> None:
    """A line of 18 pixels was read at a fourth of its size too, as one of 23, and that reading was taken for it."""
    small = cells_of(LINE_CAP_PX[0] - 0.4)
    assert len(lines_of_text(small, scale=1.0, threshold=0.5)) == 1
    assert lines_of_text(small, scale=2.0, threshold=0.5) == []


def test_of_tall_letters_the_next_level_tells_more() -> None:
    tall = lines_of_text(cells_of(18.0), scale=1.0, threshold=0.5)
    cells = np.full((HEIGHT, WIDTH, 8), -9.0, np.float32)
    cells[ROW // 2, 3:12, 1] = 1.0  # less sure, and as high by half
    cells[ROW // 2, 3:12, 4] = (ROW // 2 * STRIDE + STRIDE / 2 - (ROW * STRIDE + STRIDE / 2) / 2 + 5.0) / HEIGHT_PX
    cells[ROW // 2, 3:12, 5] = 10.0 / HEIGHT_PX - cells[ROW // 2, 3:12, 4]
    next_level = lines_of_text(cells, scale=2.0, threshold=0.5)
    assert without_repeats([*tall, *next_level], limit=9) == next_level
    assert without_repeats(tall, limit=9) == tall


def name_of(cap_px: float) -> np.ndarray:
    """Return cells of which three point at one name, from column 10 to 15 of a row, at their own level."""
    cells = cells_of(cap_px)
    for column in (11, 12, 13):
        cells[ROW, column, 0] = 2.0 + column / 100
        cells[ROW, column, 2] = (column - 9.5) * STRIDE / SIDE_PX
        cells[ROW, column, 3] = (15.5 - column) * STRIDE / SIDE_PX
    return cells


def test_cells_that_point_at_the_same_place_are_one_name() -> None:
    (name,) = names(name_of(9.0), scale=4.0, threshold=0.5)
    assert (name.x0, name.x1) == pytest.approx((10 * STRIDE * 4.0, 16 * STRIDE * 4.0))
    assert name.cap_px == pytest.approx(36.0)
    assert name.score == pytest.approx(1 / (1 + np.exp(-2.13)))


def test_the_smallest_names_count_at_the_finest_level_only() -> None:
    """At the next one they are words too small to be told from names, and the level before sees those best."""
    small = name_of((MIN_CAP_PX + COARSE_CAP_PX) / 2)
    assert len(names(small, scale=1.0, threshold=0.5)) == 1
    assert names(small, scale=2.0, threshold=0.5) == []
    assert names(name_of(MIN_CAP_PX - 0.5), scale=1.0, threshold=0.5) == []
