"""The arbitrator's report says what the record says in both languages, and no text in it becomes anything but text."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

from ledger_service.core.anchor_record import AnchorState
from ledger_service.core.entry import Role
from ledger_service.core.package import EVENTS, PAGES, PDF, REPORTS
from ledger_service.core.package_case import Deployed, blocks_after, case_members, held_by, integrity_members
from ledger_service.core.package_pages import pages
from ledger_service.core.package_sheets import evidence_sheet
from ledger_service.core.pages.document import Document, Facts, Items, Pictures, Section, Table, Text, items_of
from ledger_service.core.pages.document_html import LONG_CHARACTERS, format_html
from ledger_service.core.pages.escaping import escaped
from ledger_service.core.pages.language import Language
from ledger_service.core.pages.limits import LIMITS, LIMITS_ZH
from ledger_service.core.pages.report import report
from ledger_service.core.pages.sentences import SENTENCES
from ledger_service.core.timeline_row import Since
from tests.core.bound import ANCHORS, BLOCK_TIME, HOSTILE, bound, told
from tests.core.cases import REQUEST, Told, begun, declined

HEADINGS = (
    "report_case", "report_findings", "report_issues", "report_timeline", "clocks", "balance", "report_evidence",
    "report_pictures", "custody", "report_beside", "disputes", "attempts", "contradictions", "report_integrity",
    "report_limits",
)  # fmt: skip
DOCUMENT = Document(Language.EN, "A title", "2026-11-03T10:00:00.000Z", (Text("lead"), Text("loud", strong=True)), ())


class Read(HTMLParser):
    """An HTML file as a parser sees it: elements, and the text between them."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text = ""
        self.feed(data.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def section(document: Document, name: str) -> Section:
    """Return a section by the name of its heading."""
    words = SENTENCES[name]
    heading = words.zh if document.language is Language.ZH else words.en
    return next(one for one in document.sections if one.heading == heading)


def table(document: Document, name: str, place: int = 0) -> Table:
    """Return a table of a section."""
    return [part for part in section(document, name).parts if isinstance(part, Table)][place]


def test_both_languages_have_every_section_and_differ_in_words_alone() -> None:
    english, chinese = report(bound(), Language.EN), report(bound(), Language.ZH)

    assert [one.heading for one in english.sections] == [SENTENCES[name].en for name in HEADINGS]
    assert [one.heading for one in chinese.sections] == [SENTENCES[name].zh for name in HEADINGS]
    for ours, theirs in zip(english.sections, chinese.sections, strict=True):
        assert [type(part) for part in ours.parts] == [type(part) for part in theirs.parts]
    assert "not the proof" in english.lead[1].text
    assert "不是证明" in chinese.lead[1].text
    assert section(english, "report_limits").parts == (Items(tuple((one,) for one in LIMITS)),)
    assert section(chinese, "report_limits").parts == (Items(tuple((one,) for one in LIMITS_ZH)),)


def test_the_header_names_parties_with_their_countries_the_seller_of_record_and_the_amounts() -> None:
    members: Any = case_members(bound())
    document = report(bound(), Language.EN)

    countries = {one["role"]: one["country"] for one in members["parties"]}
    assert (countries["buyer"], countries["seller"], countries["platform"]) == ("DE", "CN", None)
    assert members["seller_of_record"] == next(
        row.entry.asserted_by.party for row in bound().timeline.rows if row.entry.asserted_by.role is Role.SELLER
    )
    order = members["order"]
    assert (order["lines"], order["files"]) == (["l1"], ["evidence/00000010-01-b.json"])
    assert order["ordered_at"].startswith("2026-02-20")
    assert members["amounts"] == {"paid_minor": 2000, "refund_approved_minor": 1500, "refunded_minor": 0}
    (facts,) = [part for part in section(document, "report_case").parts if isinstance(part, Facts)]
    assert dict(facts.rows)["Paid"] == "€20.00"
    assert dict(facts.rows)["Approved for refund"] == "€15.00"
    assert case_members(replace(bound(), timeline=begun().timeline()))["seller_of_record"] is None


def test_a_row_that_contradicts_or_is_late_or_taken_back_is_marked_and_says_why() -> None:
    case = told()
    case.step("add_evidence", fields={"comment": "late"}, occurred=-100)
    document = report(bound(case), Language.EN)

    rows = table(document, "report_timeline")
    last = len(rows.rows) - 1
    assert last in rows.marked
    assert "!" in rows.rows[last][1]
    assert 0 not in rows.marked
    assert "l1" in rows.rows[0][4]
    assert "evidence/00000010-00-a.png" in rows.rows[0][4]


def test_a_step_names_the_rule_that_it_rests_on() -> None:
    case = declined()
    case.step("add_evidence", fields={"comment": "more"})

    rows = table(report(bound(case), Language.EN), "report_timeline").rows

    assert "rule: EU@1" in rows[1][3]


def test_a_case_without_amounts_has_quantities_and_no_list_of_money() -> None:
    case = Told()
    lines = [{"line_id": "l1", "qty": 2, "reason": "changed_mind", "wanted": "refund"}]
    case.step("request_return", fields={**REQUEST, "lines": lines})

    parts = section(report(replace(bound(), timeline=case.timeline(), register=()), Language.EN), "balance").parts

    assert [type(part) for part in parts] == [Table]


def test_deductions_count_as_corrected_and_weights_stand_beside_each_other() -> None:
    document = report(bound(), Language.EN)

    assert [row[1:] for row in table(document, "balance", 1).rows] == [("damaged", "€5.00")]
    assert [row[2] for row in table(document, "report_pictures").rows] == ["900 g", "850 g"]


def test_pictures_stand_in_a_column_for_each_party_and_files_that_are_none_do_not() -> None:
    (found,) = [part for part in section(report(bound(), Language.EN), "report_pictures").parts
                if isinstance(part, Pictures)]  # fmt: skip

    assert [heading for heading, _ in found.columns] == ["buyer", "inspector"]
    assert [[one.file for one in listed] for _, listed in found.columns] == [
        ["evidence/00000010-00-a.png"], ["evidence/00000030-00-c.jpg"],
    ]  # fmt: skip


def test_a_case_without_any_of_it_says_none() -> None:
    bare = replace(bound(told()), timeline=begun().timeline(), register=(), anchors=())
    document = report(bare, Language.EN)

    for name in ("report_pictures", "report_beside", "disputes", "attempts", "contradictions"):
        part = section(document, name).parts[0]
        assert part == Text("none") or name == "report_beside"
    assert [part for part in section(document, "balance").parts if isinstance(part, Items)] != []
    (issue,) = section(document, "report_issues").parts
    assert isinstance(issue, Items)
    assert issue.items[0][0] == "The return itself"


def test_the_register_names_what_is_withheld_and_who_looked_is_told() -> None:
    document = report(bound(), Language.EN)

    rows = table(document, "report_evidence").rows
    assert [row[5] for row in rows] == ["01" * 32, "02" * 32, "not shown to this reader", "03" * 32]
    assert rows[2][6] == "the reader may not see it"
    assert [row[2] for row in table(document, "report_evidence", 2).rows] == ["buyer"]


def test_what_a_photo_says_of_itself_is_told_as_that_and_what_does_not_fit_is_marked() -> None:
    made = table(report(bound(), Language.EN), "report_evidence", 1)

    assert "it shows nothing" in made.caption
    ((file, told), other) = made.rows
    assert other == ("evidence/00000030-00-c.jpg", "written by: Editor")
    assert file == "evidence/00000010-00-a.png"
    assert "camera time: 2030:01:01 00:00:00 (no zone said)" in told
    assert "! taken after it was recorded, as it says" in told
    assert made.marked == {0}
    row = next(csv.DictReader(io.StringIO(evidence_sheet(bound().register).decode("utf-8-sig"), newline="")))
    assert json.loads(row["claims_of_the_file"])["doubts"] == ["taken_after_recorded"]
    quiet = replace(bound(), register=bound().register[1:-1])
    assert len(section(report(quiet, Language.EN), "report_evidence").parts) == 2


def test_each_entry_names_the_blocks_that_hold_it_on_every_chain_and_how_many_came_after() -> None:
    made = bound()
    members: Any = integrity_members(made)

    first, *_, last = members["entries"]
    assert (first["anchor"]["block_number"], first["anchor"]["blocks_after"]) == (100, 7)
    assert [(one["block_number"], one["blocks_after"]) for one in first["also_in"]] == [(900, 0)]
    assert (last["anchor"], last["also_in"], last["anchored_after_seconds"]) == (None, [], None)
    assert first["anchored_after_seconds"] == made.timeline.rows[0].anchored_after_seconds
    assert held_by(made.timeline.rows[-1], ANCHORS) == []
    assert blocks_after(ANCHORS[1], [replace(one, state=AnchorState.FINALIZED) for one in ANCHORS]) == 0
    rows = table(report(made, Language.EN), "report_integrity").rows
    assert "block 100 of" in rows[0][3]
    assert "block 900 of" in rows[0][3]
    assert "7 blocks after it seen" in rows[0][3]


def test_each_entry_names_the_block_after_which_it_was_recorded_where_that_is_shown() -> None:
    case = told()
    case.anchor(3, at=BLOCK_TIME + 100, since=Since(8, 31337, 4, 99, BLOCK_TIME))
    made = bound(case)
    members: Any = integrity_members(made)

    first, *_, last = members["entries"]
    assert first["after"] == {"seal": 8, "chain_id": 31337, "sequence": 4, "block_number": 99, "time": BLOCK_TIME}
    assert last["after"] is None
    english, chinese = (table(report(made, one), "report_integrity").rows for one in (Language.EN, Language.ZH))
    assert "recorded after block 99 of chain 31337, of 3 Mar 2026 01:06 UTC, which entry 8 " in english[0][3]
    assert "记录时间晚于链 31337 的区块 99（2026年3月3日 01:06 UTC），该区块已记于账本条目 8" in chinese[0][3]
    assert "recorded after" not in english[-1][3]


def test_the_block_that_created_the_contract_is_named_where_it_is_known() -> None:
    known = replace(bound(), deployed=Deployed(7, bytes([7]) * 32))

    members: Any = [case_members(one)["anchored_in"] for one in (bound(), known)]
    sheets = [section(report(one, Language.EN), "report_integrity").parts for one in (bound(), known)]
    facts = [dict(part.rows) for parts in sheets for part in parts if isinstance(part, Facts)]

    assert [one["deployed"] for one in members] == [None, {"block_number": 7, "block_hash": "0x" + "07" * 32}]
    assert [one["Created in block"] for one in facts] == ["not known", "7\n0x" + "07" * 32]


def test_clocks_as_they_were_before_a_correction_are_told_beside_those_that_count() -> None:
    case = begun()
    wrong = case.docket.steps[0].leaf.hex()
    values = {"outbound_delivered_at": "2026-02-20T10:00:00+01:00"}
    case.step("correct", Role.PLATFORM, {"wrong_entry": wrong, "reason": "incorrect_data", "corrected": values})

    parts = section(report(replace(bound(told()), timeline=case.timeline(), register=()), Language.EN), "clocks").parts

    assert Text("Deadlines as they were before corrections", strong=True) in parts


def test_every_page_events_and_reports_are_made_the_same_each_time() -> None:
    once, twice = pages(bound()), pages(bound())

    assert once == twice
    case = json.loads(once["case.json"])
    assert case["report_sha256"] == {name: sha256(once[name]).hexdigest() for name in REPORTS if name != PDF}
    assert set(once) == {*PAGES, EVENTS, *REPORTS} - {PDF}


@pytest.mark.parametrize("language", Language)
def test_no_text_becomes_an_element_an_attribute_or_an_instruction(language: Language) -> None:
    quiet, loud = (Read(format_html(report(bound(told(words)), language))) for words in ("quiet", HOSTILE))

    assert loud.tags == quiet.tags
    assert not {"script", "iframe", "form", "link", "object", "base"} & set(loud.tags)
    assert escaped(HOSTILE)[:40] in loud.text
    assert "\u202e" not in loud.text
    assert not any(name.startswith("on") or name == "style" for _, name, _ in loud.attributes)
    assert {value for tag, name, value in loud.attributes if name in ("src", "href")} == {
        "evidence/00000010-00-a.png", "evidence/00000030-00-c.jpg",
    }  # fmt: skip


def test_an_attribute_cannot_be_left_by_a_quotation_mark() -> None:
    column = ('"<x>', (replace(_picture(), caption='a" onerror="b'),))
    document = replace(DOCUMENT, sections=(Section("s", (Pictures((column,)), Table('c" x="', ("h",), (("v",),)))),))

    read = Read(format_html(document))

    assert ("img", "alt", 'a" onerror="b') in read.attributes
    assert not any(name in ("onerror", "x") for _, name, _ in read.attributes)


def _picture() -> Any:
    (found,) = [part for part in section(report(bound(), Language.EN), "report_pictures").parts
                if isinstance(part, Pictures)]  # fmt: skip
    return found.columns[0][1][0]


def test_the_policy_of_the_file_allows_its_style_and_nothing_from_elsewhere() -> None:
    text = format_html(DOCUMENT).decode()

    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    policy = next(value for _, name, value in Read(text.encode()).attributes if value and "default-src" in value)
    assert f"style-src 'sha256-{base64.b64encode(sha256(style.encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none';")
    assert not re.search(r"https?:|url\(|@import", text)


def test_a_long_word_may_be_broken_and_other_cells_follow_the_direction_of_their_text() -> None:
    row = ("x" * LONG_CHARACTERS, "x" * (LONG_CHARACTERS + 1), "x " * LONG_CHARACTERS)
    read = Read(format_html(replace(DOCUMENT, sections=(Section("s", (Table("t", ("a", "b", "c"), (row,)),)),))))

    assert [value for tag, name, value in read.attributes if tag == "td"] == ["auto", "long", "auto"]


def test_a_line_that_is_indented_belongs_to_the_one_before_it() -> None:
    assert items_of(["  alone", "b", "  c", "  d"], indent="  ").items == (("alone",), ("b", "c", "d"))
