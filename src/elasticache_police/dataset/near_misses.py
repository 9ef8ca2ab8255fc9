"""Wrong spellings of a name: of every kind, and of those in which nothing foretells the next letter."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

import attrs

from elasticache_police.findings import Kind
from elasticache_police.spelling import word_starts

__all__ = ["NearMiss", "garbled", "near_miss"]

_PAIRS = """
a=oes c=oeCGs e=acoE h=bnkH i=ljtI1 l=i1t s=zaSc t=flTi C=cGOKE E=FeBL o=aec0 n=mhru r=nt
u=vn b=hd d=bc m=nw H=hN G=C6g F=EP
"""
_CONFUSED = dict(pair.split("=") for pair in _PAIRS.split())
"""Letters taken for one another, by eye or by finger."""

_NARROW = frozenset("ilt")
"""Letters that are hard to count where two of them stand side by side."""

_TAKEN_FOR_ANOTHER = 0.6
"""Share of a garbled name's slips that are another letter; the others double one, leave it out, part the word."""


@attrs.frozen
class NearMiss:
    """A wrong spelling of the name and what is wrong with it."""

    text: str
    kind: Kind


def near_miss(name: str, rng: random.Random) -> NearMiss:
    """Return a wrong spelling of a name, every kind about as likely; never the name itself.

    Args:
        name: The right spelling, such as ``ElastiCache``.
        rng: The sample's own generator.
    """
    while True:
        made = rng.choice(_WAYS)(name, rng)
        if made.text != name and made.text.upper() != name:
            return made


def _inside(name: str, rng: random.Random) -> int:
    return rng.randrange(len(name))


def _double(name: str, rng: random.Random) -> NearMiss:
    i = rng.choices(range(len(name)), [4 if letter in _NARROW else 1 for letter in name])[0]
    return NearMiss(name[: i + 1] + name[i].lower() + name[i + 1 :], Kind.EXTRA_LETTER)


def _extra(name: str, rng: random.Random) -> NearMiss:
    i = rng.randrange(1, len(name) + 1)
    return NearMiss(name[:i] + rng.choice("aceilnorstuh") + name[i:], Kind.EXTRA_LETTER)


def _missing(name: str, rng: random.Random) -> NearMiss:
    i = _inside(name, rng)
    return NearMiss(name[:i] + name[i + 1 :], Kind.MISSING_LETTER)


def _wrong(name: str, rng: random.Random) -> NearMiss:
    i = _inside(name, rng)
    letter = rng.choice(_CONFUSED.get(name[i], string.ascii_lowercase))
    kind = Kind.CASE if letter.lower() == name[i].lower() else Kind.WRONG_LETTER
    return NearMiss(name[:i] + letter + name[i + 1 :], kind)


def _swapped(name: str, rng: random.Random) -> NearMiss:
    i = rng.randrange(1, len(name) - 1)
    first, second = name[i], name[i + 1]
    pair = _cased(second, like=first) + _cased(first, like=second)
    return NearMiss(name[:i] + pair + name[i + 2 :], Kind.SWAPPED_LETTERS)


def _cased(letter: str, *, like: str) -> str:
    return letter.upper() if like.isupper() else letter.lower()


def _flat(name: str, _: random.Random) -> NearMiss:
    return NearMiss(name[0] + name[1:].lower(), Kind.CASE)


def _recased(name: str, rng: random.Random) -> NearMiss:
    i = _inside(name, rng)
    flipped = name[:i] + name[i].swapcase() + name[i + 1 :]
    held = name[:2].upper() + name[2:]  # as when the shift key is let go too late
    return NearMiss(rng.choice([name.lower(), name[0].lower() + name[1:], flipped, held]), Kind.CASE)


def _split(name: str, rng: random.Random) -> NearMiss:
    breaks = word_starts(name)
    if not breaks:
        return _recased(name, rng)
    at = rng.choice(breaks)
    return NearMiss(name[:at] + " " + name[at:], Kind.SPLIT)


def _whole_words(name: str, rng: random.Random, between: str = "") -> NearMiss:
    """Give the first word the letter that the second begins with: Elasti|Cache -> Elastic|Cache."""
    breaks = word_starts(name)
    if not breaks:
        return _double(name, rng)
    at = rng.choice(breaks)
    rest = name[at:] if rng.random() < 0.75 else name[at:].lower()
    return NearMiss(name[:at] + name[at].lower() + between + rest, Kind.EXTRA_LETTER)


def _whole_words_apart(name: str, rng: random.Random) -> NearMiss:
    return _whole_words(name, rng, " ")


_WAYS: tuple[Callable[[str, random.Random], NearMiss], ...] = (
    _double,
    _double,
    _extra,
    _missing,
    _wrong,
    _swapped,
    _flat,
    _flat,
    _split,
    _split,
    _whole_words,
    _whole_words,
    _whole_words_apart,
    _whole_words_apart,
    _whole_words_apart,
    _recased,
)
"""The ways to misspell a name; those that people take most often stand here twice, the hardest to find three times."""


def garbled(name: str, rng: random.Random) -> str:
    """Return a name with any of its letters taken for others, doubled or left out, so that none foretells the next."""
    share = rng.choice([0.1, 0.15, 0.25, 0.4])
    return "".join(_slip(letter, rng) if rng.random() < share else letter for letter in name)


def _slip(letter: str, rng: random.Random) -> str:
    chance = rng.random()
    if chance < _TAKEN_FOR_ANOTHER:
        return rng.choice(
            _CONFUSED.get(letter, string.ascii_lowercase) + rng.choice(string.ascii_letters + string.digits)
        )
    return rng.choice(
        [letter + letter.lower(), letter + letter.lower(), letter + " ", letter + " ", letter.swapcase(), ""]
    )
