"""Promises of the archive: one spelling, which any unzip program opens; limits with names."""

from __future__ import annotations

import io
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.core.archive import (
    ARCHIVE_BYTES_MAX,
    MEMBERS_MAX,
    ArchiveFormatError,
    Member,
    archive_size,
    directory,
    place,
    read_directory,
)
from tests.core.packages import Bytes, pack

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9_.-]{0,8}[a-z0-9])?(/[a-z0-9]([a-z0-9_.-]{0,8}[a-z0-9])?)?", fullmatch=True)


@given(st.dictionaries(NAMES, st.binary(max_size=100), max_size=8))
def test_what_is_packed_is_read_and_opens_with_another_program(contents: dict[str, bytes]) -> None:
    data = pack(contents)

    placed = read_directory(Bytes(data))

    assert archive_size(placed) == len(data)
    assert {one.member.name: data[one.content_at :][: one.member.size] for one in placed} == contents
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == contents


@pytest.mark.parametrize(
    "names",
    [
        ["b", "a"],
        ["a", "a"],
        ["A", "a"],
        [""],
        ["/a"],
        ["a/"],
        ["../a"],
        ["a/../b"],
        ["a\\b"],
        ["a/b/c"],
        ["a."],
        [".a"],
        ["a" * 129],
        ["a b"],
        ["ä"],
        ["a\n"],
    ],
)
def test_a_name_that_is_not_plain_is_refused(names: list[str]) -> None:
    with pytest.raises(ArchiveFormatError):
        place([Member(name, 0, 0) for name in names])


def test_the_limits_are_kept_on_both_sides() -> None:
    room = ARCHIVE_BYTES_MAX - len(directory(place([Member("a", 0, 0)]))) - 31

    assert archive_size(place([Member("a", room, 0)])) == ARCHIVE_BYTES_MAX
    assert len(place([Member(f"{n:05}", 0, 0) for n in range(MEMBERS_MAX)])) == MEMBERS_MAX
    with pytest.raises(ArchiveFormatError):
        place([Member("a", room + 1, 0)])
    with pytest.raises(ArchiveFormatError):
        place([Member(f"{n:05}", 0, 0) for n in range(MEMBERS_MAX + 1)])


def test_a_file_of_more_than_four_gibibytes_is_not_read() -> None:
    class Huge(Bytes):
        @property
        def size(self) -> int:
            return ARCHIVE_BYTES_MAX + 1

        def read(self, offset: int, count: int, /) -> bytes:
            raise AssertionError("nothing is read")

    with pytest.raises(ArchiveFormatError):
        read_directory(Huge(b""))


def test_a_member_is_stored_with_its_crc() -> None:
    (one,) = read_directory(Bytes(pack({"a": b"x"})))

    assert one.member == Member("a", 1, zlib.crc32(b"x"))
