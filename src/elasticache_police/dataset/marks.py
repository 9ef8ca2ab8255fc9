"""What stands right beside letters and is none: check boxes, bullets, the edge of a box, its ears, a text cursor.

A reader that has seen few of them takes a bar for an ``I`` or an ``l``, and a box for a ``T`` or an ``O``.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import attrs

from elasticache_police.dataset.scenery import Canvas, Rectangle

__all__ = ["Marks", "marks_beside"]

_Pen = Callable[["Place"], None]


@attrs.frozen(kw_only=True)
class Place:
    """Where a mark is drawn, and how."""

    canvas: Canvas
    rng: random.Random
    x: float
    """Of the edge that is nearest to the letters."""
    top: float
    """Of capitals."""
    baseline: float
    before: bool
    """Whether it stands before the letters; else after them."""
    shade: int
    width: int
    """Of a pen, in pixels."""

    @property
    def cap(self) -> float:
        """Height of capitals, in pixels."""
        return self.baseline - self.top

    @property
    def middle(self) -> float:
        """Y of the middle of capitals."""
        return (self.top + self.baseline) / 2

    def box(self, wide: float, tall: float, *, away: float = 0.0, down: float = 0.0) -> Rectangle:
        """Return a box beside the letters, at their middle or further down; all in heights of capitals."""
        wide, tall, away, down = (length * self.cap for length in (wide, tall, away, down))
        x0 = self.x - away - wide if self.before else self.x + away
        y0 = self.middle + down - tall / 2
        return x0, y0, x0 + wide, y0 + tall

    def bar(self, tall: float, *, away: float = 0.0) -> None:
        """Draw an upright line that reaches so far above and below the middle."""
        x = self.x - away * self.cap if self.before else self.x + away * self.cap
        reach = tall * self.cap / 2
        self.canvas.draw.line((x, self.middle - reach, x, self.middle + reach), fill=self.shade, width=self.width)

    def fill(self) -> int | None:
        """Choose what a box is filled with."""
        return self.rng.choice([None, None, self.shade, 255, 0])


def _edge(place: Place) -> None:
    """Draw an edge of a box, a quotation's bar, or a text cursor, taller than the letters."""
    place.bar(place.rng.uniform(1.3, 4.0))


def _ears(place: Place) -> None:
    """Draw the edge of a component of UML with its two ears, over it or right inside."""
    rng = place.rng
    wide, tall = rng.uniform(0.5, 1.1), rng.uniform(0.22, 0.5)
    apart = rng.uniform(0.55, 1.1)
    place.bar(rng.uniform(2.4, 4.5), away=wide / 2)
    for down in (-apart, apart):
        place.canvas.draw.rectangle(
            place.box(wide, tall, down=down), fill=rng.choice([None, 255, 0]), outline=place.shade, width=place.width
        )


def _check_box(place: Place) -> None:
    """Draw a square, empty, filled or ticked."""
    side = place.rng.uniform(0.6, 1.4)
    x0, y0, x1, y1 = place.box(side, side)
    place.canvas.draw.rectangle((x0, y0, x1, y1), fill=place.fill(), outline=place.shade, width=place.width)
    if place.rng.random() < 0.4:
        tick = [x0 + 0.2 * (x1 - x0), (y0 + y1) / 2, (x0 + x1) / 2, y1 - 0.2 * (y1 - y0), x1, y0]
        place.canvas.draw.line(tick, fill=255 - place.shade, width=place.width)


def _ring(place: Place) -> None:
    """Draw a radio button, or the ring that a step's number stands in."""
    side = place.rng.uniform(0.6, 1.9)
    x0, y0, x1, y1 = place.box(side, side)
    place.canvas.draw.ellipse((x0, y0, x1, y1), fill=place.fill(), outline=place.shade, width=place.width)
    if place.rng.random() < 0.4:
        inset = (x1 - x0) * 0.3
        place.canvas.draw.ellipse((x0 + inset, y0 + inset, x1 - inset, y1 - inset), fill=255 - place.shade)


