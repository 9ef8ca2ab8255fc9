"""Pictures saved otherwise: the labels go where the letters went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from benchmarks.otherwise import WAYS, written_otherwise
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from benchmarks.manifest import Truth


@pytest.mark.parametrize("name", list(WAYS))
def test_labels_move_with_their_letters(name: str) -> None:
    box = [300.0, 90.0, 380.0, 110.0]
    image = Image.new("RGB", (640, 400), "white")
    ImageDraw.Draw(image).rectangle((300, 90, 379, 109), fill="black")
    truth: Truth = {
        "file": "a.png",
        "sha256": "",
        "width": image.width,
        "height": image.height,
        "occurrences": [{"text": "ElastiCache", "word": "ElastiCache", "verdict": "correct", "box": box}],
    }
    seen = np.asarray(WAYS[name].picture(image).convert("L"), float)
    ink = seen > 128 if name == "light for dark" else seen < 128
    ys, xs = np.nonzero(ink)
    moved = written_otherwise(truth, WAYS[name])["occurrences"][0]["box"]
    assert moved == pytest.approx([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], abs=2.5)
    assert truth["occurrences"][0]["box"] == box
