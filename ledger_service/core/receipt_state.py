"""What a receipt holds of a chain's state, and the proof that its entry came after an earlier anchor: JSON <-> values.

Promises: one spelling of each; counts and sizes are limited as `state_proof.py` limits them. Does not: verify
(`verify_state.py`, `verify_after.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ledger_service.core import encoding
from ledger_service.core.encoding import Json
from ledger_service.core.entry import ENTRY_BYTES_MAX
from ledger_service.core.log_entry import HASH
from ledger_service.core.members import Reader
from ledger_service.core.merkle import SIZE_MAX
from ledger_service.core.state_proof import HEADER_BYTES_MAX, NODE_BYTES_MAX, NODES_MAX, StateProof

PROOF_MAX = 63  # hashes of an inclusion proof in the largest tree
_DATA = re.compile(r"0x(?:[0-9a-f]{2})+")
_INDEX_MAX = min(SIZE_MAX, encoding.INTEGER_MAX)


@dataclass(frozen=True, slots=True)
class AfterProof:
    """The last seal before an entry, and the anchor that it quotes: the entry was recorded after that anchor's block.

    `seal` is the seal's bytes, `index` and `inclusion` its place in the receipt's tree. The next seven are the anchor:
    with these its commitment is computed. `storage` proves the commitment's slot in the state of the receipt's anchor
    of the same log id; None: a node has to be asked.
    """

    seal: bytes
    index: int
    inclusion: tuple[bytes, ...]
    log_id: bytes
    sequence: int
    size: int
    root: bytes
    time: int
    block_number: int
    parent_hash: bytes
    storage: tuple[bytes, ...] | None


def state_members(state: StateProof) -> dict[str, Any]:
    """Return the member `state` of an anchor."""
    return {"account": _shown(state.account), "header": "0x" + state.header.hex(), "storage": _shown(state.storage)}


def parse_state(read: Reader, value: Json) -> StateProof:
    """Return the state proof of an anchor's member `state`."""
    m = read.members(value, ("account", "header", "storage"))
    return StateProof(
        header=_parse_data(read.at("header"), m["header"], HEADER_BYTES_MAX),
        account=parse_nodes(read.at("account"), m["account"]),
        storage=parse_nodes(read.at("storage"), m["storage"]),
    )


def after_members(after: AfterProof) -> dict[str, Any]:
    """Return the member `after` of a receipt."""
    return {
        "anchor": {
            "block_number": after.block_number,
            "log_id": "0x" + after.log_id.hex(),
            "parent_hash": "0x" + after.parent_hash.hex(),
            "root": after.root.hex(),
            "sequence": after.sequence,
            "size": after.size,
            "time": after.time,
        },
        "inclusion": [value.hex() for value in after.inclusion],
        "index": after.index,
        "seal": after.seal.decode(),
        "storage": None if after.storage is None else _shown(after.storage),
    }


def parse_after(read: Reader, value: Json) -> AfterProof:
    """Return the proof of a receipt's member `after`."""
    m = read.members(value, ("anchor", "inclusion", "index", "seal", "storage"))
    names = ("block_number", "log_id", "parent_hash", "root", "sequence", "size", "time")
    anchor = read.at("anchor").members(m["anchor"], names)
    seal = m["seal"]
    if not isinstance(seal, str) or len(seal) > ENTRY_BYTES_MAX:
        raise read.at("seal").fail("the text of an entry is expected")
    return AfterProof(
        seal=seal.encode(),
        index=read.at("index").integer(m["index"], most=_INDEX_MAX),
        inclusion=read.at("inclusion").items(m["inclusion"], PROOF_MAX, lambda v: read.hexadecimal(v, HASH)),
        log_id=read.at("anchor.log_id").hexadecimal(anchor["log_id"], HASH, prefix="0x"),
        sequence=read.at("anchor.sequence").integer(anchor["sequence"]),
        size=read.at("anchor.size").integer(anchor["size"], least=1),
        root=read.at("anchor.root").hexadecimal(anchor["root"], HASH),
        time=read.at("anchor.time").integer(anchor["time"]),
        block_number=read.at("anchor.block_number").integer(anchor["block_number"], least=1),
        parent_hash=read.at("anchor.parent_hash").hexadecimal(anchor["parent_hash"], HASH, prefix="0x"),
        storage=read.nullable(m["storage"], lambda v: parse_nodes(read.at("storage"), v)),
    )


def parse_nodes(read: Reader, value: Json) -> tuple[bytes, ...]:
    """Return the trie nodes of an array."""
    return read.items(value, NODES_MAX, lambda v: _parse_data(read, v, NODE_BYTES_MAX))


def _parse_data(read: Reader, value: Json, bytes_max: int) -> bytes:
    if not isinstance(value, str) or len(value) > 2 + 2 * bytes_max or not _DATA.fullmatch(value):
        raise read.fail(f"0x and 1 to {bytes_max} bytes of lower-case hex are expected")
    return bytes.fromhex(value[2:])


def _shown(nodes: tuple[bytes, ...]) -> list[str]:
    return ["0x" + node.hex() for node in nodes]
