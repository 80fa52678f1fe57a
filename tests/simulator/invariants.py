"""What must hold in every world after every step; `Watch` is told each commit, signature, sending and block.

| promise | looked at |
|---|---|
| a history only grows, along the states of design §6, and an anchor keeps its head and its attempts | commit |
| at most one anchor of the target is unfinished (without a lease: one of each worker) | commit |
| `included`: in a block that some chain had, with this head | commit |
| `finalized`: in a block of the chain that survives, final by the rule, with this commitment | commit |
| an anchor is halted only where a node lied or what was final was replaced | commit |
| a halted anchor stays halted, unless an operator ends the halt | commit |
| no step is saved by a worker whose lease another holds | commit |
| a further attempt takes no later nonce than the earlier ones | commit |
| a replacement raises both caps by at least 10 %, no cap is above the ceiling | commit |
| never two roots signed for one size; what is signed is a head of the log | signature |
| what is sent was saved before | sending |
| each head on the chain is one of the log's | block |
| in any 24 hours (as exactly as the workers' clocks go) the chain charges no more than the budget | block |

Promises: nothing but asserts, each with the values that broke it. Does not: change the world.
"""

from __future__ import annotations

from collections import deque

from ledger_service.chain.account import TxRequest
from ledger_service.core.anchor_record import UNFINISHED, Anchor, AnchorState, Attempt, parse_anchor_record
from ledger_service.core.fees import FeePolicy, raised
from ledger_service.operations.spending import DAY_SECONDS
from ledger_service.store.anchors import StoredAnchor
from tests.simulator.chain import Chain, ChainBlock
from tests.simulator.log import SimulatedLog
from tests.simulator.store import SimulatedHistory, SimulatedLeases

SKEW_SECONDS = 600  # the most that a worker's clock is wrong
S = AnchorState
_ENDED = {S.SUPERSEDED, S.HALTED}
_NEXT: dict[AnchorState, set[AnchorState]] = {
    S.PLANNED: {S.SIGNED, S.INCLUDED, *_ENDED},
    S.SIGNED: {S.SUBMITTED, S.INCLUDED, *_ENDED},
    S.SUBMITTED: {S.SIGNED, S.INCLUDED, S.REVERTED, S.REPLACED, *_ENDED},
    S.INCLUDED: {S.SUBMITTED, S.PLANNED, S.FINALIZED, S.HALTED},
    S.FINALIZED: {S.CONTRADICTED},
    S.HALTED: {S.SUPERSEDED},
    S.REPLACED: {S.PLANNED},
    S.REVERTED: {S.PLANNED},
    S.SUPERSEDED: {S.PLANNED},
    S.CONTRADICTED: {S.PLANNED},
}
_UNFINISHED = frozenset(state.value for state in UNFINISHED)


