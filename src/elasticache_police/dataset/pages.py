"""Renders pages: text of many fonts and sizes on backgrounds, panels, tables and under lines, then degraded.

Every glyph's place is known, so one page teaches both networks: where the name stands, and what every column says.
"""

from __future__ import annotations

import collections
import itertools
import math
import random
from collections.abc import Sequence

import attrs
import numpy as np
from PIL import Image, ImageDraw

from elasticache_police.dataset import degrade
from elasticache_police.dataset.fonts import Font, has_glyphs
from elasticache_police.dataset.lettering import FontSet, Lettering, Run, lettering
from elasticache_police.dataset.lines import TextLine, TurnedText
from elasticache_police.dataset.marks import marks_beside
from elasticache_police.dataset.scenery import (
    Canvas,
    Rectangle,
    background,
    connector,
    frame,
    icon,
    ink_for,
    other_shade,
    panels,
    strokes,
    underlay,
)
from elasticache_police.dataset.text import NameTexts

__all__ = ["FontSet", "PageSample", "PageStyle", "TextLine", "TurnedText", "font_set", "render_page"]


@attrs.frozen(kw_only=True)
class PageSample:
    """A rendered page and the truth about it."""

    grey: np.ndarray
    """uint8 (H, W)."""
    lines: tuple[TextLine, ...]
    turned: tuple[TurnedText, ...] = ()


@attrs.frozen(kw_only=True)
class PageStyle:
    """What kind of page to draw."""

    width: int = 320
    height: int = 224
    cap_px: tuple[float, float] = (4.7, 26.0)
    """Range of the height of capitals, drawn log-uniformly."""
    blocks: tuple[int, int] = (5, 18)
    """How many blocks of text to try to place."""
    name_share: float = 0.3
    """Share of lines that hold the name or a near-miss."""
    centre_first: bool = False
    """Place the first block around the middle, so that a small canvas always holds a line."""
    turned_share: float = 0.08
    """Share of blocks that run up or down the page."""
    stretched_share: float = 0.2
    """Share of pages drawn too wide or too narrow."""


_MARKED = 0.16
"""Share of blocks whose lines have marks beside them."""
_FRAMED = 0.12
"""Share of blocks in a box."""
_ON_AN_EDGE = 0.08
"""Share of blocks that an icon or a bar reaches under."""
_CROSSED = 0.07
"""Share of blocks with a line through them or along them."""
_BEHIND, _OVER = "behind", "over"
"""Where such a line goes: behind the letters or over them."""
_BROKEN = 0.07
"""Share of blocks with a word a line, half of them the two halves of a name."""

Written = tuple[str, list[tuple[int, int]]]
"""A line of text and the spans of the name in it."""


def _draft(rng: random.Random, font: Font, fonts: FontSet, texts: NameTexts, name_share: float) -> list[Written]:
    """Draft the lines of a block."""
    foreign = bool(fonts.cjk) and rng.random() < 0.27
    written: list[Written] = []
    for _ in range(rng.choice([1, 1, 1, 1, 2, 2, 3, 4, 6])):
        make = texts.with_name if rng.random() < name_share else texts.without_name
        text, spans = make(rng, digits=font.digits, punctuation=font.punctuation, foreign=foreign)
        if spans and rng.random() < 0.15 and spans[0][0] > 0 and text[spans[0][0] - 1] == " " and not foreign:
            # "Amazon" on the line above, the name below.
            shift = spans[0][0]
            written.append((text[: shift - 1], []))
            text, spans = text[shift:], [(a - shift, b - shift) for a, b in spans]
        if rng.random() < 0.09 and len(text.upper()) == len(text):
            text = text.upper()
        written.append((text, spans))
    return written


def _place(
    rng: random.Random, canvas: Canvas, cap: float, wide: float, tall: float, *, centre: bool
) -> tuple[float, float, Rectangle] | None:
    """Return the left end, the first baseline and the ground of a block where nothing stands yet; None for no room."""
    width, height = canvas.image.size
    margin = cap * 0.45
    for _ in range(6):
        if centre:
            x = rng.uniform(0.0, max(0.0, width - wide)) if wide < width else rng.uniform(width - wide, 0.0)
            y = height / 2 + rng.uniform(-0.15, 0.15) * height - tall / 2 + cap
        else:
            x = rng.uniform(-0.25 * wide, width - 0.6 * wide)
            y = rng.uniform(cap * 0.6, max(cap * 0.7, height - tall * 0.7))
        ground = (x - margin, y - cap - margin, x + wide + margin, y - cap + tall + margin * 1.4)
        if canvas.free(ground):
            return x, y, ground
    return None


