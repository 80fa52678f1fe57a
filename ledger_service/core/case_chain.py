"""The chain of a case, followed back from the last entry that a seal names through entries that somebody shows.

Each entry names the one before it by its leaf hash, so the last one fixes all of them. Promises: pure; what is linked
is what the seal counts, what stands in a place that is taken by another is not. Does not: verify receipts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.core.case_index import Indexed
from ledger_service.core.report import Check, Outcome


@dataclass(frozen=True, slots=True)
class Link:
    """An entry on the chain of a case: its index, its place in the case, the leaf hash before it, and its own."""

    index: int
    seq: int
    prev: bytes | None
    leaf: bytes


def places_of(counted: Indexed, links: Sequence[Link]) -> dict[int, bytes]:
    """Return the leaf at each place of the case that the last leaf leads to: the last place first.

    Args:
        counted: How many entries the case has, and the leaf hash of the last.
        links: Entries that are at hand; the walk ends at the first that is not among them.
    """
    held = {(link.seq, link.leaf): link for link in links}
    places: dict[int, bytes] = {}
    seq, leaf = counted.count - 1, counted.last
    while True:
        places[seq] = leaf
        link = held.get((seq, leaf))
        if link is None or link.prev is None:
            return places
        seq, leaf = seq - 1, link.prev


def check_links(counted: Indexed | None, links: Sequence[Link]) -> list[Check]:
    """Return a check for each entry, in their order: whether it is one of those that a seal counts.

    Args:
        counted: What the seal counts of the case; None: it counts no such case.
        links: Entries of the case, each shown by a good receipt, all recorded before the seal.
    """
    places = {} if counted is None else places_of(counted, links)
    count, named = 0 if counted is None else counted.count, frozenset(places.values())
    shown: dict[int, dict[bytes, int]] = {}
    for link in links:
        shown.setdefault(link.seq, {}).setdefault(link.leaf, link.index)

    def check(link: Link) -> Check:
        about, at = f"entry {link.index}", f"has the place {link.seq} of the return"
        if link.seq >= count:
            return Check("receipts", Outcome.FAIL, f"{about} was recorded before the seal, which leaves it out")
        wanted = places.get(link.seq)
        if wanted == link.leaf:
            return Check("receipts", Outcome.PASS, f"{about} is among those that the seal counts")
        if link.seq == count - 1:
            return Check("receipts", Outcome.FAIL, f"{about} is the last that the seal counts, which names another")
        if wanted is not None:
            return Check("receipts", Outcome.FAIL, f"{about} {at}, where the seal's last entry leads to another")
        if link.leaf in named:
            return Check("receipts", Outcome.FAIL, f"{about} {at}, and the seal counts it in another")
        other = next((index for leaf, index in shown[link.seq].items() if leaf != link.leaf), None)
        if other is not None:
            return Check("receipts", Outcome.FAIL, f"{about} {at}, and so has entry {other}")
        reason = "is not shown to be among those that the seal counts: give the receipts of all entries after it"
        return Check("receipts", Outcome.UNKNOWN, f"{about} {reason}")

    return [check(link) for link in links]
