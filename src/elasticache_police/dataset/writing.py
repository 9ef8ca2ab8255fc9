"""Writes samples as files that people can look at: crops, pages, their labels and a contact sheet."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from elasticache_police.dataset.crops import CropSample, render_crop
from elasticache_police.dataset.fonts import Font
from elasticache_police.dataset.pages import PageSample, PageStyle, font_set, render_page
from elasticache_police.dataset.text import NameTexts
from elasticache_police.errors import ConfigurationError

__all__ = ["contact_sheet", "write_dataset"]

_GROUND = "#8899aa"
_SHEET_COLUMNS, _SHEET_ROWS, _SHEET_PAGES = 2, 24, 4


def contact_sheet(pictures: Sequence[Image.Image], *, columns: int, gap: int = 6) -> Image.Image:
    """Return one picture of many, in rows.

    Args:
        pictures: At least one; each gets a cell of the size of the largest.
        columns: Pictures in a row.
        gap: Pixels between them.
    """
    wide = max(picture.width for picture in pictures)
    tall = max(picture.height for picture in pictures)
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (wide + gap) + gap, rows * (tall + gap) + gap), _GROUND)
    for i, picture in enumerate(pictures):
        sheet.paste(picture.convert("RGB"), (gap + i % columns * (wide + gap), gap + i // columns * (tall + gap)))
    return sheet


def _marked(page: PageSample) -> Image.Image:
    picture = Image.fromarray(page.grey).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for line in page.lines:
        for span in line.spans:
            x0, y0, x1, y1 = line.span_box(span)
            draw.rectangle((x0 - 2, y0 - 2, x1 + 2, y1 + 2), outline="#d00000")
    return picture


def write_dataset(
    directory: Path,
    *,
    name: str,
    fonts: Sequence[Font],
    crops: int,
    pages: int,
    seed: int = 1,
    hard: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a labelled dataset.

    ``crops/`` holds 50 x 700 grey PNGs named as in the story, ``pages/`` whole pages, ``labels.jsonl`` the truth about
    each file, ``contact-sheet.png`` the first of both.

    Args:
        directory: Made when missing; must be empty.
        name: The name to spell, right and wrong.
        fonts: What to draw with, in turn.
        crops: How many crops.
        pages: How many pages.
        seed: The same seed and fonts give the same files.
        hard: Whether crops are shrunk, blurred, noisy, compressed.
        progress: Called with the number of files written and the number to write.

    Returns:
        The path of the contact sheet.

    Raises:
        ConfigurationError: There is no font, nothing to write, or the directory is not empty.
    """
    if not fonts:
        raise ConfigurationError("no fit font: give --fonts a directory that holds TrueType or OpenType fonts")
    if crops + pages < 1:
        raise ConfigurationError("nothing to write: ask for at least one crop or page")
    if directory.exists() and any(directory.iterdir()):
        raise ConfigurationError(f"{directory} is not empty: choose another directory, nothing is overwritten")
    (directory / "crops").mkdir(parents=True, exist_ok=True)
    (directory / "pages").mkdir(exist_ok=True)
    done = progress if progress is not None else lambda _done, _total: None
    total = crops + pages
    shown_crops: list[Image.Image] = []
    shown_pages: list[Image.Image] = []
    with (directory / "labels.jsonl").open("w", encoding="utf-8") as labels:
        for index in range(crops):
            crop = render_crop(seed=seed, index=index, font=fonts[index // 2 % len(fonts)], name=name, hard=hard)
            labels.write(_line(_write_crop(directory, crop)))
            if index < _SHEET_COLUMNS * _SHEET_ROWS:
                shown_crops.append(Image.fromarray(crop.grey))
            done(index + 1, total)
        prepared = font_set(fonts)
        style = PageStyle(width=640, height=448, blocks=(8, 30))
        for index in range(pages):
            page = render_page(seed=seed, index=index, fonts=prepared, texts=NameTexts(names=(name,)), style=style)
            labels.write(_line(_write_page(directory, page, index)))
            if index < _SHEET_PAGES:
                shown_pages.append(_marked(page))
            done(crops + index + 1, total)
    sheets = [
        contact_sheet(shown, columns=columns)
        for shown, columns in ((shown_crops, _SHEET_COLUMNS), (shown_pages, 2))
        if shown
    ]
    sheet = directory / "contact-sheet.png"
    whole = Image.new("RGB", (max(part.width for part in sheets), sum(part.height for part in sheets)), _GROUND)
    for i, part in enumerate(sheets):
        whole.paste(part, (0, sum(above.height for above in sheets[:i])))
    whole.save(sheet)
    return sheet


def _line(label: dict[str, object]) -> str:
    return json.dumps(label, ensure_ascii=False) + "\n"


def _write_crop(directory: Path, crop: CropSample) -> dict[str, object]:
    path = _unused(directory / "crops", crop.file_name)
    Image.fromarray(crop.grey).save(path)
    return {
        "file": f"crops/{path.name}",
        "text": crop.text,
        "verdict": "correct" if crop.kind is None else "misspelled",
        "kind": None if crop.kind is None else crop.kind.value,
        "font": crop.font.family,
    }


def _write_page(directory: Path, page: PageSample, index: int) -> dict[str, object]:
    path = directory / "pages" / f"page{index:05d}.png"
    Image.fromarray(page.grey).save(path)
    occurrences = [
        {"text": line.text[start:stop], "box": [round(v, 1) for v in line.span_box((start, stop))]}
        for line in page.lines
        for start, stop in line.spans
    ]
    return {"file": f"pages/{path.name}", "occurrences": occurrences}


def _unused(directory: Path, file_name: str) -> Path:
    path = directory / file_name
    stem = path.name.removesuffix("0.png")
    number = 0
    while path.exists():
        number += 1
        path = directory / f"{stem}{number}.png"
    return path
