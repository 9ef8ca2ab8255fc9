"""The pictures in examples/ are what their script draws and what their truth says."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys

import pytest

from elasticache_police import Police
from elasticache_police.imaging import open_pages


@pytest.fixture(scope="module")
def redrawn(repository, tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    runpy.run_path(str(repository / "examples" / "make_pictures.py"))["main"](folder)
    return folder


def test_the_script_draws_the_pictures_that_are_there(repository, redrawn):
    for path in redrawn.iterdir():
        committed = repository / "examples" / path.name
        assert committed.stat().st_size < 200_000
        if path.suffix != ".json":
            sizes = [[page.size for page in open_pages(picture)] for picture in (committed, path)]
            assert sizes[0] == sizes[1]


def test_the_truth_names_both_verdicts_on_pages_that_exist(repository, redrawn):
    truth = json.loads((repository / "examples" / "truth.json").read_text(encoding="utf-8"))
    assert truth == json.loads((redrawn / "truth.json").read_text(encoding="utf-8"))
    verdicts = []
    for entry in truth:
        pages = list(open_pages(repository / "examples" / entry["file"]))
        assert len(pages) == len(entry["pages"])
        for page, names in zip(pages, entry["pages"], strict=True):
            for name in names:
                x0, y0, x1, y1 = name["box"]
                assert 0 <= x0 < x1 <= page.width
                assert 0 <= y0 < y1 <= page.height
                verdicts.append(name["verdict"])
    assert sorted(set(verdicts)) == ["correct", "misspelled"]


def test_the_packaged_model_finds_what_the_truth_says_and_nothing_else(repository):
    truth = json.loads((repository / "examples" / "truth.json").read_text(encoding="utf-8"))
    police = Police()
    for entry in truth:
        report = police.inspect(repository / "examples" / entry["file"])
        found = [[(f.reading, f.verdict.value) for f in page.findings] for page in report.pages]
        assert found == [[(name["text"], name["verdict"]) for name in page] for page in entry["pages"]], entry["file"]
        for page, names in zip(report.pages, entry["pages"], strict=True):
            for finding, name in zip(page.findings, names, strict=True):
                assert overlap(finding.box, name["box"]) > 0.7


def overlap(one, other):
    """Return intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def test_the_readmes_first_command_shows_them_and_exits_with_1(repository, tmp_path):
    command = [
        sys.executable,
        "-m",
        "elasticache_police",
        "inspect",
        "examples",
        "--annotate",
        str(tmp_path / "annotated"),
    ]
    result = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1] == "6 files, 7 pages: 6 misspelled, 8 correct"
    assert len(list((tmp_path / "annotated").iterdir())) == 7
