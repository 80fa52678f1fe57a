"""The entries themselves, for a monitor that may read them: each is that of its leaf, and a possible entry of this log.

`ENTRY_CHECKS` are the functions that look at each entry in order; what follows from all entries before it, the chain of
each case and the case index of each seal, is the map's to say (`case_map.py`), and the map says how far they were read.

Promises: bytes that are not those of the leaf are a wrong answer; an entry that stands in the log and is none fails.
Does not: open commitments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ledger_service.client.failures import WrongAnswerError
from ledger_service.client.tiles import TILE_WIDTH, Fetch, tile_name
from ledger_service.core.entry import Entry, parse_entry
from ledger_service.core.log_entry import GenesisEntry
from ledger_service.core.merkle import leaf_hash
from ledger_service.errors import FormatError
from ledger_service.watch.case_map import CaseMap
from ledger_service.watch.leaf_file import LeafFile


class WrongEntryError(Exception):
    """An entry stands in the log that an honest ledger does not write; `index` is its place."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"entry {index}: {reason}")
        self.index = index


EntryCheck = Callable[[Entry, CaseMap], str | None]  # what is wrong with the next entry of a log, None if nothing


def _is_of_this_log(entry: Entry, cases: CaseMap) -> str | None:
    return None if entry.origin == cases.origin else f"it is of the log {entry.origin}"


def _is_in_time(entry: Entry, cases: CaseMap) -> str | None:
    if entry.recorded_at >= cases.recorded_at:
        return None
    return f"recorded {entry.recorded_at}, before the entry that stands before it ({cases.recorded_at})"


def _begins_once(entry: Entry, cases: CaseMap) -> str | None:
    return None if isinstance(entry, GenesisEntry) == (cases.following == 0) else "the log begins once, at index 0"


ENTRY_CHECKS: tuple[EntryCheck, ...] = (_is_of_this_log, _is_in_time, _begins_once)


def check_entries(fetch: Fetch, leaves: LeafFile, cases: CaseMap, size: int) -> None:
    """Read the entries of a log from where the map of its cases stands up to `size`, and move the map on.

    Raises:
        ClientError: They could not be read, or what came is not what the leaves say.
        WrongEntryError: One of them is none of this log's.
        BrokenStateError: The map cannot be written.
    """
    while cases.following < size:
        number = cases.following // TILE_WIDTH
        width = min(size - number * TILE_WIDTH, TILE_WIDTH)
        entries = _split(fetch(f"/tile/entries/{tile_name(number, width)}"))
        if len(entries) != width:
            raise WrongAnswerError("size", f"an entry bundle of {width} is expected")
        start = cases.following
        asked = entries[start % TILE_WIDTH :]
        with cases.moving():
            for encoded, leaf in zip(asked, leaves.leaves(start, start + len(asked)), strict=True):
                if leaf_hash(encoded) != leaf:
                    raise WrongAnswerError("leaf_hash", f"entry {cases.following} is not that of its leaf")
                _take(encoded, leaf, cases)


def _take(encoded: bytes, leaf: bytes, cases: CaseMap) -> None:
    try:
        entry = parse_entry(encoded)
        wrong = next((reason for check in ENTRY_CHECKS if (reason := check(entry, cases))), None)
        wrong = wrong or cases.take(entry, encoded, leaf)
    except FormatError as error:
        wrong = error.message
    if wrong:
        raise WrongEntryError(cases.following, wrong)


def _split(bundle: bytes) -> list[bytes]:
    """Return the entries of a bundle: each after its length as two bytes, the higher first.

    Raises:
        WrongAnswerError: It ends within one.
    """
    return list(_entries_of(bundle))


def _entries_of(bundle: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if len(bundle) < max(end, at + 2):
            raise WrongAnswerError("form", "an entry bundle ends within an entry")
        yield bundle[at + 2 : end]
        at = end
