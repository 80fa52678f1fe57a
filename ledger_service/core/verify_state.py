"""Verify that a chain's state holds an anchor: header, account with the pinned code, slot, commitment.

Contract, code hash and log id are the pinned ones; nothing is taken from the receipt but bytes that hash to what the
step before them names. What is left to know is one line: whether block N of the chain has this hash.

Promises: pure; raises nothing because the evidence is bad. Does not: know the right block hash (`verify.py` takes it
from a node, or from whoever gives it with `--block-hash`).
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.core.facts import Question
from ledger_service.core.receipt import AnchorProof
from ledger_service.core.registry import compute_commitment_slot
from ledger_service.core.report import Check, Outcome
from ledger_service.core.state_proof import prove_account, prove_slot, read_header
from ledger_service.core.trust import PinnedTarget
from ledger_service.errors import InvalidProofError


@dataclass(frozen=True, slots=True)
class Claim:
    """The block that an anchor rests on, as its receipt claims: its own, or the one whose state holds it."""

    number: int
    block_hash: bytes


def claimed_block(anchor: AnchorProof) -> Claim:
    """Return the block that the chain must be found to have.

    Raises:
        InvalidProofError: The header is none.
    """
    if anchor.state is None:
        assert anchor.block_hash is not None  # a receipt has one of the two
        return Claim(anchor.block_number, anchor.block_hash)
    header = read_header(anchor.state.header)
    return Claim(header.number, header.block_hash)


def question_about(pinned: PinnedTarget, sequence: int, *, block_number: int) -> Question:
    """Return what must be asked of a pinned chain about a head of its log and the block that it rests on."""
    return Question(
        chain_id=pinned.target.chain_id,
        chain_genesis=pinned.target.chain_genesis,
        contract=pinned.target.contract,
        log_id=pinned.target.log_id,
        sequence=sequence,
        block_number=block_number,
        confirmations=pinned.confirmations,
    )


def check_state(anchor: AnchorProof, commitment: bytes, pinned: PinnedTarget) -> Check:
    """Return whether the state proof of an anchor leads from its header to this commitment."""
    assert anchor.state is not None  # who calls has looked
    try:
        header = read_header(anchor.state.header)
        if header.number < anchor.block_number or header.time < anchor.time:
            raise InvalidProofError("the state is older than the anchor's block")
        slot = compute_commitment_slot(pinned.target.log_id, anchor.sequence)
        held = prove_slot(storage_root(anchor, pinned), slot, anchor.state.storage)
        if held != commitment:
            raise InvalidProofError(f"the contract does not hold this head as number {anchor.sequence}")
    except InvalidProofError as error:
        return Check("state", Outcome.FAIL, error.message)
    detail = f"the pinned contract holds this head in the state of block {header.number}, 0x{header.block_hash.hex()}"
    return Check("state", Outcome.PASS, detail)


def storage_root(anchor: AnchorProof, pinned: PinnedTarget) -> bytes:
    """Return the storage root of the pinned contract in the state that an anchor's proof shows.

    Raises:
        InvalidProofError: It does not lead to that contract, or other code stands there.
    """
    assert anchor.state is not None  # who calls has looked
    header = read_header(anchor.state.header)
    account = prove_account(header.state_root, pinned.target.contract, anchor.state.account)
    if account.code_hash != pinned.target.code_hash:
        raise InvalidProofError("the code at the pinned contract's address is not the pinned code")
    return account.storage_root


def missing_block(claim: Claim, pinned: PinnedTarget) -> str:
    """Return the one line that is not known, and two ways to learn it."""
    shown = "0x" + claim.block_hash.hex()
    return (
        f"not known: that block {claim.number} of {pinned.name} (chain {pinned.target.chain_id}) has the hash {shown}."
        f" Look it up with any block explorer of that chain, then give --block-hash {shown}; or ask a node: --rpc URL"
    )
