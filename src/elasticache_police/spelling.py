"""The rules of spelling: where in a line of text a name stands, right or wrong. No pixels here."""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Iterator, Sequence

import attrs

from elasticache_police.errors import ConfigurationError
from elasticache_police.findings import Kind

__all__ = [
    "DEFAULT_NAME",
    "TWINS",
    "Occurrence",
    "barred_before",
    "begins_another_word",
    "capitals_behind",
    "check_name",
    "distance",
    "kind_of",
    "occurrences",
    "right_spellings",
    "word_starts",
]

DEFAULT_NAME = "ElastiCache"

_JOINERS = frozenset("-._:/\\@=#~$%&?+|<>*^")
_QUOTES = frozenset("\"'`()[]{}")
_WITHIN = frozenset(" -")
"""What may stand within a name that is split."""
_STROKE_BETWEEN = re.compile("[a-z] ?[Il1!|] ?[A-Z]")
_KEYWORDS = frozenset({"await", "class", "const", "def", "export", "function", "import", "let", "new", "return", "var"})
"""Words of programs before a name."""
_PROSE = ("Amazon ", "AWS ", "amazon ")
TWINS = frozenset("ckopsuvwxz")
"""Small letters of the same shape as their capitals."""
_TWIN_CAPITALS = "".join(sorted(TWINS)).upper()
_SURE_CAPITALS = "".join(capital for capital in string.ascii_uppercase if capital not in _TWIN_CAPITALS)
_SHORT = 4
_MIDDLE = 7
_MAX_SPACES = 2


@attrs.frozen(kw_only=True)
class Occurrence:
    """A place in a line of text where a name, right or wrong, is written."""

    start: int
    stop: int
    text: str
    """The letters as written, ``line[start:stop]``."""
    name: str
    kind: Kind | None
    """What is wrong; None when it is spelled right."""
    identifier: bool
    """Whether it is part of code, an address or a path, which is no prose and never wrong; or two words, not one."""
    cut: bool
    """Whether the line ends in the middle of it, so that it may be right."""


def check_name(name: str) -> str:
    """Return a name fit for policing.

    Raises:
        ConfigurationError: It is not 3 to 40 printable ASCII characters that begin and end with a letter or digit.
    """
    good = (
        3 <= len(name) <= 40
        and name.isascii()
        and name.isprintable()
        and name[0].isalnum()
        and name[-1].isalnum()
        and "  " not in name
    )
    if not good:
        raise ConfigurationError(
            f"cannot police the name {name!r}: it must be 3 to 40 printable ASCII characters, "
            "first and last a letter or digit"
        )
    return name


@functools.lru_cache(maxsize=65536)
def distance(a: str, b: str) -> int:
    """Return the number of insertions, deletions, substitutions and swaps of neighbours between two strings.

    The restricted Damerau-Levenshtein distance (optimal string alignment).
    """
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        old, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, old[j - 2] + 1)
            row.append(cost)
    return row[-1]


def _squeeze(text: str) -> str:
    """Return a text without case, spaces and hyphens, to compare letters only."""
    return text.lower().replace(" ", "").replace("-", "")


def _allowed(name: str) -> int:
    """Return how many edits still make a near-miss of a name."""
    length = len(_squeeze(name))
    return 0 if length <= _SHORT else 1 if length <= _MIDDLE else 2


def right_spellings(names: Sequence[str]) -> list[str]:
    """Return what is right to write: every name, and after each the same in capitals."""
    return [word for name in names for word in (name, name.upper())]


def word_starts(name: str) -> list[int]:
    """Return the positions inside a name where a new word starts, a capital after none: 6 of ``ElastiCache``."""
    return [i for i in range(1, len(name)) if name[i].isupper() and not name[i - 1].isupper()]


def kind_of(text: str, name: str) -> Kind | None:
    """Return what is wrong with a spelling of a name, None when nothing is.

    All capitals cannot be judged for case: ``ELASTICACHE`` is right, ``ELASTICCACHE`` is not. Nor can a capital I that
    stands for a small l be told from it.
    """
    if _as_meant(text, name) in right_spellings([name]):
        return None
    folded, target = text.lower(), name.lower()
    if folded == target:
        return Kind.CASE
    bare, bare_target = _squeeze(text), _squeeze(name)
    if bare == bare_target:
        return Kind.SPLIT
    edits = distance(bare, bare_target)
    if edits > 1:
        return Kind.SEVERAL
    if len(bare) > len(bare_target):
        return Kind.EXTRA_LETTER
    if len(bare) < len(bare_target):
        return Kind.MISSING_LETTER
    return Kind.SWAPPED_LETTERS if sorted(bare) == sorted(bare_target) else Kind.WRONG_LETTER


