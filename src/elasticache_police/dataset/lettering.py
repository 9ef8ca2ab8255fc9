"""How text is written: a face at a size, with its spacing, and other faces for the scripts it lacks."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import attrs

from elasticache_police.dataset.fonts import Font, advance, cap_ratio, load

if TYPE_CHECKING:
    from PIL import ImageDraw

__all__ = ["FontSet", "Lettering", "lettering"]


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
    stroke: int
    """Pixels that every glyph is made fatter by."""

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
            if self.tracking or self.gap:
                for i, character in enumerate(run):
                    draw.text(
                        (x + edges[at + i], baseline),
                        character,
                        fill=fill,
                        font=face,
                        anchor="ls",
                        stroke_width=self.stroke,
                    )
            else:
                draw.text((x + edges[at], baseline), run, fill=fill, font=face, anchor="ls", stroke_width=self.stroke)
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
    gap = 0.0 if rng.random() < 0.88 else rng.uniform(-0.06, 0.7) * size
    stroke = 1 if cap_px > 22 and rng.random() < 0.08 else 0
    return Lettering(font=font, size=size, cap=size * ratio, tracking=tracking, gap=gap, stroke=stroke)
