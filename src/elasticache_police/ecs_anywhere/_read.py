"""Reads AWS's answers: plain mappings in, checked Python types out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import cast

__all__ = ["Answer", "child", "children", "flag", "moment", "number", "number_or_none", "text", "texts"]

Answer = Mapping[str, object]
"""Any structure within an answer of AWS."""


def text(answer: Answer, key: str) -> str:
    """Return a text, empty when AWS left it out."""
    value = answer.get(key)
    return "" if value is None else str(value)


def texts(answer: Answer, key: str) -> tuple[str, ...]:
    """Return a list of texts, empty when AWS left it out."""
    return tuple(str(value) for value in cast("Sequence[object]", answer.get(key) or ()))


def number(answer: Answer, key: str) -> int:
    """Return a whole number, 0 when AWS left it out."""
    return number_or_none(answer, key) or 0


def number_or_none(answer: Answer, key: str) -> int | None:
    """Return a whole number, None when AWS left it out."""
    value = answer.get(key)
    return int(value) if isinstance(value, int | float | str) else None


def flag(answer: Answer, key: str) -> bool:
    """Return a boolean, False when AWS left it out."""
    return answer.get(key) is True


def moment(answer: Answer, key: str) -> dt.datetime | None:
    """Return a time, None when AWS left it out."""
    value = answer.get(key)
    return value if isinstance(value, dt.datetime) else None


def child(answer: Answer, key: str) -> Answer:
    """Return a structure, empty when AWS left it out."""
    return cast("Answer", answer.get(key) or {})


def children(answer: Answer, key: str) -> list[Answer]:
    """Return a list of structures, empty when AWS left it out."""
    return list(cast("Sequence[Answer]", answer.get(key) or ()))
