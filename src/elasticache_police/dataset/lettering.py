"""How text is written: a face at a size, with its spacing, and other faces for the scripts it lacks."""

from __future__ import annotations

import functools
import itertools
import random
from typing import TYPE_CHECKING

import attrs

from elasticache_police.dataset.fonts import Font, advance, cap_ratio, load
from elasticache_police.dataset.strokes import stem, thin_mask

if TYPE_CHECKING:
    from PIL import ImageDraw

__all__ = ["FontSet", "Lettering", "Run", "lettering"]

_LEAST_CAP_PX = 7.0
"""Capitals less tall keep their strokes: nobody could read them as hairlines."""
_THIN_SHARE, _FAT_SHARE = 0.14, 0.07
_HAIRLINE_EM = (0.024, 0.062)
"""Thickness of the stem of an ``l``: web fonts' Thin has 0.02, their Light 0.06."""
_FATTER_EM = (0.008, 0.035)
_PLAIN_STEM_EM = (0.03, 0.2)
"""Faces with other stems are no text faces: their strokes stay as they are."""
_SMALL_CAPITALS_SHARE = 0.03
_SMALL_CAPITALS = (0.7, 0.86)
"""Height of a small capital, as a share of a capital's."""
_LEAST_ORNATE_CAP_PX = 12.0
_OUTLINED_SHARE, _SHADOWED_SHARE = 0.045, 0.03
_OUTLINE_EM = (0.02, 0.1)
_SHADOW_EM = (0.03, 0.11)


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


@attrs.frozen
class Run:
    """Characters that stand side by side in one font and size."""

    text: str
    font: Font
    size: float
    """Of the font, in pixels."""


