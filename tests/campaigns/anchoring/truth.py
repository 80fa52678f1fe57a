"""What must hold whatever a chain, its nodes and the workers did: judged from the simulated chain itself.

| check | broken by |
|---|---|
| intent | bytes that arrive at a node and were not saved before |
| depth | a head called final in a block that is not on the chain, or not yet below the rule |
| once | a head on the surviving chain without exactly one final record, or a final record without its head; where
  nodes hide receipts and logs (`hidden`), a head that was given up for that counts if a later one is final |
| order | a step that cannot follow the one before it: what a worker wrote that had lost its lease |
| ours | a head on the surviving chain that is not our root at its size |
| drained | entries that no head covers when time enough has passed |
| alarms | an alarm that says that chain and ledger contradict each other, where nobody lied about that |

Promises: nothing here asks the worker. Does not: drive anything (`bench.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ledger_service.core.anchor_record import AnchorState, parse_anchor_record
from ledger_service.core.log_entry import Target
from ledger_service.core.registry import compute_commitment_slot
from ledger_service.store.anchors import AnchorHistory
from tests.campaigns.anchoring.log import MemoryLog
from tests.chain.lying_node.chain import SimulatedChain

_ENDED = {AnchorState.REPLACED, AnchorState.REVERTED, AnchorState.SUPERSEDED, AnchorState.CONTRADICTED}
_ON_THE_WAY = {AnchorState.INCLUDED, AnchorState.SUPERSEDED, AnchorState.HALTED}
_NEXT: dict[AnchorState | None, set[AnchorState]] = {
    None: {AnchorState.PLANNED},
    AnchorState.PLANNED: {AnchorState.SIGNED} | _ON_THE_WAY,
    AnchorState.SIGNED: {AnchorState.SUBMITTED} | _ON_THE_WAY,
    AnchorState.SUBMITTED: {AnchorState.SIGNED, AnchorState.REPLACED, AnchorState.REVERTED} | _ON_THE_WAY,
    AnchorState.INCLUDED: {AnchorState.SUBMITTED, AnchorState.PLANNED, AnchorState.FINALIZED, AnchorState.HALTED},
    AnchorState.FINALIZED: {AnchorState.CONTRADICTED},
    AnchorState.HALTED: {AnchorState.SUPERSEDED},
    **{state: {AnchorState.PLANNED} for state in _ENDED},
}


@dataclass
class Truth:
    """Watches one log on one chain; `rule` is how many blocks must lie on one that is final."""

    chain: SimulatedChain
    target: Target
    log: MemoryLog
    rule: int
    saved: set[bytes] = field(default_factory=set)
    newest: dict[int, AnchorState] = field(default_factory=dict)
    steps: int = 0
    finals: int = 0
    hidden: bool = False
    covered_by_the_next: int = 0

    def hear(self, state: str, record: bytes) -> None:
        """Take in a step that is durable.

        Raises:
            AssertionError: The checks `order` and `depth`.
        """
        self.steps += 1
        anchor = parse_anchor_record(record)
        before, self.newest[anchor.sequence] = self.newest.get(anchor.sequence), anchor.state
        assert anchor.state in _NEXT[before], f"order: head {anchor.sequence} was {before}, and then {state}"
        self.saved |= {attempt.tx_hash for attempt in anchor.attempts}
        if state != AnchorState.FINALIZED.value:
            return
        self.finals += 1
        assert anchor.block is not None
        block = self.chain.block(anchor.block.number)
        there = block is not None and block.block_hash == anchor.block.block_hash
        assert there, f"depth: head {anchor.sequence} was called final in a block that is not on the chain"
        above = self.chain.height - anchor.block.number
        assert above >= self.rule, f"depth: head {anchor.sequence} was called final under {above} blocks"

    def arrived(self, raw: bytes, tx_hash: bytes) -> None:
        """Take in bytes that arrive at a node.

        Raises:
            AssertionError: The check `intent`.
        """
        assert tx_hash in self.saved, f"intent: {len(raw)} bytes were sent that nobody had saved"

    def check(self, history: AnchorHistory) -> None:
        """Compare the surviving chain with the records.

        Raises:
            AssertionError: The checks `once` and `ours`.
        """
        storage = self.chain.state.storage[self.target.contract]
        record = storage.logs[self.target.log_id]
        rows = [row for row in history.current(self.target.log_id) if row.state == AnchorState.FINALIZED.value]
        finals = {row.sequence: parse_anchor_record(row.record) for row in rows}
        assert len(finals) == len(rows)
        size, self.covered_by_the_next = 1, 0
        for sequence in range(1, record.sequence + 1):
            slot = storage.slots[compute_commitment_slot(self.target.log_id, sequence)]
            anchor = finals.pop(sequence, None)
            if anchor is None and self.hidden and finals and history.history(self.target.log_id, sequence):
                self.covered_by_the_next += 1
                continue
            assert anchor is not None, f"once: head {sequence} stands on the chain, and no record calls it final"
            assert anchor.commitment == slot, f"once: the record of head {sequence} is of another block"
            assert anchor.root == self.log.root(anchor.size), f"ours: head {sequence} is not a head of ours"
            assert anchor.size > size, f"once: head {sequence} does not grow"
            size = anchor.size
        assert not finals, f"once: heads {sorted(finals)} are called final, and are not on the chain"
        assert (record.size, record.root) == (size, self.log.root(size)), "ours: the newest head"

    @property
    def covered(self) -> int:
        """How many entries the newest head on the chain covers."""
        return self.chain.state.storage[self.target.contract].logs[self.target.log_id].size
