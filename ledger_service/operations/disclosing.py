"""What of an entry a party may be shown: the values of a case are not all for everybody in it.

Promises: who asserted or recorded an entry sees all of it; buyer, seller, platform and arbitrator see the whole case,
since they argue about it; everybody else in it sees joint facts, and neither words nor fingerprints of files of a
person. Withheld values stay provable. Does not: open a case (`access.py`), or a file (`read_evidence.py`: that takes a
credential with the scope `evidence`, and leaves an entry).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ledger_service.core.docket import Known
from ledger_service.core.entry import CaseEntry, Role
from ledger_service.core.fields import Subject
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal
from ledger_service.operations.pseudonyms import actor

SEE_THE_WHOLE_CASE = frozenset({Role.BUYER, Role.SELLER, Role.PLATFORM, Role.ARBITRATOR})


def visible_names(ledger: Ledger, entry: CaseEntry, principal: Principal) -> frozenset[str]:
    """Return the names of the committed values of an entry that the principal may be shown."""
    names = frozenset(named.name for named in entry.all_commitments())
    if principal.party.role in SEE_THE_WHOLE_CASE or took_part(ledger, entry, principal):
        return names
    transition = LIFECYCLE.transition(entry.verb)
    fields = {} if transition is None else transition.fields
    return frozenset(name for name in names if name in fields and fields[name].subject is Subject.CASE)


def visible(ledger: Ledger, opened: Iterable[Known], principal: Principal) -> list[Known]:
    """Return opened entries of a case with the values that the principal may be shown, and no others."""
    shown = []
    for known in opened:
        names = visible_names(ledger, known.entry, principal) | known.entry.facts.keys()
        values = {name: value for name, value in known.values.items() if name in names}
        shown.append(replace(known, values=values))
    return shown


def took_part(ledger: Ledger, entry: CaseEntry, principal: Principal) -> bool:
    """Say whether the principal asserted or recorded an entry."""
    found = ledger.keys.find(f"case:{entry.return_id}")
    if found is None:
        return False
    return actor(found[1], principal.party) in (entry.asserted_by, entry.recorded_by)
