"""Make the package of a case: one archive with everything that its reader may see, for whoever has to decide.

It is made as of one entry of kind `access` (who exported, when), which is recorded before anything is read and stands
in the next package; so the same access entry always gives the same case. Promises: originals are compared with the
recorded SHA-256 while they are copied, one that was altered or erased is named and left out; a file is never whole in
memory; the archive is written to a file without a name, which is gone with the process; as soon as a seal covers the
case it holds the proof of how many entries there were before it, and no receipt in it rests on the head of a newer
seal; where the case has moved on since that access, it is made with the anchors of before. Does not: open a case for
somebody (`access.py`).
"""

from __future__ import annotations

import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Self

from ledger_service.core.archive import ARCHIVE_BYTES_MAX, MEMBERS_MAX, Member, archive_size, directory, header, place
from ledger_service.core.case_proof import encode_case_proof
from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint
from ledger_service.core.encoding import Json
from ledger_service.core.package import (
    COMPLETENESS,
    HEAD_RECEIPT,
    MANIFEST,
    NOTE,
    PDF,
    TRUST,
    FileSum,
    Manifest,
    encode_manifest,
    receipt_name,
    sign_manifest,
)
from ledger_service.core.package_case import Bound, Deployed
from ledger_service.core.package_pages import pages
from ledger_service.core.package_sheets import FileState, RegisterRow
from ledger_service.core.pages.language import Language
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.trust import encode_trust
from ledger_service.core.verify import tree_of
from ledger_service.documents.printed import report_pdf
from ledger_service.errors import (
    EvidenceMismatchError,
    LimitError,
    SettingsError,
    StorageFullError,
    UnknownReturnError,
)
from ledger_service.evidence.failures import write_error
from ledger_service.operations.access import record_access
from ledger_service.operations.anchored import anchors_of
from ledger_service.operations.disclosing import visible_names
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.originals import CHUNK_BYTES, PackedFile, case_entry, register_of
from ledger_service.operations.principal import Principal
from ledger_service.operations.prove import prove, prove_head
from ledger_service.operations.prove_case import NoSealError, prove_covered
from ledger_service.operations.show import timeline
from ledger_service.operations.verifier_file import VERIFIER, verifier_file
from ledger_service.store.read import StoredCheckpoint

EXPORTED = "export_package"  # the verb of the access entry
PDF_ENTRIES_MAX = 1_000  # a report of so many takes five seconds to set and has 5 MB; who has more reads report.html
PAGES_BYTES_MAX = 256 * 1024 * 1024  # room kept for everything but originals: a thousand entries have some tens of MiB


@dataclass(frozen=True, slots=True)
class Package:
    """An archive that was made: `stream` stands at its beginning, and closing it removes it."""

    return_id: str
    generated_at: str
    stream: BinaryIO
    size: int
    register: tuple[RegisterRow, ...]

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the nameless file."""
        self.stream.close()

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes, then close."""
        with self.stream:
            while chunk := self.stream.read(CHUNK_BYTES):
                yield chunk

    def left_out(self) -> list[RegisterRow]:
        """Return the files of the case that are not in it."""
        return [row for row in self.register if row.state is not FileState.INCLUDED]

    def members(self, file: str) -> dict[str, Json]:
        """Return what was made as a JSON object."""
        return {
            "file": file,
            "size": self.size,
            "return_id": self.return_id,
            "generated_at": self.generated_at,
            "evidence": [row.members() for row in self.register],
        }


def export_package(
    ledger: Ledger, reader: Principal, return_id: str, *, folder: Path, language: Language = Language.EN
) -> Package:
    """Record that somebody exports a case, then return its package.

    Raises:
        LedgerError: As `record_package` and `make_package`.
    """
    index, now = record_package(ledger, reader, return_id)
    return make_package(ledger, reader, return_id, before=index, now=now, folder=folder, language=language)


def record_package(ledger: Ledger, reader: Principal, return_id: str) -> tuple[int, str]:
    """Record that somebody exports a case; return the index of that entry, and when it was recorded.

    Raises:
        StoreError, RefusedError: It cannot be written now; then nothing may be shown.
    """
    appended = record_access(ledger, reader, return_id, EXPORTED, {})
    return appended.index, appended.entry.recorded_at


