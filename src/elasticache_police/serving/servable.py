"""A SavedModel that answers, as TensorFlow Serving runs it: a TensorFlow 1 session over the graph, fed by tensor name.

That runs models of TensorFlow 1 and 2 alike and reads all of a signature: the tensors behind the names. TensorFlow is
imported here and nowhere else in this package, when a model is loaded.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import attrs

from elasticache_police.errors import ModelFileError
from elasticache_police.serving.status import Code, ServingStatusError

if TYPE_CHECKING:
    from typing import Protocol

    import numpy as np
    from numpy.typing import NDArray

    class TensorInfo(Protocol):
        """What a signature says of a tensor."""

        name: str
        dtype: int

    Tensor = NDArray[np.generic]

__all__ = ["Servable", "Signature", "load", "warm_up"]

_log = logging.getLogger(__name__)

_SERVING_TYPES = {"float32": "float", "float64": "double", "float16": "half"}
"""Where TensorFlow Serving's name for a type is another than TensorFlow's in Python."""


@attrs.frozen(kw_only=True)
class TensorSpec:
    """A tensor behind an input or output of a signature."""

    tensor: str
    """Its name in the graph, such as ``x:0``."""
    dtype: str
    """TensorFlow's name for its type, such as ``float``."""


@attrs.frozen(kw_only=True)
class Signature:
    """A way to call a model."""

    name: str
    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]

    @property
    def dtypes(self) -> dict[str, str]:
        """TensorFlow's type name by input name."""
        return {name: spec.dtype for name, spec in self.inputs.items()}


class Servable:
    """One loaded version of a model. Safe to call from several threads."""

    def __init__(
        self,
        signatures: Mapping[str, Signature],
        make_call: Callable[[Sequence[str], Sequence[str]], Callable[..., list[Tensor]]],
        error_type: type[Exception],
    ) -> None:
        self.signatures = signatures
        self._make_call = make_call
        self._error_type = error_type
        self._calls: dict[str, Callable[..., list[Tensor]]] = {}
        self._lock = threading.Lock()

    def run(self, signature: Signature, feeds: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Run the model.

        Args:
            signature: One of :attr:`signatures`.
            feeds: A tensor for every input of the signature.

        Returns:
            A tensor for every output of the signature.

        Raises:
            ServingStatusError: TensorFlow refused, with its code and message.
        """
        call = self._call(signature)
        try:
            results = call(*(feeds[name] for name in signature.inputs))
        except self._error_type as error:
            number, message = getattr(error, "error_code", 2), str(getattr(error, "message", error))
            raise ServingStatusError(Code.of_number(number), message) from error
        return dict(zip(signature.outputs, results, strict=True))

    def _call(self, signature: Signature) -> Callable[..., list[Tensor]]:
        with self._lock:
            if signature.name not in self._calls:
                self._calls[signature.name] = self._make_call(
                    [spec.tensor for spec in signature.inputs.values()],
                    [spec.tensor for spec in signature.outputs.values()],
                )
            return self._calls[signature.name]


def load(path: Path, *, intra_op_threads: int = 0, inter_op_threads: int = 0) -> Servable:
    """Load a SavedModel's ``serve`` graph.

    Args:
        path: The directory with ``saved_model.pb``.
        intra_op_threads: TensorFlow's threads within an operation; 0 leaves it to TensorFlow.
        inter_op_threads: TensorFlow's threads across operations; 0 leaves it to TensorFlow.

    Raises:
        ModelFileError: TensorFlow cannot load it.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf.config_pb2 import CallableOptions

    v1 = tf.compat.v1
    v1.logging.set_verbosity(v1.logging.ERROR)
    config = v1.ConfigProto(
        intra_op_parallelism_threads=intra_op_threads, inter_op_parallelism_threads=inter_op_threads
    )
    config.gpu_options.allow_growth = True
    session = v1.Session(graph=v1.Graph(), config=config)
    try:
        with session.graph.as_default():
            meta_graph = v1.saved_model.load(session, ["serve"], str(path))
    except (tf.errors.OpError, OSError, ValueError, RuntimeError) as error:
        raise ModelFileError(f"{path}: TensorFlow {tf.__version__} cannot load it: {error}") from error

    def make_call(feed: Sequence[str], fetch: Sequence[str]) -> Callable[..., list[Tensor]]:
        # As TensorFlow Serving, and unlike Session.run, this feeds tensors of any shape: what the operations make of
        # them is the model's affair. half_plus_three declares (?, 1) and is asked for (3,) in the container's tests.
        options = CallableOptions(feed=feed, fetch=fetch)
        return cast("Callable[..., list[Tensor]]", session._make_callable_from_options(options))  # noqa: SLF001

    def specs(infos: Mapping[str, TensorInfo]) -> dict[str, TensorSpec]:
        types = {name: tf.dtypes.as_dtype(info.dtype).name for name, info in infos.items()}
        return {
            name: TensorSpec(tensor=infos[name].name, dtype=_SERVING_TYPES.get(types[name], types[name]))
            for name in sorted(infos)
        }

    signatures = {
        name: Signature(
            name=name,
            inputs=specs(definition.inputs),
            outputs=specs(definition.outputs),
        )
        for name, definition in meta_graph.signature_def.items()
        if definition.method_name
    }
    _log.info("loaded %s with signatures %s", path, ", ".join(sorted(signatures)))
    return Servable(signatures, make_call, tf.errors.OpError)


def warm_up(model: Servable, path: Path) -> None:
    """Let a model answer the requests that its SavedModel brings along, as TensorFlow Serving does before it is ready.

    Args:
        model: What :func:`load` returned.
        path: The directory with ``saved_model.pb``.

    Raises:
        ModelFileError: The requests cannot be read, or the model refuses one: TensorFlow Serving would not serve it.
    """
    from elasticache_police.model.warmup import REQUESTS, read_requests

    for request in read_requests(path):
        name = request.signature or "serving_default"
        signature = model.signatures.get(name)
        if signature is None or set(request.inputs) != set(signature.inputs):
            raise ModelFileError(
                f"{path / REQUESTS}: no signature {name!r} of the model takes {sorted(request.inputs)}"
            )
        started = time.monotonic()
        try:
            model.run(signature, request.inputs)
        except ServingStatusError as error:
            raise ModelFileError(f"{path / REQUESTS}: {name} refused its warm-up request: {error}") from error
        _log.info("warmed up %s of %s in %.1f s", name, path, time.monotonic() - started)
