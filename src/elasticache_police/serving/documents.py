"""Read JSON as TensorFlow Serving's parser (RapidJSON) does, and word its errors as it does."""

from __future__ import annotations

import json
import math
import re
import sys
from typing import TypeAlias

from elasticache_police.serving.status import invalid_argument

__all__ = ["Infinite", "Json", "describe", "describe_type", "is_base64", "parse_document", "refuse_too_big"]

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

_LONGEST_QUOTE = 1000
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_TYPE_NAMES: dict[type, str] = {dict: "Object", list: "Array", str: "String"}
_PARSE_ERRORS = {
    "Extra data": "The document root must not be followed by other values.",
    "Expecting property name enclosed in double quotes": "Missing a name for object member.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Unterminated string starting at": "Missing a closing quotation mark in string.",
    "Invalid \\escape": "Invalid escape character in string.",
    "Invalid \\uXXXX escape": "Incorrect hex digit after \\u escape in string.",
    "Invalid control character at": "Invalid encoding in string.",
}


class Infinite(float):
    """An infinity that a document spells out: what Python makes of ``1e400`` is a plain infinite ``float``."""


def refuse_too_big(value: float) -> None:
    """Refuse a number beyond a double, as RapidJSON does; Python reads an infinity, or an integer of any size.

    Raises:
        ServingStatusError: It is one.
    """
    if abs(value) > sys.float_info.max and not isinstance(value, Infinite):
        raise invalid_argument("JSON Parse error: Number too big to be stored in double.")


def parse_document(body: bytes) -> dict[str, Json]:
    """Parse a request's body, which must be a JSON object; NaN and Infinity are numbers.

    Bytes that are no UTF-8 come through, as they do in TensorFlow Serving: as lone surrogates.

    Raises:
        ServingStatusError: It is no JSON, or no object.
    """
    text = body.decode("utf-8", "surrogateescape")
    if not text:
        raise invalid_argument("JSON Parse error: The document is empty")
    try:
        document: Json = json.loads(text, parse_constant=_constant)
    except json.JSONDecodeError as error:
        _refuse_half_characters(text[: error.pos])
        offset = len(text[: error.pos].encode("utf-8", "surrogateescape"))
        raise invalid_argument(f"JSON Parse error: {_parse_error(text, error)} at offset: {offset}") from error
    except ValueError as error:  # Python reads no number of more than 4,300 digits
        raise invalid_argument("JSON Parse error: Number too big to be stored in double.") from error
    except RecursionError as error:
        raise invalid_argument("JSON Parse error: Terminate parsing due to Handler error.") from error
    _refuse_half_characters(text)
    if not isinstance(document, dict):
        raise invalid_argument(f"JSON Value: {describe(document)} Is not object")
    return document


def _constant(word: str) -> float:
    """Return what ``NaN``, ``Infinity`` or ``-Infinity`` is."""
    value = float(word)
    return value if math.isnan(value) else Infinite(value)


def _refuse_half_characters(text: str) -> None:
    r"""Refuse an escape such as ``\ud83d`` without its other half: Python reads it, and no UTF-8 can hold it.

    Args:
        text: JSON, up to its first error if it has one.

    Raises:
        ServingStatusError: There is one.
    """
    position = _half_character(text) if "\\u" in text else None
    if position is not None:
        offset = len(text[:position].encode("utf-8", "surrogateescape"))
        raise invalid_argument(f"JSON Parse error: The surrogate pair in string is invalid. at offset: {offset}")


def _half_character(text: str) -> int | None:
    """Return where the first escape stands that is half of a character without the other half."""
    first_half: int | None = None
    for found in _ESCAPE.finditer(text):
        code = int(found[1] or "0", 16)
        is_second_half = 0xDC00 <= code <= 0xDFFF
        if first_half is not None:
            if not is_second_half or found.start() != first_half + len(r"\uXXXX"):
                return first_half
            first_half = None
        elif is_second_half:
            return found.start()
        elif 0xD800 <= code <= 0xDBFF:
            first_half = found.start()
    return first_half


def _parse_error(text: str, error: json.JSONDecodeError) -> str:
    if error.msg == "Expecting value":
        return "Invalid value." if text.strip() else "The document is empty."
    if error.msg == "Expecting ',' delimiter":
        return (
            "Missing a comma or } after an object member."
            if _is_in_object(text[: error.pos])
            else "Missing a comma or ] after an array element."
        )
    return _PARSE_ERRORS.get(error.msg, "Unspecific syntax error.")


def _is_in_object(text: str) -> bool:
    """Say whether the innermost bracket that is open at the end of ``text`` is a curly one."""
    depth = 0
    for character in reversed(re.sub(r"[^{}\[\]]", "", _STRING.sub("", text))):
        depth += 1 if character in "}]" else -1
        if depth < 0:
            return character == "{"
    return False


def is_base64(value: Json) -> bool:
    """Say whether a value is ``{"b64": "..."}``, which is how bytes are written."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def describe(value: Json) -> str:
    """Write a value for an error message; a long one is cut, which TensorFlow Serving does not do."""
    try:
        text = json.dumps(value, indent=4, ensure_ascii=False)
    except RecursionError:  # Python reads a little deeper than it writes
        return "..."
    return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "..."


def describe_type(value: Json) -> str:
    """Return RapidJSON's name for a value's type."""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, int | float):
        return "Number"
    return _TYPE_NAMES.get(type(value), "Null")
