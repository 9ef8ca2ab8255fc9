"""Draw labelled crops, one line of 50 x 700 grey pixels each, with a browser and in fonts no training has seen.

    python -m benchmarks.drawn_crops --half validation --crops 200 --seed 1 --out DIR          # clean
    python -m benchmarks.drawn_crops --half validation --crops 200 --seed 2 --hard --out DIR

writes ``DIR/images/AmazonElasticCache_<Font><i>.png`` and ``DIR/manifest.jsonl``. Half of the crops are right; the other
half is shared equally by every kind of near-miss. Hard crops were squeezed to 35-90 % of their size and back, blurred,
given noise and JPEG, and come in both polarities; capitals stay 7 pixels high or more when squeezed.
"""

# ruff: noqa: E501  HTML, CSS and JavaScript are easier to read on one line than cut into strings

from __future__ import annotations

import argparse
import hashlib
import html
import io
import json
import random
import sys
from pathlib import Path
from typing import Any

import attrs
from PIL import Image

from benchmarks import finish, manifest, words
from benchmarks.browser import Browser
from benchmarks.fonts import Face, faces
from benchmarks.sheet import font_face

__all__ = ["HEIGHT", "WIDTH", "main"]

WIDTH, HEIGHT = 700, 50
_A_SHEET = 10
_ROOM = 684
_MIN_CAP_PX = 7.2
_MIN_SPREAD = 45


@attrs.frozen(kw_only=True)
class _Line:
    face: Face
    word: words.Word
    size: float
    factor: float
    ink: int
    paper: int
    left: float
    spaced: bool


def _plan(rng: random.Random, face: Face, kind: str | None, *, hard: bool) -> _Line:
    """Decide what a crop says and looks like; ``kind`` None is a right spelling."""
    factor = rng.uniform(0.35, 0.9) if hard else 1.0
    largest = min(33.0, 44 * face.cap / 1.35)
    cap = rng.uniform(max(_MIN_CAP_PX / factor, 12.0), max(_MIN_CAP_PX / factor, largest))
    share = 0.5
    if kind is None:
        word = words.correct(rng, prefix_share=share)
    else:
        word = words.misspelled(
            rng, cap_px=cap * factor, case_contrast=face.case_contrast, kind=kind, prefix_share=share
        )
    dark = hard and rng.random() < 0.5
    paper, ink = (255, 0)
    if hard:
        paper = rng.randint(0, 70) if dark else rng.randint(175, 255)
        ink = rng.randint(max(150, paper + 90), 255) if dark else rng.randint(0, min(90, paper - 90))
    return _Line(
        face=face, word=word, size=cap / face.cap, factor=factor, ink=ink, paper=paper, left=rng.uniform(4, 40),
        spaced=hard and word.kind != "split" and rng.random() < 0.08,
    )  # fmt: skip


def _sheet(lines: list[_Line]) -> str:
    """Return a document of lines, one below the other; a line too long for its room is made smaller by a script."""
    style = "".join(font_face(line.face, f"F{i}") for i, line in enumerate(lines))
    rows = "".join(
        f'<div class="row" style="background:rgb({line.paper},{line.paper},{line.paper});color:rgb({line.ink},{line.ink},{line.ink});'
        f"font:{line.face.weight} {line.size:.2f}px/{HEIGHT}px F{i};padding-left:{line.left:.1f}px;"
        f'letter-spacing:{0.12 if line.spaced else 0}em"><span class="t">{html.escape(line.word.text)}</span></div>'
        for i, line in enumerate(lines)
    )
    return (
        f'<!doctype html><meta charset="utf-8"><style>{style} body {{ margin: 0; font-synthesis: none; font-variant-ligatures: none; }}'
        f".row {{ width: {WIDTH}px; height: {HEIGHT}px; overflow: hidden; white-space: nowrap; box-sizing: border-box; }}</style>{rows}"
    )


_FIT = f"""
(() => [...document.querySelectorAll('.row')].map(row => {{ const t = row.querySelector('.t'); let size = parseFloat(row.style.fontSize), left = parseFloat(row.style.paddingLeft);
  const room = {_ROOM}; if (t.getBoundingClientRect().width > room - left) {{ left = 4; row.style.paddingLeft = '4px';
    const share = Math.min(1, (room - left) / t.getBoundingClientRect().width); size *= share; row.style.fontSize = size + 'px'; }}
  return {{ size, family: getComputedStyle(row).fontFamily }}; }}))()
"""


