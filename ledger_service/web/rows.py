"""What a form counts for each line of a return: pieces that are approved, posted, received, graded; amounts.

What belongs to no line stands in rows with numbers: parcels, deductions, what a ruling orders.
Promises: every line of the case is there to be counted, and what cannot be counted is named; a row with nothing in it
is left out, and where a step may lack them all, so is the field.
Does not: judge whether it adds up (`core/balance.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from ledger_service.core.balance import Line
from ledger_service.core.encoding import Json
from ledger_service.core.fields import QUANTITY_MAX, TEXT_CHARACTERS_MAX, Field, currency_minor_digits
from ledger_service.web.entries import Named

NUMBERED = 3  # rows of one field that a form asks about, as parcels; more are handed in over the API
_COUNTS = frozenset({"count", "quantity"})
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_AMOUNT = re.compile(r"([0-9]{1,12})(?:[.,]([0-9]{1,3}))?")
_DEFAULTS: dict[tuple[str, str], Callable[[Line], int]] = {
    ("approved_lines", "qty"): lambda line: line.requested,
    ("parcels", "qty"): lambda line: line.approved - line.shipped,
    ("lines", "received_qty"): lambda line: line.sent() - line.received,
    ("lines", "accepted_qty"): lambda line: line.gradable() - line.accepted - line.rejected,
    ("lines", "qty"): lambda line: line.rejected,
    ("new_lines", "qty"): lambda line: line.approved - line.exchanged,
}  # (field, member) -> what is most likely; the person changes it


@dataclass(frozen=True, slots=True)
class Goods:
    """What a form knows of its case.

    Its lines, its currency (None: nothing was priced), its rules as `id@version`, its entries in their order.
    """

    lines: tuple[Line, ...] = ()
    currency: str | None = None
    rules: tuple[str, ...] = ()
    entries: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One thing that is asked of a row: `name` of its label, `line` that it is about, what stands there at first."""

    id: str
    name: str
    form: str
    choices: tuple[str, ...] = ()
    line: str = ""
    first: str = ""
    required: bool = False

    @property
    def counts(self) -> bool:
        """Say whether it is a number of pieces."""
        return self.form in _COUNTS


