"""Golden results: what the packaged model finds on the pictures in ``examples/``, down to the pixel and the score.

A new model changes these; look at every change, then write them anew with ``python tests/test_golden.py``.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from elasticache_police import Police

EXAMPLES = Path(__file__).parent.parent / "examples"
GOLDEN = Path(__file__).parent / "golden" / "v1.json"
PICTURES = sorted(path.name for path in EXAMPLES.iterdir() if path.suffix in {".png", ".pdf"})


def found(name: str) -> list[list[dict[str, object]]]:
    report = Police().inspect(EXAMPLES / name)
    return [[dict(finding.to_dict()) for finding in page.findings] for page in report.pages]


@pytest.mark.parametrize("name", PICTURES)
def test_the_packaged_model_finds_what_it_found_when_it_was_made(name: str) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))[name]
    actual = found(name)
    assert [len(page) for page in actual] == [len(page) for page in golden]
    pairs = zip(itertools.chain.from_iterable(actual), itertools.chain.from_iterable(golden), strict=True)
    for one, other in pairs:
        for key in ("verdict", "reading", "kind", "name"):
            assert one[key] == other[key]
        assert one["score"] == pytest.approx(other["score"], abs=0.02)
        assert one["box"] == pytest.approx(other["box"], abs=2)


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps({name: found(name) for name in PICTURES}, indent=1) + "\n", encoding="utf-8")
