"""The documentation says what the code does."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import elasticache_police
from elasticache_police.cli import _COMMANDS


def test_the_help_pages_are_those_of_the_commands(repository):
    # In a process of its own: click remembers how a command's help was first asked for.
    program = "import runpy, sys; sys.stdout.write(runpy.run_path(sys.argv[1])['render']())"
    command = [sys.executable, "-X", "utf8", "-c", program, str(repository / "docs" / "make_cli_help.py")]
    rendered = subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout
    page = (repository / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    assert page == rendered + "\n", "run: python docs/make_cli_help.py"


def test_every_command_is_documented(repository):
    page = (repository / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    assert {f"## elasticache-police {name}" for name in _COMMANDS} <= set(page.splitlines())


def test_the_readme_names_public_things_only(repository):
    readme = (repository / "README.md").read_text(encoding="utf-8")
    imported = re.findall(r"from elasticache_police import ([\w, ]+)", readme)
    assert imported
    assert {name for line in imported for name in line.split(", ")} <= set(elasticache_police.__all__)


def test_every_link_of_the_readme_leads_somewhere(repository):
    readme = (repository / "README.md").read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", readme) if "://" not in link]
    assert links
    assert [link for link in links if not (repository / link).exists()] == []


def test_the_tours_table_is_the_truth_of_the_examples(repository):
    tour = (repository / "docs" / "tour.md").read_text(encoding="utf-8")
    rows = [re.split(r"  +", line)[:4] for line in tour.splitlines() if line.startswith("examples/")]
    truth = {
        entry["file"]: entry["pages"] for entry in json.loads((repository / "examples" / "truth.json").read_text())
    }
    expected = [
        [f"examples/{file}", name["text"], name["verdict"]]
        for file in sorted(truth)
        for page in truth[file]
        for name in page
    ]
    assert [[file, reading, verdict.partition(":")[0]] for file, _, reading, verdict in rows] == expected
