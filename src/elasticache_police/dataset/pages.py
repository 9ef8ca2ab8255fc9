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
from elasticache_police.dataset.fonts import Font, advance, cap_ratio, has_glyphs, load
from elasticache_police.dataset.text import NameTexts

__all__ = ["FontSet", "PageSample", "PageStyle", "TextLine", "font_set", "render_page"]


_Rectangle = tuple[float, float, float, float]


@attrs.frozen(kw_only=True)
class TextLine:
    """A written line and where each of its characters stands, in pixels of the final page."""

    text: str
    edges: np.ndarray
    """float32 (len(text) + 1,): x of every character's left edge, and the last one's right edge."""
    baseline: float
    cap_px: float
    """Height of the capital E above the baseline."""
    spans: tuple[tuple[int, int], ...]
    """(start, stop) of the policed name or a near-miss in the text."""

    @property
    def top(self) -> float:
        """Y of the top of capitals."""
        return self.baseline - self.cap_px

    def span_box(self, span: tuple[int, int]) -> tuple[float, float, float, float]:
        """Return (x0, y0, x1, y1) of some characters, from the top of capitals to the baseline."""
        return float(self.edges[span[0]]), self.top, float(self.edges[span[1]]), self.baseline


@attrs.frozen(kw_only=True)
class PageSample:
    """A rendered page and the truth about it."""

    grey: np.ndarray
    """uint8 (H, W)."""
    lines: tuple[TextLine, ...]


@attrs.frozen(kw_only=True)
class PageStyle:
    """What kind of page to draw."""

    width: int = 320
    height: int = 224
    cap_px: tuple[float, float] = (5.0, 26.0)
    """Range of the height of capitals, drawn log-uniformly."""
    blocks: tuple[int, int] = (5, 18)
    """How many blocks of text to try to place."""
    name_share: float = 0.3
    """Share of lines that hold the name or a near-miss."""
    centre_first: bool = False
    """Place the first block around the middle, so that a small canvas always holds a line."""


@attrs.frozen(kw_only=True)
class FontSet:
    """Fonts to draw with; the ones that also hold Japanese and Korean draw those runs."""

    latin: tuple[Font, ...]
    weights: tuple[float, ...]
    """How often to draw each of ``latin``, as running sums."""
    cjk: tuple[Font, ...] = ()
    hangul: tuple[Font, ...] = ()


@attrs.define
class _Canvas:
    image: Image.Image
    draw: ImageDraw.ImageDraw
    scale: float
    taken: list[tuple[float, float, float, float]]
    lines: list[TextLine]


def _is_hangul(character: str) -> bool:
    return "\uac00" <= character <= "\ud7a3"


