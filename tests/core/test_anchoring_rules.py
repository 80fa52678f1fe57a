"""Every rule of the tables in `core/anchoring.py`, by its name: a rule without a case here fails, and so does a case
without a rule."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from ledger_service.core import anchoring
from ledger_service.core.alarms import LINES, Alarm
from ledger_service.core.anchor_record import ATTEMPTS_MAX, AnchorState, encode_anchor_record, parse_anchor_record
from ledger_service.core.anchoring import (
    Contradict,
    End,
    Finalize,
    Halt,
    Include,
    Keep,
    Reopen,
    Send,
    Sign,
    Step,
    Wait,
    next_step,
    recheck,
)
from ledger_service.core.chain_view import ChainHead, Estimate, FinalView, OwnRows
from ledger_service.core.fees import FeePolicy
from tests.core.test_anchoring import (
    ATTEMPT,
    BLOCK,
    COMMITMENT,
    FAILURE,
    GAS,
    GWEI,
    INCLUDED,
    LATER,
    LATER_ROOT,
    MINED,
    NOW,
    OLD_ROOT,
    PAID,
    PLANNED,
    ROOT,
    SIGNED,
    SUBMITTED,
    SUCCESS,
    VIEW,
)

DEAR = FeePolicy(cheap_fee=5 * GWEI, promise_seconds=3600, lead_seconds=900)
LATE = NOW + 180
REFUSED = "the contract said so"


def refused(name: str) -> dict[str, Any]:
    """Return the view's members when the contract refuses with an error."""
    return {"estimate": Estimate(0, name, REFUSED)}


