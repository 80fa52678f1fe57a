"""JSON-RPC's small words for Ethereum: quantities, byte strings, and the errors that a node answers with.

Promises: numbers and bytes from a node are parsed strictly (execution-apis, "Hex value encoding"), and what is not
one of them is a `NodeAnswerError`. An error object becomes `JsonRpcError`, whose `reason` is the same word for the
same refusal whatever the client software calls it.

Does not: send anything; see `rpc` and `rpc_http`.

>>> to_quantity(1024), to_data(b"\\x01")
('0x400', '0x01')
>>> parse_quantity("0x400", "number")
1024
"""

from __future__ import annotations

import re
from enum import StrEnum

from ledger_service.errors import NodeAnswerError

UINT256_MAX = 2**256 - 1
WORD_BYTES = 32
ADDRESS_BYTES = 20
REVERTED_CODE = 3  # geth's code for "execution reverted"; the error's data is what the contract returned
MESSAGE_SHOWN_MAX = 300  # characters of a node's own words that we repeat

_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")


class NodeRefusal(StrEnum):
    """Why a node refused, in one vocabulary for all clients."""

    ALREADY_KNOWN = "already_known"
    NONCE_TOO_LOW = "nonce_too_low"
    NONCE_TOO_HIGH = "nonce_too_high"
    REPLACEMENT_UNDERPRICED = "replacement_underpriced"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    FEE_TOO_LOW = "fee_too_low"
    REVERTED = "reverted"
    METHOD_MISSING = "method_missing"
    RATE_LIMITED = "rate_limited"
    OTHER = "other"


# Fragments of messages, lower case, first match wins. Words of geth and its descendants, Erigon, Nethermind, Besu,
# Reth, Hardhat and anvil; "replacement" stands before the general "underpriced".
_WORDS: tuple[tuple[str, NodeRefusal], ...] = (
    ("already known", NodeRefusal.ALREADY_KNOWN),
    ("alreadyknown", NodeRefusal.ALREADY_KNOWN),
    ("known transaction", NodeRefusal.ALREADY_KNOWN),
    ("already imported", NodeRefusal.ALREADY_KNOWN),
    ("nonce too low", NodeRefusal.NONCE_TOO_LOW),
    ("oldnonce", NodeRefusal.NONCE_TOO_LOW),
    ("nonce too high", NodeRefusal.NONCE_TOO_HIGH),
    ("replacement", NodeRefusal.REPLACEMENT_UNDERPRICED),
    ("insufficient funds", NodeRefusal.INSUFFICIENT_FUNDS),
    ("insufficientfunds", NodeRefusal.INSUFFICIENT_FUNDS),
    ("enough funds", NodeRefusal.INSUFFICIENT_FUNDS),
    ("upfront cost exceeds", NodeRefusal.INSUFFICIENT_FUNDS),
    ("underpriced", NodeRefusal.FEE_TOO_LOW),
    ("less than block base fee", NodeRefusal.FEE_TOO_LOW),
    ("too low for the next block", NodeRefusal.FEE_TOO_LOW),
    ("feetoolow", NodeRefusal.FEE_TOO_LOW),
    ("gas price below", NodeRefusal.FEE_TOO_LOW),
    ("execution reverted", NodeRefusal.REVERTED),
    ("reverted with", NodeRefusal.REVERTED),
    ("transaction reverted", NodeRefusal.REVERTED),
    ("rate limit", NodeRefusal.RATE_LIMITED),
    ("too many requests", NodeRefusal.RATE_LIMITED),
    ("limit exceeded", NodeRefusal.RATE_LIMITED),
)
_CODES = {
    REVERTED_CODE: NodeRefusal.REVERTED,
    -32601: NodeRefusal.METHOD_MISSING,
    -32005: NodeRefusal.RATE_LIMITED,
}


class JsonRpcError(NodeAnswerError):
    """The node answered with an error object.

    `rpc_code` is JSON-RPC's number, `text` the node's words, `reason` what they mean to us, `data` the bytes that
    came with it (a contract's revert data), or None.
    """

    def __init__(self, rpc_code: int, text: str, data: bytes | None = None, *, hint: str = "") -> None:
        shown = text if len(text) <= MESSAGE_SHOWN_MAX else text[:MESSAGE_SHOWN_MAX] + "…"
        super().__init__(f"the node refused: {shown} (JSON-RPC error {rpc_code})", hint=hint)
        self.rpc_code = rpc_code
        self.text = text
        self.data = data
        self.reason = classify(rpc_code, text)


def classify(rpc_code: int, text: str) -> NodeRefusal:
    """Return what an error object means, by its code and then by its words."""
    lowered = text.lower()
    if rpc_code in _CODES:
        return _CODES[rpc_code]
    return next((reason for words, reason in _WORDS if words in lowered), NodeRefusal.OTHER)


def error_from_object(found: object) -> JsonRpcError:
    """Return the error that a JSON-RPC `error` member describes, however crooked it is."""
    if not isinstance(found, dict):
        return JsonRpcError(0, f"an error object that is none: {str(found)[:80]}")
    code, text = found.get("code"), found.get("message")
    return JsonRpcError(
        code if isinstance(code, int) else 0,
        text if isinstance(text, str) else "no message",
        _error_data(found.get("data")),
    )


def to_quantity(value: int) -> str:
    """Return `0x…` without leading zeros."""
    return hex(value)


def to_data(value: bytes) -> str:
    """Return `0x…` with two digits a byte."""
    return "0x" + value.hex()


def parse_quantity(value: object, name: str) -> int:
    """Return the number that a quantity stands for, at most 2^256 − 1.

    Raises:
        NodeAnswerError: Not a quantity; `name` says of what.
    """
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise NodeAnswerError(f"the node's {name} is not a quantity: {str(value)[:80]!r}")
    return int(value, 16)


def parse_data(value: object, name: str, *, size: int | None = None) -> bytes:
    """Return the bytes that a `0x…` string stands for; exactly `size` of them when given.

    Raises:
        NodeAnswerError: Not bytes, or of another length; `name` says of what.
    """
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise NodeAnswerError(f"the node's {name} is not a string of bytes: {str(value)[:80]!r}")
    found = bytes.fromhex(value[2:])
    if size is not None and len(found) != size:
        raise NodeAnswerError(f"the node's {name} has {len(found)} bytes, not {size}")
    return found


def _error_data(found: object) -> bytes | None:
    # geth gives a string, Hardhat an object with the string under `data`, some nodes prose.
    if isinstance(found, dict):
        found = found.get("data")
    if isinstance(found, str) and _DATA.fullmatch(found):
        return bytes.fromhex(found[2:])
    return None
