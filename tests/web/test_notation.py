"""The small tables by which the core writes days and amounts say what CLDR says, which other languages are asked of."""

from __future__ import annotations

import re
from itertools import product
from string import ascii_uppercase

import pytest
from babel.support import NullTranslations

from ledger_service.core.fields import currency_minor_digits
from ledger_service.core.pages.language import Language
from ledger_service.web.spoken import Translated
from ledger_service.web.talk import TAGS, spoken_in_core, talk

CORE = [tag for tag in TAGS if spoken_in_core(tag)]
CURRENCIES = [
    code for code in map("".join, product(ascii_uppercase, repeat=3)) if currency_minor_digits(code) is not None
]


def cldr(tag: str) -> Translated:
    """Return how CLDR writes in a language."""
    return Translated(Language.EN, NullTranslations(), talk(tag).locale)


@pytest.mark.parametrize("tag", CORE)
def test_an_amount_has_the_symbol_of_cldr_or_where_that_is_letters_the_code(tag: str) -> None:
    for currency in CURRENCIES:
        symbol, digits = talk(tag).locale.currency_symbols.get(currency, currency), currency_minor_digits(currency)
        expected = f"{currency} " if re.fullmatch(r"[A-Za-z.\u202f]+", symbol) else symbol
        number = "1" if not digits else f"0.{1:0{digits}}"
        assert talk(tag).amount(1, currency) == f"{expected}{number}"


@pytest.mark.parametrize("tag", CORE)
@pytest.mark.parametrize("minor", [0, 1, -150, 99_999, 123_456, -1_234_567_890])
def test_the_number_of_an_amount_is_that_of_cldr(tag: str, minor: int) -> None:
    for currency in ("EUR", "GBP", "USD", "CNY", "JPY", "KRW"):
        assert talk(tag).amount(minor, currency) == cldr(tag).amount(minor, currency)
    assert talk(tag).amount(-1_234_567, "KWD") == "-KWD 1,234.567"


@pytest.mark.parametrize("tag", CORE)
def test_days_are_those_of_cldr(tag: str) -> None:
    for month in range(1, 13):
        day = f"2026-{month:02}-03"
        assert talk(tag).day(day) == cldr(tag).day(day)
        instant = f"{day}T05:09:59.999Z"
        assert talk(tag).instant(instant).endswith(" 05:09 UTC")
        if tag == "en":
            assert talk(tag).instant(instant) == cldr(tag).instant(instant)
