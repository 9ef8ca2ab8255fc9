"""Compare the product with the OCR engines one would take instead, on the same pictures in the same run.

    python -m benchmarks.compare                       # draws a test set, runs all three, prints tables
    python -m benchmarks.compare --quick               # a few minutes
    python -m benchmarks.compare --pictures DIR        # and labelled real pictures: DIR/manifest.jsonl, DIR/images
    python -m benchmarks.compare --cache DIR           # keep answers; an interrupted run goes on where it stopped

Every system runs in a process of its own, one after the other, on one thread and, on Linux, on one processor. Times
are medians over pictures with everything loaded; *cpu* is processor time, which other work on the machine disturbs
least.
"""

# ruff: noqa: E501  a row of a table is read on one line

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import attrs

from benchmarks import cost, drawn_crops, drawn_pages, manifest, tables
from benchmarks.manifest import Truth
from benchmarks.ornaments import ORNAMENTS
from benchmarks.scoring import CropScore, PageScore, Tally, reliability, score_crops, score_pages
from benchmarks.systems import SYSTEMS
from benchmarks.words import NAME
from benchmarks.worker import Result, known

__all__ = ["main"]

_TASKS = {"crops_clean": "crops", "crops_hard": "crops", "pages": "pages", "ornaments": "pages", "pictures": "pages"}
_TITLES = {
    "crops_clean": "Crops, clean", "crops_hard": "Crops, hard",
    "pages": "Pages drawn by a browser", "ornaments": "Labels dressed up", "pictures": "Real pictures",
}  # fmt: skip


@attrs.define
class Measured:
    """What one system said about one set."""

    answers: list[Result]
    score: CropScore | PageScore

    def median(self, clock: str) -> float:
        """Return the median milliseconds a picture; clock is ``wall_ms`` or ``cpu_ms``."""
        return statistics.median(a["wall_ms"] if clock == "wall_ms" else a["cpu_ms"] for a in self.answers)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    options = _parse(argv)
    systems: list[str] = options.systems.split(",")
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        cache: Path = options.cache or Path(scratch) / "answers"
        cache.mkdir(parents=True, exist_ok=True)
        data: Path = options.data or Path(scratch) / "data"
        sets: dict[str, Path] = {}
        if not options.no_drawn:
            sets = _draw(data, _plans(options), half=options.half)
        if options.pictures:
            sets["pictures"] = options.pictures
        results: dict[str, dict[str, Measured]] = {name: {} for name in sets}
        for name, folder in sets.items():
            truths = manifest.read(folder / "manifest.jsonl")
            for system in systems:
                answers = _answers(system, name, folder, truths, cache, options)
                task = score_crops if _TASKS[name] == "crops" else score_pages
                results[name][system] = Measured(answers, task(truths, answers))
            print(_report(name, truths, results[name]), flush=True)
        costs = {}
        if options.cost and sets:
            picture = _first_picture(sets)
            costs = {s: cost.start(s, picture, model=options.model, pin=options.pin) for s in systems}
        sizes = {system: cost.installed(system) for system in systems} if options.install_size else {}
        print(_costs(systems, results, costs, sizes), flush=True)
        if options.out:
            options.out.write_text(json.dumps(_plain(results, costs, sizes), indent=1, ensure_ascii=False), "utf-8")
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data", type=Path, help="drawn sets: pages, crops_clean, crops_hard; drawn there when missing"
    )
    parser.add_argument("--name", default=NAME, help="another name: pages only, the product reads it untrained")
    parser.add_argument("--ornaments", action="store_true", help="also draw labels dressed up in every way")
    parser.add_argument("--no-drawn", action="store_true", help="only --pictures")
    parser.add_argument("--pictures", type=Path, help="labelled real pictures: manifest.jsonl and images/")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="default: %(default)s")
    parser.add_argument("--model", default="", help="directory of a model for the product; default: the packaged one")
    parser.add_argument("--half", choices=("validation", "test"), default="test", help="which families to draw with")
    parser.add_argument("--seed", type=int, default=71)
    parser.add_argument("--quick", action="store_true", help="24 pages, 60 crops of each sort")
    parser.add_argument("--crops", type=int, help="draw so many of each sort; default: 250")
    parser.add_argument("--cache", type=Path, help="keep answers here, keyed by picture and version")
    parser.add_argument("--out", type=Path, help="also write results as JSON")
    parser.add_argument("--no-cost", dest="cost", action="store_false", help="skip start-up time and memory")
    parser.add_argument("--install-size", action="store_true", help="install each system afresh and weigh it (slow)")
    parser.add_argument(
        "--pin", type=int, default=0 if hasattr(os, "sched_setaffinity") else None, help="processor to run on"
    )
    options = parser.parse_args(argv)
    drawn_pages.refuse(parser, options)
    return options


