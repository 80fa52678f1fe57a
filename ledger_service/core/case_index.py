"""The case index: the map of every case to how many entries it has and which is the last, as one root (design §4).

A keccak Merkle-Patricia trie. Key: buyer's country (2 letters), seller's country (2), the UTC month in which the case
was opened (2 bytes, months since January 1970), the first 26 bytes of keccak256 of the return_id's 16 bytes. Value: RLP
of (count, leaf hash of the last entry on the case's chain); entries beside the chain do not count. A key never changes:
it is made of what the case's first entry says, corrected or not.
Promises: a case is proved by its key, a country pair or a month of it by its prefix. Does not: store nodes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from eth_hash.auto import keccak

from ledger_service.core.case import Case
from ledger_service.core.rlp_items import decode_list, decode_number, encode_item, encode_number
from ledger_service.core.trie import EMPTY_ROOT, prove, read_proof, update
from ledger_service.errors import FormatError, InvalidProofError

__all__ = [
    "EMPTY_ROOT",
    "Indexed",
    "Scope",
    "case_key",
    "key_of",
    "parse_value",
    "prove",
    "read_proof",
    "update",
    "value_of",
]

RETURN_BYTES = 16
NAME_BYTES = 26
COUNT_BITS = 48
_COUNTRY = re.compile(r"[A-Z]{2}")
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_MONTHS_MAX = 0xFFFF


@dataclass(frozen=True, slots=True)
class Indexed:
    """What the index says of a case: `count` entries on its chain, the last with this leaf hash (32 bytes)."""

    count: int
    last: bytes


@dataclass(frozen=True, slots=True)
class Scope:
    """Cases of a country pair (ISO 3166-1 alpha-2), of one month (`YYYY-MM`) or of all (None)."""

    buyer_country: str
    seller_country: str
    month: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no scope.

        Raises:
            FormatError: A country that is not two capital letters, or a month that is none.
        """
        _pair(self.buyer_country, self.seller_country)
        if self.month is not None:
            _months(self.month)

    @property
    def prefix(self) -> str:
        """Return the nibbles with which the keys of its cases begin, in hex."""
        month = "" if self.month is None else _months(self.month).hex()
        return _pair(self.buyer_country, self.seller_country).hex() + month


def key_of(return_id: str, *, buyer_country: str, seller_country: str, opened_at: str) -> bytes:
    """Return the key of a case, 32 bytes.

    Args:
        return_id: 32 lower-case hex digits.
        buyer_country: ISO 3166-1 alpha-2, as the case's first entry says.
        seller_country: The same.
        opened_at: `recorded_at` of that entry (RFC 3339 UTC).

    Raises:
        FormatError: One of them has not its form.
    """
    try:
        raw = bytes.fromhex(return_id)
    except ValueError:
        raw = b""
    if len(raw) != RETURN_BYTES or raw.hex() != return_id:
        raise FormatError(f"{return_id!r:.60} is no return_id", hint=f"{2 * RETURN_BYTES} lower-case hex digits")
    return _pair(buyer_country, seller_country) + _months(opened_at[:7]) + keccak(raw)[:NAME_BYTES]


def case_key(case: Case) -> bytes:
    """Return the key of a case as its entries give it."""
    return key_of(
        case.return_id, buyer_country=case.buyer_country, seller_country=case.seller_country, opened_at=case.opened_at
    )


def value_of(indexed: Indexed) -> bytes:
    """Return what the index holds of a case."""
    return encode_item([encode_number(indexed.count), indexed.last])


def parse_value(value: bytes) -> Indexed:
    """Return what a value says.

    Raises:
        InvalidProofError: It is none.
    """
    items = decode_list(value)
    if len(items) != 2 or not isinstance(items[1], bytes) or len(items[1]) != 32:
        raise InvalidProofError("case index: a value is a count and a leaf hash")
    count = decode_number(items[0], bits=COUNT_BITS)
    if count < 1:
        raise InvalidProofError("case index: a case has at least one entry")
    return Indexed(count, items[1])


def _pair(buyer: str, seller: str) -> bytes:
    if not _COUNTRY.fullmatch(buyer) or not _COUNTRY.fullmatch(seller):
        raise FormatError(f"{buyer!r:.20}, {seller!r:.20}: a country is two capital letters", hint="as in DE and CN")
    return (buyer + seller).encode()


def _months(text: str) -> bytes:
    """Return a month (`YYYY-MM`) as months since January 1970, two bytes."""
    match = _MONTH.fullmatch(text)
    months = (int(match[1]) - 1970) * 12 + int(match[2]) - 1 if match and 1 <= int(match[2]) <= 12 else -1
    if not 0 <= months <= _MONTHS_MAX:
        raise FormatError(f"{text!r:.20} is no month", hint="as in 2026-10")
    return months.to_bytes(2, "big")
