"""What else a line may say where a name is read."""

from __future__ import annotations

import numpy as np
import pytest

from elasticache_police.findings import Kind, Verdict
from elasticache_police.runtime.alphabet import BLANK, CLASSES, encode
from elasticache_police.runtime.classifying import classify
from elasticache_police.runtime.reading import read
from elasticache_police.runtime.rivals import LEAST, rival, written
from elasticache_police.runtime.scoring import holds, position

NAME = "ElastiCache"


def frames_of(text: str) -> np.ndarray:
    """Return frames that say a text for sure: character i in frame 4 i + 2, blanks around it."""
    letters = np.full(4 * len(text) + 1, BLANK)
    letters[2::4] = encode(text)
    return np.eye(CLASSES)[letters]


def doubtful(text: str, frame: int, sign: str, share: float = 0.3) -> np.ndarray:
    """Return such frames, one of which says something else, or nothing, to some share."""
    frames = frames_of(text)
    frames[frame] *= 1 - share
    frames[frame, encode(sign)[0] if sign else BLANK] += share
    return frames


def otherwise(frames: np.ndarray) -> str | None:
    reading = read(frames)
    path = rival(reading, NAME, position(reading.text, NAME))
    return None if path is None else written(path)


LINE = "my ElastiCache."


def at(letter: int, beside: int = 0) -> int:
    """Return the frame of a letter of the name in the line, or of one beside it."""
    return 4 * (LINE.index(NAME) + letter) + 2 + beside


@pytest.mark.parametrize(
    ("frame", "sign", "text"),
    [
        (at(5, 2), " ", "my Elasti Cache."),
        (at(1, 2), "l", "my EllastiCache."),
        (at(3), "", "my ElatiCache."),
        (at(6), "c", "my Elasticache."),
        (at(10, 2), "l", "my ElastiCachel."),
        (at(0, -2), "E", "my EElastiCache."),
        (at(10, 2), "S", "my ElastiCacheS."),
    ],
)
def test_a_frame_in_doubt_makes_another_text(frame: int, sign: str, text: str) -> None:
    assert otherwise(doubtful(LINE, frame, sign)) == text


@pytest.mark.parametrize(
    ("frame", "sign"),
    [
        (at(10, 2), "-"),  # a border
        (at(0, -2), "("),
        (at(0, -2), "n"),  # as in AmazonElastiCache
        (at(0, -2), "S"),  # as in AWSElastiCache
        (at(10, 2), "B"),
        (at(1), "I"),  # looks the same
        (at(4, 1), "t"),  # the same letter, a frame longer
        (at(-3), "x"),  # another word
        (at(11, 1), ","),
    ],
)
def test_what_leaves_the_name_as_it_is_is_no_rival(frame: int, sign: str) -> None:
    assert otherwise(doubtful(LINE, frame, sign)) is None


def test_a_plain_line_has_no_rival() -> None:
    assert otherwise(frames_of(LINE)) is None
    assert otherwise(doubtful(LINE, at(5, 2), " ", share=0.9 * LEAST)) is None


def test_the_rival_is_the_likeliest_text_that_one_frame_makes() -> None:
    """Against trying every class of every frame in turn; GitHub has no letter that looks like another."""
    generator = np.random.default_rng(7)
    compared = 0
    for _ in range(120):
        frames = frames_of("a GitHub b") + generator.gamma(0.002, 1.0, (41, CLASSES))
        frames /= frames.sum(axis=1, keepdims=True)
        reading = read(frames)
        start = position(reading.text, "GitHub")
        if start < 0:
            continue
        best, ratios = frames.argmax(axis=1), frames / frames.max(axis=1, keepdims=True)
        strongest = 0.0
        for frame in range(*reading.around(start, start + 6)):
            for index in set(range(CLASSES)) - {int(best[frame])}:
                path = best.copy()
                path[frame] = index
                if not holds(written(path), "GitHub"):
                    strongest = max(strongest, float(ratios[frame, index]))
        path = rival(reading, "GitHub", start)
        assert path is not None
        assert not holds(written(path), "GitHub")
        [(changed,)] = [np.flatnonzero(path != best)]
        assert ratios[changed, path[changed]] == pytest.approx(strongest)
        compared += 1
    assert compared > 20


def test_a_name_with_a_strong_rival_is_not_called_right_for_sure() -> None:
    """A reader that knows the name reads it where half a space is seen: the score says so."""
    for share, verdict in ((0.2, Verdict.CORRECT), (0.45, Verdict.MISSPELLED)):
        answer = classify(lambda _look, share=share: doubtful(NAME, 24, " ", share), (NAME,))
        assert answer.verdict is verdict
        assert 0.2 < answer.score < 0.8
        assert (answer.reading, answer.kind) == ((NAME, None) if share < 0.3 else ("Elasti Cache", Kind.SPLIT))
