"""What of our own transactions counts against the day's budget, and what a replacement must outbid."""

from __future__ import annotations

import dataclasses

from ledger_service.core.anchor_record import Anchor, AnchorState, Attempt, encode_anchor_record
from ledger_service.core.chain_view import OwnRows
from ledger_service.operations.spending import DAY_SECONDS, own_rows
from ledger_service.store.anchors import StoredAnchor
from tests.core.test_anchoring import ATTEMPT, BLOCK, COMMITMENT, NOW, PAID, PLANNED

SINCE = NOW - DAY_SECONDS
NEXT = dataclasses.replace(PLANNED, sequence=8)  # the anchor that is decided on
WORST = ATTEMPT.gas * ATTEMPT.max_fee


def attempt(nonce: int, *, max_fee: int = ATTEMPT.max_fee, signed_at: int = NOW) -> Attempt:
    """Return a signed transaction unlike every other."""
    tx_hash = bytes([nonce, max_fee % 251]) * 16
    return dataclasses.replace(ATTEMPT, nonce=nonce, max_fee=max_fee, signed_at=signed_at, tx_hash=tx_hash)


def ended(*attempts: Attempt) -> Anchor:
    """Return an anchor that was given up."""
    return dataclasses.replace(PLANNED, state=AnchorState.SUPERSEDED, nonce=attempts[-1].nonce, attempts=attempts)


def final(*attempts: Attempt, at: int = BLOCK.time) -> Anchor:
    """Return an anchor that was placed, in a block of this time."""
    block = dataclasses.replace(BLOCK, time=at)
    return dataclasses.replace(
        ended(*attempts), state=AnchorState.FINALIZED, block=block, commitment=COMMITMENT, fee_paid=PAID
    )


def own(*anchors: Anchor, decided: Anchor = NEXT, nonce: int = 50) -> OwnRows:
    """Return what these anchors' rows say."""
    rows = [
        StoredAnchor(one.log_id, one.sequence, step, one.size, one.state.value, "", encode_anchor_record(one))
        for step, one in enumerate(anchors)
    ]
    return own_rows(rows, decided, since=SINCE, nonce=nonce)


def test_what_was_placed_counts_by_its_block_and_not_by_its_signature() -> None:
    before = attempt(40, signed_at=SINCE - DAY_SECONDS)

    assert own(final(before, at=SINCE)).spent == PAID  # signed two days ago, charged a day ago
    assert own(final(before, at=SINCE - 1)).spent == 0


def test_what_was_not_seen_in_a_block_counts_at_its_worst_however_long_ago_it_was_signed() -> None:
    assert own(ended(attempt(40, signed_at=SINCE - DAY_SECONDS))).spent == WORST


def test_of_all_that_is_signed_for_one_nonce_the_dearest_counts() -> None:
    two = ended(attempt(40), attempt(40, max_fee=2 * ATTEMPT.max_fee))

    assert own(two).spent == 2 * WORST
    assert own(two, ended(attempt(41))).spent == 3 * WORST


def test_a_head_placed_by_one_of_two_nonces_leaves_another_transaction_that_may_wait_and_cost() -> None:
    placed = final(attempt(40), attempt(41))

    found = own(placed, nonce=41)

    assert found.waiting[41] == placed.attempts[1]
    assert found.spent == WORST  # nonce 40 at its worst; the next transaction takes the place of nonce 41
    assert own(placed, nonce=42).spent == 2 * WORST


def test_of_the_anchor_itself_what_waits_at_later_nonces_counts_and_what_is_replaced_does_not() -> None:
    itself = dataclasses.replace(NEXT, state=AnchorState.SUBMITTED, nonce=42, attempts=(attempt(41), attempt(42)))

    assert own(itself, decided=itself, nonce=41).spent == WORST
    assert own(itself, decided=itself, nonce=42).spent == 0
    assert own(itself, decided=itself, nonce=42).waiting == {}
