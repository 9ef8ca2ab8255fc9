"""Findings drawn on their pictures."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Container, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from elasticache_police.findings import Finding, Page, Report, Verdict

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["annotate_page", "annotated_pages", "draw_findings"]

_Rectangle: TypeAlias = tuple[int, int, int, int]

# Vermilion and bluish green: told apart by colour-blind people too (Okabe and Ito, 2008).
_COLOURS = {Verdict.MISSPELLED: (213, 60, 0), Verdict.CORRECT: (0, 148, 108)}
_WHITE = (255, 255, 255)


def annotate_page(report: Report, number: int = 1) -> Image.Image:
    """Return a copy of a report's page with every finding drawn on it.

    Pixels that were not kept are read again from the file that the report names.

    Args:
        report: The report.
        number: The page's number, as in :attr:`~elasticache_police.findings.Page.number`.

    Returns:
        Mode RGB, the page's own size.

    Raises:
        ValueError: There is no such page; or its pixels were not kept and the file is gone or another (ImageError).
    """
    for _, picture in annotated_pages(report, [number]):
        return picture
    known = ", ".join(str(page.number) for page in report.pages) or "none"
    raise ValueError(f"{report.source} has no page {number}; its pages: {known}")


def annotated_pages(report: Report, numbers: Container[int]) -> Iterator[tuple[int, Image.Image]]:
    """Yield some of a report's pages in order, each with its number, as :func:`annotate_page` returns them.

    A file whose pixels were not kept is read again once for all of them.

    Args:
        report: The report.
        numbers: The pages' numbers; those that the report does not have are left out.

    Raises:
        ImageError: The file is gone or another.
    """
    with contextlib.ExitStack() as stack:
        again: Iterator[tuple[int, Image.Image]] | None = None
        for page in report.pages:
            if page.number not in numbers:
                continue
            picture = page.image
            if picture is None:
                if again is None:
                    from elasticache_police.imaging import numbered_pages

                    again = stack.enter_context(contextlib.closing(numbered_pages(report.source)))
                picture = _the_page(again, report.source, page)
            yield page.number, draw_findings(picture, page.findings)


def draw_findings(picture: Image.Image, findings: Sequence[Finding]) -> Image.Image:
    """Return a copy of a picture with a frame around each finding, and a label where it is misspelled.

    Frames have a white edge, so that they show on any background. A label says what was read and what is wrong, is
    placed where it covers no finding and as little else as possible, and is left out where there is no such place.

    Args:
        picture: Mode RGB.
        findings: What to draw.
    """
    drawn = picture.copy()
    draw = ImageDraw.Draw(drawn)
    stroke = max(2, round(min(picture.size) / 500))
    frames = [_frame(finding.box, stroke, picture.size) for finding in findings]
    for finding, frame in sorted(zip(findings, frames, strict=True), key=lambda pair: pair[0].verdict):
        edge = max(1, stroke // 2)
        draw.rectangle(_outset(frame, edge), outline=_WHITE, width=stroke + 2 * edge)
        draw.rectangle(frame, outline=_COLOURS[finding.verdict], width=stroke)
    busy = _busyness(picture)
    taken = list(frames)
    for finding, frame in zip(findings, frames, strict=True):
        if finding.verdict is Verdict.MISSPELLED:
            label = _placed_label(draw, finding, frame, stroke, busy, taken)
            if label is not None:
                taken.append(label)
    return drawn


def _the_page(pages: Iterator[tuple[int, Image.Image]], source: str, page: Page) -> Image.Image:
    """Draw from a document's pages until the one that was inspected."""
    from elasticache_police.errors import ImageError

    for number, picture in pages:
        if number == page.number and picture.size == (page.width, page.height):
            return picture
    raise ImageError(source, f"its page {page.number} is not what was inspected", "inspect it again")


