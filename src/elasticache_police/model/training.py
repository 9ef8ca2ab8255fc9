"""A whole training run: fonts in, a model directory out, with every input kept beside it."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import shutil
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import attrs
import numpy as np

from elasticache_police.dataset.fonts import Font, FontProblem, find_fonts, packaged_fonts
from elasticache_police.dataset.pages import font_set
from elasticache_police.errors import ConfigurationError, TrainingError
from elasticache_police.findings import Finding, Verdict
from elasticache_police.model import card
from elasticache_police.model.batches import FinderBatches, ReaderBatches
from elasticache_police.model.evaluation import Evaluation, evaluate, evaluate_crops, evaluate_pages, write_reliability
from elasticache_police.model.loop import Schedule, average_with, fit, write_weights
from elasticache_police.runtime import Runtime
from elasticache_police.runtime.files import CONFIG, METADATA, Settings, write_config
from elasticache_police.spelling import check_name

__all__ = ["PEAK_RATE", "Progress", "TrainingOptions", "train"]

PEAK_RATE = 2e-3
"""The highest learning rate of a training from nothing."""
_FONTS_A_LINE = 500
"""After so many fonts one is told how far their check is: a thousand take half a minute."""

Progress = Callable[[str, int, int, float], None]
"""Called with the part in training, steps done, steps in all and the smoothed loss."""


@attrs.frozen(kw_only=True)
class TrainingOptions:
    """Everything that decides what a training run makes."""

    name: str = attrs.field(converter=check_name)
    """The name to police."""
    fonts: tuple[Path, ...] = ()
    """Font files and directories; the packaged fonts when empty."""
    out: Path
    """The run directory: made when missing, resumed when it holds a run of the same options."""
    exclude_families: frozenset[str] = frozenset()
    """Font families to leave out, compared without case and spaces."""
    measure_fonts: tuple[Path, ...] = ()
    """Font files and directories to measure on instead of a share of ``fonts``; their families are not trained on."""
    unseen_share: float = attrs.field(default=0.08, validator=[attrs.validators.ge(0.0), attrs.validators.lt(1.0)])
    """Share of font families kept out of training, to measure on."""
    start_from: Path | None = attrs.field(default=None)
    """A directory with ``finder.npz`` and ``reader.npz`` to go on from, such as ``weights/`` of a run; None trains
    from nothing."""
    start_share: float = attrs.field(default=0.0, validator=[attrs.validators.ge(0.0), attrs.validators.lt(1.0)])
    """Share of the weights of ``start_from`` in those of each network that was trained on: see
    :func:`elasticache_police.model.loop.average_with`."""
    seed: int = 1
    finder_steps: int = attrs.field(default=6500, validator=attrs.validators.ge(0))
    """0 keeps the finder of ``start_from`` as it is."""
    finder_batch: int = attrs.field(default=8, validator=attrs.validators.ge(1))
    """Pages of 320 x 224 in a step."""
    reader_steps: int = attrs.field(default=9500, validator=attrs.validators.ge(0))
    """0 keeps the reader of ``start_from`` as it is."""
    reader_batch: int = attrs.field(default=32, validator=attrs.validators.ge(1))
    """Lines of 32 x 256 in a step."""
    finder_rate: float = attrs.field(default=PEAK_RATE, validator=attrs.validators.gt(0.0))
    """The highest learning rate; a lower one forgets less of the weights of ``start_from``."""
    reader_rate: float = attrs.field(default=PEAK_RATE, validator=attrs.validators.gt(0.0))
    workers: int = attrs.field(default=1, validator=attrs.validators.ge(0))
    """Processes that render samples; does not change them."""
    evaluation_crops: int = attrs.field(default=400, validator=attrs.validators.ge(2))
    evaluation_pages: int = attrs.field(default=60, validator=attrs.validators.ge(1))

    def __attrs_post_init__(self) -> None:
        """Refuse to keep weights, or a share of them, that nobody gave."""
        if self.start_from is None and not (self.finder_steps and self.reader_steps):
            raise ConfigurationError("no steps at all keep the weights of a trained network: say which to start from")
        if self.start_from is None and self.start_share:
            raise ConfigurationError("a share of the weights to start from takes weights to start from: say which")


def _split(fonts: Sequence[Font], share: float) -> tuple[list[Font], list[Font]]:
    """Split by family, always the same way: by a hash of the family's name."""
    seen: list[Font] = []
    unseen: list[Font] = []
    for font in fonts:
        place = int.from_bytes(hashlib.sha256(font.family.encode()).digest()[:4]) / 2**32
        (unseen if place < share else seen).append(font)
    return (seen, unseen) if seen and unseen else (list(fonts), list(fonts))


