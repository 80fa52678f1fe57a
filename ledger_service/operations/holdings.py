"""What the ledger holds of a person: cases, own values and files, credentials, webhooks, uploads.

A person is a reference, whatever the roles under it: one key seals what is theirs. Promises: looks only; makes no key.
A case is theirs where they stand on its access list, or where a value under their key stands. Does not: decide
(`core/erasure.py`) or destroy (`erase.py`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from ledger_service.core.entry import PARTY_BYTES, Actor, CaseEntry, Role, parse_entry
from ledger_service.core.erasure import Extent, Holding, holding_of
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.pseudonyms import Party, actor, mark_of, scope_of
from ledger_service.store.erasure_list import ListedCase
from ledger_service.store.erasures import Place


@dataclass(frozen=True, slots=True)
class HeldCase:
    """A case of a person: `subject` is the person's pseudonym there, `own` where their own values stand."""

    holding: Holding
    subject: Actor
    own: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """All that is held of a person; `key_id` is None where nothing ever was, or all of it is erased.

    `marks` (32 bytes) and `scopes` are those of every role; `own` says that something lies under the person's own key.
    """

    party: Party
    key_id: bytes | None
    key: bytes = field(repr=False, default=b"")
    marks: tuple[bytes, ...] = ()
    scopes: tuple[str, ...] = ()
    cases: tuple[HeldCase, ...] = ()
    own: bool = False


def held_of(ledger: Ledger, party: Party) -> Held:
    """Return what is held of a person."""
    found = ledger.keys.find(f"party:{party.reference}")
    if found is None:
        return Held(party, None)
    key_id, key = found
    marks = tuple(mark_of(key, Party(role, party.reference)) for role in Role)
    places = ledger.erasures.places(key_id)
    roles = {return_id: Role(role) for return_id, role in ledger.erasures.cases_of(marks).items()}
    cases = []
    for return_id in sorted(roles.keys() | {place.return_id for place in places}):
        own = tuple(place for place in places if place.return_id == return_id)
        case_key = ledger.keys.find(f"case:{return_id}")
        if case_key is None and not own:
            continue  # nothing of it is left that could go
        if case_key is None:
            subject = _author(ledger, own[0])
        else:
            subject = actor(case_key[1], Party(roles.get(return_id, party.role), party.reference))
        cases.append(HeldCase(holding(ledger, return_id, joint_facts=case_key is not None), subject, own))
    own_things = bool(places) or ledger.erasures.holds_of(key_id, marks)
    scopes = tuple(scope_of(key, role) for role in Role)
    return Held(party, key_id, key, marks, scopes, tuple(cases), own_things)


def holding(ledger: Ledger, return_id: str, *, joint_facts: bool) -> Holding:
    """Return a case as the decision sees it."""
    case, docket = ledger.read.case(return_id).case, ledger.dockets.of(return_id)
    return holding_of(case, docket, retention_years=ledger.retention_years, joint_facts=joint_facts)


def listed_case(ledger: Ledger, case: HeldCase, extent: Extent, by: Party) -> tuple[ListedCase, bytes | None]:
    """Return what goes of a case as the erasure list holds it, and the id of the case's key if that goes too."""
    return_id, places = case.holding.return_id, list(case.own)
    key = ledger.keys.find(f"case:{return_id}")
    # Without the key no pseudonym can be made that anybody could compare; a random one says as much.
    decided_by = Actor(by.role, secrets.token_hex(PARTY_BYTES)) if key is None else actor(key[1], by)
    if extent is Extent.CASE and key is not None:
        leaves = {row.index: row.leaf_hash for row in ledger.read.entries_of(return_id)}
        for index, values in ledger.read.values_of(return_id).items():
            joint = [value.position for value in values if value.key_id == key[0]]
            places += [Place(index, leaves[index], return_id, position) for position in joint]
    listed = ListedCase(
        return_id,
        extent.value,
        (case.subject.role.value, case.subject.party),
        (decided_by.role.value, decided_by.party),
        _by_leaf(places),
    )
    return listed, key[0] if extent is Extent.CASE and key is not None else None


def _by_leaf(places: Iterable[Place]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    found: dict[tuple[int, bytes], set[int]] = {}
    for place in places:
        found.setdefault((place.index, place.leaf), set()).add(place.position)
    return tuple((leaf.hex(), tuple(sorted(found[index, leaf]))) for index, leaf in sorted(found))


def _author(ledger: Ledger, place: Place) -> Actor:
    """Return who asserted the entry of a value, under the pseudonym that the entry has."""
    entry = parse_entry(ledger.read.entry(place.index).encoded)
    assert isinstance(entry, CaseEntry)  # no other has values
    return entry.asserted_by
