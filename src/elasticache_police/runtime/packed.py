"""A place that a deployed model read, small enough to travel: what ``looks_bytes`` of the ``inspect`` signature holds.

The graph cannot run the rules of spelling, and its frames are large as JSON. So for every place it answers a small PNG
with the place and, for each look at it, the likeliest classes of every frame; here that becomes frames again, and
:mod:`elasticache_police.runtime.judging` judges them as it judges those of a model in this process.

The PNG, 8-bit grey: its first row begins with sixteen little-endian numbers of four bytes, float score, x0, y0, x1, y1
and integer width and height of the picture looked at, frames of the three looks, and how that picture lies on the page:
0 for the page itself, else a turn of :mod:`elasticache_police.runtime.turned`, that part's x0, y0, x1, y1, and the tilt
of a tilted page. Then, for each look, come rows of one pixel per frame: :data:`KEPT` rows with the likeliest classes,
likeliest first; as many rows with the upper and as many with the lower bytes of float16 numbers, the first of them the
probability of all classes that are not listed, the others that of the class in the same row. What is left to 1 is the
likeliest's: near 1 a float16 would be too coarse. A place whose first look shows nothing like a name has no frames for
the others.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs
import numpy as np

from elasticache_police.errors import ModelFileError
from elasticache_police.findings import Finding
from elasticache_police.runtime.alphabet import BLANK, CLASSES
from elasticache_police.runtime.judging import LOOKS, Sighting, distinct, turned
from elasticache_police.runtime.proposals import Proposal
from elasticache_police.runtime.stacked import judge_places
from elasticache_police.runtime.tilted import TILTED
from elasticache_police.runtime.turned import CHANNELS, FLOORS, Region

__all__ = ["HEADER_BYTES", "KEPT", "LEAST", "LEAST_OF_THE_REST", "PackedPlace", "findings_from_outputs", "unpack"]

KEPT = 5
"""Classes listed for each frame."""
LEAST = 1e-4
"""Probabilities of classes below this are not listed."""
LEAST_OF_THE_REST = 3e-5
"""The probability of all that is not listed is kept down to here: over the hundred frames of a line it adds up."""
_HEADER = np.dtype([("place", "<f4", 5), ("size", "<i4", 2), ("frames", "<i4", len(LOOKS)), ("region", "<i4", 6)])
HEADER_BYTES = _HEADER.itemsize


@attrs.frozen(kw_only=True, eq=False)
class PackedPlace:
    """A place on a page and how a deployed model read it."""

    proposal: Proposal
    width: int
    """Pixels of the page, or of the upright part of it that was looked at."""
    height: int
    """Pixels of the same."""
    region: Region | None
    """The part of the page, when its text is turned."""
    frames: tuple[np.ndarray, ...]
    """For each look float32 (T, CLASSES), each row a distribution; one row that says nothing for a look not taken."""


def unpack(looks_bytes: bytes) -> PackedPlace:
    """Return what an element of ``looks_bytes`` holds.

    Raises:
        ModelFileError: It is no such thing: the model behind the endpoint is of another make.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(looks_bytes), formats=["PNG"]) as picture:
            pixels = np.asarray(picture.convert("L"))
        header = np.frombuffer(pixels[0, :HEADER_BYTES].tobytes(), _HEADER)[0]
        counts = [int(count) for count in header["frames"]]
    except (OSError, ValueError, IndexError) as error:
        raise ModelFileError(_STRANGE) from error
    sound = pixels.shape[0] == 1 + 3 * KEPT * len(LOOKS) and 0 <= min(counts) <= max(counts) <= pixels.shape[1]
    if not sound or int(header["region"][0]) not in {0, *CHANNELS, *FLOORS, TILTED}:
        raise ModelFileError(_STRANGE)
    looks = np.split(pixels[1:], len(LOOKS))
    width, height = (int(side) for side in header["size"])
    score, x0, y0, x1, y1 = (float(value) for value in header["place"])
    return PackedPlace(
        proposal=Proposal(score, x0, y0, x1, y1),
        width=width,
        height=height,
        region=Region(*(int(value) for value in header["region"])) if header["region"][0] else None,
        frames=tuple(_frames(look[:, :count]) for look, count in zip(looks, counts, strict=True)),
    )


_STRANGE = "the endpoint's answer holds no places as this version packs them; export and deploy the model again"


def _frames(look: np.ndarray) -> np.ndarray:
    """Return distributions, float32 (T, CLASSES), from the rows of one look."""
    if not look.shape[1]:
        return np.eye(1, CLASSES, BLANK, np.float32)
    classes, upper, lower = (rows.T.astype(np.uint16) for rows in np.split(look, 3))
    listed = (upper << 8 | lower).view(np.float16).astype(np.float32)
    if int(classes.max()) >= CLASSES:
        raise ModelFileError(_STRANGE)
    frames = np.repeat(listed[:, :1] / np.float32(CLASSES), CLASSES, axis=1)
    listed[:, 0] = np.clip(1 - listed.sum(axis=1), 0, 1)
    # A class that is not listed is written as class 0 with probability 0, so this adds rather than sets.
    np.add.at(frames, (np.arange(len(frames))[:, np.newaxis], classes), listed)
    return frames


def findings_from_outputs(outputs: Mapping[str, object], names: Sequence[str]) -> tuple[Finding, ...]:
    """Judge one page as the ``inspect`` signature of a deployed model answered it.

    Args:
        outputs: One element of ``predictions``, as parsed from JSON: ``looks_bytes`` is a list of ``{"b64": "..."}``,
            of base64 texts, or of bytes; what pads it is empty. The other outputs are not needed.
        names: The names to police, among those that the model was made for.

    Returns:
        What :meth:`elasticache_police.runtime.Runtime.inspect_page` returns for the same page.

    Raises:
        ModelFileError: The answer is not one of a model of ours.
    """
    looks = outputs.get("looks_bytes")
    if isinstance(looks, np.ndarray):
        looks = looks.tolist()
    if not isinstance(looks, Iterable) or isinstance(looks, str | bytes):
        raise ModelFileError(_STRANGE)
    contents = [_bytes(item) for item in looks]

    pictures: dict[tuple[Region | None, int, int], list[PackedPlace]] = {}
    for place in (unpack(content) for content in contents if content):
        pictures.setdefault((place.region, place.width, place.height), []).append(place)

    def sightings() -> Iterator[Sighting]:
        for (region, width, height), places in pictures.items():
            seen = judge_places(
                [(place.proposal, place.frames.__getitem__) for place in places],
                width=width,
                height=height,
                names=names,
            )
            yield from seen if region is None else turned(seen, region)

    return distinct(sightings())


def _bytes(item: object) -> bytes:
    if isinstance(item, bytes):
        return item
    text = item.get("b64") if isinstance(item, Mapping) else item
    if not isinstance(text, str):
        raise ModelFileError(_STRANGE)
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ModelFileError(_STRANGE) from error
