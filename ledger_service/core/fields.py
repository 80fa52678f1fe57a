"""The forms that a field of a step can have, and the check of a value against its form.

Forms are named in the table of the life cycle (`data/lifecycle.json`): the scalars below, the table's own choices
(enumerations) and objects (rows such as a line with its quantity), and `many`, a list of any of them.

Promises: a value that passes is exact (integers, no floats; codes that exist; times with an offset), so nothing
needs to be guessed later. Does not: know which step has which field (`lifecycle.py`), or judge whether a value is
true.

>>> check(Form("country"), "DE") is None, check(Form("country"), "XX")
(True, "'XX' is no country code of ISO 3166-1 (two capital letters)")
>>> check(Form("amount"), {"minor": 1999, "currency": "EUR"}) is None
True
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from ledger_service.core import data
from ledger_service.core.encoding import INTEGER_MAX, Json

TEXT_CHARACTERS_MAX = 4_000  # one free text; longer content is an evidence file
MANY_MAX = 200  # rows of one field: no return has more lines or parcels
QUANTITY_MAX = 1_000_000  # pieces of one line
DAYS_MAX = 3_650  # ten years: longer than any window or offer
SCORE_MAX = 5  # feedback counts from 1 to 5

_LANGUAGE = re.compile(
    r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([0-9A-Za-z]{5,8}|[0-9][0-9A-Za-z]{3}))*"
)
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
_RULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CODE = re.compile(r"[a-z]+(_[a-z0-9]+)*")
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#-]{0,63}")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Disclosure(StrEnum):
    """Whether a field stands in the entry as its value or as a salted commitment (design §4)."""

    CLEAR = "clear"
    COMMITTED = "committed"


class Subject(StrEnum):
    """Whose a committed value is (design §4): under the key of one person, or a joint fact under the case's."""

    PERSON = "person"
    CASE = "case"


@dataclass(frozen=True, slots=True)
class Form:
    """What a value looks like.

    `name` is a scalar of this module, or the table's name of a choice or an object; `choices` are the values of a
    choice, `members` the members of an object; `many` says that the value is a list of 1 to `MANY_MAX` of them.
    """

    name: str
    choices: tuple[str, ...] = ()
    members: tuple[Field, ...] = ()
    many: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A named value of a step, or a member of an object: its form and whether it must be there."""

    name: str
    form: Form
    required: bool = False
    disclosure: Disclosure = Disclosure.COMMITTED

    @property
    def subject(self) -> Subject:
        """Return whose the value is: free text is its author's; what is counted with is a fact of the case."""
        return Subject.PERSON if self.form.name == "text" else Subject.CASE


def check(form: Form, value: Json) -> str | None:
    """Return None if the value has the form, else one phrase that says why not."""
    if not form.many:
        return _check_one(form, value)
    if not isinstance(value, list) or not 1 <= len(value) <= MANY_MAX:
        return f"a list of 1 to {MANY_MAX} is expected"
    for place, item in enumerate(value):
        if reason := _check_one(form, item):
            return f"item {place}: {reason}"
    return None


def currency_minor_digits(currency: str) -> int | None:
    """Return how many digits the minor unit of an ISO 4217 currency has (EUR 2, JPY 0, KWD 3), None if unknown."""
    return _CURRENCIES.get(currency)


def _check_one(form: Form, value: Json) -> str | None:
    if form.choices:
        if isinstance(value, str) and value in form.choices:
            return None
        return f"{value!r:.60} is none of {', '.join(form.choices)}"
    if form.members:
        return _check_object(form.members, value)
    return SCALARS[form.name](value)


def _check_object(members: tuple[Field, ...], value: Json) -> str | None:
    names = [member.name for member in members]
    if not isinstance(value, dict):
        return f"an object with {', '.join(names)} is expected"
    if unknown := sorted(set(value).difference(names)):
        return f"{unknown[0]!r:.60} is none of its members {', '.join(names)}"
    for member in members:
        if member.name not in value:
            if member.required:
                return f"the member {member.name!r} is missing"
        elif reason := check(member.form, value[member.name]):
            return f"{member.name}: {reason}"
    return None


