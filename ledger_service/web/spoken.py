"""The core's words as pages say them: words instead of codes, and in languages that the core does not hold.

Promises: what the core says of a case reads on a page like the page itself. Does not: hold words (`core/pages/`), or
the messages of pages (`talk.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency
from babel.support import NullTranslations

from ledger_service.core.fields import currency_minor_digits
from ledger_service.core.lifecycle import LIFECYCLE, Words
from ledger_service.core.moments import parse_instant
from ledger_service.core.pages.escaping import escaped
from ledger_service.core.pages.speech import Speech

_INSTANT = "d MMM y HH:mm 'UTC'"


@dataclass(frozen=True, slots=True)
class Spoken(Speech):
    """One language of the core, on pages."""

    def evidence(self, kind: str) -> str:
        """Return what a kind of evidence is, without its code."""
        words = LIFECYCLE.evidence_kinds.get(kind)
        return escaped(kind) if words is None else self.of(words)

    def field(self, name: str) -> str:
        """Return what a field means."""
        return self.code("field", name)

    def step(self, verb: str) -> str:
        """Return what the step means, as a quotation."""
        return f"“{self.verb(verb)}”"

    def refusal(self, code: str, why: str | None) -> str:
        """Return why a step was refused; what the error said, in English, stands with the entry itself."""
        del why
        return self.code("attempt", code)

    def clock(self, clock_id: str, subject: str | None, words: Words) -> str:
        """Return a deadline without its code."""
        del clock_id
        return self.of(words) if subject is None else f"{self.of(words)} ({escaped(subject)})"


@dataclass(frozen=True, slots=True)
class Translated(Spoken):
    """The words of the core in a language that the core does not hold: its English, through the catalogue."""

    translations: NullTranslations
    locale: Locale

    def of(self, words: Words) -> str:
        """Return the meaning in this language."""
        return str(self.translations.gettext(words.en))

    def instant(self, instant: str) -> str:
        """Return an instant (RFC 3339 UTC) to the minute, with its zone."""
        return format_datetime(parse_instant(instant), _INSTANT, locale=self.locale)

    def day(self, day: str) -> str:
        """Return a local day (ISO 8601)."""
        return format_date(date.fromisoformat(day), "long", locale=self.locale)

    def amount(self, minor: int, currency: str) -> str:
        """Return an amount of minor units."""
        digits = currency_minor_digits(currency) or 0
        value = Decimal(minor).scaleb(-digits)
        return format_currency(value, currency, locale=self.locale, decimal_quantization=False)
