"""Steps by chance: values that have their forms, and mostly, not always, numbers that fit the case."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

from ledger_service.core.lifecycle import LIFECYCLE
from tests.core.case_model import (
    DISPUTE_ROWS,
    ROWS,
    STATES,
    Counts,
    at_the_buyers,
    count,
    graded,
    refunded,
    sent,
    ungraded,
)
from tests.core.case_verdict import Model
from tests.core.steps import example

Values = dict[str, Any]
LINES = ("a", "b")
IDS = ("d1" * 16, "d2" * 16, "d3" * 16)
NO_LEAF = "ab" * 32
RARE = ("withdraw_request", "cancel_return", "close", "expire", "add_evidence", "give_feedback", "issue_label", "scan",
        "hold_at_customs", "supersede_policy_basis", "decline_return", "request_info", "seize", "report_lost",
        "withdraw_dispute", "reopen", "uphold")  # fmt: skip


@cache
def likely(state: str | None) -> tuple[str, ...]:
    """Return the verbs of a state, those that lead on more often than the others."""
    found: list[str] = []
    for verb, row in ROWS.items():
        wide = verb in DISPUTE_ROWS or row["from"] == "*"
        ends = state is None or STATES[state].get("terminal")
        if wide and (state is None or (ends and verb not in DISPUTE_ROWS)):
            continue
        if not wide and state not in (row["from"] or [None]):
            continue
        found += [verb] * (3 if verb == "correct" else 1 if wide or verb in RARE else 8)
    return tuple(found)


@cache
def _least(verb: str) -> Values:
    transition = LIFECYCLE.transition(verb)
    assert transition is not None
    return {known.name: example(known.form) for known in transition.fields.values() if known.required}


class Draw:
    """Chance from one number, looking at the case as the model has it."""

    def __init__(self, number: int, model: Model) -> None:
        self.chance = Random(number)
        self.model = model
        self.at: Counts = count(model.force)

    def one_in(self, many: int) -> bool:
        return self.chance.randrange(many) == 0

    def pick(self, *options: Any) -> Any:
        return options[int(self.chance.random() * len(options))]

    def near(self, number: int, least: int = 0) -> int:
        """Return mostly the number, or a little less, seldom more."""
        chance = self.chance.random()
        moved = number if chance < 0.6 else number - 1 if chance < 0.75 else number + 1 if chance < 0.9 else 1
        return max(moved, least)

    def amount(self, minor: int) -> Values:
        return {"minor": max(minor, 0), "currency": "USD" if self.one_in(60) else "EUR"}

    def names(self) -> list[str]:
        known = list(self.at["paid"]) or ["a"]
        found = known if self.chance.random() < 0.8 else [self.pick(*known)]
        return [*found, self.pick("c", found[0])] if self.one_in(25) else found

    def rows(self, wanted: Callable[[str], int], **more: Any) -> list[Values]:
        return [{"line_id": name, "qty": self.near(wanted(name), 1), **more} for name in self.names()]

    def remedy(self, values: Values) -> Values:
        """Return the values with an id of a remedy, or without one."""
        return values if self.one_in(2) else {**values, "remedy_id": self.pick(*IDS)}

    def leaf(self) -> str:
        log = self.model.log
        return NO_LEAF if not log or self.one_in(15) else self.pick(*log).leaf

    def values(self, verb: str) -> Values:
        """Return values for a step, each of its form."""
        special = getattr(self, f"_{verb}", None)
        values = {**_least(verb), **({} if special is None else special())}
        for name, field in ROWS[verb]["fields"].items():
            if field["form"] == "leaf_hash" and verb != "correct" and (field.get("required") or self.one_in(3)):
                values[name] = [self.leaf()] if field.get("many") else self.leaf()
            elif field["form"] == "charge" and self.one_in(6):
                payer, kind = ROWS_PAYER, ROWS_KIND
                values[name] = [{"kind": kind, "amount": {"minor": 5, "currency": "CNY"}, "payer": payer}]
        if verb in DISPUTE_ROWS:
            values["dispute_id"] = self.pick(*IDS, *self.model.disputes)
        return values

    def _pieces(self, stage: str, name: str) -> int:
        return int(self.at["pieces"][stage, name])

    def _request_return(self) -> Values:
        lines = []
        for name in LINES[: self.pick(1, 2)] if not self.one_in(30) else ("a", "a"):
            line = {"line_id": name, "qty": self.pick(1, 2, 3), "reason": "changed_mind", "wanted": "refund"}
            lines.append(line if self.one_in(5) else {**line, "paid": self.amount(self.pick(0, 100, 1000))})
        values = {"lines": lines, "language": "de", "buyer_country": "DE", "seller_country": "CN"}
        if self.one_in(20):
            values["buyer_zone"] = self.pick("Europe/Berlin", "Europe/Atlantis")
        return {**values, "governing_law": ["XX"]} if self.one_in(40) else values

    def _approve_return(self) -> Values:
        turned_down = any(self._pieces("rejected", name) + self._pieces("missing", name) for name in self.at["paid"])
        if turned_down and not self.one_in(3):
            return {"approved_lines": self.rows(lambda n: self._pieces("rejected", n) + self._pieces("missing", n))}
        return {"approved_lines": self.rows(lambda name: self._pieces("requested", name))}

    def _decline_return(self) -> Values:
        return {"appeal_days": self.pick(1, 5)} if self.one_in(2) else {}

    def _ship_back(self) -> Values:
        listed = {"parcel_id": "p", "lines": self.rows(lambda name: at_the_buyers(self.at, name))}
        unlisted = {"parcel_id": "q"}
        return {"parcels": self.pick([listed], [listed], [unlisted], [unlisted], [listed, unlisted])}

    def _receive(self) -> Values:
        return {
            "lines": [
                {"line_id": name, "received_qty": self.near(sent(self.at, name) - self._pieces("received", name))}
                for name in self.names()
            ]
        }

    def _report_discrepancy(self) -> Values:
        values = {"kind": self.pick("extra", "missing"), "qty": self.pick(1, 2)}
        return values if self.one_in(4) else {**values, "line_id": self.pick("a", "a", "b")}

    def _complete_inspection(self) -> Values:
        lines = []
        for name in self.names():
            here = max(ungraded(self.at, name), 0)
            bad = self.pick(0, 0, 1) if here else 0
            left = self._pieces("approved", name) - graded(self.at, name) - here
            line = {"line_id": name, "accepted_qty": self.near(here - bad), "rejected_qty": bad}
            line["missing_qty"] = self.near(max(left, 0)) if self.one_in(3) else max(left, 0)
            lines.append({**line, "deduction": self.amount(1)} if self.one_in(8) else line)
        return {"lines": lines, **({"outcome": self.pick("passed", "failed")} if self.one_in(4) else {})}

    def _offer_settlement(self) -> Values:
        values: Values = {"remedy": self.pick("partial_refund", "keep_item", "exchange", "repair", "store_credit")}
        if not self.one_in(6):
            values["amount"] = self.amount(self.pick(0, 10, 50, 100))
        if self.one_in(2):
            values["lines"] = self.rows(lambda name: self._pieces("approved", name) - graded(self.at, name))
        return self.remedy({**values, **({"valid_days": self.pick(1, 3)} if self.one_in(2) else {})})

    def _accept_offer(self) -> Values:
        offer = self.at["offer"]
        if self.one_in(3) or offer is None or "remedy_id" not in offer:
            return {"remedy_id": self.pick(*IDS)} if self.one_in(6) else {}
        return {"remedy_id": offer["remedy_id"]}

    _refuse_offer = _accept_offer

    def _approve_refund(self) -> Values:
        lines = []
        for name in self.names():
            paid = self.at["paid"].get(name)
            left = 100 if paid is None else paid - self._pieces("refunded", name)
            line = {"line_id": name, "amount": self.amount(self.near(self.pick(left, left, left // 2)))}
            lines.append({**line, "qty": self.near(1, 1)} if self.one_in(3) else line)
        values: Values = {"lines": lines}
        if self.one_in(6):
            values["deductions"] = [{"why": DEDUCTED, "amount": self.amount(self.pick(1, 30, 5000))}]
        if self.one_in(6):
            values[self.pick("shipping_refund", "duty_tax_refund")] = self.amount(7)
        if self.one_in(5):
            values["keep_item"] = self.pick(True, True, False)
        return self.remedy(values)

    def _issue_refund(self) -> Values:
        left = self.at["approved"] - refunded(self.at)
        values = {
            "refund_id": self.pick("r1", "r2", "r3", "r4", "r5"),
            "amount": self.amount(self.near(self.pick(left, left, left // 2))),
            "method": self.pick("original", "credit", "other"),
        }
        return values if self.one_in(8) else {**values, "original_payment_ref": "pi-1"}

    def _settle_refund(self) -> Values:
        return self._fail_refund() if self.chance.random() < 0.7 else {}

    def _fail_refund(self) -> Values:
        known = [key for key, (_, state) in self.at["refunds"].items() if state == "issued"]
        return {"refund_id": self.pick(*known) if known and not self.one_in(8) else "r1"}

    def _ship_exchange(self) -> Values:
        return self.remedy({"new_lines": self.rows(lambda _: 1)})

    def _deliver_exchange(self) -> Values:
        known = [key for key, (_, done) in self.at["remedies"].items() if key and not done]
        return {"remedy_id": self.pick(*known)} if known and self.one_in(2) else {}

    def _return_to_buyer(self) -> Values:
        return {"lines": self.rows(lambda _: 1)}

    def _resolve(self) -> Values:
        if self.one_in(2):
            return {}
        outcome = ROWS_OUTCOME
        return {
            "outcomes": self.rows(
                lambda n: self._pieces("approved", n) or self._pieces("requested", n), outcome=outcome
            )
        }

    def _open_dispute(self) -> Values:
        return {"type": self.pick("chargeback", "adr", "platform")}

    def _rule(self) -> Values:
        return {"outcome": self.pick("buyer", "split", "won", "lost")}

    def _correct(self) -> Values:
        values: Values = {"wrong_entry": self.leaf(), "reason": self.pick("did_not_occur", "incorrect_data")}
        wrong = next((row for row in self.model.log if row.leaf == values["wrong_entry"]), None)
        if wrong is None or (values["reason"] == "did_not_occur" and not self.one_in(20)):
            return values
        if self.one_in(3):
            values["corrective_entry"] = self.leaf()
        if wrong.verb != "correct" and not self.one_in(12):
            fresh = self.values(wrong.verb)
            names = [name for name in fresh if self.one_in(2)] or list(fresh)[:1]
            corrected = {name: fresh[name] for name in names} or {"wish": 1}
            values["corrected"] = {**corrected, "wish": 1} if self.one_in(40) else corrected
            if not self.one_in(12):
                values.pop("corrective_entry", None)
        return values


def _first(verb: str, field: str, member: str) -> Any:
    transition = LIFECYCLE.transition(verb)
    assert transition is not None
    return next(known for known in transition.fields[field].form.members if known.name == member).form.choices[0]


ROWS_PAYER, ROWS_KIND = _first("ship_back", "charges", "payer"), _first("ship_back", "charges", "kind")
ROWS_OUTCOME, DEDUCTED = _first("resolve", "outcomes", "outcome"), _first("approve_refund", "deductions", "why")
