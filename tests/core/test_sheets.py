"""A deadline is told by the buyer's local day and the instant, and by the instant alone where no day is known."""

from __future__ import annotations

from dataclasses import replace

from ledger_service.core.clock import Reason
from ledger_service.core.pages.language import Language
from ledger_service.core.pages.sheets import due_of, why_of
from ledger_service.core.pages.speech import Speech
from tests.core.cases import approved


def test_a_deadline_without_a_local_day_is_told_by_its_instant() -> None:
    clock = next(one for one in approved().timeline().clocks if one.due_at and one.due_date)
    speech = Speech(Language.EN)

    by_day, by_instant = due_of(clock, speech), due_of(replace(clock, due_date=None), speech)

    assert speech.day(str(clock.due_date)) in by_day
    assert speech.day(str(clock.due_date)) not in by_instant
    assert speech.minute(clock.due_at) in by_instant


def test_why_a_deadline_is_unknown_is_told_with_its_details() -> None:
    clock = replace(approved().timeline().clocks[0], reason=next(iter(Reason)), details="Europe/Atlantis", missing=())

    plain, detailed = why_of(replace(clock, details=""), Speech(Language.EN)), why_of(clock, Speech(Language.EN))

    assert detailed.replace(": Europe/Atlantis", "") == plain != detailed
