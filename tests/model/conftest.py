"""This folder's helper modules within reach, and the packaged model as the graph that is deployed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def packaged():
    """The packaged model's directory."""
    from elasticache_police.runtime import files

    return files.PACKAGED


@pytest.fixture(scope="session")
def runtime(packaged):
    from elasticache_police.runtime import Runtime

    return Runtime.load(packaged)


@pytest.fixture(scope="session")
def exported(packaged, tmp_path_factory):
    """What `elasticache-police export` writes of it."""
    from elasticache_police.model.export import export

    return export(packaged, tmp_path_factory.mktemp("exported"), max_pixels=4_000_000)


@pytest.fixture(scope="session")
def served(exported):
    """Its signatures, as TensorFlow Serving would call them."""
    import tensorflow as tf

    model = tf.saved_model.load(str(exported.saved_model))

    def call(signature, **inputs):
        answer = model.signatures[signature](**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: tensor.numpy() for name, tensor in answer.items()}

    return call
