"""The registry in an Ethereum virtual machine inside the test's own process (py-evm, fork Prague).

`Evm.call` executes one message against the state of a pending block: no transaction, no mining, a millisecond a call.
`Evm.send` applies a signed transaction, for what only a transaction has: the gas that somebody pays.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.vm.forks import PragueVM
from eth_abi.abi import decode, encode
from eth_account import Account
from eth_hash.auto import keccak

from ledger_service.chain.artifact import load_artifact

CHAIN_ID = 31337
GENESIS_TIME = 1_800_000_000
GAS_LIMIT = 30_000_000
GAS_PRICE = 10**10  # over any base fee that this chain reaches
SENDER_KEY = bytes([7]) * 32  # fixed, so that addresses and with them gas figures are the same in every run
HARNESS: dict[str, str] = json.loads((Path(__file__).parent / "harness.json").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: `output` is what it returned, or why it reverted; `events` are (topics, data)."""

    accepted: bool
    output: bytes
    gas_used: int
    events: tuple[tuple[tuple[bytes, ...], bytes], ...]

    @property
    def refusal(self) -> tuple[Any, ...]:
        """The custom error: its name and its values; () when the call was accepted."""
        if self.accepted:
            return ()
        name, types = _errors()[self.output[:4]]
        return (name, *decode(types, self.output[4:]))


class Evm:
    """A chain in memory with one pending block, and accounts that need no keys but the sender of transactions."""

    def __init__(self, vm_class: type = PragueVM) -> None:
        self.sender = bytes.fromhex(Account.from_key(SENDER_KEY).address[2:])
        self._nonce = 0
        configured = MiningChain.configure(__name__="TestChain", vm_configuration=((0, vm_class),), chain_id=CHAIN_ID)
        header = {
            "difficulty": 0,
            "gas_limit": GAS_LIMIT,
            "timestamp": GENESIS_TIME,
            "coinbase": bytes(20),
            "extra_data": b"",
            "mix_hash": bytes(32),
            "nonce": bytes(8),
        }
        account = {"balance": 10**24, "nonce": 0, "code": b"", "storage": {}}
        self._chain: Any = configured.from_genesis(AtomicDB(), header, {self.sender: account})
        self._vm = self._chain.get_vm()

    @property
    def time(self) -> int:
        """Time of the pending block, which calls see."""
        return int(self._vm.get_header().timestamp)

    @property
    def block_number(self) -> int:
        """Number of the pending block."""
        return int(self._vm.get_header().block_number)

    @property
    def parent_hash(self) -> bytes:
        """Hash of the block before the pending one."""
        return bytes(self._vm.get_header().parent_hash)

    def place(self, code: bytes, *, address: bytes) -> bytes:
        """Run creation code and put what it returns at an address; return the address."""
        made = self._run(code, to=address, data=b"", sender=self.sender)
        assert made.accepted, made.output
        self._vm.state.set_code(address, made.output)
        return address

    def call(self, to: bytes, data: bytes, *, sender: bytes | None = None) -> Outcome:
        """Execute one message; its changes stay in the pending state when it is accepted."""
        return self._run(self._vm.state.get_code(to), to=to, data=data, sender=sender or self.sender)

    def code(self, address: bytes) -> bytes:
        """Return the code of an account."""
        return bytes(self._vm.state.get_code(address))

    def storage(self, address: bytes, slot: bytes) -> bytes:
        """Return one storage slot of an account."""
        return int(self._vm.state.get_storage(address, int.from_bytes(slot, "big"))).to_bytes(32, "big")

    def _run(self, code: bytes, *, to: bytes, data: bytes, sender: bytes) -> Outcome:
        computation = self._vm.execute_bytecode(
            origin=sender, gas_price=0, gas=GAS_LIMIT, to=to, sender=sender, value=0, data=data, code=code
        )
        events = tuple(
            (tuple(topic.to_bytes(32, "big") for topic in topics), body)
            for _, topics, body in (computation.get_log_entries() if computation.is_success else ())
        )
        return Outcome(computation.is_success, bytes(computation.output), computation.get_gas_used(), events)

    def send(self, data: bytes, *, to: bytes | None = None) -> tuple[int, Outcome]:
        """Apply a transaction of the sender in a block of its own; return the gas it paid for, and what came of it."""
        transaction = Account.sign_transaction(
            {
                "chainId": CHAIN_ID,
                "nonce": self._nonce,
                "gas": GAS_LIMIT // 2,
                "gasPrice": GAS_PRICE,
                "to": to or b"",
                "value": 0,
                "data": data,
            },
            SENDER_KEY,
        )
        self._nonce += 1
        decoded = self._chain.get_vm().get_transaction_builder().decode(bytes(transaction.raw_transaction))
        _, receipt, computation = self._chain.apply_transaction(decoded)
        gas_used = int(receipt.gas_used)
        self._chain.mine_block()
        self._vm = self._chain.get_vm()
        output = computation.msg.storage_address if to is None else computation.output
        return gas_used, Outcome(computation.is_success, bytes(output), gas_used, ())


