"""Files that a party has sent and that wait for a step: kept, found again, given to a step, and gone when they expire.

A party is its mark, a file its SHA-256. A step gets a further name of the stored file (`evidence/folder.py`: `link`),
so that several steps may use one upload, and a refused one costs nothing. An upload that an entry holds stays usable
until it expires, or until its party needs the room for others.

Promises: an upload is its party's alone; what a party has sent and not used stays below what it may have; a file is
named by a row, or by nothing: a process that dies between file and row leaves an orphan that `audit` lists.
Does not: receive bytes over HTTP (`api/evidence.py`).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger_service.core.moments import parse_instant
from ledger_service.errors import EvidenceMissingError, StorageFullError
from ledger_service.evidence.failures import UnknownUploadError, UploadQuotaError
from ledger_service.evidence.folder import StoredEvidence
from ledger_service.evidence.partial import PartialFile, PartialName
from ledger_service.operations.asked import Uploaded
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.store.uploads import EXPIRED_PAGE, Upload

UPLOADS_MAX = 10_000  # files that one party may have waiting: a bound for the rows and inodes of many small ones
TAKEN_AGAIN_MAX = 3  # times that an upload is looked up: it may be sent anew while a step reaches for it


@dataclass(frozen=True, slots=True)
class Purged:
    """What expired: whole uploads, and files of which the rest never came."""

    uploads: int
    partial: int


def expires_at(ledger: Ledger, upload: Upload) -> str:
    """Return until when an upload waits, RFC 3339 UTC with milliseconds."""
    return format_instant(parse_instant(upload.created_at) + timedelta(hours=ledger.upload_hours))


def find_upload(ledger: Ledger, wanted: Uploaded) -> Upload:
    """Return a party's upload of a content.

    Raises:
        UnknownUploadError: It has none, or it expired, or its file is gone.
    """
    since = format_instant(_oldest(ledger))
    found = ledger.uploads.find(wanted.mark, wanted.sha256, since=since)
    if found is None or not ledger.evidence.names_of(found.name):
        raise UnknownUploadError(
            f"you have uploaded no file with the SHA-256 {wanted.sha256.hex()}",
            hint=f"send it to /v1/evidence first; it waits {ledger.upload_hours} h for a step",
        )
    return found


def take_upload(ledger: Ledger, wanted: Uploaded) -> StoredEvidence:
    """Return a party's upload under a further name, which is the caller's to keep or to erase; nothing is copied.

    Raises:
        UnknownUploadError: There is no such upload.
        StorageFullError, StoreReadOnlyError, StoreError: The folder cannot take it.
    """
    for _ in range(TAKEN_AGAIN_MAX):
        found = find_upload(ledger, wanted)
        with suppress(EvidenceMissingError):  # sent again meanwhile: another file is in its place
            name = ledger.evidence.link(found.name)
            return StoredEvidence(name, found.sha256, found.size, found.media_type)
    raise UnknownUploadError("the upload was replaced while the step was recorded", hint="send the step again")


def require_disk(ledger: Ledger, size: int) -> None:
    """Return only if the disk has room for so many more bytes of evidence.

    Raises:
        StorageFullError: It would have less free than the ledger keeps for itself.
    """
    free = ledger.evidence.free_bytes()
    if free - size < ledger.free_bytes_min:
        raise StorageFullError(
            f"{free} bytes are free for evidence, at least {ledger.free_bytes_min} must stay so",
            hint="send it again when the operator made room",
        )


def require_quota(ledger: Ledger, mark: bytes, size: int) -> None:
    """Return only if a party may send so many more bytes; what entries hold makes room for them.

    Raises:
        UploadQuotaError: Too much of it waits.
    """
    if not _fits(ledger, mark, size):
        _drop_recorded(ledger, mark)
        if not _fits(ledger, mark, size):
            raise _over_quota(ledger, mark, size)


def begin_part(ledger: Ledger, wanted: Uploaded, *, offset: int, size: int) -> PartialFile:
    """Return the unfinished file of a party to write the next part of.

    Raises:
        UploadQuotaError, StorageFullError: There is no room for the rest of it.
        UploadError, EvidenceError, StoreError: As `PartialFiles.begin`.
    """
    require_disk(ledger, size - offset)
    require_quota(ledger, wanted.mark, size - offset)
    return ledger.evidence.partial.begin(PartialName(wanted.mark, wanted.sha256), offset=offset, size=size)


def received(ledger: Ledger, wanted: Uploaded) -> int:
    """Return how many bytes of a party's unfinished file are here."""
    return ledger.evidence.partial.length(PartialName(wanted.mark, wanted.sha256))