def _seen_and_unseen(fonts: Sequence[Font], options: TrainingOptions) -> tuple[list[Font], list[Font]]:
    if not options.measure_fonts:
        return _split(fonts, options.unseen_share)
    unseen, problems = find_fonts(options.measure_fonts)
    if not unseen:
        raise TrainingError(f"none of {len(problems)} font files to measure on is fit")
    families = {font.family for font in unseen}
    seen = [font for font in fonts if font.family not in families]
    if not seen:
        raise TrainingError("every font to train on is of a family to measure on")
    return seen, unseen


def _starting_weights(options: TrainingOptions) -> dict[str, Path]:
    """Return the weights to go on from, by network; empty when there are none."""
    if options.start_from is None:
        return {}
    return {part: options.start_from / f"{part}.npz" for part in ("finder", "reader")}


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _record(
    options: TrainingOptions, seen: Sequence[Font], unseen: Sequence[Font], problems: Sequence[FontProblem]
) -> dict[str, object]:
    import keras

    def fonts(some: Sequence[Font]) -> list[dict[str, str]]:
        return [
            {
                "file": font.path.name,
                "family": font.family,
                "style": font.style,
                "sha256": font.sha256,
                "licence": font.licence,
            }
            for font in some
        ]

    return {
        "options": {
            "name": options.name,
            "fonts": [str(path) for path in options.fonts] or ["packaged"],
            "exclude_families": sorted(options.exclude_families),
            "unseen_share": options.unseen_share,
            "seed": options.seed,
            "start_from": {
                path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in _starting_weights(options).values()
            },
            "start_share": options.start_share,
            "finder": {"steps": options.finder_steps, "batch": options.finder_batch, "rate": options.finder_rate},
            "reader": {"steps": options.reader_steps, "batch": options.reader_batch, "rate": options.reader_rate},
        },
        "made_with": {
            "elasticache-police": _installed("elasticache-police"),
            "keras": keras.__version__,
            "keras_backend": keras.backend.backend(),
            "numpy": np.__version__,
            "pillow": _installed("pillow"),
            "python": platform.python_version(),
        },
        "fonts": {
            "trained_on": fonts(seen),
            "measured_on": fonts(unseen),
            "refused": [{"file": problem.path.name, "reason": problem.reason} for problem in problems],
        },
    }


def _keep_record(path: Path, record: dict[str, object]) -> None:
    """Write the run's record, or check that it is the one that is being resumed."""
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        for key in ("options", "fonts"):
            was, now = dict(before[key]), dict(json.loads(text)[key])
            for part in ("finder", "reader"):
                for record_ in (was, now):
                    if part in record_:
                        record_[part] = {k: v for k, v in record_[part].items() if k != "steps"}
            if was != now:
                raise TrainingError(f"{path.parent} holds a run with other {key}: choose another --out, or delete it")
    path.write_text(text, encoding="utf-8")


