"""A worker process: the real `Anchorer` behind ports, at each call of which it can die, or sleep while others go on.

Promises: a process that dies keeps nothing; the next one has another holder's name. Does not: choose when
(`world.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from ledger_service.chain.account import TxRequest
from ledger_service.core.anchor_record import Anchor
from ledger_service.core.cadence import Backlog, Cadence
from ledger_service.core.chain_view import ChainView, FinalView
from ledger_service.core.fees import FeePolicy
from ledger_service.core.quorum import Disagreement
from ledger_service.operations.anchor import Anchorer
from ledger_service.operations.anchor_worker import LEASE_SECONDS
from ledger_service.operations.ledger import format_instant
from ledger_service.operations.target_chain import Place, TargetChain
from ledger_service.store.anchors import StoredAnchor
from ledger_service.store.leases import Lease
from tests.simulator.chain import ACCOUNT, TARGET, FastSigner, build_call
from tests.simulator.log import SimulatedLog
from tests.simulator.store import SimulatedHistory, SimulatedLeases

T = TypeVar("T")


class Died(BaseException):
    """The process died here."""


class Surroundings(Protocol):
    """What the world is to a worker."""

    def moment(self, worker: str) -> int:
        """Return the worker's clock, in seconds since 1970."""

    def interrupt(self, worker: str, call: str) -> None:
        """Let the process die here, or others go on first."""

    def signed(self, request: TxRequest) -> None:
        """Take note of what a signer was asked for."""

    def sends(self, raw: bytes) -> None:
        """Take note of what leaves a worker."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a worker is made of, planted bugs included."""

    log: SimulatedLog
    history: SimulatedHistory
    leases: SimulatedLeases | None
    make_chain: Callable[[], TargetChain]
    policy: FeePolicy
    cadence: Cadence | None
    anchorer: type[Anchorer] = Anchorer


@dataclass(slots=True)
class Worker:
    """One worker, through all its lives."""

    name: str
    world: Surroundings
    parts: Parts
    lives: int = 0
    is_new: bool = True
    anchorer: Anchorer = field(init=False)

    def __post_init__(self) -> None:
        """Start."""
        self.start()

    @property
    def process(self) -> str:
        """The name of the present life, unlike every other."""
        return f"{self.name}{self.lives}"

    def start(self) -> None:
        """Begin a life."""
        self.lives += 1
        self.is_new = True
        door = _Door(self.world, self.process)
        parts = self.parts
        self.anchorer = parts.anchorer(
            TARGET,
            heads=_Heads(door, parts.log),
            chain=_Target(door, parts.make_chain()),
            history=_History(door, parts.history),
            signer=_Signer(door),
            clock=door.clock,
            policy=parts.policy,
            cadence=parts.cadence,
            leasing=None if parts.leases is None else _Leasing(door, parts.leases),
            build_tx=build_call,
        )


class _Door:
    """Every call of a process to what is outside."""

    def __init__(self, world: Surroundings, process: str) -> None:
        self.world = world
        self.process = process

    def clock(self) -> datetime:
        """Return the process's time."""
        return datetime.fromtimestamp(self.world.moment(self.process), UTC)

    def call(self, name: str, call: Callable[[], T]) -> T:
        """Make a call, unless the process dies before; it can also die after."""
        self.world.interrupt(self.process, name)
        answer = call()
        self.world.interrupt(self.process, name)
        return answer


class _Heads:
    def __init__(self, door: _Door, log: SimulatedLog) -> None:
        self._door = door
        self._log = log
        self.root = log.root
        self.is_checkpoint = log.is_checkpoint
        self.consistency_proof = log.consistency_proof
        self.oldest_at = log.oldest_at
        self.max_growth = log.max_growth

    def size(self) -> int:
        return self._door.call("size", self._log.size)

    def seal(self, *, covered: int) -> None:
        self._door.call("seal", lambda: self._log.seal(covered=covered))

    def sealed(self, most: int) -> int | None:
        return self._door.call("sealed", lambda: self._log.sealed(most))

    def backlog(self, covered: int, anchored_at: int | None) -> Backlog:
        return self._door.call("backlog", lambda: self._log.backlog(covered, anchored_at))


class _Target:
    is_embedded = False

    def __init__(self, door: _Door, chain: TargetChain) -> None:
        self._door = door
        self._chain = chain

    def place(self) -> Place:
        return self._door.call("place", self._chain.place)

    def view(self, anchor: Anchor) -> ChainView | Disagreement:
        return self._door.call("view", lambda: self._chain.view(anchor))

    def final_view(self, anchor: Anchor) -> FinalView | Disagreement:
        return self._door.call("final_view", lambda: self._chain.final_view(anchor))

    def was_placed_lately(self, sequence: int) -> bool:
        return self._door.call("was_placed_lately", lambda: self._chain.was_placed_lately(sequence))

    def send(self, raw: bytes) -> None:
        self._door.world.sends(raw)
        self._door.call("send", lambda: self._chain.send(raw))

    def mine(self) -> None:
        self._chain.mine()


class _History:
    def __init__(self, door: _Door, history: SimulatedHistory) -> None:
        self._door = door
        self._history = history

    def working_set(self, log_id: bytes, *, since: str) -> Sequence[StoredAnchor]:
        return self._door.call("working_set", lambda: self._history.working_set(since))

    def newest_final(self, log_id: bytes) -> StoredAnchor | None:
        return self._door.call("newest_final", self._history.newest_final)

    def sizes_elsewhere(self, log_id: bytes, *, above: int) -> Sequence[int]:
        return ()

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
        row = StoredAnchor(log_id, sequence, step, size, state, recorded_at, record)
        self._door.call("save", lambda: self._history.save(row, lease=lease, worker=self._door.process))


class _Leasing:
    def __init__(self, door: _Door, leases: SimulatedLeases) -> None:
        self._door = door
        self._leases = leases

    def take(self) -> Lease | None:
        now = self._door.clock()
        until = format_instant(now + timedelta(seconds=LEASE_SECONDS))
        holder = self._door.process
        return self._door.call("take", lambda: self._leases.take(holder=holder, now=format_instant(now), until=until))

    def give_back(self, lease: Lease) -> None:
        now = format_instant(self._door.clock())
        self._door.call("give_back", lambda: self._leases.give_back(lease, now=now))


class _Signer:
    address = ACCOUNT

    def __init__(self, door: _Door) -> None:
        self._door = door
        self._signer = FastSigner()

    def sign_transaction(self, request: TxRequest) -> bytes:
        self._door.world.signed(request)
        return self._door.call("sign", lambda: self._signer.sign_transaction(request))
