"""How likely is it that a line says a name, letter for letter?

The reader gives, for each frame of a line, a probability for every character and for "nothing new here". As in CTC
(Graves et al., 2006), a string is written by every sequence of frames that becomes it once repeats and blanks are
dropped. The probability that a line holds the name as a word of its own is the sum over all sequences of frames that an
automaton accepts: anything, a border, the name, a border, anything. It is exact for the reader's frames, it rests on
evidence for every letter, and another name is another string rather than another network.
"""

from __future__ import annotations

import functools
import re
import string

import attrs
import numpy as np

from elasticache_police.runtime.alphabet import BLANK, CLASSES, OTHER_SIGN, among, encode
from elasticache_police.spelling import TWINS, barred_before, capitals_behind

__all__ = ["Automaton", "automaton", "holds", "pattern", "position", "says", "shapes", "spelled", "told_behind"]

# States before the word: after a border, a letter it may follow, one it may not; each with and without a blank since.
_BORDER, _BORDER_BLANK, _FREE, _FREE_BLANK, _BARRED, _BARRED_BLANK = range(6)
_BEFORE = 6
# States behind it: a border, or a capital that is surely one; anything; a capital that may be a small letter, with and
# without a blank since; and the letter that shows it to be none, at once or after a blank.
_AFTER_BORDER, _AFTER_ANY, _TWIN, _TWIN_BLANK, _AFTER_TWIN, _AFTER_TWIN_BLANK = range(6)
_BEHIND = 6
_LOOK_ALIKE = {"l": "I", "I": "l"}
"""In most faces without serifs these are one stroke: whoever writes one is not accused of the other."""


@attrs.frozen(eq=False)
class Automaton:
    """Accepts the lines that hold a word."""

    moves: np.ndarray
    """float64 (S, S): 1 where a state may follow another."""
    emits: np.ndarray
    """float64 (CLASSES, S): 1 where a state goes with a class of the alphabet."""
    start: np.ndarray
    """float64 (S,): where a line begins."""
    accepts: np.ndarray
    """float64 (S,): 1 for the states in which a line may end."""
    first: np.ndarray = attrs.field(init=False)
    """int (S,): the first class that a state goes with, for most the only one."""
    other: np.ndarray = attrs.field(init=False)
    """int (U,): the states that go with several classes, or with none."""

    @first.default
    def _first(self) -> np.ndarray:
        return np.asarray(self.emits.argmax(axis=0))

    @other.default
    def _other(self) -> np.ndarray:
        return np.flatnonzero(self.emits.sum(axis=0) != 1)

    def emitted(self, frames: np.ndarray) -> np.ndarray:
        """Return the probability of what goes with each state, float64 (T, S), in every frame.

        It is ``frames @ emits``. Most states go with one class, and to pick that takes less time; besides, the product
        with all states is so large that BLAS shares it among threads, and waits for them where other cores are busy.
        """
        picked = frames[:, self.first]
        picked[:, self.other] = frames @ self.emits[:, self.other]
        return picked


@functools.lru_cache(maxsize=4096)
def automaton(word: str) -> Automaton:
    """Return the automaton of a word.

    Another word may stand at once before it or behind it, as in ``AWSElastiCacheClient``: see
    :func:`elasticache_police.spelling.barred_before` and ``begins_another_word``.
    """
    behind = _BEFORE + 2 * len(word)
    size = behind + _BEHIND
    moves, emits = np.zeros((size, size)), np.zeros((CLASSES, size))
    letters = among(string.ascii_letters)
    border = ~letters
    border[BLANK] = False
    _fill_before(moves, emits, border=border, letters=letters, barred=among(barred_before(word)))
    moves[[_BORDER, _BORDER_BLANK, _FREE, _FREE_BLANK], _BEFORE] = 1
    _fill_word(moves, emits, word)
    sure, twins = (among(signs) for signs in told_behind(word))
    accepting = _fill_behind(
        moves[behind:, behind:], emits[:, behind:], border=border, letters=letters, sure=sure, twins=twins
    )
    said = [behind - 2, behind - 1]
    for state in said:
        moves[state, [behind + _AFTER_BORDER, behind + _TWIN]] = 1
    start = np.zeros(size)
    start[_BORDER_BLANK] = 1
    accepts = np.zeros(size)
    accepts[[*said, *(behind + state for state in accepting)]] = 1
    return Automaton(moves=moves, emits=emits, start=start, accepts=accepts)


def _fill_before(
    moves: np.ndarray, emits: np.ndarray, *, border: np.ndarray, letters: np.ndarray, barred: np.ndarray
) -> None:
    """Fill in the states before a word: whatever stands there, and of which sort it was last."""
    emits[:, _BORDER], emits[:, _FREE], emits[:, _BARRED] = border, letters & ~barred, barred
    emits[BLANK, [_BORDER_BLANK, _FREE_BLANK, _BARRED_BLANK]] = 1
    for state, blank in ((_BORDER, _BORDER_BLANK), (_FREE, _FREE_BLANK), (_BARRED, _BARRED_BLANK)):
        for source in (state, blank):
            moves[source, [_BORDER, _FREE, _BARRED, blank]] = 1


def _fill_word(moves: np.ndarray, emits: np.ndarray, word: str) -> None:
    """Fill in the states of a word: each of its letters, and a blank after it."""
    classes, alike = encode(word), shapes(word)
    for i, index in enumerate(classes):
        letter, blank = _BEFORE + 2 * i, _BEFORE + 2 * i + 1
        emits[encode(alike[i]), letter] = emits[BLANK, blank] = 1
        moves[letter, [letter, blank]] = moves[blank, blank] = 1
        if i + 1 < len(classes):
            moves[blank, letter + 2] = 1
            if classes[i + 1] != index:
                moves[letter, letter + 2] = 1


