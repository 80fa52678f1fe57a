"""One file on its way into the evidence folder: `write` it piece by piece, then `finish` it or `abandon` it.

It lies in `incoming/` meanwhile, locked for as long as it is written, so that a process that starts tells it from
what a killed one left behind. Promises: hashed and looked at as it is received; abandoned, nothing is left of it.
Does not: wait for bytes; whoever has some pushes them.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ledger_service.errors import EvidenceEmptyError, EvidenceTooLargeError
from ledger_service.evidence.descriptors import TOP_FLAGS, closing, make_folder, open_subfolder
from ledger_service.evidence.failures import UploadMismatchError, write_error
from ledger_service.evidence.media_type import Sniffer
from ledger_service.evidence.places import NAME, READ_FLAGS, new_name, put

INCOMING = "incoming"


@dataclass(frozen=True, slots=True)
class StoredEvidence:
    """A file that is on disk: its random name, the SHA-256 (32 bytes) of its content, its size in bytes, and the
    media type that its content shows."""

    name: str
    sha256: bytes
    size: int
    media_type: str


class IncomingFile:
    """A file that is being received. Not to be shared between threads that act at once."""

    def __init__(self, top: Path, *, size_max: int, what: str) -> None:
        """Make the file.

        Args:
            top: The evidence folder; made if it is not there.
            size_max: Most bytes of the file.
            what: How errors call it.

        Raises:
            StorageFullError, StoreReadOnlyError, StoreError: The folder cannot take it.
        """
        self._top, self._size_max, self._what = top, size_max, what
        self._digest, self._sniffer, self._size, self._open = sha256(), Sniffer(), 0, True
        try:
            self._name, self._folder, self._descriptor = _begin(top)
        except OSError as error:
            raise write_error(top, error) from error

    @property
    def size(self) -> int:
        """Return how many bytes were written."""
        return self._size

    def write(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            EvidenceTooLargeError: The file would have more than `size_max` bytes.
            StorageFullError, StoreError: The disk cannot take them.
        """
        if self._size + len(chunk) > self._size_max:
            raise EvidenceTooLargeError(
                f"{self._what} has more than {self._size_max} bytes, the limit of one file",
                hint="send a smaller copy or a part",
            )
        self._size += len(chunk)
        self._digest.update(chunk)
        self._sniffer.feed(chunk)
        write_all(self._top, self._descriptor, chunk)

    def finish(self, expected: bytes | None = None) -> StoredEvidence:
        """Store the file for good; when this returns, it is on disk under its name.

        Args:
            expected: The SHA-256 that it must have, if somebody announced one.

        Raises:
            EvidenceEmptyError: It has no bytes.
            UploadMismatchError: It has another SHA-256.
            StorageFullError, StoreReadOnlyError, StoreError: The folder cannot take it.
        """
        if self._size == 0:
            raise EvidenceEmptyError(
                f"{self._what} has no bytes", hint="check that the file was saved or uploaded whole"
            )
        digest = self._digest.digest()
        if expected is not None and digest != expected:
            raise other_content(self._what, digest, expected)
        try:
            os.fsync(self._descriptor)
            put(self._top, self._name, source=self._folder, source_name=self._name)
        except OSError as error:
            raise write_error(self._top, error) from error
        self.abandon()
        return StoredEvidence(self._name, digest, self._size, self._sniffer.media_type())

    def abandon(self) -> None:
        """Remove what was written, unless it was finished. Safe to call twice."""
        if self._open:
            self._open = False
            with suppress(OSError):  # gone when all went well
                os.unlink(self._name, dir_fd=self._folder)
            os.close(self._descriptor)
            os.close(self._folder)


def write_all(top: Path, descriptor: int, chunk: bytes) -> None:
    """Write every byte.

    Raises:
        StorageFullError, StoreError: The disk cannot take them.
    """
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError as error:
        raise write_error(top, error) from error


def other_content(what: str, found: bytes, expected: bytes) -> UploadMismatchError:
    """Return the error of a file that is not the one that was announced."""
    return UploadMismatchError(
        f"{what} has the SHA-256 {found.hex()}, {expected.hex()} was announced",
        hint="send the file again from its beginning",
    )


def remove_left_behind(top: Path) -> None:
    """Remove files in `incoming/` that no living process has locked."""
    with suppress(OSError):  # no folder yet, or one that may only be read
        for item in [item for item in (top / INCOMING).iterdir() if NAME.fullmatch(item.name)]:
            with suppress(OSError), closing(os.open(item, READ_FLAGS | os.O_NOFOLLOW)) as descriptor:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                item.unlink()


def _begin(top: Path) -> tuple[str, int, int]:
    """Make a file in `incoming/`, locked; return its name, and the descriptors of its folder and of itself."""
    make_folder(top)
    with closing(os.open(top, TOP_FLAGS)) as above:
        incoming = open_subfolder(above, INCOMING, create=True)
    try:
        while True:
            name = new_name()
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(name, flags, 0o600, dir_fd=incoming)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink == 1:
                return name, incoming, descriptor
            os.close(descriptor)  # another process opened the folder before the lock, and took it for left behind
    except BaseException:
        os.close(incoming)
        raise
