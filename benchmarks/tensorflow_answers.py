"""Ask a SavedModel in whatever TensorFlow runs this file; see ``tensorflow_versions.py``.

It is run by its path, with JSON on standard input, and stays within Python 3.7: TensorFlow 2.4 knows no newer than 3.8.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main() -> None:
    """Answer requests, each alone, through the kind of session that TensorFlow Serving has."""
    import tensorflow as tf

    asked = json.load(sys.stdin)
    tf.compat.v1.disable_eager_execution()
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], asked["saved_model"])
    answers = []
    for request in asked["requests"]:
        signature = loaded.signature_def[request["signature"]]
        (given,) = signature.inputs.values()
        value = request.get("floats") or [base64.b64decode(request["b64"])]
        wanted = {name: signature.outputs[name].name for name in request["outputs"]}
        try:
            answers.append({name: plain(part) for name, part in session.run(wanted, {given.name: value}).items()})
        except tf.errors.InvalidArgumentError as error:
            answers.append({"refusal": str(error.message)})
    json.dump({"version": tf.__version__, "answers": answers}, sys.stdout)


def plain(array: np.ndarray) -> object:
    """Return an array as JSON takes it."""
    values = array.tolist()
    return json.loads(json.dumps(values, default=lambda text: text.decode("utf-8")))


if __name__ == "__main__":
    main()
