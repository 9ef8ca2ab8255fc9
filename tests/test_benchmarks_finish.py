"""What the benchmark does to a finished picture, and how it makes sure that a person could read it."""

from __future__ import annotations

import io
import random

import pytest
from benchmarks import finish
from PIL import Image, ImageDraw


def _line(paper: int, ink: int) -> Image.Image:
    image = Image.new("L", (700, 50), paper)
    draw = ImageDraw.Draw(image)
    for x in range(20, 300, 12):
        draw.rectangle((x, 12, x + 3, 38), fill=ink)
    return image


@pytest.mark.parametrize(("paper", "ink", "expected"), [(255, 0, "dark_on_light"), (10, 220, "light_on_dark")])
def test_polarity_is_read_from_the_pixels(paper: int, ink: int, expected: str) -> None:
    assert finish.polarity(_line(paper, ink), (15, 10, 300, 40)) == expected


def test_spread_tells_visible_from_invisible() -> None:
    assert finish.spread(_line(255, 0), (15, 10, 300, 40)) == 255
    assert finish.spread(_line(128, 120), (15, 10, 300, 40)) < 10


def test_hardening_keeps_the_size_and_depends_on_the_seed_only() -> None:
    line = _line(255, 0)
    hard = finish.harden(line, random.Random(5), factor=0.4)
    assert (hard.size, hard.mode) == (line.size, "L")
    assert hard.tobytes() == finish.harden(line, random.Random(5), factor=0.4).tobytes()
    assert hard.tobytes() != finish.harden(line, random.Random(6), factor=0.4).tobytes()


@pytest.mark.parametrize(
    ("kind", "format_", "mode"),
    [
        ("png", "PNG", "RGB"),
        ("png-alpha", "PNG", "RGBA"),
        ("png-palette", "PNG", "P"),
        ("jpeg", "JPEG", "RGB"),
        ("webp", "WEBP", "RGB"),
    ],
)
def test_pictures_are_saved_as_what_they_are_called(kind: finish.Format, format_: str, mode: str) -> None:
    data, suffix = finish.encode(Image.new("RGBA", (40, 20), (255, 0, 0, 128)), kind, random.Random(1))
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.mode, image.size) == (format_, mode, (40, 20))
    assert suffix in {".png", ".jpg", ".webp"}
