"""One training loop for both networks: rendered on the fly, checkpointed, resumable, interruptible."""

from __future__ import annotations

import collections
import json
import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np

if TYPE_CHECKING:
    import keras

from elasticache_police.errors import TrainingError

__all__ = ["Schedule", "checkpoint_step", "fit", "load_weights", "rendered", "start_from", "write_weights"]

Arrays = tuple[np.ndarray, np.ndarray]


@attrs.frozen(kw_only=True)
class Schedule:
    """How long to train and how fast to learn."""

    steps: int = attrs.field(validator=attrs.validators.ge(0))
    """0 leaves the weights as they are given."""
    peak_rate: float = 1.5e-3
    warm_up: int = 200
    """Steps in which the rate rises to its peak; then it falls along a cosine."""
    floor: float = 0.01
    """The last rate as a share of the peak."""
    checkpoint_every: int = 250

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        if step < self.warm_up:
            return self.peak_rate * (step + 1) / self.warm_up
        done = (step - self.warm_up) / max(1, self.steps - self.warm_up)
        return self.peak_rate * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


_makers: list[Callable[[int], Arrays]] = []
"""In a worker process what makes its batches: thousands of fonts, which would take longer to send than a batch."""


def _prepare(make: Callable[[int], Arrays]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _makers[:] = [make]


def _make(index: int) -> Arrays:
    return _makers[0](index)


def rendered(make: Callable[[int], Arrays], *, first: int, stop: int, workers: int) -> Iterator[Arrays]:
    """Yield batches ``first`` to ``stop`` in order, rendered ahead by worker processes.

    Args:
        make: Picklable; makes the batch of a number. The batches do not depend on the number of workers.
        first: Number of the first batch.
        stop: One past the number of the last batch.
        workers: Processes, deaf to Ctrl-C, which this process hears; 0 renders in this one.
    """
    if workers == 0:
        yield from map(make, range(first, stop))
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, _prepare, (make,)) as pool:
        pending: collections.deque[Future[Arrays]] = collections.deque()
        upcoming = iter(range(first, stop))
        try:
            for index in upcoming:
                pending.append(pool.submit(_make, index))
                if len(pending) > 3 * workers + 2:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def write_weights(path: Path, model: keras.Model) -> None:
    """Write a network's weights alone, for :func:`start_from`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, allow_pickle=False, **{f"w{i}": np.asarray(v) for i, v in enumerate(model.get_weights())})


def _write_checkpoint(path: Path, model: keras.Model, step: int) -> None:
    """Write weights, optimizer state and step; the old checkpoint stays until the new one is whole."""
    arrays = {f"w{i}": np.asarray(v) for i, v in enumerate(model.get_weights())}
    arrays |= {
        f"o{i}": np.asarray(v.numpy() if hasattr(v, "numpy") else v.value)
        for i, v in enumerate(model.optimizer.variables)
    }
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, allow_pickle=False, step=np.int64(step), **arrays)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _weights(saved: np.lib.npyio.NpzFile) -> list[np.ndarray]:
    """Return the weights in a file of :func:`write_weights` or in a checkpoint, in the network's order."""
    return [saved[f"w{i}"] for i in range(sum(key.startswith("w") for key in saved.files))]


def checkpoint_step(path: Path) -> int:
    """Return how many steps a checkpoint has behind it."""
    with np.load(path) as saved:
        return int(saved["step"])


def load_weights(path: Path, model: keras.Model) -> int:
    """Load the weights of a checkpoint into a model of the same shape and return its step.

    Raises:
        TrainingError: The checkpoint is of another network.
    """
    with np.load(path) as saved:
        weights = _weights(saved)
        shapes = [weight.shape for weight in weights]
        if shapes != [tuple(weight.shape) for weight in model.get_weights()]:
            msg = f"{path} is a checkpoint of another network; train in another directory or delete it"
            raise TrainingError(msg)
        model.set_weights(weights)
        return int(saved["step"])