Plan = tuple[Callable[[list[str]], int], list[str]]
"""What draws a set, and its arguments."""


def _plans(options: argparse.Namespace) -> dict[str, Plan]:
    pages = "24" if options.quick else "120"
    dressed = str((2 if options.quick else 10) * len(ORNAMENTS))
    lines = str(options.crops or (60 if options.quick else 250))
    seed = str(options.seed)
    plans: dict[str, Plan] = {
        "crops_clean": (drawn_crops.main, ["--crops", lines, "--seed", seed]),
        "crops_hard": (drawn_crops.main, ["--crops", lines, "--seed", str(options.seed + 1), "--hard"]),
        "pages": (drawn_pages.main, ["--pages", pages, "--seed", seed, "--name", options.name]),
    }
    if options.name != NAME:
        return {"pages": plans["pages"]}
    if options.ornaments:
        plans["ornaments"] = (drawn_pages.main, ["--ornaments", "--pages", dressed, "--seed", seed])
    return plans


def _draw(data: Path, plans: dict[str, Plan], *, half: str) -> dict[str, Path]:
    """Draw the sets that are missing, and return where all are."""
    for name, (draw, arguments) in plans.items():
        if not (data / name / "manifest.jsonl").exists():
            draw([*arguments, "--half", half, "--out", str(data / name)])
    return {name: data / name for name in plans}


def _answers(
    system: str, name: str, folder: Path, truths: list[Truth], cache: Path, options: argparse.Namespace
) -> list[Result]:
    """Ask a system about a set in a process of its own and return its answers in the order of the truths.

    Raises:
        subprocess.CalledProcessError: The system cannot run here; its own message is on stderr.
    """
    out = cache / f"{system}-{_TASKS[name]}.jsonl"
    command = [
        sys.executable,
        "-m",
        "benchmarks.worker",
        system,
        _TASKS[name],
        str(folder / "manifest.jsonl"),
        str(out),
    ]
    environment = cost.worker_environment(model=options.model, word=options.name, pin=options.pin)
    ended = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    version = json.loads(ended.stdout.splitlines()[-1])["version"]
    answers = known(out)
    changed = [truth["file"] for truth in truths if (truth["sha256"], version) not in answers]
    if changed:
        raise SystemExit(f"{folder}: not the pictures that the manifest describes: {', '.join(changed[:5])}")
    return [answers[truth["sha256"], version] for truth in truths]


def _first_picture(sets: dict[str, Path]) -> Path:
    folder = sets.get("pages") or next(iter(sets.values()))
    truths = manifest.read(folder / "manifest.jsonl")
    named = next((t for t in truths if any(o["verdict"] == "misspelled" for o in t["occurrences"])), truths[0])
    return folder / "images" / named["file"]


def _report(name: str, truths: list[Truth], measured: dict[str, Measured]) -> str:
    return (_crops if _TASKS[name] == "crops" else _pages)(name, truths, measured)


def _crops(name: str, truths: list[Truth], measured: dict[str, Measured]) -> str:
    scores: dict[str, CropScore] = {system: m.score for system, m in measured.items()}  # type: ignore[misc]
    rows = [["**all**", *(tables.share(score.right, score.asked) for score in scores.values())]]
    for part in ("kind", "height", "polarity", "amazon", "face"):
        values = sorted({value for score in scores.values() for value in score.parts[part]}, key=_order)
        rows += [
            [f"{part}: {value}", *(tables.share(*score.parts[part][value]) for score in scores.values())]
            for value in values
        ]
    rows += [
        [f"median {clock}", *(f"{m.median(f'{clock}_ms'):.1f} ms" for m in measured.values())]
        for clock in ("wall", "cpu")
    ]
    text = tables.table(f"{_TITLES[name]}: right verdicts", [f"{len(truths)} crops", *scores], rows)
    for system, m in measured.items():
        bins = reliability(truths, m.answers)
        if bins:
            cells = [[f"{p:.3f}", f"{good:.3f}", str(count)] for p, good, count in bins]
            text += "\n" + tables.table(
                f"Reliability of {system}, {_TITLES[name]}", ["mean P(correct)", "share right", "crops"], cells
            )
    return text


