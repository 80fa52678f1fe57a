"""A whole return as an arbitrator reads it: the lines of its timeline, its sheets, its pictures, its proofs.

Promises: words and order are those of the command line and the packages; what was said is a claim of whoever said it.
Does not: choose what may be seen (`operations/show.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ledger_service.core.entry import ASIDE_KINDS, CaseEntry
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.pages.sheets import balance_notes, balance_rows, sheets
from ledger_service.core.pages.speech import Speech
from ledger_service.core.timeline import Timeline
from ledger_service.core.timeline_row import Row, block_instant
from ledger_service.operations.read_texts import is_short_text
from ledger_service.web.lanes import Lanes, draw
from ledger_service.web.paging import Part
from ledger_service.web.side_by_side import column_of
from ledger_service.web.talk import Talk
from ledger_service.web.told_values import Teller, Value

SHEET_LINES_MAX = 100  # of one sheet; the package holds all


@dataclass(frozen=True, slots=True)
class Readable:
    """What a reader may have of the files of a return.

    `opens` says of a file of a row, named by its position, whether the reader may open it; `texts` are those that are
    shown in the page, by index of the entry and position.
    """

    opens: Callable[[Row, int], bool]
    texts: Mapping[tuple[int, int], str]


@dataclass(frozen=True, slots=True)
class File:
    """A file of an entry: its place there, what is known of it, whether the reader may open it; its text, if shown."""

    position: int
    kind: str
    media_type: str
    size: int
    opens: bool
    text: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the log about the return. Texts are empty where nothing is to be said."""

    index: int
    words: str
    role: str
    via: str
    authenticity: str
    way: str
    aside: bool
    said: str
    recorded: str
    late: str
    life: str
    final: bool
    since: str
    by: str
    rule: str
    flags: tuple[str, ...]
    values: tuple[Value, ...]
    files: tuple[File, ...]
    erased: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet below the timeline: lines, and for quantities and money a table above them, its headings first.

    `more` is how many lines are not listed.
    """

    heading: str
    lines: tuple[str, ...]
    more: int = 0
    table: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Whole:
    """The return; the last three of `sheets` are the lists of what is proven, claimed and missing.

    `lanes` and `lines` are of the entries of one page; `pictures` counts what stands side by side, of all.
    """

    return_id: str
    state: str
    now: str
    facts: tuple[tuple[str, str], ...]
    lanes: Lanes
    lines: tuple[Line, ...]
    sheets: tuple[Sheet, ...]
    pictures: int


def entry_weights(timeline: Timeline, talk: Talk) -> list[int]:
    """Return how many bytes of somebody's own words each entry has, those of short texts among its files included."""
    teller = Teller(timeline, talk)
    return [
        sum(len(part.text.encode()) for value in teller.values(row) for line in value.lines for part in line)
        + sum(file.size for file in row.entry.evidence if is_short_text(file))
        for row in timeline.rows
    ]


def told_case(timeline: Timeline, talk: Talk, readable: Readable, part: Part) -> Whole:
    """Return a timeline as the page of the whole case, with the entries of one part of it."""
    speech, facts = talk.speech, timeline.request.entry.facts
    rows, teller = timeline.rows[part.first : part.end], Teller(timeline, talk)
    return Whole(
        return_id=timeline.return_id,
        state=speech.of(timeline.state_words),
        now=talk.instant(timeline.now),
        facts=(
            ("buyer_country", talk.country(str(facts.get("buyer_country")))),
            ("seller_country", talk.country(str(facts.get("seller_country")))),
            ("legal_basis", speech.code("legal_basis", str(facts.get("legal_basis")))),
            ("language", talk.language(str(facts.get("language")))),
        ),
        lanes=draw(rows, talk),
        lines=tuple(_line(row, talk, readable, teller) for row in rows),
        sheets=tuple(_sheets(timeline, speech)),
        pictures=sum(column_of(row.entry, file) is not None for row in timeline.rows for file in row.entry.evidence),
    )


def _sheets(timeline: Timeline, speech: Speech) -> Iterator[Sheet]:
    balance, counted = speech.say("balance"), timeline.balance
    for heading, body in sheets(timeline, speech):
        listed: list[str] = list(body)
        table: tuple[tuple[str, ...], ...] = ()
        if heading == balance:
            listed = list(balance_notes(counted, speech))
            table = tuple(tuple(row) for row in balance_rows(counted, speech))
        yield Sheet(heading, tuple(listed[:SHEET_LINES_MAX]), max(0, len(listed) - SHEET_LINES_MAX), table)


def _line(row: Row, talk: Talk, readable: Readable, teller: Teller) -> Line:
    entry, speech, at = row.entry, talk.speech, row.placed.anchored_at
    aside = entry.kind in ASIDE_KINDS
    via = "" if entry.asserted_by == entry.recorded_by else speech.code("role", entry.recorded_by.role.value)
    return Line(
        index=row.index,
        words=speech.verb(entry.verb),
        role=speech.code("role", entry.asserted_by.role.value),
        via=via,
        authenticity=speech.code("authenticity", entry.authenticity.value),
        way=speech.code("kind", entry.kind.value) if aside else _way(entry, talk),
        aside=aside,
        said="" if entry.occurred_at is None else talk.instant(entry.occurred_at),
        recorded=talk.instant(entry.recorded_at),
        late=speech.after(row.recorded_after_seconds),
        life=speech.code("life", row.life),
        final=row.life == "finalized",
        since="" if row.since_at is None else talk.instant(row.since_at),
        by="" if at is None else talk.instant(block_instant(at)),
        rule="" if entry.rule is None else talk.rule(f"{entry.rule.id}@{entry.rule.version}"),
        flags=tuple(speech.code("flag", flag.value) for flag in row.flags),
        values=tuple(teller.values(row)),
        files=tuple(
            File(
                position,
                talk.evidence(file.kind),
                file.media_type,
                file.size,
                readable.opens(row, position),
                readable.texts.get((row.index, position)),
            )
            for position, file in enumerate(entry.evidence)
        ),
        erased=tuple(speech.field(name) for name in row.erased),
        missing=tuple(talk.evidence(kind) for kind in entry.missing),
    )


def _way(entry: CaseEntry, talk: Talk) -> str:
    """Return what a step did to the state of the case, or of its dispute: the states in words."""
    machine = LIFECYCLE.dispute if entry.verb in LIFECYCLE.dispute.transitions else LIFECYCLE.case
    since, now = (
        "–" if name is None else talk.speech.of(machine.states[name].words) if name in machine.states else name
        for name in (entry.from_state, entry.to_state)
    )
    return now if since == now else f"{since} → {now}"
