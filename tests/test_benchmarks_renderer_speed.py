"""The renderers draw the same texts in the same fonts, in turns, and the table says how many lines a second."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from benchmarks import renderer_speed

from elasticache_police.dataset.fonts import packaged_fonts

PEER = """#!{python}
import json, sys
print(json.dumps({{"version": "7"}}), flush=True)
for line in sys.stdin:
    with open({log!r}, "a") as log:
        log.write(json.dumps([sys.argv[2], json.loads(line)]) + "\\n")
    jobs = json.loads(line)["jobs"]
    lines = sum(len(job.get("lines", [0])) for job in jobs)
    print(json.dumps({{"lines": lines, "wall_s": 9.0, "cpu_s": lines / 4}}), flush=True)
"""


@pytest.fixture
def peer(tmp_path: Path) -> tuple[Path, Path]:
    """An interpreter that runs no renderer: it writes down what it is asked and claims four lines a second."""
    script, log = tmp_path / "python", tmp_path / "asked.jsonl"
    script.write_text(PEER.format(python=sys.executable, log=str(log)), "utf-8")
    script.chmod(0o755)
    return script, log


@pytest.mark.skipif(os.name == "nt", reason="a script as an interpreter")
def test_all_draw_the_same_in_turns_and_the_first_turn_does_not_count(peer, capsys) -> None:
    script, log = peer
    fonts = [str(path) for path in packaged_fonts()]
    arguments = ["--peers", str(script), "--fonts", str(packaged_fonts()[0].parent), "--lines", "3", "--turns", "1"]
    assert renderer_speed.main(arguments) == 0
    text = capsys.readouterr().out
    head = "TextRecognitionDataGenerator 7 | SynthTIGER 7"
    assert head in text
    rows = {row.split("|")[1].strip(): row.split("|")[2:5] for row in text.splitlines() if row.startswith("| ")}
    assert {"clean", "hard", "lines of pages"} <= set(rows)
    for task in ("clean", "hard", "lines of pages"):
        own, *others = (cell.strip() for cell in rows[task])
        assert float(own) > 0
        assert all(cell.startswith("4 (1/") for cell in others)
    asked = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [(name, round_["task"]) for name, round_ in asked] == [
        (name, task) for task in ("clean", "hard", "pages") for _ in range(2) for name in ("trdg", "synthtiger")
    ]
    clean, pages = asked[0][1]["jobs"], asked[8][1]["jobs"]
    assert [job["font"] in fonts for job in clean] == [True] * 3
    assert clean[0]["text"].endswith("ElastiCache")  # every second one is right
    assert not clean[1]["text"].endswith("ElastiCache")
    assert sum(len(job["lines"]) for job in pages) >= 3


def test_a_renderer_that_is_not_installed_is_named(tmp_path, capfd) -> None:
    with (
        pytest.raises(SystemExit, match=r"renderers\.py trdg ended: is it installed there\?"),
        renderer_speed.Renderer.started("trdg", sys.executable),
    ):
        pass
    assert "trdg" in capfd.readouterr().err


def test_without_peers_the_products_own_speed_is_printed(capsys) -> None:
    assert renderer_speed.main(["--fonts", str(packaged_fonts()[0].parent), "--lines", "2", "--turns", "1"]) == 0
    said = capsys.readouterr()
    assert "| clean " in said.out
    assert "SynthTIGER is left out" in said.err
