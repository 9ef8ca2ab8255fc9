"""TensorFlow Serving's REST API over loaded models: predict, regress, classify, status.

https://www.tensorflow.org/tfx/serving/api_rest
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from elasticache_police.serving.answers import (
    write_classifications,
    write_error,
    write_outputs,
    write_predictions,
    write_regressions,
)
from elasticache_police.serving.documents import Json, describe, parse_document
from elasticache_police.serving.http import Request, Response
from elasticache_police.serving.servable import Servable, Signature
from elasticache_police.serving.status import Code, ServingStatusError, invalid_argument
from elasticache_police.serving.tensors import read_predict_request

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Tensor = NDArray[np.generic]

__all__ = ["RestApi"]

_CALL = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+))?:(classify|regress|predict)", re.IGNORECASE)
_STATUS = re.compile(r"/v1/models(?:/([^/:]+))?(?:/versions/(\d+))?", re.IGNORECASE)
_DEFAULT_SIGNATURE = "serving_default"
_LONGEST_VERSION = 1000


class RestApi:
    """Answers requests to ``/v1/models/...``."""

    def __init__(self, models: Mapping[str, Mapping[int, Servable]]) -> None:
        self._models = models

    def answer(self, request: Request) -> Response:
        """Answer a request as TensorFlow Serving does."""
        try:
            body = self._answer(request)
        except ServingStatusError as error:
            return Response(status=error.code.http_status, body=write_error(error.message))
        return Response(status=200, body=body)

    def _answer(self, request: Request) -> bytes:
        if request.method == "POST" and (match := _CALL.fullmatch(request.path)):
            name, version = unquote(match.group(1)), _version(match.group(2))
            method = {"predict": self._predict, "regress": self._regress, "classify": self._classify}
            document = parse_document(request.body)
            return method[match.group(3).lower()](document, self._servable(name, version))
        if request.method == "GET" and (match := _STATUS.fullmatch(request.path)):
            return self._status(unquote(match.group(1) or ""), _version(match.group(2)))
        raise invalid_argument(f"Malformed request: {request.method} {request.path}")

    def _servable(self, name: str, version: int | None) -> Servable:
        versions = self._models.get(name, {})
        if version is None and versions:
            return versions[max(versions)]
        if version is not None and version in versions:
            return versions[version]
        wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise ServingStatusError(Code.NOT_FOUND, f"Servable not found for request: {wanted}")

    def _status(self, name: str, version: int | None) -> bytes:
        if not name:
            raise invalid_argument("Missing model name in request.")
        versions = self._models.get(name, {})
        if not versions:
            raise ServingStatusError(Code.NOT_FOUND, f"Could not find any versions of model {name}")
        if version is not None and version not in versions:
            raise ServingStatusError(Code.NOT_FOUND, f"Could not find version {version} of model {name}")
        shown = sorted(versions, reverse=True) if version is None else [version]
        available = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        status = {"model_version_status": [{"version": str(number), **available} for number in shown]}
        return json.dumps(status, indent=1).encode() + b"\n"

    def _predict(self, document: dict[str, Json], servable: Servable) -> bytes:
        name = _signature_name(document)
        signature = servable.signatures.get(name)
        if signature is None:
            raise invalid_argument(f'Serving signature name: "{name}" not found in signature def')
        if not signature.inputs:
            raise invalid_argument(f"Failed to get input map for signature: {name}")
        request = read_predict_request(document, signature.dtypes)
        outputs = servable.run(signature, request.tensors)
        return write_predictions(outputs) if request.by_row else write_outputs(outputs)

    def _regress(self, document: dict[str, Json], servable: Servable) -> bytes:
        outputs, examples = _run_examples(document, servable, "regression", frozenset({"outputs"}), most=1)
        values = outputs["outputs"]
        if values.ndim != 1 and values.shape[1:] != (1,):
            raise invalid_argument(
                f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {_shape(values)}"
            )
        _check_examples(values, examples, "Input batch size did not match output batch size: {0} vs. {1}")
        _check_float(values, "output")
        return write_regressions(values)

    def _classify(self, document: dict[str, Json], servable: Servable) -> bytes:
        given_names = frozenset({"classes", "scores"})
        outputs, examples = _run_examples(document, servable, "classification", given_names, most=2)
        classes, scores = outputs.get("classes"), outputs.get("scores")
        given = [tensor for tensor in (classes, scores) if tensor is not None]
        for tensor in given:
            if tensor.ndim != 2:
                raise invalid_argument(f"Expected Tensor shape: [batch_size num_classes] but got {_shape(tensor)}")
            _check_examples(tensor, examples, "Expected output batch size of {0}. Got: {1}")
        if scores is not None:
            _check_float(scores, "scores")
        if len({tensor.shape[1] for tensor in given}) > 1:
            raise invalid_argument("Tensors class and score should match in dim_size(1).")
        shape = given[0].shape
        labels = [[b""] * shape[1]] * shape[0] if classes is None else classes.tolist()
        numbers = [[0.0] * shape[1]] * shape[0] if scores is None else scores.tolist()
        return write_classifications(
            [list(zip(row, values, strict=True)) for row, values in zip(labels, numbers, strict=True)]
        )


def _version(digits: str | None) -> int | None:
    """Read a version number, of 64 bits at most."""
    if digits is None:
        return None
    if len(digits) > _LONGEST_VERSION or int(digits) >= 2**63:
        raise invalid_argument(f"Failed to convert version: {digits[:_LONGEST_VERSION]} to numeric value")
    return int(digits)


def _signature_name(document: dict[str, Json]) -> str:
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid_argument(
            f"JSON Value: {describe(document)} not formatted correctly. 'signature_name' key must be a string value."
        )
    return name or _DEFAULT_SIGNATURE


def _run_examples(
    document: dict[str, Json], servable: Servable, noun: str, outputs: frozenset[str], *, most: int
) -> tuple[dict[str, Tensor], int]:
    """Run a signature that takes serialized ``tf.train.Example``; return its outputs and how many examples went in."""
    import numpy as np

    from elasticache_police.serving.examples import read_examples

    name = _signature_name(document)
    examples = read_examples(document)
    signature = servable.signatures.get(name)
    if signature is None:
        raise invalid_argument(f"No signature was found with the name: {name}")
    _check_signature(signature, noun, outputs, most)
    tensor = np.empty(len(examples), object)
    tensor[:] = examples
    return servable.run(signature, {"inputs": tensor}), len(examples)


def _check_signature(signature: Signature, noun: str, outputs: frozenset[str], most: int) -> None:
    """Check what a signature takes and gives, not its method: TensorFlow Serving does not either, by default.

    Models that TensorFlow 2 saved say ``tensorflow/serving/predict`` of every signature.
    """
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if not 1 <= len(signature.outputs) <= most:
        wanted = "one output Tensor." if most == 1 else f"one or two output Tensors, found {len(signature.outputs)}"
        raise invalid_argument(f"Expected {wanted}")
    if "inputs" not in signature.inputs:
        raise invalid_argument(f"No {noun} inputs found in SignatureDef: {signature.name}")
    if not outputs & signature.outputs.keys():
        raise invalid_argument(
            f"No {noun} outputs found in SignatureDef: {signature.name}"
            if most == 1
            else f'Expected {noun} signature outputs to contain at least one of "classes" or "scores". '
            f"Signature was: {signature.name}"
        )


def _check_examples(tensor: Tensor, examples: int, message: str) -> None:
    if tensor.shape[0] != examples:
        raise invalid_argument(message.format(examples, tensor.shape[0]))


def _check_float(tensor: Tensor, what: str) -> None:
    if tensor.dtype.name != "float32":
        raise invalid_argument(f"Expected {what} Tensor of DT_FLOAT. Got: {tensor.dtype.name}")


def _shape(tensor: Tensor) -> str:
    return "[" + ",".join(map(str, tensor.shape)) + "]"
