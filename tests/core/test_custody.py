"""The custody chain follows the goods from hand to hand and leaves open what nobody recorded."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.core.clock import Basis
from ledger_service.core.custody import Custody, CustodyGap, GapReason, Holder, custody_members, custody_of
from ledger_service.core.entry import Role
from tests.core.cases import APPROVAL, GRADED, PARCELS, RECEIVED, REQUEST, Told, approved, begun, hours, shipped

HOLD: dict[str, Any] = {"country": "CN", "hold_reason": "duty_unpaid"}
ONE: dict[str, Any] = {"lines": [{"line_id": "l1", "received_qty": 1}]}


def custody(told: Told, now: float | None = None) -> Custody:
    """Return the custody chain of a case."""
    return told.timeline(now).custody


def holders(told: Told) -> list[str]:
    """Return who held the goods, in order."""
    return [one.holder.value for one in custody(told).holdings]


def gaps(told: Told, now: float | None = None) -> list[GapReason]:
    """Return why the chain is open."""
    return [gap.reason for gap in custody(told, now).gaps]


def test_the_goods_go_from_hand_to_hand_and_every_handover_names_its_entry() -> None:
    told = approved()
    told.step("ship_back", fields={**PARCELS, "posted_at": hours(5)}, at=6)
    told.step("scan", fields={"code": "departed"}, at=7)
    told.step("hold_at_customs", fields=HOLD, at=8, occurred=7.5)
    told.step("release_from_customs", at=9)
    told.step("confirm_delivery", at=10)
    told.step("receive", fields=RECEIVED, at=11)
    told.step("start_inspection", at=12)
    chain = custody(told)

    assert [(one.holder, one.since, one.basis) for one in chain.holdings] == [
        (Holder.BUYER, "2026-02-27T09:00:00.000Z", Basis.STATED),
        (Holder.CARRIER, hours(5), Basis.STATED),
        (Holder.CUSTOMS, hours(7.5), Basis.OCCURRED),
        (Holder.CARRIER, hours(9), Basis.RECORDED),
        (Holder.RETURN_ADDRESS, hours(10), Basis.RECORDED),
        (Holder.INSPECTOR, hours(11), Basis.RECORDED),
    ]
    assert [one.until for one in chain.holdings] == [*(one.since for one in chain.holdings[1:]), None]
    assert [one.ended for one in chain.holdings] == [*(one.began for one in chain.holdings[1:]), None]
    assert chain.gaps == ()


def test_a_buyer_whose_delivery_nobody_recorded_holds_the_goods_since_an_unknown_time() -> None:
    told = Told()
    told.step("request_return", fields={n: v for n, v in REQUEST.items() if n != "outbound_delivered_at"})
    (only,) = custody(told).holdings

    assert (only.since, only.basis, only.until) == (None, None, None)


def test_goods_booked_in_without_a_proof_of_delivery_are_a_handover_that_is_not_recorded() -> None:
    told = shipped()
    told.step("scan", fields={"code": "arrived"}, at=9)
    told.step("receive", fields=RECEIVED, at=30)
    first, scan, received = (told.placed[place].index for place in (2, 3, 4))

    assert custody(told).gaps == (
        CustodyGap(GapReason.HANDOVER_NOT_RECORDED, hours(9), hours(30), scan, received),
    )  # fmt: skip
    assert holders(told) == ["buyer", "carrier", "inspector"]
    assert first < scan


def test_a_scan_after_a_posting_that_was_taken_back_is_a_handover_that_is_not_recorded() -> None:
    told = approved()
    posted = told.step("ship_back", fields=PARCELS)
    told.step("scan", fields={"code": "departed"})
    told.step("correct", Role.PLATFORM, {"wrong_entry": posted, "reason": "did_not_occur"})
    (gap,) = custody(told).gaps

    assert (gap.reason, gap.after, gap.before) == (
        GapReason.HANDOVER_NOT_RECORDED, told.placed[0].index, told.placed[3].index,
    )  # fmt: skip


@pytest.mark.parametrize(("days", "expected"), [(10.0, []), (10.001, [GapReason.CARRIER_SILENT])])
def test_a_carrier_that_is_silent_for_more_than_ten_days_leaves_a_gap(days: float, expected: list[Any]) -> None:
    told = shipped()
    told.step("scan", fields={"code": "departed"}, at=10)
    told.step("confirm_delivery", at=10 + 24 * days)

    assert gaps(told) == expected


def test_silence_counts_until_now_while_the_carrier_still_has_the_goods() -> None:
    told = shipped()
    told.step("scan", fields={"code": "departed"}, at=10)
    (gap,) = custody(told, now=10 + 24 * 11).gaps

    assert (gap.since, gap.until, gap.after, gap.before) == (hours(10), hours(10 + 24 * 11), told.placed[3].index, None)
    assert gaps(told, now=10 + 24 * 10) == []


def test_scans_that_come_in_late_and_in_any_order_break_a_silence() -> None:
    told = shipped()
    told.step("scan", fields={"code": "arrived", "scanned_at": hours(24 * 16)}, at=24 * 20)
    assert gaps(told) == [GapReason.CARRIER_SILENT]

    told.step("scan", fields={"code": "departed", "scanned_at": hours(24 * 8)}, at=24 * 21)
    assert gaps(told) == []


def test_the_silence_of_customs_is_not_that_of_a_carrier() -> None:
    told = shipped()
    told.step("hold_at_customs", fields=HOLD)

    assert gaps(told, now=24 * 40) == []


def test_lost_goods_are_nowhere_until_they_are_found() -> None:
    told = shipped()
    told.step("report_lost", at=5)
    told.step("scan", fields={"code": "arrived"}, at=9)
    (gap,) = custody(told).gaps

    assert holders(told) == ["buyer", "carrier", "unknown", "carrier"]
    assert (gap.reason, gap.since, gap.until) == (GapReason.WHEREABOUTS_UNKNOWN, hours(5), hours(9))


@pytest.mark.parametrize(("destroyed", "holder"), [(True, "destroyed"), (False, "customs")])
def test_seized_goods_stay_with_customs_unless_they_were_destroyed(destroyed: bool, holder: str) -> None:
    told = shipped()
    told.step("hold_at_customs", fields=HOLD)
    told.step("seize", fields={"destroyed": destroyed})

    assert holders(told)[-1] == holder
    assert gaps(told) == []


def test_pieces_that_did_not_arrive_are_a_gap_until_they_do() -> None:
    told = shipped()
    told.step("confirm_delivery")
    told.step("receive", fields=ONE)
    assert gaps(told) == [GapReason.PIECES_NOT_RECEIVED]

    told.step("receive", fields=ONE)
    assert gaps(told) == []
    assert holders(told) == ["buyer", "carrier", "return_address", "inspector"]


def test_an_inspection_of_goods_that_were_only_reported_takes_them_from_the_door() -> None:
    told = shipped()
    told.step("confirm_delivery")
    told.step("report_discrepancy", fields={"kind": "empty_box"})
    told.step("start_inspection")

    assert holders(told)[-2:] == ["return_address", "inspector"]
    assert gaps(told) == []


def test_goods_sent_back_to_the_buyer_travel_with_a_carrier_again() -> None:
    told = shipped()
    told.step("confirm_delivery")
    told.step("receive", fields=RECEIVED)
    told.step("start_inspection")
    told.step("complete_inspection", fields=GRADED)
    told.step("return_to_buyer", fields={"lines": [{"line_id": "l1", "qty": 2}]})

    assert holders(told)[-2:] == ["inspector", "carrier"]


def test_without_a_request_nobody_is_known_to_have_goods() -> None:
    assert custody_of([], until=hours(0)) == Custody()

    told = Told()
    request = told.step("request_return", fields=REQUEST)
    told.step("approve_return", fields=APPROVAL)
    told.step("ship_back", fields=PARCELS)
    told.step("correct", Role.PLATFORM, {"wrong_entry": request, "reason": "did_not_occur"}, judged=False)
    assert custody(told) == Custody()


def test_the_chain_as_json_names_holders_times_and_gaps() -> None:
    told = begun()
    told.step("approve_return", fields=APPROVAL)
    told.step("ship_back", fields=PARCELS)
    told.step("report_lost")

    members = custody_members(custody(told))

    assert members == {
        "holdings": [
            {"holder": "buyer", "since": "2026-02-27T09:00:00.000Z", "since_basis": "stated", "until": hours(2),
             "began": 10, "ended": 14},
            {"holder": "carrier", "since": hours(2), "since_basis": "recorded", "until": hours(3), "began": 14,
             "ended": 16},
            {"holder": "unknown", "since": hours(3), "since_basis": "recorded", "until": None, "began": 16,
             "ended": None},
        ],
        "gaps": [{"reason": "whereabouts_unknown", "since": hours(3), "until": None, "after": 16, "before": None}],
    }  # fmt: skip
    told = Told()
    told.step("request_return", fields={n: v for n, v in REQUEST.items() if n != "outbound_delivered_at"})
    assert custody_members(custody(told))["holdings"] == [
        {"holder": "buyer", "since": None, "since_basis": None, "until": None, "began": 10, "ended": None}
    ]