def _text(value: Json) -> str | None:
    if not isinstance(value, str) or not value.strip():
        return "a text that is not empty is expected"
    if len(value) > TEXT_CHARACTERS_MAX:
        return f"a text of at most {TEXT_CHARACTERS_MAX} characters is expected, found {len(value)}"
    return "the text holds a control character or a lone surrogate" if _CONTROL.search(value) else None


def _integer(least: int, most: int) -> Callable[[Json], str | None]:
    def check_integer(value: Json) -> str | None:
        if type(value) is int and least <= value <= most:
            return None
        return f"an integer from {least} to {most} is expected"

    return check_integer


def _boolean(value: Json) -> str | None:
    return None if isinstance(value, bool) else "true or false is expected"


def _pattern(pattern: re.Pattern[str], most: int, expected: str) -> Callable[[Json], str | None]:
    def check_pattern(value: Json) -> str | None:
        if isinstance(value, str) and len(value) <= most and pattern.fullmatch(value):
            return None
        return f"{value!r:.60} is not {expected}"

    return check_pattern


def _country(value: Json) -> str | None:
    if isinstance(value, str) and value in _COUNTRIES:
        return None
    return f"{value!r:.60} is no country code of ISO 3166-1 (two capital letters)"


def _currency(value: Json) -> str | None:
    if isinstance(value, str) and value in _CURRENCIES:
        return None
    return f"{value!r:.60} is no currency code of ISO 4217 (three capital letters)"


def _amount(value: Json) -> str | None:
    if not isinstance(value, dict) or set(value) != {"minor", "currency"}:
        return 'an amount is {"minor": 1999, "currency": "EUR"}'
    if reason := _integer(0, INTEGER_MAX)(value["minor"]):
        return f"minor: {reason} (minor units, no fraction)"
    return _currency(value["currency"])


def _instant(value: Json) -> str | None:
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            return None
    return f"{value!r:.60} is not a time that exists, with its offset (RFC 3339): 2026-11-03T10:22:05+01:00"


def _fields(value: Json) -> str | None:
    """Check the names only: which fields they may be depends on the entry that they correct (`corrections.py`)."""
    if isinstance(value, dict) and value and all(_FIELD_NAME.fullmatch(name) for name in value):
        return None
    return "an object of field names with their corrected values is expected"


def _load_codes() -> tuple[frozenset[str], dict[str, int]]:
    codes: Any = data.load("codes.json")
    by_digits = codes["currencies_by_minor_digits"]
    return frozenset(codes["countries"]), {code: int(n) for n, group in by_digits.items() for code in group}


_COUNTRIES, _CURRENCIES = _load_codes()

SCALARS: Final[dict[str, Callable[[Json], str | None]]] = {
    "text": _text,
    "fields": _fields,
    "reference": _pattern(_REFERENCE, 64, "a reference: letters, digits and . _ : / # -, at most 64, no free text"),
    "zone": _pattern(_ZONE, 64, "the name of a time zone (IANA): Europe/Berlin"),
    "boolean": _boolean,
    "quantity": _integer(1, QUANTITY_MAX),
    "count": _integer(0, INTEGER_MAX),
    "days": _integer(1, DAYS_MAX),
    "score": _integer(1, SCORE_MAX),
    "country": _country,
    "currency": _currency,
    "amount": _amount,
    "instant": _instant,
    "language": _pattern(_LANGUAGE, 35, "a language tag (BCP 47): de, zh-Hans, pt-BR"),
    "decimal": _pattern(_DECIMAL, 31, "a decimal number as text: 7.8342"),
    "rule": _pattern(_RULE, 64, "the id of a rule: letters, digits, dot, dash and underscore, at most 64"),
    "code": _pattern(_CODE, 48, "a code: lower-case words joined by underscores, at most 48 characters"),
    "hs6": _pattern(re.compile(r"[0-9]{6}"), 6, "six digits of the Harmonized System"),
    "leaf_hash": _pattern(re.compile(r"[0-9a-f]{64}"), 64, "the leaf hash of an entry: 64 lower-case hex digits"),
    "digest": _pattern(re.compile(r"[0-9a-f]{64}"), 64, "a SHA-256 as 64 lower-case hex digits"),
    "random_id": _pattern(re.compile(r"[0-9a-f]{32}"), 32, "a random id of 128 bits: 32 lower-case hex digits"),
}
"""The scalar forms: for each name, the function that returns None or why a value has not the form."""
