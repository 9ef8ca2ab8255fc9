"""Requests that a model is asked before it is called ready, so that no user pays for what TensorFlow prepares at first.

TensorFlow Serving reads them from ``assets.extra/tf_serving_warmup_requests`` of a SavedModel: TFRecords of
``tensorflow.serving.PredictionLog``. What of those messages is needed is declared here with the numbers of
``prediction_log.proto`` and ``predict.proto``: their package, ``tensorflow-serving-api``, would install a second
TensorFlow beside ``tensorflow-cpu``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from elasticache_police.errors import ModelFileError
from elasticache_police.imaging import LINE_HEIGHT, LINE_WIDTH

if TYPE_CHECKING:
    import numpy as np

__all__ = ["REQUESTS", "WarmupRequest", "read_requests", "write_requests"]

REQUESTS = "assets.extra/tf_serving_warmup_requests"
"""Where in the directory of a SavedModel they lie."""
MOST_REQUESTS = 1000
"""TensorFlow Serving takes no more."""
_PAGE = Path(__file__).with_name("warmup.png")
"""A page with names right and wrong, level and turned, as a file: what a font makes of them may change."""
_PACKAGE = "elasticache_police.warmup"


@attrs.frozen(kw_only=True, eq=False)
class WarmupRequest:
    """A call of a model."""

    signature: str
    """Empty for the default one."""
    inputs: dict[str, np.ndarray]
    """By the names of the signature's inputs."""


@functools.cache
def _prediction_log() -> Any:  # noqa: ANN401  a class made at run time
    """Return the message's class. A map on the wire is a list of keys and values, and a tensor is bytes."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="elasticache_police/warmup.proto", package=_PACKAGE, syntax="proto3")
    fields = {
        "ModelSpec": {"signature_name": (3, kinds.TYPE_STRING)},
        "Input": {"name": (1, kinds.TYPE_STRING), "tensor": (2, kinds.TYPE_BYTES)},
        "PredictRequest": {"model_spec": (1, "ModelSpec"), "inputs": (2, "Input")},
        "PredictLog": {"request": (1, "PredictRequest")},
        "PredictionLog": {"predict_log": (6, "PredictLog")},
    }
    for name, members in fields.items():
        message = file.message_type.add(name=name)
        for member, (number, kind) in members.items():
            field = message.field.add(name=member, number=number, label=kinds.LABEL_OPTIONAL)
            if member == "inputs":
                field.label = kinds.LABEL_REPEATED
            if isinstance(kind, str):
                field.type, field.type_name = kinds.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                field.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.PredictionLog"))


def write_requests(saved_model: Path) -> Path:
    """Give a SavedModel of ours one request for each of its signatures.

    Args:
        saved_model: The directory with ``saved_model.pb``.

    Returns:
        The file.
    """
    import tensorflow as tf

    page = tf.make_tensor_proto([_PAGE.read_bytes()], tf.string)
    line = tf.make_tensor_proto(1.0, tf.float32, shape=[1, LINE_HEIGHT, LINE_WIDTH, 1])
    path = saved_model / REQUESTS
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as records:
        for signature, name, tensor in (
            ("inspect", "image_bytes", page),
            ("classify", "image_bytes", page),
            ("serving_default", "image", line),
        ):
            log = _prediction_log()()
            log.predict_log.request.model_spec.signature_name = signature
            log.predict_log.request.inputs.add(name=name, tensor=tensor.SerializeToString(deterministic=True))
            records.write(log.SerializeToString(deterministic=True))
    return path


def read_requests(saved_model: Path) -> Iterator[WarmupRequest]:
    """Yield the requests of any SavedModel, none where it has none.

    Those that are no calls of ``Predict`` are passed over.

    Args:
        saved_model: The directory with ``saved_model.pb``.

    Raises:
        ModelFileError: The file is damaged, or has too many.
    """
    import tensorflow as tf
    from google.protobuf.message import DecodeError
    from tensorflow.core.framework.tensor_pb2 import TensorProto

    path = saved_model / REQUESTS
    if not path.is_file():
        return
    try:
        for number, record in enumerate(tf.compat.v1.io.tf_record_iterator(str(path))):
            if number == MOST_REQUESTS:
                raise ModelFileError(
                    f"{path}: more than {MOST_REQUESTS} warm-up requests, which is all that are allowed"
                )
            request = _prediction_log().FromString(record).predict_log.request
            inputs = {one.name: tf.make_ndarray(TensorProto.FromString(one.tensor)) for one in request.inputs}
            if inputs:
                yield WarmupRequest(signature=request.model_spec.signature_name, inputs=inputs)
    except (tf.errors.OpError, DecodeError, TypeError, ValueError) as error:
        raise ModelFileError(f"{path}: no warm-up requests as TensorFlow Serving writes them: {error}") from error
