"""What a block changes: accounts, code and the registry's storage, and what became of each transaction.

Promises: states are values that share what did not change; a transaction pays for its gas whether or not the contract
refuses it. Does not: run any other code than the registry's (other code succeeds and tells nothing).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ledger_service.chain.deploy import deploy_code, deployed_code
from ledger_service.core.registry import compute_contract_address
from tests.chain.lying_node.contract import Context, Event, RevertedError, Storage, execute, gas_of

PLAIN_GAS = 21_000
CREATE_GAS = 1_500_000


@dataclass(frozen=True, slots=True)
class Tx:
    """A transaction; of a foreign program it may be one that nobody signed (`raw` empty)."""

    tx_hash: bytes
    sender: bytes
    nonce: int
    to: bytes
    data: bytes
    value: int
    gas: int
    max_fee: int
    priority_fee: int
    raw: bytes = b""

    @property
    def most(self) -> int:
        """What it may cost at most, in wei."""
        return self.gas * self.max_fee + self.value


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a transaction in its block."""

    tx: Tx
    succeeded: bool
    gas_used: int
    price: int
    events: tuple[Event, ...]
    contract: bytes | None


@dataclass(frozen=True, slots=True)
class State:
    """Accounts and contracts after a block."""

    balances: Mapping[bytes, int] = field(default_factory=dict)
    nonces: Mapping[bytes, int] = field(default_factory=dict)
    code: Mapping[bytes, bytes] = field(default_factory=dict)
    storage: Mapping[bytes, Storage] = field(default_factory=dict)

    def balance(self, address: bytes) -> int:
        """Return an account's wei."""
        return self.balances.get(address, 0)

    def nonce(self, address: bytes) -> int:
        """Return how many transactions an account has sent."""
        return self.nonces.get(address, 0)

    def call(self, context: Context, data: bytes) -> bytes:
        """Return what a contract answers.

        Raises:
            RevertedError: It refuses.
        """
        if self.code.get(context.contract) != deployed_code():
            return b""
        return execute(self.storage.get(context.contract, Storage()), context, data).returned

    def estimate(self, context: Context, data: bytes) -> int:
        """Return the gas that a call needs; `RevertedError` where the contract refuses it."""
        if not context.contract:
            return CREATE_GAS
        self.call(context, data)
        return self._gas(context.contract, data)

    def apply(self, tx: Tx, context: Context, base_fee: int) -> tuple[State, Receipt]:
        """Return the state after a transaction that its sender can pay, and its receipt."""
        price = min(tx.max_fee, base_fee + tx.priority_fee)
        needed = CREATE_GAS if not tx.to else self._gas(tx.to, tx.data)
        used = min(needed, tx.gas)
        paid = replace(
            self,
            balances={**self.balances, tx.sender: self.balance(tx.sender) - used * price},
            nonces={**self.nonces, tx.sender: tx.nonce + 1},
        )
        if needed > tx.gas:
            return paid, Receipt(tx, False, used, price, (), None)
        try:
            after, events, contract = paid._run(tx, context)
        except RevertedError:
            return paid, Receipt(tx, False, used, price, (), None)
        return after, Receipt(tx, True, used, price, events, contract)

    def _run(self, tx: Tx, context: Context) -> tuple[State, tuple[Event, ...], bytes | None]:
        if not tx.to:
            address = compute_contract_address(tx.sender, tx.nonce)
            code = deployed_code() if tx.data == deploy_code() else tx.data
            return replace(self, code={**self.code, address: code}), (), address
        moved = replace(
            self,
            balances={
                **self.balances,
                tx.sender: self.balance(tx.sender) - tx.value,
                tx.to: self.balance(tx.to) + tx.value * (tx.to != tx.sender),
            },
        )
        if self.code.get(tx.to) != deployed_code():
            return moved, (), None
        done = execute(self.storage.get(tx.to, Storage()), context, tx.data)
        return replace(moved, storage={**self.storage, tx.to: done.storage}), done.events, None

    def _gas(self, to: bytes, data: bytes) -> int:
        return gas_of(data) if self.code.get(to) == deployed_code() else PLAIN_GAS
