"""Write tensors as the JSON that TensorFlow Serving answers with, to the character.

TensorFlow Serving writes with RapidJSON's ``PrettyWriter``: rows on single lines, columns a value a line. Floats are
written as ``%g`` if that reads back as the same float and with as many digits as it takes if not, so 0.2 stays 0.2.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from elasticache_police.serving.status import invalid_argument

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Tensor = NDArray[np.generic]

__all__ = ["write_classifications", "write_error", "write_outputs", "write_predictions", "write_regressions"]

_INDENT = "    "
_FLOAT_DIGITS = {"float16": 9, "bfloat16": 9, "float32": 9, "float64": 17}


def write_predictions(outputs: Mapping[str, Tensor]) -> bytes:
    """Write the answer to a request in row format: ``{"predictions": [...]}``.

    One output gives bare values, several give an object per row, their names in alphabetical order (TensorFlow Serving
    has no order).

    Raises:
        ServingStatusError: An output has no rows, or not as many as the others, or is of a type JSON cannot hold.
    """
    _check_rows(outputs)
    rows = len(next(iter(outputs.values())))
    if len(outputs) == 1:
        ((name, tensor),) = outputs.items()
        items = _row_texts(name, tensor, rows, depth=2)
        body = ", ".join(items)
    else:
        names = sorted(outputs)
        columns = [_row_texts(name, outputs[name], rows, depth=3) for name in names]
        objects = []
        for values in zip(*columns, strict=True):
            members = (f"{_INDENT * 3}{_string(name)}: {value}" for name, value in zip(names, values, strict=True))
            objects.append(f"\n{_INDENT * 2}{{\n" + ",\n".join(members) + f"\n{_INDENT * 2}}}")
        body = ",".join(objects)
    close = f"\n{_INDENT}]" if rows else "]"
    return _encode(f'{{\n{_INDENT}"predictions": [{body}{close}\n}}')


def write_outputs(outputs: Mapping[str, Tensor]) -> bytes:
    """Write the answer to a request in column format: ``{"outputs": ...}``.

    Raises:
        ServingStatusError: An output is of a type JSON cannot hold.
    """
    if len(outputs) == 1:
        ((name, tensor),) = outputs.items()
        body = _column_text(name, tensor, depth=1)
    else:
        members = (
            f"{_INDENT * 2}{_string(name)}: {_column_text(name, outputs[name], depth=2)}" for name in sorted(outputs)
        )
        body = "{\n" + ",\n".join(members) + f"\n{_INDENT}}}"
    return _encode(f'{{\n{_INDENT}"outputs": {body}\n}}')


def write_regressions(values: Tensor) -> bytes:
    """Write the answer to ``regress``."""
    return _encode(f'{{\n{_INDENT}"results": [{", ".join(_decimals(values))}]\n}}')


def write_classifications(rows: Sequence[Sequence[tuple[bytes, float]]]) -> bytes:
    """Write the answer to ``classify``: for each example, label and score of each class."""
    import numpy as np

    texts = [
        "["
        + ", ".join(
            f"[{_string(label)}, {score}]"
            for (label, _), score in zip(row, _decimals(np.array([s for _, s in row], np.float32)), strict=True)
        )
        + "]"
        for row in rows
    ]
    return _encode(f'{{\n{_INDENT}"results": [{", ".join(texts)}\n{_INDENT}]\n}}')


def write_error(message: str) -> bytes:
    """Write ``{"error": message}``."""
    return _encode(f'{{\n{_INDENT}"error": {_string(message)}\n}}')


def _check_rows(outputs: Mapping[str, Tensor]) -> None:
    expected = -1
    for name in sorted(outputs):
        tensor = outputs[name]
        if tensor.ndim == 0:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        rows = tensor.shape[0]
        if expected not in {-1, rows}:
            raise invalid_argument(f"Tensor name: {name} has inconsistent batch size: {rows} expecting: {expected}")
        expected = rows


def _row_texts(name: str, tensor: Tensor, rows: int, *, depth: int) -> list[str]:
    """Write each row of a tensor on a line; ``depth`` is how many brackets are open around it."""
    texts = _scalars(name, tensor, depth=depth + tensor.ndim - 1)
    for axis in range(tensor.ndim - 1, 0, -1):
        size = tensor.shape[axis]
        groups = math.prod(tensor.shape[:axis])
        texts = ["[" + ", ".join(texts[i * size : (i + 1) * size]) + "]" for i in range(groups)]
    return texts[:rows]


def _column_text(name: str, tensor: Tensor, *, depth: int) -> str:
    """Write a tensor with a value a line; ``depth`` is how many brackets are open around it."""
    texts = _scalars(name, tensor, depth=depth + tensor.ndim)
    for axis in range(tensor.ndim - 1, -1, -1):
        size = tensor.shape[axis]
        groups = math.prod(tensor.shape[:axis])
        inner, outer = "\n" + _INDENT * (depth + axis + 1), "\n" + _INDENT * (depth + axis)
        texts = [
            "[" + inner + ("," + inner).join(texts[i * size : (i + 1) * size]) + outer + "]" if size else "[]"
            for i in range(groups)
        ]
    return texts[0]


def _scalars(name: str, tensor: Tensor, *, depth: int) -> list[str]:
    """Write every value of a tensor, in order."""
    kind = tensor.dtype.name
    if kind in _FLOAT_DIGITS:
        return _decimals(tensor)
    flat = tensor.reshape(-1).tolist()
    if tensor.dtype.kind in "iu":
        return [str(value) for value in flat]
    if kind == "bool":
        return ["true" if value else "false" for value in flat]
    if kind == "object":
        values = cast("list[bytes]", flat)
        if name.endswith("_bytes"):
            return [_base64_object(value, depth) for value in values]
        return [_string(value) for value in values]
    raise invalid_argument(f"Failed to write JSON value for tensor type: {kind}")


def _base64_object(value: bytes, depth: int) -> str:
    text = base64.b64encode(value).decode("ascii")
    return f'{{\n{_INDENT * (depth + 1)}"b64": "{text}"\n{_INDENT * depth}}}'


def _string(value: str | bytes) -> str:
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
    return json.dumps(text, ensure_ascii=False)


def _decimals(tensor: Tensor) -> list[str]:
    """Write floats as TensorFlow Serving does, at once."""
    import numpy as np

    digits = _FLOAT_DIGITS[tensor.dtype.name]
    wide = np.float64 if digits == 17 else np.float32
    flat = tensor.reshape(-1).astype(wide)
    values: list[float] = flat.tolist()
    texts = [f"{value:g}" for value in values]
    lossy = np.flatnonzero(np.array([float(text) for text in texts], wide) != flat)
    for index in lossy.tolist():
        value = values[index]
        texts[index] = "NaN" if math.isnan(value) else f"{value:.{digits}g}"
    return [_finish(text) for text in texts]


def _finish(text: str) -> str:
    if text[-1] == "f":
        return "-Infinity" if text[0] == "-" else "Infinity"
    return text if "." in text or "e" in text or text == "NaN" else text + ".0"


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
