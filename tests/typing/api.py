"""Type-checked, never run: what a user's editor says about the public face."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import assert_type

import numpy as np
import numpy.typing as npt
from PIL import Image

from elasticache_police import Classification, Finding, Kind, Page, Police, PoliceError, Report, Verdict, __version__

police = Police()
assert_type(police, Police)
assert_type(Police(["ElastiCache", "GitHub"], min_confidence=0.9), Police)
assert_type(Police.from_model(Path("my-model")), Police)

array: npt.NDArray[np.uint8] = np.zeros((50, 700), np.uint8)
floats: npt.NDArray[np.float32] = np.zeros((50, 700), np.float32)

report = police.inspect("a.png")
assert_type(report, Report)
police.inspect(Path("a.png"))
police.inspect(b"...")
police.inspect(io.BytesIO())
police.inspect(Image.new("L", (1, 1)))
police.inspect(array)
police.inspect(floats)
with Path("a.png").open("rb") as stream:
    police.inspect(stream)

assert_type(report.pages, tuple[Page, ...])
assert_type(report.findings, tuple[Finding, ...])
assert_type(report.misspelled, tuple[Finding, ...])
assert_type(report.error, str | None)
assert_type(report.annotate(), Image.Image)
assert_type(report.to_json(indent=2), str)
for finding in report.findings:
    assert_type(finding.box, tuple[int, int, int, int])
    assert_type(finding.verdict, Verdict)
    assert_type(finding.kind, Kind | None)
    assert_type(finding.score, float)

assert_type(police.inspect_many(["a.png", "b.png"], jobs=2), Generator[Report, None, None])
assert_type(police.classify(array), Classification)
assert_type(police.classify("crop.png"), Classification)
assert_type(police.classify(["crop.png", array]), list[Classification])
paths: list[Path] = [Path("a.png")]
assert_type(police.classify(paths), list[Classification])
assert_type(police.classify_many([array]), Iterator[Classification])
assert_type(__version__, str)

try:
    police.inspect("a.png")
except PoliceError as error:
    assert_type(error, PoliceError)

police.inspect(7)  # type: ignore[arg-type]
police.inspect(image="a.png", jobs=2)  # type: ignore[call-arg]
