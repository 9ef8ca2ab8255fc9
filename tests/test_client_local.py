"""`Police` over a model in this process: what it keeps, leaves out, orders and survives."""

from __future__ import annotations

import copy
import io
import itertools
import pickle
import re
import shutil
import threading
import time

import numpy as np
import pytest
from PIL import Image

from elasticache_police import Police
from elasticache_police.errors import ConfigurationError, ImageError, ModelFileError
from elasticache_police.findings import Classification, Finding, Page, Report, Verdict


class FakeRuntime:
    """Finds one misspelling on every page; the page's first pixel over 255 is its score."""

    default_min_confidence = 0.6

    def __init__(self):
        self.batches = []
        self.delay_s = lambda grey: 0.0

    def inspect_page(self, grey):
        assert grey.dtype == np.uint8
        assert grey.ndim == 2
        time.sleep(self.delay_s(grey))
        score = float(grey[0, 0]) / 255
        verdict = Verdict.CORRECT if score >= 0.5 else Verdict.MISSPELLED
        return (Finding(box=(0, 0, grey.shape[1], grey.shape[0]), verdict=verdict, score=score, reading="x"),)

    def classify_lines(self, lines):
        assert lines.dtype == np.uint8
        assert lines.shape[1:] == (50, 700)
        self.batches.append(len(lines))
        scores = [float(line[0, 0]) / 255 for line in lines]
        return [
            Classification(score=score, verdict=Verdict.CORRECT if score >= 0.5 else Verdict.MISSPELLED)
            for score in scores
        ]


def shade(value, size=(4, 3)):
    return Image.new("L", size, value)


def png(picture):
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def test_inspect_reports_each_page_with_its_pixels():
    frames = [shade(0), shade(255, (5, 6))]
    stream = io.BytesIO()
    frames[0].save(stream, "TIFF", save_all=True, append_images=frames[1:])
    report = Police(runtime=FakeRuntime()).inspect(stream.getvalue())
    wrong = Finding(box=(0, 0, 4, 3), verdict=Verdict.MISSPELLED, score=0.0, reading="x")
    right = Finding(box=(0, 0, 5, 6), verdict=Verdict.CORRECT, score=1.0, reading="x")
    assert report == Report(
        source="<bytes>",
        pages=(
            Page(number=1, width=4, height=3, findings=(wrong,)),
            Page(number=2, width=5, height=6, findings=(right,)),
        ),
    )
    assert [page.image.size for page in report.pages] == [(4, 3), (5, 6)]
    assert report.misspelled == (wrong,)


@pytest.mark.parametrize(("min_confidence", "kept"), [(None, 1), (0.0, 1), (0.9, 0), (0.6, 1)])
def test_findings_below_the_confidence_are_left_out(min_confidence, kept):
    police = Police(runtime=FakeRuntime(), min_confidence=min_confidence)
    assert len(police.inspect(shade(64)).findings) == kept  # a score of 0.25, a confidence of 0.75
    assert len(police.inspect(shade(120)).findings) == (1 if min_confidence == 0.0 else 0)
    assert police.min_confidence == (0.6 if min_confidence is None else min_confidence)


