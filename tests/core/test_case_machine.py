"""A case walked by chance through every check never differs from a second reading of table and history.

2,000 walks of 30 steps, in four tests that run beside each other; `scripts/campaign case_machine` takes more.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ledger_service.core import effects
from ledger_service.core.balance import Balance, Line, Refund, Values
from tests.core.case_walk import ROUND, rounds, tally, walk
from tests.core.untraced import untraced

EXAMPLES, STEPS = 500, 30  # of each of the four


@pytest.mark.parametrize("number", range(4))
@untraced
def test_a_case_walked_by_chance_never_differs_from_its_second_reading(number: int) -> None:
    before, before_again = tally.copy(), rounds.copy()

    walk(examples=EXAMPLES, steps=STEPS, number=number)

    done, again = tally - before, rounds - before_again
    assert sum(done.values()) > 5_000
    assert {"receive", "issue_refund", "open_dispute", "correct", "BalanceError", "WrongStateError"} <= set(done)
    assert set(again) == set(ROUND)
    assert again["complete_inspection"] > 25


def _issue_whatever(balance: Balance, values: Values) -> None:
    minor = balance.minor(values["amount"], "refund")
    balance.refunds[values["refund_id"]] = Refund(values["refund_id"], minor, values["method"])


def _approve_alone(line: Line, qty: int) -> None:
    line.reopen(qty)
    line.approved = qty


def _grade_alone(line: Line, *, accepted: int, rejected: int, missing: int) -> None:
    line.accepted, line.rejected, line.missing, line.inspected = accepted, rejected, missing, True


PLANTED: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "refund over the approval": lambda patch: patch.setitem(effects.EFFECTS, "issue_refund", _issue_whatever),
    "more received than sent": lambda patch: patch.setattr(Line, "sent", lambda _: 1_000_000),
    "an offer that outlives an appeal": lambda patch: patch.delitem(effects.EFFECTS, "appeal"),
    "a new approval that forgets what stands": lambda patch: patch.setattr(Line, "approve", _approve_alone),
    "a rejection that a new approval leaves": lambda patch: patch.setattr(Line, "reopen", lambda *_: None),
    "parcels that list nothing and count nothing": lambda patch: patch.setattr(Line, "ship_unlisted", lambda _: None),
    "an inspection that forgets what stands": lambda patch: patch.setattr(Line, "grade", _grade_alone),
    "a piece that is graded twice": lambda patch: patch.setattr(Line, "gradable", lambda line: line.received),
}


@pytest.mark.parametrize("planted", list(PLANTED))
@untraced
def test_a_planted_bug_is_found(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The walks prove something only if they find what is wrong."""
    PLANTED[planted](monkeypatch)

    with pytest.raises(AssertionError):
        walk(examples=EXAMPLES, steps=STEPS, number=1, shrink=False)