def _pages(name: str, truths: list[Truth], measured: dict[str, Measured]) -> str:
    scores: dict[str, PageScore] = {system: m.score for system, m in measured.items()}  # type: ignore[misc]

    def total(cell: str) -> list[str]:
        return [_total(score, cell) for score in scores.values()]

    rows = [[cell, *total(cell)] for cell in ("F1", "precision", "recall", "misspelled found", "false alarms", "of them on a right name",
            "right names seen", "pages with a false alarm", "identifiers flagged")]  # fmt: skip
    for part in ("kind", "height", "polarity", "amazon", "face", "page"):
        values = sorted({value for score in scores.values() for value in score.parts.get(part, {})}, key=_order)
        rows += [
            [f"{part}: {value}", *(_cell(score.parts[part].get(value, Tally()), part) for score in scores.values())]
            for value in values
        ]
    rows += [
        [f"median {clock}", *(f"{m.median(f'{clock}_ms'):.0f} ms" for m in measured.values())]
        for clock in ("wall", "cpu")
    ]
    text = tables.table(f"{_TITLES[name]}: misspelled names", [f"{len(truths)} pages", *scores], rows)
    for system, score in scores.items():
        for title, list_ in (("Not found", score.misses), ("False alarms", score.false_alarms)):
            if list_ and name == "pictures":
                cells = [[miss.file, miss.truth, miss.said] for miss in list_]
                text += "\n" + tables.table(f"{title} by {system}", ["file", "written", "said"], cells)
    return text


def _total(score: PageScore, cell: str) -> str:
    total = score.total
    wrong_on_right = sum(miss.truth != "(nothing)" for miss in score.false_alarms)
    right = total.right_seen + total.right_missed + wrong_on_right
    return {
        "F1": f"{total.f1:.3f}",
        "precision": f"{total.precision:.3f}",
        "recall": f"{total.recall:.3f}",
        "misspelled found": f"{total.hits} of {total.hits + total.misses}",
        "false alarms": str(total.false_alarms),
        "of them on a right name": str(wrong_on_right),
        "right names seen": f"{total.right_seen} of {right}",
        "pages with a false alarm": f"{score.pages_with_false_alarm} of {score.pages}",
        "identifiers flagged": f"{score.identifiers_flagged} of {score.identifiers}",
    }[cell]


def _cell(tally: Tally, part: str) -> str:
    """Return a part's figures: found of all, and false alarms; F1 too where right and wrong names mix."""
    asked = tally.hits + tally.misses
    if not asked:
        return f"{tally.false_alarms} false"
    found = f"{tally.hits} of {asked}"
    return found if part == "kind" else f"F1 {tally.f1:.3f}, {found}, {tally.false_alarms} false"


def _order(value: str) -> tuple[int, str]:
    digits = "".join(character for character in value.partition("-")[0] if character.isdigit())
    return (int(digits) if digits else 0, value) if "px" in value else (0, value)


def _costs(
    systems: list[str],
    results: dict[str, dict[str, Measured]],
    costs: dict[str, cost.Start],
    sizes: dict[str, cost.Footprint],
) -> str:
    rows = []
    for name, measured in results.items():
        clock = {system: measured[system].median("cpu_ms") for system in systems}
        base = clock.get("rapidocr")
        rows.append([f"{_TITLES[name]}: cpu a picture", *(
            f"{clock[s]:.1f} ms" + (f" (1/{base / clock[s]:.1f})" if base and s != "rapidocr" and clock[s] else "") for s in systems
        )])  # fmt: skip
    if costs:
        rows.append(
            ["start to first finding", *(f"{costs[s].wall_s:.2f} s (cpu {costs[s].cpu_s:.2f} s)" for s in systems)]
        )
        rows.append(["peak memory", *(f"{costs[s].peak_mib:.0f} MiB" for s in systems)])
    if sizes:
        rows.append(["installed size", *(f"{sizes[s].mib:.0f} MiB, {sizes[s].packages} packages" for s in systems)])
    return tables.table("Cost, one thread", ["", *systems], rows)


def _plain(
    results: dict[str, dict[str, Measured]], costs: dict[str, cost.Start], sizes: dict[str, cost.Footprint]
) -> dict[str, object]:
    sets = {
        name: {
            system: {
                "version": m.answers[0]["version"] if m.answers else "",
                "median_wall_ms": m.median("wall_ms"),
                "median_cpu_ms": m.median("cpu_ms"),
                **attrs.asdict(m.score),
                **({"f1": m.score.total.f1, "precision": m.score.total.precision, "recall": m.score.total.recall}
                   if isinstance(m.score, PageScore) else {"accuracy": m.score.accuracy}),
            }
            for system, m in measured.items()
        }
        for name, measured in results.items()
    }  # fmt: skip
    return {
        "sets": sets,
        "start": {system: attrs.asdict(start) for system, start in costs.items()},
        "installed": {system: attrs.asdict(size) for system, size in sizes.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
