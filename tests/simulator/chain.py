"""One chain: blocks, a pool, our account, the registry's rules, fees that walk, and reorgs.

A block holds the state after it, so that a branch is a list of blocks, and a node that lags or sits on an abandoned
branch is a list and a height. Blocks at or below `final` are never replaced, unless `reorg` is told to dig deeper.

Promises: what a transaction may do follows the rules of the real chain and contract (nonce, fee caps, balance, +10 %
for a replacement, growth, consistency). Does not: lag or lie (`nodes.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from random import Random

from eth_hash.auto import keccak

from ledger_service.chain.account import TxRequest
from ledger_service.chain.deploy import Envelope
from ledger_service.chain.jsonrpc import JsonRpcError
from ledger_service.core.anchor_record import Block
from ledger_service.core.fees import GWEI, raised
from ledger_service.core.log_entry import Target
from ledger_service.core.merkle import verify_consistency
from ledger_service.core.registry import compute_commitment
from ledger_service.errors import InvalidProofError
from tests.simulator.log import CAP, root_at

ACCOUNT = b"\xaa" * 20
TARGET = Target(
    chain_id=4242,
    chain_genesis=b"\x6e" * 32,
    contract=b"\xcc" * 20,
    code_hash=b"\xc0" * 32,
    registrar=ACCOUNT,
    log_id=b"\x1d" * 32,
)
BLOCK_SECONDS = 12
CALM_FEE = 20 * GWEI
PRIORITY_FEE = GWEI
POOL_SECONDS = 2 * 86_400  # after which nodes forget what waits
_REFUSED_GAS = 30_000
_TRANSFER_GAS = 21_000


@dataclass(frozen=True, slots=True)
class Tx:
    """A signed transaction of our account; `size` 0: not a call of the registry."""

    raw: bytes
    tx_hash: bytes
    nonce: int
    gas: int
    max_fee: int
    priority_fee: int
    size: int = 0
    root: bytes = b""
    proof: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class PlacedHead:
    """A head in the registry."""

    size: int
    root: bytes
    commitment: bytes
    tx_hash: bytes


@dataclass(frozen=True, slots=True)
class State:
    """What the chain holds after a block: our account, and the heads by sequence."""

    nonce: int
    balance: int
    heads: tuple[PlacedHead, ...]


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction in a block: whether it succeeded, and what it cost."""

    tx: Tx
    succeeded: bool
    fee_paid: int
    sequence: int | None


@dataclass(frozen=True, slots=True)
class ChainBlock:
    """A block and the state after it."""

    place: Block
    base_fee: int
    state: State
    mined: tuple[Mined, ...]


