"""Writes samples as files that people can look at: crops, pages, their labels and a contact sheet."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from elasticache_police.dataset.crops import render_crop
from elasticache_police.dataset.fonts import Font
from elasticache_police.dataset.pages import FontSet, PageSample, PageStyle, font_set, render_page
from elasticache_police.dataset.text import NameTexts
from elasticache_police.errors import ConfigurationError

__all__ = ["contact_sheet", "write_dataset"]

_SHEET_COLUMNS, _SHEET_ROWS = 2, 24


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
    sheet = Image.new("RGB", (columns * (wide + gap) + gap, rows * (tall + gap) + gap), "#8899aa")
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
    shown_crops: list[Image.Image] = []
    shown_pages: list[Image.Image] = []
    total = crops + pages
    with (directory / "labels.jsonl").open("w", encoding="utf-8") as labels:
        for index in range(crops):
            crop = render_crop(seed=seed, index=index, font=fonts[index // 2 % len(fonts)], name=name, hard=hard)
            path = _unused(directory / "crops", crop.file_name)
            picture = Image.fromarray(crop.grey)
            picture.save(path)
            if len(shown_crops) < _SHEET_COLUMNS * _SHEET_ROWS:
                shown_crops.append(picture)
            label = {
                "file": f"crops/{path.name}",
                "text": crop.text,
                "verdict": "correct" if crop.kind is None else "misspelled",
                "kind": None if crop.kind is None else crop.kind.value,
                "font": crop.font.family,
            }
            labels.write(json.dumps(label, ensure_ascii=False) + "\n")
            if progress is not None:
                progress(index + 1, total)
        prepared: FontSet | None = font_set(fonts) if pages else None
        for index in range(pages):
            assert prepared is not None  # noqa: S101  for the type checker
            page = render_page(
                seed=seed, index=index, fonts=prepared, texts=NameTexts(names=(name,)), style=PageStyle(width=640, height=448, blocks=(8, 30))
            )
            path = directory / "pages" / f"page{index:05d}.png"
            Image.fromarray(page.grey).save(path)
            if len(shown_pages) < 4:
                shown_pages.append(_marked(page))
            occurrences = [
                {"text": line.text[span[0] : span[1]], "box": [round(v, 1) for v in line.span_box(span)]}
                for line in page.lines
                for span in line.spans
            ]
            labels.write(json.dumps({"file": f"pages/{path.name}", "occurrences": occurrences}, ensure_ascii=False) + "\n")
            if progress is not None:
                progress(crops + index + 1, total)
    sheets = []
    if shown_crops:
        sheets.append(contact_sheet(shown_crops, columns=_SHEET_COLUMNS))
    if shown_pages:
        sheets.append(contact_sheet(shown_pages, columns=2))
    sheet = directory / "contact-sheet.png"
    contact_sheet(sheets, columns=1, gap=0).save(sheet) if len(sheets) > 1 else sheets[0].save(sheet)
    return sheet


def _unused(directory: Path, file_name: str) -> Path:
    path = directory / file_name
    stem = path.name.removesuffix("0.png")
    number = 0
    while path.exists():
        number += 1
        path = directory / f"{stem}{number}.png"
    return path


