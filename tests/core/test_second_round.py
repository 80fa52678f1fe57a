"""Goods that went back to the buyer are approved again after an appeal, sent again, graded again, and the case ends."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from ledger_service.core.balance import Balance, Line
from ledger_service.core.effects import take
from ledger_service.core.entry import Role
from ledger_service.errors import BalanceError
from tests.core.cases import EURO_20, REFUND, RULE, Told, begun, declined, remade

UNLISTED: dict[str, Any] = {"parcels": [{"parcel_id": "p"}]}


def pieces(qty: int) -> list[dict[str, Any]]:
    return [{"line_id": "l1", "qty": qty}]


def graded(accepted: int, rejected: int, missing: int = 0) -> dict[str, Any]:
    return {
        "lines": [{"line_id": "l1", "accepted_qty": accepted, "rejected_qty": rejected, "missing_qty": missing}],
    }


def take_round(told: Told, qty: int, *, accepted: int, rejected: int, missing: int = 0, listed: bool = False) -> None:
    """Approve, send, receive and grade so many pieces."""
    approve(told, qty)
    parcels = {"parcels": [{"parcel_id": "p", "lines": pieces(qty)}]} if listed else UNLISTED
    send_and_grade(told, parcels, accepted=accepted, rejected=rejected, missing=missing)


def send_and_grade(
    told: Told, parcels: dict[str, Any] = UNLISTED, *, accepted: int, rejected: int, missing: int = 0
) -> None:
    """Send, receive and grade what is approved."""
    told.step("ship_back", fields=parcels)
    told.step("receive", fields={"lines": [{"line_id": "l1", "received_qty": accepted + rejected}]})
    told.step("start_inspection")
    told.step("complete_inspection", fields=graded(accepted, rejected, missing))


def first_round(*, accepted: int = 1, rejected: int = 1, missing: int = 0, back: int = 1, listed: bool = False) -> Told:
    """Return a case of two pieces whose inspection the buyer appeals, with so many of them back at the buyer's."""
    told = begun()
    take_round(told, 2, accepted=accepted, rejected=rejected, missing=missing, listed=listed)
    if back:
        told.step("return_to_buyer", fields={"lines": pieces(back)})
    told.step("appeal", fields={"grounds": "the scratch was there before"})
    return told


def line(told: Told) -> Line:
    return told.docket.balance.lines["l1"]


def counts(found: Line) -> dict[str, int]:
    """Return the pieces of a line by stage, without the stages that nothing came to."""
    shown = {name.name: getattr(found, name.name) for name in fields(Line)}
    return {name: number for name, number in shown.items() if number and "_" not in name and name != "inspected"}


def approve(told: Told, qty: int) -> None:
    told.step("approve_return", fields={"approved_lines": pieces(qty), "return_cost_payer": "seller"})


def refund(told: Told) -> None:
    """Refund the case and settle the refund."""
    told.step("approve_refund", fields=REFUND, rule=RULE)
    told.step("issue_refund", fields={"refund_id": "r1", "amount": EURO_20, "method": "other"})
    told.step("settle_refund")


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize(("accepted", "rejected"), [(0, 2), (1, 1)])
def test_what_was_rejected_is_sent_again_after_an_appeal_and_the_case_ends(
    accepted: int, rejected: int, *, listed: bool
) -> None:
    told = first_round(accepted=accepted, rejected=rejected, back=rejected, listed=listed)

    take_round(told, rejected, accepted=rejected, rejected=0, listed=listed)
    assert told.docket.steps[-3].entry.to_state == "received"
    refund(told)
    assert told.state == "resolved"
    told.step("close", at=24 * 60)

    assert told.state == "closed"
    again = 2 + rejected
    assert counts(line(told)) == {
        "requested": 2, "approved": 2, "shipped": again, "received": again, "accepted": 2, "reopened": rejected,
    }  # fmt: skip
    assert line(told).returned_to_buyer == rejected
    assert told.docket == remade(told)
    assert told.docket.problems == ()


def test_a_piece_may_go_back_and_come_again_as_often_as_it_is_approved() -> None:
    told = first_round()
    for _ in range(3):
        take_round(told, 1, accepted=0, rejected=1)
        assert (line(told).approved, line(told).graded(), line(told).rejected) == (2, 2, 1)
        told.step("return_to_buyer", fields={"lines": pieces(1)})
        told.step("appeal", fields={"grounds": "once more"})
    told.step("uphold", fields={"reasons": "the scratch is deep"})
    told.step("resolve")

    assert (line(told).shipped, line(told).received, line(told).returned_to_buyer) == (5, 5, 4)
    assert told.state == "resolved"


