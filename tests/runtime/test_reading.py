"""From frames to text and probabilities, without a network."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from elasticache_police.runtime.alphabet import BLANK, CLASSES, OTHER_SIGN, decode, encode
from elasticache_police.runtime.reading import GAP_FRAMES, read, softmax
from elasticache_police.runtime.scoring import spelled


def frames_of(symbols: str, *, sure: float = 0.99) -> np.ndarray:
    """One frame per symbol; ``_`` is the blank."""
    rows = np.full((len(symbols), CLASSES), (1 - sure) / (CLASSES - 1), np.float32)
    for row, symbol in zip(rows, symbols, strict=True):
        row[BLANK if symbol == "_" else encode(symbol)[0]] = sure
    return rows


def test_repeats_are_one_character_and_a_blank_parts_two() -> None:
    reading = read(frames_of("_EE_ll_l__"))
    assert reading.text == "Ell"
    assert reading.first.tolist() == [1, 4, 7]
    assert reading.last.tolist() == [2, 5, 7]


def test_characters_outside_ascii_read_as_something_else() -> None:
    assert decode(encode("a가é")) == f"a{OTHER_SIGN}{OTHER_SIGN}"


def test_a_slice_reaches_from_neighbour_to_neighbour() -> None:
    reading = read(frames_of("_a_bb_c_"))
    assert len(reading.slice(1, 2)) == 4  # after a's frame, up to c's
    assert len(reading.slice(0, 3)) == 8


@pytest.mark.parametrize(
    ("symbols", "likely"),
    [
        ("_G_i_t_", True),
        ("__G_i_t_ _x_", True),
        ("_a_ _G_i_t_._", True),
        ("_G_i_t_s_", False),
        ("_G_G_i_t_", False),
        ("_G_i_t_S_", False),
        ("_a_G_i_t_", True),  # glued to a small letter, as in amazonGit
        ("_X_G_i_t_", True),  # to an abbreviation
        ("_G_i_t_C_l_", True),  # to another word
        ("_G_i_t_Cl_", True),
        ("_G_i_t_S_S_", True),
        ("_G_i_t_SS_", False),
        ("_G_i_i_t_", False),
        ("_g_i_t_", False),
        ("______", False),
    ],
)
def test_a_word_counts_only_letter_for_letter_and_between_borders(symbols: str, *, likely: bool) -> None:
    probability = spelled(frames_of(symbols), "Git")
    assert probability > 0.85 if likely else probability < 0.05


def test_a_doubled_letter_needs_a_blank_between() -> None:
    assert spelled(frames_of("_a_a_"), "aa") > 0.9
    assert spelled(frames_of("_aaa_"), "aa") < 0.05


@pytest.mark.parametrize(
    ("word", "alphabet", "held"),
    [
        ("ab", "ab ", r"(?<![ab])ab(?![ab])"),
        ("Ab", "AbSR", r"(?<!A)Ab(?=\Z|[AR]|S[AbSR])"),
    ],
)
def test_the_probability_is_the_sum_over_every_sequence_of_frames(word: str, alphabet: str, held: str) -> None:
    """Against brute force over a small alphabet: each sequence of frames, collapsed, holds the word or not."""
    symbols = f"_{alphabet}"
    rng = np.random.default_rng(5)
    small = rng.dirichlet(np.ones(len(symbols)), size=6)
    frames = np.zeros((6, CLASSES))
    frames[:, [BLANK, *encode(alphabet)]] = small
    total = 0.0
    for path in itertools.product(range(len(symbols)), repeat=6):
        text = "".join(symbols[key] for key, _ in itertools.groupby(path)).replace("_", "")
        total += float(np.prod(small[np.arange(6), path])) * len(re.findall(held, text))
    assert 0 < total < 1
    assert spelled(frames, word) == pytest.approx(total, abs=1e-9)


def test_capitals_may_be_read_small_where_their_shapes_are_the_same() -> None:
    assert spelled(frames_of("_A_W_s_"), "AWS") > 0.85
    assert spelled(frames_of("_a_W_S_"), "AWS") < 0.05


def test_a_wide_gap_parts_texts() -> None:
    gap = "_" * (GAP_FRAMES + 4)
    assert read(frames_of(f"_C_e_{gap}_R_")).text == "Ce R"
    assert read(frames_of(f"_C_e_{gap[:6]}_R_")).text == "CeR"


def test_a_wide_gap_within_a_name_parts_it() -> None:
    frames = frames_of(f"_G_i_{'_' * (GAP_FRAMES + 4)}_t_", sure=0.9999)
    assert spelled(frames, "Git") > 0.95
    reading = read(frames)
    assert reading.text == "Gi t"
    assert spelled(reading.frames, "Git") < 0.05
    assert spelled(reading.slice(0, 4), "Gi t") > 0.95


def test_softmax_is_a_distribution_and_cools_with_temperature() -> None:
    logits = np.array([[0.0, 4.0, 1.0], [900.0, 0.0, 0.0]], np.float32)
    hot, cool = softmax(logits), softmax(logits, 2.0)
    np.testing.assert_allclose(hot.sum(axis=-1), 1, rtol=1e-6)
    assert cool[0, 1] < hot[0, 1]
    assert np.isfinite(hot).all()
