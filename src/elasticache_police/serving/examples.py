"""Read ``examples`` of a classify or regress request into serialized ``tf.train.Example`` protocol buffers.

https://www.tensorflow.org/tfx/serving/api_rest#classify_and_regress_api
"""

from __future__ import annotations

import base64
import binascii

from elasticache_police.serving.documents import Json, describe, describe_type, is_base64, refuse_too_big
from elasticache_police.serving.status import ServingStatusError, invalid_argument

__all__ = ["read_examples"]

_LARGEST_FLOAT = 3.4028234663852886e38


def read_examples(document: dict[str, Json]) -> list[bytes]:
    """Return the request's examples, each with the features of ``context`` in front of its own.

    Raises:
        ServingStatusError: A feature is of no kind that an example can hold.
    """
    context = _example(document["context"]) if "context" in document else b""
    if "examples" not in document:
        raise invalid_argument(
            f"JSON Value: {describe(document)} When method is classify, key 'examples' is expected and was not found"
        )
    examples = document["examples"]
    if not isinstance(examples, list):
        raise invalid_argument(f"JSON Value: {describe(document)} Expecting 'examples' value to be an list/array")
    if not examples:
        raise invalid_argument(f"JSON Value: {describe(document)} 'examples' value is an empty array")
    # Serialized messages merge when they are put end to end; TensorFlow Serving adds the context in the same way.
    return [context + _example(example) for example in examples]


def _example(value: Json) -> bytes:
    from tensorflow.train import Example

    if not isinstance(value, dict):
        raise invalid_argument(f"Example must be JSON object but got JSON {describe_type(value)}")
    example = Example()
    for name, content in value.items():
        feature = example.features.feature[name]
        for item in content if isinstance(content, list) else [content]:
            kind, converted = _convert(name, item)
            present = feature.WhichOneof("kind")
            if present not in {None, kind}:
                raise invalid_argument(
                    f"Unexpected element type in feature: {name} expecting type: {present.removesuffix('_list')}"
                )
            getattr(feature, kind).value.append(converted)
    serialized: bytes = example.SerializeToString()
    return serialized


def _convert(name: str, item: Json) -> tuple[str, bytes | int | float]:
    """Return which list of a feature a value goes into, and how."""
    if isinstance(item, bool):
        return "int64_list", int(item)
    if isinstance(item, str):
        return "bytes_list", item.encode("utf-8", "surrogateescape")
    if isinstance(item, dict) and is_base64(item):
        try:
            return "bytes_list", base64.b64decode(str(item["b64"]), validate=True)
        except (binascii.Error, ValueError) as error:
            raise invalid_argument("Unable to base64 decode") from error
    if isinstance(item, int) and -(2**63) <= item < 2**63:
        return "int64_list", item
    if isinstance(item, int) and item < 2**64:
        raise invalid_argument(f"Feature: {name} has uint64 element. Only int64 is supported.")
    if isinstance(item, (float, int)):
        return "float_list", _float(item)
    raise _unexpected(name, item)


def _float(item: float) -> float:
    refuse_too_big(item)
    if _LARGEST_FLOAT < abs(item) < float("inf"):
        raise invalid_argument(f"Cannot convert JSON value: {describe(item)} to float without loss of precision.")
    return float(item)


def _unexpected(name: str, item: Json) -> ServingStatusError:
    return invalid_argument(f"Feature: {name} has element with unexpected JSON type: {describe_type(item)}")
