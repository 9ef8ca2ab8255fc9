"""Labels as drawing programs dress them: with marks right beside the letters, lines under them, outlines, tilts.

A kind of page for each way, so that a table says which of them are hard. What stands beside letters is taken for one
more of them, and what runs through or around them hides them.
"""

# ruff: noqa: ARG001, E501  every way to dress is called alike; HTML and CSS are easier to read on one line

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable

import attrs

from benchmarks.layouts import Drawn
from benchmarks.sheet import Pen, Theme

__all__ = ["ORNAMENTS"]

Dress = Callable[[random.Random, str, float, Theme], str]
"""Returns a label's HTML, dressed; of the label, its font size in CSS pixels and the page's colours."""


def _box(side: float, style: str, content: str = "") -> str:
    return f'<i style="display:inline-block;width:{side:.1f}px;height:{side:.1f}px;line-height:{side:.1f}px;text-align:center;font-style:normal;vertical-align:middle;{style}">{content}</i>'


def _ears(rng: random.Random, label: str, size: float, colours: Theme) -> str:
    wide, tall = size * rng.uniform(0.6, 0.9), size * rng.uniform(0.3, 0.4)
    line = f"{rng.choice((1, 1, 1.5, 2))}px solid {colours.line}"
    ears = "".join(
        f'<i style="position:absolute;left:{-wide / 2:.1f}px;{edge}:{size * 0.3:.1f}px;width:{wide:.1f}px;height:{tall:.1f}px;border:{line};background:{colours.panel}"></i>'
        for edge in ("top", "bottom")
    )
    return f'<div style="position:relative;border:{line};padding:{size * rng.uniform(0.5, 0.8):.1f}px {size * rng.uniform(0.45, 0.9):.1f}px;background:{colours.panel}">{ears}{label}</div>'


def _check_box(rng: random.Random, label: str, size: float, colours: Theme) -> str:
    ticked = rng.random() < 0.5
    fill = f"background:{colours.accent};" if ticked and rng.random() < 0.5 else ""
    box = _box(
        size * 0.75,
        f"border:1px solid {colours.ink};{fill}margin-right:{rng.choice((1, 2, 4))}px",
        "✓" if ticked else "",
    )
    return f"<div>{box}{label}</div>"


def _ring(rng: random.Random, label: str, size: float, colours: Theme) -> str:
    number = str(rng.randint(1, 9)) if rng.random() < 0.6 else ""
    fill = rng.choice((f"background:{colours.ink};color:{colours.paper};", ""))
    side = f"margin-{rng.choice(('left', 'right'))}:{rng.choice((0, 1, 2, 4))}px"
    ring = _box(size * 1.3, f"border:1px solid {colours.ink};border-radius:50%;font-size:80%;{fill}{side}", number)
    return f"<div>{ring}{label}</div>" if "right" in side else f"<div>{label}{ring}</div>"


def _bullet(rng: random.Random, label: str, size: float, colours: Theme) -> str:
    round_ = "border-radius:50%;" if rng.random() < 0.6 else ""
    return f"<div>{_box(size * rng.uniform(0.2, 0.4), f'background:{colours.ink};{round_}margin-right:{size * rng.uniform(0.1, 0.5):.1f}px')}{label}</div>"


def _branch(rng: random.Random, label: str, size: float, colours: Theme) -> str:
    line = f"{rng.choice((1, 1, 2))}px solid {colours.line}"
    return (
        f'<div style="border-left:{line};padding:{size * 0.4:.1f}px 0"><i style="display:inline-block;width:{size * rng.uniform(0.5, 1):.1f}px;'
        f'border-top:{line};vertical-align:middle;margin-right:{rng.choice((1, 2, 4))}px"></i>{label}</div>'
    )


def _edge(rng: random.Random, label: str, size: float, colours: Theme, *, side: str) -> str:
    return f'<div style="border-{side}:{rng.choice((1, 2, 3))}px solid {rng.choice((colours.ink, colours.accent, colours.line))};padding-{side}:{size * rng.choice((0.08, 0.15, 0.3, 0.6)):.1f}px">{label}</div>'


def _tight(rng: random.Random, label: str, size: float, colours: Theme) -> str:
    style = rng.choice(("solid", "solid", "dashed", "dotted"))
    return f'<div style="border:{rng.choice((1, 1, 2))}px {style} {colours.ink};padding:0 {rng.choice((1, 2, 3))}px;line-height:{rng.choice((1.1, 1.2, 1.35))}">{label}</div>'


def _arrow(rng: random.Random, label: str, size: float, colours: Theme) -> str:
    head = f'<svg width="{size * 2:.0f}" height="{size * 0.7:.0f}" viewBox="0 0 40 14" preserveAspectRatio="none"><path d="M0 7H30" stroke="{colours.ink}" stroke-width="{rng.choice((1, 2))}"/><path d="M28 1L40 7L28 13Z" fill="{colours.ink}"/></svg>'
    gap = rng.choice((1, 2, 3))
    return f'<div style="display:flex;align-items:center;gap:{gap}px">{head}<span>{label}</span>{head if rng.random() < 0.5 else ""}</div>'


def _squiggle(rng: random.Random, label: str, size: float, colours: Theme) -> str:
    return f'<div style="text-decoration:underline wavy {rng.choice(("red", "blue", colours.accent))} 1px;text-underline-offset:{rng.choice((1, 2, 3))}px">{label}</div>'


