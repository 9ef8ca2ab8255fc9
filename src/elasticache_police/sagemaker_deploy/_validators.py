"""Validators that refuse what AWS would refuse, in words, before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from elasticache_police.errors import ConfigurationError

if TYPE_CHECKING:
    import attrs

__all__ = [
    "between",
    "one_of",
    "optional_s3_url",
    "resource_name",
    "role_arn",
    "s3_url",
    "some",
    "split_s3_url",
    "strings",
]

_Validator = Callable[[object, "attrs.Attribute[Any]", Any], None]

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_ROLE = re.compile(r"arn:aws[a-z\-]*:iam::\d{12}:role/[a-zA-Z_0-9+=,.@\-_/]+")
_S3 = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9])(?:/(?P<key>.*))?")


def between(low: float, high: float) -> _Validator:
    """Accept None and numbers from low to high, both included."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
        if value is not None and not low <= value <= high:
            where = f"{type(instance).__name__}.{attribute.name}"
            raise ConfigurationError(f"{where} must be from {low:g} to {high:g}, not {value:g}")

    return check


def one_of(*choices: object) -> _Validator:
    """Accept one of a few values."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value not in choices:
            known = ", ".join(map(repr, choices))
            raise ConfigurationError(
                f"{type(instance).__name__}.{attribute.name} must be one of {known}, not {value!r}"
            )

    return check


def some(instance: object, attribute: attrs.Attribute[Any], value: tuple[object, ...]) -> None:
    """Refuse an empty collection."""
    if not value:
        raise ConfigurationError(f"{type(instance).__name__}.{attribute.name} must not be empty")


def resource_name(instance: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    """Accept None and SageMaker's resource names: 1 to 63 letters, digits and inner hyphens."""
    if value is not None and (len(value) > 63 or not _NAME.fullmatch(value)):
        where = f"{type(instance).__name__}.{attribute.name}"
        raise ConfigurationError(f"{where}: {value!r} is not 1 to 63 letters, digits and inner hyphens")


def role_arn(instance: object, attribute: attrs.Attribute[Any], value: str) -> None:
    """Accept the ARN of an IAM role."""
    if not _ROLE.fullmatch(value):
        where = f"{type(instance).__name__}.{attribute.name}"
        raise ConfigurationError(f"{where}: {value!r} is not the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME")


def s3_url(instance: object, attribute: attrs.Attribute[Any], value: str) -> None:
    """Accept ``s3://bucket/key``."""
    if not _S3.fullmatch(value):
        where = f"{type(instance).__name__}.{attribute.name}"
        raise ConfigurationError(f"{where}: {value!r} is not of the form s3://bucket/key")


def optional_s3_url(instance: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    """Accept None and ``s3://bucket/key``."""
    if value is not None:
        s3_url(instance, attribute, value)


def split_s3_url(url: str) -> tuple[str, str]:
    """Split ``s3://bucket/key`` into bucket and key; the key may be empty.

    Raises:
        ConfigurationError: It is not of that form.
    """
    match = _S3.fullmatch(url)
    if match is None:
        raise ConfigurationError(f"{url!r} is not of the form s3://bucket/key")
    return match["bucket"], match["key"] or ""


def strings(texts: Iterable[str]) -> tuple[str, ...]:
    """Keep any collection of texts as a tuple."""
    return tuple(texts)
