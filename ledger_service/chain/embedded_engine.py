"""The embedded chain's executor: py-evm with Prague rules over a `ChainStore`.

Promises: a block is executed and validated by py-evm's own Prague virtual machine, then handed to the store as one
commit; nothing reaches the file before that. The genesis block is the same on every machine and for ever: fixed
time, gas limit and development accounts. Calls and gas estimates run on the state of any block and leave no trace.

Does not: choose transactions or times, or answer JSON-RPC; see `embedded`. Importing py-evm takes most of a second,
so this module is imported when something has to be executed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth.chains.base import MiningChain
from eth.constants import (
    BLANK_ROOT_HASH,
    CREATE_CONTRACT_ADDRESS,
    POST_MERGE_MIX_HASH,
    POST_MERGE_NONCE,
    ZERO_HASH32,
)
from eth.db.atomic import AtomicDB
from eth.db.backends.base import BaseDB
from eth.exceptions import OutOfGas, Revert
from eth.vm.forks.prague import PragueVM
from eth.vm.spoof import SpoofTransaction
from eth_utils.exceptions import ValidationError

from ledger_service.chain.embedded_state import Header, Tx
from ledger_service.chain.embedded_store import ChainStore, TxPlace
from ledger_service.chain.jsonrpc import REVERTED_CODE, JsonRpcError
from ledger_service.chain.parameters import (
    BLOCK_GAS_LIMIT,
    DEVELOPMENT_ADDRESSES,
    DEVELOPMENT_BALANCE_WEI,
    EMBEDDED_CHAIN_ID,
    GENESIS_TIME,
    GENESIS_WORDS,
)
from ledger_service.chain.recursion import cap_recursion

EXECUTION_ERROR_CODE = -32000  # geth's code for what it refuses without a code of its own
ESTIMATE_TOLERANCE_GAS = 1_000  # the answer may be this much above the least gas that works
cap_recursion()


@dataclass(frozen=True, slots=True)
class Call:
    """A message to execute without keeping its effects; `to` empty creates a contract."""

    sender: bytes
    to: bytes
    data: bytes
    value: int = 0
    gas: int = BLOCK_GAS_LIMIT


class EmbeddedEngine:
    """Executes blocks and calls on a store. One thread at a time."""

    def __init__(self, store: ChainStore) -> None:
        self._store = store
        self._db = AtomicDB(_StoreDb(store))

    def create_genesis(self) -> bytes:
        """Write block 0 and return its hash."""
        accounts = {
            address: {"balance": DEVELOPMENT_BALANCE_WEI, "nonce": 0, "code": b"", "storage": {}}
            for address in DEVELOPMENT_ADDRESSES
        }
        parameters: dict[str, Any] = {
            "difficulty": 0,
            "extra_data": GENESIS_WORDS,
            "gas_limit": BLOCK_GAS_LIMIT,
            "mix_hash": POST_MERGE_MIX_HASH,
            "nonce": POST_MERGE_NONCE,
            "receipt_root": BLANK_ROOT_HASH,
            "transaction_root": BLANK_ROOT_HASH,
            "timestamp": GENESIS_TIME,
            "parent_beacon_block_root": ZERO_HASH32,
        }
        chain = _PragueChain.from_genesis(self._db, parameters, accounts)
        block_hash: bytes = chain.get_canonical_head().hash
        self._store.commit_block(0, block_hash, tx=None)
        return block_hash

    def mine(self, time: int, tx: Tx | None) -> bytes:
        """Execute one block at `time` with at most one transaction, commit it, and return its hash.

        A transaction that reverts is mined too, as on any chain. One that cannot be mined (see
        `embedded.check_tx`, which refuses those first) raises `JsonRpcError` and leaves the chain as it was.
        """
        try:
            chain = _PragueChain(self._db)
            parent = chain.get_canonical_head()
            chain.header = chain.create_header_from_parent(
                parent, timestamp=time, gas_limit=parent.gas_limit, parent_beacon_block_root=ZERO_HASH32
            )
            place = None
            if tx is not None:
                decoded = chain.get_vm().get_transaction_builder().decode(tx.raw)
                chain.apply_transaction(decoded)
                place = (tx.tx_hash, TxPlace(parent.block_number + 1, decoded.sender))
            block = chain.mine_block()
            self._store.commit_block(block.number, block.hash, tx=place)
        except ValidationError as exc:
            raise JsonRpcError(EXECUTION_ERROR_CODE, str(exc)) from exc
        finally:
            self._store.discard()
        found: bytes = block.hash
        return found

    def sender_of(self, tx: Tx) -> bytes:
        """Return the address that signed a transaction.

        Raises:
            JsonRpcError: The signature recovers no key, or the transaction is not well formed.
        """
        try:
            decoded = PragueVM.get_transaction_builder().decode(tx.raw)
            decoded.check_signature_validity()
            sender: bytes = decoded.sender
        except Exception as exc:
            raise JsonRpcError(EXECUTION_ERROR_CODE, f"invalid sender: {exc}") from exc
        return sender

    def intrinsic_gas(self, tx: Tx) -> int:
        """Return the gas that a transaction costs before its first instruction, with EIP-7623's floor."""
        decoded = PragueVM.get_transaction_builder().decode(tx.raw)
        zeros = tx.data.count(0)
        floor = 21_000 + 10 * (zeros + 4 * (len(tx.data) - zeros))  # EIP-7623
        return max(int(decoded.intrinsic_gas), floor)

    def call(self, header: Header, call: Call) -> bytes:
        """Return what a call gives on the state after a block.

        Raises:
            JsonRpcError: Code 3 with the revert data when the contract reverts; −32000 for any other failure.
        """
        with self._vm(header).in_costless_state() as state:
            output: bytes = self._succeed(state, call).output
        return output

    def estimate_gas(self, header: Header, call: Call) -> int:
        """Return a gas limit, at most `ESTIMATE_TOLERANCE_GAS` above the least, with which a call succeeds."""
        with self._vm(header).in_costless_state() as state:
            used = self._succeed(state, call).get_gas_used()
            enough, short = call.gas, used - 1
            # The first guess is what was used, plus the 1/64 that a nested call must leave behind (EIP-150).
            guess = min(enough, used * 65 // 64 + 5_000)
            while enough - short > ESTIMATE_TOLERANCE_GAS:
                if self._succeeds_with(state, call, guess):
                    enough = guess
                else:
                    short = guess
                guess = (enough + short) // 2
        return enough

    def _succeed(self, state: Any, call: Call) -> Any:
        """Return the computation of a call that works with all its gas, or raise what it fails with."""
        if call.value > state.get_balance(call.sender):
            raise JsonRpcError(EXECUTION_ERROR_CODE, "insufficient funds for transfer")
        try:
            computation = self._run(state, call, call.gas)
        except ValidationError as exc:
            raise JsonRpcError(EXECUTION_ERROR_CODE, f"the call cannot be executed: {exc}") from exc
        _raise_failure(computation)
        return computation

    def _succeeds_with(self, state: Any, call: Call, gas: int) -> bool:
        try:
            return not self._run(state, call, gas).is_error
        except ValidationError:  # less than the transaction itself costs
            return False

    def _run(self, state: Any, call: Call, gas: int) -> Any:
        snapshot = state.snapshot()
        try:
            return state.apply_transaction(self._spoof(state, call, gas))
        finally:
            state.revert(snapshot)

    def _vm(self, header: Header) -> Any:
        chain = _PragueChain(self._db)
        return chain.get_vm(chain.get_block_header_by_hash(header.block_hash))

    @staticmethod
    def _spoof(state: Any, call: Call, gas: int) -> Any:
        unsigned = PragueVM.get_transaction_builder().new_unsigned_dynamic_fee_transaction(
            chain_id=EMBEDDED_CHAIN_ID,
            nonce=state.get_nonce(call.sender),
            max_priority_fee_per_gas=0,
            max_fee_per_gas=0,
            gas=gas,
            to=call.to or CREATE_CONTRACT_ADDRESS,
            value=call.value,
            data=call.data,
            access_list=(),
        )
        return SpoofTransaction(unsigned, from_=call.sender)


class _PragueChain(MiningChain):  # type: ignore[misc]
    chain_id = EMBEDDED_CHAIN_ID
    vm_configuration = ((0, PragueVM),)


class _StoreDb(BaseDB):  # type: ignore[misc]
    """The store as py-evm's key-value database. Nothing that a block wrote is ever deleted."""

    def __init__(self, store: ChainStore) -> None:
        self._store = store

    def __getitem__(self, key: bytes) -> bytes:
        return self._store.get(key)

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._store.put(key, value)

    def __delitem__(self, key: bytes) -> None:
        raise TypeError("chain data are never deleted")

    def _exists(self, key: bytes) -> bool:
        try:
            self._store.get(key)
        except KeyError:
            return False
        return True


def _raise_failure(computation: Any) -> None:
    if not computation.is_error:
        return
    error = computation.error
    if isinstance(error, Revert):
        raise JsonRpcError(REVERTED_CODE, "execution reverted", bytes(computation.output))
    if isinstance(error, OutOfGas):
        raise JsonRpcError(EXECUTION_ERROR_CODE, "out of gas")
    raise JsonRpcError(EXECUTION_ERROR_CODE, f"execution failed: {type(error).__name__}")
