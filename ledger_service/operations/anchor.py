"""Anchor sealed heads: load the newest record, read the chain, decide (pure), act, save.

A record is saved before each act that the world can see: the plan before the signature, the signed bytes before they
are sent. So a process that dies at any line goes on with the same bytes, and at most one head is in flight.

Promises: every step is a new row of the anchor's history. Does not: decide (`core/anchoring.py`), or sleep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ledger_service.chain.account import Signer
from ledger_service.chain.deploy import Envelope, build_anchor_tx, sign_tx
from ledger_service.chain.jsonrpc import JsonRpcError, NodeRefusal
from ledger_service.chain.registry import Registry, RegistryHead, encode_anchor
from ledger_service.chain.rpc import Node
from ledger_service.core.anchor_record import (
    UNFINISHED,
    Anchor,
    AnchorState,
    Attempt,
    encode_anchor_record,
    parse_anchor_record,
)
from ledger_service.core.anchoring import (
    End,
    FeePolicy,
    Finalize,
    Halt,
    Include,
    Reopen,
    Send,
    Sign,
    Step,
    Wait,
    next_step,
)
from ledger_service.core.log_entry import Target
from ledger_service.core.registry import compute_commitment
from ledger_service.errors import (
    AccountError,
    ChainError,
    ContractRevertedError,
    ContradictedError,
    NodeAnswerError,
    NodeUnreachableError,
)
from ledger_service.operations.chain_view import read_view
from ledger_service.operations.gate import check_chain, check_chain_identity, fetch_head
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.seal import make_seal
from ledger_service.store.anchors import AnchorHistory
from ledger_service.store.drafts import LogDraft

GAS_MARGIN_PERCENT = 120  # the estimate is of this block; another head's proof may cost a little more
# Refusals after which looking decides: it may be in a block already, or another of ours is; and what is too cheap now
# is signed again with higher fees once it has waited (`next_step`).
_LOOK_FIRST = frozenset({NodeRefusal.NONCE_TOO_LOW, NodeRefusal.REPLACEMENT_UNDERPRICED, NodeRefusal.FEE_TOO_LOW})
STEPS_MAX = 64  # of one head in one call: sign, send, include, finalize, and some waiting


@dataclass(frozen=True, slots=True)
class Progress:
    """What one step did: the anchor as it stands (None: nothing to anchor), and in words."""

    anchor: Anchor | None
    said: str
    waiting: bool = False

    @property
    def quiet(self) -> bool:
        """Return whether nothing is left to do now."""
        return self.anchor is None or self.anchor.state not in UNFINISHED


class Anchorer:
    """Places heads of one ledger at its target."""

    def __init__(self, ledger: Ledger, node: Node, signer: Signer, *, policy: FeePolicy | None = None) -> None:
        """Take an opened ledger with a writer, a writable node of the target's chain, and the anchorer's account."""
        self._ledger = ledger
        self._node = node
        self._signer = signer
        self._policy = policy or FeePolicy()
        self._target: Target = ledger.target()
        self._registry = Registry(node, self._target.contract)
        self._history = AnchorHistory(ledger.store)
        self._next_steps: dict[int, int] = {}
        self._anchors: list[Anchor] = []

    def step(self) -> Progress:
        """Do the next thing.

        Raises:
            GateClosedError: Chain and ledger contradict each other, another chain answers, or an earlier step halted.
            ChainError: The node did not answer, or refused.
            StoreBusyError: Another worker took this step first.
        """
        ledger, newest = self._ledger, self._newest()
        if newest is not None and newest.state is AnchorState.HALTED:
            raise ContradictedError(f"anchoring is halted: {newest.reason}", hint="run `rledger audit`")
        check_chain_identity(self._target, self._node)  # a proxy may have been pointed elsewhere since the last step
        if newest is None or newest.state not in UNFINISHED:
            return self._plan()
        view = read_view(ledger, self._registry, newest, self._signer.address)
        return self._act(newest, next_step(newest, view, self._now(), policy=self._policy))

    def run(self, report: Callable[[Progress], None] | None = None) -> Progress:
        """Step until everything recorded so far is final, or the chain lets us wait.

        Raises:
            LedgerError: As `step`.
        """
        sequence, steps = None, 0
        while steps < STEPS_MAX:
            progress = self.step()
            if progress.anchor is not None and progress.anchor.sequence != sequence:
                sequence, steps = progress.anchor.sequence, 0
            steps += 1
            if report is not None:
                report(progress)
            if progress.anchor is None or (progress.waiting and not self._node.is_embedded):
                break
            if progress.waiting:  # the demonstration chain has no other users: nobody else would add blocks
                self._node.mine()
        return progress

    def _newest(self) -> Anchor | None:
        """Load the anchor to act on, and note where each history ends: of two workers only one can append to it."""
        stored = self._history.current(self._target.log_id)
        self._next_steps = {row.sequence: row.step + 1 for row in stored}
        self._anchors = [parse_anchor_record(row.record) for row in stored]
        unsettled = [anchor for anchor in self._anchors if anchor.state in (*UNFINISHED, AnchorState.HALTED)]
        return unsettled[0] if unsettled else self._anchors[-1] if self._anchors else None

    def _plan(self) -> Progress:
        """Seal what is new, and save the intent to anchor the largest sealed head that the cap allows."""
        ledger, target = self._ledger, self._target
        head = check_chain(ledger, self._registry)
        final = max((anchor.sequence for anchor in self._anchors if anchor.state is AnchorState.FINALIZED), default=0)
        if head.sequence < final:
            raise NodeAnswerError(
                f"the node shows head {head.sequence}, head {final} was final already",
                hint="does the node lag behind, or was the chain reset? nothing is anchored meanwhile",
            )
        if head.sequence > final and (adopted := self._adopt(head)) is not None:
            return adopted
        if ledger.read.size() == head.size:
            return Progress(None, f"nothing to anchor: head {head.sequence} covers all {head.size} entries")
        cap = self._require_permission()
        if (newest_seal := ledger.read.latest_seal()) is None or newest_seal.index + 1 < ledger.read.size():
            ledger.require_writer().append(LogDraft(make_seal(ledger.origin)))
        # Seals come at least every half of the cap, so that one always lies within reach.
        seal = ledger.read.latest_seal(before=head.size + cap)
        if seal is None or seal.index < head.size:
            raise ChainError(
                f"no seal lies within {cap} entries of head {head.sequence}, the most that the contract lets it grow",
                hint="the owner of the log lowered the cap: let them raise it",
            )
        size = seal.index + 1
        anchor = Anchor(
            log_id=target.log_id,
            chain_id=target.chain_id,
            contract=target.contract,
            sequence=head.sequence + 1,
            size=size,
            root=ledger.read.root(size),
            old_size=head.size,
            proof=tuple(ledger.read.consistency_proof(head.size, size)),
            state=AnchorState.PLANNED,
            planned_at=self._now(),
        )
        return self._save(anchor, f"head {anchor.sequence}: planned, {head.size} -> {size} entries")

    def _adopt(self, head: RegistryHead) -> Progress | None:
        """Plan to finish a head that stands on chain, is ours, and has no record that ended well.

        Another process placed it, or a node that lagged behind made us give our own up. `next_step` finds whoever
        placed it; where the node does not show that, the next head covers the same entries.
        """
        if self._ledger.read.checkpoint_at(head.size) is None:
            return None
        try:
            if self._registry.find_anchored_tx(self._target.log_id, head.sequence) is None:
                return None
        except NodeAnswerError:  # public nodes refuse to search their whole history
            return None
        anchor = Anchor(
            log_id=self._target.log_id,
            chain_id=self._target.chain_id,
            contract=self._target.contract,
            sequence=head.sequence,
            size=head.size,
            root=head.root,
            old_size=head.size,
            proof=(),
            state=AnchorState.PLANNED,
            planned_at=self._now(),
        )
        return self._save(anchor, f"head {anchor.sequence}: found on the chain with {head.size} entries")

    def _require_permission(self) -> int:
        """Return the most entries that the contract lets the next head add.

        Raises:
            ChainError: The log is closed.
            AccountError: Another account anchors it.
        """
        log = self._registry.log(self._target.log_id)
        if log.closed:
            raise ChainError(
                f"the log is closed in its contract, its successor is 0x{log.successor.hex()}",
                hint="nothing more of it is anchored; what is final stays so",
            )
        if log.anchorer != self._signer.address:
            raise AccountError(
                f"the contract takes heads from 0x{log.anchorer.hex()}, this is 0x{self._signer.address.hex()}",
                hint="set LEDGER_ANCHORER_KEYSTORE to that account's file",
            )
        return min(log.max_growth, self._ledger.genesis()[0].max_growth)

    def _act(self, anchor: Anchor, step: Step) -> Progress:
        name = f"head {anchor.sequence}"
        if isinstance(step, Wait):
            return Progress(anchor, f"{name}: waiting for {step.reason}", waiting=True)
        if isinstance(step, Sign):
            return self._sign(anchor, step)
        if isinstance(step, Send):
            return self._send(anchor)
        if isinstance(step, Include):
            return self._include(anchor, step)
        if isinstance(step, Finalize):
            return self._save(replace(anchor, state=AnchorState.FINALIZED), f"{name}: final")
        if isinstance(step, Reopen):
            # Where another account's transaction had placed the head, there is nothing of ours to wait for.
            state = AnchorState.SUBMITTED if anchor.attempts else AnchorState.PLANNED
            again = replace(anchor, state=state, block=None, commitment=None)
            return self._save(again, f"{name}: its block is gone from the chain, waiting for a new one")
        if isinstance(step, End):
            return self._save(replace(anchor, state=step.state, reason=step.reason), f"{name}: {step.reason}")
        assert isinstance(step, Halt)
        self._save(replace(anchor, state=AnchorState.HALTED, reason=step.reason), f"{name}: halted")
        raise ContradictedError(f"anchoring is halted: {step.reason}", hint="run `rledger audit`")

    def _sign(self, anchor: Anchor, step: Sign) -> Progress:
        envelope = Envelope(anchor.chain_id, step.nonce, 0, step.max_fee, step.priority_fee)
        data = encode_anchor(anchor.log_id, anchor.size, root=anchor.root, proof=anchor.proof)
        try:
            gas = self._node.estimate_gas(self._signer.address, anchor.contract, data) * GAS_MARGIN_PERCENT // 100
        except ContractRevertedError:
            if fetch_head(self._registry, anchor.log_id).size == anchor.old_size:
                raise
            # Another worker's head came between our look and our try: look again, and decide anew.
            return Progress(anchor, f"head {anchor.sequence}: the chain moved on meanwhile")
        request = build_anchor_tx(
            replace(envelope, gas=gas),
            anchor.contract,
            log_id=anchor.log_id,
            size=anchor.size,
            root=anchor.root,
            proof=anchor.proof,
        )
        tx = sign_tx(self._signer, request)
        attempt = Attempt(tx.raw, tx.tx_hash, step.max_fee, step.priority_fee, self._now())
        signed = replace(anchor, state=AnchorState.SIGNED, nonce=step.nonce, attempts=(*anchor.attempts, attempt))
        # Before this line nothing was sent; after it the same bytes are sent again, however often we die.
        return self._save(signed, f"head {anchor.sequence}: signed with nonce {step.nonce}")

    def _send(self, anchor: Anchor) -> Progress:
        said = f"head {anchor.sequence}: sent"
        try:
            self._node.send_raw(anchor.attempts[-1].raw)
        except NodeUnreachableError:
            said = f"head {anchor.sequence}: sent, no answer"  # it may have arrived: look, and send the same bytes
        except JsonRpcError as error:
            if error.reason not in _LOOK_FIRST:
                raise
            said = f"head {anchor.sequence}: {error.message}"
        if anchor.state is AnchorState.SUBMITTED:
            return Progress(anchor, said, waiting=True)
        return self._save(replace(anchor, state=AnchorState.SUBMITTED), said)

    def _include(self, anchor: Anchor, step: Include) -> Progress:
        block = step.block
        commitment = compute_commitment(
            anchor.log_id,
            anchor.sequence,
            size=anchor.size,
            root=anchor.root,
            time=block.time,
            block_number=block.number,
            parent_hash=block.parent_hash,
        )
        included = replace(anchor, state=AnchorState.INCLUDED, block=block, commitment=commitment)
        return self._save(included, f"head {anchor.sequence}: included in block {block.number}")

    def _save(self, anchor: Anchor, said: str) -> Progress:
        self._history.save(
            anchor.log_id,
            anchor.sequence,
            step=self._next_steps.get(anchor.sequence, 0),
            size=anchor.size,
            state=anchor.state.value,
            record=encode_anchor_record(anchor),
            recorded_at=format_instant(self._ledger.clock()),
        )
        return Progress(anchor, said)

    def _now(self) -> int:
        return int(self._ledger.clock().timestamp())
