"""Is a name that is spelled right on a real picture found once its letters are moved about?

    python -m benchmarks.altered --pictures DIR [--model DIR] [--sheet altered.png]

Real pictures hold few misspellings, so this makes some of their own letters: where the labels say that a name is right,
and its eleven letters stand apart, one is dropped, doubled, exchanged, put elsewhere, or the name is parted. Letters,
size and surroundings stay the picture's own. Each way is tried on every picture, and the table says how
many were found, taken for right, left without a verdict of enough confidence, or not seen.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import numpy as np
from PIL import Image

from benchmarks import manifest
from elasticache_police.findings import Finding, Verdict
from elasticache_police.imaging import open_pages, to_grey
from elasticache_police.runtime import Runtime

NAME = "ElastiCache"
WORDS = """
ElasticCache|Elasticache|Elasticcache|Elastic Cache|Elasti Cache|Elastic cache|EasticCache|ElstiCache|ElasiCache
|ElastCache|ElastiCahe|ElastiCach|EllastiCache|ElasttiCache|ElastiiCache|ElastiCachee|ElastiCaches|ElsatiCache
|ElastiCahce|ElasticaChe|ElastiCashe|ElastiCacha|ElestiCache
""".replace("\n", "").split("|")
ROOM = 0.25
"""Above and below the capitals, in their heights: what of the line is moved along."""
SPACE = 0.36
"""Breadth of a space, in heights of capitals."""
INK = 0.22
"""Share of the strongest column from which a column holds a letter's ink."""
GAP = 0.6
"""Least distance from what is written to what stands beside it, in heights of capitals: words stay apart."""
SMOOTH = 12
"""Greys that plain ground may differ by."""


@attrs.frozen(eq=False)
class Name:
    """A name on a page whose letters stand apart."""

    x0: int
    y0: int
    x1: int
    y1: int
    cap_px: float
    ground: float
    letters: tuple[np.ndarray, ...]
    """Eleven strips, float (H, W), each with half of the gaps beside it."""


