"""How well does the packaged model police names that no training has seen?

    python -m benchmarks.other_names [--pages 20] [--fonts DIR ...] NAME ...

Draws pages that hold each name and its near-misses, with the fonts given (those in the package when none are), reads
every line of text on them, and prints precision and recall on misspelled names, beside the name the model was made for.
``python -m benchmarks.compare --name NAME`` does so on pages drawn by a browser, beside the peers.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from elasticache_police.dataset.fonts import find_fonts, packaged_fonts
from elasticache_police.model.evaluation import evaluate_pages
from elasticache_police.runtime import Runtime

NAMES = ("CloudFormation", "GitHub", "PostgreSQL", "OpenSearch", "Kubernetes", "SageMaker", "TensorFlow")


def main() -> None:
    """Print one row a name."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--fonts", type=Path, action="append")
    options = parser.parse_args()
    fonts, _ = find_fonts(options.fonts or packaged_fonts())
    print(f"{options.pages} pages a name, {len(fonts)} fonts")
    print("| name | trained | precision | recall | found | false alarms | right names seen | cpu a page |")
    print("|---|---|---|---|---|---|---|---|")
    for name in ("ElastiCache", *options.names):
        runtime = Runtime.load(names=[name])
        started = time.process_time()
        count = evaluate_pages(runtime, fonts, name, count=options.pages)
        cpu_ms = (time.process_time() - started) / options.pages * 1000
        right = count.correct_seen + count.correct_missed
        trained = "yes" if name in runtime.settings.names else "no"
        print(
            f"| {name} | {trained} | {count.precision:.3f} | {count.recall:.3f} "
            f"| {count.found} of {count.found + count.missed} | {count.false_alarms} "
            f"| {count.correct_seen} of {right} | {cpu_ms:.0f} ms with drawing |",
            flush=True,
        )


if __name__ == "__main__":
    main()
