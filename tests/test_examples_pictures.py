"""The pictures in examples/ are what their script draws and what their truth says."""

from __future__ import annotations

import json
import runpy

import pytest

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
