"""How text is written: a face at a size, with its spacing, and other faces for the scripts it lacks."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import attrs

from elasticache_police.dataset.fonts import Font, advance, cap_ratio, load
from elasticache_police.dataset.strokes import stem, thin_mask

if TYPE_CHECKING:
    from PIL import ImageDraw

__all__ = ["FontSet", "Lettering", "lettering"]

_LEAST_CAP_PX = 7.0
"""Capitals less tall keep their strokes: nobody could read them as hairlines."""
_THIN_SHARE, _FAT_SHARE = 0.14, 0.07
_HAIRLINE_EM = (0.024, 0.062)
"""Thickness of the stem of an ``l``: web fonts' Thin has 0.02, their Light 0.06."""
_FATTER_EM = (0.008, 0.035)
_PLAIN_STEM_EM = (0.03, 0.2)
"""Faces with other stems are no text faces: their strokes stay as they are."""


@attrs.frozen(kw_only=True)
class FontSet:
    """Fonts to draw with; the ones that also hold Japanese and Korean draw those runs."""

    latin: tuple[Font, ...]
    weights: tuple[float, ...]
    """How often to draw each of ``latin``, as running sums."""
    cjk: tuple[Font, ...] = ()
    hangul: tuple[Font, ...] = ()


def _is_hangul(character: str) -> bool:
    return "\uac00" <= character <= "\ud7a3"


def _runs(text: str, font: Font, fonts: FontSet, rng: random.Random) -> list[tuple[str, Font]]:
    """Split a text into runs of one font each: the line's own, and one for the characters it lacks."""
    runs: list[tuple[str, Font]] = []
    cjk = rng.choice(fonts.cjk) if fonts.cjk else font
    hangul = rng.choice(fonts.hangul) if fonts.hangul else font
    for character in text:
        face = hangul if _is_hangul(character) else cjk if ord(character) > 0x2FFF else font
        if runs and runs[-1][1] is face:
            runs[-1] = (runs[-1][0] + character, face)
        else:
            runs.append((character, face))
    return runs


@attrs.define
class Lettering:
    """One way of writing: a face at a size, with its spacing."""

    font: Font
    size: float
    """Of the font, in pixels."""
    cap: float
    """Height of capitals, in pixels."""
    tracking: float
    """Pixels between characters beyond what the font asks for."""
    gap: float
    """Pixels that every space is wider by than the font asks for."""
    stroke: float
    """Pixels that every stroke is made fatter by on each side; below 0 it is made thinner."""

    def measure(self, text: str, fonts: FontSet, rng: random.Random) -> tuple[list[tuple[str, Font]], list[float]]:
        """Return a text's runs of one font each, and the x where every character starts and the last one ends."""
        runs = _runs(text, self.font, fonts, rng)
        edges = [0.0]
        for run, font in runs:
            start = edges[-1]
            widths = [advance(font.path, character) for character in run]
            length = load(font.path, self.size).getlength(run)
            stretch = length / (sum(widths) or 1.0)
            at = 0.0
            for i, width in enumerate(widths, 1):
                at += width * stretch + self.tracking
                if run[i - 1] == " ":
                    at += self.gap
                edges.append(start + at)
        return runs, edges

    def write(
        self,
        draw: ImageDraw.ImageDraw,
        x: float,
        baseline: float,
        runs: list[tuple[str, Font]],
        edges: list[float],
        fill: int,
    ) -> None:
        """Draw what :meth:`measure` measured, from x on, on a baseline."""
        at = 0
        for run, font in runs:
            face = load(font.path, self.size)
            # A run at another size is not exactly as many times as long: letters of the mask are placed one by one.
            apart = bool(self.tracking or self.gap or self.stroke < 0)
            starts = range(len(run)) if apart else range(1)
            pieces = [(edges[at + i], run[i] if apart else run) for i in starts]
            if self.stroke < 0:
                mask, corner = thin_mask(pieces, face, thinner=-2 * self.stroke, offset=(x, baseline))
                draw.bitmap(corner, mask, fill=fill)
            else:
                for start, piece in pieces:
                    place = (x + start, baseline)
                    draw.text(place, piece, fill=fill, font=face, anchor="ls", stroke_width=self.stroke)
            at += len(run)


def lettering(rng: random.Random, font: Font, cap_px: float) -> Lettering | None:
    """Return a way of writing with capitals of about some pixels; None for a face whose capitals have no height."""
    ratio = cap_ratio(font.path)
    if ratio < 0.15:
        return None
    size = cap_px / ratio
    if rng.random() < 0.7:
        size = max(4.0, float(round(size)))
    spread = rng.random()
    tracking = 0.0 if spread < 0.8 else rng.choice([-0.05, -0.03, -0.02, 0.03, 0.06, 0.1, 0.18, 0.28]) * size
    apart = rng.random()
    gap = 0.0 if apart < 0.82 else (rng.uniform(-0.1, 0.06) if apart < 0.91 else rng.uniform(0.0, 0.7)) * size
    stroke = _stroke(rng, font, size) if cap_px >= _LEAST_CAP_PX else 0.0
    tracking += max(0.0, stroke) * rng.uniform(0.0, 2.0)
    return Lettering(font=font, size=size, cap=size * ratio, tracking=tracking, gap=gap, stroke=stroke)


def _stroke(rng: random.Random, font: Font, size: float) -> float:
    """Return by how much to change a face's strokes: most stay as they are, some become hairlines, some black."""
    chance, thick = rng.random(), stem(font.path)
    if chance >= _THIN_SHARE + _FAT_SHARE or not _PLAIN_STEM_EM[0] <= thick <= _PLAIN_STEM_EM[1]:
        return 0.0
    if chance < _THIN_SHARE:
        return min(0.0, rng.uniform(*_HAIRLINE_EM) - thick) * size / 2
    return rng.uniform(*_FATTER_EM) * size
