"""A model directory: two networks, what they were made of, and how to use them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TypedDict, cast

import attrs

from elasticache_police.errors import ModelFileError

__all__ = ["CONFIG", "FINDER", "METADATA", "PACKAGED", "READER", "Settings", "read_settings", "sha256", "write_config"]

PACKAGED = Path(__file__).resolve().parent.parent / "pretrained" / "v1"
FINDER, READER, CONFIG, METADATA = "finder.onnx", "reader.onnx", "config.json", "metadata.json"
_FORMAT = 2


class _Config(TypedDict):
    format: int
    names: list[str]
    temperature: float
    find_threshold: float
    min_confidence: float
    sha256: dict[str, str]


@attrs.frozen(kw_only=True)
class Settings:
    """How a trained model is used; chosen on validation data when it was made."""

    names: tuple[str, ...]
    """The names its finder was trained to find; others are looked for in every line of text."""
    temperature: float = 1.0
    """What the reader's logits are divided by, so that its probabilities are honest."""
    find_threshold: float = 0.5
    """Least score of the finder for a place to be read."""
    min_confidence: float = 0.9
    """Findings with less confidence are left out unless the user says otherwise."""


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_settings(directory: Path) -> Settings:
    """Read a model directory's settings and check that its files are whole.

    Raises:
        ModelFileError: A part is missing, damaged, or of a format this version does not know.
    """
    path = directory / CONFIG
    try:
        config = cast("_Config", json.loads(path.read_text(encoding="utf-8")))
        if config["format"] != _FORMAT:
            raise ModelFileError(
                f"{path}: model format {config['format']}, this version reads {_FORMAT}; train it again or update"
            )
        settings = Settings(
            names=tuple(config["names"]),
            temperature=float(config["temperature"]),
            find_threshold=float(config["find_threshold"]),
            min_confidence=float(config["min_confidence"]),
        )
        for name in (FINDER, READER):
            if sha256(directory / name) != config["sha256"][name]:
                msg = f"{directory / name} is not the file its config.json was written for; restore or train it again"
                raise ModelFileError(msg)
    except FileNotFoundError as error:
        msg = f"{directory} is not a model directory: {Path(error.filename).name} is missing"
        raise ModelFileError(msg) from error
    except (KeyError, TypeError, ValueError, OSError) as error:
        if isinstance(error, ModelFileError):
            raise
        msg = f"{path} is damaged: {error}"
        raise ModelFileError(msg) from error
    return settings


def write_config(directory: Path, settings: Settings) -> None:
    """Write the settings beside the two networks, with the digests that :func:`read_settings` checks."""
    config: _Config = {
        "format": _FORMAT,
        "names": list(settings.names),
        "temperature": settings.temperature,
        "find_threshold": settings.find_threshold,
        "min_confidence": settings.min_confidence,
        "sha256": {name: sha256(directory / name) for name in (FINDER, READER)},
    }
    (directory / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