def keep_upload(ledger: Ledger, mark: bytes, stored: StoredEvidence) -> Upload:
    """Keep a file that was received for its party, in the place of an earlier one with the same content.

    If the process dies before this, the file is an orphan; after it, the row names a file that is on disk.

    Raises:
        UploadQuotaError: It would pass what the party may have; the file is removed.
        StoreError: The database failed; the file is removed.
    """
    now = format_instant(ledger.clock())
    upload = Upload(mark, stored.sha256, stored.name, stored.size, stored.media_type, now)
    try:
        kept, replaced = ledger.uploads.keep(upload, most=ledger.upload_bytes_max)
        if not kept:
            _drop_recorded(ledger, mark)
            kept, replaced = ledger.uploads.keep(upload, most=ledger.upload_bytes_max)
        if not kept:
            raise _over_quota(ledger, mark, stored.size)
    except BaseException:
        discard(ledger, stored)
        raise
    if replaced is not None:
        with suppress(EvidenceMissingError):
            ledger.evidence.erase(replaced)
    return upload


def discard(ledger: Ledger, stored: StoredEvidence) -> None:
    """Remove a file that was received and that nothing names."""
    with suppress(EvidenceMissingError):
        ledger.evidence.erase(stored.name)


def purge_uploads(ledger: Ledger) -> Purged:
    """Remove what waited too long: uploads, and unfinished files whose last part came that long ago.

    What an entry holds has a name of its own and stays.

    Raises:
        StoreError: The database or the folder failed; the next round goes on.
    """
    oldest, uploads = _oldest(ledger), 0
    while page := ledger.uploads.expired(before=format_instant(oldest)):
        gone = sum(_drop(ledger, upload) for upload in page)
        uploads += gone
        if len(page) < EXPIRED_PAGE or not gone:  # nothing went: another worker is at it
            break
    return Purged(uploads, ledger.evidence.partial.purge(before=oldest.timestamp()))


def _drop_recorded(ledger: Ledger, mark: bytes) -> None:
    """Drop the uploads of a party that an entry holds too: they have a second name.

    Where the disk knows no hard links none has, and they count until they expire.
    """
    for upload in ledger.uploads.of_party(mark):
        if ledger.evidence.names_of(upload.name) > 1:
            _drop(ledger, upload)


def _drop(ledger: Ledger, upload: Upload) -> bool:
    def erase() -> None:
        with suppress(EvidenceMissingError):  # a process died after this and before the row went
            ledger.evidence.erase(upload.name)

    return ledger.uploads.drop(upload, erase)


def _fits(ledger: Ledger, mark: bytes, size: int) -> bool:
    partial = ledger.evidence.partial
    held = ledger.uploads.bytes_of(mark) + partial.held(mark)
    count = ledger.uploads.count_of(mark) + partial.count(mark)
    return held + size <= ledger.upload_bytes_max and count < UPLOADS_MAX


def _over_quota(ledger: Ledger, mark: bytes, size: int) -> UploadQuotaError:
    held = ledger.uploads.bytes_of(mark) + ledger.evidence.partial.held(mark)
    most = ledger.upload_bytes_max
    return UploadQuotaError(
        f"{held} bytes of yours wait for a step; with {size} more they pass {most} bytes or {UPLOADS_MAX} files",
        held=held,
        most=most,
    )


def _oldest(ledger: Ledger) -> datetime:
    """Return the time before which an upload has expired."""
    return ledger.clock() - timedelta(hours=ledger.upload_hours)
