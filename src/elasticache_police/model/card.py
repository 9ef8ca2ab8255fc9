"""What a person reads about a training run: the model card and the learning curve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["model_card", "write_curve"]


def write_curve(run: Path, path: Path) -> None:
    """Draw the loss of both networks over their steps, from a run directory's logs; a kept one has none."""
    from matplotlib.figure import Figure

    logs = {part: run / part / "log.jsonl" for part in ("finder", "reader")}
    curves = {
        part: [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        for part, log in logs.items()
        if log.exists() and log.stat().st_size
    }
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    for place, (part, rows) in enumerate(curves.items(), 1):
        axes = figure.add_subplot(1, len(curves), place)
        axes.plot([row["step"] for row in rows], [row["loss"] for row in rows], color="#1f5fa8")
        axes.set_yscale("log")
        axes.set(title=part, xlabel="step", ylabel="smoothed training loss")
    figure.savefig(path, dpi=110)


def _families(fonts: list[dict[str, str]]) -> int:
    return len({font["family"] for font in fonts})


def _steps(network: str, trained: dict[str, int], samples: str, *, start_share: float) -> str:
    if not trained["steps"]:
        return f"- {network}: as it was in the weights that this training started from"
    mean = f", and {start_share:.0%} of the weights it started from in the mean" if start_share else ""
    return f"- {network}: {trained['steps']} steps of {trained['batch']} {samples}{mean}"


def model_card(metadata: dict[str, Any]) -> str:
    """Return the model card of a model directory's metadata, as Markdown."""
    options, quality = metadata["options"], metadata["quality"]
    fonts = metadata["fonts"]
    licences: dict[str, int] = {}
    for font in fonts["trained_on"]:
        licences[font["licence"] or "see the font's package"] = (
            licences.get(font["licence"] or "see the font's package", 0) + 1
        )
    share = options.get("start_share", 0.0)
    made_with = ", ".join(f"{key} {value}" for key, value in metadata["made_with"].items())
    lines = [
        f"# A model that polices {options['name']}",
        "",
        f"Finds {options['name']} and its near-misses on whole pages and reads them letter by letter. Two small",
        "convolutional networks: a finder of places and a reader of lines, run by ONNX Runtime.",
        "",
        "## What it was trained on",
        "",
        (
            "Synthetic pages only, no picture of anybody's. "
            f"{len(fonts['trained_on'])} font files of {_families(fonts['trained_on'])} families; "
            f"{len(fonts['measured_on'])} files of other families were kept for measuring."
        ),
        "",
        _steps("finder", options["finder"], "pages of 320 x 224", start_share=share),
        _steps("reader", options["reader"], "lines of 32 x 256", start_share=share),
        f"- seed {options['seed']}; made with {made_with}",
        "",
        "`metadata.json` names every font with its SHA-256 and the licence it states, and every file that was refused.",
        "",
        "## Measured on unseen fonts",
        "",
        "Drawn by the same renderer, in families that training never saw:",
        "",
        "| on | count | right |",
        "|---|---|---|",
    ]
    for label, crops in quality["crops"].items():
        lines.append(f"| {label} crops | {crops['count']} | {crops['accuracy']:.2%} |")
    pages = quality["pages"]
    lines += [
        "",
        (
            f"Pages: precision {pages['precision']:.2%}, recall {pages['recall']:.2%} "
            f"({pages['found']} found, {pages['missed']} missed, {pages['false_alarms']} false alarms)."
        ),
        "",
        "| truth | clean: called correct / misspelled | hard: called correct / misspelled |",
        "|---|---|---|",
    ]
    clean = quality["crops"]["clean"]["called_correct_and_misspelled"]
    hard = quality["crops"]["hard"]["called_correct_and_misspelled"]
    for kind in sorted({*clean, *hard}):
        a, b = clean.get(kind, (0, 0)), hard.get(kind, (0, 0))
        lines.append(f"| {kind} | {a[0]} / {a[1]} | {b[0]} / {b[1]} |")
    config = metadata["config"]
    lines += [
        "",
        "## How it is used",
        "",
        f"Findings below a confidence of {config['min_confidence']} are left out by default; the reader's logits are",
        f"divided by {config['temperature']} so that its scores are honest (`reliability.png` of the run shows it).",
        "",
        "## Limits",
        "",
        "- A page that lies askew by up to 8 degrees is turned upright, and so are most labels, but for those that",
        "  lean by 52 to 57 degrees; what is bent is not found.",
        "- Connected scripts are often read wrongly, or not judged.",
        "- Capitals lower than about 7 pixels are often left without a verdict, on purpose.",
        "- Other scripts are seen as 'something else', not read.",
        "",
    ]
    return "\n".join(lines)
