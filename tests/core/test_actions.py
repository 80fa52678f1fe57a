"""What a role may do now is what the ledger would let it do, with what each step needs and what is due when."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger_service.core.actions import Action, action_members, actions, duties
from ledger_service.core.case import DISPUTES_MAX
from ledger_service.core.clock import ClockState
from ledger_service.core.clocks import clocks
from ledger_service.core.docket import Docket
from ledger_service.core.entry import Role, RuleReference
from ledger_service.core.happenings import happenings
from ledger_service.core.judge import judge
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.refusals import Refusal
from ledger_service.core.returns import allowed_verbs, decide
from ledger_service.errors import TransitionRefusedError
from tests.core.cases import (
    DISPUTE_ID,
    EURO_20,
    REFUND,
    Told,
    approved,
    begun,
    declined,
    hours,
    inspected,
    make_command,
    refunded,
    shipped,
    values_of,
)
from tests.core.steps import example

LATE_RULE = RuleReference("EU", "1")
OFFER: dict[str, Any] = {"remedy": "partial_refund", "amount": EURO_20, "valid_days": 3}


def available(told: Told, role: Role, now: float | None = None) -> dict[str, Action]:
    """Return what a role may do by verb; the steps of disputes that are open by verb and id."""
    found = actions(told.case, told.docket, role, now=hours(told.now if now is None else now))
    named = {one.verb if one.dispute_id is None else f"{one.verb} {one.dispute_id[:2]}": one for one in found}
    assert len(named) == len(found)
    return named


def refused(action: Action) -> list[Refusal]:
    """Return why it is refused."""
    return [one.code for one in action.refused]


def disputed(type_: str = "adr") -> Told:
    """Return a case with a dispute."""
    told = begun()
    told.step("open_dispute", fields={"dispute_id": DISPUTE_ID, "type": type_, "claim": "the lamp"})
    return told


def resolved() -> Told:
    """Return a case of which everything is settled."""
    told = refunded()
    told.step("settle_refund", fields={"refund_id": "r1"})
    assert told.state == "resolved"
    return told


# --- which steps -----------------------------------------------------------------------------------------------------


def test_a_case_that_is_not_there_yet_is_opened_by_buyer_or_platform_and_nobody_else() -> None:
    found = {role: actions(None, Docket(), role, now=hours(0)) for role in Role}

    assert {role: [one.verb for one in of_role] for role, of_role in found.items() if of_role} == {
        Role.BUYER: ["request_return"],
        Role.PLATFORM: ["request_return"],
    }


@pytest.mark.parametrize("role", Role)
def test_the_steps_of_a_case_that_are_not_refused_are_those_that_the_table_allows(role: Role) -> None:
    for told in (begun(), approved(), shipped(), inspected(), refunded(), resolved(), declined(), disputed()):
        found = [one for one in available(told, role).values() if one.verb in LIFECYCLE.case.transitions]
        guarded = {Refusal.GOODS_SENT, Refusal.NO_OFFER_OPEN, Refusal.DISPUTE_OPEN}
        possible = [one.verb for one in found if guarded.isdisjoint(refused(one))]

        assert tuple(possible) == allowed_verbs(told.case, role)


def test_a_step_says_what_it_needs() -> None:
    told = begun()
    found = available(told, Role.PLATFORM)
    approve, decline = found["approve_return"], found["decline_return"]

    assert approve.evidence == (("rma_document",),)
    assert [known.name for known in approve.required] == ["approved_lines", "return_cost_payer"]
    assert "rma_no" in [known.name for known in approve.optional]
    assert (approve.needs_rule, decline.needs_rule) == (False, True)
    assert approve.targets == ("approved",)
    assert found["add_evidence"].targets == ("requested",)
    first = actions(None, Docket(), Role.BUYER, now=hours(0))[0]
    assert "order_snapshot" in first.recorded_as_missing


def test_a_refund_before_the_goods_are_there_needs_a_rule_and_one_afterwards_does_not() -> None:
    assert available(approved(), Role.PLATFORM)["approve_refund"].needs_rule
    assert not available(inspected(), Role.PLATFORM)["approve_refund"].needs_rule


def test_the_steps_of_each_open_dispute_are_told_with_its_id() -> None:
    told = disputed()
    found = available(told, Role.BUYER)

    assert found["open_dispute"].dispute_id is None
    assert "dispute_id" in [known.name for known in found["open_dispute"].required]
    negotiate = found["negotiate d1"]
    assert negotiate.dispute_id == DISPUTE_ID
    assert "dispute_id" not in [known.name for known in negotiate.required]
    assert negotiate.targets == ("negotiation",)
    assert found["submit_evidence d1"].targets == ("opened",)

    told.step("withdraw_dispute", fields={"dispute_id": DISPUTE_ID})
    assert "negotiate d1" not in available(told, Role.BUYER)


@pytest.mark.parametrize(
    ("type_", "role", "may"),
    [
        ("chargeback", Role.PSP, True),
        ("chargeback", Role.ARBITRATOR, False),
        ("adr", Role.PSP, False),
        ("adr", Role.ARBITRATOR, False),
    ],
)
def test_a_ruling_is_the_network_s_on_a_chargeback_and_a_neutral_s_once_one_is_appointed(
    type_: str, role: Role, may: bool
) -> None:
    told = disputed(type_)
    assert ("rule d1" in available(told, role)) is may

    if type_ == "adr":
        neutral = {"dispute_id": DISPUTE_ID, "neutral_id": "n-1"}
        told.step("appoint_neutral", fields=neutral, to_state="arbitration")
        assert ("rule d1" in available(told, role)) is (role is Role.ARBITRATOR)


def test_a_ruling_offers_the_outcomes_that_the_ledger_takes_from_that_role() -> None:
    def outcomes(type_: str, role: Role) -> tuple[str, ...]:
        told = disputed(type_)
        if role is Role.ARBITRATOR:
            neutral = {"dispute_id": DISPUTE_ID, "neutral_id": "n-1"}
            told.step("appoint_neutral", fields=neutral, to_state="arbitration")
        (field,) = (one for one in available(told, role)["rule d1"].required if one.name == "outcome")
        return field.form.choices

    assert outcomes("chargeback", Role.PSP) == ("won", "lost")
    assert outcomes("adr", Role.ARBITRATOR) == ("buyer", "seller", "split")


# --- what refuses them -----------------------------------------------------------------------------------------------


def test_a_close_is_refused_while_a_dispute_is_open_or_the_time_to_appeal_runs() -> None:
    told = declined()
    close = available(told, Role.PLATFORM)["close"]
    assert refused(close) == [Refusal.APPEAL_WINDOW_RUNS]
    (window,) = {one.due_at for one in told.timeline().clocks if one.clock_id == "appeal_window"}
    assert close.refused[0].details == window

    told.step("open_dispute", fields={"dispute_id": DISPUTE_ID, "type": "adr", "claim": "the lamp"})
    assert refused(available(told, Role.PLATFORM)["close"]) == [Refusal.DISPUTE_OPEN, Refusal.APPEAL_WINDOW_RUNS]
    told.step("withdraw_dispute", fields={"dispute_id": DISPUTE_ID})
    assert refused(available(told, Role.PLATFORM, now=24 * 90)["close"]) == []


def test_resolving_is_refused_while_something_is_not_settled() -> None:
    resolve = available(refunded(), Role.PLATFORM)["resolve"]

    assert refused(resolve) == [Refusal.MATTERS_OPEN]
    assert "r1 is not settled" in resolve.refused[0].details
    assert refused(available(inspected(), Role.PLATFORM)["resolve"]) == []


def test_calling_off_is_refused_once_the_goods_were_sent() -> None:
    told = shipped()
    told.step("report_lost")
    told.step("deny_refund", fields={"reason_code": "other"})
    assert refused(available(told, Role.SELLER)["cancel_return"]) == [Refusal.GOODS_SENT]
    assert refused(available(approved(), Role.SELLER)["cancel_return"]) == []


def test_an_expiry_is_refused_until_a_deadline_has_run_out() -> None:
    told = approved()

    assert refused(available(told, Role.SYSTEM)["expire"]) == [Refusal.NOTHING_RAN_OUT]
    assert refused(available(told, Role.SYSTEM, now=24 * 60)["expire"]) == []


def test_an_offer_is_accepted_until_it_expires_and_silence_refuses_it_only_then() -> None:
    told = inspected()
    told.step("offer_settlement", fields=OFFER)
    assert refused(available(told, Role.BUYER)["accept_offer"]) == []
    assert refused(available(told, Role.BUYER)["refuse_offer"]) == []
    assert refused(available(told, Role.SYSTEM)["refuse_offer"]) == [Refusal.OFFER_STANDS]

    assert refused(available(told, Role.BUYER, now=24 * 9)["accept_offer"]) == [Refusal.OFFER_EXPIRED]
    assert refused(available(told, Role.BUYER, now=24 * 9)["refuse_offer"]) == []
    assert refused(available(told, Role.SYSTEM, now=24 * 9)["refuse_offer"]) == []


def test_a_second_offer_is_refused_while_one_is_open() -> None:
    told = inspected()
    assert refused(available(told, Role.SELLER)["offer_settlement"]) == []

    told.step("offer_settlement", fields=OFFER)
    answer = told.step("refuse_offer")
    told.step("correct", Role.PLATFORM, fields={"wrong_entry": answer, "reason": "did_not_occur"})
    assert refused(available(told, Role.SELLER)["offer_settlement"]) == [Refusal.OFFER_OPEN]
    assert refused(available(refunded(), Role.BUYER)["accept_offer"]) == [Refusal.NO_OFFER_OPEN]


def test_what_may_be_refunded_is_what_was_approved_and_not_yet_sent() -> None:
    told = inspected()
    told.step("approve_refund", fields=REFUND)
    half = {"minor": 500, "currency": "EUR"}
    told.step("issue_refund", fields={"refund_id": "r1", "amount": half, "method": "other"})
    issue = available(told, Role.PSP)["issue_refund"]
    assert (issue.left_minor, issue.currency, refused(issue)) == (1500, "EUR", [])

    assert refused(available(refunded(), Role.PSP)["issue_refund"]) == [Refusal.NOTHING_APPROVED]


def test_a_refund_is_settled_or_failed_only_while_one_is_under_way() -> None:
    told = refunded()
    assert refused(available(told, Role.PSP)["settle_refund"]) == []

    told.step("fail_refund", fields={"refund_id": "r1"})
    found = available(told, Role.PSP)
    assert refused(found["settle_refund"]) == refused(found["fail_refund"]) == [Refusal.NO_REFUND_UNDER_WAY]


def test_an_exchange_is_delivered_only_when_one_was_sent() -> None:
    told = inspected()
    told.step("ship_exchange", fields={"new_lines": [{"line_id": "l1", "qty": 1}]})
    assert refused(available(told, Role.CARRIER)["deliver_exchange"]) == []

    assert refused(available(refunded(), Role.CARRIER)["deliver_exchange"]) == [Refusal.NO_EXCHANGE_OPEN]


def test_goods_go_back_to_the_buyer_only_when_some_are_there() -> None:
    told = approved()
    told.step("approve_refund", fields=REFUND, rule=LATE_RULE)
    assert refused(available(told, Role.SELLER)["return_to_buyer"]) == [Refusal.NOTHING_TO_RETURN]
    assert refused(available(inspected(), Role.SELLER)["return_to_buyer"]) == []


def test_nothing_is_refused_on_account_of_a_value_that_was_erased() -> None:
    told = approved()
    told.step("approve_refund", fields=REFUND, rule=LATE_RULE, erased=["lines"])
    found = available(told, Role.SELLER) | available(told, Role.PSP)

    for verb in ("return_to_buyer", "issue_refund", "settle_refund"):
        assert refused(found[verb]) == [], verb
    assert found["issue_refund"].left_minor is None


def test_a_case_has_a_most_of_disputes() -> None:
    told = begun()
    for number in range(DISPUTES_MAX):
        assert refused(available(told, Role.BUYER)["open_dispute"]) == []
        told.step("open_dispute", fields={"dispute_id": f"{number:02x}" * 16, "type": "adr", "claim": "the lamp"})

    assert refused(available(told, Role.BUYER)["open_dispute"]) == [Refusal.TOO_MANY_DISPUTES]


@pytest.mark.parametrize("make", [begun, approved, shipped, inspected, refunded, resolved, declined, disputed])
def test_what_is_refused_here_the_ledger_refuses(make: Any) -> None:
    told = make()
    for role in Role:
        for action in available(told, role).values():
            if not action.refused:
                continue
            fields = {known.name: example(known.form) for known in action.required}
            command = make_command(told, action.verb, role, fields)
            with pytest.raises(TransitionRefusedError):
                _record(told, command, fields)


def _record(told: Told, command: Any, fields: dict[str, Any]) -> None:
    judge(told.docket, told.case, command, values_of(command.verb, fields), now=hours(told.now))
    decide(told.case, command)


# --- what is due -----------------------------------------------------------------------------------------------------


def test_a_step_names_the_deadlines_of_its_role_that_it_stops() -> None:
    told = begun()
    platform = available(told, Role.PLATFORM)

    assert [one.clock_id for one in platform["approve_return"].due] == ["review"]
    assert platform["request_info"].due == ()
    assert available(told, Role.SELLER)["approve_return"].due == ()  # the review is the platform's


def test_a_dispute_s_step_stops_the_deadlines_of_that_dispute_alone() -> None:
    told = disputed()
    other = {"dispute_id": "d2" * 16, "type": "adr", "claim": "the lamp", "evidence_due_by": hours(24 * 7)}
    told.step("open_dispute", fields=other)
    found = available(told, Role.SELLER)

    assert [one.subject for one in found["submit_evidence d2"].due] == ["d2" * 16]
    assert {one.subject for one in found["submit_evidence d1"].due} <= {DISPUTE_ID}


def test_evidence_of_any_kind_may_stop_a_deadline_that_wants_a_certain_file() -> None:
    told = Told()
    fields = {
        "legal_basis": "seller_policy", "lines": [{"line_id": "l1", "qty": 1, "reason": "other", "wanted": "refund"}],
        "language": "de", "buyer_country": "DE", "seller_country": "CN",
        "import_accepted_at": "2026-02-01T09:00:00Z",
    }  # fmt: skip
    told.step("request_return", fields=fields)
    due = available(told, Role.BUYER)["add_evidence"].due

    assert "eu_duty_90" in [one.clock_id for one in due]


def test_duties_are_the_role_s_own_clocks_that_wait_the_earliest_first() -> None:
    told = approved()
    found = clocks(happenings(told.docket), now=hours(told.now))
    own = duties(found, Role.BUYER)

    assert "ship_back" in [one.clock_id for one in own]
    assert [one.due_at for one in own] == sorted(str(one.due_at) for one in own)
    assert all(one.actor is Role.BUYER for one in own)
    assert {one.state for one in own} == {ClockState.RUNNING}
    missed = duties(clocks(happenings(told.docket), now=hours(24 * 90)), Role.BUYER)
    assert ClockState.MISSED in {one.state for one in missed}


def test_an_action_as_json_tells_forms_choices_and_reasons() -> None:
    told = declined()
    found = {name: action_members(one) for name, one in available(told, Role.PLATFORM).items()}
    close: Any = json.loads(json.dumps(found["close"]))

    assert (close["possible"], close["refused"][0]["code"]) == (False, "appeal_window_runs")
    first: Any = action_members(actions(None, Docket(), Role.BUYER, now=hours(0))[0])
    assert first["possible"]
    lines = next(one for one in first["required"] if one["name"] == "lines")
    assert (lines["form"], lines["many"], lines["disclosure"]) == ("requested_line", True, "committed")
    reason = next(one for one in lines["members"] if one["name"] == "reason")
    assert (reason["required"], "defective" in reason["choices"]) == (True, True)
    asked: Any = action_members(available(begun(), Role.PLATFORM)["approve_return"])
    assert asked["due"][0]["clock_id"] == "review"
