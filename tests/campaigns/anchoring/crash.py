"""Places at which a worker can die, or fall asleep while another one takes over.

| point | where |
|---|---|
| sign | before and after the signer signs |
| save | before and after the signed bytes are saved |
| send | before they are sent, after they arrived, before and after that is saved |
| receipt | after the chain was looked at, before and after the block is saved |
| final | before and after the end is saved |

Promises: a point that was armed is used once; what happens there is the test's (`act`). Does not: kill a process: what
was in memory is dropped, what was saved stays, which is all that a process that dies leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger_service.chain.account import Signer, TxRequest
from ledger_service.core.anchor_record import Anchor, AnchorState
from ledger_service.core.chain_view import ChainView, FinalView
from ledger_service.core.quorum import Disagreement
from ledger_service.operations.target_chain import Place, TargetChain
from ledger_service.store.anchors import AnchorHistory
from ledger_service.store.connection import Database
from ledger_service.store.leases import Lease

POINTS = {
    "sign": ("before sign", "after sign"),
    "save": ("before save signed", "after save signed"),
    "send": ("before send", "after send", "before save submitted", "after save submitted"),
    "receipt": ("after view", "before save included", "after save included"),
    "final": ("before save finalized", "after save finalized"),
}


class KilledError(BaseException):
    """The process is gone: nothing that catches errors sees it."""


class Points:
    """Where the next worker that passes dies or falls asleep."""

    def __init__(self) -> None:
        self.armed: str | None = None
        self.act: Callable[[], None] = _nothing

    def arm(self, name: str, act: Callable[[], None]) -> None:
        """Do this at a point, once."""
        self.armed, self.act = name, act

    def reach(self, name: str) -> None:
        """Pass a point."""
        if self.armed == name:
            self.armed = None
            self.act()


class CrashSigner:
    """A signer between two points."""

    def __init__(self, signer: Signer, points: Points) -> None:
        self._signer = signer
        self._points = points

    @property
    def address(self) -> bytes:
        """The account's 20 bytes."""
        return self._signer.address

    def sign_transaction(self, request: TxRequest) -> bytes:
        """Return the raw signed transaction."""
        self._points.reach("before sign")
        raw = self._signer.sign_transaction(request)
        self._points.reach("after sign")
        return raw


class CrashHistory(AnchorHistory):
    """The real history between two points; `saved` hears of each step that is durable."""

    def __init__(self, database: Database, points: Points, saved: Callable[[str, bytes], None]) -> None:
        super().__init__(database)
        self._points = points
        self._saved = saved

    def save(
        self, log_id: bytes, sequence: int, *, step: int, size: int, state: str, record: bytes, recorded_at: str,
        lease: Lease | None = None,
    ) -> None:  # fmt: skip
        """Append a step; durable on return."""
        self._points.reach(f"before save {state}")
        super().save(log_id, sequence, step=step, size=size, state=state, record=record, recorded_at=recorded_at,
                     lease=lease)  # fmt: skip
        self._saved(state, record)
        self._points.reach(f"after save {state}")


class CrashChain:
    """A target's chain between points."""

    def __init__(self, chain: TargetChain, points: Points) -> None:
        self._chain = chain
        self._points = points

    @property
    def is_embedded(self) -> bool:
        """Whether this is the demonstration chain."""
        return self._chain.is_embedded

    def place(self) -> Place:
        """Return what the contract holds."""
        return self._chain.place()

    def view(self, anchor: Anchor) -> ChainView | Disagreement:
        """Return what the chain shows about an unfinished anchor."""
        seen = self._chain.view(anchor)
        if anchor.state is AnchorState.SUBMITTED:
            self._points.reach("after view")
        return seen

    def final_view(self, anchor: Anchor) -> FinalView | Disagreement:
        """Return what the chain shows about an anchor that was final."""
        return self._chain.final_view(anchor)

    def was_placed_lately(self, sequence: int) -> bool:
        """Say whether the chain shows who placed a head."""
        return self._chain.was_placed_lately(sequence)

    def send(self, raw: bytes) -> None:
        """Send a signed transaction."""
        self._points.reach("before send")
        self._chain.send(raw)
        self._points.reach("after send")

    def mine(self) -> None:
        """Add a block to the demonstration chain."""
        self._chain.mine()


def _nothing(*_: Any) -> None:
    """Pass by."""
