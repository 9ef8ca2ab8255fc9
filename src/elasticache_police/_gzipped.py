"""A gzip file read to its end, where the checksum is that says whether what was read is what was written."""

from __future__ import annotations

import gzip
import tarfile

__all__ = ["read_to_end"]

_CHUNK_BYTES = 1024 * 1024
_MOST_BYTES = 16 * _CHUNK_BYTES
"""Of padding behind an archive's last file: tar fills 10 kB up, unless it is told to write larger records."""


def read_to_end(file: gzip.GzipFile) -> None:
    """Read what is left of a gzip file behind the last file of the tar in it, which makes it check its checksum.

    tar's own end comes before that of the gzip file, and who stops there takes a flipped bit for a weight.

    Args:
        file: The gzip file, opened for reading, all of the tar read.

    Raises:
        tarfile.ReadError: More is left than any tar leaves, such as a bomb.
        gzip.BadGzipFile: The checksum or the length does not fit, or something else follows.
        EOFError: It ends too early.
        zlib.error: It is damaged.
    """
    left = _MOST_BYTES
    while part := file.read(_CHUNK_BYTES):
        left -= len(part)
        if left < 0:
            raise tarfile.ReadError(f"more than {_MOST_BYTES} bytes behind the last file")