def make_package(
    ledger: Ledger,
    reader: Principal,
    return_id: str,
    *,
    before: int,
    now: str,
    folder: Path,
    language: Language = Language.EN,
) -> Package:
    """Return the package of a case as its reader may see it.

    Args:
        ledger: Opened to write: its key signs.
        reader: Who may see the case, and what of it.
        return_id: The case.
        before: The index of the access entry: entries from there on are not in it.
        now: When that entry was recorded: RFC 3339 UTC with milliseconds.
        folder: Where the nameless file lies meanwhile.
        language: Of the report as PDF; the other pages are in every language.

    Raises:
        UnknownReturnError: The case has no entry before that index.
        StorageFullError, StoreError: The folder cannot take the archive.
        EvidenceMismatchError: An original changed while it was copied; nothing is handed out.
        DocumentError: The PDF could not be set.
    """
    size = ledger.read.size()  # first: what is appended from here on, no seal that is shown may count
    found = ledger.read.entries_of(return_id)
    rows = [row for row in found if row.index < before]
    if not rows:
        raise UnknownReturnError(f"there is no return {return_id!r:.60}", hint="look the return_id up")
    until = min([size, *(row.index for row in found if row.index >= before and row.seq is not None)])
    anchors = [one for one in anchors_of(ledger) if one.size <= until]
    register, originals = register_of(ledger, reader, rows, room=ARCHIVE_BYTES_MAX - PAGES_BYTES_MAX)
    shown = timeline(ledger, return_id, reader=reader, before=before, now=now)
    bound = Bound(shown, register, anchors, ledger.trust(), reader.party.role, _deployed(ledger))
    files = [_whole(name, content) for name, content in pages(bound).items()]
    if len(rows) <= PDF_ENTRIES_MAX:
        files.append(_whole(PDF, report_pdf(bound, language)))
    resting = 0  # the size of the newest anchored head that a receipt rests on
    for row in rows:
        entry = case_entry(row)
        receipt = prove(ledger, row.index, show=visible_names(ledger, row.index, entry, reader), anchors=anchors)
        files.append(_whole(receipt_name(row.index), encode_receipt(receipt)))
        resting = max(resting, tree_of(receipt)[0] if receipt.anchors else 0)
    head = _head(ledger)
    files.append(_whole(HEAD_RECEIPT, encode_receipt(prove_head(ledger, head, anchors=anchors))))
    files.append(_whole(TRUST, encode_trust(ledger.trust())))
    files.append(_whole(VERIFIER, verifier_file()))
    with suppress(NoSealError):
        proof = prove_covered(ledger, return_id, before=until, after=resting - 1)
        files.append(_whole(COMPLETENESS, encode_case_proof(proof)))
    files = sorted([*files, *originals], key=lambda file: file.name)
    chain = [row for row in rows if row.seq is not None]
    manifest = Manifest(
        origin=ledger.origin,
        return_id=return_id,
        generated_at=now,
        entries=len(rows),
        chain=len(chain),
        head=chain[-1].leaf_hash,
        size=head.size,
        root=head.root,
        files=tuple(FileSum(file.name, file.size, file.sha256) for file in files),
    )
    stream, size = _write(ledger, [*files, *_signed(ledger, manifest)], folder)
    return Package(return_id, now, stream, size, register)


def _deployed(ledger: Ledger) -> Deployed | None:
    """Return the block that created the contract of the first target, as far as it is recorded here."""
    target = ledger.targets()[0]
    for folder in ledger.deployments:
        with suppress(SettingsError):  # a record that cannot be read is none, and no reason to hold a case back
            made = folder.of(target.chain_id, target.chain_genesis)
            if made is None or made.contract != target.contract:
                continue
            if made.block_number is not None and made.block_hash is not None:
                return Deployed(made.block_number, made.block_hash)
    return None


def _head(ledger: Ledger) -> StoredCheckpoint:
    """Return the newest tree head, signed with the key of today: the one that signs the manifest too."""
    head = ledger.read.head()
    if ledger.signing_key is None or head is None:
        raise SettingsError("this ledger was opened to read: a package is signed with its key")
    note = sign_checkpoint(Checkpoint(ledger.origin, head.size, head.root), ledger.signing_key)
    return replace(head, note=note)


def _signed(ledger: Ledger, manifest: Manifest) -> list[PackedFile]:
    assert ledger.signing_key is not None  # it signed the head just now
    data = encode_manifest(manifest)
    note = sign_manifest(data, ledger.signing_key, origin=manifest.origin, return_id=manifest.return_id)
    return [_whole(MANIFEST, data), _whole(NOTE, note)]


def _whole(name: str, content: bytes) -> PackedFile:
    return PackedFile(name, len(content), sha256(content).digest(), zlib.crc32(content), content)


def _write(ledger: Ledger, files: Sequence[PackedFile], folder: Path) -> tuple[BinaryIO, int]:
    files = sorted(files, key=lambda file: file.name)
    if len(files) > MEMBERS_MAX:
        raise LimitError("the most files of a package", MEMBERS_MAX, len(files))
    placed = place([Member(file.name, file.size, file.crc) for file in files])
    size = archive_size(placed)
    if shutil.disk_usage(folder).free < size + ledger.free_bytes_min:
        raise StorageFullError(f"the package needs {size} bytes in {folder}", hint="free space, then ask again")
    try:
        stream = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - without a name: gone when it is closed
        try:
            for file, one in zip(files, placed, strict=True):
                stream.write(header(one.member))
                _copy(ledger, file, stream.write)
            stream.write(directory(placed))
            stream.seek(0)
        except BaseException:
            stream.close()
            raise
    except OSError as error:
        raise write_error(folder, error) from error
    return stream, size


def _copy(ledger: Ledger, file: PackedFile, write: Callable[[bytes], object]) -> None:
    if file.stored is None:
        write(file.content)
        return
    digest, left = sha256(), file.size
    with ledger.evidence.open(file.stored.name) as source:
        while chunk := source.read(CHUNK_BYTES):
            digest.update(chunk)
            left -= len(chunk)
            write(chunk)
    if left or digest.digest() != file.sha256:
        raise EvidenceMismatchError(f"{file.name} changed while it was copied", hint="ask for the package again")
