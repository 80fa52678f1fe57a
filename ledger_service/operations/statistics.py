"""Statistics of the cases that somebody may see; that their figures were read is an entry beside each of them.

Promises: no case counts that an export of the same reader would not hold; before figures are handed out, each case that
they count has an entry of kind `access`, one for each reader and head of the case, however often it is asked.
Does not: count (`core/statistics.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from ledger_service.core.encoding import Json, encode
from ledger_service.core.export import CASES_MAX
from ledger_service.core.question import Question
from ledger_service.core.statistics import Counted, Reach, Statistics, count
from ledger_service.core.statistics_sheets import statistics_members
from ledger_service.errors import LimitError
from ledger_service.operations.access import access_entry
from ledger_service.operations.anchored import anchors_of, final_times, placed_size
from ledger_service.operations.case_tallies import Tally
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.principal import Principal
from ledger_service.operations.pseudonyms import idempotency_key
from ledger_service.store.drafts import AsideDraft
from ledger_service.store.selecting import Place, Seer, select_places

READ = "read_statistics"  # the verb of the access entries
COUNTING_SECONDS = 0.6  # for cases that are not counted yet; the rest of a second is for the others, and for writing
TOGETHER = 1_000  # access entries that wait to be written at once, below what the queue takes
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """Statistics as of `now` (RFC 3339 UTC), what was asked, and the size of the log they were counted in."""

    question: Question
    now: str
    size: int
    statistics: Statistics

    def members(self) -> dict[str, Json]:
        """Return the answer as a JSON object."""
        return {
            "question": dict[str, Json](self.question.members()),
            "now": self.now,
            "size": self.size,
            **statistics_members(self.statistics),
        }


def answer(
    ledger: Ledger, reader: Principal, question: Question, *, everything: bool = False, seconds: float | None = None
) -> Answer:
    """Return the statistics of the cases that somebody may see and asks about.

    Args:
        ledger: Opened to write.
        reader: Who asks.
        question: About which cases.
        everything: The operator on the machine itself: all cases, whoever is on their access lists.
        seconds: Time for counting cases that are not counted yet; None: `COUNTING_SECONDS`.

    Raises:
        LimitError: More than `CASES_MAX` cases.
        StillCountingError: They are not all counted yet; ask again.
        StoreError, RefusedError: The access cannot be recorded; then nothing is shown.
    """
    ledger.require_writer()
    seer = None if everything else Seer(reader.mark, sorted(reader.countries))
    size, now = ledger.read.size(), format_instant(ledger.clock())
    places = select_places(ledger.store, seer, question.filters(), limit=CASES_MAX + 1)
    if reader.return_id is not None:
        places = [place for place in places if place.return_id == reader.return_id]
    if len(places) > CASES_MAX:
        hint = "ask for months one after the other"
        raise LimitError("the most cases of statistics", CASES_MAX, len(places), hint=hint)
    tallies = ledger.tallies.of(places, now=now, seconds=COUNTING_SECONDS if seconds is None else seconds)
    cases = _counted(ledger, places, tallies)
    narrowing = question.narrowing()
    chosen = [(place, case) for place, case in zip(places, cases, strict=True) if narrowing.holds(case)]
    _record_reads(ledger, reader, [place for place, _ in chosen])
    return Answer(question, now, size, count([case for _, case in chosen], narrowing))


def seller_name(mark: bytes) -> str:
    """Return the name of a seller in statistics, 32 hex digits: one for all its cases, and no word of whose it is."""
    return sha256(b"return-ledger/statistics-seller@v1\n" + mark).hexdigest()[:32]


def _counted(ledger: Ledger, places: Sequence[Place], tallies: Sequence[Tally]) -> list[Counted]:
    anchors = anchors_of(ledger)
    placed, final_at = placed_size(anchors), final_times(ledger, anchors)
    found = []
    for place, tally in zip(places, tallies, strict=True):
        times = [(final_at(index), recorded) for index, recorded in tally.steps]
        delays = tuple(max(0, (at - recorded) // _SECOND) for at, recorded in times if at is not None)
        reach = Reach(len(times), sum(index < placed for index, _ in tally.steps), delays)
        found.append(Counted(tally.figures, tuple(map(seller_name, place.sellers)), reach))
    return found


def _record_reads(ledger: Ledger, reader: Principal, places: Sequence[Place]) -> None:
    """Record that the figures of cases are read, unless that was recorded since they moved."""
    writer, new = ledger.require_writer(), ledger.tallies.not_read(reader.mark, places)
    for start in range(0, len(new), TOGETHER):
        group = new[start : start + TOGETHER]
        for waiting in [writer.submit(_read(ledger, reader, place.return_id)) for place in group]:
            waiting.result()
        ledger.tallies.learn_read(reader.mark, group)


def _read(ledger: Ledger, reader: Principal, return_id: str) -> AsideDraft:
    entry = access_entry(ledger, reader, return_id, READ, {})
    name = f"{READ} {return_id} {entry.facts['case_head']}"  # with spaces: no key that came over HTTP is the same
    key = idempotency_key(ledger, reader.party, name, about=[], payload=encode(name))
    return AsideDraft(entry, idempotency=key)
