"""A docket that follows its entries one at a time is the docket that is counted from all of them, whatever they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache, reduce
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.core.docket import Docket, Known, make_docket
from ledger_service.core.entry import Role
from ledger_service.core.lifecycle import LIFECYCLE
from tests.core.steps import clear
from tests.core.test_judge import ISSUE, REFUND, inspected

CHARGE = {"kind": "tax", "amount": {"minor": 9, "currency": "CNY"}, "payer": "buyer"}


@cache
def whole() -> tuple[Known, ...]:
    """Return a case with a refund, an offer, charges and corrections, one of them taken back."""
    book = inspected()
    graded = book.docket.steps[-1].leaf.hex()
    book.take("appeal", {}).take("offer_settlement", {"remedy": "exchange"}).take("accept_offer", {})
    book.take("approve_refund", {**REFUND, "remedy_id": "0a" * 16, "charges": [CHARGE]}).take("issue_refund", ISSUE)
    book.take("settle_refund", {"refund_id": "re-1"}).take("deliver_exchange", {})
    for values in (
        {"wrong_entry": graded, "reason": "incorrect_data", "corrected": {"outcome": "passed"}},
        {"wrong_entry": book.docket.steps[-1].leaf.hex(), "reason": "did_not_occur"},
    ):
        book.take("correct", values, Role.PLATFORM)
    taken_back = book.docket.steps[-1].leaf.hex()
    book.take("correct", {"wrong_entry": taken_back, "reason": "did_not_occur"}, Role.PLATFORM)
    return book.docket.steps


def erase(known: Known, names: Iterable[str]) -> Known:
    """Return the step without the committed values of these names."""
    row = LIFECYCLE.transition(known.entry.verb)
    assert row is not None
    gone = tuple(name for name in names if name in known.values and not clear(row.fields[name]))
    left = {name: value for name, value in known.values.items() if name not in gone}
    return replace(known, values=left, erased=gone)


def enlarge(value: Any) -> Any:
    """Return the value with every number a thousand times as large, which seldom fits."""
    if isinstance(value, dict):
        return {name: enlarge(below) for name, below in value.items()}
    if isinstance(value, list):
        return [enlarge(below) for below in value]
    return value * 1000 if type(value) is int else value


def rename(value: Any) -> Any:
    """Return the value with every line under a name that no case has."""
    if isinstance(value, dict):
        return {name: "z" if name == "line_id" else rename(below) for name, below in value.items()}
    return [rename(below) for below in value] if isinstance(value, list) else value


def follow(steps: Iterable[Known]) -> Docket:
    return reduce(Docket.follow, steps, Docket())


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[Known, ...]:
    """Return the steps of the case, some left out, told twice, erased in part, enlarged or of another line."""
    found: list[Known] = []
    for known in whole():
        for again in range(draw(st.sampled_from([1, 1, 1, 1, 0, 2]))):
            one = known if again == 0 else replace(known, leaf=bytes(31) + bytes([len(found)]))
            change = draw(st.sampled_from(["", "", "", "enlarge", "rename", "erase", "erase and enlarge"]))
            found.append(one if one.entry.verb == "correct" else spoil(draw, one, change))
    return tuple(found)


def spoil(draw: st.DrawFn, known: Known, change: str) -> Known:
    if change.startswith("erase"):
        known = erase(known, draw(st.sets(st.sampled_from(sorted(known.values) or ["none"]))))
    if change.endswith("enlarge"):
        return replace(known, values=enlarge(known.values))
    return replace(known, values=rename(known.values)) if change == "rename" else known


@given(spoiled())
@settings(max_examples=150, deadline=None)
def test_a_docket_followed_entry_by_entry_is_the_one_counted_from_the_beginning(steps: tuple[Known, ...]) -> None:
    one_by_one = Docket()
    for count, known in enumerate(steps, start=1):
        one_by_one = one_by_one.follow(known)
        assert one_by_one == make_docket(steps[:count])


def test_the_case_that_is_spoiled_is_whole() -> None:
    docket = follow(whole())

    assert (docket.problems, docket.balance.open_matters(), docket.balance.complete) == ((), [], True)
    assert len(docket.voided()) == 1
    assert len(docket.in_force()) == len(docket.steps) - 1


@pytest.mark.parametrize("change", [enlarge, rename])
def test_a_spoiled_step_stands_as_a_problem_however_it_is_counted(change: Any) -> None:
    spoilt = [
        replace(known, values=change(known.values)) if known.entry.verb == "receive" else known for known in whole()
    ]

    assert "receive" in {text.partition(":")[0] for _, text in make_docket(spoilt).problems}
    assert follow(spoilt) == make_docket(spoilt)


def test_a_step_that_passed_for_want_of_a_value_passes_again_after_a_later_problem() -> None:
    """A refund that does not fit lacks a value too: a later step is not refused for what is unknown since."""
    request, approve, ship, receive, *_ = whole()
    [refund] = [known for known in whole() if known.entry.verb == "approve_refund"]
    misfit = replace(refund, values=enlarge(refund.values), erased=("deductions",), leaf=b"\x01" * 32)
    stranger = replace(receive, values=rename(receive.values), leaf=b"\x02" * 32)
    over = replace(receive, values=enlarge(receive.values), leaf=b"\x03" * 32)
    steps = [request, approve, ship, misfit, stranger, over]

    docket = make_docket(steps)

    assert docket == follow(steps)
    assert [text.partition(":")[0] for _, text in docket.problems] == ["approve_refund", "receive"]
    assert not docket.balance.complete