def _faces(text: str, font: Font, fonts: FontSet, rng: random.Random) -> list[Font]:
    """Return the font of every character: the line's own, or one that has what it lacks."""
    cjk = rng.choice(fonts.cjk) if fonts.cjk else font
    hangul = rng.choice(fonts.hangul) if fonts.hangul else font
    return [hangul if _is_hangul(character) else cjk if ord(character) > 0x2FFF else font for character in text]


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
    small_capitals: float = 0.0
    """Height of the capitals that stand for small letters, as a share of the others'; 0 where small letters do."""
    outline: float = 0.0
    """Pixels by which an outline in another grey reaches beyond the strokes."""
    outline_within: float = 0.0
    """Pixels by which it covers them, on each side."""
    shadow: tuple[float, float] = (0.0, 0.0)
    """Pixels right and down to a copy in another grey that lies behind."""

    def said(self, text: str) -> str:
        """Return what a text says once it is written: in small capitals nothing but capitals."""
        return text.upper() if self.small_capitals else text

    def measure(self, text: str, fonts: FontSet, rng: random.Random) -> tuple[list[Run], list[float]]:
        """Return a text's runs of one font and size, and the x where every character starts and the last one ends."""
        runs = self._runs(text, fonts, rng)
        edges = [0.0]
        for run in runs:
            start = edges[-1]
            widths = [advance(run.font.path, character) for character in run.text]
            length = load(run.font.path, run.size).getlength(run.text)
            stretch = length / (sum(widths) or 1.0)
            at = 0.0
            for i, width in enumerate(widths, 1):
                at += width * stretch + self.tracking
                if run.text[i - 1] == " ":
                    at += self.gap
                edges.append(start + at)
        return runs, edges

    def _runs(self, text: str, fonts: FontSet, rng: random.Random) -> list[Run]:
        faces = _faces(text, self.font, fonts, rng)
        small = [bool(self.small_capitals) and letter.islower() and len(letter.upper()) == 1 for letter in text]
        runs = []
        for (font, is_small), letters in itertools.groupby(zip(text, faces, small, strict=True), lambda one: one[1:]):
            run = "".join(letter for letter, *_ in letters)
            size = self.size * self.small_capitals if is_small else self.size
            runs.append(Run(run.upper() if is_small else run, font, size))
        return runs

    def write(
        self,
        draw: ImageDraw.ImageDraw,
        x: float,
        baseline: float,
        runs: list[Run],
        edges: list[float],
        fill: int,
        behind: int | None = None,
    ) -> None:
        """Draw what :meth:`measure` measured, from x on, on a baseline.

        Args:
            draw: Draws on the picture.
            x: Where the first character starts.
            baseline: On which they stand.
            runs: The runs.
            edges: Where their characters start.
            fill: Grey of the letters.
            behind: Grey of their outline or shadow; None draws neither.
        """
        ink = functools.partial(self._ink, draw, runs=runs, edges=edges)
        if behind is None:
            ink(x, baseline, fill=fill, stroke=self.stroke)
        elif self.outline:
            ink(x, baseline, fill=behind, stroke=self.stroke + self.outline)
            ink(x, baseline, fill=fill, stroke=self.stroke - self.outline_within)
        else:
            ink(x + self.shadow[0], baseline + self.shadow[1], fill=behind, stroke=self.stroke)
            ink(x, baseline, fill=fill, stroke=self.stroke)

    def _ink(
        self,
        draw: ImageDraw.ImageDraw,
        x: float,
        baseline: float,
        *,
        runs: list[Run],
        edges: list[float],
        fill: int,
        stroke: float,
    ) -> None:
        at = 0
        for run in runs:
            face = load(run.font.path, run.size)
            # A run at another size is not exactly as many times as long: letters of the mask are placed one by one.
            apart = bool(self.tracking or self.gap or self.outline_within or stroke < 0)
            starts = range(len(run.text)) if apart else range(1)
            pieces = [(edges[at + i], run.text[i] if apart else run.text) for i in starts]
            if stroke < 0:
                mask, corner = thin_mask(pieces, face, thinner=-2 * stroke, offset=(x, baseline))
                draw.bitmap(corner, mask, fill=fill)
            else:
                for start, piece in pieces:
                    draw.text((x + start, baseline), piece, fill=fill, font=face, anchor="ls", stroke_width=stroke)
            at += len(run.text)


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
    small = rng.uniform(*_SMALL_CAPITALS) if rng.random() < _SMALL_CAPITALS_SHARE else 0.0
    plain = Lettering(
        font=font, size=size, cap=size * ratio, tracking=tracking, gap=gap, stroke=stroke, small_capitals=small
    )
    return _ornate(rng, plain) if cap_px >= _LEAST_ORNATE_CAP_PX else plain


def _ornate(rng: random.Random, face: Lettering) -> Lettering:
    """Give some letters an outline, as titles on photographs have, and some a hard shadow."""
    chance, size = rng.random(), face.size
    if chance < _OUTLINED_SHARE:
        outline = rng.uniform(*_OUTLINE_EM) * size
        within = outline * rng.choice([0.0, 0.0, 0.5, 1.0])
        thick = stem(face.font.path) * size
        return attrs.evolve(
            face,
            outline=outline,
            outline_within=min(within, thick * 0.3),
            tracking=face.tracking + outline * rng.uniform(0.0, 1.6),
            stroke=max(0.0, face.stroke),
        )
    if chance < _OUTLINED_SHARE + _SHADOWED_SHARE:
        right, down = (rng.uniform(*_SHADOW_EM) * size for _ in range(2))
        return attrs.evolve(face, shadow=(rng.choice([right, right, -right]), down))
    return face


def _stroke(rng: random.Random, font: Font, size: float) -> float:
    """Return by how much to change a face's strokes: most stay as they are, some become hairlines, some black."""
    chance, thick = rng.random(), stem(font.path)
    if chance >= _THIN_SHARE + _FAT_SHARE or not _PLAIN_STEM_EM[0] <= thick <= _PLAIN_STEM_EM[1]:
        return 0.0
    if chance < _THIN_SHARE:
        return min(0.0, rng.uniform(*_HAIRLINE_EM) - thick) * size / 2
    return rng.uniform(*_FATTER_EM) * size
