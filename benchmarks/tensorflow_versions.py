"""Which TensorFlow answers what is exported? AWS's images have 2.4 to 2.20, and Graviton's newest has 2.19.

    python3.8 -m venv old && old/bin/pip install tensorflow-cpu==2.4.1 "protobuf<3.20"
    python3.11 -m venv graviton && graviton/bin/pip install tensorflow-cpu==2.19.1
    python -m benchmarks.tensorflow_versions old/bin/python graviton/bin/python

The packaged model is exported by the TensorFlow that runs this, and loaded by each of the others, where it has to give
the same answers about lines in every form and about whole pages.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import tables

__all__ = ["ask", "main", "requests", "verdict"]

_EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
_CHILD = Path(__file__).with_name("tensorflow_answers.py")
_PAGES = ("architecture.png", "console.png")
_FORMS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
_CLOSE = 1e-4
"""How much a probability may differ: processors and versions add in another order."""

Request = dict[str, Any]
Answer = dict[str, Any]


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns 1 when an answer differs from this TensorFlow's."""
    from elasticache_police.model.export import export_saved_model

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pythons", nargs="+", metavar="PYTHON", help="an interpreter that has another TensorFlow")
    options = parser.parse_args(argv)
    asked = requests()
    with tempfile.TemporaryDirectory() as scratch:
        saved_model = export_saved_model(None, Path(scratch) / "saved_model")
        version, expected = ask(sys.executable, saved_model, list(asked.values()))
        rows, differs = [[version, *("exported here" for _ in asked)]], False
        for python in options.pythons:
            version, answers = ask(python, saved_model, list(asked.values()))
            said = [verdict(one, other) for one, other in zip(answers, expected, strict=True)]
            rows.append([version, *said])
            print(version, *said, file=sys.stderr)
            differs = differs or "differs" in said
    print(tables.table("The exported model in other versions", ["TensorFlow", *asked], rows))
    return int(differs)


def requests() -> dict[str, Request]:
    """Return what is asked, by what it is called."""
    with Image.open(_EXAMPLES / "table.png") as picture:
        line = picture.convert("L").crop((0, 0, 700, 50))
    floats = ((np.asarray(line) - 127.5) / 127.5).reshape(1, 50, 700, 1).tolist()
    asked: dict[str, Request] = {"floats": {"signature": "serving_default", "floats": floats, "outputs": ["score"]}}
    for form in _FORMS:
        file = io.BytesIO()
        line.save(file, form, **({"lossless": True} if form == "WEBP" else {}))
        asked[form] = {"signature": "classify", "b64": _base64(file.getvalue()), "outputs": ["score"]}
    for name in _PAGES:
        outputs = ["boxes", "scores", "readings", "count"]
        asked[name] = {"signature": "inspect", "b64": _base64((_EXAMPLES / name).read_bytes()), "outputs": outputs}
    return asked


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def ask(python: str, saved_model: Path, asked: list[Request]) -> tuple[str, list[Answer]]:
    """Return the version of an interpreter's TensorFlow, and its answers."""
    document = json.dumps({"saved_model": str(saved_model), "requests": asked})
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0", "PYTHONPATH": ""}
    ran = subprocess.run(
        [python, str(_CHILD)], input=document, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    said = json.loads(ran.stdout)
    return said["version"], said["answers"]


def verdict(answer: Answer, expected: Answer) -> str:
    """Say how an answer compares: ``same``, ``refused`` or ``differs``."""
    if "refusal" in answer:
        return "refused"
    scores = [np.asarray(one.get("scores", one.get("score"))) for one in (answer, expected)]
    rest = [{key: value for key, value in one.items() if not key.startswith("score")} for one in (answer, expected)]
    same = rest[0] == rest[1] and scores[0].shape == scores[1].shape and np.allclose(*scores, rtol=0, atol=_CLOSE)
    return "same" if same else "differs"


if __name__ == "__main__":
    sys.exit(main())
