"""The stories of the demonstration, by name: each a return from request to close, in a module of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from ledger_service.cli.demo.stories import (
    china_seven_day,
    customs_duty_relief,
    damaged_lamp,
    eu_withdrawal,
    inspection_dispute,
    uk_posting_proof,
)
from ledger_service.cli.demo.story import Story

DEFAULT = "damaged-lamp"


class Tale(NamedTuple):
    """A story that is not told yet: its title, and the function that tells it from the time now."""

    title: str
    tell: Callable[[datetime], Story]


STORIES: dict[str, Tale] = {
    DEFAULT: Tale(damaged_lamp.TITLE, damaged_lamp.story),
    "eu-withdrawal": Tale(eu_withdrawal.TITLE, lambda _: eu_withdrawal.story()),
    "china-seven-day": Tale(china_seven_day.TITLE, lambda _: china_seven_day.story()),
    "uk-posting-proof": Tale(uk_posting_proof.TITLE, lambda _: uk_posting_proof.story()),
    "customs-duty-relief": Tale(customs_duty_relief.TITLE, lambda _: customs_duty_relief.story()),
    "inspection-dispute": Tale(inspection_dispute.TITLE, lambda _: inspection_dispute.story()),
}
"""The stories; those with days of their own do not look at the time now."""
