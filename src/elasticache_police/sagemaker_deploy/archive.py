"""The model archive on its way to S3: checked, uploaded once, found again by its content."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import tarfile
import threading
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import attrs

from elasticache_police._aws import PROJECT_TAG, Clients, translate, translated
from elasticache_police._gzipped import read_to_end
from elasticache_police.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    AwsError,
    ConfigurationError,
    ModelFileError,
    NotFoundError,
)

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_s3 import S3Client

    from elasticache_police._aws import JsonValue

__all__ = ["DEFAULT_PREFIX", "Upload", "check_archive", "default_bucket", "default_key", "sha256_of", "upload"]

DEFAULT_PREFIX = "amazon_elasticache_police"
"""The story's prefix in the bucket."""

_SAVED_MODEL = re.compile(r"(\./)?([^/]+/)*\d+/saved_model\.pb")
_NO_REGION = "us-east-1"  # S3 refuses to be told this one


@attrs.frozen(kw_only=True)
class Upload:
    """A model archive in S3."""

    url: str
    """``s3://bucket/key``, for :class:`ModelSpec`."""
    sha256: str
    """Of the whole file, as hexadecimal."""
    size_bytes: int
    reused: bool = False
    """Whether it was there already."""


def default_bucket(region: str, account_id: str) -> str:
    """Name SageMaker's own default bucket: ``sagemaker-REGION-ACCOUNT``."""
    return f"sagemaker-{region}-{account_id}"


def default_key(path: Path) -> str:
    """Name an archive's object after its content."""
    return _key_of(sha256_of(path))


def _key_of(digest: str) -> str:
    return f"{DEFAULT_PREFIX}/{digest[:16]}/model.tar.gz"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_archive(path: Path) -> None:
    """Refuse an archive that SageMaker's TensorFlow container could not serve.

    It would start, answer no ``/ping``, and fail after minutes without naming the cause.

    Raises:
        ModelFileError: It is no gzip'd tar, is damaged, holds a link, or no ``NUMBER/saved_model.pb``.
    """
    try:
        with gzip.GzipFile(path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
            members = archive.getmembers()
            read_to_end(file)
    except FileNotFoundError as error:
        raise ModelFileError(f"{path}: there is no such file") from error
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError, zlib.error) as error:
        raise ModelFileError(f"{path}: not a gzip'd tar archive, or a damaged one ({error})") from error
    links = [member.name for member in members if member.issym() or member.islnk()]
    if links:
        raise ModelFileError(f"{path}: SageMaker takes no links, and {links[0]} is one")
    if not any(_SAVED_MODEL.fullmatch(member.name) for member in members):
        raise ModelFileError(
            f"{path}: no saved_model.pb in a directory with a number for a name, such as 1/saved_model.pb;"
            " the container would find no model and never start"
        )


def upload(
    archive: str | os.PathLike[str],
    *,
    bucket: str | None = None,
    key: str | None = None,
    kms_key_id: str | None = None,
    overwrite: bool = False,
    region: str | None = None,
    on_bytes: Callable[[int, int], None] | None = None,
    client: S3Client | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> Upload:
    """Put a model archive into S3, unless the same one lies there already.

    The default key holds the archive's checksum, so that two models never share one: an endpoint fetches its archive
    again whenever it adds an instance, and would mix models if the object had changed.

    Args:
        archive: The ``model.tar.gz``.
        bucket: SageMaker's default bucket, ``sagemaker-REGION-ACCOUNT``, when not given; that one is made, private
            and encrypted, if it does not exist.
        key: ``amazon_elasticache_police/CHECKSUM/model.tar.gz`` when not given.
        kms_key_id: Encrypt with this key rather than S3's own.
        overwrite: Replace an object of that key with another content.
        region: Overrides the session's region.
        on_bytes: Called with the bytes sent so far and in all, from several threads one at a time.
        client: S3 client; wins over `session`.
        session: boto3 session.
        config: botocore settings.

    Raises:
        ModelFileError: The file is no archive SageMaker could serve.
        AlreadyExistsError: Another file lies at the given key, and `overwrite` is off.
        AccessDeniedError: The bucket belongs to somebody else, or a permission is missing.
        AwsError: AWS refused.
    """
    path = Path(archive)
    check_archive(path)
    digest, size = sha256_of(path), path.stat().st_size
    clients = Clients(
        clients=None if client is None else {"s3": client},
        session=session,
        region=None if client is not None else region,
        config=config,
    )
    owner: Mapping[str, JsonValue] = {}
    if bucket is None:
        account_id = clients.account_id()
        bucket, owner = default_bucket(clients.region, account_id), {"ExpectedBucketOwner": account_id}
        _ensure_bucket(clients, bucket, owner)
    key = key or _key_of(digest)
    if key.endswith("/"):
        raise ConfigurationError(f"key {key!r} names a folder; it must name the object, such as {key}model.tar.gz")
    url = f"s3://{bucket}/{key}"
    if _is_there(clients, bucket, key, owner, digest=digest, size=size, overwrite=overwrite):
        return Upload(url=url, sha256=digest, size_bytes=size, reused=True)
    extra: dict[str, object] = {
        "Metadata": {"sha256": digest},
        "ChecksumAlgorithm": "SHA256",
        "ContentType": "application/gzip",
        "Tagging": "=".join(PROJECT_TAG),
        **owner,
    }
    if kms_key_id is not None:
        extra |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key_id}
    sender = cast("S3Client", clients["s3"])
    _send(sender, path, bucket, key, extra, _counter(size, on_bytes))
    return Upload(url=url, sha256=digest, size_bytes=size)


