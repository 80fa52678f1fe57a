"""What one case adds to statistics: declines and what overturned them, customs holds, when its deadlines come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger_service.core import encoding
from ledger_service.core.case_figures import CaseFigures, Decline, figures_members, figures_of, parse_figures
from ledger_service.core.clock import ClockState
from ledger_service.core.docket import make_docket
from ledger_service.core.entry import Role
from ledger_service.errors import FormatError
from tests.core.test_judge import APPROVE, EUR, RULE, SHIP, Book, inspected, requested

DISPUTE = {"dispute_id": "d1" * 16}
NO = {"reason_code": "other"}
HOLD = {"country": "CN", "hold_reason": "documents_missing"}
DAY = 86_400


def figures(book: Book, now: str | None = None) -> CaseFigures:
    """Return the figures of a case as of its next step."""
    return figures_of(book.docket, now=now or book.now())


def take(book: Book, *steps: str | tuple[str, dict[str, Any]] | tuple[str, dict[str, Any], Role]) -> Book:
    """Take steps a day apart."""
    for step in steps:
        verb, values, *role = (step, {}) if isinstance(step, str) else step
        book.day += 1
        changes: dict[str, Any] = {"to_state": "arbitration"} if verb == "appoint_neutral" else {}
        book.take(verb, values, *role, **changes)
    return book


DECLINE, DENY = ("decline_return", NO), ("deny_refund", NO)
AGREE, REINSTATE, UPHOLD = ("approve_return", APPROVE), ("reinstate", {"reason": "-"}), ("uphold", {"reasons": "-"})


def rule(outcome: str, kind: str = "adr") -> list[Any]:
    """Return the steps of a dispute to its ruling."""
    opened = ("open_dispute", {**DISPUTE, "type": kind, "claim": "-"}, Role.BUYER)
    if kind == "chargeback":
        return [opened, ("rule", {**DISPUTE, "outcome": outcome}, Role.PSP)]
    neutral = ("appoint_neutral", {**DISPUTE, "neutral_id": "n"})
    return [opened, neutral, ("rule", {**DISPUTE, "outcome": outcome}, Role.ARBITRATOR)]


@pytest.mark.parametrize(
    ("steps", "overturned"),
    [
        ([DECLINE], [None]),
        ([DECLINE, "appeal"], [None]),
        ([DECLINE, "appeal", UPHOLD], [None]),
        ([DECLINE, "appeal", DECLINE], [None, None]),
        ([DECLINE, "appeal", AGREE], ["appeal"]),
        ([DECLINE, "appeal", DECLINE, "appeal", AGREE], ["appeal", "appeal"]),
        ([DECLINE, REINSTATE], ["appeal"]),
        ([DECLINE, *rule("seller")], [None]),
        ([DECLINE, *rule("buyer")], ["ruling"]),
        ([DECLINE, *rule("split")], ["ruling"]),
        ([DECLINE, *rule("won", "chargeback")], [None]),
        ([DECLINE, *rule("lost", "chargeback")], ["ruling"]),
        ([*rule("buyer"), DECLINE], [None]),
        ([DECLINE, "appeal", AGREE, *rule("buyer")], ["appeal"]),
        ([AGREE], []),
    ],
)
def test_a_decline_stands_until_a_later_step_overturns_it(steps: list[Any], overturned: list[str | None]) -> None:
    found = figures(take(requested(), *steps))

    assert [one.overturned_by for one in found.declines] == overturned
    assert {one.rule for one in found.declines} <= {RULE}
    assert found.decided


def test_a_refund_that_is_denied_after_the_inspection_is_a_decline_too() -> None:
    found = figures(take(inspected(), DENY))

    assert [one.overturned_by for one in found.declines] == [None]
    assert (found.state, found.disputes) == ("declined", 0)


def test_what_a_correction_took_back_counts_nowhere() -> None:
    book = take(requested(), DECLINE)
    wrong = book.docket.head
    assert wrong is not None
    take(book, ("correct", {"wrong_entry": wrong.hex(), "reason": "did_not_occur"}, Role.PLATFORM))

    found = figures(book)

    assert (found.declines, found.decided) == ((), False)
    assert found.steps == (("request_return", 1),)
    assert found.state == "declined"


def test_an_undecided_case_says_where_it_comes_from_and_when_a_deadline_comes_next() -> None:
    book = requested()

    found = figures(book)

    assert (found.buyer_country, found.seller_country, found.opened_at) == ("DE", "CN", "2026-11-04T12:00:00.000Z")
    assert not found.decided
    assert found.until is not None
    running = [one for one in found.clocks if one.state is ClockState.RUNNING]
    before = figures(book, now=found.until[:-5] + ".000Z")
    assert running
    assert figures(book, now="2026-11-04T12:00:00.001Z").clocks == found.clocks
    assert before.clocks != found.clocks
    assert figures(book, now="2036-01-01T00:00:00.000Z").until is None


def test_a_case_concerns_the_rules_of_its_clocks_and_of_its_declines() -> None:
    found = figures(take(requested(), DECLINE))

    assert found.concerns("EU")
    assert found.concerns("PLATFORM")
    assert not found.concerns("UK")
    assert not figures_of(make_docket(requested().docket.steps[:1]), now="2026-11-04T12:00:00.000Z").concerns("UK")


def test_a_customs_hold_lasts_from_the_notice_to_the_step_that_leads_out() -> None:
    book = take(requested(), AGREE, ("ship_back", SHIP), ("hold_at_customs", HOLD))
    during = figures(book).holds
    take(book, ("submit_customs_documents", {}, Role.SELLER))
    still = figures(book).holds
    take(book, "release_from_customs", ("hold_at_customs", HOLD), "seize")

    assert (during, still, figures(book).holds) == ((None,), (None,), (2 * DAY, DAY))


def test_a_hold_that_an_offer_interrupts_goes_on_when_the_offer_is_refused() -> None:
    offer = {"remedy": "partial_refund", "amount": {"minor": 500, "currency": EUR}, "valid_days": 9}
    book = take(requested(), AGREE, ("ship_back", SHIP), ("hold_at_customs", HOLD), ("offer_settlement", offer))
    offered = figures(book).holds
    take(book, "refuse_offer")
    refused = figures(book).holds
    take(book, "release_from_customs")

    assert (offered, refused, figures(book).holds) == ((DAY,), (None,), (3 * DAY,))


def test_steps_around_a_hold_whose_notice_was_taken_back_measure_nothing() -> None:
    book = take(requested(), AGREE, ("ship_back", SHIP), ("hold_at_customs", HOLD))
    wrong = book.docket.head
    assert wrong is not None
    take(book, "release_from_customs")
    take(book, ("correct", {"wrong_entry": wrong.hex(), "reason": "did_not_occur"}, Role.CARRIER))

    assert figures(book).holds == ()


@pytest.mark.parametrize(
    "steps", [[], [DECLINE, "appeal", AGREE], [AGREE, ("ship_back", SHIP), ("hold_at_customs", HOLD)], rule("buyer")]
)
def test_figures_go_to_json_and_back(steps: list[Any]) -> None:
    found = figures(take(requested(), *steps))
    entries = [(7, "2026-11-04T12:00:00.000Z"), (9, "2026-11-05T12:00:00.000Z")]
    value = encoding.parse(encoding.encode(figures_members(found, entries)))

    assert parse_figures(value) == (found, entries)
    bare = replace(found, declines=(Decline(None),))
    assert parse_figures(encoding.parse(encoding.encode(figures_members(bare, [])))) == (bare, [])


@pytest.mark.parametrize(
    "changed",
    [None, [], {}, {"mark": "x"}, {"clocks": [["a"]]}, {"clocks": [["a", "duty", "EU", "1", "gone"]]},
     {"countries": []}, {"entries": [[1]]}, {"holds": 7}],
)  # fmt: skip
def test_what_are_no_figures_are_counted_anew(changed: Any) -> None:
    value: Any = figures_members(figures(requested()), [])

    with pytest.raises(FormatError):
        parse_figures({**value, **changed} if isinstance(changed, dict) and changed else changed)
