"""Find the models in a directory laid out like ``/opt/ml/model``, as the managed container does."""

from __future__ import annotations

from pathlib import Path

import attrs

from elasticache_police.errors import ConfigurationError, ModelFileError

__all__ = ["ModelLayout", "ModelVersions", "find_models"]

_ROOT_MODEL_NAME = "model"
"""What a model at the root is called: the base name of ``/opt/ml/model``."""


@attrs.frozen(kw_only=True)
class ModelVersions:
    """A model and where its versions lie."""

    name: str
    versions: dict[int, Path]
    """Version number to directory, in ascending order. All are loaded; the highest answers unless a request chooses."""


@attrs.frozen(kw_only=True)
class ModelLayout:
    """What a model directory holds."""

    models: tuple[ModelVersions, ...]
    """In alphabetical order of their names."""
    default: str
    """The name of the model that answers requests which name none."""
    code: Path | None
    """``code/``, when it makes the container start its Python service."""


def find_models(root: Path, *, default: str | None = None, shown: Path | None = None) -> ModelLayout:
    """Find every model under ``root``: each directory that has a numeric directory with a ``saved_model.pb`` in it.

    The container takes the first model that the file system happens to list for the default one; this takes the first
    by name, so that the choice is the same everywhere.

    Args:
        root: The unpacked archive.
        default: The model to answer requests that name none.
        shown: What errors call it, where the user has not seen the root: the archive.

    Raises:
        ModelFileError: There is no SavedModel, or two models have the same name.
        ConfigurationError: There is no model called ``default``.
    """
    found: dict[Path, dict[int, Path]] = {}
    for saved_model in sorted(root.rglob("saved_model.pb")):
        version = saved_model.parent
        if version != root and _is_version(version.name):
            found.setdefault(version.parent, {})[int(version.name)] = version
    if not found:
        raise ModelFileError(
            f"{shown or root}: no SavedModel bundles found! The container looks for NUMBER/saved_model.pb or "
            "NAME/NUMBER/saved_model.pb"
        )
    models = [
        ModelVersions(name=_ROOT_MODEL_NAME if base == root else base.name, versions=dict(sorted(versions.items())))
        for base, versions in found.items()
    ]
    models.sort(key=lambda model: model.name)
    names = [model.name for model in models]
    if len(set(names)) < len(names):
        raise ModelFileError(f"{shown or root}: two models of the same name among {', '.join(names)}")
    if default is not None and default not in names:
        raise ConfigurationError(f"there is no model {default!r} in the archive; it has {', '.join(names)}")
    return ModelLayout(models=tuple(models), default=default or names[0], code=_python_service(root))


def _is_version(name: str) -> bool:
    return name.isascii() and name.isdigit()


def _python_service(root: Path) -> Path | None:
    """Return ``code/`` if it has anything that makes the container start its Python service."""
    code = root / "code"
    starts = any((code / part).exists() for part in ("inference.py", "requirements.txt", "lib"))
    return code if starts else None
