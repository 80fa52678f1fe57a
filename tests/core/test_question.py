"""Questions to statistics: text in, text out, and nothing that has not its form."""

from __future__ import annotations

import pytest

from ledger_service.core.export import Filters
from ledger_service.core.question import FORMS, Question, QuestionFormatError, parse_question
from ledger_service.core.statistics import Narrowing

WHOLE = {
    "buyer_country": "DE",
    "seller_country": "CN",
    "from": "2026-10",
    "to": "2026-12",
    "seller": "a" * 32,
    "rule": "EU",
    "verb": "decline_return",
}


def test_a_question_goes_to_text_and_back() -> None:
    question = parse_question(WHOLE)

    assert question.members() == WHOLE
    assert set(WHOLE) == set(FORMS)
    assert parse_question({}) == Question() == parse_question(dict.fromkeys(WHOLE, ""))
    assert Question().members() == {}


def test_months_are_whole_and_the_last_one_is_in() -> None:
    question = parse_question(WHOLE)

    assert question.filters() == Filters("DE", "CN", "2026-10-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z")
    assert parse_question({"from": "2026-11", "to": "2026-11"}).filters().opened_until == "2026-12-01T00:00:00.000Z"
    assert Question().filters() == Filters()
    assert question.narrowing() == Narrowing("a" * 32, "EU", "decline_return")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("buyer_country", "de"),
        ("seller_country", "CHN"),
        ("from", "2026-13"),
        ("from", "2026-1"),
        ("to", "2026"),
        ("to", "9999-12"),
        ("seller", "A" * 32),
        ("seller", "a" * 31),
        ("rule", "E U"),
        ("verb", "Decline"),
        ("verb", "decline\n"),
        ("country", "DE"),
    ],
)
def test_what_has_not_its_form_is_refused_by_name(member: str, value: str) -> None:
    with pytest.raises(QuestionFormatError) as refused:
        parse_question({member: value})

    assert refused.value.member == member


def test_months_that_end_before_they_begin_are_refused() -> None:
    with pytest.raises(QuestionFormatError, match="end before they begin"):
        parse_question({"from": "2026-12", "to": "2026-11"})
