"""The embedded chain: an Ethereum chain in a folder, for demonstrations and development.

Promises: a transaction that is accepted is in a block of its own, on disk, when `send_raw` returns; opened again the
chain has the same head. One process writes, others read at the same time. Block times come from the caller's clock
and always grow. Final is what lies two blocks back, by a rule of our own. **It proves nothing against whoever runs
it**, since that person could begin another one.

Does not: keep a pool of waiting transactions, reorganise, or serve a network; other programs of this machine open
the folder with `read_only=True`.

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as folder, open_embedded(Path(folder), read_only=False) as chain:
...     chain.mine(2)
...     chain.finalized_number()
0
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ledger_service.chain.embedded_state import ChainState, Header, Tx, decode_tx
from ledger_service.chain.embedded_store import ChainStore, TxPlace, open_store
from ledger_service.chain.jsonrpc import JsonRpcError
from ledger_service.chain.parameters import (
    BLOCK_GAS_LIMIT,
    EMBEDDED_CHAIN_ID,
    EMBEDDED_GENESIS_HASH,
    FINAL_DISTANCE,
    SAFE_DISTANCE,
)
from ledger_service.errors import ChainDataMissingError, ChainError

if TYPE_CHECKING:
    from ledger_service.chain.embedded_engine import Call, EmbeddedEngine

TX_BYTES_MAX = 128 * 1024  # geth's limit for one pooled transaction
NEXT_FEE_DENOMINATOR = 8  # EIP-1559: an eighth of the base fee at most from block to block
REFUSED_CODE = -32000


def system_clock() -> int:
    """Return the seconds since 1970 by the machine's clock."""
    return int(time.time())


