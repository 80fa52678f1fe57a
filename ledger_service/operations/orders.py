"""What a marketplace knows of an order before its buyer asks for a return: the goods, the countries, the times.

It travels sealed in the credential of a one-time link, and of the session that the link is exchanged for, under the
buyer's own key: what nobody uses is gone with the credential, and destroying the key erases it.
Promises: what is read here has the forms that `request_return` asks for. Does not: record anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ledger_service.core import encoding
from ledger_service.core.clock import Clock, Happening
from ledger_service.core.clocks import clocks
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Role
from ledger_service.core.fields import check
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.rules import Ground
from ledger_service.errors import RefusedError
from ledger_service.operations.credentials import about_credential
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.principal import Principal
from ledger_service.operations.pseudonyms import Party

VERB: Final = "request_return"
LINES_MAX = 20  # that a form asks about; a larger order comes as several links, or over the API
NAME_CHARACTERS_MAX = 200
ASKED_OF_THE_BUYER = frozenset({"legal_basis", "lines", "comment", "captured_at"})
_REQUEST = LIFECYCLE.case.transitions[VERB]
_LINE = {member.name: member.form for member in _REQUEST.fields["lines"].form.members}


class OrderRefusedError(RefusedError):
    """An order that is none: a field that a request has not, or a value that has not its form."""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """Goods that may come back: `qty` pieces at most; `name` is what the shop calls them, `paid` an amount or None."""

    line_id: str
    qty: int
    name: str
    paid: Json = None


@dataclass(frozen=True, slots=True)
class Order:
    """The order; `fields` are those of the request that the buyer is not asked for, `parties` come onto its list."""

    lines: tuple[OrderLine, ...]
    fields: Mapping[str, Json] = field(default_factory=dict)
    parties: tuple[Party, ...] = ()


def check_order(order: Order) -> None:
    """Refuse an order of which no request could be made.

    Raises:
        OrderRefusedError: It names a field that is none, lacks a country, or holds a value that has not its form.
    """
    if not 1 <= len(order.lines) <= LINES_MAX:
        raise OrderRefusedError(f"an order has 1 to {LINES_MAX} lines", hint="send the rest under another link")
    if len({line.line_id for line in order.lines}) != len(order.lines):
        raise OrderRefusedError("a line stands twice in the order")
    for line in order.lines:
        _require("line_id", check(_LINE["line_id"], line.line_id))
        _require("qty", check(_LINE["qty"], line.qty))
        if line.paid is not None:
            _require("paid", check(_LINE["paid"], line.paid))
        if not line.name.strip() or len(line.name) > NAME_CHARACTERS_MAX:
            raise OrderRefusedError(f"the name of a line has 1 to {NAME_CHARACTERS_MAX} characters")
    for name, value in order.fields.items():
        if name not in _REQUEST.fields or name in ASKED_OF_THE_BUYER:
            known = sorted(set(_REQUEST.fields) - ASKED_OF_THE_BUYER)
            raise OrderRefusedError(f"an order has no field {name!r:.60}", hint=f"its fields: {', '.join(known)}")
        _require(name, check(_REQUEST.fields[name].form, value))
    if missing := sorted({"buyer_country", "seller_country"}.difference(order.fields)):
        raise OrderRefusedError(f"an order names {' and '.join(missing)}", hint="they decide which law applies")


def encode_order(order: Order) -> str:
    """Return an order as text."""
    value: dict[str, Json] = {
        "lines": [{"id": one.line_id, "qty": one.qty, "name": one.name, "paid": one.paid} for one in order.lines],
        "fields": dict(order.fields),
        "parties": [[party.role.value, party.reference] for party in order.parties],
    }
    return encoding.encode(value).decode()


def order_of(ledger: Ledger, principal: Principal) -> Order | None:
    """Return the order that a session may open a return for, None where it opens none."""
    found = ledger.credentials.find(principal.name)
    text = "" if found is None else about_credential(ledger, found)[1]
    return parse_order(text) if text else None


def parse_order(text: str) -> Order:
    """Return the order that `encode_order` wrote."""
    value = encoding.parse(text.encode())
    assert isinstance(value, dict)
    lines, fields, parties = value["lines"], value["fields"], value["parties"]
    assert isinstance(lines, list)
    assert isinstance(fields, dict)
    assert isinstance(parties, list)
    return Order(tuple(map(_line, lines)), fields, tuple(map(_party, parties)))


def withdrawal_window(ledger: Ledger, order: Order) -> Clock | None:
    """Return the time that the law of the buyer's country gives to withdraw without a reason, as if asked for now.

    None where it gives none; the state `met` means that the time is not over, `unknown` that something is not known.
    """
    now = format_instant(ledger.clock())
    fields = {**order.fields, "legal_basis": "statutory_withdrawal"}
    asked = Happening(
        seq=0, verb=VERB, role=Role.BUYER, occurred_at=None, recorded_at=now, fields=fields, evidence=(), rule=None
    )
    found = [one for one in clocks([asked], now=now, only={"withdrawal_window"}) if one.ground is Ground.RESIDENCE]
    return found[0] if found else None


def request_fields(
    order: Order, *, basis: str, lines: Sequence[Mapping[str, Json]], comment: str, language: str
) -> dict[str, Json]:
    """Return the fields of the request that a buyer makes of an order.

    Args:
        order: What the marketplace knows.
        basis: The legal basis that the buyer chose.
        lines: For each line that comes back `line_id`, `qty`, `reason` and `wanted`.
        comment: The buyer's words; empty: none.
        language: Of the page, for an order that names none.
    """
    paid = {line.line_id: line.paid for line in order.lines}
    told: list[Json] = []
    for line in lines:
        price = paid[str(line["line_id"])]
        told.append({**line} if price is None else {**line, "paid": price})
    fields: dict[str, Json] = {"language": language, **order.fields, "legal_basis": basis, "lines": told}
    return {**fields, "comment": comment} if comment else fields


def _require(name: str, reason: str | None) -> None:
    if reason is not None:
        raise OrderRefusedError(f"{name}: {reason}")


def _line(row: Json) -> OrderLine:
    assert isinstance(row, dict)
    qty = row["qty"]
    assert isinstance(qty, int)
    return OrderLine(str(row["id"]), qty, str(row["name"]), row["paid"])


def _party(row: Json) -> Party:
    assert isinstance(row, list)
    return Party(Role(str(row[0])), str(row[1]))
