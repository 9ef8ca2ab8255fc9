"""Results as tables in Markdown, which reads well on a terminal and pastes into a document."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["share", "table"]


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a titled table whose columns line up."""
    widths = [max(len(line[i]) for line in (header, *rows)) for i in range(len(header))]
    lines = [
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in (header, *rows)
    ]
    rule = " | ".join("-" * width for width in widths)
    return "\n".join((f"### {title}", "", f"| {lines[0]} |", f"| {rule} |", *(f"| {line} |" for line in lines[1:]), ""))


def share(part: int, whole: int) -> str:
    """Return ``98.5 % (197/200)``."""
    return f"{100 * part / whole:.1f} % ({part}/{whole})" if whole else "-"
