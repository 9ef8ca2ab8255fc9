"""Cutting lines out of pages, and finding the letters of a crop."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from elasticache_police.dataset.fonts import load, packaged_fonts
from elasticache_police.runtime.crops import crop_window, ink_extent
from elasticache_police.runtime.lines import CAP_PX, LINE_PX, TOP_PX, LineWindow, cut, median

sizes = st.integers(1, 60)


@given(sizes, sizes, st.floats(-80, 80), st.floats(-80, 80), st.floats(1.5, 60), st.floats(1, 300))
@settings(deadline=None)
def test_any_window_gives_a_line_of_the_right_shape(
    width: int, height: int, x: float, y: float, cap: float, long: float
) -> None:
    window = LineWindow.around(top=y, baseline=y + cap, x0=x, x1=x + long)
    line = cut(Image.new("L", (width, height), 200), window)
    assert line.shape == (LINE_PX, window.width)
    assert line.dtype == np.uint8
    assert window.width % 16 == 0
    assert set(np.unique(line)) <= {200, 255}


def test_capitals_land_on_their_rows() -> None:
    page = Image.new("L", (200, 100), 255)
    ImageDraw.Draw(page).rectangle((50, 40, 120, 49), fill=0)  # ten rows of "capitals"
    line = cut(page, LineWindow.around(top=40, baseline=50, x0=40, x1=130))
    dark = np.flatnonzero((line < 128).any(axis=1))
    assert dark[0] == TOP_PX
    assert dark[-1] == TOP_PX + CAP_PX - 1


def test_columns_map_back_to_the_page() -> None:
    window = LineWindow.around(top=10, baseline=30, x0=100, x1=260)
    assert window.page_x(0) <= 100
    assert window.page_x(window.width) >= 260
    assert abs((window.page_x(0) + window.page_x(window.width)) / 2 - 180) < 1e-6


def test_beyond_the_page_lies_its_median_grey() -> None:
    page = Image.new("L", (30, 30), 90)
    page.paste(10, (0, 0, 4, 30))
    line = cut(page, LineWindow.around(top=5, baseline=25, x0=-40, x1=20))
    assert (line[:, 0] == 90).all()


@given(st.lists(st.integers(0, 255), min_size=1, max_size=40))
def test_median_is_the_lower_middle_value(values: list[int]) -> None:
    assert median(np.array(values, np.uint8)) == sorted(values)[(len(values) - 1) // 2]


def test_the_letters_of_a_crop_are_found_light_or_dark_and_in_noise() -> None:
    crop = Image.new("L", (700, 50), 235)
    font = load(packaged_fonts()[0], 22)
    ImageDraw.Draw(crop).text((300, 35), "ElastiCache", fill=30, font=font, anchor="ls")
    clean = np.asarray(crop)
    noisy = np.clip(clean + np.random.default_rng(3).normal(0, 10, clean.shape), 0, 255).astype(np.uint8)
    x0, y0, x1, y1 = font.getbbox("ElastiCache", anchor="ls")
    truth = (300 + x0, 35 + y0, 300 + x1, 35 + y1)
    for picture in (clean, 255 - clean, noisy, 255 - noisy):
        assert np.abs(np.subtract(ink_extent(picture), truth)).max() <= 3


def test_faint_letters_of_a_crop_are_found_in_noise_all_over_it() -> None:
    crop = Image.new("L", (700, 50), 200)
    font = load(packaged_fonts()[0], 15)
    ImageDraw.Draw(crop).text((300, 30), "ElastiCache", fill=150, font=font, anchor="ls")
    noise = np.random.default_rng(5).normal(0, 12, (50, 700))
    picture = np.clip(np.asarray(crop) + noise, 0, 255).astype(np.uint8)
    x0, y0, x1, y1 = font.getbbox("ElastiCache", anchor="ls")
    assert np.abs(np.subtract(ink_extent(picture), (300 + x0, 30 + y0, 300 + x1, 30 + y1))).max() <= 3


def test_an_empty_crop_gives_a_window_all_the_same() -> None:
    window = crop_window(np.full((50, 700), 255, np.uint8))
    assert cut(Image.new("L", (700, 50), 255), window).shape[0] == LINE_PX