def _underline(rng: random.Random, label: str, size: float, colours: Theme) -> str:
    return f'<div style="text-decoration:underline {rng.choice(("solid", "dotted", "dashed", "double"))} {rng.choice((1, 1, 2))}px;text-underline-offset:{rng.choice((0, 1, 2, 3))}px">{label}</div>'


_GROUNDS = ("#ffcc66", "#77bbdd", "#339933", "#aa3333", "#555577", "#dddddd")


def _outlined(rng: random.Random, label: str, size: float, colours: Theme) -> str:
    """Dress in an outline on both sides of the letter's edge: what is left of its inside is as light as the ground, or lighter."""
    ground = rng.choice(_GROUNDS)
    return f'<div style="background:{ground};padding:.3em .5em;color:#fff;-webkit-text-stroke:{size * rng.uniform(0.03, 0.06):.2f}px #000;letter-spacing:{rng.choice((0, 0.02, 0.05))}em">{label}</div>'


def _haloed(rng: random.Random, label: str, size: float, colours: Theme) -> str:
    """Dress in an outline behind the letters, as titles of films have it."""
    ground, (ink, halo) = (
        rng.choice(_GROUNDS),
        rng.choice((("#fff", "#000"), ("#ffee00", "#000"), ("#000", "#fff"), ("#1030a0", "#fff"))),
    )
    return f'<div style="background:{ground};padding:.3em .5em;color:{ink};paint-order:stroke fill;-webkit-text-stroke:{size * rng.uniform(0.08, 0.18):.2f}px {halo};letter-spacing:{rng.choice((0, 0.02, 0.05))}em">{label}</div>'


def _shadowed(rng: random.Random, label: str, size: float, colours: Theme) -> str:
    ground, by = rng.choice(_GROUNDS), size * rng.uniform(0.04, 0.09)
    return f'<div style="background:{ground};padding:.3em .5em;color:#fff;text-shadow:{rng.choice((by, -by)):.1f}px {by:.1f}px 0 #000">{label}</div>'


def _small_capitals(rng: random.Random, label: str, size: float, colours: Theme) -> str:
    return f'<div style="font-variant-caps:small-caps;font-synthesis:small-caps">{label}</div>'


def _tilted(rng: random.Random, label: str, size: float, colours: Theme, *, degrees: float) -> str:
    margin = size * max(1.2, 5 * math.sin(math.radians(degrees)))
    return f'<div style="transform:rotate({rng.choice((-degrees, degrees))}deg);margin:{margin:.1f}px 0">{label}</div>'


def _layout(pen: Pen, colours: Theme, *, dress: Dress, case: bool, stacked: bool) -> Drawn:
    """Draw some labels, all dressed alike; names and others."""
    if not case:  # capitals of two sizes: nothing tells a small letter
        pen.face = attrs.evolve(pen.face, x_height=pen.face.cap)
    rng, size = pen.rng, pen.body
    labels = [_stacked(pen) if stacked else pen.label(size, 0.5, broken=False) for _ in range(rng.randint(6, 12))]
    css = f"""
main {{ display: grid; grid-template-columns: repeat({rng.randint(2, 3)}, max-content); gap: {size * 1.6:.1f}px {size * 2.4:.1f}px; padding: {size * 1.5:.1f}px; }}
main div {{ width: max-content; }}"""
    return css, f"<main>{''.join(f'<section>{dress(rng, label, size, colours)}</section>' for label in labels)}</main>"


def _stacked(pen: Pen) -> str:
    """Write a label of a line a word: the name right, or made two words by a letter too many."""
    rng, size = pen.rng, pen.body
    if pen.left > 0 and rng.random() < 0.5:
        return pen.stacked_name(size)
    return "<br>".join(
        rng.choice(
            ("Elastic Load Balancing", "Elastic IP", "Cache cluster", "Amazon RDS", "Elastic Block Store", "Edge Cache")
        ).split()
    )


def _plain(rng: random.Random, label: str, size: float, colours: Theme) -> str:
    return f'<div style="text-align:{rng.choice(("center", "center", "left"))};line-height:{rng.choice((1.1, 1.2, 1.35))}">{label}</div>'


def _of(dress: Dress, *, case: bool = True, stacked: bool = False) -> Callable[[Pen, Theme], Drawn]:
    return functools.partial(_layout, dress=dress, case=case, stacked=stacked)


ORNAMENTS: dict[str, Callable[[Pen, Theme], Drawn]] = {
    "plain": _of(_plain),
    "ears of a component": _of(_ears),
    "check box": _of(_check_box),
    "ring or number": _of(_ring),
    "bullet": _of(_bullet),
    "branch of a tree": _of(_branch),
    "edge before": _of(functools.partial(_edge, side="left")),
    "edge after": _of(functools.partial(_edge, side="right")),
    "tight box": _of(_tight),
    "arrow": _of(_arrow),
    "squiggle": _of(_squiggle),
    "underlined": _of(_underline),
    "outlined": _of(_outlined),
    "haloed": _of(_haloed),
    "shadowed": _of(_shadowed),
    "small capitals": _of(_small_capitals, case=False),
    "tilted by 4 degrees": _of(functools.partial(_tilted, degrees=4)),
    "tilted by 7 degrees": _of(functools.partial(_tilted, degrees=7)),
    "tilted by 12 degrees": _of(functools.partial(_tilted, degrees=12)),
    "tilted by 20 degrees": _of(functools.partial(_tilted, degrees=20)),
    "tilted by 45 degrees": _of(functools.partial(_tilted, degrees=45)),
    "a line a word": _of(_plain, stacked=True),
}
"""Kinds of pages by what their labels are dressed in."""
