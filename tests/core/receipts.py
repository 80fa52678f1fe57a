"""A small log with everything a receipt can carry, its trust file, and a chain that answers about it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

from ledger_service.core import merkle
from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint, verifier_key
from ledger_service.core.disclosure import Disclosure, Record, evidence_name
from ledger_service.core.entry import Entry, EvidenceDescriptor, NamedCommitment, encode_entry
from ledger_service.core.facts import Question, TargetFacts
from ledger_service.core.log_entry import KeyEntry, Target, key_change_message
from ledger_service.core.receipt import AnchorProof, KeyChange, Receipt
from ledger_service.core.receipt_state import AfterProof
from ledger_service.core.registry import compute_commitment, compute_log_id, compute_origin_hash
from ledger_service.core.trust import EMBEDDED_CHAIN_ID, PinnedTarget, Trust
from tests.core.entries import FIRST, FULL, GENESIS, NEW_KEY, OLD_KEY, ORIGIN, RECORDED_AT, SEAL

PHOTO = "9f" * 32  # the SHA-256 of a photo, in hex
PHOTO_SHOWN = Disclosure(evidence_name("inspection_photo"), bytes(range(32)), PHOTO)
SLIP_WITHHELD = Disclosure(evidence_name("courier_slip"), bytes(range(1, 33)), "8e" * 32)
SERIAL_SHOWN = Disclosure("serial_no", bytes(range(2, 34)), "SN-0042")
NOTE_WITHHELD = Disclosure("note", bytes(range(3, 35)), "box was wet")

STEP = dataclasses.replace(
    FULL,
    evidence=(
        EvidenceDescriptor("inspection_photo", 48_211, "image/jpeg", PHOTO_SHOWN.commitment()),
        EvidenceDescriptor("courier_slip", 1024, "application/pdf", SLIP_WITHHELD.commitment()),
    ),
    commitments=(
        NamedCommitment("serial_no", SERIAL_SHOWN.commitment()),
        NamedCommitment("note", NOTE_WITHHELD.commitment()),
    ),
)
RECORDS = (
    Record(PHOTO_SHOWN.name, PHOTO_SHOWN),
    Record(SLIP_WITHHELD.name, None),
    Record(SERIAL_SHOWN.name, SERIAL_SHOWN),
    Record(NOTE_WITHHELD.name, None),
)

FIRST_KEY, SECOND_KEY = verifier_key(ORIGIN, OLD_KEY), verifier_key(ORIGIN, NEW_KEY)
ROTATION = KeyEntry(ORIGIN, RECORDED_AT, FIRST_KEY, SECOND_KEY, OLD_KEY.sign(key_change_message(ORIGIN, SECOND_KEY)))
LOG: list[Entry] = [
    GENESIS, FIRST, dataclasses.replace(FIRST, return_id="11" * 16), dataclasses.replace(FIRST, return_id="22" * 16),
    STEP, SEAL, ROTATION, dataclasses.replace(FIRST, return_id="33" * 16), dataclasses.replace(SEAL, case_index=None),
]  # fmt: skip
GENESIS_AT, STEP_AT, ROTATION_AT, SIZE = 0, 4, 6, 9


def target(chain_id: int, registrar: int = 7) -> Target:
    """Return a target whose log id follows from its other members."""
    contract, account = bytes([5]) * 20, bytes([registrar]) * 20
    log_id = compute_log_id(chain_id, contract, registrar=account, origin_hash=compute_origin_hash(ORIGIN))
    return Target(
        chain_id=chain_id,
        chain_genesis=chain_id.to_bytes(32, "big"),
        contract=contract,
        code_hash=bytes([6]) * 32,
        registrar=account,
        log_id=log_id,
    )


EMBEDDED = PinnedTarget("embedded", target(EMBEDDED_CHAIN_ID), 2)
SEPOLIA = PinnedTarget("sepolia", target(11155111), None)
TRUST = Trust(ORIGIN, (FIRST_KEY,), merkle.leaf_hash(encode_entry(GENESIS)), (EMBEDDED, SEPOLIA), 1)
BOTH = dataclasses.replace(TRUST, required=2)


@functools.cache
def tree(size: int = SIZE) -> dict[merkle.Node, bytes]:
    """Return the nodes of the log at a size."""
    return merkle.complete_nodes(merkle.leaf_hash(encode_entry(entry)) for entry in LOG[:size])


def head(size: int = SIZE) -> Checkpoint:
    """Return the log's head at a size."""
    return Checkpoint(ORIGIN, size, merkle.compute_root(size, [tree()[node] for node in merkle.nodes_for_root(size)]))


def inclusion(index: int, size: int = SIZE) -> tuple[bytes, ...]:
    """Return the inclusion proof of an entry."""
    return tuple(merkle.fold_inclusion(index, size, [tree()[n] for n in merkle.nodes_for_inclusion(index, size)]))


def anchor(pinned: PinnedTarget) -> AnchorProof:
    """Return where the head of `SIZE` stands on a target's chain."""
    return AnchorProof(
        chain_id=pinned.target.chain_id,
        contract=pinned.target.contract,
        log_id=pinned.target.log_id,
        sequence=3,
        time=1_793_700_200,
        block_number=120,
        block_hash=bytes([13]) * 32,
        parent_hash=bytes([14]) * 32,
    )


def held_of(shown: AnchorProof | AfterProof, *, size: int, root: bytes) -> bytes:
    """Return the commitment that the contract holds of an anchor of this head."""
    return compute_commitment(
        shown.log_id,
        shown.sequence,
        size=size,
        root=root,
        time=shown.time,
        block_number=shown.block_number,
        parent_hash=shown.parent_hash,
    )


def receipt(index: int = STEP_AT, *, rotated: bool = False, on: Sequence[PinnedTarget] = (EMBEDDED,)) -> Receipt:
    """Return the receipt of an entry in the head of `SIZE`, final on these targets."""
    return Receipt(
        entry=encode_entry(LOG[index]),
        index=index,
        records=RECORDS if LOG[index] == STEP else (),
        inclusion=inclusion(index),
        checkpoint=sign_checkpoint(head(), NEW_KEY if rotated else OLD_KEY),
        anchors=tuple(anchor(pinned) for pinned in on),
        key_changes=(KeyChange(encode_entry(ROTATION), ROTATION_AT, inclusion(ROTATION_AT)),) if rotated else (),
        unprotected={"state": "finalized", "transactions": ["0x" + "0f" * 32]},
    )


def question(pinned: PinnedTarget) -> Question:
    """Return what a verifier asks about `anchor(pinned)`."""
    return Question(
        chain_id=pinned.target.chain_id,
        chain_genesis=pinned.target.chain_genesis,
        contract=pinned.target.contract,
        log_id=pinned.target.log_id,
        sequence=anchor(pinned).sequence,
        block_number=anchor(pinned).block_number,
        confirmations=pinned.confirmations,
    )


def answer(pinned: PinnedTarget, *, source: str = "node") -> TargetFacts:
    """Return what an honest node of the target's chain says about `anchor(pinned)`."""
    proof = anchor(pinned)
    return TargetFacts(
        source=source,
        question=question(pinned),
        chain_id=proof.chain_id,
        chain_genesis=pinned.target.chain_genesis,
        final_number=proof.block_number,
        code_hash=pinned.target.code_hash,
        commitment=held_of(proof, size=SIZE, root=head().root),
        block_hash=proof.block_hash,
    )
