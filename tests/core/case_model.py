"""A second reading of the life cycle: a case as its history, counted anew with plain dicts for every question.

States come from the raw table, numbers from sums over the steps that are in force. Nothing here calls the code that
it is compared with; a verdict is the set of refusals that are right, empty where the step must be recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.core.steps import RAW, RAW_ROWS

DISPUTE_ROWS: dict[str, dict[str, Any]] = {row["verb"]: row for row in RAW["dispute"]["transitions"]}
ROWS = RAW_ROWS | DISPUTE_ROWS
STATES: dict[str, Any] = RAW["case"]["states"]
ENDS = {name for name, state in RAW["dispute"]["states"].items() if state.get("terminal")}
UNSEEN = ("approved", "in_transit", "lost", "delivered")  # states in which nobody has seen the goods
LEAF_FIELDS = [
    (verb, name) for verb, row in ROWS.items() for name, f in row["fields"].items() if f["form"] == "leaf_hash"
]
GOODS = ("exchange", "repair")
NO_BALANCE, NO_FIELD, NO_VALUE = "BalanceError", "MissingFieldError", "FieldValueError"
NO_CLOCK, NO_CORRECTION = "ClockRefusedError", "CorrectionRefusedError"
NO_STATE, NO_ROLE, NO_CASE = "WrongStateError", "WrongRoleError", "UnknownReturnError"


@dataclass(frozen=True)
class Row:
    """One step as it was recorded, or is asked for."""

    verb: str
    role: str
    values: dict[str, Any]
    day: int
    rule: bool = True
    to_state: str | None = None
    from_state: str | None = None
    leaf: str = ""
    parties: tuple[str, ...] = ()


Counts = dict[str, Any]


def count(rows: Sequence[Row]) -> Counts:
    """Return the sums over steps that all count: pieces by (stage, line), money, refunds, remedies, the open offer.

    A piece that came is `here`, or `away` again at the buyer's, until it is approved to come once more.
    """
    pieces: Counter[tuple[str, str]] = Counter()
    paid: dict[str, int | None] = {}
    at: Counts = {"pieces": pieces, "paid": paid, "approved": 0, "goods": 0, "refunds": {}, "remedies": {}}
    at |= {"offer": None, "currencies": set(), "seen": set(), "charges": 0}
    for row in rows:
        _add(at, row)
    return at


def _add(at: Counts, row: Row) -> None:
    verb, values, pieces = row.verb, row.values, at["pieces"]
    at["charges"] += len(values.get("charges", ()))
    at["currencies"] |= {amount["currency"] for amount in _amounts(row)}
    if verb == "request_return":
        for line in values["lines"]:
            pieces["requested", line["line_id"]] = line["qty"]
            at["paid"][line["line_id"]] = line["paid"]["minor"] if "paid" in line else None
    elif verb == "approve_return":
        at["seen"].clear()
        for name in at["paid"]:
            more = sum(line["qty"] for line in values["approved_lines"] if line["line_id"] == name)
            _turn(at, name, more)
            pieces["approved", name] = min(graded(at, name) + more, pieces["requested", name])
    elif verb == "reinstate":
        at["seen"].clear()
        authorised = "approved" if any(pieces["approved", name] for name in at["paid"]) else "requested"
        for name in at["paid"]:
            pieces["approved", name] = pieces[authorised, name]
            _turn(at, name, pieces[authorised, name])
    elif verb == "ship_back":
        for parcel in values["parcels"]:
            _add_all(pieces, "shipped", parcel.get("lines", ()))
        if any(not parcel.get("lines") for parcel in values["parcels"]):
            for name in set(at["paid"]) - set(_named_lines(row)):
                pieces["shipped", name] += max(at_the_buyers(at, name), 0)
    elif verb == "receive":
        _add_all(pieces, "received", values["lines"], "received_qty")
        _add_all(pieces, "here", values["lines"], "received_qty")
    elif verb == "report_discrepancy" and values["kind"] == "extra" and "line_id" in values:
        pieces["extra", values["line_id"]] += values.get("qty", 1)
    elif verb == "complete_inspection":
        for line in values["lines"]:
            at["seen"].add(line["line_id"])
            for stage in ("accepted", "rejected", "missing"):
                pieces[stage, line["line_id"]] += line[f"{stage}_qty"]
    elif verb == "return_to_buyer":
        _add_all(pieces, "sent_again", values["lines"])
        for line in values["lines"]:
            pieces["here", line["line_id"]] -= line["qty"]
            pieces["away", line["line_id"]] += line["qty"]
    elif verb == "ship_exchange":
        key = values.get("remedy_id", "")
        at["remedies"][key] = [at["remedies"].get(key, ["exchange"])[0], False]
        _add_all(pieces, "exchanged", values["new_lines"])
    elif verb == "deliver_exchange":
        for key in _open_goods(at, values):
            at["remedies"][key][1] = True
    else:
        _add_money(at, row)


def _turn(at: Counts, name: str, qty: int) -> None:
    """Let pieces come again: one by one, first those that an inspection had turned down or the buyer has again."""
    pieces = at["pieces"]
    for _ in range(qty):
        if pieces["rejected", name] > 0:
            stage = "rejected"
        elif pieces["missing", name] > 0:
            stage = "missing"
        elif pieces["accepted", name] > pieces["here", name]:
            stage = "accepted"
        else:
            break
        pieces[stage, name] -= 1
        if stage != "missing" and pieces["away", name] > 0:
            pieces["away", name] -= 1


def at_the_buyers(at: Counts, name: str) -> int:
    """Return how many approved pieces of a line the buyer has and does not keep."""
    pieces = at["pieces"]
    under_way_or_here = pieces["shipped", name] - pieces["sent_again", name]
    return int(pieces["approved", name] - pieces["kept", name] - under_way_or_here)


def ungraded(at: Counts, name: str) -> int:
    """Return how many pieces of a line have come for which no inspection has said how they are."""
    pieces = at["pieces"]
    came = pieces["here", name] + pieces["away", name]
    return int(came - pieces["accepted", name] - pieces["rejected", name])


def _add_money(at: Counts, row: Row) -> None:
    verb, values, pieces = row.verb, row.values, at["pieces"]
    if verb == "offer_settlement":
        at["offer"] = values
    elif verb in ("refuse_offer", "appeal"):
        at["offer"] = None
    elif verb == "accept_offer" and at["offer"] is not None:
        offer, at["offer"] = at["offer"], None
        minor = offer["amount"]["minor"] if "amount" in offer else 0
        at["approved"] += minor
        at["goods"] += minor
        at["remedies"][offer.get("remedy_id", "")] = [offer["remedy"], False]
        if offer["remedy"] == "keep_item" and "lines" in offer:
            _add_all(pieces, "kept", offer["lines"])
        elif offer["remedy"] == "keep_item":
            for name in at["paid"]:
                pieces["kept", name] += max(pieces["approved", name] - graded(at, name), 0)
    elif verb == "approve_refund":
        goods = sum(line["amount"]["minor"] for line in values["lines"])
        goods -= sum(line["amount"]["minor"] for line in values.get("deductions", ()))
        at["goods"] += goods
        at["approved"] += goods + sum(
            values[name]["minor"] for name in ("shipping_refund", "duty_tax_refund") if name in values
        )
        at["remedies"][values.get("remedy_id", "")] = ["refund", False]
        for line in values["lines"]:
            name = line["line_id"]
            pieces["refunded", name] += line["amount"]["minor"]
            if values.get("keep_item"):
                pieces["kept", name] += line.get("qty", max(pieces["approved", name] - graded(at, name), 0))
    elif verb == "issue_refund":
        at["refunds"][values["refund_id"]] = [values["amount"]["minor"], "issued"]
    elif verb in ("settle_refund", "fail_refund"):
        for key in _under_way(at, values):
            at["refunds"][key][1] = "settled" if verb == "settle_refund" else "failed"


def _add_all(pieces: Counter[tuple[str, str]], stage: str, lines: Any, member: str = "qty") -> None:
    for line in lines:
        pieces[stage, line["line_id"]] += line[member]


def graded(at: Counts, name: str) -> int:
    """Return for how many pieces of a line the outcome is known."""
    return sum(at["pieces"][stage, name] for stage in ("accepted", "rejected", "missing", "kept"))


def sent(at: Counts, name: str) -> int:
    """Return how many pieces of a line were sent."""
    return int(at["pieces"]["shipped", name] or at["pieces"]["approved", name])


def refunded(at: Counts) -> int:
    """Return the money that was sent and did not fail."""
    return sum(minor for minor, state in at["refunds"].values() if state != "failed")


def all_paid(at: Counts) -> int | None:
    """Return what was paid, None where that is not known of each line."""
    known = list(at["paid"].values())
    return None if not known or None in known else sum(known)


def unsettled(at: Counts) -> bool:
    """Say whether something keeps the case from its end."""
    goods = any(kind in GOODS and not done for kind, done in at["remedies"].values())
    money = refunded(at) != at["approved"] or any(state == "issued" for _, state in at["refunds"].values())
    lines = any(
        not at["pieces"]["approved", name]
        <= graded(at, name)
        <= at["pieces"]["approved", name] + at["pieces"]["extra", name]
        for name in at["seen"]
    )
    return goods or money or lines or at["offer"] is not None


def _under_way(at: Counts, values: dict[str, Any]) -> list[str]:
    wanted = values.get("refund_id")
    return [key for key, (_, state) in at["refunds"].items() if state == "issued" and wanted in (None, key)]


def _open_goods(at: Counts, values: dict[str, Any]) -> list[str]:
    wanted = values.get("remedy_id")
    return [key for key, (kind, done) in at["remedies"].items() if kind in GOODS and not done and wanted in (None, key)]


def _amounts(row: Row) -> list[dict[str, Any]]:
    """Return the amounts that are in the currency of the case."""
    values = row.values
    if row.verb == "request_return":
        return [line["paid"] for line in values["lines"] if "paid" in line]
    if row.verb == "complete_inspection":
        return [line["deduction"] for line in values["lines"] if "deduction" in line]
    if row.verb in ("offer_settlement", "issue_refund"):
        return [values["amount"]] if "amount" in values else []
    if row.verb == "approve_refund":
        named = [values[name] for name in ("shipping_refund", "duty_tax_refund") if name in values]
        return [line["amount"] for line in (*values["lines"], *values.get("deductions", ()))] + named
    return []


def _named_lines(row: Row) -> list[str]:
    """Return the lines that a step names and that have to be there."""
    values, verb = row.values, row.verb
    if verb == "report_discrepancy":
        return [values["line_id"]] if values["kind"] == "extra" and "line_id" in values else []
    if verb == "ship_back":
        return [line["line_id"] for parcel in values["parcels"] for line in parcel.get("lines", ())]
    known = {"approve_return": "approved_lines", "ship_exchange": "new_lines", "resolve": "outcomes"}
    same = ("receive", "complete_inspection", "offer_settlement", "approve_refund", "return_to_buyer")
    name = known.get(verb, "lines" if verb in same else "")
    return [line["line_id"] for line in values.get(name, ())]


def misfits(before: Sequence[Row], row: Row) -> set[str]:
    """Return why the numbers refuse a step after others."""
    was, verb, values = count(before), row.verb, row.values
    bad: set[str] = set()
    if not set(_named_lines(row)) <= set(was["paid"]):
        return {NO_BALANCE} | _lacks(row)
    at = count([*before, row])
    pieces = at["pieces"]
    names = list(at["paid"])

    def over(stage: str, most: Any) -> bool:
        return any(pieces[stage, name] > most(name) for name in names)

    wrong: dict[str, Any] = {
        "request_return": lambda: _twice(values["lines"]),
        "approve_return": lambda: any(
            sum(line["qty"] for line in values["approved_lines"] if line["line_id"] == n) > pieces["requested", n]
            for n in names
        ),
        "receive": lambda: any(pieces["received", n] > sent(at, n) + pieces["extra", n] for n in _named_lines(row)),
        "complete_inspection": lambda: _twice(values["lines"]) or _overgraded(at, _named_lines(row)),
        "offer_settlement": lambda: (
            was["offer"] is not None
            or values.get("remedy_id", "") in was["remedies"]
            or _over_paid(was, values["amount"]["minor"] if "amount" in values else 0)
            or _kept_too_many(was, count([*before, row, replace(row, verb="accept_offer")]))
        ),
        "accept_offer": lambda: _other_offer(was, values) or _over_paid(at, 0) or _kept_too_many(was, at),
        "refuse_offer": lambda: _other_offer(was, values),
        "approve_refund": lambda: (
            values.get("remedy_id", "") in was["remedies"]
            or _offered(was, values)
            or any(at["paid"][n] is not None and pieces["refunded", n] > at["paid"][n] for n in _named_lines(row))
            or any(line.get("qty", 0) > pieces["requested", line["line_id"]] for line in values["lines"])
            or _deducted(values)
            or _over_paid(at, 0)
            or _kept_too_many(was, at)
        ),
        "issue_refund": lambda: values["refund_id"] in was["refunds"] or refunded(at) > at["approved"],
        "settle_refund": lambda: len(_under_way(was, values)) != 1,
        "fail_refund": lambda: len(_under_way(was, values)) != 1,
        "ship_exchange": lambda: (
            over("exchanged", lambda n: pieces["requested", n])
            or _offered(was, values)
            or (
                values.get("remedy_id", "") in was["remedies"]
                and values.get("remedy_id", "") not in _open_goods(was, {})
            )
        ),
        "deliver_exchange": lambda: len(_open_goods(was, values)) != 1,
        "return_to_buyer": lambda: any(pieces["sent_again", n] > pieces["received", n] for n in _named_lines(row)),
        "resolve": lambda: _outcomes_differ(at, values.get("outcomes", ())),
    }
    if len(at["currencies"]) > 1 and _amounts(row):
        bad.add(NO_BALANCE)
    if verb in wrong and wrong[verb]():
        bad.add(NO_BALANCE)
    return bad | _lacks(row)


def _lacks(row: Row) -> set[str]:
    values = row.values
    lacks = (
        (row.verb == "approve_refund" and row.from_state in UNSEEN and not row.rule)
        or (
            row.verb == "offer_settlement"
            and values["remedy"] in ("partial_refund", "store_credit")
            and "amount" not in values
        )
        or (row.verb == "issue_refund" and values["method"] == "original" and "original_payment_ref" not in values)
    )
    return {NO_FIELD} if lacks else set()


def _twice(lines: Any) -> bool:
    names = [line["line_id"] for line in lines]
    return len(set(names)) != len(names)


def _overgraded(at: Counts, names: list[str]) -> bool:
    return any(ungraded(at, n) < 0 or _too_many_outcomes(at, n) for n in names)


def _too_many_outcomes(at: Counts, name: str) -> bool:
    pieces = at["pieces"]
    return bool(graded(at, name) > pieces["approved", name] + pieces["extra", name])


def _kept_too_many(was: Counts, at: Counts) -> bool:
    pieces = at["pieces"]
    return any(
        pieces["kept", n] > pieces["requested", n]
        or ((n in at["seen"] or graded(at, n) > pieces["kept", n]) and _too_many_outcomes(at, n))
        for n in at["paid"]
        if pieces["kept", n] > was["pieces"]["kept", n]
    )


def _over_paid(at: Counts, more: int) -> bool:
    paid = all_paid(at)
    return paid is not None and at["goods"] + more > paid


def _other_offer(was: Counts, values: dict[str, Any]) -> bool:
    offer = was["offer"]
    return offer is not None and values.get("remedy_id", offer.get("remedy_id", "")) != offer.get("remedy_id", "")


def _offered(was: Counts, values: dict[str, Any]) -> bool:
    return was["offer"] is not None and was["offer"].get("remedy_id", "") == values.get("remedy_id", "")


def _deducted(values: dict[str, Any]) -> bool:
    off = sum(line["amount"]["minor"] for line in values.get("deductions", ()))
    return bool(off > sum(line["amount"]["minor"] for line in values["lines"]))


def _outcomes_differ(at: Counts, outcomes: Any) -> bool:
    given: Counter[str] = Counter()
    for line in outcomes:
        given[line["line_id"]] += line["qty"]
    pieces = at["pieces"]
    return bool(outcomes) and any(given[n] != (pieces["approved", n] or pieces["requested", n]) for n in at["paid"])


def in_force(log: Sequence[Row]) -> list[Row]:
    """Return the steps that count, with the values that corrections give them; a correction itself counts no piece."""
    gone: dict[int, bool] = {}
    for place in range(len(log) - 1, -1, -1):  # what comes later is known to hold or not
        later = [row for after, row in enumerate(log) if after > place and row.verb == "correct" and not gone[after]]
        gone[place] = any(
            row.values["wrong_entry"] == log[place].leaf
            and (row.values["reason"] == "did_not_occur" or "corrective_entry" in row.values)
            for row in later
        )
    found = []
    for place, row in enumerate(log):
        if gone[place]:
            continue
        values = dict(row.values)
        for after, other in enumerate(log):
            if other.verb == "correct" and not gone[after] and other.values["wrong_entry"] == row.leaf:
                values |= other.values.get("corrected", {})
        found.append(replace(row, values=values))
    return found
