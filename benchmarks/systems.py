"""The systems that are compared, each behind the same two questions, each on one thread."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from benchmarks import matching
from benchmarks.matching import Found, Line, to_findings, verdict_of_line
from benchmarks.words import NAME

if TYPE_CHECKING:
    from PIL import Image

    from elasticache_police import Police

__all__ = ["ONE_THREAD", "SYSTEMS", "Answer", "System", "found_by", "make", "white"]

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ORT_NUM_THREADS"), "1"
)
"""Environment in which every system's process runs; on Linux it is also pinned to one processor."""

SYSTEMS = ("police", "rapidocr", "tesseract")

Answer = tuple[str, float | None, str]
"""(verdict ``correct``/``misspelled``/``unread``, P(correct) or None, reading) of a crop."""


class System(Protocol):
    """Something that finds the name in pages and judges crops."""

    version: str

    def page(self, path: Path) -> list[Found]:
        """Return what it finds on a page."""

    def crop(self, path: Path) -> Answer:
        """Judge one line."""


def make(name: str, *, model: str = "", word: str = NAME) -> System:
    """Return a system; models are loaded on first use or here, and the clock of the caller runs either way.

    Args:
        name: One of SYSTEMS.
        model: Of the product: a model's directory; empty for the packaged one.
        word: The name to look for on pages; of crops all know their own only.

    Raises:
        ValueError: There is no such system.
    """
    if name == "police":
        return _Product(model, word)
    if name == "rapidocr":
        return _Rapid(word)
    if name == "tesseract":
        return _Tesseract(word)
    msg = f"no such system: {name}; there are {', '.join(SYSTEMS)}"
    raise ValueError(msg)


def white(path: Path) -> Image.Image:
    """Open a picture as a fair user of an OCR engine would: upright, transparency on white, RGB."""
    from PIL import Image, ImageOps

    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGBA")
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image)
    return paper.convert("RGB")


def found_by(police: Police, picture: Path | Image.Image) -> list[Found]:
    """Return what the product finds on a picture, in the words of the truth files."""
    return [
        {"box": [float(v) for v in finding.box], "verdict": str(finding.verdict), "reading": finding.reading}
        for finding in police.inspect(picture).findings
    ]


class _Product:
    """This package, as its user calls it."""

    def __init__(self, model: str, word: str) -> None:
        from elasticache_police import Police

        names = None if word == NAME else [word]
        self._police = Police.from_model(model, names) if model else Police(names)
        self.version = _fingerprint(Path(model) if model else None) + _asked(word)

    def page(self, path: Path) -> list[Found]:
        return found_by(self._police, path)

    def crop(self, path: Path) -> Answer:
        answer = self._police.classify(path)
        return str(answer.verdict), answer.score, answer.reading


def _asked(word: str) -> str:
    """Return what a version says of the name looked for: nothing where it is the usual one."""
    return "" if word == NAME else f"+{word}"


def _match() -> str:
    """Return a digest of the fuzzy match, which is part of what a peer answers."""
    return "+match." + hashlib.sha256(Path(matching.__file__).read_bytes()).hexdigest()[:8]


def _fingerprint(model: Path | None) -> str:
    """Return the product's version and a digest of its code and weights: answers of another build are never reused."""
    import elasticache_police

    digest = hashlib.sha256()
    for folder in filter(None, (Path(elasticache_police.__file__).parent, model)):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return f"{importlib.metadata.version('elasticache-police')}+{digest.hexdigest()[:12]}"


class _Rapid:
    """RapidOCR: detection, orientation and recognition on pages, recognition alone on crops."""

    def __init__(self, word: str) -> None:
        import logging

        from rapidocr import RapidOCR  # type: ignore[import-not-found,unused-ignore]

        logging.disable(logging.CRITICAL)
        engine = "EngineConfig.onnxruntime."
        self._engine = RapidOCR(params={engine + "intra_op_num_threads": 1, engine + "inter_op_num_threads": 1})
        self.version = importlib.metadata.version("rapidocr") + _match() + _asked(word)
        self._word = word

    def page(self, path: Path) -> list[Found]:
        import numpy as np

        read = self._engine(np.asarray(white(path))[:, :, ::-1])
        if read.txts is None:
            return []
        lines: list[Line] = [
            (text, (float(b[:, 0].min()), float(b[:, 1].min()), float(b[:, 0].max()), float(b[:, 1].max())))
            for text, b in zip(read.txts, read.boxes, strict=True)
        ]
        return to_findings(lines, self._word)

    def crop(self, path: Path) -> Answer:
        import numpy as np

        pixels = np.asarray(white(path))[:, :, ::-1]
        read = self._engine(pixels, use_det=False, use_cls=False, use_rec=True)
        text = " ".join(read.txts or ())
        return verdict_of_line(text), None, text


class _Tesseract:
    """Tesseract: sparse text on pages, a single line on crops."""

    def __init__(self, word: str) -> None:
        out = subprocess.run(["tesseract", "--version"], check=True, capture_output=True, text=True)  # noqa: S607
        self.version = (out.stdout or out.stderr).split()[1] + _match() + _asked(word)
        self._word = word
        os.environ.update(ONE_THREAD)

    def page(self, path: Path) -> list[Found]:
        import pytesseract  # type: ignore[import-not-found,unused-ignore]

        data = pytesseract.image_to_data(
            white(path), lang="eng", config="--psm 11", output_type=pytesseract.Output.DICT
        )
        rows: dict[tuple[int, int, int], list[int]] = {}
        for i, text in enumerate(data["text"]):
            if text.strip():
                rows.setdefault((data["block_num"][i], data["par_num"][i], data["line_num"][i]), []).append(i)
        lines: list[Line] = []
        for row in rows.values():
            left, top = min(data["left"][i] for i in row), min(data["top"][i] for i in row)
            right = max(data["left"][i] + data["width"][i] for i in row)
            bottom = max(data["top"][i] + data["height"][i] for i in row)
            lines.append((" ".join(data["text"][i] for i in row), (left, top, right, bottom)))
        return to_findings(lines, self._word)

    def crop(self, path: Path) -> Answer:
        import pytesseract

        text = pytesseract.image_to_string(white(path), lang="eng", config="--psm 7").strip()
        return verdict_of_line(text), None, text
