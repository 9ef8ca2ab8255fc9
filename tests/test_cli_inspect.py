"""`elasticache-police inspect`, run as a user runs it, over a model that finds what its test drew."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from elasticache_police._remote import min_confidence_of_packaged_model
from elasticache_police.cli import main
from elasticache_police.errors import ImageError
from elasticache_police.findings import Finding, Kind, Page, Report, Verdict
from elasticache_police.imaging import pages as imaging_pages

RED, GREEN, GREY = (255, 0, 0), (0, 255, 0), (200, 200, 200)


class PaintedRuntime:
    """Reads black as a misspelled name and white as a right one, on a background of anything else."""

    default_min_confidence = 0.6

    def inspect_page(self, grey):
        found = []
        for value, verdict, score, reading, kind in [
            (0, Verdict.MISSPELLED, 0.02, "ElasticCache", Kind.EXTRA_LETTER),
            (255, Verdict.CORRECT, 0.99, "ElastiCache", None),
        ]:
            where = np.argwhere(grey == value)
            if len(where):
                (y0, x0), (y1, x1) = where.min(0), where.max(0) + 1
                box = (int(x0), int(y0), int(x1), int(y1))
                found.append(Finding(box=box, verdict=verdict, score=score, reading=reading, kind=kind))
        return tuple(found)

    def classify_lines(self, lines):
        raise AssertionError("inspect does not classify")

    @classmethod
    def load(cls, path, *, names=None):
        return cls()


@pytest.fixture(autouse=True)
def painted_model(monkeypatch):
    monkeypatch.setattr("elasticache_police.runtime.Runtime", PaintedRuntime, raising=False)


def page(*, wrong=False, right=False, size=(400, 300)):
    picture = Image.new("L", size, 128)
    if wrong:
        picture.paste(0, (100, 100, 200, 120))
    if right:
        picture.paste(255, (100, 200, 200, 220))
    return picture


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of pictures to stand in: one clean, one wrong, one with both, one of two pages, and other files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    page(right=True).save("clean.png")
    page(wrong=True).save("wrong name, 画像.png")
    page(wrong=True, right=True).save("sub/both.jpg", "PNG")
    page().save("sub/two.tiff", save_all=True, append_images=[page(wrong=True)])
    Path("README.md").write_text("no picture", encoding="utf-8")
    Path(".hidden.png").write_bytes(b"")
    page(wrong=True).save("sub/no-suffix", "PNG")
    return tmp_path


def run(*args, stdin=None):
    return CliRunner().invoke(main, ["inspect", *map(str, args)], input=stdin)


def cells(output):
    return [line.split("  ") for line in output.splitlines()]


def test_a_clean_picture_exits_0_and_a_wrong_one_1(folder):
    assert run("clean.png").exit_code == 0
    assert run("clean.png", "wrong name, 画像.png").exit_code == 1


def test_the_table_names_file_place_reading_verdict_and_score(folder):
    result = run("clean.png", "wrong name, 画像.png", "sub/two.tiff")
    rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in result.stdout.splitlines()]
    assert rows[0] == ["file", "place", "reading", "verdict", "score"]
    assert rows[2:5] == [
        ["clean.png", "100,200-200,220", "ElastiCache", "correct", "0.990"],
        ["wrong name, 画像.png", "100,100-200,120", "ElasticCache", "misspelled: extra letter", "0.020"],
        ["sub/two.tiff", "page 2, 100,100-200,120", "ElasticCache", "misspelled: extra letter", "0.020"],
    ]
    assert rows[-1] == ["3 files, 4 pages: 2 misspelled, 1 correct"]
    assert result.stderr == ""


def test_quiet_leaves_out_what_is_right(folder):
    output = run("--quiet", "clean.png", "sub/both.jpg").stdout
    assert "ElasticCache" in output
    assert "ElastiCache" not in output


def test_json_is_the_documented_form(folder):
    Path("bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    result = run("--format", "json", "sub/two.tiff", "bad.png")
    finding = {
        "box": [100, 100, 200, 120],
        "verdict": "misspelled",
        "score": 0.02,
        "reading": "ElasticCache",
        "kind": "extra_letter",
        "name": "ElastiCache",
    }
    document = json.loads(result.stdout)
    error = document["files"][1].pop("error")
    assert error.startswith("bad.png: ")
    assert document == {
        "version": 1,
        "files": [
            {
                "file": "sub/two.tiff",
                "error": None,
                "pages": [
                    {"page": 1, "width": 400, "height": 300, "findings": []},
                    {"page": 2, "width": 400, "height": 300, "findings": [finding]},
                ],
            },
            {"file": "bad.png", "pages": []},
        ],
        "summary": {"files": 2, "unreadable": 1, "pages": 2, "findings": 1, "correct": 0, "misspelled": 1},
    }
    assert result.stderr == f"error: {error}\n"


@pytest.mark.parametrize("bad", ["none.png", "README.md", "empty.png"])
def test_an_unreadable_input_exits_2_and_the_others_are_inspected(folder, bad):
    Path("empty.png").write_bytes(b"")
    result = run(bad, "wrong name, 画像.png")
    assert result.exit_code == 2
    assert f"error: {bad}: " in result.stderr
    assert "ElasticCache" in result.stdout
    assert "1 file unreadable" in result.stdout


def test_a_folder_means_every_picture_below_it_by_content(folder):
    document = json.loads(run("--format", "json", ".").stdout)
    assert [file["file"] for file in document["files"]] == [
        "clean.png",
        "wrong name, 画像.png",
        "sub/both.jpg",
        "sub/no-suffix",
        "sub/two.tiff",
    ]


def test_a_glob_in_quotes_is_expanded_and_files_are_taken_once(folder):
    document = json.loads(run("--format", "json", "**/*.png", "clean.png", str(folder / "clean.png")).stdout)
    assert [file["file"] for file in document["files"]] == ["clean.png", "wrong name, 画像.png"]


def test_a_glob_means_pictures_and_folders_as_naming_a_folder_does(folder):
    os.mkfifo("pipe.png")  # would wait for a writer
    files = json.loads(run("--format", "json", "*").stdout)["files"]
    assert [(file["file"], file["error"]) for file in files] == [
        ("clean.png", None),
        ("sub/both.jpg", None),
        ("sub/no-suffix", None),
        ("sub/two.tiff", None),
        ("wrong name, 画像.png", None),
    ]


def test_a_folder_that_may_not_be_searched_is_not_passed_over(folder, monkeypatch):
    scandir = os.scandir

    def closed(path):
        if os.fspath(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    result = run(".")
    assert result.exit_code == 2
    assert "error: sub:" in result.stderr


def test_a_file_whose_name_looks_like_a_glob_is_that_file(folder):
    page().save("a[1]*.png")
    assert json.loads(run("--format", "json", "a[1]*.png").stdout)["files"][0]["file"] == "a[1]*.png"


@pytest.mark.parametrize("name", ["*.bmp", "empty"])
def test_naming_no_picture_at_all_is_a_mistake_and_not_a_success(folder, name):
    Path("empty").mkdir()
    result = run(name)
    assert result.exit_code == 2
    assert f"no pictures in {name}" in result.stderr


def test_a_dash_is_standard_input(folder):
    stream = io.BytesIO()
    page(wrong=True).save(stream, "PNG")
    result = run("--format", "json", "--annotate", "out", "-", stdin=stream.getvalue())
    assert result.exit_code == 1
    assert json.loads(result.stdout)["files"][0]["file"] == "<stdin>"
    assert [path.name for path in Path("out").iterdir()] == ["stdin.annotated.png"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Missing argument"),
        (["--min-confidence", "1.5", "clean.png"], "1.5"),
        (["--jobs", "0", "clean.png"], "jobs"),
        (["--format", "xml", "clean.png"], "xml"),
        (["--name", " ", "clean.png"], "none empty"),
        (["--output", "none/x", "clean.png"], "No such file"),
    ],
)
def test_what_cannot_work_exits_2_in_one_clear_message(folder, arguments, says):
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_min_confidence_is_passed_on(folder):
    assert run("--min-confidence", "0.985", "wrong name, 画像.png").exit_code == 0
    assert run("--min-confidence", "0.97", "wrong name, 画像.png").exit_code == 1


def test_an_output_that_cannot_be_written_is_refused_before_the_work(folder, monkeypatch):
    monkeypatch.setattr(PaintedRuntime, "inspect_page", None)  # nothing is looked at
    result = run("clean.png", "--output", "none/report.json")
    assert result.exit_code == 2
    assert result.stderr == "error: --output none/report.json: No such file or directory: none\n"
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    result = run("clean.png", "--output", "report.json")
    assert result.exit_code == 2
    assert result.stderr == "error: --output report.json: may not be written to\n"


def test_output_goes_to_a_file(folder):
    result = run("--format", "json", "--output", "report.json", "clean.png")
    assert result.stdout == ""
    assert json.loads(Path("report.json").read_text(encoding="utf-8"))["summary"]["correct"] == 1
    run("--output", "report.txt", "clean.png")
    assert Path("report.txt").read_text(encoding="utf-8").endswith("1 file, 1 page: 0 misspelled, 1 correct\n")


def test_a_prefix_of_s3_is_handed_to_a_cluster(monkeypatch):
    asked = {}

    def inspect_collection(source, **options):
        asked.update(options, source=source)
        return 1

    monkeypatch.setattr("elasticache_police.cli.ecs.inspect_collection", inspect_collection)
    words = ["--tasks", "16", "--run", "night", "--name", "GitHub", "--format", "json"]
    result = run("s3://bucket/prefix", "--on-ecs", "studio", *words)
    assert result.exit_code == 1
    assert asked == {
        "source": "s3://bucket/prefix",
        "cluster": "studio",
        "tasks": 16,
        "results": None,
        "names": ("GitHub",),
        "model": None,
        "min_confidence": None,
        "run_id": "night",
        "form": "json",
        "output": None,
        "quiet": False,
        "dry_run": False,
    }


def test_a_prefix_of_s3_is_handed_to_a_batch_transform(monkeypatch):
    asked = []

    def inspect_batch(spec, *, names, min_confidence, on_event, on_progress):
        asked.append((spec.model, spec.input_url, spec.output_url, names, min_confidence))
        wrong = Finding(box=(0, 0, 9, 9), verdict=Verdict.MISSPELLED, score=0.01, reading="ElasticCache")
        yield Report(source="s3://my-in/a.png", pages=(Page(width=20, height=20, findings=(wrong,)),))

    monkeypatch.setattr("elasticache_police.sagemaker_deploy.inspect_batch", inspect_batch)
    result = run(
        "s3://my-in/pictures", "--on-sagemaker", "police", "--results", "s3://my-out/answers", "--format", "json"
    )
    assert result.exit_code == 1
    assert asked == [
        ("police", "s3://my-in/pictures", "s3://my-out/answers", ("ElastiCache",), min_confidence_of_packaged_model())
    ]
    assert json.loads(result.stdout)["files"][0]["file"] == "s3://my-in/a.png"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["clean.png", "--on-ecs", "studio"], "one s3://"),
        (["s3://a/b", "s3://a/c", "--on-ecs", "studio"], "one s3://"),
        (["s3://a/b", "--on-ecs", "studio", "--annotate", "out"], "--annotate does not go"),
        (["clean.png", "--dry-run"], "--dry-run is about --on-ecs"),
        (["clean.png", "--tasks", "3"], "about --on-ecs"),
        (["clean.png", "--results", "s3://a/b"], "about --on-ecs and --on-sagemaker"),
        (["s3://a/b", "--on-sagemaker", "police", "--results", "s3://a/b/c"], "lies among the pictures"),
        (["s3://a/", "--on-sagemaker", "police"], "lies among the pictures"),
        (["clean.png", "--on-sagemaker", "police"], "one s3://"),
        (["s3://a/b", "--on-sagemaker", "police", "--results", "s3://a/c", "--jobs", "3"], "--jobs does not go"),
        (["s3://a/b", "--on-sagemaker", "police", "--results", "s3://a/c", "--model", "m"], "--model does not go"),
    ],
)
def test_what_does_not_go_with_machines_elsewhere_is_refused(folder, arguments, says):
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr


# --- annotated copies ----------------------------------------------------------------------------------------------


def test_annotated_copies_lie_side_by_side_and_no_input_is_touched(folder):
    page(wrong=True).save("sub/clean.png")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = run("--annotate", "out", "clean.png", "sub/clean.png", "sub/two.tiff", "sub/both.jpg")
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "both.annotated.png",
        "clean-2.annotated.png",
        "clean.annotated.png",
        "two-page-2.annotated.png",
    ]
    assert all(path.read_bytes() == content for path, content in before.items())
    assert "annotated copies: 4 in out" in result.stderr
    with Image.open("out/two-page-2.annotated.png") as copy:
        assert copy.size == (400, 300)


def test_folders_are_kept_and_a_second_run_does_not_inspect_the_first_ones_copies(folder):
    for _ in range(2):
        document = json.loads(run("--format", "json", "--annotate", "annotated", ".").stdout)
        assert document["summary"]["files"] == 5
    assert sorted(path.relative_to("annotated").as_posix() for path in Path("annotated").rglob("*.png")) == [
        "clean.annotated.png",
        "sub/both.annotated.png",
        "sub/no-suffix.annotated.png",
        "sub/two-page-2.annotated.png",
        "wrong name, 画像.annotated.png",
    ]
    assert json.loads(run("--format", "json", ".").stdout)["summary"]["files"] == 5


def test_an_input_that_has_the_name_of_a_copy_is_not_overwritten(folder):
    page(wrong=True).save("x.png")
    page(wrong=True).save("x.annotated.png")
    content = Path("x.annotated.png").read_bytes()
    run("--annotate", ".", "x.png", "x.annotated.png")
    assert Path("x.annotated.png").read_bytes() == content
    assert Path("x-2.annotated.png").exists()
    assert Path("x.annotated.annotated.png").exists()


def test_a_folder_that_cannot_be_written_to_is_said_so(folder):
    Path("file").write_text("", encoding="utf-8")
    result = run("--annotate", "file/below", "wrong name, 画像.png")
    assert result.exit_code == 2
    assert "error: --annotate: " in result.stderr


# --- other forms ---------------------------------------------------------------------------------------------------


def test_sarif_has_a_result_for_each_mistake_and_a_notification_for_each_unreadable_file(folder):
    Path("bad.png").write_bytes(b"")
    (sarif_run,) = json.loads(run("--format", "sarif", "wrong name, 画像.png", "clean.png", "bad.png").stdout)["runs"]
    (result,) = sarif_run["results"]
    assert result["ruleId"] == sarif_run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "misspelled-name"
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "wrong%20name%2C%20%E7%94%BB%E5%83%8F.png"
    assert result["properties"]["box"] == [100, 100, 200, 120]
    assert '"ElasticCache" should be "ElastiCache"' in result["message"]["text"]
    invocation = sarif_run["invocations"][0]
    assert invocation["executionSuccessful"] is False
    assert len(invocation["toolExecutionNotifications"]) == 1


def test_github_annotations_escape_what_their_syntax_would_swallow(folder):
    page(wrong=True).save("50%,a:b.png")
    lines = run("--format", "github", "50%,a:b.png").stdout.splitlines()
    message = '"ElasticCache" should be "ElastiCache" (extra letter), at 100,100-200,120; score 0.020'
    assert lines == [
        f"::error file=50%25%2Ca%3Ab.png,line=1,title=Misspelled name::{message}",
        "1 file, 1 page: 1 misspelled, 0 correct",
    ]


def test_html_shows_each_mistake_as_a_picture_and_escapes_names(folder):
    page(wrong=True).save("<b>&.png")
    page_ = run("--format", "html", "<b>&.png", "clean.png").stdout
    assert page_.count("<img ") == 1
    assert "&lt;b&gt;&amp;.png" in page_
    assert "<b>" not in page_
    assert 'src="data:image/png;base64,' in page_


def test_a_name_that_would_steer_the_terminal_is_written_out(folder):
    name = "evil\x1b]0;title\x07.png"
    page(wrong=True).save(name)
    output = run(name, "evil\x1b2J").output
    assert "\x1b" not in output
    assert r"evil\x1b]0;title\x07.png" in output


@pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="names there are Unicode")
@pytest.mark.parametrize("format_", ["text", "json", "sarif", "github", "html"])
def test_a_name_that_is_no_unicode_is_reported_all_the_same(folder, format_):
    name = os.fsdecode(b"caf\xe9.png")
    page(wrong=True).save(name)
    result = run("--format", format_, "--annotate", "out", name)
    assert result.exit_code == 1
    if format_ == "json":
        assert json.loads(result.stdout)["files"][0]["file"] == name


# --- as a process --------------------------------------------------------------------------------------------------

_PROGRAM = """
import pathlib, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is born deaf to Ctrl-C
sys.path.insert(0, {tests!r})
import test_cli_inspect as fake
import elasticache_police.runtime as runtime

