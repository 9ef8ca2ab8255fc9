"""Draw the pictures of this folder: each has the name in it, right or wrong, as people's pictures do.

Run it to draw them again: ``python examples/make_pictures.py [FOLDER]``. Beside the pictures it writes ``truth.json``:
what stands where, for the tests.
"""

from __future__ import annotations

import json
import sys
import time
from functools import cache
from importlib.resources import files
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
RIGHT = "ElastiCache"
INK, PAPER = (35, 47, 62), (255, 255, 255)
ORANGE, BLUE, GREEN, VIOLET, GREY = (237, 113, 0), (0, 103, 184), (63, 134, 36), (140, 79, 255), (104, 112, 120)

_EPOCH = time.gmtime(1_600_000_000)  # so that a PDF drawn twice is the same


@cache
def font(name: str, font_px: int) -> ImageFont.FreeTypeFont:
    """Return one of the fonts that ship with the package."""
    return ImageFont.truetype(str(files("elasticache_police.dataset") / "fonts" / name), font_px)


def sans(font_px: int) -> ImageFont.FreeTypeFont:
    return font("LiberationSans-Regular.ttf", font_px)


class Canvas:
    """A page to draw on that remembers where each name was written."""

    def __init__(self, width: int, height: int, background: tuple[int, ...] = PAPER) -> None:
        self.picture = Image.new("RGB" if len(background) == 3 else "RGBA", (width, height), background)
        self.draw = ImageDraw.Draw(self.picture)
        self.names: list[dict[str, object]] = []

    def write(
        self,
        at: tuple[float, float],
        text: str,
        face: ImageFont.FreeTypeFont,
        *,
        ink: tuple[int, ...] = INK,
        name: str | None = None,
        anchor: str = "ls",
    ) -> None:
        """Write a line; `name` is the part of it that is the name, right or wrong."""
        self.draw.text(at, text, font=face, fill=ink, anchor=anchor)
        if name is not None:
            left = self.draw.textbbox(at, text, font=face, anchor=anchor)[0] + face.getlength(text.partition(name)[0])
            box = self.draw.textbbox((left, at[1]), name, font=face, anchor="l" + anchor[1])
            verdict = "correct" if name == RIGHT else "misspelled"
            self.names.append({"text": name, "verdict": verdict, "box": [round(side) for side in box]})

    def box(
        self, x0: int, y0: int, x1: int, y1: int, outline: tuple[int, ...], fill: tuple[int, ...] | None = None
    ) -> None:
        self.draw.rounded_rectangle((x0, y0, x1, y1), 8, fill=fill, outline=outline, width=2)

    def arrow(self, *points: tuple[int, int]) -> None:
        self.draw.line(points, fill=GREY, width=2)
        (x0, y0), (x1, y1) = points[-2:]
        dx, dy = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
        tip = [(x1, y1), (x1 - 9 * dx - 5 * dy, y1 - 9 * dy - 5 * dx), (x1 - 9 * dx + 5 * dy, y1 - 9 * dy + 5 * dx)]
        self.draw.polygon(tip, fill=GREY)


def icon(canvas: Canvas, x: int, y: int, colour: tuple[int, ...], label: str, *, name: str | None = None) -> None:
    """Draw a service: a coloured square with a glyph, and its name below."""
    canvas.draw.rounded_rectangle((x, y, x + 64, y + 64), 6, fill=colour)
    for ring in (14, 22):
        canvas.draw.ellipse((x + ring, y + ring, x + 64 - ring, y + 64 - ring), outline=PAPER, width=2)
    for offset, line in enumerate(label.split("\n")):
        part = name if name is not None and name in line else None
        canvas.write((x + 32, y + 84 + 18 * offset), line, sans(14), name=part, anchor="ms")


