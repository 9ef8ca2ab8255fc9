"""Small pictures with names in them, drawn with the fonts that ship."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import elasticache_police

FONTS = Path(elasticache_police.__file__).parent / "dataset" / "fonts"
LINES = (
    ("Amazon ElastiCache for Redis", 24, "LiberationSans-Regular.ttf"),
    ("the ElasticCache cluster", 19, "Junction.otf"),
    ("Replication in ElastiCache", 15, "RoutedGothic.ttf"),
    ("AWS ELASTICCACHE nodes", 22, "LiberationSans-Regular.ttf"),
)


def page(*, size=(430, 230), ink=(20, 20, 40), ground=(250, 250, 245)):
    """Return a page, RGB, with names right and wrong."""
    picture = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(picture)
    for row, (text, font_px, font) in enumerate(LINES):
        draw.text((20 + 9 * row, 15 + 52 * row), text, fill=ink, font=ImageFont.truetype(FONTS / font, font_px))
    return picture


def stacked_page():
    """Return a page, RGB, with a label of three lines under an icon, that is wrong, and one that is right."""
    picture = Image.new("RGB", (360, 210), (252, 252, 250))
    draw = ImageDraw.Draw(picture)
    face = ImageFont.truetype(FONTS / "LiberationSans-Regular.ttf", 20)
    for x, words in ((90, ("Amazon", "Elastic", "Cache")), (260, ("Elastic", "Load", "Balancer"))):
        draw.rectangle((x - 22, 20, x + 22, 64), fill=(60, 80, 200))
        for row, word in enumerate(words):
            draw.text((x, 92 + 24 * row), word, fill=(25, 25, 40), font=face, anchor="ms")
    return picture


def askew_labels(*degrees, texts=("ElasticCache", "ElastiCache")):
    """Return a page, grey, level but for a label of each text, turned clockwise by so many degrees."""
    face = ImageFont.truetype(FONTS / "LiberationSans-Regular.ttf", 18)
    picture = Image.new("L", (620, 150 * len(degrees) + 60), 250)
    draw = ImageDraw.Draw(picture)
    for row, (angle, text) in enumerate(zip(degrees, texts, strict=True)):
        y = 100 + 150 * row
        draw.text((20, y), "Lambda function", fill=20, font=face, anchor="ls")
        draw.text((480, y), "Amazon RDS", fill=20, font=face, anchor="ls")
        label = Image.new("L", (180, 40), 0)
        ImageDraw.Draw(label).text((90, 28), text, fill=255, font=face, anchor="ms")
        label = label.rotate(-angle, Image.Resampling.BICUBIC, expand=True)
        picture.paste(20, (310 - label.width // 2, y - 6 - label.height // 2), label)
    return picture


def line(text, *, font_px=34, font="LiberationSans-Regular.ttf", size=(700, 50), at=(12, 5)):
    """Return a picture of one line, grey."""
    picture = Image.new("L", size, 245)
    ImageDraw.Draw(picture).text(at, text, fill=15, font=ImageFont.truetype(FONTS / font, font_px))
    return picture


def cut_out(text, *, font_px, font="LiberationSans-Regular.ttf"):
    """Return a picture of a word, grey, with nothing around it."""
    face = ImageFont.truetype(FONTS / font, font_px)
    x0, y0, x1, y1 = face.getbbox(text)
    picture = Image.new("L", (x1 - x0, y1 - y0), 245)
    ImageDraw.Draw(picture).text((-x0, -y0), text, fill=15, font=face)
    return picture


def encoded(picture, kind="PNG", **options):
    """Return a picture as a file."""
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def transparent(picture):
    """Return a page as dark letters on nothing, as drawing programs export them."""
    grey = np.asarray(picture.convert("L"))
    rgba = np.zeros((*grey.shape, 4), np.uint8)
    rgba[..., 3] = 255 - grey
    return Image.fromarray(rgba)
