"""Commands and cases for the tests of the life cycle: the least that each step needs, and a way to every situation."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from ledger_service.core.encoding import Json
from ledger_service.core.entry import (
    Actor,
    Authenticity,
    CaseEntry,
    EvidenceDescriptor,
    NamedCommitment,
    Role,
    RuleReference,
)
from ledger_service.core.fields import Disclosure, Field, Form
from ledger_service.core.lifecycle import LIFECYCLE, Transition
from ledger_service.core.returns import Case, Command, decide, evolve

ORIGIN = "ledger.example/returns"
RETURN_ID = "5a" * 16
RECORDED_AT = "2026-11-03T10:22:05.000Z"
TRANSITIONS = LIFECYCLE.case.transitions
ROLES = tuple(Role)
RAW: dict[str, Any] = json.loads(files("ledger_service.core.data").joinpath("lifecycle.json").read_text("utf-8"))
RAW_ROWS: dict[str, dict[str, Any]] = {row["verb"]: row for row in RAW["case"]["transitions"]}

Situation = tuple[str, str | None, bool]  # state, state before the open offer, goods sent

_EXAMPLES: dict[str, Json] = {
    "text": "RR123456785CN",
    "boolean": True,
    "reference": "line-1",
    "zone": "Europe/Berlin",
    "fields": {"weight_grams": 2140},
    "quantity": 2,
    "count": 0,
    "days": 14,
    "score": 5,
    "country": "DE",
    "currency": "EUR",
    "amount": {"minor": 1999, "currency": "EUR"},
    "instant": "2026-11-03T10:22:05+01:00",
    "language": "zh-Hans",
    "decimal": "7.8342",
    "rule": "EU-2011-83",
    "code": "ship_back",
    "hs6": "611020",
    "leaf_hash": "ab" * 32,
    "digest": "cd" * 32,
    "random_id": "ef" * 16,
}


def example(form: Form) -> Json:
    """Return a value of the form."""
    if form.many:
        return [example(Form(form.name, form.choices, form.members))]
    if form.choices:
        return form.choices[0]
    if form.members:
        return {member.name: example(member.form) for member in form.members}
    return _EXAMPLES[form.name]


def example_fields(verb: str, *, required_only: bool = True) -> dict[str, Json]:
    """Return values for the fields of a step."""
    fields = TRANSITIONS[verb].fields.values()
    return {known.name: example(known.form) for known in fields if known.required or not required_only}


def actor(role: Role) -> Actor:
    """Return a party in this role."""
    return Actor(role, f"{ROLES.index(role):032x}")


def least_evidence(transition: Transition) -> tuple[str, ...]:
    """Return the first kind of each required group."""
    return tuple("message_log" if group[0] == "any" else group[0] for group in transition.evidence)


def descriptors(kinds: Iterable[str]) -> tuple[EvidenceDescriptor, ...]:
    """Return one file of each kind."""
    return tuple(EvidenceDescriptor(kind, 1000, "image/jpeg", bytes([7]) * 32) for kind in kinds)


def clear(known: Field) -> bool:
    """Say whether a field stands in clear."""
    return known.disclosure is Disclosure.CLEAR


def command(
    verb: str, role: Role | None = None, *, required_only: bool = True, case: Case | None = None, **changes: Any
) -> Command:
    """Return a command with the least that its step needs; `changes` replace members of it.

    Where the table leaves a choice of the next state, the first one is taken.
    """
    transition = TRANSITIONS[verb]
    values = example_fields(verb, required_only=required_only)
    members: dict[str, Any] = {
        "origin": ORIGIN,
        "return_id": RETURN_ID,
        "verb": verb,
        "asserted_by": actor(role or transition.actors[0]),
        "recorded_by": actor(Role.PLATFORM),
        "authenticity": Authenticity.PLATFORM_ATTESTED,
        "occurred_at": "2026-11-03T09:00:00.000Z",
        "recorded_at": RECORDED_AT,
        "facts": {name: value for name, value in values.items() if clear(transition.fields[name])},
        "commitments": tuple(
            NamedCommitment(name, bytes([9]) * 32) for name in values if not clear(transition.fields[name])
        ),
        "evidence": descriptors(least_evidence(transition)),
        "rule": RuleReference("EU-2011-83", "2026-06-19") if transition.rule_required else None,
        "to_state": transition.targets[0] if transition.leads == "named" and len(transition.targets) > 1 else None,
        "expected_head": None if case is None else case.head,
    }
    return Command(**{**members, **changes})


def step(case: Case | None, verb: str, role: Role | None = None, **changes: Any) -> tuple[CaseEntry, Case]:
    """Decide and evolve."""
    entry = decide(case, command(verb, role, **changes))
    return entry, evolve(case, entry)


def situation(case: Case) -> Situation:
    """Return what the table and its guards look at."""
    return (case.state, case.state_before_offer, case.shipped)


@cache
def ways() -> dict[Situation, tuple[CaseEntry, ...]]:
    """Return for every situation that steps can lead to the entries of a shortest way there."""
    entry, case = step(None, "request_return")
    found: dict[Situation, tuple[CaseEntry, ...]] = {situation(case): (entry,)}
    cases = [case]
    for case in cases:
        way = found[situation(case)]
        for verb, transition in TRANSITIONS.items():
            row = RAW_ROWS[verb]
            if row["from"] in (None, "*") or case.state not in row["from"]:
                continue  # a step from everywhere leads nowhere new
            if row.get("guard") == "offer_open" and case.state_before_offer is None:
                continue
            if row.get("guard") == "goods_not_sent" and case.shipped:
                continue
            for target in transition.targets if transition.leads == "named" else (None,):
                entry, after = step(case, verb, to_state=target)
                if situation(after) not in found:
                    found[situation(after)] = (*way, entry)
                    cases.append(after)
    return found


@cache
def case_in(wanted: Situation) -> Case:
    """Return a case in this situation."""
    case: Case | None = None
    for entry in ways()[wanted]:
        case = evolve(case, entry)
    assert case is not None
    return case
