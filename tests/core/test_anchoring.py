"""What the anchoring worker does next: the table of the module, row by row, and what no view of a chain can cause."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.core.alarms import Alarm
from ledger_service.core.anchor_record import UNFINISHED, Anchor, AnchorState, Attempt, Block
from ledger_service.core.anchoring import (
    End,
    Finalize,
    Halt,
    Include,
    Reopen,
    Send,
    Sign,
    Step,
    Wait,
    next_step,
)
from ledger_service.core.chain_view import ChainHead, ChainView, Estimate, Inclusion
from ledger_service.core.fees import FeePolicy

GWEI = 10**9
NOW = 1_793_700_000
GAS = 90_000
ROOT, OLD_ROOT, LATER_ROOT = bytes([1]) * 32, bytes([2]) * 32, bytes([3]) * 32
COMMITMENT = bytes([4]) * 32
BLOCK = Block(number=100, block_hash=bytes([5]) * 32, parent_hash=bytes([6]) * 32, time=NOW - 60)
OLD, OURS, LATER = ChainHead(6, 512, OLD_ROOT), ChainHead(7, 576, ROOT), ChainHead(8, 640, LATER_ROOT)
ATTEMPT = Attempt(
    raw=b"\x02raw",
    tx_hash=bytes([7]) * 32,
    max_fee=30 * GWEI,
    priority_fee=2 * GWEI,
    signed_at=NOW,
    gas=GAS,
    nonce=40,
)
PLANNED = Anchor(
    log_id=bytes([8]) * 32,
    chain_id=1,
    contract=bytes([9]) * 20,
    sequence=7,
    size=576,
    root=ROOT,
    old_size=512,
    proof=(bytes(32),),
    state=AnchorState.PLANNED,
    planned_at=NOW,
)
SIGNED = dataclasses.replace(PLANNED, state=AnchorState.SIGNED, nonce=40, attempts=(ATTEMPT,))
SUBMITTED = dataclasses.replace(SIGNED, state=AnchorState.SUBMITTED)
INCLUDED = dataclasses.replace(SUBMITTED, state=AnchorState.INCLUDED, block=BLOCK, commitment=COMMITMENT)
ANCHORS = {"planned": PLANNED, "signed": SIGNED, "submitted": SUBMITTED, "included": INCLUDED}
VIEW = ChainView(
    head=OLD,
    own_root=OLD_ROOT,
    code_matches=True,
    nonce=40,
    pending_nonce=40,
    balance=10**18,
    inclusions=(None,),
    at_head=None,
    latest_number=110,
    final_number=90,
    block_hash=None,
    commitment=bytes(32),
    base_fee=10 * GWEI,
    priority_fee=GWEI,
    estimate=Estimate(GAS),
)
MINED = dataclasses.replace(
    VIEW, head=OURS, own_root=ROOT, nonce=41, pending_nonce=41, block_hash=BLOCK.block_hash, commitment=COMMITMENT
)
PAID = 70_000 * 11 * GWEI
SUCCESS, FAILURE = Inclusion(True, BLOCK, OURS, PAID), Inclusion(False, BLOCK, None)


def step(
    anchor: Anchor, view: ChainView = VIEW, now: int = NOW, policy: FeePolicy | None = None, **members: Any
) -> Step:
    return next_step(anchor, dataclasses.replace(view, **members), now, policy=policy)


@pytest.mark.parametrize("name", ANCHORS)
def test_another_root_or_fewer_entries_than_the_chain_halts_in_every_state(name: str) -> None:
    for own_root in (LATER_ROOT, None):
        found = step(ANCHORS[name], own_root=own_root)
        assert isinstance(found, Halt)
        assert "head 6 of size 512, which is not a head of ours" in found.reason


@pytest.mark.parametrize("name", ANCHORS)
def test_another_code_at_the_contracts_address_halts_in_every_state(name: str) -> None:
    assert isinstance(step(ANCHORS[name], MINED, code_matches=False), Halt)


def test_a_plan_whose_start_is_the_chains_head_is_signed_with_the_next_nonce() -> None:
    assert step(PLANNED) == Sign(nonce=40, max_fee=21 * GWEI, priority_fee=GWEI, gas=GAS)


def test_no_fee_above_the_ceiling_is_ever_signed() -> None:
    policy = FeePolicy(max_fee_ceiling=20 * GWEI)

    assert isinstance(step(PLANNED, policy=policy), Wait)
    assert step(PLANNED, policy=FeePolicy(max_fee_ceiling=21 * GWEI)) == step(PLANNED)
    assert isinstance(step(PLANNED, base_fee=10**21), Wait)
    assert step(SUBMITTED, now=NOW + 180, policy=FeePolicy(max_fee_ceiling=32 * GWEI)) == Send(Alarm.FEE_CEILING)


@pytest.mark.parametrize("anchor", [PLANNED, SIGNED], ids=["planned", "signed"])
def test_a_plan_whose_start_is_not_the_chains_head_any_more_is_planned_anew(anchor: Anchor) -> None:
    found = step(anchor, head=ChainHead(7, 520, OLD_ROOT))

    assert isinstance(found, End)
    assert (found.state, "moved to size 520" in found.reason) == (AnchorState.SUPERSEDED, True)


def test_what_is_signed_is_sent_and_signed_only_once() -> None:
    assert step(SIGNED) == Send()
    assert step(SIGNED, now=NOW + 10**6) == Send()


@pytest.mark.parametrize("name", ["planned", "signed", "submitted"])
def test_our_head_on_the_chain_is_success_whoever_paid(name: str) -> None:
    assert step(ANCHORS[name], MINED, at_head=SUCCESS) == Include(BLOCK)
    assert step(ANCHORS[name], MINED, inclusions=(None, SUCCESS)) == Include(BLOCK, PAID)
    assert step(ANCHORS[name], MINED, inclusions=(FAILURE,), at_head=SUCCESS) == Include(BLOCK)


def test_our_head_counts_even_when_a_later_one_stands_there_now() -> None:
    later = dataclasses.replace(MINED, head=LATER, own_root=LATER_ROOT)

    assert step(SUBMITTED, later, inclusions=(SUCCESS,)) == Include(BLOCK, PAID)


@pytest.mark.parametrize("name", ["planned", "signed", "submitted"])
def test_a_later_head_of_ours_supersedes_the_plan(name: str) -> None:
    later = dataclasses.replace(MINED, head=LATER, own_root=LATER_ROOT)
    others = Inclusion(True, BLOCK, LATER)

    for view in (later, dataclasses.replace(later, at_head=others), MINED):
        found = step(ANCHORS[name], view)
        assert isinstance(found, End)
        assert found.state is AnchorState.SUPERSEDED
        assert "stands there already" in found.reason


@pytest.mark.parametrize(
    "inclusion",
    [FAILURE, Inclusion(False, BLOCK, OURS), Inclusion(True, BLOCK, None), Inclusion(True, BLOCK, LATER),
     Inclusion(True, BLOCK, dataclasses.replace(OURS, root=LATER_ROOT)),
     Inclusion(True, BLOCK, dataclasses.replace(OURS, sequence=8))],
    ids=range(6),
)  # fmt: skip
def test_a_transaction_that_did_not_place_our_head_is_no_success(inclusion: Inclusion) -> None:
    for anchor in (PLANNED, SIGNED, SUBMITTED):
        assert not isinstance(step(anchor, inclusions=(inclusion,)), Include)
        assert not isinstance(step(anchor, at_head=inclusion), Include)


def test_a_failed_transaction_ends_the_attempt() -> None:
    found = step(SUBMITTED, inclusions=(None, FAILURE), nonce=41)

    assert isinstance(found, End)
    assert found.state is AnchorState.REVERTED


def test_a_nonce_that_somebody_else_used_ends_the_attempt() -> None:
    found = step(SUBMITTED, nonce=41)

    assert isinstance(found, End)
    assert (found.state, "nonce 40" in found.reason) == (AnchorState.REPLACED, True)


def test_a_submitted_transaction_waits_before_its_fees_rise() -> None:
    assert isinstance(step(SUBMITTED, now=NOW + 179), Wait)
    assert isinstance(step(SUBMITTED, now=NOW - 10_000), Wait)  # a clock that went back
    assert isinstance(step(SUBMITTED, now=NOW + 180), Sign)
    assert isinstance(step(SUBMITTED, now=NOW + 5, policy=FeePolicy(bump_after_seconds=5)), Sign)


def test_both_caps_rise_by_at_least_ten_percent_rounded_up() -> None:
    assert step(SUBMITTED, now=NOW + 180) == Sign(40, 33 * GWEI, 22 * GWEI // 10, GAS)
    odd = dataclasses.replace(
        SUBMITTED, attempts=(dataclasses.replace(ATTEMPT, max_fee=25 * GWEI + 1, priority_fee=1),)
    )
    assert step(odd, now=NOW + 180, priority_fee=0) == Sign(40, 27_500_000_002, 2, GAS)


def test_fees_rise_to_what_the_chain_asks_when_that_is_more() -> None:
    assert step(SUBMITTED, now=NOW + 180, base_fee=40 * GWEI) == Sign(40, 81 * GWEI, 22 * GWEI // 10, GAS)
    assert step(SUBMITTED, now=NOW + 180, priority_fee=9 * GWEI) == Sign(40, 33 * GWEI, 9 * GWEI, GAS)


def test_the_newest_attempt_decides() -> None:
    newer = dataclasses.replace(ATTEMPT, max_fee=50 * GWEI, signed_at=NOW + 200)
    twice = dataclasses.replace(SUBMITTED, attempts=(ATTEMPT, newer))

    assert isinstance(step(twice, now=NOW + 200), Wait)
    assert step(twice, now=NOW + 380) == Sign(40, 55 * GWEI, 22 * GWEI // 10, GAS)


def test_an_included_anchor_whose_block_is_gone_is_submitted_again() -> None:
    for block_hash in (None, bytes(32)):
        assert step(INCLUDED, MINED, block_hash=block_hash, final_number=10**6) == Reopen()


def test_an_included_anchor_waits_until_its_block_is_final() -> None:
    found = step(INCLUDED, MINED, final_number=99)

    assert isinstance(found, Wait)
    assert "block 100, final is 99" in found.reason
    assert step(INCLUDED, MINED, final_number=100) == Finalize(COMMITMENT)


def test_a_final_block_whose_slot_holds_another_commitment_halts() -> None:
    found = step(INCLUDED, MINED, final_number=100, commitment=bytes(32))

    assert isinstance(found, Halt)
    assert "another commitment for head 7" in found.reason
    assert isinstance(step(INCLUDED, MINED, final_number=99, commitment=bytes(32)), Wait)


ROOTS = st.sampled_from([ROOT, OLD_ROOT, LATER_ROOT])
HEADS = st.builds(ChainHead, st.integers(5, 9), st.sampled_from([500, 512, 520, 576, 640]), ROOTS)
BLOCKS = st.builds(
    Block, st.integers(99, 101), st.sampled_from([BLOCK.block_hash, bytes(32)]), st.just(bytes(32)), st.just(1)
)
INCLUSIONS = st.none() | st.builds(Inclusion, st.booleans(), BLOCKS, st.none() | HEADS)
FEES = st.integers(0, 10**13)
VIEWS = st.builds(
    ChainView,
    head=HEADS,
    own_root=st.none() | ROOTS,
    code_matches=st.booleans(),
    nonce=st.integers(38, 43),
    pending_nonce=st.integers(38, 44),
    balance=st.integers(0, 10**18),
    inclusions=st.lists(INCLUSIONS, max_size=3).map(tuple),
    at_head=INCLUSIONS,
    latest_number=st.integers(98, 103),
    final_number=st.integers(98, 102),
    block_hash=st.none() | st.sampled_from([BLOCK.block_hash, bytes(32)]),
    commitment=st.sampled_from([COMMITMENT, bytes(32)]),
    base_fee=FEES,
    priority_fee=FEES,
    estimate=st.just(Estimate(GAS)) | st.just(Estimate(0, "LogIsClosed", "closed")),
)
POLICIES = st.builds(FeePolicy, max_fee_ceiling=FEES, bump_after_seconds=st.integers(1, 1000))


@given(st.sampled_from(sorted(ANCHORS)), VIEWS, st.integers(NOW - 2000, NOW + 2000), POLICIES)
def test_no_view_of_a_chain_leads_to_a_step_that_its_state_forbids(
    name: str, view: ChainView, now: int, policy: FeePolicy
) -> None:
    """Whatever a node says: no fee over the ceiling or under +10 %, no new nonce, no finality without its grounds."""
    anchor = ANCHORS[name]
    found = next_step(anchor, view, now, policy=policy)

    assert found == next_step(anchor, view, now, policy=policy)
    if not view.code_matches or view.own_root != view.head.root:
        assert isinstance(found, Halt)
    if isinstance(found, Sign):
        assert found.priority_fee <= found.max_fee <= policy.max_fee_ceiling
        assert view.head.size < anchor.size
        if name == "submitted":
            assert found.nonce == anchor.nonce
            assert view.nonce <= found.nonce
            assert found.max_fee * 100 >= ATTEMPT.max_fee * 110
            assert found.priority_fee * 100 >= ATTEMPT.priority_fee * 110
            assert now - ATTEMPT.signed_at >= policy.bump_after_seconds
        else:
            assert name == "planned"
            assert found.nonce == view.nonce
    if isinstance(found, Include):
        assert Inclusion(True, found.block, OURS) in (*view.inclusions, view.at_head)
    if isinstance(found, Finalize):
        assert name == "included"
        assert view.block_hash == BLOCK.block_hash
        assert view.final_number >= BLOCK.number
        assert found.commitment == COMMITMENT
    if isinstance(found, Reopen):
        assert name == "included"
    if isinstance(found, End):
        assert found.state not in UNFINISHED | {AnchorState.FINALIZED, AnchorState.HALTED}
        assert found.reason
