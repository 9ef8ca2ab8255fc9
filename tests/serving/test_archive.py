"""Archives from anywhere are unpacked without harm."""

from __future__ import annotations

import contextlib
import gzip
import io
import random
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elasticache_police.errors import ModelFileError
from elasticache_police.sagemaker_deploy.archive import check_archive
from elasticache_police.serving.archive import UnpackLimits, unpack


def member(name, content=b"", **attributes):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, content


@pytest.fixture
def archive(tmp_path):
    def write(*members, format_=tarfile.GNU_FORMAT):
        path = tmp_path / "model.tar.gz"
        with tarfile.open(path, "w:gz", format=format_) as tar:
            for info, content in members:
                tar.addfile(info, io.BytesIO(content))
        return path

    return write


@pytest.fixture
def target(tmp_path):
    directory = tmp_path / "unpacked"
    directory.mkdir()
    return directory


def everything_below(directory):
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_files_and_directories_come_out_as_they_went_in(archive, target):
    unpack(
        archive(
            member("./1", type=tarfile.DIRTYPE),
            member("./1/saved_model.pb", b"graph"),
            member("1/variables/variables.index", b"index"),
            member("code/inference.py", b"pass"),
        ),
        target,
    )

    assert everything_below(target) == {
        "1/saved_model.pb": b"graph",
        "1/variables/variables.index": b"index",
        "code/inference.py": b"pass",
    }


def test_permissions_of_the_archive_are_not_taken_over(archive, target):
    unpack(archive(member("tool", b"#!/bin/sh", mode=0o6777)), target)

    assert (target / "tool").stat().st_mode & 0o7111 == 0


@pytest.mark.parametrize("name", ["../evil", "1/../../evil", "/tmp/evil", "a/b/../../../evil", "..\\evil"])  # noqa: S108
def test_a_name_that_leads_outside_is_refused_and_nothing_is_written(archive, target, tmp_path, name):
    with pytest.raises(ModelFileError, match="outside of the model's directory"):
        unpack(archive(member(name, b"evil")), target)

    assert everything_below(tmp_path).keys() == {"model.tar.gz"}


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.FIFOTYPE, "neither a file nor a directory"),
        (tarfile.CHRTYPE, "neither a file nor a directory"),
    ],
)
def test_links_and_devices_are_refused(archive, target, kind, word):
    with pytest.raises(ModelFileError, match=word):
        unpack(archive(member("1/saved_model.pb", type=kind, linkname="/etc/passwd")), target)

    assert everything_below(target) == {}


def test_a_file_that_comes_twice_is_refused(archive, target):
    with pytest.raises(ModelFileError, match="'a' is in it twice"):
        unpack(archive(member("a", b"first"), member("a", b"second")), target)

    assert everything_below(target) == {"a": b"first"}


def test_an_archive_that_swells_is_refused_before_it_is_unpacked(archive, target):
    path = archive(member("zeros", bytes(2_000_000)))

    with pytest.raises(ModelFileError, match="unpacks to more than 100 times its size"):
        unpack(path, target, limits=UnpackLimits(ratio=100, ratio_from_bytes=1_000_000))

    assert everything_below(target) == {}


def test_a_small_archive_may_be_packed_as_tightly_as_it_likes(archive, target):
    unpack(archive(member("zeros", bytes(2_000_000))), target)

    assert (target / "zeros").stat().st_size == 2_000_000


def test_more_bytes_than_allowed_are_refused(archive, target):
    with pytest.raises(ModelFileError, match="more than 10 bytes when unpacked"):
        unpack(archive(member("a", b"12345"), member("b", b"123456")), target, limits=UnpackLimits(total_bytes=10))


def test_more_members_than_allowed_are_refused(archive, target):
    with pytest.raises(ModelFileError, match="more than 2 files and directories"):
        unpack(archive(*(member(name, b"") for name in "abc")), target, limits=UnpackLimits(members=2))


def test_an_extended_header_of_absurd_size_is_refused_without_being_read(tmp_path, target):
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 8 * 1024**3
    path = tmp_path / "model.tar.gz"
    path.write_bytes(gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(4096)))

    with pytest.raises(ModelFileError, match="extended header of absurd size"):
        unpack(path, target)


