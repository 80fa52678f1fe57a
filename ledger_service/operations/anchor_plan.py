"""Plan the next head of one target: is one due, which size, and may this account place it.

Where a log is anchored at several targets, a target that is behind takes the largest head that another one has, so that
a receipt can show one head at all of them; only whoever has them all makes a new one.

Promises: nothing is planned on a chain that contradicts the log or is behind what was final there; a plan starts from
the head that the chain holds. Does not: save it, or sign.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.core.anchor_record import Anchor, AnchorState, parse_anchor_record
from ledger_service.core.cadence import Cadence, due
from ledger_service.core.chain_view import ChainHead
from ledger_service.core.log_entry import Target
from ledger_service.core.registry import format_address
from ledger_service.errors import AccountError, ChainError, NodeAnswerError
from ledger_service.operations.anchor_ports import History, Progress
from ledger_service.operations.gate import compare_head
from ledger_service.operations.heads import Heads
from ledger_service.operations.target_chain import Place, TargetChain


class NodeBehindError(NodeAnswerError):
    """The node shows less of the chain than was final before."""


class LogClosedError(ChainError):
    """The owner closed the log in its contract."""


class NotAnchorerError(AccountError):
    """The contract takes heads of this log from another account."""


class OverCapError(ChainError):
    """No seal lies within what the contract lets the next head add."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A new plan to save, and in words."""

    anchor: Anchor
    said: str


class Planner:
    """Plans heads of one log at one target."""

    def __init__(
        self,
        target: Target,
        heads: Heads,
        chain: TargetChain,
        history: History,
        *,
        account: bytes,
        cadence: Cadence | None,
    ) -> None:
        """Take the parts, the anchorer's account (20 bytes), and when a head is due."""
        self._target = target
        self._heads = heads
        self._chain = chain
        self._history = history
        self._account = account
        self._cadence = cadence

    def plan(self, now: int) -> Planned | Progress:
        """Return the plan of the next head, or why there is none; called when none is unfinished.

        Args:
            now: Seconds since 1970.

        Raises:
            GateClosedError: Chain and ledger contradict each other, or another chain answers.
            NotAnchorerError, LogClosedError, OverCapError: What the contract does not allow.
            ChainError: No node answered, or it is behind.
        """
        heads, place = self._heads, self._chain.place()
        head = place.head
        size = heads.size()
        compare_head(head.size, head.root, size=size, root=heads.root)
        row = self._history.newest_final(self._target.log_id)
        newest = None if row is None else parse_anchor_record(row.record)
        final = 0 if newest is None else newest.sequence
        if head.sequence < final:
            raise NodeBehindError(
                f"the node shows head {head.sequence}, head {final} was final already",
                hint="does the node lag behind, or was the chain reset? nothing is anchored meanwhile",
            )
        if head.sequence > final and (adopted := self._adopt(head, now)) is not None:
            return adopted
        if (reason := self._not_due(newest, head, size, now)) is not None:
            return Progress(None, reason)
        size = self._choose(head, self._require_permission(place))
        anchor = Anchor(
            log_id=self._target.log_id,
            chain_id=self._target.chain_id,
            contract=self._target.contract,
            sequence=head.sequence + 1,
            size=size,
            root=heads.root(size),
            old_size=head.size,
            proof=tuple(heads.consistency_proof(head.size, size)),
            state=AnchorState.PLANNED,
            planned_at=now,
            oldest_at=heads.oldest_at(head.size),
        )
        return Planned(anchor, f"head {anchor.sequence}: planned, {head.size} -> {size} entries")

    def _not_due(self, final: Anchor | None, head: ChainHead, size: int, now: int) -> str | None:
        covered = f"nothing to anchor: head {head.sequence} covers all {size} entries"
        if self._cadence is None:
            return covered if size == head.size else None
        placed_at = None if final is None or final.block is None else final.block.time
        backlog = self._heads.backlog(head.size, placed_at)
        if due(backlog, self._cadence, now) is not None:
            return None
        if backlog.count == 0:
            return covered
        return f"not due yet: {backlog.count} {'entry waits' if backlog.count == 1 else 'entries wait'}"

    def _choose(self, head: ChainHead, cap: int) -> int:
        """Return the size of the next head: another target's that we have not, or a new seal."""
        elsewhere = self._history.sizes_elsewhere(self._target.log_id, above=head.size)
        if shared := [size for size in elsewhere if size <= head.size + cap]:
            return max(shared)
        self._heads.seal(covered=head.size)
        # Seals come at least every half of the cap, so that one always lies within reach.
        size = self._heads.sealed(head.size + cap)
        if size is None or size <= head.size:
            raise OverCapError(
                f"no seal lies within {cap} entries of head {head.sequence}, the most that the contract lets it grow",
                hint="the owner of the log lowered the cap: let them raise it",
            )
        return size

    def _adopt(self, head: ChainHead, now: int) -> Planned | None:
        """Plan to finish a head that stands on chain, is ours, and has no record that ended well.

        Another process placed it, or a node that lagged behind made us give our own up. `next_step` finds whoever
        placed it; where the node does not show that, the next head covers the same entries.
        """
        if not self._heads.is_checkpoint(head.size) or not self._chain.was_placed_lately(head.sequence):
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
            planned_at=now,
        )
        return Planned(anchor, f"head {anchor.sequence}: found on the chain with {head.size} entries")

    def _require_permission(self, place: Place) -> int:
        """Return the most entries that the contract lets the next head add.

        Raises:
            LogClosedError: The log is closed.
            NotAnchorerError: Another account anchors it.
        """
        if place.closed:
            raise LogClosedError(
                f"the log is closed in its contract, its successor is 0x{place.successor.hex()}",
                hint="nothing more of it is anchored; what is final stays so",
            )
        if place.anchorer != self._account:
            raise NotAnchorerError(
                f"the contract takes heads from {format_address(place.anchorer)}, this is"
                f" {format_address(self._account)}",
                hint="set LEDGER_ANCHORER_KEYSTORE to that account's file",
            )
        return min(place.max_growth, self._heads.max_growth())
