"""The verdict on a crop: odds between the name and what is read, over one look or three."""

from __future__ import annotations

import numpy as np
import pytest

from elasticache_police.findings import Kind, Verdict
from elasticache_police.runtime.alphabet import BLANK, CLASSES, encode
from elasticache_police.runtime.classifying import classify
from elasticache_police.runtime.judging import LOOKS
from elasticache_police.runtime.scoring import says


def frames_of(text: str, *, sure: float = 0.995, doubt: dict[int, tuple[str, float]] | None = None) -> np.ndarray:
    """Return frames that say a text, a blank around each character; ``doubt`` gives a character a rival."""
    rows = np.full((2 * len(text) + 1, CLASSES), (1 - sure) / (CLASSES - 1), np.float64)
    rows[::2, BLANK] = sure
    rows[np.arange(1, len(rows), 2), encode(text)] = sure
    for index, (rival, share) in (doubt or {}).items():
        row = rows[2 * index + 1]
        row[encode(text[index])[0]] -= share
        row[encode(rival)[0]] += share
    return rows


def counted(*looks: np.ndarray):
    """Return frames of looks and the list of those that were taken."""
    taken: list[int] = []

    def frames(look: int) -> np.ndarray:
        taken.append(look)
        return looks[min(look, len(looks) - 1)]

    return frames, taken


def test_a_plain_name_is_looked_at_once() -> None:
    frames, taken = counted(frames_of("Amazon ElastiCache", sure=0.9995))
    answer = classify(frames, ("ElastiCache",))
    assert (answer.verdict, answer.reading, answer.kind) == (Verdict.CORRECT, "ElastiCache", None)
    assert answer.score > 0.97
    assert taken == [0]


def test_a_plain_near_miss_is_looked_at_once_and_read_as_it_stands() -> None:
    frames, taken = counted(frames_of("Amazon ElasticCache", sure=0.9995))
    answer = classify(frames, ("ElastiCache",))
    assert (answer.verdict, answer.reading, answer.kind) == (
        Verdict.MISSPELLED,
        "ElasticCache",
        Kind.EXTRA_LETTER,
    )
    assert answer.score < 0.03
    assert taken == [0]


@pytest.mark.parametrize("line", ["AWSElastiCache", "ElastiCacheClient", "VPCElastiCacheSG"])
def test_another_word_may_be_glued_to_a_name(line: str) -> None:
    frames, taken = counted(frames_of(line, sure=0.9995))
    answer = classify(frames, ("ElastiCache",))
    assert (answer.verdict, answer.reading, taken) == (Verdict.CORRECT, "ElastiCache", [0])
    wrong = classify(lambda look: frames_of(line.replace("tiC", "ticC")), ("ElastiCache",))
    assert (wrong.verdict, wrong.reading) == (Verdict.MISSPELLED, "ElasticCache")


def test_a_doubtful_name_that_is_read_right_is_called_right() -> None:
    """P(every letter) is below one half here, and yet nothing else is as likely."""
    frames, taken = counted(frames_of("ElastiCache", sure=0.93))
    answer = classify(frames, ("ElastiCache",))
    assert answer.verdict is Verdict.CORRECT
    assert taken == list(range(len(LOOKS)))


def test_looks_that_disagree_are_weighed_together() -> None:
    wrong = frames_of("ElastiCacke", doubt={9: ("h", 0.4)})
    right = frames_of("ElastiCache")
    frames, taken = counted(wrong, right, right)
    answer = classify(frames, ("ElastiCache",))
    assert (answer.verdict, answer.reading) == (Verdict.CORRECT, "ElastiCache")
    assert 0.5 < answer.score < 0.97
    assert taken == list(range(len(LOOKS)))


def test_small_c_for_capital_c_is_a_matter_of_evidence() -> None:
    for share, verdict in ((0.1, Verdict.MISSPELLED), (0.8, Verdict.CORRECT)):
        frames, _ = counted(frames_of("Elasticache", sure=0.999, doubt={6: ("C", share)}))
        assert classify(frames, ("ElastiCache",)).verdict is verdict


def test_of_several_names_the_likeliest_counts() -> None:
    frames, _ = counted(frames_of("GitHub"))
    answer = classify(frames, ("ElastiCache", "GitHub"))
    assert (answer.verdict, answer.reading) == (Verdict.CORRECT, "GitHub")
    frames, _ = counted(frames_of("Elasticsearch"))
    assert classify(frames, ("ElastiCache", "GitHub")).verdict is Verdict.MISSPELLED


def test_a_line_without_letters_is_not_the_name() -> None:
    frames, _ = counted(frames_of(""))
    answer = classify(frames, ("ElastiCache",))
    assert answer.verdict is Verdict.MISSPELLED
    assert answer.reading == ""


@pytest.mark.parametrize("text", ["", "a", "aa", "ab", "aba"])
def test_says_is_the_sum_over_all_ways_to_write_a_text(text: str) -> None:
    import itertools

    rng = np.random.default_rng(3)
    classes = [BLANK, *encode("ab")]
    frames = np.zeros((5, CLASSES))
    frames[:, classes] = rng.dirichlet(np.ones(3), 5)
    total = 0.0
    for path in itertools.product(classes, repeat=5):
        kept = [c for i, c in enumerate(path) if c != BLANK and (i == 0 or path[i - 1] != c)]
        if kept == encode(text):
            total += float(np.prod(frames[np.arange(5), path]))
    assert says(frames, text) == pytest.approx(total)