class Slow(fake.PaintedRuntime):
    def inspect_page(self, grey):
        pathlib.Path("at-work").touch()
        time.sleep({delay_s})
        return super().inspect_page(grey)

runtime.Runtime = Slow
from elasticache_police.cli import main
from elasticache_police.errors import ImageError
main(prog_name="elasticache-police")
"""


def start(*args, delay_s=0.0, **options):
    program = _PROGRAM.format(tests=str(Path(__file__).parent), delay_s=delay_s)
    return subprocess.Popen(
        [sys.executable, "-c", program, "inspect", *args],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )


def test_ctrl_c_leaves_with_130_and_without_a_traceback(folder):
    process = start("--jobs", "2", "clean.png", "sub/both.jpg", "sub/no-suffix", delay_s=1.5)
    while not Path("at-work").exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr.decode()
    assert stderr.decode().strip().endswith("interrupted")
    assert "Traceback" not in stderr.decode()


def test_streams_that_are_closed_do_not_matter(folder):
    program = "import os, sys; os.close({}); os.execv(sys.executable, [sys.executable, '-c', {!r}, *sys.argv[1:]])"
    child = _PROGRAM.format(tests=str(Path(__file__).parent), delay_s=0.0)
    for stream, arguments, code in ((0, ["-"], 2), (1, ["clean.png"], 0), (1, ["sub"], 1), (2, ["none.png"], 2)):
        command = [sys.executable, "-c", program.format(stream, child), "inspect", *arguments]
        ended = subprocess.run(command, capture_output=True, check=False, timeout=60)
        assert ended.returncode == code, ended.stderr.decode()
        assert b"Traceback" not in ended.stderr


def test_standard_input_without_an_end_is_refused(folder, monkeypatch):
    monkeypatch.setattr("elasticache_police.imaging.sources.MAX_STREAM_BYTES", 1 << 20)
    result = CliRunner().invoke(main, ["inspect", "-"], input=b"\x89PNG\r\n\x1a\n" + bytes(3 << 20))
    assert result.exit_code == 2
    assert "<stdin>: is longer than 1 MiB" in result.stderr


@pytest.mark.parametrize("format_", ["text", "html"])
def test_a_document_is_read_again_once_for_all_its_annotated_pages(folder, monkeypatch, format_):
    pages = [page(wrong=number != 3) for number in range(6)]
    pages[0].save("deck.tiff", save_all=True, append_images=pages[1:])
    decoded = []
    decode = imaging_pages.to_rgb
    monkeypatch.setattr(imaging_pages, "to_rgb", lambda *args: decoded.append(1) or decode(*args))
    result = run("deck.tiff", *(["--annotate", "out"] if format_ == "text" else ["--format", "html"]))
    assert result.exit_code == 1
    assert len(decoded) == 12  # to inspect, and to draw on
    if format_ == "text":
        assert sorted(path.name for path in Path("out").iterdir()) == [
            f"deck-page-{number}.annotated.png" for number in (1, 2, 3, 5, 6)
        ]
    else:
        assert result.stdout.count("<img ") == 5


def test_a_crash_does_not_leave_with_the_code_of_misspellings(folder, monkeypatch):
    def broken(self, grey):
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(PaintedRuntime, "inspect_page", broken)
    result = run("clean.png")
    assert result.exit_code == 70
    assert "a mistake of ours" in result.stderr


@pytest.mark.parametrize("format_", ["text", "json"])
def test_a_reader_that_goes_away_is_no_mistake_of_ours(folder, format_):
    process = start("--format", format_, "wrong name, 画像.png")
    process.stdout.close()
    stderr = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(timeout=60) == 141
    assert stderr == ""


def test_nothing_but_the_report_is_on_standard_output_and_no_progress_without_a_terminal(folder):
    process = start("--format", "json", ".")
    stdout, stderr = process.communicate(timeout=60)
    assert json.loads(stdout)["summary"]["misspelled"] == 4
    assert stderr == b""


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are a thing of Unix")
def test_a_long_run_shows_its_progress_on_a_terminal_and_cleans_up(folder):
    ours, theirs = os.openpty()
    process = start("--format", "json", ".", delay_s=0.3, stderr=theirs, env=os.environ | {"TERM": "xterm"})
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # Linux says so when the other end is closed
        while chunk := os.read(ours, 4096):
            shown += chunk
    os.close(ours)
    stdout, _ = process.communicate(timeout=60)
    assert json.loads(stdout)["summary"]["files"] == 5
    assert b"inspecting" in shown
    assert b"/5" in shown


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no pipes by name here")
def test_a_pipe_is_annotated_from_the_pixels_that_were_inspected(folder):
    content = Path("wrong name, 画像.png").read_bytes()
    reading, writing = os.pipe()
    with open(writing, "wb") as pipe:  # noqa: PTH123
        pipe.write(content)
    result = run("--annotate", "copies", f"/dev/fd/{reading}", "wrong name, 画像.png")
    os.close(reading)
    assert result.exit_code == 1
    assert len(list(Path("copies").rglob("*.png"))) == 2


def test_a_copy_that_fails_loses_no_report(folder, monkeypatch):
    def fail(*_):
        raise ImageError("x.png", "is gone", "look for it")

    monkeypatch.setattr("elasticache_police.cli.annotator.Annotator.write", fail)
    result = run("--annotate", "copies", "wrong name, 画像.png")
    assert result.exit_code == 2
    assert "error: x.png: is gone" in result.stderr
    assert "ElasticCache" in result.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk at hand")
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_full_disk_is_no_mistake_of_ours(folder, form):
    command = [sys.executable, "-m", "elasticache_police", "inspect", "--format", form, "wrong name, 画像.png"]
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr == "error: the report cannot be written: No space left on device\n"
