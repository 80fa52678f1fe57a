"""Embedded chains in fresh folders, with a clock that a test sets and a tiny contract of 62 bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_service.chain.account import Signer, TxRequest, development_signer
from ledger_service.chain.embedded import EmbeddedChain, open_embedded
from ledger_service.chain.parameters import EMBEDDED_CHAIN_ID, GENESIS_TIME
from ledger_service.core.registry import compute_contract_address

GAS = 200_000
FEE = 3_000_000_000  # above the base fee of any block here: it begins at 10^9 and falls


class SetClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


# Calldata of 64 bytes (slot, value): store it, and log the value under the topic `slot`. Of 32 bytes: return that
# slot. Anything else reverts with 0xdeadbeef.
SLOTS_RUNTIME = bytes.fromhex(
    "36604014601b57"  # calldatasize == 64 → write
    "36602014603257"  # calldatasize == 32 → read
    "63deadbeef6000526004601cfd"  # revert(0xdeadbeef)
    "5b6020356000355560203560005260003560206000a100"
    "5b6000355460005260206000f3"
)
SLOTS_CREATE = bytes([0x60, len(SLOTS_RUNTIME), 0x60, 0x0C, 0x60, 0, 0x39, 0x60, len(SLOTS_RUNTIME), 0x60, 0, 0xF3])
SLOTS_CREATE += SLOTS_RUNTIME


def word(number: int) -> bytes:
    """A number as one ABI word."""
    return number.to_bytes(32, "big")


class Sender:
    """A development account that signs and sends on an embedded chain."""

    def __init__(self, chain: EmbeddedChain, index: int = 0) -> None:
        self.chain = chain
        self.signer: Signer = development_signer(index, EMBEDDED_CHAIN_ID)

    @property
    def nonce(self) -> int:
        """The number of the account's next transaction."""
        return self.chain.state.account(self.chain.head(), self.signer.address).nonce

    def sign(self, to: bytes | None, data: bytes = b"", **changed: int) -> bytes:
        """A raw transaction with the right nonce and enough gas and fee, unless changed."""
        values = {
            "chain_id": EMBEDDED_CHAIN_ID,
            "nonce": self.nonce,
            "gas": GAS,
            "fee": FEE,
            "priority_fee": 1,
            "value": 0,
        }
        values.update(changed)
        return self.signer.sign_transaction(TxRequest(to=to, data=data, **values))

    def send(self, to: bytes | None, data: bytes = b"", **changed: int) -> bytes:
        """Sign and send; the transaction's hash."""
        return self.chain.send_raw(self.sign(to, data, **changed))

    def deploy_slots(self) -> bytes:
        """Create the contract of slots; its address."""
        address = compute_contract_address(self.signer.address, self.nonce)
        self.send(None, SLOTS_CREATE)
        return address


@pytest.fixture
def clock() -> SetClock:
    """A day after the genesis block."""
    return SetClock(GENESIS_TIME + 86_400)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a test's chain goes; it does not exist yet."""
    return tmp_path / "chain"


@pytest.fixture
def chain(folder: Path, clock: SetClock) -> Iterator[EmbeddedChain]:
    """An embedded chain, open for writing."""
    with open_embedded(folder, read_only=False, clock=clock) as opened:
        yield opened


@pytest.fixture
def sender(chain: EmbeddedChain) -> Sender:
    """Development account 0 on that chain."""
    return Sender(chain)
