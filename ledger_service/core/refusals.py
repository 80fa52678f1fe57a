"""Why a step that the table of states has is refused now: by a guard, by the numbers, or by a clock.

Promises: what is refused here is refused by `decide` or `judge` whatever the step's fields say, but for amounts of
zero; where a value was erased nothing is refused on account of it. Does not: look at fields (`judge.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ledger_service.core.balance import GOODS_REMEDIES, Balance
from ledger_service.core.case import DISPUTES_MAX, Case
from ledger_service.core.clock import Clock, ClockState
from ledger_service.core.entry import Role
from ledger_service.core.judge import APPEAL_WINDOW, OFFER_EXPIRY
from ledger_service.core.lifecycle import LIFECYCLE, Transition
from ledger_service.core.step import guard_reason

OPEN = (ClockState.RUNNING, ClockState.PAUSED)


class Refusal(StrEnum):
    """Why a step is refused now."""

    GOODS_SENT = "goods_sent"
    NO_OFFER_OPEN = "no_offer_open"
    DISPUTE_OPEN = "dispute_open"
    TOO_MANY_DISPUTES = "too_many_disputes"
    MATTERS_OPEN = "matters_open"
    APPEAL_WINDOW_RUNS = "appeal_window_runs"
    NOTHING_RAN_OUT = "nothing_ran_out"
    OFFER_STANDS = "offer_stands"
    OFFER_EXPIRED = "offer_expired"
    OFFER_OPEN = "offer_open"
    NOTHING_APPROVED = "nothing_approved"
    NO_REFUND_UNDER_WAY = "no_refund_under_way"
    NO_EXCHANGE_OPEN = "no_exchange_open"
    NOTHING_TO_RETURN = "nothing_to_return"


_GUARDS = {
    "goods_not_sent": Refusal.GOODS_SENT,
    "offer_open": Refusal.NO_OFFER_OPEN,
    "no_dispute_open": Refusal.DISPUTE_OPEN,
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a step is refused now; `details` is the balance's or a clock's own word (a phrase, or a time)."""

    code: Refusal
    details: str = ""


def refusals(
    case: Case | None, balance: Balance, found: Sequence[Clock], row: Transition, role: Role
) -> Iterator[Reason]:
    """Yield why a step is refused that the table has for this state and role; `found` are the clocks of the case."""
    if row.verb in LIFECYCLE.dispute.transitions:
        if None in row.sources and case is not None and len(case.disputes) >= DISPUTES_MAX:
            yield Reason(Refusal.TOO_MANY_DISPUTES, str(DISPUTES_MAX))
        return
    if row.guard is not None and (why := guard_reason(case, row)) is not None:
        yield Reason(_GUARDS[row.guard], why)
    if (by_numbers := _BY_NUMBERS.get(row.verb)) is not None:
        yield from by_numbers(balance)
    if (by_clocks := _BY_CLOCKS.get(row.verb)) is not None:
        yield from by_clocks(found, role)


def _matters(balance: Balance) -> Iterator[Reason]:
    for what in balance.open_matters():
        yield Reason(Refusal.MATTERS_OPEN, what)


def _offer_free(balance: Balance) -> Iterator[Reason]:
    if balance.offer is not None:
        yield Reason(Refusal.OFFER_OPEN)


def _left_to_send(balance: Balance) -> Iterator[Reason]:
    if balance.complete and balance.refunded_minor() >= balance.refund_approved_minor:
        yield Reason(Refusal.NOTHING_APPROVED)


def _under_way(balance: Balance) -> Iterator[Reason]:
    if balance.complete and not any(one.state == "issued" for one in balance.refunds.values()):
        yield Reason(Refusal.NO_REFUND_UNDER_WAY)


def _exchange(balance: Balance) -> Iterator[Reason]:
    if not any(one.kind in GOODS_REMEDIES and not one.settled for one in balance.remedies.values()):
        yield Reason(Refusal.NO_EXCHANGE_OPEN)


def _goods_there(balance: Balance) -> Iterator[Reason]:
    if balance.complete and not any(line.received > line.returned_to_buyer for line in balance.lines.values()):
        yield Reason(Refusal.NOTHING_TO_RETURN)


def _appeal_window(found: Sequence[Clock], _: Role) -> Iterator[Reason]:
    for one in found:
        if one.clock_id == APPEAL_WINDOW and one.state in OPEN:
            yield Reason(Refusal.APPEAL_WINDOW_RUNS, one.due_at or "")


def _ran_out(found: Sequence[Clock], _: Role) -> Iterator[Reason]:
    if not any(one.state is ClockState.MISSED for one in found):
        yield Reason(Refusal.NOTHING_RAN_OUT)


def _offer_expired(found: Sequence[Clock], _: Role) -> Iterator[Reason]:
    for one in _last_offer(found):
        if one.state is ClockState.MISSED:
            yield Reason(Refusal.OFFER_EXPIRED, one.due_at or "")


def _offer_lapsed(found: Sequence[Clock], role: Role) -> Iterator[Reason]:
    if role is Role.SYSTEM and not any(one.state is ClockState.MISSED for one in _last_offer(found)):
        yield Reason(Refusal.OFFER_STANDS)


def _last_offer(found: Sequence[Clock]) -> list[Clock]:
    return [one for one in found if one.clock_id == OFFER_EXPIRY][-1:]


_BY_NUMBERS: dict[str, Callable[[Balance], Iterator[Reason]]] = {
    "close": _matters,
    "resolve": _matters,
    "offer_settlement": _offer_free,
    "issue_refund": _left_to_send,
    "settle_refund": _under_way,
    "fail_refund": _under_way,
    "deliver_exchange": _exchange,
    "return_to_buyer": _goods_there,
}
_BY_CLOCKS: dict[str, Callable[[Sequence[Clock], Role], Iterator[Reason]]] = {
    "close": _appeal_window,
    "expire": _ran_out,
    "accept_offer": _offer_expired,
    "refuse_offer": _offer_lapsed,
}
