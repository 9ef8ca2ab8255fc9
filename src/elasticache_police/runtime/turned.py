"""Text that is not level: up or down as on the axis of a chart, along the floor of a drawing, or askew.

Where it is, how to look at it upright, and where on the page is what was seen there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
from PIL import Image

from elasticache_police.findings import Box
from elasticache_police.runtime import isometric, tilted
from elasticache_police.runtime.lines import median
from elasticache_police.runtime.proposals import STRIDE, Proposal, apart, overlap_of

__all__ = [
    "CHANNELS",
    "CLIMBS",
    "FALLS",
    "MARGIN_CELLS",
    "RUN_CELLS",
    "TURNED_EXTENT",
    "TURNED_THRESHOLD",
    "Region",
    "floors",
    "labels",
    "regions",
]

CLIMBS, FALLS = 1, 2
"""Reads from bottom to top; reads from top to bottom."""
CHANNELS = {CLIMBS: 6, FALLS: 7}
"""Of the finder's answer."""
FLOORS = (isometric.RISING, isometric.FALLING)
"""The directions of the floor of an isometric drawing, as turns."""
TURNED_THRESHOLD = 0.45
"""Least probability in some run of cells for text to be taken for turned."""
TURNED_EXTENT = 0.4
"""Least probability of the cells of all other runs, once there is one: they say how far the text reaches."""
TURNED_LEVELS = 2
"""So many levels of the pyramid, the finest first, tell of turned text: of letters up to 30 pixels."""
RUN_CELLS = 3
"""So many cells one above the other must agree: the shortest name is longer."""
MARGIN_CELLS = (2, 4)
"""What is looked at besides, across and along the text."""


@attrs.frozen
class Region:
    """A part of a page whose text is turned, in whole pixels; of an isometric drawing and a tilted page all of it."""

    turn: int
    x0: int
    y0: int
    x1: int
    y1: int
    tilt: int = 0
    """Of a tilted page or label, clockwise, in thousandths of a radian."""

    def of_page(self, label: Region) -> Region:
        """Return a tilted label of this part, which is turned by a quarter and was upright then, as one of the page."""
        tilt = label.tilt + (tilted.QUARTER if self.turn == FALLS else -tilted.QUARTER)
        return Region(label.turn, *self.on_page((label.x0, label.y0, label.x1, label.y1)), tilt)

    @property
    def _upright_size(self) -> tuple[int, int]:
        width, height = self.x1 - self.x0, self.y1 - self.y0
        if self.turn == tilted.TILTED:
            return tilted.upright_size(self.tilt, width, height)
        return isometric.upright_size(width, height)

    @property
    def _to_page(self) -> tuple[float, float, float, float, float, float]:
        width, height = self.x1 - self.x0, self.y1 - self.y0
        if self.turn == tilted.TILTED:
            return tilted.to_page(self.tilt, width, height)
        return isometric.to_page(self.turn, width, height)

    def upright(self, picture: Image.Image) -> Image.Image:
        """Return the part of a page, mode ``L``, turned so that its text reads from left to right."""
        part = picture.crop((self.x0, self.y0, self.x1, self.y1))
        if self.turn == CLIMBS:
            return part.transpose(Image.Transpose.ROTATE_270)
        if self.turn == FALLS:
            return part.transpose(Image.Transpose.ROTATE_90)
        return part.transform(
            self._upright_size,
            Image.Transform.AFFINE,
            self._to_page,
            Image.Resampling.BILINEAR,
            fillcolor=median(np.asarray(part)),
        )

    def on_page(self, box: Box) -> Box:
        """Return where a box of the upright part lies on the page."""
        u0, v0, u1, v1 = box
        if self.turn == CLIMBS:
            return self.x0 + v0, self.y1 - u1, self.x0 + v1, self.y1 - u0
        if self.turn == FALLS:
            return self.x1 - v1, self.y0 + u0, self.x1 - v0, self.y0 + u1
        a, b, c, d, e, f = self._to_page
        width, height = self.x1 - self.x0, self.y1 - self.y0
        corners = [(u, v) for u in (u0, u1) for v in (v0, v1)]
        x = [min(width, max(0.0, a * u + b * v + c)) for u, v in corners]
        y = [min(height, max(0.0, d * u + e * v + f)) for u, v in corners]
        return (
            self.x0 + math.floor(min(x)),
            self.y0 + math.floor(min(y)),
            self.x0 + math.ceil(max(x)),
            self.y0 + math.ceil(max(y)),
        )