@attrs.frozen
class _Block:
    """Lines of text in one lettering, measured."""

    face: Lettering
    lines: list[tuple[str, list[tuple[int, int]], list[Run], list[float]]]
    """Of each line what it says, the spans of the name or of half of it, its runs and its characters' edges."""
    pitch: float
    """From baseline to baseline."""
    align: float
    """0 left, 0.5 centred, 1 right."""
    broken: bool
    """Whether the name is broken over two of the lines, so that the spans are halves."""

    @property
    def wide(self) -> float:
        """Length of the longest line."""
        return max(edges[-1] for *_, edges in self.lines)

    @property
    def tall(self) -> float:
        """From the top of the first line's capitals to the last baseline."""
        return self.pitch * (len(self.lines) - 1) + self.face.cap


def _new_block(rng: random.Random, fonts: FontSet, texts: NameTexts, style: PageStyle, scale: float) -> _Block | None:
    font = rng.choices(fonts.latin, cum_weights=fonts.weights)[0]
    cap_px = math.exp(rng.uniform(math.log(style.cap_px[0]), math.log(style.cap_px[1]))) * scale
    face = lettering(rng, font, cap_px)
    if face is None:
        return None
    broken = rng.random() < _BROKEN
    written = texts.broken(rng) if broken else _draft(rng, font, fonts, texts, style.name_share)
    pitch = face.cap * (rng.uniform(1.35, 2.1) if broken else rng.uniform(1.45, 2.6))
    lines = [(face.said(text), spans, *face.measure(text, fonts, rng)) for text, spans in written]
    return _Block(face, lines, pitch, rng.choice([0.0, 0.0, 0.5, 0.5, 1.0]), broken)


def _write_block(
    rng: random.Random, canvas: Canvas, fonts: FontSet, texts: NameTexts, style: PageStyle, *, first: bool
) -> None:
    """Place one block of text: a label, a paragraph, a list or a two-line caption."""
    block = _new_block(rng, fonts, texts, style, canvas.scale)
    if block is None:
        return
    wide, tall, cap = block.wide, block.tall, block.face.cap
    if wide < 4 or (wide > 1.6 * canvas.image.width and not first):
        return
    if not first and rng.random() < style.turned_share:
        _turn_block(rng, canvas, block)
        return
    placed = _place(rng, canvas, cap, wide, tall, centre=first and style.centre_first)
    if placed is None:
        return
    x, y, ground = placed
    inner = (x, y - cap, x + wide, y - cap + tall)
    fill = _ground(rng, canvas, inner, cap)
    if fill is None:
        return
    canvas.taken.append(ground)
    line = rng.choice([fill, rng.randint(0, 255)])
    crossed = rng.choice([_BEHIND, _OVER]) if rng.random() < _CROSSED else None
    if crossed == _BEHIND:
        connector(rng, canvas, inner, cap, line)
    _write_lines(rng, canvas, block, x, y, fill)
    if crossed == _OVER:
        connector(rng, canvas, inner, cap, line)
    if rng.random() < 0.25:
        icon(rng, canvas, inner, cap)


def _ground(rng: random.Random, canvas: Canvas, inner: Rectangle, cap: float) -> int | None:
    """Draw what a block stands on, if anything, and return the grey of its letters; None where none would be seen."""
    if rng.random() < _FRAMED:
        frame(rng, canvas, inner, cap)
    if rng.random() < _ON_AN_EDGE:
        underlay(rng, canvas, inner, cap)
    return ink_for(rng, canvas, inner)


def _write_lines(rng: random.Random, canvas: Canvas, block: _Block, x: float, y: float, fill: int) -> None:
    """Write a block's lines and note where their characters stand."""
    cap = block.face.cap
    canvas.draw.fontmode = "1" if rng.random() < 0.05 else "L"
    behind: int | None = None
    if block.face.outline:  # which is what stands out from the ground, and the letters from it
        fill, behind = other_shade(rng, fill, apart=80), fill
    elif block.face.shadow != (0.0, 0.0):
        behind = other_shade(rng, fill, apart=50)
    marks = marks_beside(rng) if rng.random() < _MARKED else None
    for i, (text, spans, runs, edges) in enumerate(block.lines):
        left = x + block.align * (block.wide - edges[-1])
        baseline = y + i * block.pitch
        if canvas.scale == 1 and rng.random() < 0.5:
            left, baseline = float(round(left)), float(round(baseline))
        block.face.write(canvas.draw, left, baseline, runs, edges, fill, behind)
        if marks is not None:
            marks.draw(rng, canvas, (left, baseline - cap, left + edges[-1], baseline), fill)
        if spans and rng.random() < 0.07:
            under = baseline + cap * rng.uniform(0.08, 0.3)
            canvas.draw.line((left, under, left + edges[-1], under), fill=fill, width=max(1, round(cap / 14)))
        at = left + np.asarray(edges, np.float32)
        names, halves = ((), tuple(spans)) if block.broken else (tuple(spans), ())
        canvas.lines.append(TextLine(text=text, edges=at, baseline=baseline, cap_px=cap, spans=names, halves=halves))