def architecture() -> Canvas:
    canvas = Canvas(980, 560)
    canvas.write((40, 46), "Session store, production", sans(22))
    canvas.box(200, 80, 940, 520, BLUE)
    canvas.write((216, 104), "VPC 10.0.0.0/16", sans(13), ink=BLUE)
    canvas.box(330, 130, 610, 500, GREEN, (240, 247, 238))
    canvas.write((344, 154), "Public subnet", sans(13), ink=GREEN)
    canvas.box(640, 130, 920, 500, GREY, (245, 246, 247))
    canvas.write((654, 154), "Private subnet", sans(13), ink=GREY)
    icon(canvas, 70, 260, GREY, "Users")
    icon(canvas, 438, 190, ORANGE, "Amazon EC2")
    icon(canvas, 438, 360, ORANGE, "AWS Lambda")
    icon(canvas, 748, 190, BLUE, "Amazon RDS")
    icon(canvas, 748, 360, VIOLET, "Amazon ElasticCache\nfor Redis", name="ElasticCache")
    canvas.arrow((150, 292), (290, 292), (290, 222), (430, 222))
    canvas.arrow((290, 292), (290, 392), (430, 392))
    canvas.arrow((510, 222), (740, 222))
    canvas.arrow((510, 392), (740, 392))
    canvas.arrow((620, 222), (620, 380), (740, 380))
    return canvas


def dark_slide() -> Canvas:
    canvas = Canvas(1280, 720, (22, 30, 45))
    canvas.draw.rectangle((0, 0, 14, 720), fill=ORANGE)
    title = font("Junction.otf", 54)
    canvas.write((80, 120), "Why Amazon ElastiCache?", title, ink=PAPER, name="ElastiCache")
    body = font("Junction.otf", 30)
    for row, (line, name) in enumerate(
        [
            ("Answers in less than a millisecond", None),
            ("Elasticache scales without downtime", "Elasticache"),
            ("Redis, Valkey or Memcached: your choice", None),
            ("Pay for what you use with ElastiCache Serverless", "ElastiCache"),
        ]
    ):
        canvas.draw.ellipse((84, 226 + 84 * row, 96, 238 + 84 * row), fill=ORANGE)
        canvas.write((124, 242 + 84 * row), line, body, ink=(222, 228, 236), name=name)
    canvas.write((80, 680), "Re:cap, Tokyo", font("Junction.otf", 18), ink=(130, 142, 158))
    return canvas


def console() -> Canvas:
    canvas = Canvas(1200, 640, (242, 243, 243))
    canvas.draw.rectangle((0, 0, 1200, 40), fill=INK)
    canvas.write((20, 26), "Services", sans(14), ink=PAPER)
    canvas.draw.rounded_rectangle((140, 8, 560, 32), 4, fill=(20, 27, 38), outline=GREY)
    canvas.write((152, 25), "Search", sans(13), ink=(160, 168, 176))
    canvas.draw.rectangle((0, 41, 220, 640), fill=PAPER)
    canvas.write((20, 76), "ElastiCache", sans(18), name="ElastiCache")
    for row, line in enumerate(["Dashboard", "Valkey caches", "Redis OSS caches", "Backups", "Parameter groups"]):
        canvas.write((20, 112 + 30 * row), line, sans(13), ink=BLUE)
    canvas.draw.rectangle((240, 100, 1180, 420), fill=PAPER, outline=(213, 219, 219))
    canvas.write((260, 132), "Caches (3)", sans(16))
    heads, columns = ["Name", "Description", "Endpoint", "Status"], [260, 420, 680, 1060]
    canvas.draw.line((240, 150, 1180, 150), fill=(213, 219, 219))
    for column, head in zip(columns, heads, strict=True):
        canvas.write((column, 172), head, sans(12), ink=GREY)
    for row, (cells, name) in enumerate(
        [
            (
                ["sessions", "ElastiCache for the shop", "sessions.x1y2z3.cache.amazonaws.com", "Available"],
                "ElastiCache",
            ),
            (["carts", "Elasticcache, to be moved", "carts.elasticache.example.com:6379", "Available"], "Elasticcache"),
            (["ranks", "Leader board", "ranks.x1y2z3.cache.amazonaws.com", "Creating"], None),
        ]
    ):
        y = 210 + 44 * row
        canvas.draw.line((240, y - 24, 1180, y - 24), fill=(234, 237, 237))
        for column, cell in zip(columns, cells, strict=True):
            part = name if name is not None and name in cell else None
            canvas.write((column, y), cell, sans(12), name=part)
    canvas.draw.rectangle((240, 450, 1180, 610), fill=(22, 25, 31))
    code = font("RoutedGothic.ttf", 15)
    for row, line in enumerate(
        [
            "$ aws elasticache describe-cache-clusters --region ap-northeast-1",
            "arn:aws:elasticache:ap-northeast-1:111122223333:cluster:carts",
            'client = boto3.client("elasticache")',
        ]
    ):
        canvas.write((260, 486 + 34 * row), line, code, ink=(180, 220, 180))
    return canvas


