"""What a page shows besides text: grounds, panels, tables, connectors, icons, and which grey is seen on them."""

from __future__ import annotations

import math
import random

import attrs
import numpy as np
from PIL import Image, ImageDraw

from elasticache_police.dataset.lines import TextLine, TurnedText

__all__ = [
    "Canvas",
    "Rectangle",
    "background",
    "connector",
    "frame",
    "icon",
    "ink_for",
    "other_shade",
    "panels",
    "strokes",
    "underlay",
]

Rectangle = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels."""


@attrs.define
class Canvas:
    """A page while it is drawn."""

    image: Image.Image
    draw: ImageDraw.ImageDraw
    scale: float
    """Its pixels per pixel of the final page."""
    taken: list[Rectangle]
    """Where something stands already."""
    lines: list[TextLine]
    turned: list[TurnedText]

    def free(self, box: Rectangle) -> bool:
        """Return whether nothing was placed in a box yet."""
        x0, y0, x1, y1 = box
        return all(x1 <= a0 or a1 <= x0 or y1 <= b0 or b1 <= y0 for a0, b0, a1, b1 in self.taken)


def background(rng: random.Random, noise: np.random.Generator, width: int, height: int) -> Image.Image:
    """Return an empty page: plain, shaded, or like a photograph out of focus."""
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


def panels(rng: random.Random, canvas: Canvas) -> None:
    """Draw boxes, cards, icons and table grids behind the text."""
    width, height = canvas.image.size
    for _ in range(rng.choice([0, 0, 1, 2, 3, 5])):
        w, h = rng.uniform(0.08, 0.9) * width, rng.uniform(0.05, 0.8) * height
        x, y = rng.uniform(-0.1, 0.9) * width, rng.uniform(-0.1, 0.9) * height
        fill = rng.choice([None, rng.randint(0, 255), rng.randint(225, 255), rng.randint(0, 60)])
        outline = rng.choice([None, rng.randint(0, 255), 0])
        line = rng.choice([1, 1, 2, 3])
        if rng.random() < 0.3:
            radius = rng.randint(2, 12)
            try:
                canvas.draw.rounded_rectangle(
                    (x, y, x + w, y + h), radius=radius, fill=fill, outline=outline, width=line
                )
            except ValueError:  # Pillow cannot round the corners of some very thin boxes
                canvas.draw.rectangle((x, y, x + w, y + h), fill=fill, outline=outline, width=line)
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


def strokes(rng: random.Random, canvas: Canvas, count: int) -> None:
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


def ink_for(rng: random.Random, canvas: Canvas, box: tuple[float, float, float, float]) -> int | None:
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
    contrast = min(room, max(rng.choice([26.0, 40.0, 40.0, 40.0]), room * share))
    return round(float(high) + contrast) if light else round(float(low) - contrast)


def other_shade(rng: random.Random, shade: int, *, apart: int) -> int:
    """Choose a grey that is so many levels apart from another, at most 127: often the one farthest away."""
    if rng.random() < 0.5:
        return 255 if shade < 128 else 0
    far_enough: list[int] = [*range(shade - apart + 1), *range(shade + apart, 256)]
    return rng.choice(far_enough)


def frame(rng: random.Random, canvas: Canvas, inner: Rectangle, cap: float) -> None:
    """Draw a box around a block, sometimes so tight that it touches."""
    pad_x, pad_y = (rng.uniform(0.0, 1.6) * cap for _ in range(2))
    canvas.draw.rectangle(
        (inner[0] - pad_x, inner[1] - pad_y, inner[2] + pad_x, inner[3] + pad_y + cap * 0.25),
        fill=rng.choice([None, rng.randint(0, 255), rng.randint(0, 255)]),
        outline=rng.choice([None, rng.randint(0, 255), 0]),
    )


def icon(rng: random.Random, canvas: Canvas, inner: Rectangle, cap: float) -> None:
    """Draw an icon above a block or beside it, as diagrams have."""
    side = cap * rng.uniform(1.5, 4)
    if rng.random() < 0.6:
        x, y = (inner[0] + inner[2]) / 2 - side / 2, inner[1] - side - cap * rng.uniform(0.3, 0.8)
    else:
        x, y = inner[0] - side - cap * rng.uniform(0.3, 1), inner[1] - side / 4
    _draw_icon(rng, canvas, (x, y, x + side, y + side))


def underlay(rng: random.Random, canvas: Canvas, inner: Rectangle, cap: float) -> None:
    """Draw, where there is room, what a block stands on in part: an icon that its label reaches into, or a bar."""
    x0, y0, x1, y1 = inner
    if rng.random() < 0.6:
        side = cap * rng.uniform(2, 8)
        middle = rng.choice([(x0 + x1) / 2, rng.uniform(x0, x1)])
        above = rng.random() < 0.85
        top = y0 + cap * rng.uniform(-0.15, 0.8) - side if above else y1 - cap * rng.uniform(-0.3, 0.6)
        _draw_icon(rng, canvas, (middle - side / 2, top, middle + side / 2, top + side))
        return
    edge, far = rng.uniform(x0, x1), cap * rng.uniform(3, 20)
    slant = cap * rng.choice([0.0, 0.0, rng.uniform(-3, 3)])
    left, right = (edge - far, edge) if rng.random() < 0.5 else (edge, edge + far)
    top, bottom = y0 - cap * rng.uniform(0.2, 4), y1 + cap * rng.uniform(0.2, 4)
    if canvas.free((left - abs(slant), top, right + abs(slant), bottom)):
        corners = [(left + slant, top), (right + slant, top), (right - slant, bottom), (left - slant, bottom)]
        canvas.draw.polygon(corners, fill=rng.randint(0, 255), outline=rng.choice([None, rng.randint(0, 255)]))


def connector(rng: random.Random, canvas: Canvas, inner: Rectangle, cap: float, shade: int) -> None:
    """Draw a line or an arc through a block, or along it so near that it touches: an edge and its label."""
    x0, y0, x1, y1 = inner
    x, y = rng.uniform(x0, x1), rng.uniform(y0 - 0.2 * cap, y1 + 0.2 * cap)
    if rng.random() < 0.3:
        y = rng.choice([y0, y1]) + rng.uniform(-0.15, 0.15) * cap
    width = max(1, round(cap * rng.choice([0.0, 0.05, 0.08, 0.12])))
    reach = cap * rng.uniform(3, 25)
    if rng.random() < 0.35:
        # A circle through the point, of which a part shows.
        way, start = rng.uniform(0, 360), rng.choice([90, 120, 150])
        turn = math.radians(way)
        mid_x, mid_y = x - reach * math.cos(turn), y - reach * math.sin(turn)
        canvas.draw.arc(
            (mid_x - reach, mid_y - reach, mid_x + reach, mid_y + reach),
            way - start / 2, way + start / 2, fill=shade, width=width,
        )  # fmt: skip
        return
    angle = rng.choice([0.0, math.pi / 2, rng.uniform(0, math.pi), rng.gauss(0, 0.15)])
    along, down = reach * math.cos(angle), reach * math.sin(angle)
    share = rng.choice([0.5, rng.random()])
    canvas.draw.line(
        (x - share * along, y - share * down, x + (1 - share) * along, y + (1 - share) * down), fill=shade, width=width
    )


def _draw_icon(rng: random.Random, canvas: Canvas, place: Rectangle) -> None:
    """Draw a filled square with some lines on it, where nothing stands yet."""
    if not canvas.free(place):
        return
    canvas.taken.append(place)
    x, y, x1, _ = place
    side = x1 - x
    shade = rng.randint(0, 255)
    outline = rng.choice([None, 255 - shade])
    if rng.random() < 0.3 and side >= 12:
        canvas.draw.rounded_rectangle(place, radius=side * rng.uniform(0.08, 0.25), fill=shade, outline=outline)
    else:
        canvas.draw.rectangle(place, fill=shade, outline=outline)
    for _ in range(rng.randint(0, 4)):
        points = [x + rng.random() * side, y + rng.random() * side, x + rng.random() * side, y + rng.random() * side]
        canvas.draw.line(points, fill=255 - shade, width=rng.choice([1, 2]))
