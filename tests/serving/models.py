"""Tiny SavedModels for tests: real ones, built in seconds, with the signatures of the real exports.

Models:

* :func:`save_police` has the three signatures of the real export: ``serving_default``, ``classify``, ``inspect``.
  Its score is a plain function of how bright the picture is, so that a test can say what it must be: see
  :func:`score_of_grey`.
* :func:`save_half_plus_three` is the model of the managed container's own tests, ``y = x / 2 + 3``, made the way
  TensorFlow Serving's test models are: a TensorFlow 1 graph in which ``x`` is the output of ``parse_example``.

:func:`pack` makes a ``model.tar.gz`` of a model directory. TensorFlow is imported inside the functions.
"""

from __future__ import annotations

import io
import math
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LINE_HEIGHT = 50
LINE_WIDTH = 700
MAX_FINDINGS = 4
READING = "ElasticCache"


def score_of_grey(mean: float) -> float:
    """Return the score that :func:`save_police` gives to a picture of this mean value in [-1, 1]."""
    return 1.0 / (1.0 + math.exp(-4.0 * mean))


def save_police(directory: Path) -> Path:
    """Save a model with the three signatures of the real export into ``directory`` (such as ``model/1``).

    ``inspect`` finds the bounding box of everything darker than mid grey, at most one finding a picture, reads
    ``ElasticCache`` there, and pads to :data:`MAX_FINDINGS`.

    Returns:
        ``directory``.
    """
    import tensorflow as tf

    class Police(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.slope = tf.Variable(4.0, name="slope")

        def score(self, image):
            return tf.sigmoid(self.slope * tf.reduce_mean(image, axis=[1, 2]))

        @tf.function(input_signature=[tf.TensorSpec([None, LINE_HEIGHT, LINE_WIDTH, 1], tf.float32, name="image")])
        def serving_default(self, image):
            return {"score": self.score(image)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
        def classify(self, image_bytes):
            def decode(data):
                grey = tf.io.decode_image(data, channels=1, expand_animations=False)
                line = tf.image.resize(tf.cast(grey, tf.float32), [LINE_HEIGHT, LINE_WIDTH])
                return (line - 127.5) / 127.5

            image = tf.map_fn(decode, image_bytes, fn_output_signature=tf.float32)
            return {"score": self.score(tf.ensure_shape(image, [None, LINE_HEIGHT, LINE_WIDTH, 1]))}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
        def inspect(self, image_bytes):
            def find(data):
                grey = tf.io.decode_image(data, channels=1, expand_animations=False)
                dark = tf.cast(tf.where(grey[:, :, 0] < 128), tf.int32)
                found = tf.cast(tf.shape(dark)[0] > 0, tf.int32)
                top_left = tf.reduce_min(tf.concat([dark, [[2**30, 2**30]]], 0), axis=0)
                bottom_right = tf.reduce_max(tf.concat([dark, [[-1, -1]]], 0), axis=0) + 1
                box = found * tf.stack([top_left[1], top_left[0], bottom_right[1], bottom_right[0]])
                mean = tf.reduce_mean((tf.cast(grey, tf.float32) - 127.5) / 127.5)
                boxes = tf.pad(box[None], [[0, MAX_FINDINGS - 1], [0, 0]])
                scores = tf.pad(
                    (tf.sigmoid(self.slope * mean) * tf.cast(found, tf.float32))[None], [[0, MAX_FINDINGS - 1]]
                )
                reading = tf.where(found > 0, READING, "")
                readings = tf.concat([reading[None], tf.fill([MAX_FINDINGS - 1], "")], axis=0)
                return boxes, scores, readings, found

            boxes, scores, readings, count = tf.map_fn(
                find,
                image_bytes,
                fn_output_signature=(
                    tf.TensorSpec([MAX_FINDINGS, 4], tf.int32),
                    tf.TensorSpec([MAX_FINDINGS], tf.float32),
                    tf.TensorSpec([MAX_FINDINGS], tf.string),
                    tf.TensorSpec([], tf.int32),
                ),
            )
            return {"boxes": boxes, "scores": scores, "readings": readings, "count": count}

    module = Police()
    tf.saved_model.save(
        module,
        str(directory),
        signatures={
            "serving_default": module.serving_default,
            "classify": module.classify,
            "inspect": module.inspect,
        },
    )
    return directory


def save_half_plus_three(directory: Path, *, plus: float = 3.0) -> Path:
    """Save ``y = x / 2 + plus`` as the container's own tests have it, into ``directory`` (such as ``m/00000123``).

    Signatures: ``serving_default`` (``x`` to ``y``), ``tensorflow/serving/regress`` (examples with a feature ``x``) and
    ``tensorflow/serving/classify``. ``x`` is the output of ``parse_example``, statically of shape (?, 1); TensorFlow
    Serving feeds whatever shape a request has into it all the same, and the container's tests rely on that.

    Returns:
        ``directory``.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    constants = v1.saved_model.signature_constants
    info = v1.saved_model.build_tensor_info
    with v1.Graph().as_default(), v1.Session() as session:
        a = v1.get_variable("a", initializer=0.5, use_resource=False)
        b = v1.get_variable("b", initializer=plus, use_resource=False)
        examples = v1.placeholder(tf.string, [None], name="tf_example")
        parsed = v1.parse_example(examples, {"x": v1.FixedLenFeature([1], tf.float32)})
        x = tf.identity(parsed["x"], name="x")
        y = tf.add(tf.multiply(a, x), b, name="y")
        session.run(v1.global_variables_initializer())
        build = v1.saved_model.build_signature_def
        signatures = {
            "serving_default": build({"x": info(x)}, {"y": info(y)}, constants.PREDICT_METHOD_NAME),
            "tensorflow/serving/regress": build(
                {"inputs": info(examples)}, {"outputs": info(y)}, constants.REGRESS_METHOD_NAME
            ),
            "tensorflow/serving/classify": build(
                {"inputs": info(examples)}, {"scores": info(y)}, constants.CLASSIFY_METHOD_NAME
            ),
        }
        builder = v1.saved_model.Builder(str(directory))
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=signatures)
        builder.save()
    return directory


def save_native_half_plus_three(directory: Path) -> Path:
    """Save ``y = x / 2 + 3`` as TensorFlow 2 does, into ``directory`` (such as ``m/1``).

    Every signature's method is ``tensorflow/serving/predict`` then, those of ``regress`` and ``classify`` too.
    """
    import tensorflow as tf

    class HalfPlusThree(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = tf.Variable(0.5), tf.Variable(3.0)

        def read(self, inputs):
            return tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([1], tf.float32)})["x"]

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def predict(self, x):
            return {"y": self.a * x + self.b}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
        def regress(self, inputs):
            return {"outputs": self.a * self.read(inputs) + self.b}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
        def classify(self, inputs):
            x = self.read(inputs)
            classes = tf.tile([["half plus three", "as it is"]], [tf.shape(x)[0], 1])
            return {"classes": classes, "scores": tf.concat([self.a * x + self.b, x], axis=1)}

    module = HalfPlusThree()
    signatures = {
        "serving_default": module.predict,
        "tensorflow/serving/regress": module.regress,
        "tensorflow/serving/classify": module.classify,
    }
    tf.saved_model.save(module, str(directory), signatures=signatures)
    return directory


def save_two_inputs(directory: Path) -> Path:
    """Save a model of several named inputs and outputs of several types into ``directory``.

    ``serving_default``: ``a`` float32 (N, 2) and ``n`` int64 (N,) to ``scaled`` (a * n), ``label`` string and
    ``raw_bytes`` string, which TensorFlow Serving writes as base64 for its name's sake.
    """
    import tensorflow as tf

    class TwoInputs(tf.Module):
        @tf.function(
            input_signature=[
                tf.TensorSpec([None, 2], tf.float32, name="a"),
                tf.TensorSpec([None], tf.int64, name="n"),
            ]
        )
        def serving_default(self, a, n):
            return {
                "scaled": a * tf.cast(n, tf.float32)[:, None],
                "label": tf.strings.join(["n=", tf.strings.as_string(n)]),
                "raw_bytes": tf.strings.join(["\xff", tf.strings.as_string(n)]),
            }

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
        def echo(self, text):
            return {"text": text}

        @tf.function(
            input_signature=[tf.TensorSpec([None], tf.int32, name="i"), tf.TensorSpec([None], tf.bool, name="b")]
        )
        def typed(self, i, b):
            return {"i": i + 1, "b": tf.logical_not(b), "d": tf.cast(i, tf.float64) / 3.0}

    module = TwoInputs()
    tf.saved_model.save(
        module,
        str(directory),
        signatures={"serving_default": module.serving_default, "echo": module.echo, "typed": module.typed},
    )
    return directory


def pack(model_dir: Path, archive: Path, *, extra: Sequence[tuple[str, bytes]] = ()) -> Path:
    """Write ``model_dir``'s content to the root of a gzipped tar, with ``extra`` (name, content) files added.

    Returns:
        ``archive``.
    """
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(model_dir.rglob("*")):
            tar.add(path, arcname=str(path.relative_to(model_dir)), recursive=False)
        for name, content in extra:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive


def main(home: Path) -> None:
    """Save every model below ``home``: ``container/`` is one archive's worth of three models, ``police/`` of one."""
    for number in ("00000123", "00000124"):
        save_half_plus_three(home / "container" / "half_plus_three" / number)
    save_native_half_plus_three(home / "container" / "native" / "1")
    save_two_inputs(home / "container" / "two_inputs" / "1")
    save_police(home / "police" / "1")


if __name__ == "__main__":
    if sys.argv[1] == "--police":
        save_police(Path(sys.argv[2]) / "1")
    else:
        main(Path(sys.argv[1]))
