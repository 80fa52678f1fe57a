"""Lift a restriction: what was kept and not shown is shown again, after the person was told (GDPR Art. 18(3)).

Promises: on the erasure list before the database, so that neither a crash nor a restored backup leaves the data shown
where the restriction stands, or forgets that it was lifted. Does not: erase; that is another decision.
"""

from __future__ import annotations

from dataclasses import replace

from ledger_service.core.erasure import Outcome
from ledger_service.core.erasure_entry import ERASING_ROLES
from ledger_service.core.members import Reader
from ledger_service.errors import EntryFormatError, PermissionRefusedError, RefusedError
from ledger_service.operations.erase import row_members, row_of
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.pseudonyms import Party
from ledger_service.store.erasures import LIFTED, StoredErasure

_READ = Reader(EntryFormatError, "the request")


class UnknownErasureError(RefusedError):
    """There is no decision with this id."""


class NotRestrictedError(RefusedError):
    """The decision restricted nothing, so that there is nothing to lift."""


def lift(ledger: Ledger, erasure_id: str, *, told_at: str, by: Party) -> StoredErasure:
    """Lift a restriction and return the decision as it stands then; lifted before, it is returned as it is.

    Args:
        ledger: Opened to write.
        erasure_id: Of the decision that restricted.
        told_at: When the person was told that it would be lifted: RFC 3339 UTC with milliseconds.
        by: Who lifts it: the platform.

    Raises:
        PermissionRefusedError: Somebody else lifts it.
        UnknownErasureError: There is no such decision.
        NotRestrictedError: It restricted nothing.
        EntryFormatError, RefusedError: The person was told at no time, in the future, or before the decision.
    """
    ledger.require_writer()
    if by.role not in ERASING_ROLES:
        raise PermissionRefusedError("only the platform lifts a restriction", hint="ask the marketplace")
    _READ.at("told_at").instant(told_at)
    with ledger.erasure_list.deciding():
        found = ledger.erasures.find(erasure_id)
        if found is None:
            raise UnknownErasureError(f"there is no erasure {erasure_id!r:.40}", hint="its id is that of the decision")
        if found.outcome != Outcome.RESTRICTED:
            raise NotRestrictedError(f"the decision is {found.outcome}: there is no restriction to lift")
        if LIFTED in found.answer:
            return found
        now = format_instant(ledger.clock())
        if not found.decided_at <= told_at <= now:
            raise RefusedError(
                f"the person cannot have been told at {told_at}: it was decided at {found.decided_at}, now is {now}",
                hint="check `told_at`",
            )
        lifted = replace(found, answer={**found.answer, "told_at": told_at, LIFTED: now})
        ledger.erasure_list.append_restriction(row_members(lifted))
        ledger.erasures.save(lifted)
        return lifted


def restrict_again(ledger: Ledger) -> int:
    """Bring the database's restrictions to what the erasure list says; return how many were not.

    A backup from before a restriction would show what is restricted; one from before its end would withhold it.

    Raises:
        StoreError: The list cannot be read, or the database not written.
    """
    changed = 0
    for members in ledger.erasure_list.restrictions().values():
        listed = row_of(members)
        stands = ledger.erasures.find(listed.id)
        if stands is None or (stands.outcome == Outcome.RESTRICTED and stands != listed):
            ledger.erasures.save(listed)
            changed += 1
    return changed
