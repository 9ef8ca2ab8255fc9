"""From rendered pages to what the networks learn from: inputs, targets and weights."""

from __future__ import annotations

import functools
import math
import random

import attrs
import numpy as np
from PIL import Image, ImageFilter

from elasticache_police.dataset.pages import FontSet, PageSample, PageStyle, TextLine, render_page
from elasticache_police.dataset.text import NameTexts
from elasticache_police.runtime.alphabet import BLANK, encode
from elasticache_police.runtime.lines import CAP_PX, FRAME_PX, TOP_PX, LineWindow, cut, median
from elasticache_police.runtime.proposals import HEIGHT_PX, SIDE_PX, STRIDE

__all__ = ["FinderBatch", "ReaderBatch", "finder_batch", "reader_batch"]

FINDER_CAP_PX = (5.0, 15.0)
"""Heights of capitals that one level of the page pyramid answers for."""
_FINDER_CAP_SLACK = (4.2, 20.0)
UNKNOWN = -1.0
READER_COLUMNS = 256
_BEND_PX = 16
_BEND_EDGE_PX = 3
_TILTED = 0.42
"""Share of the finder's pages that are tilted: some a little, as a photographed slide is, others by as much as a label
that lies along an arrow, the rest as steeply as those under the bars of a chart."""
_A_LITTLE, _ASKEW, _STEEP = 0.05, 0.45, 0.88
"""In radians."""
_A_LITTLE_SHARE, _STEEP_SHARE = 0.43, 0.25
"""Shares of the tilted pages."""
_WINDOWS = 3
"""Windows, each another size and shift, cut from every rendered line: rendering costs as much as learning."""


@attrs.frozen
class FinderBatch:
    """Inputs uint8 (N, H, W, 1) and targets float32 (N, H/8, W/8, 13): see :func:`finder_targets`."""

    pages: np.ndarray
    targets: np.ndarray


@attrs.frozen
class ReaderBatch:
    """Inputs uint8 (N, 32, W, 1), classes int32 (N, W/2), weights float32 (N, W/2)."""

    lines: np.ndarray
    classes: np.ndarray
    weights: np.ndarray


