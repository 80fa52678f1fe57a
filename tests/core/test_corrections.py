"""Which corrections are refused, by whom and why, and that each refusal has an accepted neighbour."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger_service.core.docket import Known
from ledger_service.core.entry import Actor, Kind, Role
from ledger_service.errors import BalanceError, CorrectionRefusedError, FieldValueError
from tests.core.test_docket import correct, head, take_back
from tests.core.test_judge import APPROVE, EUR, ISSUE, Book, inspected, received, refunding, requested

OTHER = Actor(Role.CARRIER, "77" * 16)


def ask(book: Book, wrong: str, reason: str = "incorrect_data", **more: Any) -> str | None:
    """Judge a correction by the platform, or by `asserted_by`."""
    changes = {"asserted_by": more.pop("asserted_by")} if "asserted_by" in more else {}
    values = {"wrong_entry": wrong, "reason": reason, **more}
    return book.judge("correct", values, Role.PLATFORM, **changes)


def leaf(book: Book, verb: str) -> str:
    return [one.leaf for one in book.docket.steps if one.entry.verb == verb][-1].hex()


def test_who_recorded_or_asserted_an_entry_or_the_platform_corrects_it_and_nobody_else() -> None:
    book = requested()
    entry = book.docket.steps[0].entry

    for who in (entry.asserted_by, entry.recorded_by, Actor(Role.PLATFORM, "99" * 16)):
        assert ask(book, head(book), corrected={"language": "en"}, asserted_by=who) is None
    with pytest.raises(CorrectionRefusedError, match="only who recorded or asserted the entry, or the platform"):
        ask(book, head(book), corrected={"language": "en"}, asserted_by=OTHER)


def test_an_entry_is_taken_back_once() -> None:
    book = requested().take("approve_return", APPROVE)
    wrong = head(book)
    assert ask(book, wrong, "did_not_occur") is None
    take_back(book, wrong)

    with pytest.raises(CorrectionRefusedError, match="taken back already"):
        ask(book, wrong, "did_not_occur")
    with pytest.raises(CorrectionRefusedError, match="taken back already"):
        ask(book, wrong, corrected={"return_cost_payer": "buyer"})
    take_back(book, head(book))
    assert ask(book, wrong, "did_not_occur") is None


def test_what_did_not_occur_has_nothing_in_its_place() -> None:
    book = requested().take("approve_return", APPROVE)
    wrong = head(book)
    book.take("issue_label", {"carrier": "x", "paid_by": "seller"})

    assert ask(book, wrong, "did_not_occur") is None
    for more in ({"corrective_entry": head(book)}, {"corrected": {"return_cost_payer": "buyer"}}):
        with pytest.raises(CorrectionRefusedError, match="has no corrective entry") as refused:
            ask(book, wrong, "did_not_occur", **more)
        assert "in force" in refused.value.hint


def test_a_correction_is_taken_back_and_not_corrected() -> None:
    book = correct(requested(), head(requested()), corrected={"language": "en"})

    with pytest.raises(CorrectionRefusedError, match="made anew, it is not corrected"):
        ask(book, head(book), corrected={"reason": "did_not_occur"})
    assert ask(book, head(book), "did_not_occur") is None


def test_incorrect_data_need_one_of_two_things() -> None:
    book = requested()
    wrong = head(book)
    book.take("approve_return", APPROVE)

    with pytest.raises(CorrectionRefusedError, match="either a corrective entry or the corrected values"):
        ask(book, wrong)
    with pytest.raises(CorrectionRefusedError, match="either a corrective entry or the corrected values"):
        ask(book, wrong, corrected={"language": "en"}, corrective_entry=head(book))
    assert ask(book, wrong, corrected={"language": "en"}) is None


def test_a_corrective_entry_is_in_force_and_comes_after_the_wrong_one() -> None:
    extra = {"kind": "extra", "line_id": "a", "qty": 1}
    book = received().take("report_discrepancy", extra)
    first = head(book)
    second = head(book.take("report_discrepancy", extra))

    assert ask(book, first, corrective_entry=second) is None
    for wrong, corrective in ((second, first), (first, first)):
        with pytest.raises(CorrectionRefusedError, match="comes after the wrong one"):
            ask(book, wrong, corrective_entry=corrective)
    take_back(book, second)
    with pytest.raises(CorrectionRefusedError, match="the corrective entry is not in force"):
        ask(book, first, corrective_entry=second)
    with pytest.raises(CorrectionRefusedError, match="the corrective entry is not in force"):
        ask(book, first, corrective_entry=head(book))


def test_an_erasure_is_neither_taken_back_nor_put_in_the_place_of_an_entry() -> None:
    book = requested()
    wrong = head(book)
    erasure = replace(book.docket.steps[0].entry, kind=Kind.ERASURE, verb="erase", seq=1, prev=book.docket.head)
    book.docket = book.docket.follow(Known(b"\x0e" * 32, erasure, {}))

    with pytest.raises(CorrectionRefusedError, match="an erasure was carried out"):
        ask(book, "0e" * 32, "did_not_occur")
    with pytest.raises(CorrectionRefusedError, match="the corrective entry is not in force"):
        ask(book, wrong, corrective_entry="0e" * 32)
    assert ask(book, wrong, corrected={"language": "en"}) is None


def test_a_corrected_value_has_a_field_and_its_form() -> None:
    book = requested()

    with pytest.raises(FieldValueError, match="request_return has no such field"):
        ask(book, head(book), corrected={"wish": "x"})
    with pytest.raises(FieldValueError, match="'buyer_country' is refused: 'XX' is no country code"):
        ask(book, head(book), corrected={"buyer_country": "XX"})
    assert ask(book, head(book), corrected={"buyer_country": "FR"}) is None


def test_a_corrected_value_names_what_exists() -> None:
    """A zone that no map knows would leave every clock of the case without an end."""
    book = requested()

    with pytest.raises(FieldValueError, match="corrected: there is no time zone 'Europe/Atlantis'"):
        ask(book, head(book), corrected={"buyer_zone": "Europe/Atlantis"})
    with pytest.raises(FieldValueError, match="corrected: there is no rule set 'XX'"):
        ask(book, head(book), corrected={"governing_law": ["XX"]})
    assert ask(book, head(book), corrected={"buyer_zone": "Europe/Paris", "governing_law": ["EU"]}) is None


def test_an_entry_on_which_later_ones_rest_is_corrected_after_them() -> None:
    book = received()

    other = [{"line_id": "b", "qty": 2, "reason": "other", "wanted": "refund"}]
    with pytest.raises(BalanceError, match="entry 1 of the case rests on it: approve_return: there is no line a"):
        ask(book, leaf(book, "request_return"), corrected={"lines": other})
    with pytest.raises(BalanceError, match="entry 3 of the case rests on it: receive: line a: 2 received, 1 sent"):
        ask(book, leaf(book, "approve_return"), corrected={"approved_lines": [{"line_id": "a", "qty": 1}]})
    assert ask(book, leaf(book, "receive"), "did_not_occur") is None
    take_back(book, leaf(book, "receive"))
    assert ask(book, leaf(book, "approve_return"), corrected={"approved_lines": [{"line_id": "a", "qty": 1}]}) is None


def test_the_opening_of_a_case_is_not_taken_back() -> None:
    book = received()
    opening = leaf(book, "request_return")

    with pytest.raises(CorrectionRefusedError, match="it is not taken back"):
        ask(book, opening, "did_not_occur")
    with pytest.raises(CorrectionRefusedError, match="it is not taken back"):
        ask(book, opening, corrective_entry=leaf(book, "receive"))
    assert ask(book, opening, corrected={"language": "en"}) is None


def test_money_that_was_sent_keeps_its_approval() -> None:
    book = refunding()

    with pytest.raises(BalanceError, match="entry 7 of the case rests on it: issue_refund: 4000 minor units"):
        ask(book, leaf(book, "approve_refund"), "did_not_occur")
    with pytest.raises(BalanceError, match="correct is refused"):
        ask(book, leaf(book, "issue_refund"), corrected={"amount": {"minor": 4001, "currency": EUR}})
    assert ask(book, leaf(book, "issue_refund"), corrected={"amount": {"minor": 3999, "currency": EUR}}) is None


def test_a_contradiction_that_was_there_before_keeps_no_correction_away() -> None:
    book = inspected()
    again = replace(book.docket.steps[2], leaf=bytes(32))
    bad = {**ISSUE, "amount": {"minor": 1, "currency": "USD"}}
    book.docket = book.docket.follow(replace(again, entry=replace(again.entry, verb="issue_refund"), values=bad))
    assert book.docket.problems

    assert ask(book, leaf(book, "request_return"), corrected={"language": "en"}) is None
