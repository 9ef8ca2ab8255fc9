"""The benchmark's truth files: one JSON object a picture, one picture a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NotRequired, TypedDict

__all__ = ["Occurrence", "Truth", "read", "write"]


class Occurrence(TypedDict):
    """A place where the name, right, wrong or as part of an identifier, is written."""

    text: str
    word: str
    verdict: str
    """``correct``, ``misspelled``, ``identifier`` or ``other_case`` (the last two: no finding is expected)."""
    box: list[float]
    kind: NotRequired[str | None]
    cap_px: NotRequired[float]
    font: NotRequired[str]
    amazon: NotRequired[str]
    polarity: NotRequired[str]
    spaced: NotRequired[bool]
    turned: NotRequired[bool]


class Truth(TypedDict):
    """One picture and what is written on it; on a crop, one occurrence that fills it."""

    file: str
    sha256: str
    width: int
    height: int
    occurrences: list[Occurrence]
    page_kind: NotRequired[str]
    format: NotRequired[str]
    seed: NotRequired[int]


def read(path: Path) -> list[Truth]:
    """Return every line of a manifest."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def write(path: Path, truths: list[Truth]) -> None:
    """Write a manifest."""
    path.write_text("".join(json.dumps(truth, ensure_ascii=False) + "\n" for truth in truths), encoding="utf-8")
