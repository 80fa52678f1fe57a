"""A state proof as the ledger keeps it beside an anchor, so that receipts carry it with no node at hand.

One header and account proof, and the storage proofs of several heads: the anchor's own, and those that the seals under
it quote. Promises: `parse_kept_proof(encode_kept_proof(p)) == p`. Does not: verify.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from ledger_service.core import encoding
from ledger_service.core.encoding import Json
from ledger_service.core.members import Reader
from ledger_service.core.state_proof import NODES_MAX
from ledger_service.errors import EntryFormatError

RECORD_BYTES_MAX = 4 * 1024 * 1024
PARSED_MAX = 32  # the receipts of a case rest on few heads, one after the other
_DATA = re.compile(r"(?:[0-9a-f]{2})+")
_NUMBER = re.compile(r"0|[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class KeptProof:
    """Header and account proof of one block, and the storage proof of each head by its sequence."""

    header: bytes
    account: tuple[bytes, ...]
    slots: Mapping[int, tuple[bytes, ...]]


def encode_kept_proof(proof: KeptProof) -> bytes:
    """Return the canonical bytes of a proof."""
    slots: dict[str, Json] = {str(number): [node.hex() for node in nodes] for number, nodes in proof.slots.items()}
    account: list[Json] = [node.hex() for node in proof.account]
    return encoding.encode({"account": account, "header": proof.header.hex(), "slots": slots})


@lru_cache(maxsize=PARSED_MAX)
def parse_kept_proof(data: bytes) -> KeptProof:
    """Return the proof of its canonical bytes.

    Raises:
        EntryFormatError, JsonFormatError, LimitError: Not such bytes.
    """
    read = Reader(EntryFormatError, "kept state proof")
    m = read.members(encoding.parse_canonical(data, bytes_max=RECORD_BYTES_MAX), ("account", "header", "slots"))

    def data_of(value: Json) -> bytes:
        return bytes.fromhex(read.text(value, _DATA))

    if not isinstance(m["slots"], dict):
        raise read.at("slots").fail("an object is expected")
    return KeptProof(
        header=data_of(m["header"]),
        account=read.at("account").items(m["account"], NODES_MAX, data_of),
        slots={
            int(read.text(number, _NUMBER)): read.at("slots").items(nodes, NODES_MAX, data_of)
            for number, nodes in m["slots"].items()
        },
    )
