"""Make a completeness file out of what the ledger holds: of one case, or of all cases of a scope.

As of the newest seal that is final and whose index is kept, else of the newest that stands in a block, else of the
newest that is kept. Promises: it repeats what the seals say and what the stored nodes give. Does not: ask a chain, or
look whether the seals are right (`audit.py`).
"""

from __future__ import annotations

from ledger_service.core.case_index import Scope
from ledger_service.core.case_proof import CaseProof
from ledger_service.core.entry import Role, parse_entry
from ledger_service.core.log_entry import SealEntry
from ledger_service.core.trie import prove as prove_prefix
from ledger_service.errors import PermissionRefusedError, RefusedError
from ledger_service.operations.anchored import anchors_of, final_size, placed_size
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal
from ledger_service.operations.prove import prove
from ledger_service.store import case_index
from ledger_service.store.read import StoredEntry

SEALS_LOOKED_AT = 1_000  # the newest; the index is kept for as many


class NoSealError(RefusedError):
    """No seal holds the case index as it is kept: there was none yet, or it was made anew."""


def prove_case(ledger: Ledger, return_id: str, *, before: int | None = None, after: int = 0) -> CaseProof:
    """Return how many entries a case has as of a seal.

    Args:
        ledger: Opened to read or to write.
        return_id: The case.
        before: Only a seal with a smaller index will do; None: any.
        after: As of `prove_covered`.

    Raises:
        UnknownReturnError: There is no such case.
        NoSealError: There is no seal to prove it by.
    """
    case = ledger.read.case(return_id).case
    return _prove(ledger, Scope(case.buyer_country, case.seller_country, case.opened_at[:7]), return_id, before, after)


def prove_covered(ledger: Ledger, return_id: str, *, before: int | None = None, after: int = 0) -> CaseProof:
    """Return the same as of a seal that covers the first entry of the case at least.

    Args:
        ledger: Opened to read or to write.
        return_id: The case.
        before: Only a seal with a smaller index will do; None: any.
        after: One with at least this index is taken before any older one, even if that is final and this is not yet.

    Raises:
        UnknownReturnError: There is no such case.
        NoSealError: There is no such seal.
    """
    proof = prove_case(ledger, return_id, before=before, after=after)
    if proof.seal.index < ledger.read.entries_of(return_id)[0].index:
        raise NoSealError("no seal covers this return yet", hint="the worker seals with the next head it anchors")
    return proof


def prove_scope(ledger: Ledger, scope: Scope) -> CaseProof:
    """Return all cases of a scope as of a seal.

    Raises:
        NoSealError: There is no seal to prove it by.
    """
    return _prove(ledger, scope, None)


def prove_scope_for(ledger: Ledger, reader: Principal, scope: Scope) -> CaseProof:
    """Return the same for who may count those cases: a regulator of either country, or a platform.

    Raises:
        PermissionRefusedError: The caller is neither.
        NoSealError: There is no seal to prove it by.
    """
    if not may_count(reader, scope):
        raise PermissionRefusedError(
            f"not for a {reader.party.role.value} of {', '.join(sorted(reader.countries)) or 'no country'}",
            hint="a regulator of either country, or a platform, counts the returns of two countries",
        )
    return prove_scope(ledger, scope)


def may_count(reader: Principal, scope: Scope) -> bool:
    """Say whether somebody may be told how many returns of a scope there are."""
    return reader.party.role is Role.PLATFORM or bool({scope.buyer_country, scope.seller_country} & reader.countries)


def _prove(ledger: Ledger, scope: Scope, return_id: str | None, before: int | None = None, after: int = 0) -> CaseProof:
    seal, root = _seal(ledger, before, after)
    proof = CaseProof(scope, return_id, prove(ledger, seal.index), ())
    nodes = prove_prefix(root.hash, proof.prefix, case_index.nodes_of(ledger.store, root))
    return CaseProof(scope, return_id, proof.seal, tuple(nodes))


def _seal(ledger: Ledger, before: int | None, after: int) -> tuple[StoredEntry, case_index.Root]:
    """Return a seal with its root: of those from `after` on the newest final one, else the newest in a block, else any.

    Where the index of none of them is kept, one of the older.
    """
    anchors = anchors_of(ledger)
    final, placed = final_size(anchors, required=ledger.genesis()[0].required), placed_size(anchors)
    found: tuple[StoredEntry, case_index.Root] | None = None
    for row in reversed(ledger.read.seals()[-SEALS_LOOKED_AT:]):
        if before is not None and row.index >= before:
            continue
        if found is not None and found[0].index >= after > row.index:
            break
        entry = parse_entry(row.encoded)
        assert isinstance(entry, SealEntry)
        root = None if entry.case_index is None else case_index.root_at(ledger.store, row.index)
        if root is None or root.hash != entry.case_index:
            continue
        if row.index < final:
            return row, root
        if found is None or found[0].index >= placed > row.index:
            found = row, root
    if found is None:
        raise NoSealError("no seal holds the case index yet", hint="the worker seals with the next head it anchors")
    return found
