"""Steps of the log itself: its genesis, a change of its key, a further target, and the seal of an anchored head.

Promises: members in and members out are one form (`entry.py` turns them into canonical bytes).
Does not: say when a seal is due, or whether a key change or a further target is proved.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ledger_service.core import encoding
from ledger_service.core.checkpoint import VerifierKey, parse_verifier_key
from ledger_service.core.encoding import Json
from ledger_service.core.members import Reader
from ledger_service.errors import CheckpointFormatError

HASH = 32  # bytes of SHA-256 and keccak-256
ADDRESS = 20  # bytes of an Ethereum address
SIGNATURE = 64  # bytes of an Ed25519 signature
KEYS_MAX = 16
TARGETS_MAX = 16
TARGET_MEMBERS = ("chain_genesis", "chain_id", "code_hash", "contract", "log_id", "registrar")
LOG_MEMBERS = ("kind", "origin", "recorded_at", "version")
ORIGIN = re.compile(r"[!-*,-~]{1,255}")  # as checkpoint.py


@dataclass(frozen=True, slots=True)
class Target:
    """A place where heads are anchored.

    `chain_id`, the chain's genesis block hash (32 bytes), the contract's address (20 bytes) and code hash (keccak-256
    of its runtime code, 32 bytes), the registrar's address (20 bytes) and the log id in that contract (32 bytes).
    """

    chain_id: int
    chain_genesis: bytes
    contract: bytes
    code_hash: bytes
    registrar: bytes
    log_id: bytes


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The last honest head of the log that this one continues (`closeLog`)."""

    log_id: bytes
    sequence: int
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class GenesisEntry:
    """Index 0: who this log is. `required` targets make a receipt final; `max_growth` is the contract's cap."""

    origin: str
    recorded_at: str
    keys: tuple[VerifierKey, ...]
    targets: tuple[Target, ...]
    required: int
    max_growth: int
    predecessor: Predecessor | None = None


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A change of the checkpoint key, signed with the old one over `key_change_message`."""

    origin: str
    recorded_at: str
    old_key: VerifierKey
    new_key: VerifierKey
    signature: bytes


@dataclass(frozen=True, slots=True)
class TargetEntry:
    """A further place where heads are anchored from now on, signed with a key of the log over `target_message`."""

    origin: str
    recorded_at: str
    target: Target
    key: VerifierKey
    signature: bytes


@dataclass(frozen=True, slots=True)
class After:
    """The newest finalized anchor when a seal was made; nobody could know its commitment before its block."""

    chain_id: int
    log_id: bytes
    sequence: int
    commitment: bytes


@dataclass(frozen=True, slots=True)
class SealEntry:
    """The last entry of an anchored head: the root of the case index (None: not kept yet) and `after`."""

    origin: str
    recorded_at: str
    case_index: bytes | None
    after: After | None


def key_change_message(origin: str, new_key: VerifierKey) -> bytes:
    """Return the bytes that the old key signs; the first line keeps them apart from checkpoints."""
    return f"return-ledger/key@v1\n{origin}\n{new_key.encode()}\n".encode()


def target_message(origin: str, target: Target) -> bytes:
    """Return the bytes that a key of the log signs to add a target; the first line keeps them apart from others."""
    return (
        b"return-ledger/target@v1\n" + origin.encode() + b"\n" + encoding.encode(dict(target_members(target))) + b"\n"
    )


def target_members(target: Target) -> dict[str, Json]:
    """Return a target as JSON: chain values in lower-case hex with 0x."""
    return {
        "chain_genesis": "0x" + target.chain_genesis.hex(),
        "chain_id": target.chain_id,
        "code_hash": "0x" + target.code_hash.hex(),
        "contract": "0x" + target.contract.hex(),
        "log_id": "0x" + target.log_id.hex(),
        "registrar": "0x" + target.registrar.hex(),
    }


def parse_target(read: Reader, value: Json) -> Target:
    """Return the target that `target_members` wrote."""
    m = read.members(value, TARGET_MEMBERS)
    return Target(
        chain_id=read.at("chain_id").integer(m["chain_id"], least=1),
        chain_genesis=read.at("chain_genesis").hexadecimal(m["chain_genesis"], HASH, prefix="0x"),
        contract=read.at("contract").hexadecimal(m["contract"], ADDRESS, prefix="0x"),
        code_hash=read.at("code_hash").hexadecimal(m["code_hash"], HASH, prefix="0x"),
        registrar=read.at("registrar").hexadecimal(m["registrar"], ADDRESS, prefix="0x"),
        log_id=read.at("log_id").hexadecimal(m["log_id"], HASH, prefix="0x"),
    )


def genesis_members(entry: GenesisEntry) -> dict[str, Any]:
    """Return the members of a genesis entry beside those that every entry has."""
    before = entry.predecessor
    return {
        "keys": [key.encode() for key in entry.keys],
        "policy": {"max_growth": entry.max_growth, "required": entry.required},
        "predecessor": None
        if before is None
        else {
            "log_id": "0x" + before.log_id.hex(),
            "root": before.root.hex(),
            "sequence": before.sequence,
            "size": before.size,
        },
        "targets": [target_members(target) for target in entry.targets],
    }


def _after_members(after: After) -> dict[str, Any]:
    return {
        "chain_id": after.chain_id,
        "commitment": "0x" + after.commitment.hex(),
        "log_id": "0x" + after.log_id.hex(),
        "sequence": after.sequence,
    }


def key_members(entry: KeyEntry) -> dict[str, Any]:
    """Return the members of a key entry beside those that every entry has."""
    return {
        "new_key": entry.new_key.encode(),
        "old_key": entry.old_key.encode(),
        "signature": entry.signature.hex(),
    }


def further_target_members(entry: TargetEntry) -> dict[str, Any]:
    """Return the members of a target entry beside those that every entry has."""
    return {
        "key": entry.key.encode(),
        "signature": entry.signature.hex(),
        "target": target_members(entry.target),
    }


def seal_members(entry: SealEntry) -> dict[str, Any]:
    """Return the members of a seal beside those that every entry has."""
    return {
        "after": None if entry.after is None else _after_members(entry.after),
        "case_index": None if entry.case_index is None else entry.case_index.hex(),
    }


def parse_genesis(read: Reader, value: dict[str, Json]) -> GenesisEntry:
    """Return the genesis entry of its members."""
    m = read.members(value, (*LOG_MEMBERS, "keys", "policy", "predecessor", "targets"))
    policy = read.at("policy").members(m["policy"], ("max_growth", "required"))
    targets = read.at("targets").items(m["targets"], TARGETS_MAX, lambda v: parse_target(read.at("targets"), v))
    origin = read.at("origin").text(m["origin"], ORIGIN)
    keys = read.at("keys").items(m["keys"], KEYS_MAX, lambda v: parse_key(read.at("keys"), v))
    if not keys or any(key.name != origin for key in keys):
        raise read.at("keys").fail("at least one key, each named like the origin, is expected")
    return GenesisEntry(
        origin=origin,
        recorded_at=read.at("recorded_at").instant(m["recorded_at"]),
        keys=keys,
        targets=targets,
        required=read.at("policy.required").integer(policy["required"], most=len(targets)),
        max_growth=read.at("policy.max_growth").integer(policy["max_growth"], least=2),
        predecessor=read.nullable(m["predecessor"], lambda v: _parse_predecessor(read.at("predecessor"), v)),
    )


def _parse_predecessor(read: Reader, value: Json) -> Predecessor:
    m = read.members(value, ("log_id", "root", "sequence", "size"))
    return Predecessor(
        log_id=read.at("log_id").hexadecimal(m["log_id"], HASH, prefix="0x"),
        sequence=read.at("sequence").integer(m["sequence"]),
        size=read.at("size").integer(m["size"], least=1),
        root=read.at("root").hexadecimal(m["root"], HASH),
    )


def parse_key_change(read: Reader, value: dict[str, Json]) -> KeyEntry:
    """Return the key entry of its members."""
    m = read.members(value, (*LOG_MEMBERS, "new_key", "old_key", "signature"))
    return KeyEntry(
        origin=read.at("origin").text(m["origin"], ORIGIN),
        recorded_at=read.at("recorded_at").instant(m["recorded_at"]),
        old_key=parse_key(read.at("old_key"), m["old_key"]),
        new_key=parse_key(read.at("new_key"), m["new_key"]),
        signature=read.at("signature").hexadecimal(m["signature"], SIGNATURE),
    )


def parse_further_target(read: Reader, value: dict[str, Json]) -> TargetEntry:
    """Return the target entry of its members."""
    m = read.members(value, (*LOG_MEMBERS, "key", "signature", "target"))
    return TargetEntry(
        origin=read.at("origin").text(m["origin"], ORIGIN),
        recorded_at=read.at("recorded_at").instant(m["recorded_at"]),
        target=parse_target(read.at("target"), m["target"]),
        key=parse_key(read.at("key"), m["key"]),
        signature=read.at("signature").hexadecimal(m["signature"], SIGNATURE),
    )


def parse_seal(read: Reader, value: dict[str, Json]) -> SealEntry:
    """Return the seal of its members."""
    m = read.members(value, (*LOG_MEMBERS, "after", "case_index"))
    return SealEntry(
        origin=read.at("origin").text(m["origin"], ORIGIN),
        recorded_at=read.at("recorded_at").instant(m["recorded_at"]),
        case_index=read.nullable(m["case_index"], lambda v: read.at("case_index").hexadecimal(v, HASH)),
        after=read.nullable(m["after"], lambda v: _parse_after(read.at("after"), v)),
    )


def _parse_after(read: Reader, value: Json) -> After:
    m = read.members(value, ("chain_id", "commitment", "log_id", "sequence"))
    return After(
        chain_id=read.at("chain_id").integer(m["chain_id"], least=1),
        log_id=read.at("log_id").hexadecimal(m["log_id"], HASH, prefix="0x"),
        sequence=read.at("sequence").integer(m["sequence"]),
        commitment=read.at("commitment").hexadecimal(m["commitment"], HASH, prefix="0x"),
    )


def parse_key(read: Reader, value: Json) -> VerifierKey:
    """Return the verifier key of its text, under the reader's error."""
    try:
        return parse_verifier_key(value if isinstance(value, str) else "")
    except CheckpointFormatError as error:
        raise read.fail(error.message) from None
