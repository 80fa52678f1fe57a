"""What the anchoring verbs share: where steps are saved, and what one step did.

Promises: nothing but forms. Does not: act.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger_service.core.alarms import Alarm
from ledger_service.core.anchor_record import UNFINISHED, Anchor
from ledger_service.store.anchors import StoredAnchor
from ledger_service.store.leases import Lease


class History(Protocol):
    """Where the steps of anchors are saved; `store.anchors.AnchorHistory` is one."""

    def working_set(self, log_id: bytes, *, since: str) -> Sequence[StoredAnchor]:
        """Return what the next step is decided on."""

    def newest_final(self, log_id: bytes) -> StoredAnchor | None:
        """Return the final anchor with the highest sequence."""

    def sizes_elsewhere(self, log_id: bytes, *, above: int) -> Sequence[int]:
        """Return the sizes of heads at other targets."""

    def save(
        self,
        log_id: bytes,
        sequence: int,
        *,
        step: int,
        size: int,
        state: str,
        record: bytes,
        recorded_at: str,
        lease: Lease | None = None,
    ) -> None:
        """Append a step; durable on return."""


class Leasing(Protocol):
    """How a worker takes the lease of its target."""

    def take(self) -> Lease | None:
        """Take or renew it; None while another worker has it."""

    def give_back(self, lease: Lease) -> None:
        """Let the next worker begin at once."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What one step did: the anchor as it stands (None: nothing to anchor), and in words."""

    anchor: Anchor | None
    said: str
    waiting: bool = False
    alarm: Alarm | None = None

    @property
    def quiet(self) -> bool:
        """Return whether nothing is left to do now."""
        return self.anchor is None or self.anchor.state not in UNFINISHED
