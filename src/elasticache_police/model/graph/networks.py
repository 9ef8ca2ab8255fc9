"""A network of a model directory as a TensorFlow function, read back from its ONNX file.

So what is deployed is exactly what runs locally, and no training checkpoint is needed. ONNX has channels second,
TensorFlow's convolutions on a CPU want them last: everything here stays channels last, so the two transpositions that
:mod:`elasticache_police.model.onnx_graph` writes fall away.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import tensorflow as tf
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper

from elasticache_police.errors import ModelFileError

__all__ = ["Network", "load"]

Network = Callable[[tf.Tensor], tf.Tensor]
"""uint8 (N, H, W, 1) -> float32."""

_SIMPLE: dict[str, Callable[..., tf.Tensor]] = {
    "Add": tf.add,
    "Div": tf.divide,
    "Greater": tf.greater,
    "Identity": tf.identity,
    "Mul": tf.multiply,
    "Neg": tf.negative,
    "Relu": tf.nn.relu,
    "Sqrt": tf.sqrt,
    "Sub": tf.subtract,
    "Where": tf.where,
}
_OTHERS = ("Cast", "Conv", "GlobalAveragePool", "ReduceMean", "Reshape", "Transpose")


def load(path: Path) -> Network:
    """Return a network as a function to build graphs with.

    Args:
        path: ``finder.onnx`` or ``reader.onnx`` of a model directory.

    Raises:
        ModelFileError: It is missing, no ONNX file, or holds what `elasticache-police train` does not write.
    """
    try:
        graph = onnx.load(path).graph
    except (OSError, DecodeError) as error:
        raise ModelFileError(f"{path} cannot be read as ONNX: {error}") from error
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    unknown = sorted({node.op_type for node in graph.node} - {*_SIMPLE, *_OTHERS})
    if unknown:
        raise ModelFileError(f"{path} holds operations that no model of ours has: {', '.join(unknown)}")

    late = _late_biases(graph)

    def network(image: tf.Tensor) -> tf.Tensor:
        values: dict[str, tf.Tensor | np.ndarray] = {**constants, graph.input[0].name: image}
        for node in graph.node:
            attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
            inputs = [values[name] for name in node.input]
            if node.output[0] in late:
                inputs = inputs[:2]
            elif node.op_type == "Add":
                biases = [late.get(name) for name in reversed(node.input)]
                inputs = [
                    one if bias is None else tf.add(one, constants[bias])
                    for one, bias in zip(inputs, biases, strict=True)
                ]
            values[node.output[0]] = _apply(node.op_type, inputs, attributes)
        return values[graph.output[0].name]

    return network


def _late_biases(graph: onnx.GraphProto) -> dict[str, str]:
    """Return the convolutions that do nothing but go into a sum, and the names of their biases.

    These are added to the other operand. TensorFlow with oneDNN fuses a convolution, its bias and a sum into one
    operation, which calls at the same time, such as looks at several places, share and damage.
    """
    uses = collections.Counter(name for node in graph.node for name in node.input)
    summed = {name for node in graph.node if node.op_type == "Add" for name in node.input if uses[name] == 1}
    return {node.output[0]: node.input[2] for node in graph.node if node.op_type == "Conv" and node.output[0] in summed}


def _apply(kind: str, inputs: list[tf.Tensor | np.ndarray], attributes: dict[str, object]) -> tf.Tensor:
    if kind in _SIMPLE:
        return _SIMPLE[kind](*inputs)
    if kind == "Cast":
        return tf.cast(inputs[0], tf.float32)
    if kind == "GlobalAveragePool":
        return tf.reduce_mean(inputs[0], axis=[1, 2], keepdims=True)
    if kind == "ReduceMean":
        return tf.reduce_mean(inputs[0], axis=attributes["axes"], keepdims=True)
    if kind == "Reshape":
        shape, target = tf.shape(inputs[0]), np.asarray(inputs[1]).tolist()
        return tf.reshape(inputs[0], [size or shape[axis] for axis, size in enumerate(target)])
    if kind == "Transpose":
        return inputs[0]
    image, kernel, *bias = inputs
    padding = "SAME" if attributes.get("auto_pad") == b"SAME_UPPER" else "VALID"
    answer = tf.nn.conv2d(image, np.asarray(kernel).transpose(2, 3, 1, 0), attributes["strides"], padding)
    return tf.nn.bias_add(answer, bias[0]) if bias else answer