@dataclass(frozen=True, slots=True)
class Row:
    """One line, or one of the rows with a number from 1."""

    line: str
    number: int
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one field of a step."""

    field: Field
    rows: tuple[Row, ...]

    def ids_after(self, number: int) -> tuple[str, ...]:
        """Return what is asked in the rows after that number."""
        return tuple(column.id for row in self.rows if row.number > number for column in row.columns)


def rows_of(field: Field, goods: Goods) -> Rows | None:
    """Return the rows that ask for a field, None where no form here can."""
    if not field.form.many or not field.form.members:
        return None
    numbers = range(1, NUMBERED + 1)
    if field.form.name == "parcel":
        return Rows(field, tuple(_parcel(number, goods) for number in numbers))
    first, *members = field.form.members
    counted = first.name == "line_id"
    members = members if counted else [first, *members]
    priced = [member for member in members if member.form.name != "amount" or goods.currency is not None]
    if any(one.required for one in members if one not in priced):
        return None
    if not counted:
        return Rows(field, tuple(Row("", number, _columns(field, priced, number)) for number in numbers))
    if not goods.lines:
        return None
    rows = [
        Row(line.line_id, 0, tuple(_column(field, member, place, line) for member in priced))
        for place, line in enumerate(goods.lines)
    ]
    return Rows(field, tuple(rows))


def read_rows(asked: Rows, form: Mapping[str, str], goods: Goods, wrong: dict[str, str]) -> list[Json]:
    """Return the rows that were filled in, empty where none was and the step may lack them; note what is wrong."""
    found: list[Json] = []
    for row in asked.rows:
        values: dict[str, Json] = {}
        listed: list[Json] = []
        for column in row.columns:
            value = _value(column, form.get(column.id, "").strip(), goods, wrong)
            if value is None:
                continue
            if row.number and column.counts:
                listed.append({"line_id": column.line, "qty": value})
            else:
                values[column.name] = value
        if asked.field.form.name == "parcel":
            if listed or values:
                found.append({"parcel_id": f"parcel-{row.number}", **values, **({"lines": listed} if listed else {})})
        elif values if row.number else _says_something(row, values):
            zeros = {one.name: 0 for one in row.columns if one.form == "count"}
            wrong |= {one.id: "missing" for one in row.columns if one.required and one.name not in {**zeros, **values}}
            found.append({**({} if row.number else {"line_id": row.line}), **zeros, **values})
    if not found and not wrong and asked.field.required:
        wrong[asked.rows[0].columns[0].id] = "nothing_chosen"
    return found


def read_amount(text: str, currency: str) -> Json:
    """Return an amount that somebody wrote, None if it is none.

    >>> read_amount("12,5", "EUR"), read_amount("12.555", "EUR"), read_amount("700", "JPY")
    ({'minor': 1250, 'currency': 'EUR'}, None, {'minor': 700, 'currency': 'JPY'})
    """
    digits, match = currency_minor_digits(currency) or 0, _AMOUNT.fullmatch(text)
    if match is None or len(match[2] or "") > digits:
        return None
    return {"minor": int(match[1] + (match[2] or "").ljust(digits, "0")), "currency": currency}


def _parcel(number: int, goods: Goods) -> Row:
    tracking = Column(f"parcels-{number}-tracking_no", "tracking_no", "text")
    counted = [
        Column(
            f"parcels-{number}-{place}", "qty", "quantity", line=line.line_id,
            first=_first("parcels", "qty", line) if number == 1 else "",
        )
        for place, line in enumerate(goods.lines)
    ]  # fmt: skip
    return Row("", number, (tracking, *counted))


def _column(field: Field, member: Field, place: int, line: Line) -> Column:
    return Column(
        f"{field.name}-{place}-{member.name}", member.name, member.form.name, member.form.choices, line.line_id,
        _first(field.name, member.name, line) if field.required else "", member.required and field.required,
    )  # fmt: skip


def _columns(field: Field, members: list[Field], number: int) -> tuple[Column, ...]:
    return tuple(
        Column(
            f"{field.name}-{number}-{member.name}", member.name, member.form.name, member.form.choices,
            required=member.required,
        )
        for member in members
    )  # fmt: skip


def _first(field: str, member: str, line: Line) -> str:
    found = _DEFAULTS.get((field, member))
    return str(max(found(line), 0)) if found is not None else ""


def _value(column: Column, text: str, goods: Goods, wrong: dict[str, str]) -> Json:
    """Return what stands in a column, None for nothing; a number of pieces that is 0 is nothing."""
    if not text:
        return None
    if column.counts:
        if not text.isascii() or not text.isdigit() or len(text) > 7 or int(text) > QUANTITY_MAX:
            wrong[column.id] = "too_many"
            return None
        return int(text) or None
    if column.choices:
        if text not in column.choices:
            wrong[column.id] = "choice"
        return text
    if column.form == "instant":
        day = _last_moment(text)
        if day is None:
            wrong[column.id] = "no_day"
        return day
    if column.form == "amount":
        amount = read_amount(text, goods.currency or "")
        if amount is None:
            wrong[column.id] = "no_amount"
        return amount
    if len(text) > TEXT_CHARACTERS_MAX:
        wrong[column.id] = "too_long"
    return text


def _last_moment(text: str) -> str | None:
    """Return the last second of a day (UTC), None if it is no day.

    >>> _last_moment("2026-12-31"), _last_moment("2026-02-30")
    ('2026-12-31T23:59:59Z', None)
    """
    try:
        return f"{date.fromisoformat(text)}T23:59:59Z" if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _says_something(row: Row, values: Mapping[str, Json]) -> bool:
    """Say whether a row counts pieces or, where it need not count any, names an amount."""
    if any(one.counts and one.name in values for one in row.columns):
        return True
    return "amount" in values and not any(one.form == "count" for one in row.columns)
