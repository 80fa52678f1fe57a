"""The values of a case are told in words of the reader's language, and what came from outside as it was given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger_service.core.entry import Kind
from ledger_service.core.fields import Form
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.timeline import Timeline
from ledger_service.web import paging
from ledger_service.web.talk import talk
from ledger_service.web.told_case import Readable, told_case
from ledger_service.web.told_values import VALUE_CHARACTERS_MAX, Part, Teller
from tests.core.cases import approved

TIMELINE = approved().timeline()
LEAF = TIMELINE.rows[0].placed.known.leaf.hex()


def form_of(verb: str, field: str) -> Form:
    """Return the form of a field of a step."""
    row = LIFECYCLE.transition(verb)
    assert row is not None
    return row.fields[field].form


def text_of(lines: Any) -> str:
    """Return lines of parts as plain text; what came from outside stands in angle brackets."""
    return "\n".join(
        " · ".join(f"{part.name} {f'<{part.text}>' if part.given else part.text}".strip() for part in line)
        for line in lines
    )


def told(verb: str, field: str, value: Any, tag: str = "en") -> str:
    """Return a value in words."""
    return text_of(Teller(TIMELINE, talk(tag)).lines(form_of(verb, field), value))


def row_with(verb: str, kind: Kind = Kind.TRANSITION, **values: Any) -> Timeline:
    """Return a case with a further entry that holds values."""
    row = TIMELINE.rows[-1]
    entry = replace(row.entry, verb=verb, kind=kind)
    known = replace(row.placed.known, entry=entry, values=values, leaf=b"\x07" * 32)
    return replace(TIMELINE, rows=(*TIMELINE.rows, replace(row, placed=replace(row.placed, known=known, index=99))))


def values_of(timeline: Timeline, tag: str = "en") -> dict[str, str]:
    """Return the names of the values of the last entry, with their words."""
    found = Teller(timeline, talk(tag)).values(timeline.rows[-1])
    return {value.name: text_of(value.lines) for value in found}


@pytest.mark.parametrize(
    ("verb", "field", "value", "en", "zh"),
    [
        ("open_dispute", "amount", {"minor": 123_456, "currency": "EUR"}, "€1,234.56", "€1,234.56"),
        ("approve_refund", "keep_item", True, "Yes", "是"),
        ("approve_refund", "keep_item", False, "No", "否"),
        ("approve_return", "return_method", "drop_off_point", "To a drop-off point", "交至代收点"),
        ("approve_return", "return_cost_payer", "seller", "seller", "卖家"),
        ("offer_settlement", "remedy", "keep_item", "the buyer keeps the goods", "买家保留商品"),
        ("hold_at_customs", "respond_by", "2026-11-03T10:22:05+01:00",
         "3 Nov 2026 09:22 UTC", "2026年11月3日 09:22 UTC"),
        ("hold_at_customs", "country", "DE", "Germany", "德国"),
        ("request_return", "language", "zh-Hans", "Simplified Chinese", "简体中文"),
        ("receive", "weight_grams", 12_500, "12,500", "12,500"),
        ("give_feedback", "score", 4, "4", "4"),
        ("appeal", "appealed_entry", LEAF, "entry 10", "条目 10"),
        ("appeal", "appealed_entry", "ab" * 32, f"<{'ab' * 32}>", f"<{'ab' * 32}>"),
        ("request_return", "buyer_zone", "Europe/Berlin", "<Europe/Berlin>", "<Europe/Berlin>"),
        ("ship_back", "hs6", ["640399", "640391"], "<640399, 640391>", "<640399, 640391>"),
        ("add_evidence", "comment", "damaged_in_transit\n{}", "<damaged_in_transit\n{}>", "<damaged_in_transit\n{}>"),
        ("request_info", "asked_for", ["product_photo", "message_log"],
         "Photo of the item or its defect, Conversation between the parties", "商品或缺陷的照片, 各方之间的沟通记录"),
        ("hold_at_customs", "needed_documents", ["licence", "other"], "licence, another paper", "许可证件, 其他单证"),
        (
            "request_return",
            "lines",
            [{"line_id": "a", "qty": 1, "reason": "damaged_in_transit", "wanted": "refund"}, {"line_id": "b"}],
            "goods <a> · pieces 1 · reason came damaged · wanted refund\ngoods <b>",
            "商品 <a> · 件数 1 · 理由 收到时已损坏 · 希望的处理方式 退款\n商品 <b>",
        ),
        (
            "ship_back",
            "parcels",
            [{"parcel_id": "p", "lines": [{"line_id": "a", "qty": 1}, {"line_id": "b", "qty": 2}]}],
            "parcel <p> · goods <a> · pieces 1 · goods <b> · pieces 2",
            "包裹编号 <p> · 商品 <a> · 件数 1 · 商品 <b> · 件数 2",
        ),
        ("approve_refund", "deductions", [{"why": "damaged", "amount": {"minor": 7, "currency": "KWD"}}],
         "why damaged · amount KWD 0.007", "原因 损坏 · 金额 KWD 0.007"),
    ],
)  # fmt: skip
def test_a_value_is_told_in_the_words_of_the_reader(verb: str, field: str, value: Any, en: str, zh: str) -> None:
    assert told(verb, field, value) == en
    assert told(verb, field, value, "zh-Hans").replace("\u00a0", " ") == zh


@pytest.mark.parametrize(
    ("verb", "field", "value", "as_it_is"),
    [
        ("approve_refund", "keep_item", "true", "<true>"),
        ("approve_refund", "keep_item", None, "<null>"),
        ("open_dispute", "amount", {"minor": 5, "currency": "EUR", "more": True},
         '<{"minor": 5, "currency": "EUR", "more": true}>'),
        ("open_dispute", "amount", {"minor": "5", "currency": "EUR"}, '<{"minor": "5", "currency": "EUR"}>'),
        ("approve_return", "return_method", "by_rocket", "<by_rocket>"),
        ("approve_return", "return_method", ["by_mail"], '<["by_mail"]>'),
        ("hold_at_customs", "respond_by", "tomorrow", "<tomorrow>"),
        ("appeal", "appealed_entry", 7, "<7>"),
        ("request_return", "lines", "no rows", "<no rows>"),
        ("request_return", "lines", [{"line_id": "a", "colour": "red"}, 7], "goods <a> · colour <red>\n<7>"),
        ("hold_at_customs", "needed_documents", [], ""),
        ("add_evidence", "comment", 7, "<7>"),
    ],
)  # fmt: skip
def test_a_value_that_has_not_its_form_is_told_as_it_is(verb: str, field: str, value: Any, as_it_is: str) -> None:
    assert told(verb, field, value) == as_it_is


def test_a_text_says_its_language_and_names_it_where_it_is_another_than_the_page_s() -> None:
    form, chinese = form_of("add_evidence", "comment"), "线缝开了。"

    (line,) = Teller(TIMELINE, talk("en")).lines(form, chinese, "zh-Hans")
    (own,) = Teller(TIMELINE, talk("zh-Hans")).lines(form, chinese, "zh-Hans")
    (unsaid,) = Teller(TIMELINE, talk("en")).lines(form, chinese)

    assert line == (Part("", chinese, given=True, lang="zh-Hans", language="Simplified Chinese"),)
    assert own == (Part("", chinese, given=True, lang="zh-Hans"),)
    assert unsaid == (Part("", chinese, given=True),)


def test_a_long_text_is_cut_and_says_so() -> None:
    text = told("add_evidence", "comment", "长" * (VALUE_CHARACTERS_MAX + 1)).strip("<>")

    assert (len(text), text[-1]) == (VALUE_CHARACTERS_MAX, "…")


def test_corrected_data_are_told_by_the_fields_of_the_wrong_entry() -> None:
    lines = [{"line_id": "lamp", "qty": 2, "reason": "size_fit", "wanted": "exchange"}]
    changed = {"lines": lines, "comment": "不合适", "buyer_informed": True}
    timeline = row_with("correct", wrong_entry=LEAF, corrected=changed, reason="incorrect_data", language="zh")

    found = values_of(timeline)

    assert found["corrected data"] == (
        "goods <lamp> · pieces 2 · reason does not fit · wanted exchange\ncomment <不合适>\n"
        "whether the buyer was told of the right to withdraw Yes"
    )
    assert (found["wrong entry"], found["reason"]) == ("entry 10", "its data are wrong")


def test_what_entries_beside_the_chain_hold_is_told_in_words_too() -> None:
    erased = [{"entry": LEAF, "positions": [0, 2]}]
    subject = {"party": "ab" * 16, "role": "buyer"}

    attempt = row_with("ship_back", Kind.ATTEMPT, refused="wrong_state", case_head=LEAF, why="not in this state")
    erasure = row_with("erase", Kind.ERASURE, ground="objection", extent="own", asked_by="buyer", erased=erased,
                       asked_at="2026-11-03T10:22:05.000Z", subject=subject)  # fmt: skip
    breach = row_with("clock_breached", Kind.FINDING, clock_id="refund_deadline", actor="seller", clock="ab" * 16)

    assert values_of(attempt) == {
        "why it was refused": "not possible in this state",
        "newest step then": "entry 10",
        "why": "<not in this state>",
    }
    assert values_of(erasure, "zh-Hans") == {
        "依据": "反对处理",
        "范围": "本人的陈述和文件",
        "提出方": "买家",
        "提出时间": "2026年11月3日 10:22 UTC",
        "已删除": "条目 条目 10 · 在条目中的位置 0, 2",
        "数据主体": f"化名 <{'ab' * 16}> · 角色 买家",
    }
    assert values_of(breach) == {
        "deadline": "Refund",
        "who must act": "seller",
        "name of the deadline": f"<{'ab' * 16}>",
    }


def test_a_field_that_no_table_holds_keeps_its_name() -> None:
    assert values_of(row_with("add_evidence", new_field=[1, "a"])) == {"new_field": '<[1, "a"]>'}


def test_a_deadline_that_ran_out_is_told_by_its_name() -> None:
    assert values_of(row_with("expire", clock_id="ship_back", computed_from_entry=LEAF)) == {
        "deadline": "Sending the goods back",
        "counted from": "entry 10",
    }


UNREAD, WHOLE = Readable(lambda row, position: False, {}), paging.Part(1, 1, 0, 99)


@pytest.mark.parametrize(
    ("tag", "ways"),
    [
        ("en", ["– → Return or exchange asked for", "Return or exchange asked for → Return authorised, goods awaited"]),
        ("zh-Hans", ["– → 已申请退换货", "已申请退换货 → 已同意退货，等待寄回"]),
    ],
)
def test_the_way_of_a_step_is_told_in_states(tag: str, ways: list[str]) -> None:
    assert [line.way for line in told_case(TIMELINE, talk(tag), UNREAD, WHOLE).lines[:2]] == ways


def test_the_way_of_a_dispute_is_told_in_states_of_disputes_and_a_step_that_moves_nothing_stays() -> None:
    def moved(verb: str, since: str, now: str) -> str:
        timeline = row_with(verb)
        known = timeline.rows[-1].placed.known
        known = replace(known, entry=replace(known.entry, from_state=since, to_state=now))
        placed = replace(timeline.rows[-1].placed, known=known)
        rows = (*timeline.rows[:-1], replace(timeline.rows[-1], placed=placed))
        return told_case(replace(timeline, rows=rows), talk("en"), UNREAD, WHOLE).lines[-1].way

    assert moved("escalate", "negotiation", "arbitration") == "Parties negotiate → A neutral will rule"
    assert moved("add_evidence", "requested", "requested") == "Return or exchange asked for"
    assert moved("add_evidence", "requested", "stranded") == "Return or exchange asked for → stranded"
