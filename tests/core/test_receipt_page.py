"""A receipt on paper shows what the receipt shows, calls a claim a claim, and names the file that is the proof."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger_service.core.entry import CaseEntry, RuleReference, encode_entry, parse_entry
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.pages.document import Document, Facts, Items, Part, Table, Text
from ledger_service.core.pages.language import Language
from ledger_service.core.pages.limits import LIMITS, LIMITS_ZH
from ledger_service.core.pages.receipt_page import receipt_code, receipt_document, receipt_file
from ledger_service.core.pages.sentences import SENTENCES
from ledger_service.core.pages.speech import Speech
from ledger_service.core.receipt import Receipt
from tests.core.cases import Told, approved, begun
from tests.core.entries import FIRST
from tests.core.large import large
from tests.core.packages import OF_CASE, PHOTO, REQUEST, receipt
from tests.core.steps import RETURN_ID

HEADINGS = ("paper_recorded", "paper_said", "paper_files", "paper_proof", "paper_next", "paper_check", "report_limits")


def paper(
    given: Receipt, told: Told | None = None, language: Language = Language.EN, *, now: float | None = None
) -> Document:
    """Return the page of a receipt."""
    entry = parse_entry(given.entry)
    assert isinstance(entry, CaseEntry)
    return receipt_document(given, entry, (begun() if told is None else told).timeline(now), language)


def parts(document: Document, name: str) -> tuple[Part, ...]:
    """Return the parts of a section by the name of its heading."""
    words = SENTENCES[name]
    heading = words.zh if document.language is Language.ZH else words.en
    return next(one.parts for one in document.sections if one.heading == heading)


def facts(part: Part) -> dict[str, str]:
    """Return facts by name."""
    assert isinstance(part, Facts)
    return dict(part.rows)


def table(part: Part) -> Table:
    """Return a table."""
    assert isinstance(part, Table)
    return part


@pytest.mark.parametrize(("language", "limits"), [(Language.EN, LIMITS), (Language.ZH, LIMITS_ZH)])
def test_it_says_that_it_is_no_proof_and_which_file_is(language: Language, limits: tuple[str, ...]) -> None:
    document = paper(receipt(1), language=language)

    words = [(SENTENCES[name].zh if language is Language.ZH else SENTENCES[name].en) for name in HEADINGS]
    assert [one.heading for one in document.sections] == words
    assert document.lead[1].strong
    assert receipt_file(1) in document.lead[1].text
    assert receipt_file(1) in str(parts(document, "paper_check"))
    assert parts(document, "report_limits") == (Items(tuple((limits[place],) for place in (0, 1, 5, 6))),)


def test_it_shows_what_the_receipt_shows_and_names_what_it_does_not() -> None:
    whole = receipt(1)
    hidden = replace(whole, records=(*whole.records[:2], replace(whole.records[2], disclosure=None)))

    shown, names = parts(paper(whole), "paper_said"), parts(paper(hidden), "paper_said")

    assert facts(shown[0])["comment"] == "under the foot"
    assert "comment" not in facts(names[0])
    assert isinstance(names[1], Items)
    assert names[1].items == (("comment: not shown here; its commitment stays in the entry",),)
    (files, keep) = parts(paper(whole), "paper_files")
    assert [row[2] for row in table(files).rows] == [whole.records[0].disclosure.value, "not shown to this reader"]  # type: ignore[union-attr]
    assert table(files).rows[0][1] == f"{len(PHOTO)}\nimage/png"
    assert isinstance(keep, Text)
    assert keep.strong


def test_it_says_who_said_so_who_recorded_it_and_the_fingerprint_that_its_code_holds() -> None:
    given = receipt(1)

    told = facts(parts(paper(given), "paper_recorded")[0])

    leaf = leaf_hash(given.entry).hex()
    assert told["Fingerprint of the entry"] == leaf
    assert receipt_code(given, REQUEST) == f"{REQUEST.origin}\n1\n{leaf}"
    assert (told["Return"], told["Said by"], told["Recorded by"]) == (REQUEST.return_id, "buyer", "platform")
    assert "Rule" not in told


def test_a_decision_names_its_rule_and_an_entry_without_values_or_files_says_none() -> None:
    entry = replace(FIRST, rule=RuleReference("EU", "1"), facts={}, evidence=(), commitments=())
    bare = replace(receipt(1), entry=encode_entry(entry), records=())

    document = paper(bare)

    assert facts(parts(document, "paper_recorded")[0])["Rule"] == "EU@1 (European Union, distance contracts)"
    assert parts(document, "paper_said") == (Text("none"),)
    assert parts(document, "paper_files") == (Text("none"),)


def test_a_value_that_is_no_text_is_shown_as_json() -> None:
    entry = replace(FIRST, facts={"lines": [{"qty": 1}]}, evidence=(), commitments=())

    told = facts(parts(paper(replace(receipt(1), entry=encode_entry(entry), records=())), "paper_said")[0])

    assert told == {"lines": '[{"qty": 1}]'}


def test_it_names_the_blocks_that_hold_the_entry_and_says_when_there_are_none_yet() -> None:
    final, young = receipt(OF_CASE[0]), receipt(OF_CASE[0], anchored=False)
    waiting = replace(young, unprotected={"state": "something new"})

    rows = table(parts(paper(final), "paper_proof")[1]).rows
    assert [row[2] for row in rows] == [str(one.block_number) for one in final.anchors]
    assert parts(paper(young), "paper_proof")[1:] == (Text(SENTENCES["paper_pending"].en),)
    assert facts(parts(paper(final), "paper_proof")[0]) == {"State": "finalized"}
    assert facts(parts(paper(waiting), "paper_proof")[0]) == {"State": "something new"}


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (Language.EN, "recorded after 3 Nov 2026 10:00 UTC, the time of block 20999000 of chain 11155111: "),
        (Language.ZH, "记录时间晚于 2026年11月3日 10:00 UTC，即链 11155111 上区块 20999000 的时间："),
    ],
)
def test_it_says_since_when_and_by_when_the_entry_was_recorded(language: Language, words: str) -> None:
    told = large(stated=False).receipt
    unknown = replace(told, after=None)

    *_, by, since = parts(paper(told, language=language), "paper_proof")
    *_, none = parts(paper(unknown, language=language), "paper_proof")

    assert Speech(language).say("paper_no_later") == by.text  # type: ignore[union-attr]
    assert words in since.text  # type: ignore[union-attr]
    assert none == Text(Speech(language).say("paper_no_since"))


def test_a_receipt_of_an_anchor_elsewhere_names_no_chain() -> None:
    told = large(stated=False).receipt
    assert told.after is not None

    foreign = replace(told, after=replace(told.after, log_id=bytes(32)))

    assert "of chain not known" in parts(paper(foreign), "paper_proof")[-1].text  # type: ignore[union-attr]


def test_it_says_who_must_act_by_when_and_under_which_rule() -> None:
    told = approved()

    (state, items, disagree) = parts(paper(receipt(1), told), "paper_next")

    assert facts(state) == {"State": told.timeline().state_words.en}
    assert isinstance(items, Items)
    assert any("refund" in one[0].lower() and "March " in one[1] and "EU@1" in one[2] for one in items.items)
    assert disagree == Text(SENTENCES["paper_disagree"].en)
    assert told.timeline().return_id == RETURN_ID


def test_where_no_deadline_runs_it_says_so() -> None:
    told = begun()
    bare = replace(told.timeline(), clocks=())
    entry = parse_entry(receipt(1).entry)
    assert isinstance(entry, CaseEntry)

    document = receipt_document(receipt(1), entry, bare, Language.EN)

    assert parts(document, "paper_next")[1] == Text("no deadline runs")
