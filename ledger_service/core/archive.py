"""The archive of a package: a ZIP file of which exactly one spelling exists for given members.

Any unzip program opens it. Members are stored as they are, in the order of their names, with one fixed time, no extra
field, no comment and no gap; no zip64. So the bytes follow from names, sizes and CRC-32 alone, and a reader does not
interpret headers: it writes what should stand there and compares.

Promises: whatever differs from that spelling is refused before any content is looked at: names that stand twice,
leave their folder or lead elsewhere, links, encryption, bytes before, between or after, a directory that contradicts
the members. Nothing expands: an archive is as large as its content. Does not: read a file (`Source` does), or check
content (`verify_package.py`).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger_service.errors import FormatError

MEMBERS_MAX = 10_000  # two files an entry; a case with some thousand entries is a matter for several packages
ARCHIVE_BYTES_MAX = 2**32 - 1  # what a ZIP file without zip64 can hold
NAME_BYTES_MAX = 128  # the longest name of a layout has about 90

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_VERSION = 20  # needed to extract: folders
_MADE_BY = 3 << 8 | _VERSION  # Unix, so that the mode below counts
_UTF8 = 1 << 11
_TIME, _DATE = 0, 1 << 5 | 1  # 1980-01-01 00:00, the first that the format knows
_MODE = 0o100644 << 16  # a plain file
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?"
_NAME = re.compile(rf"{_PART}(?:/{_PART})?")


class ArchiveFormatError(FormatError):
    """The file is no archive in its one spelling."""


class Source(Protocol):
    """A file that is read in pieces: `size` bytes, of which `read` returns those from `offset` on, fewer at the end."""

    @property
    def size(self) -> int:
        """How many bytes it has."""

    def read(self, offset: int, count: int, /) -> bytes:
        """Return at most `count` bytes from `offset` on."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive: its name, bytes and CRC-32."""

    name: str
    size: int
    crc: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A member, and where its header and its content begin."""

    member: Member
    header_at: int
    content_at: int


def place(members: Sequence[Member]) -> tuple[Placed, ...]:
    """Return where each member stands; they are in the order of their names.

    Raises:
        ArchiveFormatError: Names that stand twice or in another order, or are no plain names; too many or too large.
    """
    if len(members) > MEMBERS_MAX:
        raise ArchiveFormatError(f"an archive has at most {MEMBERS_MAX} members, got {len(members)}")
    names = [member.name for member in members]
    for name in names:
        if not _NAME.fullmatch(name) or len(name) > NAME_BYTES_MAX:
            raise ArchiveFormatError(f"{name[:80]!r} is no name of a member: one folder at most, plain characters")
    if len({name.casefold() for name in names}) != len(names):
        raise ArchiveFormatError("a name stands twice, capitals aside")
    if names != sorted(names):
        raise ArchiveFormatError("members stand in the order of their names")
    placed, at = [], 0
    for member in members:
        content_at = at + _LOCAL.size + len(member.name)
        placed.append(Placed(member, at, content_at))
        at = content_at + member.size
    directory = sum(_CENTRAL.size + len(name) for name in names) + _END.size
    if at + directory > ARCHIVE_BYTES_MAX:
        raise ArchiveFormatError(f"an archive has at most {ARCHIVE_BYTES_MAX} bytes")
    return tuple(placed)


def header(member: Member) -> bytes:
    """Return what stands before the content of a member."""
    name = member.name.encode()
    fixed = (b"PK\3\4", _VERSION, _UTF8, 0, _TIME, _DATE, member.crc, member.size, member.size, len(name), 0)
    return _LOCAL.pack(*fixed) + name


def directory(placed: Sequence[Placed]) -> bytes:
    """Return what stands after the last content: the central directory and the end record."""
    rows = []
    for one in placed:
        m, name = one.member, one.member.name.encode()
        sizes = (m.crc, m.size, m.size, len(name), 0, 0, 0, 0, _MODE, one.header_at)
        rows.append(_CENTRAL.pack(b"PK\1\2", _MADE_BY, _VERSION, _UTF8, 0, _TIME, _DATE, *sizes) + name)
    central = b"".join(rows)
    end = placed[-1].content_at + placed[-1].member.size if placed else 0
    return central + _END.pack(b"PK\5\6", 0, 0, len(placed), len(placed), len(central), end, 0)


def archive_size(placed: Sequence[Placed]) -> int:
    """Return how many bytes the archive of these members has."""
    end = placed[-1].content_at + placed[-1].member.size if placed else 0
    return end + len(directory(placed))


def read_directory(source: Source) -> tuple[Placed, ...]:
    """Return the members of an archive; their content is not looked at.

    Raises:
        ArchiveFormatError: The file is not the one spelling of an archive with these members.
    """
    if not _END.size <= source.size <= ARCHIVE_BYTES_MAX:
        raise ArchiveFormatError(f"an archive has {_END.size} to {ARCHIVE_BYTES_MAX} bytes, this has {source.size}")
    end = _exactly(source, source.size - _END.size, _END.size)
    mark, _, _, _, count, length, at, _ = _END.unpack(end)
    if mark != b"PK\5\6" or at + length + _END.size != source.size or count > MEMBERS_MAX:
        raise ArchiveFormatError("the file does not end with the end record of a package's archive")
    if length > count * (_CENTRAL.size + NAME_BYTES_MAX):  # before so much is read
        raise ArchiveFormatError("the directory is larger than its members make it")
    central = _exactly(source, at, length)
    placed = place(_members(central, count))
    if central + end != directory(placed):
        raise ArchiveFormatError("the directory is not spelled as that of a package")
    for one in placed:
        wanted = header(one.member)
        if _exactly(source, one.header_at, len(wanted)) != wanted:
            raise ArchiveFormatError(f"the header of {one.member.name} contradicts the directory")
    return placed


def _members(central: bytes, count: int) -> list[Member]:
    """Read names, sizes and checksums; everything else is compared afterwards."""
    members, at = [], 0
    for _ in range(count):
        if len(central) < at + _CENTRAL.size:
            raise ArchiveFormatError("the directory ends before its last member")
        row = _CENTRAL.unpack_from(central, at)
        crc, size, name_length = row[7], row[9], row[10]
        at += _CENTRAL.size
        try:
            name = central[at : at + name_length].decode("ascii")
        except UnicodeDecodeError:
            raise ArchiveFormatError("a name of a member is not ASCII") from None
        members.append(Member(name, size, crc))
        at += name_length
    return members


def _exactly(source: Source, offset: int, count: int) -> bytes:
    found = source.read(offset, count)
    if len(found) != count:
        raise ArchiveFormatError("the file ends before what it announces")
    return found
