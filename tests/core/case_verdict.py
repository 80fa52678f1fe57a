"""The verdict of the second reading on a step: states and roles from the raw table, then names, numbers and days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.core.case_model import (
    DISPUTE_ROWS,
    ENDS,
    NO_BALANCE,
    NO_CASE,
    NO_CLOCK,
    NO_CORRECTION,
    NO_FIELD,
    NO_ROLE,
    NO_STATE,
    NO_VALUE,
    ROWS,
    STATES,
    Row,
    count,
    in_force,
    misfits,
    sent,
    unsettled,
)

OFFER_DAYS, APPEAL_DAYS = 7, 14  # the platform's policy, where the step names no other
APPEAL_STARTS = (
    "decline_return",
    "deny_refund",
    "complete_inspection",
    "report_discrepancy",
    "refuse_offer",
    "resolve",
)
APPEAL_ENDS = ("withdraw_request", "cancel_return", "close", "reinstate", "reopen")


class Model:
    """A case as the raw table and its own history tell it."""

    def __init__(self) -> None:
        self.state: str | None = None
        self.before_offer: str | None = None
        self.sent = False
        self.disputes: dict[str, tuple[str, str]] = {}  # state and type
        self.log: list[Row] = []
        self.force: list[Row] = []

    def way(self, row: Row) -> str | None:
        """Return why table, role or guard refuse a step."""
        if row.verb in DISPUTE_ROWS:
            return self._dispute_way(row)
        table = ROWS[row.verb]
        if self.state is None and table["from"] is not None:
            return NO_CASE
        sources = [None] if table["from"] is None else table["from"]
        if sources == "*":
            sources = [name for name, state in STATES.items() if not state.get("terminal")]
        if self.state not in sources:
            return NO_STATE
        if row.role not in table["actors"]:
            return NO_ROLE
        refused = {
            None: False,
            "goods_not_sent": self.sent,
            "offer_open": self.before_offer is None,
            "no_dispute_open": any(state not in ENDS for state, _ in self.disputes.values()),
        }
        return NO_STATE if refused[table.get("guard")] else None

    def _dispute_way(self, row: Row) -> str | None:
        if self.state is None:
            return NO_CASE
        table, dispute = DISPUTE_ROWS[row.verb], self.disputes.get(row.values["dispute_id"])
        if (dispute is None) != (table["from"] is None) or (dispute is not None and dispute[0] not in table["from"]):
            return NO_STATE
        if row.role not in table["actors"]:
            return NO_ROLE
        if row.verb != "rule" or dispute is None:
            return None
        network = row.values["outcome"] in ("won", "lost")
        if dispute[1] == "chargeback":
            return NO_ROLE if row.role != "psp" else None if network else NO_STATE
        if row.role != "arbitrator":
            return NO_ROLE
        return NO_STATE if network or dispute[0] == "opened" else None

    def verdict(self, row: Row, missed: Sequence[tuple[str, str]]) -> tuple[set[str], str | None]:
        """Return the refusals that are right (none: it must be recorded) and the state that the step leads to.

        `missed` names the clocks that have run out, with the time at which each was due.
        """
        if refused := self.way(row):
            return {refused}, None
        reasons = self._names(row)
        if row.verb == "correct":
            if not reasons:
                reasons = self._correction(row)
            return reasons, self.state
        reasons |= misfits(self.force, row) | self._days(row, missed)
        if ROWS[row.verb].get("rule_required") and not row.rule:
            reasons.add(NO_FIELD)
        at = count([*self.force, row]) if not reasons else None
        if row.verb in ("resolve", "close") and at is not None and unsettled(at):
            reasons.add(NO_BALANCE)
        target = self._target(row, at)
        if target is None:
            reasons.add(NO_FIELD)
        elif row.to_state not in (None, target) or target == "nowhere":
            reasons.add(NO_VALUE)
        return reasons, target

    def _names(self, row: Row) -> set[str]:
        known = {one.leaf for one in self.log}
        named: list[str] = []
        for name, field in ROWS[row.verb]["fields"].items():
            if field["form"] == "leaf_hash" and name in row.values:
                value = row.values[name]
                named += value if field.get("many") else [value]
        wrong = not known.issuperset(named)
        wrong |= row.values.get("buyer_zone", "Europe/Berlin") != "Europe/Berlin"
        wrong |= "XX" in row.values.get("governing_law", ())
        return {NO_VALUE} if wrong else set()

    def _correction(self, row: Row) -> set[str]:
        values = row.values
        places = {one.leaf: place for place, one in enumerate(self.log)}
        counting = {one.leaf for one in self.force}
        wrong = self.log[places[values["wrong_entry"]]]
        corrective, corrected = values.get("corrective_entry"), values.get("corrected")
        stands_in = None if corrective is None else self.log[places[corrective]]
        if row.role != "platform" and row.parties[0] not in wrong.parties:
            return {NO_CORRECTION}
        if wrong.leaf not in counting:
            return {NO_CORRECTION}
        if wrong.verb == "request_return" and corrected is None:
            return {NO_CORRECTION}
        if values["reason"] == "did_not_occur":
            if stands_in is not None or corrected:
                return {NO_CORRECTION}
        elif (
            wrong.verb == "correct"
            or (corrective is None) == (corrected is None)
            or (
                stands_in is not None
                and (
                    stands_in.verb == "correct"
                    or corrective not in counting
                    or places[corrective] <= places[wrong.leaf]
                )
            )
        ):
            return {NO_CORRECTION}
        if set(corrected or ()) - set(ROWS[wrong.verb]["fields"]):
            return {NO_VALUE}
        if self._names(replace(row, verb=wrong.verb, values=corrected or {})):
            return {NO_VALUE}
        after = in_force([*self.log, row])
        return {NO_BALANCE} if any(misfits(after[:place], one) for place, one in enumerate(after)) else set()

    def _days(self, row: Row, missed: Sequence[tuple[str, str]]) -> set[str]:
        if row.verb == "expire":
            due = [at for clock, at in missed if clock == row.values["clock_id"]]
            return {NO_CLOCK} if not due else set() if row.values["due_at"] in due else {NO_VALUE}
        offers = [one for one in self.force if one.verb == "offer_settlement"]
        expired = bool(offers) and row.day > offers[-1].day + offers[-1].values.get("valid_days", OFFER_DAYS)
        if expired and self._answered(offers[-1]):
            expired = False
        if row.verb == "accept_offer" and expired:
            return {NO_CLOCK}
        if row.verb == "refuse_offer" and row.role == "system" and not expired:
            return {NO_CLOCK}
        if row.verb == "close" and any(self._may_appeal(place, row.day) for place in range(len(self.force))):
            return {NO_CLOCK}
        return set()

    def _answered(self, offer: Row) -> bool:
        """Say whether an answer to this offer is in force, or a step that overtook it."""
        place = next(p for p, one in enumerate(self.force) if one.leaf == offer.leaf)
        ends = ("withdraw_request", "cancel_return", "close", "appeal")
        return any(
            one.verb in ends
            or (
                one.verb in ("accept_offer", "refuse_offer")
                and len({one.values.get("remedy_id"), offer.values.get("remedy_id")} - {None}) < 2
            )
            for one in self.force[place + 1 :]
        )

    def _may_appeal(self, place: int, day: int) -> bool:
        """Say whether an appeal against this step is still possible."""
        row = self.force[place]
        if row.verb not in APPEAL_STARTS or (row.verb == "complete_inspection" and _passed(row)):
            return False
        last = row.day + row.values.get("appeal_days", APPEAL_DAYS)
        ended = appealed = False
        for later in self.force[place + 1 :]:
            ended |= later.verb in APPEAL_ENDS
            appealed = (appealed or later.verb == "appeal") and not (later.verb == "uphold" and later.day <= last)
        return day <= last and not ended and not appealed

    def _target(self, row: Row, at: dict[str, Any] | None) -> str | None:
        """Return the state that a step leads to; None where it would have to be named."""
        table = ROWS[row.verb]
        if row.verb == "receive" and at is not None:
            pieces = at["pieces"]
            whole = all(pieces["received", n] + pieces["missing", n] >= sent(at, n) for n in at["paid"])
            return "received" if whole else "partially_received"
        if row.verb in ("settle_refund", "deliver_exchange") and at is not None:
            return "resolving" if unsettled(at) else "resolved"
        if table["to"] == "same":
            return self.disputes[row.values["dispute_id"]][0] if row.verb in DISPUTE_ROWS else self.state
        if table["to"] == "before_offer":
            return self.before_offer
        if len(table["to"]) == 1 or at is None:
            return str(table["to"][0])
        return None if row.to_state is None else row.to_state if row.to_state in table["to"] else "nowhere"

    def take(self, row: Row, target: str) -> None:
        """Record the step."""
        self.log.append(row)
        self.force = in_force(self.log) if row.verb == "correct" else [*self.force, row]
        if row.verb in DISPUTE_ROWS:
            dispute_id = row.values["dispute_id"]
            kind = self.disputes[dispute_id][1] if dispute_id in self.disputes else row.values["type"]
            self.disputes[dispute_id] = (target, kind)
            return
        effect = ROWS[row.verb].get("effect")
        if effect == "offer_opened":
            self.before_offer = self.state
        elif effect == "offer_accepted" or target != self.state:
            self.before_offer = None
        self.sent |= effect == "goods_sent"
        self.state = target


def _passed(row: Row) -> bool:
    failed = any(line["rejected_qty"] or line["missing_qty"] for line in row.values["lines"])
    return row.values.get("outcome", "mixed" if failed else "passed") not in ("failed", "mixed")
