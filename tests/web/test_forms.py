"""The forms of the steps: every step that a link's roles may take has one, and what it asks reaches the ledger."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger_service.core.entry import Kind, Role
from ledger_service.core.fields import Field
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.step import sort_fields
from ledger_service.operations.credentials import LINK_ROLES
from ledger_service.operations.orders import VERB as REQUEST
from ledger_service.web.answers import AnswersError, read_answers
from ledger_service.web.entries import Named, entries_for
from ledger_service.web.offers import LANGUAGE, Offer, offer_in_table
from ledger_service.web.start import ROUTES as START
from tests.web.test_rows import ENTRIES, GOODS

STEPS = [
    (verb, role)
    for machine in (LIFECYCLE.case, LIFECYCLE.dispute)
    for verb, row in machine.transitions.items()
    for role in LINK_ROLES
    if role in row.actors
]


def form_of(verb: str, role: Role) -> Offer:
    """Return the form of a step as a case asks for it in which everything is there."""
    disputed = verb in LIFECYCLE.dispute.transitions and verb != "open_dispute"
    found = offer_in_table(verb, "0" * 32 if disputed else None, role, GOODS)
    assert found is not None, f"{verb} has no form for the {role.value}"
    return found


def filled_in(offer: Offer) -> dict[str, str]:
    """Return the form with every question answered."""
    form = {f"file-{place:064x}": group[0] for place, group in enumerate(offer.groups)}
    for field in offer.asked:
        form |= _answer(field, offer)
    for column in (column for rows in offer.rows for row in rows.rows for column in row.columns):
        form[column.id] = column.choices[0] if column.choices else _SCALARS[column.form]
    form |= {"rule": "EU@1"} if offer.action.needs_rule else {}
    return form | ({"to_state": offer.ways[0].name} if offer.ways else {})


_SCALARS = {
    "text": "words", "boolean": "yes", "score": "5", "days": "14", "reference": "r-1", "amount": "12.50",
    "language": "de", "count": "1", "quantity": "1", "instant": "2026-12-31",
}  # fmt: skip


def _answer(field: Field, offer: Offer) -> dict[str, str]:
    name = f"field-{field.name}"
    if field.form.many:
        return {f"{name}-{choice}": "yes" for choice in field.form.choices[:2]}
    if field.form.name == "leaf_hash":
        return {name: offer.entries(field.name)[0].leaf}
    if not field.form.choices:
        return {name: _SCALARS[field.form.name]}
    return {name: field.form.choices[-1 if field.name == "reason" else 0]}  # incorrect data have something else instead


@pytest.mark.parametrize(("verb", "role"), STEPS)
def test_every_step_of_a_person_has_a_form_whose_answers_the_ledger_takes(verb: str, role: Role) -> None:
    if verb == REQUEST:  # asked for by law and ground, on pages of its own
        assert f"/return/steps/{REQUEST}" in {route.path for route in START}
        return
    offer = form_of(verb, role)

    form = filled_in(offer)
    if verb == "correct":  # the seller's step, in whose place the newest stands
        form |= {"field-wrong_entry": ENTRIES[1].leaf}
    answers = read_answers(offer, form, key="0" * 32, language="zh-Hans")

    sort_fields(verb, answers.fields)  # refuses what is missing and what has not its form
    assert set(answers.fields) >= {one.name for one in (*offer.asked, *(rows.field for rows in offer.rows))}
    assert answers.to_state in (*LIFECYCLE.dispute.transitions[verb].targets,) if offer.ways else not answers.to_state


@pytest.mark.parametrize(
    ("verb", "role", "asked"),
    [
        ("approve_refund", Role.SELLER, {"lines", "deductions", "shipping_refund", "duty_tax_refund", "keep_item"}),
        ("rule", Role.ARBITRATOR, {"outcome", "order"}),
        ("submit_customs_documents", Role.BUYER, {"returned_goods_relief_claim"}),
        ("open_dispute", Role.BUYER, {"lines", "amount"}),
        ("offer_settlement", Role.SELLER, {"lines", "amount", "remedy", "valid_days"}),
        ("issue_refund", Role.SELLER, {"refund_id", "amount", "method", "original_payment_ref"}),
        ("correct", Role.INSPECTOR, {"wrong_entry", "reason", "corrective_entry"}),
    ],
)
def test_what_a_step_may_say_beyond_the_least_is_asked_too(verb: str, role: Role, asked: set[str]) -> None:
    offer = form_of(verb, role)

    assert {one.name for one in (*offer.asked, *(rows.field for rows in offer.rows))} >= asked


@pytest.mark.parametrize(("verb", "role"), STEPS)
def test_words_carry_a_language_wherever_the_step_has_a_field_for_it(verb: str, role: Role) -> None:
    row = LIFECYCLE.transition(verb)
    assert row is not None
    if LANGUAGE not in row.fields or verb == REQUEST:
        return
    offer = form_of(verb, role)

    said = read_answers(offer, filled_in(offer), key="0" * 32, language="zh-Hans").fields[LANGUAGE]

    assert said == ("de" if verb == "appoint_neutral" else "zh-Hans")  # there it is the language of the proceedings


def wrong_with(verb: str, role: Role, **changed: str) -> dict[str, str]:
    """Return what is wrong with a form that was filled in but for some answers."""
    offer = form_of(verb, role)
    form = {**filled_in(offer), **{name.replace("__", "-"): value for name, value in changed.items()}}
    with pytest.raises(AnswersError) as refused:
        read_answers(offer, form, key="0" * 32, language="en")
    return refused.value.wrong


def test_an_answer_that_is_none_is_told_in_words() -> None:
    nothing = {f"field__asked_for__{kind}": "" for kind in LIFECYCLE.evidence_kinds}
    assert wrong_with("request_info", Role.SELLER, **nothing) == {"asked_for": "choose_some"}
    assert wrong_with("appoint_neutral", Role.ARBITRATOR, to_state="") == {"to_state": "missing"}
    assert wrong_with("appoint_neutral", Role.ARBITRATOR, to_state="ruled") == {"to_state": "choice"}
    assert wrong_with("appoint_neutral", Role.ARBITRATOR, field__language="no tag") == {"language": "choice"}
    assert wrong_with("acknowledge_service", Role.BUYER, field__served_entry="") == {"served_entry": "missing"}
    assert wrong_with("acknowledge_service", Role.BUYER, field__served_entry="f" * 64) == {"served_entry": "choice"}
    original = {"field__method": "original", "field__original_payment_ref": ""}
    assert wrong_with("issue_refund", Role.SELLER, **original) == {"original_payment_ref": "missing"}
    assert wrong_with("rule", Role.ARBITRATOR, order__1__by="2026-02-30") == {"order-1-by": "no_day"}
    assert wrong_with("rule", Role.ARBITRATOR, order__2__what="") == {"order-2-what": "missing"}
    assert wrong_with("approve_refund", Role.SELLER, deductions__1__why="") == {"deductions-1-why": "missing"}
    assert wrong_with("approve_refund", Role.SELLER, field__shipping_refund="x") == {"shipping_refund": "no_amount"}
    assert wrong_with("open_dispute", Role.BUYER, lines__0__qty="many") == {"lines-0-qty": "too_many"}


def test_rows_that_a_step_may_lack_are_left_out_where_nothing_stands_in_them() -> None:
    for verb, role, name in [
        ("rule", Role.ARBITRATOR, "order"), ("approve_refund", Role.SELLER, "deductions"),
        ("open_dispute", Role.BUYER, "lines"), ("offer_settlement", Role.SELLER, "lines"),
    ]:  # fmt: skip
        offer = form_of(verb, role)
        (rows,) = [one for one in offer.rows if one.field.name == name]
        assert {column.first for row in rows.rows for column in row.columns} == {""}, "nothing is claimed by itself"
        empty = {column.id: "" for row in rows.rows for column in row.columns}

        assert name not in read_answers(offer, filled_in(offer) | empty, key="0" * 32, language="en").fields


@pytest.mark.parametrize(
    ("wrong", "reason", "instead", "told"),
    [
        (1, "did_not_occur", None, {}),
        (1, "incorrect_data", 2, {}),
        (1, "did_not_occur", 2, {"corrective_entry": "nothing_in_its_place"}),
        (1, "incorrect_data", None, {"corrective_entry": "missing_entry"}),
        (2, "incorrect_data", 1, {"corrective_entry": "not_after"}),
        (2, "incorrect_data", 2, {"corrective_entry": "not_after"}),
        (4, "incorrect_data", 3, {"reason": "only_taken_back"}),
        (4, "did_not_occur", None, {}),
    ],
)
def test_what_does_not_go_together_in_a_correction_is_told(
    wrong: int, reason: str, instead: int | None, told: dict[str, str]
) -> None:
    correction = replace(ENTRIES[3], leaf="c" * 64, seq=4, kind=Kind.CORRECTION, verb="correct")
    known = [*ENTRIES, correction]
    offer = offer_in_table("correct", None, Role.SELLER, replace(GOODS, entries=tuple(known)))
    assert offer is not None
    form = {
        "field-wrong_entry": known[wrong].leaf, "field-reason": reason, "statement": "It is not so.",
        "field-corrective_entry": "" if instead is None else known[instead].leaf,
    }  # fmt: skip

    found: dict[str, str] = {}
    try:
        read_answers(offer, form, key="0" * 32, language="en")
    except AnswersError as error:
        found = error.wrong

    assert found == told


def test_only_what_the_ledger_could_take_is_offered() -> None:
    voided = replace(ENTRIES[2], counts=False)
    strange = replace(ENTRIES[1], involved=False)
    erased = Named("e" * 64, 20, 4, Kind.ERASURE, "erase", "platform", ENTRIES[0].recorded_at, False, True)
    entries = (ENTRIES[0], strange, voided, ENTRIES[3], erased)

    assert [one.seq for one in entries_for("wrong_entry", entries)] == [3]
    assert [one.seq for one in entries_for("corrective_entry", entries)] == [3]
    assert [one.seq for one in entries_for("served_entry", entries)] == [3, 1]
    assert offer_in_table("correct", None, Role.BUYER, replace(GOODS, entries=ENTRIES[:1])) is None
    alone = offer_in_table("correct", None, Role.BUYER, replace(GOODS, entries=ENTRIES[:2]))
    assert alone is not None
    one = {"field-wrong_entry": ENTRIES[1].leaf, "field-reason": "incorrect_data", "statement": "It is not so."}
    with pytest.raises(AnswersError) as refused:
        read_answers(alone, one, key="0" * 32, language="en")
    assert refused.value.wrong == {"reason": "missing_entry"}, "a question that is not there is not pointed at"
