"""A chain simulated in plain Python: blocks that name their parents, a pool, a base fee, and every way to lose a block.

Promises: a block's hash covers its parent, its time, its transactions and a salt, so that a block that comes again
after a reorganisation is another one; states, and much later blocks, are forgotten, so that a long run stays small;
nothing is random unless a test passes chance. Does not: check signatures of what `plant` brings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

from eth_account.account import Account
from eth_hash.auto import keccak

from ledger_service.chain.embedded_state import decode_tx
from ledger_service.chain.parameters import (
    BLOCK_GAS_LIMIT,
    DEVELOPMENT_ADDRESSES,
    DEVELOPMENT_BALANCE_WEI,
    HARDHAT_CHAIN_ID,
)
from ledger_service.core.fees import GWEI
from tests.chain.lying_node.contract import Context
from tests.chain.lying_node.ledger_state import Receipt, State, Tx
from tests.chain.lying_node.pool import Pool, RefusedError

STATES_KEPT = 256  # of so many blocks receipts and state are there; what a full node keeps is of this order
HEADERS_KEPT = 4_096  # then the block itself is forgotten, so that a long run stays small
GAS_TARGET = BLOCK_GAS_LIMIT // 2
BASE_FEE_CHANGE = 8  # EIP-1559: at most an eighth a block


class Keep(StrEnum):
    """Which transactions of the blocks that left come again."""

    ALL = "all"
    NONE = "none"
    SOME = "some"
    REVERSED = "reversed"


@dataclass(frozen=True, slots=True)
class Block:
    """A block and the state after it; None where that is forgotten."""

    number: int
    block_hash: bytes
    parent_hash: bytes
    time: int
    base_fee: int
    receipts: tuple[Receipt, ...]
    state: State | None

    @property
    def gas_used(self) -> int:
        """The gas of its transactions."""
        return sum(receipt.gas_used for receipt in self.receipts)


class SimulatedChain:
    """One chain and its pool.

    `base_fee`: of the next block; it moves by EIP-1559 where `fees_move`. `priority_fee`: what the node suggests.
    `safe_depth`, `final_depth`: how far the tags stand behind the newest block. `automine`: a transaction that is
    taken gets a block at once.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], int],
        chain_id: int = HARDHAT_CHAIN_ID,
        final_depth: int = 2,
        safe_depth: int = 1,
        kept: int = STATES_KEPT,
    ) -> None:
        self.chain_id = chain_id
        self.clock = clock
        self.base_fee = GWEI
        self.priority_fee = GWEI
        self.fees_move = False
        self.automine = False
        self.safe_depth = safe_depth
        self.final_depth = final_depth
        self.pool = Pool()
        self.reorganised = 0  # blocks that left
        self._kept = kept
        self._salt = 0
        self._senders: dict[bytes, Tx] = {}
        self._blocks: dict[int, Block] = {}
        self._places: dict[bytes, int] = {}
        self.reset()

    @property
    def head(self) -> Block:
        """The newest block."""
        return self._blocks[self.height]

    @property
    def state(self) -> State:
        """The state after it."""
        assert self.head.state is not None  # only old ones are forgotten
        return self.head.state

    def block(self, number: int) -> Block | None:
        """Return the block at a height, None beyond the newest and where it is forgotten."""
        return self._blocks.get(number)

    def find(self, tx_hash: bytes) -> tuple[Block, Receipt] | None:
        """Return the block that holds a transaction, and its receipt."""
        number = self._places.get(tx_hash)
        block = None if number is None else self._blocks.get(number)
        if block is None:
            return None
        return next(((block, one) for one in block.receipts if one.tx.tx_hash == tx_hash), None)

    def send_raw(self, raw: bytes) -> bytes:
        """Take a signed transaction; its hash.

        Raises:
            RefusedError: In geth's words.
        """
        tx = self._read(raw)
        if tx.tx_hash in self._places:
            raise RefusedError("already known")
        self.pool.add(tx, self.state)
        if self.automine:
            self.mine()
        return tx.tx_hash

    def plant(
        self, sender: bytes, to: bytes, data: bytes = b"", *, value: int = 0, nonce: int | None = None,
        max_fee: int | None = None, priority_fee: int | None = None, gas: int = 500_000,
    ) -> bytes:  # fmt: skip
        """Put a transaction into the pool that this account sends from another program; its hash."""
        used = self.pool.pending_nonce(sender, self.state) if nonce is None else nonce
        self._salt += 1
        tx = Tx(
            keccak(b"planted" + self._salt.to_bytes(8, "big")), sender, used, to, data, value, gas,
            2 * self.base_fee + self.priority_fee if max_fee is None else max_fee,
            self.priority_fee if priority_fee is None else priority_fee,
        )  # fmt: skip
        self.pool.add(tx, self.state)
        return tx.tx_hash

    def mine(self, count: int = 1, *, take: bool = True) -> None:
        """Add blocks; with `take` what the pool has goes into the first that has room for it."""
        for _ in range(count):
            self._add(take)

    def reorg(
        self, depth: int, *, keep: Keep = Keep.ALL, length: int | None = None, again: bool = False,
        chance: Random | None = None,
    ) -> list[Tx]:  # fmt: skip
        """Replace the newest blocks by others; return the transactions that were in them.

        Args:
            depth: How many leave.
            keep: Which of their transactions are in the pool afterwards; SOME asks `chance`.
            length: How many come; as many as left when None.
            again: What the pool has goes into the first new block at once.
            chance: Decides on each, of SOME.
        """
        depth = min(depth, self.height)
        lost = [self._blocks.pop(self.height - back) for back in reversed(range(depth))]
        self.height -= depth
        self.reorganised += depth
        txs = [receipt.tx for block in lost for receipt in block.receipts]
        for tx in txs:
            self._places.pop(tx.tx_hash, None)
        self.pool.put_back(_again(txs, keep, chance))
        for place in range(depth if length is None else length):
            self._add(again and place == 0)
        return txs

    def reset(self, words: bytes = b"") -> None:
        """Begin anew with the same id; with other words the genesis block is another one."""
        self.pool.clear()
        self._blocks.clear()
        self._places.clear()
        self.height = 0
        state = State(balances=dict.fromkeys(DEVELOPMENT_ADDRESSES, DEVELOPMENT_BALANCE_WEI))
        genesis = keccak(b"genesis" + self.chain_id.to_bytes(32, "big") + words)
        self._blocks[0] = Block(0, genesis, bytes(32), 0, self.base_fee, (), state)

    def set_balance(self, address: bytes, wei: int) -> None:
        """Give an account so much."""
        self._change(replace(self.state, balances={**self.state.balances, address: wei}))

    def set_code(self, address: bytes, code: bytes) -> None:
        """Put other code at an address; empty: none."""
        self._change(replace(self.state, code={**self.state.code, address: code}))

    def context(self, contract: bytes, caller: bytes, at: Block) -> Context:
        """Return what a call sees at a block."""
        return Context(self.chain_id, contract, caller, at.time, at.number, at.parent_hash)

    def _change(self, state: State) -> None:
        self._blocks[self.height] = replace(self.head, state=state)

    def _add(self, take: bool) -> None:
        parent = self.head
        time, number = max(parent.time + 1, self.clock()), parent.number + 1
        state, receipts, gas = self.state, list[Receipt](), 0
        while take and (tx := self.pool.next_for(state, self.base_fee)) is not None:
            context = Context(self.chain_id, tx.to, tx.sender, time, number, parent.block_hash)
            state, receipt = state.apply(tx, context, self.base_fee)
            self.pool.remove(tx)
            receipts.append(receipt)
            gas += receipt.gas_used
            if gas + GAS_TARGET > BLOCK_GAS_LIMIT:
                break
        self._salt += 1
        named = b"".join(receipt.tx.tx_hash for receipt in receipts)
        numbers = b"".join(value.to_bytes(8, "big") for value in (number, time, self._salt))
        block_hash = keccak(parent.block_hash + numbers + named)
        block = Block(number, block_hash, parent.block_hash, time, self.base_fee, tuple(receipts), state)
        self._blocks[number] = block
        self.height = number
        for receipt in receipts:
            self._places[receipt.tx.tx_hash] = number
        self.pool.drop_stale(state)
        self._forget(number - self._kept)
        if number > HEADERS_KEPT:
            self._blocks.pop(number - HEADERS_KEPT, None)
        if self.fees_move:
            self.base_fee = _next_base_fee(self.base_fee, gas)

    def _forget(self, number: int) -> None:
        old = self._blocks.get(number)
        if number <= 0 or old is None:
            return
        self._blocks[number] = replace(old, receipts=(), state=None)
        for receipt in old.receipts:
            self._places.pop(receipt.tx.tx_hash, None)
            self._senders.pop(receipt.tx.tx_hash, None)

    def _read(self, raw: bytes) -> Tx:
        tx_hash = keccak(raw)
        if tx_hash not in self._senders:
            try:
                found = decode_tx(raw)
                sender = bytes.fromhex(Account.recover_transaction(raw)[2:])
            except ValueError as error:
                raise RefusedError(str(error)) from None
            if found.chain_id != self.chain_id:
                raise RefusedError(f"invalid chain id for signer: have {found.chain_id} want {self.chain_id}")
            self._senders[tx_hash] = Tx(tx_hash, sender, found.nonce, found.to, found.data, found.value, found.gas,
                                        found.fee, found.priority_fee, raw)  # fmt: skip
        return self._senders[tx_hash]


def _again(txs: Sequence[Tx], keep: Keep, chance: Random | None) -> list[Tx]:
    if keep is Keep.ALL:
        return list(txs)
    if keep is Keep.REVERSED:
        return list(reversed(txs))
    if keep is Keep.NONE:
        return []
    assert chance is not None  # SOME asks it
    return [tx for tx in txs if chance.random() < 0.5]


def _next_base_fee(base_fee: int, gas_used: int) -> int:
    change = base_fee * (gas_used - GAS_TARGET) // GAS_TARGET // BASE_FEE_CHANGE
    return max(base_fee + change, 1)
