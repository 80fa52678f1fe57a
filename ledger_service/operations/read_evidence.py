"""Open a file of an entry for somebody who may see its case: checked against the log, and recorded before it is shown.

Promises: a file whose bytes are not those that the entry commits to is never handed out; who opened which file stands
in the log (`read_evidence`, beside the case) before its first byte leaves. Does not: know about HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from ledger_service.core.encoding import Json
from ledger_service.core.entry import CaseEntry, EvidenceDescriptor, parse_entry
from ledger_service.errors import (
    EvidenceMismatchError,
    EvidenceMissingError,
    StoreError,
    UnknownEntryError,
)
from ledger_service.evidence.failures import EvidenceErasedError
from ledger_service.operations.access import open_entry, record_access
from ledger_service.operations.disclosing import is_restricted, took_part
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal, Scope
from ledger_service.store.values import open_value

READ_EVIDENCE = "read_evidence"  # the verb of the entry that says so


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file at its beginning; whoever takes it closes `stream`. `descriptor` is what its entry says of it."""

    stream: BinaryIO
    descriptor: EvidenceDescriptor


def may_open(ledger: Ledger, principal: Principal, entry: CaseEntry, index: int, position: int) -> bool:
    """Say whether `open_evidence` would open a file of the entry at `index`, of a case that the principal sees.

    Whether the file is there still, it does not say.
    """
    if Scope.EVIDENCE not in principal.scopes and not took_part(ledger, entry, principal):
        return False
    return not is_restricted(ledger, index, position, principal)


def open_evidence(
    ledger: Ledger, principal: Principal, index: int, position: int, *, again: bool = False
) -> OpenedFile:
    """Return a file of an entry, having recorded that the principal opened it.

    Args:
        ledger: Opened to write.
        principal: Sees the case, and has the scope `evidence` or took part in the entry.
        index: Of the entry.
        position: Of the file among the entry's evidence, from 0.
        again: Whether the log says already that this principal opened it: then it is not said once more.

    Raises:
        UnknownEntryError: There is no such entry or file, or the principal may not see it, or a restriction withholds
            it from everybody but the person that it is about.
        PermissionRefusedError: It is another party's file, and the credential has not the scope.
        EvidenceErasedError: The file was erased.
        EvidenceMismatchError: The stored file is gone, or not what the entry commits to.
        StoreError, RefusedError: The access cannot be recorded now.
    """
    row = open_entry(ledger, principal, index)
    entry = parse_entry(row.encoded)
    if not isinstance(entry, CaseEntry) or not 0 <= position < len(entry.evidence):
        raise UnknownEntryError(f"entry {index} has no file {position}", hint="its `evidence` lists them, from 0")
    if not took_part(ledger, entry, principal):
        principal.require(Scope.EVIDENCE)
    if is_restricted(ledger, index, position, principal):
        hint = "the processing of a person's data is restricted; that person alone is shown them"
        raise UnknownEntryError(f"entry {index} has no file {position} for you", hint=hint)
    descriptor = entry.evidence[position]
    stream = _open_verified(ledger, index, position, descriptor)
    try:
        if not again:
            facts: dict[str, Json] = {"entry": row.leaf_hash.hex(), "position": position}
            record_access(ledger, principal, entry.return_id, READ_EVIDENCE, facts)
    except BaseException:
        stream.close()
        raise
    return OpenedFile(stream, descriptor)


def _open_verified(ledger: Ledger, index: int, position: int, descriptor: EvidenceDescriptor) -> BinaryIO:
    """Return the stored file; the entry's commitment binds its bytes, so that no row can exchange them."""
    sealed = next((one for one in ledger.read.sealed_values(index) if one.position == position), None)
    key = None if sealed is None else ledger.keys.get(sealed.key_id)
    if sealed is None or key is None:
        raise EvidenceErasedError(
            f"file {position} of entry {index} was erased", hint="the entry and its proofs are as they were"
        )
    file = next((one for one in ledger.read.files(index) if one.position == position), None)
    if file is None:
        raise EvidenceMismatchError(f"nothing says where file {position} of entry {index} lies")
    try:
        digest = open_value(key, sealed.ciphertext, commitment=descriptor.commitment).value
        return ledger.evidence.open_verified(file.name, bytes.fromhex(str(digest)), descriptor.size)
    except (StoreError, EvidenceMissingError) as error:
        raise EvidenceMismatchError(error.message, hint="`rledger audit` lists every such file") from error
