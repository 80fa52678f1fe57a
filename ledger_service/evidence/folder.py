"""Evidence files in a local folder: stream in, hand out, check, link, erase.

Promises: a file is hashed as it is received and is never whole in memory; it appears under its name complete and on
disk, or not at all, whatever kills the process; names are random (128 bits), files are readable by the owner only.
Layout: `ab/cd/abcd…` (32 lower-case hex digits) for stored files, `incoming/` for files that are still on their way,
`partial/` for those that come in parts (`partial.py`).

Does not: know what a file is evidence of (entries do), encrypt, or promise that erased bytes are overwritten on the
medium. The folder belongs outside every path that is served.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Protocol

from ledger_service.errors import EvidenceMismatchError, EvidenceMissingError
from ledger_service.evidence.failures import missing, write_error
from ledger_service.evidence.incoming import IncomingFile, remove_left_behind
from ledger_service.evidence.incoming import StoredEvidence as StoredEvidence
from ledger_service.evidence.partial import PartialFiles
from ledger_service.evidence.places import NAME, READ_FLAGS, folder_of, new_name

CHUNK_BYTES = 262_144  # read, hashed and written at once

_LEVEL = re.compile(r"[0-9a-f]{2}")
_NO_LINKS = frozenset({errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EXDEV})


class ByteStream(Protocol):
    """What a file is received from: `read` waits, and gives at most `size` bytes, none at the end."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes."""


