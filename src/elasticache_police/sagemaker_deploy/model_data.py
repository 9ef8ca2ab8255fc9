"""Why SageMaker cannot read an archive: it says the same of a role too new, an archive missing and one elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from elasticache_police.errors import AwsError, ConfigurationError, NotFoundError
from elasticache_police.sagemaker_deploy._session import Work
from elasticache_police.sagemaker_deploy._validators import split_s3_url

__all__ = ["check_model_data"]


def check_model_data(work: Work, url: str) -> None:
    """Refuse an archive that no role could read: one that is not there, or that lies in another region.

    What the caller may not look at is left to the role, which may be allowed to.

    Args:
        work: Clients of the endpoint's region.
        url: ``s3://bucket/key`` of the archive.

    Raises:
        NotFoundError: There is no such bucket, or nothing at that key.
        ConfigurationError: The bucket lies in another region than the endpoint.
    """
    bucket, key = split_s3_url(url)
    here, there = work.clients.region, _region_of(work, bucket)
    if there not in {"", here}:
        raise ConfigurationError(
            f"{url} lies in {there}, and SageMaker in {here} reads archives of {here} only: send the archive to a"
            f" bucket there (upload, or deploy with the file itself), or deploy to {there}"
        )
    try:
        work.send("s3", "HeadObject", Bucket=bucket, Key=key)
    except NotFoundError as error:
        raise _missing(f"there is no archive at {url}", error) from error
    except AwsError:
        return


def _region_of(work: Work, bucket: str) -> str:
    """Return a bucket's region, which S3 names even to those it refuses; empty when it did not say."""
    try:
        answer = work.send("s3", "HeadBucket", Bucket=bucket)
    except NotFoundError as error:
        raise _missing(f"there is no bucket {bucket}", error) from error
    except AwsError as error:
        answer = cast("Mapping[str, object]", getattr(error.__cause__, "response", None) or {})
    details = cast("Mapping[str, Mapping[str, str]]", answer.get("ResponseMetadata") or {})
    headers = details.get("HTTPHeaders", {})
    return str(answer.get("BucketRegion") or headers.get("x-amz-bucket-region") or "")


def _missing(what: str, error: NotFoundError) -> NotFoundError:
    return NotFoundError(
        f"{what}: check the address, or send the archive first (upload, or deploy with the file itself)",
        operation=error.operation,
        code=error.code,
        request_id=error.request_id,
    )