def _background(rng: random.Random, noise: np.random.Generator, width: int, height: int) -> Image.Image:
    dark = rng.random() < 0.3
    base = (
        rng.randint(0, 90) if dark else rng.choice([255, 255, 255, 255, rng.randint(200, 254), rng.randint(120, 250)])
    )
    style = rng.random()
    if style < 0.72:
        return Image.new("L", (width, height), base)
    if style < 0.88:
        span = rng.randint(10, 110)
        angle = rng.random() * 2 * math.pi
        ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
        ramp = xs / width * math.cos(angle) + ys / height * math.sin(angle)
        values = base + span * (ramp - 0.5)
        return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    cells = rng.choice([4, 8, 16, 40])
    small = noise.integers(0, 256, (max(2, height * cells // 320), max(2, width * cells // 320)), dtype=np.uint8)
    photo = np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC), np.float32)
    strength = rng.choice([0.1, 0.2, 0.35, 0.5])
    return Image.fromarray(np.clip(base + (photo - 128) * strength, 0, 255).astype(np.uint8))


def _panels(rng: random.Random, canvas: _Canvas) -> None:
    """Draw boxes, cards, icons and table grids behind the text."""
    width, height = canvas.image.size
    for _ in range(rng.choice([0, 0, 1, 2, 3, 5])):
        w, h = rng.uniform(0.08, 0.9) * width, rng.uniform(0.05, 0.8) * height
        x, y = rng.uniform(-0.1, 0.9) * width, rng.uniform(-0.1, 0.9) * height
        fill = rng.choice([None, rng.randint(0, 255), rng.randint(225, 255), rng.randint(0, 60)])
        outline = rng.choice([None, rng.randint(0, 255), 0])
        line = rng.choice([1, 1, 2, 3])
        if rng.random() < 0.3:
            canvas.draw.rounded_rectangle(
                (x, y, x + w, y + h), radius=rng.randint(2, 12), fill=fill, outline=outline, width=line
            )
        elif rng.random() < 0.15:
            canvas.draw.ellipse((x, y, x + w, y + h), fill=fill, outline=outline, width=line)
        else:
            canvas.draw.rectangle((x, y, x + w, y + h), fill=fill, outline=outline, width=line)
    if rng.random() < 0.12:
        step_x, step_y = rng.uniform(0.15, 0.6) * width, rng.uniform(0.06, 0.25) * height
        shade = rng.randint(100, 235)
        for i in range(1, int(width / step_x) + 1):
            canvas.draw.line((i * step_x, 0, i * step_x, height), fill=shade)
        for i in range(1, int(height / step_y) + 1):
            canvas.draw.line((0, i * step_y, width, i * step_y), fill=shade)


def _strokes(rng: random.Random, canvas: _Canvas, count: int) -> None:
    """Draw connectors, arrows and hatching, some of them through text."""
    width, height = canvas.image.size
    for _ in range(count):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        shade = rng.randint(0, 255)
        line = rng.choice([1, 1, 1, 2, 3])
        if rng.random() < 0.7:
            x2, y2 = (x, rng.uniform(0, height)) if rng.random() < 0.5 else (rng.uniform(0, width), y)
        else:
            x2, y2 = rng.uniform(0, width), rng.uniform(0, height)
        canvas.draw.line((x, y, x2, y2), fill=shade, width=line)
        if rng.random() < 0.4:
            size = rng.uniform(3, 8) * canvas.scale
            angle = math.atan2(y2 - y, x2 - x)
            points = [
                (x2 + size * math.cos(angle + turn), y2 + size * math.sin(angle + turn)) for turn in (0, 2.5, -2.5)
            ]
            canvas.draw.polygon(points, fill=shade)


def _ink_for(rng: random.Random, canvas: _Canvas, box: tuple[float, float, float, float]) -> int | None:
    """Choose a grey for text over a box of the canvas, or None when nothing would stand out there."""
    x0, y0, x1, y1 = (int(v) for v in box)
    region = canvas.image.crop((max(0, x0), max(0, y0), max(x0 + 1, x1), max(y0 + 1, y1)))
    values = np.asarray(region)
    low, high = np.percentile(values, [1, 99])
    room_dark, room_light = float(low), 255.0 - float(high)
    light = room_light > room_dark if rng.random() < 0.9 else rng.random() < 0.5
    room = room_light if light else room_dark
    if room < 45:
        light = not light
        room = room_light if light else room_dark
    if room < 45:
        return None
    share = rng.choice([1.0, 1.0, 0.9, 0.75, 0.6, 0.45, 0.3])
    contrast = min(room, max(40.0, room * share))
    return round(float(high) + contrast) if light else round(float(low) - contrast)


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
class _Lettering:
    """One way of writing: a face at a size, with its spacing."""

    font: Font
    size: float
    cap: float
    tracking: float
    stroke: int

    def measure(self, text: str, fonts: FontSet, rng: random.Random) -> tuple[list[tuple[str, Font]], list[float]]:
        runs = _runs(text, self.font, fonts, rng)
        edges = [0.0]
        for run, font in runs:
            start = edges[-1]
            widths = [advance(font.path, character) for character in run]
            length = load(font.path, self.size).getlength(run)
            stretch = length / (sum(widths) or 1.0)
            at = 0.0
            for i, width in enumerate(widths, 1):
                at += width * stretch
                edges.append(start + at + i * self.tracking)
        return runs, edges

    def write(
        self, canvas: _Canvas, x: float, baseline: float, runs: list[tuple[str, Font]], edges: list[float], fill: int
    ) -> None:
        at = 0
        for run, font in runs:
            face = load(font.path, self.size)
            if self.tracking:
                for i, character in enumerate(run):
                    canvas.draw.text(
                        (x + edges[at + i], baseline),
                        character,
                        fill=fill,
                        font=face,
                        anchor="ls",
                        stroke_width=self.stroke,
                    )
            else:
                canvas.draw.text(
                    (x + edges[at], baseline), run, fill=fill, font=face, anchor="ls", stroke_width=self.stroke
                )
            at += len(run)


def _lettering(rng: random.Random, font: Font, cap_px: float) -> _Lettering | None:
    ratio = cap_ratio(font.path)
    if ratio < 0.15:
        return None
    size = cap_px / ratio
    if rng.random() < 0.7:
        size = max(4.0, float(round(size)))
    spread = rng.random()
    tracking = 0.0 if spread < 0.8 else rng.choice([-0.05, -0.03, -0.02, 0.03, 0.06, 0.1, 0.18]) * size
    stroke = 1 if cap_px > 22 and rng.random() < 0.08 else 0
    return _Lettering(font=font, size=size, cap=size * ratio, tracking=tracking, stroke=stroke)


def _free(canvas: _Canvas, box: tuple[float, float, float, float]) -> bool:
    x0, y0, x1, y1 = box
    return all(x1 <= a0 or a1 <= x0 or y1 <= b0 or b1 <= y0 for a0, b0, a1, b1 in canvas.taken)


Written = tuple[str, list[tuple[int, int]]]
"""A line of text and the spans of the name in it."""


def _draft(rng: random.Random, font: Font, fonts: FontSet, texts: NameTexts, name_share: float) -> list[Written]:
    """Draft the lines of a block."""
    foreign = bool(fonts.cjk) and rng.random() < 0.22
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
    rng: random.Random, canvas: _Canvas, cap: float, wide: float, tall: float, *, centre: bool
) -> tuple[float, float, _Rectangle] | None:
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
        if _free(canvas, ground):
            return x, y, ground
    return None