def _draw(browser: Browser, lines: list[_Line], rng: random.Random) -> list[tuple[Image.Image, float] | str]:
    """Draw lines; each is an image and the final height of its capitals, or why it was refused."""
    browser.show(_sheet(lines), width=WIDTH, height=HEIGHT * len(lines))
    fitted: list[dict[str, Any]] = browser.evaluate(_FIT)  # type: ignore[assignment]
    picture = Image.open(io.BytesIO(browser.picture())).convert("L")
    drawn: list[tuple[Image.Image, float] | str] = []
    for i, (line, fit) in enumerate(zip(lines, fitted, strict=True)):
        crop = picture.crop((0, i * HEIGHT, WIDTH, (i + 1) * HEIGHT))
        if _cut(crop, line):
            drawn.append("cut at the top or bottom")
            continue
        cap = fit["size"] * line.face.cap * line.factor
        if line.factor < 1.0:
            crop = finish.harden(crop, rng, factor=line.factor)
        if cap < _MIN_CAP_PX - 0.3:
            drawn.append(f"only {cap:.1f} px high")
        elif finish.spread(crop, (line.left, 8, line.left + 200, 42)) < _MIN_SPREAD:
            drawn.append("hardly visible")
        else:
            drawn.append((crop, cap))
    return drawn


def _cut(crop: Image.Image, line: _Line) -> bool:
    """Tell whether letters touch the first or last row of pixels."""
    edge = [crop.getpixel((x, y)) for y in (0, HEIGHT - 1) for x in range(WIDTH)]
    return any(abs(int(value) - line.paper) > 30 for value in edge)  # type: ignore[arg-type]


def _kinds(count: int, rng: random.Random) -> list[str | None]:
    wrong = [words.KINDS[i % len(words.KINDS)] for i in range(count // 2)]
    mixed: list[str | None] = [*wrong, *[None] * (count - len(wrong))]
    rng.shuffle(mixed)
    return mixed


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--half", choices=("validation", "test"), default="validation")
    parser.add_argument("--crops", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hard", action="store_true", help="blur, noise, JPEG, 35-90 %% size, both polarities")
    options = parser.parse_args(argv)
    images: Path = options.out / "images"
    images.mkdir(parents=True, exist_ok=True)
    pool = list(faces(options.half))
    rng = random.Random(f"{options.seed}/{options.half}/{options.hard}")
    waiting = _kinds(options.crops, rng)
    rng.shuffle(pool)
    truths: list[manifest.Truth] = []
    turn = 0
    with Browser() as browser:
        while waiting:
            lines = []
            for kind in waiting[:_A_SHEET]:
                lines.append(_plan(rng, pool[turn % len(pool)], kind, hard=options.hard))
                turn += 1
            refused: list[str | None] = []
            for kind, line, drawn in zip(waiting, lines, _draw(browser, lines, rng), strict=False):
                if isinstance(drawn, str):
                    print(f"{line.face.family}, again: {drawn}", file=sys.stderr)
                    refused.append(kind)
                else:
                    truths.append(_save(images, len(truths), line, *drawn))
            waiting = waiting[_A_SHEET:] + refused
    manifest.write(options.out / "manifest.jsonl", truths)
    kinds = {kind: sum(t["occurrences"][0].get("kind") == kind for t in truths) for kind in (None, *words.KINDS)}
    print(json.dumps({"crops": len(truths), **{kind or "correct": n for kind, n in kinds.items()}}))
    return 0


def _save(images: Path, index: int, line: _Line, crop: Image.Image, cap: float) -> manifest.Truth:
    name = f"{line.word.text.replace(' ', '')}_{line.face.path.stem.partition('[')[0]}{index}.png"
    crop.save(images / name)
    amazon = "line" if line.word.prefix else "no"
    light = "light_on_dark" if line.paper < line.ink else "dark_on_light"
    written: manifest.Occurrence = {
        "text": line.word.text, "word": line.word.word, "verdict": line.word.verdict, "kind": line.word.kind,
        "box": [0, 0, WIDTH, HEIGHT], "cap_px": round(cap, 1), "font": f"{line.face.slug}-{line.face.weight}",
        "amazon": amazon, "polarity": light,
    }  # fmt: skip
    return {
        "file": name, "sha256": hashlib.sha256((images / name).read_bytes()).hexdigest(), "width": WIDTH, "height": HEIGHT,
        "occurrences": [written],
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