class Watch:
    """The promises over one world."""

    def __init__(self, chain: Chain, log: SimulatedLog, policy: FeePolicy) -> None:
        """Watch a world from its beginning."""
        self._chain = chain
        self._log = log
        self.policy = policy
        self.history: SimulatedHistory
        self.leases: SimulatedLeases | None = None
        self.deep = False  # a reorg below finality was injected: what was final may not be any more
        self.lied = False  # a node began to
        self.resuming = False  # an operator ends a halt, with or without a lease
        self._newest: dict[int, Anchor] = {}
        self._roots: dict[int, bytes] = {}
        self._attempts: dict[int, list[Attempt]] = {}  # by nonce
        self._saved_raw: set[bytes] = set()
        self.finalized = 0

    def committed(self, row: StoredAnchor, worker: str) -> None:
        """Look at a row that was just committed."""
        anchor, before = parse_anchor_record(row.record), self._newest.get(row.sequence)
        assert (anchor.sequence, anchor.size, anchor.state.value) == (row.sequence, row.size, row.state)
        assert row.step == (0 if before is None else len(self.history.rows[row.sequence]) - 1)
        self._newest[row.sequence] = anchor
        self._grew(anchor, before)
        leases = self.leases
        if leases is not None and not self.resuming:
            assert leases.holder == worker, f"{worker} saved a step, {leases.holder} holds the lease"
        unfinished = [one.sequence for one in self._newest.values() if one.state.value in _UNFINISHED]
        assert len(unfinished) <= (2 if leases is None else 1), f"the anchors {unfinished} are unfinished at once"
        if anchor.state is S.HALTED:
            assert self.deep or self.lied, f"head {anchor.sequence} is halted, nobody lied: {anchor.reason}"
        elif anchor.state is S.SIGNED:
            self._attempted(anchor.attempts[-1])
        elif anchor.state is S.INCLUDED:
            self._included(anchor)
        elif anchor.state is S.FINALIZED:
            self._final(anchor)

    def signed(self, request: TxRequest) -> None:
        """Look at what a signer is asked for."""
        size, root = int.from_bytes(request.data[32:40], "big"), request.data[40:72]
        known = self._roots.setdefault(size, root)
        assert known == root, f"two roots signed for size {size}"
        assert root == self._log.own_root(size), f"the root signed for size {size} is not the log's"
        assert self._log.sealed(size) == size, f"the head of size {size} does not end with a seal"

    def sent(self, raw: bytes) -> None:
        """Look at what leaves a worker."""
        assert raw in self._saved_raw, "a transaction was sent before it was saved"

    def mined(self, block: ChainBlock) -> None:
        """Look at a new block of the chain that survives."""
        ours = False
        for mined in block.mined:
            if mined.sequence is not None:
                head = block.state.heads[mined.sequence]
                assert head.root == self._log.own_root(head.size), f"head {mined.sequence} is none of the log's"
            ours = ours or mined.tx.raw in self._saved_raw
        if ours and self.policy.daily_budget is not None:
            self._budget(block)

    def settled(self) -> None:
        """Look at everything once more, when all faults are over and every worker has looked at what is final."""
        for anchor in self._newest.values():
            if anchor.state is S.FINALIZED:
                assert anchor.block is not None
                assert self._chain.holds(anchor.block), f"head {anchor.sequence} is called final, its block is gone"
            if anchor.state is S.CONTRADICTED:
                assert self.deep, f"head {anchor.sequence} is contradicted, but nothing below finality was replaced"

    def _grew(self, anchor: Anchor, before: Anchor | None) -> None:
        if before is None:
            assert anchor.state is S.PLANNED, f"an anchor began as {anchor.state}"
            return
        name = f"anchor {anchor.sequence}: {before.state} -> {anchor.state}"
        assert anchor.state in _NEXT[before.state], name
        if before.state is S.HALTED:
            assert self.resuming, f"{name} without an operator"
        if before.state in UNFINISHED:
            assert anchor.attempts[: len(before.attempts)] == before.attempts, f"{name} lost an attempt"
            kept = (anchor.size, anchor.root, anchor.old_size, anchor.proof)
            assert kept == (before.size, before.root, before.old_size, before.proof), f"{name} changed its head"
            added = len(anchor.attempts) - len(before.attempts)
            assert added == (anchor.state is S.SIGNED), f"{name} added {added} attempts"
            if added and before.attempts:  # else both could come into a block, and both cost
                most = max(attempt.nonce for attempt in before.attempts)
                assert anchor.attempts[-1].nonce <= most, f"{name} took a nonce after {most}"

    def _attempted(self, attempt: Attempt) -> None:
        self._saved_raw.add(attempt.raw)
        ceiling = self.policy.max_fee_ceiling
        assert attempt.priority_fee <= attempt.max_fee <= ceiling, f"{attempt.max_fee} wei, the ceiling is {ceiling}"
        earlier = self._attempts.setdefault(attempt.nonce, [])
        if attempt.nonce < self._chain.blocks[self._chain.final].state.nonce:
            return  # a node that is behind said so: nothing is replaced, and nothing can come of it
        for other in earlier:
            assert attempt.max_fee >= raised(other.max_fee), f"nonce {attempt.nonce}: a bump below 10 % of the cap"
            assert attempt.priority_fee >= raised(other.priority_fee), f"nonce {attempt.nonce}: a priority bump < 10 %"
        earlier.append(attempt)

    def _included(self, anchor: Anchor) -> None:
        assert anchor.block is not None
        block = self._chain.ever.get(anchor.block.block_hash)
        assert block is not None, f"head {anchor.sequence} is called included in a block that never was"
        self._placed(anchor, block)

    def _final(self, anchor: Anchor) -> None:
        assert anchor.block is not None
        self.finalized += 1
        block = self._chain.ever.get(anchor.block.block_hash)
        assert block is not None, f"head {anchor.sequence} is called final in a block that never was"
        self._placed(anchor, block)
        if not self.deep:
            number = anchor.block.number
            assert self._chain.holds(anchor.block), f"head {anchor.sequence} is called final, its block is gone"
            assert number <= self._chain.final, f"block {number} is called final, final is {self._chain.final}"

    def _placed(self, anchor: Anchor, block: ChainBlock) -> None:
        assert anchor.block == block.place
        heads = block.state.heads
        assert anchor.sequence < len(heads), f"head {anchor.sequence} is not in the block it is called included in"
        head = heads[anchor.sequence]
        assert (anchor.size, anchor.root) == (head.size, head.root), f"head {anchor.sequence} is another one on chain"
        assert anchor.commitment == head.commitment, f"head {anchor.sequence} has another commitment on chain"

    def _budget(self, newest: ChainBlock) -> None:
        budget = self.policy.daily_budget
        assert budget is not None
        since = newest.place.time - DAY_SECONDS + 2 * SKEW_SECONDS  # which day it is, the worker's clock says
        charged: deque[int] = deque()
        for block in reversed(self._chain.blocks):
            if block.place.time <= since:
                break
            charged.extend(mined.fee_paid for mined in block.mined if mined.tx.raw in self._saved_raw)
        assert sum(charged) <= budget, f"the chain charged {sum(charged)} wei within 24 hours, the budget is {budget}"
