"""A SavedModel without the names and numbers of the process that wrote it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import tensorflow as tf

__all__ = ["save"]


def save(functions: Mapping[str, Callable[..., dict[str, tf.Tensor]]], directory: Path) -> None:
    """Write functions as the signatures of a SavedModel.

    Args:
        functions: Functions of TensorFlow with an input signature, by the signature's name.
        directory: Made; must not exist.
    """
    tf.saved_model.save(tf.Module(), str(directory), signatures=dict(functions))
