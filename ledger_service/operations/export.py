"""Export cases as lines: every entry of them up to one tree head, each with its proof and what the reader may see.

Promises: before the lines of a case are handed out, an entry of kind `access` says who exported it; entries of that
kind are beyond the head, and stand in the next export. One case is in memory at a time. Does not: say that no case was
left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from ledger_service.core.entry import CaseEntry, parse_entry
from ledger_service.core.export import (
    CASES_MAX,
    Filters,
    Header,
    Line,
    Trailer,
    encode_header,
    encode_line,
    encode_trailer,
)
from ledger_service.errors import LimitError, RefusedError
from ledger_service.operations.access import record_access
from ledger_service.operations.anchored import anchors_of, final_size
from ledger_service.operations.disclosing import visible_names
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal
from ledger_service.operations.prove import prove_head, records_of
from ledger_service.store.read import StoredCheckpoint
from ledger_service.store.selecting import Seer, select_cases

EXPORTED = "export_case"  # the verb of the access entries


@dataclass(frozen=True, slots=True)
class Export:
    """An export that was chosen and is still to be made: which cases, up to which tree head, for whom."""

    ledger: Ledger
    reader: Principal
    filters: Filters
    head: StoredCheckpoint
    return_ids: tuple[str, ...]

    def lines(self) -> Iterator[bytes]:
        """Yield the lines.

        Raises:
            StoreError, RefusedError: An access cannot be recorded; the export ends without its trailer.
        """
        digest, count = sha256(), 0
        for line in self._before_the_trailer():
            digest.update(line)
            count += 1
            yield line
        yield encode_trailer(Trailer(count, digest.digest()))

    def _before_the_trailer(self) -> Iterator[bytes]:
        ledger = self.ledger
        anchors = anchors_of(ledger)
        head = prove_head(ledger, self.head, anchors=anchors)
        yield encode_header(Header(self.filters, self.reader.party.role, len(self.return_ids), head))
        for return_id in self.return_ids:
            record_access(ledger, self.reader, return_id, EXPORTED, {"size": self.head.size})
            yield from self._case(return_id)

    def _case(self, return_id: str) -> Iterator[bytes]:
        ledger, size = self.ledger, self.head.size
        for row in ledger.read.entries_of(return_id):
            if row.index >= size:
                return
            entry = parse_entry(row.encoded)
            assert isinstance(entry, CaseEntry)  # it is of a case
            records, _ = records_of(ledger, row.index, entry, visible_names(ledger, row.index, entry, self.reader))
            proof = tuple(ledger.read.inclusion_proof(row.index, size))
            yield encode_line(Line(row.encoded, row.index, records, proof))


def choose_head(ledger: Ledger, *, final: bool) -> StoredCheckpoint:
    """Return the tree head of an export: the newest, or the newest that is final on chain.

    Raises:
        RefusedError: None is final yet.
    """
    newest = ledger.read.head()
    assert newest is not None  # `Ledger.target` was asked: there is a genesis entry
    if not final:
        return newest
    size = final_size(anchors_of(ledger), required=ledger.genesis()[0].required)
    found = ledger.read.checkpoint_at(size) if size else None
    if found is None:
        raise RefusedError("no tree head is final yet", hint="ask without `final`, or later")
    return found


def choose_cases(
    ledger: Ledger, reader: Principal, filters: Filters, *, head: StoredCheckpoint, everything: bool = False
) -> Export:
    """Return the export of the cases that somebody may see.

    Args:
        ledger: Opened to write.
        reader: Who asks, and is shown what its role may see.
        filters: Which of its cases.
        head: Up to which tree head.
        everything: The operator on the machine itself: all cases, whoever is on their access lists.

    Raises:
        LimitError: More than `CASES_MAX`.
    """
    seer = None if everything else Seer(reader.mark, sorted(reader.countries))
    found = select_cases(ledger.store, seer, filters, below=head.size, limit=CASES_MAX + 1)
    if reader.return_id is not None:
        found = [one for one in found if one == reader.return_id]
    if len(found) > CASES_MAX:
        raise LimitError(
            "the most cases of an export", CASES_MAX, len(found), hint="ask for months one after the other"
        )
    return Export(ledger, reader, filters, head, tuple(found))
