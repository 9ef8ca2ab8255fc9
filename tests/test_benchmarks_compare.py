"""The comparison asks each system in its own process, keeps what was answered, and tables say what was counted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from benchmarks import compare, drawn_pages, manifest, worker
from PIL import Image

if TYPE_CHECKING:
    from benchmarks.manifest import Occurrence, Truth
    from benchmarks.matching import Found
    from benchmarks.systems import Answer


class FakeSystem:
    """Finds a misspelling on every page and calls every crop right."""

    version = "7"
    asked = 0

    def page(self, path: Path) -> list[Found]:
        type(self).asked += 1
        return [{"box": [10.0, 10.0, 60.0, 20.0], "verdict": "misspelled", "reading": path.stem}]

    def crop(self, path: Path) -> Answer:
        type(self).asked += 1
        return "correct", 0.9, "ElastiCache"


def _set(folder: Path, verdicts: list[str]) -> list[Truth]:
    (folder / "images").mkdir(parents=True)
    truths: list[Truth] = []
    for i, verdict in enumerate(verdicts):
        Image.new("L", (700, 50), 255 - i).save(folder / "images" / f"{i}.png")
        kind = "lowercase_c" if verdict == "misspelled" else None
        written: Occurrence = {"text": "x", "word": "x", "verdict": verdict, "kind": kind, "box": [8, 8, 62, 22]}
        digest = hashlib.sha256((folder / "images" / f"{i}.png").read_bytes()).hexdigest()
        truths.append({"file": f"{i}.png", "sha256": digest, "width": 700, "height": 50, "occurrences": [written]})
    manifest.write(folder / "manifest.jsonl", truths)
    return truths


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeSystem]:
    FakeSystem.asked = 0
    monkeypatch.setattr(worker, "make", lambda name, **_: FakeSystem())
    monkeypatch.setattr(worker, "ONE_THREAD", {})
    return FakeSystem


def test_a_picture_is_asked_once_and_an_interrupted_run_goes_on(tmp_path: Path, fake: type[FakeSystem]) -> None:
    truths = _set(tmp_path, ["correct", "misspelled", "correct"])
    out = tmp_path / "answers.jsonl"
    assert worker.main(["fake", "crops", str(tmp_path / "manifest.jsonl"), str(out)]) == 0
    assert fake.asked == 3 + 1  # the first one warms up
    kept = out.read_text("utf-8").splitlines()
    out.write_text("\n".join(kept[:2]) + "\n" + kept[2][:20], "utf-8")
    assert worker.main(["fake", "crops", str(tmp_path / "manifest.jsonl"), str(out)]) == 0
    assert {key[0] for key in worker.known(out)} == {truth["sha256"] for truth in truths}
    assert worker.known(out)[truths[2]["sha256"], "7"]["verdict"] == "correct"


def test_a_picture_that_cannot_be_read_is_an_answer_too(tmp_path: Path, fake: type[FakeSystem], monkeypatch) -> None:
    _set(tmp_path, ["correct"])

    def broken(self: FakeSystem, path: Path) -> list[Found]:
        raise ValueError("no picture")

    monkeypatch.setattr(FakeSystem, "page", broken)
    out = tmp_path / "answers.jsonl"
    assert worker.main(["fake", "pages", str(tmp_path / "manifest.jsonl"), str(out)]) == 0
    (answer,) = worker.known(out).values()
    assert (answer.get("error"), answer.get("findings")) == ("ValueError: no picture", [])


def test_tables_name_every_part_and_the_json_has_the_totals(tmp_path: Path, monkeypatch, capsys) -> None:
    pages = _set(tmp_path / "pages", ["misspelled", "correct"])
    crops = _set(tmp_path / "crops_clean", ["misspelled", "correct"])
    _set(tmp_path / "crops_hard", ["correct"])

    def answers(system, name, folder, truths, cache, options):
        said = {"wall_ms": 2.0, "cpu_ms": 1.0 if system == "police" else 30.0, "version": "1"}
        if name.startswith("crops"):
            return [{**said, "sha256": t["sha256"], "verdict": "correct", "score": 0.9, "reading": "r"} for t in truths]
        finding = {"box": [10.0, 10.0, 60.0, 20.0], "verdict": "misspelled", "reading": "r"}
        return [{**said, "sha256": t["sha256"], "findings": [finding]} for t in truths]

    monkeypatch.setattr(compare, "_answers", answers)
    out = tmp_path / "results.json"
    assert compare.main(["--data", str(tmp_path), "--systems", "police,rapidocr", "--no-cost", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert f"{len(crops)} crops" in text
    assert f"{len(pages)} pages" in text
    assert "| kind: lowercase_c " in text
    assert "0.0 % (0/1)" in text
    assert "1.0 ms (1/30.0)" in text
    results = json.loads(out.read_text("utf-8"))
    page = results["sets"]["pages"]["police"]
    assert (page["precision"], page["recall"], page["total"]["false_alarms"]) == (0.5, 1.0, 1)
    assert results["sets"]["crops_clean"]["rapidocr"]["accuracy"] == 0.5


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--name", "GitHub", "--ornaments"], "draws ElastiCache alone"),
        (["--name", "AWS"], "too few near-misses"),
        (["--name", "Go"], "too few near-misses"),
    ],
)
def test_a_name_that_pages_cannot_be_drawn_with_is_refused(
    arguments: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        drawn_pages.main([*arguments, "--out", str(tmp_path / "pages")])
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "pages").exists()


def test_ornaments_of_another_name_are_not_left_out_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        compare.main(["--name", "GitHub", "--ornaments"])
    assert "draws ElastiCache alone" in capsys.readouterr().err
