"""Hold an export against completeness files of scopes: whether every case that a seal counts is in it, as far.

What a seal counts before its index an export of a later tree head must hold: each case by its key, up to the entry that
the index calls its last. Promises: an export that asked for less than the scope, or shows what a party may see, or ends
before the seal, is told from one that leaves something out. Does not: verify the completeness file itself
(`verify_case_proof.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.core.case_index import Indexed, Scope, key_of, parse_value
from ledger_service.core.case_proof import CaseProof
from ledger_service.core.entry import CaseEntry, Role, parse_entry
from ledger_service.core.export import Filters, Header
from ledger_service.core.log_entry import SealEntry
from ledger_service.core.report import Check, Outcome
from ledger_service.core.trie import read_proof

SEES_ALL = (Role.REGULATOR, Role.PLATFORM)  # of what they ask for; any other role only the cases that it is a party to
COMPLETE = "completeness"


@dataclass(frozen=True, slots=True)
class Counted:
    """What a seal counts in a scope: by key how many entries, and the leaf hash of the last."""

    scope: Scope
    seal: int
    cases: dict[bytes, Indexed]


def counted_in(proof: CaseProof) -> Counted | None:
    """Return what a completeness file counts; None where it is of one case, or its seal holds no index.

    Raises:
        LedgerError: The file does not verify.
    """
    seal = parse_entry(proof.seal.entry)
    if proof.return_id is not None or not isinstance(seal, SealEntry) or seal.case_index is None:
        return None
    found = read_proof(seal.case_index, proof.prefix, proof.nodes)
    return Counted(proof.scope, proof.seal.index, {key: parse_value(value) for key, value in found.items()})


class Coverage:
    """Follows the entries of an export, and says in the end what of each scope is missing."""

    def __init__(self, scopes: Sequence[Counted]) -> None:
        """Take what the seals count."""
        self._scopes = scopes
        self._wanted: dict[bytes, set[Indexed]] = {}  # that one may want, by key: of each seal its own
        self._found: set[tuple[bytes, Indexed]] = set()
        self._key = b""
        for one in scopes:
            for key, indexed in one.cases.items():
                self._wanted.setdefault(key, set()).add(indexed)

    def follow(self, entry: CaseEntry, leaf: bytes) -> None:
        """Take the next entry of the export's cases, in their order; each case begins with its first entry.

        Raises:
            FormatError: A first entry that names no countries.
        """
        if not self._wanted:
            return
        if entry.seq == 0:
            countries = (entry.facts.get("buyer_country"), entry.facts.get("seller_country"))
            self._key = key_of(
                entry.return_id,
                buyer_country=str(countries[0]),
                seller_country=str(countries[1]),
                opened_at=entry.recorded_at,
            )
        if entry.seq is not None and (indexed := Indexed(entry.seq + 1, leaf)) in self._wanted.get(self._key, ()):
            self._found.add((self._key, indexed))

    def checks(self, header: Header, size: int) -> list[Check]:
        """Return a check for each scope.

        Args:
            header: Of the export.
            size: Of its tree head.
        """
        return [self._check(one, header, size) for one in self._scopes]

    def _check(self, one: Counted, header: Header, size: int) -> Check:
        named = f"{one.scope.buyer_country} <- {one.scope.seller_country}"
        named += "" if one.scope.month is None else f" opened in {one.scope.month}"
        missing = [key for key, indexed in one.cases.items() if (key, indexed) not in self._found]
        if not missing:
            whole = (
                f"all {len(one.cases)} returns of {named} that the seal at index {one.seal} counts are in it, as far"
            )
            return Check(COMPLETE, Outcome.PASS, whole)
        lacks = f"{len(missing)} of {len(one.cases)} returns of {named} that the seal at index {one.seal} counts"
        if one.seal >= size:
            why = f"are not in it as far, or not at all: the seal is newer than the export's {size} entries"
        elif not _asked_for(header.filters, one.scope):
            why = "are not in it: the export was asked for less"
        elif header.reader not in SEES_ALL:
            why = f"are not in it: it shows what one {header.reader.value} may see"
        else:
            return Check(COMPLETE, Outcome.FAIL, f"{lacks} are left out, wholly or from some entry on")
        return Check(COMPLETE, Outcome.UNKNOWN, f"{lacks} {why}", decisive=False)


def _asked_for(filters: Filters, scope: Scope) -> bool:
    """Say whether an export with these filters shows every case of a scope."""
    if filters.buyer_country not in (None, scope.buyer_country):
        return False
    if filters.seller_country not in (None, scope.seller_country):
        return False
    if filters.opened_from is None and filters.opened_until is None:
        return True
    if scope.month is None:
        return False
    year, month = int(scope.month[:4]), int(scope.month[5:])
    following = f"{year + month // 12:04}-{month % 12 + 1:02}"
    return (filters.opened_from or "") <= f"{scope.month}-01T00:00:00.000Z" and (
        filters.opened_until is None or filters.opened_until >= f"{following}-01T00:00:00.000Z"
    )
