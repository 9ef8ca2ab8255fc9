"""What a tag stands for, where ECR tells it, and what stands for it elsewhere."""

from __future__ import annotations

import pytest

from elasticache_police.ecs_anywhere import Cluster
from elasticache_police.ecs_anywhere.images import identity_of, is_tag_in_ecr
from elasticache_police.errors import AccessDeniedError, AwsError, NotFoundError, ThrottledError

REPOSITORY = "111122223333.dkr.ecr.us-east-1.amazonaws.com/teams/inspect"


class Registry:
    """In the place of the client of ECR: one answer, and what was asked."""

    def __init__(self, answer) -> None:
        self.answer = answer
        self.asked = []
        self.meta = type("Meta", (), {"region_name": "us-east-1"})

    def describe_images(self, **parameters):
        self.asked.append(parameters)
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"imageDetails": [{"imageDigest": self.answer}]}


def _asked(image: str, answer="sha256:abc") -> tuple[str, list]:
    registry = Registry(answer)
    return identity_of(Cluster("police", clients={"ecr": registry}), image), registry.asked


@pytest.mark.parametrize(("uri", "tag"), [(f"{REPOSITORY}:1", "1"), (REPOSITORY, "latest")])
def test_an_image_in_ecr_is_told_by_the_digest_that_its_tag_has(uri, tag):
    identity, asked = _asked(uri)
    assert identity == f"{uri}@sha256:abc"
    assert asked == [{"registryId": "111122223333", "repositoryName": "teams/inspect", "imageIds": [{"imageTag": tag}]}]


def test_an_image_in_another_region_is_asked_for_there():
    """One region's registry serves clusters of several."""
    asked = []

    class Session:
        def client(self, service, *, region_name, config):
            asked.append((service, region_name))
            return Registry("sha256:abc")

    uri = f"{REPOSITORY.replace('us-east-1', 'eu-west-1')}:1"
    cluster = Cluster("police", session=Session(), region="us-east-1")
    assert (identity_of(cluster, uri), asked) == (f"{uri}@sha256:abc", [("ecr", "eu-west-1")])


@pytest.mark.parametrize(
    "image",
    [
        f"{REPOSITORY}@sha256:{'0' * 64}",
        "public.ecr.aws/docker/library/busybox:1.36",
        "registry.example.org:5000/inspect:1",
        "inspector",
    ],
)
def test_ecr_is_asked_about_nothing_else(image):
    assert _asked(image) == (image, [])


@pytest.mark.parametrize(
    "error",
    [
        AccessDeniedError("no", operation="DescribeImages", code="AccessDeniedException"),
        NotFoundError("none", operation="DescribeImages", code="RepositoryNotFoundException"),
        AwsError("none", operation="DescribeImages", code="ImageNotFoundException"),
        AwsError("no way there", operation="DescribeImages", code="EndpointConnectionError"),
    ],
)
def test_what_ecr_does_not_tell_costs_no_run_and_is_said(error, caplog):
    """With the permission, or without it any more, everything is inspected again."""
    assert _asked(f"{REPOSITORY}:1", error)[0] == f"{REPOSITORY}:1"
    (message,) = caplog.messages
    assert message.startswith(f"results are filed under the tag of {REPOSITORY}:1 alone, apart from those of runs to ")
    assert message.endswith(str(error))


def test_nothing_is_said_of_an_image_whose_digest_is_known_or_never_asked_for(caplog):
    for image in (f"{REPOSITORY}:1", "inspector"):
        _asked(image)
    assert caplog.messages == []


def test_a_bad_moment_of_ecr_files_no_results_in_another_place():
    with pytest.raises(ThrottledError):
        _asked(f"{REPOSITORY}:1", ThrottledError("slower", operation="DescribeImages", code="ThrottlingException"))


def test_a_tag_is_told_from_a_digest():
    assert is_tag_in_ecr(f"{REPOSITORY}:1")
    assert not is_tag_in_ecr(f"{REPOSITORY}:1@sha256:{'0' * 64}")
