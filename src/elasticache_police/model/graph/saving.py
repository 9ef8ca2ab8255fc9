"""A SavedModel without a trace of the process that wrote it: the same functions give the same bytes.

TensorFlow numbers the functions of a graph with a counter of the process, writes maps in any order, and adds a file
with a random identifier, ``fingerprint.pb``, which nothing needs. Here functions are numbered by their order, maps are
sorted, and that file is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

if TYPE_CHECKING:
    from tensorflow.core.framework.node_def_pb2 import NodeDef
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

__all__ = ["save"]

_NUMBER = re.compile(r"\d+")


def save(functions: Mapping[str, Callable[..., dict[str, tf.Tensor]]], directory: Path) -> None:
    """Write functions as the signatures of a SavedModel.

    Args:
        functions: Functions of TensorFlow with an input signature, by the signature's name.
        directory: Made; must not exist.
    """
    tf.saved_model.save(tf.Module(), str(directory), signatures=dict(functions))
    (directory / "fingerprint.pb").unlink(missing_ok=True)
    path = directory / "saved_model.pb"
    saved = SavedModel.FromString(path.read_bytes())
    for meta_graph in saved.meta_graphs:
        _renumber(meta_graph)
    path.write_bytes(saved.SerializeToString(deterministic=True))


def _renumber(meta_graph: MetaGraphDef) -> None:
    """Name the functions of a graph after their order rather than after the process's counter."""
    graph = meta_graph.graph_def
    library = sorted(graph.library.function, key=lambda function: _order(function.signature.name))
    renamed = {
        function.signature.name: f"{_NUMBER.sub('', function.signature.name).rstrip('_')}_{number}"
        for number, function in enumerate(library)
    }
    for function in library:
        function.signature.name = renamed[function.signature.name]
        _rename_calls(function.node_def, renamed)
    del graph.library.function[:]
    graph.library.function.extend(library)
    _rename_calls(graph.node, renamed)
    objects = meta_graph.object_graph_def
    concrete = {name: objects.concrete_functions[name] for name in sorted(objects.concrete_functions)}
    copies = {renamed[name]: type(made).FromString(made.SerializeToString()) for name, made in concrete.items()}
    objects.concrete_functions.clear()
    for name, made in copies.items():
        objects.concrete_functions[name].CopyFrom(made)
    for node in objects.nodes:
        kind = node.WhichOneof("kind")
        if kind == "bare_concrete_function":
            bare = node.bare_concrete_function
            bare.concrete_function_name = renamed[bare.concrete_function_name]
        elif kind == "function":
            node.function.concrete_functions[:] = [renamed[name] for name in node.function.concrete_functions]


def _order(name: str) -> tuple[int, str]:
    """Return what sorts names of functions in the order in which the functions were made."""
    numbers = _NUMBER.findall(name)
    return int(numbers[-1]) if numbers else -1, name


def _rename_calls(nodes: Iterable[NodeDef], renamed: Mapping[str, str]) -> None:
    for node in nodes:
        node.op = renamed.get(node.op, node.op)
        for value in node.attr.values():
            kind = value.WhichOneof("value")
            calls = [value.func] if kind == "func" else value.list.func if kind == "list" else []
            for call in calls:
                call.name = renamed.get(call.name, call.name)
