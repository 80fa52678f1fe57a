"""Since when entries were recorded: the block after which each was, as its receipt proves it.

Promises: says of an entry what the proof in its receipt says (`prove_anchor.after_proof`), without making the receipt.
Does not: ask a chain.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from ledger_service.core.anchor_record import Anchor
from ledger_service.core.timeline_row import Since
from ledger_service.operations.anchored import PLACED
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove import resting
from ledger_service.operations.prove_anchor import Quoted, quoted_before


def since_of(ledger: Ledger, anchors: Sequence[Anchor], indexes: Iterable[int]) -> dict[int, Since]:
    """Return the block after which each entry was recorded; an entry whose receipt shows none is left out.

    Args:
        ledger: Opened to read or to write.
        anchors: As `anchors_of` returned them.
        indexes: Of the entries.
    """
    sizes = sorted({one.size for one in anchors if one.block is not None and one.state in PLACED})
    holding: dict[int, tuple[Anchor, ...]] = {}
    seals: dict[int, Quoted | None] = {}
    found: dict[int, Since] = {}
    for index in sorted(indexes, reverse=True):
        place = bisect_right(sizes, index)  # heads that cover the entry: the same ones, the same anchors to rest on
        if place not in holding:
            holding[place], seals[place] = resting(ledger, anchors, index), None
        quoted = seals[place]
        if quoted is None or quoted.seal.index >= index:  # else no other seal lies between: downwards it stays the last
            quoted = seals[place] = quoted_before(ledger, index, holding[place], anchors)
        if quoted is not None:
            found[index] = since(quoted)
    return found


def since(quoted: Quoted) -> Since:
    """Return what a seal that stands before an entry says of the time when the entry was recorded."""
    block = quoted.anchor.block
    assert block is not None  # `quoted_before` takes no other
    return Since(quoted.seal.index, quoted.anchor.chain_id, quoted.anchor.sequence, block.number, block.time)
