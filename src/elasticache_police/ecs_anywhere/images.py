"""Tells a container image from every other, one that was pushed again under the same tag included."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from elasticache_police._aws import is_passing
from elasticache_police.ecs_anywhere._read import children, text
from elasticache_police.ecs_anywhere.cluster import request
from elasticache_police.errors import AwsError

if TYPE_CHECKING:
    from elasticache_police.ecs_anywhere.cluster import Cluster

__all__ = ["identity_of", "is_tag_in_ecr"]

_IN_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[^:@]+)(:(?P<tag>[^:@/]+))?"
)
_LOG = logging.getLogger(__name__)
_UNREACHABLE = frozenset({"ConnectTimeoutError", "EndpointConnectionError"})


def is_tag_in_ecr(image: str) -> bool:
    """Say whether an image is named by a tag, or by none, in a private registry of ECR."""
    return _IN_ECR.fullmatch(image) is not None


def identity_of(cluster: Cluster, image: str) -> str:
    """Return an image's URI, with the digest that its tag has at this moment where ECR tells it.

    ECR is asked in the image's own region. Where it may not be asked, cannot be reached, or does not
    know the image, the URI has to do, and a warning is logged: an image that is pushed again under the same tag is not
    told from the first, and the same image is taken for another one once ECR tells its digest.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html

    Raises:
        AwsError: ECR had a bad moment: the answer would be another one the next time.
    """
    found = _IN_ECR.fullmatch(image)
    if found is None:
        return image
    look = request(
        "ecr",
        "DescribeImages",
        registryId=found["account"],
        repositoryName=found["repository"],
        imageIds=[{"imageTag": found["tag"] or "latest"}],
    )
    try:
        answer = cluster.clients.in_region(found["region"]).perform(look)
    except AwsError as error:
        if is_passing(error) and error.code not in _UNREACHABLE:
            raise
        _LOG.warning(
            "results are filed under the tag of %s alone, apart from those of runs to which ECR tells its digest: %s",
            image,
            error,
        )
        return image
    digests = [text(one, "imageDigest") for one in children(answer, "imageDetails")]
    return f"{image}@{digests[0]}" if digests and digests[0] else image
