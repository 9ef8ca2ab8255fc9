"""What is public is what `__all__` says, documented and typed."""

from __future__ import annotations

import builtins
import enum
import inspect
from importlib.metadata import version

import pytest

import elasticache_police
from elasticache_police import errors, findings


def test_all_is_sorted_and_each_name_is_there():
    names = elasticache_police.__all__
    assert names == sorted(names)
    assert all(getattr(elasticache_police, name) is not None for name in names)
    assert set(names) <= set(dir(elasticache_police))


def test_every_error_is_public():
    assert set(errors.__all__) == {name for name in elasticache_police.__all__ if name.endswith("Error")}


def test_an_unknown_name_is_an_attribute_error_and_not_a_hint_of_the_machinery():
    with pytest.raises(AttributeError, match="module 'elasticache_police' has no attribute 'Polise'"):
        elasticache_police.Polise  # noqa: B018  looking it up is the test


def test_the_version_is_the_installed_ones():
    assert elasticache_police.__version__ == version("elasticache-police")


@pytest.mark.parametrize("name", [name for name in elasticache_police.__all__ if not name.startswith("_")])
def test_every_public_name_and_method_is_documented(name):
    thing = getattr(elasticache_police, name)
    assert inspect.getdoc(thing)
    if inspect.isclass(thing) and not issubclass(thing, BaseException | enum.Enum):
        for attribute, value in vars(thing).items():
            if not attribute.startswith("_") and (
                inspect.isfunction(value) or isinstance(value, property | classmethod)
            ):
                assert inspect.getdoc(getattr(thing, attribute)), f"{name}.{attribute}"


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_ours_and_of_the_builtin_kind_that_its_tree_says(name):
    error = getattr(errors, name)
    assert issubclass(error, errors.PoliceError)
    line = next(line for line in errors.__doc__.splitlines() if line.split("(")[0].strip(" ├└│─").split(" ")[0] == name)
    if "(" in line:
        builtin = getattr(builtins, line.split("(")[1].split(")")[0])
        assert issubclass(error, builtin)


@pytest.mark.parametrize("kind", [findings.Verdict, findings.Kind])
def test_enumerations_are_text(kind):
    for member in kind:
        assert member == member.value == str(member) == f"{member}"
