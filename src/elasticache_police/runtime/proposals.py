"""From the finder's cells to places on a page where a name, or a line of text, may stand."""

from __future__ import annotations

import math

import attrs
import numpy as np

__all__ = ["Proposal", "apart", "lines_of_text", "names", "overlap_of", "without_repeats"]

STRIDE = 8
SIDE_PX = 32.0
HEIGHT_PX = 8.0
MIN_CAP_PX = 4.0
COARSE_CAP_PX = 6.0
"""Least height of a name's capitals at every level but the first: what seems smaller there is of the height that the
finder sees best, 8 to 12 pixels, at the level before. What it takes for names here are mostly other words, too small to
be told from them."""
LINE_CAP_PX = (6.3, 14.5)
"""Heights of capitals at which a level tells of lines of text: of smaller ones, smaller even than they seem, the level
before tells more, of taller ones the next."""
SAME_PLACE = 0.4
"""Intersection over union above which cells of one level point at the same place."""
REPEAT = 0.45
"""Intersection over union above which a place was seen at another level before."""


@attrs.frozen
class Proposal:
    """A place on the page, in its pixels: capitals reach from y0 to the baseline y1."""

    score: float
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def cap_px(self) -> float:
        """Height of capitals."""
        return self.y1 - self.y0

    def moved(self, by: float) -> Proposal:
        """Return the place moved right and down by some pixels."""
        return attrs.evolve(self, x0=self.x0 + by, y0=self.y0 + by, x1=self.x1 + by, y1=self.y1 + by) if by else self


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


def _geometry(cells: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return (M, 4): x0, y0, x1, y1 of some cells in pixels of their level."""
    cx = columns * STRIDE + STRIDE / 2
    cy = rows * STRIDE + STRIDE / 2
    picked = cells[rows, columns]
    return np.stack(
        [
            cx - picked[:, 2] * SIDE_PX,
            cy - picked[:, 4] * HEIGHT_PX,
            cx + picked[:, 3] * SIDE_PX,
            cy + picked[:, 5] * HEIGHT_PX,
        ],
        axis=1,
    )


def names(cells: np.ndarray, *, scale: float, threshold: float, below: float = math.inf) -> list[Proposal]:
    """Return where the finder sees a name at one level of the pyramid.

    Cells that point at the same place are averaged, weighted by their scores.

    Args:
        cells: float32 (H/8, W/8, 6), the finder's answer.
        scale: Page pixels per pixel of the level.
        threshold: Least score, 0..1.
        below: Cells that score so much do not count.
    """
    scores = _sigmoid(cells[..., 0])
    rows, columns = np.nonzero((scores >= threshold) & (scores < below))
    if not len(rows):
        return []
    boxes = _geometry(cells, rows, columns)
    heights = boxes[:, 3] - boxes[:, 1]
    like_words = (heights >= MIN_CAP_PX) & (boxes[:, 2] - boxes[:, 0] > heights)
    weights, boxes = scores[rows, columns][like_words], boxes[like_words]
    out: list[Proposal] = []
    while len(weights):
        best = int(weights.argmax())
        same = overlap_of(boxes[best], boxes) > SAME_PLACE
        same[best] = True
        mean = (boxes[same] * weights[same, None]).sum(axis=0) / weights[same].sum()
        if scale == 1 or mean[3] - mean[1] >= COARSE_CAP_PX:
            x0, y0, x1, y1 = (float(edge) * scale for edge in mean)
            out.append(Proposal(float(weights[best]), x0, y0, x1, y1))
        weights, boxes = weights[~same], boxes[~same]
    return out


def overlap_of(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return intersection over union of one box with others."""
    wide = np.minimum(box[2], boxes[:, 2]) - np.maximum(box[0], boxes[:, 0])
    tall = np.minimum(box[3], boxes[:, 3]) - np.maximum(box[1], boxes[:, 1])
    common = np.clip(wide, 0, None) * np.clip(tall, 0, None)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    own = (box[2] - box[0]) * (box[3] - box[1])
    return np.asarray(common / np.maximum(1e-6, area + own - common))


def without_repeats(proposals: list[Proposal], *, limit: int) -> list[Proposal]:
    """Drop proposals of other levels for the same place, and all but the best ``limit``."""
    ordered = sorted(proposals, key=lambda proposal: -proposal.score)
    boxes = np.array([[p.x0, p.y0, p.x1, p.y1] for p in ordered]).reshape(-1, 4)
    return [ordered[i] for i in apart(boxes, overlap=REPEAT, limit=limit)]


def apart(boxes: np.ndarray, *, overlap: float, limit: int) -> list[int]:
    """Return which of some boxes are left when each takes the place of those after it that it overlaps.

    Args:
        boxes: (N, 4), best first.
        overlap: Intersection over union above which two are of the same place.
        limit: So many are left at most.
    """
    kept: list[int] = []
    for i in range(len(boxes)):
        if len(kept) == limit:
            break
        if not kept or overlap_of(boxes[i], boxes[kept]).max() <= overlap:
            kept.append(i)
    return kept


def lines_of_text(cells: np.ndarray, *, scale: float, threshold: float) -> list[Proposal]:
    """Return the lines of text the finder sees at one level: runs of text cells that agree on their height.

    Args:
        cells: float32 (H/8, W/8, 6), the finder's answer.
        scale: Page pixels per pixel of the level.
        threshold: Least score, 0..1.
    """
    scores = _sigmoid(cells[..., 1])
    rows, columns = np.nonzero(scores >= threshold)
    boxes = _geometry(cells, rows, columns)
    runs: list[list[int]] = []
    open_runs: list[list[int]] = []
    order = np.lexsort((rows, columns))
    for i in order:
        x, top, bottom = columns[i], boxes[i, 1], boxes[i, 3]
        if bottom - top < MIN_CAP_PX:
            continue
        open_runs = [run for run in open_runs if x - columns[run[-1]] <= 2]
        home = None
        for run in open_runs:
            last = run[-1]
            common = min(bottom, boxes[last, 3]) - max(top, boxes[last, 1])
            if common > 0.55 * max(bottom - top, boxes[last, 3] - boxes[last, 1]):
                home = run
                break
        if home is None:
            home = []
            runs.append(home)
            open_runs.append(home)
        home.append(int(i))
    out = []
    for run in runs:
        if len({int(columns[i]) for i in run}) < 2:
            continue
        top, bottom = float(np.median(boxes[run, 1])), float(np.median(boxes[run, 3]))
        x0 = float(columns[run].min() * STRIDE)
        x1 = float((columns[run].max() + 1) * STRIDE)
        if scale > 1 and bottom - top < LINE_CAP_PX[0]:
            continue
        score = float(scores[rows[run], columns[run]].mean())
        if bottom - top > LINE_CAP_PX[1]:
            score /= 2
        out.append(Proposal(score, x0 * scale, top * scale, x1 * scale, bottom * scale))
    return out
