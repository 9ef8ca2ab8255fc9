"""Trained networks to files: ONNX for the local runtime, a SavedModel and ``model.tar.gz`` for SageMaker.

The same weights give the same bytes everywhere here, so that a file's SHA-256 says which model it is.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from elasticache_police.errors import ModelFileError
from elasticache_police.imaging import MAX_PIXELS
from elasticache_police.runtime.files import FINDER, PACKAGED, READER

if TYPE_CHECKING:
    import keras

__all__ = ["ARCHIVE", "SAVED_MODEL", "Exported", "export", "export_onnx", "export_saved_model", "write_archive"]

SAVED_MODEL, ARCHIVE = "saved_model", "model.tar.gz"
_VERSION = "1"
"""The directory of the SavedModel in the archive; TensorFlow Serving serves the highest number."""
_CODE = Path(__file__).resolve().parent / "serving_code" / "inference.py"


@attrs.frozen(kw_only=True)
class Exported:
    """What an export wrote."""

    saved_model: Path
    """The SavedModel's directory."""
    archive: Path
    """``model.tar.gz``, what an endpoint is made from."""
    sha256: str
    """Of the archive, in hex."""
    size_bytes: int
    """Of the archive."""


def export_onnx(finder: keras.Model, reader: keras.Model, directory: Path) -> tuple[Path, Path]:
    """Write both networks as ONNX, the weights of a model directory.

    Args:
        finder: A trained :func:`elasticache_police.model.networks.finder`.
        reader: A trained :func:`elasticache_police.model.networks.reader`.
        directory: Made when missing.

    Returns:
        The files, ``finder.onnx`` and ``reader.onnx``.

    Raises:
        TrainingError: A network has a layer that cannot be written.
    """
    from elasticache_police.model.onnx_graph import write_network

    directory.mkdir(parents=True, exist_ok=True)
    write_network(finder, directory / FINDER)
    write_network(reader, directory / READER)
    return directory / FINDER, directory / READER


def export_saved_model(model: Path | None, out: Path, *, max_pixels: int = MAX_PIXELS) -> Path:
    """Write a model directory as a SavedModel that does everything in its graph.

    It has three signatures: ``serving_default``, ``classify`` and ``inspect``; see
    :class:`elasticache_police.model.graph.signatures.Signatures`, and a warm-up request for each of them, which
    TensorFlow Serving answers before it calls the model ready. TensorFlow 2.4 to 2.20 were seen to answer alike
    (``benchmarks/tensorflow_versions.py``); WebP pictures are decoded from 2.20 on.

    Args:
        model: A model directory; None for the packaged one.
        out: The SavedModel's directory; replaced when it exists and holds a SavedModel or nothing.
        max_pixels: The most pixels a picture may have; a larger one is refused before it is decoded.

    Returns:
        `out`.

    Raises:
        ModelFileError: The model directory is missing a part or damaged, or `out` holds something else.
    """
    from elasticache_police.model.graph.saving import save
    from elasticache_police.model.graph.signatures import Signatures
    from elasticache_police.model.warmup import write_requests

    signatures = Signatures(PACKAGED if model is None else model, max_pixels=max_pixels)
    _make_room(out)
    save(signatures.functions(), out)
    write_requests(out)
    return out


def _make_room(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir() or (any(out.iterdir()) and not (out / "saved_model.pb").is_file()):
        raise ModelFileError(f"{out} exists and is no SavedModel; name another place, or remove it")
    shutil.rmtree(out)


def write_archive(saved_model: Path, out: Path) -> str:
    """Write a SavedModel and the code in front of it as ``model.tar.gz``, what SageMaker's container unpacks.

    It holds ``1/saved_model.pb`` with its variables, so the model is called ``model``, and ``code/inference.py``.

    Args:
        saved_model: The directory with ``saved_model.pb``.
        out: The archive; replaced when it exists.

    Returns:
        Its SHA-256, in hex.

    Raises:
        ModelFileError: There is no SavedModel.
    """
    if not (saved_model / "saved_model.pb").is_file():
        raise ModelFileError(f"{saved_model} holds no saved_model.pb; export a model there first")
    files = {
        f"{_VERSION}/{path.relative_to(saved_model).as_posix()}": path
        for path in saved_model.rglob("*")
        if path.is_file()
    }
    files[f"code/{_CODE.name}"] = _CODE
    content = io.BytesIO()
    # No time, owner or name of this machine: the same files make the same archive.
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=content, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, path in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size = path.stat().st_size
            member.mode = 0o644
            with path.open("rb") as file:
                archive.addfile(member, file)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(out.name + ".partial")
    partial.write_bytes(content.getvalue())
    partial.replace(out)
    return hashlib.sha256(content.getvalue()).hexdigest()


def export(model: Path | None, out: Path, *, max_pixels: int = MAX_PIXELS) -> Exported:
    """Write a model directory as ``saved_model/`` and ``model.tar.gz``.

    Args:
        model: A model directory; None for the packaged one.
        out: The directory to write to; made when missing.
        max_pixels: See :func:`export_saved_model`.

    Raises:
        ModelFileError: As :func:`export_saved_model`.
    """
    saved_model = export_saved_model(model, out / SAVED_MODEL, max_pixels=max_pixels)
    digest = write_archive(saved_model, out / ARCHIVE)
    archive = out / ARCHIVE
    return Exported(saved_model=saved_model, archive=archive, sha256=digest, size_bytes=archive.stat().st_size)
