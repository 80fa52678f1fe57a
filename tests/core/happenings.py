"""Steps of a case in short, for tests of clocks; times may be written with any offset."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from ledger_service.core.clock import Clock, Happening, instant_text
from ledger_service.core.clocks import clocks
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Authenticity, Role, RuleReference
from ledger_service.core.lifecycle import LIFECYCLE

NOON = "2026-03-02T09:00:00Z"  # the Monday on which most of the worked cases begin
DISPUTE = set(LIFECYCLE.dispute.transitions)
FILES = {"ship_back": ("proof_of_posting",), "submit_customs_documents": ("customs_declaration",)}


def utc(text: str) -> str:
    """Return a time with any offset as the ledger writes it."""
    return instant_text(datetime.fromisoformat(text).astimezone(UTC))


def do(
    verb: str,
    at: str,
    *,
    said: str | None = None,
    by: Role | None = None,
    vouched: Authenticity | None = None,
    files: tuple[str, ...] | None = None,
    rule: tuple[str, str] | None = None,
    to: str | None = None,
    **fields: Json,
) -> Happening:
    """Return a step recorded `at`, said to have occurred `said`. `seq` is set by `numbered`."""
    found = _step(verb, at, fields, said=said, vouched=vouched)
    return replace(
        found,
        role=by or found.role,
        evidence=FILES.get(verb, ()) if files is None else files,
        rule=None if rule is None else RuleReference(*rule),
        to_state=to,
    )


def _step(verb: str, at: str, fields: dict[str, Json], *, said: str | None, vouched: Authenticity | None) -> Happening:
    dispute = verb in DISPUTE
    table = LIFECYCLE.dispute if dispute else LIFECYCLE.case
    return Happening(
        seq=0,
        verb=verb,
        role=table.transitions[verb].actors[0],
        occurred_at=None if said is None else utc(said),
        recorded_at=utc(at),
        fields=({"dispute_id": "d1"} | fields) if dispute else fields,
        evidence=(),
        rule=None,
        dispute=dispute,
        authenticity=vouched,
    )


def request(
    at: str = NOON,
    country: str = "DE",
    *,
    seller: str = "FR",
    basis: str = "statutory_withdrawal",
    delivered: str | None = None,
    reason: str | None = "changed_mind",
    said: str | None = None,
    vouched: Authenticity | None = None,
    **fields: Json,
) -> Happening:
    """Return the first step of a case."""
    known: dict[str, Json] = {"legal_basis": basis, "buyer_country": country, "seller_country": seller}
    if delivered is not None:
        known["outbound_delivered_at"] = delivered
    if reason is not None:
        known["lines"] = [{"line_id": "1", "qty": 1, "reason": reason, "wanted": "refund"}]
    return _step("request_return", at, known | fields, said=said, vouched=vouched)


def numbered(steps: list[Happening]) -> list[Happening]:
    """Return the steps with their places on the chain."""
    return [replace(step, seq=place) for place, step in enumerate(steps)]


def read(steps: list[Happening], now: str, clock: str, rule: str) -> list[Clock]:
    """Return the clocks of this kind under this rule set (`EU`, or `EU@2`)."""
    identity, _, version = rule.partition("@")
    return [
        found
        for found in clocks(numbered(steps), now=utc(now))
        if found.clock_id == clock and found.rule.id == identity and version in ("", found.rule.version)
    ]
