"""The record of one anchor: a planned head and everything that was done to place it.

Each change of an anchor is a further row of its history, so a record is a value with a canonical form.
Promises: `parse_anchor_record(encode_anchor_record(a)) == a`. Does not: decide what to do next (`anchoring.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from ledger_service.core import encoding
from ledger_service.core.encoding import Json
from ledger_service.core.log_entry import ADDRESS, HASH
from ledger_service.core.members import Reader
from ledger_service.errors import EntryFormatError

RECORD_BYTES_MAX = 1024 * 1024
PARSED_MAX = 128  # records kept parsed: a step of the worker reads the same rows several times, the next one again
_PROOF_MAX = 64
ATTEMPTS_MAX = 200  # of one head; from 7 wei a ladder of +10 % to the ceiling has some 260 rungs
_RAW = re.compile(r"(?:[0-9a-f]{2})*")
_WEI = re.compile(r"0|[1-9][0-9]{0,77}")  # 2^256 has 78 digits
_REASON = re.compile(r".*", re.DOTALL)


class AnchorState(StrEnum):
    """Where an anchor stands (design §6). The last six end it; one that ended without success is planned anew.

    `contradicted`: it was final, and left the chain all the same.
    """

    PLANNED = "planned"
    SIGNED = "signed"
    SUBMITTED = "submitted"
    INCLUDED = "included"
    FINALIZED = "finalized"
    REPLACED = "replaced"
    REVERTED = "reverted"
    SUPERSEDED = "superseded"
    HALTED = "halted"
    CONTRADICTED = "contradicted"


UNFINISHED = frozenset({AnchorState.PLANNED, AnchorState.SIGNED, AnchorState.SUBMITTED, AnchorState.INCLUDED})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One signed transaction: raw bytes, hash, fee caps in wei, when it was signed (seconds since 1970), gas, nonce."""

    raw: bytes
    tx_hash: bytes
    max_fee: int
    priority_fee: int
    signed_at: int
    gas: int
    nonce: int


