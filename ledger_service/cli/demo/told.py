"""What a return came to, in a few lines of text: its clocks, its balance, its disputes.

Does not: read or compute anything; `rledger show` tells more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ledger_service.core.balance import Balance
from ledger_service.core.calendars import zone
from ledger_service.core.case import Case
from ledger_service.core.clock import Clock, ClockState
from ledger_service.core.clock_kinds import Nature
from ledger_service.core.fields import currency_minor_digits

MINUTE, HOUR, DAY = 60, 3_600, 86_400
_PIECES = ("requested", "approved", "received", "accepted", "rejected", "missing")


def clock_lines(clocks: Iterable[Clock]) -> list[str]:
    """Return a line for each clock: rule, who must act, the last local day in time, and what came of it."""
    return [
        f"{one.clock_id:<21}  {f'{one.rule.id}@{one.rule.version}':<16}  {one.actor.value:<9}"
        f"  due {one.due_date or '-':<10}  {_outcome(one)}"
        for one in clocks
    ]


def balance_lines(balance: Balance) -> list[str]:
    """Return the money, the pieces of each line, and the charges with their payers."""
    currency = balance.currency or ""
    approved, refunded = (_money(currency, n) for n in (balance.refund_approved_minor, balance.refunded_minor()))
    lines = [f"{approved} approved for refund, {refunded} refunded"]
    for line in balance.lines.values():
        pieces = ", ".join(f"{getattr(line, name)} {name}" for name in _PIECES if getattr(line, name))
        lines.append(f"{line.line_id}: {pieces}")
    for charge in balance.charges:
        row: dict[str, Any] = charge
        amount = _money(row["amount"]["currency"], row["amount"]["minor"])
        lines.append(f"{row['kind']}: {amount}, paid by the {row['payer']}")
    return lines


def dispute_lines(case: Case) -> list[str]:
    """Return a line for each dispute."""
    return [f"dispute {one.dispute_id} ({one.type}): {one.state}" for one in case.disputes]


def _outcome(clock: Clock) -> str:
    if clock.state is ClockState.UNKNOWN:
        return f"unknown: {', '.join(clock.missing) or clock.reason} is not recorded"
    if clock.state is ClockState.MISSED:
        return "lapsed" if clock.nature is Nature.RIGHT else f"MISSED by {_span(-(clock.margin_seconds or 0))}"
    word = "early" if clock.state is ClockState.MET else "left"
    margin = "" if clock.margin_seconds is None else f", {_span(clock.margin_seconds)} {word}"
    return f"{clock.state.value}{margin}{_withheld(clock)}"


def _withheld(clock: Clock) -> str:
    if clock.withheld_from is None or clock.withheld_until is None:
        return ""
    since, until = (_local(text, clock.zone) for text in (clock.withheld_from, clock.withheld_until))
    return f"; lawfully withheld from {since} to {until}"


def _local(text: str, name: str | None) -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone(name or 'UTC')):%Y-%m-%d %H:%M}"


def _span(seconds: int) -> str:
    days, rest = divmod(seconds, DAY)
    hours, minutes = rest // HOUR, rest % HOUR // MINUTE
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min"


def _money(currency: str, minor: int) -> str:
    digits = currency_minor_digits(currency) or 0
    text = str(minor).rjust(digits + 1, "0")
    return f"{text[: len(text) - digits]}.{text[len(text) - digits :]} {currency}" if digits else f"{text} {currency}"
