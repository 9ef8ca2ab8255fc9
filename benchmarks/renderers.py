"""One renderer in a process of its own: takes lines to draw on standard input, says how long it took.

Runs by its path in any environment, the peers' too: it needs nothing but the renderer that it is asked for.

    python benchmarks/renderers.py trdg < JOBS

Each line of input is a round, ``{"task": "clean", "jobs": [{"text", "font", "seed", "index"}]}``; each line of output
says ``{"lines", "wall_s", "cpu_s"}``. The first line of output, before any round, is ``{"version"}``.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import os
import random
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

HEIGHT, WIDTH = 50, 700
Draw = Callable[[dict[str, Any]], int]
"""Draws one job and returns how many lines it held."""


def police() -> tuple[str, dict[str, Draw]]:
    """Return this project's renderer: crops, and whole pages in which the place of every letter is known."""
    from pathlib import Path

    from elasticache_police import __version__
    from elasticache_police.dataset.crops import render_crop
    from elasticache_police.dataset.fonts import check_font
    from elasticache_police.dataset.pages import PageStyle, font_set, render_page
    from elasticache_police.dataset.text import NameTexts

    font_of = functools.cache(lambda path: check_font(Path(path)))
    fonts_of = functools.cache(lambda paths: font_set([font_of(path) for path in paths]))
    texts = NameTexts(names=("ElastiCache",))

    def crop(job: dict[str, Any], *, hard: bool) -> int:
        font = font_of(job["font"])
        drawn = render_crop(seed=job["seed"], index=job["index"], font=font, name="ElastiCache", hard=hard)
        return len([drawn])

    def page(job: dict[str, Any]) -> int:
        fonts = fonts_of(tuple(job["fonts"]))
        drawn = render_page(seed=job["seed"], index=job["index"], fonts=fonts, texts=texts, style=PageStyle())
        return len([line for line in drawn.lines if line.text.isascii()])

    draws: dict[str, Draw] = {
        "clean": functools.partial(crop, hard=False),
        "hard": functools.partial(crop, hard=True),
        "pages": page,
    }
    return __version__, draws


def trdg() -> tuple[str, dict[str, Draw]]:
    """Return TextRecognitionDataGenerator: clean lines on white, hard ones blurred on noise."""
    from trdg.data_generator import FakeTextDataGenerator  # type: ignore[import-not-found,unused-ignore]

    def line(job: dict[str, Any], *, hard: bool) -> int:
        picture = FakeTextDataGenerator.generate(
            index=job["index"],
            text=job["text"],
            font=job["font"],
            out_dir=None,
            size=HEIGHT,
            extension="png",
            skewing_angle=0,
            random_skew=False,
            blur=1 if hard else 0,
            random_blur=hard,
            background_type=0 if hard else 1,
            distorsion_type=0,
            distorsion_orientation=0,
            is_handwritten=False,
            name_format=0,
            width=WIDTH,
            alignment=1,
            text_color="#000000",
            orientation=0,
            space_width=1.0,
            character_spacing=0,
            margins=(4, 12, 4, 12),
            fit=True,
            output_mask=False,
            word_split=True,  # its quicker way
            image_dir="",
            image_mode="L",
        )
        return int(picture is not None)

    return importlib.metadata.version("trdg"), _both(line)


def synthtiger() -> tuple[str, dict[str, Draw]]:
    """Return SynthTIGER: a text layer over a white one; hard ones get its noise, blur, resampling and JPEG."""
    import numpy as np
    from synthtiger import components, layers  # type: ignore[import-not-found,unused-ignore]

    flaws = components.Iterator(
        [
            components.Switch(components.Resample(size=(0.35, 0.9)), prob=1),
            components.Switch(components.GaussianBlur(sigma=(0.3, 1.0)), prob=0.5),
            components.Switch(components.AdditiveGaussianNoise(scale=(2, 14), per_channel=0), prob=0.5),
            components.Switch(components.JpegCompression(compression=(15, 70)), prob=0.5),
        ]
    )

    def line(job: dict[str, Any], *, hard: bool) -> int:
        np.random.seed(job["index"])  # noqa: NPY002  its own way
        text = layers.TextLayer(job["text"], path=job["font"], size=34)
        ground = layers.RectLayer((WIDTH, HEIGHT), (255, 255, 255, 255))
        text.center = ground.center
        picture = (text + ground).merge()
        if hard:
            flaws.apply([picture])
        grey = picture.output()[..., :3].astype(np.uint8)
        return len([grey])

    return importlib.metadata.version("synthtiger"), _both(line)


def _both(line: Callable[..., int]) -> dict[str, Draw]:
    """Return the tasks of a renderer that draws one line at a time: lines of pages are hard ones for it."""

    def page(job: dict[str, Any]) -> int:
        return sum(line({**job, "text": text, "font": font}, hard=True) for text, font in job["lines"])

    return {"clean": functools.partial(line, hard=False), "hard": functools.partial(line, hard=True), "pages": page}


RENDERERS = {"police": police, "trdg": trdg, "synthtiger": synthtiger}


def main() -> int:
    """Run the command."""
    warnings.simplefilter("ignore")  # the peers' own, on standard error
    if os.environ.get("BENCHMARK_PIN") and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(os.environ["BENCHMARK_PIN"])})
    answers, sys.stdout = sys.stdout, sys.stderr  # renderers print what they like
    version, draws = RENDERERS[sys.argv[1]]()
    print(json.dumps({"version": version}), file=answers, flush=True)
    for round_ in map(json.loads, sys.stdin):
        draw = draws[round_["task"]]
        random.seed(0)
        wall, cpu = time.perf_counter(), time.process_time()
        lines = sum(draw(job) for job in round_["jobs"])
        answer = {"lines": lines, "wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
        print(json.dumps(answer), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