def _as_capitals(word: str) -> str:
    """Return a word of capitals as such: among them, nothing tells a small c, o or s from a large one."""
    letters = [character for character in word if character.isalpha()]
    small = [character for character in letters if character.islower()]
    if len(letters) >= 5 and len(small) * 3 <= len(letters) and all(character in TWINS for character in small):
        return word.upper()
    return word


def _as_meant(word: str, name: str) -> str:
    """Return the name for what only differs from it in a small l and a capital I, which many faces draw alike."""
    for meant in right_spellings([name]):
        if word.replace("I", "l") == meant.replace("I", "l"):
            return meant
    return word


def barred_before(name: str) -> str:
    """Return the letters that a name may not follow at once, for with them it would be another word.

    Those of another word it may: ``AmazonElastiCache``, ``AWSElastiCache``. Its own first letter written twice is no
    other word, and where two capitals begin a name, nothing tells them from those of an abbreviation.
    """
    if not name[0].isupper():
        return string.ascii_letters
    return name[0] if name[1:2].islower() else string.ascii_uppercase


def capitals_behind(word: str) -> tuple[str, str]:
    """Return the capitals that begin another word right behind a word: those that do, and those if a letter follows.

    Behind a small letter a capital does, ``ElastiCacheClient``, unless it is the last letter and may as well be a small
    one itself: ``ElastiCacheS``.
    """
    if not word[-1].islower():
        return "", ""
    return _SURE_CAPITALS, _TWIN_CAPITALS


def begins_another_word(after: str, word: str) -> bool:
    """Return whether the letters right behind a word are another one: see :func:`capitals_behind`."""
    sure, twins = capitals_behind(word)
    capital, more = after[:1], after[1:2]
    return capital != "" and (capital in sure or (capital in twins and more.isascii() and more.isalpha()))


def _starts(line: str, name: str) -> Iterator[int]:
    """Yield where a word begins: after no letter, or at a capital after a letter that the name may follow."""
    barred = barred_before(name)
    for i, character in enumerate(line):
        if not character.isascii() or not character.isalnum():
            continue
        before = line[i - 1 : i]
        new_word = character.isupper() and (before.islower() or line[i + 1 : i + 2].islower())
        if not (before.isascii() and before.isalpha()) or (new_word and before not in barred):
            yield i


def _stops(line: str, start: int, lengths: tuple[int, int]) -> Iterator[int]:
    """Yield where a word that began at ``start`` may end, given how short and how long it may be."""
    shortest, longest = lengths
    for stop in range(start + shortest, min(len(line), start + longest) + 1):
        last, after = line[stop - 1], line[stop : stop + 2]
        if not (after[:1].isascii() and after[:1].isalnum()):
            if last.isalnum():
                yield stop
        elif (after[0].isdigit() and last.isalpha()) or begins_another_word(after, line[start:stop]):
            yield stop


def _is_identifier(line: str, start: int, stop: int) -> bool:
    word = line[start:stop]
    before = line[start - 1] if start else " "
    after = line[stop] if stop < len(line) else " "
    if "_" in {before, after}:
        return True
    if word[0].islower() and word != word.lower() and _is_of_a_program(line[:start], line[stop:]):
        return True
    if word[0].islower() and "-" in word and after in _JOINERS:
        return True  # "elast-cache-1r7", whatever the reader makes of the size of a c
    if word != word.lower():
        return False
    beyond = line[stop + 1] if stop + 1 < len(line) else " "
    if before in _JOINERS or before.isdigit() or after.isdigit():
        return True
    if after in _JOINERS and not (after in ".:?" and not beyond.isalnum()):
        return True
    if before in _QUOTES and after in _QUOTES:
        return True
    # Small letters alone are taken for code, unless they stand alone or the line reads like prose about the product.
    return not (line.strip() == word or line[:start].endswith(_PROSE) or line[stop:].startswith(" for "))


def _is_of_a_program(before: str, after: str) -> bool:
    """Return whether ``elastiCache`` is a name in a program: ``elastiCacheClient``, ``elastiCache.create(...)``.

    Or a part of a path, ``modules/kuberInetes/main.tf``, with a letter read as a capital.
    """
    follows, beyond = after[:1], after[1:2]
    return (
        follows.isalnum()
        or (before[-1:] in _JOINERS and follows in _JOINERS and bool(beyond.strip()))
        or (follows in {".", "(", "[", "="} and bool(beyond.strip()))
        or after.lstrip().startswith(("=", ":="))
        or before[-1:] in {".", "$", "@", "(", "[", "{", "=", "!"}
        or bool(_KEYWORDS & set(before.split()[-1:]))
    )


