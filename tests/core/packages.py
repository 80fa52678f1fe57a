"""A small case in a small log, its package as bytes, and ways to put a package together wrongly.

Nothing here uses `operations`: the archive is written by `pack`, with the pieces of `core/archive.py` where it is
right, and by hand where it is not.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.core import encoding, merkle
from ledger_service.core.archive import Member, directory, header, place
from ledger_service.core.case_index import EMPTY_ROOT, Indexed, Scope, key_of, prove, update, value_of
from ledger_service.core.case_proof import CaseProof, encode_case_proof
from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint
from ledger_service.core.disclosure import Disclosure, Record, evidence_name
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Authenticity, CaseEntry, Entry, EvidenceDescriptor, NamedCommitment, encode_entry
from ledger_service.core.facts import Answer, TargetFacts
from ledger_service.core.package import (
    COMPLETENESS,
    EVENTS,
    HEAD_RECEIPT,
    MANIFEST,
    NOTE,
    PAGES,
    REPORTS,
    TRUST,
    FileSum,
    Manifest,
    encode_manifest,
    evidence_file_name,
    receipt_name,
    sign_manifest,
)
from ledger_service.core.receipt import Receipt, encode_receipt
from ledger_service.core.report import Report
from ledger_service.core.trust import Trust, encode_trust
from ledger_service.core.verify_package import questions_of_package, verify_package
from tests.core.entries import ASIDE, FIRST, GENESIS, NEW_KEY, OLD_KEY, ORIGIN, RECORDED_AT, SEAL
from tests.core.receipts import EMBEDDED, anchor, held_of
from tests.core.receipts import TRUST as PINNED

CASE, OTHER = FIRST.return_id, "11" * 16
PHOTO = b"\x89PNG\r\n\x1a\n a lamp with a crack"
SLIP = b"%PDF-1.4 a slip"
SHOWN = Disclosure(evidence_name("product_photo"), bytes(range(32)), sha256(PHOTO).hexdigest())
HIDDEN = Disclosure(evidence_name("return_label"), bytes(range(1, 33)), sha256(SLIP).hexdigest())
WORDS = Disclosure("comment", bytes(range(2, 34)), "under the foot")


def chained(entry: CaseEntry, before: CaseEntry | None) -> CaseEntry:
    """Return an entry as the next of its case."""
    if before is None:
        return dataclasses.replace(entry, seq=0, prev=None)
    assert before.seq is not None
    return dataclasses.replace(entry, seq=before.seq + 1, prev=merkle.leaf_hash(encode_entry(before)))


COUNTRIES: dict[str, Json] = {"buyer_country": "DE", "seller_country": "CN"}
REQUEST = dataclasses.replace(
    FIRST,
    facts=COUNTRIES,
    evidence=(
        EvidenceDescriptor("product_photo", len(PHOTO), "image/png", SHOWN.commitment()),
        EvidenceDescriptor("return_label", len(SLIP), "application/pdf", HIDDEN.commitment()),
    ),
    commitments=(NamedCommitment("comment", WORDS.commitment()),),
)
ASKED = chained(dataclasses.replace(FIRST, verb="request_info", from_state="requested"), REQUEST)
ANSWERED = chained(dataclasses.replace(FIRST, verb="provide_info", from_state="info_requested"), ASKED)
STRANGER = dataclasses.replace(FIRST, return_id=OTHER, facts=COUNTRIES)
READ = dataclasses.replace(ASIDE, return_id=CASE, authenticity=Authenticity.PLATFORM_ATTESTED)


def indexed(counted: Sequence[tuple[CaseEntry, CaseEntry]]) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the root and the nodes of the case index of these cases: first entry, and last on the chain."""
    values = {
        key_of(
            first.return_id,
            buyer_country="DE",
            seller_country="CN",
            opened_at=first.recorded_at,
        ): value_of(Indexed((last.seq or 0) + 1, merkle.leaf_hash(encode_entry(last))))
        for first, last in counted
    }
    return update(EMPTY_ROOT, values, dict[bytes, bytes]().__getitem__)


INDEX_ROOT, INDEX_NODES = indexed([(REQUEST, ANSWERED), (STRANGER, STRANGER)])
SEALED = dataclasses.replace(SEAL, case_index=INDEX_ROOT)
LOG: list[Entry] = [GENESIS, REQUEST, ASKED, STRANGER, READ, ANSWERED, SEALED]
OF_CASE = (1, 2, 4, 5)
PHOTO_NAME = evidence_file_name(1, 0, kind="product_photo", media_type="image/png")


@functools.cache
def nodes() -> dict[merkle.Node, bytes]:
    """Return the nodes of the log."""
    return merkle.complete_nodes(merkle.leaf_hash(encode_entry(entry)) for entry in LOG)


def head() -> Checkpoint:
    """Return the head of the log."""
    wanted = merkle.nodes_for_root(len(LOG))
    return Checkpoint(ORIGIN, len(LOG), merkle.compute_root(len(LOG), [nodes()[node] for node in wanted]))


def receipt(index: int, *, anchored: bool = True, key: Ed25519PrivateKey = OLD_KEY) -> Receipt:
    """Return the receipt of an entry of the log."""
    wanted = merkle.nodes_for_inclusion(index, len(LOG))
    entry = LOG[index]
    records = (Record(SHOWN.name, SHOWN), Record(HIDDEN.name, None), Record(WORDS.name, WORDS))
    return Receipt(
        entry=encode_entry(entry),
        index=index,
        records=records if entry == REQUEST else (),
        inclusion=tuple(merkle.fold_inclusion(index, len(LOG), [nodes()[node] for node in wanted])),
        checkpoint=sign_checkpoint(head(), key),
        anchors=(anchor(EMBEDDED),) if anchored else (),
        unprotected={"state": "finalized"},
    )


