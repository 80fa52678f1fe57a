"""The canonical bytes of an entry that `returns.decide` made, written and read in one pass.

Writing runs under the write lock for every step, where `encode_entry`, which sorts and looks at every member of any
entry, took a third of the time of deciding; reading runs for every earlier step of a return that moves. Promises: the
bytes are those of `encode_entry`, and what is read of them is what `parse_entry` reads; tests hold each two against
each other. Does not: check a member that `decide` has checked, which is every one but the facts and the origin; or
read bytes of anybody else.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from ledger_service.core import encoding
from ledger_service.core.entry import (
    ENTRY_DEPTH_MAX,
    VERSION,
    Actor,
    Authenticity,
    CaseEntry,
    Entry,
    EvidenceDescriptor,
    Kind,
    NamedCommitment,
    Role,
    RuleReference,
    parse_entry,
    within_limit,
)

# What `decide` takes of every other member has no character that JSON escapes: lower-case hex, times, media types,
# and names of the table of the life cycle.


def encode_decided(entry: CaseEntry) -> bytes:
    """Return what `encode_entry` would of an entry that `returns.decide` made.

    Raises:
        LimitError, JsonFormatError: As `encode_entry`.
    """
    commitments = ",".join([f'{{"commitment":"{c.commitment.hex()}","name":"{c.name}"}}' for c in entry.commitments])
    evidence = ",".join(
        [
            f'{{"commitment":"{e.commitment.hex()}","kind":"{e.kind}","media_type":"{e.media_type}","size":{e.size:d}}}'
            for e in entry.evidence
        ]
    )
    before = (
        f'{{"asserted_by":{_actor(entry.asserted_by)},"authenticity":"{entry.authenticity}",'
        f'"commitments":[{commitments}],"evidence":[{evidence}],"facts":'
    )
    after = (
        f',"from_state":{_text(entry.from_state)},"kind":"{entry.kind}",'
        f'"missing":[{",".join(map(_text, entry.missing))}],"occurred_at":{_text(entry.occurred_at)},"origin":'
    )
    end = (
        f',"prev":{_text(None if entry.prev is None else entry.prev.hex())},"recorded_at":"{entry.recorded_at}",'
        f'"recorded_by":{_actor(entry.recorded_by)},"return_id":"{entry.return_id}","rule":{_rule(entry.rule)},'
        f'"seq":{entry.seq:d},"to_state":{_text(entry.to_state)},"verb":"{entry.verb}","version":{VERSION:d}}}'
    )
    facts = encoding.encode(entry.facts, depth_max=ENTRY_DEPTH_MAX - 1)
    origin = _origin(entry.origin)
    return within_limit(b"".join((before.encode(), facts, after.encode(), origin, end.encode())))


def read_decided(encoded: bytes) -> Entry:
    """Return the entry of bytes that `encode_decided` or `encode_entry` gave of an entry of a case.

    Args:
        encoded: Known to be these bytes, by their leaf hash.

    Raises:
        LimitError, JsonFormatError, EntryFormatError: As `parse_entry`; they are none.
    """
    try:
        return _read(json.loads(encoded))
    except (KeyError, TypeError, ValueError):
        return parse_entry(encoded)


def _read(m: dict[str, Any]) -> CaseEntry:
    rule, prev = m["rule"], m.get("prev")
    return CaseEntry(
        kind=Kind(m["kind"]),
        origin=m["origin"],
        return_id=m["return_id"],
        seq=m.get("seq"),
        prev=None if prev is None else bytes.fromhex(prev),
        verb=m["verb"],
        from_state=m["from_state"],
        to_state=m["to_state"],
        asserted_by=_read_actor(m["asserted_by"]),
        recorded_by=_read_actor(m["recorded_by"]),
        authenticity=Authenticity(m["authenticity"]),
        occurred_at=m["occurred_at"],
        recorded_at=m["recorded_at"],
        rule=None if rule is None else RuleReference(rule["id"], rule["version"]),
        facts=m["facts"],
        evidence=tuple(
            EvidenceDescriptor(e["kind"], e["size"], e["media_type"], bytes.fromhex(e["commitment"]))
            for e in m["evidence"]
        ),
        missing=tuple(m["missing"]),
        commitments=tuple(NamedCommitment(c["name"], bytes.fromhex(c["commitment"])) for c in m["commitments"]),
    )


def _read_actor(members: dict[str, str]) -> Actor:
    return Actor(role=Role(members["role"]), party=members["party"])


@lru_cache(maxsize=4)  # a process writes one log
def _origin(origin: str) -> bytes:
    return encoding.encode(origin)


def _actor(actor: Actor) -> str:
    return f'{{"party":"{actor.party}","role":"{actor.role}"}}'


def _rule(rule: RuleReference | None) -> str:
    return "null" if rule is None else f'{{"id":"{rule.id}","version":"{rule.version}"}}'


def _text(value: str | None) -> str:
    return "null" if value is None else f'"{value}"'
