"""The balance of a case: what is open in it, where a receipt leads, and how it is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ledger_service.core.balance import GOODS_REMEDIES, Balance, Line, Offer, Refund, Remedy, UnbalancedError

EUR_5 = {"minor": 5, "currency": "EUR"}


def balance(*lines: Line, **members: Any) -> Balance:
    """Return a balance in euros."""
    return Balance(lines={line.line_id: line for line in lines}, currency="EUR", **members)


@pytest.mark.parametrize("kind", ["refund", "partial_refund", "store_credit", "keep_item", "exchange", "repair"])
def test_a_remedy_in_goods_is_open_until_it_is_settled_and_one_in_money_is_counted_as_money(kind: str) -> None:
    found = balance(remedies={"r": Remedy("r", kind)})

    assert found.open_matters() == (["the remedy r is open"] if kind in GOODS_REMEDIES else [])
    assert balance(remedies={"r": Remedy("r", kind, settled=True)}).open_matters() == []


def test_a_remedy_and_an_offer_without_id_are_named_so() -> None:
    found = balance(remedies={"": Remedy("", "repair")}, offer=Offer("", "exchange", 0, {}))

    assert found.open_matters() == ["the remedy without id is open", "the offer without id is open"]
    assert balance(offer=Offer("r", "exchange", 0, {})).open_matters() == ["the offer r is open"]
    assert balance().open_matters() == []


@pytest.mark.parametrize(
    ("state", "approved", "matters"),
    [
        ("settled", 5, []),
        ("settled", 6, ["5 of 6 minor units are refunded"]),
        ("issued", 5, ["the refund x is not settled"]),
        ("failed", 5, ["0 of 5 minor units are refunded"]),
        ("failed", 0, []),
    ],
)
def test_money_is_open_until_what_was_approved_is_settled(state: str, approved: int, matters: list[str]) -> None:
    found = balance(refunds={"x": Refund("x", 5, "original", state)}, refund_approved_minor=approved)

    assert found.open_matters() == matters


@pytest.mark.parametrize(
    ("line", "open_"),
    [
        (Line("a", approved=3, accepted=2, rejected=1, inspected=True), False),
        (Line("a", approved=3, accepted=1, missing=1, kept=1, inspected=True), False),
        (Line("a", approved=3, accepted=2, inspected=True), True),
        (Line("a", approved=3, accepted=4, inspected=True), True),
        (Line("a", approved=3, accepted=4, extra=1, inspected=True), False),  # what came too many was graded too
        (Line("a", approved=3, accepted=3, extra=1, inspected=True), False),
        (Line("a", approved=3, accepted=2, extra=1, inspected=True), True),
        (Line("a", approved=3, accepted=2), False),
    ],
)
def test_an_inspected_line_has_an_outcome_for_every_approved_piece(line: Line, open_: bool) -> None:
    assert [matter.startswith("line a: ") for matter in balance(line).open_matters()] == [True] * open_
    assert balance(line, complete=False).open_matters() == []


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ([Line("a", approved=2, received=2)], "received"),
        ([Line("a", approved=2, received=1)], "partially_received"),
        ([Line("a", approved=2, shipped=1, received=1)], "received"),
        ([Line("a", approved=1, shipped=2, received=1)], "partially_received"),
        ([Line("a", approved=1, received=1), Line("b", approved=1)], "partially_received"),
        ([Line("a", approved=1, received=2, extra=1), Line("b")], "received"),
        ([], "received"),
    ],
)
def test_a_receipt_is_whole_when_of_every_line_all_that_was_sent_is_there(lines: list[Line], state: str) -> None:
    assert balance(*lines).received_state() == state


def test_what_was_paid_is_known_when_it_is_known_of_each_line() -> None:
    paid, unknown = Line("a", paid_minor=7), Line("b")

    assert balance(paid, replace(unknown, paid_minor=0)).paid_minor() == 7
    assert balance(paid, unknown).paid_minor() is None
    assert balance(paid, complete=False).paid_minor() is None
    assert balance().paid_minor() is None


def test_the_first_amount_gives_the_case_its_currency_and_another_one_is_refused() -> None:
    found = Balance()

    assert (found.minor(None, "offer"), found.currency) == (0, None)
    assert (found.minor(EUR_5, "offer"), found.currency) == (5, "EUR")
    with pytest.raises(UnbalancedError, match="the offer is in JPY, the case is in EUR") as refused:
        found.minor({"minor": 5, "currency": "JPY"}, "offer")
    assert not refused.value.missing


def test_a_line_that_the_case_does_not_have_is_refused_unless_its_lines_are_unknown() -> None:
    line = Line("a")

    assert balance(line).line("a") is line
    with pytest.raises(UnbalancedError, match="no line b; the case has a"):
        balance(line).line("b")
    with pytest.raises(UnbalancedError, match="the case has none"):
        balance().line("b")
    assert balance(complete=False).line("b") is None


def test_a_copy_moves_without_the_balance_that_it_was_made_from() -> None:
    found = balance(
        Line("a"),
        refunds={"x": Refund("x", 5, "other")},
        remedies={"r": Remedy("r", "exchange")},
        charges=[{"kind": "tax"}],
    )
    copy = found.copy()
    assert copy == found

    copy.lines["a"].kept = 1
    copy.refunds["x"].state = "failed"
    copy.remedies["r"].settled = True
    copy.charges.append({"kind": "duty"})

    assert found.lines["a"].kept == 0
    assert (found.refunds["x"].state, found.remedies["r"].settled, len(found.charges)) == ("issued", False, 1)


def test_a_balance_is_shown_as_json_with_every_line_refund_remedy_and_charge() -> None:
    found = balance(
        Line("a", requested=2, paid_minor=9),
        Line("b"),
        refunds={"x": Refund("x", 5, "original", "settled")},
        remedies={"r": Remedy("r", "refund")},
        charges=[{"kind": "tax", "amount": EUR_5, "payer": "seller"}],
        refund_approved_minor=6,
    )
    shown: dict[str, Any] = json.loads(json.dumps(found.members()))

    assert {name: shown[name] for name in ("currency", "complete", "refund_approved_minor", "refunded_minor")} == {
        "currency": "EUR", "complete": True, "refund_approved_minor": 6, "refunded_minor": 5,
    }  # fmt: skip
    assert [(line["line_id"], line["requested"], line["paid_minor"]) for line in shown["lines"]] == [
        ("a", 2, 9), ("b", 0, None),
    ]  # fmt: skip
    assert shown["refunds"] == [{"refund_id": "x", "minor": 5, "method": "original", "state": "settled"}]
    assert shown["remedies"] == [{"remedy_id": "r", "kind": "refund", "settled": False}]
    assert shown["charges"] == [{"kind": "tax", "amount": EUR_5, "payer": "seller"}]
    assert json.loads(json.dumps(Balance(complete=False).members()))["complete"] is False