def find_letters(grey: np.ndarray, box: Sequence[int]) -> Name | None:
    """Return a name's letters; None where they touch or the ground behind them is not plain.

    Args:
        grey: uint8 (H, W).
        box: x0, y0, x1, y1 around the name, from the top of its capitals to the baseline.
    """
    cap = float(box[3] - box[1])
    y0, y1 = max(0, round(box[1] - ROOM * cap)), min(grey.shape[0], round(box[3] + ROOM * cap))
    x0, x1 = max(0, round(box[0])), min(grey.shape[1], round(box[2]))
    strip = grey[y0:y1, x0:x1].astype(float)
    if not strip.size:
        return None
    ground = float(np.median(strip))
    ink = np.abs(strip - ground)
    columns = ink.max(axis=0)
    edges = np.flatnonzero(np.diff(np.r_[False, columns > INK * columns.max(), False].astype(int)))
    starts, stops = edges[::2], edges[1::2]
    if np.median(ink) > SMOOTH / 2 or len(starts) != len(NAME):
        return None
    cuts = [max(0, int(starts[0]) - 1), *((stops[:-1] + starts[1:]) // 2).tolist(), min(x1 - x0, int(stops[-1]) + 1)]
    letters = tuple(strip[:, a:b] for a, b in itertools.pairwise(cuts))
    return Name(x0 + cuts[0], y0, x0 + cuts[-1], y1, cap, ground, letters)


def _written(name: Name, word: str) -> np.ndarray:
    """Return a word in the letters of a name, float (H, W)."""
    letters = dict(zip("ElastiC", name.letters[:7], strict=True)) | dict(zip("che", name.letters[8:], strict=True))
    space = np.full((len(letters["E"]), max(2, round(SPACE * name.cap_px))), name.ground)
    parts = [space if letter == " " else letters[letter] for letter in word]
    return np.hstack(parts)


def alter(grey: np.ndarray, name: Name, word: str) -> tuple[int, int, int, int]:
    """Write a word over a name, in its own letters; narrower where there is no room beside it.

    Args:
        grey: uint8 (H, W), changed.
        name: Where and in what letters.
        word: What to write, of the letters of the name and spaces.

    Returns:
        Its box.
    """
    written = _written(name, word)
    height, width = written.shape
    room, gap = name.x1 - name.x0, round(GAP * name.cap_px)
    while room < width and name.x0 + room + gap < grey.shape[1]:
        beside = grey[name.y0 : name.y1, name.x0 + room : name.x0 + room + gap].astype(float)
        if np.abs(beside - name.ground).max() > SMOOTH:
            break
        room += 1
    greys = Image.fromarray(np.clip(written, 0, 255).astype(np.uint8))
    if width > room:
        greys = greys.resize((room, height), Image.Resampling.BICUBIC)
    width = greys.width
    grey[name.y0 : name.y1, name.x0 : max(name.x1, name.x0 + width)] = round(name.ground)
    grey[name.y0 : name.y1, name.x0 : name.x0 + width] = np.asarray(greys)
    return name.x0, name.y0, name.x0 + width, name.y1


def outcome(findings: Sequence[Finding], box: Sequence[int], least: float) -> tuple[str, str]:
    """Return what became of an altered name, and what was read."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    for finding in findings:
        x0, y0, x1, y1 = finding.box
        if x0 < x < x1 and y0 < y < y1:
            if finding.verdict is Verdict.CORRECT:
                return "taken for right", finding.reading
            return ("found" if finding.confidence >= least else "unsure"), finding.reading
    return "not seen", ""


def _names(pictures: Path, model: Runtime) -> Iterator[tuple[str, np.ndarray, list[Name]]]:
    for truth in manifest.read(pictures / "manifest.jsonl"):
        if not any(occurrence["verdict"] == "correct" for occurrence in truth["occurrences"]):
            continue
        grey = to_grey(next(iter(open_pages(pictures / "images" / truth["file"]))))
        # The product's boxes, which keep to the letters; the labels' are drawn by hand.
        right = [finding for finding in model.inspect_page(grey) if finding.reading == NAME]
        names = [name for name in (find_letters(grey, finding.box) for finding in right) if name is not None]
        if names:
            yield truth["file"], grey, names


def main() -> None:
    """Print a row for each way."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--pictures", type=Path, required=True, help="a folder with labelled pictures")
    parser.add_argument("--model", type=Path, help="a model directory; the packaged one when not given")
    parser.add_argument("--sheet", type=Path, help="a picture of those that were not found")
    options = parser.parse_args()
    model = Runtime.load(options.model)
    counts: dict[str, collections.Counter[str]] = {word: collections.Counter() for word in WORDS}
    missed: list[np.ndarray] = []
    for file, grey, names in _names(options.pictures, model):
        for word in WORDS:
            changed = grey.copy()
            boxes = [alter(changed, name, word) for name in names]
            findings = model.inspect_page(changed)
            for box in boxes:
                what, reading = outcome(findings, box, model.default_min_confidence)
                counts[word][what] += 1
                if what != "found":
                    print(f"{file}: {word} {what}, read {reading!r}", file=sys.stderr)
                    missed.append(changed[box[1] : box[3], box[0] : box[2]])
    columns = ("found", "unsure", "taken for right", "not seen")
    total = sum(counts.values(), collections.Counter())
    print(f"| written | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for word, count in [*counts.items(), (f"all {total.total()}", total)]:
        print(f"| {word} | {' | '.join(str(count[column]) for column in columns)} |")
    if options.sheet is not None and missed:
        from elasticache_police.dataset.writing import contact_sheet

        contact_sheet([Image.fromarray(one) for one in missed], columns=4).save(options.sheet)


if __name__ == "__main__":
    main()
