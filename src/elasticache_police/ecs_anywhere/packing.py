"""Carries a model's directory to the workers: packed, in S3, named after its content."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from elasticache_police.ecs_anywhere import _s3
from elasticache_police.ecs_anywhere.cluster import request
from elasticache_police.errors import AccessDeniedError, AwsError, ModelFileError

if TYPE_CHECKING:
    from elasticache_police._aws import Clients, Request

__all__ = [
    "check_model",
    "directory_beside",
    "etag_of_model",
    "fetch_model",
    "packed",
    "plan_model",
    "send_model",
    "unpack",
]


def directory_beside(archive: str) -> str:
    """Return where a training leaves its model's directory, packed, beside the archive for SageMaker."""
    return f"{archive.removesuffix('.tar.gz')}.directory.tar.gz"


def check_model(folder: Path | str, called: str) -> None:
    """Refuse what is no model's directory before pictures are blamed for it.

    Args:
        folder: Where it lies.
        called: What the user called it.

    Raises:
        ModelFileError: A part is missing or damaged.
    """
    from elasticache_police.runtime.files import read_settings

    try:
        read_settings(Path(folder))
    except ModelFileError as error:
        raise ModelFileError(
            f"{called} holds no model's directory, which is what inspects ({error}); of the two archives that a "
            "training leaves the one that ends with .directory.tar.gz does, the other one is for SageMaker"
        ) from error


def send_model(clients: Clients, model: str, results: str) -> str:
    """Return where a packed model is: as given if that is in S3, else uploaded below ``results``.

    Args:
        clients: Where S3 is.
        model: ``s3://...`` or a directory.
        results: ``s3://bucket/prefix``.

    Raises:
        ModelFileError: It is neither.
    """
    place, body = _place_and_body(model, results)
    if body is not None and not _s3.exists(clients, place):
        _s3.write(clients, place, body, content_type="application/gzip")
    return str(place)


def plan_model(model: str, results: str) -> tuple[str, tuple[Request, ...]]:
    """Return what :func:`send_model` would return, and the request it would send unless the model is there already.

    Raises:
        ModelFileError: It is neither in S3 nor a directory.
    """
    place, body = _place_and_body(model, results)
    if body is None:
        return str(place), ()
    sent = f"<{model}, packed: {len(body):,} bytes>"
    return str(place), (request("s3", "PutObject", Bucket=place.bucket, Key=place.key, Body=sent),)


def _place_and_body(model: str, results: str) -> tuple[_s3.Place, bytes | None]:
    """Return where a packed model is or belongs, and what belongs there; None where it is given as already there."""
    if model.startswith("s3://"):
        return _s3.parse(model), None
    folder = Path(model)
    if not folder.is_dir():
        raise ModelFileError(f"{model} is no model directory")
    body = packed(folder)
    return _s3.parse(results) / "models" / f"{hashlib.sha256(body).hexdigest()[:16]}.tar.gz", body


def packed(folder: Path) -> bytes:
    """Pack a directory so that the same files give the same bytes."""
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                member = tarfile.TarInfo(path.relative_to(folder).as_posix())
                member.size = path.stat().st_size
                with path.open("rb") as content:
                    archive.addfile(member, content)
    return file.getvalue()


def etag_of_model(clients: Clients, uri: str) -> str | None:
    """Return the ETag of a packed model, or None where this side may not look: the tasks' role may be allowed to.

    Raises:
        ModelFileError: There is none, so no task would find it.
    """
    try:
        etag = _s3.etag_of(clients, _s3.parse(uri))
    except AccessDeniedError:
        return None
    if etag is None:
        raise ModelFileError(f"there is no packed model at {uri}; of a model's directory one would be made")
    return etag


def fetch_model(clients: Clients, uri: str, folder: Path, *, etag: str | None = None) -> str:
    """Download and unpack a model, and return its directory.

    Args:
        clients: Where S3 is.
        uri: ``s3://...`` of a packed model.
        folder: Where to unpack it.
        etag: Take it only if it is still this one.

    Raises:
        NotFoundError: There is none.
        ModelFileError: It is another one by now, or no archive, or one that reaches outside the folder.
    """
    try:
        body = _s3.read(clients, _s3.parse(uri, what="the model's place"), etag=etag)
    except AwsError as error:
        if error.code in {"PreconditionFailed", "412"}:
            raise ModelFileError(f"{uri} was overwritten after the run began with it: run again") from error
        raise
    target = folder / "model"
    try:
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            unpack(archive, target)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise ModelFileError(f"{uri} is no model archive: {error}") from error
    return str(target)


def unpack(archive: tarfile.TarFile, folder: Path | str) -> None:
    """Unpack an archive; a member that would leave the folder is refused where Python can (from 3.11.4 on)."""
    archive.extraction_filter = getattr(tarfile, "data_filter", None)
    archive.extractall(folder)  # noqa: S202  filtered
