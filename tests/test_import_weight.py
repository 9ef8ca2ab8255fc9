"""Importing the package costs next to nothing: heavy packages come with the first use of what needs them."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"numpy", "PIL", "boto3", "botocore", "onnxruntime", "tensorflow", "keras", "rich", "pypdfium2"}


def loaded_after(program: str) -> set[str]:
    """Return the top-level packages that a fresh process has loaded after a program."""
    listing = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    result = subprocess.run([sys.executable, "-c", f"{program}\n{listing}"], capture_output=True, text=True, check=True)
    return set(result.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "program",
    [
        "import elasticache_police",
        "import elasticache_police; elasticache_police.__version__; dir(elasticache_police)",
        "from elasticache_police import Report, Finding, Verdict, ImageError",
        "from elasticache_police import Police; Police()",
        "import elasticache_police.cli",
        ("from elasticache_police.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"),
        ("from elasticache_police.cli import main\ntry: main(['inspect', '--help'])\nexcept SystemExit: pass"),
    ],
)
def test_nothing_heavy_is_loaded(program):
    assert loaded_after(program) & HEAVY == set()


def test_reading_pictures_needs_neither_aws_nor_a_model():
    assert loaded_after("import elasticache_police.imaging") & HEAVY == {"numpy", "PIL"}


def test_training_is_named_in_one_place(repository):
    source = repository / "src" / "elasticache_police"
    heavy = ("import tensorflow", "from tensorflow", "import keras", "from keras", "import tf2onnx", "from tf2onnx")
    offenders = {
        path.relative_to(source).parts[0]
        for path in source.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip().startswith(heavy)
    }
    assert offenders <= {"model", "serving"}
