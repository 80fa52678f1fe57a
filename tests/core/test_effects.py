"""What each step does to the balance of a case, and the one number more at which it is refused."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields
from typing import Any

import pytest

from ledger_service.core.balance import Balance, Line, UnbalancedError
from ledger_service.core.effects import EFFECTS, take
from ledger_service.core.lifecycle import LIFECYCLE

Step = tuple[str, dict[str, Any]]
R1, R2 = "01" * 16, "02" * 16


def eur(minor: int, currency: str = "EUR") -> dict[str, Any]:
    return {"minor": minor, "currency": currency}


def line(line_id: str = "a", **values: Any) -> dict[str, Any]:
    return {"line_id": line_id, **values}


REQUEST: Step = (
    "request_return",
    {"lines": [line(qty=3, paid=eur(3000)), line("b", qty=1, paid=eur(500))]},
)
APPROVE: Step = ("approve_return", {"approved_lines": [line(qty=3), line("b", qty=1)]})
SHIP: Step = ("ship_back", {"parcels": [{"parcel_id": "p", "lines": [line(qty=3), line("b", qty=1)]}]})
RECEIVE: Step = ("receive", {"lines": [line(received_qty=3), line("b", received_qty=1)]})
GRADE: Step = (
    "complete_inspection",
    {
        "lines": [
            line(accepted_qty=2, rejected_qty=1, missing_qty=0, deduction=eur(100)),
            line("b", accepted_qty=1, rejected_qty=0, missing_qty=0),
        ]
    },
)
REFUND: Step = ("approve_refund", {"lines": [line(amount=eur(2000))], "remedy_id": R1})
ISSUE: Step = (
    "issue_refund",
    {"refund_id": "re", "amount": eur(2000), "method": "original", "original_payment_ref": "pi"},
)
OFFER: Step = ("offer_settlement", {"remedy": "partial_refund", "remedy_id": R1, "amount": eur(1000)})
EXCHANGE: Step = ("offer_settlement", {"remedy": "exchange", "remedy_id": R1})
TO_RECEIPT = [REQUEST, APPROVE, SHIP, RECEIVE]
TO_GRADE = [*TO_RECEIPT, GRADE]


def move(steps: list[Step], balance: Balance | None = None, *, state: str = "inspected") -> Balance:
    balance = balance or Balance()
    for verb, values in steps:
        before = deepcopy(balance)
        after = take(balance, verb, values, from_state=state, has_rule=False)
        assert balance == before, verb
        balance = after
    return balance


def counts(found: Line) -> dict[str, Any]:
    return {name.name: getattr(found, name.name) for name in fields(Line) if getattr(found, name.name)}


def test_a_return_is_counted_line_by_line_from_request_to_refund() -> None:
    found = move([*TO_GRADE, REFUND, ISSUE, ("settle_refund", {"refund_id": "re"})])

    assert counts(found.lines["a"]) == {
        "line_id": "a", "requested": 3, "approved": 3, "shipped": 3, "received": 3, "accepted": 2, "rejected": 1,
        "refund_minor": 2000, "paid_minor": 3000, "inspected": True,
    }  # fmt: skip
    assert (found.currency, found.refund_approved_minor, found.refunded_minor()) == ("EUR", 2000, 2000)
    assert found.open_matters() == []
    assert found.members()["lines"][0]["requested"] == 3  # type: ignore[index]


@pytest.mark.parametrize(
    ("steps", "good", "bad", "words"),
    [
        ([], ("request_return", {"lines": [line(qty=1)]}),
         ("request_return", {"lines": [line(qty=1), line(qty=1)]}), "stands twice"),
        ([], ("request_return", {"lines": [line(qty=1, paid=eur(1)), line("b", qty=1, paid=eur(1))]}),
         ("request_return", {"lines": [line(qty=1, paid=eur(1)), line("b", qty=1, paid=eur(1, "CNY"))]}), "is in CNY"),
        ([REQUEST], APPROVE, ("approve_return", {"approved_lines": [line(qty=4)]}), "4 approved, 3 requested"),
        ([REQUEST], APPROVE, ("approve_return", {"approved_lines": [line(qty=2), line(qty=2)]}), "4 approved"),
        ([REQUEST], APPROVE, ("approve_return", {"approved_lines": [line("z", qty=1)]}), "no line z"),
        ([REQUEST, APPROVE, SHIP], RECEIVE, ("receive", {"lines": [line(received_qty=4)]}), "4 received, 3 sent"),
        ([REQUEST, APPROVE], RECEIVE, ("receive", {"lines": [line(received_qty=4)]}), "4 received, 3 sent"),
        (TO_RECEIPT, GRADE, ("complete_inspection", {"lines": [line(accepted_qty=3, rejected_qty=1, missing_qty=0)]}),
         "4 graded, 3 received"),
        (TO_RECEIPT, GRADE, ("complete_inspection", {"lines": [line(accepted_qty=3, rejected_qty=0, missing_qty=1)]}),
         "4 accepted, rejected, missing or kept, 3 approved"),
        (TO_RECEIPT, GRADE, ("complete_inspection", {"lines": [
            line(accepted_qty=1, rejected_qty=0, missing_qty=0), line(accepted_qty=1, rejected_qty=0, missing_qty=0)]}),
         "stands twice"),
        (TO_GRADE, OFFER, ("offer_settlement", {"remedy": "partial_refund"}), "names its amount"),
        ([REQUEST, APPROVE], ("offer_settlement", {"remedy": "keep_item", "lines": [line(qty=2), line(qty=1)]}),
         ("offer_settlement", {"remedy": "keep_item", "lines": [line(qty=2), line(qty=2)]}), "4 kept, 3 requested"),
        ([*TO_GRADE, OFFER], ("approve_refund", {"lines": [line(amount=eur(1))], "remedy_id": R2}),
         ("approve_refund", {"lines": [line(amount=eur(1))], "remedy_id": R1}), f"{R1} is offered"),
        ([*TO_GRADE, EXCHANGE], ("ship_exchange", {"new_lines": [line(qty=1)]}),
         ("ship_exchange", {"new_lines": [line(qty=1)], "remedy_id": R1}), f"{R1} is offered"),
        ([*TO_GRADE, ("offer_settlement", {"remedy": "exchange"})], ("refuse_offer", {}),
         ("ship_exchange", {"new_lines": [line(qty=1)]}), "the remedy without id is offered"),
        ([*TO_GRADE, OFFER, ("accept_offer", {})], ("approve_refund", {"lines": [line(amount=eur(2500))]}),
         ("approve_refund", {"lines": [line(amount=eur(2501))]}), "3501 minor units to refund for the goods, 3500"),
        ([*TO_GRADE, OFFER, ("approve_refund", {"lines": [line(amount=eur(2501))]})], ("refuse_offer", {}),
         ("accept_offer", {}), "3501 minor units to refund for the goods, 3500 paid"),
        (TO_GRADE, OFFER, ("offer_settlement", {"remedy": "partial_refund", "amount": eur(3501)}), "3500 paid"),
        ([*TO_GRADE, OFFER, ("refuse_offer", {})], OFFER, ("offer_settlement", {**OFFER[1], "amount": eur(9999)}),
         "9999 minor units"),
        ([*TO_GRADE, OFFER], ("refuse_offer", {"remedy_id": R1}), OFFER, "an offer is open already"),
        ([*TO_GRADE, OFFER], ("accept_offer", {"remedy_id": R1}), ("accept_offer", {"remedy_id": R2}), "open offer"),
        ([*TO_GRADE, OFFER], ("refuse_offer", {}), ("refuse_offer", {"remedy_id": R2}), "the open offer"),
        (TO_GRADE, REFUND, ("approve_refund", {"lines": [line(amount=eur(3001))]}), "3001 minor units to refund, 3000"),
        (TO_GRADE, REFUND, ("approve_refund", {"lines": [line(amount=eur(1), qty=4)]}), "4 of 3"),
        (TO_GRADE, REFUND, ("approve_refund", {"lines": [line(amount=eur(5))], "deductions": [
            {"why": "used", "amount": eur(6)}]}), "6 minor units deducted from 5"),
        ([*TO_GRADE, REFUND], ("approve_refund", {"lines": [line(amount=eur(1))], "remedy_id": R2}), REFUND, "decided"),
        ([*TO_GRADE, REFUND, ("approve_refund", {"lines": []})], ISSUE, ("approve_refund", {"lines": []}), "decided"),
        ([*TO_GRADE, REFUND], ISSUE, ("issue_refund", {**ISSUE[1], "amount": eur(2001)}), "2001 minor units would"),
        ([*TO_GRADE, REFUND], ISSUE, ("issue_refund", {**ISSUE[1], "amount": eur(1, "USD")}), "is in USD"),
        ([*TO_GRADE, REFUND], ISSUE, ("issue_refund", {"refund_id": "re", "amount": eur(1), "method": "original"}),
         "original_payment_ref"),
        ([*TO_GRADE, REFUND, ISSUE], ("fail_refund", {"refund_id": "re"}), ISSUE, "sent already"),
        ([*TO_GRADE, REFUND, ISSUE], ("settle_refund", {}), ("settle_refund", {"refund_id": "no"}), "was not sent"),
        ([*TO_GRADE, REFUND, ISSUE, ("settle_refund", {})], ("scan", {}), ("settle_refund", {}), "0 refunds are under"),
        (TO_GRADE, ("ship_exchange", {"new_lines": [line(qty=3)]}), ("ship_exchange", {"new_lines": [line(qty=4)]}),
         "4 exchanged, 3 requested"),
        ([*TO_GRADE, REFUND], ("ship_exchange", {"new_lines": [], "remedy_id": R2}),
         ("ship_exchange", {"new_lines": [], "remedy_id": R1}), "no exchange that is open"),
        ([*TO_GRADE, ("ship_exchange", {"new_lines": [], "remedy_id": R1})], ("deliver_exchange", {"remedy_id": R1}),
         ("deliver_exchange", {"remedy_id": R2}), "0 open exchanges fit"),
        (TO_GRADE, ("return_to_buyer", {"lines": [line(qty=3)]}), ("return_to_buyer", {"lines": [line(qty=4)]}),
         "4 sent back to the buyer, 3 received"),
        (TO_GRADE, ("resolve", {"outcomes": [line(qty=3, outcome="refunded"), line("b", qty=1, outcome="kept")]}),
         ("resolve", {"outcomes": [line(qty=3, outcome="refunded")]}), "outcomes for 0 pieces, there are 1"),
        ([REQUEST], ("resolve", {}), ("resolve", {"outcomes": [line("z", qty=1, outcome="kept")]}), "no line z"),
        (TO_GRADE, OFFER, ("offer_settlement", {"remedy": "keep_item", "lines": [line(qty=1)]}), "accepted, rejected"),
        (TO_GRADE, ("approve_refund", {"lines": [line(amount=eur(1), qty=0)], "keep_item": True}),
         ("approve_refund", {"lines": [line(amount=eur(1), qty=3)], "keep_item": True, "remedy_id": R1,
                             "deductions": [{"why": "used", "amount": eur(2)}]}), "6 accepted, rejected"),
    ],
)  # fmt: skip
def test_a_step_that_fits_moves_the_balance_and_one_that_does_not_is_refused(
    steps: list[Step], good: Step, bad: Step, words: str
) -> None:
    before = move(steps)
    untouched = deepcopy(before)
    move([good], before)

    with pytest.raises(UnbalancedError, match=words):
        move([bad], before)
    assert before == untouched


def test_a_refund_before_the_receipt_names_its_rule() -> None:
    before = move([REQUEST, APPROVE])

    for state in ("approved", "in_transit", "lost", "delivered"):
        with pytest.raises(UnbalancedError, match="names the rule") as refused:
            take(before, *REFUND, from_state=state, has_rule=False)
        assert refused.value.missing
        assert take(before, *REFUND, from_state=state, has_rule=True).refund_approved_minor == 2000
    assert take(before, *REFUND, from_state="received", has_rule=False).refund_approved_minor == 2000


def test_what_was_sent_beyond_the_order_is_reported_before_it_is_received() -> None:
    extra = ("report_discrepancy", {"kind": "extra", "line_id": "a"})
    received = move([REQUEST, APPROVE, SHIP, extra, ("receive", {"lines": [line(received_qty=4)]})])

    assert (received.lines["a"].extra, received.lines["a"].received) == (1, 4)
    assert move([*TO_RECEIPT, ("report_discrepancy", {"kind": "missing", "line_id": "a"})]) == move(TO_RECEIPT)
    assert move([*TO_RECEIPT, ("report_discrepancy", {"kind": "extra"})]) == move(TO_RECEIPT)


def test_an_item_that_the_buyer_keeps_is_an_outcome_of_its_own() -> None:
    approved = [REQUEST, APPROVE]
    keep = ("approve_refund", {"lines": [line(amount=eur(1)), line("b", amount=eur(1), qty=1)], "keep_item": True})
    refunded = move([*approved, keep])
    assert (refunded.lines["a"].kept, refunded.lines["b"].kept) == (3, 1)

    offer = ("offer_settlement", {"remedy": "keep_item", "amount": eur(100)})
    assert move([*approved, offer, ("accept_offer", {})]).lines["a"].kept == 3
    partly = ("offer_settlement", {"remedy": "keep_item", "lines": [line(qty=1)]})
    found = move([*approved, partly, ("accept_offer", {})])
    assert (found.lines["a"].kept, found.lines["b"].kept, found.refund_approved_minor) == (1, 0, 0)
    again = {"lines": [line(amount=eur(1), qty=1)], "keep_item": True, "remedy_id": R2}
    with pytest.raises(UnbalancedError, match="4 kept, 3 requested"):
        move([("approve_refund", again)], refunded)


def test_an_exchange_is_open_until_it_is_delivered() -> None:
    accepted = move([*TO_GRADE, EXCHANGE, ("accept_offer", {"remedy_id": R1})])
    assert accepted.open_matters() == [f"the remedy {R1} is open"]

    shipped = move([("ship_exchange", {"new_lines": [line(qty=1)], "remedy_id": R1})], accepted)
    assert shipped.remedies[R1].kind == "exchange"
    assert move([("deliver_exchange", {})], shipped).open_matters() == []
    with pytest.raises(UnbalancedError, match="no exchange that is open"):
        move([("deliver_exchange", {}), ("ship_exchange", {"new_lines": [], "remedy_id": R1})], shipped)


def test_a_refund_that_failed_may_be_sent_again_under_another_id() -> None:
    failed = move([*TO_GRADE, REFUND, ISSUE, ("fail_refund", {"refund_id": "re"})])
    assert failed.refunded_minor() == 0

    again = move([("issue_refund", {"refund_id": "re-2", "amount": eur(2000), "method": "credit"})], failed)
    assert (again.refunded_minor(), [one.state for one in again.refunds.values()]) == (2000, ["failed", "issued"])


def test_freight_and_duty_are_refunded_beside_the_lines_and_charges_stand_apart() -> None:
    step = ("approve_refund", {
        "lines": [line(amount=eur(1000))], "deductions": [{"why": "used", "amount": eur(300)}],
        "shipping_refund": eur(40), "duty_tax_refund": eur(5),
        "charges": [{"kind": "duty", "amount": eur(77, "CNY"), "payer": "seller"}],
    })  # fmt: skip
    found = move([*TO_GRADE, step])

    assert found.refund_approved_minor == 745
    assert found.charges == [{"kind": "duty", "amount": eur(77, "CNY"), "payer": "seller"}]
    assert move([("scan", {"charges": step[1]["charges"]})], found).charges == 2 * found.charges


def test_an_extra_piece_is_graded_and_keeps_no_case_open() -> None:
    extra = ("report_discrepancy", {"kind": "extra", "line_id": "b"})
    graded = ("complete_inspection", {"lines": [line("b", accepted_qty=2, rejected_qty=0, missing_qty=0)]})
    found = move([*TO_RECEIPT, extra, ("receive", {"lines": [line("b", received_qty=1)]}), graded])

    assert found.lines["b"].graded() == 2
    assert found.open_matters() == []


def test_an_appeal_ends_an_offer_that_nobody_can_answer_any_more() -> None:
    found = move([*TO_GRADE, OFFER, ("appeal", {})])

    assert found.offer is None
    assert move([OFFER], found).offer is not None


def test_what_is_not_settled_is_named() -> None:
    short = ("complete_inspection", {"lines": [line(accepted_qty=1, rejected_qty=0, missing_qty=0)]})
    found = move([*TO_RECEIPT, short, REFUND, ISSUE, ("offer_settlement", {"remedy": "exchange"})])

    assert found.open_matters() == [
        "the offer without id is open",
        "the refund re is not settled",
        "line a: 1 accepted, 0 rejected, 0 missing, 0 kept are not the 3 approved",
    ]
    assert move([*TO_RECEIPT, REFUND]).open_matters() == ["0 of 2000 minor units are refunded"]


def test_the_state_after_a_receipt_counts_every_line() -> None:
    assert move(TO_RECEIPT).received_state() == "received"
    assert move([*TO_RECEIPT[:3], ("receive", {"lines": [line(received_qty=3)]})]).received_state() == (
        "partially_received"
    )


def test_where_values_were_erased_nothing_is_refused_for_them() -> None:
    unknown = Balance(complete=False)
    steps: list[Step] = [
        ("approve_return", {"approved_lines": [line(qty=3)]}),
        ("ship_back", {}),
        ("receive", {"lines": [line(received_qty=3)]}),
        ("report_discrepancy", {"kind": "extra", "line_id": "a"}),
        ("complete_inspection", {"lines": [line(accepted_qty=3, rejected_qty=0, missing_qty=0)]}),
        ("offer_settlement", {"remedy": "exchange"}),
        ("refuse_offer", {}),
        ("approve_refund", {"lines": [line(amount=eur(10))]}),
        ("issue_refund", {"refund_id": "x", "amount": eur(99), "method": "original"}),
        ("settle_refund", {"refund_id": "never"}),
        ("fail_refund", {"refund_id": "never"}),
        ("accept_offer", {}),
        ("refuse_offer", {}),
        ("resolve", {}),
    ]
    found = move(steps, unknown)

    assert found.open_matters() == ["the refund x is not settled"]
    assert found.paid_minor() is None
    erased = move([*TO_GRADE, REFUND, ("issue_refund", {"method": "original"})])
    assert not erased.complete


def test_every_verb_with_an_effect_is_one_of_the_table() -> None:
    assert set(EFFECTS) <= set(LIFECYCLE.case.transitions)
