"""What goes wrong with evidence files: an `OSError` as one of ours, and the errors of uploads.

Promises: no message holds content of a file, or a name that came with it. Does not: say what HTTP makes of them.
"""

from __future__ import annotations

import errno
from pathlib import Path

from ledger_service.errors import (
    EvidenceError,
    EvidenceMismatchError,
    EvidenceMissingError,
    StorageFullError,
    StoreError,
    StoreReadOnlyError,
)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


class EvidenceErasedError(EvidenceError):
    """The file was erased; what stays of it is its commitment in the entry."""


class UploadError(EvidenceError):
    """An upload cannot go on, or cannot be used."""


class UnknownUploadError(UploadError):
    """The caller has uploaded no file with this SHA-256, or it waited too long for a step to use it."""


class UploadOffsetError(UploadError):
    """A part does not continue what is here: the next one begins at `offset`."""

    def __init__(self, message: str, *, offset: int, hint: str = "") -> None:
        super().__init__(message, hint=hint or f"go on at byte {offset}")
        self.offset = offset


class UploadBusyError(UploadError):
    """Another request writes to this upload, or too many of the caller's are being received."""


class UploadQuotaError(UploadError):
    """The caller's files that wait for a step would take more than `most` bytes; `held` are taken already."""

    def __init__(self, message: str, *, held: int, most: int, hint: str = "") -> None:
        super().__init__(message, hint=hint or "record the steps that use them, or wait until the oldest expire")
        self.held = held
        self.most = most


class UploadMismatchError(UploadError, EvidenceMismatchError):
    """What was sent has another SHA-256 than the one that was announced; nothing of it was kept."""


class UploadStoppedError(UploadError):
    """The bytes stopped before their end: the connection closed, or nothing came for too long."""


def missing(what: str, error: Exception) -> EvidenceMissingError:
    """Return the error of a file that cannot be read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return EvidenceMissingError(f"{what} cannot be read: {reason.lower()}", hint="check the path and its permissions")


def write_error(path: Path, error: OSError) -> StoreError:
    """Return the error of a folder that cannot take a file."""
    if error.errno in _FULL:
        hint = "make room, then send it again"
        return StorageFullError(f"no space is left for the file in {path}", hint=hint)
    if error.errno in _READ_ONLY:
        hint = "check the permissions of the folder and how its disk is mounted"
        return StoreReadOnlyError(f"the folder {path} cannot be written: {error.strerror}", hint=hint)
    return StoreError(f"the folder {path} cannot take the file: {error.strerror}")
