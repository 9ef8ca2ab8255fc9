"""Measures a trained model on fonts it has never seen: crops and pages, per kind of near-miss, with its mistakes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import numpy as np
from PIL import Image, ImageDraw

from elasticache_police.dataset.crops import CropSample, render_crop
from elasticache_police.dataset.fonts import Font
from elasticache_police.dataset.pages import PageSample, PageStyle, font_set, render_page
from elasticache_police.dataset.text import NameTexts
from elasticache_police.dataset.writing import contact_sheet
from elasticache_police.findings import Box, Classification, Finding, Verdict
from elasticache_police.runtime import Runtime
from elasticache_police.spelling import kind_of

__all__ = ["Evaluation", "Judged", "PageCount", "evaluate", "evaluate_crops", "evaluate_pages"]

_SEED = 977


@attrs.frozen(eq=False)
class Judged:
    """A crop, and what the model says of it."""

    sample: CropSample
    answer: Classification

    @property
    def right(self) -> bool:
        """Whether the verdict is the truth."""
        return (self.sample.kind is None) == (self.answer.verdict is Verdict.CORRECT)

    @property
    def surprise(self) -> float:
        """Return -log of the probability given to the truth."""
        given = self.answer.score if self.sample.kind is None else 1 - self.answer.score
        return -math.log(max(1e-9, given))


@attrs.frozen(kw_only=True)
class PageCount:
    """Findings on drawn pages against the truth."""

    found: int = 0
    """Misspelled names that were called misspelled."""
    missed: int = 0
    false_alarms: int = 0
    correct_seen: int = 0
    """Right names that were called correct."""
    correct_missed: int = 0
    """Right names without a finding."""

    @property
    def precision(self) -> float:
        """Share of alarms that are true."""
        return self.found / max(1, self.found + self.false_alarms)

    @property
    def recall(self) -> float:
        """Share of misspelled names that were found."""
        return self.found / max(1, self.found + self.missed)


@attrs.frozen(eq=False, kw_only=True)
class Evaluation:
    """Everything measured."""

    clean: tuple[Judged, ...]
    hard: tuple[Judged, ...]
    pages: PageCount
    fonts: tuple[str, ...]

    def confusion(self, judged: Sequence[Judged]) -> dict[str, tuple[int, int]]:
        """Return, for the right spelling and each kind of near-miss, how many were called correct and misspelled."""
        table: dict[str, list[int]] = {}
        for one in judged:
            row = table.setdefault("right" if one.sample.kind is None else one.sample.kind.value, [0, 0])
            row[one.answer.verdict is Verdict.MISSPELLED] += 1
        return {kind: (row[0], row[1]) for kind, row in sorted(table.items())}

    def to_dict(self) -> dict[str, object]:
        """Return the figures for ``evaluation.json``."""
        return {
            "fonts": list(self.fonts),
            "crops": {
                label: {
                    "count": len(judged),
                    "accuracy": round(sum(one.right for one in judged) / max(1, len(judged)), 4),
                    "called_correct_and_misspelled": self.confusion(judged),
                }
                for label, judged in (("clean", self.clean), ("hard", self.hard))
            },
            "pages": {
                **attrs.asdict(self.pages),
                "precision": round(self.pages.precision, 4),
                "recall": round(self.pages.recall, 4),
            },
        }

    def table(self) -> str:
        """Return the confusion tables as text."""
        lines = []
        for label, judged in (("clean crops", self.clean), ("hard crops", self.hard)):
            accuracy = sum(one.right for one in judged) / max(1, len(judged))
            lines.append(f"{label}: {accuracy:.2%} of {len(judged)}")
            lines.append(f"  {'truth':<16}{'called correct':>16}{'called misspelled':>20}")
            lines += [f"  {kind:<16}{good:>16}{bad:>20}" for kind, (good, bad) in self.confusion(judged).items()]
        lines.append(
            f"pages: precision {self.pages.precision:.2%}, recall {self.pages.recall:.2%} "
            f"({self.pages.found} found, {self.pages.missed} missed, {self.pages.false_alarms} false alarms; "
            f"right names seen {self.pages.correct_seen}, without a finding {self.pages.correct_missed})"
        )
        return "\n".join(lines)

    def worst(self, count: int = 24) -> Image.Image:
        """Return a picture of the crops whose truth surprised the model most."""
        ranked = sorted((*self.clean, *self.hard), key=lambda one: -one.surprise)[:count]
        pictures = []
        for one in ranked:
            said = one.answer
            picture = Image.new("RGB", (700, 68), "white")
            picture.paste(Image.fromarray(one.sample.grey).convert("RGB"), (0, 18))
            caption = (
                f"{one.sample.text!r} in {one.sample.font.family}: P(correct) {said.score:.3f}, read {said.reading!r}"
            )
            ImageDraw.Draw(picture).text(
                (4, 3), caption.encode("ascii", "replace").decode(), fill="#006400" if one.right else "#c00000"
            )
            pictures.append(picture)
        return contact_sheet(pictures, columns=2)


def evaluate_crops(runtime: Runtime, fonts: Sequence[Font], name: str, *, count: int, hard: bool) -> tuple[Judged, ...]:
    """Classify drawn crops in fonts the model has never seen."""
    out = []
    for index in range(count):
        sample = render_crop(seed=_SEED + hard, index=index, font=fonts[index // 2 % len(fonts)], name=name, hard=hard)
        out.append(Judged(sample, runtime.classify_lines(sample.grey[np.newaxis])[0]))
    return tuple(out)


def _hits(a: Box, b: tuple[float, float, float, float]) -> bool:
    ax, ay = (a[0] + a[2]) / 2, (a[1] + a[3]) / 2
    bx, by = (b[0] + b[2]) / 2, (b[1] + b[3]) / 2
    return (b[0] <= ax <= b[2] and b[1] - 2 <= ay <= b[3] + 2) or (a[0] <= bx <= a[2] and a[1] <= by <= a[3])


def _truth(
    page: PageSample, name: str, style: PageStyle
) -> list[tuple[tuple[float, float, float, float], bool | None]]:
    """Return where the name stands, whole, and whether it is right; None where it may be code.

    A name that is broken over two lines, wrong at the break, stands once, on both.
    """
    truth: list[tuple[tuple[float, float, float, float], bool | None]] = []
    for line in page.lines:
        for start, stop in line.spans:
            text = line.text[start:stop]
            truth.append((line.span_box((start, stop)), None if text == text.lower() else kind_of(text, name) is None))
    halves = [line.span_box(line.halves[0]) for line in page.lines if line.halves]
    for above, below in zip(halves[::2], halves[1::2], strict=True):  # as they were written, one after the other
        truth.append(((min(above[0], below[0]), above[1], max(above[2], below[2]), below[3]), False))
    return [
        (box, right)
        for box, right in truth
        if box[0] >= 0 and box[2] <= style.width and box[1] >= 0 and box[3] <= style.height
    ]


def evaluate_pages(
    runtime: Runtime,
    fonts: Sequence[Font],
    name: str,
    *,
    count: int,
    on_finding: Callable[[Finding, bool | None], None] | None = None,
) -> PageCount:
    """Inspect drawn pages in fonts the model has never seen; findings below the model's confidence do not count.

    Args:
        runtime: The model.
        fonts: What to draw with.
        name: The name.
        count: How many pages.
        on_finding: Called with every finding, however unsure, and whether the name there is right (None: no name).
    """
    prepared = font_set(fonts)
    # Of turned text a page knows where it is, but not what it says.
    style = PageStyle(width=960, height=640, cap_px=(7.0, 30.0), blocks=(12, 40), turned_share=0.0)
    texts = NameTexts(names=(name,), garbled_share=0.0)
    found = missed = false_alarms = seen = unseen = 0
    for index in range(count):
        page = render_page(seed=_SEED, index=index, fonts=prepared, texts=texts, style=style)
        everything = runtime.inspect_page(page.grey)
        findings = [finding for finding in everything if finding.confidence >= runtime.default_min_confidence]
        truth = _truth(page, name, style)
        for box, right in truth:
            verdicts = {finding.verdict for finding in findings if _hits(finding.box, box)}
            if right is False:
                found += Verdict.MISSPELLED in verdicts
                missed += Verdict.MISSPELLED not in verdicts
            elif right:
                false_alarms += Verdict.MISSPELLED in verdicts
                seen += Verdict.CORRECT in verdicts
                unseen += not verdicts
        for finding in everything:
            hit = [right for box, right in truth if _hits(finding.box, box)]
            if hit[:1] == [None] or (not hit and _beyond(finding, style)):
                continue  # code, or cut by the page's edge: there is no truth about it
            if not hit and finding.verdict is Verdict.MISSPELLED and finding in findings:
                false_alarms += 1
            if on_finding is not None:
                on_finding(finding, hit[0] if hit else None)
    return PageCount(found=found, missed=missed, false_alarms=false_alarms, correct_seen=seen, correct_missed=unseen)


def _beyond(finding: Finding, style: PageStyle) -> bool:
    """Return whether a finding touches the page's edge, where the truth is cut."""
    x0, y0, x1, y1 = finding.box
    return x0 <= 2 or y0 <= 2 or x1 >= style.width - 2 or y1 >= style.height - 2


