"""Why pictures of a run have no result: what its workers noted, and which pictures nobody is to try again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import attrs

from elasticache_police._waiting import patiently
from elasticache_police.ecs_anywhere import _s3
from elasticache_police.ecs_anywhere._read import Answer, text
from elasticache_police.ecs_anywhere.collection import CollectionJob, Picture

if TYPE_CHECKING:
    from elasticache_police._aws import Clients

__all__ = ["GivenUp", "noted"]

_Object = tuple[str, str]
"""ETag and key."""


@attrs.frozen(kw_only=True)
class GivenUp:
    """Reasons by what they are about."""

    contents: Mapping[str, str] = attrs.field(factory=dict)
    """By ETag: whoever looked at this content failed, and under another key it is no better."""
    objects: Mapping[_Object, str] = attrs.field(factory=dict)
    """By ETag and key: S3 did not give this object out, and another of the same content may do."""

    def __or__(self, later: GivenUp) -> GivenUp:
        """Return both, the later reason where both have one."""
        return GivenUp(contents={**self.contents, **later.contents}, objects={**self.objects, **later.objects})

    def __sub__(self, earlier: GivenUp) -> GivenUp:
        """Return what there is no reason for in the earlier ones."""
        return GivenUp(
            contents={etag: reason for etag, reason in self.contents.items() if etag not in earlier.contents},
            objects={place: reason for place, reason in self.objects.items() if place not in earlier.objects},
        )

    def reason(self, picture: Picture) -> str | None:
        """Return why a picture is not tried again, or None where it is."""
        return self.contents.get(picture.etag) or self.objects.get((picture.etag, picture.key))

    def only(self, pictures: set[Picture]) -> GivenUp:
        """Return what there is about some pictures."""
        etags = {picture.etag for picture in pictures}
        keys = {(picture.etag, picture.key) for picture in pictures}
        return GivenUp(
            contents={etag: reason for etag, reason in self.contents.items() if etag in etags},
            objects={key: reason for key, reason in self.objects.items() if key in keys},
        )


def noted(clients: Clients, job: CollectionJob) -> GivenUp:
    """Return what this run's workers noted, also of pictures that came through at a later try."""
    folder = job.run_folder / "failures/"
    contents: dict[str, str] = {}
    objects: dict[_Object, str] = {}

    def read(one: Answer) -> bytes:
        return patiently(lambda: _s3.read(clients, _s3.Place(folder.bucket, text(one, "Key"))))

    with ThreadPoolExecutor(_s3.AT_ONCE) as pool:
        notes = [json.loads(body) for body in pool.map(read, _s3.listing(clients, folder))]
    for note in notes:
        if note["of_content"]:
            contents[str(note["etag"])] = str(note["reason"])
        else:
            objects[str(note["etag"]), str(note["key"])] = str(note["reason"])
    return GivenUp(contents=contents, objects=objects)
