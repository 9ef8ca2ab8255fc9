"""Pictures as request bodies and answers as findings: what travels between a client and a SageMaker endpoint.

Every picture is brought to grey pixels here, by the one preprocessing of :mod:`elasticache_police.imaging`, and
travels as a picture in base64: a line of text is a few kB, where the same pixels as JSON numbers are 700. The story's
own request, nested lists of numbers, is there too (:func:`floats_body`).
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from elasticache_police.errors import InvocationError, ModelFileError, PayloadTooLargeError
from elasticache_police.findings import Classification, Finding, Verdict
from elasticache_police.spelling import DEFAULT_NAME, distance, kind_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

__all__ = [
    "REAL_TIME_LIMIT",
    "SERVERLESS_LIMIT",
    "LineForm",
    "Wire",
    "encode_line",
    "encode_page",
    "findings_of",
    "fit_into_batches",
    "floats_body",
    "picture_body",
    "predictions_of",
    "scores_of",
]

Wire: TypeAlias = Literal["base64", "floats"]
"""How lines travel: encoded pictures, or the story's nested lists of numbers."""

LineForm: TypeAlias = Literal["PNG", "WEBP"]
"""What an encoded line is."""

REAL_TIME_LIMIT = 6 * 1024 * 1024
"""Bytes of a real-time request (botocore's model of InvokeEndpoint)."""
SERVERLESS_LIMIT = 4 * 1024 * 1024
"""Bytes of a serverless request."""

_QUALITIES = (95, 90, 80)
_LINE_OPTIONS: Mapping[LineForm, Mapping[str, int]] = {
    "PNG": {"compress_level": 8},
    "WEBP": {"lossless": True, "method": 3, "quality": 50},  # more effort takes longer and finds nothing
}


def _picture(encoded: bytes) -> str:
    return f'{{"b64":"{base64.b64encode(encoded).decode("ascii")}"}}'


def picture_body(signature: str, encoded: Iterable[bytes]) -> bytes:
    """Build the body that asks a signature about encoded pictures, in TensorFlow Serving's row form.

    Args:
        signature: ``inspect`` or ``classify``.
        encoded: Files such as PNG and JPEG.
    """
    rows = ",".join(map(_picture, encoded))
    return f'{{"signature_name":"{signature}","instances":[{rows}]}}'.encode("ascii")


def floats_body(lines: npt.NDArray[np.uint8]) -> bytes:
    """Build the story's own body: the text of the nested list of ``(pixels - 127.5) / 127.5``.

    Args:
        lines: uint8 (N, 50, 700), grey.

    Returns:
        The text of a list (N, 50, 700, 1), about 700 kB for each line.
    """
    values = (lines - 127.5) / 127.5
    return str(values.reshape(*lines.shape, 1).tolist()).encode("ascii")


def encode_line(line: npt.NDArray[np.uint8], *, form: LineForm = "WEBP") -> bytes:
    """Return a grey line, uint8 (50, 700), as a picture that loses nothing.

    Args:
        line: What to encode.
        form: WebP takes a sixth fewer bytes, and no longer, than the best PNG; TensorFlow decodes it from 2.20 on.
    """
    file = io.BytesIO()
    _image(line).save(file, form, **_LINE_OPTIONS[form])
    return file.getvalue()


def encode_page(page: Image.Image, *, limit_bytes: int) -> bytes:
    """Return a page as a grey PNG, or as a JPEG when the PNG would not fit the limit.

    Args:
        page: Upright, opaque RGB pixels.
        limit_bytes: Bytes that a whole request may have.

    Raises:
        PayloadTooLargeError: No acceptable quality is small enough.
    """
    from elasticache_police.imaging import to_grey

    grey = _image(to_grey(page))
    fits = limit_bytes - len(picture_body("inspect", [b""]))
    encoded = _png(grey)
    for quality in _QUALITIES:
        if base64_size(encoded) <= fits:
            break
        encoded = _jpeg(grey, quality)
    if base64_size(encoded) > fits:
        raise PayloadTooLargeError(
            f"a page of {page.width} x {page.height} pixels is {base64_size(encoded):,} bytes on the way and"
            f" {limit_bytes:,} are allowed; scale it down, or ask an asynchronous endpoint, which takes 1 GB"
        )
    return encoded


def base64_size(encoded: bytes) -> int:
    """Return how many bytes base64 makes of some."""
    return 4 * -(-len(encoded) // 3)


def _image(grey: npt.NDArray[np.uint8]) -> Image.Image:
    from PIL import Image

    return Image.fromarray(grey)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=6)
    return file.getvalue()


