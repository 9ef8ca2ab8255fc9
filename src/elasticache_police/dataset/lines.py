"""What is known of a written line: its text, and where every character stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import numpy as np

__all__ = ["TextLine", "TurnedText"]


@attrs.frozen(kw_only=True)
class TextLine:
    """A written line and where each of its characters stands, in pixels of the final page."""

    text: str
    edges: np.ndarray
    """float32 (len(text) + 1,): x of every character's left edge, and the last one's right edge."""
    baseline: float
    cap_px: float
    """Height of the capital E above the baseline."""
    spans: tuple[tuple[int, int], ...]
    """(start, stop) of the policed name or a near-miss in the text."""
    halves: tuple[tuple[int, int], ...] = ()
    """(start, stop) of half a name that is broken over two lines and wrong at the break."""

    @property
    def top(self) -> float:
        """Y of the top of capitals."""
        return self.baseline - self.cap_px

    def span_box(self, span: tuple[int, int]) -> tuple[float, float, float, float]:
        """Return (x0, y0, x1, y1) of some characters, from the top of capitals to the baseline."""
        return float(self.edges[span[0]]), self.top, float(self.edges[span[1]]), self.baseline


@attrs.frozen(kw_only=True)
class TurnedText:
    """A block of text that runs up or down the page, as on the axis of a chart."""

    box: tuple[float, float, float, float]
    """x0, y0, x1, y1 in pixels of the final page, from the tops of capitals to the baselines."""
    cap_px: float
    """Height of capitals, which lie along x."""
    climbs: bool
    """Whether it reads from bottom to top; else from top to bottom."""
