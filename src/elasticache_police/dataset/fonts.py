"""Fonts: finding them, checking them on entry, loading them at a size."""

from __future__ import annotations

import functools
import hashlib
import math
import re
import string
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import attrs
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from elasticache_police.errors import ConfigurationError

__all__ = [
    "Font",
    "FontProblem",
    "advance",
    "cap_ratio",
    "check_font",
    "find_fonts",
    "has_glyphs",
    "load",
    "packaged_fonts",
]

_SUFFIXES = frozenset({".ttf", ".otf", ".ttc", ".otc", ".pfb"})
_NEEDED = string.ascii_letters
_CHECK_PX = 64
_MAX_SMALL_CAP_RATIO = 0.93
_HEAD_BYTES = 8192


@attrs.frozen(kw_only=True)
class Font:
    """A font face that passed :func:`check_font`."""

    path: Path
    family: str
    style: str
    sha256: str
    punctuation: bool
    """Whether every printable ASCII character has a glyph of its own, not letters only."""
    digits: bool
    likeness: float
    """How much its letters look like a plain typeface's, -1..1; plain faces are drawn more often."""

    licence: str = ""
    """What the file itself says of its licence, shortened; empty when it says nothing."""

    @property
    def label(self) -> str:
        """File stem, as in the story's ``AmazonElasticCache_<Font>0.png``."""
        return self.path.stem


@attrs.frozen(kw_only=True)
class FontProblem:
    """A font file that was refused, and why."""

    path: Path
    reason: str


@functools.lru_cache(maxsize=2048)
def load(path: Path, size_px: float) -> ImageFont.FreeTypeFont:
    """Return a face at an em size in pixels; the 2048 last used are kept."""
    return ImageFont.truetype(path, size_px, layout_engine=ImageFont.Layout.BASIC)


@functools.lru_cache(maxsize=65536)
def advance(path: Path, character: str) -> float:
    """Return a character's advance at an em size of 100 px."""
    return load(path, 100).getlength(character)


@functools.lru_cache(maxsize=8192)
def cap_ratio(path: Path) -> float:
    """Return the height of the capital E above the baseline, in em."""
    return -load(path, 100).getbbox("E", anchor="ls")[1] / 100


def _ink(font: ImageFont.FreeTypeFont, letter: str) -> np.ndarray | None:
    """Return the letter's pixels cut to its ink, bool (H, W), or None when it leaves no ink."""
    canvas = Image.new("L", (3 * _CHECK_PX, 3 * _CHECK_PX), 0)
    ImageDraw.Draw(canvas).text((_CHECK_PX, 2 * _CHECK_PX), letter, fill=255, font=font, anchor="ls")
    box = canvas.getbbox()
    return None if box is None else np.asarray(canvas.crop(box)) > 127


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool((a == b).all())


def _unfit(inks: dict[str, np.ndarray | None], notdef: np.ndarray | None) -> str:
    """Return why the letters of a font cannot be used, empty when they can."""
    solid = {}
    for letter, ink in inks.items():
        if ink is None:
            return f"no ink for {letter!r}"
        if notdef is not None and _same(ink, notdef):
            return f"no glyph for {letter!r}"
        solid[letter] = ink
    same = [lower for lower in "aceilsth" if _same(solid[lower], solid[lower.upper()])]
    if same:
        return f"{same[0]!r} and {same[0].upper()!r} are the same glyph"
    if solid["c"].shape[0] / solid["C"].shape[0] > _MAX_SMALL_CAP_RATIO:
        return "lower-case c is as tall as capital C"
    if solid["C"].shape[0] < _CHECK_PX // 5:
        return "letters are tiny for the em size"
    if float(np.mean([(_normal(solid[c]) * _normal(solid[c.upper()])).sum() for c in "aehr"])) > _SMALL_CAPITALS:
        return "its lower case is small capitals: case cannot be judged"
    return ""


def check_font(path: Path) -> Font | FontProblem:
    """Check a font file on entry.

    A font is fit when every letter has ink and a glyph of its own (not the 'missing glyph' box), upper and lower case
    differ in shape or clearly in size, and its letters resemble letters rather than pictures or bar codes.

    Returns:
        The font, or the problem that rules it out. Never raises for a bad font.
    """
    try:
        font = ImageFont.truetype(path, _CHECK_PX, layout_engine=ImageFont.Layout.BASIC)
        inks = {letter: _ink(font, letter) for letter in _NEEDED}
        notdef = _ink(font, "\U0010fffe")
        family, style = font.getname()
    except (OSError, ValueError, SyntaxError) as error:
        return FontProblem(path=path, reason=f"cannot be read: {error}")
    reason = _unfit(inks, notdef)
    if reason:
        return FontProblem(path=path, reason=reason)
    likeness = _likeness({letter: ink for letter, ink in inks.items() if ink is not None})
    if likeness < _MIN_LIKENESS:
        return FontProblem(path=path, reason=f"its letters do not look like letters ({likeness:.2f})")
    digits = all(_has(font, character, notdef) for character in string.digits)
    punctuation = digits and all(_has(font, character, notdef) for character in string.punctuation)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Font(
        path=path,
        family=family or path.stem,
        style=style or "",
        sha256=digest,
        punctuation=punctuation,
        digits=digits,
        likeness=likeness,
        licence=_licence(path),
    )


