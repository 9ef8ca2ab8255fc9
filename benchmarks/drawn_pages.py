"""Draw labelled pages with a browser: another engine than the one that draws training data, other fonts too.

    python -m benchmarks.drawn_pages --half validation --pages 80 --seed 1 --out DIR
    python -m benchmarks.drawn_pages --ornaments --pages 190 --out DIR      # what labels are dressed in

writes ``DIR/images/*`` and ``DIR/manifest.jsonl``. Page i depends on (seed, i, half) and the installed browser and fonts
only. Every label is checked on the finished picture: the word lies inside, nothing covers it, ink and paper stand
apart, and the face that drew it is the one asked for; a page that fails is drawn again otherwise.
"""

# ruff: noqa: E501  HTML, CSS and JavaScript are easier to read on one line than cut into strings

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks import finish, manifest
from benchmarks.browser import Browser
from benchmarks.fonts import Face, Half, faces
from benchmarks.layouts import WIRES, diagram, photo, slide
from benchmarks.layouts_text import cjk, console, docs, table, terminal
from benchmarks.ornaments import ORNAMENTS
from benchmarks.sheet import Pen, document, theme
from benchmarks.words import NAME

__all__ = ["draw_page", "main", "refuse"]

_LEAST_LETTERS = 5

LAYOUTS = {
    "diagram": diagram, "slide": slide, "console": console, "docs": docs, "table": table, "terminal": terminal,
    "photo": photo, "cjk": cjk, **ORNAMENTS,
}  # fmt: skip
_ORDER = (
    "diagram", "slide", "console", "diagram", "docs", "table", "diagram", "slide", "terminal", "photo", "diagram", "cjk",
    "slide", "console", "docs", "diagram",
)  # fmt: skip
_HEIGHTS = ((7.0, 9.4), (9.5, 12.4), (12.5, 20.4), (20.5, 40.0))
_SIZES = {"photo": (12.0, 60.0), "outlined": (15.0, 60.0), "haloed": (12.0, 60.0), "shadowed": (12.0, 60.0)}
_LINES = {"a line a word": 3}
"""On how many lines, and line ends, a name may stand; elsewhere on one."""
_READ = """
(() => [...document.querySelectorAll('.n')].map(n => {
  const range = document.createRange(); range.selectNodeContents(n);
  const rects = [...range.getClientRects()]; const r = range.getBoundingClientRect();
  const style = getComputedStyle(n); const c = document.createElement('canvas').getContext('2d');
  c.font = `${style.fontWeight} ${style.fontSize} Bench`; const m = c.measureText(n.textContent);
  const turned = r.height > r.width * 1.5; let box = [r.left, r.top, r.right, r.bottom];
  const askew = n.closest('[style*=rotate]'); const turn = new DOMMatrix(askew ? getComputedStyle(askew).transform : '');
  if (!turned && rects.length === 1 && !askew) { const base = r.top + m.fontBoundingBoxAscent + (r.height - m.fontBoundingBoxAscent - m.fontBoundingBoxDescent) / 2;
    box = [r.left, base - m.actualBoundingBoxAscent, r.right, base + m.actualBoundingBoxDescent]; }
  const seen = [0.1, 0.5, 0.9].every(t => { let x = turned ? (r.left+r.right)/2 : r.left + (r.right-r.left)*t;
    let y = turned ? r.top + (r.bottom-r.top)*t : (r.top+r.bottom)/2;
    if (askew) { x = (r.left+r.right)/2 + (t-0.5)*m.width*turn.a; y = (r.top+r.bottom)/2 + (t-0.5)*m.width*turn.b; }
    const e = document.elementFromPoint(x, y); return e && (e === n || n.contains(e)); });
  return {i: +n.dataset.i, text: n.textContent, box, lines: rects.length, seen};
}))()
"""
_MARGIN_PX = 2
_MIN_SPREAD = 55
_MIN_CAP_PX = 6.95
_MAX_TRIES = 25


