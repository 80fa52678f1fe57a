"""A timeline reads as its case went, in both languages: rows, deadlines, money, custody, disputes, and three lists."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ledger_service.cli.hints import format_actions, hints
from ledger_service.cli.language import Language
from ledger_service.core.actions import actions, duties
from ledger_service.core.entry import Authenticity, Kind, Role, RuleReference
from ledger_service.core.pages.timeline_text import VALUE_SHOWN_MAX, format_timeline
from ledger_service.core.timeline_row import Since
from ledger_service.operations.show import Available
from tests.core.cases import (
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
    refunded,
    shipped,
)

CHINESE = re.compile(r"[\u4e00-\u9fff]")
HOLD: dict[str, Any] = {"country": "CN", "hold_reason": "duty_unpaid"}
OFFER: dict[str, Any] = {"remedy": "partial_refund", "amount": EURO_20, "valid_days": 3, "remedy_id": "ab" * 16}


def shown(told: Told, language: Language = Language.EN, now: float | None = None) -> str:
    """Return the timeline as text."""
    return format_timeline(told.timeline(now), language)


def row(text: str, verb: str) -> list[str]:
    """Return the lines below the last row of a step."""
    lines = text.split("\n")
    start = max(place for place, line in enumerate(lines) if re.match(rf" *\d+  {verb}  \(", line))
    return [line.strip() for line in lines[start + 1 : lines.index("", start)]]


def sheet(text: str, heading: str) -> list[str]:
    """Return the lines below a heading."""
    lines = text.split("\n")
    start = lines.index(heading)
    return [line[2:] for line in lines[start + 1 : lines.index("", start)]]


def clock(text: str, clock_id: str, heading: str = "Deadlines", rule: str = "") -> list[str]:
    """Return the lines about a deadline, the first of its kind under the rule."""
    lines = sheet(text, heading)
    for place, line in enumerate(lines):
        if (line.startswith(f"{clock_id} ") and f" {rule}@" in lines[place + 1]) or (
            line.startswith(f"{clock_id} ") and not rule
        ):
            rest = lines[place + 1 :]
            return [line, *(one.strip() for one in rest[: _leading(rest)])]
    raise AssertionError(f"no {clock_id}")


def _leading(lines: list[str]) -> int:
    return next((place for place, line in enumerate(lines) if not line.startswith("    ")), len(lines))


def test_the_head_names_case_state_ledger_countries_and_parties() -> None:
    english, chinese = shown(approved()), shown(approved(), Language.ZH)

    assert english.split("\n")[:5] == [
        "return " + "5a" * 16,
        "Return authorised, goods awaited (approved), as of 2 Mar 2026 10:00 UTC",
        "ledger ledger.example/returns, opened 2 Mar 2026 09:00 UTC; buyer in DE, seller in CN;"
        " basis: withdrawal under the law; language de",
        "parties: buyer 00000000…, platform 00000000…",
        "2 entries; times are UTC; values are what the asserting party claims",
    ]
    assert chinese.split("\n")[1] == "已同意退货，等待寄回（approved），截至 2026年3月2日 10:00 UTC"
    assert "法定无理由退货" in chinese


def test_a_row_tells_who_says_what_three_times_gaps_and_files() -> None:
    told = begun()
    told.step("decline_return", Role.SELLER, {"reason_code": "final_sale"}, at=7, occurred=5)
    told.anchor(2, at=1_772_481_600)
    english, chinese = shown(told), shown(told, Language.ZH)

    assert "    12  decline_return  (requested -> declined)" in english.split("\n")
    assert row(english, "decline_return") == [
        "Refuse the return",
        "by seller, platform attested; recorded by platform",
        "occurred 2 Mar 2026 14:00 UTC   recorded 2 Mar 2026 16:00 UTC (2 h later)",
        "finalized by 2 Mar 2026 20:00 UTC (4 h later)",
        "rule: EU@1",
        "! recorded on behalf of another party; not signed: rests on the word of whoever recorded it",
        "reason_code: final_sale",
        "file: policy_snapshot, image/jpeg, 1000 bytes",
    ]
    assert "occurred not known   recorded 2 Mar 2026 09:00 UTC" in row(english, "request_return")
    assert "not held: order_snapshot" in row(english, "request_return")
    assert row(chinese, "decline_return")[:4] == [
        "拒绝退货",
        "陈述方：卖家，平台陈述；记录方：平台",
        "发生 2026年3月2日 14:00 UTC   记录 2026年3月2日 16:00 UTC（2 小时后）",
        "已最终确认，不晚于 2026年3月2日 20:00 UTC（4 小时后）",
    ]


def test_a_time_said_to_be_after_the_recording_is_told_as_earlier_and_a_minute_is_no_gap() -> None:
    told = begun()
    told.step("approve_return", fields={**APPROVED}, at=2, occurred=5)
    told.step("issue_label", fields={"carrier": "DHL", "paid_by": "seller"}, at=3, occurred=2.99)

    assert "(3 h earlier)" in row(shown(told), "approve_return")[2]
    assert row(shown(told), "issue_label")[2].endswith("recorded 2 Mar 2026 12:00 UTC")


APPROVED: dict[str, Any] = {"approved_lines": [{"line_id": "l1", "qty": 2}], "return_cost_payer": "buyer"}


def test_what_comes_from_outside_cannot_dress_up_and_a_long_value_is_cut() -> None:
    told = begun()
    told.step("add_evidence", fields={"comment": "\u202e\n" + "long " * 50})
    told.aside(Kind.ATTEMPT, "close", {"refused": "wrong_state"}, why="\x1b[32mvalid\x1b[0m")
    text = shown(told)

    assert "\x1b" not in text
    assert "\u202e" not in text
    (comment,) = [line for line in row(text, "add_evidence") if line.startswith("comment")]
    assert comment.startswith("comment: \\u202e\\nlong")
    assert len(comment) == len("comment: ") + VALUE_SHOWN_MAX
    assert "platform 00000000…" in text.split("\n")[3]


def test_an_entry_beside_the_chain_says_what_it_is_and_an_attempt_stands_in_a_sheet_of_its_own() -> None:
    told = begun()
    told.aside(Kind.ATTEMPT, "close", {"refused": "wrong_state"}, why="the case is requested")
    told.aside(Kind.ATTEMPT, "approve_return", {"refused": "wrong_role"}, role=Role.BUYER)
    told.aside(Kind.FINDING, "clock_breached", {"clock_id": "review"}, role=Role.SYSTEM)
    english, chinese = shown(told), shown(told, Language.ZH)

    assert "    16  clock_breached  (finding)" in english
    assert row(english, "clock_breached")[0] == "A deadline was missed"
    assert sheet(english, "Refused attempts") == [
        "entry 12, 2 Mar 2026 09:00 UTC: seller tried close: not possible in this state: the case is requested",
        "entry 14, 2 Mar 2026 09:00 UTC: buyer tried approve_return: not for this role",
    ]
    assert (
        sheet(chinese, "被拒绝的尝试")[1] == "条目 14，2026年3月2日 09:00 UTC：买家尝试 approve_return：该角色无权进行"
    )
    assert "Refused attempts" not in shown(begun())


def test_a_deadline_says_rule_start_bound_and_how_it_was_met() -> None:
    told = begun()
    english, chinese = shown(told), shown(told, Language.ZH)

    assert clock(english, "withdrawal_window", rule="EU") == [
        "withdrawal_window  Time to withdraw: met",
        "rule EU@1 (law of the buyer's residence): Directive 2011/83/EU Art. 9(2)(b), 10, 11(2);"
        " Regulation 1182/71 Art. 3"
        " [P: partly read in a source]",
        "for buyer; started by entry 10 at 27 Feb 2026 09:00 UTC (as the step states)",
        "due March 13, 2026 in Europe/Berlin; too late from 13 Mar 2026 23:00 UTC",
        "stopped by entry 10 at 2 Mar 2026 09:00 UTC",
        "met with 11 d 14 h to spare",
    ]
    assert clock(chinese, "withdrawal_window", "期限")[0] == "withdrawal_window  行使撤回权期限: 已按期完成"


def test_a_deadline_says_what_is_left_what_paused_it_and_by_how_much_it_was_missed() -> None:
    told = begun()
    assert clock(shown(told), "review")[-1] == "1 d left"

    told.step("request_info", fields={"asked_for": ["product_photo"]}, at=2)
    paused = clock(shown(told), "review")
    assert (paused[0], paused[3]) == (
        "review  Review of the request: paused", "paused from 2 Mar 2026 11:00 UTC to now",
    )  # fmt: skip

    told.step("provide_info", at=10)
    missed = clock(shown(told, now=24 * 4), "review")
    assert missed[3] == "paused from 2 Mar 2026 11:00 UTC to 2 Mar 2026 19:00 UTC"
    assert missed[-1].startswith("missed by ")


def test_a_refund_that_may_lawfully_be_withheld_says_from_when_to_when() -> None:
    told = approved()
    english = clock(shown(told, now=24 * 40), "refund_deadline", rule="EU")
    assert "the refund may lawfully be withheld from 2 Mar 2026 09:00 UTC to now" in english
    assert english[-1] == "lawfully withheld"

    told.step("ship_back", fields=PARCELS, at=30)
    line = "the refund may lawfully be withheld from 2 Mar 2026 09:00 UTC to 3 Mar 2026 15:00 UTC"
    assert line in clock(shown(told), "refund_deadline", rule="EU")
    assert "依法可暂缓退款：2026年3月2日 09:00 UTC 至 2026年3月3日 15:00 UTC" in shown(told, Language.ZH)


def test_an_unknown_deadline_says_what_is_missing() -> None:
    told = Told()
    told.step("request_return", fields={n: v for n, v in REQUEST.items() if n != "outbound_delivered_at"})
    text = shown(told)

    assert clock(text, "withdrawal_window")[-2:] == [
        "for buyer; started by entry 10, the time is not known",
        "the start is not recorded; missing: outbound_delivered_at",
    ]
    assert (
        "deadline Time to withdraw under EU (entry 10): the start is not recorded; missing: outbound_delivered_at"
        in sheet(text, "Missing")
    )


def test_a_law_that_we_have_no_rules_of_and_a_notice_s_own_time_are_told() -> None:
    told = Told()
    told.step("request_return", fields={**REQUEST, "governing_law": ["XX"]}, judged=False)
    unknown = clock(shown(told), "withdrawal_window", rule="XX")
    assert unknown[1].startswith("rule XX@unknown (law that the case names): none [M: ")
    assert unknown[-1] == "we have no rules of this law"

    told = shipped()
    told.step("hold_at_customs", fields={**HOLD, "respond_by": hours(50)})
    assert "due March 4, 2026 in Europe/Berlin; too late from 4 Mar 2026 11:00 UTC" in clock(
        shown(told), "customs_response"
    )


def test_a_deadline_in_a_zone_that_nobody_recorded_is_told_as_an_instant() -> None:
    told = Told()
    told.step("request_return", fields={**REQUEST, "buyer_country": "US"})

    assert "due before 3 Mar 2026 09:00 UTC" in clock(shown(told), "review")


def test_a_right_that_nobody_used_is_over_and_one_that_was_used_too_late_says_so() -> None:
    told = begun()
    told.step("decline_return", fields={"reason_code": "final_sale"})
    unused = clock(shown(told, now=24 * 60), "appeal_window")
    assert unused[0] == "appeal_window  Time to appeal: over"
    assert not any("missed" in line or "late by" in line for line in unused)

    told.step("appeal", at=24 * 60)
    assert clock(shown(told), "appeal_window")[-1].startswith("too late by ")

    closed = begun()
    closed.step("decline_return", fields={"reason_code": "final_sale"})
    closed.step("close", at=24 * 60)
    assert clock(shown(closed), "appeal_window")[-1].startswith("stopped by entry 14 at ")


def test_without_a_request_no_deadline_runs() -> None:
    told = Told()
    wrong = told.step("request_return", fields=REQUEST)
    told.step("correct", Role.PLATFORM, {"wrong_entry": wrong, "reason": "did_not_occur"}, judged=False)

    assert sheet(shown(told), "Deadlines") == ["no deadline runs"]


def test_corrections_are_marked_with_their_entry_and_both_versions_of_a_deadline() -> None:
    told = Told()
    wrong = told.step("request_return", fields=REQUEST)
    data = {"outbound_delivered_at": "2026-02-10T10:00:00+01:00", "ordered_at": "2026-02-01T09:00:00Z"}
    told.step("correct", Role.PLATFORM, {"wrong_entry": wrong, "reason": "incorrect_data", "corrected": data})
    voided = told.step("add_evidence")
    told.step("correct", Role.PLATFORM, {"wrong_entry": voided, "reason": "did_not_occur"})
    text = shown(told)

    assert "! counts with corrected data: entry 12" in row(text, "request_return")
    assert "corrected: ordered_at: 2026-02-01T09:00:00Z" in row(text, "request_return")
    assert "! taken back by a correction: entry 16" in row(text, "add_evidence")
    assert clock(text, "withdrawal_window")[-1].startswith("too late by ")
    assert clock(text, "withdrawal_window", "Deadlines as they were before corrections")[-1].startswith("met with ")
    assert "更正前的期限" in shown(told, Language.ZH)
    assert "before corrections" not in shown(begun())


def test_quantities_and_money_stand_in_a_table_that_is_aligned_in_both_languages() -> None:
    told = refunded()
    english = sheet(shown(told), "Quantities and money")
    chinese = sheet(shown(told, Language.ZH), "数量与金额")

    assert english[0].split() == [
        "line", "requested", "approved", "shipped", "received", "accepted", "rejected", "missing", "kept",
        "exchanged", "sent", "back", "refund", "paid",
    ]  # fmt: skip
    assert english[1].split()[:8] == ["l1", "2", "2", "2", "2", "2", "0", "0"]
    assert english[1].endswith("€20.00  €20.00")
    assert len(english[0]) == len(english[1])
    assert english[2:4] == [
        "approved for refund €20.00, refunded €20.00", "refund r1: €20.00, otherwise, sent, not settled",
    ]  # fmt: skip
    wide = [sum(2 if CHINESE.match(character) else 1 for character in line) for line in chinese[:2]]
    assert wide[0] == wide[1]
    assert chinese[3] == "退款 r1：€20.00，其他方式，已发起，未到账"


def test_offers_remedies_charges_and_what_cannot_be_counted_are_told() -> None:
    told = shipped()
    charge = {"kind": "freight", "amount": {"minor": 900, "currency": "CNY"}, "payer": "seller"}
    told.step("confirm_delivery")
    told.step("receive", fields=RECEIVED)
    told.step("ship_exchange", fields={"new_lines": [{"line_id": "l1", "qty": 1}], "remedy_id": "cd" * 16})
    told.step("return_to_buyer", fields={"lines": [{"line_id": "l1", "qty": 1}], "charges": [charge]})
    assert sheet(shown(told), "Quantities and money")[3:] == [
        "remedy cdcdcdcd: exchange, open", "freight CN¥9.00, paid by seller",
    ]  # fmt: skip
    told.step("deliver_exchange")
    assert "remedy cdcdcdcd: exchange, done" in shown(told)

    told = inspected()
    told.step("offer_settlement", fields=OFFER)
    assert "open offer abababab: partial refund, €20.00" in sheet(shown(told), "Quantities and money")
    told.step("accept_offer", erased=[])
    assert "remedy abababab: partial refund, decided" in shown(told)

    told = Told()
    told.step("request_return", fields={n: v for n, v in REQUEST.items() if n != "lines"} | LINES, erased=["lines"])
    text = shown(told)
    assert sheet(text, "Quantities and money") == [
        "some values are erased: not everything can be counted",
        "line  requested  approved  shipped  received  accepted  rejected  missing  kept  exchanged  sent back"
        "  refund  paid",
    ]
    assert "erased: lines" in row(text, "request_return")
    assert "entry 10: erased: lines" in sheet(text, "Missing")


LINES: dict[str, Any] = {"lines": REQUEST["lines"]}


def test_the_custody_chain_names_holders_and_gaps() -> None:
    told = shipped()
    told.step("receive", fields=RECEIVED)
    lost = shipped()
    lost.step("report_lost")

    assert sheet(shown(told), "Who held the goods") == [
        "buyer: 27 Feb 2026 09:00 UTC to 2 Mar 2026 11:00 UTC (entry 10)",
        "carrier: 2 Mar 2026 11:00 UTC to 2 Mar 2026 12:00 UTC (entry 14)",
        "inspector: 2 Mar 2026 12:00 UTC to now (entry 16)",
        "! a handover is not recorded: 2 Mar 2026 11:00 UTC to 2 Mar 2026 12:00 UTC (entries 14, 16)",
    ]
    assert sheet(shown(lost), "Who held the goods")[-1] == (
        "! nobody knows where the goods were: 2 Mar 2026 12:00 UTC to now (entry 16)"
    )
    assert "goods, 2 Mar 2026 12:00 UTC to now: nobody knows where the goods were (entry 16)" in sheet(
        shown(lost), "Missing"
    )
    assert (
        sheet(shown(lost, Language.ZH), "商品保管链")[-1] == "！商品下落不明：2026年3月2日 12:00 UTC 至 至今（条目 16）"
    )


def test_disputes_are_told_with_type_state_outcome_and_entries() -> None:
    told = begun()
    told.step("open_dispute", fields={"dispute_id": DISPUTE_ID, "type": "chargeback", "claim": "paid twice"})
    told.step("open_dispute", fields={"dispute_id": "e2" * 16, "type": "adr", "claim": "the lamp"})
    told.step("rule", Role.PSP, {"dispute_id": DISPUTE_ID, "outcome": "lost"})

    assert sheet(shown(told), "Disputes") == [
        "d1d1d1d1: chargeback, Ruled, chargeback lost (entries 12, 16)",
        "e2e2e2e2: alternative dispute resolution, Dispute opened (entry 14)",
    ]
    assert sheet(shown(told, Language.ZH), "争议")[0] == "d1d1d1d1：拒付，已裁决，拒付败诉（条目 12, 16）"


def test_contradictions_are_told_with_both_times_and_stand_beside_their_row() -> None:
    told = begun()
    told.step("add_evidence", fields={"captured_at": "2020-01-01T00:00:00Z"})
    told.step("approve_return", fields=APPROVED, at=3, occurred=4)
    much = {"lines": [{"line_id": "l1", "amount": {"minor": 9999, "currency": "EUR"}}]}
    told.step("approve_refund", Role.PLATFORM, much, rule=RuleReference("EU", "1"), judged=False)
    text = shown(told)

    assert sheet(text, "Contradictions (flagged, not corrected)") == [
        "entry 12: the photo is older than the order: 1 Jan 2020 00:00 UTC against 20 Feb 2026 09:00 UTC of entry 10",
        "entry 14: said to have happened after it was recorded: 2 Mar 2026 13:00 UTC against 2 Mar 2026 12:00 UTC",
        "entry 16: does not balance: approve_refund: line l1: 9999 minor units to refund, 2000 paid",
    ]
    assert row(text, "add_evidence")[4].startswith("! the photo is older than the order; ")


def test_an_entry_between_two_blocks_is_told_with_both_times() -> None:
    told = approved()
    told.anchor(2, since=Since(8, 31337, 4, 99, 1_772_400_000))
    english, chinese = shown(told), shown(told, Language.ZH)

    between = "recorded after 1 Mar 2026 21:20 UTC and no later than 3 Mar 2026 01:06 UTC"
    zh = "记录时间晚于 2026年3月1日 21:20 UTC，不晚于 2026年3月3日 01:06 UTC"
    assert row(english, "approve_return")[3].startswith(f"finalized: {between} (")
    assert row(chinese, "approve_return")[3].startswith(f"已最终确认：{zh}（")
    assert sheet(english, "Proven")[0].startswith(f"entries 10, 12: {between}: before them the ledger wrote down ")
    assert sheet(chinese, "已证明")[0].startswith(f"条目 10, 12：{zh}：账本在此之前记下了")


def test_the_three_lists_say_what_is_proven_claimed_and_missing() -> None:
    told = approved()
    told.step("ship_back", fields=PARCELS, authenticity=Authenticity.SIGNED, occurred=1)
    told.step("scan", fields={"code": "departed"}, authenticity=Authenticity.WEBHOOK_VERIFIED)
    told.anchor(2)
    english, chinese = shown(told), shown(told, Language.ZH)

    assert sheet(english, "Proven") == [
        "entries 10, 12: recorded no later than 3 Mar 2026 01:06 UTC, the time of a final block;"
        " what they say is not proved by that",
        "the 4 entries of the case follow one another without a hole",
        "entries 10, 12: the fingerprints of 2 file(s) are fixed, no later than 3 Mar 2026 01:06 UTC;"
        " what a file that matches shows is not proved",
        "entries 14, 16: the fingerprints of 2 file(s) are fixed; what a file that matches shows is not proved",
        "entry 14: signed with the wallet that the buyer used; who holds its key is not proved by that",
        "entry 16: the ledger checked that the carrier's system had signed the message; its content is not proved",
    ]
    claimed = sheet(english, "Only claimed")
    assert claimed[0] == "entry 10: buyer says: Ask for a return or exchange, no time said (platform attested)"
    assert claimed[2] == "entry 14: buyer says: Send the goods back, 2 Mar 2026 10:00 UTC (signed with a wallet)"
    missing = sheet(english, "Missing")
    assert missing[0] == "entries 14, 16: not in a final block yet (checkpointed)"
    assert missing[1].startswith("order_snapshot (The order as placed")
    assert missing[1].endswith("recorded as missing (entry 10), never supplied")
    assert sheet(chinese, "已证明")[1] == "本案 4 个条目前后相接，没有缺号"
    assert "照片" not in "".join(sheet(chinese, "已证明"))


def test_a_list_with_nothing_in_it_says_so() -> None:
    told = Told()
    fields = {**REQUEST, "legal_basis": "goodwill", "buyer_country": "KR", "seller_country": "KR"}
    told.step("request_return", fields=fields, evidence=[
        "product_photo", "order_snapshot", "policy_snapshot", "delivery_proof_outbound",
    ])  # fmt: skip
    told.anchor(1)

    assert sheet(shown(told), "Missing") == ["none"]


@pytest.mark.parametrize("make", [begun, approved, shipped, inspected, refunded])
def test_a_chinese_timeline_has_no_english_sentence(make: Any) -> None:
    """Codes, names of fields, values, citations and zones stay as they are: what a line begins with is Chinese."""
    told = make()
    headings = [line for line in shown(told, Language.ZH).split("\n") if line and not line.startswith(" ")]

    assert all(CHINESE.search(line) for line in headings)


# --- what may be done ------------------------------------------------------------------------------------------------


def available(told: Told, role: Role) -> Available:
    """Return what a role may do with a case."""
    now = hours(told.now)
    clocks = told.timeline().clocks
    return Available(role, actions(told.case, told.docket, role, now=now), duties(clocks, role))


def test_hints_name_the_steps_of_each_role_and_the_deadlines_that_it_must_keep() -> None:
    told = begun()
    told.step("decline_return", fields={"reason_code": "final_sale"})
    both = [available(told, Role.BUYER), available(told, Role.PLATFORM), available(told, Role.SYSTEM)]
    english, chinese = list(hints(both, Language.EN)), list(hints(both, Language.ZH))

    assert "hint: buyer may record now: appeal, give_feedback, correct, add_evidence, open_dispute" in english
    assert any(line.startswith("hint: buyer: Time to appeal: due March ") for line in english)
    (platform,) = [line for line in english if line.startswith("hint: platform may")]
    assert "close" not in platform  # the time to appeal runs
    assert "hint: system may record now: resolve" in english
    assert any(line.startswith("提示：买家现在可以记录：appeal") for line in chinese)


def test_actions_tell_evidence_fields_rule_deadlines_and_why_a_step_is_refused() -> None:
    told = begun()
    told.step("open_dispute", fields={"dispute_id": DISPUTE_ID, "type": "adr", "claim": "the lamp"})
    lines = format_actions(available(told, Role.PLATFORM), Role.PLATFORM, Language.EN).split("\n")
    place = lines.index("decline_return  Refuse the return -> declined")

    assert lines[place + 1 : place + 6] == [
        "    evidence: policy_snapshot (The return policy shown, its version, and the buyer's consent)",
        "    fields: reason_code",
        "    optional: explanation, language, appeal_days",
        "    the rule that it rests on (--rule ID@VERSION)",
        "    stops the deadline: Review of the request: due March 3, 2026 in Europe/Berlin;"
        " too late from 3 Mar 2026 09:00 UTC",
    ]
    assert f"    in dispute {DISPUTE_ID}" in lines
    assert "    evidence: of any kind" in lines
    assert "appoint_neutral  Appoint a neutral -> mediation or arbitration" in lines
    assert lines[lines.index("Due from the platform") + 1].startswith("    Review of the request: due March 3, 2026")


def test_actions_tell_what_is_left_to_refund_and_why_nothing_is() -> None:
    told = inspected()
    told.step("approve_refund", fields=REFUND)
    assert "    at most €20.00 may be refunded" in format_actions(available(told, Role.PSP), Role.PSP, Language.EN)

    text = format_actions(available(refunded(), Role.PSP), Role.PSP, Language.ZH)
    assert "    现在会被拒绝：没有已批准而未退的款项" in text.split("\n")
    assert "最多可退" not in text
    resolve = format_actions(available(refunded(), Role.PLATFORM), Role.PLATFORM, Language.EN)
    assert "    refused now: something is not settled: the refund r1 is not settled" in resolve.split("\n")


def test_a_deadline_that_is_paused_or_withheld_says_so_where_it_has_no_bound() -> None:
    told = begun()
    told.step("request_info", fields={"asked_for": ["product_photo"]})
    text = format_actions(available(told, Role.PLATFORM), Role.PLATFORM, Language.EN)
    assert "    Review of the request: paused" in text.split("\n")


def test_a_role_that_can_do_nothing_is_told_so() -> None:
    assert format_actions(None, Role.REGULATOR, Language.EN) == "the regulator can do nothing now"
    assert format_actions(None, Role.REGULATOR, Language.ZH) == "监管机构现在没有可进行的步骤"
