"""A Keras network as ONNX: batch normalisation folded into the convolutions, the same bytes for the same weights.

Written out node by node rather than by a converter, so that it works with any Keras backend, needs neither TensorFlow
nor JAX nor PyTorch, names nothing after counters of this process, and holds few enough kinds of nodes that
:mod:`elasticache_police.model.graph.networks` reads the file back. Only the layers of
:mod:`elasticache_police.model.networks` are known; a new kind of layer is a new branch in :meth:`_Writer.add`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs
import keras
import numpy as np
import onnx
from keras import layers
from onnx import TensorProto, helper, numpy_helper

from elasticache_police.errors import TrainingError
from elasticache_police.model.networks import LineNormalization, NeighboursContext

__all__ = ["network_bytes", "write_network"]

IMAGE, ANSWER = "image", "answer"
"""Names of the input and of the output."""
_OPSET = 17
_IR_VERSION = 8  # what onnxruntime has read since 1.13
_TO_CHANNELS_FIRST, _TO_CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


@attrs.define
class _Convolution:
    """A convolution whose batch normalisation, if any, is still to come."""

    source: str
    kernel: np.ndarray
    """float32 (height, width, in, out), as Keras has it."""
    bias: np.ndarray
    strides: tuple[int, int]
    padding: str


def write_network(model: keras.Model, path: Path) -> None:
    """Write a network as ONNX.

    Args:
        model: A model of :mod:`elasticache_police.model.networks`.
        path: The file; replaced when it exists.

    Raises:
        TrainingError: The model has a layer that cannot be written.
    """
    path.write_bytes(network_bytes(model))


def network_bytes(model: keras.Model) -> bytes:
    """Return a network as an ONNX file: input ``image`` uint8 (N, H, W, 1), output ``answer`` float32.

    Raises:
        TrainingError: The model has a layer that cannot be written.
    """
    writer = _Writer()
    writer.names[id(model.inputs[0])] = writer.node("Cast", [IMAGE], to=TensorProto.FLOAT)
    for layer in model.layers:
        if isinstance(layer, NeighboursContext):
            writer.skip(layer)
        elif not isinstance(layer, layers.InputLayer):
            writer.add(layer)
    writer.finish(model.outputs[0])
    graph = helper.make_graph(
        writer.nodes,
        model.name,
        [helper.make_tensor_value_info(IMAGE, TensorProto.UINT8, _shape(model.inputs[0].shape))],
        [helper.make_tensor_value_info(ANSWER, TensorProto.FLOAT, [None] * len(model.outputs[0].shape))],
        writer.constants,
    )
    proto = helper.make_model(
        graph,
        producer_name="elasticache-police",
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    onnx.checker.check_model(proto, full_check=True)
    content: bytes = proto.SerializeToString(deterministic=True)
    return content


def _shape(shape: Iterable[int | None]) -> list[int | str]:
    return [name if size is None else size for name, size in zip(("N", "H", "W", "C"), shape, strict=True)]


class _Writer:
    """Collects the nodes of a graph. Between the two transpositions channels are second, as ONNX wants them."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.names: dict[int, str] = {}
        """The name in the graph of a tensor of the Keras model, by its id."""
        self._convolutions: dict[int, _Convolution] = {}
        self._channels_first: set[str] = set()

    def node(self, kind: str, inputs: list[str], **attributes: object) -> str:
        """Add a node and return the name of what it gives."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def constant(self, values: np.ndarray | np.float32) -> str:
        """Add a constant and return its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, layer: keras.Layer) -> None:
        """Add a layer.

        Raises:
            TrainingError: It is of a kind that cannot be written.
        """
        if isinstance(layer, layers.Conv2D) and layer.activation is keras.activations.linear:
            self._convolutions[id(layer.output)] = self._convolution(layer)
        elif isinstance(layer, layers.BatchNormalization) and id(layer.input) in self._convolutions:
            self._convolutions[id(layer.output)] = _folded(self._convolutions.pop(id(layer.input)), layer)
        elif isinstance(layer, layers.ReLU):
            self._put(layer, "Relu", [self._name(layer.input)])
        elif isinstance(layer, layers.Add | layers.Multiply):
            kind = "Add" if isinstance(layer, layers.Add) else "Mul"
            first, *others = (self._name(tensor) for tensor in layer.input)
            for other in others:
                self._put(layer, kind, [first, other])
                first = self.names[id(layer.output)]
        elif isinstance(layer, layers.GlobalAveragePooling2D) and layer.keepdims:
            self._put(layer, "GlobalAveragePool", [self._channels_second(self._name(layer.input))])
        elif isinstance(layer, layers.Rescaling):
            # Channels second first: onnxruntime is slow to scale a tensor whose last axis has one element.
            source = self._channels_second(self._name(layer.input))
            scaled = self.node("Mul", [source, self.constant(np.float32(layer.scale))])
            self._channels_first.add(self.node("Add", [scaled, self.constant(np.float32(layer.offset))]))
            self.names[id(layer.output)] = self.nodes[-1].name
        elif isinstance(layer, LineNormalization):
            self.names[id(layer.output)] = self._line_normalization(self._name(layer.input))
        elif isinstance(layer, layers.Reshape):
            last = self._channels_last(self._name(layer.input))
            target = np.array([0, *(-1 if size is None else size for size in layer.target_shape)], np.int64)
            self._put(layer, "Reshape", [last, self.constant(target)])
        else:
            raise TrainingError(
                f"cannot export the layer {layer.name} of {type(layer).__name__}: write it in {__name__}"
            )

    def skip(self, layer: keras.Layer) -> None:
        """Leave out a layer that does nothing but in training."""
        self.names[id(layer.output)] = self._name(layer.input)

    def finish(self, tensor: keras.KerasTensor) -> None:
        """Make a tensor of the Keras model the graph's answer."""
        self.nodes.append(helper.make_node("Identity", [self._channels_last(self._name(tensor))], [ANSWER], ANSWER))

    def _put(self, layer: keras.Layer, kind: str, inputs: list[str]) -> None:
        name = self.node(kind, inputs)
        self.names[id(layer.output)] = name
        if kind != "Reshape" and any(source in self._channels_first for source in inputs):
            self._channels_first.add(name)

    def _convolution(self, layer: layers.Conv2D) -> _Convolution:
        kernel, *bias = (np.asarray(weight, np.float32) for weight in layer.get_weights())
        if layer.groups != 1 or tuple(layer.dilation_rate) != (1, 1):
            raise TrainingError(
                f"cannot export the layer {layer.name}: grouped and dilated convolutions are not written yet"
            )
        return _Convolution(
            source=self._name(layer.input),
            kernel=kernel,
            bias=bias[0] if bias else np.zeros(layer.filters, np.float32),
            strides=tuple(layer.strides),
            padding=layer.padding,
        )

    def _name(self, tensor: keras.KerasTensor) -> str:
        """Return the name of a tensor; a convolution is written when it is first asked for."""
        pending = self._convolutions.pop(id(tensor), None)
        if pending is not None:
            weights = [self.constant(pending.kernel.transpose(3, 2, 0, 1)), self.constant(pending.bias)]
            attributes: dict[str, object] = {"auto_pad": "SAME_UPPER"} if pending.padding == "same" else {}
            name = self.node(
                "Conv",
                [self._channels_second(pending.source), *weights],
                kernel_shape=pending.kernel.shape[:2],
                strides=pending.strides,
                **attributes,
            )
            self._channels_first.add(name)
            self.names[id(tensor)] = name
        return self.names[id(tensor)]

    def _channels_second(self, name: str) -> str:
        if name in self._channels_first:
            return name
        return self.node("Transpose", [name], perm=_TO_CHANNELS_FIRST)

    def _channels_last(self, name: str) -> str:
        if name not in self._channels_first:
            return name
        return self.node("Transpose", [name], perm=_TO_CHANNELS_LAST)

    def _line_normalization(self, line: str) -> str:
        """Write :class:`~elasticache_police.model.networks.LineNormalization`."""

        def mean(name: str) -> str:
            return self.node("ReduceMean", [name], axes=[1, 2, 3], keepdims=1)

        level = self.node("Sub", [line, mean(line)])
        spread = self.node("Sqrt", [mean(self.node("Mul", [level, level]))])
        even = self.node("Div", [level, self.node("Add", [spread, self.constant(np.float32(1.0))])])
        skew = mean(self.node("Mul", [self.node("Mul", [even, even]), even]))
        dark = self.node("Greater", [skew, self.constant(np.float32(0.0))])
        return self.node("Where", [dark, self.node("Neg", [even]), even])


def _folded(convolution: _Convolution, layer: layers.BatchNormalization) -> _Convolution:
    """Return a convolution that does what it and a batch normalisation after it do."""
    gamma, beta, mean, variance = (np.asarray(weight, np.float64) for weight in layer.get_weights())
    factor = gamma / np.sqrt(variance + layer.epsilon)
    return attrs.evolve(
        convolution,
        kernel=(convolution.kernel * factor).astype(np.float32),
        bias=((convolution.bias - mean) * factor + beta).astype(np.float32),
    )