class EvidenceFolder:
    """Evidence files under one folder; several processes may use it at once.

    The folder is made when the first file is stored. Opening it removes what a killed process left in `incoming/`,
    where it may be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.partial = PartialFiles(path)
        remove_left_behind(path)

    def begin(self, *, size_max: int, what: str = "the file") -> IncomingFile:
        """Return a file to write piece by piece; `what` is how errors call it.

        Raises:
            StorageFullError, StoreReadOnlyError, StoreError: The folder cannot take it.
        """
        return IncomingFile(self._path, size_max=size_max, what=what)

    def store(self, source: ByteStream | Path, *, size_max: int) -> StoredEvidence:
        """Store a file and return what was received.

        Args:
            source: A binary stream, read to its end, or the path of a regular file.
            size_max: Most bytes of the file.

        Raises:
            EvidenceMissingError: No such file, not a regular file, or it cannot be read.
            EvidenceEmptyError: It has no bytes.
            EvidenceTooLargeError: It has more than `size_max` bytes.
            StorageFullError, StoreReadOnlyError, StoreError: The folder cannot take it; nothing is left of it.
        """
        if not isinstance(source, Path):
            return self._receive(source, "the stream", size_max)
        with _opened(source) as stream:
            return self._receive(stream, str(source), size_max)

    def open(self, name: str) -> BinaryIO:
        """Return the stored file as a binary stream for reading; the caller closes it.

        Raises:
            EvidenceMissingError: There is no such file, or it cannot be read.
        """
        try:
            with folder_of(self._path, name) as folder:
                return _regular(os.open(name, READ_FLAGS | os.O_NOFOLLOW, dir_fd=folder))
        except OSError as error:
            raise missing(f"the stored file {name}", error) from error

    def open_verified(self, name: str, sha256_expected: bytes, size: int) -> BinaryIO:
        """Hash the stored file, compare, and return the very same file at its beginning; the caller closes it.

        Raises:
            EvidenceMissingError: There is no such file, or it cannot be read.
            EvidenceMismatchError: It has another size or content than recorded.
        """
        stream = self.open(name)
        try:
            _compare(stream, name, sha256_expected, size)
            stream.seek(0)
        except BaseException:
            stream.close()
            raise
        return stream

    def verify(self, name: str, sha256_expected: bytes, size: int) -> None:
        """Hash the stored file again and compare.

        Raises:
            EvidenceMissingError: There is no such file, or it cannot be read.
            EvidenceMismatchError: It has another size or content than recorded.
        """
        self.open_verified(name, sha256_expected, size).close()

    def link(self, name: str) -> str:
        """Give a stored file one more name, and return it: erasing either leaves the other. Durable on return.

        Where the disk knows no hard links, or no more of them, the file is copied.

        Raises:
            EvidenceMissingError: There is no such file.
            StorageFullError, StoreReadOnlyError, StoreError: The folder cannot take it.
        """
        with self.open(name) as stream:  # a regular file, reached through no symbolic link
            new = new_name()
            try:
                with folder_of(self._path, name) as source, folder_of(self._path, new, create=True) as target:
                    os.link(name, new, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
                    os.fsync(target)
            except FileNotFoundError as error:
                raise missing(f"the stored file {name}", error) from error
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise write_error(self._path, error) from error
                return self._receive(stream, f"the stored file {name}", os.fstat(stream.fileno()).st_size).name
            return new

    def free_bytes(self) -> int:
        """Return how much space is free on the disk of the folder, or of the one that it will be made on."""
        place = self._path
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free

    def names_of(self, name: str) -> int:
        """Return how many names a stored file has, 0 if it is not there."""
        try:
            with folder_of(self._path, name) as folder:
                return os.stat(name, dir_fd=folder, follow_symlinks=False).st_nlink
        except (OSError, EvidenceMissingError):
            return 0

    def erase(self, name: str) -> None:
        """Remove the stored file; when this returns, the removal is on disk.

        Raises:
            EvidenceMissingError: There is no such file.
            StoreReadOnlyError, StoreError: It cannot be removed.
        """
        try:
            with folder_of(self._path, name) as folder:
                os.unlink(name, dir_fd=folder)
                os.fsync(folder)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise missing(f"the stored file {name}", error) from error
        except OSError as error:
            raise write_error(self._path, error) from error

    def orphans(self, known_names: Collection[str]) -> Iterator[str]:
        """Yield the names of stored files that are not among `known_names`, in order.

        A file whose entry is being recorded right now is one of them.
        """
        for level in self._levels(self._path):
            for below in self._levels(level):
                for name in sorted(item.name for item in below.iterdir() if NAME.fullmatch(item.name)):
                    if name not in known_names:
                        yield name

    @staticmethod
    def _levels(folder: Path) -> list[Path]:
        if not folder.is_dir():
            return []
        return sorted(
            item for item in folder.iterdir() if _LEVEL.fullmatch(item.name) and item.is_dir() and not item.is_symlink()
        )

    def _receive(self, stream: ByteStream, what: str, size_max: int) -> StoredEvidence:
        incoming = self.begin(size_max=size_max, what=what)
        try:
            while chunk := _read(stream, what):
                incoming.write(chunk)
            return incoming.finish()
        finally:
            incoming.abandon()


def _compare(stream: BinaryIO, name: str, sha256_expected: bytes, size: int) -> None:
    digest, received = sha256(), 0
    while chunk := _read(stream, f"the stored file {name}"):
        digest.update(chunk)
        received += len(chunk)
    if received != size:
        raise EvidenceMismatchError(f"the stored file {name} has {received} bytes, {size} were recorded")
    if digest.digest() != sha256_expected:
        raise EvidenceMismatchError(
            f"the stored file {name} has the SHA-256 {digest.hexdigest()}, {sha256_expected.hex()} was recorded"
        )


def _read(stream: ByteStream, what: str) -> bytes:
    try:
        chunk = stream.read(CHUNK_BYTES)
    except (OSError, ValueError) as error:  # ValueError: the stream was closed
        raise missing(what, error) from error
    if not isinstance(chunk, bytes):  # None of a stream that does not block would look like the end
        raise EvidenceMissingError(f"{what} is no stream of bytes that waits for them", hint="open it in binary mode")
    return chunk


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        stream = _regular(os.open(path, READ_FLAGS))
    except (OSError, ValueError) as error:  # ValueError: a path with U+0000
        raise missing(str(path), error) from error
    with stream:
        yield stream


def _regular(descriptor: int) -> BinaryIO:
    """Return the descriptor as a stream; OSError if it is no regular file."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return open(descriptor, "rb")
