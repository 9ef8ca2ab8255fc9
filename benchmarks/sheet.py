"""The pen of a benchmark page: writes names, neighbours and identifiers as HTML and remembers what each was."""

# ruff: noqa: E501  HTML, CSS and JavaScript are easier to read on one line than cut into strings

from __future__ import annotations

import base64
import functools
import html
import random
from pathlib import Path
from typing import TypedDict

import attrs

from benchmarks import words
from benchmarks.fonts import Face

__all__ = ["Mark", "Pen", "Theme", "document", "font_face", "theme"]

_CJK = (
    "'IPAexGothic','IPAGothic','VL Gothic','Noto Sans CJK JP','NanumGothic','Nanum Gothic','UnDotum','Noto Sans CJK KR'"
)
_SUFFIXES = (" for Redis", "-Redis", "/Redis", " cluster", ":", ",", " (Redis)", " Redis", "'s", " for Valkey")
_GLUED = ("가", "는", "を使う", "の設定", "는", "로", "とは", "クラスター")


class Mark(TypedDict):
    """What one marked word is; its place is read from the browser later."""

    text: str
    word: str
    verdict: str
    kind: str | None
    amazon: str
    """``line`` when Amazon or AWS stands before it on its line, ``above`` when on the line above, else ``no``."""
    cap_px: float
    font: str
    spaced: bool
    turned: bool


@attrs.frozen(kw_only=True)
class Theme:
    """Colours of a page."""

    paper: str
    ink: str
    accent: str
    muted: str
    panel: str
    line: str
    dark: bool


_LIGHT = (
    Theme(paper="#ffffff", ink="#16191f", accent="#ec7211", muted="#545b64", panel="#f2f3f3", line="#879196", dark=False),
    Theme(paper="#ffffff", ink="#000000", accent="#4d72f3", muted="#666666", panel="#e6f2f8", line="#147eba", dark=False),
    Theme(paper="#fbf7ee", ink="#33291f", accent="#a8452c", muted="#7a6a58", panel="#f0e4cf", line="#b09a7a", dark=False),
    Theme(paper="#eef3f7", ink="#243b53", accent="#0f7b6c", muted="#627d98", panel="#d9e6f2", line="#7f9db9", dark=False),
    Theme(paper="#f7f7f7", ink="#5a5a5a", accent="#6b8e23", muted="#767676", panel="#e4e4e4", line="#aaaaaa", dark=False),
    Theme(paper="#fff6d6", ink="#222222", accent="#c2185b", muted="#5d5d5d", panel="#ffe9a8", line="#d0a000", dark=False),
)  # fmt: skip
_DARK = (
    Theme(paper="#161e2d", ink="#ffffff", accent="#ff9900", muted="#aab7b8", panel="#232f3e", line="#5b7083", dark=True),
    Theme(paper="#1e1e1e", ink="#d4d4d4", accent="#4ec9b0", muted="#9c9c9c", panel="#2b2b2b", line="#606060", dark=True),
    Theme(paper="#0b2545", ink="#eef4ed", accent="#8da9c4", muted="#b5c7d8", panel="#13315c", line="#6c8db0", dark=True),
    Theme(paper="#2d1b3d", ink="#f4e9ff", accent="#f5a3d7", muted="#c9b4dd", panel="#432a5a", line="#9b78bd", dark=True),
    Theme(paper="#383838", ink="#b9b9b9", accent="#d7ba7d", muted="#a0a0a0", panel="#444444", line="#757575", dark=True),
)  # fmt: skip


def theme(rng: random.Random, *, dark_share: float = 0.35) -> Theme:
    """Pick the colours of a page."""
    return rng.choice(_DARK if rng.random() < dark_share else _LIGHT)


