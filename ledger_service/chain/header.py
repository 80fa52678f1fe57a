"""A block header: its RLP bytes, which hash to the block hash, and its JSON form as nodes give it.

Promises: `encode_json_header` returns bytes only if they hash to the block hash that the node named, so a header that
is kept in a receipt is the one that was mined. Knows the fields up to Amsterdam, each where its fork appended it (Osaka
appended none). A field that a later fork appends, or an order that a chain took otherwise, makes the hash differ: that
is reported, and the bytes are never believed.

Does not: decide whether the block is canonical or final.
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger_service.chain.jsonrpc import parse_data, parse_quantity, to_data, to_quantity
from ledger_service.errors import NodeAnswerError

# (JSON name, None for a quantity or the number of bytes, −1 for any number of bytes), in RLP order
HEADER_FIELDS: tuple[tuple[str, int | None], ...] = (
    ("parentHash", 32),
    ("sha3Uncles", 32),
    ("miner", 20),
    ("stateRoot", 32),
    ("transactionsRoot", 32),
    ("receiptsRoot", 32),
    ("logsBloom", 256),
    ("difficulty", None),
    ("number", None),
    ("gasLimit", None),
    ("gasUsed", None),
    ("timestamp", None),
    ("extraData", -1),
    ("mixHash", 32),
    ("nonce", 8),
    ("baseFeePerGas", None),  # EIP-1559
    ("withdrawalsRoot", 32),  # EIP-4895
    ("blobGasUsed", None),  # EIP-4844
    ("excessBlobGas", None),
    ("parentBeaconBlockRoot", 32),  # EIP-4788
    ("requestsHash", 32),  # EIP-7685, Prague; Osaka appended nothing
    ("blockAccessListHash", 32),  # EIP-7928, Amsterdam
    ("slotNumber", None),  # EIP-7843, Amsterdam
)
PRAGUE_FIELDS = 21  # what the embedded chain's own headers have
FIELDS_FIRST = 15  # what every header has had since the first block


def encode_json_header(block: Mapping[str, object]) -> bytes:
    """Return the RLP bytes of the header inside an `eth_getBlockBy…` answer.

    Raises:
        NodeAnswerError: A member is missing or crooked, or the bytes do not hash to the answer's own `hash`.
    """
    import rlp
    from eth_hash.auto import keccak

    items: list[bytes] = []
    for position, (name, size) in enumerate(HEADER_FIELDS):
        value = block.get(name)
        if value is None and position >= FIELDS_FIRST:
            break
        if size is None:
            number = parse_quantity(value, f"block {name}")
            items.append(number.to_bytes((number.bit_length() + 7) // 8, "big"))
        else:
            items.append(parse_data(value, f"block {name}", size=None if size < 0 else size))
    encoded: bytes = rlp.encode(items)
    if keccak(encoded) != parse_data(block.get("hash"), "block hash", size=32):
        raise NodeAnswerError(
            "the node's block header does not hash to its block hash",
            hint="the chain may have a newer header than this version knows; try another node",
        )
    return encoded


def header_json(encoded: bytes) -> dict[str, str]:
    """Return the JSON members of a header from its RLP bytes, which our own chain wrote."""
    import rlp

    members = {}
    for (name, size), item in zip(HEADER_FIELDS, rlp.decode(encoded), strict=False):
        members[name] = to_quantity(int.from_bytes(item, "big")) if size is None else to_data(item)
    return members
