"""A small training run, as a user starts it: from the command line, for another name, stopped and resumed."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from elasticache_police import Police
from elasticache_police.cli import main
from elasticache_police.dataset.fonts import find_fonts, packaged_fonts
from elasticache_police.dataset.pages import PageStyle, font_set
from elasticache_police.errors import TrainingError
from elasticache_police.model.batches import FinderBatches, ReaderBatches
from elasticache_police.model.loop import Schedule, checkpoint_step, fit, rendered, start_from, write_weights
from elasticache_police.runtime.alphabet import BLANK

if TYPE_CHECKING:
    import keras

pytestmark = pytest.mark.train

SMALL = ["--finder-batch", "1", "--reader-batch", "4", "--evaluation-crops", "4", "--evaluation-pages", "1"]


def train(out: Path, *, finder: int, reader: int, name: str = "GitHub") -> str:
    arguments = ["train", "--name", name, "--out", str(out), "--workers", "0", *SMALL]
    result = CliRunner().invoke(
        main, [*arguments, "--finder-steps", str(finder), "--reader-steps", str(reader)], standalone_mode=False
    )
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "github"
    output = train(out, finder=2, reader=3)
    assert "precision" in output
    return out


def test_a_run_keeps_its_inputs_its_measures_and_a_model_that_works(run: Path) -> None:
    record = json.loads((run / "run.json").read_text())
    assert record["options"]["name"] == "GitHub"
    assert all(len(font["sha256"]) == 64 for font in record["fonts"]["trained_on"])
    for picture in ("mistakes.png", "curve.png", "reliability.png"):
        with Image.open(run / picture) as image:
            assert min(image.size) > 60
    assert "called correct" in (run / "confusion.txt").read_text()
    assert "GitHub" in (run / "model" / "README.md").read_text()
    police = Police.from_model(run / "model", min_confidence=0)
    report = police.inspect(Image.new("RGB", (320, 200), "white"))
    assert report.pages[0].width == 320
    answer = police.classify(Image.new("L", (700, 50), 255))
    assert 0 <= answer.score <= 1


def test_a_run_goes_on_where_it_stopped(run: Path) -> None:
    before = (run / "finder" / "checkpoint.npz").read_bytes()
    train(run, finder=2, reader=4)
    assert checkpoint_step(run / "reader" / "checkpoint.npz") == 4
    assert (run / "finder" / "checkpoint.npz").read_bytes() == before
    assert not (run / "model.partial").exists()


def test_another_run_in_the_same_folder_is_refused(run: Path) -> None:
    with pytest.raises(TrainingError, match="other options"):
        train(run, finder=2, reader=3, name="GitLab")


def test_batches_do_not_depend_on_the_number_of_workers() -> None:
    fonts = font_set(find_fonts(packaged_fonts())[0])
    make = ReaderBatches(seed=5, size=4, fonts=fonts, names=("GitHub",))
    alone = list(rendered(make, first=0, stop=3, workers=0))
    together = list(rendered(make, first=0, stop=3, workers=2))
    for (x, y), (other_x, other_y) in zip(alone, together, strict=True):
        np.testing.assert_array_equal(x, other_x)
        np.testing.assert_array_equal(y, other_y)


def test_ctrl_c_in_a_terminal_leaves_the_drawing_to_the_process_that_trains() -> None:
    fonts = font_set(find_fonts(packaged_fonts())[0])
    make = FinderBatches(seed=1, size=1, fonts=fonts, names=("ElastiCache",), style=PageStyle(width=64, height=64))
    drawn = rendered(make, first=0, stop=8, workers=1)
    next(drawn)
    (worker,) = multiprocessing.active_children()
    os.kill(worker.pid, signal.SIGINT)
    assert len(list(drawn)) == 7


def test_reader_targets_spell_the_text_left_to_right() -> None:
    fonts = font_set(find_fonts(packaged_fonts())[0])
    lines, targets = ReaderBatches(seed=6, size=16, fonts=fonts, names=("GitHub",))(0)
    assert lines.shape == (16, 32, 256, 1)
    assert targets.shape == (16, 128, 3)
    for row in targets:
        written = row[:, 0][row[:, 0] != BLANK]
        np.testing.assert_array_equal(row[: len(written), 2], written)
        assert (row[len(written) :, 2] == 0).all()
    assert (targets[..., 0] != BLANK).any()


def test_every_odd_batch_of_pages_is_the_one_before_light_for_dark() -> None:
    fonts = font_set(find_fonts(packaged_fonts())[0])
    make = FinderBatches(seed=5, size=2, fonts=fonts, names=("GitHub",), style=PageStyle())
    (x, y), (other_x, other_y) = make(4), make(5)
    np.testing.assert_array_equal(255 - x, other_x)
    np.testing.assert_array_equal(y, other_y)


def test_neighbours_in_a_batch_of_lines_are_of_one_page() -> None:
    fonts = font_set(find_fonts(packaged_fonts())[0])
    lines, _ = ReaderBatches(seed=5, size=48, fonts=fonts, names=("GitHub",))(0)
    grounds = np.median(lines.reshape(len(lines), -1), axis=1)

    def alike(apart: int) -> float:
        return float(np.mean(np.abs(grounds - np.roll(grounds, apart)) < 3))

    assert alike(1) > 2 * alike(24)


def test_context_is_the_neighbours_in_training_alone() -> None:
    from elasticache_police.model.networks import NeighboursContext

    context = np.arange(200, dtype=np.float32).reshape(200, 1, 1, 1)
    layer = NeighboursContext(share=0.5)
    np.testing.assert_array_equal(np.asarray(layer(context, training=False)), context)
    before = np.roll(context, 1, axis=0)
    mingled = np.asarray(layer(context, training=True))
    assert ((mingled == context) | (mingled == before)).all()
    assert 60 < int((mingled == before).sum()) < 140
    np.testing.assert_array_equal(np.asarray(NeighboursContext(share=1.0)(context, training=True)), before)


def test_an_interrupted_run_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    from elasticache_police.model import losses, networks

    fonts = font_set(find_fonts(packaged_fonts())[0])
    make = ReaderBatches(seed=5, size=2, fonts=fonts, names=("GitHub",))

    def stop(step: int, _loss: float, _pace: float) -> None:
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(
            networks.reader(),
            losses.reader_loss,
            make,
            Schedule(steps=5),
            directory=tmp_path,
            workers=0,
            progress=stop,
        )
    assert checkpoint_step(tmp_path / "checkpoint.npz") == 2
    with pytest.raises(TrainingError, match="another network"):
        fit(networks.finder(), losses.finder_loss, make, Schedule(steps=5), directory=tmp_path, workers=0)


def test_a_run_goes_on_from_the_weights_of_another(run: Path, tmp_path: Path) -> None:
    from elasticache_police.model import networks
    from elasticache_police.model.loop import load_weights

    other = tmp_path / "other"
    arguments = ["train", "--name", "GitLab", "--out", str(other), "--workers", "0", *SMALL]
    arguments += ["--finder-steps", "1", "--reader-steps", "1", "--start-from", str(run / "weights")]
    result = CliRunner().invoke(main, arguments, standalone_mode=False)
    assert result.exception is None, result.output
    record = json.loads((other / "run.json").read_text())
    assert set(record["options"]["start_from"]) == {"finder.npz", "reader.npz"}
    before, after, fresh = networks.reader(), networks.reader(), networks.reader()
    load_weights(run / "reader" / "checkpoint.npz", before)
    load_weights(other / "reader" / "checkpoint.npz", after)

    def apart(one: keras.Model, two: keras.Model) -> float:
        pairs = zip(one.trainable_weights, two.trainable_weights, strict=True)
        return max(float(np.abs(np.asarray(a) - np.asarray(b)).max()) for a, b in pairs)

    assert apart(before, after) < 0.1 * apart(before, fresh)


def test_no_steps_keep_a_network_as_it_was(run: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    arguments = ["train", "--name", "GitLab", "--out", str(kept), "--workers", "0", *SMALL, "--finder-steps", "0"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "say which to start from" in result.output
    arguments += ["--reader-steps", "1", "--start-from", str(run / "weights")]
    result = CliRunner().invoke(main, arguments, standalone_mode=False)
    assert result.exception is None, result.output
    same = {}
    for part in ("finder", "reader"):
        with np.load(run / "weights" / f"{part}.npz") as old, np.load(kept / "weights" / f"{part}.npz") as new:
            same[part] = all(np.array_equal(old[name], new[name]) for name in old.files)
    assert same == {"finder": True, "reader": False}
    assert "finder: as it was" in (kept / "model" / "README.md").read_text()


def test_weights_of_a_smaller_network_fill_the_part_they_know(tmp_path: Path) -> None:
    import keras
    from keras import layers

    def network(outputs: int) -> keras.Model:
        return keras.Sequential([keras.Input((4,)), layers.Dense(outputs, bias_initializer="ones")])

    small, large = network(2), network(3)
    small.set_weights([np.full((4, 2), 7.0), np.full(2, 5.0)])
    write_weights(tmp_path / "small.npz", small)
    fresh = large.get_weights()
    start_from(tmp_path / "small.npz", large)
    kernel, bias = large.get_weights()
    assert (kernel[:, :2] == 7).all()
    assert (kernel[:, 2] == fresh[0][:, 2]).all()
    assert bias.tolist() == [5, 5, 1]
    deeper = keras.Sequential([keras.Input((4,)), layers.Dense(2), layers.Dense(2)])
    with pytest.raises(TrainingError, match="other layers"):
        start_from(tmp_path / "small.npz", deeper)


def test_a_place_without_weights_is_named(tmp_path: Path) -> None:
    arguments = ["train", "--out", str(tmp_path / "run"), "--start-from", str(tmp_path)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "finder.npz" in result.output
    assert not (tmp_path / "run").exists()


def test_a_share_of_the_weights_it_started_from_is_in_a_network_that_was_trained_on(run: Path, tmp_path: Path) -> None:
    arguments = ["train", "--name", "GitHub", "--out", str(tmp_path / "run"), "--workers", "0", *SMALL]
    arguments += ["--finder-steps", "0", "--reader-steps", "1", "--start-from", str(run / "weights")]
    CliRunner().invoke(main, [*arguments, "--start-share", "0.25"], standalone_mode=False, catch_exceptions=False)
    for part in ("finder", "reader"):
        before, made = (np.load(folder / "weights" / f"{part}.npz") for folder in (run, tmp_path / "run"))
        trained = np.load(tmp_path / "run" / "reader" / "checkpoint.npz") if part == "reader" else before
        assert all(np.allclose(made[key], 0.25 * before[key] + 0.75 * trained[key], atol=1e-6) for key in made.files)
    assert any(not np.array_equal(made[key], before[key]) for key in made.files)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["options"]["start_share"] == 0.25
    assert "25% of the weights it started from" in (tmp_path / "run" / "model" / "README.md").read_text()


def test_a_share_of_no_weights_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["train", "--out", str(tmp_path / "run"), "--start-share", "0.5"])
    assert result.exit_code == 2
    assert "say which" in result.output
    assert not (tmp_path / "run").exists()
