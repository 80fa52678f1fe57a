"""A simulated chain with its contract, a log, and workers on a real SQLite database: everything that a campaign drives.

Promises: time passes only when told to (`pass_seconds`), and blocks come with it; whatever is random comes from the
seed. Does not: judge (`truth.py`), or misbehave by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from eth_hash.auto import keccak

from ledger_service.chain.account import development_signer
from ledger_service.chain.deploy import deploy_code, deployed_code
from ledger_service.chain.parameters import HARDHAT_CHAIN_ID
from ledger_service.chain.registry import encode_register_log
from ledger_service.core.alarms import Alarm
from ledger_service.core.anchor_record import AnchorState
from ledger_service.core.fees import FeePolicy
from ledger_service.core.log_entry import Target
from ledger_service.core.registry import compute_contract_address, compute_log_id, compute_origin_hash
from ledger_service.errors import LedgerError, StoreBusyError
from ledger_service.operations.anchor import Anchorer
from ledger_service.operations.anchor_ports import Progress
from ledger_service.operations.anchor_worker import LEASE_SECONDS, alarm_of
from ledger_service.operations.ledger import format_instant
from ledger_service.operations.target_chain import NodesChain
from ledger_service.store.anchors import AnchorHistory
from ledger_service.store.engine import open_store
from ledger_service.store.leases import Lease, Leases
from tests.campaigns.anchoring.crash import CrashChain, CrashHistory, CrashSigner, Points
from tests.campaigns.anchoring.log import MemoryLog
from tests.campaigns.anchoring.truth import Truth
from tests.chain.lying_node.chain import SimulatedChain
from tests.chain.lying_node.faults import LyingNode
from tests.chain.lying_node.wires import InProcess, in_process

BEGIN = datetime(2026, 11, 3, 12, 0, 0, tzinfo=UTC)
BLOCK_SECONDS = 2
CAP = 64
ACCOUNT = development_signer(0, HARDHAT_CHAIN_ID)
ORIGIN = compute_origin_hash("returns.example/campaign")
# Alarms that say that history was rewritten: nothing that a campaign does may raise one, unless it rewrites history.
GRAVE = frozenset({Alarm.HALTED, Alarm.NODES_DISAGREE, Alarm.CONTRADICTED, Alarm.BEHIND_CHAIN, Alarm.WRONG_CODE})


class SetClock:
    """A clock that a campaign moves."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> int:
        """Return the same as seconds since 1970."""
        return int(self.now.timestamp())


@dataclass(frozen=True, slots=True)
class Shape:
    """How a bench is built: `nodes` of which `quorum` must agree, blocks on a final one, seconds before a bump."""

    nodes: int = 1
    quorum: int = 1
    rule: int = 64
    bump_seconds: int = 20


class Worker:
    """One worker with a database connection and a lease of its own."""

    def __init__(self, bench: Bench, name: str, make: Callable[..., Anchorer] = Anchorer) -> None:
        self.name = name
        self.bench = bench
        self.store = open_store(bench.url)
        history = CrashHistory(self.store, bench.points, bench.truth.hear)
        chain = NodesChain(
            bench.target,
            bench.reached,
            sender=ACCOUNT.address,
            roots=bench.log.root_or_none,
            confirmations=bench.confirmations,
            quorum=bench.shape.quorum,
        )
        self.anchorer = make(
            bench.target,
            heads=bench.log,
            chain=CrashChain(chain, bench.points),
            history=history,
            signer=CrashSigner(ACCOUNT, bench.points),
            clock=bench.clock,
            policy=FeePolicy(bump_after_seconds=bench.shape.bump_seconds),
            leasing=self,
        )
        self._leases = Leases(self.store)
        bench.workers.append(self)

    def take(self) -> Lease | None:
        """Take or renew the lease."""
        now = self.bench.clock()
        until = format_instant(now + timedelta(seconds=LEASE_SECONDS))
        return self._leases.take("anchor", holder=self.name, now=format_instant(now), until=until)

    def give_back(self, lease: Lease) -> None:
        """Let another one begin at once."""
        self._leases.give_back(lease, now=format_instant(self.bench.clock()))

    def step(self) -> Progress | None:
        """Do one step; None where it failed in a way that a worker lives with."""
        return self._try(self.anchorer.step)

    def round(self) -> Progress | None:
        """Go on until the chain lets it wait."""
        return self._try(self.anchorer.run)

    def close(self) -> None:
        """Let go of the database, as a process that dies does."""
        self.store.close()
        self.bench.workers.remove(self)

    def _try(self, act: Callable[[], Progress]) -> Progress | None:
        try:
            progress = act()
        except StoreBusyError:
            self.bench.happened["another worker was first"] += 1
            return None
        except LedgerError as error:
            self.bench.hear(alarm_of(error), error.message)
            return None
        if progress.alarm is not None:
            self.bench.hear(progress.alarm, progress.said)
        return progress


