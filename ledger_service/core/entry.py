"""One recorded step, as a value and as the canonical bytes that are hashed into the log.

Two families: steps of a case (`CaseEntry`: transition, correction, dispute, erasure, and, beside the case's chain,
attempt, access, finding) and steps of the log itself (`GenesisEntry`, `KeyEntry`, `TargetEntry`, `SealEntry`).

Promises: `parse_entry(encode_entry(e)) == e` and `encode_entry(parse_entry(b)) == b`; an unknown version, kind or
member is refused; an entry holds no float and at most `ENTRY_BYTES_MAX` bytes.
Does not: decide whether a step is allowed (`returns.py`), or hold a personal value in clear: such a value appears as
a commitment (`disclosure.py`), a person as a pseudonym of their own for each case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ledger_service.core import encoding
from ledger_service.core.encoding import Json
from ledger_service.core.log_entry import (
    HASH,
    LOG_MEMBERS,
    ORIGIN,
    GenesisEntry,
    KeyEntry,
    SealEntry,
    TargetEntry,
    further_target_members,
    genesis_members,
    key_members,
    parse_further_target,
    parse_genesis,
    parse_key_change,
    parse_seal,
    seal_members,
)
from ledger_service.core.members import Reader
from ledger_service.errors import EntryFormatError, LimitError

VERSION = 1
ENTRY_BYTES_MAX = 65_535  # design §4; an uint16 length prefix holds it in tile bundles (c2sp.org/tlog-tiles)
ENTRY_DEPTH_MAX = 12  # our own entries have 4; the rest is room for facts
EVIDENCE_MAX = 64  # files in one step; more photos come with `add_evidence`
COMMITMENTS_MAX = 128  # committed fields in one step
RETURN_ID_BYTES = 16  # 128 random bits: never an order number, never guessed
PARTY_BYTES = 16

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_COMMITMENT_NAME = re.compile(r"(?!evidence:)[a-z][a-z0-9_:]{0,95}")  # names of files are apart from names of fields
MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
RULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Kind(StrEnum):
    """What an entry is (design §4)."""

    GENESIS = "genesis"
    TRANSITION = "transition"
    CORRECTION = "correction"
    DISPUTE = "dispute"
    ATTEMPT = "attempt"
    ACCESS = "access"
    FINDING = "finding"
    ERASURE = "erasure"
    KEY = "key"
    TARGET = "target"
    SEAL = "seal"


CASE_KINDS = frozenset(Kind) - {Kind.GENESIS, Kind.KEY, Kind.TARGET, Kind.SEAL}
ASIDE_KINDS = frozenset({Kind.ATTEMPT, Kind.ACCESS, Kind.FINDING})  # carry no seq and prev, do not move the head


class Role(StrEnum):
    """Who acts (domain, §1.2)."""

    BUYER = "buyer"
    SELLER = "seller"
    PLATFORM = "platform"
    CARRIER = "carrier"
    CUSTOMS = "customs"
    INSPECTOR = "inspector"
    PSP = "psp"
    ARBITRATOR = "arbitrator"
    REGULATOR = "regulator"
    SYSTEM = "system"


class Authenticity(StrEnum):
    """How we know that the asserting party said it."""

    SIGNED = "signed"
    WEBHOOK_VERIFIED = "webhook_verified"
    PLATFORM_ATTESTED = "platform_attested"
    IMPORTED_UNVERIFIED = "imported_unverified"


@dataclass(frozen=True, slots=True)
class Actor:
    """A party in its role: `party` is its pseudonym in this case, 16 bytes as lower-case hex."""

    role: Role
    party: str


@dataclass(frozen=True, slots=True)
class EvidenceDescriptor:
    """A file of a step: its kind, size in bytes, sniffed media type, and commitment (32 bytes) to its SHA-256."""

    kind: str
    size: int
    media_type: str
    commitment: bytes


@dataclass(frozen=True, slots=True)
class NamedCommitment:
    """A committed field: its name, and the commitment (32 bytes)."""

    name: str
    commitment: bytes


@dataclass(frozen=True, slots=True)
class RuleReference:
    """The rule that a decision rests on, with its version."""

    id: str
    version: str


@dataclass(frozen=True, slots=True)
class CaseEntry:
    """A step of one case.

    `return_id` is 16 random bytes as lower-case hex. `seq` counts the case's entries from 0 without gaps and `prev`
    is the leaf hash of the one before (None for the first); both are None for the kinds that stand aside
    (`ASIDE_KINDS`). `facts` holds the fields in clear, `commitments` the others, `missing` the kinds of evidence
    that the step would rest on if somebody held them. Times are RFC 3339 UTC with milliseconds: `occurred_at` is
    claimed (None: not known), `recorded_at` ours.
    """

    kind: Kind
    origin: str
    return_id: str
    seq: int | None
    prev: bytes | None
    verb: str
    from_state: str | None
    to_state: str | None
    asserted_by: Actor
    recorded_by: Actor
    authenticity: Authenticity
    occurred_at: str | None
    recorded_at: str
    rule: RuleReference | None = None
    facts: dict[str, Json] = field(default_factory=dict)
    evidence: tuple[EvidenceDescriptor, ...] = ()
    missing: tuple[str, ...] = ()
    commitments: tuple[NamedCommitment, ...] = ()

    def all_commitments(self) -> tuple[NamedCommitment, ...]:
        """Return every commitment of the entry in entry order: the evidence, then the fields."""
        files = tuple(NamedCommitment(f"evidence:{item.kind}", item.commitment) for item in self.evidence)
        return files + self.commitments


Entry = CaseEntry | GenesisEntry | KeyEntry | TargetEntry | SealEntry


def kind_of(entry: Entry) -> Kind:
    """Return the kind of an entry."""
    if isinstance(entry, CaseEntry):
        return entry.kind
    kinds = {GenesisEntry: Kind.GENESIS, KeyEntry: Kind.KEY, TargetEntry: Kind.TARGET, SealEntry: Kind.SEAL}
    return kinds[type(entry)]


def encode_entry(entry: Entry) -> bytes:
    """Return the canonical bytes of an entry.

    Raises:
        LimitError: More than `ENTRY_BYTES_MAX` bytes, deeper than `ENTRY_DEPTH_MAX`, or an integer that JSON
            cannot hold.
        JsonFormatError: A fact that has no canonical form.
    """
    return within_limit(encoding.encode(_members(entry), depth_max=ENTRY_DEPTH_MAX))


def _members(entry: Entry) -> dict[str, Any]:
    value: dict[str, Any] = {
        "kind": kind_of(entry).value,
        "origin": entry.origin,
        "recorded_at": entry.recorded_at,
        "version": VERSION,
    }
    if isinstance(entry, CaseEntry):
        value.update(_case_members(entry))
    elif isinstance(entry, GenesisEntry):
        value.update(genesis_members(entry))
    elif isinstance(entry, KeyEntry):
        value.update(key_members(entry))
    elif isinstance(entry, TargetEntry):
        value.update(further_target_members(entry))
    else:
        value.update(seal_members(entry))
    return value


def within_limit(encoded: bytes) -> bytes:
    """Return the bytes of an entry if they are not too many.

    Raises:
        LimitError: They are.
    """
    if len(encoded) > ENTRY_BYTES_MAX:
        raise LimitError(
            "the most bytes of an entry", ENTRY_BYTES_MAX, len(encoded), hint="put long content into evidence files"
        )
    return encoded


def parse_entry(data: bytes) -> Entry:
    """Return the entry of its canonical bytes.

    Raises:
        LimitError, JsonFormatError: Not canonical JSON within the limits.
        EntryFormatError: JSON, but not an entry of this version.
    """
    value = encoding.parse_canonical(data, bytes_max=ENTRY_BYTES_MAX, depth_max=ENTRY_DEPTH_MAX)
    read = Reader(EntryFormatError, "entry")
    if not isinstance(value, dict) or value.get("version") != VERSION or type(value.get("version")) is not int:
        raise read.fail(f"an object of version {VERSION} is expected")
    kind = read.at("kind").choice(value.get("kind"), Kind)
    if kind in CASE_KINDS:
        return _parse_case_entry(read, value, kind)
    if kind is Kind.GENESIS:
        return parse_genesis(read, value)
    if kind is Kind.TARGET:
        return parse_further_target(read, value)
    return parse_key_change(read, value) if kind is Kind.KEY else parse_seal(read, value)


_CASE_MEMBERS = (
    *LOG_MEMBERS, "asserted_by", "authenticity", "commitments", "evidence", "facts", "from_state", "missing",
    "occurred_at", "recorded_by", "return_id", "rule", "to_state", "verb",
)  # fmt: skip


def _case_members(entry: CaseEntry) -> dict[str, Any]:
    members: dict[str, Any] = {
        "asserted_by": {"party": entry.asserted_by.party, "role": entry.asserted_by.role.value},
        "authenticity": entry.authenticity.value,
        "commitments": [{"commitment": c.commitment.hex(), "name": c.name} for c in entry.commitments],
        "evidence": [
            {"commitment": e.commitment.hex(), "kind": e.kind, "media_type": e.media_type, "size": e.size}
            for e in entry.evidence
        ],
        "facts": entry.facts,
        "from_state": entry.from_state,
        "missing": list(entry.missing),
        "occurred_at": entry.occurred_at,
        "recorded_by": {"party": entry.recorded_by.party, "role": entry.recorded_by.role.value},
        "return_id": entry.return_id,
        "rule": None if entry.rule is None else {"id": entry.rule.id, "version": entry.rule.version},
        "to_state": entry.to_state,
        "verb": entry.verb,
    }
    if entry.kind not in ASIDE_KINDS:
        members["seq"] = entry.seq
        members["prev"] = None if entry.prev is None else entry.prev.hex()
    return members


def _parse_case_entry(read: Reader, value: dict[str, Json], kind: Kind) -> CaseEntry:
    aside = kind in ASIDE_KINDS
    m = read.members(value, _CASE_MEMBERS if aside else (*_CASE_MEMBERS, "seq", "prev"))
    if not isinstance(m["facts"], dict):
        raise read.at("facts").fail("an object is expected")
    for name in m["facts"]:
        read.at("facts").text(name, _NAME)
    seq = None if aside else read.at("seq").integer(m["seq"])
    prev = None if aside else read.at("prev").nullable(m["prev"], lambda v: read.at("prev").hexadecimal(v, HASH))
    if not aside and (seq == 0) != (prev is None):
        raise read.at("prev").fail("the first entry of a case has none, every later one has one")
    return CaseEntry(
        kind=kind,
        origin=read.at("origin").text(m["origin"], ORIGIN),
        return_id=read.at("return_id").hexadecimal(m["return_id"], RETURN_ID_BYTES).hex(),
        seq=seq,
        prev=prev,
        verb=read.at("verb").text(m["verb"], _NAME),
        from_state=read.nullable(m["from_state"], lambda v: read.at("from_state").text(v, _NAME)),
        to_state=read.nullable(m["to_state"], lambda v: read.at("to_state").text(v, _NAME)),
        asserted_by=_parse_actor(read.at("asserted_by"), m["asserted_by"]),
        recorded_by=_parse_actor(read.at("recorded_by"), m["recorded_by"]),
        authenticity=read.at("authenticity").choice(m["authenticity"], Authenticity),
        occurred_at=read.nullable(m["occurred_at"], read.at("occurred_at").instant),
        recorded_at=read.at("recorded_at").instant(m["recorded_at"]),
        rule=read.nullable(m["rule"], lambda v: _parse_rule(read.at("rule"), v)),
        facts=m["facts"],
        evidence=read.at("evidence").items(m["evidence"], EVIDENCE_MAX, lambda v: _parse_evidence(read, v)),
        missing=read.at("missing").items(m["missing"], EVIDENCE_MAX, lambda v: read.at("missing").text(v, _NAME)),
        commitments=read.at("commitments").items(
            m["commitments"], COMMITMENTS_MAX, lambda v: _parse_commitment(read.at("commitments"), v)
        ),
    )


def _parse_actor(read: Reader, value: Json) -> Actor:
    m = read.members(value, ("party", "role"))
    party = read.at("party").hexadecimal(m["party"], PARTY_BYTES).hex()
    return Actor(role=read.at("role").choice(m["role"], Role), party=party)


def _parse_rule(read: Reader, value: Json) -> RuleReference:
    m = read.members(value, ("id", "version"))
    return RuleReference(read.at("id").text(m["id"], RULE), read.at("version").text(m["version"], RULE))


def _parse_evidence(read: Reader, value: Json) -> EvidenceDescriptor:
    read = read.at("evidence")
    m = read.members(value, ("commitment", "kind", "media_type", "size"))
    return EvidenceDescriptor(
        kind=read.at("kind").text(m["kind"], _NAME),
        size=read.at("size").integer(m["size"], least=1),
        media_type=read.at("media_type").text(m["media_type"], MEDIA_TYPE),
        commitment=read.at("commitment").hexadecimal(m["commitment"], HASH),
    )


def _parse_commitment(read: Reader, value: Json) -> NamedCommitment:
    m = read.members(value, ("commitment", "name"))
    name = read.at("name").text(m["name"], _COMMITMENT_NAME)
    return NamedCommitment(name, read.at("commitment").hexadecimal(m["commitment"], HASH))
