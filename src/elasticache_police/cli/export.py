"""``elasticache-police export``: a model directory as SavedModel and ``model.tar.gz``."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["export"]


@click.command()
@click.option(
    "--model",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A model made by the command train.  [default: the packaged one]",
)
@click.option(
    "--out",
    metavar="DIR",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where saved_model/ and model.tar.gz go.",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    help="The endpoint refuses pictures with more pixels than this.  [default: as many as the command inspect takes]",
)
def export(*, model: Path | None, out: Path, max_pixels: int | None) -> None:
    """Write a model as a SavedModel and as model.tar.gz, ready for the commands serve and deploy.

    The SavedModel takes encoded pictures and answers places and scores all by itself; the archive adds the code that
    SageMaker's container runs in front of it. The same model gives the same bytes.
    """
    from elasticache_police.imaging import MAX_PIXELS
    from elasticache_police.model.export import export as write

    made = write(model, out, max_pixels=MAX_PIXELS if max_pixels is None else max_pixels)
    click.echo(f"{made.saved_model}  signatures serving_default, classify, inspect")
    click.echo(f"{made.archive}  {made.size_bytes / 1e6:.1f} MB  sha256 {made.sha256}")
