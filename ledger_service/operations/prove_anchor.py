"""What a receipt shows of its anchors: the state that holds them, and the anchor that came before its entry.

Promises: repeats what was saved; where no state proof was, the receipt names the anchor's block, and a node has to be
asked. Does not: ask a chain (`prove_state.py` did).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledger_service.core.anchor_record import Anchor, AnchorState
from ledger_service.core.entry import parse_entry
from ledger_service.core.kept_proof import KeptProof, parse_kept_proof
from ledger_service.core.log_entry import After, SealEntry
from ledger_service.core.receipt import AnchorProof
from ledger_service.core.receipt_state import AfterProof
from ledger_service.core.state_proof import StateProof
from ledger_service.operations.anchored import anchor_proof
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove_state import SEALS_MAX
from ledger_service.store.anchor_proofs import AnchorProofs
from ledger_service.store.read import StoredEntry


def proved(ledger: Ledger, anchor: Anchor) -> AnchorProof:
    """Return an anchor as a receipt shows it, with its state proof if it is final and one is kept."""
    shown, kept = anchor_proof(anchor), _kept(ledger, anchor)
    if kept is None:
        return shown
    return replace(shown, block_hash=None, state=StateProof(kept.header, kept.account, kept.slots[anchor.sequence]))


def after_proof(
    ledger: Ledger, index: int, holding: Sequence[Anchor], anchors: Sequence[Anchor], *, size: int
) -> AfterProof | None:
    """Return the proof that an entry was recorded after an earlier anchor; None where no seal before it quotes one.

    Args:
        ledger: Opened to read or to write.
        index: Of the entry.
        holding: The anchors that its receipt rests on: only what one of these targets holds is quoted.
        anchors: All of them.
        size: Of the receipt's tree.
    """
    found = quoted_before(ledger, index, holding, anchors)
    if found is None:
        return None
    seal, anchor = found.seal, found.anchor
    assert anchor.block is not None  # it is final
    kept = _kept(ledger, found.resting)
    return AfterProof(
        seal=seal.encoded,
        index=seal.index,
        inclusion=tuple(ledger.read.inclusion_proof(seal.index, size)),
        log_id=anchor.log_id,
        sequence=anchor.sequence,
        size=anchor.size,
        root=anchor.root,
        time=anchor.block.time,
        block_number=anchor.block.number,
        parent_hash=anchor.block.parent_hash,
        storage=None if kept is None else kept.slots.get(anchor.sequence),
    )


@dataclass(frozen=True, slots=True)
class Quoted:
    """A seal, the final anchor that it quotes, and that of the receipt's anchors which is at the same target."""

    seal: StoredEntry
    anchor: Anchor
    resting: Anchor


def quoted_before(ledger: Ledger, index: int, holding: Sequence[Anchor], anchors: Sequence[Anchor]) -> Quoted | None:
    """Return the anchor after which an entry was recorded, with the last seal before the entry that quotes one.

    Arguments are those of `after_proof`, and so is what None means.
    """
    found = _seal_before(ledger, index, {anchor.log_id: anchor for anchor in holding})
    if found is None:
        return None
    row, quoted, resting = found
    named = (quoted.log_id, quoted.sequence, quoted.commitment)
    anchor = next((one for one in anchors if (one.log_id, one.sequence, one.commitment) == named), None)
    if anchor is None or anchor.block is None or anchor.state is not AnchorState.FINALIZED:
        return None
    return Quoted(row, anchor, resting)


def _seal_before(ledger: Ledger, index: int, resting: dict[bytes, Anchor]) -> tuple[StoredEntry, After, Anchor] | None:
    """Return the last seal before an entry that quotes an anchor at one of these targets, and that target's anchor."""
    before = index
    for _ in range(SEALS_MAX if resting else 0):
        row = ledger.read.latest_seal(before=before)
        seal = None if row is None else parse_entry(row.encoded)
        if row is None or not isinstance(seal, SealEntry):
            return None
        if seal.after is not None and seal.after.log_id in resting:
            return row, seal.after, resting[seal.after.log_id]
        before = row.index
    return None


def _kept(ledger: Ledger, anchor: Anchor) -> KeptProof | None:
    if anchor.state is not AnchorState.FINALIZED:
        return None
    record = AnchorProofs(ledger.store).record(anchor.log_id, anchor.sequence)
    return None if record is None else parse_kept_proof(record)
