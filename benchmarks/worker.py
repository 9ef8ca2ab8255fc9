"""One system in a process of its own: reads pictures, writes answers, one JSON object a line.

    python -m benchmarks.worker rapidocr pages DIR/manifest.jsonl OUT.jsonl
    python -m benchmarks.worker police first PICTURE           # start to first finding, then peak memory

A run that was interrupted goes on where it stopped: pictures whose answer is there already, made by the same version
from the same bytes, are not read again.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import NotRequired, TypedDict

from benchmarks import manifest
from benchmarks.matching import Found
from benchmarks.systems import ONE_THREAD, System, make
from benchmarks.words import NAME

__all__ = ["Result", "images_beside", "known", "main"]


class Result(TypedDict):
    """What a system said about one picture."""

    sha256: str
    version: str
    wall_ms: float
    cpu_ms: float
    findings: NotRequired[list[Found]]
    verdict: NotRequired[str]
    score: NotRequired[float | None]
    reading: NotRequired[str]
    error: NotRequired[str]


def images_beside(truth: Path) -> Path:
    """Return the folder of a manifest's pictures: ``images`` beside it."""
    return truth.parent / "images"


def known(path: Path) -> dict[tuple[str, str], Result]:
    """Return the answers in a file by (sha256, version); a line cut off by an interruption is left out."""
    answers: dict[tuple[str, str], Result] = {}
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            try:
                answer: Result = json.loads(line)
            except json.JSONDecodeError:
                continue
            answers[answer["sha256"], answer["version"]] = answer
    return answers


def _ask(system: System, task: str, path: Path) -> Result:
    data = path.read_bytes()
    before, cpu = time.perf_counter(), _cpu_s()
    said: Result
    try:
        if task == "crops":
            verdict, score, reading = system.crop(path)
            said = {"verdict": verdict, "score": score, "reading": reading}  # type: ignore[typeddict-item]
        else:
            said = {"findings": system.page(path)}  # type: ignore[typeddict-item]
    except (OSError, ValueError, RuntimeError) as error:
        said = {"error": f"{type(error).__name__}: {error}", "findings": [], "verdict": "unread"}  # type: ignore[typeddict-item]
    said["wall_ms"] = round((time.perf_counter() - before) * 1000, 2)
    said["cpu_ms"] = round((_cpu_s() - cpu) * 1000, 2)
    said["sha256"] = hashlib.sha256(data).hexdigest()
    said["version"] = system.version
    return said


def _cpu_s() -> float:
    """Return processor seconds of this process and of those it waited for (Tesseract runs as one)."""
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    name, task, source, *rest = sys.argv[1:] if argv is None else argv
    model = os.environ.get("BENCHMARK_MODEL", "") if name == "police" else ""
    word = os.environ.get("BENCHMARK_NAME", NAME)
    if os.environ.get("BENCHMARK_PIN") and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(os.environ["BENCHMARK_PIN"])})
    os.environ.update(ONE_THREAD)
    if task == "first":
        system = make(name, model=model, word=word)
        found = system.page(Path(source))
        print(json.dumps({"findings": len(found), "version": system.version}))
        return 0
    truths, out = manifest.read(Path(source)), Path(rest[0])
    system = make(name, model=model, word=word)
    images, answers = images_beside(Path(source)), known(out)
    waiting = [truth for truth in truths if (truth["sha256"], system.version) not in answers]
    if waiting:  # the first picture pays for loading; it is asked twice and the second answer counts
        _ask(system, task, images / waiting[0]["file"])
    torn = out.exists() and not f"\n{out.read_text('utf-8')}".endswith("\n")
    with out.open("a", encoding="utf-8") as lines:
        lines.write("\n" if torn else "")
        for done, truth in enumerate(waiting, 1):
            answer = _ask(system, task, images / truth["file"])
            lines.write(json.dumps(answer, ensure_ascii=False) + "\n")
            lines.flush()
            if sys.stderr.isatty():
                print(f"\r{name}, {task}: {done} of {len(waiting)}", end="", file=sys.stderr)
    print(json.dumps({"version": system.version, "asked": len(waiting)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
