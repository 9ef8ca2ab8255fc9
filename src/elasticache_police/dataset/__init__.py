"""Renders names and near-misses in many fonts into labelled training images.

Sample ``index`` of a dataset with seed ``seed`` depends on those two numbers (and the fonts) only, never on the number
of workers or on the order in which samples are made.
"""

from __future__ import annotations

from elasticache_police.dataset.fonts import Font, FontProblem, check_font, find_fonts
from elasticache_police.dataset.lines import TextLine, TurnedText
from elasticache_police.dataset.pages import PageSample, render_page
from elasticache_police.dataset.text import NameTexts

__all__ = [
    "Font",
    "FontProblem",
    "NameTexts",
    "PageSample",
    "TextLine",
    "TurnedText",
    "check_font",
    "find_fonts",
    "render_page",
]
