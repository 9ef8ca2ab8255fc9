"""A large collection of pictures in S3 as data: what the submitter and the workers agree on.

Where things lie, below the results' place::

    results/RECIPE/ETAG.json        one result per picture content; a later run skips what is there
    runs/RUN/manifest.jsonl         every picture of the run: key, ETag, size
    runs/RUN/queued/CALL.json       written when all pictures that a call had to queue are in the queue
    runs/RUN/failures/ETAG-KEY.json why a picture could not be inspected; KEY is a digest of its key
    runs/RUN/report.json            the merged report

Results are keyed by content (ETag) and by recipe (version, image, model, names, confidence), so writing one twice
changes nothing: that, and not the queue, is what makes killed workers and repeated runs harmless.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import attrs

from elasticache_police.ecs_anywhere._s3 import Place, parse
from elasticache_police.errors import ConfigurationError

__all__ = ["CollectionJob", "Picture", "recipe_of"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".pdf")
MAX_BYTES = 256 * 1024 * 1024
VANISHED = "deleted or changed since the run listed it: run again"
"""The reason of a picture that is no longer the one of the manifest; its message is no dead letter."""
_ENVIRONMENT = {
    "POLICE_SOURCE": "source",
    "POLICE_RESULTS": "results",
    "POLICE_RUN": "run_id",
    "POLICE_RECIPE": "recipe",
    "POLICE_QUEUE_URL": "queue_url",
    "POLICE_DEAD_LETTER_QUEUE_URL": "dead_letter_queue_url",
}


def recipe_of(
    version: str, names: tuple[str, ...], model: str, min_confidence: float | None = None, *, image: str = ""
) -> str:
    """Return the short digest under which results that were made in one way are kept.

    Args:
        version: Of this package, as submitter.
        names: The policed names, in any order.
        model: What tells the model from every other.
        min_confidence: Findings with less confidence are left out; None for the model's own threshold.
        image: What tells the image that inspects from every other; empty when the workers are no containers.
    """
    parts = [version, sorted(names), model, *([] if min_confidence is None else [min_confidence])]
    parts += [image] if image else []
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


@attrs.frozen
class Picture:
    """One object to inspect: a line of the manifest, a message of the queue."""

    key: str
    etag: str
    """Without quotes."""
    size: int
    """Bytes."""

    def to_json(self) -> str:
        """Return one line of JSON, in ASCII: SQS does not take every character that a key may have."""
        return json.dumps({"key": self.key, "etag": self.etag, "size": self.size})

    @classmethod
    def from_json(cls, line: str) -> Picture:
        """Read what :meth:`to_json` wrote.

        Raises:
            ConfigurationError: It is something else.
        """
        try:
            data = json.loads(line)
            return cls(key=str(data["key"]), etag=str(data["etag"]), size=int(data["size"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(f"not a picture of a manifest: {line[:200]!r}") from error


@attrs.frozen(kw_only=True)
class CollectionJob:
    """What a worker needs to know; it travels in the task's environment."""

    source: str
    """``s3://bucket/prefix`` of the pictures."""
    results: str
    """``s3://bucket/prefix`` under which everything is written."""
    run_id: str
    recipe: str
    queue_url: str
    dead_letter_queue_url: str
    names: tuple[str, ...] = ()
    """The policed names; none for the model's own."""
    model: str | None = None
    """``s3://...`` of a packed model directory; None for the packaged one."""
    model_etag: str = ""
    """The ETag of that object: another one is refused. Empty where its name tells its content, or it is not known."""
    min_confidence: float | None = None
    """Findings with less confidence are left out; None for the model's own threshold."""
    visibility_timeout_s: int = 120
    """A picture whose worker died is handed out again after this long."""
    picture_timeout_s: float = 300.0
    """A picture that takes longer is given up for this time."""
    queueing: str = ""
    """Names the note in S3 by which the workers know that no more messages come; empty where none come any more."""

    def to_environment(self) -> dict[str, str]:
        """Return it as environment variables."""
        simple = {variable: str(getattr(self, name)) for variable, name in _ENVIRONMENT.items()}
        return {
            **simple,
            "POLICE_NAMES": json.dumps(list(self.names)),
            "POLICE_MODEL": self.model or "",
            "POLICE_MODEL_ETAG": self.model_etag,
            "POLICE_MIN_CONFIDENCE": "" if self.min_confidence is None else repr(self.min_confidence),
            "POLICE_VISIBILITY_TIMEOUT_S": str(self.visibility_timeout_s),
            "POLICE_PICTURE_TIMEOUT_S": str(self.picture_timeout_s),
            "POLICE_QUEUEING": self.queueing,
        }

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> CollectionJob:
        """Read what :meth:`to_environment` wrote.

        Raises:
            ConfigurationError: A variable is missing or makes no sense.
        """
        missing = [variable for variable in _ENVIRONMENT if not environment.get(variable)]
        if missing:
            raise ConfigurationError(f"the environment lacks {', '.join(missing)}: this is not a task of a collection")
        try:
            return cls(
                **{name: environment[variable] for variable, name in _ENVIRONMENT.items()},
                names=tuple(str(name) for name in json.loads(environment.get("POLICE_NAMES", "[]"))),
                model=environment.get("POLICE_MODEL") or None,
                model_etag=environment.get("POLICE_MODEL_ETAG", ""),
                min_confidence=float(confidence) if (confidence := environment.get("POLICE_MIN_CONFIDENCE")) else None,
                visibility_timeout_s=int(environment.get("POLICE_VISIBILITY_TIMEOUT_S", "120")),
                picture_timeout_s=float(environment.get("POLICE_PICTURE_TIMEOUT_S", "300")),
                queueing=environment.get("POLICE_QUEUEING", ""),
            )
        except ValueError as error:
            raise ConfigurationError(f"the environment of this task makes no sense: {error}") from error

    @property
    def source_place(self) -> Place:
        """The pictures' bucket and prefix."""
        return parse(self.source, what="the pictures' place")

    def result_place(self, picture: Picture) -> Place:
        """Where a picture's result is."""
        return self.results_folder / f"{picture.etag}.json"

    @property
    def results_folder(self) -> Place:
        """Where all results of the recipe are."""
        return parse(self.results) / "results" / self.recipe

    @property
    def run_folder(self) -> Place:
        """Where the run's own files are."""
        return parse(self.results) / "runs" / self.run_id

    @property
    def queued_place(self) -> Place:
        """Where the note lies once everything is queued."""
        return self.run_folder / "queued" / f"{self.queueing}.json"

    def failure_place(self, picture: Picture) -> Place:
        """Where the reason lies why a picture could not be inspected, apart from those of the same content."""
        return (
            self.run_folder
            / "failures"
            / f"{picture.etag}-{hashlib.sha256(picture.key.encode()).hexdigest()[:16]}.json"
        )
