"""Keep state proofs of final anchors, so that a receipt is final without a node: read, verify, save.

The proof is made at the newest final block, whatever block the anchor stands in: nodes forget old states, but a
commitment's slot never changes. Beside the anchor's own slot it proves those that the seals under its head quote.

Promises: what is saved was verified from its bytes against the pinned code and our own commitments. Does not: raise
for what a node cannot do when it is one proof too few (`keep_state_proofs`); the next round tries again.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger_service.chain.facts import final_number
from ledger_service.chain.rpc import Node
from ledger_service.core.anchor_record import Anchor, AnchorState, parse_anchor_record
from ledger_service.core.entry import parse_entry
from ledger_service.core.kept_proof import KeptProof, encode_kept_proof
from ledger_service.core.log_entry import SealEntry, Target
from ledger_service.core.registry import compute_commitment_slot
from ledger_service.core.state_proof import prove_account, prove_slot, read_header
from ledger_service.errors import ChainError, InvalidProofError, NodeAnswerError
from ledger_service.operations.ledger import Ledger
from ledger_service.store.anchor_proofs import AnchorProofs
from ledger_service.store.anchors import AnchorHistory

AT_ONCE_MAX = 16  # heads of one round: after an upgrade all old ones wait, and anchoring must not
SEALS_MAX = 64  # looked at under one head


def keep_state_proofs(ledger: Ledger, nodes: Sequence[Node], target: Target, *, quorum: int = 1) -> int:
    """Make and save the proofs that are missing at a target; return how many were saved.

    A node that cannot prove leaves receipts without: they then need a node to verify, as before.
    """
    saved = 0
    try:
        for sequence in AnchorProofs(ledger.store).missing(target.log_id, most=AT_ONCE_MAX):
            saved += refresh_state_proof(ledger, nodes, target, sequence, quorum=quorum)
    except (ChainError, InvalidProofError):
        return saved
    return saved


def refresh_state_proof(
    ledger: Ledger, nodes: Sequence[Node], target: Target, sequence: int, *, quorum: int = 1
) -> bool:
    """Make the proof of one head at the newest final block, and save it; False if the head is not final.

    Raises:
        ChainError: No node gave one.
        InvalidProofError: What a node gave does not hold.
    """
    history = AnchorHistory(ledger.store)
    rows = history.history(target.log_id, sequence)
    anchor = parse_anchor_record(rows[-1].record) if rows else None
    if anchor is None or anchor.state is not AnchorState.FINALIZED:
        return False
    wanted = {sequence: anchor.commitment, **_quoted(ledger, anchor)}
    failed: ChainError | None = None
    for node in nodes:
        try:
            number, proof = _fetch(node, target, wanted, ledger.confirmations_of(target))
            _require_agreed(nodes, proof, quorum)
        except ChainError as error:
            failed = error
            continue
        AnchorProofs(ledger.store).save(target.log_id, sequence, block_number=number, record=encode_kept_proof(proof))
        return True
    assert failed is not None  # a target has a node
    raise failed


def _quoted(ledger: Ledger, anchor: Anchor) -> dict[int, bytes]:
    """Return sequence and commitment of each anchor at this target that a receipt under this head may quote."""
    quoted: dict[int, bytes] = {}
    before: int | None = anchor.size - 1
    for _ in range(SEALS_MAX):
        row = ledger.read.latest_seal(before=before)
        if row is None:
            break
        seal = parse_entry(row.encoded)
        if isinstance(seal, SealEntry) and seal.after is not None and seal.after.log_id == anchor.log_id:
            quoted[seal.after.sequence] = seal.after.commitment
            if row.index < anchor.old_size:
                break
        before = row.index
    return quoted


def _fetch(
    node: Node, target: Target, wanted: dict[int, bytes | None], confirmations: int | None
) -> tuple[int, KeptProof]:
    """Return the newest final block's number, and the proof of these commitments in its state."""
    number = final_number(node, confirmations)
    data = None if number is None else node.header(number)
    if number is None or data is None:
        raise NodeAnswerError(f"{node.name} knows no final block yet")
    slots = [compute_commitment_slot(target.log_id, sequence) for sequence in wanted]
    found = node.get_proof(target.contract, slots, number)
    account = prove_account(read_header(data).state_root, target.contract, found.nodes)
    if account.code_hash != target.code_hash:
        raise InvalidProofError("the code at the contract's address is not the code that this log was founded with")
    for slot, commitment in zip(found.slots, wanted.values(), strict=True):
        if prove_slot(account.storage_root, slot.slot, slot.nodes) != commitment:
            raise InvalidProofError("the contract's storage holds another commitment than the ledger saw")
    nodes = {sequence: slot.nodes for sequence, slot in zip(wanted, found.slots, strict=True)}
    return number, KeptProof(data, found.nodes, nodes)


def _require_agreed(nodes: Sequence[Node], proof: KeptProof, quorum: int) -> None:
    """Accept a header only if enough nodes have that block.

    Raises:
        ChainError: Too few have it.
    """
    if quorum == 1:
        return
    header = read_header(proof.header)
    blocks = [node.block(header.number) for node in nodes]
    agreed = sum(block is not None and block.block_hash == header.block_hash for block in blocks)
    if agreed < quorum:
        raise NodeAnswerError(f"{agreed} nodes have the block of the state proof, {quorum} must")
