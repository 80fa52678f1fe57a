"""Cases told step by step, values in the open: decided, evolved, and followed by a docket as the writer does it.

`Told` is for stories; `long_case` is a case of as many entries as one likes, in which every part of a timeline works.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ledger_service.core.case import Case
from ledger_service.core.clock import instant_text
from ledger_service.core.docket import Docket, Known, make_docket
from ledger_service.core.entry import Authenticity, CaseEntry, Kind, NamedCommitment, Role, RuleReference, encode_entry
from ledger_service.core.judge import judge
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.returns import Command, decide, evolve, sort_fields
from ledger_service.core.signing import SIGNATURE_NAME, SIGNER_NAME
from ledger_service.core.timeline import Timeline, make_timeline
from ledger_service.core.timeline_row import Placed, Since
from tests.core.steps import ORIGIN, RETURN_ID, actor, descriptors, least_evidence

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
EURO_20 = {"minor": 2000, "currency": "EUR"}
REQUEST: dict[str, Any] = {
    "legal_basis": "statutory_withdrawal",
    "lines": [{"line_id": "l1", "qty": 2, "reason": "changed_mind", "wanted": "refund", "paid": EURO_20}],
    "language": "de",
    "buyer_country": "DE",
    "seller_country": "CN",
    "outbound_delivered_at": "2026-02-27T10:00:00+01:00",
    "ordered_at": "2026-02-20T10:00:00+01:00",
}
APPROVAL: dict[str, Any] = {"approved_lines": [{"line_id": "l1", "qty": 2}], "return_cost_payer": "buyer"}
PARCELS: dict[str, Any] = {"parcels": [{"parcel_id": "p1", "lines": [{"line_id": "l1", "qty": 2}]}]}
RECEIVED: dict[str, Any] = {"lines": [{"line_id": "l1", "received_qty": 2}]}
GRADED: dict[str, Any] = {"lines": [{"line_id": "l1", "accepted_qty": 2, "rejected_qty": 0, "missing_qty": 0}]}
REFUND: dict[str, Any] = {"lines": [{"line_id": "l1", "amount": EURO_20}]}
RULE = RuleReference("EU", "1")
NOBODY = Authenticity.PLATFORM_ATTESTED


def hours(count: float) -> str:
    """Return the instant so many hours after the beginning."""
    return instant_text(BEGAN + timedelta(hours=count))


class Told:
    """A case as it grows. Times are hours after `BEGAN`; without one, each step is recorded an hour after the last."""

    def __init__(self) -> None:
        self.case: Case | None = None
        self.docket = Docket()
        self.placed: list[Placed] = []
        self.now = -1.0

    def step(
        self,
        verb: str,
        role: Role | None = None,
        fields: dict[str, Any] | None = None,
        *,
        at: float | None = None,
        occurred: float | None = None,
        by: Role = Role.PLATFORM,
        evidence: Sequence[str] | None = None,
        rule: RuleReference | None = None,
        to_state: str | None = None,
        authenticity: Authenticity = NOBODY,
        erased: Sequence[str] = (),
        judged: bool = True,
    ) -> str:
        """Record a step and return its leaf hash as hex; `judged` False: as if the numbers had not been looked at."""
        self.now = self.now + 1 if at is None else at
        command = make_command(self, verb, role, fields or {}, by=by, evidence=evidence, authenticity=authenticity)
        command = replace(
            command,
            occurred_at=None if occurred is None else hours(occurred),
            rule=rule or command.rule,
            to_state=to_state,
        )
        values = values_of(verb, fields or {})
        if judged:
            target = judge(self.docket, self.case, command, values, now=hours(self.now))
            command = command if target is None else replace(command, to_state=target)
        entry = decide(self.case, command)
        self.case = evolve(self.case, entry)
        return self.put(entry, {name: value for name, value in values.items() if name not in erased}, erased)

    def put(self, entry: CaseEntry, values: dict[str, Any], erased: Sequence[str] = ()) -> str:
        """Place an entry as it is."""
        leaf = leaf_hash(encode_entry(entry))
        known = Known(leaf, entry, values, tuple(erased))
        self.docket = self.docket.follow(known)
        self.placed.append(Placed(known, 10 + 2 * len(self.placed), "checkpointed", None))
        return leaf.hex()

    def aside(self, kind: Kind, verb: str, facts: dict[str, Any], *, role: Role = Role.SELLER, **values: Any) -> None:
        """Place an entry beside the chain of the case."""
        assert self.case is not None
        who = actor(role)
        entry = CaseEntry(
            kind=kind, origin=ORIGIN, return_id=RETURN_ID, seq=None, prev=None, verb=verb, from_state=self.case.state,
            to_state=None, asserted_by=who, recorded_by=who, authenticity=NOBODY, occurred_at=None,
            recorded_at=hours(self.now), facts=facts,
        )  # fmt: skip
        self.put(entry, {**facts, **values})

    def anchor(
        self, count: int, life: str = "finalized", at: int = 1_772_500_000, *, since: Since | None = None
    ) -> None:
        """Place the first so many entries in a block; `since` is the block after which they were recorded."""
        self.placed[:count] = [replace(one, life=life, anchored_at=at, since=since) for one in self.placed[:count]]

    def timeline(self, now: float | None = None) -> Timeline:
        """Return the timeline, at a time or as of the last step."""
        return make_timeline(self.placed, now=hours(self.now if now is None else now))

    @property
    def state(self) -> str:
        """Where the case is."""
        assert self.case is not None
        return self.case.state


def make_command(
    told: Told,
    verb: str,
    role: Role | None,
    fields: dict[str, Any],
    *,
    by: Role = Role.PLATFORM,
    evidence: Sequence[str] | None = None,
    authenticity: Authenticity = NOBODY,
) -> Command:
    """Return a step of the case with the least evidence and rule that it needs, recorded now."""
    row = LIFECYCLE.transition(verb)
    assert row is not None
    found = sort_fields(verb, fields)
    names = [*found.committed, *((SIGNATURE_NAME, SIGNER_NAME) if authenticity is Authenticity.SIGNED else ())]
    return Command(
        origin=ORIGIN,
        return_id=RETURN_ID,
        verb=verb,
        asserted_by=actor(role or row.actors[0]),
        recorded_by=actor(by),
        authenticity=authenticity,
        occurred_at=None,
        recorded_at=hours(told.now),
        facts=found.facts,
        commitments=tuple(NamedCommitment(name, bytes([9]) * 32) for name in names),
        evidence=descriptors(least_evidence(row) if evidence is None else evidence),
        rule=RULE if row.rule_required else None,
    )


def values_of(verb: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a step as its judge sees them."""
    found = sort_fields(verb, fields)
    return {**found.facts, **found.committed}


