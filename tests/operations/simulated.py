"""A whole ledger whose chain is a simulated one, behind nodes that a test can let lie; and what people are shown of it.

Promises: everything but the chain is real: database, files, the worker, `rledger doctor`'s checks, the answer of
`/health/ready`. Does not: let time pass by itself.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ledger_service.api import public
from ledger_service.api.service import Service
from ledger_service.chain.account import Signer, development_signer
from ledger_service.chain.parameters import HARDHAT_CHAIN_ID
from ledger_service.chain.rpc import Node
from ledger_service.cli.doctor import examine
from ledger_service.core import merkle
from ledger_service.core.alarms import LINES, Alarm
from ledger_service.core.fees import FeePolicy
from ledger_service.core.registry import compute_commitment_slot
from ledger_service.core.report import Check, Outcome
from ledger_service.operations.anchor_worker import TargetWorker, make_anchorer
from ledger_service.operations.anchored import anchors_of
from ledger_service.operations.ledger import Ledger
from ledger_service.settings import load_settings
from ledger_service.store.anchors import AnchorHistory
from tests.chain.lying_node.chain import SimulatedChain
from tests.chain.lying_node.contract import LogRecord
from tests.chain.lying_node.faults import LyingNode
from tests.chain.lying_node.wires import in_process, over_http
from tests.operations.world import World, open_case

ORIGIN = "returns.example/simulated"
CAP = 16
RULE = 64
NOBODY_LISTENS = "http://127.0.0.1:9/"
OWNER = development_signer(0, HARDHAT_CHAIN_ID)
STRANGER = development_signer(3, HARDHAT_CHAIN_ID)
PROMISE_SECONDS = 3_600


@dataclass
class SimulatedWorld(World):
    """A ledger's home, and the chain that it is anchored on."""

    chain: SimulatedChain = field(init=False)
    lying: list[LyingNode] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chain = SimulatedChain(clock=self.clock.seconds, final_depth=RULE)
        self.lying = [LyingNode(self.chain)]

    @property
    def signer(self) -> Signer:
        """The account that deploys, owns and anchors."""
        return OWNER

    def node(self, *, writable: bool = True) -> Node:
        """Open the first node; the caller closes it."""
        return self.reach(self.lying[0])

    def reach(self, lying: LyingNode) -> Node:
        """Open a node; waiting for it moves the clock."""
        return in_process(lying, pass_seconds=self.clock.pass_seconds)

    def copied(self, home: Path) -> SimulatedWorld:
        """Return this ledger (closed) and its chain, copied."""
        plain = self.copy(home)
        world = SimulatedWorld(plain.settings, plain.clock)
        world.chain = copy.deepcopy(self.chain)
        world.chain.clock = world.clock.seconds
        world.lying = [LyingNode(world.chain)]
        return world

    def further_nodes(self, count: int) -> None:
        """Let so many more nodes serve the chain."""
        self.lying += [LyingNode(self.chain) for _ in range(count)]

    @contextmanager
    def working(
        self, *, signer: Signer = OWNER, policy: FeePolicy | None = None, quorum: int = 1
    ) -> Iterator[tuple[Ledger, TargetWorker]]:
        """Open the ledger, and its worker over all nodes."""
        with ExitStack() as stack:
            nodes = [stack.enter_context(self.reach(lying)) for lying in self.lying]
            with in_process(LyingNode(self.chain)) as well, self.opened(well) as opened:
                ledger = opened.ledger
                yield ledger, self.worker(ledger, nodes, signer=signer, policy=policy, quorum=quorum)

    def worker(
        self,
        ledger: Ledger,
        nodes: Sequence[Node],
        *,
        signer: Signer = OWNER,
        policy: FeePolicy | None = None,
        quorum: int = 1,
    ) -> TargetWorker:
        """Return a worker with a lease of its own."""
        policy = policy or FeePolicy(bump_after_seconds=60)
        anchorer = make_anchorer(ledger, nodes, signer, policy=policy, quorum=quorum, leased=True)
        return TargetWorker(ledger, anchorer, promise_seconds=PROMISE_SECONDS)

    def contract_log(self, ledger: Ledger) -> LogRecord:
        """Return what the contract holds about the log, from the chain itself."""
        target = ledger.target()
        return self.chain.state.storage[target.contract].logs[target.log_id]

    def as_owner(self, data: bytes, ledger: Ledger, sender: Signer = OWNER) -> None:
        """Let an account call the contract by another program, in a block."""
        tx_hash = self.chain.plant(sender.address, ledger.target().contract, data)
        self.chain.mine()
        found = self.chain.find(tx_hash)
        assert found is not None
        assert found[1].succeeded

    def pass_blocks(self, count: int, seconds: int = 12) -> None:
        """Add blocks, and the time they take."""
        for _ in range(count):
            self.clock.pass_seconds(seconds)
            self.chain.mine()

    def goes_on(self, ledger: Ledger, worker: TargetWorker) -> None:
        """Assert that everything becomes final by itself, each head once, and no alarm is left."""
        for _ in range(40):
            done = worker.round()
            log = self.contract_log(ledger)
            final = AnchorHistory(ledger.store).newest_final(ledger.target().log_id)
            if log.size == ledger.read.size() and final is not None and final.size == log.size and not done.alarm:
                break
            self.pass_blocks(RULE // 2)
        shown = self.state(ledger)
        assert (shown["alarm"], shown["final_size"]) == (None, ledger.read.size()), shown
        assert log.root == ledger.read.root(log.size)
        slots = self.chain.state.storage[ledger.target().contract].slots
        for row in AnchorHistory(ledger.store).current(ledger.target().log_id):
            if row.state == "finalized":
                assert slots[compute_commitment_slot(row.log_id, row.sequence)].hex().encode() in row.record

    def state(self, ledger: Ledger) -> dict[str, Any]:
        """Return what `/health/ready` says of the target."""
        answer = json.loads(bytes(public.ready(Service(ledger, self.settings)).body))
        assert answer["ready"] is True  # an alarm stops no recording
        (found,) = answer["anchoring"]
        return dict(found)

    def doctor(self) -> dict[str, Check]:
        """Return what `rledger doctor` shows, by name; it asks a node that is well."""
        with over_http(LyingNode(self.chain)) as url, pytest.MonkeyPatch.context() as patch:
            named = {"HOME": str(self.home), "ORIGIN": ORIGIN, "RPC_URL": url, "CONFIRMATIONS": str(RULE)}
            for name, value in named.items():
                patch.setenv(f"LEDGER_{name}", value)
            return {check.name: check for check in examine()}

    def assert_told(self, ledger: Ledger, alarm: Alarm, *words: str) -> None:
        """Assert that doctor and `/health/ready` show an alarm with its documented line and its way out."""
        shown, line = self.state(ledger), LINES[alarm]
        assert (shown["alarm"], shown["meaning"], shown["way_out"]) == (alarm.value, line.meaning, line.way_out), shown
        check = self.doctor()["anchoring hardhat_local"]
        assert check.outcome is Outcome.FAIL
        assert check.detail.startswith(f"{alarm.value}: {line.meaning}; {line.way_out} (since "), check.detail
        for said in words:
            assert said in shown["detail"], shown["detail"]
            assert said in check.detail


def simulated_world(home: Path) -> SimulatedWorld:
    """Return a founded ledger on a fresh simulated chain."""
    settings = load_settings(
        home=home, origin=ORIGIN, max_growth=CAP, confirmations=RULE, rpc_url=NOBODY_LISTENS, _env_file=None
    )
    world = SimulatedWorld(settings)
    world.chain.automine = True
    world.found()
    world.chain.automine = False
    world.chain.mine(120)  # older than any node lags behind, or any reorganisation goes back
    return world


def junk(world: SimulatedWorld, ledger: Ledger, growth: int) -> tuple[int, bytes]:
    """Anchor entries that are not in the ledger, as a thief of the anchoring key can; size and root of that head."""
    from ledger_service.chain.registry import encode_anchor

    log = world.contract_log(ledger)
    ours = [bytes(ledger.read.entry(index).leaf_hash) for index in range(log.size)]
    leaves = [*ours, *(merkle.leaf_hash(b"junk" + bytes([place])) for place in range(growth))]
    tree, size = merkle.complete_nodes(leaves), log.size + growth
    root = merkle.compute_root(size, [tree[node] for node in merkle.nodes_for_root(size)])
    nodes = [tree[node] for node in merkle.nodes_for_consistency(log.size, size)]
    proof = merkle.fold_consistency(log.size, size, nodes)
    world.as_owner(encode_anchor(ledger.target().log_id, size, root=root, proof=proof), ledger)
    return size, root


def final_head(world: SimulatedWorld, ledger: Ledger, worker: TargetWorker, folder: Path) -> int:
    """Anchor a case to the end; return the number of its block."""
    open_case(ledger, folder)
    world.goes_on(ledger, worker)
    block = anchors_of(ledger)[-1].block
    assert block is not None
    return block.number