FULL = dataclasses.replace(SUBMITTED, attempts=(ATTEMPT,) * ATTEMPTS_MAX)
# rule -> (anchor, changes of VIEW, further arguments of next_step, the step or its class, alarm)
CASES: dict[str, tuple[Any, dict[str, Any], dict[str, Any], Any, Alarm | None]] = {
    "unknown_code": (SUBMITTED, {"code_matches": False}, {}, Halt, None),
    "contradicted": (PLANNED, {"own_root": LATER_ROOT}, {}, Halt, None),
    "foreign_success": (PLANNED, {"head": ChainHead(7, 576, ROOT), "own_root": ROOT, "at_head": SUCCESS}, {},
                        Include(BLOCK, None), None),
    "include": (SUBMITTED, {"inclusions": (SUCCESS,)}, {}, Include(BLOCK, PAID), None),
    "passed": (SUBMITTED, {"head": LATER, "own_root": LATER_ROOT}, {}, End, None),
    "plan_stale": (SIGNED, {"head": ChainHead(7, 520, OLD_ROOT)}, {}, End, None),
    "send": (SIGNED, {}, {}, Send(), None),
    "moved": (PLANNED, refused("HeadNotGrowing"), {}, Wait, None),
    "over_cap": (PLANNED, refused("HeadGrowthOverCap"), {}, End, None),
    "not_authorised": (PLANNED, refused("LogAnchorerOnly"), {}, Wait, Alarm.NOT_AUTHORISED),
    "log_closed": (PLANNED, refused("LogIsClosed"), {}, Wait, Alarm.LOG_CLOSED),
    "contract_refuses": (PLANNED, refused("MerkleOlderRoot"), {}, Wait, Alarm.CONTRACT_REFUSES),
    "foreign_waits": (PLANNED, {"pending_nonce": 41}, {}, Wait, Alarm.FOREIGN_TRANSACTION),
    "cheaper_hour": (PLANNED, {}, {"policy": DEAR}, Wait, None),
    "fee_ceiling": (PLANNED, {"base_fee": 1000 * GWEI}, {}, Wait, Alarm.FEE_CEILING),
    "over_budget": (PLANNED, {}, {"policy": FeePolicy(daily_budget=21 * GWEI * GAS - 1)}, Wait, Alarm.OVER_BUDGET),
    "no_funds": (PLANNED, {"balance": 21 * GWEI * GAS - 1}, {}, Wait, Alarm.NO_FUNDS),
    "sign": (PLANNED, {}, {}, Sign(40, 21 * GWEI, GWEI, GAS), None),
    "outbid": (PLANNED, {"pending_nonce": 41}, {"own": OwnRows(waiting={40: ATTEMPT})},
               Sign(40, 33 * GWEI, 22 * GWEI // 10, GAS), None),
    "reverted": (SUBMITTED, {"inclusions": (FAILURE,), "nonce": 41}, {}, End, None),
    "replaced": (SUBMITTED, {"nonce": 41}, {}, End, None),
    "wait": (SUBMITTED, {}, {}, Wait, None),
    "bump": (SUBMITTED, {}, {"now": LATE}, Sign(40, 33 * GWEI, 22 * GWEI // 10, GAS), None),
    "fill_gap": (SUBMITTED, {"nonce": 39}, {"now": LATE}, Sign(39, 21 * GWEI, GWEI, GAS), None),
    "resend": (SUBMITTED, {"balance": 0}, {"now": LATE}, Send(Alarm.NO_FUNDS), None),
    "attempts_full": (FULL, {"inclusions": (None,) * ATTEMPTS_MAX}, {"now": LATE}, Send(Alarm.FEE_CEILING), None),
    "lagging": (INCLUDED, {"latest_number": 99, "block_hash": None}, {}, Wait, Alarm.NODE_BEHIND),
    "vanished": (INCLUDED, {"block_hash": bytes(32)}, {}, Reopen(), None),
    "wait_final": (INCLUDED, {"block_hash": BLOCK.block_hash, "final_number": 99}, {}, Wait, None),
    "slot_differs": (INCLUDED, {"block_hash": BLOCK.block_hash, "final_number": 100}, {}, Halt, None),
    "finalize": (INCLUDED, {"block_hash": BLOCK.block_hash, "final_number": 100, "commitment": COMMITMENT}, {},
                 Finalize(COMMITMENT), None),
}  # fmt: skip
FINAL = dataclasses.replace(INCLUDED, state=AnchorState.FINALIZED)
SEEN = FinalView(latest_number=120, final_number=110, block_hash=BLOCK.block_hash, commitment=COMMITMENT)
RECHECKS: dict[str, tuple[dict[str, Any], type]] = {
    "lagging": ({"final_number": 99}, Wait),
    "still_final": ({}, Keep),
    "lost": ({"block_hash": bytes(32)}, Contradict),
}
_PARTS = str(anchoring.__doc__).split("and, once a day")
TABLES = [re.findall(r"^\| ([a-z_]+) \|", part, re.MULTILINE) for part in _PARTS]


def step(name: str) -> Step:
    """Return what a rule's case leads to."""
    anchor, members, arguments, _, _ = CASES[name]
    given = {"now": NOW, **arguments}
    return next_step(anchor, dataclasses.replace(VIEW, **members), given.pop("now"), **given)


def test_every_rule_of_the_tables_has_a_case_and_every_case_a_rule() -> None:
    first, second = TABLES

    assert sorted(CASES) == sorted(set(first) - {"rule"})
    assert len(first) == len(set(first))
    assert sorted(RECHECKS) == sorted(set(second) - {"rule"})


@pytest.mark.parametrize("rule", CASES)
def test_rule(rule: str) -> None:
    found, (_, _, _, wanted, alarm) = step(rule), CASES[rule]

    assert type(found) is wanted if isinstance(wanted, type) else found == wanted
    if isinstance(found, Wait):
        assert found.alarm is alarm
    if isinstance(found, End):
        assert found.state.value == rule or found.state is AnchorState.SUPERSEDED
    if rule in ("moved", "over_cap", "not_authorised", "log_closed", "contract_refuses"):
        assert isinstance(found, Wait | End)
        assert REFUSED in found.reason


def test_what_is_signed_last_can_be_read_again() -> None:
    almost = dataclasses.replace(FULL, attempts=FULL.attempts[1:])
    found = next_step(almost, dataclasses.replace(VIEW, inclusions=(None,) * (ATTEMPTS_MAX - 1)), LATE)

    assert isinstance(found, Sign)  # the 200th, and no further one
    assert parse_anchor_record(encode_anchor_record(FULL)) == FULL


@pytest.mark.parametrize("rule", RECHECKS)
def test_rule_of_what_is_final(rule: str) -> None:
    members, wanted = RECHECKS[rule]

    assert isinstance(recheck(FINAL, dataclasses.replace(SEEN, **members)), wanted)


def test_what_was_final_is_lost_only_on_a_node_that_calls_another_block_final() -> None:
    for members in ({"latest_number": 99}, {"final_number": 99, "block_hash": bytes(32)}, {"block_hash": None}):
        assert isinstance(recheck(FINAL, dataclasses.replace(SEEN, **members)), Wait)
    lost = recheck(FINAL, dataclasses.replace(SEEN, commitment=bytes(32)))
    assert isinstance(lost, Contradict)
    assert "the slot of head 7 holds something else" in lost.reason


def test_a_dear_hour_is_waited_out_only_while_the_promise_leaves_time() -> None:
    """The oldest entry counts, not the plan."""
    older = dataclasses.replace(PLANNED, oldest_at=NOW - 2000)

    def at(now: int, anchor: Any = PLANNED, base_fee: int = 10 * GWEI) -> Step:
        return next_step(anchor, dataclasses.replace(VIEW, base_fee=base_fee), now, policy=DEAR)

    assert isinstance(at(NOW + 2699), Wait)
    assert isinstance(at(NOW + 2700), Sign)
    assert isinstance(at(NOW + 699, older), Wait)
    assert isinstance(at(NOW + 700, older), Sign)
    assert isinstance(at(NOW, base_fee=5 * GWEI), Sign)


def test_the_budget_counts_what_is_spent_and_the_worst_of_what_is_to_come() -> None:
    worst = 21 * GWEI * GAS

    def at(budget: int, spent: int) -> Step:
        return next_step(PLANNED, VIEW, NOW, policy=FeePolicy(daily_budget=budget), own=OwnRows(spent=spent))

    assert isinstance(at(worst, 0), Sign)
    assert isinstance(at(worst, 1), Wait)
    assert isinstance(at(worst + 1, 1), Sign)


def test_another_programs_transaction_is_let_pass_and_then_outbid() -> None:
    view = dataclasses.replace(VIEW, pending_nonce=42)

    assert isinstance(next_step(PLANNED, view, NOW + 599), Wait)
    assert isinstance(next_step(PLANNED, view, NOW + 600), Sign)
    # What waits is our own: nothing foreign about it.
    ours = OwnRows(waiting={41: dataclasses.replace(ATTEMPT, nonce=41)})
    assert isinstance(next_step(PLANNED, view, NOW, own=ours), Sign)


def test_a_gap_before_our_nonce_is_filled_with_caps_above_what_we_offered_there_before() -> None:
    waiting = OwnRows(waiting={39: dataclasses.replace(ATTEMPT, nonce=39, max_fee=50 * GWEI)})
    view = dataclasses.replace(VIEW, nonce=39)

    assert next_step(SUBMITTED, view, LATE, own=waiting) == Sign(39, 55 * GWEI, 22 * GWEI // 10, GAS)
    both = dataclasses.replace(SUBMITTED, nonce=39, attempts=(ATTEMPT, dataclasses.replace(ATTEMPT, nonce=39)))
    assert isinstance(next_step(both, dataclasses.replace(VIEW, nonce=40), LATE - 1), Wait)  # ours at 40 may still come
    assert isinstance(next_step(both, dataclasses.replace(VIEW, nonce=41), NOW), End)


@pytest.mark.parametrize("name", ["bump", "resend"])
def test_mined_views_end_the_offering(name: str) -> None:
    anchor, _, arguments, _, _ = CASES[name]

    assert isinstance(next_step(anchor, MINED, arguments["now"]), End)
    mined = dataclasses.replace(MINED, inclusions=(SUCCESS,))
    assert next_step(anchor, mined, arguments["now"]) == Include(BLOCK, PAID)


def test_every_alarm_has_a_line_and_a_way_out() -> None:
    assert set(LINES) == set(Alarm)
    assert all(line.meaning and line.way_out for line in LINES.values())
    assert len({line.meaning for line in LINES.values()}) == len(LINES)
