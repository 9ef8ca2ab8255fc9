"""Models are found where the container looks for them, and always in the same order."""

from __future__ import annotations

from pathlib import Path

import pytest

from elasticache_police.errors import ConfigurationError, ModelFileError
from elasticache_police.serving.layout import ModelLayout, ModelVersions, find_models


@pytest.fixture
def tree(tmp_path):
    def make(*files):
        for name in files:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return make


def test_a_version_at_the_root_is_called_model(tree):
    root = tree("1/saved_model.pb", "1/variables/variables.index")

    assert find_models(root) == ModelLayout(
        models=(ModelVersions(name="model", versions={1: root / "1"}),), default="model", code=None
    )


def test_all_versions_are_found_in_numeric_order_leading_zeros_or_not(tree):
    root = tree("m/10/saved_model.pb", "m/9/saved_model.pb", "m/00000123/saved_model.pb")

    (model,) = find_models(root).models

    assert list(model.versions.items()) == [(9, root / "m/9"), (10, root / "m/10"), (123, root / "m/00000123")]


def test_the_default_of_several_models_is_the_first_by_name(tree):
    layout = find_models(tree("zebra/1/saved_model.pb", "apple/2/saved_model.pb", "deep/down/mango/3/saved_model.pb"))

    assert ([model.name for model in layout.models], layout.default) == (["apple", "mango", "zebra"], "apple")


def test_the_default_can_be_chosen(tree):
    assert find_models(tree("a/1/saved_model.pb", "b/1/saved_model.pb"), default="b").default == "b"


def test_a_default_that_is_not_there_is_refused_with_those_that_are(tree):
    with pytest.raises(ConfigurationError, match="no model 'c' in the archive; it has a, b"):
        find_models(tree("a/1/saved_model.pb", "b/1/saved_model.pb"), default="c")


@pytest.mark.parametrize(
    "files", [["saved_model.pb"], ["export/saved_model.pb"], ["1/model.keras"], ["v1/saved_model.pb"], []]
)
def test_without_a_numeric_directory_there_is_no_model(tree, files):
    with pytest.raises(ModelFileError, match="no SavedModel bundles found"):
        find_models(tree(*files))
    with pytest.raises(ModelFileError, match=r"^mine\.tar\.gz: no SavedModel"):
        find_models(tree(*files), shown=Path("mine.tar.gz"))


def test_two_models_of_one_name_are_refused(tree):
    with pytest.raises(ModelFileError, match="two models of the same name among m, m"):
        find_models(tree("a/m/1/saved_model.pb", "b/m/1/saved_model.pb"))


@pytest.mark.parametrize("file", ["code/inference.py", "code/requirements.txt", "code/lib/helper.py"])
def test_code_counts_when_it_starts_the_containers_python_service(tree, file):
    root = tree("1/saved_model.pb", file)

    assert find_models(root).code == root / "code"


@pytest.mark.parametrize("file", ["code/README.md", "1/code/inference.py"])
def test_code_that_the_container_would_not_look_at_does_not_count(tree, file):
    assert find_models(tree("1/saved_model.pb", file)).code is None
