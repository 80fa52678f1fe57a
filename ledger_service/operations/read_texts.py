"""The short texts among the files of a case, for somebody who reads the whole of it: what was written in a form, say.

Promises: a text is opened as any file is (`read_evidence.py`), so that who was shown it stands in the log before it is
shown; once for each reader, or looking at a page again would make the case longer each time. Does not: escape a text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ledger_service.core.entry import EvidenceDescriptor, Kind
from ledger_service.core.timeline_row import Row
from ledger_service.errors import LedgerError
from ledger_service.evidence.media_type import TEXT
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal
from ledger_service.operations.pseudonyms import actor
from ledger_service.operations.read_evidence import READ_EVIDENCE, may_open, open_evidence

TEXT_BYTES_MAX = 16_384  # of one text: what a form takes, 4,000 characters of at most four bytes


def is_short_text(file: EvidenceDescriptor) -> bool:
    """Say whether a file is a text that is short enough to stand in a page."""
    return file.media_type == TEXT and file.size <= TEXT_BYTES_MAX


def read_texts(
    ledger: Ledger, principal: Principal, rows: Sequence[Row], wanted: Sequence[Row]
) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield the short texts of entries: the place of each (index of the entry, position of the file), and the text.

    What cannot be opened now is left out: it was erased, is another party's, or the access cannot be recorded.

    Args:
        ledger: Opened to write; else all but what the principal has been shown before is left out.
        principal: Sees the case.
        rows: All entries of the case.
        wanted: Those whose texts are asked for.
    """
    before = _opened_before(ledger, principal, rows)
    for row in wanted:
        for position, file in enumerate(row.entry.evidence):
            if not is_short_text(file) or not may_open(ledger, principal, row.entry, row.index, position):
                continue
            again = (row.placed.known.leaf.hex(), position) in before
            try:
                opened = open_evidence(ledger, principal, row.index, position, again=again)
                with opened.stream:
                    text = opened.stream.read(TEXT_BYTES_MAX).decode()
            except (LedgerError, UnicodeDecodeError):
                continue  # the entry is shown all the same, and a link to the file says why it does not open
            yield (row.index, position), text


def _opened_before(ledger: Ledger, principal: Principal, rows: Sequence[Row]) -> frozenset[tuple[object, object]]:
    """Return the files that the log says the principal opened: leaf hash of the entry in hex, position."""
    found = ledger.keys.find(f"case:{rows[0].entry.return_id}") if rows else None
    if found is None:
        return frozenset()
    who = actor(found[1], principal.party)
    return frozenset(
        (row.entry.facts.get("entry"), row.entry.facts.get("position"))
        for row in rows
        if row.entry.kind is Kind.ACCESS and row.entry.verb == READ_EVIDENCE and row.entry.asserted_by == who
    )
