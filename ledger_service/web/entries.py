"""The entries of a return that a form lets somebody choose from: what was served, what is wrong, what takes its place.

Promises: an entry that the ledger would refuse there whatever else is filled in is not offered. Does not: judge
(`core/corrections.py`), or say what an entry is called on a page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ledger_service.core.docket import DID_NOT_OCCUR
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Kind
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal
from ledger_service.operations.pseudonyms import actor

ENTRIES_SHOWN = 100  # of those that fit, the newest: a list on a phone; older ones are named over the API
SERVED, WRONG, IN_ITS_PLACE = "served_entry", "wrong_entry", "corrective_entry"


@dataclass(frozen=True, slots=True)
class Named:
    """An entry that a field can name by its leaf hash (64 hex digits).

    `own`: the reader asserted it; `involved`: asserted or recorded it; `counts`: no correction took it back.
    """

    leaf: str
    index: int
    seq: int
    kind: Kind
    verb: str
    role: str
    recorded_at: str
    own: bool = False
    involved: bool = False
    counts: bool = True


def named_entries(ledger: Ledger, principal: Principal, return_id: str) -> tuple[Named, ...]:
    """Return the entries that make up a return, in their order."""
    docket, found = ledger.dockets.of(return_id), ledger.keys.find(f"case:{return_id}")
    index_of = {row.leaf_hash: row.index for row in ledger.read.entries_of(return_id)}
    voided, reader = docket.voided(), None if found is None else actor(found[1], principal.party)
    return tuple(
        Named(
            leaf=step.leaf.hex(),
            index=index_of[step.leaf],
            seq=place,
            kind=step.entry.kind,
            verb=step.entry.verb,
            role=step.entry.asserted_by.role.value,
            recorded_at=step.entry.recorded_at,
            own=step.entry.asserted_by == reader,
            involved=reader in (step.entry.asserted_by, step.entry.recorded_by),
            counts=step.leaf not in voided,
        )
        for place, step in enumerate(docket.steps)
    )


def entries_for(field: str, entries: tuple[Named, ...]) -> tuple[Named, ...]:
    """Return what a field can name, the newest first.

    Served is what somebody else said. Wrong is what the reader said or recorded; the request that opened the return is
    not taken back, and nothing stands in its place. In the place of another stands what counts and corrects nothing.
    """
    fits = _FITTING.get(field)
    return () if fits is None else tuple(one for one in reversed(entries) if fits(one))[:ENTRIES_SHOWN]


_FITTING: dict[str, Callable[[Named], bool]] = {
    SERVED: lambda one: not one.own and one.kind is not Kind.ERASURE,
    WRONG: lambda one: one.involved and one.counts and one.kind is not Kind.ERASURE and one.seq > 0,
    IN_ITS_PLACE: lambda one: one.counts and one.kind not in (Kind.CORRECTION, Kind.ERASURE) and one.seq > 1,
}


def what_is_wrong(fields: dict[str, Json], entries: tuple[Named, ...]) -> dict[str, str]:
    """Return what does not go together in a correction: for a field, the name of the words that say why."""
    by_leaf = {one.leaf: one for one in entries}
    wrong, instead = by_leaf[str(fields[WRONG])], fields.get(IN_ITS_PLACE)
    if fields["reason"] == DID_NOT_OCCUR:
        return {} if instead is None else {IN_ITS_PLACE: "nothing_in_its_place"}
    if wrong.kind is Kind.CORRECTION:
        return {"reason": "only_taken_back"}
    if instead is None:
        return {IN_ITS_PLACE if entries_for(IN_ITS_PLACE, entries) else "reason": "missing_entry"}
    return {} if by_leaf[str(instead)].seq > wrong.seq else {IN_ITS_PLACE: "not_after"}