@dataclass(frozen=True, slots=True)
class Block:
    """The block that holds an anchor: number, hash, parent's hash, time (seconds since 1970)."""

    number: int
    block_hash: bytes
    parent_hash: bytes
    time: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head on its way to one target.

    `size`, `root`: the head. `old_size`, `proof`: the chain's head that the consistency proof starts from. `sequence`:
    the number the contract will give it. `nonce`: of the newest attempt. `attempts`: every transaction signed for it,
    oldest first. `block`, `commitment`, `fee_paid` (wei, None where another account paid): set once included.
    `reason`: why it ended without success. `oldest_at`: when its oldest new entry was recorded (seconds since 1970).
    """

    log_id: bytes
    chain_id: int
    contract: bytes
    sequence: int
    size: int
    root: bytes
    old_size: int
    proof: tuple[bytes, ...]
    state: AnchorState
    planned_at: int
    nonce: int | None = None
    attempts: tuple[Attempt, ...] = ()
    block: Block | None = None
    commitment: bytes | None = None
    reason: str = ""
    oldest_at: int | None = None
    fee_paid: int | None = None

    @property
    def waiting_since(self) -> int:
        """When its oldest entry was recorded, as far as that is known."""
        return self.planned_at if self.oldest_at is None else self.oldest_at


def encode_anchor_record(anchor: Anchor) -> bytes:
    """Return the canonical bytes of a record. Wei stand as decimal text: they pass the integers JSON can hold."""
    block = anchor.block
    value: dict[str, Any] = {
        "attempts": [
            {
                "gas": a.gas,
                "max_fee": str(a.max_fee),
                "nonce": a.nonce,
                "priority_fee": str(a.priority_fee),
                "raw": a.raw.hex(),
                "signed_at": a.signed_at,
                "tx_hash": a.tx_hash.hex(),
            }
            for a in anchor.attempts
        ],
        "block": None
        if block is None
        else {
            "block_hash": block.block_hash.hex(),
            "number": block.number,
            "parent_hash": block.parent_hash.hex(),
            "time": block.time,
        },
        "chain_id": anchor.chain_id,
        "commitment": None if anchor.commitment is None else anchor.commitment.hex(),
        "contract": anchor.contract.hex(),
        "fee_paid": None if anchor.fee_paid is None else str(anchor.fee_paid),
        "log_id": anchor.log_id.hex(),
        "nonce": anchor.nonce,
        "old_size": anchor.old_size,
        "oldest_at": anchor.oldest_at,
        "planned_at": anchor.planned_at,
        "proof": [value.hex() for value in anchor.proof],
        "reason": anchor.reason,
        "root": anchor.root.hex(),
        "sequence": anchor.sequence,
        "size": anchor.size,
        "state": anchor.state.value,
    }
    return encoding.encode(value)


def parse_anchor_record(data: bytes) -> Anchor:
    """Return the record of its canonical bytes.

    Raises:
        EntryFormatError, JsonFormatError, LimitError: Not such bytes.
    """
    return _parse(data)


@lru_cache(maxsize=PARSED_MAX)
def _parse(data: bytes) -> Anchor:
    read = Reader(EntryFormatError, "anchor record")
    value = encoding.parse_canonical(data, bytes_max=RECORD_BYTES_MAX)
    m = read.members(value, _NAMES)
    return Anchor(
        log_id=read.at("log_id").hexadecimal(m["log_id"], HASH),
        chain_id=read.at("chain_id").integer(m["chain_id"], least=1),
        contract=read.at("contract").hexadecimal(m["contract"], ADDRESS),
        sequence=read.at("sequence").integer(m["sequence"]),
        size=read.at("size").integer(m["size"], least=1),
        root=read.at("root").hexadecimal(m["root"], HASH),
        old_size=read.at("old_size").integer(m["old_size"], least=1),
        proof=read.at("proof").items(m["proof"], _PROOF_MAX, lambda v: read.at("proof").hexadecimal(v, HASH)),
        state=read.at("state").choice(m["state"], AnchorState),
        planned_at=read.at("planned_at").integer(m["planned_at"]),
        nonce=read.nullable(m["nonce"], read.at("nonce").integer),
        attempts=read.at("attempts").items(m["attempts"], ATTEMPTS_MAX, lambda v: _parse_attempt(read, v)),
        block=read.nullable(m["block"], lambda v: _parse_block(read.at("block"), v)),
        commitment=read.nullable(m["commitment"], lambda v: read.at("commitment").hexadecimal(v, HASH)),
        reason=read.at("reason").text(m["reason"], _REASON),
        oldest_at=read.nullable(m["oldest_at"], read.at("oldest_at").integer),
        fee_paid=read.nullable(m["fee_paid"], lambda v: _parse_wei(read.at("fee_paid"), v)),
    )


_NAMES = (
    "attempts", "block", "chain_id", "commitment", "contract", "fee_paid", "log_id", "nonce", "old_size", "oldest_at",
    "planned_at", "proof", "reason", "root", "sequence", "size", "state",
)  # fmt: skip


def _parse_attempt(read: Reader, value: Json) -> Attempt:
    read = read.at("attempts")
    m = read.members(value, ("gas", "max_fee", "nonce", "priority_fee", "raw", "signed_at", "tx_hash"))
    return Attempt(
        raw=bytes.fromhex(read.at("raw").text(m["raw"], _RAW)),
        tx_hash=read.at("tx_hash").hexadecimal(m["tx_hash"], HASH),
        max_fee=_parse_wei(read.at("max_fee"), m["max_fee"]),
        priority_fee=_parse_wei(read.at("priority_fee"), m["priority_fee"]),
        signed_at=read.at("signed_at").integer(m["signed_at"]),
        gas=read.at("gas").integer(m["gas"]),
        nonce=read.at("nonce").integer(m["nonce"]),
    )


def _parse_block(read: Reader, value: Json) -> Block:
    m = read.members(value, ("block_hash", "number", "parent_hash", "time"))
    return Block(
        number=read.at("number").integer(m["number"], least=1),
        block_hash=read.at("block_hash").hexadecimal(m["block_hash"], HASH),
        parent_hash=read.at("parent_hash").hexadecimal(m["parent_hash"], HASH),
        time=read.at("time").integer(m["time"]),
    )


def _parse_wei(read: Reader, value: Json) -> int:
    return int(read.text(value, _WEI))
