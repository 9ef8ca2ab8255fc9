"""Are real pictures judged the same when somebody saved, scaled or photographed them otherwise?

    python -m benchmarks.otherwise --pictures DIR [--model DIR] [--ways "0.6 x,turned 3"]

Each labelled picture is scaled, compressed, shown light for dark, turned, or seen from one side; its labels move along.
What the product has been looked at with while it was made is a small set: this says how much of what it does there is
luck. Text that a way makes too small to read counts as missed all the same.
"""

from __future__ import annotations

import argparse
import io
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np
from PIL import Image, ImageFilter, ImageOps, ImageStat

from benchmarks import manifest
from benchmarks.scoring import PageScore, score_pages
from benchmarks.systems import found_by, white
from benchmarks.worker import Result, images_beside
from elasticache_police import Police

if TYPE_CHECKING:
    from benchmarks.manifest import Truth

__all__ = ["WAYS", "Way", "jpeg", "scaled", "seen_askew", "turned", "written_otherwise"]


@attrs.frozen(eq=False)
class Way:
    """What is done to a picture."""

    picture: Callable[[Image.Image], Image.Image]
    places: Callable[[int, int], np.ndarray] = lambda _width, _height: np.eye(3)
    """Given width and height of the original: the homography (3, 3) from its pixels to those of the result."""


def scaled(by: float) -> Way:
    """Make a picture smaller or larger."""

    def resized(image: Image.Image) -> Image.Image:
        size = (max(1, round(image.width * by)), max(1, round(image.height * by)))
        return image.resize(size, Image.Resampling.LANCZOS)

    return Way(resized, lambda _width, _height: np.diag([by, by, 1.0]))


def jpeg(quality: int) -> Way:
    """Compress a picture."""

    def compressed(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer).convert("RGB")

    return Way(compressed)


def _warped(places: Callable[[int, int], np.ndarray]) -> Way:
    """Show a picture through a homography, on ground of its own median colour."""

    def picture(image: Image.Image) -> Image.Image:
        back = np.linalg.inv(places(*image.size))
        ground = tuple(int(value) for value in ImageStat.Stat(image).median)
        coefficients = (back / back[2, 2]).ravel()[:8].tolist()
        method = Image.Transform.PERSPECTIVE
        return image.transform(image.size, method, coefficients, Image.Resampling.BICUBIC, fillcolor=ground)

    return Way(picture, places)


def turned(degrees: float) -> Way:
    """Turn a picture clockwise around its middle; its corners are lost."""

    def places(width: int, height: int) -> np.ndarray:
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        x, y = width / 2, height / 2
        return np.array([[cos, -sin, x - cos * x + sin * y], [sin, cos, y - sin * x - cos * y], [0, 0, 1]])

    return _warped(places)


def seen_askew(share: float) -> Way:
    """See a picture from its left: its right edge is less high, by a share of its height at the top and the bottom."""

    def places(width: int, height: int) -> np.ndarray:
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
        seen = corners + np.array([[0, 0], [0, share * height], [0, -share * height], [0, 0]])
        rows = []
        for (x, y), (u, v) in zip(corners, seen, strict=True):
            rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        solved = np.linalg.solve(np.array(rows), seen.ravel())
        return np.append(solved, 1.0).reshape(3, 3)

    return _warped(places)


WAYS: dict[str, Way] = {
    "as it is": Way(lambda image: image),
    "0.6 x": scaled(0.6),
    "0.8 x": scaled(0.8),
    "1.3 x": scaled(1.3),
    "2 x": scaled(2.0),
    "JPEG 35": jpeg(35),
    "blurred": Way(lambda image: image.filter(ImageFilter.GaussianBlur(0.7))),
    "light for dark": Way(ImageOps.invert),
    "turned 1.5": turned(1.5),
    "turned -3": turned(-3.0),
    "turned 5": turned(5.0),
    "seen askew 0.05": seen_askew(0.05),
    "seen askew 0.1": seen_askew(0.1),
}


def written_otherwise(truth: Truth, way: Way) -> Truth:
    """Return the truth about a picture after something was done to it."""
    places = way.places(truth["width"], truth["height"])

    def moved(box: list[float]) -> list[float]:
        x0, y0, x1, y1 = box
        corners = places @ np.array([[x0, x1, x1, x0], [y0, y0, y1, y1], [1, 1, 1, 1]])
        x, y = corners[:2] / corners[2]
        return [float(x.min()), float(y.min()), float(x.max()), float(y.max())]

    occurrences = [
        manifest.Occurrence(text=one["text"], word=one["word"], verdict=one["verdict"], box=moved(one["box"]))
        for one in truth["occurrences"]
    ]
    return {**truth, "occurrences": occurrences}


def _answers(police: Police, pictures: Iterable[Image.Image]) -> Iterator[Result]:
    for picture in pictures:
        yield Result(sha256="", version="", wall_ms=0.0, cpu_ms=0.0, findings=found_by(police, picture))


def _row(name: str, score: PageScore) -> str:
    total = score.total
    return (
        f"| {name} | {total.hits} of {total.hits + total.misses} | {total.false_alarms} "
        f"| {total.right_seen} of {total.right_seen + total.right_missed + _accused(score)} "
        f"| {score.identifiers_flagged} of {score.identifiers} |"
    )


def _accused(score: PageScore) -> int:
    return sum(miss.truth != "(nothing)" for miss in score.false_alarms)


def main() -> None:
    """Print a row for each way."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--pictures", type=Path, required=True, help="a folder with labelled pictures")
    parser.add_argument("--model", type=Path, help="a model directory; the packaged one when not given")
    parser.add_argument("--ways", default=",".join(WAYS), help="names of ways, with commas between")
    options = parser.parse_args()
    ways = options.ways.split(",")
    if unknown := sorted(set(ways) - set(WAYS)):
        parser.error(f"no way {', '.join(unknown)}; there are {', '.join(WAYS)}")
    police = Police() if options.model is None else Police.from_model(options.model)
    truths = manifest.read(options.pictures / "manifest.jsonl")
    folder = images_beside(options.pictures / "manifest.jsonl")
    print(
        "| pictures | misspelled found | false alarms | right names seen | identifiers flagged |\n|---|---|---|---|---|"
    )
    for name in ways:
        way = WAYS[name]
        pictures = (way.picture(white(folder / truth["file"])) for truth in truths)
        score = score_pages([written_otherwise(truth, way) for truth in truths], list(_answers(police, pictures)))
        print(_row(name, score), flush=True)
        for what, misses in (("missed", score.misses), ("false alarm", score.false_alarms)):
            for miss in misses:
                print(f"  {what}: {miss.file}: {miss.truth}, said {miss.said}", flush=True)


if __name__ == "__main__":
    main()