def start_from(path: Path, model: keras.Model) -> None:
    """Copy the weights of a trained network into one of the same layers, as far as their sizes go.

    Args:
        path: Weights as :func:`fit` writes them.
        model: The network; where it is larger than the trained one, the rest keeps its fresh weights.

    Raises:
        TrainingError: The trained network has other layers.
    """
    with np.load(path) as saved:
        trained = _weights(saved)
    fresh = [np.array(weight) for weight in model.get_weights()]
    if [weight.ndim for weight in trained] != [weight.ndim for weight in fresh]:
        msg = f"{path} holds the weights of a network with other layers than this version's"
        raise TrainingError(msg)
    for mine, theirs in zip(fresh, trained, strict=True):
        common = tuple(slice(0, min(sizes)) for sizes in zip(mine.shape, theirs.shape, strict=True))
        mine[common] = theirs[common]
    model.set_weights(fresh)


def average_with(path: Path, model: keras.Model, share: float) -> None:
    """Give a network that was trained on the mean of its weights and of those that it started from.

    The mean of both mostly does better than either, on what it was taught last and on what it knew before (Wortsman et
    al., 2022, Robust fine-tuning of zero-shot models, arXiv:2109.01903).

    Args:
        path: The weights it started from.
        model: The network, trained on.
        share: Of the old weights in the mean, 0 to 1.

    Raises:
        TrainingError: The old network has other layers.
    """
    new = [np.array(weight) for weight in model.get_weights()]
    start_from(path, model)
    old = [np.array(weight) for weight in model.get_weights()]
    model.set_weights([share * before + (1 - share) * after for before, after in zip(old, new, strict=True)])


def _restore(path: Path, model: keras.Model) -> int:
    step = load_weights(path, model)
    model.optimizer.build(model.trainable_variables)
    with np.load(path) as saved:
        for i, variable in enumerate(model.optimizer.variables):
            if f"o{i}" in saved.files and tuple(saved[f"o{i}"].shape) == tuple(variable.shape):
                variable.assign(saved[f"o{i}"])
    return step


def fit(
    model: keras.Model,
    loss: Callable[[object, object], object],
    make: Callable[[int], Arrays],
    schedule: Schedule,
    *,
    directory: Path,
    initial: Path | None = None,
    workers: int = 1,
    progress: Callable[[int, float, float], None] | None = None,
) -> None:
    """Train a model, or go on where an earlier run in the same directory stopped.

    Writes ``checkpoint.npz`` and ``log.jsonl`` (step, loss, rate, seconds) into the directory.

    Args:
        model: The network.
        loss: ``loss(truth, answer)``, a scalar.
        make: Makes batch ``i``, ``(inputs, targets)``; picklable.
        schedule: How long and how fast.
        directory: Made when missing.
        initial: Weights to start from when the directory holds no checkpoint; see :func:`start_from`.
        workers: Processes that render.
        progress: Called after a step with the step, its smoothed loss and steps per second.

    Raises:
        TrainingError: The checkpoint there is of another network, or the loss is no longer a number.
        KeyboardInterrupt: After a checkpoint was written.
    """
    import keras

    directory.mkdir(parents=True, exist_ok=True)
    checkpoint = directory / "checkpoint.npz"
    model.compile(
        optimizer=keras.optimizers.AdamW(schedule.peak_rate, weight_decay=0.01, clipnorm=5.0),
        loss=loss,
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)
    step = 0
    if checkpoint.exists():
        step = _restore(checkpoint, model)
    elif initial is not None:
        start_from(initial, model)
    smooth: float | None = None
    started, first = time.monotonic(), step
    with (directory / "log.jsonl").open("a", encoding="utf-8") as log:
        try:
            for inputs, targets in rendered(make, first=step, stop=schedule.steps, workers=workers):
                model.optimizer.learning_rate.assign(schedule.rate(step))
                value = float(model.train_on_batch(inputs, targets))
                if not math.isfinite(value):
                    msg = f"the loss became {value} at step {step}; resume from the checkpoint with a lower rate"
                    raise TrainingError(msg)
                smooth = value if smooth is None else 0.98 * smooth + 0.02 * value
                step += 1
                pace = (step - first) / (time.monotonic() - started)
                if progress is not None:
                    progress(step, smooth, pace)
                if step % 25 == 0:
                    log.write(
                        json.dumps(
                            {
                                "step": step,
                                "loss": round(smooth, 5),
                                "rate": schedule.rate(step),
                                "seconds": round(time.monotonic() - started, 1),
                            }
                        )
                        + "\n"
                    )
                    log.flush()
                if step % schedule.checkpoint_every == 0:
                    _write_checkpoint(checkpoint, model, step)
        finally:
            if smooth is not None and math.isfinite(smooth):
                _write_checkpoint(checkpoint, model, step)