def _fill_behind(
    moves: np.ndarray,
    emits: np.ndarray,
    *,
    border: np.ndarray,
    letters: np.ndarray,
    sure: np.ndarray,
    twins: np.ndarray,
) -> tuple[int, ...]:
    """Fill in the states behind a word, which are the only ones of these arrays, and return those that accept it."""
    emits[:, _AFTER_BORDER] = border | sure
    emits[:, _AFTER_ANY] = 1
    emits[:, _TWIN], emits[BLANK, _TWIN_BLANK] = twins, 1
    # At once after a capital one of the same is no new letter, so it counts as none; after a blank it is.
    emits[:, _AFTER_TWIN], emits[:, _AFTER_TWIN_BLANK] = letters & ~twins, letters
    moves[_TWIN, [_TWIN, _TWIN_BLANK, _AFTER_TWIN]] = 1
    moves[_TWIN_BLANK, [_TWIN_BLANK, _AFTER_TWIN_BLANK]] = 1
    accepting = (_AFTER_BORDER, _AFTER_ANY, _AFTER_TWIN, _AFTER_TWIN_BLANK)
    moves[list(accepting), _AFTER_ANY] = 1
    return accepting


def told_behind(word: str) -> tuple[str, str]:
    """Return what ``spelling.capitals_behind`` does, without what passes for the word's last letter.

    A frame of that would be counted twice, as the last letter and as what follows it.
    """
    sure, twins = ("".join(one for one in signs if one not in shapes(word[-1])) for signs in capitals_behind(word))
    return sure, twins


def shapes(word: str) -> list[str]:
    """Return, for every character of a word, the characters that pass for it."""
    # Among capitals alone nothing tells a small c from a large one.
    capitals = word == word.upper()
    return [
        character
        + (character.lower() if capitals and character.lower() in TWINS else "")
        + _LOOK_ALIKE.get(character, "")
        for character in word
    ]


def holds(text: str, word: str) -> bool:
    """Return whether a text, known for sure, holds a word spelled just so: what :func:`spelled` says of such frames.

    Args:
        text: As :func:`elasticache_police.runtime.alphabet.decode` gives it.
        word: The spelling looked for.
    """
    return _compiled(word).fullmatch(text) is not None


def position(text: str, word: str) -> int:
    """Return where in a text a word stands, the first time: -1 where :func:`holds` is false."""
    found = _placed(word).search(text)
    return found.start() if found else -1


@functools.lru_cache(maxsize=4096)
def _placed(word: str) -> re.Pattern[str]:
    barred, letters, behind = _ingredients(word)
    return re.compile(rf"(?s)(?<![{barred}]){letters}(?=\Z|{behind})")


@functools.lru_cache(maxsize=4096)
def _compiled(word: str) -> re.Pattern[str]:
    return re.compile(pattern(word))


def pattern(word: str) -> str:
    """Return a regular expression, for RE2 too, that whole texts match in which a word stands: see :func:`holds`."""
    barred, letters, behind = _ingredients(word)
    return f"(?s)(?:.*[^{barred}])?{letters}(?:(?:{behind}).*)?"


def _ingredients(word: str) -> tuple[str, str, str]:
    """Return parts of a regular expression: what may not stand before a word, the word, and what may behind it."""
    letters = "".join(f"[{re.escape(shape if shape.isascii() else OTHER_SIGN)}]" for shape in shapes(word))
    sure, twins = told_behind(word)
    behind = f"[^A-Za-z]|[{sure}]|[{twins}][A-Za-z]" if sure else "[^A-Za-z]"
    return barred_before(word), letters, behind


def _accepted(frames: np.ndarray, machine: Automaton) -> float:
    emitted = machine.emitted(frames)
    state, after = machine.start.copy(), np.empty_like(machine.start)
    # Names looked up once: a line has a hundred rows, and each costs two microseconds.
    moved, moves, multiply = state.dot, machine.moves, np.multiply
    for row in emitted:
        moved(moves, after)
        multiply(after, row, state)
    return float(state @ machine.accepts)


def spelled(frames: np.ndarray, word: str) -> float:
    """Return the probability, 0..1, that a line holds a word spelled just so.

    Args:
        frames: (T, CLASSES), each row a distribution.
        word: The spelling looked for.
    """
    return min(1.0, max(0.0, _accepted(np.asarray(frames, np.float64), automaton(word))))


@functools.lru_cache(maxsize=256)
def _verbatim(text: str) -> Automaton:
    """Return the automaton that accepts the lines that say a text and nothing else."""
    classes = encode(text)
    labels = np.full(2 * len(classes) + 1, BLANK)
    labels[1::2] = classes
    size = len(labels) + 1  # the first state is before the line
    moves, emits = np.zeros((size, size)), np.zeros((CLASSES, size))
    emits[labels, np.arange(1, size)] = 1
    for state in range(1, size):
        moves[state, state] = moves[state - 1, state] = 1
        if state > 3 and state % 2 == 0 and labels[state - 1] != labels[state - 3]:
            moves[state - 2, state] = 1
    moves[0, [1, *([2] if classes else [])]] = 1
    start, accepts = np.eye(size)[0], np.zeros(size)
    accepts[[size - 1, *([size - 2] if classes else [])]] = 1
    return Automaton(moves=moves, emits=emits, start=start, accepts=accepts)


def says(frames: np.ndarray, text: str) -> float:
    """Return the probability, 0..1, that a line says a text, no more and no less.

    Args:
        frames: (T, CLASSES), each row a distribution.
        text: What the whole line is to say.
    """
    return min(1.0, max(0.0, _accepted(np.asarray(frames, np.float64), _verbatim(text))))
