"""Reports as one web page that needs nothing else: every mistake with its place as a picture."""

from __future__ import annotations

import base64
import html
import io
import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from elasticache_police.errors import PoliceError
from elasticache_police.findings import Finding, Report
from elasticache_police.report.annotate import annotated_pages
from elasticache_police.report.document import Tally
from elasticache_police.report.words import describe, misspellings, place, printable

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["render_html"]

_MARGIN_PX = (240, 90)
"""How much of the surroundings a picture shows, in pixels of the page: to the sides, and above and below."""

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; }
h2 { font-size: 1.05rem; overflow-wrap: anywhere; border-top: 1px solid #8886; padding-top: 1rem; }
figure { margin: 1rem 0; }
img { max-width: 100%; border: 1px solid #8886; background: white; }
figcaption { font-size: .9rem; }
.wrong { color: #d53c00; font-weight: 600; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
"""


def render_html(reports: Iterable[Report]) -> str:
    """Return a self-contained page: counts, unreadable files, and each misspelling with its surroundings.

    Pixels that were not kept are read again from the files.
    """
    tally = Tally()
    parts: list[str] = []
    for report in tally.over(reports):
        if report.error is not None or report.misspelled:
            parts.append(f"<h2>{html.escape(printable(report.source))}</h2>")
        if report.error is not None:
            parts.append(f'<p class="wrong">{html.escape(printable(report.error))}</p>')
        parts += _figures(report)
    head = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width"><title>ElastiCache police</title>',
        f"<style>{_STYLE}</style></head><body><h1>ElastiCache police</h1>",
        f"<p>{html.escape(str(tally.summary))}.</p>",
    )
    return "\n".join([*head, *parts, "</body></html>\n"])


def _figures(report: Report) -> Iterator[str]:
    found = {
        number: list(group)
        for number, group in itertools.groupby(misspellings(report), key=lambda pair: pair[0].number)
    }
    annotated = annotated_pages(report, found)
    problem = ""
    for pairs in found.values():
        findings = [finding for _, finding in pairs]
        try:
            pictures = [] if problem else _pictures(next(annotated)[1], findings)
        except PoliceError as error:  # the file is gone or changed since
            pictures, problem = [], f"<p>{html.escape(printable(str(error)))}</p>"
        for (page, finding), picture in zip(pairs, pictures or [problem] * len(pairs), strict=True):
            yield (
                f"<figure>{picture}<figcaption><code>{html.escape(printable(finding.reading))}</code> "
                f'<span class="wrong">{html.escape(describe(finding))}</span>, '
                f"should be <code>{html.escape(finding.name)}</code>; "
                f"{place(report, page, finding)}; score {finding.score:.3f}</figcaption></figure>"
            )


def _pictures(annotated: Image.Image, findings: list[Finding]) -> list[str]:
    pictures = []
    for finding in findings:
        x0, y0, x1, y1 = finding.box
        across, down = _MARGIN_PX
        shown = annotated.crop(
            (
                max(x0 - across, 0),
                max(y0 - down, 0),
                min(x1 + across, annotated.width),
                min(y1 + down, annotated.height),
            )
        )
        stream = io.BytesIO()
        shown.save(stream, "PNG", optimize=True)
        data = base64.b64encode(stream.getvalue()).decode("ascii")
        alt = html.escape(f"{finding.reading} in its surroundings", quote=True)
        pictures.append(f'<img alt="{alt}" src="data:image/png;base64,{data}">')
    return pictures