def _bullet(place: Place) -> None:
    """Draw a dot, a small square or a triangle."""
    x0, y0, x1, y1 = place.box(*[place.rng.uniform(0.18, 0.55)] * 2)
    style = place.rng.random()
    if style < 0.5:
        place.canvas.draw.ellipse((x0, y0, x1, y1), fill=place.shade)
    elif style < 0.75:
        place.canvas.draw.rectangle((x0, y0, x1, y1), fill=place.shade)
    else:
        place.canvas.draw.polygon([(x0, y0), (x1, (y0 + y1) / 2), (x0, y1)], fill=place.shade)


def _arrow(place: Place) -> None:
    """Draw an arrow that comes to the letters, or goes from them."""
    x0, y0, x1, y1 = place.box(place.rng.uniform(0.3, 0.8), place.rng.uniform(0.3, 0.8))
    tail = place.rng.uniform(0.5, 4) * place.cap * (-1 if place.before else 1)
    far, near = (x0, x1) if place.before else (x1, x0)
    middle = (y0 + y1) / 2
    place.canvas.draw.line((far, middle, far + tail, middle), fill=place.shade, width=place.width)
    tip, back = (near, far) if place.rng.random() < 0.7 else (far, near)
    place.canvas.draw.polygon([(tip, middle), (back, y0), (back, y1)], fill=place.shade)


def _branch(place: Place) -> None:
    """Draw a branch of a tree of folders: a line down with a twig to the letters."""
    wide = place.rng.uniform(0.4, 1.2)
    x0, _, x1, _ = place.box(wide, 1)
    place.canvas.draw.line((x0, place.middle, x1, place.middle), fill=place.shade, width=place.width)
    place.bar(place.rng.uniform(1.4, 3.0), away=wide)


def _picture(place: Place) -> None:
    """Draw a small icon: a filled square with some lines."""
    side = place.rng.uniform(0.9, 2.2)
    x0, y0, x1, y1 = place.box(side, side)
    place.canvas.draw.rectangle((x0, y0, x1, y1), fill=place.shade)
    for _ in range(place.rng.randint(1, 4)):
        ends = [place.rng.uniform(a, b) for a, b in ((x0, x1), (y0, y1)) * 2]
        place.canvas.draw.line(ends, fill=255 - place.shade, width=place.width)


_BEFORE: tuple[_Pen, ...] = (_edge, _edge, _ears, _check_box, _ring, _bullet, _arrow, _branch, _picture)
_AFTER: tuple[_Pen, ...] = (_edge, _edge, _edge, _ring, _arrow, _picture, _bullet)


@attrs.frozen(kw_only=True)
class Marks:
    """What stands before and after every line of a block, and what goes below it."""

    before: _Pen | None
    after: _Pen | None
    squiggle: bool
    """Whether a spelling checker has its doubts."""
    gap: float
    """From the letters to a mark, in heights of capitals."""

    def draw(self, rng: random.Random, canvas: Canvas, box: Rectangle, shade: int) -> None:
        """Draw them around the letters in a box, from the tops of capitals to the baseline."""
        x0, top, x1, baseline = box
        cap = baseline - top
        pen = max(1, round(cap * rng.choice([0.03, 0.06, 0.1, 0.14])))
        own = shade if rng.random() < 0.5 else rng.randint(0, 255)
        gap = self.gap * cap + pen / 2
        for mark, x in ((self.before, x0 - gap), (self.after, x1 + gap)):
            if mark is None:
                continue
            before = x < x0
            place = Place(canvas=canvas, rng=rng, x=x, top=top, baseline=baseline, before=before, shade=own, width=pen)
            mark(place)
        if self.squiggle:
            under, step, reach = baseline + cap * rng.uniform(0.12, 0.4), cap * rng.uniform(0.1, 0.2), cap * 0.07
            count = max(2, int((x1 - x0) / step))
            points = [(x0 + i * step, under + (reach if i % 2 else -reach)) for i in range(count)]
            canvas.draw.line(points, fill=own, width=max(1, pen // 2))


def marks_beside(rng: random.Random) -> Marks:
    """Choose the marks of a block."""
    style = rng.random()
    return Marks(
        before=rng.choice(_BEFORE) if style < 0.7 else None,
        after=rng.choice(_AFTER) if 0.55 <= style < 0.88 else None,
        squiggle=style >= 0.88,
        gap=rng.choice([rng.uniform(0.04, 0.3), rng.uniform(0.1, 0.9)]),
    )