def _frame(rng: random.Random, canvas: _Canvas, inner: _Rectangle, cap: float) -> None:
    """Draw a box around a block, sometimes so tight that it touches."""
    pad_x, pad_y = (rng.uniform(0.0, 1.6) * cap for _ in range(2))
    canvas.draw.rectangle(
        (inner[0] - pad_x, inner[1] - pad_y, inner[2] + pad_x, inner[3] + pad_y + cap * 0.25),
        fill=rng.choice([None, rng.randint(0, 255), rng.randint(0, 255)]),
        outline=rng.choice([None, rng.randint(0, 255), 0]),
    )


def _icon(rng: random.Random, canvas: _Canvas, inner: _Rectangle, cap: float) -> None:
    """Draw an icon above a block or beside it, as diagrams have."""
    side = cap * rng.uniform(1.5, 4)
    if rng.random() < 0.6:
        x, y = (inner[0] + inner[2]) / 2 - side / 2, inner[1] - side - cap * rng.uniform(0.3, 0.8)
    else:
        x, y = inner[0] - side - cap * rng.uniform(0.3, 1), inner[1] - side / 4
    place = (x, y, x + side, y + side)
    if not _free(canvas, place):
        return
    shade = rng.randint(0, 255)
    canvas.draw.rectangle(place, fill=shade, outline=rng.choice([None, 255 - shade]))
    for _ in range(rng.randint(0, 4)):
        points = [x + rng.random() * side, y + rng.random() * side, x + rng.random() * side, y + rng.random() * side]
        canvas.draw.line(points, fill=255 - shade, width=rng.choice([1, 2]))
    canvas.taken.append(place)


