"""Files that come in parts: what of each is here, kept until the rest comes, its SHA-256 announced beforehand.

Promises: a part begins exactly where what is here ends; what `finish` acknowledged survives a killed process; one
writes at a time; a file leaves `partial/` for its place only when the SHA-256 of all of it, read back from the disk,
is the announced one. Does not: keep an order of parts that came out of order; nothing but the next bytes is taken.

Layout: `partial/<owner>-<file>`, both derived from what the caller names (`PartialName`), so that a name tells nothing.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ledger_service.errors import EvidenceEmptyError, EvidenceTooLargeError
from ledger_service.evidence.descriptors import TOP_FLAGS, closing, make_folder, open_subfolder
from ledger_service.evidence.failures import UploadBusyError, UploadOffsetError, write_error
from ledger_service.evidence.incoming import StoredEvidence, other_content, write_all
from ledger_service.evidence.media_type import Sniffer
from ledger_service.evidence.places import READ_FLAGS, new_name, put

PARTIAL = "partial"
CHUNK_BYTES = 262_144  # read and hashed at once
DERIVED_BYTES = 16

_NAME = re.compile(r"[0-9a-f]{32}-[0-9a-f]{32}")
_WHAT = "the upload"


@dataclass(frozen=True, slots=True)
class PartialName:
    """Whose file, and which: `owner` is any bytes that name one, `sha256` (32 bytes) is the announced one."""

    owner: bytes
    sha256: bytes

    def __str__(self) -> str:
        """Return the name in the folder."""
        return f"{_owner_part(self.owner)}-{_file_part(self.sha256)}"


class PartialFiles:
    """The unfinished files of one evidence folder; several processes may use it at once."""

    def __init__(self, top: Path) -> None:
        """Take the evidence folder; nothing is made before the first part comes."""
        self._top = top

    def begin(self, name: PartialName, *, offset: int, size: int) -> PartialFile:
        """Return the file to write the next part of, locked against other writers.

        Args:
            name: Which file.
            offset: Where the part begins: 0, or how many bytes are here.
            size: Bytes that the whole file will have.

        Raises:
            UploadOffsetError: Another number of bytes is here.
            UploadBusyError: Another request writes to it.
            EvidenceEmptyError: A file of no bytes was announced.
            StorageFullError, StoreReadOnlyError, StoreError: The folder cannot take it.
        """
        if size < 1:
            raise EvidenceEmptyError(f"{_WHAT} has no bytes", hint="check that the file was saved whole")
        try:
            return PartialFile(self._top, name, offset=offset, size=size)
        except OSError as error:
            raise write_error(self._top, error) from error

    def length(self, name: PartialName) -> int:
        """Return how many bytes of a file are here."""
        return sum(size for found, size in self._sizes() if found == str(name))

    def held(self, owner: bytes) -> int:
        """Return how many bytes all unfinished files of an owner take."""
        return sum(size for found, size in self._sizes() if found.startswith(_owner_part(owner)))

    def count(self, owner: bytes) -> int:
        """Return how many unfinished files an owner has."""
        return sum(1 for found, _ in self._sizes() if found.startswith(_owner_part(owner)))

    def purge(self, *, before: float) -> int:
        """Remove files whose last part came before a time (seconds since 1970); return how many went."""
        return self._remove(lambda _, seen: seen.st_mtime < before)

    def forget(self, *, owner: bytes | None = None, sha256: bytes | None = None) -> int:
        """Remove the files of an owner, of a content, or of both; return how many went. One being written stays."""
        start = "" if owner is None else _owner_part(owner)
        end = "" if sha256 is None else _file_part(sha256)
        return self._remove(lambda name, _: name.startswith(start) and name.endswith(end))

    def _sizes(self) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        with self._folder() as folder:
            for name in _names(folder):
                with suppress(FileNotFoundError):
                    found.append((name, os.stat(name, dir_fd=folder, follow_symlinks=False).st_size))
        return found

    def _remove(self, unwanted: Callable[[str, os.stat_result], bool]) -> int:
        gone = 0
        with self._folder() as folder:
            for name in _names(folder):
                assert folder is not None  # it has names
                with suppress(OSError), closing(os.open(name, READ_FLAGS | os.O_NOFOLLOW, dir_fd=folder)) as descriptor:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if _is_named(descriptor, folder, name) and unwanted(name, os.fstat(descriptor)):
                        os.unlink(name, dir_fd=folder)
                        gone += 1
            if gone and folder is not None:
                os.fsync(folder)
        return gone

    @contextmanager
    def _folder(self) -> Iterator[int | None]:
        """Open the folder; None where there is none yet."""
        try:
            with ExitStack() as stack:
                folder = None
                with suppress(FileNotFoundError):
                    above = stack.enter_context(closing(os.open(self._top, TOP_FLAGS)))
                    folder = stack.enter_context(closing(open_subfolder(above, PARTIAL, create=False)))
                yield folder
        except OSError as error:
            raise write_error(self._top, error) from error


class PartialFile:
    """An unfinished file that is being written. Not to be shared between threads that act at once."""

    def __init__(self, top: Path, name: PartialName, *, offset: int, size: int) -> None:
        """Open and lock it, or make it; use `PartialFiles.begin`."""
        self._top, self._name, self._size = top, name, size
        make_folder(top)
        with closing(os.open(top, TOP_FLAGS)) as above:
            self._folder = open_subfolder(above, PARTIAL, create=True)
        self._open = True
        try:
            self._descriptor = self._lock()
        except BaseException:
            os.close(self._folder)
            raise
        self._length = os.fstat(self._descriptor).st_size
        if self._length != offset:
            self.abandon()
            raise UploadOffsetError(
                f"the part begins at byte {offset}, {self._length} bytes of the file are here", offset=self._length
            )

    @property
    def length(self) -> int:
        """Return how many bytes of the file are here."""
        return self._length

    def write(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            EvidenceTooLargeError: The file would have more bytes than were announced.
            StorageFullError, StoreError: The disk cannot take them.
        """
        if self._length + len(chunk) > self._size:
            raise EvidenceTooLargeError(
                f"more than the {self._size} bytes of the file were sent", hint="send the bytes that are missing only"
            )
        write_all(self._top, self._descriptor, chunk)
        self._length += len(chunk)

    def finish(self) -> StoredEvidence | None:
        """Keep what came, on disk when this returns; once it is all, check it and store it for good.

        Returns:
            The stored file, None while bytes are missing.

        Raises:
            EvidenceMismatchError: It is not the file that was announced; what was here is removed.
            StorageFullError, StoreReadOnlyError, StoreError: The folder cannot take it.
        """
        try:
            os.fsync(self._descriptor)
            return None if self._length < self._size else self._store()
        except OSError as error:
            raise write_error(self._top, error) from error
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Stop writing; what came stays, for the next part. Safe to call twice."""
        if self._open:
            self._open = False
            with suppress(OSError):
                if os.fstat(self._descriptor).st_size == 0:
                    self._unlink()
            os.close(self._descriptor)  # and with it the lock
            os.close(self._folder)

    def _lock(self) -> int:
        """Return the descriptor of the file, locked, made if it is not there."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        while True:
            descriptor = os.open(str(self._name), flags, 0o600, dir_fd=self._folder)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Whoever held the lock until now may have moved the file to its place, or removed it.
                if _is_named(descriptor, self._folder, str(self._name)):
                    if os.fstat(descriptor).st_nlink == 1:
                        os.fsync(self._folder)
                        return descriptor
                    self._unlink()  # a power cut left its name here beside the one of the stored file
            except BlockingIOError:
                os.close(descriptor)
                raise UploadBusyError("another request is sending this file", hint="wait for its answer") from None
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def _store(self) -> StoredEvidence:
        digest, sniffer, place = sha256(), Sniffer(), 0
        while chunk := os.pread(self._descriptor, CHUNK_BYTES, place):
            digest.update(chunk)
            sniffer.feed(chunk)
            place += len(chunk)
        if place != self._size or digest.digest() != self._name.sha256:
            self._unlink()
            raise other_content(_WHAT, digest.digest(), self._name.sha256)
        name = new_name()
        put(self._top, name, source=self._folder, source_name=str(self._name))
        return StoredEvidence(name, digest.digest(), place, sniffer.media_type())

    def _unlink(self) -> None:
        os.unlink(str(self._name), dir_fd=self._folder)
        os.fsync(self._folder)


def _names(folder: int | None) -> list[str]:
    if folder is None:
        return []
    return sorted(name for name in os.listdir(folder) if _NAME.fullmatch(name))  # noqa: PTH208 - an open folder


def _is_named(descriptor: int, folder: int, name: str) -> bool:
    """Say whether an open file still has this name."""
    try:
        seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(seen, os.fstat(descriptor))


def _owner_part(owner: bytes) -> str:
    return _derived("owner", owner)


def _file_part(announced: bytes) -> str:
    return _derived("file", announced)


def _derived(purpose: str, source: bytes) -> str:
    return sha256(f"return-ledger/partial-{purpose}@v1\n".encode() + source).digest()[:DERIVED_BYTES].hex()