def begun() -> Told:
    """Return a case with its request."""
    told = Told()
    told.step("request_return", fields=REQUEST)
    return told


def approved() -> Told:
    """Return a case whose return is authorised."""
    told = begun()
    told.step("approve_return", fields=APPROVAL)
    return told


def declined() -> Told:
    """Return a case whose request was refused."""
    told = begun()
    told.step("decline_return", fields={"reason_code": "final_sale"})
    return told


def shipped() -> Told:
    """Return a case whose goods are on their way."""
    told = approved()
    told.step("ship_back", fields=PARCELS)
    return told


def inspected() -> Told:
    """Return a case whose goods came back and were graded."""
    told = shipped()
    told.step("confirm_delivery")
    told.step("receive", fields=RECEIVED)
    told.step("start_inspection")
    told.step("complete_inspection", fields=GRADED)
    return told


def refunded() -> Told:
    """Return a case with one refund of 20 euros sent, not settled."""
    told = inspected()
    told.step("approve_refund", fields=REFUND)
    told.step("issue_refund", fields={"refund_id": "r1", "amount": EURO_20, "method": "other"})
    return told


DISPUTE_ID = "d1" * 16


def long_case(count: int) -> Told:
    """Return a case of `count` entries: questions, scans, customs, evidence, failed refunds, disputes, corrections."""
    told = begun()
    told.step("open_dispute", fields={"dispute_id": DISPUTE_ID, "type": "adr", "claim": "the lamp"})
    part = (count - 40) // 10
    for _ in range(part // 2):
        told.step("request_info", fields={"asked_for": ["product_photo"]})
        told.step("provide_info", fields={"comment": "here", "captured_at": hours(told.now)})
    told.step("approve_return", fields=APPROVAL)
    told.step("ship_back", fields={**PARCELS, "posted_at": hours(told.now)})
    for number in range(part):
        told.step("scan", fields={"code": "departed", "scanned_at": hours(told.now)})
        if number % 3 == 0:
            told.step("hold_at_customs", fields={"country": "CN", "hold_reason": "duty_unpaid"})
            told.step("release_from_customs", Role.CUSTOMS)
    wrong = told.step("add_evidence", Role.CARRIER, {"comment": "weighed"}, evidence=["weight_dimension_record"])
    for number in range(part // 2):
        told.step("correct", Role.PLATFORM, {"wrong_entry": wrong, "reason": "did_not_occur"})
        wrong = told.step("add_evidence", Role.CARRIER, {"comment": f"weighed {number}"}, evidence=["product_photo"])
    told.step("confirm_delivery")
    told.step("receive", fields=RECEIVED)
    told.step("start_inspection")
    told.step("complete_inspection", fields=GRADED)
    for _ in range(part // 3):
        told.step("offer_settlement", fields={"remedy": "partial_refund", "amount": EURO_20, "valid_days": 3})
        told.step("refuse_offer")
    told.step("approve_refund", fields=REFUND)
    for number in range(part // 2):
        refund = f"r{number}"
        told.step("issue_refund", fields={"refund_id": refund, "amount": EURO_20, "method": "other"})
        told.step("fail_refund", fields={"refund_id": refund})
    for number in range(part):
        fields = {"dispute_id": DISPUTE_ID, "evidence_entries": [one.leaf.hex() for one in told.docket.steps[-9:]]}
        told.step("submit_evidence", Role.SELLER if number % 2 else Role.BUYER, fields)
        told.aside(Kind.ATTEMPT, "close", {"refused": "wrong_state"}, why="the case is resolving")
    told.step("issue_refund", fields={"refund_id": "last", "amount": EURO_20, "method": "other"})
    while len(told.placed) < count:
        told.step("add_evidence", fields={"comment": "more"})
    told.anchor(count // 2)
    return told


def remade(told: Told) -> Docket:
    """Return the docket of the case, made anew from all its entries."""
    return make_docket(one.known for one in told.placed)
