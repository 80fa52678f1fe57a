"""How far the entries have come: which anchored head covers one, at how many targets, and what that is called.

Where a log is anchored at several targets, each has the same heads; a head counts as final where at least as many hold
it, final, as the policy of the genesis entry requires.

Promises: repeats what the workers saw and saved. Does not: ask a chain.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime

from ledger_service.core.anchor_record import Anchor, AnchorState, parse_anchor_record
from ledger_service.core.encoding import Json
from ledger_service.core.moments import parse_instant
from ledger_service.core.receipt import AnchorProof
from ledger_service.operations.ledger import Ledger
from ledger_service.store.anchors import AnchorHistory

PLACED = (AnchorState.FINALIZED, AnchorState.INCLUDED)


def anchors_of(ledger: Ledger) -> list[Anchor]:
    """Return the newest record of every anchor at every target, oldest first at each."""
    history = AnchorHistory(ledger.store)
    rows = [row for target in ledger.targets() for row in history.current(target.log_id)]
    return [parse_anchor_record(row.record) for row in rows]


def life(anchors: Sequence[Anchor], index: int, *, required: int) -> tuple[str, int | None]:
    """Return how far the entry has come, and the time of the block that holds it (seconds since 1970), if one does.

    One word everywhere (design §3): `checkpointed`, `submitted`, `included` or `finalized`; `recorded` ends with the
    commit that also stores a checkpoint, so nobody sees it.
    """
    return lives(anchors, required=required)(index)


def lives(anchors: Sequence[Anchor], *, required: int) -> Callable[[int], tuple[str, int | None]]:
    """Return `life` of these anchors as a function of the index that does not look at all of them again."""
    sizes = _by_size(anchors)
    final = [
        (size, max(one.block.time for one in held if one.block is not None and one.state is AnchorState.FINALIZED))
        for size, held in sizes.items()
        if sum(one.state is AnchorState.FINALIZED for one in held) >= required
    ]
    included = [(size, min(one.block.time for one in held if one.block is not None)) for size, held in sizes.items()]
    held = [(AnchorState.FINALIZED, sorted(final)), (AnchorState.INCLUDED, sorted(included))]
    submitted = max((one.size for one in anchors if one.state is AnchorState.SUBMITTED), default=0)

    def of(index: int) -> tuple[str, int | None]:
        for state, heads in held:
            place = bisect_right(heads, index, key=lambda head: head[0])  # the smallest head that covers the entry
            if place < len(heads):
                return state.value, heads[place][1]
        return (AnchorState.SUBMITTED.value if submitted > index else "checkpointed"), None

    return of


def covering(anchors: Sequence[Anchor], index: int, *, required: int) -> tuple[Anchor, ...]:
    """Return the anchors of the head that a receipt of the entry rests on, final ones first; nothing where none is.

    The head that is final at the most targets, and of these the smallest; failing one that is final at `required`, the
    one that is included at the most.
    """
    sizes = {size: held for size, held in _by_size(anchors).items() if size > index}
    if not sizes:
        return ()

    def rank(size: int) -> tuple[bool, int, int, int]:
        final = sum(one.state is AnchorState.FINALIZED for one in sizes[size])
        return final < required, -final, -len(sizes[size]), size

    return tuple(sorted(sizes[min(sizes, key=rank)], key=lambda one: (PLACED.index(one.state), one.log_id)))


def final_size(anchors: Sequence[Anchor], *, required: int) -> int:
    """Return the size of the largest head that is final at `required` targets; 0 where none is."""
    final = (
        size
        for size, held in _by_size(anchors).items()
        if sum(one.state is AnchorState.FINALIZED for one in held) >= required
    )
    return max(final, default=0)


def final_times(ledger: Ledger, anchors: Sequence[Anchor]) -> Callable[[int], datetime | None]:
    """Return when an entry became final, by its index: when the workers saw it so at as many targets as are required.

    None: it is not.
    """
    required = ledger.genesis()[0].required
    standing = {(one.log_id, one.sequence) for one in anchors if one.state is AnchorState.FINALIZED}
    seen: dict[int, list[str]] = defaultdict(list)
    for _, row in AnchorHistory(ledger.store).finalized():
        if (row.log_id, row.sequence) in standing:
            seen[row.size].append(row.recorded_at)
    heads = sorted((size, sorted(times)[required - 1]) for size, times in seen.items() if len(times) >= required)
    sizes, earliest, times_from = [size for size, _ in heads], "", list[datetime]()
    for _, at in reversed(heads):  # a larger head that was final sooner covers the entries of a smaller one too
        earliest = at if not earliest else min(earliest, at)
        times_from.append(parse_instant(earliest))
    times_from.reverse()

    def of(index: int) -> datetime | None:
        place = bisect_right(sizes, index)
        return times_from[place] if place < len(sizes) else None

    return of


def placed_size(anchors: Sequence[Anchor]) -> int:
    """Return the size of the largest head that stands in a block somewhere; 0 where none does."""
    return max(_by_size(anchors), default=0)


def anchor_proof(anchor: Anchor) -> AnchorProof:
    """Return an anchor that stands in a block as receipts show it."""
    assert anchor.block is not None  # `covering` takes no other
    return AnchorProof(
        chain_id=anchor.chain_id,
        contract=anchor.contract,
        log_id=anchor.log_id,
        sequence=anchor.sequence,
        time=anchor.block.time,
        block_number=anchor.block.number,
        block_hash=anchor.block.block_hash,
        parent_hash=anchor.block.parent_hash,
    )


def lost_heads(ledger: Ledger, index: int) -> list[Json]:
    """Return which heads over an entry were final and then left the chain, as receipts name them."""
    rows = AnchorHistory(ledger.store).contradicted()
    return [{"log_id": "0x" + row.log_id.hex(), "sequence": row.sequence} for row in rows if row.size > index]


def _by_size(anchors: Sequence[Anchor]) -> dict[int, list[Anchor]]:
    """Return the anchors that stand in a block, by the size of their head."""
    sizes: dict[int, list[Anchor]] = defaultdict(list)
    for anchor in anchors:
        if anchor.block is not None and anchor.state in PLACED:
            sizes[anchor.size].append(anchor)
    return dict(sizes)
