"""Anchor sealed heads at one target: load the newest record, read the chain, decide (pure), act, save.

A record is saved before each act that the world can see: the plan before the signature, the signed bytes before they
are sent. So a process that dies at any line goes on with the same bytes, and at most one head is in flight.

Promises: every step is a new row of the anchor's history; with a lease, a step of a worker that lost it is refused.
Does not: decide (`core/anchoring.py`, `core/cadence.py`), plan (`anchor_plan.py`), or sleep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from ledger_service.chain.account import Signer, TxRequest
from ledger_service.chain.deploy import Envelope, build_anchor_tx, sign_tx
from ledger_service.chain.jsonrpc import JsonRpcError, NodeRefusal
from ledger_service.core.alarms import Alarm
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
    Finalize,
    Halt,
    Include,
    Keep,
    Reopen,
    Send,
    Sign,
    Step,
    Wait,
    next_step,
    recheck,
)
from ledger_service.core.cadence import Cadence
from ledger_service.core.fees import FeePolicy
from ledger_service.core.log_entry import Target
from ledger_service.core.quorum import Disagreement
from ledger_service.core.registry import compute_commitment
from ledger_service.errors import ContradictedError, NodeUnreachableError
from ledger_service.operations.anchor_plan import Planner
from ledger_service.operations.anchor_ports import History, Leasing, Progress
from ledger_service.operations.heads import Heads
from ledger_service.operations.ledger import Clock, format_instant
from ledger_service.operations.spending import DAY_SECONDS, LINGERS_SECONDS, own_rows
from ledger_service.operations.target_chain import NodesDisagreeError, TargetChain
from ledger_service.store.anchors import StoredAnchor
from ledger_service.store.leases import Lease

# Refusals after which looking decides: it may be in a block already, or another of ours is; and what is too cheap now
# is signed again with higher fees once it has waited, or with the nonce that a reorg set free (`next_step`).
_LOOK_FIRST = frozenset(
    {
        NodeRefusal.NONCE_TOO_LOW,
        NodeRefusal.NONCE_TOO_HIGH,
        NodeRefusal.REPLACEMENT_UNDERPRICED,
        NodeRefusal.FEE_TOO_LOW,
    }
)
STEPS_MAX = 64  # of one head in one call: sign, send, include, finalize, and some waiting


class Anchorer:
    """Places heads of one log at one target."""

    def __init__(
        self,
        target: Target,
        *,
        heads: Heads,
        chain: TargetChain,
        history: History,
        signer: Signer,
        clock: Clock,
        policy: FeePolicy | None = None,
        cadence: Cadence | None = None,
        leasing: Leasing | None = None,
        build_tx: Callable[..., TxRequest] = build_anchor_tx,
        keep_proofs: Callable[[], object] | None = None,
    ) -> None:
        """Put the parts together.

        Args:
            target: Where to.
            heads: The log.
            chain: The target's chain.
            history: Where steps are saved.
            signer: The anchorer's account.
            clock: The time now.
            policy: Fee limits and promises; the defaults when None.
            cadence: When a head is due; None: whenever an entry waits.
            leasing: Takes or renews the lease before each step; without it, whoever saves a step first goes on.
            build_tx: Makes the call to be signed; another one where the chain is simulated.
            keep_proofs: Called once a run has done what it could: saves state proofs of what became final.
        """
        self.target = target
        self._heads = heads
        self._chain = chain
        self._history = history
        self._signer = signer
        self._clock = clock
        self._policy = policy or FeePolicy()
        self._planner = Planner(target, heads, chain, history, account=signer.address, cadence=cadence)
        self._leasing = leasing
        self._build_tx = build_tx
        self._keep_proofs = keep_proofs
        self._lease: Lease | None = None
        self._rows: list[StoredAnchor] = []

    @property
    def lease(self) -> Lease | None:
        """The lease of the last step."""
        return self._lease

    def step(self) -> Progress:
        """Do the next thing.

        Raises:
            GateClosedError: Chain and ledger contradict each other, another chain answers, or an earlier step halted.
            ChainError: The node did not answer, or refused.
            LeaseLostError, StoreBusyError: Another worker took this step first.
        """
        if self._leasing is not None:
            self._lease = self._leasing.take()
            if self._lease is None:
                return Progress(None, "another worker anchors this log", waiting=True)
        anchors = self._load()
        newest = next((one for one in anchors if one.state in (*UNFINISHED, AnchorState.HALTED)), None)
        if newest is None:
            planned = self._planner.plan(self._now())
            return planned if isinstance(planned, Progress) else self._save(planned.anchor, planned.said)
        if newest.state is AnchorState.HALTED:
            raise ContradictedError(f"anchoring is halted: {newest.reason}", hint="run `rledger audit`")
        view = self._chain.view(newest)
        if isinstance(view, Disagreement):
            self._save(replace(newest, state=AnchorState.HALTED, reason=view.reason), "halted")
            raise NodesDisagreeError(f"anchoring is halted: {view.reason}", hint="find out which node lies")
        own = own_rows(self._rows, newest, since=self._now() - DAY_SECONDS, nonce=view.nonce)
        return self._act(newest, next_step(newest, view, self._now(), policy=self._policy, own=own))

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
            if progress.anchor is None or (progress.waiting and not self._chain.is_embedded):
                break
            if progress.waiting:  # the demonstration chain has no other users: nobody else would add blocks
                self._chain.mine()
        if self._keep_proofs is not None:
            self._keep_proofs()
        return progress

    def recheck(self) -> list[Anchor] | None:
        """Look again at what is final, newest first, until one still is; return those that are not.

        None: nothing was looked at, another worker has the lease.

        Below a block that is unchanged all are; and no head became final before the one below it was looked at again
        (`_finalize`). So one look covers all.

        Raises:
            NodesDisagreeError: The nodes show different final histories.
            ChainError: No node answered.
            LeaseLostError, StoreBusyError: Another worker took this step first.
        """
        if self._leasing is not None:
            self._lease = self._leasing.take()
            if self._lease is None:
                return None
        return self._recheck()[0]

    def _recheck(self) -> tuple[list[Anchor], Wait | None]:
        """Return what is not final any more, and what a node cannot tell yet about the next one below."""
        lost: list[Anchor] = []
        while (row := self._history.newest_final(self.target.log_id)) is not None:
            anchor = parse_anchor_record(row.record)
            view = self._chain.final_view(anchor)
            if isinstance(view, Disagreement):
                raise NodesDisagreeError(view.reason, hint="find out which node lies")
            found = recheck(anchor, view)
            if isinstance(found, Wait):
                return lost, found
            if isinstance(found, Keep):
                break
            self._rows.append(row)
            contradicted = replace(anchor, state=AnchorState.CONTRADICTED, reason=found.reason)
            self._save(contradicted, found.reason)
            lost.append(contradicted)
        return lost, None

    def resume(self) -> Anchor | None:
        """End a halt, as an operator decided who knows what was wrong; return the anchor that was halted.

        The head is planned anew, and halts again if the contradiction still stands.
        """
        halted = next((one for one in self._load() if one.state is AnchorState.HALTED), None)
        if halted is not None:
            self._save(replace(halted, state=AnchorState.SUPERSEDED, reason=f"resumed after: {halted.reason}"), "")
        return halted

    def give_back(self) -> None:
        """Let another worker begin at once, if this one has the lease."""
        if self._leasing is not None and self._lease is not None:
            self._leasing.give_back(self._lease)
            self._lease = None

    def _load(self) -> list[Anchor]:
        """Load the newest record of each anchor that matters, oldest first; of two workers only one can go on."""
        since = format_instant(self._clock() - timedelta(seconds=LINGERS_SECONDS))
        self._rows = list(self._history.working_set(self.target.log_id, since=since))
        final = self._history.newest_final(self.target.log_id)  # however old: its other nonces may still wait
        if final is not None and all(row.sequence != final.sequence for row in self._rows):
            self._rows.insert(0, final)
        newest = {row.sequence: row for row in self._rows}
        return [parse_anchor_record(row.record) for row in newest.values()]

    def _act(self, anchor: Anchor, step: Step) -> Progress:
        name = f"head {anchor.sequence}"
        if isinstance(step, Wait):
            return Progress(anchor, f"{name}: waiting for {step.reason}", waiting=True, alarm=step.alarm)
        if isinstance(step, Sign):
            return self._sign(anchor, step)
        if isinstance(step, Send):
            return self._send(anchor, step.alarm)
        if isinstance(step, Include):
            return self._include(anchor, step)
        if isinstance(step, Finalize):
            return self._finalize(anchor)
        if isinstance(step, Reopen):
            # Where another account's transaction had placed the head, there is nothing of ours to wait for.
            state = AnchorState.SUBMITTED if anchor.attempts else AnchorState.PLANNED
            again = replace(anchor, state=state, block=None, commitment=None, fee_paid=None)
            return self._save(again, f"{name}: its block is gone from the chain, waiting for a new one")
        if isinstance(step, End):
            return self._save(replace(anchor, state=step.state, reason=step.reason), f"{name}: {step.reason}")
        assert isinstance(step, Halt)
        self._save(replace(anchor, state=AnchorState.HALTED, reason=step.reason), f"{name}: halted")
        raise ContradictedError(f"anchoring is halted: {step.reason}", hint="run `rledger audit`")

    def _sign(self, anchor: Anchor, step: Sign) -> Progress:
        request = self._build_tx(
            Envelope(anchor.chain_id, step.nonce, step.gas, step.max_fee, step.priority_fee),
            anchor.contract,
            log_id=anchor.log_id,
            size=anchor.size,
            root=anchor.root,
            proof=anchor.proof,
        )
        tx = sign_tx(self._signer, request)
        attempt = Attempt(tx.raw, tx.tx_hash, step.max_fee, step.priority_fee, self._now(), step.gas, step.nonce)
        signed = replace(anchor, state=AnchorState.SIGNED, nonce=step.nonce, attempts=(*anchor.attempts, attempt))
        # Before this line nothing was sent; after it the same bytes are sent again, however often we die.
        return self._save(signed, f"head {anchor.sequence}: signed with nonce {step.nonce}")

    def _send(self, anchor: Anchor, alarm: Alarm | None) -> Progress:
        said = f"head {anchor.sequence}: sent"
        try:
            self._chain.send(anchor.attempts[-1].raw)
        except NodeUnreachableError:
            said = f"head {anchor.sequence}: sent, no answer"  # it may have arrived: look, and send the same bytes
        except JsonRpcError as error:
            if error.reason not in _LOOK_FIRST:
                raise
            said = f"head {anchor.sequence}: {error.message}"
        if anchor.state is AnchorState.SUBMITTED:
            return Progress(anchor, said, waiting=True, alarm=alarm)
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
        included = replace(
            anchor, state=AnchorState.INCLUDED, block=block, commitment=commitment, fee_paid=step.fee_paid
        )
        return self._save(included, f"head {anchor.sequence}: included in block {block.number}")

    def _finalize(self, anchor: Anchor) -> Progress:
        """Save that a head is final, once the one below it was looked at: they must be final on the same chain."""
        lost, unknown = self._recheck()
        if unknown is not None:
            return Progress(anchor, f"head {anchor.sequence}: waiting for {unknown.reason}", True, unknown.alarm)
        final = replace(anchor, state=AnchorState.FINALIZED)
        if lost:
            said = f"head {anchor.sequence}: final; {len(lost)} below it left the chain"
            return replace(self._save(final, said), alarm=Alarm.CONTRADICTED)
        return self._save(final, f"head {anchor.sequence}: final")

    def _save(self, anchor: Anchor, said: str) -> Progress:
        steps = [row.step for row in self._rows if row.sequence == anchor.sequence]
        self._history.save(
            anchor.log_id,
            anchor.sequence,
            step=max(steps, default=-1) + 1,
            size=anchor.size,
            state=anchor.state.value,
            record=encode_anchor_record(anchor),
            recorded_at=format_instant(self._clock()),
            lease=self._lease,
        )
        return Progress(anchor, said)

    def _now(self) -> int:
        return int(self._clock().timestamp())
