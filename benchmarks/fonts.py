"""Families the benchmark draws with, none of which any training run has seen.

They come from the Python packages ``fontpkg-*`` (``benchmarks/requirements.txt``), all under the SIL Open Font License.
Training uses families from elsewhere; families whose outlines live on under another name there (Lato as Carlito,
Arimo as Liberation Sans, Open Sans and Noto Sans as Droid Sans, Inconsolata as Ricty, PT Sans, Oxygen, Roboto Slab)
are left out. Half of the families are for *validation*, looked at while a model is made; the other half is kept for
the *test*.
"""

from __future__ import annotations

import functools
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ODD", "TEST", "VALIDATION", "Face", "Half", "faces", "load_face"]

Half = Literal["validation", "test"]

VALIDATION: tuple[str, ...] = (
    # sans
    "albert-sans", "asap", "barlow", "bricolage-grotesque", "exo-2", "figtree", "heebo", "inter", "jost", "lexend",
    "manrope", "mulish", "outfit", "public-sans", "raleway", "roboto", "source-sans-3", "titillium-web",
    # serif and slab
    "bitter", "crimson-pro", "eb-garamond", "ibm-plex-serif", "libre-baskerville", "newsreader", "vollkorn",
    "alfa-slab-one",
    # mono
    "dm-mono", "geist-mono", "jetbrains-mono", "source-code-pro",
    # hand and display
    "caveat", "comfortaa", "delius", "dancing-script", "josefin-sans", "oswald", "syne", "lilita-one",
)  # fmt: skip

TEST: tuple[str, ...] = (
    # sans
    "alegreya-sans", "archivo-narrow", "atkinson-hyperlegible", "barlow-condensed", "cabin", "dm-sans", "fira-sans",
    "ibm-plex-sans", "karla", "montserrat", "nunito", "poppins", "quicksand", "red-hat-text", "rubik", "sora",
    "space-grotesk", "work-sans",
    # serif and slab
    "cormorant", "domine", "literata", "lora", "merriweather", "playfair-display", "source-serif-4", "sanchez",
    "zilla-slab",
    # mono
    "fira-code", "ibm-plex-mono", "space-mono",
    # hand and display
    "chakra-petch", "indie-flower", "kalam", "lobster-two", "pacifico", "shadows-into-light", "unbounded",
    "yanone-kaffeesatz",
)  # fmt: skip

ODD: frozenset[str] = frozenset(
    [
        "alfa-slab-one",
        "caveat",
        "comfortaa",
        "delius",
        "dancing-script",
        "oswald",
        "syne",
        "lilita-one",
        "chakra-petch",
        "indie-flower",
        "kalam",
        "lobster-two",
        "pacifico",
        "shadows-into-light",
        "unbounded",
        "yanone-kaffeesatz",
    ]
)
"""Hands and display faces: on slides and crops, hardly in a console."""

MONO: frozenset[str] = frozenset(
    ["dm-mono", "geist-mono", "jetbrains-mono", "source-code-pro", "fira-code", "ibm-plex-mono", "space-mono"]
)
_SAMPLE = "AmazonElastiCache"


@attrs.frozen(kw_only=True)
class Face:
    """One font file and what drawing needs to know of it."""

    slug: str
    """The family as its package is called, such as ``source-sans-3``."""
    family: str
    """The family as people call it."""
    path: Path
    weight: int
    """CSS weight to ask for."""
    variable: bool
    italic: bool
    cap: float
    """Height of a capital E as a share of the font size."""
    x_height: float
    """Height of a small c as a share of the font size."""

    @property
    def case_contrast(self) -> float:
        """By how much of a capital's height a capital C towers over a small one."""
        return 1.0 - self.x_height / self.cap

    @property
    def mono(self) -> bool:
        """Whether every letter has one width."""
        return self.slug in MONO

    @property
    def odd(self) -> bool:
        """Whether it is a hand or a display face."""
        return self.slug in ODD


def faces(half: Half, *, weights: Iterable[int] = (400, 700)) -> tuple[Face, ...]:
    """Return every installed face of one half, upright, in the nearest weights that its family has.

    Raises:
        ImportError: Fewer than twenty families of this half are installed.
    """
    found: dict[tuple[str, int], Face] = {}
    for slug in VALIDATION if half == "validation" else TEST:
        for weight in weights:
            face = load_face(slug, weight)
            if face is not None:
                found[slug, face.weight] = face
    if len({slug for slug, _ in found}) < 20:
        msg = "the benchmark's fonts are not installed: pip install -r benchmarks/requirements.txt"
        raise ImportError(msg)
    return tuple(found.values())


@functools.cache
def load_face(slug: str, weight: int, *, italic: bool = False) -> Face | None:
    """Return a family's face nearest to a weight; None when the family is not installed or lacks a letter."""
    spec = importlib.util.find_spec("fontpkg_" + slug.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        return None
    root = Path(spec.submodule_search_locations[0])
    about = json.loads((root / "metadata.json").read_text("utf-8"))
    style = "italic" if italic else "normal"
    files = [f for f in about["files"] if f["style"] == style]
    if not files:
        return None
    variable = [f for f in files if f["variable"]]
    if variable:
        axis = next((a for a in about["axes"] if a["tag"] == "wght"), None)
        nearest = int(min(max(weight, axis["min"]), axis["max"])) if axis else 400
        chosen = min(variable, key=lambda f: len(f["path"]))
    else:
        chosen = min(files, key=lambda f: (abs((f["weight"] or 400) - weight), len(f["path"])))
        nearest = int(chosen["weight"] or 400)
    path = root / chosen["path"]
    measured = _heights(path)
    if measured is None:
        return None
    return Face(
        slug=slug,
        family=about["family"],
        path=path,
        weight=nearest,
        variable=bool(variable),
        italic=italic,
        cap=measured[0],
        x_height=measured[1],
    )


@functools.cache
def _heights(path: Path) -> tuple[float, float] | None:
    """Return the heights of E and x over the font size; None when a letter is missing or caps equal small."""
    from fontTools.pens.boundsPen import BoundsPen
    from fontTools.ttLib import TTFont

    with TTFont(path, lazy=True) as font:
        cmap, glyphs = font.getBestCmap(), font.getGlyphSet()
        if any(ord(letter) not in cmap for letter in _SAMPLE) or cmap[ord("c")] == cmap[ord("C")]:
            return None
        heights = []
        for letter in "Ex":
            pen = BoundsPen(glyphs)
            glyphs[cmap[ord(letter)]].draw(pen)
            heights.append(pen.bounds[3] / font["head"].unitsPerEm)
    return (heights[0], heights[1]) if heights[1] < 0.92 * heights[0] else None
