"""Page in, findings out: the finder over a pyramid of the page, the reader over each place it proposes."""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np
from PIL import Image, ImageOps

from elasticache_police.findings import Classification, Finding
from elasticache_police.runtime import proposals as place
from elasticache_police.runtime import tilted
from elasticache_police.runtime.classifying import classify
from elasticache_police.runtime.crops import crop_window
from elasticache_police.runtime.files import FINDER, PACKAGED, READER, Settings, read_settings
from elasticache_police.runtime.judging import LOOKS, Sighting, distinct, turned, window_of
from elasticache_police.runtime.lines import LineWindow, cut, median
from elasticache_police.runtime.reading import read, softmax
from elasticache_police.runtime.spots import places_in
from elasticache_police.runtime.stacked import judge_places
from elasticache_police.runtime.turned import Region, floors, labels, regions
from elasticache_police.spelling import check_name

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["Runtime"]

MAX_PLACES = 200
MIN_LEVEL_PX = 24
LEVELS = 5
TEXT_THRESHOLD = 0.5
SMALL_PX = 192
"""A picture less high or wide is small: it may be a word cut out just so, whose letters touch its edges."""
BAND_PX = 1 << 22
"""A larger picture goes through the finder in bands of so many pixels: it takes 38 bytes for each."""
FIELD_PX = 32
"""What the finder says of a cell rests on so many rows above and below it at most, and on no others."""
LEAST_MARGIN_PX = 8
"""The finder sees so much ground around a small picture, and three quarters of its side besides: what touches an edge
it hardly sees."""


Levels = list[tuple[np.ndarray, float]]
"""The finder's answer for every level of the pyramid, and page pixels per pixel of that level."""


