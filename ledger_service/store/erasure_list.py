"""The erasure list: what was to be erased, in a file outside the database, the key store and the backups of both.

A backup that is restored brings erased data back, and with it no word of their erasure: this file has it. Each line is
one intent, written before anything is destroyed, or a restriction, which a backup must not undo either: SHA-256 of the
rest as hex, a space, JSON. Promises: `append` is durable when it returns; a line that a crash cut short promised
nothing and is passed over; any other damage is refused, since what it said is not known. It holds ids of keys, marks,
random names, leaf hashes and pseudonyms: no reference, no value, no fingerprint of one; whom a restriction is about
stands sealed under that person's own key. Does not: erase anything (`operations/destroy.py`), or shrink.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger_service.errors import StorageFullError, StoreError, StoreReadOnlyError

MODE = 0o600
VERSION = 1
LINE_BYTES_MAX = 64 * 1024**2  # of a party of a hundred thousand cases; refused beyond, before anything is destroyed
_DIGEST_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class ListedCase:
    """What goes of one case: `erased` are pairs of a leaf hash (hex) and the positions in its entry.

    `subject` and `by` are role and pseudonym of whose data go, and of who decided it.
    """

    return_id: str
    extent: str
    subject: tuple[str, str]
    by: tuple[str, str]
    erased: tuple[tuple[str, tuple[int, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Intent:
    """One round of an erasure: what to destroy, and what to record once it is gone.

    `keys` (16 bytes each), `marks` (32 bytes) and `scopes` are as hex; `files` are names in the evidence folder; `size`
    is that of the log when it was looked through, `at` the time of the decision. `row` is what the database is to hold
    of the decision in the end.
    """

    erasure_id: str
    round: int
    size: int
    at: str
    keys: tuple[str, ...]
    marks: tuple[str, ...]
    scopes: tuple[str, ...]
    files: tuple[str, ...]
    cases: tuple[ListedCase, ...]
    row: dict[str, Any]


class ErasureList:
    """The list in one file; made when the first erasure is decided. Safe to share between threads and processes."""

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is opened."""
        self.path = path

    def append(self, intent: Intent) -> None:
        """Add an intent; durable on return.

        Raises:
            StoreError: It cannot be written; nothing was added, and nothing may be destroyed.
        """
        self._append(asdict(intent))

    def append_restriction(self, row: dict[str, Any]) -> None:
        """Add a restriction, or that it was lifted, as the row that the database is to hold; durable on return.

        Raises:
            StoreError: As `append`.
        """
        self._append({"restriction": row})

    def _append(self, members: dict[str, Any]) -> None:
        body = json.dumps({"version": VERSION, **members}, sort_keys=True, separators=(",", ":")).encode()
        if len(body) > LINE_BYTES_MAX:
            raise StoreError(f"an erasure of {len(body)} bytes in the list is beyond {LINE_BYTES_MAX}")
        line = sha256(body).hexdigest().encode() + b" " + body + b"\n"
        with _translated(self.path):
            new = not self.path.exists()
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, MODE)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                _cut_torn_end(handle)
                _write_all(handle, line)
                os.fsync(handle)
            finally:
                os.close(handle)
            if new:
                _sync_folder(self.path.parent)

    def intents(self) -> list[Intent]:
        """Return every intent, oldest first.

        Raises:
            StoreError: A line is damaged, or of a newer program: what it says must not be passed over.
        """
        return [line for line in self._lines() if isinstance(line, Intent)]

    def restrictions(self) -> dict[str, dict[str, Any]]:
        """Return the newest row of each restriction, by its id.

        Raises:
            StoreError: As `intents`.
        """
        return {line["id"]: line for line in self._lines() if not isinstance(line, Intent)}

    def _lines(self) -> list[Intent | dict[str, Any]]:
        with _translated(self.path):
            try:
                content = self.path.read_bytes()
            except FileNotFoundError:
                return []
        lines = content.split(b"\n")
        found: list[Intent | dict[str, Any]] = []
        for number, line in enumerate(lines, start=1):
            parsed = _parse(line)
            if parsed is not None:
                found.append(parsed)
            elif line and number < len(lines):  # the last piece is what a crash left of a line, or nothing
                raise StoreError(
                    f"line {number} of the erasure list {self.path.name} is damaged or of a newer program",
                    hint="bring the file back from its own copy: it says what must not come back",
                )
        return found

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """Let one decision at a time be made, by whatever process: two would each erase what the other counted."""
        lock = self.path.with_name(f"{self.path.name}.lock")
        with _translated(lock):
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)  # and with it the lock


def _parse(line: bytes) -> Intent | dict[str, Any] | None:
    digest, _, body = line.partition(b" ")
    if len(digest) != _DIGEST_CHARACTERS or sha256(body).hexdigest().encode() != digest:
        return None
    m: Any = json.loads(body)  # ours: the digest says so
    if m["version"] != VERSION:
        return None
    if "restriction" in m:
        row: dict[str, Any] = m["restriction"]
        return row
    cases = tuple(
        ListedCase(
            one["return_id"],
            one["extent"],
            (one["subject"][0], one["subject"][1]),
            (one["by"][0], one["by"][1]),
            tuple((leaf, tuple(positions)) for leaf, positions in one["erased"]),
        )
        for one in m["cases"]
    )
    return Intent(
        erasure_id=m["erasure_id"],
        round=m["round"],
        size=m["size"],
        at=m["at"],
        keys=tuple(m["keys"]),
        marks=tuple(m["marks"]),
        scopes=tuple(m["scopes"]),
        files=tuple(m["files"]),
        cases=cases,
        row=m["row"],
    )


def _cut_torn_end(handle: int) -> None:
    """Take away what a crash left of a line: it was never acknowledged, so nothing was destroyed on its word."""
    size = os.fstat(handle).st_size
    end = size
    while end and os.pread(handle, 1, end - 1) != b"\n":
        block = min(end, 65_536)
        piece = os.pread(handle, block, end - block)
        end = end - block + piece.rfind(b"\n") + 1 if b"\n" in piece else end - block
    if end < size:
        os.ftruncate(handle, end)


def _write_all(handle: int, content: bytes) -> None:
    while content:
        content = content[os.write(handle, content) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"the erasure list {path.name} cannot be used: {(error.strerror or 'input/output error').lower()}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError(what, hint="free some space; nothing was destroyed") from error
        raise StoreReadOnlyError(what, hint="check its folder's rights; nothing was destroyed") from error
