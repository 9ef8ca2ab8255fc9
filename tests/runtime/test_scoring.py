"""Whether a line holds a word: by the automaton, and at once where the text is known for sure."""

from __future__ import annotations

import random

import numpy as np
import pytest

from elasticache_police.runtime.alphabet import BLANK, CLASSES, OTHER_SIGN, decode, encode
from elasticache_police.runtime.scoring import holds, position, spelled

WORDS = ("B", "ElastiCache", "ELASTICACHE", "Elastic Cache", "iam-1", "KOCh", "Caf\N{LATIN SMALL LETTER E WITH ACUTE}")
AROUND = ("", " ", "a", "Z", "7", "-", "Amazon", "AMAZON ", OTHER_SIGN, "E", "S", "Client", "SG", "VPC")


def certain(text: str) -> np.ndarray:
    """Return frames that say a text for sure, a blank around each character."""
    letters = np.full(2 * len(text) + 1, BLANK)
    letters[1::2] = encode(text)
    return np.eye(CLASSES)[letters]


def texts() -> list[str]:
    """Return words between other signs, whole, in other cases, with one letter replaced, doubled or left out."""
    rng = random.Random(4)
    out = [""]
    for _ in range(500):
        word = rng.choice(WORDS)
        word = rng.choice([word, word, word.upper(), word.lower(), word.swapcase()])
        at = rng.randrange(len(word))
        spoilt = rng.choice(
            [word, word, word[:at] + rng.choice("lIcCoK0 ") + word[at + 1 :], word[:at] + word[at:][1:]]
        )
        out.append(decode(encode(rng.choice(AROUND) + spoilt + rng.choice(AROUND))))
    return out


@pytest.mark.parametrize("word", WORDS)
def test_a_text_holds_a_word_where_the_automaton_accepts_it(word: str) -> None:
    answers = []
    for text in texts():
        accepted = spelled(certain(text), word) > 0
        answers.append(accepted)
        assert holds(text, word) is accepted, text
    assert any(answers)
    assert not all(answers)


@pytest.mark.parametrize("word", WORDS)
def test_a_word_stands_somewhere_where_a_text_holds_it(word: str) -> None:
    for text in texts():
        start = position(text, word)
        assert (start >= 0) is holds(text, word), text
        if start >= 0:
            assert holds(text[start : start + len(word)], word)