def train(
    options: TrainingOptions, *, progress: Progress | None = None, say: Callable[[str], None] = lambda _: None
) -> Path:
    """Train a model for a name, or go on with the run in ``options.out``.

    The run directory holds ``run.json`` (every input), ``finder/`` and ``reader/`` (checkpoints and logs), the
    model in ``model/``, its weights to go on from in ``weights/`` and what was measured: ``evaluation.json``,
    ``confusion.txt``, ``mistakes.png``, ``curve.png``, ``reliability.png``.

    Args:
        options: What to train.
        progress: Called as training goes.
        say: Called with a line of text at every stage.

    Returns:
        The model directory, for ``Police.from_model``.

    Raises:
        ConfigurationError: A font directory does not exist.
        TrainingError: No font is fit, or the directory holds another run.
        KeyboardInterrupt: After a checkpoint; the same call goes on from there.
    """
    import keras

    from elasticache_police.model import losses, networks
    from elasticache_police.model.export import export_onnx

    start = _starting_weights(options)
    for path in start.values():
        if not path.is_file():
            raise TrainingError(f"{path} does not exist: a directory to start from holds finder.npz and reader.npz")
    say("checking fonts")

    def count(done: int, files: int) -> None:
        if done % _FONTS_A_LINE == 0:
            say(f"checked {done} of {files} fonts")

    fonts, problems = find_fonts(options.fonts or packaged_fonts(), exclude=options.exclude_families, progress=count)
    if not fonts:
        raise TrainingError(
            f"none of {len(problems)} font files is fit; the first: {problems[0].reason if problems else 'none found'}"
        )
    seen, unseen = _seen_and_unseen(fonts, options)
    say(f"{len(seen)} fonts to train on, {len(unseen)} of other families to measure on, {len(problems)} refused")
    options.out.mkdir(parents=True, exist_ok=True)
    _keep_record(options.out / "run.json", _record(options, seen, unseen, problems))
    keras.utils.set_random_seed(options.seed)
    prepared = font_set(seen)

    def report(part: str, steps: int) -> Callable[[int, float, float], None]:
        return lambda step, loss, _: progress(part, step, steps, loss) if progress is not None else None

    finder = networks.finder()
    fit(
        finder,
        losses.finder_loss,
        FinderBatches(seed=options.seed, size=options.finder_batch, fonts=prepared, names=(options.name,)),
        Schedule(steps=options.finder_steps, peak_rate=options.finder_rate),
        directory=options.out / "finder",
        initial=start.get("finder"),
        workers=options.workers,
        progress=report("finder", options.finder_steps),
    )
    reader = networks.reader()
    fit(
        reader,
        losses.reader_loss,
        ReaderBatches(seed=options.seed + 1, size=options.reader_batch, fonts=prepared, names=(options.name,)),
        Schedule(steps=options.reader_steps, peak_rate=options.reader_rate),
        directory=options.out / "reader",
        initial=start.get("reader"),
        workers=options.workers,
        progress=report("reader", options.reader_steps),
    )
    for part, network, steps in (("finder", finder, options.finder_steps), ("reader", reader, options.reader_steps)):
        if steps and options.start_share:
            average_with(start[part], network, options.start_share)
    write_weights(options.out / "weights" / "finder.npz", finder)
    write_weights(options.out / "weights" / "reader.npz", reader)
    say("measuring on unseen fonts")
    model = options.out / "model"
    fresh = options.out / "model.partial"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    export_onnx(finder, reader, fresh)
    settings = calibrate(fresh, unseen, options)
    write_config(fresh, settings)
    result = evaluate(
        Runtime.load(fresh), unseen, options.name, crops=options.evaluation_crops, pages=options.evaluation_pages
    )
    _write_results(options.out, fresh, result)
    shutil.rmtree(model, ignore_errors=True)
    fresh.rename(model)
    say(result.table())
    return model


def calibrate(model: Path, fonts: Sequence[Font], options: TrainingOptions) -> Settings:
    """Choose the temperature that makes scores honest, then the least confidence at which alarms can be trusted.

    The temperature is the one nearest to 1 whose log loss on drawn crops in unseen fonts is within a standard error of
    the least; the confidence is the least of 0.8, 0.85, 0.9 and 0.95 at which at most three alarms in two hundred on
    drawn pages are false; those pages are harder than most people's.
    """
    losses: dict[float, np.ndarray] = {}
    for temperature in (0.8, 1.0, 1.25, 1.5, 1.8, 2.2):
        write_config(model, Settings(names=(options.name,), temperature=temperature))
        judged = evaluate_crops(Runtime.load(model), fonts, options.name, count=options.evaluation_crops, hard=True)
        losses[temperature] = np.array([one.surprise for one in judged])
    least_loss = min(losses.values(), key=lambda loss: float(loss.mean()))
    limit = least_loss.mean() + least_loss.std() / math.sqrt(len(least_loss))
    good = [temperature for temperature, loss in losses.items() if loss.mean() <= limit]
    settings = Settings(names=(options.name,), temperature=min(good, key=lambda one: abs(math.log(one))))
    write_config(model, settings)
    alarms: list[tuple[float, bool]] = []

    def note(finding: Finding, right: bool | None) -> None:  # noqa: FBT001  called by position
        if finding.verdict is Verdict.MISSPELLED:
            alarms.append((finding.confidence, right is not False))

    evaluate_pages(Runtime.load(model), fonts, options.name, count=options.evaluation_pages, on_finding=note)
    for least in (0.8, 0.85, 0.9):
        false = [is_false for confidence, is_false in alarms if confidence >= least]
        if sum(false) * 200 <= 3 * len(false):
            return attrs.evolve(settings, min_confidence=least)
    return attrs.evolve(settings, min_confidence=0.95)


def _write_results(out: Path, model: Path, result: Evaluation) -> None:
    (out / "evaluation.json").write_text(json.dumps(result.to_dict(), indent=1) + "\n", encoding="utf-8")
    (out / "confusion.txt").write_text(result.table() + "\n", encoding="utf-8")
    result.worst().save(out / "mistakes.png")
    write_reliability((*result.clean, *result.hard), out / "reliability.png")
    card.write_curve(out, out / "curve.png")
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    metadata = {**run, "quality": result.to_dict(), "config": json.loads((model / CONFIG).read_text(encoding="utf-8"))}
    (model / METADATA).write_text(json.dumps(metadata, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (model / "README.md").write_text(card.model_card(metadata), encoding="utf-8")
