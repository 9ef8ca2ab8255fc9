"""Picklable makers of training batches, for worker processes."""

from __future__ import annotations

import attrs
import numpy as np

from elasticache_police.dataset.pages import FontSet, PageStyle
from elasticache_police.dataset.text import NameTexts
from elasticache_police.model.samples import finder_batch, reader_batch
from elasticache_police.runtime.alphabet import BLANK

__all__ = ["GARBLED_SHARE", "OTHERS_SHARE", "FinderBatches", "ReaderBatches"]

GARBLED_SHARE = 0.6
"""Share of the reader's names with so many letters changed that they cannot be guessed: of all, a sixth are right."""

OTHERS_SHARE = 0.45
"""Share of the reader's names that are other products': ``Police(names=...)`` reads names that nobody trained."""


@attrs.frozen(kw_only=True)
class FinderBatches:
    """Makes batches of pages and of the finder's targets."""

    seed: int
    size: int
    fonts: FontSet
    names: tuple[str, ...]
    style: PageStyle = attrs.Factory(PageStyle)

    def __call__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return inputs uint8 (N, H, W, 1) and targets float32 (N, H/8, W/8, 13)."""
        batch = finder_batch(
            seed=self.seed,
            index=index,
            size=self.size,
            fonts=self.fonts,
            texts=NameTexts(names=self.names),
            style=self.style,
        )
        return batch.pages, batch.targets


@attrs.frozen(kw_only=True)
class ReaderBatches:
    """Makes batches of lines and of what their frames say."""

    seed: int
    size: int
    fonts: FontSet
    names: tuple[str, ...]

    def __call__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return inputs uint8 (N, 32, W, 1) and targets float32 (N, W/2, 3): class, weight, text left-aligned."""
        texts = NameTexts(names=self.names, garbled_share=GARBLED_SHARE, others_share=OTHERS_SHARE)
        batch = reader_batch(seed=self.seed, index=index, size=self.size, fonts=self.fonts, texts=texts)
        text = np.zeros_like(batch.weights)
        for row, classes in zip(text, batch.classes, strict=True):
            written = classes[classes != BLANK]
            row[: len(written)] = written
        return batch.lines, np.stack([batch.classes.astype(np.float32), batch.weights, text], axis=-1)