def _is_cut(line: str, start: int, stop: int, name: str, *, cut_left: bool, cut_right: bool) -> bool:
    word = line[start:stop]
    rest = line[stop:].strip()
    # Where the picture ends, one more sign may be what is left of a letter.
    if (cut_right and len(rest) <= 1) or rest.startswith(("...", "\N{HORIZONTAL ELLIPSIS}")):
        shown = word.rstrip(".")
        if any(distance(shown.lower(), name[:n].lower()) == 0 for n in range(3, len(name))):
            return True
        # The last letter may itself be cut: what is read of it is not to be trusted.
        if any(shown[:-1].lower() == name[:n].lower() for n in range(3, len(name))):
            return True
    if cut_left and len(line[:start].strip()) <= 1:
        return any(
            word.lower() == name[n:].lower() or word[1:].lower() == name[n:].lower() for n in range(1, len(name) - 2)
        )
    return False


def _begins_alike(word: str, name: str) -> bool:
    """Return whether the first letters of a word are those of a name, but for one that is wrong or missing."""
    return word[0] == name[0] or word[1:2] == name[1:2] or word[:2] == name[1:3]


def _is_apart(word: str, name: str) -> bool:
    """Return whether a word is two: "Elastic, Cache", "Elastic / Cache", whatever the stroke was taken for.

    Or an identifier: "elastic_cache".
    """
    if any(sign not in _WITHIN and not sign.isalnum() and sign not in name for sign in word):
        return True
    stroke = _STROKE_BETWEEN.search(word) is not None and _STROKE_BETWEEN.search(name) is None
    return stroke and distance(_squeeze(word), _squeeze(name)) > 1


def _edits(word: str, name: str) -> int | None:
    """Return how many edits make a name of a word, without case and spaces; None when it is not the name meant."""
    bare, squeezed = _squeeze(name), _squeeze(word)
    allowed = _allowed(name)
    if abs(len(squeezed) - len(bare)) > allowed or len(word) - len(squeezed) > len(name) - len(bare) + _MAX_SPACES:
        return None
    if "\t" in word:
        return None  # in two columns
    edits = distance(squeezed, bare)
    if edits > allowed or (edits and not _begins_alike(squeezed, bare)):
        return None
    if edits > 1 and bare.startswith(squeezed) and name[-edits:].isupper():
        return None  # "Postgres" is no misspelled PostgreSQL
    if len(word) > len(squeezed) and len(name) == len(bare) and word == word.lower():
        return None  # "an elastic cache", "elastic-cache-01": English or an identifier, not the name
    return edits


def occurrences(
    line: str, names: Sequence[str] = (DEFAULT_NAME,), *, cut_left: bool = False, cut_right: bool = False
) -> list[Occurrence]:
    """Find every place in a line where one of some names is written, right or nearly.

    A near-miss is up to two edits away (one for names of five to seven letters, none for shorter ones, of which only
    case and spacing are judged); spaces inside count as a split.

    Args:
        line: One line of text.
        names: The names to police.
        cut_left: Whether the picture ends at the line's beginning.
        cut_right: Whether the picture ends at the line's end.

    Returns:
        Occurrences that do not overlap, left to right.
    """
    found: list[tuple[tuple[int, int, int, int], Occurrence]] = []
    for name in names:
        edits_allowed = _allowed(name)
        lengths = len(_squeeze(name)) - edits_allowed, len(name) + edits_allowed + _MAX_SPACES
        for start in _starts(line, name):
            for stop in _stops(line, start, lengths):
                word = _as_meant(_as_capitals(line[start:stop]), name)
                edits = _edits(word, name)
                if edits is None:
                    continue
                kind = kind_of(word, name)
                rank = (edits, 0 if kind is None else 1, abs(len(word) - len(name)), start)
                found.append(
                    (
                        rank,
                        Occurrence(
                            start=start,
                            stop=stop,
                            text=word,
                            name=name,
                            kind=kind,
                            identifier=_is_apart(word, name) or _is_identifier(line, start, stop),
                            cut=edits > 0 and _is_cut(line, start, stop, name, cut_left=cut_left, cut_right=cut_right),
                        ),
                    )
                )
    kept: list[Occurrence] = []
    for _, occurrence in sorted(found, key=lambda pair: pair[0]):
        if all(occurrence.stop <= other.start or other.stop <= occurrence.start for other in kept):
            kept.append(occurrence)
    return sorted(kept, key=lambda occurrence: occurrence.start)
