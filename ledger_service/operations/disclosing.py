"""What of an entry a party may be shown: the values of a case are not all for everybody in it.

Promises: who asserted or recorded an entry sees all of it; buyer, seller, platform and arbitrator see the whole case,
since they argue about it; everybody else in it sees joint facts, and neither words nor fingerprints of files of a
person. Where the processing of a person's data is restricted, that person's own words and files are shown to that
person alone; whoever runs the ledger reads them on its machine (GDPR Art. 18(2): for claims, with consent). Withheld
values stay provable. A copy for an audience, which is a role and no person, shows what everybody in that role may see.
Does not: open a case (`access.py`), or a file (`read_evidence.py`: that takes a credential with the scope `evidence`,
and leaves an entry).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ledger_service.core.docket import Known
from ledger_service.core.entry import CaseEntry, Role
from ledger_service.core.fields import Subject
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal
from ledger_service.operations.pseudonyms import actor
from ledger_service.store.drafts import SealedValue
from ledger_service.store.read import StoredEntry

SEE_THE_WHOLE_CASE = frozenset({Role.BUYER, Role.SELLER, Role.PLATFORM, Role.ARBITRATOR})


def visible_names(ledger: Ledger, index: int, entry: CaseEntry, principal: Principal) -> frozenset[str]:
    """Return the names of the committed values of the entry at `index` that the principal may be shown."""
    return _names(ledger, entry, principal, ledger.read.sealed_values(index), _withheld_keys(ledger, principal))


def names_for(ledger: Ledger, index: int, entry: CaseEntry, audience: Role) -> frozenset[str]:
    """Return the names of the committed values of the entry at `index` that anybody in a role may be shown.

    Who took part in the entry, or whose own data are restricted, may see more of it than others in the same role; a
    copy for the role does not show that.
    """
    withheld = _under(ledger.read.sealed_values(index), ledger.erasures.restricted_keys())
    return _allowed(entry, whole=audience in SEE_THE_WHOLE_CASE) - withheld


def visible(ledger: Ledger, rows: Sequence[StoredEntry], opened: Sequence[Known], principal: Principal) -> list[Known]:
    """Return opened entries of one case with the values that the principal may be shown, and no others.

    Args:
        ledger: The ledger.
        rows: The entries as stored.
        opened: The same entries, their values open.
        principal: Who looks.
    """
    withheld = _withheld_keys(ledger, principal)
    sealed = ledger.read.values_of(opened[0].entry.return_id) if withheld and opened else {}
    shown = []
    for row, known in zip(rows, opened, strict=True):
        names = _names(ledger, known.entry, principal, sealed.get(row.index, ()), withheld)
        names |= known.entry.facts.keys()
        values = {name: value for name, value in known.values.items() if name in names}
        shown.append(replace(known, values=values))
    return shown


def is_restricted(ledger: Ledger, index: int, position: int, principal: Principal) -> bool:
    """Say whether a restriction withholds one value of an entry, named by its position, from the principal."""
    withheld = _withheld_keys(ledger, principal)
    sealed = ledger.read.sealed_values(index) if withheld else ()
    return any(value.position == position and value.key_id in withheld for value in sealed)


def unrestricted_names(ledger: Ledger, index: int, entry: CaseEntry) -> frozenset[str]:
    """Return the names of the committed values of an entry that no restriction withholds."""
    names = frozenset(named.name for named in entry.all_commitments())
    return names - _under(ledger.read.sealed_values(index), ledger.erasures.restricted_keys())


def _names(
    ledger: Ledger,
    entry: CaseEntry,
    principal: Principal,
    sealed: Sequence[SealedValue],
    withheld: frozenset[bytes],
) -> frozenset[str]:
    whole = principal.party.role in SEE_THE_WHOLE_CASE or took_part(ledger, entry, principal)
    return _allowed(entry, whole=whole) - _under(sealed, withheld)


def _allowed(entry: CaseEntry, *, whole: bool) -> frozenset[str]:
    """Return the names of all committed values of an entry, or of its joint facts alone."""
    names = frozenset(named.name for named in entry.all_commitments())
    if whole:
        return names
    transition = LIFECYCLE.transition(entry.verb)
    fields = {} if transition is None else transition.fields
    return frozenset(name for name in names if name in fields and fields[name].subject is Subject.CASE)


def _under(sealed: Sequence[SealedValue], keys: frozenset[bytes]) -> frozenset[str]:
    return frozenset(value.name for value in sealed if value.key_id in keys)


def _withheld_keys(ledger: Ledger, principal: Principal) -> frozenset[bytes]:
    """Return the keys of those whose data are restricted, but for the principal's own."""
    keys = ledger.erasures.restricted_keys()
    own = ledger.keys.find(f"party:{principal.party.reference}") if keys else None
    return keys if own is None else keys - {own[0]}


def took_part(ledger: Ledger, entry: CaseEntry, principal: Principal) -> bool:
    """Say whether the principal asserted or recorded an entry."""
    found = ledger.keys.find(f"case:{entry.return_id}")
    if found is None:
        return False
    return actor(found[1], principal.party) in (entry.asserted_by, entry.recorded_by)
