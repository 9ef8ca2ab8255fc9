"""The characters the reader tells apart.

Class 0 is "no character begins or ends here" (the blank of CTC), then printable ASCII from the space on, then one class
for every other character there is: Japanese, Korean, accents, bullets. It is enough to know that something else stands
there.
"""

from __future__ import annotations

import numpy as np

__all__ = ["BLANK", "CHARACTERS", "CLASSES", "OTHER", "OTHER_SIGN", "among", "decode", "encode"]

BLANK = 0
CHARACTERS = "".join(chr(code) for code in range(32, 127))
OTHER = len(CHARACTERS) + 1
CLASSES = len(CHARACTERS) + 2

OTHER_SIGN = "\N{WHITE SQUARE}"
"""How a reading shows a character of class :data:`OTHER`."""

_INDEX = {character: index for index, character in enumerate(CHARACTERS, 1)}


def encode(text: str) -> list[int]:
    """Return the class of every character of a text."""
    return [_INDEX.get(character, OTHER) for character in text]


def among(characters: str) -> np.ndarray:
    """Return which classes are some characters, bool (CLASSES,)."""
    return np.isin(np.arange(CLASSES), encode(characters))


def decode(classes: list[int]) -> str:
    """Return the text of some classes; blanks are left out."""
    return "".join(OTHER_SIGN if index == OTHER else CHARACTERS[index - 1] for index in classes if index != BLANK)