def finder_targets(page: PageSample, tilt: float = 0.0) -> np.ndarray:
    """Return the finder's targets for a page.

    Args:
        page: The page, upright.
        tilt: By how much, in radians and clockwise, the finder sees it turned around its middle.

    Returns:
        float32 (H/8, W/8, 13): name, or half of one, 0/1, weight of name, text 0/1, weight of text, left, right (units
        of 32 px), weight of those, top, bottom (units of 8 px), weight of those, text that climbs 0/1, text that falls
        0/1, weight of those.
    """
    height, width = page.grey.shape
    rows, columns = height // STRIDE, width // STRIDE
    out = np.zeros((rows, columns, 13), np.float32)
    out[..., 1] = out[..., 3] = out[..., 12] = 1.0
    seen_x = (np.arange(columns) * STRIDE + STRIDE / 2 - width / 2)[None, :]
    seen_y = (np.arange(rows) * STRIDE + STRIDE / 2 - height / 2)[:, None]
    cx = width / 2 + math.cos(tilt) * seen_x + math.sin(tilt) * seen_y
    cy = height / 2 - math.sin(tilt) * seen_x + math.cos(tilt) * seen_y
    for line in page.lines:
        x0, x1 = float(line.edges[0]), float(line.edges[-1])
        middle = (line.top + line.baseline) / 2
        inside_y = np.abs(cy - middle) <= max(STRIDE / 2 + 0.01, line.cap_px * 0.35)
        near_y = np.abs(cy - middle) <= line.cap_px * 0.75 + STRIDE
        near = near_y & (cx > x0 - STRIDE) & (cx < x1 + STRIDE)
        fits = FINDER_CAP_PX[0] <= line.cap_px <= FINDER_CAP_PX[1]
        unsure = not fits and _FINDER_CAP_SLACK[0] <= line.cap_px <= _FINDER_CAP_SLACK[1]
        out[near, 3] = 0.0
        if unsure:
            out[near, 1] = np.where(out[near, 0] > 0, out[near, 1], 0.0)
        if not fits:
            if not unsure:
                out[near, 3] = 1.0
            continue
        core = inside_y & (cx > x0) & (cx < x1)
        out[core, 2] = out[core, 3] = 1.0
        out[core, 7] = (cy[core] - line.top) / HEIGHT_PX
        out[core, 8] = (line.baseline - cy[core]) / HEIGHT_PX
        out[core, 9] = 1.0
        for span in (*line.spans, *line.halves):
            s0, _, s1, _ = line.span_box(span)
            beside = near_y & (cx > s0 - STRIDE) & (cx < s1 + STRIDE) & (out[..., 0] == 0)
            out[beside, 1] = 0.0
            heart = inside_y & (np.abs(cx - (s0 + s1) / 2) <= max(0.22 * (s1 - s0), STRIDE / 2))
            out[heart, 0] = out[heart, 1] = 1.0
            out[heart, 4] = (cx[heart] - s0) / SIDE_PX
            out[heart, 5] = (s1 - cx[heart]) / SIDE_PX
            out[heart, 6] = 1.0
    for text in page.turned:
        x0, y0, x1, y1 = text.box
        across = (cx > min(x0, (x0 + x1 - STRIDE) / 2)) & (cx < max(x1, (x0 + x1 + STRIDE) / 2))
        near = (cy > y0 - STRIDE) & (cy < y1 + STRIDE) & (cx > x0 - STRIDE) & (cx < x1 + STRIDE)
        out[near, 12] = 0.0
        if FINDER_CAP_PX[0] <= text.cap_px <= FINDER_CAP_PX[1]:
            core = (cy > y0) & (cy < y1) & across
            out[core, 10 if text.climbs else 11] = out[core, 12] = 1.0
        elif not _FINDER_CAP_SLACK[0] <= text.cap_px <= _FINDER_CAP_SLACK[1]:
            out[near, 12] = 1.0
    return out


def _tilted(grey: np.ndarray, tilt: float) -> np.ndarray:
    """Turn a page clockwise around its middle, by radians; what comes in from beyond its edges is its median grey."""
    if not tilt:
        return grey
    height, width = grey.shape
    cos, sin = math.cos(tilt), math.sin(tilt)
    back = (
        *(cos, sin, width / 2 * (1 - cos) - height / 2 * sin),
        *(-sin, cos, height / 2 * (1 - cos) + width / 2 * sin),
    )
    return _moved(grey, back)


def _moved(grey: np.ndarray, back: tuple[float, ...]) -> np.ndarray:
    """Return greys after an affine map, given from the result back to them; beyond their edges is their median."""
    size = (grey.shape[1], grey.shape[0])
    method = Image.Resampling.BILINEAR
    picture = Image.fromarray(grey).transform(size, Image.Transform.AFFINE, back, method, fillcolor=median(grey))
    return np.asarray(picture)


