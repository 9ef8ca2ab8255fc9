"""S3 places and the few things this package does there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from elasticache_police._aws import Clients, Request, translated
from elasticache_police._waiting import patiently
from elasticache_police.ecs_anywhere._read import Answer, children, flag, text
from elasticache_police.errors import ConfigurationError, NotFoundError

if TYPE_CHECKING:
    from botocore.response import StreamingBody

__all__ = [
    "AT_ONCE",
    "Place",
    "delete",
    "download",
    "download_prefix",
    "etag_of",
    "exists",
    "listing",
    "parse",
    "read",
    "upload",
    "write",
]

AT_ONCE = 10
"""Threads that read small objects: a client of boto3's keeps so many connections, and makes anew what goes beyond."""
_PIECE_BYTES = 1024 * 1024


@attrs.frozen
class Place:
    """A bucket and a key or prefix."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def __truediv__(self, part: str) -> Place:
        """Return the place below this one."""
        return Place(self.bucket, f"{self.key.rstrip('/')}/{part}".lstrip("/"))


def parse(uri: str, *, what: str = "an S3 URI") -> Place:
    """Read ``s3://bucket/key``.

    Raises:
        ConfigurationError: It is something else.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ConfigurationError(f"{what} is written as s3://BUCKET/KEY, not {uri!r}")
    return Place(bucket, key)


def _send(clients: Clients, operation: str, **parameters: object) -> Answer:
    return clients.perform(Request(service="s3", operation=operation, parameters=parameters))  # type: ignore[arg-type]


def listing(clients: Clients, place: Place) -> Iterator[Answer]:
    """Yield the objects whose keys begin with the place's key; bad moments of S3 are waited out."""
    more: dict[str, str] = {}
    while True:
        page = patiently(partial(_send, clients, "ListObjectsV2", Bucket=place.bucket, Prefix=place.key, **more))
        yield from children(page, "Contents")
        if not flag(page, "IsTruncated"):
            return
        more = {"ContinuationToken": text(page, "NextContinuationToken")}


def read(clients: Clients, place: Place, *, etag: str | None = None) -> bytes:
    """Return an object's bytes.

    Args:
        clients: Where to read.
        place: The object.
        etag: Read it only if it is still this one.

    Raises:
        NotFoundError: There is none.
        AwsError: S3 refused; code ``PreconditionFailed`` when it is another one by now.
    """
    condition = {} if etag is None else {"IfMatch": f'"{etag}"'}
    answer = _send(clients, "GetObject", Bucket=place.bucket, Key=place.key, **condition)
    body: StreamingBody = answer["Body"]  # type: ignore[assignment]
    with translated("GetObject"):
        return body.read()


def download(clients: Clients, place: Place, path: Path) -> None:
    """Write an object of any size to a file, a piece at a time.

    Raises:
        NotFoundError: There is none.
        AwsError: S3 refused, or the connection broke.
        OSError: The file cannot be written.
    """
    answer = _send(clients, "GetObject", Bucket=place.bucket, Key=place.key)
    body: StreamingBody = answer["Body"]  # type: ignore[assignment]
    with translated("GetObject"), path.open("wb") as file:
        for piece in body.iter_chunks(_PIECE_BYTES):
            file.write(piece)


def write(clients: Clients, place: Place, body: bytes, *, content_type: str) -> None:
    """Write an object."""
    _send(clients, "PutObject", Bucket=place.bucket, Key=place.key, Body=body, ContentType=content_type)


def delete(clients: Clients, place: Place) -> None:
    """Delete an object; one that is not there is no error."""
    _send(clients, "DeleteObject", Bucket=place.bucket, Key=place.key)


def exists(clients: Clients, place: Place) -> bool:
    """Say whether an object is there."""
    return etag_of(clients, place) is not None


def etag_of(clients: Clients, place: Place) -> str | None:
    """Return an object's ETag, which changes with its content, without quotes; None where there is no such object."""
    try:
        answer = _send(clients, "HeadObject", Bucket=place.bucket, Key=place.key)
    except NotFoundError:
        return None
    return text(answer, "ETag").strip('"')


def upload(clients: Clients, path: Path, place: Place) -> None:
    """Upload a file of any size, in parts where it is large.

    The file is opened once: one that is replaced meanwhile, as checkpoints are, arrives as it was.

    Raises:
        AwsError: S3 refused it or failed.
        OSError: The file cannot be read.
    """
    with translated("PutObject"), path.open("rb") as file:
        clients["s3"].upload_fileobj(file, place.bucket, place.key)  # type: ignore[attr-defined]


def download_prefix(clients: Clients, place: Place, folder: Path) -> int:
    """Download every object below a prefix into a folder, keeping the rest of the key as the path.

    Returns:
        How many there were.

    Raises:
        ConfigurationError: A key would leave the folder.
    """
    prefix = place.key if place.key.endswith("/") or not place.key else place.key + "/"
    root = folder.resolve()
    count = 0
    for one in listing(clients, Place(place.bucket, prefix)):
        key = text(one, "Key")
        if key.endswith("/"):
            continue
        path = (root / key.removeprefix(prefix)).resolve()
        if not path.is_relative_to(root):
            raise ConfigurationError(f"refusing s3://{place.bucket}/{key}: its key leaves the folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(read(clients, Place(place.bucket, key)))
        count += 1
    return count
