"""The packaged networks over whole pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from elasticache_police.runtime import Runtime, engine


@pytest.mark.parametrize("height", [648, 961])
def test_a_picture_in_bands_looks_the_same_to_the_finder(height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise, so that a row that is missing above or below a band would show in every cell that rests on it."""
    runtime = Runtime.load()
    noise = np.random.default_rng(6).integers(0, 256, (height, 203), np.uint8)
    whole = runtime._cells(Image.fromarray(noise))
    asked = []
    monkeypatch.setattr(engine, "BAND_PX", 1)
    monkeypatch.setattr(runtime, "_run", lambda session, band: asked.append(band.shape) or Runtime._run(session, band))
    banded = runtime._cells(Image.fromarray(noise))
    assert len(asked) == -(-height // (8 * engine.FIELD_PX))
    assert max(shape[1] for shape in asked) < height
    np.testing.assert_allclose(banded, whole, rtol=0, atol=1e-5)