def finder_batch(
    *, seed: int, index: int, size: int, fonts: FontSet, texts: NameTexts, style: PageStyle
) -> FinderBatch:
    """Render batch ``index`` of the finder's training data; every odd batch is the one before it, light for dark."""
    batch = _pages(seed, index // 2, size, fonts, texts, style)
    return batch if index % 2 == 0 else FinderBatch(255 - batch.pages, batch.targets)


def _tilt(rng: random.Random) -> float:
    kind = rng.random()
    if kind < _A_LITTLE_SHARE:
        return rng.gauss(0, _A_LITTLE)
    if kind < _A_LITTLE_SHARE + _STEEP_SHARE:
        return rng.choice([-1, 1]) * rng.uniform(_ASKEW, _STEEP)
    return rng.uniform(-_ASKEW, _ASKEW)


@functools.lru_cache(maxsize=1)
def _pages(seed: int, index: int, size: int, fonts: FontSet, texts: NameTexts, style: PageStyle) -> FinderBatch:
    rng = random.Random(f"{seed}:{index}:tilt")  # noqa: S311
    pages = [render_page(seed=seed, index=index * size + i, fonts=fonts, texts=texts, style=style) for i in range(size)]
    tilts = [_tilt(rng) if rng.random() < _TILTED else 0.0 for _ in pages]
    return FinderBatch(
        np.stack([_tilted(page.grey, tilt)[..., None] for page, tilt in zip(pages, tilts, strict=True)]),
        np.stack([finder_targets(page, tilt) for page, tilt in zip(pages, tilts, strict=True)]),
    )


def line_targets(
    line: TextLine, window: LineWindow, others: list[TextLine], page_width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the class of every frame and its weight.

    The frame at a character's middle says the character, the frames right beside it count for nothing, all others
    are blank. Of characters cut by the window and of other text in it nothing is known: weight -1.
    """
    frames = window.width // FRAME_PX
    classes = np.full(frames, BLANK, np.int32)
    weights = np.ones(frames, np.float32)
    middle = np.arange(frames) * FRAME_PX + FRAME_PX / 2
    for other in others:
        top, bottom = other.top - 0.3 * other.cap_px, other.baseline + 0.3 * other.cap_px
        if bottom > line.top and top < line.baseline:
            a = (float(other.edges[0]) - window.x0) * window.scale_x
            b = (float(other.edges[-1]) - window.x0) * window.scale_x
            weights[(middle > a - FRAME_PX) & (middle < b + FRAME_PX)] = UNKNOWN
    edges = (line.edges - window.x0) * window.scale_x
    own = (middle > edges[0]) & (middle < edges[-1])
    weights[own] = 1.0
    for i, index in enumerate(encode(line.text)):
        left, right = float(edges[i]), float(edges[i + 1])
        if right <= 0 or left >= window.width:
            continue
        first = (0.0 - window.x0) * window.scale_x
        last = (page_width - window.x0) * window.scale_x
        if right <= first or left >= last:
            continue  # beyond the page: blank ground
        if left < first - 0.15 * (right - left) or right > last + 0.15 * (right - left):
            weights[(middle > left) & (middle < right)] = UNKNOWN
            continue
        if left < -0.15 * (right - left) or right > window.width + 0.15 * (right - left):
            weights[(middle > left) & (middle < right)] = UNKNOWN
            continue
        centre = (left + right) / 2
        weights[np.abs(middle - centre) < 0.25 * (right - left)] = 0.0
        frame = min(frames - 1, max(0, int(centre // FRAME_PX)))
        if classes[frame] != BLANK:
            frame = min(frames - 1, frame + 1)  # two letters narrower than a frame
        classes[frame] = index
        weights[frame] = 3.0
    return classes, weights


def _read_sample(page: PageSample, line: TextLine, rng: random.Random) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    cap = line.cap_px * np.exp(rng.uniform(-0.24, 0.24))
    scale_y = CAP_PX / cap
    scale_x = scale_y * (rng.uniform(0.84, 1.18) if rng.random() < 0.85 else rng.uniform(0.7, 1.45))
    top = line.top + (line.cap_px - cap) / 2 + rng.uniform(-0.13, 0.13) * line.cap_px
    span = READER_COLUMNS / scale_x
    if line.spans and rng.random() < 0.9:
        s0, _, s1, _ = line.span_box(rng.choice(line.spans))
        slack = span - (s1 - s0)
        x0 = s0 - rng.uniform(0.1, 0.9) * slack if slack > 0 else s0 + rng.uniform(0, 1) * -slack
    else:
        length = float(line.edges[-1] - line.edges[0])
        x0 = float(line.edges[0]) + rng.uniform(-0.3 * span, max(-0.1 * span, length - 0.6 * span))
    window = LineWindow(x0=x0, y0=top - TOP_PX / scale_y, width=READER_COLUMNS, scale_x=scale_x, scale_y=scale_y)
    grey = cut(Image.fromarray(page.grey), window)
    classes, weights = line_targets(
        line, window, [other for other in page.lines if other is not line], page.grey.shape[1]
    )
    if rng.random() < 0.2:
        grey = _lean(grey, slant=rng.gauss(0, 0.12), slope=rng.gauss(0, 0.018))
    if rng.random() < 0.2:
        grey = _bend(grey, rng)
    return grey, classes, weights


def _lean(grey: np.ndarray, *, slant: float, slope: float) -> np.ndarray:
    """Slant the letters of a line and let it climb or fall, around its middle, which stays in place."""
    middle_x, middle_y = grey.shape[1] / 2, TOP_PX + CAP_PX / 2
    return _moved(grey, (1, slant, -slant * middle_y, slope, 1, -slope * middle_x))


def _bend(grey: np.ndarray, rng: random.Random) -> np.ndarray:
    """Bend the letters of a line and make them a little fatter or thinner, as no two hands write the same."""
    height, width = grey.shape
    picture = Image.fromarray(grey)
    if rng.random() < 0.5:
        wide = picture.filter(rng.choice([ImageFilter.MinFilter(3), ImageFilter.MaxFilter(3)]))
        picture = Image.blend(picture, wide, rng.uniform(0.15, 0.6))
    strength = rng.choice([0.6, 1.0, 1.5])
    columns, rows = range(0, width + 1, _BEND_PX), range(0, height + 1, _BEND_PX)
    moved = {(x, y): (x + rng.gauss(0, strength), y + rng.gauss(0, strength)) for x in columns for y in rows}
    mesh = [
        (
            (x, y, x + _BEND_PX, y + _BEND_PX),
            (
                *moved[x, y],
                *moved[x, y + _BEND_PX],
                *moved[x + _BEND_PX, y + _BEND_PX],
                *moved[x + _BEND_PX, y],
            ),
        )
        for x in columns[:-1]
        for y in rows[:-1]
    ]
    bent = picture.transform(picture.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)
    # What the mesh takes from beyond the picture is black there: the edge stays as it was.
    out = grey.copy()
    inner = (slice(_BEND_EDGE_PX, height - _BEND_EDGE_PX), slice(_BEND_EDGE_PX, width - _BEND_EDGE_PX))
    out[inner] = np.asarray(bent)[inner]
    return out


def strip_style(rng: random.Random) -> PageStyle:
    """Return a small page for lines of one size: tiny, common, or large."""
    cap = (
        float(np.exp(rng.uniform(np.log(5.0), np.log(16))))
        if rng.random() < 0.75
        else float(np.exp(rng.uniform(np.log(14), np.log(44))))
    )
    return PageStyle(
        width=round(min(900, max(160, cap * 26))),
        height=round(min(300, max(56, cap * 11))),
        cap_px=(cap * 0.85, cap * 1.18),
        blocks=(3, 7),
        name_share=0.5,
        centre_first=True,
        turned_share=0.0,
    )


def reader_batch(*, seed: int, index: int, size: int, fonts: FontSet, texts: NameTexts) -> ReaderBatch:
    """Render batch ``index`` of the reader's training data: every line of as many strips as it takes."""
    rng = random.Random(f"{seed}:{index}")  # noqa: S311
    samples: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    number = 0
    while len(samples) < _WINDOWS * size:
        style = strip_style(rng)
        page = render_page(seed=seed, index=index * 1000 + number, fonts=fonts, texts=texts, style=style)
        number += 1
        for line in page.lines:
            if (
                line.edges[-1] > 4
                and line.edges[0] < style.width - 4
                and line.top > -0.2 * line.cap_px
                and line.baseline < style.height + 0.1 * line.cap_px
            ):
                samples.extend(_read_sample(page, line, rng) for _ in range(_WINDOWS))
    # In the order they were drawn in: see networks.NeighboursContext.
    samples = [samples[number] for number in sorted(rng.sample(range(len(samples)), size))]
    lines, classes, weights = zip(*samples, strict=True)
    return ReaderBatch(np.stack(lines)[..., None], np.stack(classes), np.stack(weights))
