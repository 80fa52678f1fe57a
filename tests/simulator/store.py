"""The database of one world: the anchors' history and the lease, with commits whose outcome is not always known.

`SimulatedHistory` follows `store.anchors.AnchorHistory`, `SimulatedLeases` follows `store.leases.Leases`: the same
rows for the same questions, the same refusals. What is added is luck: a commit can be made and its answer lost, be
rolled back, or find the database busy.

Promises: a row is never changed. Does not: judge the rows (`invariants.py` does, at each commit).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from ledger_service.core.anchor_record import UNFINISHED, AnchorState
from ledger_service.errors import StoreBusyError, UnknownOutcomeError
from ledger_service.store.anchors import StoredAnchor
from ledger_service.store.leases import Lease, LeaseLostError
from tests.simulator.chain import TARGET

_GIVEN_UP = frozenset(state.value for state in frozenset(AnchorState) - UNFINISHED - {AnchorState.FINALIZED})
_FINAL = AnchorState.FINALIZED.value


@dataclass(slots=True)
class Luck:
    """How often a commit ends in each way that is not well."""

    answer_lost: float = 0.0
    rolled_back: float = 0.0
    busy: float = 0.0

    def draw(self, chance: Random) -> str:
        """Return how the next commit ends."""
        drawn = chance.random()
        if drawn < self.answer_lost:
            return "answer lost"
        drawn -= self.answer_lost
        if drawn < self.rolled_back:
            return "rolled back"
        return "busy" if drawn - self.rolled_back < self.busy else "ok"


class SimulatedLeases:
    """The one row of the lease; a token that only grows."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.holder = ""
        self.token = 0
        self.expires_at = ""

    def take(self, *, holder: str, now: str, until: str) -> Lease | None:
        """Take or renew it; None while another holder has it."""
        if self.token and self.holder != holder and self.expires_at > now:
            return None
        if self.holder != holder:
            self.token += 1
        self.holder, self.expires_at = holder, until
        return Lease("anchor", self.token)

    def give_back(self, lease: Lease, *, now: str) -> None:
        """Let the next holder begin at once; nothing if it was lost already."""
        if lease.token == self.token:
            self.expires_at = now


class SimulatedHistory:
    """The rows; `on_commit` is told each one, and who saved it."""

    def __init__(self, leases: SimulatedLeases, chance: Random, on_commit: Callable[[StoredAnchor, str], None]) -> None:
        """Begin empty."""
        self._leases = leases
        self._chance = chance
        self._on_commit = on_commit
        self.luck = Luck()
        self.rows: dict[int, list[StoredAnchor]] = {}  # by sequence, in order of steps
        self._ended: dict[int, list[StoredAnchor]] = {}  # those by which an anchor ended without success

    def working_set(self, since: str) -> list[StoredAnchor]:
        """Return what the next step is decided on, by sequence and step."""
        found: list[StoredAnchor] = []
        for sequence in sorted(self.rows):
            newest = self.rows[sequence][-1]
            ended = self._ended.get(sequence, ())
            found.extend(row for row in ended if row is not newest and row.recorded_at >= since)
            if newest.state != _FINAL or newest.recorded_at >= since:
                found.append(newest)
        return found

    def newest_final(self) -> StoredAnchor | None:
        """Return the final anchor with the highest sequence."""
        for sequence in sorted(self.rows, reverse=True):
            if self.rows[sequence][-1].state == _FINAL:
                return self.rows[sequence][-1]
        return None

    def newest(self) -> list[StoredAnchor]:
        """Return the newest step of each anchor, by sequence."""
        return [self.rows[sequence][-1] for sequence in sorted(self.rows)]

    def save(self, row: StoredAnchor, *, lease: Lease | None, worker: str) -> str:
        """Append a step; return how the commit ended, if well.

        Raises:
            LeaseLostError, StoreBusyError: As the real one.
            UnknownOutcomeError: The row may be there.
        """
        outcome = self.luck.draw(self._chance)
        if outcome == "busy":
            raise StoreBusyError("another writer held the lock too long")
        if lease is not None and lease.token != self._leases.token:
            raise LeaseLostError("another worker has taken over")
        rows = self.rows.get(row.sequence, [])
        expected = rows[-1].step + 1 if rows else 0
        if row.step != expected:
            raise StoreBusyError(f"the next step of anchor {row.sequence} is {expected}, not {row.step}")
        if outcome == "rolled back":
            raise UnknownOutcomeError("the connection broke before the commit")
        assert row.log_id == TARGET.log_id
        self.rows.setdefault(row.sequence, []).append(row)
        if row.state in _GIVEN_UP:
            self._ended.setdefault(row.sequence, []).append(row)
        self._on_commit(row, worker)
        if outcome == "answer lost":
            raise UnknownOutcomeError("the connection broke after the commit")
        return outcome