class Runtime:
    """A model in this process. Safe to use from several threads.

    Args:
        directory: A model directory, see :mod:`elasticache_police.runtime.files`.
        names: The names to police; None for those the model was made for.

    Raises:
        ModelFileError: The directory is missing a part or damaged.
        ConfigurationError: A name cannot be policed.
    """

    def __init__(self, directory: Path, names: Sequence[str] | None = None) -> None:
        self._directory = directory
        self.settings: Settings = read_settings(directory)
        self.names = tuple(check_name(name) for name in names) if names else self.settings.names
        self._networks: dict[str, onnxruntime.InferenceSession] = {}
        self._loading = threading.Lock()
        self._reads_everything = not set(self.names) <= set(self.settings.names)

    @classmethod
    def load(cls, path: Path | None = None, names: Sequence[str] | None = None) -> Runtime:
        """Return the model of a directory, or the packaged one."""
        return cls(PACKAGED if path is None else path, names)

    @property
    def default_min_confidence(self) -> float:
        """Chosen on validation data when the model was made."""
        return self.settings.min_confidence

    @property
    def _finder(self) -> onnxruntime.InferenceSession:
        return self._network(FINDER)

    @property
    def _reader(self) -> onnxruntime.InferenceSession:
        return self._network(READER)

    def _network(self, file: str) -> onnxruntime.InferenceSession:
        """Return a network, loaded when it is first asked for, and once whoever asks."""
        if file not in self._networks:
            with self._loading:
                if file not in self._networks:
                    self._networks[file] = _session(self._directory / file)
        return self._networks[file]

    def inspect_page(self, grey: np.ndarray) -> tuple[Finding, ...]:
        """Return every finding on a page, top to bottom and left to right, however unsure.

        Args:
            grey: uint8 (H, W).
        """
        page = Image.fromarray(grey)
        levels = self._levels(page)
        lying = floors(grey)
        askew = None if lying else self._askew(page, levels)
        if askew is not None:
            return distinct(self._inside(page, askew))
        margin = margin_of(page)
        places = self._places(levels, margin)
        leaning, tilted_labels = ([], []) if lying else self._labels(page, levels, places)
        sightings = list(self._sightings(page, [one for one in places if one not in leaning]))
        for region in regions(levels, width=page.width, height=page.height, margin=margin):
            part, seen, there = self._part(page, region)
            sightings += turned(self._sightings(part, there), region)
            if not lying:  # what leans there is too steep to be seen as the page lies
                tilted_labels += [region.of_page(label) for label in self._labels(part, seen, there)[1]]
        for region in [*lying, *tilted_labels]:
            sightings += self._inside(page, region)
        return distinct(sightings)

    def _labels(
        self, page: Image.Image, levels: Levels, places: Sequence[place.Proposal]
    ) -> tuple[list[place.Proposal], list[Region]]:
        """Return which places of a page lie askew, and what to turn for them."""
        margin = margin_of(page)
        weaker = self._weaker(levels, margin, places)
        return labels(levels, places, weaker, width=page.width, height=page.height, margin=margin)

    def _askew(self, page: Image.Image, levels: Levels) -> Region | None:
        """Return how a tilted page becomes upright; None for a level one."""
        tilt = tilted.plausible(tilted.measured(levels))
        if not tilt:
            return None
        region = Region(tilted.TILTED, 0, 0, page.width, page.height, tilt)
        tilt = tilted.plausible(tilt + tilted.measured(self._levels(region.upright(page))))
        return attrs.evolve(region, tilt=tilt) if tilt else None

    def _inside(self, page: Image.Image, region: Region) -> Iterator[Sighting]:
        """Return what is seen in a part of a page once it is upright."""
        part, _, places = self._part(page, region)
        return turned(self._sightings(part, places), region)

    def _part(self, page: Image.Image, region: Region) -> tuple[Image.Image, Levels, list[place.Proposal]]:
        """Return a part of a page once it is upright, the finder's answer for it, and its places worth reading."""
        part = region.upright(page)
        levels = self._levels(part)
        return part, levels, self._places(levels, margin_of(part))

    def _sightings(self, picture: Image.Image, proposals: Sequence[place.Proposal]) -> Iterator[Sighting]:
        if self._reads_everything:
            proposals = [
                spot
                for line in proposals
                for spot in places_in(line, read(self._frames_of(picture, line, 0)), self.names)
            ]
        return judge_places(
            [(proposal, functools.partial(self._frames_of, picture, proposal)) for proposal in proposals],
            width=picture.width,
            height=picture.height,
            names=self.names,
        )

    def _levels(self, picture: Image.Image) -> Levels:
        """Return the finder's answer for every level of a picture, a small one with a margin around it."""
        levels: Levels = []
        level, scale = framed(picture), 1.0
        for _ in range(LEVELS):
            if min(level.size) < MIN_LEVEL_PX and scale > 1:
                break
            levels.append((self._cells(level), scale))
            level, scale = level.reduce(2), scale * 2
        return levels

    def _places(self, levels: Levels, margin: int) -> list[place.Proposal]:
        """Return the places worth reading, best first."""
        if self._reads_everything:
            found = [place.lines_of_text(cells, scale=scale, threshold=TEXT_THRESHOLD) for cells, scale in levels]
        else:
            least = self.settings.find_threshold
            found = [place.names(cells, scale=scale, threshold=least) for cells, scale in levels]
        best = place.without_repeats(list(itertools.chain(*found)), limit=MAX_PLACES)
        return [one.moved(-margin) for one in best]

    def _weaker(self, levels: Levels, margin: int, places: Sequence[place.Proposal]) -> list[place.Proposal]:
        """Return more places, best first, which are worth reading only where a label is steep."""
        if self._reads_everything:
            return []
        least = self.settings.find_threshold
        found = [
            place.names(cells, scale=scale, threshold=least * tilted.STEEP_SURE, below=least)
            for cells, scale in levels[: tilted.TILT_LEVELS]
        ]
        weaker = [one.moved(-margin) for one in itertools.chain(*found)]
        return place.without_repeats([*places, *weaker], limit=MAX_PLACES)[len(places) :]

    def _cells(self, level: Image.Image) -> np.ndarray:
        """Return the finder's answer for one level, its size rounded up to whole cells."""
        pixels = np.asarray(level)
        tall, wide = (-(-length // place.STRIDE) * place.STRIDE for length in pixels.shape)
        if (tall, wide) != pixels.shape:
            pixels = np.pad(pixels, ((0, tall - pixels.shape[0]), (0, wide - pixels.shape[1])), mode="edge")
        rows = max(BAND_PX // wide, 8 * FIELD_PX) // place.STRIDE * place.STRIDE
        return np.concatenate([self._band(pixels, top, min(top + rows, tall)) for top in range(0, tall, rows)])

    def _band(self, pixels: np.ndarray, top: int, bottom: int) -> np.ndarray:
        """Return the finder's answer for some rows of a level, from whole cell to whole cell."""
        first = max(top - FIELD_PX, 0)
        cells: np.ndarray = self._run(self._finder, pixels[None, first : bottom + FIELD_PX, :, None])[0]
        return cells[(top - first) // place.STRIDE : (bottom - first) // place.STRIDE]

    @staticmethod
    def _run(session: onnxruntime.InferenceSession, values: np.ndarray) -> np.ndarray:
        answer = session.run(None, {session.get_inputs()[0].name: values})[0]
        return np.asarray(answer, np.float32)

    def _frames_of(self, picture: Image.Image, proposal: place.Proposal, look: int) -> np.ndarray:
        return self._frames(picture, window_of(proposal, look))

    def _frames(self, picture: Image.Image, window: LineWindow) -> np.ndarray:
        """Return the reader's frames over a window of a page, float32 (T, CLASSES)."""
        logits = self._run(self._reader, cut(picture, window)[None, :, :, None])[0]
        return softmax(logits, self.settings.temperature)

    def classify_lines(self, lines: np.ndarray) -> list[Classification]:
        """Return the verdict on each classic crop.

        Args:
            lines: uint8 (N, 50, 700), grey.
        """
        return [self._classify(line) for line in lines]

    def _classify(self, line: np.ndarray) -> Classification:
        picture = Image.fromarray(line)
        window = crop_window(line)

        def frames(look: int) -> np.ndarray:
            return self._frames(picture, window if look == 0 else window.look(*LOOKS[look]))

        return classify(frames, self.names)


def margin_of(picture: Image.Image) -> int:
    """Return how much ground the finder sees around a picture: some around a small one, which may be a word alone."""
    side = min(picture.size)
    return side * 3 // 4 + LEAST_MARGIN_PX if side < SMALL_PX else 0


def framed(picture: Image.Image) -> Image.Image:
    """Return a picture, mode ``L``, with its margin of ground around it; the same picture where there is none."""
    margin = margin_of(picture)
    return ImageOps.expand(picture, margin, median(np.asarray(picture))) if margin else picture


def _session(path: Path) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