def test_inspect_raises_what_inspect_many_reports(tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n")
    police = Police(runtime=FakeRuntime())
    with pytest.raises(ImageError) as caught:
        police.inspect(bad)
    (report,) = police.inspect_many([bad])
    assert report == Report(source=str(bad), error=str(caught.value))
    assert str(bad) in report.error


@pytest.mark.parametrize("jobs", [None, 1, 2, 5])
def test_many_are_reported_in_order_and_a_bad_one_does_not_end_the_run(tmp_path, jobs):
    runtime = FakeRuntime()
    runtime.delay_s = lambda grey: 0.02 if grey[0, 0] % 2 else 0.0  # so that later ones are ready earlier
    images = [png(shade(value)) for value in range(20)]
    images[7] = b"no picture"
    images[11] = tmp_path / "none.png"
    images[13] = None
    reports = list(Police(runtime=runtime, min_confidence=0).inspect_many(images, jobs=jobs))
    assert [index for index, report in enumerate(reports) if report.error] == [7, 11, 13]
    scores = [round(report.findings[0].score * 255) for report in reports if not report.error]
    assert scores == [value for value in range(20) if value not in {7, 11, 13}]


@pytest.mark.parametrize("jobs", [1, 3])
def test_an_endless_stream_of_images_is_drawn_from_a_few_ahead(jobs):
    drawn = itertools.count()
    images = (shade(0) for _ in iter(lambda: next(drawn), None))
    reports = Police(runtime=FakeRuntime()).inspect_many(images, jobs=jobs)
    for _ in range(5):
        next(reports)
    reports.close()
    assert next(drawn) <= 5 + 2 * jobs


def test_several_pages_are_looked_at_at_once():
    together = threading.Barrier(3, timeout=20)
    runtime = FakeRuntime()
    runtime.delay_s = lambda grey: together.wait() * 0.0  # passes only when three threads are here
    assert len(list(Police(runtime=runtime).inspect_many([shade(0)] * 3, jobs=3))) == 3


@pytest.mark.parametrize("jobs", [1, 3])
def test_what_the_source_of_pictures_raises_comes_after_the_reports_before_it(jobs):
    def images():
        yield shade(0)
        yield shade(255)
        raise LookupError("the bucket is gone")

    reports = Police(runtime=FakeRuntime()).inspect_many(images(), jobs=jobs)
    assert [next(reports).findings[0].score for _ in range(2)] == [0.0, 1.0]
    with pytest.raises(LookupError, match="the bucket is gone"):
        next(reports)


def test_one_picture_that_pillow_has_not_loaded_yet_may_be_given_many_times():
    noise = np.random.default_rng(0).integers(0, 256, (600, 800), np.uint8)
    noise[0, 0] = 0
    stream = io.BytesIO(png(Image.fromarray(noise)))
    runtime = FakeRuntime()
    seen = []
    runtime.delay_s = lambda grey: seen.append(np.array_equal(grey, noise)) or 0.0
    with Image.open(stream) as lazy:
        assert len(list(Police(runtime=runtime).inspect_many([lazy] * 12, jobs=6))) == 12
    assert seen == [True] * 12


def test_police_travel_to_other_processes_as_what_they_were_made_of(tmp_path):
    police = pickle.loads(pickle.dumps(Police.from_model(tmp_path, ["GitHub"], min_confidence=0.75)))  # noqa: S301
    assert police.min_confidence == 0.75
    with pytest.raises(ModelFileError, match=re.escape(str(tmp_path))):
        police.inspect(shade(0))
    used = Police(min_confidence=0.0)
    assert used.inspect(Image.new("L", (64, 64), 255)).findings == ()
    assert copy.deepcopy(used).inspect(Image.new("L", (64, 64), 255)).findings == ()


def test_a_relative_model_is_the_one_of_the_directory_it_was_named_in(tmp_path, monkeypatch):
    from elasticache_police.runtime.files import PACKAGED

    shutil.copytree(PACKAGED, tmp_path / "here" / "model")
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    police = Police.from_model("model", min_confidence=0.0)
    monkeypatch.chdir(tmp_path / "there")  # before its first use, when it is loaded
    assert police.inspect(Image.new("L", (64, 64), 255)).findings == ()


def test_leaving_early_leaves_no_thread_behind():
    before = threading.active_count()
    reports = Police(runtime=FakeRuntime()).inspect_many([shade(0)] * 50, jobs=4)
    next(reports)
    reports.close()
    assert threading.active_count() == before


def test_pixels_of_files_are_not_kept_by_inspect_many_and_annotate_reads_them_again(tmp_path):
    path = tmp_path / "x.png"
    shade(0, (200, 100)).save(path)
    (report,) = Police(runtime=FakeRuntime()).inspect_many([path])
    assert report.pages[0].image is None
    assert report.annotate().size == (200, 100)
    (report,) = Police(runtime=FakeRuntime()).inspect_many([path.read_bytes()])
    assert report.pages[0].image.size == report.annotate().size == (200, 100)


def test_what_cannot_work_is_refused_at_once():
    police = Police(runtime=FakeRuntime())
    for images in ("one.png", b"...", bytearray(), shade(0), np.zeros((5, 5), np.uint8), io.BytesIO()):
        with pytest.raises(ConfigurationError, match="inspect takes one"):
            police.inspect_many(images)
    with pytest.raises(ConfigurationError, match="at least 1"):
        police.inspect_many([], jobs=0)
    for confidence in (-0.1, 1.1, float("nan")):
        with pytest.raises(ConfigurationError, match=r"0\.\.1"):
            Police(min_confidence=confidence)
    with pytest.raises(TypeError, match="not iterable"):
        police.inspect_many(None)
    for names in ([], [""], "  ", [1], ["GitHub", None]):
        with pytest.raises(ConfigurationError, match="at least one name"):
            Police(names)


def test_classify_answers_one_for_one_and_a_list_for_a_batch():
    police = Police(runtime=FakeRuntime())
    white, black = np.full((50, 700), 255, np.uint8), np.zeros((50, 700), np.uint8)
    right = Classification(score=1.0, verdict=Verdict.CORRECT)
    wrong = Classification(score=0.0, verdict=Verdict.MISSPELLED)
    assert police.classify(white) == right
    assert police.classify(png(shade(0, (90, 20)))) == wrong
    assert police.classify([white, black]) == [right, wrong]
    assert police.classify((black,)) == [wrong]
    assert police.classify(np.stack([white, black])[..., np.newaxis]) == [right, wrong]
    assert police.classify(np.stack([white, black])) == [right, wrong]
    assert police.classify(np.stack([white] * 3, axis=-1)) == right  # red, green, blue
    assert police.classify([]) == []
    with pytest.raises(ImageError):
        police.classify(b"nonsense")


@pytest.mark.parametrize("wire", ["bogus", "", None, "Floats"])
def test_a_wire_that_does_not_exist_is_refused_before_any_work(wire):
    runtime = FakeRuntime()
    police = Police(runtime=runtime)
    crops = iter([shade(0)])
    for ask in (police.classify, police.classify_many):
        with pytest.raises(ConfigurationError, match=f"no wire {wire!r}: lines travel as base64 or as floats"):
            ask(crops, wire=wire)
    with pytest.raises(ConfigurationError, match="no wire"):
        police.classify([], wire=wire)
    assert (len(list(crops)), runtime.batches) == (1, [])
    assert police.classify(shade(255), wire="floats").score == 1.0


def test_many_crops_are_classified_in_batches_and_lazily():
    runtime = FakeRuntime()
    drawn = itertools.count()
    crops = (np.full((50, 700), next(drawn) % 256, np.uint8) for _ in range(70))
    answers = Police(runtime=runtime).classify_many(crops)
    assert next(answers).score == 0.0
    assert next(drawn) == 32
    assert len(list(answers)) == 69
    assert runtime.batches == [32, 32, 6]


def test_the_model_is_loaded_once_however_many_threads_ask_first(monkeypatch):
    loads = []

    class Runtime(FakeRuntime):
        @classmethod
        def load(cls, path, *, names=None):
            loads.append((path, names))
            time.sleep(0.05)
            return cls()

    monkeypatch.setattr("elasticache_police.runtime.Runtime", Runtime, raising=False)
    police = Police(["GitHub"])
    assert loads == []
    assert len(list(police.inspect_many([shade(0)] * 8, jobs=8))) == 8
    assert loads == [(None, ("GitHub",))]
