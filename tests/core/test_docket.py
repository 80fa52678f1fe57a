"""The docket: the same entries give the same balance, whatever was corrected, erased, or does not fit."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from ledger_service.core.docket import Docket, Known, make_docket
from ledger_service.core.entry import ASIDE_KINDS, Kind, Role, encode_entry
from tests.core.test_judge import APPROVE, EUR, GRADE, RECEIVE, Book, inspected, received, refunding, requested

ONE_APPROVED = {**APPROVE, "approved_lines": [{"line_id": "a", "qty": 1}]}


def head(book: Book) -> str:
    assert book.docket.head is not None
    return book.docket.head.hex()


def correct(book: Book, wrong: str, reason: str = "incorrect_data", **more: Any) -> Book:
    return book.take("correct", {"wrong_entry": wrong, "reason": reason, **more}, Role.PLATFORM)


def take_back(book: Book, wrong: str) -> Book:
    return correct(book, wrong, "did_not_occur")


def approved() -> Book:
    return requested().take("approve_return", APPROVE)


def known(book: Book, verb: str, **changes: Any) -> Known:
    """Return a stand-in of the last step of the verb, as another reader sees it."""
    found = [one for one in book.docket.steps if one.entry.verb == verb][-1]
    return replace(found, **changes)


def seen(book: Book, verb: str, **changes: Any) -> Docket:
    """Return the docket of a reader who sees one step otherwise."""
    other = known(book, verb, **changes)
    return make_docket(other if one.leaf == other.leaf else one for one in book.docket.steps)


@pytest.mark.parametrize("make", [approved, received, inspected, refunding])
def test_one_entry_at_a_time_gives_the_same_docket_as_all_at_once(make: Any) -> None:
    book = make()

    assert make_docket(book.docket.steps) == book.docket
    assert take_back(book, head(book)).docket == make_docket(book.docket.steps)
    assert book.docket.problems == ()


def test_an_empty_docket_has_no_head_and_a_longer_one_that_of_its_newest_entry() -> None:
    book = requested()

    assert (Docket().head, make_docket([]).head) == (None, None)
    assert book.docket.head == sha256(b"\x00" + encode_entry(book.docket.steps[-1].entry)).digest()


def test_an_entry_is_found_by_bytes_and_by_hex_digits_and_another_is_not() -> None:
    docket = received().docket
    second = docket.steps[1]

    assert docket.find(second.leaf) is second
    assert docket.find(second.leaf.hex()) is second
    assert docket.find(bytes(32)) is None
    assert docket.find("ab" * 32) is None
    assert docket.find(None) is None


def test_a_step_that_did_not_occur_moves_nothing_and_stays_in_sight() -> None:
    book = requested().take("approve_return", APPROVE)
    wrong = head(book)
    assert book.docket.balance.lines["a"].approved == 2

    take_back(book, wrong)

    assert book.docket.balance.lines["a"].approved == 0
    assert book.docket.voided() == {bytes.fromhex(wrong)}
    assert [one.entry.verb for one in book.docket.steps] == ["request_return", "approve_return", "correct"]
    assert [one.entry.verb for one in book.docket.in_force()] == ["request_return", "correct"]


def test_corrected_values_count_and_the_recorded_ones_stay() -> None:
    book = requested().take("approve_return", APPROVE)
    wrong = head(book)

    correct(book, wrong, corrected={"approved_lines": [{"line_id": "a", "qty": 1}]})

    assert book.docket.balance.lines["a"].approved == 1
    assert book.docket.voided() == frozenset()
    assert [one.values.get("approved_lines") for one in book.docket.in_force()][1] == ONE_APPROVED["approved_lines"]
    assert book.docket.steps[1].values == APPROVE
    assert book.docket.in_force()[1].values["return_cost_payer"] == "seller"


def test_the_newest_correction_of_a_value_wins_and_each_value_has_its_own() -> None:
    book = requested()
    wrong = head(book)

    correct(book, wrong, corrected={"language": "en", "buyer_country": "FR"})
    correct(book, wrong, corrected={"language": "fr"})

    assert book.docket.in_force()[0].values["language"] == "fr"
    assert book.docket.in_force()[0].values["buyer_country"] == "FR"
    take_back(book, head(book))
    assert book.docket.in_force()[0].values["language"] == "en"


def test_a_corrective_entry_counts_in_place_of_the_wrong_one() -> None:
    extra = {"kind": "extra", "line_id": "a", "qty": 3}
    book = received().take("report_discrepancy", extra)
    wrong = head(book)
    book.take("report_discrepancy", {**extra, "qty": 1})
    assert book.docket.balance.lines["a"].extra == 4

    correct(book, wrong, corrective_entry=head(book))

    assert book.docket.balance.lines["a"].extra == 1
    assert book.docket.voided() == {bytes.fromhex(wrong)}


def test_a_correction_that_is_taken_back_counts_no_more_and_what_it_took_back_counts_again() -> None:
    book = requested().take("approve_return", APPROVE)
    take_back(book, head(book))
    first = head(book)
    assert book.docket.balance.lines["a"].approved == 0

    take_back(book, first)
    assert book.docket.balance.lines["a"].approved == 2
    assert book.docket.voided() == {bytes.fromhex(first)}

    take_back(book, head(book))
    assert book.docket.balance.lines["a"].approved == 0


def test_a_correction_whose_data_were_erased_changes_nothing() -> None:
    book = requested().take("approve_return", APPROVE)
    correct(book, head(book), corrected={"approved_lines": [{"line_id": "a", "qty": 1}]})
    clear = {name: value for name, value in known(book, "correct").values.items() if name != "corrected"}

    docket = seen(book, "correct", values=clear, erased=("corrected",))

    assert docket.balance.lines["a"].approved == 2
    assert docket.voided() == frozenset()


def test_only_an_erased_value_that_is_counted_makes_the_balance_incomplete() -> None:
    book = requested().take("approve_return", APPROVE)
    rest = {"return_cost_payer": "seller"}

    assert book.docket.balance.complete
    assert not seen(book, "approve_return", values=rest, erased=("approved_lines",)).balance.complete
    assert seen(book, "approve_return", erased=("rma_no",)).balance.complete  # the free text of a person
    assert seen(book, "approve_return", erased=("statement_signature",)).balance.complete  # no field of the table
    assert seen(book.take("issue_label", LABEL), "issue_label", erased=("charges",)).balance.complete


LABEL = {"carrier": "x", "paid_by": "seller"}


def test_a_balance_that_is_incomplete_stays_so_and_lets_later_steps_pass() -> None:
    book = received()
    first = replace(book.docket.steps[0], values={"language": "de"}, erased=("lines",))
    second = replace(book.docket.steps[1], values={}, erased=("approved_lines",))

    docket = make_docket([first, second, *book.docket.steps[2:]])

    assert (docket.balance.complete, docket.balance.lines, docket.problems) == (False, {}, ())
    assert not docket.follow(known(book, "receive")).balance.complete


def test_a_step_that_does_not_fit_stands_with_its_seq_and_moves_nothing() -> None:
    book = received()
    many = {"lines": [{"line_id": "a", "received_qty": 9}]}

    docket = seen(book, "receive", values=many)

    [(seq, text)] = docket.problems
    assert seq == known(book, "receive").entry.seq == 3
    assert text.startswith("receive: line a: 9 received, 2 sent")
    assert docket.balance.lines["a"].received == 0
    more = docket.follow(known(book, "receive", values=many))
    assert [seq for seq, _ in more.problems] == [3, 3]
    assert book.docket.follow(known(book, "ship_back")).problems == ()


def test_a_problem_ends_with_the_correction_of_its_cause() -> None:
    book = received()
    wrong = known(book, "receive", values={"lines": [{"line_id": "a", "received_qty": 9}]})
    docket = make_docket([*book.docket.steps[:3], wrong])
    assert docket.problems

    correction = take_back(received(), wrong.leaf.hex()).docket.steps[-1]
    assert docket.follow(correction).problems == ()


@pytest.mark.parametrize("kind", sorted(ASIDE_KINDS))
def test_an_entry_that_stands_aside_is_no_part_of_the_docket(kind: Kind) -> None:
    book = received()
    step = known(book, "receive")
    aside = replace(step, leaf=bytes(32), entry=replace(step.entry, kind=kind))

    assert book.docket.follow(aside) is book.docket
    assert make_docket([*book.docket.steps, aside]) == book.docket
    assert book.docket.follow(replace(step, leaf=bytes(32))) != book.docket


def test_graded_pieces_of_a_corrected_inspection_are_those_of_the_correction() -> None:
    book = inspected()
    wrong = known(book, "complete_inspection").leaf.hex()
    other = [{"line_id": "a", "accepted_qty": 1, "rejected_qty": 1, "missing_qty": 0}]

    correct(book, wrong, corrected={"lines": other})

    line = book.docket.balance.lines["a"]
    assert (line.accepted, line.rejected, line.received) == (1, 1, RECEIVE["lines"][0]["received_qty"])
    assert GRADE["lines"] != other
    assert book.docket.balance.currency == EUR