@dataclass
class Bench:
    """One log at one chain, in a folder."""

    folder: Path
    chance: Random
    shape: Shape = field(default_factory=Shape)
    confirmations: int = field(init=False)

    def __post_init__(self) -> None:
        self.clock = SetClock()
        self.happened: Counter[str] = Counter()
        self.workers: list[Worker] = []
        self.points = Points()
        self.confirmations = self.shape.rule
        self.chain = SimulatedChain(clock=self.clock.seconds, final_depth=self.shape.rule)
        self.log = MemoryLog(cap=CAP, clock=self.clock.seconds)
        self.target = _found(self.chain, self.log.leaf)
        self.truth = Truth(self.chain, self.target, self.log, self.shape.rule)
        self.nodes = [LyingNode(self.chain, sent=self._arrived) for _ in range(self.shape.nodes)]
        self.reached = [in_process(node, pass_seconds=self.pass_time) for node in self.nodes]
        self.url = f"sqlite:///{self.folder / f'anchors-{self.chance.getrandbits(64):016x}.db'}"
        self._owed = 0.0
        open_store(self.url, create=True).close()

    def pass_time(self, seconds: float) -> None:
        """Let time pass while somebody waits, without blocks."""
        self.clock.now += timedelta(seconds=seconds)

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass, with its blocks."""
        self._owed += seconds
        while self._owed >= BLOCK_SECONDS:
            self._owed -= BLOCK_SECONDS
            self.pass_time(BLOCK_SECONDS)
            self.chain.mine()

    def state(self, worker: Worker) -> AnchorState | None:
        """Return the state of the newest anchor, None before the first."""
        newest = AnchorHistory(worker.store).newest(self.target.log_id)
        return None if newest is None else AnchorState(newest.state)

    def settle(self, worker: Worker, *, seconds_max: int, every: int = 1) -> int:
        """Let time pass, a round each `every` seconds, until a head on the chain covers all; how many seconds it took.

        Raises:
            AssertionError: The check `drained`.
        """
        for second in range(0, seconds_max, every):
            if self.truth.covered == self.log.size():
                return second
            worker.round()
            self.pass_seconds(every)
        left = self.log.size() - self.truth.covered
        assert left == 0, f"drained: {left} entries have no anchor {seconds_max} s after all was well"
        return seconds_max

    def finish(self, worker: Worker) -> None:
        """Let everything become final, then compare chain and records.

        Raises:
            AssertionError: One of the checks.
        """
        self.settle(worker, seconds_max=600, every=10)
        for _ in range(8):
            self.chain.mine(self.shape.rule + 1)
            self.pass_time(30)
            progress = worker.round()
            if progress is not None and progress.anchor is None and self.truth.covered == self.log.size():
                break
        self.truth.check(AnchorHistory(worker.store))

    def hear(self, alarm: Alarm | None, words: str) -> None:
        """Take in what a worker complains about.

        Raises:
            AssertionError: The check `alarms`.
        """
        assert alarm is not None, f"alarms: an error that is none: {words}"
        assert alarm not in GRAVE, f"alarms: {alarm.value}, {words}"
        self.happened[alarm.value] += 1

    def close(self) -> None:
        """Let go of the nodes, and of workers that are left."""
        for worker in list(self.workers):
            worker.close()
        for node in self.reached:
            assert isinstance(node._transport, InProcess)
            node.close()

    def _arrived(self, raw: bytes) -> None:
        self.truth.arrived(raw, keccak(raw))


def _found(chain: SimulatedChain, leaf: bytes) -> Target:
    """Deploy the contract and register the log."""
    me = ACCOUNT.address
    contract = compute_contract_address(me, chain.state.nonce(me))
    chain.plant(me, b"", deploy_code(), gas=3_000_000)
    chain.plant(me, contract, encode_register_log(ORIGIN, leaf, owner=me, anchorer=me, max_growth=CAP))
    chain.mine(20)  # older than any node lags behind
    genesis = chain.block(0)
    assert genesis is not None
    log_id = compute_log_id(chain.chain_id, contract, registrar=me, origin_hash=ORIGIN)
    return Target(
        chain_id=chain.chain_id,
        chain_genesis=genesis.block_hash,
        contract=contract,
        code_hash=keccak(deployed_code()),
        registrar=me,
        log_id=log_id,
    )
