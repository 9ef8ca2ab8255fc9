"""What letters stand on and what runs through them: beside other text, and never over it."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image, ImageDraw

from elasticache_police.dataset import scenery

GROUND = 128
CAP = 20.0
BLOCK = (140.0, 100.0, 260.0, 120.0)


def canvas_of(*taken: scenery.Rectangle) -> scenery.Canvas:
    image = Image.new("L", (400, 220), GROUND)
    return scenery.Canvas(image=image, draw=ImageDraw.Draw(image), scale=1.0, taken=list(taken), lines=[], turned=[])


def changed(canvas: scenery.Canvas) -> np.ndarray:
    return np.asarray(canvas.image) != GROUND


def test_what_lies_under_a_block_reaches_into_it_and_mostly_leaves_some_of_it_free() -> None:
    inside = []
    for seed in range(300):
        canvas = canvas_of()
        scenery.underlay(random.Random(seed), canvas, BLOCK, CAP)
        x0, y0, x1, y1 = map(int, BLOCK)
        inside.append(changed(canvas)[y0:y1, x0:x1].mean())
    shares = np.array(inside)
    assert np.mean(shares > 0) > 0.85
    assert np.mean((shares > 0.02) & (shares < 0.98)) > 0.6


def test_what_lies_under_a_block_covers_nothing_that_stands_there() -> None:
    others = [(100.0, 40.0, 300.0, 90.0), (300.0, 95.0, 390.0, 125.0)]
    drawn = 0
    for seed in range(300):
        canvas = canvas_of(*others)
        scenery.underlay(random.Random(seed), canvas, BLOCK, CAP)
        seen = changed(canvas)
        drawn += bool(seen.any())
        for x0, y0, x1, y1 in others:
            assert not seen[int(y0) + 1 : int(y1), int(x0) + 1 : int(x1)].any()
    assert drawn > 15


def test_a_connector_is_a_thin_line_through_a_block_or_along_it() -> None:
    touching = 0
    for seed in range(300):
        canvas = canvas_of()
        scenery.connector(random.Random(seed), canvas, BLOCK, CAP, 0)
        x0, y0, x1, y1 = map(int, BLOCK)
        inside = changed(canvas)[y0 - 4 : y1 + 4, x0 - 4 : x1 + 4]
        assert inside.mean() < 0.2
        touching += bool(inside.any())
    assert touching > 280
