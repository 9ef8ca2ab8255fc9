"""The whole first half in one script: with a stand-in here, and trained for real where the train extra is installed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def _run(repository, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, str(repository / "examples" / "ecs_walkthrough.py"), *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_from_an_activation_to_a_report(repository):
    said = _run(repository, "--stand-in")
    assert "--activation-code <the secret code>" in said
    assert "connected: 4096 CPU units, 8192 MiB" in said
    assert "done: the model is at s3://police-walkthrough/models/model.tar.gz" in said
    assert "CreateModel\n   CreateEndpointConfig\n   CreateEndpoint\n" in said
    assert "not readable: s3://police-walkthrough/pictures/broken.png" in said
    assert "left; on the machine:" in said


@pytest.mark.train
def test_the_containers_entry_point_trains_for_real(repository):
    said = _run(repository)
    assert "s3://police-walkthrough/models/model.tar.gz: 1" in said
    assert "s3://police-walkthrough/models/model.directory.tar.gz looked at 1 page(s) here" in said
