"""The trust file: what a verifier pins before it looks at any receipt.

It names the log (origin, genesis leaf), the keys that sign its checkpoints, the places where its heads are anchored,
and the policy: how many of these must hold a head, final, before a receipt is `valid`. It may name witnesses too, and
how many of them must have cosigned the head.

Promises: a file whose parts contradict each other (a log id that does not follow from chain, contract, registrar and
origin) is refused. Does not: come from a receipt; nothing in a receipt replaces any of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ledger_service.core import encoding
from ledger_service.core.checkpoint import VerifierKey
from ledger_service.core.cosignature import WitnessKey, parse_witness_key
from ledger_service.core.encoding import Json
from ledger_service.core.log_entry import (
    HASH,
    KEYS_MAX,
    ORIGIN,
    TARGET_MEMBERS,
    TARGETS_MAX,
    Target,
    parse_key,
    parse_target,
)
from ledger_service.core.log_entry import target_members as entry_target_members
from ledger_service.core.members import Reader
from ledger_service.core.registry import compute_log_id, compute_origin_hash
from ledger_service.errors import CheckpointFormatError, FormatError, TrustFormatError

FORMAT = "return-ledger/trust@v1"
TRUST_BYTES_MAX = 65_536  # a file with sixteen targets has about 10 KB
CONFIRMATIONS_MAX = 1_000_000
WITNESSES_MAX = 32
EMBEDDED_CHAIN_ID = 1919706468  # "rled": the demonstration chain, whose only node is its operator's

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class PinnedTarget:
    """A target with its display name and finality rule.

    `confirmations` None: final is what the chain's nodes call `finalized`; else the number of blocks on top.
    """

    name: str
    target: Target
    confirmations: int | None


@dataclass(frozen=True, slots=True)
class Trust:
    """What is pinned: origin, checkpoint keys, genesis leaf hash, targets, and how many of them must be final.

    `witnesses`: their keys; `witnesses_required`: how many of them must have cosigned a receipt's head.
    """

    origin: str
    keys: tuple[VerifierKey, ...]
    genesis: bytes
    targets: tuple[PinnedTarget, ...]
    required: int
    witnesses: tuple[WitnessKey, ...] = ()
    witnesses_required: int = 0

    def target_of(self, log_id: bytes) -> PinnedTarget | None:
        """Return the pinned target of this log id, or None."""
        return next((pinned for pinned in self.targets if pinned.target.log_id == log_id), None)

    def policy(self) -> str:
        """Return the policy in words.

        >>> Trust("a.example", (), b"", (), 1).policy()
        'signed by the log + final on 1 of 0 chains'
        """
        words = f"signed by the log + final on {self.required} of {len(self.targets)} chains"
        if not self.witnesses:
            return words
        return f"{words} + cosigned by {self.witnesses_required} of {len(self.witnesses)} witnesses"


def encode_trust(trust: Trust) -> bytes:
    """Return the trust file."""
    targets: list[Json] = []
    for pinned in trust.targets:
        members: dict[str, Any] = dict(entry_target_members(pinned.target))
        members.update(confirmations=pinned.confirmations, name=pinned.name)
        targets.append(members)
    policy: dict[str, Json] = {"required": trust.required}
    value: dict[str, Json] = {
        "format": FORMAT,
        "genesis": trust.genesis.hex(),
        "keys": [key.encode() for key in trust.keys],
        "origin": trust.origin,
        "policy": policy,
        "targets": targets,
    }
    if trust.witnesses:  # files without any stay what they were
        value["witnesses"] = [key.encode() for key in trust.witnesses]
        policy["witnesses"] = trust.witnesses_required
    return encoding.encode_document(value)


def parse_trust(data: bytes) -> Trust:
    """Return the trust of a trust file.

    Raises:
        TrustFormatError: Not a trust file of this version, or its parts contradict each other.
    """
    read = Reader(TrustFormatError, "trust file")
    try:
        value = encoding.parse_document(data, bytes_max=TRUST_BYTES_MAX)
    except FormatError as error:
        raise TrustFormatError(f"trust file: {error.message}", hint=error.hint) from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise read.fail(f"the format {FORMAT!r} is expected")
    m = read.members(value, ("format", "genesis", "keys", "origin", "policy", "targets"), optional=("witnesses",))
    witnesses = _parse_witnesses(read.at("witnesses"), m) if "witnesses" in m else ()
    origin = read.at("origin").text(m["origin"], ORIGIN)
    targets = read.at("targets").items(m["targets"], TARGETS_MAX, lambda v: _parse_target(read.at("targets"), v))
    policy = read.at("policy").members(m["policy"], ("required", "witnesses") if witnesses else ("required",))
    keys = read.at("keys").items(m["keys"], KEYS_MAX, lambda v: parse_key(read.at("keys"), v))
    if not keys or any(key.name != origin for key in keys):
        raise read.at("keys").fail("at least one key, each named like the origin, is expected")
    if len({pinned.target.log_id for pinned in targets}) != len(targets):
        raise read.at("targets").fail("a log id stands twice")
    for pinned in targets:
        target = pinned.target
        if target.log_id != compute_log_id(
            target.chain_id,
            target.contract,
            registrar=target.registrar,
            origin_hash=compute_origin_hash(origin),
        ):
            raise read.at("targets").fail(f"the log id of {pinned.name!r} does not follow from its other members")
    return Trust(
        origin=origin,
        keys=keys,
        genesis=read.at("genesis").hexadecimal(m["genesis"], HASH),
        targets=targets,
        required=read.at("policy.required").integer(policy["required"], least=1, most=max(len(targets), 1)),
        witnesses=witnesses,
        witnesses_required=read.at("policy.witnesses").integer(policy.get("witnesses", 0), most=len(witnesses)),
    )


def _parse_witnesses(read: Reader, members: dict[str, Any]) -> tuple[WitnessKey, ...]:
    """Return the witnesses: at least one, each with a key and a name that no other has, so that each counts once."""
    witnesses = read.items(members["witnesses"], WITNESSES_MAX, lambda v: _parse_witness(read, v))
    distinct = min(len({key.public for key in witnesses}), len({key.name for key in witnesses}))
    if not witnesses or distinct != len(witnesses):
        raise read.fail("at least one witness is expected, and none twice")
    return witnesses


def _parse_witness(read: Reader, value: Json) -> WitnessKey:
    try:
        return parse_witness_key(value if isinstance(value, str) else "")
    except CheckpointFormatError as error:
        raise read.fail(error.message) from None


def _parse_target(read: Reader, value: Json) -> PinnedTarget:
    own = ("confirmations", "name")
    m = read.members(value, own, optional=TARGET_MEMBERS)
    return PinnedTarget(
        name=read.at("name").text(m["name"], _NAME),
        target=parse_target(read, {name: item for name, item in m.items() if name not in own}),
        confirmations=read.nullable(
            m["confirmations"],
            lambda v: read.at("confirmations").integer(v, least=1, most=CONFIRMATIONS_MAX),
        ),
    )
