"""From the reader's frames to text and the place of every character."""

from __future__ import annotations

import attrs
import numpy as np

from elasticache_police.runtime.alphabet import BLANK, CLASSES, decode, encode

__all__ = ["GAP_FRAMES", "SPACE", "Reading", "read", "softmax"]

GAP_FRAMES = 14
"""Frames without a character after which a new text begins: 28 columns, 1.4 times the height of capitals."""
WIDE_FRAMES = 22
"""More frames than this between the middles of two letters with a space between, and they are of two texts, such as
cells of a table: 2.2 times the height of capitals, where words of one text are 1.1 apart, and of a typewriter 2.1."""
SPACE = encode(" ")[0]


@attrs.frozen(eq=False)
class Reading:
    """What a line says, character by character."""

    text: str
    first: np.ndarray
    """int (len(text),): first frame of every character."""
    last: np.ndarray
    """int (len(text),): last frame of every character."""
    frames: np.ndarray
    """float32 (T, CLASSES), each row a distribution; where silence is read as a space, one frame is that for sure."""

    @property
    def columns(self) -> str:
        """The text, with a tab for every space that is too wide for one text."""
        letters = list(self.text)
        for index in range(1, len(letters) - 1):
            if letters[index] == " " and self.first[index + 1] - self.last[index - 1] > WIDE_FRAMES:
                letters[index] = "\t"
        return "".join(letters)

    def middle(self, index: int) -> float:
        """Return the frame in the middle of a character."""
        return (float(self.first[index]) + float(self.last[index]) + 1) / 2

    def around(self, start: int, stop: int) -> tuple[int, int]:
        """Return the frame just after the character before ``start``, and that of the character at ``stop``."""
        begin = int(self.last[start - 1]) + 1 if start else 0
        end = int(self.first[stop]) if stop < len(self.text) else len(self.frames)
        return begin, end

    def slice(self, start: int, stop: int) -> np.ndarray:
        """Return the frames from just after the character before ``start`` to just before the one at ``stop``."""
        begin, end = self.around(start, stop)
        return self.frames[begin:end]


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return distributions over the last axis; a temperature above 1 makes them less sure."""
    scaled = logits.astype(np.float32) / np.float32(temperature)
    scaled -= scaled.max(axis=-1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=-1, keepdims=True)
    return scaled


def read(frames: np.ndarray) -> Reading:
    """Read a line by the likeliest class of every frame.

    Where nothing is written for longer than a wide gap between letters, a space is read: what follows is another text.

    Args:
        frames: float32 (T, CLASSES), each row a distribution.
    """
    best = frames.argmax(axis=-1)
    others = np.flatnonzero(best[1:] != best[:-1]) + 1
    begins = [0, *others.tolist()][: len(best)]
    ends = [*(begin - 1 for begin in begins[1:]), len(best) - 1][: len(best)]
    written = [run for run in zip(begins, ends, best[begins].tolist(), strict=True) if run[2] != BLANK]
    runs: list[tuple[int, int, int]] = []
    silences: list[int] = []
    for run in written:
        if runs and run[0] - runs[-1][1] > GAP_FRAMES and SPACE not in {run[2], runs[-1][2]}:
            middle = (run[0] + runs[-1][1]) // 2
            runs.append((middle, middle, SPACE))
            silences.append(middle)
        runs.append(run)
    if silences:
        frames = frames.copy()
        frames[silences] = np.eye(CLASSES, dtype=frames.dtype)[SPACE]
    return Reading(
        text=decode([index for _, _, index in runs]),
        first=np.array([a for a, _, _ in runs], int),
        last=np.array([b for _, b, _ in runs], int),
        frames=frames,
    )
