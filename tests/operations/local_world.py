"""A ledger whose chain is a local node's, anvil or Hardhat, and what such a client can do beyond what nodes can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger_service.chain.account import Signer, development_signer
from ledger_service.chain.jsonrpc import to_quantity
from ledger_service.chain.parameters import HARDHAT_CHAIN_ID
from ledger_service.chain.rpc import Node, open_node
from ledger_service.core.fees import FeePolicy
from ledger_service.core.receipt import Receipt
from ledger_service.core.trust import Trust
from ledger_service.operations.anchor_state import anchoring
from ledger_service.operations.anchor_worker import TargetWorker, make_anchorer
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove import prove
from ledger_service.operations.prove_state import keep_state_proofs
from ledger_service.store.anchors import AnchorHistory
from tests.chain.local_nodes import ask
from tests.operations.conftest import make_world
from tests.operations.test_anchor import anchored_txs
from tests.operations.world import World, open_case, registry

RULE = 64
BUMP_SECONDS = 60
ACCOUNT = development_signer(0, HARDHAT_CHAIN_ID)


@dataclass(frozen=True)
class Local:
    """A local chain, and what its client can do to it beyond what nodes can."""

    kind: str
    url: str

    def ask(self, method: str, *params: object) -> object:
        """Ask something of the client's own; `…_` stands for its name."""
        return ask(self.url, method.replace("…", self.kind), params)

    def mine(self, count: int) -> None:
        """Add blocks."""
        self.ask("…_mine", to_quantity(count))

    def automine(self, on: bool) -> None:
        """Let each transaction have its block at once, or wait."""
        self.ask("evm_setAutomine", on)

    def reorg(self, depth: int, before: object) -> None:
        """Replace the newest blocks by empty ones; what was in them is not in the pool afterwards."""
        if self.kind == "anvil":
            self.ask("anvil_reorg", depth, [])
            return
        assert self.ask("evm_revert", before) is True
        self.mine(depth)


class LocalWorld(World):
    """A ledger whose chain is a local node's."""

    local: Local

    @property
    def signer(self) -> Signer:
        """The account that deploys and anchors."""
        return ACCOUNT

    def node(self, *, writable: bool = True) -> Node:
        """Open the node; the caller closes it."""
        return open_node(self.local.url, timeout_seconds=30)

    @contextmanager
    def working(self) -> Iterator[tuple[Ledger, Node, TargetWorker]]:
        """Open chain, ledger and worker."""
        policy = FeePolicy(bump_after_seconds=BUMP_SECONDS)
        with self.node() as node, self.opened(node) as opened:
            anchorer = make_anchorer(opened.ledger, [node], ACCOUNT, policy=policy, leased=True)
            yield opened.ledger, node, TargetWorker(opened.ledger, anchorer, promise_seconds=3_600)

    def goes_on(self, ledger: Ledger, node: Node, worker: TargetWorker, heads: int = 1) -> None:
        """Assert that everything becomes final by itself, each head once."""
        for _ in range(30):
            done = worker.round()
            final = AnchorHistory(ledger.store).newest_final(ledger.target().log_id)
            if final is not None and final.size == ledger.read.size() and done.alarm is None:
                break
            self.local.mine(RULE // 2)
            self.clock.pass_seconds(BUMP_SECONDS + 1)
        (shown,) = anchoring(ledger)
        assert (shown.alarm, shown.final_size) == (None, ledger.read.size()), done.said
        head = registry(ledger, node).head(ledger.target().log_id)
        assert (head.size, head.root) == (ledger.read.size(), ledger.read.root(head.size))
        assert len(anchored_txs(ledger, node)) == head.sequence == heads


def founded(local: Local, home: Path, *, origin: str) -> LocalWorld:
    """Return a ledger that is founded on a local chain, under an origin of its own: the chain may be shared."""
    made = make_world(home, origin=origin, confirmations=RULE, rpc_url=local.url)
    world = LocalWorld(made.settings)
    world.local = local
    local.mine(1)
    world.found()
    local.mine(RULE)
    return world


def stated(world: LocalWorld, folder: Path, *, heads: int = 3) -> tuple[Receipt, Trust]:
    """Anchor heads; return a receipt under the last, with the `state` that the node's proof makes, and the trust file.

    With three it has an earlier bound too: the seal of the second quotes the first, and stands before the last entry.
    """
    with world.working() as (ledger, node, worker):
        for head in range(1, heads + 1):
            index = open_case(ledger, folder).appended.index
            world.goes_on(ledger, node, worker, head)
        keep_state_proofs(ledger, [node], ledger.target())
        return prove(ledger, index), ledger.trust()
