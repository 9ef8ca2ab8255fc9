"""Stands in for `elasticache-police train` and `export`: the same arguments, signals and files, no TensorFlow."""

from __future__ import annotations

import io
import json
import signal
import sys
import tarfile
import time
from pathlib import Path


def option(words: list[str], name: str) -> list[str]:
    return [words[place + 1] for place, word in enumerate(words) if word == name]


def train(words: list[str]) -> int:
    run = Path(option(words, "--out")[0])
    steps = int((option(words, "--steps") or ["3"])[0])
    checkpoint = run / "checkpoint.json"
    first = json.loads(checkpoint.read_text())["step"] if checkpoint.exists() else 0

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    step = first
    try:
        sys.stdout.write(f"training from step {first}\n")
        sys.stdout.flush()
        for step in range(first, steps):  # noqa: B007  it is told when interrupted
            (run / "half.partial").write_text("never to be sent")
            time.sleep(0.1)
            if "--fail" in words:
                return 7
    except KeyboardInterrupt:
        checkpoint.write_text(json.dumps({"step": max(step, 1)}))
        return 130
    (run / "model").mkdir(exist_ok=True)
    (run / "model" / "weights").write_text(json.dumps({"first": first, "steps": steps, "words": words}))
    return 0


def export(words: list[str]) -> int:
    weights = (Path(option(words, "--model")[0]) / "weights").read_bytes()
    folder = Path(option(words, "--out")[0])
    folder.mkdir()
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("1/saved_model.pb")
        member.size = len(weights)
        archive.addfile(member, io.BytesIO(weights))
    return 0


if __name__ == "__main__":
    sys.exit({"train": train, "export": export}[sys.argv[1]](sys.argv[2:]))
