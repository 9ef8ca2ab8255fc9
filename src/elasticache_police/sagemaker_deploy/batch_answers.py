"""The answers of a batch transform job, read back from S3 as reports."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from elasticache_police import _wire
from elasticache_police._aws import Clients, Request, read_body
from elasticache_police.errors import InvocationError, NotFoundError
from elasticache_police.findings import Page, Report
from elasticache_police.sagemaker_deploy._validators import split_s3_url
from elasticache_police.spelling import DEFAULT_NAME

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_s3 import S3Client

    from elasticache_police._aws import JsonValue

__all__ = ["read_answers", "read_batch"]

_HEADER_BYTES = 65_536


def read_batch(
    input_url: str,
    output_url: str,
    *,
    names: Sequence[str] = (DEFAULT_NAME,),
    min_confidence: float = 0.0,
    client: S3Client | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> Iterator[Report]:
    """Read the answers of a job, lazily, as reports in the order of the pictures' keys.

    Args:
        input_url: The job's ``s3://bucket/prefix`` of pictures.
        output_url: The job's ``s3://bucket/prefix`` of answers.
        names: The names that the model polices.
        min_confidence: Findings with less confidence are left out.
        client: S3 client; wins over `session`.
        session: boto3 session.
        config: botocore settings.

    Yields:
        One report for each picture; with an error where there is no answer to it.

    Raises:
        AwsError: AWS refused.
    """
    clients = Clients(clients=None if client is None else {"s3": client}, session=session, config=config)
    missing = "batch transform left no answer for it; the job's FailureReason and its log say why"
    return read_answers(clients, input_url, output_url, names, min_confidence, missing=missing)


def read_answers(
    clients: Clients, input_url: str, output_url: str, names: Sequence[str], min_confidence: float, *, missing: str
) -> Iterator[Report]:
    """Read answers as :func:`read_batch` does, with `missing` as the error of a picture that has none."""
    bucket, prefix = split_s3_url(input_url)
    out_bucket, out_prefix = split_s3_url(output_url)
    for key in _pictures(clients, bucket, prefix, out_prefix if out_bucket == bucket else None):
        source = f"s3://{bucket}/{key}"
        try:
            answer = _object(clients, out_bucket, _answer_key(key, prefix, out_prefix))
        except NotFoundError:
            yield Report(source=source, error=missing)
            continue
        try:
            (prediction,) = _wire.predictions_of(answer, count=1)
            found = _wire.findings_of(prediction, names=names)
        except InvocationError as error:
            yield Report(source=source, error=str(error))
            continue
        width, height = _size(clients, bucket, key)
        sure = tuple(finding for finding in found if finding.confidence >= min_confidence)
        yield Report(source=source, pages=(Page(width=width, height=height, findings=sure),))


def _answer_key(key: str, prefix: str, out_prefix: str) -> str:
    """Return the key of the answer to a picture."""
    base = prefix if prefix.endswith("/") else prefix.rpartition("/")[0]
    relative = key.removeprefix(base).lstrip("/")
    return f"{out_prefix.rstrip('/')}/{relative}.out".lstrip("/")


def _pictures(clients: Clients, bucket: str, prefix: str, out_prefix: str | None) -> Iterator[str]:
    """Yield the keys of a job's pictures, sorted as S3 sorts them, and not those of the answers among them.

    Args:
        clients: Ask AWS.
        bucket: The pictures' bucket.
        prefix: What their keys begin with.
        out_prefix: What the answers' keys begin with; None where they lie in another bucket.
    """
    keys = (key for key in _keys(clients, bucket, prefix) if not key.endswith("/"))
    if out_prefix is None:
        yield from keys
        return
    folder = f"{out_prefix.rstrip('/')}/".lstrip("/")
    same_place = f"{prefix.rstrip('/')}/".lstrip("/") == folder
    if not same_place and not prefix.startswith(folder):
        inside = folder.startswith(prefix)
        yield from (key for key in keys if not (inside and key.startswith(folder)))
        return
    listed = list(keys)  # answers may lie beside their pictures: only the picture that one belongs to gives it away
    answers = {_answer_key(key, prefix, out_prefix) for key in listed}
    if same_place:
        answers |= {f"{key}.out" for key in listed}
    yield from (key for key in listed if key not in answers)


def _keys(clients: Clients, bucket: str, prefix: str) -> Iterator[str]:
    """Yield the keys under a prefix, sorted as S3 sorts them."""
    token: JsonValue = None
    while True:
        more: dict[str, JsonValue] = {} if token is None else {"ContinuationToken": token}
        request = Request(
            service="s3", operation="ListObjectsV2", parameters={"Bucket": bucket, "Prefix": prefix, **more}
        )
        answer = clients.perform(request)
        for item in cast(Sequence[Mapping[str, object]], answer.get("Contents") or ()):
            yield str(item["Key"])
        token = cast(str | None, answer.get("NextContinuationToken"))
        if not token:
            return


def _object(clients: Clients, bucket: str, key: str, **more: JsonValue) -> bytes:
    request = Request(service="s3", operation="GetObject", parameters={"Bucket": bucket, "Key": key, **more})
    return read_body(clients.perform(request), "GetObject")


def _size(clients: Clients, bucket: str, key: str) -> tuple[int, int]:
    """Read a picture's width and height from its first bytes; (0, 0) when they do not tell."""
    from PIL import Image, UnidentifiedImageError

    header = _object(clients, bucket, key, Range=f"bytes=0-{_HEADER_BYTES - 1}")
    try:
        with Image.open(io.BytesIO(header)) as picture:
            return picture.size
    except (UnidentifiedImageError, OSError, SyntaxError):
        return 0, 0
