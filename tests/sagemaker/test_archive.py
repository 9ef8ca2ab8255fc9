"""The archive on its way to S3."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import boto3
import pytest

from elasticache_police import sagemaker_deploy as sm
from elasticache_police.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ConfigurationError,
    ModelFileError,
    NotFoundError,
)
from elasticache_police.sagemaker_deploy.archive import check_archive, sha256_of

BUCKET = "sagemaker-ap-northeast-1-123456789012"


def pack(path: Path, *names: str, link: str | None = None, content: bytes = b"model") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        if link is not None:
            member = tarfile.TarInfo(link)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(member)
    return path


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return pack(tmp_path / "model.tar.gz", "1/saved_model.pb", "code/inference.py")


def test_the_default_bucket_is_made_private_and_the_key_holds_the_checksum(moto, archive) -> None:
    seen: list[tuple[int, int]] = []
    sent = sm.upload(archive, on_bytes=lambda *pair: seen.append(pair))
    digest = sha256_of(archive)
    assert sent == sm.Upload(
        url=f"s3://{BUCKET}/amazon_elasticache_police/{digest[:16]}/model.tar.gz",
        sha256=digest,
        size_bytes=archive.stat().st_size,
        reused=False,
    )
    s3 = boto3.client("s3")
    key = sent.url.removeprefix(f"s3://{BUCKET}/")
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == archive.read_bytes()
    blocked = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert all(blocked.values())
    assert s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"] == [{"Key": "elasticache-police", "Value": "true"}]
    assert seen[-1] == (sent.size_bytes, sent.size_bytes)


def test_the_same_archive_is_not_sent_twice(moto, archive) -> None:
    first = sm.upload(archive)
    again = sm.upload(archive, on_bytes=lambda *_: pytest.fail("bytes were sent"))
    assert (again.url, again.reused) == (first.url, True)


def test_a_key_in_use_is_not_overwritten_unawares(moto, archive, tmp_path) -> None:
    sm.upload(archive, key="story/model.tar.gz")
    other = pack(tmp_path / "other.tar.gz", "2/saved_model.pb")
    with pytest.raises(AlreadyExistsError, match="another file lies"):
        sm.upload(other, key="story/model.tar.gz")
    assert sm.upload(other, key="story/model.tar.gz", overwrite=True).reused is False
    assert sm.upload(other, key="story/model.tar.gz").reused is True


def test_kms_is_asked_for(moto, archive) -> None:
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    sent = sm.upload(archive, kms_key_id=key)
    head = boto3.client("s3").head_object(Bucket=BUCKET, Key=sent.url.removeprefix(f"s3://{BUCKET}/"))
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_a_given_bucket_is_used_and_never_made(moto, archive) -> None:
    with pytest.raises(NotFoundError) as caught:
        sm.upload(archive, bucket="not-there")
    assert (caught.value.code, caught.value.operation) == ("NoSuchBucket", "PutObject")


def test_a_bucket_of_somebody_else_is_not_used(archive) -> None:
    class Forbidding:
        class meta:  # noqa: N801  boto3's name
            region_name = "ap-northeast-1"

        def head_bucket(self, **parameters):
            from botocore.exceptions import ClientError

            assert parameters["ExpectedBucketOwner"] == "123456789012"
            raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadBucket")

    from elasticache_police._aws import Clients
    from elasticache_police.sagemaker_deploy.archive import _ensure_bucket

    with pytest.raises(AccessDeniedError, match="belongs to another account"):
        _ensure_bucket(Clients(clients={"s3": Forbidding()}), BUCKET, {"ExpectedBucketOwner": "123456789012"})


@pytest.mark.parametrize(
    ("names", "link", "words"),
    [
        (["saved_model.pb"], None, "no saved_model.pb in a directory with a number"),
        (["export/saved_model.pb", "code/inference.py"], None, "no saved_model.pb in a directory with a number"),
        (["1/saved_model.pb"], "1/assets", "no links"),
    ],
)
def test_what_the_container_could_not_serve_is_refused(tmp_path, names, link, words) -> None:
    with pytest.raises(ModelFileError, match=words):
        check_archive(pack(tmp_path / "model.tar.gz", *names, link=link))


@pytest.mark.parametrize("name", ["1/saved_model.pb", "./1/saved_model.pb", "police/0001/saved_model.pb"])
def test_what_the_container_serves_is_taken(tmp_path, name) -> None:
    check_archive(pack(tmp_path / "model.tar.gz", name))


def test_what_is_no_archive_is_refused(tmp_path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(b"PK\x03\x04 a zip")
    with pytest.raises(ModelFileError, match="not a gzip"):
        sm.upload(tmp_path / "model.tar.gz")
    with pytest.raises(ModelFileError, match="no such file"):
        sm.upload(tmp_path / "nothing.tar.gz")


def test_a_key_that_is_a_folder_is_refused(archive) -> None:
    with pytest.raises(ConfigurationError):
        sm.upload(archive, bucket="some-bucket", key="folder/")
