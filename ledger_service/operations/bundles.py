"""Entry bundles: the bytes of up to 256 entries in a row, for who may read every one of them.

Promises: one entry that the caller may not see withholds the bundle, in the same words as one that does not exist.
Does not: open a value; a bundle holds entries, and these hold commitments.
"""

from __future__ import annotations

from ledger_service.core.entry import Role
from ledger_service.core.export import bundle
from ledger_service.errors import UnknownReturnError
from ledger_service.operations.access import open_case
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal, Scope


def read_bundle(ledger: Ledger, reader: Principal | None, first: int, count: int) -> bytes | None:
    """Return the bundle of `count` entries from an index on, None if there is none for this reader."""
    rows = list(ledger.read.entries(first, count))
    if len(rows) < count or first + count > ledger.read.size():
        return None
    cases = {row.return_id for row in rows if row.return_id is not None}
    if not all(_may_read(ledger, reader, return_id) for return_id in sorted(cases)):
        return None
    return bundle([row.encoded for row in rows])


def _may_read(ledger: Ledger, reader: Principal | None, return_id: str) -> bool:
    if reader is None or Scope.READ not in reader.scopes:
        return False
    if reader.party.role is Role.PLATFORM and Scope.OPERATE in reader.scopes:
        return True
    try:
        open_case(ledger, reader, return_id)
    except UnknownReturnError:
        return False
    return True
