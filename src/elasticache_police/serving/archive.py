"""Unpack a ``model.tar.gz`` that may come from anywhere: nothing is written outside, nothing linked, nothing huge."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

import attrs

from elasticache_police._gzipped import read_to_end
from elasticache_police.errors import ModelFileError

__all__ = ["UnpackLimits", "unpack"]


@attrs.frozen(kw_only=True)
class UnpackLimits:
    """How much an archive may hold."""

    total_bytes: int = 20 * 1024**3
    """Bytes of all files together, unpacked."""
    members: int = 100_000
    """Files and directories."""
    ratio: int = 200
    """Unpacked bytes per packed byte, once more than ``ratio_from_bytes`` are unpacked."""
    ratio_from_bytes: int = 64 * 1024**2
    """A small archive may be packed as tightly as it likes."""


_DEFAULT_LIMITS = UnpackLimits()
_CHUNK_BYTES = 1024 * 1024


class _HeaderLimited(gzip.GzipFile):
    """A gzip file that refuses to be read in huge pieces.

    Contents are read a chunk at a time; only the tar format's extended headers are read whole, by a size that the
    archive itself states.
    """

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= 16 * _CHUNK_BYTES:
            raise tarfile.ReadError("an extended header of absurd size")
        return super().read(size)


def unpack(archive: Path, directory: Path, *, limits: UnpackLimits = _DEFAULT_LIMITS) -> None:
    """Unpack ``archive`` into ``directory``, which exists and is empty.

    Files and directories only, as SageMaker asks for: links and devices are refused, and so are absolute names, names
    with ``..``, and a name that comes twice. Permissions and owners are not taken over.

    Raises:
        ModelFileError: It is no gzipped tar, it is damaged, or it holds something of the above. What was unpacked
            until then stays in ``directory``, for the caller to remove.
    """
    try:
        packed_bytes = archive.stat().st_size
        with _HeaderLimited(archive) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            _unpack_members(archive, tar, directory, limits, packed_bytes)
            read_to_end(file)
    except FileNotFoundError as error:
        raise ModelFileError(f"{archive}: there is no such file") from error
    except ModelFileError:
        raise
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, OverflowError) as error:
        raise ModelFileError(f"{archive}: not a gzipped tar, or a damaged one: {error}") from error
    except OSError as error:
        raise ModelFileError(f"{archive}: cannot be unpacked: {error}") from error


def _unpack_members(
    archive: Path, tar: tarfile.TarFile, directory: Path, limits: UnpackLimits, packed_bytes: int
) -> None:
    total = 0
    seen: set[PurePosixPath] = set()
    for count, member in enumerate(tar, start=1):
        if count > limits.members:
            raise ModelFileError(f"{archive}: more than {limits.members} files and directories")
        name = _safe_name(archive, member)
        target = directory.joinpath(*name.parts)
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        if name in seen:
            raise ModelFileError(f"{archive}: {member.name!r} is in it twice")
        seen.add(name)
        if member.size < 0:
            raise ModelFileError(f"{archive}: {member.name!r} says that it is of a negative size")
        total += member.size
        if total > limits.total_bytes:
            raise ModelFileError(f"{archive}: more than {limits.total_bytes} bytes when unpacked")
        if total > max(limits.ratio_from_bytes, limits.ratio * packed_bytes):
            raise ModelFileError(f"{archive}: unpacks to more than {limits.ratio} times its size, which no model does")
        target.parent.mkdir(parents=True, exist_ok=True)
        content = tar.extractfile(member)
        if content is None:
            raise ModelFileError(f"{archive}: {member.name!r} has no content")
        with content, target.open("xb") as file:
            shutil.copyfileobj(content, file, _CHUNK_BYTES)


def _safe_name(archive: Path, member: tarfile.TarInfo) -> PurePosixPath:
    """Return a member's name as a relative path that stays inside, or refuse it."""
    if not (member.isreg() or member.isdir()):
        kind = "a link" if member.issym() or member.islnk() else "neither a file nor a directory"
        raise ModelFileError(f"{archive}: {member.name!r} is {kind}; SageMaker takes plain files and directories only")
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\\" in member.name or "\0" in member.name:
        raise ModelFileError(f"{archive}: {member.name!r} would be written outside of the model's directory")
    return name
