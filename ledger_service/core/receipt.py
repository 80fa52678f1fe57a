"""The receipt: one file that carries an entry and everything that proves its place.

A receipt exists as soon as the append is durable (`anchors` empty) and grows in place: once an anchored head covers
the entry, its checkpoint and inclusion proof are those of that head, and `anchors` says where the head stands.

Promises: one spelling of each receipt, white space between tokens aside; whatever verification does not cover stands
under `unprotected`. Does not: say whether it is true (`verify.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ledger_service.core import encoding
from ledger_service.core.disclosure import Record, parse_record
from ledger_service.core.encoding import Json
from ledger_service.core.entry import COMMITMENTS_MAX, ENTRY_BYTES_MAX, EVIDENCE_MAX
from ledger_service.core.log_entry import ADDRESS, HASH
from ledger_service.core.members import Reader
from ledger_service.core.merkle import SIZE_MAX
from ledger_service.core.receipt_state import PROOF_MAX as PROOF_MAX
from ledger_service.core.receipt_state import (
    AfterProof,
    after_members,
    parse_after,
    parse_state,
    state_members,
)
from ledger_service.core.state_proof import StateProof
from ledger_service.errors import FormatError, ReceiptFormatError

FORMAT = "return-ledger/receipt@v1"
RECEIPT_BYTES_MAX = 1024 * 1024  # an entry at its limit with all its values shown stays below 700 KB
PDF = b"%PDF-"  # how one begins: people hand in the paper in place of the receipt
ANCHORS_MAX = 16
KEY_CHANGES_MAX = 64


@dataclass(frozen=True, slots=True)
class AnchorProof:
    """Where a head stands: the log in its contract on its chain, the head's sequence, and its block.

    `time` is the block's, in seconds since 1970; hashes are 32 bytes. Together with the head (size, root) these give
    the commitment that the contract keeps (`registry.compute_commitment`). `state` proves its slot in the state of
    that or a later block; `block_hash` is None then, because nothing would bind it.
    """

    chain_id: int
    contract: bytes
    log_id: bytes
    sequence: int
    time: int
    block_number: int
    block_hash: bytes | None
    parent_hash: bytes
    state: StateProof | None = None


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A key entry with its place in the receipt's tree: bytes, index, inclusion proof."""

    entry: bytes
    index: int
    inclusion: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """One entry and its proofs.

    `entry` is the exact bytes that were hashed, `records` one for each commitment in entry order, `inclusion` the
    proof of `index` in the tree of `checkpoint` (a signed note), `key_changes` lead from a pinned key to the one that
    signed, each from the key of the one before. Files hold `anchors` in ascending order of log ids. `unprotected` is
    for readers' comfort: transactions, state, reasons; nothing there is verified. `after` is the proof that the entry
    was recorded after an earlier anchor; None where no seal before it quotes one.
    """

    entry: bytes
    index: int
    records: tuple[Record, ...]
    inclusion: tuple[bytes, ...]
    checkpoint: bytes
    anchors: tuple[AnchorProof, ...] = ()
    key_changes: tuple[KeyChange, ...] = ()
    unprotected: dict[str, Json] = field(default_factory=dict)
    after: AfterProof | None = None


def encode_receipt(receipt: Receipt) -> bytes:
    """Return the receipt file."""
    return encoding.encode_document(receipt_members(receipt))


def receipt_members(receipt: Receipt) -> dict[str, Json]:
    """Return the members of a receipt file, for an answer that holds one."""
    return {
        "after": None if receipt.after is None else after_members(receipt.after),
        "anchors": [_anchor_members(anchor) for anchor in sorted(receipt.anchors, key=lambda one: one.log_id)],
        "checkpoint": receipt.checkpoint.decode(),
        "entry": receipt.entry.decode(),
        "format": FORMAT,
        "inclusion": [value.hex() for value in receipt.inclusion],
        "index": receipt.index,
        "key_changes": [key_change_members(change) for change in receipt.key_changes],
        "records": [record.as_json() for record in receipt.records],
        "unprotected": receipt.unprotected,
    }