@pytest.mark.parametrize("content", [b"", b"no archive at all", gzip.compress(b"no tar")])
def test_what_is_no_gzipped_tar_is_said_to_be_none(tmp_path, target, content):
    path = tmp_path / "model.tar.gz"
    path.write_bytes(content)

    with pytest.raises(ModelFileError, match=r"model\.tar\.gz: not a gzipped tar, or a damaged one"):
        unpack(path, target)


def test_an_archive_cut_short_is_said_to_be_damaged(archive, target):
    path = archive(member("a", bytes(range(256)) * 100))
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(ModelFileError, match="damaged"):
        unpack(path, target)


def _with_a_flipped_bit(packed):
    middle = len(packed) // 2
    return packed[:middle] + bytes([packed[middle] ^ 1]) + packed[middle + 1 :]


DAMAGE = {
    "a flipped bit": _with_a_flipped_bit,
    "no trailer": lambda packed: packed[:-8],
    "half a trailer": lambda packed: packed[:-1],
    "another checksum": lambda packed: packed[:-8] + bytes(4) + packed[-4:],
    "something behind it": lambda packed: packed + b"and more",
    "a bomb behind it": lambda packed: packed + gzip.compress(bytes(64 * 1024**2)),
}


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("check", [check_archive, None], ids=["before upload", "when unpacked"])
def test_an_archive_whose_checksum_was_never_reached_is_said_to_be_damaged(archive, target, kind, check):
    path = archive(
        member("1/saved_model.pb", b"graph"), member("1/variables/weights", random.Random(7).randbytes(9000))
    )
    path.write_bytes(DAMAGE[kind](path.read_bytes()))

    with pytest.raises(ModelFileError, match=r"model\.tar\.gz: not a gzip.*a damaged one"):
        unpack(path, target) if check is None else check(path)


def test_an_archive_may_be_padded_to_records_larger_than_usual(archive, target):
    path = archive(member("1/saved_model.pb", b"graph"))
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + bytes(1024**2)))

    unpack(path, target)
    check_archive(path)

    assert everything_below(target) == {"1/saved_model.pb": b"graph"}


def test_a_missing_archive_is_said_to_be_missing(tmp_path, target):
    with pytest.raises(ModelFileError, match="there is no such file"):
        unpack(tmp_path / "model.tar.gz", target)


def test_a_negative_size_is_refused(archive, target):
    path = archive(member("1/saved_model.pb", b"graph"))
    packed = bytearray(gzip.decompress(path.read_bytes()))
    packed[124:136] = b"\xff" * 12  # -1, as GNU tar writes large and negative numbers
    path.write_bytes(gzip.compress(_with_checksum(packed)))

    with pytest.raises(ModelFileError):
        unpack(path, target)


_HEADER_BYTES = 512
_ODD = st.sampled_from(list(b"\x00\x07\xff\x80.7LSgx/0125KD"))


def _with_checksum(packed):
    """Make the first header's checksum right again, so that what is wrong with it is looked at."""
    total = 256 + sum(packed[:148]) + sum(packed[156:_HEADER_BYTES])
    packed[148:156] = b"%06o\0 " % total
    return bytes(packed)


@pytest.mark.parametrize("check", [check_archive, None], ids=["before upload", "when unpacked"])
@given(changes=st.lists(st.tuples(st.integers(0, _HEADER_BYTES - 1), _ODD), max_size=12), pax=st.booleans())
def test_a_header_of_any_nonsense_is_refused_or_harmless(check, changes, pax):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT if pax else tarfile.GNU_FORMAT) as tar:
        info, content = member("\u00e9" * 60 + "/1/saved_model.pb", b"graph")
        tar.addfile(info, io.BytesIO(content))
    broken = bytearray(packed.getvalue())
    for place, value in changes:
        broken[place] = value

    with tempfile.TemporaryDirectory() as home:
        archive, target = Path(home, "model.tar.gz"), Path(home, "unpacked")
        archive.write_bytes(gzip.compress(_with_checksum(broken)))
        target.mkdir()
        with contextlib.suppress(ModelFileError):
            check(archive) if check else unpack(archive, target, limits=UnpackLimits(members=20))

        assert {path.name for path in Path(home).iterdir()} == {"model.tar.gz", "unpacked"}
        assert not [path for path in target.rglob("*") if path.is_symlink()]