class EmbeddedChain:
    """One opened folder. Safe to use from several threads; they take turns."""

    def __init__(self, store: ChainStore, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._turn = threading.RLock()
        self._engine_made: EmbeddedEngine | None = None
        self.state = ChainState(store)

    @property
    def folder(self) -> Path:
        """Where the chain data are."""
        return self._store.folder

    @property
    def read_only(self) -> bool:
        """Whether this process may only read."""
        return self._store.read_only

    @property
    def turn(self) -> threading.RLock:
        """The lock to hold while several reads must see one chain."""
        return self._turn

    def head(self) -> Header:
        """Return the newest block's header."""
        with self._turn:
            return self.state.head()

    def finalized_number(self) -> int:
        """Return the height up to which blocks are final: two back, never below the genesis block."""
        return max(0, self.head().number - FINAL_DISTANCE)

    def safe_number(self) -> int:
        """Return the height of the `safe` tag: one back."""
        return max(0, self.head().number - SAFE_DISTANCE)

    def tx_place(self, tx_hash: bytes) -> TxPlace | None:
        """Return where a transaction was mined, or None."""
        return self._store.tx_place(tx_hash)

    def next_base_fee(self) -> int:
        """Return the base fee that the next block will have, in wei (EIP-1559)."""
        head = self.head()
        fee, used, target = (
            head.number_of("baseFeePerGas"),
            head.number_of("gasUsed"),
            head.number_of("gasLimit") // 2,
        )
        change = fee * abs(used - target) // target // NEXT_FEE_DENOMINATOR
        return fee + max(change, 1) if used > target else fee - change

    def mine(self, count: int = 1) -> None:
        """Add empty blocks, so that what lies under them becomes final.

        Raises:
            ChainError: The chain was opened for reading only, or the disk refuses.
        """
        with self._turn:
            for _ in range(count):
                self._mine(None)

    def send_raw(self, raw: bytes) -> bytes:
        """Mine one signed transaction in a block of its own and return its hash.

        Raises:
            JsonRpcError: Refused, in geth's words; the chain is as it was.
            ChainError: The chain was opened for reading only, or the disk refuses.
        """
        with self._turn:
            self._require_writer()
            tx = self._check_tx(raw)
            self._mine(tx)
            return tx.tx_hash

    def call(self, header: Header, call: Call) -> bytes:
        """Return what a call gives on the state after a block; `JsonRpcError` with the data when it reverts."""
        with self._turn:
            return self._engine().call(header, call)

    def estimate_gas(self, header: Header, call: Call) -> int:
        """Return a gas limit with which a call succeeds on the state after a block."""
        with self._turn:
            return self._engine().estimate_gas(header, call)

    def close(self) -> None:
        """Close the files and let another process write. Closing twice does nothing."""
        with self._turn:
            self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _mine(self, tx: Tx | None) -> None:
        self._require_writer()
        block_time = max(self._clock(), self.state.head().number_of("timestamp") + 1)
        self._engine().mine(block_time, tx)

    def _require_writer(self) -> None:
        if self.read_only:
            raise ChainError(
                f"the embedded chain in {self.folder} was opened for reading only",
                hint="the process that records writes to it; ask it to anchor",
            )

    def _engine(self) -> EmbeddedEngine:
        if self._engine_made is None:
            from ledger_service.chain.embedded_engine import EmbeddedEngine

            self._engine_made = EmbeddedEngine(self._store)
        return self._engine_made

    def _check_tx(self, raw: bytes) -> Tx:
        """Refuse what a node's pool refuses, in geth's words and order."""
        if len(raw) > TX_BYTES_MAX:
            raise _refusal(f"oversized data: transaction size {len(raw)}, limit {TX_BYTES_MAX}")
        try:
            tx = decode_tx(raw)
        except ValueError as exc:
            raise _refusal(str(exc)) from exc
        if self._store.tx_place(tx.tx_hash) is not None:
            raise _refusal("already known")
        if tx.chain_id != EMBEDDED_CHAIN_ID:
            raise _refusal(f"invalid chain id for signer: have {tx.chain_id} want {EMBEDDED_CHAIN_ID}")
        if tx.gas > BLOCK_GAS_LIMIT:
            raise _refusal(f"exceeds block gas limit: have {tx.gas}, limit {BLOCK_GAS_LIMIT}")
        if tx.priority_fee > tx.fee:
            raise _refusal(f"max priority fee per gas higher than max fee per gas: {tx.priority_fee} over {tx.fee}")
        sender = self._engine().sender_of(tx)
        self._check_account(tx, sender)
        needed = self._engine().intrinsic_gas(tx)
        if tx.gas < needed:
            raise _refusal(f"intrinsic gas too low: have {tx.gas}, want {needed}")
        return tx

    def _check_account(self, tx: Tx, sender: bytes) -> None:
        account, shown = self.state.account(self.state.head(), sender), "0x" + sender.hex()
        if tx.nonce < account.nonce:
            raise _refusal(f"nonce too low: address {shown}, tx: {tx.nonce} state: {account.nonce}")
        if tx.nonce > account.nonce:
            # geth would keep it waiting; there is no pool here.
            raise _refusal(f"nonce too high: address {shown}, tx: {tx.nonce} state: {account.nonce}")
        base_fee = self.next_base_fee()
        if tx.fee < base_fee:
            raise _refusal(
                f"max fee per gas less than block base fee: address {shown}, "
                f"maxFeePerGas: {tx.fee}, baseFee: {base_fee}"
            )
        cost = tx.gas * tx.fee + tx.value
        if account.balance < cost:
            raise _refusal(
                f"insufficient funds for gas * price + value: address {shown} have {account.balance} want {cost}"
            )


def open_embedded(folder: Path, *, read_only: bool, clock: Callable[[], int] = system_clock) -> EmbeddedChain:
    """Open the chain in a folder; when writing, begin one where there was none.

    Args:
        folder: Where `chain.sqlite3` and `chain.lock` are.
        read_only: Read beside a writer, also from a folder that cannot be written.
        clock: Seconds since 1970; asked once for each block.

    Raises:
        ChainDataMissingError: The blocks are missing, in whole or in part.
        ChainBusyError: Another process writes.
        ChainError: The folder cannot be used.
    """
    store = open_store(folder, read_only=read_only)
    try:
        chain = EmbeddedChain(store, clock)
        if store.head() is None and not read_only and not store.begun:
            chain._engine().create_genesis()
        _check_whole(chain)
        store.mark_begun()
    except BaseException:
        store.close()
        raise
    return chain


def _check_whole(chain: EmbeddedChain) -> None:
    head, blocks = chain.head(), chain._store.count_blocks()
    if chain._store.block_hash(0) not in (EMBEDDED_GENESIS_HASH, None):
        raise ChainDataMissingError(
            f"the folder {chain.folder} holds another chain: its first block is not the embedded chain's",
            hint="was it written by another program or an unreleased version? choose another folder",
        )
    if blocks != head.number + 1:
        raise ChainDataMissingError(
            f"the embedded chain in {chain.folder} has lost {head.number + 1 - blocks} of its "
            f"{head.number + 1} blocks: they were deleted",
            hint="restore the folder from a copy; what was anchored in it stays inconclusive until then",
        )


def _refusal(words: str) -> JsonRpcError:
    return JsonRpcError(REFUSED_CODE, words)