def build_call(
    envelope: Envelope, registry: bytes, *, log_id: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> TxRequest:
    """Return the anchoring of a head, with a call encoded in a way of our own: the ABI's encoder is slow."""
    data = b"".join((log_id, size.to_bytes(8, "big"), root, *proof))
    e = envelope
    return TxRequest(e.chain_id, e.nonce, e.gas, e.fee, e.priority_fee, registry, data)


class FastSigner:
    """Signs with nothing at all: what it signs is the transaction, spelled in one way."""

    address = ACCOUNT

    def sign_transaction(self, request: TxRequest) -> bytes:
        """Return the raw transaction."""
        fields = (request.chain_id, request.nonce, request.gas, request.fee, request.priority_fee)
        return b"".join(value.to_bytes(10, "big") for value in fields) + request.data


@lru_cache(maxsize=4096)
def decode(raw: bytes) -> Tx:
    """Return the transaction of its raw bytes."""
    _, nonce, gas, max_fee, priority_fee = (int.from_bytes(raw[at : at + 10], "big") for at in range(0, 50, 10))
    data = raw[50:]
    plain = Tx(raw, keccak(raw), nonce, gas, max_fee, priority_fee)
    if len(data) < 72:
        return plain
    proof = tuple(data[at : at + 32] for at in range(72, len(data), 32))
    return replace(plain, size=int.from_bytes(data[32:40], "big"), root=data[40:72], proof=proof)


@lru_cache(maxsize=65_536)
def _is_consistent(old: int, size: int, proof: tuple[bytes, ...], old_root: bytes, root: bytes) -> bool:
    try:
        verify_consistency(old, size, proof, old_root, root)
    except InvalidProofError:
        return False
    return True


def refusal(state: State, cap: int, size: int, *, root: bytes, proof: tuple[bytes, ...]) -> str:
    """Return the error with which the registry refuses a head now; empty if it takes it."""
    head = state.heads[-1]
    if size <= head.size:
        return "HeadNotGrowing"
    if size - head.size > cap:
        return "HeadGrowthOverCap"
    return "" if _is_consistent(head.size, size, proof, head.root, root) else "ProofWrong"


def gas_of(proof: Sequence[bytes]) -> int:
    """Return what anchoring a head costs in gas."""
    return 70_000 + 2_500 * len(proof)


class Chain:
    """The chain that survives, and the pool."""

    def __init__(self, chance: Random, *, now: int, final_depth: int, balance: int) -> None:
        """Begin with a registered log: head 0 holds the genesis entry."""
        self._chance = chance
        self._made = 0
        self.final_depth = final_depth
        self.final = 0
        self.fee_target = CALM_FEE
        self.inclusion = 0.8  # the part of blocks that have room for us
        self.cap = CAP  # as the owner of the log last set it
        self.gift = 0  # wei that the next block brings our account
        head = PlacedHead(1, root_at(1), b"\x01" * 32, b"")
        genesis = ChainBlock(Block(0, b"\x6e" * 32, bytes(32), now), CALM_FEE, State(0, balance, (head,)), ())
        self.blocks = [genesis]
        self.pool: dict[int, Tx] = {}
        self._since: dict[int, int] = {}
        self.mined: dict[bytes, list[tuple[ChainBlock, Mined]]] = {}
        self.ever: dict[bytes, ChainBlock] = {}

    @property
    def tip(self) -> ChainBlock:
        """The newest block."""
        return self.blocks[-1]

    def receive(self, raw: bytes) -> None:
        """Take a transaction into the pool.

        Raises:
            JsonRpcError: The words with which geth refuses it.
        """
        tx, state = decode(raw), self.tip.state
        if tx.nonce < state.nonce:
            raise JsonRpcError(-32000, f"nonce too low: next nonce {state.nonce}, tx nonce {tx.nonce}")
        if tx.gas * tx.max_fee > state.balance:
            raise JsonRpcError(-32000, "insufficient funds for gas * price + value")
        before = self.pool.get(tx.nonce)
        if before is not None:
            if before.raw == raw:
                return  # already known
            if tx.max_fee < raised(before.max_fee) or tx.priority_fee < raised(before.priority_fee):
                raise JsonRpcError(-32000, "replacement transaction underpriced")
        self.pool[tx.nonce] = tx
        self._since[tx.nonce] = self.tip.place.time

    def pending_nonce(self, nonce: int) -> int:
        """Return the nonce after those that wait."""
        while nonce in self.pool:
            nonce += 1
        return nonce

    def mine(self, now: int, *, extra: int = 0) -> ChainBlock:
        """Add a block; `extra` makes it another one than its twin at the same height would be."""
        parent = self.tip
        self._made += 1
        digest = sha256(b"%s %d %d" % (parent.place.block_hash, self._made, extra)).digest()
        number, time = parent.place.number + 1, max(now, parent.place.time + 1)
        place = Block(number, digest, parent.place.block_hash, time)
        base_fee = self._next_fee(parent.base_fee)
        state, mined = self._execute(parent.state, place, base_fee)
        block = ChainBlock(place, base_fee, state, mined)
        self.blocks.append(block)
        self.ever[digest] = block
        for one in mined:
            self.mined.setdefault(one.tx.tx_hash, []).append((block, one))
        self.final = max(self.final, number - self.final_depth)
        return block

    def reorg(self, depth: int, now: int, *, drop: bool) -> None:
        """Replace the newest blocks by as many or one more; `drop`: their transactions leave the pool too."""
        keep = len(self.blocks) - depth
        gone = self.blocks[keep:]
        self.blocks = self.blocks[:keep]  # a list of its own: nodes may sit on the old one
        self.final = min(self.final, keep - 1)
        if not drop:
            for block in gone:
                for one in block.mined:
                    self.pool.setdefault(one.tx.nonce, one.tx)
        for _ in range(depth + self._chance.randrange(2)):
            self.mine(now, extra=1)

    def holds(self, block: Block) -> bool:
        """Say whether a block is on the chain that survives."""
        return block.number < len(self.blocks) and self.blocks[block.number].place == block

    def _next_fee(self, base_fee: int) -> int:
        step = base_fee // 8  # EIP-1559: at most one eighth a block
        wanted = self.fee_target + self.fee_target * self._chance.randrange(-10, 11) // 100
        return max(min(wanted, base_fee + step), base_fee - step, 7)

    def _execute(self, state: State, place: Block, base_fee: int) -> tuple[State, tuple[Mined, ...]]:
        mined: list[Mined] = []
        if self.gift:
            state, self.gift = replace(state, balance=state.balance + self.gift), 0
        while (tx := self.pool.get(state.nonce)) is not None:
            if tx.max_fee < base_fee or tx.gas * tx.max_fee > state.balance or self._chance.random() > self.inclusion:
                break
            del self.pool[state.nonce]
            price = min(tx.max_fee, base_fee + tx.priority_fee)
            state, done = _run(state, tx, place, price=price, cap=self.cap)
            mined.append(done)
        for nonce in list(self.pool):
            if nonce < state.nonce or self._since.get(nonce, place.time) < place.time - POOL_SECONDS:
                del self.pool[nonce]
        return state, tuple(mined)


def _run(state: State, tx: Tx, place: Block, *, price: int, cap: int) -> tuple[State, Mined]:
    heads, sequence, gas = state.heads, None, _TRANSFER_GAS
    refused = refusal(state, cap, tx.size, root=tx.root, proof=tx.proof) if tx.size else ""
    if refused:
        gas = _REFUSED_GAS
    elif tx.size:
        gas, sequence = gas_of(tx.proof), len(heads)
        commitment = compute_commitment(
            TARGET.log_id,
            sequence,
            size=tx.size,
            root=tx.root,
            time=place.time,
            block_number=place.number,
            parent_hash=place.parent_hash,
        )
        heads = (*heads, PlacedHead(tx.size, tx.root, commitment, tx.tx_hash))
    fee = gas * price
    return State(tx.nonce + 1, state.balance - fee, heads), Mined(tx, not refused, fee, sequence)