def table() -> Canvas:
    canvas = Canvas(860, 420)
    canvas.write((30, 44), "Where the data live", sans(20))
    rows = [
        ("Service", "What for", "Latency"),
        ("Amazon S3", "pictures, backups", "100 ms"),
        ("Amazon RDS", "orders", "10 ms"),
        ("Amazon ElastiCache", "sessions", "< 1 ms"),
        ("Amazon ElastiCahce", "rate limits", "< 1 ms"),
        ("Amazon OpenSearch", "full text", "50 ms"),
    ]
    for row, cells in enumerate(rows):
        y = 80 + 52 * row
        if row == 0:
            canvas.draw.rectangle((30, y, 830, y + 52), fill=INK)
        elif row % 2 == 0:
            canvas.draw.rectangle((30, y, 830, y + 52), fill=(238, 242, 246))
        for column, cell in enumerate(cells):
            name = next((part for part in ("ElastiCache", "ElastiCahce") if part in cell), None)
            ink = PAPER if row == 0 else INK
            canvas.write((46 + 290 * column, y + 33), cell, sans(18), ink=ink, name=name)
    for column in (320, 610):
        canvas.draw.line((column, 80, column, 392), fill=(200, 206, 212))
    return canvas


def transparent() -> Canvas:
    canvas = Canvas(640, 240, (0, 0, 0, 0))
    canvas.draw.rounded_rectangle((10, 10, 630, 230), 16, outline=(*VIOLET, 255), width=3)
    ink = (0, 0, 0, 255)
    canvas.write((40, 80), "Amazon ElastiCache", font("RoutedGothic.ttf", 40), ink=ink, name="ElastiCache")
    canvas.write((40, 130), "exported without a background,", sans(16), ink=ink)
    canvas.write((40, 190), "as Elastic Cache often is", sans(24), ink=ink, name="Elastic Cache")
    return canvas


def deck() -> list[Canvas]:
    first = Canvas(1000, 563)
    first.draw.rectangle((0, 0, 1000, 200), fill=BLUE)
    first.write((60, 130), "Caching at scale", sans(56), ink=PAPER)
    first.write((60, 300), "with Amazon ElastiCache for Valkey", sans(32), name="ElastiCache")
    first.write((60, 500), "page 1", sans(16), ink=GREY)
    second = Canvas(1000, 563)
    second.write((60, 90), "What we learned", sans(40), ink=BLUE)
    for row, (line, name) in enumerate(
        [
            ("ElastiCache took the load off the database", "ElastiCache"),
            ("ElasticCache snapshots saved us twice", "ElasticCache"),
            ("Keys without an expiry fill any cache", None),
        ]
    ):
        second.write((80, 190 + 80 * row), f"{row + 1}.  {line}", sans(28), name=name)
    second.write((60, 500), "page 2", sans(16), ink=GREY)
    return [first, second]


def main(folder: Path) -> None:
    """Draw everything into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    singles = {
        "architecture.png": architecture(),
        "console.png": console(),
        "dark-slide.png": dark_slide(),
        "table.png": table(),
        "transparent.png": transparent(),
    }
    truth = []
    for file, canvas in singles.items():
        canvas.picture.save(folder / file, optimize=True)
        truth.append({"file": file, "pages": [canvas.names]})
    pages = deck()
    first, *rest = [canvas.picture for canvas in pages]
    dates = {"creationDate": _EPOCH, "modDate": _EPOCH}
    first.save(folder / "deck.pdf", save_all=True, append_images=rest, resolution=150, quality=92, **dates)
    truth.append({"file": "deck.pdf", "pages": [canvas.names for canvas in pages]})
    (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