@pytest.mark.parametrize(
    ("accepted", "rejected", "missing", "back", "qty", "after"),
    [
        (1, 1, 0, 1, 1, {"approved": 2, "accepted": 1}),  # the piece that was turned down, beside the accepted one
        (1, 1, 0, 1, 2, {"approved": 2, "accepted": 1}),  # named with it: what is accepted is not approved twice
        (0, 2, 0, 2, 1, {"approved": 2, "rejected": 1}),  # one of two; the other one stays rejected
        (0, 2, 0, 2, 2, {"approved": 2}),
        (1, 0, 1, 0, 1, {"approved": 2, "accepted": 1}),  # what was not in the parcel
        (0, 1, 1, 1, 1, {"approved": 2, "missing": 1}),
        (2, 0, 0, 0, 1, {"approved": 2, "accepted": 2}),  # an appeal about the amount: nothing is to come
        (2, 0, 0, 1, 1, {"approved": 2, "accepted": 1}),  # accepted, and yet sent back to the buyer
    ],
)
def test_a_new_approval_takes_back_the_outcomes_of_the_pieces_that_may_come_again(
    accepted: int, rejected: int, missing: int, back: int, qty: int, after: dict[str, int]
) -> None:
    told = first_round(accepted=accepted, rejected=rejected, missing=missing, back=back)
    before = line(told)
    assert (before.graded(), before.inspected) == (2, True)

    approve(told, qty)

    found = counts(line(told))
    assert {name: found.get(name, 0) for name in ("approved", "accepted", "rejected", "missing")} == {
        "accepted": 0, "rejected": 0, "missing": 0, **after,
    }  # fmt: skip
    assert not line(told).inspected
    refund(told)  # of goods that lie there, or that the buyer is believed about
    assert told.state == "resolved"


def test_what_the_seller_still_has_is_not_counted_as_sent_again() -> None:
    told = first_round(back=0)
    approve(told, 1)
    told.step("ship_back", fields=UNLISTED)

    assert line(told).shipped == 2
    with pytest.raises(BalanceError, match="3 received, 2 sent"):
        told.step("receive", fields={"lines": [{"line_id": "l1", "received_qty": 1}]})


def test_only_what_came_again_is_graded_again() -> None:
    told = first_round(rejected=2, accepted=0, back=2)
    approve(told, 2)
    told.step("ship_back", fields=UNLISTED)
    told.step("receive", fields={"lines": [{"line_id": "l1", "received_qty": 1}]})
    assert told.state == "partially_received"
    told.step("start_inspection")

    with pytest.raises(BalanceError, match="2 graded, 1 received"):
        told.step("complete_inspection", fields=graded(2, 0))
    told.step("complete_inspection", fields=graded(1, 0))
    assert told.docket.balance.open_matters() == [
        "line l1: 1 accepted, 0 rejected, 0 missing, 0 kept are not the 2 approved",
    ]


def test_a_second_inspection_gives_no_more_outcomes_than_pieces_were_approved() -> None:
    told = first_round()
    approve(told, 1)
    told.step("ship_back", fields={"parcels": [{"parcel_id": "p", "lines": pieces(2)}]})
    told.step("receive", fields={"lines": [{"line_id": "l1", "received_qty": 2}]})
    told.step("start_inspection")

    with pytest.raises(BalanceError, match="3 accepted, rejected, missing or kept, 2 approved"):
        told.step("complete_inspection", fields=graded(2, 0))
    told.step("complete_inspection", fields=graded(1, 0))


def test_what_stays_missing_is_waited_for_no_more() -> None:
    told = first_round(accepted=0, rejected=1, missing=1, back=1)
    approve(told, 1)
    told.step("ship_back", fields=UNLISTED)
    assert line(told).shipped == 3

    told.step("receive", fields={"lines": [{"line_id": "l1", "received_qty": 1}]})

    assert told.state == "received"


def test_a_piece_that_was_turned_down_may_be_kept_once_it_is_approved_again_and_an_accepted_one_may_not() -> None:
    told = first_round()
    approve(told, 1)
    keep = {"lines": [{"line_id": "l1", "amount": EURO_20, "qty": 2}], "keep_item": True}
    with pytest.raises(BalanceError, match="3 accepted, rejected, missing or kept, 2 approved"):
        told.step("approve_refund", fields=keep, rule=RULE)

    told.step("approve_refund", fields={**REFUND, "keep_item": True}, rule=RULE)

    assert (line(told).accepted, line(told).kept) == (1, 1)


