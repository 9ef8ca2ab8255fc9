"""What was read wrongly once is read rightly now, by the packaged model."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from elasticache_police import Police

sys.path.insert(0, str(Path(__file__).parent))
from samples import SAMPLES, Sample


@pytest.fixture(scope="module")
def police() -> Police:
    return Police()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_drawn_mistake_stays_mended(police: Police, sample: Sample) -> None:
    report = police.inspect(sample.draw())
    if sample.verdicts is None:
        assert not report.misspelled
    else:
        assert tuple(finding.verdict.value for finding in report.findings) == sample.verdicts
