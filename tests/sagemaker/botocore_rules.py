"""Holds a request against botocore's own model of the service: its validator, then the enums, patterns and lengths
that the validator leaves to AWS."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

import botocore.session
from botocore.validate import ParamValidator

if TYPE_CHECKING:
    from elasticache_police._aws import Request


@functools.cache
def _model(service: str):
    return botocore.session.get_session().get_service_model(service)


def problems(request: Request) -> list[str]:
    """What botocore's model has against a request; empty when nothing."""
    shape = _model(request.service).operation_model(request.operation).input_shape
    report = ParamValidator().validate(dict(request.parameters), shape).generate_report()
    found = [report] if report else []
    _walk(request.parameters, shape, request.operation, found)
    return found


def _walk(value, shape, path: str, found: list[str]) -> None:  # noqa: C901  one branch for each type
    if shape.type_name == "structure":
        for key, inner in value.items():
            if key in shape.members:
                _walk(inner, shape.members[key], f"{path}.{key}", found)
    elif shape.type_name == "list":
        _bounds(len(value), shape, path, found)
        for index, inner in enumerate(value):
            _walk(inner, shape.member, f"{path}[{index}]", found)
    elif shape.type_name == "map":
        _bounds(len(value), shape, path, found)
    elif shape.type_name == "string":
        _bounds(len(value), shape, path, found)
        if shape.enum and value not in shape.enum:
            found.append(f"{path}: {value!r} not in the enum")
        pattern = shape.metadata.get("pattern")
        if pattern and r"\p{" not in pattern and "\\uD7FF" not in pattern and not re.match(pattern, value):
            found.append(f"{path}: {value!r} does not match {pattern}")
    elif shape.type_name in {"integer", "float", "double", "long"}:
        _bounds(value, shape, path, found)


def _bounds(number: float, shape, path: str, found: list[str]) -> None:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and number < low) or (high is not None and number > high):
        found.append(f"{path}: {number} not in {low}..{high}")
