"""Networks become files: the same weights the same bytes, and the files say what the networks say."""

from __future__ import annotations

import os
import tarfile
import time

import numpy as np
import pytest
from click.testing import CliRunner

from elasticache_police.errors import ModelFileError, TrainingError

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def networks():
    """Both networks with weights, and statistics of batch normalisation, that are not those of a new network."""
    from elasticache_police.model import networks

    models = networks.finder(channels=16, blocks=1), networks.reader()
    generator = np.random.default_rng(3)
    for model in models:
        model.set_weights([generator.uniform(0.1, 0.4, weight.shape) * _sign(weight) for weight in model.get_weights()])
    return models


def _sign(weight):
    """Return factors that keep variances positive and make kernels of both signs."""
    return 1.0 if weight.ndim == 1 else np.where(np.arange(weight.size).reshape(weight.shape) % 2, 0.2, -0.2)


def test_onnx_says_what_the_network_says(networks, tmp_path):
    import onnxruntime

    from elasticache_police.model.export import export_onnx

    paths = export_onnx(*networks, tmp_path / "model")
    assert [path.name for path in paths] == ["finder.onnx", "reader.onnx"]
    generator = np.random.default_rng(4)
    for path, network, shape in zip(paths, networks, ((2, 40, 72, 1), (2, 32, 112, 1)), strict=True):
        image = generator.integers(0, 256, shape, np.uint8)
        session = onnxruntime.InferenceSession(str(path))
        [answer] = session.run(None, {session.get_inputs()[0].name: image})
        expected = np.asarray(network(image.astype(np.float32), training=False))
        np.testing.assert_allclose(answer, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("file", ["finder.onnx", "reader.onnx"])
def test_no_convolution_goes_into_a_sum_with_its_bias(file):
    """TensorFlow with oneDNN would make one operation of the three, which is not safe to call twice at a time."""
    import tensorflow as tf

    from elasticache_police.model.graph.networks import load
    from elasticache_police.runtime.files import PACKAGED

    network = tf.function(load(PACKAGED / file))
    operations = network.get_concrete_function(tf.TensorSpec([1, 32, 64, 1], tf.uint8)).graph.get_operations()
    biased = {operation.outputs[0].name for operation in operations if operation.type == "BiasAdd"}
    sums = [operation for operation in operations if operation.type == "AddV2"]
    assert biased
    assert sums
    assert not [one.name for one in sums if biased & {tensor.name for tensor in one.inputs}]


def test_the_same_weights_give_the_same_onnx_bytes_in_whatever_order_networks_are_made(networks):
    from elasticache_police.model import networks as make
    from elasticache_police.model.onnx_graph import network_bytes

    again = make.reader()
    again.set_weights(networks[1].get_weights())
    assert network_bytes(again) == network_bytes(networks[1])
    weights = again.get_weights()
    weights[0][0] += 0.01
    again.set_weights(weights)
    assert network_bytes(again) != network_bytes(networks[1])


def test_a_layer_that_cannot_be_written_is_named():
    import keras

    from elasticache_police.model.onnx_graph import network_bytes

    page = keras.Input((32, 32, 1))
    model = keras.Model(page, keras.layers.MaxPooling2D()(page))
    with pytest.raises(TrainingError, match="MaxPooling2D"):
        network_bytes(model)


def test_the_same_model_gives_the_same_saved_model_and_archive(exported, packaged, tmp_path):
    """In a process that made other functions before, at another time."""
    from elasticache_police.model.export import export

    again = export(packaged, tmp_path, max_pixels=4_000_000)
    names = sorted(path.relative_to(again.saved_model) for path in again.saved_model.rglob("*") if path.is_file())
    assert names == sorted(
        path.relative_to(exported.saved_model) for path in exported.saved_model.rglob("*") if path.is_file()
    )
    for name in names:
        assert (again.saved_model / name).read_bytes() == (exported.saved_model / name).read_bytes(), name
    assert again.sha256 == exported.sha256
    assert again.archive.read_bytes() == exported.archive.read_bytes()


def test_the_archive_is_laid_out_as_the_container_wants_it_and_says_nothing_of_this_machine(exported):
    with tarfile.open(exported.archive) as archive:
        members = archive.getmembers()
    names = [member.name for member in members]
    assert names == sorted(names)
    assert {"1/saved_model.pb", "code/inference.py"} <= set(names)
    assert all(name.startswith(("1/", "code/")) for name in names)
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode, m.isfile()) for m in members} == {
        (0, 0, 0, "", "", 0o644, True)
    }
    assert exported.size_bytes == exported.archive.stat().st_size


def test_the_archive_does_not_depend_on_when_the_saved_model_was_written(exported, tmp_path):
    from elasticache_police.model.export import write_archive

    os.utime(exported.saved_model / "saved_model.pb", (time.time() + 90, time.time() + 90))
    assert write_archive(exported.saved_model, tmp_path / "again.tar.gz") == exported.sha256


def test_the_signatures_have_the_names_types_and_shapes_that_are_documented(exported):
    import tensorflow as tf

    signatures = tf.saved_model.load(str(exported.saved_model)).signatures

    def shapes(tensors):
        return {name: (tensor.dtype.name, tensor.shape.as_list()) for name, tensor in tensors.items()}

    assert {name: shapes(signatures[name].structured_input_signature[1]) for name in signatures} == {
        "serving_default": {"image": ("float32", [None, 50, 700, 1])},
        "classify": {"image_bytes": ("string", [None])},
        "inspect": {"image_bytes": ("string", [None])},
    }
    score = {"score": ("float32", [None, 1])}
    assert shapes(signatures["serving_default"].structured_outputs) == score
    assert shapes(signatures["classify"].structured_outputs) == score
    assert shapes(signatures["inspect"].structured_outputs) == {
        "boxes": ("int32", [None, None, 4]),
        "scores": ("float32", [None, None]),
        "readings": ("string", [None, None]),
        "count": ("int32", [None]),
        "places": ("float32", [None, None, 5]),
        "width": ("int32", [None]),
        "height": ("int32", [None]),
        "looks_bytes": ("string", [None, None]),
    }


def test_what_is_no_saved_model_is_neither_packed_nor_replaced(packaged, tmp_path):
    from elasticache_police.model.export import export_saved_model, write_archive

    with pytest.raises(ModelFileError, match=r"holds no saved_model\.pb"):
        write_archive(tmp_path, tmp_path / "model.tar.gz")
    precious = tmp_path / "saved_model"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    with pytest.raises(ModelFileError, match="is no SavedModel"):
        export_saved_model(packaged, precious)
    assert (precious / "thesis.txt").read_text() == "years of work"


def test_the_command_writes_both_and_says_where(monkeypatch, packaged, exported, tmp_path):
    """The export itself is proved above; here, what the command hands on and prints."""
    from elasticache_police.cli import main
    from elasticache_police.model import export as module

    asked = []

    def fake(model, out, *, max_pixels):
        asked.append((model, out, max_pixels))
        return exported

    monkeypatch.setattr(module, "export", fake)
    result = CliRunner().invoke(
        main, ["export", "--model", str(packaged), "--out", str(tmp_path), "--max-pixels", "9"], standalone_mode=False
    )
    assert result.exit_code == 0, result.output
    assert asked == [(packaged, tmp_path, 9)]
    assert exported.sha256 in result.output
    assert str(exported.archive) in result.output


def test_a_directory_that_is_no_model_is_named(tmp_path):
    from elasticache_police.cli import main

    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelFileError, match="is not a model directory"):
        main.main(["export", "--model", str(tmp_path / "empty"), "--out", str(tmp_path / "out")], standalone_mode=False)
