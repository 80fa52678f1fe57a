"""Variants of the code under test, each with one bug, to show that the simulator finds such bugs.

Promises: each differs from the sound code in one thing, which its name says. Does not: run (`test_planted.py`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ledger_service.core.anchor_record import Anchor, AnchorState, encode_anchor_record
from ledger_service.core.anchoring import Sign, Step
from ledger_service.core.chain_view import ChainView, FinalView
from ledger_service.core.quorum import Disagreement
from ledger_service.operations.anchor import Anchorer
from ledger_service.operations.anchor_ports import Progress
from ledger_service.operations.ledger import format_instant
from ledger_service.operations.target_chain import Place, TargetChain


class SendsBeforeSaving(Anchorer):
    """The signed bytes leave before they are on disk."""

    def _save(self, anchor: Anchor, said: str) -> Progress:
        if anchor.state is AnchorState.SIGNED:
            self._chain.send(anchor.attempts[-1].raw)
        return super()._save(anchor, said)


class NewNonceForABump(Anchorer):
    """A transaction that waits is not replaced: a second one is sent after it."""

    def _act(self, anchor: Anchor, step: Step) -> Progress:
        if isinstance(step, Sign) and anchor.attempts:
            step = replace(step, nonce=max(attempt.nonce for attempt in anchor.attempts) + 1)
        return super()._act(anchor, step)


class BumpsByTooLittle(Anchorer):
    """A replacement offers 5 % more."""

    def _act(self, anchor: Anchor, step: Step) -> Progress:
        if isinstance(step, Sign) and anchor.attempts:
            newest = anchor.attempts[-1]
            step = replace(step, max_fee=newest.max_fee * 105 // 100, priority_fee=newest.priority_fee * 105 // 100)
        return super()._act(anchor, step)


class IgnoresItsLease(Anchorer):
    """Steps are saved without the fencing token."""

    def _save(self, anchor: Anchor, said: str) -> Progress:
        self._lease = None
        return super()._save(anchor, said)


class ResumesByItself(Anchorer):
    """A halt is ended by the program."""

    def step(self) -> Progress:
        """End a halt, then do the next thing."""
        if any(anchor.state is AnchorState.HALTED for anchor in self._load()):
            self.resume()
        return super().step()


class ForgetsTheBudget(Anchorer):
    """The day's budget is looked at by nobody."""

    def __init__(self, *arguments: Any, **parts: Any) -> None:
        """Leave the budget out."""
        parts["policy"] = replace(parts["policy"], daily_budget=None)
        super().__init__(*arguments, **parts)


class WritesOverAnAnchor(Anchorer):
    """A bump forgets the transactions that were sent before."""

    def _save(self, anchor: Anchor, said: str) -> Progress:
        if anchor.state is AnchorState.SIGNED:
            anchor = replace(anchor, attempts=anchor.attempts[-1:])
        return super()._save(anchor, said)


class LooksOnlyOnce(Anchorer):
    """A head is called final without a second look at the head below it."""

    def _finalize(self, anchor: Anchor) -> Progress:
        return self._save(replace(anchor, state=AnchorState.FINALIZED), "final")


class KeepsNoOrder(Anchorer):
    """A step is saved as the next one, whatever was saved since it was decided on."""

    def _save(self, anchor: Anchor, said: str) -> Progress:
        newest = [row.step for row in self._history.working_set(anchor.log_id, since="")
                  if row.sequence == anchor.sequence]  # fmt: skip
        self._history.save(
            anchor.log_id,
            anchor.sequence,
            step=max(newest, default=-1) + 1,
            size=anchor.size,
            state=anchor.state.value,
            record=encode_anchor_record(anchor),
            recorded_at=format_instant(self._clock()),
            lease=self._lease,
        )
        return Progress(anchor, said)


class Disguised:
    """A chain that passes everything on; the bugs below change one answer."""

    is_embedded = False

    def __init__(self, chain: TargetChain) -> None:
        """Take what is asked."""
        self._chain = chain

    def place(self) -> Place:
        """Return what the contract holds."""
        return self._chain.place()

    def view(self, anchor: Anchor) -> ChainView | Disagreement:
        """Return what the chain shows about an unfinished anchor."""
        view = self._chain.view(anchor)
        return view if isinstance(view, Disagreement) else self.seen(anchor, view)

    def final_view(self, anchor: Anchor) -> FinalView | Disagreement:
        """Return what the chain shows about a final one."""
        return self._chain.final_view(anchor)

    def was_placed_lately(self, sequence: int) -> bool:
        """Say whether the chain shows who placed a head."""
        return self._chain.was_placed_lately(sequence)

    def send(self, raw: bytes) -> None:
        """Send."""
        self._chain.send(raw)

    def mine(self) -> None:
        """Add a block."""
        self._chain.mine()

    def seen(self, anchor: Anchor, view: ChainView) -> ChainView:
        """Return what is made of a view."""
        raise NotImplementedError


class ReadsNoHashAgain(Disguised):
    """The block that a head was seen in is taken to be there still."""

    def seen(self, anchor: Anchor, view: ChainView) -> ChainView:
        """Leave the second look out."""
        if anchor.block is None:
            return view
        return replace(view, block_hash=anchor.block.block_hash, commitment=anchor.commitment or bytes(32))


class FinalOneBlockEarly(Disguised):
    """The rule of finality is off by one."""

    def seen(self, anchor: Anchor, view: ChainView) -> ChainView:
        """Count one more."""
        return replace(view, final_number=view.final_number + 1)


PLANTED: dict[str, dict[str, Any]] = {
    "sends_before_saving": {"anchorer": SendsBeforeSaving},
    "new_nonce_for_a_bump": {"anchorer": NewNonceForABump},
    "bumps_by_too_little": {"anchorer": BumpsByTooLittle},
    "ignores_its_lease": {"anchorer": IgnoresItsLease},
    "resumes_by_itself": {"anchorer": ResumesByItself},
    "forgets_the_budget": {"anchorer": ForgetsTheBudget},
    "writes_over_an_anchor": {"anchorer": WritesOverAnAnchor},
    "looks_only_once": {"anchorer": LooksOnlyOnce},
    "keeps_no_order": {"anchorer": KeepsNoOrder},
    "reads_no_hash_again": {"disguise": ReadsNoHashAgain},
    "final_one_block_early": {"disguise": FinalOneBlockEarly},
    "believes_one_node": {"quorum": 1},
    "plans_over_a_final_head": {"forget_final": True},
}