def _turn_block(rng: random.Random, canvas: Canvas, block: _Block) -> None:
    """Place a block that runs up or down the page."""
    cap, pad = block.face.cap, math.ceil(block.face.cap)
    size = (math.ceil(block.wide) + 2 * pad, math.ceil(block.tall) + 2 * pad)
    placed = _place(rng, canvas, 0.0, size[1], size[0], centre=False)
    if placed is None:
        return
    x, y, ground = placed
    fill = ink_for(rng, canvas, ground)
    if fill is None:
        return
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    for i, (_, _, runs, edges) in enumerate(block.lines):
        left = pad + block.align * (block.wide - edges[-1])
        block.face.write(draw, left, pad + cap + i * block.pitch, runs, edges, 255)
    climbs = rng.random() < 0.6
    mask = mask.transpose(Image.Transpose.ROTATE_90 if climbs else Image.Transpose.ROTATE_270)
    left, top = round(x), round(y)
    canvas.image.paste(fill, (left, top), mask)
    canvas.taken.append(ground)
    box = (left + pad, top + pad, left + size[1] - pad, top + size[0] - pad)
    canvas.turned.append(TurnedText(box=box, cap_px=cap, climbs=climbs))


def _zoom(rng: random.Random, style: PageStyle) -> tuple[float, float]:
    """Return how much larger than the page its canvas is, across and down: most pictures were scaled once."""
    zoom = rng.random()
    scale = (
        1.0 if zoom < 0.5 else 2.0 if zoom < 0.65 else rng.uniform(1.1, 2.4) if zoom < 0.85 else rng.uniform(0.55, 0.95)
    )
    if style.cap_px[0] * scale < 4.5:
        scale = 1.0
    # Faces wider and narrower than any at hand.
    stretch = math.exp(rng.uniform(-0.35, 0.35)) if rng.random() < style.stretched_share else 1.0
    return scale * stretch, scale


def render_page(*, seed: int, index: int, fonts: FontSet, texts: NameTexts, style: PageStyle) -> PageSample:
    """Render one page.

    Args:
        seed: The dataset's seed.
        index: The sample's number; the page depends on seed, index, fonts and style only.
        fonts: What to draw with.
        texts: What to write.
        style: Size of the page and of the text.
    """
    rng = random.Random(f"{seed}/{index}")  # noqa: S311  not for secrets
    noise = np.random.default_rng([seed, index])
    across, down = _zoom(rng, style)
    width, height = max(8, round(style.width * across)), max(8, round(style.height * down))
    image = background(rng, noise, width, height)
    canvas = Canvas(image=image, draw=ImageDraw.Draw(image), scale=down, taken=[], lines=[], turned=[])
    panels(rng, canvas)
    strokes(rng, canvas, rng.choice([0, 0, 1, 2, 4]))
    for number in range(rng.randint(*style.blocks)):
        _write_block(rng, canvas, fonts, texts, style, first=number == 0)
    if rng.random() < 0.12:
        strokes(rng, canvas, rng.choice([1, 1, 2]))
    if image.size != (style.width, style.height):
        method = rng.choice(
            [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BOX]
        )
        image = image.resize((style.width, style.height), method)
    grey = degrade.degrade(np.asarray(image), rng, noise, max_blur_px=min(4.0, 0.13 * style.cap_px[0]))
    fx, fy = style.width / width, style.height / height
    lines = tuple(
        attrs.evolve(line, edges=line.edges * np.float32(fx), baseline=line.baseline * fy, cap_px=line.cap_px * fy)
        for line in canvas.lines
    )
    turned = tuple(
        TurnedText(box=(x0 * fx, y0 * fy, x1 * fx, y1 * fy), cap_px=text.cap_px * fx, climbs=text.climbs)
        for text in canvas.turned
        for x0, y0, x1, y1 in [text.box]
    )
    return PageSample(grey=grey, lines=lines, turned=turned)


def font_set(fonts: Sequence[Font]) -> FontSet:
    """Prepare fonts for drawing.

    A directory of many faces does not drown the others (weight 1 / sqrt of its size), and plain faces, which most
    pictures use, come more often than fancy ones.
    """
    crowd = collections.Counter(font.path.parent for font in fonts)
    weights = [(0.75 + 0.9 * max(0.0, font.likeness - 0.4)) / math.sqrt(crowd[font.path.parent]) for font in fonts]
    return FontSet(
        latin=tuple(fonts),
        weights=tuple(itertools.accumulate(weights)),
        cjk=tuple(font for font in fonts if has_glyphs(font.path, "日本語の構成キャ")),
        hangul=tuple(font for font in fonts if has_glyphs(font.path, "가능한서버값")),
    )
