"""Sample entries of every kind, and strategies that draw them."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import strategies as st

from ledger_service.core.checkpoint import verifier_key
from ledger_service.core.encoding import INTEGER_MAX
from ledger_service.core.entry import (
    ASIDE_KINDS,
    CASE_KINDS,
    Actor,
    Authenticity,
    CaseEntry,
    EvidenceDescriptor,
    Kind,
    NamedCommitment,
    Role,
    RuleReference,
)
from ledger_service.core.log_entry import After, GenesisEntry, KeyEntry, Predecessor, SealEntry, Target, TargetEntry

ORIGIN = "returns.example/eu"
RECORDED_AT = "2026-11-03T10:22:05.000Z"
OLD_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NEW_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))

FULL = CaseEntry(
    kind=Kind.TRANSITION,
    origin=ORIGIN,
    return_id="000102030405060708090a0b0c0d0e0f",
    seq=3,
    prev=bytes(range(32)),
    verb="inspect_accept",
    from_state="received",
    to_state="accepted",
    asserted_by=Actor(Role.INSPECTOR, "10" * 16),
    recorded_by=Actor(Role.PLATFORM, "20" * 16),
    authenticity=Authenticity.WEBHOOK_VERIFIED,
    occurred_at="2026-11-03T10:00:00.000Z",
    recorded_at=RECORDED_AT,
    rule=RuleReference("EU-2011-83.art-9", "2026-06"),
    facts={"grade": "b", "refund": {"currency": "EUR", "minor": 1999}, "steps": [1, None, "é"]},
    evidence=(EvidenceDescriptor("inspection_photo", 48_211, "image/jpeg", bytes([1]) * 32),),
    missing=("inspection_report",),
    commitments=(NamedCommitment("serial_no", bytes([2]) * 32), NamedCommitment("note", bytes([3]) * 32)),
)
FIRST = CaseEntry(
    kind=Kind.TRANSITION,
    origin=ORIGIN,
    return_id="0f0e0d0c0b0a09080706050403020100",
    seq=0,
    prev=None,
    verb="request_return",
    from_state=None,
    to_state="requested",
    asserted_by=Actor(Role.BUYER, "30" * 16),
    recorded_by=Actor(Role.PLATFORM, "20" * 16),
    authenticity=Authenticity.PLATFORM_ATTESTED,
    occurred_at=None,
    recorded_at=RECORDED_AT,
)
ASIDE = CaseEntry(
    kind=Kind.ACCESS,
    origin=ORIGIN,
    return_id="0f0e0d0c0b0a09080706050403020100",
    seq=None,
    prev=None,
    verb="read_package",
    from_state=None,
    to_state=None,
    asserted_by=Actor(Role.ARBITRATOR, "40" * 16),
    recorded_by=Actor(Role.SYSTEM, "20" * 16),
    authenticity=Authenticity.SIGNED,
    occurred_at=None,
    recorded_at=RECORDED_AT,
)
TARGET = Target(
    chain_id=11155111,
    chain_genesis=bytes([4]) * 32,
    contract=bytes([5]) * 20,
    code_hash=bytes([6]) * 32,
    registrar=bytes([7]) * 20,
    log_id=bytes([8]) * 32,
)
GENESIS = GenesisEntry(
    origin=ORIGIN,
    recorded_at=RECORDED_AT,
    keys=(verifier_key(ORIGIN, OLD_KEY),),
    targets=(TARGET,),
    required=1,
    max_growth=4096,
    predecessor=Predecessor(log_id=bytes([9]) * 32, sequence=7, size=512, root=bytes([10]) * 32),
)
KEY = KeyEntry(
    origin=ORIGIN,
    recorded_at=RECORDED_AT,
    old_key=verifier_key(ORIGIN, OLD_KEY),
    new_key=verifier_key(ORIGIN, NEW_KEY),
    signature=bytes(range(64)),
)
ADDED = TargetEntry(
    origin=ORIGIN,
    recorded_at=RECORDED_AT,
    target=TARGET,
    key=verifier_key(ORIGIN, OLD_KEY),
    signature=bytes(range(64)),
)
SEAL = SealEntry(
    origin=ORIGIN,
    recorded_at=RECORDED_AT,
    case_index=bytes([11]) * 32,
    after=After(chain_id=11155111, log_id=bytes([8]) * 32, sequence=6, commitment=bytes([12]) * 32),
)
SAMPLES: dict[str, Any] = {
    "full": FULL, "first": FIRST, "aside": ASIDE, "genesis": GENESIS, "key": KEY, "target": ADDED,
    "seal": SEAL,
}  # fmt: skip

HASHES = st.binary(min_size=32, max_size=32)
INDEXES = st.integers(0, INTEGER_MAX)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,63}", fullmatch=True)
ORIGINS = st.from_regex(r"[!-*,-~]{1,255}", fullmatch=True)
PARTIES = st.binary(min_size=16, max_size=16).map(bytes.hex)
TIMES = st.datetimes().map(lambda t: t.isoformat(timespec="milliseconds") + "Z")
RULES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
MEDIA_TYPES = st.from_regex(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}", fullmatch=True)
COMMITMENT_NAMES = st.from_regex(r"[a-z][a-z0-9_:]{0,95}", fullmatch=True).filter(
    lambda n: not n.startswith("evidence:")
)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
FACTS = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | TEXT,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(TEXT, v, max_size=3),
    max_leaves=6,
)
ACTORS = st.builds(Actor, st.sampled_from(Role), PARTIES)


@st.composite
def case_entries(draw: st.DrawFn) -> CaseEntry:
    """Draw an entry of a case, of any kind, with every member that it may have."""
    kind = draw(st.sampled_from(sorted(CASE_KINDS)))
    aside = kind in ASIDE_KINDS
    seq = None if aside else draw(INDEXES)
    return CaseEntry(
        kind=kind,
        origin=draw(ORIGINS),
        return_id=draw(PARTIES),
        seq=seq,
        prev=draw(HASHES) if seq else None,
        verb=draw(NAMES),
        from_state=draw(st.none() | NAMES),
        to_state=draw(st.none() | NAMES),
        asserted_by=draw(ACTORS),
        recorded_by=draw(ACTORS),
        authenticity=draw(st.sampled_from(Authenticity)),
        occurred_at=draw(st.none() | TIMES),
        recorded_at=draw(TIMES),
        rule=draw(st.none() | st.builds(RuleReference, RULES, RULES)),
        facts=draw(st.dictionaries(NAMES, FACTS, max_size=3)),
        evidence=tuple(
            draw(
                st.lists(
                    st.builds(EvidenceDescriptor, NAMES, st.integers(1, INTEGER_MAX), MEDIA_TYPES, HASHES), max_size=3
                )
            )
        ),
        missing=tuple(draw(st.lists(NAMES, max_size=3))),
        commitments=tuple(draw(st.lists(st.builds(NamedCommitment, COMMITMENT_NAMES, HASHES), max_size=3))),
    )


ADDRESSES = st.binary(min_size=20, max_size=20)
COUNTS = st.integers(1, INTEGER_MAX)
KEYS = st.builds(lambda name, seed: verifier_key(name, Ed25519PrivateKey.from_private_bytes(seed)), ORIGINS, HASHES)
TARGETS = st.builds(
    Target,
    chain_id=COUNTS,
    chain_genesis=HASHES,
    contract=ADDRESSES,
    code_hash=HASHES,
    registrar=ADDRESSES,
    log_id=HASHES,
)
GENESIS_ENTRIES = st.tuples(st.lists(TARGETS, max_size=3), KEYS).flatmap(
    lambda drawn: st.builds(
        GenesisEntry,
        origin=st.just(drawn[1].name),
        recorded_at=TIMES,
        keys=st.just((drawn[1],)),
        targets=st.just(tuple(drawn[0])),
        required=st.integers(0, len(drawn[0])),
        max_growth=st.integers(2, INTEGER_MAX),
        predecessor=st.none() | st.builds(Predecessor, log_id=HASHES, sequence=INDEXES, size=COUNTS, root=HASHES),
    )
)
KEY_ENTRIES = st.builds(
    KeyEntry,
    origin=ORIGINS,
    recorded_at=TIMES,
    old_key=KEYS,
    new_key=KEYS,
    signature=st.binary(min_size=64, max_size=64),
)
TARGET_ENTRIES = st.builds(
    TargetEntry,
    origin=ORIGINS,
    recorded_at=TIMES,
    target=TARGETS,
    key=KEYS,
    signature=st.binary(min_size=64, max_size=64),
)
SEAL_ENTRIES = st.builds(
    SealEntry,
    origin=ORIGINS,
    recorded_at=TIMES,
    case_index=st.none() | HASHES,
    after=st.none() | st.builds(After, chain_id=COUNTS, log_id=HASHES, sequence=INDEXES, commitment=HASHES),
)
ENTRIES = case_entries() | GENESIS_ENTRIES | KEY_ENTRIES | TARGET_ENTRIES | SEAL_ENTRIES
