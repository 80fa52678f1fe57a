"""Nodes on two branches of one chain know different things and tell the truth: that is no contradiction."""

from __future__ import annotations

import dataclasses

from ledger_service.core.chain_view import ChainHead, FinalView
from ledger_service.core.quorum import Disagreement, combine, combine_final
from tests.core.test_anchoring import BLOCK, COMMITMENT, INCLUDED, LATER_ROOT, MINED, ROOT, SUBMITTED

ELSEWHERE = bytes([77]) * 32
# The anchor's block was replaced on both nodes; one is far enough to show the head in a later block, the other is not.
FURTHER = dataclasses.replace(MINED, block_hash=ELSEWHERE, final_number=130, latest_number=150, commitment=COMMITMENT)
BEHIND = dataclasses.replace(FURTHER, latest_number=140, final_number=120, commitment=bytes(32))


def test_a_slot_that_only_one_node_has_reached_is_no_contradiction_where_another_block_stands() -> None:
    found = combine(INCLUDED, [FURTHER, BEHIND], 2)

    assert not isinstance(found, Disagreement)
    assert found.block_hash == ELSEWHERE


def test_two_slots_under_the_anchors_own_block_contradict_each_other() -> None:
    one, other = (dataclasses.replace(view, block_hash=BLOCK.block_hash) for view in (FURTHER, BEHIND))

    assert isinstance(combine(INCLUDED, [one, other], 2), Disagreement)


def test_the_daily_look_takes_no_slot_for_a_contradiction_where_another_block_stands() -> None:
    one = FinalView(latest_number=150, final_number=130, block_hash=ELSEWHERE, commitment=COMMITMENT)
    other = dataclasses.replace(one, commitment=bytes(32))
    same = [dataclasses.replace(view, block_hash=BLOCK.block_hash) for view in (one, other)]

    found = combine_final(INCLUDED, [one, other], 2)

    assert not isinstance(found, Disagreement)
    assert found.block_hash == ELSEWHERE
    assert isinstance(combine_final(INCLUDED, same, 2), Disagreement)


def test_two_heads_of_ours_under_one_sequence_are_two_branches_and_a_foreign_one_is_a_contradiction() -> None:
    one = dataclasses.replace(MINED, head=ChainHead(7, 560, LATER_ROOT), own_root=LATER_ROOT)
    other = dataclasses.replace(MINED, head=ChainHead(7, 540, ROOT), own_root=ROOT)
    foreign = dataclasses.replace(other, own_root=LATER_ROOT)
    views = [dataclasses.replace(view, inclusions=(None,)) for view in (one, other, foreign)]

    assert not isinstance(combine(SUBMITTED, views[:2], 2), Disagreement)
    assert isinstance(combine(SUBMITTED, [views[0], views[2]], 2), Disagreement)
