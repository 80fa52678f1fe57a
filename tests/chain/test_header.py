"""A header made of a node's JSON is the one that was mined, in the form of every fork, or it is refused."""

from __future__ import annotations

import random
from typing import Any

import pytest
import rlp
from eth_hash.auto import keccak

from ledger_service.chain.header import encode_json_header, header_json
from ledger_service.core.state_proof import read_header
from ledger_service.errors import NodeAnswerError

# What each fork appended, as its EIPs say: name and bytes, None for a number.
FORKS: dict[str, list[tuple[str, int | None]]] = {
    "Frontier": [
        ("parentHash", 32), ("sha3Uncles", 32), ("miner", 20), ("stateRoot", 32), ("transactionsRoot", 32),
        ("receiptsRoot", 32), ("logsBloom", 256), ("difficulty", None), ("number", None), ("gasLimit", None),
        ("gasUsed", None), ("timestamp", None), ("extraData", 7), ("mixHash", 32), ("nonce", 8),
    ],
    "London": [("baseFeePerGas", None)],
    "Shanghai": [("withdrawalsRoot", 32)],
    "Cancun": [("blobGasUsed", None), ("excessBlobGas", None), ("parentBeaconBlockRoot", 32)],
    "Prague": [("requestsHash", 32)],
    "Osaka": [],
    "Amsterdam": [("blockAccessListHash", 32), ("slotNumber", None)],
}  # fmt: skip
LATER = {"hash", "size", "transactions", "uncles", "totalDifficulty", "withdrawals"}  # of a block, not of its header


def mined(fork: str, *more: tuple[str, int | None]) -> tuple[dict[str, Any], bytes]:
    """Return a made-up block of a fork as a node gives it, and the RLP of its header."""
    rng = random.Random(fork)
    fields = [field for name in list(FORKS)[: list(FORKS).index(fork) + 1] for field in FORKS[name]]
    block: dict[str, Any] = dict.fromkeys(LATER, "0x0") | {"transactions": [], "withdrawals": []}
    items = []
    for name, size in [*fields, *more]:
        number = rng.choice([0, 1, 127, 128, rng.randrange(2**40)])
        items.append(number.to_bytes((number.bit_length() + 7) // 8, "big") if size is None else rng.randbytes(size))
        block[name] = hex(number) if size is None else "0x" + items[-1].hex()
    header = rlp.encode(items)
    return block | {"hash": "0x" + keccak(header).hex()}, header


@pytest.mark.parametrize("fork", FORKS)
def test_the_header_of_every_fork_is_made_byte_for_byte(fork: str) -> None:
    block, header = mined(fork)

    made = encode_json_header(block)

    assert made == header
    assert read_header(made).block_hash == keccak(header)
    assert header_json(made) == {name: block[name] for name in block if name not in LATER}


@pytest.mark.parametrize("fork", FORKS)
def test_a_header_that_is_not_the_block_s_is_refused_whichever_field_differs(fork: str) -> None:
    block, _ = mined(fork)

    for name in set(block) - LATER:
        with pytest.raises(NodeAnswerError):
            encode_json_header(block | {name: block[name][:-1] + ("0" if block[name][-1] != "0" else "1")})
        with pytest.raises(NodeAnswerError):
            encode_json_header({key: value for key, value in block.items() if key != name})


def test_another_order_of_the_newest_fields_is_refused() -> None:
    block, _ = mined("Osaka", ("slotNumber", None), ("blockAccessListHash", 32))

    with pytest.raises(NodeAnswerError, match="does not hash to its block hash"):
        encode_json_header(block)


def test_a_field_of_a_fork_to_come_is_refused_and_the_hint_says_why() -> None:
    block, _ = mined("Amsterdam", ("fieldToCome", 32))

    with pytest.raises(NodeAnswerError) as caught:
        encode_json_header(block)

    assert caught.value.hint is not None
    assert "newer header than this version knows" in caught.value.hint
