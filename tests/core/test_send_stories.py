"""A transaction between its first signature and its block: fees that rise, nonces that go, blocks that leave.

The situations are those that senders of rollup batches are known to meet; each is told here in our own terms, as a
sequence of views of a chain, and ends with what our worker must have done. No clock runs and nothing is sent.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import pytest

from ledger_service.core.alarms import Alarm
from ledger_service.core.anchor_record import Anchor, AnchorState, Attempt, Block
from ledger_service.core.anchoring import End, Finalize, Halt, Include, Reopen, Send, Sign, Step, Wait, next_step
from ledger_service.core.chain_view import ChainHead, ChainView, Inclusion, OwnRows
from ledger_service.core.fees import GWEI, Caps, FeePolicy, first_caps, raised
from tests.core.test_anchoring import COMMITMENT, GAS, NOW, OURS, PLANNED, ROOT, VIEW

BUMP = 180
POLICY = FeePolicy(bump_after_seconds=BUMP)


@dataclass
class Sending:
    """One head on its way: the anchor as the worker would have saved it, the chain as it looks, and the time."""

    view: ChainView = VIEW
    policy: FeePolicy = POLICY
    own: OwnRows = field(default_factory=OwnRows)
    anchor: Anchor = PLANNED
    now: int = NOW

    def look(self, seconds: int = 0, **members: Any) -> Step:
        """Let time pass and the chain change, then do what is decided, as the worker does."""
        self.now += seconds
        inclusions = members.pop("inclusions", self.view.inclusions)
        padded = (tuple(inclusions) + (None,) * 99)[: len(self.anchor.attempts)]
        self.view = dataclasses.replace(self.view, inclusions=padded, **members)
        step = next_step(self.anchor, self.view, self.now, policy=self.policy, own=self.own)
        self._do(step)
        return step

    def send(self) -> None:
        """Go from the plan to a transaction that is sent."""
        assert isinstance(self.look(), Sign)
        assert self.look() == Send()

    def mined(self, attempt: int = 0, *, succeeded: bool = True, number: int = 100, digit: int = 5) -> dict[str, Any]:
        """Return what the chain shows once an attempt is in a block."""
        block = Block(number=number, block_hash=bytes([digit]) * 32, parent_hash=bytes([6]) * 32, time=self.now)
        found: list[Inclusion | None] = [None] * len(self.anchor.attempts)
        found[attempt] = Inclusion(succeeded, block, OURS if succeeded else None, 1)
        shown: dict[str, Any] = {"inclusions": tuple(found), "nonce": 41, "pending_nonce": 41, "latest_number": number}
        if succeeded:
            shown |= {"head": OURS, "own_root": ROOT, "block_hash": block.block_hash, "commitment": COMMITMENT}
        return shown

    def gone(self) -> dict[str, Any]:
        """Return what the chain shows once the block has left it."""
        return {"inclusions": (), "nonce": 40, "pending_nonce": 40, "head": VIEW.head, "own_root": VIEW.own_root,
                "block_hash": bytes(32), "commitment": bytes(32)}  # fmt: skip

    @property
    def caps(self) -> list[Caps]:
        """The fees of every attempt, oldest first."""
        return [Caps(one.max_fee, one.priority_fee) for one in self.anchor.attempts]

    def _do(self, step: Step) -> None:
        anchor = self.anchor
        if isinstance(step, Sign):
            number = len(anchor.attempts)
            attempt = Attempt(
                b"raw%d" % number, bytes([number]) * 32, step.max_fee, step.priority_fee, self.now, step.gas, step.nonce
            )
            attempts = (*anchor.attempts, attempt)
            self.anchor = dataclasses.replace(anchor, state=AnchorState.SIGNED, nonce=step.nonce, attempts=attempts)
        elif isinstance(step, Send):
            self.anchor = dataclasses.replace(anchor, state=AnchorState.SUBMITTED)
        elif isinstance(step, Include):
            self.anchor = dataclasses.replace(
                anchor, state=AnchorState.INCLUDED, block=step.block, commitment=COMMITMENT, fee_paid=step.fee_paid
            )
        elif isinstance(step, Reopen):
            self.anchor = dataclasses.replace(
                anchor, state=AnchorState.SUBMITTED, block=None, commitment=None, fee_paid=None
            )
        elif isinstance(step, Finalize):
            self.anchor = dataclasses.replace(anchor, state=AnchorState.FINALIZED)
        elif isinstance(step, End):
            self.anchor = dataclasses.replace(anchor, state=step.state, reason=step.reason)
        elif isinstance(step, Halt):
            self.anchor = dataclasses.replace(anchor, state=AnchorState.HALTED, reason=step.reason)


@pytest.fixture
def sending() -> Sending:
    """A head that is sent and in no block yet."""
    found = Sending()
    found.send()
    return found


# --- fees ------------------------------------------------------------


def test_the_first_offer_covers_a_doubled_base_fee() -> None:
    assert first_caps(10 * GWEI, 2 * GWEI) == Caps(22 * GWEI, 2 * GWEI)


def test_the_first_offer_of_a_chain_without_a_base_fee_is_its_priority_fee() -> None:
    assert first_caps(0, 3) == Caps(3, 3)


def test_a_block_at_the_first_price_needs_no_second_offer(sending: Sending) -> None:
    assert isinstance(sending.look(20, **sending.mined()), Include)
    assert len(sending.caps) == 1


def test_before_its_time_has_passed_nothing_is_offered_again(sending: Sending) -> None:
    assert isinstance(sending.look(BUMP - 1), Wait)
    assert len(sending.caps) == 1


def test_after_its_time_both_caps_rise_by_a_tenth_when_the_market_stands_still(sending: Sending) -> None:
    assert isinstance(sending.look(BUMP), Sign)
    first, second = sending.caps
    assert (second.max_fee, second.priority_fee) == (raised(first.max_fee), raised(first.priority_fee))


def test_both_caps_rise_when_only_the_priority_fee_of_the_market_rose(sending: Sending) -> None:
    sending.look(BUMP, priority_fee=5 * GWEI)
    first, second = sending.caps
    assert second.priority_fee == 5 * GWEI
    assert second.max_fee * 100 >= first.max_fee * 110


def test_both_caps_rise_when_only_the_base_fee_of_the_market_rose(sending: Sending) -> None:
    sending.look(BUMP, base_fee=50 * GWEI)
    first, second = sending.caps
    assert second.max_fee == 101 * GWEI
    assert second.priority_fee * 100 >= first.priority_fee * 110


def test_the_market_s_prices_are_taken_where_they_are_higher_than_a_tenth_more(sending: Sending) -> None:
    sending.look(BUMP, base_fee=90 * GWEI, priority_fee=7 * GWEI)
    assert sending.caps[-1] == Caps(187 * GWEI, 7 * GWEI)


def test_a_falling_market_lowers_no_offer(sending: Sending) -> None:
    sending.look(BUMP, base_fee=1, priority_fee=1)
    assert sending.caps[-1] == Caps(raised(21 * GWEI), raised(GWEI))


def test_a_tenth_of_an_odd_fee_is_rounded_up() -> None:
    assert (raised(1), raised(9), raised(10), raised(11)) == (2, 10, 11, 13)


def test_a_market_that_stands_still_makes_each_offer_a_tenth_dearer_and_no_more(sending: Sending) -> None:
    """A long wait must not double the price at every look."""
    for _ in range(10):
        assert isinstance(sending.look(BUMP), Sign)
        assert sending.look() == Send()
    ratio = sending.caps[-1].max_fee / sending.caps[0].max_fee
    assert 1.1**10 <= ratio < 1.1**10 * 1.0001


def test_time_counts_from_the_newest_offer(sending: Sending) -> None:
    sending.look(BUMP)
    sending.look()
    assert isinstance(sending.look(BUMP - 1), Wait)
    assert isinstance(sending.look(1), Sign)


def test_an_offer_that_would_pass_the_ceiling_is_not_made_and_the_old_one_is_sent_again(sending: Sending) -> None:
    sending.policy = FeePolicy(bump_after_seconds=BUMP, max_fee_ceiling=22 * GWEI)
    assert sending.look(BUMP) == Send(Alarm.FEE_CEILING)
    assert len(sending.caps) == 1


def test_an_offer_of_exactly_the_ceiling_is_made(sending: Sending) -> None:
    sending.policy = FeePolicy(bump_after_seconds=BUMP, max_fee_ceiling=raised(21 * GWEI))
    assert isinstance(sending.look(BUMP), Sign)


def test_a_market_beyond_the_ceiling_is_waited_out_before_the_first_offer() -> None:
    dear = Sending(policy=FeePolicy(max_fee_ceiling=20 * GWEI))
    for _ in range(5):
        assert isinstance(dear.look(600), Wait)
    assert isinstance(dear.look(600, base_fee=9 * GWEI), Sign)


def test_an_offer_the_account_cannot_pay_is_not_made_and_the_old_one_is_sent_again(sending: Sending) -> None:
    assert sending.look(BUMP, balance=21 * GWEI * GAS) == Send(Alarm.NO_FUNDS)
    assert isinstance(sending.look(0, balance=raised(21 * GWEI) * GAS), Sign)


def test_the_budget_of_the_day_holds_for_later_offers_too(sending: Sending) -> None:
    sending.policy = FeePolicy(bump_after_seconds=BUMP, daily_budget=22 * GWEI * GAS)
    assert sending.look(BUMP) == Send(Alarm.OVER_BUDGET)


def test_the_gas_limit_of_an_offer_is_that_of_the_first(sending: Sending) -> None:
    sending.look(BUMP)
    assert {one.gas for one in sending.anchor.attempts} == {GAS}


# --- which of several attempts ------------------------------------------------------------


@pytest.mark.parametrize("attempt", [0, 1, 2])
def test_whichever_of_several_offers_is_taken_ends_the_wait(sending: Sending, attempt: int) -> None:
    for _ in range(2):
        sending.look(BUMP)
        sending.look()
    assert isinstance(sending.look(1, **sending.mined(attempt)), Include)
    assert sending.anchor.fee_paid == 1


def test_the_cheapest_offer_may_be_taken_after_a_dearer_one_was_made(sending: Sending) -> None:
    sending.look(BUMP)
    assert isinstance(sending.look(0, **sending.mined(0)), Include)  # before the second one was even sent


def test_all_offers_have_one_nonce_so_that_one_only_can_be_taken(sending: Sending) -> None:
    for _ in range(4):
        sending.look(BUMP)
        sending.look()
    assert {one.nonce for one in sending.anchor.attempts} == {40}


# --- nonces and refusals ------------------------------------------------------------


def test_a_used_nonce_with_no_receipt_of_ours_ends_the_attempt(sending: Sending) -> None:
    found = sending.look(5, nonce=41, pending_nonce=41)
    assert isinstance(found, End)
    assert found.state is AnchorState.REPLACED


def test_a_used_nonce_with_a_receipt_of_ours_is_success(sending: Sending) -> None:
    """`nonce too low` after our own transaction was mined is no reason to give up."""
    assert isinstance(sending.look(5, **sending.mined()), Include)


def test_a_refused_transaction_ends_the_attempt_and_is_not_offered_again(sending: Sending) -> None:
    found = sending.look(5, **sending.mined(succeeded=False))
    assert isinstance(found, End)
    assert found.state is AnchorState.REVERTED


def test_a_refused_transaction_does_not_hide_that_another_one_of_ours_succeeded(sending: Sending) -> None:
    sending.look(BUMP, nonce=39)  # a gap: the second offer has another nonce
    sending.look()
    shown = sending.mined(0)
    failed = Inclusion(False, Block(99, bytes([4]) * 32, bytes(32), NOW), None)
    assert isinstance(sending.look(1, **{**shown, "inclusions": (shown["inclusions"][0], failed)}), Include)


def test_a_head_that_somebody_else_placed_needs_no_offer_of_ours() -> None:
    idle = Sending()
    block = Block(99, bytes([4]) * 32, bytes(32), NOW)
    found = idle.look(0, head=OURS, own_root=ROOT, at_head=Inclusion(True, block, OURS, 7))
    assert found == Include(block, None)  # and what they paid is not counted as ours


def test_a_head_that_was_overtaken_is_given_up(sending: Sending) -> None:
    later = ChainHead(8, 640, bytes([3]) * 32)
    found = sending.look(5, head=later, own_root=later.root, nonce=41)
    assert isinstance(found, End)
    assert found.state is AnchorState.SUPERSEDED


def test_an_earlier_transaction_that_left_the_chain_leaves_a_gap_that_is_filled(sending: Sending) -> None:
    found = sending.look(BUMP, nonce=39)
    assert isinstance(found, Sign)
    assert found.nonce == 39
    assert sending.look() == Send()
    assert isinstance(sending.look(1, **sending.mined(1)), Include)


# --- blocks that leave ------------------------------------------------------------


def test_an_included_head_waits_for_its_finality_and_offers_nothing(sending: Sending) -> None:
    sending.look(5, **sending.mined())
    for _ in range(5):
        assert isinstance(sending.look(10 * BUMP, final_number=99), Wait)
    assert len(sending.caps) == 1


def test_a_block_that_left_takes_the_head_back_and_the_wait_begins_again(sending: Sending) -> None:
    sending.look(5, **sending.mined())
    assert isinstance(sending.look(5, **sending.gone()), Reopen)
    assert isinstance(sending.look(1), Wait)
    assert sending.anchor.state is AnchorState.SUBMITTED


def test_after_a_block_left_the_same_transaction_may_be_mined_elsewhere(sending: Sending) -> None:
    sending.look(5, **sending.mined())
    sending.look(5, **sending.gone())
    assert isinstance(sending.look(5, **sending.mined(number=101, digit=8)), Include)
    assert sending.anchor.block is not None
    assert sending.anchor.block.number == 101


def test_after_a_block_left_the_fees_rise_when_the_transaction_does_not_come_back(sending: Sending) -> None:
    sending.look(5, **sending.mined())
    sending.look(5, **sending.gone())
    assert isinstance(sending.look(BUMP), Sign)
    assert {one.nonce for one in sending.anchor.attempts} == {40}


def test_a_nonce_that_another_took_while_our_block_was_gone_ends_the_attempt(sending: Sending) -> None:
    sending.look(5, **sending.mined())
    sending.look(5, **sending.gone())
    assert isinstance(sending.look(5, nonce=41, pending_nonce=41), End)


def test_blocks_may_leave_many_times_and_the_head_is_final_once(sending: Sending) -> None:
    for round_number in range(20):
        assert isinstance(sending.look(5, **sending.mined(digit=10 + round_number)), Include)
        assert isinstance(sending.look(5, **sending.gone()), Reopen)
    sending.look(5, **sending.mined())
    assert sending.look(5, final_number=100) == Finalize(COMMITMENT)
    assert len(sending.caps) == 1


def test_a_node_that_has_not_reached_our_block_takes_nothing_back(sending: Sending) -> None:
    sending.look(5, **sending.mined())
    found = sending.look(5, latest_number=98, block_hash=None, commitment=bytes(32), head=VIEW.head,
                         own_root=VIEW.own_root)  # fmt: skip
    assert isinstance(found, Wait)
    assert found.alarm is Alarm.NODE_BEHIND
    assert sending.anchor.state is AnchorState.INCLUDED
