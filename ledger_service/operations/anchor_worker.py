"""One target's worker: rounds of anchoring, the daily look at what is final, and what it says about itself.

Promises: a round never raises for what a chain, a node or an account does: it says which alarm that is, and saves it
for `doctor`, `/health/ready` and the metrics; the status of a target is written by whoever holds its lease.
Does not: sleep, or run by itself (`cli/run.py`).
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from ledger_service.chain.account import Signer
from ledger_service.chain.jsonrpc import JsonRpcError, NodeRefusal
from ledger_service.chain.rpc import Node
from ledger_service.core.alarms import Alarm
from ledger_service.core.cadence import Cadence, due
from ledger_service.core.fees import FeePolicy
from ledger_service.core.log_entry import Target
from ledger_service.errors import (
    AccountError,
    BehindChainError,
    ChainError,
    ContradictedError,
    LedgerError,
    NodeUnreachableError,
    StoreBusyError,
    WrongChainError,
    WrongCodeError,
)
from ledger_service.operations.anchor import Anchorer
from ledger_service.operations.anchor_plan import LogClosedError, NodeBehindError, NotAnchorerError, OverCapError
from ledger_service.operations.anchor_ports import Progress
from ledger_service.operations.heads import LedgerHeads
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.prove_state import keep_state_proofs
from ledger_service.operations.spending import DAY_SECONDS
from ledger_service.operations.target_chain import NodesChain, NodesDisagreeError
from ledger_service.store.anchor_status import AnchorStatuses
from ledger_service.store.anchors import AnchorHistory
from ledger_service.store.leases import Lease, LeaseLostError, Leases

IN_FLIGHT_SECONDS = 10  # between two looks at a head on its way
LEASE_SECONDS = 120  # longer than a round with slow nodes; after a crash the next worker waits no longer than this

# The narrowest class first.
_ALARMS: tuple[tuple[type[LedgerError], Alarm], ...] = (
    (NodesDisagreeError, Alarm.NODES_DISAGREE),
    (WrongChainError, Alarm.WRONG_CHAIN),
    (WrongCodeError, Alarm.WRONG_CODE),
    (BehindChainError, Alarm.BEHIND_CHAIN),
    (ContradictedError, Alarm.HALTED),
    (NodeBehindError, Alarm.NODE_BEHIND),
    (LogClosedError, Alarm.LOG_CLOSED),
    (NotAnchorerError, Alarm.NOT_AUTHORISED),
    (OverCapError, Alarm.OVER_CAP),
    (NodeUnreachableError, Alarm.NODE_SILENT),
    (AccountError, Alarm.SIGNER_FAILS),
    (ChainError, Alarm.NODE_REFUSES),
)


@dataclass(frozen=True, slots=True)
class Round:
    """What a round came to: in words, with the alarm that keeps it waiting; `failed`: try again later, not at once."""

    said: str
    alarm: Alarm | None = None
    failed: bool = False


def alarm_of(error: LedgerError) -> Alarm | None:
    """Return the alarm that an error of anchoring is; None where no person needs to know."""
    if isinstance(error, JsonRpcError) and error.reason is NodeRefusal.INSUFFICIENT_FUNDS:
        return Alarm.NO_FUNDS
    return next((alarm for kind, alarm in _ALARMS if isinstance(error, kind)), None)


def lease_name(log_id: bytes) -> str:
    """Return the name of the lease of a target's worker."""
    return f"anchor/{log_id.hex()}"


def make_anchorer(
    ledger: Ledger,
    nodes: Sequence[Node],
    signer: Signer,
    *,
    target: Target | None = None,
    policy: FeePolicy | None = None,
    cadence: Cadence | None = None,
    quorum: int = 1,
    leased: bool = False,
) -> Anchorer:
    """Return what places heads of a ledger at one of its targets.

    Args:
        ledger: Opened with a writer.
        nodes: Writable nodes of the target's chain.
        signer: The anchorer's account.
        target: Where to; None: the first target of the genesis entry.
        policy: Fee limits and promises.
        cadence: When a head is due; None: whenever an entry waits.
        quorum: How many nodes must have seen something before it counts.
        leased: Act only while this process holds the target's lease.
    """
    target = target or ledger.target()
    heads = LedgerHeads(ledger)

    def own_root(size: int) -> bytes | None:
        return ledger.read.root(size) if size <= ledger.read.size() else None

    chain = NodesChain(
        target,
        nodes,
        sender=signer.address,
        roots=own_root,
        confirmations=ledger.confirmations_of(target),
        quorum=quorum,
    )
    return Anchorer(
        target,
        heads=heads,
        chain=chain,
        history=AnchorHistory(ledger.store),
        signer=signer,
        clock=ledger.clock,
        policy=policy,
        cadence=cadence,
        leasing=TargetLease(ledger, target.log_id) if leased else None,
        keep_proofs=lambda: keep_state_proofs(ledger, nodes, target, quorum=quorum),
    )


