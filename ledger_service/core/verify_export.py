"""Verify an export line by line: a report of named checks; nothing is raised because the evidence is bad.

1. format     the first line is a header, each further one an entry, the last a trailer; all in canonical JSON
2. (head)     the checks of the header's receipt (`verify.py`): trust, keys, checkpoint, anchors, policy
3. entries    each entry stands at its index in that tree; shown values open their commitments
4. cases      case by case in order; in each, the sequence numbers run from 0 without a hole, each entry names the one
              before it; each case is one that the filters ask for; there are as many as the header says
5. trailer    as many lines as it says, with this SHA-256; nothing after it
6. completeness   for each completeness file of a scope that is given beside it: every case that it counts is in it

Promises: pure; it remembers one case at a time, however long the export is, and the keys of the scopes. Does not: say
that no case was left out where no completeness file is given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from hashlib import sha256

from ledger_service.core.entry import CaseEntry, parse_entry
from ledger_service.core.export import ExportFormatError, Filters, Header, Line, Trailer, parse_header, parse_line
from ledger_service.core.export_scope import Counted, Coverage
from ledger_service.core.facts import Answer, Question
from ledger_service.core.merkle import leaf_hash, verify_inclusion
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.report import Check, Outcome, Report
from ledger_service.core.trust import Trust
from ledger_service.core.verify import questions, tree_of, verify
from ledger_service.errors import InvalidProofError, LedgerError


def questions_of_export(first: bytes, trust: Trust) -> tuple[Question, ...]:
    """Return what must be asked of chains to verify an export with this first line."""
    try:
        return questions(encode_receipt(parse_header(first).head), trust)
    except LedgerError:
        return ()


def verify_export(
    lines: Iterable[bytes],
    trust: Trust | None,
    answers: Sequence[Answer] = (),
    *,
    block_hashes: Collection[bytes] = (),
    scopes: Sequence[Counted] = (),
) -> Report:
    """Return the report on an export.

    Args:
        lines: Its lines, each with its line feed.
        trust: The pinned trust file; without one the verdict is at best inconclusive.
        answers: What nodes answered to `questions_of_export`.
        block_hashes: Of blocks that the caller knows to be on the pinned chains, final.
        scopes: What verified completeness files count (`export_scope.counted_in`).
    """
    walk = _Walk(Coverage(scopes))
    try:
        for line in lines:
            walk.take(line)
        header = walk.finish()
    except LedgerError as error:
        return Report((Check(walk.check, Outcome.FAIL, f"line {walk.count + 1}: {error.message}"),))
    found = verify(encode_receipt(header.head), trust, answers, block_hashes=block_hashes).checks
    head = [one for one in found if one.name not in ("format", "disclosures")]
    if header.head.index != 0:
        head.append(Check("inclusion", Outcome.FAIL, "the header shows no receipt of the genesis entry"))
    return Report(
        (
            Check("format", Outcome.PASS, "an export in its one spelling"),
            *head,
            Check("entries", Outcome.PASS, f"{walk.count - 1} entries, each at its index in the tree of the header"),
            Check("cases", Outcome.PASS, f"{header.cases} cases, each without a hole from its first entry on"),
            Check("trailer", Outcome.PASS, f"{walk.count} lines with the SHA-256 that it says"),
            *walk.coverage.checks(header, walk.size),
        )
    )


class _Walk:
    """Goes through the lines; `check` names what is looked at, so that a failure is told under its name."""

    def __init__(self, coverage: Coverage) -> None:
        self.coverage = coverage
        self.count = 0
        self.check = "format"
        self._digest = sha256()
        self._header: Header | None = None
        self.size, self._root = 0, b""
        self._ended = False
        self._case = _Case("", -1)
        self._cases = 0

    def take(self, data: bytes) -> None:
        """Take the next line."""
        self.check = "format"
        if self._header is None:
            self._header = parse_header(data)
            self.size, self._root = tree_of(self._header.head)
        else:
            if self._ended:
                raise ExportFormatError("something stands after the trailer")
            line = parse_line(data)
            if isinstance(line, Trailer):
                self._end(line)
                return
            self._take_entry(self._header, line)
        self._digest.update(data)
        self.count += 1

    def finish(self) -> Header:
        """Return the header once all was taken."""
        self.check = "trailer"
        if self._header is None or not self._ended:
            raise ExportFormatError("the export ends before its trailer")
        self.check = "cases"
        if self._cases != self._header.cases:
            raise ExportFormatError(f"{self._cases} cases, the header says {self._header.cases}")
        return self._header

    def _end(self, trailer: Trailer) -> None:
        self.check = "trailer"
        if (trailer.lines, trailer.sha256) != (self.count, self._digest.digest()):
            raise ExportFormatError("the lines before it are not those that it says")
        self._ended = True

    def _take_entry(self, header: Header, line: Line) -> None:
        self.check = "entries"
        entry = parse_entry(line.entry)
        if not isinstance(entry, CaseEntry):
            raise ExportFormatError("it is no entry of a case")
        verify_inclusion(leaf_hash(line.entry), line.index, self.size, line.inclusion, self._root)
        committed = entry.all_commitments()
        if [one.name for one in committed] != [one.name for one in line.records]:
            raise InvalidProofError("the records are not one for each commitment, in entry order")
        for named, record in zip(committed, line.records, strict=True):
            if record.disclosure is not None and record.disclosure.commitment() != named.commitment:
                raise InvalidProofError(f"{named.name}: value and salt do not open the commitment")
        self.check = "cases"
        if entry.return_id != self._case.return_id:
            if entry.return_id < self._case.return_id:
                raise ExportFormatError("cases do not stand in order")
            _require_wanted(entry, header.filters)
            self._case = _Case(entry.return_id, line.index)
            self._cases += 1
        self._case.follow(entry, line)
        self.coverage.follow(entry, leaf_hash(line.entry))


class _Case:
    """A case so far."""

    def __init__(self, return_id: str, index: int) -> None:
        self.return_id = return_id
        self._index = index - 1
        self._seq = 0
        self._prev: bytes | None = None

    def follow(self, entry: CaseEntry, line: Line) -> None:
        """Take the next entry."""
        if line.index <= self._index:
            raise ExportFormatError("entries of a case do not stand in order")
        self._index = line.index
        if entry.seq is None:
            return
        if (entry.seq, entry.prev) != (self._seq, self._prev):
            raise ExportFormatError("the entry does not follow the one before it in its case")
        self._seq, self._prev = self._seq + 1, leaf_hash(line.entry)


def _require_wanted(first: CaseEntry, filters: Filters) -> None:
    if first.seq != 0:
        raise ExportFormatError("a case does not begin with its first entry")
    at = first.recorded_at
    wanted = (
        filters.buyer_country in (None, first.facts.get("buyer_country"))
        and filters.seller_country in (None, first.facts.get("seller_country"))
        and (filters.opened_from is None or filters.opened_from <= at)
        and (filters.opened_until is None or at < filters.opened_until)
    )
    if not wanted:
        raise ExportFormatError("the case is none that the filters ask for")
