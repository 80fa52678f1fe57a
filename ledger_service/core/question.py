"""What somebody asks statistics about: countries, months, a seller, a rule set, a step. From text, and back to it.

Promises: `parse_question(question.members())` is the question; months are whole ones of UTC, the last one included.
Does not: know which cases there are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ledger_service.core.entry import RULE
from ledger_service.core.export import Filters
from ledger_service.core.statistics import Narrowing
from ledger_service.errors import FormatError

FORMS = {
    "buyer_country": r"[A-Z]{2}",
    "seller_country": r"[A-Z]{2}",
    "from": r"[0-9]{4}-(?:0[1-9]|1[0-2])",
    "to": r"[0-9]{4}-(?:0[1-9]|1[0-2])",
    "seller": r"[0-9a-f]{32}",
    "rule": RULE.pattern,
    "verb": r"[a-z][a-z0-9_]{0,63}",
}
"""The form of each member."""


class QuestionFormatError(FormatError):
    """A member of a question has not its form; `member` is its name."""

    def __init__(self, member: str, message: str) -> None:
        super().__init__(message)
        self.member = member


@dataclass(frozen=True, slots=True)
class Question:
    """A question; what is None is not asked about.

    Countries are ISO 3166-1 alpha-2, `first` and `last` months as 2026-11; `seller` is a name of the statistics' own,
    `rule` the id of a rule set, `verb` the name of a step.
    """

    buyer_country: str | None = None
    seller_country: str | None = None
    first: str | None = None
    last: str | None = None
    seller: str | None = None
    rule: str | None = None
    verb: str | None = None

    def filters(self) -> Filters:
        """Return which cases an export of the same question would hold, before it is narrowed."""
        return Filters(
            self.buyer_country,
            self.seller_country,
            None if self.first is None else f"{self.first}-01T00:00:00.000Z",
            None if self.last is None else f"{_after(self.last)}-01T00:00:00.000Z",
        )

    def narrowing(self) -> Narrowing:
        """Return which of these cases are counted."""
        return Narrowing(self.seller, self.rule, self.verb)

    def members(self) -> dict[str, str]:
        """Return what is asked, by the names of `FORMS`; what is not asked is not there."""
        values = (
            self.buyer_country, self.seller_country, self.first, self.last, self.seller, self.rule, self.verb,
        )  # fmt: skip
        return {name: value for name, value in zip(FORMS, values, strict=True) if value is not None}


def parse_question(members: Mapping[str, str]) -> Question:
    """Return the question of text members; an empty one asks nothing, as a form's field that was left out.

    Raises:
        QuestionFormatError: A member is unknown, has not its form, or the months end before they begin.
    """
    for name in members:
        if name not in FORMS:
            raise QuestionFormatError(name, f"{name!r:.40} is nothing that can be asked")
    given = {name: members[name] for name in FORMS if members.get(name)}
    for name, value in given.items():
        if not re.fullmatch(FORMS[name], value):
            raise QuestionFormatError(name, f"{name}: the form {FORMS[name]} is expected")
    if "from" in given and "to" in given and given["to"] < given["from"]:
        raise QuestionFormatError("to", "to: the months end before they begin")
    if given.get("to") == "9999-12":
        raise QuestionFormatError("to", "to: no month follows this one")
    return Question(*(given.get(name) for name in FORMS))


def _after(month: str) -> str:
    """Return the next month.

    >>> _after("2026-12")
    '2027-01'
    """
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"
