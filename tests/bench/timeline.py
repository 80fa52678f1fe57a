"""A case of 1,000 entries: how long its timeline takes, and how long to judge and decide one more step of it.

The case is `tests.core.cases.long_case`: questions, scans, customs, disputes, corrections, failed refunds. The steps
that are decided are those that look at the most: numbers, names of entries, corrections, and clocks.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ledger_service.core.entry import Role
from ledger_service.core.judge import judge
from ledger_service.core.returns import decide
from ledger_service.core.timeline import make_timeline, timeline_members
from ledger_service.errors import TransitionRefusedError
from tests.core.cases import DISPUTE_ID, EURO_20, Told, hours, long_case, make_command, values_of

ENTRIES = 1_000
ROUNDS = 30
ROUNDS_SHORT = 5


def measure(short: bool) -> dict[str, Any]:
    """Return median times in milliseconds; `short` takes fewer rounds."""
    rounds = ROUNDS_SHORT if short else ROUNDS
    told = long_case(ENTRIES)
    now = hours(told.now + 1)
    timeline = make_timeline(told.placed, now=now)
    decided = {name: timed(step, rounds) for name, step in steps(told).items()}
    return {
        "figures": {
            f"timeline_ms_{ENTRIES}": timed(lambda: make_timeline(told.placed, now=now), rounds),
            f"timeline_json_ms_{ENTRIES}": timed(lambda: timeline_members(timeline), rounds),
            f"decide_ms_{ENTRIES}": round(statistics.median(decided.values()), 3),
            **{f"decide_{name}_ms_{ENTRIES}": value for name, value in decided.items()},
            "clocks": len(timeline.clocks),
            "rounds": rounds,
        },
        "ratios": {},
    }


def steps(told: Told) -> dict[str, Callable[[], object]]:
    """Return by name what decides one more step of the case; one of them is refused by a clock or by numbers."""
    leaves = [known.leaf.hex() for known in told.docket.steps[-64:]]
    newest = told.docket.steps[-1].leaf.hex()
    asked: dict[str, tuple[str, Role | None, dict[str, Any]]] = {
        "add_evidence": ("add_evidence", Role.BUYER, {"comment": "one more"}),
        "submit_evidence": ("submit_evidence", Role.SELLER, {"dispute_id": DISPUTE_ID, "evidence_entries": leaves}),
        "settle_refund": ("settle_refund", None, {"refund_id": "last"}),
        "correct": ("correct", Role.PLATFORM, {"wrong_entry": newest, "reason": "did_not_occur"}),
        "approve_refund": ("approve_refund", Role.PLATFORM, {"lines": [{"line_id": "l1", "amount": EURO_20}]}),
        "resolve": ("resolve", Role.PLATFORM, {}),
        "accept_offer": ("accept_offer", None, {}),
    }
    return {name: decision(told, *step) for name, step in asked.items()}


def decision(told: Told, verb: str, role: Role | None, fields: dict[str, Any]) -> Callable[[], object]:
    """Return what judges and decides a step as the ledger does."""
    command, values, now = make_command(told, verb, role, fields), values_of(verb, fields), hours(told.now + 1)

    def run() -> object:
        try:
            target = judge(told.docket, told.case, command, values, now=now)
            return decide(told.case, command if target is None else replace(command, to_state=target))
        except TransitionRefusedError as refused:
            return refused

    return run


def timed(act: Callable[[], object], rounds: int) -> float:
    """Return the median milliseconds of one call."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter_ns()
        act()
        times.append(time.perf_counter_ns() - started)
    return round(statistics.median(times) / 1e6, 3)