def _placed_label(
    draw: ImageDraw.ImageDraw,
    finding: Finding,
    frame: _Rectangle,
    stroke: int,
    busy: npt.NDArray[np.float64],
    taken: Sequence[_Rectangle],
) -> _Rectangle | None:
    """Draw a label in the best free place and return the rectangle it takes; None where there is no place."""
    height, width = busy.shape[0] - 1, busy.shape[1] - 1
    kind = "" if finding.kind is None else f": {finding.kind.value.replace('_', ' ')}"
    for text in (f"{finding.reading}{kind}", finding.reading):
        for font_px in _font_sizes(width, height, _letters_px(finding)):
            font = _font(font_px)
            left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
            pad = max(3, font_px // 4)
            size = (int(right - left) + 2 * pad, int(bottom - top) + 2 * pad)
            place = _free_place(frame, size, stroke, busy, taken)
            if place is not None:
                draw.rectangle(place, fill=_COLOURS[finding.verdict], outline=_WHITE)
                draw.text((place[0] + pad - left, place[1] + pad - top), text, font=font, fill=_WHITE)
                return place
    return None


@functools.cache
def _font(font_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(font_px)


def _letters_px(finding: Finding) -> int:
    """Return about how high the letters of a finding are, which may run up the page or lie askew, in pixels."""
    x0, y0, x1, y1 = finding.box
    long, short = max(x1 - x0, y1 - y0), min(x1 - x0, y1 - y0)
    return min(short, 2 * long // max(1, len(finding.reading)))


def _font_sizes(width: int, height: int, word_height: int) -> tuple[int, ...]:
    """Return the size that suits a picture and a word, and a smaller one for where that does not fit; in pixels."""
    best = min(max(round(max(width, height) / 75), word_height // 2, 13), 48)
    return (best, max(best * 2 // 3, 11))


def _free_place(
    frame: _Rectangle,
    size: tuple[int, int],
    stroke: int,
    busy: npt.NDArray[np.float64],
    taken: Sequence[_Rectangle],
) -> _Rectangle | None:
    """Return the least busy rectangle of a size near a frame that touches nothing taken."""
    x0, y0, x1, y1 = frame
    width, height = size
    gap = 2 * stroke
    above, below = y0 - gap - height, y1 + gap
    columns = (x0, x1 - width, (x0 + x1 - width) // 2)
    places = [(x, above) for x in columns] + [(x, below) for x in columns]
    places += [(x1 + gap, y0), (x0 - gap - width, y0)]
    places += [(x, y) for step in (1, 2) for x in columns for y in (above - step * height, below + step * height)]
    best, best_cost = None, float("inf")
    for rank, (x, y) in enumerate(places):
        x = min(max(x, 0), busy.shape[1] - 1 - width)  # noqa: PLW2901  pushed inside the picture
        place = (x, y, x + width, y + height)
        if x < 0 or y < 0 or y + height > busy.shape[0] - 1 or any(_overlap(place, other) for other in taken):
            continue
        cost = rank + 4 * _mean(busy, place)
        if cost < best_cost:
            best, best_cost = place, cost
    return best


def _busyness(picture: Image.Image) -> npt.NDArray[np.float64]:
    """Return the integral image, (H + 1, W + 1), of how much neighbouring pixels differ: what a label would cover."""
    grey = np.asarray(picture.convert("L"), np.float64)
    change = np.zeros_like(grey)
    change[:, 1:] += np.abs(np.diff(grey, axis=1))
    change[1:] += np.abs(np.diff(grey, axis=0))
    integral = np.zeros((grey.shape[0] + 1, grey.shape[1] + 1))
    integral[1:, 1:] = change.cumsum(0).cumsum(1)
    return integral


def _mean(integral: npt.NDArray[np.float64], place: _Rectangle) -> float:
    x0, y0, x1, y1 = place
    total = integral[y1, x1] - integral[y0, x1] - integral[y1, x0] + integral[y0, x0]
    return float(total) / ((x1 - x0) * (y1 - y0))


def _frame(box: _Rectangle, stroke: int, size: tuple[int, int]) -> _Rectangle:
    """Return a frame around a box, both ends inclusive, that leaves the word free and stays inside the picture."""
    x0, y0, x1, y1 = box
    across = stroke + max(1, stroke // 2)
    down = across + 1 + (y1 - y0) // 10
    return (
        max(x0 - across, 0),
        max(y0 - down, 0),
        min(x1 - 1 + across, size[0] - 1),
        min(y1 - 1 + down, size[1] - 1),
    )


def _outset(rectangle: _Rectangle, by: int) -> _Rectangle:
    x0, y0, x1, y1 = rectangle
    return (x0 - by, y0 - by, x1 + by, y1 + by)


def _overlap(one: _Rectangle, other: _Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
