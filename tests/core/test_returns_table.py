"""Tests made from the table: each of the 42 steps is taken and refused in every way that the table knows."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ledger_service.core.entry import Kind, NamedCommitment, Role, encode_entry, parse_entry
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.returns import Case, Command, allowed_verbs, decide, evolve
from ledger_service.errors import (
    EvidenceKindError,
    FieldValueError,
    LedgerError,
    MissingEvidenceError,
    MissingFieldError,
    TransitionRefusedError,
    UnknownReturnError,
    WrongRoleError,
    WrongStateError,
)
from tests.core.steps import RAW, RAW_ROWS, ROLES, TRANSITIONS, Situation, case_in, clear, command, descriptors, ways

VERBS = list(TRANSITIONS)
TERMINAL = {name for name, row in RAW["case"]["states"].items() if row.get("terminal")}
EVERYWHERE: list[Situation | None] = [None, *ways()]


def rows_sources(verb: str) -> list[str | None]:
    """Return the states from which the raw table lets a step start."""
    sources = RAW_ROWS[verb]["from"]
    if sources is None:
        return [None]
    return [state for state in RAW["case"]["states"] if state not in TERMINAL] if sources == "*" else sources


def rows_guard_holds(verb: str, situation: Situation | None) -> bool:
    """Say whether the raw table's guard lets a step pass."""
    if situation is None:
        return True
    _, before_offer, shipped = situation
    holds: dict[str | None, bool] = {
        None: True,
        "goods_not_sent": not shipped,
        "offer_open": before_offer is not None,
        "no_dispute_open": True,  # none of these situations has a dispute; test_dispute.py opens one in each
    }
    return holds[RAW_ROWS[verb].get("guard")]


def rows_allow(verb: str, role: Role, situation: Situation | None) -> bool:
    """Say whether the raw table lets this role take this step here."""
    state = None if situation is None else situation[0]
    named = state in rows_sources(verb) and role.value in RAW_ROWS[verb]["actors"]
    return named and rows_guard_holds(verb, situation)


def rows_targets(verb: str, situation: Situation | None) -> list[str | None]:
    """Return the states to which the raw table leads from here."""
    leads = RAW_ROWS[verb]["to"]
    if situation is not None and leads == "same":
        return [situation[0]]
    if situation is not None and leads == "before_offer":
        return [situation[1]]
    return list(leads)


def place(situation: Situation | None) -> Case | None:
    return None if situation is None else case_in(situation)


def where_it_starts(verb: str) -> Situation | None:
    """Return the first situation in which a step is possible."""
    role = TRANSITIONS[verb].actors[0]
    return next(situation for situation in EVERYWHERE if rows_allow(verb, role, situation))


def test_the_steps_lead_to_every_state() -> None:
    assert {situation[0] for situation in ways()} == set(RAW["case"]["states"])


@pytest.mark.parametrize("verb", VERBS)
def test_a_step_is_taken_from_every_state_by_every_actor_to_every_target(verb: str) -> None:
    taken = 0
    for situation in EVERYWHERE:
        for role in ROLES:
            if not rows_allow(verb, role, situation):
                continue
            case = place(situation)
            for target in rows_targets(verb, situation):
                entry = decide(case, command(verb, role, case=case, to_state=target))
                after = evolve(case, entry)

                assert (entry.from_state, entry.to_state) == (None if case is None else case.state, target)
                assert (after.state, after.count, entry.seq) == (target, (entry.seq or 0) + 1, after.count - 1)
                assert entry.prev == (None if case is None else case.head)
                assert entry.kind is (Kind.CORRECTION if verb == "correct" else Kind.TRANSITION)
                assert parse_entry(encode_entry(entry)) == entry
                taken += 1
    assert taken >= len(rows_sources(verb)) * len(RAW_ROWS[verb]["actors"])


@pytest.mark.parametrize("verb", VERBS)
def test_a_step_is_refused_wherever_the_table_does_not_have_it(verb: str) -> None:
    refused = 0
    for situation in EVERYWHERE:
        case = place(situation)
        for role in ROLES:
            if rows_allow(verb, role, situation):
                continue
            state = None if situation is None else situation[0]
            expected: type[LedgerError] = WrongRoleError
            if situation is None and None not in rows_sources(verb):
                expected = UnknownReturnError
            elif state not in rows_sources(verb):
                expected = WrongStateError
            elif role.value in RAW_ROWS[verb]["actors"]:
                expected = WrongStateError  # the guard

            with pytest.raises(LedgerError) as caught:
                decide(case, command(verb, role, case=case))

            assert type(caught.value) is expected
            refused += 1
            if isinstance(caught.value, TransitionRefusedError):
                possible = tuple(other for other in VERBS if rows_allow(other, role, situation))
                assert caught.value.allowed == possible == allowed_verbs(case, role)
                assert (caught.value.verb, caught.value.state) == (verb, state)
                assert all(other in caught.value.hint for other in possible)
    assert refused > 0


@pytest.mark.parametrize("verb", VERBS)
def test_each_required_kind_of_evidence_is_asked_for_and_any_of_its_group_will_do(verb: str) -> None:
    case = place(where_it_starts(verb))
    groups = [group if group != ["any"] else list(RAW["evidence_kinds"]) for group in RAW_ROWS[verb]["evidence"]]
    least = [group[0] for group in groups]

    for number, group in enumerate(groups):
        others = least[:number] + least[number + 1 :]
        for kind in group:
            decide(case, command(verb, evidence=descriptors([*others, kind])))
        with pytest.raises(MissingEvidenceError) as caught:
            decide(case, command(verb, evidence=descriptors(others)))
        assert verb in caught.value.message
        outside = [kind for kind in RAW["evidence_kinds"] if kind not in group]
        if outside:
            with pytest.raises(MissingEvidenceError):
                decide(case, command(verb, evidence=descriptors([*others, outside[0]])))
    if not groups:
        assert decide(case, command(verb, evidence=())).evidence == ()