def parse_receipt(data: bytes) -> Receipt:
    """Return the receipt of a receipt file.

    Raises:
        ReceiptFormatError: Not a receipt of this version, too large, too deep, or spelled another way.
    """
    read = Reader(ReceiptFormatError, "receipt")
    if data.startswith(PDF):
        raise read.fail("a PDF is for reading: the receipt is the file that is attached inside it")
    try:
        value = encoding.parse_document(data, bytes_max=RECEIPT_BYTES_MAX)
    except FormatError as error:
        raise ReceiptFormatError(f"receipt: {error.message}", hint=error.hint) from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise read.fail(f"the format {FORMAT!r} is expected")
    m = read.members(value, _NAMES)
    if not isinstance(m["unprotected"], dict):
        raise read.at("unprotected").fail("an object is expected")
    anchors = read.at("anchors").items(m["anchors"], ANCHORS_MAX, lambda v: _parse_anchor(read.at("anchors"), v))
    log_ids = [anchor.log_id for anchor in anchors]
    if log_ids != sorted(set(log_ids)):  # one order, so that there is one spelling
        raise read.at("anchors").fail("anchors stand in ascending order of their log ids, each log id once")
    return Receipt(
        entry=_parse_text(read.at("entry"), m["entry"], ENTRY_BYTES_MAX),
        index=read.at("index").integer(m["index"]),
        records=read.at("records").items(m["records"], EVIDENCE_MAX + COMMITMENTS_MAX, parse_record),
        inclusion=_parse_proof(read.at("inclusion"), m["inclusion"]),
        checkpoint=_parse_text(read.at("checkpoint"), m["checkpoint"], RECEIPT_BYTES_MAX),
        anchors=anchors,
        key_changes=read.at("key_changes").items(
            m["key_changes"], KEY_CHANGES_MAX, lambda v: parse_key_change(read.at("key_changes"), v)
        ),
        unprotected=m["unprotected"],
        after=read.nullable(m["after"], lambda v: parse_after(read.at("after"), v)),
    )


_NAMES = (
    "after", "anchors", "checkpoint", "entry", "format", "inclusion", "index", "key_changes", "records", "unprotected",
)  # fmt: skip


def _anchor_members(anchor: AnchorProof) -> dict[str, Any]:
    return {
        "block_hash": None if anchor.block_hash is None else "0x" + anchor.block_hash.hex(),
        "block_number": anchor.block_number,
        "chain_id": anchor.chain_id,
        "contract": "0x" + anchor.contract.hex(),
        "log_id": "0x" + anchor.log_id.hex(),
        "parent_hash": "0x" + anchor.parent_hash.hex(),
        "sequence": anchor.sequence,
        "state": None if anchor.state is None else state_members(anchor.state),
        "time": anchor.time,
    }


def _parse_anchor(read: Reader, value: Json) -> AnchorProof:
    names = ("block_hash", "block_number", "chain_id", "contract", "log_id", "parent_hash", "sequence", "state", "time")
    m = read.members(value, names)
    if (m["block_hash"] is None) == (m["state"] is None):
        raise read.fail("one of block_hash and state is null, and the other is not")
    return AnchorProof(
        chain_id=read.at("chain_id").integer(m["chain_id"], least=1),
        contract=read.at("contract").hexadecimal(m["contract"], ADDRESS, prefix="0x"),
        log_id=read.at("log_id").hexadecimal(m["log_id"], HASH, prefix="0x"),
        sequence=read.at("sequence").integer(m["sequence"]),
        time=read.at("time").integer(m["time"]),
        block_number=read.at("block_number").integer(m["block_number"], least=1),
        block_hash=read.nullable(m["block_hash"], lambda v: read.at("block_hash").hexadecimal(v, HASH, prefix="0x")),
        parent_hash=read.at("parent_hash").hexadecimal(m["parent_hash"], HASH, prefix="0x"),
        state=read.nullable(m["state"], lambda v: parse_state(read.at("state"), v)),
    )


def key_change_members(change: KeyChange) -> dict[str, Json]:
    """Return a key change as JSON."""
    return {
        "entry": change.entry.decode(),
        "inclusion": [value.hex() for value in change.inclusion],
        "index": change.index,
    }


def parse_key_change(read: Reader, value: Json) -> KeyChange:
    """Return the key change that `key_change_members` wrote, under the reader's error."""
    m = read.members(value, ("entry", "inclusion", "index"))
    return KeyChange(
        entry=_parse_text(read.at("entry"), m["entry"], ENTRY_BYTES_MAX),
        index=read.at("index").integer(m["index"], most=min(SIZE_MAX, encoding.INTEGER_MAX)),
        inclusion=_parse_proof(read.at("inclusion"), m["inclusion"]),
    )


def _parse_proof(read: Reader, value: Json) -> tuple[bytes, ...]:
    return read.items(value, PROOF_MAX, lambda v: read.hexadecimal(v, HASH))


def _parse_text(read: Reader, value: Json, bytes_max: int) -> bytes:
    if not isinstance(value, str) or len(data := value.encode()) > bytes_max:
        raise read.fail(f"text of at most {bytes_max} bytes is expected")
    return data
