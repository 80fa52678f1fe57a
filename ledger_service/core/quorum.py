"""What several nodes say about one anchor, made into one view, or into the finding that they contradict each other.

A node may lag behind another: then fewer things are known yet, and the view says only what a quorum has seen. Nodes
that show two different *final* histories do not lag: one of them lies, or follows another chain. That is a
disagreement, and never a vote.

| the nodes show | answer |
|---|---|
| code that is pinned here and another there | `Disagreement` |
| two heads under one sequence, one of them none of ours | `Disagreement` |
| two heads of ours under one sequence: the nodes are on two branches | what one of them shows |
| our transaction in two different blocks, each final where it is shown | `Disagreement` |
| two hashes at the height of the anchor's block, both nodes call it final | `Disagreement` |
| two different commitments in its slot, both nodes call its block final | `Disagreement` |
| anything that only some of them have seen yet | what at least `quorum` of them have seen |

Promises: pure; of one node (quorum 1) the view is that node's own; a liar below the quorum can delay, not convince.
Does not: ask anybody (`operations/target_chain.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ledger_service.core.anchor_record import Anchor
from ledger_service.core.chain_view import ChainView, Estimate, FinalView

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Why the nodes cannot all be telling the truth."""

    reason: str


def combine(anchor: Anchor, views: Sequence[ChainView], quorum: int) -> ChainView | Disagreement:
    """Return the view that `quorum` of the nodes share.

    Args:
        anchor: What was asked about.
        views: One of each node that answered; at least `quorum`.
        quorum: How many must have seen something before it counts.
    """
    if len(views) == 1:
        return views[0]
    found = _contradiction(anchor, views)
    if found is not None:
        return Disagreement(found)
    head = sorted(views, key=lambda view: view.head.sequence, reverse=True)[quorum - 1]
    merged = replace(
        head,
        nonce=_reached(quorum, (view.nonce for view in views)),
        pending_nonce=max(view.pending_nonce for view in views),
        balance=_reached(quorum, (view.balance for view in views)),
        inclusions=tuple(
            _agreed(quorum, (view.inclusions[place] for view in views)) for place in range(len(anchor.attempts))
        ),
        at_head=_agreed(quorum, (view.at_head for view in views)),
        latest_number=_reached(quorum, (view.latest_number for view in views)),
        final_number=_reached(quorum, (view.final_number for view in views)),
        base_fee=_reached(quorum, (view.base_fee for view in views)),
        priority_fee=_reached(quorum, (view.priority_fee for view in views)),
        estimate=_estimate(quorum, views),
    )
    if anchor.block is None:
        return merged
    return _of_block(anchor, merged, views, quorum)


def combine_final(anchor: Anchor, views: Sequence[FinalView], quorum: int) -> FinalView | Disagreement:
    """Return what `quorum` of the nodes say about a head that was final."""
    if len(views) == 1:
        return views[0]
    assert anchor.block is not None  # it was final
    number = anchor.block.number
    final = [view for view in views if min(view.final_number, view.latest_number) >= number]
    hashes = {view.block_hash for view in final} - {None}
    if len(hashes) > 1:
        return Disagreement(f"nodes that call block {number} final show {len(hashes)} different blocks there")
    ours = [view for view in final if view.block_hash == anchor.block.block_hash]
    if len({view.commitment for view in ours}) > 1:
        return Disagreement(
            f"nodes that call block {number} final show different commitments of head {anchor.sequence}"
        )
    return FinalView(
        latest_number=_reached(quorum, (view.latest_number for view in views)),
        final_number=_reached(quorum, (view.final_number for view in views)),
        block_hash=_agreed(quorum, (view.block_hash for view in final)),
        commitment=ours[0].commitment if ours else bytes(32),
    )


def _contradiction(anchor: Anchor, views: Sequence[ChainView]) -> str | None:
    if len({view.code_matches for view in views}) > 1:
        return "one node shows the pinned contract, another one other code at its address"
    heads = {view.head for view in views}
    ours = all(view.own_root == view.head.root for view in views)
    if not ours and len({head.sequence for head in heads}) < len(heads):
        return "two nodes show different heads under the same number"
    for place in range(len(anchor.attempts)):
        seen = {
            found.block
            for view in views
            if (found := view.inclusions[place]) is not None and found.block.number <= view.final_number
        }
        if len(seen) > 1:
            return "two nodes show one transaction in different blocks, and call each of them final"
    if anchor.block is None:
        return None
    number = anchor.block.number
    final = [view for view in views if view.final_number >= number and view.block_hash is not None]
    if len({view.block_hash for view in final}) > 1:
        return f"two nodes call different blocks {number} final"
    # A node that has the anchor's block has its slot; where another block stands, one node may be further than another.
    if len({view.commitment for view in final if view.block_hash == anchor.block.block_hash}) > 1:
        return f"two nodes that call block {number} final show different commitments of head {anchor.sequence}"
    return None


def _of_block(anchor: Anchor, merged: ChainView, views: Sequence[ChainView], quorum: int) -> ChainView:
    """Settle what is at the anchor's block: final only where enough nodes agree, gone only where none shows it."""
    assert anchor.block is not None
    number, ours = anchor.block.number, anchor.block.block_hash
    agreed = _agreed(quorum, (view.block_hash for view in views))
    commitment = _agreed(quorum, (view.commitment if view.block_hash == ours else None for view in views))
    if agreed == ours and commitment is not None:
        return replace(merged, block_hash=ours, commitment=commitment)
    shown = any(view.block_hash == ours for view in views)
    waiting = min(merged.final_number, number - 1)  # some nodes are between two chains: nothing is final yet
    return replace(merged, block_hash=ours if shown else agreed, final_number=waiting)


def _estimate(quorum: int, views: Sequence[ChainView]) -> Estimate | None:
    said = [view.estimate for view in views if view.estimate is not None]
    if not said:
        return None
    willing = [one for one in said if one.gas]
    if len(willing) >= min(quorum, len(said)):
        return max(willing, key=lambda one: one.gas)
    return next(one for one in said if not one.gas)


def _reached(quorum: int, values: Iterable[int]) -> int:
    """Return the largest number that at least `quorum` nodes have reached."""
    return sorted(values, reverse=True)[quorum - 1]


def _agreed(quorum: int, values: Iterable[T | None]) -> T | None:
    """Return the value that at least `quorum` nodes show, None where there is no such value."""
    counted = Counter(value for value in values if value is not None)
    most = counted.most_common(1)
    return most[0][0] if most and most[0][1] >= quorum else None