def test_what_the_buyer_keeps_is_not_counted_as_sent() -> None:
    told = begun()
    approve(told, 2)
    told.step("offer_settlement", fields={"remedy": "keep_item", "lines": pieces(1)})
    told.step("accept_offer")
    told.step("appeal", fields={"grounds": "the other one is worse"})
    approve(told, 1)
    told.step("ship_back", fields=UNLISTED)

    assert counts(line(told)) == {"requested": 2, "approved": 2, "shipped": 1, "kept": 1}


def test_a_return_that_was_declined_and_is_authorised_again_comes_as_it_was_asked_for() -> None:
    """No line is named when a return is authorised again, and before it nothing had been approved."""
    told = declined()
    told.step("reinstate", Role.ARBITRATOR, {"reason": "the period had not ended"})
    assert line(told).approved == 2

    send_and_grade(told, accepted=2, rejected=0)
    refund(told)

    assert told.state == "resolved"


def test_what_was_approved_stays_approved_when_the_return_is_authorised_again() -> None:
    told = begun()
    approve(told, 1)
    (due,) = (one for one in told.timeline(now=24 * 60).clocks if one.clock_id == "ship_back")
    told.step("expire", fields={"clock_id": "ship_back", "due_at": due.due_at}, at=24 * 60)
    told.step("reinstate", fields={"reason": "the label came late"})

    assert line(told).approved == 1


@pytest.mark.parametrize(("accepted", "rejected", "missing"), [(1, 1, 0), (0, 2, 0), (0, 1, 1)])
def test_what_was_turned_down_may_come_again_when_the_return_is_authorised_again(
    accepted: int, rejected: int, missing: int
) -> None:
    told = first_round(accepted=accepted, rejected=rejected, missing=missing, back=rejected)
    told.step("uphold", fields={"reasons": "the scratch is deep"})
    told.step("reinstate", Role.ARBITRATOR, {"reason": "the scratch was there before"})
    assert (line(told).approved, line(told).graded()) == (2, accepted)

    send_and_grade(told, accepted=rejected + missing, rejected=0)
    refund(told)

    assert (told.state, line(told).accepted) == ("resolved", 2)


A, B = {"line_id": "a", "qty": 1}, {"line_id": "b", "qty": 2}


@pytest.mark.parametrize(
    ("parcels", "shipped"),
    [
        ([{"lines": [A, B]}], (1, 2)),
        ([{"lines": [A]}], (1, 0)),  # a list that is there is taken at its word
        ([{"lines": [A]}, {}], (1, 2)),
        ([{"lines": [{**B, "qty": 1}]}, {"lines": []}], (3, 1)),
        ([{}], (3, 2)),
        ([], (3, 2)),  # erased
    ],
)
def test_a_parcel_that_lists_nothing_may_hold_whatever_is_approved_and_listed_nowhere(
    parcels: list[dict[str, Any]], shipped: tuple[int, int]
) -> None:
    before = Balance({"a": Line("a", requested=3, approved=3), "b": Line("b", requested=2, approved=2), "c": Line("c")})

    after = take(before, "ship_back", {"parcels": parcels}, from_state="approved", has_rule=False)

    assert (after.lines["a"].shipped, after.lines["b"].shipped, after.lines["c"].shipped) == (*shipped, 0)


@pytest.mark.parametrize(
    ("found", "gradable"),
    [
        (Line("a", requested=2, received=2, rejected=2, returned_to_buyer=2), 0),
        (Line("a", requested=2, received=2, rejected=2, returned_to_buyer=1), 1),
        (Line("a", requested=2, received=2, rejected=2), 2),  # they lie there, to be graded once more
        (Line("a", requested=2, received=3, rejected=2, returned_to_buyer=1, reopened=1), 2),
        (Line("a", requested=2, received=3, rejected=2, returned_to_buyer=2, reopened=1), 1),
        (Line("a", requested=2, received=1, missing=1), 1),
    ],
)
def test_a_piece_that_went_back_is_graded_no_more_until_it_comes_again(found: Line, gradable: int) -> None:
    found.approve(2)

    assert found.gradable() == gradable