def _licence(path: Path) -> str:
    """Return the licence a font file states, one line of at most 120 letters.

    TrueType and OpenType have it in their name table (records 13 and 14), Type 1 in its notice.
    """
    if path.suffix.lower() == ".pfb":
        notice = re.search(rb"/Notice \(([^)]*)", path.read_bytes()[:_HEAD_BYTES])
        stated = notice[1].decode("latin-1") if notice else ""
        plain = re.sub(r"\\([0-7]{3})", lambda escape: chr(int(escape[1], 8)), stated)
        return " ".join(plain.split())[:120]
    try:
        from fontTools.ttLib import TTFont, TTLibError
    except ImportError:
        return ""
    try:
        with TTFont(path, fontNumber=0, lazy=True) as font:
            names = font["name"]
            stated = [names.getDebugName(number) or "" for number in (13, 14)]
    except (TTLibError, KeyError, OSError, ValueError, AssertionError):
        return ""
    return " ".join(" ".join(stated).split())[:120]


def _has(font: ImageFont.FreeTypeFont, character: str, notdef: np.ndarray | None) -> bool:
    ink = _ink(font, character)
    return ink is not None and (notdef is None or not _same(ink, notdef))


_MIN_LIKENESS = 0.24
_SMALL_CAPITALS = 0.8
_SLANTS = (0.0, 0.25, 0.5)


def _normal(ink: np.ndarray) -> np.ndarray:
    picture = Image.fromarray(ink.astype(np.uint8) * 255).resize((24, 24), Image.Resampling.BOX)
    values = np.asarray(picture, np.float32)
    values = np.asarray(
        Image.fromarray(values.astype(np.uint8)).resize((12, 12), Image.Resampling.BILINEAR), np.float32
    )
    values -= values.mean()
    return values / (float(np.linalg.norm(values)) + 1e-6)


@functools.lru_cache(maxsize=1)
def _models() -> dict[str, list[np.ndarray]]:
    """Return normalised letters of the packaged fonts, the yardstick of :func:`_likeness`."""
    models: dict[str, list[np.ndarray]] = {letter: [] for letter in _NEEDED}
    for path in packaged_fonts():
        font = ImageFont.truetype(path, _CHECK_PX, layout_engine=ImageFont.Layout.BASIC)
        for letter in _NEEDED:
            ink = _ink(font, letter)
            if ink is not None:
                models[letter].append(_normal(ink))
    return models


def _upright(ink: np.ndarray, slant: float) -> np.ndarray:
    """Return a letter's ink set upright from a slant (columns per row), cut to its ink."""
    height, width = ink.shape
    more = math.ceil(slant * height)
    picture = Image.fromarray(ink.astype(np.uint8) * 255)
    straight = picture.transform((width + more, height), Image.Transform.AFFINE, (1, -slant, 0, 0, 1, 0))
    box = straight.getbbox()
    return ink if box is None else np.asarray(straight.crop(box)) > 127


def _likeness(inks: dict[str, np.ndarray]) -> float:
    """Return how much the letters of the alphabet look like the packaged fonts' (mean correlation, -1..1).

    Slanted letters are set upright first: a script is no picture.
    """
    models = _models()
    likeness = -1.0
    for slant in _SLANTS:
        best = [
            max((float((_normal(_upright(inks[c], slant)) * m).sum()) for m in models[c]), default=1.0)
            for c in "ElastiCacheAmzonRrds"
        ]
        likeness = max(likeness, float(np.mean(best)))
    return likeness


def packaged_fonts() -> tuple[Path, ...]:
    """Return the few OFL fonts that ship with the package."""
    return tuple(sorted((Path(__file__).parent / "fonts").glob("*.[ot]tf")))


def _files(roots: Iterable[Path]) -> Iterator[Path]:
    for root in roots:
        if root.is_file():
            yield root
        elif root.is_dir():
            yield from (path for path in root.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
        else:
            msg = f"no such font file or directory: {root}"
            raise ConfigurationError(msg)


def find_fonts(
    roots: Iterable[Path],
    *,
    exclude: frozenset[str] = frozenset(),
    progress: Callable[[int, int], None] = lambda _done, _files: None,
) -> tuple[list[Font], list[FontProblem]]:
    """Find and check every font under some files and directories.

    Args:
        roots: Font files and directories (searched recursively).
        exclude: Family names to leave out, compared without case, spaces and hyphens.
        progress: Called after every file with how many are done and how many there are.

    Returns:
        Fit fonts in a stable order (by content hash; each content once) and the refused with their reasons.

    Raises:
        ConfigurationError: A root does not exist.
    """
    fonts: dict[str, Font] = {}
    problems: list[FontProblem] = []
    shunned = {_fold(family) for family in exclude}
    files = sorted(set(_files(roots)))
    for done, path in enumerate(files, start=1):
        result = check_font(path)
        progress(done, len(files))
        if isinstance(result, FontProblem):
            problems.append(result)
        elif _fold(result.family) in shunned:
            problems.append(FontProblem(path=path, reason=f"family {result.family!r} is excluded"))
        else:
            fonts.setdefault(result.sha256, result)
    return sorted(fonts.values(), key=lambda font: font.sha256), problems


def _fold(family: str) -> str:
    return "".join(character for character in family.lower() if character.isalnum())


def has_glyphs(path: Path, characters: str) -> bool:
    """Tell whether a font draws each of some characters with a glyph of its own."""
    font = ImageFont.truetype(path, _CHECK_PX, layout_engine=ImageFont.Layout.BASIC)
    notdef = _ink(font, "\U0010fffe")
    return all(_has(font, character, notdef) for character in characters)
