"""The benchmark's truth is right: every word is what its label says, by rules that the product had no part in."""

from __future__ import annotations

import random

import pytest
from benchmarks import words
from benchmarks.fonts import TEST, VALIDATION
from benchmarks.matching import distance


def test_no_family_is_in_both_halves() -> None:
    assert not set(VALIDATION) & set(TEST)
    assert len(set(VALIDATION)) == len(VALIDATION)
    assert len(set(TEST)) == len(TEST)


@pytest.mark.parametrize("kind", words.KINDS)
@pytest.mark.parametrize("cap_px", [7.0, 14.0, 60.0])
def test_a_near_miss_is_never_the_right_name(kind: str, cap_px: float) -> None:
    for seed in range(300):
        word = words.misspelled(random.Random(seed), cap_px=cap_px, case_contrast=0.25, kind=kind)
        assert word.verdict == "misspelled"
        assert word.word not in {words.NAME, words.NAME.upper()}
        assert distance(word.word.lower().replace(" ", ""), words.NAME.lower()) <= 2


@pytest.mark.parametrize(
    ("kind", "length", "edits"),
    [
        ("missing_letter", -1, 1),
        ("doubled_letter", 1, 1),
        ("wrong_letter", 0, 1),
        ("swapped_letters", 0, 2),
        ("case", 0, 0),
    ],
)
def test_a_kind_is_what_it_is_called(kind: str, length: int, edits: int) -> None:
    for seed in range(300):
        word = words.misspelled(random.Random(seed), cap_px=30.0, case_contrast=0.25, kind=kind).word
        assert len(word) - len(words.NAME) == length
        assert distance(word.lower(), words.NAME.lower()) == edits


def test_case_is_not_judged_where_nobody_could_see_it() -> None:
    drawn = {
        words.misspelled(random.Random(s), cap_px=7.0, case_contrast=0.2, kind="lowercase_c").word for s in range(50)
    }
    assert "Elasticache" not in drawn
    assert words.misspelled(random.Random(1), cap_px=7.0, case_contrast=0.25, kind="lowercase_c").word == "Elasticache"


def test_the_right_name_is_right_with_and_without_a_prefix() -> None:
    drawn = {words.correct(random.Random(seed)).text for seed in range(500)}
    assert drawn == {
        "ElastiCache", "Amazon ElastiCache", "AWS ElastiCache", "ELASTICACHE", "AMAZON ELASTICACHE", "AWS ELASTICACHE"
    }  # fmt: skip


def test_every_identifier_holds_the_name_in_small_letters_once_or_more() -> None:
    assert all("elasticache" in text and words.NAME not in text for text in words.IDENTIFIERS)


def test_no_neighbour_is_near_enough_to_be_a_misspelling() -> None:
    assert all(distance(text.lower().replace(" ", ""), words.NAME.lower()) > 2 for text in words.NEIGHBOURS)


@pytest.mark.parametrize("name", ["GitHub", "PostgreSQL", "CloudFormation", "Kubernetes"])
@pytest.mark.parametrize("kind", words.KINDS)
def test_another_name_has_near_misses_of_its_own(name: str, kind: str) -> None:
    for seed in range(60):
        word = words.misspelled(random.Random(seed), name=name, cap_px=30.0, case_contrast=0.25, kind=kind)
        assert word.word not in {name, name.upper()}
        assert distance(word.word.lower().replace(" ", ""), name.lower()) <= 2
    assert words.correct(random.Random(1), name=name, caps_share=0.0).word == name
    assert all(name.lower() in text and "elasticache" not in text for text in words.identifiers(name))


def test_kinds_of_another_name_are_what_they_say() -> None:
    def written(kind: str, name: str) -> set[str]:
        return {
            words.misspelled(random.Random(seed), name=name, cap_px=30.0, case_contrast=0.25, kind=kind).word
            for seed in range(200)
        }

    assert written("extra_c", "GitHub") == {"GithHub"}
    assert written("lowercase_c", "GitHub") == {"Github"}
    assert written("split", "GitHub") == {"Git Hub"}
    assert written("case", "GitHub") == {"gitHub", "GItHub", "GiTHub", "GitHUb", "GitHuB"}
    assert all(word.isupper() for word in written("caps_wrong", "GitHub"))
