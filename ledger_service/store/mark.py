"""The high-water mark: how far the log had come when the last answer left, in a small file outside the database.

A database restored from a backup is behind it, and then must not write (design §6). The file has two slots of one
disk block each, written in turn and in place; each holds a counter, the size, the root, the signed note, and a
SHA-256 over all of it. A write that a power cut tears spoils one slot; the other still holds the mark before it.

Promises: `advance` is durable when it returns, at the cost of one fdatasync; the mark never goes back, whoever else
advances it; another root for the mark's size is refused. Does not: make a missing file by itself: a mark that is gone
must be noticed, so only `create` makes one.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from ledger_service.core.merkle import EMPTY_ROOT, HASH_BYTES
from ledger_service.errors import (
    ContradictedError,
    LimitError,
    MissingMarkError,
    StorageFullError,
    StoreError,
    StoreReadOnlyError,
)

SLOT_BYTES = 4_096  # a block of disk and file system: two slots never share one
MODE = 0o600
_MAGIC = b"RLMARK1\n"
_HEADER = struct.Struct(">8sQQ32sH")  # magic, counter, size, root, bytes of the note
NOTE_BYTES_MAX = SLOT_BYTES - _HEADER.size - HASH_BYTES


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest tree head that an answer left with: `note` is its signed checkpoint, empty at size 0."""

    size: int
    root: bytes
    note: bytes


class HighWaterMark:
    """The mark in one file. Safe to share between threads and between processes."""

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is opened."""
        self.path = path
        self._lock = threading.Lock()
        self._file: int | None = None
        self._durable = -1  # the size that this object knows to be on the disk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        with self._lock:
            self._close()

    def create(self, *, note: bytes = b"", size: int = 0, root: bytes = EMPTY_ROOT) -> None:
        """Make the file, for a new ledger or because an operator accepts this tree head; durable on return.

        Raises:
            StoreError: There is a file already, or it cannot be made.
        """
        slots = bytes(SLOT_BYTES) + _slot(1, Mark(size, root, note))  # counter 1 belongs into the odd slot
        with _translated(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
            try:
                _write_all(handle, slots, 0)
                os.fsync(handle)
                os.link(name, self.path)  # unlike a rename, never over another file
                _sync_folder(self.path.parent)
            except FileExistsError:
                raise StoreError(
                    f"there is a high-water mark at {self.path.name} already", hint="move it away if you mean it"
                ) from None
            finally:
                os.close(handle)
                Path(name).unlink()

    def read(self) -> Mark | None:
        """Return the mark, None if there is no file.

        Raises:
            MissingMarkError: There is a file, but no slot of it is whole.
        """
        with _translated(self.path):
            try:
                handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            try:
                fcntl.flock(handle, fcntl.LOCK_SH)  # never between the blocks of somebody's write
                return self._newest(handle)[1]
            finally:
                os.close(handle)

    def advance(self, note: bytes, size: int, root: bytes) -> None:
        """Set the mark to this tree head unless it stands further on; durable on return.

        Raises:
            ContradictedError: The mark holds another root for this size.
            MissingMarkError: The file is gone, or none of its slots is whole.
            StorageFullError, StoreReadOnlyError, StoreError: It cannot be written.
        """
        mark = Mark(size, root, note)
        if len(note) > NOTE_BYTES_MAX:
            raise LimitError("the most bytes of a note in the high-water mark", NOTE_BYTES_MAX, len(note))
        with self._lock, _translated(self.path), self._locked() as handle:
            counter, newest = self._newest(handle)
            if size == newest.size and root != newest.root:
                raise ContradictedError(
                    f"the high-water mark holds another root for size {size}",
                    hint="the database was rewritten: keep both for the audit, write nothing more",
                )
            if size > newest.size:
                # A crash in this write spoils at most the older slot: the mark stays where it is.
                _write_all(handle, _slot(counter + 1, mark), (counter + 1) % 2 * SLOT_BYTES)
            elif self._durable >= newest.size:
                return
            os.fdatasync(handle)  # the size of the file never changes, so its data is all there is to sync
            self._durable = max(size, newest.size)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Give the open file under its lock; open it anew if another one took its name."""
        if self._file is not None and not _same(self._file, self.path):
            self._close()
        if self._file is None:
            try:
                self._file = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                raise MissingMarkError(
                    f"the high-water mark {self.path.name} is gone", hint="`rledger database accept-mark` makes one"
                ) from None
            self._durable = -1
        handle = self._file
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield handle
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)

    def _newest(self, handle: int) -> tuple[int, Mark]:
        content = os.pread(handle, 2 * SLOT_BYTES, 0)
        slots = [_parse_slot(content[start : start + SLOT_BYTES]) for start in (0, SLOT_BYTES)]
        whole = [slot for slot in slots if slot is not None]
        if not whole:
            raise MissingMarkError(
                f"the high-water mark {self.path.name} is damaged: no slot of it is whole",
                hint="move it away; `rledger database accept-mark` makes one",
            )
        return max(whole, key=lambda slot: slot[0])

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _slot(counter: int, mark: Mark) -> bytes:
    if len(mark.note) > NOTE_BYTES_MAX:
        raise LimitError("the most bytes of a note in the high-water mark", NOTE_BYTES_MAX, len(mark.note))
    body = _HEADER.pack(_MAGIC, counter, mark.size, mark.root, len(mark.note)) + mark.note
    return (body + sha256(body).digest()).ljust(SLOT_BYTES, b"\x00")


def _parse_slot(content: bytes) -> tuple[int, Mark] | None:
    """Return (counter, mark) of a slot, None if it is not whole."""
    if len(content) != SLOT_BYTES or not content.startswith(_MAGIC):
        return None
    _, counter, size, root, length = _HEADER.unpack_from(content)
    end = _HEADER.size + length
    if sha256(content[:end]).digest() != content[end : end + HASH_BYTES]:
        return None
    return counter, Mark(size, root, content[_HEADER.size : end])


def _write_all(handle: int, content: bytes, offset: int) -> None:
    while content:
        written = os.pwrite(handle, content, offset)
        content, offset = content[written:], offset + written


def _same(handle: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle), path.stat())
    return False


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _translated(path: Path) -> Iterator[None]:

    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError("no space is left for the high-water mark", hint="free some space") from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise StoreReadOnlyError(
                f"the high-water mark {path.name} cannot be written: {error.strerror}", hint="check its folder's rights"
            ) from error
        raise StoreError(f"the high-water mark {path.name} failed: {error.strerror}", hint="check the disk") from error
