"""What happens to a world from outside: blocks, reorgs, fees, nodes that fail or lie, strangers, and time.

Promises: no reorg below finality except where the weather says so, and then `Watch` is told; at most one node lies.
Does not: touch a worker or the database.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ledger_service.chain.account import TxRequest
from ledger_service.chain.deploy import Envelope
from ledger_service.chain.jsonrpc import JsonRpcError
from ledger_service.core.fees import GWEI
from tests.simulator.chain import BLOCK_SECONDS, CALM_FEE, PRIORITY_FEE, TARGET, FastSigner, build_call, decode
from tests.simulator.log import CAP
from tests.simulator.nodes import LIES

if TYPE_CHECKING:
    from tests.simulator.world import World

PASSES = (30, 130, 200, 700, 4_000, 30_000)  # seconds in which nothing happens
MONEY = 10**18


class Troubles:
    """The outside of one world."""

    def __init__(self, world: World) -> None:
        """Take the world."""
        self._world = world
        self._chance = world.chance
        self._deep_left = 4

    def events(self) -> dict[str, Callable[[], None]]:
        """Return what can happen, by name."""
        return {
            "block": self.block,
            "pass": self._pass,
            "reorg": self._reorg,
            "trouble": self._trouble,
            "fees": self._fees,
            "stranger": self._stranger,
            "forget": self._forget,
            "owner": self._owner,
            "deep": self._deep,
        }

    def block(self) -> None:
        """Add a block or some."""
        world = self._world
        for _ in range(self._chance.choice((1, 1, 1, 2, 4))):
            world.now += self._chance.randrange(BLOCK_SECONDS)
            world.watch.mined(world.chain.mine(world.now))

    def meanwhile(self) -> None:
        """Let the chain move on between the answers of two nodes."""
        drawn = self._chance.random()
        if drawn < self._world.weather.moves:
            self.block()
        elif drawn < 1.3 * self._world.weather.moves:
            self._reorg()

    def end(self) -> None:
        """End every trouble: nodes follow and tell the truth, fees are low, there is money."""
        world = self._world
        for node in world.nodes:
            node.lag, node.lie, node.stuck, node.silent = 0, "", False, False  # but what it refuses is its way
            node.loses_answers = node.loses_requests = node.swallows = 0.0
        world.chain.fee_target, world.chain.inclusion, world.chain.gift = CALM_FEE, 1.0, MONEY
        world.chain.cap = CAP

    def _pass(self) -> None:
        self._world.now += self._chance.choice(PASSES)
        self._world.note("time passes")

    def _reorg(self) -> None:
        chain = self._world.chain
        most = len(chain.blocks) - 1 - chain.final
        if most > 0:
            self._replace(self._chance.randint(1, most))

    def _deep(self) -> None:
        chain = self._world.chain
        if self._deep_left and chain.final > 1:
            self._deep_left -= 1
            self._world.watch.deep = True
            depth = len(chain.blocks) - 1 - chain.final + self._chance.randint(1, min(chain.final, 10))
            self._replace(depth)

    def _replace(self, depth: int) -> None:
        world = self._world
        before = len(world.chain.blocks)
        world.chain.reorg(depth, world.now, drop=self._chance.random() < 0.3)
        world.note("reorg of", depth, "blocks")
        for block in world.chain.blocks[before - depth :]:
            world.watch.mined(block)

    def _trouble(self) -> None:
        world, chance = self._world, self._chance
        node = chance.choice(world.nodes)
        loses = world.weather.loses
        kind = chance.choice(("lag", "stuck", "silent", "loses", "lie", "heal", "heal", "gaps"))
        if kind == "lag":
            node.lag = chance.randrange(8)
        elif kind == "stuck":
            node.catch_up(world.chain)
            node.stuck = True
        elif kind == "silent":
            node.silent = True
        elif kind == "loses":
            node.loses_answers, node.loses_requests, node.swallows = loses, loses, loses
        elif kind == "gaps":
            node.refuses_gaps = not node.refuses_gaps
        elif kind == "lie" and world.weather.liars and not any(other.lie for other in world.nodes):
            node.lie = chance.choice(LIES)
            kind = f"lie: {node.lie}"
            world.watch.lied = True
        else:
            kind = "heal"
            node.lag, node.lie, node.stuck, node.silent = 0, "", False, False
            node.loses_answers = node.loses_requests = node.swallows = 0.0
        world.note(node.name, kind)

    def _fees(self) -> None:
        chain = self._world.chain
        chain.fee_target = self._chance.choice((CALM_FEE // 10, CALM_FEE, CALM_FEE, 3 * CALM_FEE, 20 * CALM_FEE))
        chain.inclusion = self._chance.choice((0.1, 0.5, 0.9))
        if self._chance.random() < 0.5:
            chain.gift = MONEY // 20
        self._world.note("fees go to", chain.fee_target // GWEI, "gwei")

    def _stranger(self) -> None:
        """Another program uses our account: for something else, or to place a head of ours."""
        world, chance = self._world, self._chance
        state = world.chain.tip.state
        nonce = chance.choice((state.nonce, world.chain.pending_nonce(state.nonce)))
        fee = chance.choice((CALM_FEE // 2, 2 * CALM_FEE, 5 * CALM_FEE))
        envelope = Envelope(TARGET.chain_id, nonce, 200_000, fee, PRIORITY_FEE)
        request = TxRequest(TARGET.chain_id, nonce, 21_000, fee, PRIORITY_FEE, b"\x77" * 20, b"")
        head = state.heads[-1]
        size = world.log.sealed(head.size + CAP)
        if chance.random() < 0.4 and size is not None and size > head.size:
            proof = world.log.consistency_proof(head.size, size)
            request = build_call(
                envelope, TARGET.contract, log_id=TARGET.log_id, size=size, root=world.log.root(size), proof=proof
            )
        try:
            world.chain.receive(FastSigner().sign_transaction(request))
        except JsonRpcError as error:
            world.note("stranger", "is refused:", error.text)
            return
        world.note("stranger", "sends nonce", nonce, "size", decode(FastSigner().sign_transaction(request)).size)

    def _forget(self) -> None:
        """The pool forgets what waits."""
        if self._world.chain.pool:
            nonce = self._chance.choice(sorted(self._world.chain.pool))
            del self._world.chain.pool[nonce]
            self._world.note("pool", "forgets nonce", nonce)

    def _owner(self) -> None:
        """The owner of the log lowers the cap, or raises it again."""
        chain = self._world.chain
        chain.cap = self._chance.choice((CAP, CAP, CAP // 2, CAP // 4))
        self._world.note("owner", "sets the cap to", chain.cap)