def _send(
    sender: S3Client,
    path: Path,
    bucket: str,
    key: str,
    extra: Mapping[str, object],
    on_bytes: Callable[[int], None] | None,
) -> None:
    """Send a file, in parts where it is large."""
    from boto3.exceptions import S3UploadFailedError
    from botocore.exceptions import ClientError

    try:
        with translated("PutObject"):
            sender.upload_file(str(path), bucket, key, ExtraArgs=dict(extra), Callback=on_bytes)
    except S3UploadFailedError as error:  # boto3 wraps AWS's refusal
        refusal = error.__context__
        if isinstance(refusal, ClientError):
            raise translate(refusal, "PutObject") from refusal
        raise AwsError(str(error), operation="PutObject") from error


def _counter(size: int, on_bytes: Callable[[int, int], None] | None) -> Callable[[int], None] | None:
    if on_bytes is None:
        return None
    lock, sent = threading.Lock(), 0

    def count(more: int) -> None:
        nonlocal sent
        with lock:
            sent += more
            on_bytes(sent, size)

    return count


def _is_there(
    clients: Clients,
    bucket: str,
    key: str,
    owner: Mapping[str, JsonValue],
    *,
    digest: str,
    size: int,
    overwrite: bool,
) -> bool:
    """Say whether the same file lies at a key already."""
    from elasticache_police._aws import Request

    head = Request(service="s3", operation="HeadObject", parameters={"Bucket": bucket, "Key": key, **owner})
    try:
        found = clients.perform(head)
    except NotFoundError:
        return False
    except AccessDeniedError:  # without s3:ListBucket a missing key is "forbidden": sending will tell
        return False
    metadata = cast(Mapping[str, str], found.get("Metadata") or {})
    if metadata.get("sha256") == digest and found.get("ContentLength") == size:
        return True
    if not overwrite:
        raise AlreadyExistsError(
            f"another file lies at s3://{bucket}/{key}, and an endpoint may be using it;"
            " choose another key, leave the key out, or overwrite it",
            operation="HeadObject",
        )
    return False


def _ensure_bucket(clients: Clients, bucket: str, owner: Mapping[str, JsonValue]) -> None:
    """Make SageMaker's default bucket, private and encrypted, unless it exists."""
    from elasticache_police._aws import Request

    def send(operation: str, **parameters: JsonValue) -> None:
        clients.perform(Request(service="s3", operation=operation, parameters={"Bucket": bucket, **parameters}))

    try:
        send("HeadBucket", **owner)
    except NotFoundError:
        pass
    except AccessDeniedError as error:
        raise AccessDeniedError(
            f"bucket {bucket} exists and may not be used: it belongs to another account, or s3:ListBucket is missing",
            operation=error.operation,
            code=error.code,
            request_id=error.request_id,
        ) from error
    else:
        return
    region = clients.region
    where: dict[str, JsonValue] = (
        {} if region == _NO_REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    )
    try:
        send("CreateBucket", **where)
    except AlreadyExistsError:  # another process was faster; whose it is, the owner check of the upload says
        return
    blocked = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    send("PutPublicAccessBlock", PublicAccessBlockConfiguration=dict.fromkeys(blocked, True), **owner)
