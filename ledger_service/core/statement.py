"""What a party signs: one step as an EIP-712 typed message, and the 32 bytes that a wallet signs of it.

The domain holds the ledger's origin, the chain id and the registry contract; the message holds the step, the head of
the case that the signer saw, a random nonce and a deadline. So a signature counts in one ledger, for one step, on one
head.

Promises: `digest` is what `eth_signTypedData_v4` signs of `typed_data`; every member changes it.
Does not: draw nonces, or know signatures (`signing.py`).

>>> domain = Domain("returns.example/eu", 1, bytes(20))
>>> statement = Statement(None, None, "request_return", Role.BUYER, None, bytes(32), nonce=bytes(32), deadline=0)
>>> digest(domain, statement).hex()[:16]
'7c9c63dde7370e27'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from eth_hash.auto import keccak

from ledger_service.core.encoding import Json, encode
from ledger_service.core.entry import RETURN_ID_BYTES, Role, RuleReference
from ledger_service.core.log_entry import HASH
from ledger_service.core.registry import ADDRESS_BYTES, WORD_BYTES, compute_origin_hash

DOMAIN_NAME = "return-ledger"
DOMAIN_VERSION = "1"
NO_HEAD = bytes(HASH)  # what a statement that opens a case says for the head

_DOMAIN_TYPE = (
    ("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address"),
    ("salt", "bytes32"),
)  # fmt: skip
_STEP_TYPE = (
    ("returnId", "bytes16"), ("previous", "bytes32"), ("verb", "string"), ("role", "string"),
    ("occurredAt", "string"), ("contentHash", "bytes32"), ("nonce", "bytes32"), ("deadline", "uint64"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a statement counts: the ledger's origin, the chain id (EIP-155), and its registry contract (20 bytes)."""

    origin: str
    chain_id: int
    contract: bytes


@dataclass(frozen=True, slots=True)
class Statement:
    """What a party signs.

    `return_id` (16 bytes as hex) and `previous` (leaf hash of the case's head that the signer saw, 32 bytes) are both
    None for a new case. `occurred_at` is an instant or None, `content_hash` what `content_hash` returns, `nonce` 32
    random bytes, `deadline` the last second since 1970 in which the statement is accepted.
    """

    return_id: str | None
    previous: bytes | None
    verb: str
    role: Role
    occurred_at: str | None
    content_hash: bytes
    nonce: bytes
    deadline: int


def content_hash(
    *,
    fields: Mapping[str, Json],
    evidence: Iterable[tuple[str, bytes]],
    rule: RuleReference | None,
    to_state: str | None,
) -> bytes:
    """Return the SHA-256 over the RFC 8785 bytes of a step's content.

    Args:
        fields: All fields of the step with their values, the committed ones included.
        evidence: Kind and SHA-256 of the content (32 bytes) of each file, in order.
        rule: The rule that a decision rests on.
        to_state: The state that the step leads to, as the entry will say it.

    Raises:
        JsonFormatError, LimitError: A field has no canonical form.
    """
    content: dict[str, Json] = {
        "evidence": [[kind, digest.hex()] for kind, digest in evidence],
        "fields": dict(fields),
        "rule": None if rule is None else f"{rule.id}@{rule.version}",
        "to_state": to_state,
    }
    return sha256(encode(content)).digest()


def digest(domain: Domain, statement: Statement) -> bytes:
    """Return the 32 bytes that a wallet signs: keccak256(0x1901 ‖ domain separator ‖ hash of the message) (EIP-712).

    Raises:
        ValueError: A member does not fit its Solidity type; a caller passes values that were parsed before.
    """
    return keccak(b"\x19\x01" + _domain_separator(domain) + _hash_struct("Step", _STEP_TYPE, _message(statement)))


def typed_data(domain: Domain, statement: Statement) -> dict[str, Any]:
    """Return the JSON object that `eth_signTypedData_v4` takes.

    Raises:
        ValueError: As `digest`.
    """
    digest(domain, statement)
    return {
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in _DOMAIN_TYPE],
            "Step": [{"name": name, "type": kind} for name, kind in _STEP_TYPE],
        },
        "primaryType": "Step",
        "domain": _json_values(_domain_values(domain)),
        "message": _json_values(_message(statement)),
    }


def _domain_values(domain: Domain) -> dict[str, str | int | bytes]:
    return {
        "name": DOMAIN_NAME,
        "version": DOMAIN_VERSION,
        "chainId": domain.chain_id,
        "verifyingContract": domain.contract,
        "salt": compute_origin_hash(domain.origin),
    }


def _message(statement: Statement) -> dict[str, str | int | bytes]:
    if (statement.return_id is None) != (statement.previous is None):
        raise ValueError("a statement names a case and its head, or neither")
    if statement.previous == NO_HEAD:  # one message would stand for two statements
        raise ValueError("previous must not be zero, which stands for no case")
    return {
        "returnId": bytes(RETURN_ID_BYTES) if statement.return_id is None else bytes.fromhex(statement.return_id),
        "previous": NO_HEAD if statement.previous is None else statement.previous,
        "verb": statement.verb,
        "role": statement.role.value,
        "occurredAt": statement.occurred_at or "",
        "contentHash": statement.content_hash,
        "nonce": statement.nonce,
        "deadline": statement.deadline,
    }


def _json_values(values: Mapping[str, str | int | bytes]) -> dict[str, str | int]:
    return {name: "0x" + value.hex() if isinstance(value, bytes) else value for name, value in values.items()}


@lru_cache(maxsize=16)  # a process has one or two; it is most of the hashing
def _domain_separator(domain: Domain) -> bytes:
    return _hash_struct("EIP712Domain", _DOMAIN_TYPE, _domain_values(domain))


def _hash_struct(name: str, members: tuple[tuple[str, str], ...], values: Mapping[str, str | int | bytes]) -> bytes:
    words = [_word(kind, member, values[member]) for member, kind in members]
    return keccak(_type_hash(name, members) + b"".join(words))


@lru_cache(maxsize=2)
def _type_hash(name: str, members: tuple[tuple[str, str], ...]) -> bytes:
    return keccak(f"{name}({','.join(f'{kind} {member}' for member, kind in members)})".encode())


def _word(kind: str, name: str, value: str | int | bytes) -> bytes:
    """Return the 32-byte word of an atomic value, or the hash of a text (EIP-712, "Definition of encodeData")."""
    if isinstance(value, str):
        return keccak(value.encode())
    if isinstance(value, int):
        if not 0 <= value < 1 << int(kind.removeprefix("uint")):
            raise ValueError(f"{name} must fit {kind}, is {value}")
        return value.to_bytes(WORD_BYTES, "big")
    width = ADDRESS_BYTES if kind == "address" else int(kind.removeprefix("bytes"))
    if len(value) != width:
        raise ValueError(f"{name} must have {width} bytes, has {len(value)}")
    # Solidity ABI: an address is a number, padded on the left; bytesN is padded on the right.
    return value.rjust(WORD_BYTES, b"\0") if kind == "address" else value.ljust(WORD_BYTES, b"\0")
