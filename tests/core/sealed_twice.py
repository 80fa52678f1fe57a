"""The small log of `packages.py` gone on, with an entry that claims a taken place, one more, and a second seal.

The second seal counts four entries of the case and leaves the rival out, as an operator that lies with its index would.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

from ledger_service.core import encoding, merkle
from ledger_service.core.case_index import Scope, prove
from ledger_service.core.case_proof import CaseProof, encode_case_proof
from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint
from ledger_service.core.disclosure import Record
from ledger_service.core.entry import Entry, encode_entry
from ledger_service.core.facts import TargetFacts
from ledger_service.core.package import COMPLETENESS, EVENTS, HEAD_RECEIPT, Manifest, receipt_name
from ledger_service.core.receipt import AnchorProof, Receipt, encode_receipt
from ledger_service.core.verify import questions
from tests.core import packages
from tests.core.entries import OLD_KEY, ORIGIN, SEAL
from tests.core.packages import ANSWERED, ASKED, CASE, HIDDEN, REQUEST, SHOWN, STRANGER, WORDS, Draft, chained, indexed
from tests.core.receipts import EMBEDDED, TRUST, anchor, held_of

RIVAL = dataclasses.replace(ASKED, verb="add_evidence", to_state="requested")
FURTHER = chained(dataclasses.replace(ASKED, verb="approve_return"), ANSWERED)
INDEX_ROOT, INDEX_NODES = indexed([(REQUEST, FURTHER), (STRANGER, STRANGER)])
SEALED_AGAIN = dataclasses.replace(SEAL, case_index=INDEX_ROOT, recorded_at="2026-11-03T10:22:06.000Z")
LOG: list[Entry] = [*packages.LOG, RIVAL, FURTHER, SEALED_AGAIN]
EARLIER, RIVAL_AT, FURTHER_AT, SEAL_AT, SIZE = len(packages.LOG), 7, 8, 9, 10
OF_CASE = (*packages.OF_CASE, FURTHER_AT)  # as the operator has it
LATER = "2026-11-03T10:22:07.000Z"


@functools.cache
def nodes() -> dict[merkle.Node, bytes]:
    """Return the nodes of the log."""
    return merkle.complete_nodes(merkle.leaf_hash(encode_entry(entry)) for entry in LOG)


def head(size: int = SIZE) -> Checkpoint:
    """Return the head of the log at a size."""
    return Checkpoint(ORIGIN, size, merkle.compute_root(size, [nodes()[node] for node in merkle.nodes_for_root(size)]))


def placed(size: int = SIZE) -> AnchorProof:
    """Return where one of the two anchored heads stands."""
    first = anchor(EMBEDDED)
    if size == EARLIER:
        return first
    return dataclasses.replace(first, sequence=first.sequence + 1, block_number=first.block_number + 1)


def receipt(index: int, *, size: int = SIZE, anchored: bool = True) -> Receipt:
    """Return the receipt of an entry in one of the heads."""
    wanted = merkle.nodes_for_inclusion(index, size)
    records = (Record(SHOWN.name, SHOWN), Record(HIDDEN.name, None), Record(WORDS.name, WORDS))
    return Receipt(
        entry=encode_entry(LOG[index]),
        index=index,
        records=records if LOG[index] == REQUEST else (),
        inclusion=tuple(merkle.fold_inclusion(index, size, [nodes()[node] for node in wanted])),
        checkpoint=sign_checkpoint(head(size), OLD_KEY),
        anchors=(placed(size),) if anchored else (),
    )


def answers() -> list[TargetFacts]:
    """Return what an honest node says about both anchors."""
    return [_answer(size) for size in (EARLIER, SIZE)]


def _answer(size: int) -> TargetFacts:
    (question,) = questions(encode_receipt(receipt(1, size=size)), TRUST)
    proof = placed(size)
    return TargetFacts(
        source="node",
        question=question,
        chain_id=proof.chain_id,
        chain_genesis=EMBEDDED.target.chain_genesis,
        final_number=placed().block_number,
        code_hash=EMBEDDED.target.code_hash,
        commitment=held_of(proof, size=size, root=head(size).root),
        block_hash=proof.block_hash,
    )


def completeness(*, anchored: bool = True) -> CaseProof:
    """Return the completeness file of the case as of the second seal."""
    scope = Scope("DE", "CN", REQUEST.recorded_at[:7])
    proof = CaseProof(scope, CASE, receipt(SEAL_AT, anchored=anchored), ())
    return dataclasses.replace(proof, nodes=tuple(prove(INDEX_ROOT, proof.prefix, INDEX_NODES.__getitem__)))


def package(
    indexes: Sequence[int] = OF_CASE,
    *,
    proof: CaseProof | None = None,
    sizes: Sequence[int] = (SIZE,),
    generated_at: str = LATER,
) -> bytes:
    """Return a package of these entries, signed by the ledger, so that manifest and signature fit what is in it.

    Args:
        indexes: Of the entries.
        proof: Its completeness file; None: it has none.
        sizes: Of the heads on which the receipts rest, in turn; 0: on none.
        generated_at: When it says that it was made.
    """
    files = {name: data for name, data in packages.files().items() if not name.startswith("receipts/")}
    files[EVENTS] = b"".join(encoding.encode(event(index)) + b"\n" for index in indexes)
    for place, index in enumerate(indexes):
        size = sizes[place % len(sizes)]
        made = receipt(index, size=size or SIZE, anchored=size > 0)
        files[receipt_name(index)] = encode_receipt(made)
    files[HEAD_RECEIPT] = encode_receipt(receipt(0, anchored=False))
    del files[COMPLETENESS]
    if proof is not None:
        files[COMPLETENESS] = encode_case_proof(proof)
    chain = [encode_entry(LOG[index]) for index in indexes if index != packages.OF_CASE[2]]  # but the one that read

    def changed(manifest: Manifest) -> Manifest:
        return dataclasses.replace(
            manifest,
            generated_at=generated_at,
            entries=len(indexes),
            chain=len(chain),
            head=merkle.leaf_hash(chain[-1]),
            size=SIZE,
            root=head().root,
        )

    return Draft(files, changed=changed).packed()


def event(index: int) -> dict[str, encoding.Json]:
    """Return what the line of an entry in events.jsonl holds."""
    if index < EARLIER:
        return packages.event(index)
    encoded = encode_entry(LOG[index])
    return {
        **packages.event(ASKED_AT),
        "entry": encoding.parse(encoded),
        "index": index,
        "leaf_hash": merkle.leaf_hash(encoded).hex(),
        "receipt": receipt_name(index),
    }


ASKED_AT, ANSWERED_AT = 2, 5