def draw_page(
    browser: Browser, pool: tuple[Face, ...], *, kind: str, seed: str, name: str = NAME
) -> tuple[bytes, str, manifest.Truth] | str:
    """Draw one page.

    Returns:
        The file, its suffix and its truth; or, when a label failed a check, why.
    """
    rng = random.Random(seed)
    face = rng.choice([f for f in pool if _fits(f, kind)])
    scale = rng.choice((1.0, 1.0, 1.0, 1.25, 1.5, 2.0))
    factor = rng.choice((1.0, 1.0, 1.0, rng.uniform(0.5, 0.95)))
    low, high = rng.choices(_HEIGHTS, weights=(20, 30, 35, 15))[0]
    if kind in _SIZES:
        low, high = _SIZES[kind]
    body_cap = low * (high / low) ** rng.random() if kind in _SIZES else rng.uniform(low, high)
    blank = rng.random() < 0.2
    pen = Pen(rng, face, scale=scale * factor, body_cap_px=body_cap, names=0 if blank else rng.randint(1, 6), word=name)
    colours = theme(rng, dark_share=0.6 if kind == "terminal" else 0.3)
    transparent = kind in {"diagram", "table"} and rng.random() < 0.2 and not colours.dark
    css, content = LAYOUTS[kind](pen, colours)
    width = _width(rng, kind, pen.body)
    page = document(face, colours, pen.body, css, content, transparent=transparent)
    browser.show(page, width=width, height=900, scale=scale, transparent=transparent)
    laid_out: list[int] = browser.evaluate("[document.documentElement.scrollWidth, document.body.scrollHeight]")  # type: ignore[assignment]
    wide, tall = laid_out
    width, height = min(max(width, wide), 2600), min(max(tall, 160), 2600)
    browser.show(page, width=width, height=height, scale=scale, transparent=transparent)
    browser.evaluate(WIRES.replace("SEED", str(rng.randrange(1, 2**31 - 1))))
    if pen.marks and not _same_family(browser.fonts_of(".n"), face):
        return f"drawn with {browser.fonts_of('.n')}, not {face.family}"
    read: list[dict[str, Any]] = browser.evaluate(_READ)  # type: ignore[assignment]
    image = Image.open(io.BytesIO(browser.picture())).convert("RGBA")
    if factor != 1.0:
        image = finish.shrink(image, factor)
    if image.width * image.height > 6_000_000:
        return "too large"
    form: finish.Format = (
        "png-alpha" if transparent else rng.choices(("png", "jpeg", "webp", "png-palette"), weights=(55, 25, 10, 10))[0]
    )
    data, suffix = finish.encode(image, form, rng)
    final = _on_white(Image.open(io.BytesIO(data)))
    occurrences: list[manifest.Occurrence] = []
    for item in read:
        mark = pen.marks[item["i"]]
        box = [v * scale * factor for v in item["box"]]
        fault = _fault(final, box, item, mark["cap_px"], lines=_LINES.get(kind, 1))
        if fault:
            return f"{mark['word']}: {fault}"
        occurrences.append(
            {**mark, "box": [round(v, 1) for v in box], "polarity": finish.polarity(final, tuple(box))}  # type: ignore[typeddict-item]
        )
    truth: manifest.Truth = {
        "file": "", "sha256": hashlib.sha256(data).hexdigest(), "width": image.width, "height": image.height,
        "occurrences": occurrences, "page_kind": kind, "format": form,
    }  # fmt: skip
    return data, suffix, truth


def _fits(face: Face, kind: str) -> bool:
    if kind == "terminal":
        return face.mono
    if kind in {"console", "docs", "table"}:
        return not face.odd and not (face.mono and kind == "console")
    return True


def _width(rng: random.Random, kind: str, size: float) -> int:
    wide = {"docs": (38, 75), "slide": (34, 50), "cjk": (34, 60), "photo": (26, 44), "console": (60, 95)}.get(
        kind, (40, 80)
    )
    return int(min(max(size * rng.uniform(*wide), 360), 2000))


def _fault(image: Image.Image, box: list[float], item: dict[str, Any], cap_px: float, *, lines: int) -> str:
    x0, y0, x1, y1 = box
    if cap_px < _MIN_CAP_PX:
        return f"only {cap_px} px high"
    if not 1 <= item["lines"] <= lines:
        return "broken over lines"
    if x0 < _MARGIN_PX or y0 < _MARGIN_PX or x1 > image.width - _MARGIN_PX or y1 > image.height - _MARGIN_PX:
        return "outside of the picture"
    if not item["seen"]:
        return "covered"
    contrast = finish.spread(image, (x0, y0, x1, y1))
    return "" if contrast >= _MIN_SPREAD else f"hardly visible, {contrast:.0f} grey levels"


def _same_family(drawn: set[str], face: Face) -> bool:
    wanted = face.family.lower().replace(" ", "")
    return len(drawn) == 1 and next(iter(drawn)).lower().replace(" ", "").startswith(wanted[:4])


def _on_white(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image)
    return paper.convert("RGB")


def refuse(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End the command where its ``--name`` and ``--ornaments`` cannot be drawn."""
    if options.name != NAME and options.ornaments:
        parser.error(f"--ornaments draws {NAME} alone: leave out --name or --ornaments")
    if len(options.name) < _LEAST_LETTERS or options.name == options.name.upper():
        parser.error(f"--name {options.name}: of short names and of capitals alone too few near-misses can be drawn")


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--half", choices=("validation", "test"), default="validation")
    parser.add_argument("--pages", type=int, default=80)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", default=NAME, help="the name on the pages; default: %(default)s")
    parser.add_argument("--ornaments", action="store_true", help="labels dressed in one way a page, every way in turn")
    options = parser.parse_args(argv)
    refuse(parser, options)
    half: Half = options.half
    images: Path = options.out / "images"
    images.mkdir(parents=True, exist_ok=True)
    pool, truths = faces(half), []
    order = tuple(ORNAMENTS) if options.ornaments else _ORDER
    with Browser() as browser:
        for index in range(options.pages):
            kind = order[index % len(order)]
            for attempt in range(_MAX_TRIES):
                seed = f"{options.seed}/{half}/{index}/{attempt}"
                drawn = draw_page(browser, pool, kind=kind, seed=seed, name=options.name)
                if not isinstance(drawn, str):
                    break
                print(f"page {index} ({kind}), again: {drawn}", file=sys.stderr)
            else:
                print(f"page {index}: given up", file=sys.stderr)
                continue
            data, suffix, truth = drawn
            truth["file"] = f"{index:04d}_{kind.replace(' ', '_')}{suffix}"
            (images / truth["file"]).write_bytes(data)
            truths.append(truth)
            if sys.stderr.isatty():
                print(f"\r{index + 1} of {options.pages}", end="", file=sys.stderr)
    manifest.write(options.out / "manifest.jsonl", truths)
    written = [o for truth in truths for o in truth["occurrences"]]
    verdicts = {v: sum(o["verdict"] == v for o in written) for v in ("correct", "misspelled", "identifier")}
    print(json.dumps({"pages": len(truths), **verdicts}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
