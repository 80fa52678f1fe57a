"""The dispute machine, from its table: each of the 10 steps is taken and refused in every way that the table knows."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ledger_service.core.case import DISPUTES_MAX, Case, Command, Dispute, case_members, parse_case
from ledger_service.core.entry import Kind, NamedCommitment, Role, encode_entry, parse_entry
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.returns import decide, evolve, sort_fields
from ledger_service.errors import (
    EntryFormatError,
    FieldValueError,
    LimitError,
    MissingFieldError,
    TransitionRefusedError,
    UnknownReturnError,
    WrongRoleError,
    WrongStateError,
)
from tests.core.steps import RAW, ROLES, actor, case_in, clear, command, descriptors, example, least_evidence, ways

ROWS = {row["verb"]: row for row in RAW["dispute"]["transitions"]}
STATES = list(RAW["dispute"]["states"])
TRANSITIONS = LIFECYCLE.dispute.transitions
ID, OTHER_ID = "ef" * 16, "01" * 16
WAYS = {
    "opened": (),
    "negotiation": ("negotiate",),
    "mediation": ("appoint_neutral>mediation",),
    "arbitration": ("appoint_neutral>arbitration",),
    "ruled": ("appoint_neutral>arbitration", "rule"),
    "settled": ("settle",),
    "implemented": ("settle", "implement_ruling"),
    "withdrawn": ("withdraw_dispute",),
}


def ask(verb: str, role: Role | None = None, *, dispute_id: str | None = ID, **changes: Any) -> Command:
    """Return a command with the least that a step of a dispute needs."""
    transition = TRANSITIONS[verb]
    values = {known.name: example(known.form) for known in transition.fields.values() if known.required}
    values.pop("dispute_id")
    if dispute_id is not None:
        values["dispute_id"] = dispute_id
    values |= changes.pop("values", {})
    base = command("request_return")
    members: dict[str, Any] = {
        "verb": verb,
        "asserted_by": actor(role or (Role.ARBITRATOR if verb == "rule" else transition.actors[0])),
        "facts": {name: value for name, value in values.items() if clear(transition.fields[name])},
        "commitments": tuple(NamedCommitment(name, bytes(32)) for name in values if not clear(transition.fields[name])),
        "evidence": descriptors(least_evidence(transition)),
        "to_state": transition.targets[0] if len(transition.targets) > 1 else None,
    }
    return dataclasses.replace(base, **(members | changes))


def disputed(state: str = "opened", case: Case | None = None, *, kind: str = "adr") -> Case:
    """Return a case with a dispute in this state."""
    case = case or case_in(next(iter(ways())))
    case = evolve(case, decide(case, ask("open_dispute", values={"type": kind})))
    for step in WAYS[state]:
        verb, _, target = step.partition(">")
        case = evolve(case, decide(case, ask(verb, to_state=target or None)))
    assert case.disputes[-1].state == state
    return case


def allowed(verb: str, state: str | None, role: Role) -> bool:
    sources = [None] if ROWS[verb]["from"] is None else ROWS[verb]["from"]
    if state not in sources or role.value not in ROWS[verb]["actors"]:
        return False
    return verb != "rule" or (role is Role.ARBITRATOR and state == "arbitration")


@pytest.mark.parametrize("verb", list(ROWS))
def test_a_step_is_taken_by_every_actor_from_every_state_to_every_target(verb: str) -> None:
    taken = 0
    for state in [None, *STATES]:
        case = case_in(next(iter(ways()))) if state is None else disputed(state)
        for role in ROLES:
            if not allowed(verb, state, role):
                continue
            for target in [state] if ROWS[verb]["to"] == "same" else ROWS[verb]["to"]:
                entry = decide(case, ask(verb, role, to_state=target))
                after = evolve(case, entry)

                assert (entry.kind, entry.from_state, entry.to_state) == (Kind.DISPUTE, state, target)
                assert (after.state, after.count) == (case.state, case.count + 1)
                assert after.disputes[-1] == Dispute(ID, str(target), "platform" if state is None else "adr")
                assert parse_entry(encode_entry(entry)) == entry
                assert parse_case(case_members(after)) == after
                taken += 1
    assert taken > 0


@pytest.mark.parametrize("verb", list(ROWS))
def test_a_step_is_refused_wherever_the_table_does_not_have_it(verb: str) -> None:
    refused = 0
    for state in [None, *STATES]:
        case = case_in(next(iter(ways()))) if state is None else disputed(state)
        for role in ROLES:
            if allowed(verb, state, role):
                continue
            with pytest.raises((WrongStateError, WrongRoleError)) as caught:
                decide(case, ask(verb, role))
            refused += 1
            assert caught.value.verb == verb
            assert all(state in TRANSITIONS[other].sources for other in caught.value.allowed)
    assert refused > 0


@pytest.mark.parametrize("situation", list(ways()), ids=lambda found: f"{found[0]}")
def test_a_dispute_starts_in_any_state_of_the_case_also_after_its_end_and_keeps_it_from_closing(situation: Any) -> None:
    case = disputed(case=case_in(situation))

    assert (case.state, case.disputes) == (situation[0], (Dispute(ID, "opened", "adr"),))
    if situation[0] in ("resolved", "canceled", "declined", "expired"):
        with pytest.raises(WrongStateError, match=f"the dispute {ID} is opened"):
            decide(case, command("close"))
        ended = evolve(case, decide(case, ask("withdraw_dispute")))
        assert decide(ended, command("close")).to_state == "closed"


def test_a_case_has_any_number_of_disputes_up_to_a_limit_each_under_its_own_id() -> None:
    case = disputed()
    with pytest.raises(WrongStateError, match="is 'opened'"):
        decide(case, ask("open_dispute"))

    for number in range(1, DISPUTES_MAX):
        case = evolve(case, decide(case, ask("open_dispute", dispute_id=f"{number:032x}")))
    assert len({one.dispute_id for one in case.disputes}) == DISPUTES_MAX
    assert evolve(case, decide(case, ask("negotiate"))).disputes[0].state == "negotiation"
    with pytest.raises(LimitError, match="most disputes"):
        decide(case, ask("open_dispute", dispute_id="ab" * 16))


def test_every_step_names_a_dispute_that_there_is() -> None:
    with pytest.raises(MissingFieldError, match="needs dispute_id"):
        decide(disputed(), ask("negotiate", dispute_id=None))
    with pytest.raises(WrongStateError, match="has no dispute"):
        decide(disputed(), ask("negotiate", dispute_id=OTHER_ID))
    with pytest.raises(UnknownReturnError):
        decide(None, ask("open_dispute"))


@pytest.mark.parametrize(
    ("kind", "role", "outcome", "way", "words"),
    [
        ("chargeback", Role.PSP, "won", "opened", None),
        ("chargeback", Role.PSP, "lost", "opened", None),
        ("chargeback", Role.PSP, "split", "opened", "won or lost"),
        ("chargeback", Role.ARBITRATOR, "won", "opened", "payment provider"),
        ("adr", Role.ARBITRATOR, "split", "arbitration", None),
        ("adr", Role.ARBITRATOR, "won", "arbitration", "only a chargeback"),
        ("adr", Role.ARBITRATOR, "buyer", "opened", "no neutral"),
        ("adr", Role.PSP, "buyer", "arbitration", "a neutral"),
    ],
)
def test_a_chargeback_is_decided_by_the_network_and_anything_else_by_a_neutral(
    kind: str, role: Role, outcome: str, way: str, words: str | None
) -> None:
    case = disputed(way, kind=kind)
    asked = ask("rule", role, values={"outcome": outcome})
    if words is None:
        assert evolve(case, decide(case, asked)).disputes[0].state == "ruled"
        return
    with pytest.raises(TransitionRefusedError, match=words):
        decide(case, asked)
    good = decide(disputed("arbitration"), ask("rule", values={"outcome": "buyer"}))
    forged = dataclasses.replace(
        good, asserted_by=actor(role), facts={**good.facts, "outcome": outcome}, seq=case.count, prev=case.head,
        from_state=way,
    )  # fmt: skip
    with pytest.raises(EntryFormatError, match="does not follow"):
        evolve(case, forged)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"verb": "approve_return"}, "no step of a dispute"),
        ({"from_state": "mediation"}, "does not lead from opened"),
        ({"facts": {}}, "does not lead from None"),
        ({"asserted_by": actor(Role.CUSTOMS)}, "not for the role customs"),
        ({"to_state": "ruled"}, "does not lead to ruled"),
        ({"to_state": None}, "does not lead to None"),
    ],
)
def test_an_entry_that_does_not_follow_its_dispute_is_refused(changes: dict[str, Any], words: str) -> None:
    case = disputed()
    entry = decide(case, ask("negotiate"))
    evolve(case, entry)

    with pytest.raises(EntryFormatError, match=words):
        evolve(case, dataclasses.replace(entry, **changes))


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"dispute_id": "Dispute 1"}, "dispute_id: 'Dispute 1' is not a random id"),
        ({"type": "duel"}, "type: 'duel' is none of platform"),
        ({"type": None}, "type: None is none of platform"),
    ],
)
def test_a_dispute_that_a_stored_case_cannot_hold_is_not_opened_by_a_replay(facts: dict[str, Any], words: str) -> None:
    case = case_in(next(iter(ways())))
    entry = decide(case, ask("open_dispute"))
    opened = evolve(case, entry)
    assert parse_case(case_members(opened)) == opened

    with pytest.raises(EntryFormatError, match=words):
        evolve(case, dataclasses.replace(entry, facts={**entry.facts, **facts}))


def test_a_replay_opens_no_more_disputes_than_a_stored_case_holds() -> None:
    case = disputed()
    entry = decide(case, ask("open_dispute", dispute_id=OTHER_ID))
    full = [Dispute(f"{number:032x}", "withdrawn", "adr") for number in range(2, DISPUTES_MAX + 1)]

    held = evolve(dataclasses.replace(case, disputes=(*full,)), entry)
    assert (len(held.disputes), parse_case(case_members(held))) == (DISPUTES_MAX, held)
    with pytest.raises(EntryFormatError, match=f"at most {DISPUTES_MAX} disputes"):
        evolve(dataclasses.replace(case, disputes=(*full, *case.disputes)), entry)


def test_the_fields_of_a_dispute_are_sorted_and_checked_like_those_of_a_case() -> None:
    found = sort_fields("open_dispute", {"dispute_id": ID, "type": "court", "claim": "money back"})

    assert (found.facts, found.committed) == ({"dispute_id": ID, "type": "court"}, {"claim": "money back"})
    with pytest.raises(FieldValueError, match="'type' is refused"):
        sort_fields("open_dispute", {"dispute_id": ID, "type": "duel", "claim": "x"})