def _block(
    rng: random.Random, canvas: _Canvas, fonts: FontSet, texts: NameTexts, style: PageStyle, *, first: bool
) -> None:
    """Place one block of text: a label, a paragraph, a list or a two-line caption."""
    font = rng.choices(fonts.latin, cum_weights=fonts.weights)[0]
    cap_px = math.exp(rng.uniform(math.log(style.cap_px[0]), math.log(style.cap_px[1]))) * canvas.scale
    lettering = _lettering(rng, font, cap_px)
    if lettering is None:
        return
    written = _draft(rng, font, fonts, texts, style.name_share)
    pitch = lettering.cap * rng.uniform(1.45, 2.6)
    measured = [(text, spans, *lettering.measure(text, fonts, rng)) for text, spans in written]
    wide = max(edges[-1] for *_, edges in measured)
    tall = pitch * (len(measured) - 1) + lettering.cap
    if wide < 4 or (wide > 1.6 * canvas.image.width and not first):
        return
    align = rng.choice([0.0, 0.0, 0.5, 0.5, 1.0])
    placed = _place(rng, canvas, lettering.cap, wide, tall, centre=first and style.centre_first)
    if placed is None:
        return
    x, y, ground = placed
    inner = (x, y - lettering.cap, x + wide, y - lettering.cap + tall)
    if rng.random() < 0.12:
        _frame(rng, canvas, inner, lettering.cap)
    fill = _ink_for(rng, canvas, inner)
    if fill is None:
        return
    canvas.taken.append(ground)
    canvas.draw.fontmode = "1" if rng.random() < 0.05 else "L"
    for i, (text, spans, runs, edges) in enumerate(measured):
        left = x + align * (wide - edges[-1])
        baseline = y + i * pitch
        if canvas.scale == 1 and rng.random() < 0.5:
            left, baseline = float(round(left)), float(round(baseline))
        lettering.write(canvas, left, baseline, runs, edges, fill)
        if spans and rng.random() < 0.07:
            under = baseline + lettering.cap * rng.uniform(0.08, 0.3)
            canvas.draw.line((left, under, left + edges[-1], under), fill=fill, width=max(1, round(lettering.cap / 14)))
        canvas.lines.append(
            TextLine(
                text=text,
                edges=(left + np.asarray(edges, np.float32)),
                baseline=baseline,
                cap_px=lettering.cap,
                spans=tuple(spans),
            )
        )
    if rng.random() < 0.25:
        _icon(rng, canvas, inner, lettering.cap)


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
    zoom = rng.random()
    scale = (
        1.0 if zoom < 0.5 else 2.0 if zoom < 0.65 else rng.uniform(1.1, 2.4) if zoom < 0.85 else rng.uniform(0.55, 0.95)
    )
    if style.cap_px[0] * scale < 4.5:
        scale = 1.0
    width, height = max(8, round(style.width * scale)), max(8, round(style.height * scale))
    image = _background(rng, noise, width, height)
    canvas = _Canvas(image=image, draw=ImageDraw.Draw(image), scale=scale, taken=[], lines=[])
    _panels(rng, canvas)
    _strokes(rng, canvas, rng.choice([0, 0, 1, 2, 4]))
    for number in range(rng.randint(*style.blocks)):
        _block(rng, canvas, fonts, texts, style, first=number == 0)
    if rng.random() < 0.12:
        _strokes(rng, canvas, rng.choice([1, 1, 2]))
    if scale != 1.0:
        method = rng.choice(
            [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BOX]
        )
        image = canvas.image.resize((style.width, style.height), method)
    grey = degrade.degrade(np.asarray(image), rng, noise, max_blur_px=min(4.0, 0.13 * style.cap_px[0]))
    fx, fy = style.width / width, style.height / height
    lines = tuple(
        attrs.evolve(line, edges=line.edges * np.float32(fx), baseline=line.baseline * fy, cap_px=line.cap_px * fy)
        for line in canvas.lines
    )
    return PageSample(grey=grey, lines=lines)


def font_set(fonts: Sequence[Font]) -> FontSet:
    """Prepare fonts for drawing.

    A directory of many faces does not drown the others (weight 1 / sqrt of its size), and plain faces, which most
    pictures use, come more often than fancy ones.
    """
    crowd = collections.Counter(font.path.parent for font in fonts)
    weights = [(0.6 + 1.2 * max(0.0, font.likeness - 0.4)) / math.sqrt(crowd[font.path.parent]) for font in fonts]
    return FontSet(
        latin=tuple(fonts),
        weights=tuple(itertools.accumulate(weights)),
        cjk=tuple(font for font in fonts if has_glyphs(font.path, "日本語の構成キャ")),
        hangul=tuple(font for font in fonts if has_glyphs(font.path, "가능한서버값")),
    )