def _jpeg(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def fit_into_batches(encoded: Sequence[bytes], *, limit_bytes: int, most: int) -> Iterator[Sequence[bytes]]:
    """Split encoded pictures, in order, into batches whose bodies fit the limit.

    Args:
        encoded: PNG or JPEG files.
        limit_bytes: Bytes that a whole request may have.
        most: Pictures in one request.
    """
    empty = len(picture_body("classify", []))
    batch: list[bytes] = []
    size = empty
    for picture in encoded:
        more = base64_size(picture) + len('{"b64":""},')
        if batch and (size + more > limit_bytes or len(batch) >= most):
            yield batch
            batch, size = [], empty
        batch.append(picture)
        size += more
    if batch:
        yield batch


def predictions_of(body: bytes, *, count: int) -> Sequence[object]:
    """Read ``{"predictions": [...]}``.

    Args:
        body: The answer.
        count: How many were asked for.

    Raises:
        InvocationError: The answer is no such thing.
    """
    try:
        answer = json.loads(body)
        predictions = answer["predictions"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unreadable(body) from error
    if not isinstance(predictions, list) or len(predictions) != count:
        raise _unreadable(body)
    return predictions


def _unreadable(body: bytes) -> InvocationError:
    shown = body[:200].decode("utf-8", "replace")
    return InvocationError(f"the endpoint answered something this package does not understand: {shown}")


def scores_of(predictions: Sequence[object]) -> list[Classification]:
    """Read scores, each a number or a list of one.

    Raises:
        InvocationError: They are something else.
    """
    return [_classification(prediction) for prediction in predictions]


def _classification(prediction: object) -> Classification:
    value = prediction[0] if isinstance(prediction, list) and len(prediction) == 1 else prediction
    if not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise InvocationError(f"a score in 0..1 was expected and the endpoint answered {str(prediction)[:200]}")
    score = float(value)
    return Classification(score=score, verdict=_verdict(score))


def _verdict(score: float) -> Verdict:
    return Verdict.CORRECT if score >= 0.5 else Verdict.MISSPELLED


def findings_of(prediction: object, *, names: Sequence[str] = (DEFAULT_NAME,)) -> tuple[Finding, ...]:
    """Read the answer of the ``inspect`` signature for one page.

    A model of ours also answers ``looks_bytes``, what it read at every place; these are judged by the very rules of the
    model in this process, so that both find the same. Of other models the boxes, scores and readings are taken.

    Args:
        prediction: ``{"boxes": ..., "scores": ..., "readings": ..., "count": ...}``, padded beyond ``count``.
        names: The names that the model polices; a finding is of the one its reading is nearest to.

    Returns:
        Findings top to bottom, then left to right.

    Raises:
        InvocationError: The answer is no such thing.
    """
    from elasticache_police.runtime.packed import findings_from_outputs

    try:
        fields = cast("Mapping[str, object]", prediction)
        if "looks_bytes" in fields:
            return findings_from_outputs(fields, names)
        count = _only(fields["count"])
        rows = zip(
            cast("list[list[int]]", fields["boxes"])[:count],
            cast("list[float]", fields["scores"])[:count],
            cast("list[str]", fields["readings"])[:count],
            strict=True,
        )
        found = [_finding(box, score, reading, names) for box, score, reading in rows]
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError, ModelFileError) as error:
        shown = str(prediction)[:200]
        raise InvocationError(f"the answer of the inspect signature was expected, not {shown}") from error
    return tuple(sorted(found, key=lambda finding: (finding.box[1], finding.box[0])))


def _only(count: object) -> int:
    """Read a number that is not negative, or a list of one.

    Raises:
        ValueError: It is negative.
    """
    number = int(cast("int", count[0] if isinstance(count, list) else count))
    if number < 0:
        raise ValueError(f"a count of {number}")
    return number


def _finding(box: Sequence[int], score: float, reading: str, names: Sequence[str]) -> Finding:
    x0, y0, x1, y1 = (int(edge) for edge in box)
    if not 0.0 <= score <= 1.0:
        raise ValueError(f"a score of {score}")
    verdict = _verdict(score)
    name = min(names, key=lambda known: distance(reading.lower(), known.lower()))
    return Finding(
        box=(x0, y0, x1, y1),
        verdict=verdict,
        score=float(score),
        reading=reading,
        kind=None if verdict is Verdict.CORRECT else kind_of(reading, name),
        name=name,
    )
