"""The balance of a case: lines with quantities, refunds, remedies and charges.

Amounts are integer minor units of one currency a case; charges (duty, tax, freight, exchange) stand apart with their
own currency and payer. Promises: `open_matters` names whatever keeps a case from being resolved. Does not: move
(`effects.py`), or know states, roles and clocks. A value that was erased is unknown: what would be counted with it is
not checked, and `complete` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ledger_service.core.encoding import Json

Values = Mapping[str, Any]
GOODS_REMEDIES = frozenset({"exchange", "repair"})


class UnbalancedError(ValueError):
    """The step does not fit the balance; the text says why. `missing` says that a field is what is lacking."""

    def __init__(self, reason: str, *, missing: bool = False) -> None:
        super().__init__(reason)
        self.missing = missing


@dataclass(slots=True)
class Line:
    """One order line: pieces at each stage, and minor units paid (None: not known) and approved for refund.

    `shipped`, `extra`, `received`, `exchanged` and `returned_to_buyer` count each way that a piece took; `accepted`,
    `rejected`, `missing` and `kept` are the outcomes that stand, one a piece. `approved` are the pieces with such an
    outcome and those that may still come; `inspected` says that they were graded since they were approved. `reopened`
    counts the pieces that came, went back to the buyer and were approved again.
    """

    line_id: str
    requested: int = 0
    approved: int = 0
    shipped: int = 0
    extra: int = 0
    received: int = 0
    accepted: int = 0
    rejected: int = 0
    missing: int = 0
    kept: int = 0
    exchanged: int = 0
    returned_to_buyer: int = 0
    refund_minor: int = 0
    paid_minor: int | None = None
    inspected: bool = False
    reopened: int = 0

    def sent(self) -> int:
        """Return how many pieces were sent: what was approved, where nobody counted."""
        return self.shipped or self.approved

    def graded(self) -> int:
        """Return for how many pieces inspection or a kept item gave the outcome."""
        return self.accepted + self.rejected + self.missing + self.kept

    def gradable(self) -> int:
        """Return how many pieces may be accepted or rejected: those that came, each once however often it came."""
        return self.received - self.reopened

    def approve(self, qty: int) -> None:
        """Let so many pieces come, or come again; what has an outcome that stands is approved beside them."""
        self.reopen(qty)
        self.approved = min(self.graded() + qty, self.requested)

    def reopen(self, qty: int) -> None:
        """Take back the outcome of up to so many pieces, so that they may be sent and graded once more.

        Rejected ones come first, then missing ones, then accepted ones that the buyer has again.
        """
        rejected = min(self.rejected, qty)
        missing = min(self.missing, qty - rejected)
        gone = max(self.accepted - (self.received - self.returned_to_buyer), 0)
        accepted = min(gone, qty - rejected - missing)
        self.rejected -= rejected
        self.missing -= missing
        self.accepted -= accepted
        self.reopened += min(rejected + accepted, self.returned_to_buyer - self.reopened)
        self.inspected = False

    def ship_unlisted(self) -> None:
        """Count as sent what is approved, not kept and not under way or with the seller already."""
        self.shipped = max(self.shipped, self.approved - self.kept + self.returned_to_buyer)

    def grade(self, *, accepted: int, rejected: int, missing: int) -> None:
        """Add the outcomes of an inspection to those that stand."""
        self.accepted += accepted
        self.rejected += rejected
        self.missing += missing
        self.inspected = True


@dataclass(slots=True)
class Refund:
    """Money sent back: `state` is issued, settled or failed."""

    refund_id: str
    minor: int
    method: str
    state: str = "issued"


@dataclass(slots=True)
class Remedy:
    """A remedy that was decided; `kind` is refund, or one of the offered remedies; `settled` says it is done."""

    remedy_id: str
    kind: str
    settled: bool = False


@dataclass(slots=True)
class Offer:
    """The open settlement offer."""

    remedy_id: str
    kind: str
    minor: int
    lines: dict[str, int]


@dataclass(slots=True)
class Balance:
    """What the opened values of a case add up to."""

    lines: dict[str, Line] = field(default_factory=dict)
    currency: str | None = None
    refund_approved_minor: int = 0
    goods_approved_minor: int = 0  # of it for the goods alone, without freight, duty and tax
    refunds: dict[str, Refund] = field(default_factory=dict)
    remedies: dict[str, Remedy] = field(default_factory=dict)
    offer: Offer | None = None
    charges: list[dict[str, Json]] = field(default_factory=list)
    complete: bool = True

    def copy(self) -> Balance:
        """Return a balance that can be moved without moving this one."""
        return replace(
            self,
            lines={name: replace(line) for name, line in self.lines.items()},
            refunds={name: replace(one) for name, one in self.refunds.items()},
            remedies={name: replace(one) for name, one in self.remedies.items()},
            charges=list(self.charges),
        )

    def refunded_minor(self) -> int:
        """Return the minor units that were sent back and did not fail."""
        return sum(one.minor for one in self.refunds.values() if one.state != "failed")

    def open_matters(self) -> list[str]:
        """Return what is not settled, each as a phrase; empty when every remedy is done and every line adds up."""
        found = [f"the remedy {one.remedy_id or 'without id'} is open" for one in self.remedies.values() if _open(one)]
        if self.offer is not None:
            found.append(f"the offer {self.offer.remedy_id or 'without id'} is open")
        found += [
            f"the refund {one.refund_id} is not settled" for one in self.refunds.values() if one.state == "issued"
        ]
        if self.complete and self.refunded_minor() != self.refund_approved_minor:
            found.append(f"{self.refunded_minor()} of {self.refund_approved_minor} minor units are refunded")
        for line in self.lines.values():
            whole = line.approved <= line.graded() <= line.approved + line.extra  # what came unasked for is graded too
            if self.complete and line.inspected and not whole:
                counts = f"{line.accepted} accepted, {line.rejected} rejected, {line.missing} missing, {line.kept} kept"
                found.append(f"line {line.line_id}: {counts} are not the {line.approved} approved")
        return found

    def received_state(self) -> str:
        """Return the state after a receipt: `received` when every piece that was sent is there, or found missing."""
        whole = all(line.received + line.missing >= line.sent() for line in self.lines.values())
        return "received" if whole else "partially_received"

    def members(self) -> dict[str, Json]:
        """Return the balance as a JSON object for whoever shows it."""
        return {
            "currency": self.currency,
            "complete": self.complete,
            "refund_approved_minor": self.refund_approved_minor,
            "refunded_minor": self.refunded_minor(),
            "lines": [{name.name: getattr(line, name.name) for name in fields(Line)} for line in self.lines.values()],
            "refunds": [
                {name.name: getattr(one, name.name) for name in fields(Refund)} for one in self.refunds.values()
            ],
            "remedies": [
                {name.name: getattr(one, name.name) for name in fields(Remedy)} for one in self.remedies.values()
            ],
            "charges": list(self.charges),
        }

    def line(self, line_id: str) -> Line | None:
        """Return a line to count on, None where the request's lines are not known.

        Raises:
            UnbalancedError: The lines are known, and this is none of them.
        """
        known = self.lines.get(line_id)
        if known is None and self.complete:
            raise UnbalancedError(f"there is no line {line_id}; the case has {', '.join(self.lines) or 'none'}")
        return known

    def minor(self, amount: Values | None, what: str) -> int:
        """Return the minor units of an amount in the currency of the case, 0 where there is none.

        Raises:
            UnbalancedError: Another currency.
        """
        if amount is None:
            return 0
        if self.currency is None:
            self.currency = amount["currency"]
        require(
            amount["currency"] == self.currency,
            f"the {what} is in {amount['currency']}, the case is in {self.currency}",
        )
        return int(amount["minor"])

    def paid_minor(self) -> int | None:
        """Return what was paid for all lines, None where it is not known of each."""
        paid = [line.paid_minor for line in self.lines.values()]
        known = [one for one in paid if one is not None]
        return sum(known) if self.complete and paid and len(known) == len(paid) else None


def require(holds: bool, reason: str, *, missing: bool = False) -> None:
    """Raise `UnbalancedError` with the reason unless it holds."""
    if not holds:
        raise UnbalancedError(reason, missing=missing)


def _open(remedy: Remedy) -> bool:
    return remedy.kind in GOODS_REMEDIES and not remedy.settled
