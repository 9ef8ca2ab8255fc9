"""The recipes of the images: pinned, hashed, complete, and nobody's root. `containers/ci.sh` builds and runs them."""

from __future__ import annotations

import re
import tomllib

import pytest


@pytest.fixture
def recipes(repository):
    folder = repository / "containers"
    if not folder.is_dir():
        pytest.skip("the images' recipes are in the repository only")
    return folder


def _pins(path) -> set[str]:
    return set(re.findall(r"^([A-Za-z0-9._-]+)==", path.read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", ["build", "inspect", "train", "train-gpu"])
def test_every_package_is_pinned_with_its_hashes(recipes, name):
    text = (recipes / f"requirements-{name}.txt").read_text()
    requirements = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]
    assert requirements
    assert [one.split()[0] for one in requirements if "--hash=sha256:" not in one] == []


@pytest.mark.parametrize(("name", "extras"), [("inspect", ["pdf"]), ("train", ["serve", "train"])])
def test_all_that_the_package_asks_for_is_pinned(repository, recipes, name, extras):
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [one for extra in extras for one in project["optional-dependencies"][extra]]
    packages = {re.match(r"[a-z0-9-]+", one).group() for one in wanted} - {project["name"]}
    assert packages - _pins(recipes / f"requirements-{name}.txt") == set(), "run containers/lock.sh"


def test_the_gpu_image_has_all_that_training_needs_and_one_tensorflow(recipes):
    plain, gpu = _pins(recipes / "requirements-train.txt"), _pins(recipes / "requirements-train-gpu.txt")
    assert plain - gpu == {"tensorflow-cpu"}
    assert {"tensorflow", "nvidia-cudnn-cu12"} <= gpu


def test_the_inspection_image_has_no_tensorflow(recipes):
    assert {
        name for name in _pins(recipes / "requirements-inspect.txt") if "tensorflow" in name or "keras" in name
    } == set()


@pytest.mark.parametrize("name", ["inspect", "train"])
def test_an_image_stands_on_the_debian_that_is_built_and_whose_fonts_it_names(recipes, name):
    """The tag without Debian's name moves on to the next one, which lacks some of the fonts' packages."""
    (debian,) = re.findall(r"--include=\S+ (\w+) ", (recipes / "ci.sh").read_text())
    text = (recipes / f"{name}.Dockerfile").read_text()
    assert re.findall(r"^ARG PYTHON=(.*)$", text, re.MULTILINE) == [f"python:3.12-slim-{debian}"]


@pytest.mark.parametrize("name", ["inspect", "train"])
def test_an_image_is_built_in_stages_runs_as_nobody_s_root_and_names_no_registry(recipes, name):
    text = (recipes / f"{name}.Dockerfile").read_text()
    assert re.findall(r"^FROM (.*)$", text, re.MULTILINE) == ["${PYTHON} AS build", "${PYTHON}"]
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["10001"]
    assert "STOPSIGNAL SIGTERM" in text
    assert "--require-hashes" in text
    assert "://" not in text.replace("s3://", "")
