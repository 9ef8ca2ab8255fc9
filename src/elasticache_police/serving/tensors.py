"""Make tensors of a predict request's JSON, by TensorFlow Serving's rules and with its errors.

Paper: https://www.tensorflow.org/tfx/serving/api_rest#predict_api. Row format (``instances``) and column format
(``inputs``), named and unnamed, base64 objects, and no silent loss: a number that does not fit is an error.

Regular lists are converted a level at a time at C speed; whatever that cannot take goes value by value through
:class:`_Filling`, which finds the first error and words it.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import math
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import attrs

from elasticache_police.serving.documents import Json, describe, describe_type, is_base64, refuse_too_big
from elasticache_police.serving.status import Code, ServingStatusError, invalid_argument

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Tensor = NDArray[np.generic]

__all__ = ["PredictRequest", "read_predict_request"]

_INTEGERS: dict[str, tuple[int, int]] = {
    # TensorFlow Serving keeps the small ones as int32 until the very end, where they wrap around.
    **dict.fromkeys(("int8", "int16", "int32", "uint8", "uint16"), (-(2**31), 2**31 - 1)),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
_FLOATS: dict[str, tuple[int, float]] = {
    # The largest integer that is exact, the largest number.
    "float": (2**24 - 1, 3.4028234663852886e38),
    "double": (2**53 - 1, sys.float_info.max),
}
_MOST_DIMENSIONS = 32
"""Of an array, by numpy's old limit; TensorFlow Serving takes a few more, no operation of TensorFlow's does."""
_NUMPY_NAMES = {"float": "float32", "double": "float64", "string": "object"}


@attrs.frozen(kw_only=True)
class PredictRequest:
    """The tensors of a request."""

    tensors: dict[str, Tensor]
    """By input name. Strings are object arrays of ``bytes``."""
    by_row: bool
    """Whether it came as ``instances``, so that the answer goes as ``predictions``."""


def read_predict_request(document: dict[str, Json], dtypes: Mapping[str, str]) -> PredictRequest:
    """Convert ``instances`` or ``inputs``.

    Args:
        document: The parsed body.
        dtypes: What the signature wants: TensorFlow's type name (``float``, ``int32``, ``string``) by input name.

    Raises:
        ServingStatusError: The request does not fit the signature.
    """
    rows, columns = document.get("instances"), document.get("inputs")
    if "instances" in document and "inputs" in document:
        raise invalid_argument(
            f"JSON Value: {describe(document)} Not formatted correctly expecting only one of 'inputs' or "
            "'instances' keys to exist "
        )
    if "instances" in document:
        if not isinstance(rows, list):
            raise invalid_argument(f"JSON Value: {describe(document)} Excepting 'instances' to be an list/array")
        if not rows:
            raise invalid_argument(f"JSON Value: {describe(document)} No values in 'instances' array")
        return PredictRequest(tensors=_from_rows(rows, dtypes), by_row=True)
    if "inputs" in document:
        return PredictRequest(tensors=_from_columns(columns, dtypes), by_row=False)
    raise invalid_argument("Missing 'inputs' or 'instances' key")


def _from_columns(value: Json, dtypes: Mapping[str, str]) -> dict[str, Tensor]:
    if not isinstance(value, dict) or is_base64(value):
        if len(dtypes) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        name, dtype = next(iter(dtypes.items()))
        return {name: _tensor(value, dtype)}
    for name in dtypes:
        if name not in value:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
    return {name: _tensor(value[name], dtype) for name, dtype in dtypes.items()}


def _from_rows(rows: list[Json], dtypes: Mapping[str, str]) -> dict[str, Tensor]:
    if not isinstance(rows[0], dict) and len(dtypes) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    if _is_named(rows[0]):
        fast = _named_rows_fast(rows, dtypes)
        return fast if fast is not None else _named_rows(rows, dtypes)
    name, dtype = next(iter(dtypes.items()))
    tensor = _regular(rows, dtype)
    if tensor is not None:
        return {name: tensor}
    filling = _Filling(dtype)
    for index, row in enumerate(rows):
        if _is_named(row):
            raise invalid_argument(f"Expecting value/list but got object at item {index} of input list")
        try:
            filling.add_row(row)
        except ServingStatusError as error:
            raise invalid_argument(f"Failed to process element: {index} of 'instances' list. Error: {error}") from error
    return {name: filling.tensor(len(rows))}


def _named_rows_fast(rows: list[Json], dtypes: Mapping[str, str]) -> dict[str, Tensor] | None:
    names = set(dtypes)
    if not all(isinstance(row, dict) and row.keys() == names for row in rows):
        return None
    objects = cast("list[dict[str, Json]]", rows)
    tensors = {name: _regular([row[name] for row in objects], dtype) for name, dtype in dtypes.items()}
    return None if any(tensor is None for tensor in tensors.values()) else cast("dict[str, Tensor]", tensors)


def _named_rows(rows: list[Json], dtypes: Mapping[str, str]) -> dict[str, Tensor]:
    fillings = {name: _Filling(dtype) for name, dtype in dtypes.items()}
    for index, row in enumerate(rows):
        if not isinstance(row, dict) or is_base64(row):
            raise invalid_argument(f"Expecting object but got list at item {index} of input list")
        for name, value in row.items():
            try:
                if name not in fillings:
                    raise invalid_argument(f"JSON object: does not have named input: {name}")
                fillings[name].add_row(value)
            except ServingStatusError as error:
                raise invalid_argument(
                    f"Failed to process element: {index} key: {name} of 'instances' list. Error: {error}"
                ) from error
        if row.keys() != fillings.keys():
            raise invalid_argument(
                f"Failed to process element: {index} of 'instances' list. JSON object: {describe(row)} keys must be "
                f"equal to: {','.join(sorted(dtypes))}"
            )
    return {name: filling.tensor(len(rows)) for name, filling in fillings.items()}


def _is_named(row: Json) -> bool:
    return isinstance(row, dict) and not is_base64(row)


def _tensor(value: Json, dtype: str) -> Tensor:
    tensor = _regular(value, dtype)
    if tensor is not None:
        return tensor
    filling = _Filling(dtype)
    filling.add_row(value)
    return filling.tensor(None)


def _regular(value: Json, dtype: str) -> Tensor | None:
    """Convert nested lists of one shape and of values that fit; None if anything is irregular."""
    import numpy as np

    shape: list[int] = []
    level: Sequence[Json] = [value]
    while level and len(shape) < _MOST_DIMENSIONS and all(type(item) is list for item in level):
        lists = cast("Sequence[list[Json]]", level)
        sizes = set(map(len, lists))
        if len(sizes) > 1:
            return None
        shape.extend(sizes)
        level = list(itertools.chain.from_iterable(lists))
    types = set(map(type, level))
    if dtype in _FLOATS and types <= {float, int}:
        exact, largest = _FLOATS[dtype]
        try:
            numbers = np.array(level, np.float64)
        except OverflowError:
            return None
        # An infinity among plain floats was a number beyond a double.
        size = np.abs(numbers[~np.isnan(numbers)]).max(initial=0.0)
        if size <= (min(exact, largest) if int in types else largest):
            return numbers.astype(_NUMPY_NAMES[dtype]).reshape(shape)
    elif dtype in _INTEGERS and types <= {int}:
        low, high = _INTEGERS[dtype]
        integers = cast("Sequence[int]", level)
        if low <= min(integers, default=0) and max(integers, default=0) <= high:
            return np.array(integers, np.uint64 if dtype == "uint64" else np.int64).astype(dtype).reshape(shape)
    elif dtype == "bool" and types <= {bool}:
        return np.array(level, np.bool_).reshape(shape)
    elif dtype == "string" and types <= {str}:
        return _strings([cast(str, text).encode("utf-8", "surrogateescape") for text in level], shape)
    return None


def _strings(values: Sequence[bytes], shape: Sequence[int]) -> Tensor:
    import numpy as np

    array = np.empty(len(values), object)
    array[:] = values
    return array.reshape(shape)


class _Filling:
    """One tensor, filled value by value."""

    def __init__(self, dtype: str) -> None:
        self._dtype = dtype
        self._shape: list[int] | None = None
        self._values: list[Json | bytes] = []
        self._first_size = 0

    def add_row(self, value: Json) -> None:
        shape = _dense_shape(value)
        before = len(self._values)
        self._fill(value, 0, shape)
        size = len(self._values) - before
        if self._shape is None:
            self._shape, self._first_size = shape, size
        elif size != self._first_size:
            raise invalid_argument(f"Expecting tensor size: {self._first_size} but got: {size}")
        elif shape != self._shape:
            raise invalid_argument(f"Expecting shape {_show(self._shape)} but got: {_show(shape)}")

    def tensor(self, rows: int | None) -> Tensor:
        """Return what was filled in, with ``rows`` as its first dimension, or as the only row's own shape."""
        import numpy as np

        shape = ([] if rows is None else [rows]) + (self._shape or [])
        if self._dtype == "string":
            return _strings(cast("list[bytes]", self._values), shape)
        wide = np.int64 if self._dtype in _INTEGERS and self._dtype != "uint64" else self._dtype
        array: Tensor = np.array(self._values, _NUMPY_NAMES.get(str(wide), wide))
        return array.astype(_NUMPY_NAMES.get(self._dtype, self._dtype)).reshape(shape)

    def _fill(self, value: Json, level: int, shape: list[int]) -> None:
        if not isinstance(value, list):
            if level != len(shape):
                raise invalid_argument(
                    f"JSON Value: {describe(value)} found at incorrect level: {level + 1} in the JSON DOM. Expected "
                    f"at level: {len(shape)}"
                )
            self._values.append(_scalar(value, self._dtype))
            return
        if level >= len(shape):
            raise invalid_argument(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
        if len(value) != shape[level]:
            raise invalid_argument(
                f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
            )
        for item in value:
            self._fill(item, level + 1, shape)


def _dense_shape(value: Json) -> list[int]:
    """Return the shape that a value's first elements suggest."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if len(shape) >= _MOST_DIMENSIONS:
            raise invalid_argument(f"a tensor of {_MOST_DIMENSIONS} or more dimensions")
        if not value:
            break
        value = value[0]
    return shape


def _show(shape: list[int]) -> str:
    return "[" + ",".join(map(str, shape)) + "]"


def _scalar(value: Json, dtype: str) -> Json | bytes:
    """Check one value against a type and return it ready for numpy."""
    if isinstance(value, dict):
        if dtype != "string":
            raise _type_error(value, dtype)
        return _decode_base64(value)
    if dtype == "string" and isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if dtype == "bool" and isinstance(value, bool):
        return value
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if dtype in _FLOATS and is_number:
        return _float(cast(float, value), dtype)
    if dtype in _INTEGERS and is_number and isinstance(value, int):
        low, high = _INTEGERS[dtype]
        if low <= value <= high:
            return value
    if dtype not in _FLOATS and dtype not in _INTEGERS and dtype not in {"string", "bool"}:
        raise ServingStatusError(Code.UNIMPLEMENTED, f"Conversion of JSON Value: {describe(value)} to type: {dtype}")
    raise _type_error(value, dtype)


def _float(value: float, dtype: str) -> float:
    exact, largest = _FLOATS[dtype]
    refuse_too_big(value)
    if isinstance(value, int) and -(2**63) <= value < 2**64:
        fits = abs(value) <= exact
    else:
        fits = not math.isfinite(value) or abs(value) <= largest
    if not fits:
        raise invalid_argument(f"Cannot convert JSON value: {describe(value)} to {dtype} without loss of precision.")
    return float(value)


def _type_error(value: Json, dtype: str) -> ServingStatusError:
    return invalid_argument(
        f"JSON Value: {describe(value)} Type: {describe_type(value)} is not of expected type: {dtype}"
    )


def _decode_base64(value: dict[str, Json]) -> bytes:
    text = value.get("b64")
    if not is_base64(value) or not isinstance(text, str):
        raise invalid_argument(f"JSON Value: {describe(value)} not formatted correctly for base64 data")
    packed = "".join(text.split())
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4 if "=" not in packed else 0), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid_argument("Unable to base64 decode") from error
