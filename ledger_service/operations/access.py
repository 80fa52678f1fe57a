"""Who may see a case, and the entries that say who looked: every object of a case is reached through here.

Promises: a case that somebody may not see is refused in the same words and after the same look-ups as one that does
not exist. Does not: know about HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ledger_service.core.encoding import Json
from ledger_service.core.entry import ASIDE_KINDS, Authenticity, CaseEntry, Kind, Role
from ledger_service.errors import PermissionRefusedError, UnknownEntryError, UnknownReturnError
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.principal import Principal, Scope
from ledger_service.operations.pseudonyms import Party, actor, mark_of
from ledger_service.store.drafts import Appended, AsideDraft, Member
from ledger_service.store.keys import KeyRing
from ledger_service.store.read import StoredCase, StoredEntry

UNLISTED = frozenset({Role.SYSTEM, Role.REGULATOR})  # the ledger itself, and who sees cases by country
_RETURN_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may see a case: the `marks` on its access list, and whoever sees the cases of one of its `countries`."""

    marks: frozenset[bytes]
    countries: frozenset[str]

    def includes(self, mark: bytes, countries: Collection[str]) -> bool:
        """Say whether a party with this mark, that sees the cases of these countries, is among them."""
        return mark in self.marks or not self.countries.isdisjoint(countries)


def open_case(ledger: Ledger, principal: Principal, return_id: str) -> StoredCase:
    """Return a case that the principal may see.

    Raises:
        UnknownReturnError: There is none, or it may not.
    """
    if not _RETURN_ID.fullmatch(return_id):  # no database is asked: PostgreSQL refuses a U+0000, SQLite looks for it
        raise _unknown(return_id)
    try:
        stored, member = ledger.read.case_for(return_id, principal.mark)
    except UnknownReturnError:
        raise _unknown(return_id) from None
    if principal.return_id is not None and principal.return_id != return_id:
        raise _unknown(return_id)
    by_country = {stored.case.buyer_country, stored.case.seller_country} & principal.countries
    if not member and not by_country:
        raise _unknown(return_id)
    if member:
        ledger.credentials.learn_member(return_id, principal.mark)
    return stored


def open_entry(ledger: Ledger, principal: Principal | None, index: int) -> StoredEntry:
    """Return an entry that the principal may see; genesis, key, target and seal entries are everybody's (design §4).

    Raises:
        UnknownEntryError: There is none, or it may not.
    """
    unknown = UnknownEntryError(
        f"there is no entry {index} for you", hint="indexes start at 0; entries of a case are its parties'"
    )
    if not 0 <= index < ledger.read.size():
        raise unknown
    row = ledger.read.entry(index)
    if row.return_id is None:
        return row
    if principal is None:
        raise unknown
    try:
        open_case(ledger, principal, row.return_id)
    except UnknownReturnError:
        raise unknown from None
    return row


def list_cases(ledger: Ledger, principal: Principal, *, after: str = "", limit: int) -> list[str]:
    """Return a page of the return_ids that the principal may see, in order, those after `after`."""
    if principal.return_id is not None:
        return [principal.return_id] if principal.return_id > after else []
    return ledger.credentials.cases_of(principal.mark, countries=sorted(principal.countries), after=after, limit=limit)


def audience(ledger: Ledger, return_id: str) -> Audience:
    """Return who may see a case; nobody, where there is none. For what happens without anybody asking."""
    case = ledger.read.find_case(return_id)
    if case is None:
        return Audience(frozenset(), frozenset())
    marks = frozenset(member.mark for member in ledger.credentials.members(return_id))
    return Audience(marks, frozenset({case.buyer_country, case.seller_country}))


def share(ledger: Ledger, return_id: str, party: Party) -> bool:
    """Put a party on the access list of a case; say whether it is new there.

    Raises:
        PermissionRefusedError: A role that sees no cases by list.
    """
    if party.role in UNLISTED:
        raise PermissionRefusedError(f"the role {party.role.value!r} is on no access list")
    return ledger.credentials.share(return_id, member_of(ledger, party), now=format_instant(ledger.clock()))


def new_members(ledger: Ledger, return_id: str, parties: Sequence[Party], *, keys: KeyRing) -> tuple[Member, ...]:
    """Return those parties of a step that are not known to be on the access list of its case."""
    listed = dict.fromkeys(party for party in parties if party.role not in UNLISTED)
    return tuple(
        member
        for member in (_member(keys.key_for(f"party:{party.reference}")[1], party) for party in listed)
        if not ledger.credentials.is_known_member(return_id, member.mark)
    )


def unshare(ledger: Ledger, return_id: str, party: Party) -> bool:
    """Take a party off the access list of a case, if it is there; it is not new on it afterwards (False)."""
    ledger.credentials.unshare(return_id, member_of(ledger, party).mark)
    return False


def member_of(ledger: Ledger, party: Party) -> Member:
    """Return a party as access lists hold it."""
    return _member(ledger.keys.key_for(f"party:{party.reference}")[1], party)


def local_reader(ledger: Ledger, party: Party) -> Principal:
    """Return a party as who is on the machine itself names it: without a credential, to look and to export alone."""
    scopes = frozenset({Scope.READ, Scope.EVIDENCE, Scope.EXPORT})
    return Principal(party=party, mark=member_of(ledger, party).mark, name="local", scopes=scopes)


def record_access(ledger: Ledger, principal: Principal, return_id: str, verb: str, facts: dict[str, Json]) -> Appended:
    """Record beside the chain of a case that somebody looked: `verb` says at what, `facts` at which; durable on return.

    Raises:
        StoreError, RefusedError: It cannot be written now; then nothing may be shown.
    """
    return ledger.require_writer().append(AsideDraft(access_entry(ledger, principal, return_id, verb, facts)))


def access_entry(ledger: Ledger, principal: Principal, return_id: str, verb: str, facts: dict[str, Json]) -> CaseEntry:
    """Return the entry that says so, still to be appended."""
    case = ledger.read.case(return_id).case
    _, case_key = ledger.keys.key_for(f"case:{return_id}")
    who = actor(case_key, principal.party)
    entry = CaseEntry(
        kind=Kind.ACCESS,
        origin=ledger.origin,
        return_id=return_id,
        seq=None,
        prev=None,
        verb=verb,
        from_state=case.state,
        to_state=None,
        asserted_by=who,
        recorded_by=who,
        authenticity=Authenticity.PLATFORM_ATTESTED,
        occurred_at=None,
        recorded_at="",
        facts={**facts, "case_head": case.head.hex()},
    )
    assert entry.kind in ASIDE_KINDS  # it moves no case
    return entry


def _member(key: bytes, party: Party) -> Member:
    return Member(mark_of(key, party), party.role.value)


def _unknown(return_id: str) -> UnknownReturnError:
    return UnknownReturnError(f"there is no return {return_id!r:.60} for you", hint="look the return_id up")
