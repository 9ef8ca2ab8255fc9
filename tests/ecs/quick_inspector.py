"""An inspection that needs no model: the picture's text says what is in it, or what it does to its process."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from elasticache_police.errors import ImageError, ModelFileError


def _raise_for(word, source):
    if word.startswith("unreadable"):
        raise ImageError(source, "no picture", "send another one")
    if word.startswith("unfit"):
        raise ModelFileError("half of it is missing")
    if word.startswith("broken"):
        raise ValueError("a defect of ours")


def make(names, model, min_confidence):
    def inspect(picture, source):
        word = picture.decode("latin-1")
        _raise_for(word, source)
        if word.startswith("crash"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if word.startswith("hang"):
            time.sleep(60)
        if word.startswith("slow"):
            time.sleep(0.2)
        if word.startswith("waits"):
            time.sleep(float(os.environ["POLICE_TEST_WAIT_S"]))
        if word.startswith("busy"):
            until = time.process_time() + float(os.environ.get("POLICE_TEST_WORK_S", "0.15"))
            while time.process_time() < until:
                pass
        wrong = "ElasticCache" in word
        finding = {
            "box": [0, 0, 10, 10],
            "verdict": "misspelled" if wrong else "correct",
            "score": 0.1 if wrong else 0.9,
            "reading": word,
            "kind": "extra_letter" if wrong else None,
            "name": names[0] if names else "ElastiCache",
        }
        return {
            "file": source,
            "error": None,
            "pages": [{"page": 1, "width": 10, "height": 10, "findings": [finding]}],
        }

    return inspect


def worker_process() -> int:
    """Run one worker as the container's entry point does, with this inspection."""
    from elasticache_police.ecs_anywhere.collection import CollectionJob
    from elasticache_police.ecs_anywhere.worker import Worker

    job = CollectionJob.from_environment(os.environ)
    Path(os.environ["POLICE_TEST_READY"], str(os.getpid())).touch()  # from here on it may be killed
    Worker(job, inspector="quick_inspector:make", poll_s=1, idle_polls=2).run()
    return 0


if __name__ == "__main__":
    raise SystemExit(worker_process())
