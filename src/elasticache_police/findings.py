"""What an inspection returns: plain frozen data, no pixels needed to read it."""

from __future__ import annotations

import enum
import json
from typing import TYPE_CHECKING, TypedDict

import attrs

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "Box",
    "Classification",
    "Finding",
    "FindingDict",
    "Kind",
    "Page",
    "PageDict",
    "Report",
    "ReportDict",
    "Verdict",
]

Box = tuple[int, int, int, int]
"""(x0, y0, x1, y1) in pixels of the original image, x1 and y1 exclusive."""


class Verdict(str, enum.Enum):
    """Whether an occurrence of the name is spelled right."""

    CORRECT = "correct"
    MISSPELLED = "misspelled"

    def __str__(self) -> str:
        return self.value


class Kind(str, enum.Enum):
    """What is wrong with a misspelled occurrence."""

    EXTRA_LETTER = "extra_letter"
    MISSING_LETTER = "missing_letter"
    WRONG_LETTER = "wrong_letter"
    SWAPPED_LETTERS = "swapped_letters"
    CASE = "case"
    SPLIT = "split"
    SEVERAL = "several"

    def __str__(self) -> str:
        return self.value


class FindingDict(TypedDict):
    """A finding as JSON."""

    box: list[int]
    verdict: str
    score: float
    reading: str
    kind: str | None
    name: str


class PageDict(TypedDict):
    """A page as JSON."""

    page: int
    width: int
    height: int
    findings: list[FindingDict]


class ReportDict(TypedDict):
    """A report as JSON."""

    file: str
    error: str | None
    pages: list[PageDict]


@attrs.frozen(kw_only=True)
class Finding:
    """One place where a policed name, right or wrong, is written."""

    box: Box
    """(x0, y0, x1, y1) in pixels of the original image."""
    verdict: Verdict
    score: float = attrs.field(validator=[attrs.validators.ge(0.0), attrs.validators.le(1.0)])
    """P(the spelling is correct), 0..1."""
    reading: str
    """The letters as the model reads them."""
    kind: Kind | None = None
    """What is wrong; None when the verdict is correct."""
    name: str = "ElastiCache"
    """The policed name that this is an occurrence of."""

    @property
    def confidence(self) -> float:
        """max(score, 1 - score), 0.5..1."""
        return max(self.score, 1.0 - self.score)

    def to_dict(self) -> FindingDict:
        """Return plain data for JSON; the score is rounded to four decimals."""
        return {
            "box": list(self.box),
            "verdict": self.verdict.value,
            "score": round(self.score, 4),
            "reading": self.reading,
            "kind": None if self.kind is None else self.kind.value,
            "name": self.name,
        }


@attrs.frozen(kw_only=True)
class Classification:
    """The answer to the story's question about one cropped line."""

    score: float = attrs.field(validator=[attrs.validators.ge(0.0), attrs.validators.le(1.0)])
    """P(the spelling is correct), 0..1: the number SageMaker answers as ``{"predictions": [[score]]}``."""
    verdict: Verdict
    reading: str = ""
    """The letters as the model reads them; empty when the model was asked for a score only."""
    kind: Kind | None = None

    @property
    def confidence(self) -> float:
        """max(score, 1 - score), 0.5..1."""
        return max(self.score, 1.0 - self.score)


@attrs.frozen(kw_only=True)
class Page:
    """One page, frame or whole image, and what was found on it."""

    number: int = 1
    """1-based."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    findings: tuple[Finding, ...] = ()
    """Top to bottom, then left to right."""
    image: Image.Image | None = attrs.field(default=None, eq=False, repr=False)
    """The page's pixels as RGB, kept for :meth:`Report.annotate`; None when they were not kept."""

    def to_dict(self) -> PageDict:
        """Return plain data for JSON."""
        return {
            "page": self.number,
            "width": self.width,
            "height": self.height,
            "findings": [finding.to_dict() for finding in self.findings],
        }


@attrs.frozen(kw_only=True)
class Report:
    """What was found in one image or document."""

    source: str = "<image>"
    """What the user called it: a path, or a description such as ``<bytes>``."""
    pages: tuple[Page, ...] = ()
    error: str | None = None
    """Why it could not be read; None when it could. Only ``inspect_many`` returns reports with an error."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding, page by page."""
        return tuple(finding for page in self.pages for finding in page.findings)

    @property
    def misspelled(self) -> tuple[Finding, ...]:
        """The findings whose verdict is misspelled."""
        return tuple(finding for finding in self.findings if finding.verdict is Verdict.MISSPELLED)

    def to_dict(self) -> ReportDict:
        """Return plain data for JSON."""
        return {"file": self.source, "error": self.error, "pages": [page.to_dict() for page in self.pages]}

    def to_json(self, *, indent: int | None = None) -> str:
        """Return :meth:`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent)

    def annotate(self, page: int = 1) -> Image.Image:
        """Return a copy of a page with every finding drawn on it.

        Args:
            page: 1-based page number.

        Raises:
            ValueError: There is no such page, or its pixels were not kept.
        """
        from elasticache_police.report.annotate import annotate_page

        return annotate_page(self, page)
