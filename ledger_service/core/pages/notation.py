"""How each language writes times, days and amounts: small tables, so that the same case gives the same bytes anywhere.

Promises: times are to the minute, in UTC, and say so; an amount keeps every minor unit; no locale of the machine is
asked. Does not: know other languages (`web/talk.py` asks CLDR for these, and a test compares the two).

>>> write_instant("2026-11-13T15:00:00.000Z", Language.EN), write_instant("2026-11-13T15:00:00.000Z", Language.ZH)
('13 Nov 2026 15:00 UTC', '2026年11月13日 15:00 UTC')
>>> write_amount(-123_456, "EUR", Language.EN), write_amount(1_250, "CHF", Language.ZH)
('-€1,234.56', 'CHF 12.50')
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from ledger_service.core.fields import currency_minor_digits
from ledger_service.core.pages.language import Language

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_EVERYWHERE: Final = {
    "BRL": "R$", "CAD": "CA$", "EUR": "€", "GBP": "£", "HKD": "HK$", "ILS": "₪", "INR": "₹", "KRW": "₩", "MXN": "MX$",
    "NZD": "NZ$", "TWD": "NT$", "VND": "₫", "XCD": "EC$",
}  # fmt: skip
_SYMBOLS: Final[Mapping[Language, Mapping[str, str]]] = MappingProxyType(
    {
        Language.EN: _EVERYWHERE | {"AUD": "A$", "CNY": "CN¥", "JPY": "¥", "PHP": "₱", "USD": "$"},
        Language.ZH: _EVERYWHERE | {"AUD": "AU$", "CNY": "¥", "JPY": "JP¥", "USD": "US$"},
    }
)  # of CLDR; a currency that is not here stands as its code


def write_instant(instant: str, language: Language) -> str:
    """Return an instant (RFC 3339 UTC) to the minute, with its zone."""
    day = date.fromisoformat(instant[:10])
    if language is Language.ZH:
        return f"{day.year}年{day.month}月{day.day}日 {instant[11:16]} UTC"
    return f"{day.day} {_MONTHS[day.month - 1][:3]} {day.year} {instant[11:16]} UTC"


def write_day(day: str, language: Language) -> str:
    """Return a local day (ISO 8601).

    >>> write_day("2026-11-03", Language.EN), write_day("2026-11-03", Language.ZH)
    ('November 3, 2026', '2026年11月3日')
    """
    found = date.fromisoformat(day)
    if language is Language.ZH:
        return f"{found.year}年{found.month}月{found.day}日"
    return f"{_MONTHS[found.month - 1]} {found.day}, {found.year}"


def write_amount(minor: int, currency: str, language: Language) -> str:
    """Return an amount of minor units; the code of a currency stands where it has no symbol."""
    digits = currency_minor_digits(currency) or 0
    whole, rest = divmod(abs(minor), 10**digits)
    number = f"{whole:,}" if digits == 0 else f"{whole:,}.{rest:0{digits}}"
    symbol = _SYMBOLS[language].get(currency, f"{currency} ")
    return f"{'-' if minor < 0 else ''}{symbol}{number}"
