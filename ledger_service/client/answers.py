"""What the service answers, as values: read from JSON by name, so that members of later versions do no harm.

Promises: a value that is here has its form; what else is known of it, its docstring says. Does not: check it against
the log (`checks.py`, `seen.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger_service.client.failures import WrongAnswerError
from ledger_service.core import encoding
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Entry
from ledger_service.core.members import Reader
from ledger_service.errors import FormatError

HASH = 32  # bytes of SHA-256
RETURN_ID = 16  # bytes of a return_id
PAGE_MAX = 1_000  # items of a page; the service sends at most 200
DISPUTES_MAX = 10_000
PROOF_MAX = 128  # hashes of a consistency proof between the largest trees
_READ = Reader(FormatError, "answer")


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """A durable entry, checked: it says what was sent, stands in the pinned log, and its checkpoint is signed.

    `leaf_hash` is 32 bytes, `state` that of the return (or dispute) after the step, `size` the tree size of the
    checkpoint in the receipt, `receipt` the file to keep. `replayed`: an earlier request with the same key made it.
    """

    return_id: str
    index: int
    leaf_hash: bytes
    verb: str
    state: str | None
    recorded_at: str
    size: int
    receipt: bytes
    replayed: bool
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class DisputeState:
    """A dispute of a return as the service sees it."""

    dispute_id: str
    state: str


@dataclass(frozen=True, slots=True)
class ReturnState:
    """A return as the service sees it now: its word, not a thing that can be checked; entries and receipts can.

    `head` is the leaf hash (32 bytes) of the last entry, `last_index` its index: give the whole as
    `if_match` of the next step.
    """

    return_id: str
    state: str
    entries: int
    head: bytes
    last_index: int
    buyer_country: str
    seller_country: str
    opened_at: str
    disputes: tuple[DisputeState, ...]


@dataclass(frozen=True, slots=True)
class LoggedEntry:
    """An entry, checked to stand at its index in the newest checkpoint.

    `entry` is its value, `encoded` its canonical bytes, `leaf_hash` theirs. `state` says how far it has come, and
    `anchored_at` when its block was made (seconds since 1970): the service's word until the receipt is verified.
    """

    index: int
    leaf_hash: bytes
    entry: Entry
    encoded: bytes
    state: str
    anchored_at: int | None


@dataclass(frozen=True, slots=True)
class CheckedReceipt:
    """A receipt whose signature and inclusion proof hold; `rledger verify` asks a chain about its anchors.

    `data` is the file to keep, `entry` its entry, `values` the committed values that it shows, by name.
    """

    index: int
    entry: Entry
    values: dict[str, Json]
    size: int
    data: bytes


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """What the service says of a step, unchecked; `receipt` is the file."""

    return_id: str
    index: int
    leaf_hash: bytes
    verb: str
    state: str | None
    recorded_at: str
    size: int
    receipt: bytes


def parse_json(body: bytes) -> Json:
    """Return the JSON of an answer.

    Raises:
        WrongAnswerError: It is not strict JSON.
    """
    try:
        return encoding.parse(body)
    except FormatError as error:
        raise WrongAnswerError("form", error.message, answer=body) from None


def read_recorded(value: Json) -> RecordedAnswer:
    """Return the answer to a step.

    Raises:
        FormatError: It has not its form.
    """
    m = _named(value, ("return_id", "index", "leaf_hash", "verb", "state", "recorded_at", "size", "receipt"))
    if not isinstance(m["receipt"], dict):
        raise _READ.at("receipt").fail("an object is expected")
    return RecordedAnswer(
        return_id=_READ.at("return_id").hexadecimal(m["return_id"], RETURN_ID).hex(),
        index=_READ.at("index").integer(m["index"]),
        leaf_hash=_READ.at("leaf_hash").hexadecimal(m["leaf_hash"], HASH),
        verb=_text("verb", m["verb"]),
        state=_READ.nullable(m["state"], lambda v: _text("state", v)),
        recorded_at=_READ.at("recorded_at").instant(m["recorded_at"]),
        size=_READ.at("size").integer(m["size"]),
        receipt=encoding.encode_document(m["receipt"]),
    )


def read_return(value: Json) -> ReturnState:
    """Return a return.

    Raises:
        FormatError: It has not its form.
    """
    m = _named(
        value,
        ("return_id", "state", "entries", "head", "last_index", "buyer_country", "seller_country", "opened_at",
         "disputes"),
    )  # fmt: skip
    return ReturnState(
        return_id=_READ.at("return_id").hexadecimal(m["return_id"], RETURN_ID).hex(),
        state=_text("state", m["state"]),
        entries=_READ.at("entries").integer(m["entries"], least=1),
        head=_READ.at("head").hexadecimal(m["head"], HASH),
        last_index=_READ.at("last_index").integer(m["last_index"]),
        buyer_country=_text("buyer_country", m["buyer_country"]),
        seller_country=_text("seller_country", m["seller_country"]),
        opened_at=_READ.at("opened_at").instant(m["opened_at"]),
        disputes=_READ.at("disputes").items(m["disputes"], DISPUTES_MAX, _dispute),
    )


def read_page(value: Json) -> tuple[tuple[ReturnState, ...], str | None]:
    """Return a page of returns, and where the next begins.

    Raises:
        FormatError: It has not its form.
    """
    m = _named(value, ("items", "next"))
    return _READ.at("items").items(m["items"], PAGE_MAX, read_return), _READ.nullable(
        m["next"], lambda v: _text("next", v)
    )


def read_entry(value: Json) -> tuple[int, bytes, Json, str, int | None]:
    """Return index, leaf hash, members, state and time of the block of an entry.

    Raises:
        FormatError: It has not its form.
    """
    m = _named(value, ("index", "leaf_hash", "entry", "state", "anchored_at"))
    return (
        _READ.at("index").integer(m["index"]),
        _READ.at("leaf_hash").hexadecimal(m["leaf_hash"], HASH),
        m["entry"],
        _text("state", m["state"]),
        _READ.nullable(m["anchored_at"], _READ.at("anchored_at").integer),
    )


def read_proof(value: Json, kind: str) -> tuple[tuple[int, ...], tuple[bytes, ...], tuple[bytes, ...]]:
    """Return the sizes, roots and hashes of a proof of this kind.

    Raises:
        FormatError: It has not its form, or is of another kind.
    """
    m = _named(value, ("kind", "sizes", "roots", "hashes"))
    if m["kind"] != kind:
        raise _READ.at("kind").fail(f"{kind} is expected")
    return (
        _READ.at("sizes").items(m["sizes"], 2, _READ.at("sizes").integer),
        _hashes("roots", m["roots"], 2),
        _hashes("hashes", m["hashes"], PROOF_MAX),
    )


def _hashes(name: str, value: Json, most: int) -> tuple[bytes, ...]:
    return _READ.at(name).items(value, most, lambda v: _READ.at(name).hexadecimal(v, HASH))


def _dispute(value: Json) -> DisputeState:
    m = _named(value, ("dispute_id", "state"))
    return DisputeState(_text("dispute_id", m["dispute_id"]), _text("state", m["state"]))


def _named(value: Json, names: Sequence[str]) -> dict[str, Any]:
    known = {name: item for name, item in value.items() if name in names} if isinstance(value, dict) else value
    return _READ.members(known, names)


def _text(name: str, value: Json) -> str:
    if not isinstance(value, str):
        raise _READ.at(name).fail("text is expected")
    return value
