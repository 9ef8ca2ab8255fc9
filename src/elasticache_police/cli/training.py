"""``elasticache-police dataset`` and ``train``: samples to look at, and a model for any name."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from elasticache_police.cli._signals import interrupted_by_signals

__all__ = ["dataset", "train"]

_FONTS = click.option(
    "--fonts",
    "fonts",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="A font file or a folder of fonts; may be repeated.  [default: the few fonts in the package]",
)
_EXCLUDE = click.option(
    "--exclude-families",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A text file of font families to leave out, one a line; lines that begin with # are notes.",
)


def _families(path: Path | None) -> frozenset[str]:
    if path is None:
        return frozenset()
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


@click.command()
@click.option("--name", default="ElastiCache", show_default=True, help="The name to spell, right and wrong.")
@_FONTS
@_EXCLUDE
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="A new or empty folder.")
@click.option("--crops", type=click.IntRange(min=0), default=200, show_default=True, help="Lines of 50 x 700 pixels.")
@click.option("--pages", type=click.IntRange(min=0), default=8, show_default=True, help="Whole pages.")
@click.option("--hard", is_flag=True, help="Shrink, blur, compress and invert the crops.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed and fonts give the same files.")
def dataset(
    *,
    name: str,
    fonts: tuple[Path, ...],
    exclude_families: Path | None,
    out: Path,
    crops: int,
    pages: int,
    hard: bool,
    seed: int,
) -> None:
    """Draw labelled samples to look at: crops, pages, labels.jsonl and a contact sheet."""
    from elasticache_police.dataset.fonts import find_fonts, packaged_fonts
    from elasticache_police.dataset.writing import write_dataset
    from elasticache_police.spelling import check_name

    fit, refused = find_fonts(fonts or packaged_fonts(), exclude=_families(exclude_families))
    console = Console(stderr=True)
    with _bar(console) as bar:
        task = bar.add_task("drawing", total=crops + pages, loss="")
        sheet = write_dataset(
            out,
            name=check_name(name),
            fonts=fit,
            crops=crops,
            pages=pages,
            hard=hard,
            seed=seed,
            progress=lambda done, _: bar.update(task, completed=done),
        )
    for problem in refused[:10]:
        click.echo(f"left out {problem.path.name}: {problem.reason}", err=True)
    if len(refused) > 10:
        click.echo(f"and {len(refused) - 10} more fonts", err=True)
    click.echo(f"{crops} crops and {pages} pages in {len(fit)} fonts; look at {sheet}")


@click.command()
@click.option("--name", default="ElastiCache", show_default=True, help="The name to police.")
@_FONTS
@_EXCLUDE
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The run's folder; an interrupted run there goes on.",
)
@click.option(
    "--measure-fonts",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="Fonts to measure on, not to train on; may be repeated.  [default: a twelfth of the families]",
)
@click.option(
    "--start-from",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with finder.npz and reader.npz, trained weights to go on from: weights/ of another run.",
)
@click.option(
    "--start-share",
    type=click.FloatRange(min=0, max=1, max_open=True),
    default=0.0,
    show_default=True,
    help="Share of the weights of --start-from in the result; half keeps more of what they knew.",
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--finder-steps",
    type=click.IntRange(min=0),
    default=6500,
    show_default=True,
    help="Steps of 8 pages; 0 keeps the finder of --start-from.",
)
@click.option(
    "--reader-steps",
    type=click.IntRange(min=0),
    default=9500,
    show_default=True,
    help="Steps of 32 lines; 0 keeps the reader of --start-from.",
)
@click.option("--finder-batch", type=click.IntRange(min=1), default=8, show_default=True)
@click.option("--reader-batch", type=click.IntRange(min=1), default=32, show_default=True)
@click.option(
    "--finder-rate",
    type=click.FloatRange(min=0, min_open=True),
    default=2e-3,
    show_default=True,
    help="Highest learning rate; a lower one forgets less of --start-from.",
)
@click.option(
    "--reader-rate",
    type=click.FloatRange(min=0, min_open=True),
    default=2e-3,
    show_default=True,
    help="Highest learning rate; a lower one forgets less of --start-from.",
)
@click.option(
    "--evaluation-crops",
    type=click.IntRange(min=2),
    default=400,
    show_default=True,
    help="Crops to measure on, clean and hard each.",
)
@click.option(
    "--evaluation-pages", type=click.IntRange(min=1), default=60, show_default=True, help="Pages to measure on."
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Processes that draw; they do not change what is drawn.",
)
@click.option(
    "--threads", type=click.IntRange(min=1), help="Threads the network trains on (TensorFlow).  [default: all cores]"
)
def train(
    *,
    name: str,
    fonts: tuple[Path, ...],
    exclude_families: Path | None,
    out: Path,
    measure_fonts: tuple[Path, ...],
    start_from: Path | None,
    start_share: float,
    seed: int,
    finder_steps: int,
    reader_steps: int,
    finder_batch: int,
    reader_batch: int,
    finder_rate: float,
    reader_rate: float,
    evaluation_crops: int,
    evaluation_pages: int,
    workers: int,
    threads: int | None,
) -> None:
    """Train a model for a name: a finder and a reader, measured on fonts they have not seen.

    The folder keeps every input, checkpoints, logs and what was measured. Ctrl-C, SIGTERM or a closed terminal ends a
    run with a checkpoint; the same command goes on from there.
    Use the result with: elasticache-police inspect --model OUT/model PATH...
    """
    from elasticache_police.model.training import TrainingOptions
    from elasticache_police.model.training import train as run

    if threads is not None:
        from elasticache_police.model.threads import set_threads

        set_threads(threads)
    options = TrainingOptions(
        name=name,
        fonts=fonts,
        out=out,
        exclude_families=_families(exclude_families),
        measure_fonts=measure_fonts,
        start_from=start_from,
        start_share=start_share,
        seed=seed,
        finder_steps=finder_steps,
        reader_steps=reader_steps,
        finder_batch=finder_batch,
        reader_batch=reader_batch,
        finder_rate=finder_rate,
        reader_rate=reader_rate,
        workers=workers,
        evaluation_crops=evaluation_crops,
        evaluation_pages=evaluation_pages,
    )
    console = Console(stderr=True)
    with _bar(console) as bar:
        tasks = {
            part: bar.add_task(part, total=steps, loss="")
            for part, steps in (("finder", finder_steps), ("reader", reader_steps))
            if steps
        }

        def show(part: str, step: int, steps: int, loss: float) -> None:
            bar.update(tasks[part], completed=step, loss=f"loss {loss:.3f}")
            if not console.is_terminal and (step % 100 == 0 or step == steps):
                click.echo(f"{part}: step {step} of {steps}, loss {loss:.4f}", err=True)

        try:
            with interrupted_by_signals():
                model = run(options, progress=show, say=lambda text: console.print(text, highlight=False, markup=False))
        except KeyboardInterrupt:
            click.echo(f"stopped; the same command goes on from the checkpoint in {out}", err=True)
            sys.exit(130)
    click.echo(f"the model is in {model}")
