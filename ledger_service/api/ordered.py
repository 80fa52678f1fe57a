"""An order as a marketplace sends it with a one-time link, for its buyer to open a return.

Does not: know what a request needs (`operations/orders.py`).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from ledger_service.api.bodies import Wire
from ledger_service.api.wire import PLAIN_TEXT, Index, PartyReference
from ledger_service.core.entry import Role
from ledger_service.core.fields import QUANTITY_MAX
from ledger_service.operations import orders
from ledger_service.operations.pseudonyms import Party


class Paid(Wire):
    """What was paid, in minor units of a currency."""

    minor: Index
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class OrderLineRequest(Wire):
    """Goods of an order that may come back, at most `qty` pieces; `name` is shown to the buyer and recorded nowhere."""

    line_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/#-]{0,63}$")]
    qty: Annotated[int, Field(ge=1, le=QUANTITY_MAX)]
    name: Annotated[str, Field(min_length=1, max_length=orders.NAME_CHARACTERS_MAX, pattern=PLAIN_TEXT)]
    paid: Paid | None = None


class OrderRequest(Wire):
    """What the marketplace knows of an order; `fields` are those of `request_return` that no buyer is asked for."""

    lines: Annotated[list[OrderLineRequest], Field(min_length=1, max_length=orders.LINES_MAX)]
    fields: dict[str, Any]
    parties: list[PartyReference] = Field(
        default_factory=list, max_length=15, description="parties that come onto the access list when the return opens"
    )

    def value(self, marketplace: Party) -> orders.Order:
        """Return the order; the marketplace comes onto the list of the return too."""
        lines = tuple(
            orders.OrderLine(one.line_id, one.qty, one.name, None if one.paid is None else one.paid.model_dump())
            for one in self.lines
        )
        listed = tuple(Party(Role(one.role), one.reference) for one in self.parties)
        return orders.Order(lines, self.fields, (marketplace, *listed))