def labels(
    levels: Sequence[tuple[np.ndarray, float]],
    places: Sequence[Proposal],
    weaker: Sequence[Proposal] = (),
    *,
    width: int,
    height: int,
    margin: int = 0,
) -> tuple[list[Proposal], list[Region]]:
    """Return which places lie askew, as a label beside an arrow does, and the surroundings to turn for them.

    Args:
        levels: See :func:`regions`.
        places: Where names may stand on the page, best first.
        weaker: More of them, less sure, which count where they are steep.
        width: Pixels of the page.
        height: Pixels of the page.
        margin: Pixels that the levels show around the page.
    """
    least = [tilted.LEAST_LABEL_TILT] * len(places) + [tilted.STEEP] * len(weaker)
    places = [*places, *weaker]
    askew: list[tuple[Proposal, Region]] = []
    for place, enough, tilt in zip(places, least, tilted.label_tilts(levels, places, margin=margin), strict=True):
        if enough <= abs(tilt) <= tilted.MOST_LABEL_TILT:
            askew.append((place, _surroundings(place, tilt, width=width, height=height)))
    boxes = np.array([[region.x0, region.y0, region.x1, region.y1] for _, region in askew], float).reshape(-1, 4)
    kept = apart(boxes, overlap=tilted.ONE_LABEL, limit=tilted.MOST_LABELS)
    # Beyond the limit a place is left to be read as it lies.
    turned = [
        place
        for (place, _), box in zip(askew, boxes, strict=True)
        if overlap_of(box, boxes[kept]).max() > tilted.ONE_LABEL
    ]
    return turned, [askew[i][1] for i in kept]


def _surroundings(place: Proposal, tilt: int, *, width: int, height: int) -> Region:
    """Return the part of a page around a label that lies askew."""
    along, across = tilted.LABEL_MARGIN_CAPS
    cos, sin = math.cos(tilt / 1000), abs(math.sin(tilt / 1000))
    long, tall = (place.x1 - place.x0) / 2 + along * place.cap_px, (0.5 + across) * place.cap_px
    x, y = (place.x0 + place.x1) / 2, (place.y0 + place.y1) / 2
    wide, high = cos * long + sin * tall, sin * long + cos * tall
    x0, y0 = max(0, math.floor(x - wide)), max(0, math.floor(y - high))
    x1, y1 = min(width, math.ceil(x + wide)), min(height, math.ceil(y + high))
    return Region(tilted.TILTED, x0, y0, x1, y1, tilt)


def floors(grey: np.ndarray) -> list[Region]:
    """Return the page twice, once for each direction of the floor, when it is an isometric drawing.

    Args:
        grey: uint8 (H, W).
    """
    height, width = grey.shape
    if not isometric.is_isometric(grey):
        return []
    return [Region(turn, 0, 0, width, height) for turn in FLOORS]


def regions(levels: Sequence[tuple[np.ndarray, float]], *, width: int, height: int, margin: int = 0) -> list[Region]:
    """Return where text climbs and where it falls: one region of each at most, around all of it.

    Args:
        levels: The finder's answer, float32 (H/8, W/8, 8), for every level of the pyramid, and page pixels per pixel
            of that level.
        width: Pixels of the page.
        height: Pixels of the page.
        margin: Pixels that the levels show around the page.
    """
    found = []
    for turn, channel in CHANNELS.items():
        seen = [(cells[..., channel], scale) for cells, scale in levels[:TURNED_LEVELS]]
        if not any(len(_runs(logits, TURNED_THRESHOLD)) for logits, _ in seen):
            continue
        boxes = [box for logits, scale in seen if (box := _extent(logits, scale)) is not None]
        x0, y0 = np.min(boxes, axis=0)[:2] - margin
        x1, y1 = np.max(boxes, axis=0)[2:] - margin
        found.append(Region(turn, max(0, int(x0)), max(0, int(y0)), min(width, int(x1)), min(height, int(y1))))
    return found


def _runs(logits: np.ndarray, threshold: float) -> np.ndarray:
    """Return row and column, int64 (N, 2), where upright runs of cells begin."""
    seen = logits >= np.log(threshold / (1 - threshold))
    count = max(0, len(seen) - RUN_CELLS + 1)
    return np.argwhere(np.logical_and.reduce([seen[i : i + count] for i in range(RUN_CELLS)]))


def _extent(logits: np.ndarray, scale: float) -> tuple[float, float, float, float] | None:
    """Return a box, in page pixels, around the cells that stand in upright runs; None when there is none."""
    rows, columns = _runs(logits, TURNED_EXTENT).T
    if not len(rows):
        return None
    across, along = MARGIN_CELLS
    unit = STRIDE * scale
    return (
        (float(columns.min()) - across) * unit,
        (float(rows.min()) - along) * unit,
        (float(columns.max()) + 1 + across) * unit,
        (float(rows.max()) + RUN_CELLS + along) * unit,
    )