def completeness(entry: CaseEntry = REQUEST) -> CaseProof:
    """Return the completeness file of a case as of the seal."""
    scope = Scope("DE", "CN", entry.recorded_at[:7])
    proof = CaseProof(scope, entry.return_id, receipt(len(LOG) - 1), ())
    nodes = prove(INDEX_ROOT, proof.prefix, INDEX_NODES.__getitem__)
    return dataclasses.replace(proof, nodes=tuple(nodes))


def event(index: int) -> dict[str, Any]:
    """Return what the line of an entry holds."""
    leaf = merkle.leaf_hash(encode_entry(LOG[index]))
    told: dict[str, Any] = {"erased": [], "evidence": [], "shown": {}, "withheld": []}
    if LOG[index] == REQUEST:
        told["evidence"] = [
            {"file": PHOTO_NAME, "sha256": SHOWN.value, "state": "included"},
            {"file": None, "sha256": None, "state": "withheld"},
        ]
        told["shown"] = {WORDS.name: WORDS.value}
    return {
        "anchored_at": None,
        "entry": encoding.parse(encode_entry(LOG[index])),
        "index": index,
        "leaf_hash": leaf.hex(),
        "receipt": receipt_name(index),
        "state": "finalized",
        **told,
    }


def files() -> dict[str, bytes]:
    """Return every file of the package but manifest and note."""
    found = {name: f"{name}\n".encode() for name in (*PAGES, *REPORTS)}
    found[EVENTS] = b"".join(encoding.encode(event(index)) + b"\n" for index in OF_CASE)
    found |= {receipt_name(index): encode_receipt(receipt(index)) for index in OF_CASE}
    found[HEAD_RECEIPT] = encode_receipt(receipt(0, anchored=False))
    found[TRUST] = encode_trust(PINNED)
    found[COMPLETENESS] = encode_case_proof(completeness())
    found[PHOTO_NAME] = PHOTO
    return found


@dataclass(frozen=True)
class Draft:
    """What a package is put together from; a test changes what it is about."""

    files: Mapping[str, bytes]
    changed: Callable[[Manifest], Manifest] = lambda manifest: manifest
    key: Ed25519PrivateKey = OLD_KEY
    manifest: Callable[[bytes], bytes] = lambda data: data
    note: Callable[[bytes], bytes] = lambda data: data

    def contents(self) -> dict[str, bytes]:
        """Return all files, manifest and note with them."""
        listed = tuple(
            FileSum(name, len(self.files[name]), sha256(self.files[name]).digest()) for name in sorted(self.files)
        )
        manifest = Manifest(
            origin=ORIGIN,
            return_id=CASE,
            generated_at=RECORDED_AT,
            entries=len(OF_CASE),
            chain=3,
            head=merkle.leaf_hash(encode_entry(ANSWERED)),
            size=head().size,
            root=head().root,
            files=listed,
        )
        manifest = self.changed(manifest)
        data = self.manifest(encode_manifest(manifest))
        note = self.note(sign_manifest(data, self.key, origin=manifest.origin, return_id=manifest.return_id))
        return {**self.files, MANIFEST: data, NOTE: note}

    def packed(self) -> bytes:
        """Return the archive."""
        return pack(self.contents())


def pack(contents: Mapping[str, bytes]) -> bytes:
    """Return the archive of these files."""
    members = [Member(name, len(contents[name]), zlib.crc32(contents[name])) for name in sorted(contents)]
    placed = place(members)
    return b"".join(header(one.member) + contents[one.member.name] for one in placed) + directory(placed)


@functools.cache
def honest() -> bytes:
    """Return the package that is valid."""
    return Draft(files()).packed()


@dataclass
class Bytes:
    """A source in memory that remembers the most that was asked of it at once."""

    data: bytes
    most: int = 0

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.data)

    def read(self, offset: int, count: int, /) -> bytes:
        """Return at most `count` bytes from `offset` on."""
        self.most = max(self.most, count)
        return self.data[offset : offset + count]


def answers() -> list[Answer]:
    """Return what an honest node says about the anchor of the receipts."""
    (question,) = questions_of_package(Bytes(honest()), PINNED)
    proof = anchor(EMBEDDED)
    commitment = held_of(proof, size=head().size, root=head().root)
    return [
        TargetFacts(
            source="node",
            question=question,
            chain_id=proof.chain_id,
            chain_genesis=EMBEDDED.target.chain_genesis,
            final_number=proof.block_number,
            code_hash=EMBEDDED.target.code_hash,
            commitment=commitment,
            block_hash=proof.block_hash,
        )
    ]


def check(data: bytes, trust: Trust | None = PINNED) -> Report:
    """Verify a package as somebody who pinned the log and asked a node."""
    return verify_package(Bytes(data), trust, answers())


def other_signature(note: bytes) -> bytes:
    """Return a note whose signature line is another key's under the same name."""
    text, _, _ = note.rpartition(b"\n\xe2\x80\x94 ")
    raw = base64.b64encode(bytes(4) + NEW_KEY.sign(text)).decode()
    return text + f"\n— {ORIGIN} {raw}\n".encode()