class Pen:
    """Writes labels into a page and keeps the marks.

    Args:
        rng: Decides all.
        face: What names are set in.
        scale: Pixels of the finished picture a CSS pixel.
        body_cap_px: Height of a capital in running text, pixels of the finished picture.
        names: At most so many names.
        wrong_share: How many of the names are misspelled.
        word: The name itself.
    """

    def __init__(
        self,
        rng: random.Random,
        face: Face,
        *,
        scale: float,
        body_cap_px: float,
        names: int,
        wrong_share: float = 0.55,
        word: str = words.NAME,
    ) -> None:
        self.rng = rng
        self.word = word
        self.face = face
        self.scale = scale
        self.body_cap_px = body_cap_px
        self.left = names
        self.wrong_share = wrong_share
        self.marks: list[Mark] = []

    @property
    def body(self) -> float:
        """Font size of running text in CSS pixels."""
        return self.body_cap_px / self.face.cap / self.scale

    def name(
        self, size: float, *, glue: bool = True, broken: bool = False, spaced: bool = False, turned: bool = False
    ) -> str:
        """Write the name, right or wrong.

        Args:
            size: Font size in CSS pixels.
            glue: Something may stand directly behind it.
            broken: "Amazon" or what follows may stand on a line of its own.
            spaced: Letters are set apart.
            turned: The text runs upwards.
        """
        rng, cap_px = self.rng, size * self.face.cap * self.scale
        self.left -= 1
        if rng.random() < self.wrong_share:
            word = words.misspelled(rng, name=self.word, cap_px=cap_px, case_contrast=self.face.case_contrast)
        else:
            word = words.correct(rng, name=self.word)
        spaced = spaced and word.kind != "split"
        above = broken and bool(word.prefix) and rng.random() < 0.6
        mark = Mark(
            text=word.text, word=word.word, verdict=word.verdict, kind=word.kind,
            amazon="no" if not word.prefix else "above" if above else "line",
            cap_px=round(cap_px, 1), font=f"{self.face.slug}-{self.face.weight}", spaced=spaced, turned=turned,
        )  # fmt: skip
        prefix = f"{word.prefix}{'<br>' if above else ' '}" if word.prefix else ""
        suffix = ""
        if glue and rng.random() < 0.4:
            suffix = rng.choice(_SUFFIXES)
            if broken and suffix.startswith(" ") and rng.random() < 0.6:
                suffix = "<br>" + suffix[1:]
        style = f' style="letter-spacing:{rng.uniform(0.06, 0.16):.2f}em"' if spaced else ""
        return prefix + self._mark(mark, word.word, style) + suffix

    def stacked_name(self, size: float) -> str:
        """Write the name below "Amazon" or "AWS", right, or as two words one below the other."""
        wrong = self.rng.random() < self.wrong_share
        word = "Elastic Cache" if wrong else words.NAME
        mark = Mark(
            text=word, word=word, verdict="misspelled" if wrong else "correct", kind="split" if wrong else None,
            amazon="above", cap_px=round(size * self.face.cap * self.scale, 1),
            font=f"{self.face.slug}-{self.face.weight}", spaced=False, turned=False,
        )  # fmt: skip
        self.left -= 1
        return f"{self.rng.choice(('Amazon', 'AWS'))}<br>{self._mark(mark, word, '').replace('c C', 'c<br>C')}"

    def glued_name(self, size: float) -> str:
        """Write the name with Japanese or Korean directly behind it."""
        return self.name(size, glue=False) + self.rng.choice(_GLUED)

    def identifier(self, size: float) -> str:
        """Write code or an address that holds the name in small letters."""
        text = self.rng.choice(words.identifiers(self.word))
        start = text.index(self.word.lower())
        stop = start + len(self.word)
        mark = Mark(
            text=text, word=text, verdict="identifier", kind=None, amazon="no",
            cap_px=round(size * self.face.cap * self.scale, 1), font=f"{self.face.slug}-{self.face.weight}",
            spaced=False, turned=False,
        )  # fmt: skip
        marked = self._mark(mark, text[start:stop], "")
        return f'<span style="white-space:nowrap">{html.escape(text[:start])}{marked}{html.escape(text[stop:])}</span>'

    def label(self, size: float, share: float = 0.3, *, broken: bool = True) -> str:
        """Write a label: with a probability the name, else a neighbour or a service."""
        rng = self.rng
        if self.left > 0 and rng.random() < share:
            return self.name(size, broken=broken, spaced=rng.random() < 0.07)
        return html.escape(rng.choice(words.NEIGHBOURS if rng.random() < 0.35 else words.SERVICES))

    def _mark(self, mark: Mark, word: str, style: str) -> str:
        self.marks.append(mark)
        return f'<span class="n" data-i="{len(self.marks) - 1}"{style}>{html.escape(word)}</span>'


def document(face: Face, colours: Theme, body: float, css: str, content: str, *, transparent: bool = False) -> str:
    """Return a whole HTML document whose text is set in one face."""
    paper = "transparent" if transparent else colours.paper
    return f"""<!doctype html><meta charset="utf-8"><style>
{font_face(face, "Bench")}
* {{ box-sizing: border-box; }}
html, body {{ margin: 0; }}
body {{ font: {face.weight} {body:.3f}px/1.45 Bench, {_CJK}; color: {colours.ink}; background: {paper};
       font-synthesis: none; font-variant-ligatures: none; }}
.n {{ white-space: nowrap; }}
h1, h2, h3, th, b {{ font-weight: {face.weight}; }}
svg.wires {{ position: absolute; left: 0; top: 0; pointer-events: none; }}
{css}</style><body>{content}</body>"""


def font_face(face: Face, name: str) -> str:
    """Return the CSS rule that gives a face's file a name of ours, so that no font of the system can take its place."""
    return f"@font-face {{ font-family: {name}; src: url({_data_url(face.path)}); font-weight: 1 1000; }}"


@functools.lru_cache(maxsize=32)
def _data_url(path: Path) -> str:
    return "data:font/ttf;base64," + base64.b64encode(path.read_bytes()).decode()