def evaluate(runtime: Runtime, fonts: Sequence[Font], name: str, *, crops: int = 400, pages: int = 60) -> Evaluation:
    """Measure a model on drawn crops and pages in fonts it has never seen."""
    return Evaluation(
        clean=evaluate_crops(runtime, fonts, name, count=crops, hard=False),
        hard=evaluate_crops(runtime, fonts, name, count=crops, hard=True),
        pages=evaluate_pages(runtime, fonts, name, count=pages),
        fonts=tuple(sorted({font.family for font in fonts})),
    )


def write_reliability(judged: Sequence[Judged], path: Path) -> list[tuple[float, float, int]]:
    """Draw how often crops are right against the score they were given, in ten bins; return the bins.

    Returns:
        (mean score, share spelled right, count) of every bin that holds a crop.
    """
    scores = np.array([one.answer.score for one in judged])
    truth = np.array([one.sample.kind is None for one in judged])
    which = np.minimum(9, (scores * 10).astype(int))
    bins = [
        (float(scores[which == i].mean()), float(truth[which == i].mean()), int((which == i).sum()))
        for i in range(10)
        if (which == i).any()
    ]
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1)
    axes.scatter(
        [b[0] for b in bins], [b[1] for b in bins], s=[20 + 4 * math.sqrt(b[2]) for b in bins], color="#1f5fa8"
    )
    for score, share, count in bins:
        axes.annotate(str(count), (score, share), textcoords="offset points", xytext=(7, -4), fontsize=8)
    axes.set(
        xlabel="score: P(spelled right), as the model says",
        ylabel="share that is spelled right",
        title="Reliability on unseen fonts",
    )
    figure.savefig(path, dpi=110)
    return bins
