"""How fast is training data drawn, beside TextRecognitionDataGenerator and SynthTIGER?

    python -m venv renderers && renderers/bin/pip install -r benchmarks/requirements-renderers.txt
    python -m benchmarks.renderer_speed --peers renderers/bin/python

All draw the same texts in the same fonts, each in a process of its own, on one thread and one processor, in turns of
about a second, so that other work on the machine hits all alike. What counts is processor time; the middle of all turns
is printed. *clean*: a line of 50 x 700 grey pixels, black on white. *hard*: shrunk, blurred, noisy, JPEG, as far as a
renderer can. *lines of pages*: the product draws whole pages as training does, with boxes, lines, several sizes and the
place of every letter known; the others, which draw no pages, draw the same texts one by one, hard.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import attrs

from benchmarks import fonts as families
from benchmarks import renderers, tables
from benchmarks.systems import ONE_THREAD

__all__ = ["main"]

_TITLES = {"clean": "clean", "hard": "hard", "pages": "lines of pages"}
_NAMES = {"police": "this", "trdg": "TextRecognitionDataGenerator", "synthtiger": "SynthTIGER"}

Job = dict[str, Any]


@attrs.define
class Speed:
    """What one renderer did, turn by turn."""

    lines: list[int] = attrs.field(factory=list)
    cpu_s: list[float] = attrs.field(factory=list)

    @property
    def lines_per_s(self) -> float:
        """Lines a second of processor time; the middle of all turns."""
        return statistics.median(lines / cpu_s for lines, cpu_s in zip(self.lines, self.cpu_s, strict=True))


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    options = _parse(argv)
    jobs = {task: _jobs(task, options.lines, options.fonts) for task in _TITLES}
    with contextlib.ExitStack() as stack:
        processes: dict[str, Renderer] = {}
        for name, title in _NAMES.items():
            python = sys.executable if name == "police" else options.peers
            if python is None:
                print(f"{title} is left out: no --peers PYTHON", file=sys.stderr)
            else:
                processes[name] = stack.enter_context(Renderer.started(name, python, pin=options.pin))
        speeds = measure(processes, jobs, turns=options.turns)
        versions = {name: process.version for name, process in processes.items()}
    print(report(speeds, versions, lines=options.lines, turns=options.turns))
    return 0


def measure(processes: dict[str, Renderer], jobs: dict[str, list[Job]], *, turns: int) -> dict[str, dict[str, Speed]]:
    """Let every renderer draw every job, in turns; the first turn loads fonts and does not count.

    Returns:
        Speeds by task and renderer.
    """
    speeds: dict[str, dict[str, Speed]] = {task: {name: Speed() for name in processes} for task in jobs}
    for task, all_ in jobs.items():
        for turn in range(turns + 1):
            for name, process in processes.items():
                lines, cpu_s = process.draw(task, all_)
                if turn:
                    speeds[task][name].lines.append(lines)
                    speeds[task][name].cpu_s.append(cpu_s)
    return speeds


def report(speeds: dict[str, dict[str, Speed]], versions: dict[str, str], *, lines: int, turns: int) -> str:
    """Return the table."""
    rows = []
    for task, by_name in speeds.items():
        own = by_name["police"].lines_per_s
        cells = [
            f"{speed.lines_per_s:.0f}" + ("" if name == "police" else f" (1/{own / speed.lines_per_s:.1f})")
            for name, speed in by_name.items()
        ]
        rows.append([_TITLES[task], *cells])
    header = ["", *(f"{_NAMES[name]} {version}" for name, version in versions.items())]
    return tables.table(f"Lines a second on one core, {turns} turns of {lines} lines", header, rows)


class Renderer:
    """A renderer in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], source: IO[str], sink: IO[str]) -> None:
        self._process, self._source, self._sink = process, source, sink
        self.version: str = self._answer()["version"]

    @classmethod
    @contextlib.contextmanager
    def started(cls, name: str, python: str | os.PathLike[str], *, pin: int | None = None) -> Iterator[Renderer]:
        """Start a renderer, and end it when the block ends.

        Raises:
            SystemExit: It cannot run in that environment; its own message is on stderr.
        """
        command = [os.fspath(python), str(Path(renderers.__file__).resolve()), name]
        environment = {**os.environ, **ONE_THREAD, "PYGAME_HIDE_SUPPORT_PROMPT": "1"}
        if pin is not None:
            environment["BENCHMARK_PIN"] = str(pin)
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            if process.stdin is None or process.stdout is None:
                raise TypeError("Popen gave no pipes")
            try:
                yield cls(process, process.stdout, process.stdin)
            finally:
                process.stdin.close()

    def draw(self, task: str, jobs: list[Job]) -> tuple[int, float]:
        """Draw some lines and return how many they were and the processor seconds they took."""
        self._sink.write(json.dumps({"task": task, "jobs": jobs}) + "\n")
        self._sink.flush()
        answer = self._answer()
        return answer["lines"], answer["cpu_s"]

    def _answer(self) -> Any:  # noqa: ANN401  JSON
        line = self._source.readline()
        if not line:
            raise SystemExit(f"{' '.join(map(str, self._process.args))} ended: is it installed there?")  # type: ignore[arg-type]
        return json.loads(line)


def _jobs(task: str, count: int, folders: list[Path] | None, *, seed: int = 71) -> list[Job]:
    """Return what to draw: at least `count` lines, the same texts in the same fonts for every renderer."""
    from elasticache_police.dataset.crops import render_crop
    from elasticache_police.dataset.fonts import find_fonts
    from elasticache_police.dataset.pages import PageStyle, font_set, render_page
    from elasticache_police.dataset.text import NameTexts

    fonts, _ = find_fonts(folders or [face.path for face in families.faces("validation")])
    paths = [str(font.path) for font in fonts]
    if task != "pages":
        jobs = []
        for index in range(count):
            font = fonts[index // 2 % len(fonts)]
            drawn = render_crop(seed=seed, index=index, font=font, name="ElastiCache", hard=task == "hard")
            jobs.append({"seed": seed, "index": index, "font": str(font.path), "text": drawn.text})
        return jobs
    pages, lines, turn = [], 0, itertools.cycle(paths)
    latin, names = font_set(fonts), NameTexts(names=("ElastiCache",))
    for index in itertools.count():
        page = render_page(seed=seed, index=index, fonts=latin, texts=names, style=PageStyle())
        texts = [line.text for line in page.lines if line.text.isascii()]
        pages.append({"seed": seed, "index": index, "fonts": paths, "lines": [(text, next(turn)) for text in texts]})
        lines += len(texts)
        if lines >= count:
            break
    return pages


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers", type=Path, metavar="PYTHON", help="Python of the environment with the peers")
    parser.add_argument("--fonts", type=Path, action="append", metavar="DIR", help="default: the benchmark's families")
    parser.add_argument("--lines", type=int, default=200, help="lines a turn; default: %(default)s")
    parser.add_argument("--turns", type=int, default=7, help="default: %(default)s")
    parser.add_argument(
        "--pin", type=int, default=0 if hasattr(os, "sched_setaffinity") else None, help="processor to run on"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