class TargetWorker:
    """Anchors at one target, round after round."""

    def __init__(
        self, ledger: Ledger, anchorer: Anchorer, *, promise_seconds: int, cadence: Cadence | None = None
    ) -> None:
        """Take the parts.

        Args:
            ledger: Opened with a writer.
            anchorer: Of this target.
            promise_seconds: From the recording of an entry to its block.
            cadence: As the anchorer has it: a round in which nothing can be due asks no node.
        """
        self.anchorer = anchorer
        self._ledger = ledger
        self._cadence = cadence
        self._heads = LedgerHeads(ledger)
        self._statuses = AnchorStatuses(ledger.store)
        self._history = AnchorHistory(ledger.store)
        self._promise_seconds = promise_seconds
        self._rechecked_at: int | None = None
        self._looked_at: int | None = None
        self._last = Round("not looked yet")

    @property
    def log_id(self) -> bytes:
        """The log's id at this target."""
        return self.anchorer.target.log_id

    def round(self, report: Callable[[Progress], None] | None = None) -> Round:
        """Anchor what is due, look again at what is final once a day, and save what there is to say."""
        now = self._now()
        if self._is_idle(now):
            return self._last
        self._looked_at = now
        self._last = self._round(report)
        return self._last

    def _round(self, report: Callable[[Progress], None] | None) -> Round:
        lost = 0
        try:
            lost = self._recheck_daily()
            progress = self.anchorer.run(report)
        except (LeaseLostError, StoreBusyError) as error:
            return Round(error.message, failed=True)
        except LedgerError as error:
            done = Round(error.message, alarm_of(error), failed=True)
            if lost:  # the graver of the two, and said once only
                done = Round(f"{lost} heads that were final left the chain; {done.said}", Alarm.CONTRADICTED, True)
            if isinstance(error, NodeBehindError):
                self._rechecked_at = None  # a node that lags, or a chain that lost what was final: look again at once
        else:
            if self.anchorer.lease is None and progress.waiting and progress.anchor is None:
                return Round(progress.said)  # another worker's: its status is its own
            done = Round(progress.said, progress.alarm)
            if lost:
                done = Round(f"{lost} heads that were final left the chain; {progress.said}", Alarm.CONTRADICTED)
        if done.alarm is None:
            done = self._late(done)
        self._save(done)
        return done

    def _is_idle(self, now: int) -> bool:
        """Say whether no node needs to be asked: one was of late, and what is recorded since then can wait."""
        if self._cadence is None or self._looked_at is None or self._last.failed:
            return False
        passed = now - self._looked_at
        if self._history.unfinished(self.log_id):
            return 0 <= passed < IN_FLIGHT_SECONDS
        backlog = self._heads.backlog(self._history.placed_size(self.log_id), None)
        return 0 <= passed < self._cadence.age_seconds and due(backlog, self._cadence, now) is None

    def _now(self) -> int:
        return int(self._ledger.clock().timestamp())

    def _recheck_daily(self) -> int:
        now = self._now()
        if self._rechecked_at is not None and now - self._rechecked_at < DAY_SECONDS:
            return 0
        lost = self.anchorer.recheck()
        if lost is None:
            return 0  # whoever has the lease looks
        self._rechecked_at = now
        return len(lost)

    def _late(self, done: Round) -> Round:
        """Say so when entries wait longer than was promised, whatever the reason."""
        placed = self._history.placed_size(self.log_id)
        oldest = self._heads.backlog(placed, None).oldest_at
        waited = 0 if oldest is None else self._now() - oldest
        if waited <= self._promise_seconds:
            return done
        said = f"the oldest entry without an anchor waits for {waited} s, {self._promise_seconds} s were promised"
        return Round(f"{said}; {done.said}", Alarm.LATE)

    def _save(self, done: Round) -> None:
        now = format_instant(self._ledger.clock())
        alarm = None if done.alarm is None else done.alarm.value
        if alarm is None and self._is_lost():
            alarm = Alarm.CONTRADICTED.value  # until the entries of what was lost are final again
        try:
            self._statuses.save(self.log_id, alarm=alarm, detail=done.said, now=now, lease=self.anchorer.lease)
        except StoreBusyError:
            return  # the next round says it again

    def _is_lost(self) -> bool:
        """Say whether heads left the chain after they were final, and none that is final covers them again."""
        before = self._statuses.all().get(self.log_id)
        if before is None or before.alarm != Alarm.CONTRADICTED.value:
            return False
        final = self._history.newest_final(self.log_id)
        lost = [row.size for row in self._history.contradicted() if row.log_id == self.log_id]
        return max(lost, default=0) > (0 if final is None else final.size)


class TargetLease:
    """The lease of one target's worker, held by this process."""

    def __init__(self, ledger: Ledger, log_id: bytes) -> None:
        """Take the ledger and the log's id at the target."""
        self._clock = ledger.clock
        self._leases = Leases(ledger.store)
        self._name = lease_name(log_id)
        self._holder = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"

    def take(self) -> Lease | None:
        """Take or renew it; None while another worker has it."""
        now = self._clock()
        until = format_instant(now + timedelta(seconds=LEASE_SECONDS))
        return self._leases.take(self._name, holder=self._holder, now=format_instant(now), until=until)

    def give_back(self, lease: Lease) -> None:
        """Let the next worker begin at once."""
        self._leases.give_back(lease, now=format_instant(self._clock()))
