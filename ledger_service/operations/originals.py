"""What becomes of the files of a case in a package: each is found, hashed and named, and goes in or stays out.

Promises: an original is compared with what its entry commits to, not with what a row of the database says; one that the
reader may not see is not opened. Does not: copy anything (`package.py`).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from ledger_service.core.entry import CaseEntry, parse_entry
from ledger_service.core.file_claims import FileClaims
from ledger_service.core.package import evidence_file_name
from ledger_service.core.package_sheets import FileState, RegisterRow
from ledger_service.errors import EvidenceMissingError
from ledger_service.evidence.claims import read_claims
from ledger_service.operations.disclosing import visible_names
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal
from ledger_service.operations.prove import records_of
from ledger_service.store.drafts import StoredFile
from ledger_service.store.read import StoredEntry

CHUNK_BYTES = 262_144  # read, hashed and written at once


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file of the archive: its bytes, or where the original lies."""

    name: str
    size: int
    sha256: bytes
    crc: int
    content: bytes = b""
    stored: StoredFile | None = None


def register_of(
    ledger: Ledger, reader: Principal, rows: Sequence[StoredEntry], *, room: int
) -> tuple[tuple[RegisterRow, ...], list[PackedFile]]:
    """Return what became of every file of the case, and those that go into the archive."""
    register, originals = [], list[PackedFile]()
    for row in rows:
        entry = case_entry(row)
        if not entry.evidence:
            continue
        names = visible_names(ledger, row.index, entry, reader)
        records, erased = records_of(ledger, row.index, entry, names)
        stored = {file.position: file for file in ledger.read.files(row.index)}
        for position, described in enumerate(entry.evidence):
            record = records[position]
            told = RegisterRow(row.index, position, entry, FileState.WITHHELD, None, None)
            if record.disclosure is None:
                gone = record.name in erased and record.name in names
                register.append(replace(told, state=FileState.ERASED) if gone else told)
                continue
            told = replace(told, sha256=bytes.fromhex(str(record.disclosure.value)))
            name = evidence_file_name(row.index, position, kind=described.kind, media_type=described.media_type)
            state, file = _original(ledger, name, stored.get(position), told, room)
            claims = None if file is None else _claims(ledger, file, described.media_type)
            register.append(replace(told, state=state, file=None if file is None else name, claims=claims))
            if file is not None:
                originals.append(file)
                room -= file.size
    return tuple(register), originals


def _original(
    ledger: Ledger, name: str, stored: StoredFile | None, told: RegisterRow, room: int
) -> tuple[FileState, PackedFile | None]:
    """Hash an original; it is compared with what the entry commits to, not with what its row says."""
    if stored is None:
        return FileState.MISSING, None
    if told.entry.evidence[told.position].size > room:
        return FileState.TOO_LARGE, None
    digest, crc, size = sha256(), 0, 0
    try:
        with ledger.evidence.open(stored.name) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
                crc, size = zlib.crc32(chunk, crc), size + len(chunk)
    except (EvidenceMissingError, OSError):
        return FileState.MISSING, None
    if (digest.digest(), size) != (told.sha256, told.entry.evidence[told.position].size):
        return FileState.ALTERED, None
    return FileState.INCLUDED, PackedFile(name, size, digest.digest(), crc, stored=stored)


def _claims(ledger: Ledger, file: PackedFile, media_type: str) -> FileClaims | None:
    """Return what a photo that goes into the archive says of itself."""
    assert file.stored is not None  # it is an original
    try:
        with ledger.evidence.open(file.stored.name) as stream:
            return read_claims(stream, media_type=media_type, size=file.size)
    except (EvidenceMissingError, OSError):
        return None  # it was there just now; copying it will tell


def case_entry(row: StoredEntry) -> CaseEntry:
    entry = parse_entry(row.encoded)
    assert isinstance(entry, CaseEntry)  # it is of a case
    return entry
