"""What each case adds to statistics, kept until the case moves or one of its deadlines comes: in memory, and sealed
under the key of the case in the database, for other processes and for this one when it starts again.

Promises: figures are of the case as it is at the index that was asked for; a case that stands still is not read again.
What was kept by code with other rules, or does not open, is counted again. Does not: keep anything opened: in the
figures are counts, and lengths of time and deadlines that follow from values, which go with the key.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from ledger_service.core import encoding
from ledger_service.core.case_figures import CaseFigures, figures_members, figures_of, parse_figures
from ledger_service.core.docket import make_docket
from ledger_service.core.moments import parse_instant
from ledger_service.errors import FormatError, RefusedError, StoreError
from ledger_service.operations.dockets import open_entries
from ledger_service.store.case_figures import CaseFiguresStore, KeptFigures
from ledger_service.store.keys import KeyStore
from ledger_service.store.read import LedgerReader
from ledger_service.store.selecting import Place
from ledger_service.store.values import open_text, seal_text

TALLIES_REMEMBERED = 20_000  # some tens of megabytes; further ones are opened again when they are asked for


class StillCountingError(RefusedError):
    """Not every case is counted yet; those that are stay counted, so that asking again gets further."""

    def __init__(self, counted: int, cases: int) -> None:
        super().__init__(f"{counted} of {cases} cases are counted so far", hint="ask again in a moment")
        self.counted = counted
        self.cases = cases


@dataclass(frozen=True, slots=True)
class Tally:
    """The figures of a case up to an index, and index and time of each step on its chain."""

    last_index: int
    figures: CaseFigures
    steps: tuple[tuple[int, datetime], ...]

    def holds(self, last_index: int, now: str) -> bool:
        """Say whether the figures are still those of the case."""
        return self.last_index == last_index and (self.figures.until is None or now < self.figures.until)


class Tallies:
    """The tallies of one ledger's cases. Safe to share between threads."""

    def __init__(self, read: LedgerReader, keys: KeyStore, kept: CaseFiguresStore) -> None:
        """Take the log, the keys of its values, and the figures that are kept."""
        self._read = read
        self._keys = keys
        self._kept = kept
        self._known: dict[str, Tally] = {}
        self._reads: dict[tuple[bytes, str], int] = {}
        self._lock = Lock()

    def of(self, places: Sequence[Place], *, now: str, seconds: float) -> list[Tally]:
        """Return the tally of each case.

        Args:
            places: The cases, and where each ends.
            now: RFC 3339 UTC with milliseconds.
            seconds: Time for reading those that are not known; at least one is read.

        Raises:
            StillCountingError: Time was up first.
        """
        found = {
            place.return_id: known
            for place in places
            if (known := self._known.get(place.return_id)) is not None and known.holds(place.last_index, now)
        }
        if len(found) < len(places):
            found |= self._kept_of([place for place in places if place.return_id not in found], now)
        self._count_all([place for place in places if place.return_id not in found], now, found, seconds=seconds)
        if len(found) < len(places):
            raise StillCountingError(len(found), len(places))
        return [found[place.return_id] for place in places]

    def forget(self, return_ids: Collection[str]) -> None:
        """Forget the figures of cases: times in them follow from values that are erased now."""
        with self._lock:
            for return_id in return_ids:
                self._known.pop(return_id, None)
        self._kept.remove(sorted(return_ids))

    def not_read(self, mark: bytes, places: Sequence[Place]) -> list[Place]:
        """Return those of the cases that a party with this mark has not read the figures of as they are now."""
        return [place for place in places if self._reads.get((mark, place.return_id)) != place.last_index]

    def learn_read(self, mark: bytes, places: Sequence[Place]) -> None:
        """Remember that a party has read the figures of cases, and that this is recorded."""
        with self._lock:
            if len(self._reads) + len(places) > TALLIES_REMEMBERED:
                self._reads.clear()
            self._reads.update({(mark, place.return_id): place.last_index for place in places})

    def _count_all(self, places: Sequence[Place], now: str, found: dict[str, Tally], *, seconds: float) -> None:
        """Count cases into `found` until time is up, and keep what was counted."""
        until, keys = time.monotonic() + seconds, self._keys.ring()
        counted: list[KeptFigures] = []
        for place in places:
            tally = self._count(place, now)
            found[place.return_id] = tally
            key_id, key = keys.key_for(f"case:{place.return_id}")
            counted.append(KeptFigures(place.return_id, place.last_index, key_id, _seal(key, place.return_id, tally)))
            if time.monotonic() > until:
                break
        self._learn({one.return_id: found[one.return_id] for one in counted})
        self._kept.keep(counted)

    def _count(self, place: Place, now: str) -> Tally:
        rows = [row for row in self._read.chain_of(place.return_id) if row.index <= place.last_index]
        docket = make_docket(open_entries(self._read, self._keys, place.return_id, rows))
        steps = tuple((row.index, parse_instant(row.recorded_at)) for row in rows)
        return Tally(place.last_index, figures_of(docket, now=now), steps)

    def _kept_of(self, places: Sequence[Place], now: str) -> dict[str, Tally]:
        """Return what is kept of these cases and still holds."""
        ends = {place.return_id: place.last_index for place in places}
        found: dict[str, Tally] = {}
        for row in self._kept.of(list(ends)):
            tally = self._open(row) if row.last_index == ends[row.return_id] else None
            if tally is not None and tally.holds(ends[row.return_id], now):
                found[row.return_id] = tally
        self._learn(found)
        return found

    def _open(self, row: KeptFigures) -> Tally | None:
        key = self._keys.get(row.key_id)
        if key is None:
            return None
        try:
            text = open_text(key, row.sealed, about=_about(row.return_id))
            figures, steps = parse_figures(encoding.parse(text.encode()))
        except (FormatError, StoreError):
            return None
        return Tally(row.last_index, figures, tuple((index, parse_instant(at)) for index, at in steps))

    def _learn(self, tallies: Mapping[str, Tally]) -> None:
        with self._lock:
            if len(self._known) + len(tallies) > TALLIES_REMEMBERED:
                self._known.clear()
            self._known.update(tallies)


def _seal(key: bytes, return_id: str, tally: Tally) -> bytes:
    steps = [(index, at.isoformat(timespec="milliseconds").replace("+00:00", "Z")) for index, at in tally.steps]
    text = encoding.encode(figures_members(tally.figures, steps)).decode()
    return seal_text(key, text, about=_about(return_id))


def _about(return_id: str) -> bytes:
    return b"figures " + return_id.encode()
