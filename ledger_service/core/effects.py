"""What each step does to the balance of its case, and when the numbers refuse it.

Promises: `take` returns the balance after a step or raises `UnbalancedError`; the balance it was given stays as it
is. After each step: approved ≤ requested, received ≤ sent + extra, graded ≤ approved and received, refunds ≤ approved
≤ paid, one refund id once (domain §2.1 rule 2, §2.6). A new approval takes back the outcomes of the pieces that may
come again and leaves the others, so this holds in every round. Does not: check forms (`fields.py`), states or roles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ledger_service.core.balance import (
    GOODS_REMEDIES,
    Balance,
    Line,
    Offer,
    Refund,
    Remedy,
    Values,
    require,
)

BEFORE_RECEIPT = frozenset({"approved", "in_transit", "lost", "delivered"})
WITH_AN_AMOUNT = frozenset({"partial_refund", "store_credit"})  # offers that mean nothing without one


def take(balance: Balance, verb: str, values: Values, *, from_state: str | None, has_rule: bool) -> Balance:
    """Return the balance after one step of the case.

    Args:
        balance: Before the step; not changed.
        verb: Of the case or of a dispute; most move nothing.
        values: Its facts and opened values by name.
        from_state: The state of the case before it.
        has_rule: Whether the step cites a rule.

    Raises:
        UnbalancedError: The step does not fit the balance.
    """
    moved = balance.copy() if moves(verb, values) else balance
    take_in_place(moved, verb, values, from_state=from_state, has_rule=has_rule)
    return moved


def moves(verb: str, values: Values) -> bool:
    """Say whether the step changes a balance."""
    return verb in EFFECTS or bool(values.get("charges"))


def take_in_place(balance: Balance, verb: str, values: Values, *, from_state: str | None, has_rule: bool) -> None:
    """Do to the balance itself what `take` does to a copy; after an `UnbalancedError` it holds half a step."""
    if verb == "approve_refund" and from_state in BEFORE_RECEIPT:
        require(has_rule, "a refund before the goods were received names the rule it rests on", missing=True)
    if (effect := EFFECTS.get(verb)) is not None:
        effect(balance, values)
    balance.charges += [dict(charge) for charge in values.get("charges") or ()]


def _request(balance: Balance, values: Values) -> None:
    for row in _rows(values, "lines"):
        require(row["line_id"] not in balance.lines, f"the line {row['line_id']} stands twice")
        paid = row.get("paid")
        minor = None if paid is None else balance.minor(paid, f"price of line {row['line_id']}")
        balance.lines[row["line_id"]] = Line(row["line_id"], requested=row["qty"], paid_minor=minor)


def _approve(balance: Balance, values: Values) -> None:
    counted: dict[str, int] = {}
    for line, qty in _quantities(balance, values, "approved_lines"):
        counted[line.line_id] = counted.get(line.line_id, 0) + qty
    for line in balance.lines.values():
        qty = counted.get(line.line_id, 0)
        require(qty <= line.requested, f"line {line.line_id}: {qty} approved, {line.requested} requested")
        line.approve(qty)


def _reinstate(balance: Balance, _: Values) -> None:
    """Let come again whatever was approved and not accepted or kept; where nothing was, whatever was asked for."""
    nothing = not any(line.approved for line in balance.lines.values())
    for line in balance.lines.values():
        line.approved = line.requested if nothing else line.approved
        line.reopen(line.approved)


def _ship(balance: Balance, values: Values) -> None:
    parcels = _rows(values, "parcels")
    listed: set[str] = set()
    for parcel in parcels:
        for line, qty in _quantities(balance, parcel, "lines"):
            line.shipped += qty
            listed.add(line.line_id)
    if parcels and all(parcel.get("lines") for parcel in parcels):
        return
    for line in balance.lines.values():  # a parcel that lists nothing may hold whatever no other one lists
        if line.line_id not in listed:
            line.ship_unlisted()


def _receive(balance: Balance, values: Values) -> None:
    for row in _rows(values, "lines"):
        if (line := balance.line(row["line_id"])) is not None:
            line.received += row["received_qty"]
            require(
                line.received <= line.sent() + line.extra,
                f"line {line.line_id}: {line.received} received, {line.sent()} sent and {line.extra} reported as extra",
            )


def _discrepancy(balance: Balance, values: Values) -> None:
    if values.get("kind") == "extra" and "line_id" in values and (line := balance.line(values["line_id"])) is not None:
        line.extra += values.get("qty", 1)


def _inspect(balance: Balance, values: Values) -> None:
    seen: set[str] = set()
    for row in _rows(values, "lines"):
        require(row["line_id"] not in seen, f"the line {row['line_id']} stands twice")
        seen.add(row["line_id"])
        balance.minor(row.get("deduction"), f"deduction of line {row['line_id']}")
        if (line := balance.line(row["line_id"])) is None:
            continue
        line.grade(accepted=row["accepted_qty"], rejected=row["rejected_qty"], missing=row["missing_qty"])
        require(
            line.accepted + line.rejected <= line.gradable(),
            f"line {line.line_id}: {line.accepted + line.rejected} graded, {line.gradable()} received",
        )
        require(
            line.graded() <= line.approved + line.extra,
            f"line {line.line_id}: {line.graded()} accepted, rejected, missing or kept, {line.approved} approved",
        )


def _offer(balance: Balance, values: Values) -> None:
    require(balance.offer is None, "an offer is open already: it is accepted or refused before the next")
    kind, amount = values["remedy"], values.get("amount")
    require(kind not in WITH_AN_AMOUNT or amount is not None, f"an offer of a {kind} names its amount", missing=True)
    minor = balance.minor(amount, "offer")
    lines: dict[str, int] = {}
    for line, qty in _quantities(balance, values, "lines"):
        lines[line.line_id] = lines.get(line.line_id, 0) + qty
    remedy_id = values.get("remedy_id", "")
    require(remedy_id not in balance.remedies, f"the remedy {remedy_id or 'without id'} was decided already")
    balance.offer = Offer(remedy_id, kind, minor, lines)
    _settle_offer(balance.copy(), balance.offer)  # what could not be accepted is not offered


def _accept(balance: Balance, values: Values) -> None:
    offer = _the_offer(balance, values)
    if offer is None:
        return
    balance.offer = None
    _settle_offer(balance, offer)


def _settle_offer(balance: Balance, offer: Offer) -> None:
    balance.refund_approved_minor += offer.minor
    balance.goods_approved_minor += offer.minor
    balance.remedies[offer.remedy_id] = Remedy(offer.remedy_id, offer.kind)
    _require_paid(balance)
    if offer.kind == "keep_item":
        for line in balance.lines.values():
            left = max(line.approved - line.graded(), 0)
            _keep(line, offer.lines.get(line.line_id, 0) if offer.lines else left)


def _refuse(balance: Balance, values: Values) -> None:
    if _the_offer(balance, values) is not None:
        balance.offer = None


def _appeal(balance: Balance, _: Values) -> None:
    balance.offer = None  # the case leaves the state in which the offer could be answered


def _approve_refund(balance: Balance, values: Values) -> None:
    remedy_id = values.get("remedy_id", "")
    named = remedy_id or "without id"
    require(remedy_id not in balance.remedies, f"the remedy {named} was decided already; a further one has its own id")
    _require_not_offered(balance, remedy_id)
    total = 0
    for row in _rows(values, "lines"):
        minor = balance.minor(row["amount"], f"refund of line {row['line_id']}")
        total += minor
        if (line := balance.line(row["line_id"])) is None:
            continue
        line.refund_minor += minor
        require(
            line.paid_minor is None or line.refund_minor <= line.paid_minor,
            f"line {line.line_id}: {line.refund_minor} minor units to refund, {line.paid_minor} paid",
        )
        require(row.get("qty", 0) <= line.requested, f"line {line.line_id}: {row.get('qty')} of {line.requested}")
        if values.get("keep_item"):
            _keep(line, row.get("qty", max(line.approved - line.graded(), 0)))
    deducted = sum(balance.minor(row["amount"], "deduction") for row in _rows(values, "deductions"))
    require(deducted <= total, f"{deducted} minor units deducted from {total}")
    balance.goods_approved_minor += total - deducted
    _require_paid(balance)
    total += balance.minor(values.get("shipping_refund"), "refund of freight")
    total += balance.minor(values.get("duty_tax_refund"), "refund of duty and tax")
    balance.refund_approved_minor += total - deducted
    balance.remedies[remedy_id] = Remedy(remedy_id, "refund")


def _issue_refund(balance: Balance, values: Values) -> None:
    refund_id = values.get("refund_id")
    if refund_id is None or "amount" not in values:  # erased
        balance.complete = False
        return
    known = balance.refunds.get(refund_id)
    require(known is None, f"the refund {refund_id} was sent already")
    if values.get("method") == "original":
        require(
            "original_payment_ref" in values or not balance.complete,
            "a refund by the original route names the payment it goes back to (original_payment_ref)",
            missing=True,
        )
    minor = balance.minor(values["amount"], "refund")
    balance.refunds[refund_id] = Refund(refund_id, minor, values.get("method", "other"))
    sent, approved = balance.refunded_minor(), balance.refund_approved_minor
    require(
        sent <= approved or not balance.complete,
        f"{sent} minor units would be refunded, {approved} are approved",
    )


def _settle_refund(balance: Balance, values: Values) -> None:
    if (refund := _the_refund(balance, values)) is not None:
        refund.state = "settled"


def _fail_refund(balance: Balance, values: Values) -> None:
    if (refund := _the_refund(balance, values)) is not None:
        refund.state = "failed"


def _ship_exchange(balance: Balance, values: Values) -> None:
    remedy_id = values.get("remedy_id", "")
    known = balance.remedies.get(remedy_id)
    require(
        known is None or (known.kind in GOODS_REMEDIES and not known.settled),
        f"the remedy {remedy_id or 'without id'} is no exchange that is open",
    )
    _require_not_offered(balance, remedy_id)
    balance.remedies[remedy_id] = Remedy(remedy_id, "exchange" if known is None else known.kind)
    for line, qty in _quantities(balance, values, "new_lines"):
        line.exchanged += qty
        require(
            line.exchanged <= line.requested,
            f"line {line.line_id}: {line.exchanged} exchanged, {line.requested} requested",
        )


def _deliver_exchange(balance: Balance, values: Values) -> None:
    remedy_id = values.get("remedy_id")
    open_ones = [one for one in balance.remedies.values() if one.kind in GOODS_REMEDIES and not one.settled]
    found = [one for one in open_ones if remedy_id is None or one.remedy_id == remedy_id]
    require(len(found) == 1, f"{len(found)} open exchanges fit: name the one that was delivered (remedy_id)")
    found[0].settled = True


def _return_to_buyer(balance: Balance, values: Values) -> None:
    for line, qty in _quantities(balance, values, "lines"):
        line.returned_to_buyer += qty
        require(
            line.returned_to_buyer <= line.received,
            f"line {line.line_id}: {line.returned_to_buyer} sent back to the buyer, {line.received} received",
        )


def _resolve(balance: Balance, values: Values) -> None:
    if not (rows := _rows(values, "outcomes")):
        return
    counted: dict[str, int] = {}
    for row in rows:
        counted[row["line_id"]] = counted.get(row["line_id"], 0) + row["qty"]
        balance.line(row["line_id"])
    for line in balance.lines.values():
        wanted = line.approved or line.requested
        given = counted.get(line.line_id, 0)
        require(given == wanted, f"line {line.line_id}: outcomes for {given} pieces, there are {wanted}")


def _rows(values: Values, name: str) -> list[Any]:
    return list(values.get(name) or ())


def _quantities(balance: Balance, values: Values, name: str) -> Iterable[tuple[Line, int]]:
    for row in _rows(values, name):
        if (line := balance.line(row["line_id"])) is not None:
            yield line, row["qty"]


def _require_paid(balance: Balance) -> None:
    paid, sum_ = balance.paid_minor(), balance.goods_approved_minor
    require(paid is None or sum_ <= paid, f"{sum_} minor units to refund for the goods, {paid} paid")


def _keep(line: Line, qty: int) -> None:
    """Let the buyer keep some pieces of a line."""
    line.kept += qty
    require(line.kept <= line.requested, f"line {line.line_id}: {line.kept} kept, {line.requested} requested")
    examined = line.inspected or line.graded() > line.kept
    require(
        not qty or not examined or line.graded() <= line.approved + line.extra,
        f"line {line.line_id}: {line.graded()} accepted, rejected, missing or kept, {line.approved} approved",
    )


def _require_not_offered(balance: Balance, remedy_id: str) -> None:
    """Keep the id of the open offer for it: accepted, it would else take the place of another remedy."""
    offered = balance.offer is not None and balance.offer.remedy_id == remedy_id
    require(not offered, f"the remedy {remedy_id or 'without id'} is offered; a further one has its own id (remedy_id)")


def _the_offer(balance: Balance, values: Values) -> Offer | None:
    offer = balance.offer
    if offer is not None:
        named = values.get("remedy_id", offer.remedy_id)
        require(named == offer.remedy_id, f"the open offer is {offer.remedy_id or 'without id'}, not {named}")
    return offer


def _the_refund(balance: Balance, values: Values) -> Refund | None:
    refund_id = values.get("refund_id")
    issued = [one for one in balance.refunds.values() if one.state == "issued"]
    found = [one for one in issued if refund_id is None or one.refund_id == refund_id]
    if len(found) == 1:
        return found[0]
    require(
        not balance.complete,
        f"the refund {refund_id} was not sent, or has ended" if refund_id else f"{len(issued)} refunds are under way",
    )
    return None


EFFECTS: dict[str, Callable[[Balance, Values], None]] = {
    "request_return": _request,
    "approve_return": _approve,
    "reinstate": _reinstate,
    "ship_back": _ship,
    "receive": _receive,
    "report_discrepancy": _discrepancy,
    "complete_inspection": _inspect,
    "offer_settlement": _offer,
    "accept_offer": _accept,
    "refuse_offer": _refuse,
    "appeal": _appeal,
    "approve_refund": _approve_refund,
    "issue_refund": _issue_refund,
    "settle_refund": _settle_refund,
    "fail_refund": _fail_refund,
    "ship_exchange": _ship_exchange,
    "deliver_exchange": _deliver_exchange,
    "return_to_buyer": _return_to_buyer,
    "resolve": _resolve,
}
