"""The timeline of a case says what happened, by when, on whose word, what stands against it, and what is missing."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from ledger_service.core.clock import ClockState
from ledger_service.core.custody import GapReason
from ledger_service.core.entry import Authenticity, Kind, Role
from ledger_service.core.findings import Finding, FindingCode
from ledger_service.core.timeline import Timeline, make_timeline, timeline_members
from ledger_service.core.timeline_row import Flag, Since, seconds_between
from tests.core.cases import (
    APPROVAL,
    DISPUTE_ID,
    EURO_20,
    PARCELS,
    RECEIVED,
    REFUND,
    REQUEST,
    Told,
    approved,
    begun,
    hours,
    inspected,
    long_case,
    refunded,
    remade,
    shipped,
)
from tests.core.untraced import untraced

ENTRIES_MS_MAX = 100


def flags(timeline: Timeline, place: int) -> set[Flag]:
    """Return the flags of a row, without those of every step that the platform records for another."""
    return set(timeline.rows[place].flags) - {Flag.ON_BEHALF, Flag.UNSIGNED}


def found(timeline: Timeline, code: FindingCode) -> list[Finding]:
    """Return the findings of a code, whatever list they stand in."""
    lists = timeline.findings
    return [one for one in (*lists.proven, *lists.claimed, *lists.missing) if one.code is code]


# --- rows ------------------------------------------------------------------------------------------------------------


def test_a_row_tells_three_times_and_the_gaps_between_them() -> None:
    told = Told()
    told.step("request_return", fields=REQUEST, at=3, occurred=1)
    told.step("approve_return", fields=APPROVAL)
    told.anchor(1, at=1_772_449_200 + 600)  # ten minutes after `BEGAN` + 2 h
    first, second = told.timeline().rows

    assert (first.recorded_after_seconds, first.life) == (7_200, "finalized")
    assert first.anchored_after_seconds == seconds_between(hours(3), "2026-03-02T11:10:00.000Z")
    assert (second.recorded_after_seconds, second.anchored_after_seconds, second.life) == (None, None, "checkpointed")


def test_entries_beside_the_chain_are_rows_and_count_for_nothing_else() -> None:
    told = approved()
    before = told.timeline()
    told.aside(Kind.ATTEMPT, "close", {"refused": "wrong_state", "case_head": "00"}, why="the case is approved")
    told.aside(Kind.ATTEMPT, "teleport", {"refused": "unknown_verb"}, role=Role.BUYER)
    told.aside(Kind.FINDING, "clock_breached", {"clock_id": "review"}, role=Role.SYSTEM)
    after = told.timeline()

    assert [row.entry.kind for row in after.rows[2:]] == [Kind.ATTEMPT, Kind.ATTEMPT, Kind.FINDING]
    assert [(one.verb, one.role, one.refused, one.why) for one in after.attempts] == [
        ("close", Role.SELLER, "wrong_state", "the case is approved"),
        ("teleport", Role.BUYER, "unknown_verb", None),
    ]
    assert (after.state, after.balance, after.clocks) == (before.state, before.balance, before.clocks)
    assert found(after, FindingCode.SAYS) == found(before, FindingCode.SAYS)
    assert found(after, FindingCode.CHAIN_WHOLE)[0].details == {"count": 2}


def test_an_entry_on_behalf_of_another_is_marked_and_one_of_one_s_own_is_not() -> None:
    told = begun()
    told.step("approve_return", Role.PLATFORM, APPROVAL)
    told.step("ship_back", fields=PARCELS, authenticity=Authenticity.SIGNED)
    told.step("scan", fields={"code": "departed"}, authenticity=Authenticity.WEBHOOK_VERIFIED)
    told.step("scan", fields={"code": "arrived"}, authenticity=Authenticity.IMPORTED_UNVERIFIED)
    rows = told.timeline().rows

    assert [set(row.flags) for row in rows] == [
        {Flag.ON_BEHALF, Flag.UNSIGNED},
        set(),
        {Flag.ON_BEHALF},
        {Flag.ON_BEHALF},
        {Flag.ON_BEHALF, Flag.IMPORTED_UNVERIFIED},
    ]


@pytest.mark.parametrize(("occurred", "late"), [(0.0, False), (-0.001, True)])
def test_a_step_recorded_more_than_a_day_after_it_happened_is_marked_late(occurred: float, late: bool) -> None:
    told = Told()
    told.step("request_return", fields=REQUEST, at=24, occurred=occurred)

    assert (Flag.RECORDED_LATE in flags(told.timeline(), 0)) is late


def test_the_time_that_a_step_states_itself_counts_as_well() -> None:
    told = approved()
    told.step("ship_back", fields={**PARCELS, "posted_at": hours(1)}, at=26, occurred=25)

    assert flags(told.timeline(), 2) == {Flag.RECORDED_LATE}


# --- contradictions --------------------------------------------------------------------------------------------------


def contradicted(timeline: Timeline) -> list[tuple[Flag, int, int | None]]:
    """Return what contradicts what, by place of the row."""
    places = {row.index: place for place, row in enumerate(timeline.rows)}
    return [
        (one.flag, places[one.index], None if one.against is None else places[one.against])
        for one in timeline.contradictions
    ]


@pytest.mark.parametrize(("occurred", "expected"), [(2.0, []), (2.001, [(Flag.OCCURRED_AFTER_RECORDED, 1, None)])])
def test_a_claim_about_a_time_after_the_recording_is_flagged(occurred: float, expected: list[Any]) -> None:
    told = begun()
    told.step("approve_return", fields=APPROVAL, at=2, occurred=occurred)
    timeline = told.timeline()

    assert contradicted(timeline) == expected
    assert timeline.rows[1].entry.occurred_at == hours(occurred)  # flagged, not corrected


@pytest.mark.parametrize(("delivered", "expected"), [(2.0, []), (1.9, [(Flag.DELIVERED_BEFORE_SHIPPED, 3, 2)])])
def test_a_delivery_before_the_posting_is_flagged(delivered: float, expected: list[Any]) -> None:
    told = approved()
    told.step("ship_back", fields={**PARCELS, "posted_at": hours(2)}, at=5)
    told.step("confirm_delivery", fields={"delivered_at": hours(delivered)}, at=6)

    assert contradicted(told.timeline()) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"outbound_exported_at": "2026-02-25T09:00:00Z"}, []),
        ({"outbound_exported_at": "2026-02-28T09:00:00Z"}, [(Flag.DELIVERED_BEFORE_SHIPPED, 0, None)]),
        ({"ordered_at": "2026-02-27T10:00:01+01:00"}, [(Flag.DELIVERED_BEFORE_SHIPPED, 0, None)]),
        ({"ordered_at": "2026-02-27T10:00:00+01:00"}, []),
    ],
)
def test_goods_that_reached_the_buyer_before_they_left_or_were_ordered_are_flagged(
    fields: dict[str, Any], expected: list[Any]
) -> None:
    told = Told()
    told.step("request_return", fields={**REQUEST, **fields})

    assert contradicted(told.timeline()) == expected


def test_a_delivery_is_not_compared_with_an_order_that_nobody_dated() -> None:
    told = Told()
    told.step("request_return", fields={name: value for name, value in REQUEST.items() if name != "ordered_at"})
    told.step("add_evidence", fields={"captured_at": "2020-01-01T00:00:00Z"})

    assert told.timeline().contradictions == ()


@pytest.mark.parametrize(
    ("captured", "expected"),
    [("2026-02-20T09:00:00Z", []), ("2026-02-20T08:59:59Z", [(Flag.PHOTO_BEFORE_ORDER, 1, 0)])],
)
def test_a_photo_older_than_the_order_is_flagged(captured: str, expected: list[Any]) -> None:
    told = begun()
    told.step("add_evidence", fields={"captured_at": captured})

    assert contradicted(told.timeline()) == expected


def test_a_photo_of_the_request_itself_contradicts_its_own_field() -> None:
    told = Told()
    told.step("request_return", fields={**REQUEST, "captured_at": "2026-01-01T00:00:00Z"})
    (one,) = told.timeline().contradictions

    assert (one.flag, one.against, one.said, one.other) == (
        Flag.PHOTO_BEFORE_ORDER, None, "2026-01-01T00:00:00.000Z", "2026-02-20T09:00:00.000Z",
    )  # fmt: skip


def test_a_step_said_to_be_before_the_one_that_it_follows_is_flagged_and_scans_in_any_order_are_not() -> None:
    told = shipped()
    told.step("scan", fields={"code": "arrived", "scanned_at": hours(9)}, at=10)
    told.step("scan", fields={"code": "departed", "scanned_at": hours(8)}, at=11)
    told.step("hold_at_customs", fields={"country": "CN", "hold_reason": "duty_unpaid"}, at=20, occurred=15)
    told.step("release_from_customs", fields={"released_at": hours(14)}, at=21)

    assert contradicted(told.timeline()) == [(Flag.STEP_BEFORE_EARLIER_STEP, 6, 5)]


def test_a_refund_settles_after_its_own_sending_and_not_after_another_s() -> None:
    told = inspected()
    told.step("approve_refund", fields=REFUND)
    half = {"minor": 1000, "currency": "EUR"}
    told.step("issue_refund", fields={"refund_id": "r1", "amount": half, "method": "other"}, at=10, occurred=9)
    told.step("issue_refund", fields={"refund_id": "r2", "amount": half, "method": "other"}, at=20, occurred=19)
    told.step("settle_refund", fields={"refund_id": "r1", "settled_at": hours(12)}, at=21)
    assert told.timeline().contradictions == ()

    told.step("settle_refund", fields={"refund_id": "r2", "settled_at": hours(12)}, at=22)
    assert contradicted(told.timeline()) == [(Flag.STEP_BEFORE_EARLIER_STEP, 11, 9)]


def test_a_step_whose_numbers_do_not_fit_is_flagged_and_the_rest_counts_on() -> None:
    told = shipped()
    told.step("receive", fields={"lines": [{"line_id": "l1", "received_qty": 1}]})
    told.step("receive", fields={"lines": [{"line_id": "l1", "received_qty": 9}]}, to_state="received", judged=False)
    timeline = told.timeline()

    assert contradicted(timeline) == [(Flag.DOES_NOT_BALANCE, 4, None)]
    assert "10 received, 2 sent" in timeline.contradictions[0].details
    assert timeline.balance.lines["l1"].received == 1
    assert told.docket == remade(told)


def test_a_step_that_does_not_fit_leaves_no_half_of_itself_behind_where_a_value_is_erased() -> None:
    told = Told()
    told.step("request_return", fields=REQUEST)
    told.step("approve_return", fields=APPROVAL, erased=["approved_lines"])
    two = [{"line_id": "l1", "amount": EURO_20}, {"line_id": "l1", "amount": EURO_20}]
    told.step("approve_refund", Role.PLATFORM, {"lines": two}, judged=False)
    timeline = told.timeline()

    assert flags(timeline, 2) == {Flag.DOES_NOT_BALANCE}
    assert timeline.balance.lines["l1"].refund_minor == 0
    assert not timeline.balance.complete
    assert told.docket == remade(told)


# --- corrections -----------------------------------------------------------------------------------------------------


def test_a_voided_step_stays_a_row_with_the_correction_and_counts_no_more() -> None:
    told = shipped()
    wrong = told.step("scan", fields={"code": "departed", "scanned_at": hours(1)})
    told.step("correct", Role.PLATFORM, {"wrong_entry": wrong, "reason": "did_not_occur"})
    timeline = told.timeline()
    row = timeline.rows[3]

    assert flags(timeline, 3) == {Flag.VOIDED}
    assert (row.voided_by, row.corrected_by) == (timeline.rows[4].index, None)
    assert row.index not in {index for one in timeline.findings.claimed for index in one.indexes}


def test_a_corrected_step_keeps_its_values_and_shows_the_new_ones_with_both_versions_of_a_clock() -> None:
    told = Told()
    wrong = told.step("request_return", fields=REQUEST)
    told.step(
        "correct",
        Role.PLATFORM,
        {
            "wrong_entry": wrong,
            "reason": "incorrect_data",
            "corrected": {"outbound_delivered_at": "2026-02-10T10:00:00+01:00", "ordered_at": "2026-02-01T09:00:00Z"},
        },
    )
    timeline = told.timeline()
    row = timeline.rows[0]
    now = next(one for one in timeline.clocks if one.clock_id == "withdrawal_window")
    before = next(one for one in timeline.clocks_before_corrections if one.clock_id == "withdrawal_window")

    assert flags(timeline, 0) == {Flag.CORRECTED}
    assert row.values["outbound_delivered_at"] == REQUEST["outbound_delivered_at"]
    assert row.corrected is not None
    assert row.corrected["outbound_delivered_at"] == "2026-02-10T10:00:00+01:00"
    assert row.corrected_by == timeline.rows[1].index
    assert (now.due_date, before.due_date) == ("2026-02-24", "2026-03-13")
    assert (now.state, before.state) == (ClockState.MISSED, ClockState.MET)
    assert {one.clock_id for one in timeline.clocks_before_corrections} == {"withdrawal_window"}


def test_a_correction_whose_data_are_erased_corrects_nothing_any_more() -> None:
    told = Told()
    wrong = told.step("request_return", fields=REQUEST)
    data = {"wrong_entry": wrong, "reason": "incorrect_data", "corrected": {"buyer_zone": "Europe/Paris"}}
    told.step("correct", Role.PLATFORM, data, erased=["corrected"])
    timeline = told.timeline()

    assert flags(timeline, 0) == set()
    assert found(timeline, FindingCode.VALUES_ERASED)[0].details == {"names": ["corrected"]}


def test_without_a_correction_no_clock_has_another_version() -> None:
    assert begun().timeline().clocks_before_corrections == ()


def test_a_contradiction_ends_when_the_wrong_claim_is_corrected() -> None:
    told = approved()
    told.step("ship_back", fields={**PARCELS, "posted_at": hours(2)}, at=5)
    wrong = told.step("confirm_delivery", fields={"delivered_at": hours(1)}, at=6)
    assert len(told.timeline().contradictions) == 1

    right = {"wrong_entry": wrong, "reason": "incorrect_data", "corrected": {"delivered_at": hours(4)}}
    told.step("correct", Role.PLATFORM, right)
    assert told.timeline().contradictions == ()


# --- late evidence ---------------------------------------------------------------------------------------------------


def question(at: float) -> Told:
    """Return a case with a question that was asked at this hour; its answer is due within seven days."""
    told = begun()
    told.step("request_info", fields={"asked_for": ["product_photo"]}, at=at)
    return told


@pytest.mark.parametrize(("at", "late"), [(24 * 5.0, False), (24 * 9.0, True)])
def test_an_answer_after_its_deadline_is_late(at: float, late: bool) -> None:
    told = question(1)
    told.step("provide_info", at=at)

    assert (Flag.LATE_EVIDENCE in flags(told.timeline(), 2)) is late


@pytest.mark.parametrize(("at", "late"), [(24 * 5.0, False), (24 * 9.0, True)])
def test_evidence_while_a_question_is_open_after_its_deadline_is_late(at: float, late: bool) -> None:
    told = question(1)
    told.step("add_evidence", at=at)

    assert (Flag.LATE_EVIDENCE in flags(told.timeline(), 2)) is late


def test_evidence_after_an_answered_question_is_not_late_whenever_it_comes() -> None:
    told = question(1)
    told.step("provide_info", at=2)
    told.step("request_info", fields={"asked_for": ["product_photo"]}, at=3)
    told.step("provide_info", at=4)
    told.step("add_evidence", at=24 * 60)

    assert Flag.LATE_EVIDENCE not in {flag for row in told.timeline().rows for flag in row.flags}


def test_evidence_after_the_decision_is_late_until_the_decision_is_reviewed() -> None:
    told = begun()
    told.step("decline_return", fields={"reason_code": "final_sale"})
    told.step("add_evidence")
    told.step("appeal")
    told.step("add_evidence")
    timeline = told.timeline()

    assert [Flag.LATE_EVIDENCE in row.flags for row in timeline.rows] == [False, False, True, False, False]


@pytest.mark.parametrize(("at", "late"), [(24 * 3.0, False), (24 * 6.0, True)])
def test_evidence_in_a_dispute_after_its_due_date_is_accepted_and_late(at: float, late: bool) -> None:
    told = begun()
    opening = {"dispute_id": DISPUTE_ID, "type": "adr", "claim": "the lamp", "evidence_due_by": hours(24 * 5.0)}
    told.step("open_dispute", fields=opening)
    told.step("submit_evidence", Role.SELLER, {"dispute_id": DISPUTE_ID}, at=at)

    assert (Flag.LATE_EVIDENCE in flags(told.timeline(), 2)) is late


# --- disputes --------------------------------------------------------------------------------------------------------


def test_each_dispute_is_told_with_its_type_state_outcome_and_steps() -> None:
    told = begun()
    other = "d2" * 16
    told.step("open_dispute", fields={"dispute_id": DISPUTE_ID, "type": "chargeback", "claim": "paid twice"})
    told.step("open_dispute", fields={"dispute_id": other, "type": "adr", "claim": "the lamp"})
    told.step("rule", Role.PSP, {"dispute_id": DISPUTE_ID, "outcome": "won"})
    timeline = told.timeline()
    first, second, third = (timeline.rows[place].index for place in (1, 2, 3))

    assert [(one.type, one.state, one.outcome, one.indexes) for one in timeline.disputes] == [
        ("chargeback", "ruled", "won", (first, third)),
        ("adr", "opened", None, (second,)),
    ]


def test_a_dispute_whose_opening_was_taken_back_has_no_type() -> None:
    told = begun()
    opened = told.step("open_dispute", fields={"dispute_id": DISPUTE_ID, "type": "adr", "claim": "the lamp"})
    told.step("negotiate", fields={"dispute_id": DISPUTE_ID})
    told.step("correct", Role.PLATFORM, {"wrong_entry": opened, "reason": "did_not_occur"})

    assert [(one.type, one.state) for one in told.timeline().disputes] == [(None, "negotiation")]


# --- the three lists -------------------------------------------------------------------------------------------------


def test_proven_is_only_what_a_final_block_the_chain_a_wallet_or_a_message_check_shows() -> None:
    told = approved()
    told.step("ship_back", fields=PARCELS, authenticity=Authenticity.SIGNED)
    told.step("scan", fields={"code": "departed"}, authenticity=Authenticity.WEBHOOK_VERIFIED)
    told.anchor(2, at=1_772_500_000)
    timeline = told.timeline()
    indexes = [row.index for row in timeline.rows]
    at = "2026-03-03T01:06:40.000Z"

    assert [(one.code, one.indexes, one.details) for one in timeline.findings.proven] == [
        (FindingCode.RECORDED_BY, tuple(indexes[:2]), {"since": None, "at": at}),
        (FindingCode.CHAIN_WHOLE, tuple(indexes), {"count": 4}),
        (FindingCode.FILES_FIXED, tuple(indexes[:2]), {"count": 2, "at": at}),
        (FindingCode.FILES_FIXED, tuple(indexes[2:]), {"count": 2, "at": None}),
        (FindingCode.SIGNED_BY_WALLET, (indexes[2],), {"role": "buyer"}),
        (FindingCode.MESSAGE_VERIFIED, (indexes[3],), {"role": "carrier"}),
    ]
    assert found(timeline, FindingCode.NOT_FINAL)[0].indexes == tuple(indexes[2:])


def test_entries_are_proven_between_the_two_blocks_that_each_lies_between() -> None:
    told = approved()
    told.step("ship_back", fields=PARCELS)
    told.anchor(3, at=1_772_500_000, since=Since(8, 31337, 4, 99, 1_772_400_000))
    told.anchor(1, at=1_772_500_000)
    timeline = told.timeline()
    first, second, third = (row.index for row in timeline.rows)
    at, since = "2026-03-03T01:06:40.000Z", "2026-03-01T21:20:00.000Z"

    assert [(one.indexes, one.details) for one in found(timeline, FindingCode.RECORDED_BY)] == [
        ((first,), {"since": None, "at": at}),
        ((second, third), {"since": since, "at": at}),
    ]
    members: Any = timeline_members(timeline)
    assert [one["since_at"] for one in members["rows"]] == [None, since, since]


def test_a_block_that_is_not_final_proves_nothing_yet() -> None:
    told = begun()
    told.anchor(1, life="included")
    timeline = told.timeline()

    assert found(timeline, FindingCode.RECORDED_BY) == []
    assert found(timeline, FindingCode.FILES_FIXED)[0].details["at"] is None
    assert found(timeline, FindingCode.NOT_FINAL)[0].details == {"life": "included"}


def test_what_a_party_says_is_claimed_by_that_party() -> None:
    told = begun()
    told.step("approve_return", fields=APPROVAL, at=5, occurred=4)
    first, second = told.timeline().findings.claimed

    assert first.details == {
        "role": "buyer", "verb": "request_return", "at": None, "authenticity": "platform_attested",
    }  # fmt: skip
    assert (second.details["role"], second.details["at"]) == ("platform", hours(4))


def test_evidence_recorded_as_missing_is_missing_until_somebody_gives_it() -> None:
    told = begun()
    wanted = ["order_snapshot", "policy_snapshot", "delivery_proof_outbound"]
    assert [one.details["kind"] for one in found(told.timeline(), FindingCode.EVIDENCE_NOT_HELD)] == wanted

    told.step("add_evidence", evidence=["policy_snapshot"])
    left = [one.details["kind"] for one in found(told.timeline(), FindingCode.EVIDENCE_NOT_HELD)]
    assert left == ["order_snapshot", "delivery_proof_outbound"]


def test_a_clock_with_an_unknown_start_is_missing_with_what_would_start_it() -> None:
    told = Told()
    fields = {name: value for name, value in REQUEST.items() if name != "outbound_delivered_at"}
    told.step("request_return", fields=fields)
    unknown = {one.details["clock_id"]: one for one in found(told.timeline(), FindingCode.CLOCK_UNKNOWN)}

    assert unknown["withdrawal_window"].details["missing"] == ["outbound_delivered_at"]
    assert unknown["withdrawal_window"].details["reason"] == "start_not_recorded"
    known = [one.details["clock_id"] for one in found(begun().timeline(), FindingCode.CLOCK_UNKNOWN)]
    assert "withdrawal_window" not in known


def test_gaps_of_custody_and_erased_values_are_missing() -> None:
    told = shipped()
    told.step("receive", fields=RECEIVED, erased=["lines"])
    timeline = told.timeline()
    (gap,), (erased,) = found(timeline, FindingCode.CUSTODY_GAP), found(timeline, FindingCode.VALUES_ERASED)

    assert (gap.details["reason"], gap.indexes) == (
        GapReason.HANDOVER_NOT_RECORDED, (timeline.rows[2].index, timeline.rows[3].index),
    )  # fmt: skip
    assert (erased.indexes, erased.details) == ((timeline.rows[3].index,), {"names": ["lines"]})
    assert not timeline.balance.complete


def test_goods_that_nobody_found_are_a_gap_that_is_open_at_its_end() -> None:
    told = shipped()
    told.step("report_lost")
    (gap,) = found(told.timeline(), FindingCode.CUSTODY_GAP)

    assert (gap.details["until"], len(gap.indexes)) == (None, 1)


@pytest.mark.parametrize(
    ("change", "seq"),
    [({"seq": 3}, 3), ({"prev": bytes(32)}, 1)],
    ids=["a number is left out", "another entry is named"],
)
def test_a_chain_that_does_not_hold_is_missing_and_not_proven(change: dict[str, Any], seq: int) -> None:
    told = approved()
    last = told.placed[-1]
    broken = replace(last, known=replace(last.known, entry=replace(last.known.entry, **change)))
    timeline = make_timeline([told.placed[0], broken], now=hours(5))
    (one,) = found(timeline, FindingCode.CHAIN_BROKEN)

    assert (one.indexes, one.details) == ((last.index,), {"seq": seq, "expected": 1})
    assert found(timeline, FindingCode.CHAIN_WHOLE) == []


# --- the whole -------------------------------------------------------------------------------------------------------


def test_the_timeline_as_json_tells_everything_by_index_and_names_the_parties() -> None:
    told = refunded()
    told.step("open_dispute", fields={"dispute_id": DISPUTE_ID, "type": "adr", "claim": "the lamp"})
    wrong = told.step("add_evidence", fields={"captured_at": "2020-01-01T00:00:00Z"})
    told.step(
        "correct", Role.PLATFORM, {"wrong_entry": wrong, "reason": "incorrect_data", "corrected": {"language": "de"}}
    )
    told.step("settle_refund", fields={"refund_id": "r1"}, rule=None)
    told.aside(Kind.ATTEMPT, "close", {"refused": "wrong_state"})
    told.anchor(3)
    timeline = told.timeline()
    members: Any = json.loads(json.dumps(timeline_members(timeline)))

    assert (members["state"], members["state_words"]["zh"]) == ("resolved", "已全部解决")
    assert [row["index"] for row in members["rows"]] == [row.index for row in timeline.rows]
    assert {party["role"] for party in members["parties"]} == {
        "buyer", "platform", "seller", "carrier", "inspector", "psp",
    }  # fmt: skip
    assert members["buyer_country"] == "DE"
    assert members["balance"]["refunds"][0]["state"] == "settled"
    assert members["rows"][-3]["corrected"] is None
    assert members["rows"][-4]["corrected"] == {"language": "de"}
    assert members["contradictions"][0]["flag"] == "photo_before_order"
    assert members["attempts"][0]["refused"] == "wrong_state"
    assert members["disputes"][0]["type"] == "adr"
    assert [one["holder"] for one in members["custody"]["holdings"]] == [
        "buyer", "carrier", "return_address", "inspector",
    ]  # fmt: skip
    stopped = next(one for one in members["clocks"] if one["clock_id"] == "review")
    assert (stopped["started_by_index"], stopped["stopped_by_index"]) == (10, 12)
    running = next(one for one in members["clocks"] if one["clock_id"] == "evidence_due")
    assert running["stopped_by_index"] is None
    codes = [one["code"] for name in ("proven", "claimed", "missing") for one in members[name]]
    assert {"recorded_by", "says", "evidence_not_held"} <= set(codes)


def test_a_rule_that_a_step_cites_is_told() -> None:
    told = begun()
    told.step("decline_return", fields={"reason_code": "final_sale"})
    members: Any = timeline_members(told.timeline())

    assert [row["rule"] for row in members["rows"]] == [None, {"id": "EU", "version": "1"}]


def test_silence_counts_up_to_now_while_a_case_runs_and_to_its_end_when_it_is_closed() -> None:
    told = inspected()
    told.step("return_to_buyer", fields={"lines": [{"line_id": "l1", "qty": 2}]})
    told.step("resolve", judged=False)
    open_case = told.timeline(now=24 * 30)
    told.step("close", judged=False)
    closed = told.timeline(now=24 * 30)

    assert [gap.reason for gap in open_case.custody.gaps] == [GapReason.CARRIER_SILENT]
    assert closed.custody.gaps == ()


def test_the_same_entries_give_the_same_timeline_whoever_follows_them() -> None:
    told = long_case(300)

    assert told.timeline() == told.timeline()
    assert told.docket == remade(told)


@untraced
def test_a_case_of_a_thousand_entries_is_told_in_less_than_a_tenth_of_a_second() -> None:
    """Of processor time, the best of several: `scripts/bench timeline` measures medians on a quiet machine."""
    told = long_case(1_000)
    now = hours(told.now)
    assert len(told.placed) == 1_000

    def once() -> float:
        started = time.process_time()
        make_timeline(told.placed, now=now)
        return (time.process_time() - started) * 1_000

    assert min(once() for _ in range(10)) < ENTRIES_MS_MAX