@pytest.mark.parametrize("verb", VERBS)
def test_a_kind_of_evidence_that_does_not_exist_is_refused(verb: str) -> None:
    case = place(where_it_starts(verb))
    known = command(verb).evidence

    decide(case, command(verb, evidence=(*known, *descriptors(["message_log"]))))
    with pytest.raises(EvidenceKindError, match="a_poem"):
        decide(case, command(verb, evidence=(*known, *descriptors(["a_poem"]))))


@pytest.mark.parametrize("verb", VERBS)
def test_what_nobody_holds_yet_is_recorded_as_missing(verb: str) -> None:
    case = place(where_it_starts(verb))
    held = RAW_ROWS[verb].get("evidence_if_held", [])

    assert decide(case, command(verb)).missing == tuple(held)
    for kind in held:
        entry = decide(case, command(verb, evidence=(*command(verb).evidence, *descriptors([kind]))))
        assert entry.missing == tuple(other for other in held if other != kind)


def without(asked: Command, name: str) -> Command:
    """Return the command without one of its fields."""
    return dataclasses.replace(
        asked,
        facts={other: value for other, value in asked.facts.items() if other != name},
        commitments=tuple(item for item in asked.commitments if item.name != name),
    )


@pytest.mark.parametrize("verb", VERBS)
def test_each_required_field_is_asked_for_and_no_optional_one_is(verb: str) -> None:
    case = place(where_it_starts(verb))
    whole = command(verb, required_only=False)
    decide(case, whole)

    for name, row in RAW_ROWS[verb]["fields"].items():
        if not row.get("required"):
            decide(case, without(whole, name))
            continue
        with pytest.raises(MissingFieldError, match=name) as caught:
            decide(case, without(whole, name))
        assert caught.value.allowed == allowed_verbs(case, whole.asserted_by.role)


@pytest.mark.parametrize("verb", VERBS)
def test_a_field_stands_where_its_disclosure_class_says_with_a_value_of_its_form(verb: str) -> None:
    case = place(where_it_starts(verb))
    whole = command(verb, required_only=False)
    nothing: dict[str, Any] = {"no": "such form"}

    for name, known in TRANSITIONS[verb].fields.items():
        rest = without(whole, name)
        as_fact = dataclasses.replace(rest, facts={**rest.facts, name: whole.facts.get(name, "x")})
        as_commitment = dataclasses.replace(rest, commitments=(*rest.commitments, NamedCommitment(name, bytes(32))))
        decide(case, as_fact if clear(known) else as_commitment)
        with pytest.raises(FieldValueError, match=f"{name!r} is refused: it is"):
            decide(case, as_commitment if clear(known) else as_fact)
        if clear(known):
            with pytest.raises(FieldValueError, match=f"{name!r} is refused"):
                decide(case, dataclasses.replace(whole, facts={**whole.facts, name: nothing}))
        else:
            with pytest.raises(FieldValueError, match="committed to twice"):
                decide(case, dataclasses.replace(whole, commitments=whole.commitments * 2))


@pytest.mark.parametrize("verb", VERBS)
def test_a_field_that_the_step_does_not_have_is_refused(verb: str) -> None:
    case = place(where_it_starts(verb))
    asked = command(verb)

    with pytest.raises(FieldValueError, match=f"{verb} has no such field"):
        decide(case, dataclasses.replace(asked, facts={**asked.facts, "mood": "good"}))
    with pytest.raises(FieldValueError, match="'mood' is refused"):
        decide(case, dataclasses.replace(asked, commitments=(NamedCommitment("mood", bytes(32)), *asked.commitments)))


@pytest.mark.parametrize("verb", VERBS)
def test_a_decision_cites_its_rule(verb: str) -> None:
    case = place(where_it_starts(verb))
    asked = command(verb)

    if asked.rule is None:
        assert decide(case, asked).rule is None
    else:
        assert decide(case, asked).rule == asked.rule
        with pytest.raises(MissingFieldError, match="rule"):
            decide(case, dataclasses.replace(asked, rule=None))


@pytest.mark.parametrize("verb", VERBS)
def test_the_next_state_is_one_of_those_that_the_table_names(verb: str) -> None:
    situation = where_it_starts(verb)
    case = place(situation)
    targets = rows_targets(verb, situation)

    for state in RAW["case"]["states"]:
        asked = command(verb, to_state=state)
        if state in targets:
            assert decide(case, asked).to_state == state
        else:
            with pytest.raises(FieldValueError, match=f"not to '{state}'"):
                decide(case, asked)
    if len(targets) == 1:
        assert decide(case, command(verb, to_state=None)).to_state == targets[0]
    else:
        with pytest.raises(MissingFieldError, match="needs to_state"):
            decide(case, command(verb, to_state=None))


def test_terminal_states_have_no_step_but_those_that_follow_an_end() -> None:
    after = {
        verb
        for verb, transition in LIFECYCLE.case.transitions.items()
        if {"closed", "canceled"} & {*transition.sources}
    }

    assert after == {"reopen", "close", "give_feedback"}