class Registry:
    """AnchorRegistry at an address of an `Evm`."""

    def __init__(self, evm: Evm, address: bytes) -> None:
        self.evm = evm
        self.address = address

    @classmethod
    def placed(cls, vm_class: type = PragueVM) -> Registry:
        """Return a registry on a new chain, put there without a transaction."""
        evm = Evm(vm_class)
        return cls(evm, evm.place(load_artifact().bytecode, address=bytes([0xAC]) * 20))

    def call(self, name: str, *arguments: object, sender: bytes | None = None) -> Outcome:
        """Call a function by name."""
        return self.evm.call(self.address, calldata(name, *arguments), sender=sender)

    def read(self, name: str, *arguments: object) -> tuple[Any, ...]:
        """Call a function that must accept; return its decoded outputs."""
        outcome = self.call(name, *arguments)
        assert outcome.accepted, outcome.refusal
        return decode_outputs(name, outcome.output)


def without_sha256() -> type:
    """Return a fork like Prague on which nothing is at address 2, as a careless copy of Ethereum may be."""
    state: Any = PragueVM._state_class
    computation: Any = state.computation_class
    others = {at: what for at, what in computation._precompiles.items() if int.from_bytes(at, "big") != 2}
    bare_computation = type("BareComputation", (computation,), {"_precompiles": others})
    bare_state = type("BareState", (state,), {"computation_class": bare_computation})
    return type("BareVM", (PragueVM,), {"_state_class": bare_state})


def calldata(name: str, *arguments: object) -> bytes:
    """Return selector and arguments of a function of the registry."""
    selector, types, _ = _functions()[name]
    return selector + encode(types, arguments)


def decode_outputs(name: str, output: bytes) -> tuple[Any, ...]:
    """Return what a function of the registry returned."""
    return tuple(decode(_functions()[name][2], output))


def selector(signature: str) -> bytes:
    """Return the first four bytes of the keccak-256 of a signature."""
    return bytes(keccak(signature.encode())[:4])


def event_topic(name: str) -> bytes:
    """Return the first topic of an event of the registry."""
    (event,) = (item for item in load_artifact().abi if item["type"] == "event" and item["name"] == name)
    return bytes(keccak(f"{name}({','.join(_types(event['inputs']))})".encode()))


@lru_cache(maxsize=1)
def _functions() -> dict[str, tuple[bytes, list[str], list[str]]]:
    found = {}
    for item in load_artifact().abi:
        if item["type"] == "function":
            inputs = _types(item["inputs"])
            signature = f"{item['name']}({','.join(inputs)})"
            found[item["name"]] = (selector(signature), inputs, _types(item["outputs"]))
    return found


@lru_cache(maxsize=1)
def _errors() -> dict[bytes, tuple[str, list[str]]]:
    found = {}
    for item in load_artifact().abi:
        if item["type"] == "error":
            types = _types(item["inputs"])
            found[selector(f"{item['name']}({','.join(types)})")] = (item["name"], types)
    return found


def _types(values: Sequence[dict[str, Any]]) -> list[str]:
    return [value["type"] for value in values]
