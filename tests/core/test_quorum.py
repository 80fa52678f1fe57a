"""Several nodes, one view: what lags counts later, what contradicts is never a vote."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.core.anchor_record import Anchor, AnchorState
from ledger_service.core.anchoring import Finalize, Include, next_step
from ledger_service.core.chain_view import ChainHead, ChainView, Estimate, FinalView, Inclusion
from ledger_service.core.quorum import Disagreement, combine, combine_final
from tests.core.test_anchoring import (
    ANCHORS,
    BLOCK,
    COMMITMENT,
    GAS,
    INCLUDED,
    LATER_ROOT,
    MINED,
    NOW,
    OURS,
    PAID,
    PLANNED,
    SUBMITTED,
    SUCCESS,
    VIEW,
    VIEWS,
)

ELSEWHERE = dataclasses.replace(BLOCK, block_hash=bytes([9]) * 32)
FINAL = dataclasses.replace(MINED, inclusions=(SUCCESS,), final_number=100)


def view(base: ChainView = VIEW, **members: Any) -> ChainView:
    return dataclasses.replace(base, **members)


def merged(anchor: Anchor, *views: ChainView, quorum: int = 2) -> ChainView:
    found = combine(anchor, views, quorum)
    assert isinstance(found, ChainView), found
    return found


@given(VIEWS, st.sampled_from(sorted(ANCHORS)))
def test_of_one_node_the_view_is_its_own(one: ChainView, name: str) -> None:
    assert combine(ANCHORS[name], [one], 1) is one


@given(VIEWS, st.integers(2, 4), st.sampled_from(sorted(ANCHORS)))
def test_nodes_that_all_say_the_same_are_one_node(one: ChainView, count: int, name: str) -> None:
    """But for what is decided on: a sequence of equal views leads to the same step."""
    anchor = ANCHORS[name]
    whole = dataclasses.replace(one, inclusions=(one.inclusions * 3 or (None,))[: len(anchor.attempts)])
    found = merged(anchor, *[whole] * count)

    if anchor.block is None or whole.block_hash == anchor.block.block_hash:
        assert next_step(anchor, found, NOW) == next_step(anchor, whole, NOW)


CONTRADICTIONS = {
    "code": (SUBMITTED, view(), view(code_matches=False)),
    "head": (SUBMITTED, view(), view(head=ChainHead(6, 512, LATER_ROOT))),  # at that size our root is another
    "head size": (SUBMITTED, view(), view(head=ChainHead(6, 9999, VIEW.head.root), own_root=None)),
    "transaction": (SUBMITTED, view(FINAL), view(FINAL, inclusions=(Inclusion(True, ELSEWHERE, OURS),))),
    "block": (INCLUDED, view(FINAL), view(FINAL, block_hash=bytes(32))),
    "commitment": (INCLUDED, view(FINAL), view(FINAL, commitment=bytes(32))),
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
@pytest.mark.parametrize("others", [0, 1, 3])
def test_two_histories_are_a_disagreement_however_many_nodes_share_one(what: str, others: int) -> None:
    anchor, honest, liar = CONTRADICTIONS[what]

    for order in ([honest] * (others + 1) + [liar], [liar] + [honest] * (others + 1)):
        assert isinstance(combine(anchor, order, 2), Disagreement)


def test_an_inclusion_counts_when_enough_nodes_show_it() -> None:
    seen = view(MINED, inclusions=(SUCCESS,))

    assert merged(SUBMITTED, seen, view()).inclusions == (None,)
    assert merged(SUBMITTED, seen, seen, view()).inclusions == (SUCCESS,)
    found = next_step(SUBMITTED, merged(SUBMITTED, seen, seen, view()), NOW)
    assert found == Include(BLOCK, PAID)


def test_a_liar_below_the_quorum_places_no_head_and_ends_no_anchor() -> None:
    """One node claims our head, a later one, a used nonce, a failed transaction: nothing of it counts."""
    for lie in (
        view(MINED, inclusions=(SUCCESS,)),
        view(MINED, at_head=SUCCESS),
        view(head=ChainHead(9, 9999, LATER_ROOT), own_root=None),
        view(nonce=41),
        view(inclusions=(Inclusion(False, BLOCK, None),)),
    ):
        found = merged(SUBMITTED, lie, view(), view())
        assert next_step(SUBMITTED, found, NOW) == next_step(SUBMITTED, view(), NOW)


def test_final_is_what_enough_nodes_call_final() -> None:
    early = view(MINED, inclusions=(SUCCESS,), final_number=99)

    assert merged(INCLUDED, FINAL, early).final_number == 99
    assert next_step(INCLUDED, merged(INCLUDED, FINAL, FINAL, early), NOW) == Finalize(COMMITMENT)


def test_a_node_that_has_not_reached_the_block_only_delays() -> None:
    behind = view(latest_number=99, final_number=80)
    found = merged(INCLUDED, FINAL, behind)

    assert (found.latest_number, found.final_number) == (99, 80)
    assert next_step(INCLUDED, merged(INCLUDED, FINAL, FINAL, behind), NOW) == Finalize(COMMITMENT)


def test_nodes_on_two_sides_of_a_reorganisation_settle_nothing_yet() -> None:
    """One shows our block, one another, neither calls it final: wait; when no node shows it, it is gone."""
    ours = view(MINED, inclusions=(SUCCESS,), final_number=90)
    other = view(MINED, inclusions=(None,), block_hash=bytes(32), final_number=90)
    between, gone = merged(INCLUDED, ours, other), merged(INCLUDED, other, other)

    assert between.block_hash == BLOCK.block_hash
    assert between.final_number < BLOCK.number
    assert gone.block_hash == bytes(32)


def test_the_contract_refuses_when_the_quorum_is_not_willing() -> None:
    refusal = Estimate(0, "LogIsClosed", "closed")

    def both(one: Estimate, other: Estimate) -> Estimate | None:
        return merged(PLANNED, view(inclusions=(), estimate=one), view(inclusions=(), estimate=other)).estimate

    assert both(Estimate(GAS), Estimate(GAS + 1)) == Estimate(GAS + 1)
    assert both(Estimate(GAS), refusal) == refusal


SEEN = FinalView(latest_number=120, final_number=110, block_hash=BLOCK.block_hash, commitment=COMMITMENT)
WAS_FINAL = dataclasses.replace(INCLUDED, state=AnchorState.FINALIZED)


def test_what_was_final_is_looked_at_through_all_nodes() -> None:
    behind = dataclasses.replace(SEEN, final_number=90)
    lost = dataclasses.replace(SEEN, block_hash=bytes(32))

    assert combine_final(WAS_FINAL, [lost], 1) is lost
    assert combine_final(WAS_FINAL, [SEEN, SEEN, behind], 2) == SEEN
    early = combine_final(WAS_FINAL, [SEEN, behind], 2)
    assert isinstance(early, FinalView)
    assert early.final_number == 90
    for liar in (lost, dataclasses.replace(SEEN, commitment=bytes(32))):
        assert isinstance(combine_final(WAS_FINAL, [SEEN, SEEN, liar], 2), Disagreement)
    nobody = combine_final(WAS_FINAL, [behind, behind], 2)
    assert isinstance(nobody, FinalView)
    assert nobody.block_hash is None
