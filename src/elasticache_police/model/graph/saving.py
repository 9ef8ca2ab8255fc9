"""A SavedModel without a trace of the process that wrote it: the same functions give the same bytes.

TensorFlow numbers the functions of a graph with a counter of the process, writes maps in any order, and adds a file
with a random identifier, ``fingerprint.pb``, which nothing needs. Here functions are numbered in the order in which
the signatures reach them, maps are sorted, and that file is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

if TYPE_CHECKING:
    from tensorflow.core.framework.attr_value_pb2 import AttrValue, NameAttrList
    from tensorflow.core.framework.function_pb2 import FunctionDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

__all__ = ["save"]

_NUMBER = re.compile(r"\d+")
_COUNTED = re.compile(r"_\d+$")
"""Ends the name of an argument that TensorFlow made up."""
_UNUSED = re.compile(r"_\d+(?=___redundant_placeholder)")
"""The counter in the name of an argument that the body of a loop has only because its condition has it."""


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
    """Name the functions of a graph after their order rather than after the process's counters."""
    graph = meta_graph.graph_def
    bodies = {function.signature.name: function for function in graph.library.function}
    order: dict[str, None] = {}
    for name in (*_calls(graph.node), *sorted(bodies, key=_made)):
        _reach(name, bodies, order)
    renamed = {name: f"{_NUMBER.sub('', name).rstrip('_')}_{number}" for number, name in enumerate(order)}
    library = [bodies[name] for name in order]
    for function in library:
        function.signature.name = renamed[function.signature.name]
        for argument in function.signature.input_arg:
            argument.name = _UNUSED.sub("", argument.name)
        _rename_calls(function.node_def, renamed)
        _rename_arguments(function)
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


def _made(name: str) -> tuple[str, int]:
    """Return what sorts names of functions; those of one kind in the order in which they were made."""
    numbers = _NUMBER.findall(name)
    return _NUMBER.sub("", name), int(numbers[-1]) if numbers else -1


def _reach(name: str, bodies: Mapping[str, FunctionDef], order: dict[str, None]) -> None:
    """Add a function and those that it calls."""
    if name in bodies and name not in order:
        order[name] = None
        for called in _calls(bodies[name].node_def):
            _reach(called, bodies, order)


def _calls(nodes: Iterable[NodeDef]) -> Iterator[str]:
    """Yield the names of what nodes call."""
    for node in nodes:
        yield node.op
        for key in sorted(node.attr):
            for call in _functions(node.attr[key]):
                yield call.name


def _functions(value: AttrValue) -> Iterable[NameAttrList]:
    kind = value.WhichOneof("value")
    return [value.func] if kind == "func" else value.list.func if kind == "list" else []


def _rename_arguments(function: FunctionDef) -> None:
    """Name the arguments and results of a function that are called after a counter by their places."""
    renamed = {
        argument.name: f"argument_{place}"
        for place, argument in enumerate(function.signature.input_arg)
        if _COUNTED.search(argument.name)
    }
    for argument in function.signature.input_arg:
        argument.name = renamed.get(argument.name, argument.name)
    for node in function.node_def:
        node.input[:] = [renamed.get(source, source) for source in node.input]
    given = {output: renamed.get(source, source) for output, source in function.ret.items()}
    function.ret.clear()
    for place, result in enumerate(function.signature.output_arg):
        source = given[result.name]
        if _COUNTED.search(result.name):  # an argument of a loop that is handed on
            result.name = f"result_{place}"
        function.ret[result.name] = source


def _rename_calls(nodes: Iterable[NodeDef], renamed: Mapping[str, str]) -> None:
    for node in nodes:
        node.op = renamed.get(node.op, node.op)
        for value in node.attr.values():
            for call in _functions(value):
                call.name = renamed.get(call.name, call.name)
