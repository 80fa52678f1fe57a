"""A return as its page tells it: where it stands, what happens next, what was done, what is shown by proofs so far.

Promises: every sentence comes from the same timeline as the command line's and the packages'; a claim is called one.
Does not: choose what may be seen (`operations/show.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ledger_service.core.balance import Balance
from ledger_service.core.clock import Clock, ClockState
from ledger_service.core.entry import ASIDE_KINDS, Role
from ledger_service.core.findings import FINALIZED
from ledger_service.core.judge import OFFER_EXPIRY
from ledger_service.core.pages.sheets import why_of
from ledger_service.core.timeline import Timeline
from ledger_service.core.timeline_row import Row, block_instant
from ledger_service.web.own_words import language_of, own_words
from ledger_service.web.paging import Part
from ledger_service.web.talk import Talk

_WAITS = (ClockState.RUNNING, ClockState.PAUSED, ClockState.UNKNOWN, ClockState.MISSED)


@dataclass(frozen=True, slots=True)
class Duty:
    """A deadline that somebody must still keep, or has missed: `mine` where it is the reader's own."""

    words: str
    role: str
    mine: bool
    missed: bool
    due: str
    left: str
    rule: str
    citation: str


@dataclass(frozen=True, slots=True)
class Quoted:
    """A text of a step as it was written: what it is, the tag of its language where the step says it, and that
    language's name where it is not the page's own."""

    name: str
    text: str
    lang: str
    language: str


@dataclass(frozen=True, slots=True)
class Done:
    """One step that stands: its entry, who said it, when it was recorded, and how far its proof has come."""

    index: int
    words: str
    role: str
    own: bool
    recorded: str
    final: bool
    life: str
    since: str
    by: str
    flags: tuple[str, ...]
    texts: tuple[Quoted, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Offered:
    """The settlement offer that waits for an answer: what, how much (empty: no amount), for which goods, until when.

    `goods` are pairs of a line and its pieces, empty where the offer is for all; `until` is empty where nobody can say.
    """

    remedy: str
    amount: str
    goods: tuple[tuple[str, int], ...]
    until: str
    over: bool


@dataclass(frozen=True, slots=True)
class Told:
    """The return; `done` are the steps of one page.

    `final` of all `count` steps are final; `since` is the oldest time among those of the blocks after which they were
    recorded, empty where one has none; `until` is the newest block's time among them, as text. `approved` and
    `refunded` are amounts as text, empty where nothing was approved or not everything can be counted.
    """

    return_id: str
    state: str
    now: str
    duties: tuple[Duty, ...]
    done: tuple[Done, ...]
    final: int
    count: int
    since: str
    until: str
    approved: str
    refunded: str
    offered: Offered | None


def step_weights(timeline: Timeline) -> list[int]:
    """Return how many bytes of somebody's own words each step has, the newest first."""
    return [
        sum(len(one.text.encode()) for one in own_words(row.entry.verb, row.values))
        for row in reversed(_steps(timeline))
    ]


def told_return(timeline: Timeline, talk: Talk, *, role: Role, part: Part) -> Told:
    """Return a timeline in the words of its page, the newest step first.

    Args:
        timeline: As the reader may see it.
        talk: The reader's language.
        role: The reader's.
        part: Which of the steps are listed, by their place in `step_weights`.
    """
    rows = _steps(timeline)
    done = tuple(_done(row, talk, role) for row in rows[::-1][part.first : part.end])
    balance, money = timeline.balance, ("", "")
    if balance.complete and balance.currency is not None and balance.refund_approved_minor:
        amounts = (balance.refund_approved_minor, balance.refunded_minor())
        money = (talk.amount(amounts[0], balance.currency), talk.amount(amounts[1], balance.currency))
    final = [row for row in rows if row.life == FINALIZED]
    anchored, since = [row.placed.anchored_at or 0 for row in final], [row.since_at or "" for row in final]
    return Told(
        return_id=timeline.return_id,
        state=talk.speech.of(timeline.state_words),
        now=talk.instant(timeline.now),
        duties=tuple(_duties(timeline, talk, role)),
        done=done,
        final=len(final),
        count=len(rows),
        since=talk.instant(min(since)) if since and all(since) else "",
        until=talk.instant(block_instant(max(anchored))) if anchored else "",
        approved=money[0],
        refunded=money[1],
        offered=told_offer(timeline.balance, timeline.clocks, talk),
    )


def told_offer(balance: Balance, clocks: Iterable[Clock], talk: Talk) -> Offered | None:
    """Return the open settlement offer of a case in words, None where there is none.

    Args:
        balance: Of the case.
        clocks: Of the case; one of them says until when the offer can be answered.
        talk: The reader's language.
    """
    if (offer := balance.offer) is None:
        return None
    waits = [one for one in clocks if one.clock_id == OFFER_EXPIRY and one.state in _WAITS and one.stopped_by is None]
    return Offered(
        remedy=talk.speech.code("remedy", offer.kind),
        amount=talk.amount(offer.minor, balance.currency) if offer.minor and balance.currency is not None else "",
        goods=tuple(offer.lines.items()),
        until=_due(waits[-1], talk) if waits else "",
        over=bool(waits) and waits[-1].state is ClockState.MISSED,
    )


def _duties(timeline: Timeline, talk: Talk, role: Role) -> Iterator[Duty]:
    waiting = [one for one in timeline.clocks if one.state in _WAITS and one.stopped_by is None]
    for clock in sorted(waiting, key=lambda one: (one.actor is not role, one.due_at or "~")):
        yield Duty(
            words=talk.speech.of(clock.words),
            role=talk.speech.code("role", clock.actor.value),
            mine=clock.actor is role,
            missed=clock.state is ClockState.MISSED,
            due=_due(clock, talk),
            left="" if clock.margin_seconds is None else talk.length(clock.margin_seconds),
            rule=talk.rule(f"{clock.rule.id}@{clock.rule.version}"),
            citation=clock.citation,
        )


def _due(clock: Clock, talk: Talk) -> str:
    if clock.due_at is None:
        return why_of(clock, talk.speech) if clock.reason is not None else ""
    return talk.instant(clock.due_at) if clock.due_date is None else talk.day(clock.due_date)


def _done(row: Row, talk: Talk, role: Role) -> Done:
    entry, at, lang = row.entry, row.placed.anchored_at, language_of(row.values)
    return Done(
        index=row.index,
        words=talk.speech.verb(entry.verb),
        role=talk.speech.code("role", entry.asserted_by.role.value),
        own=entry.asserted_by.role is role,
        recorded=talk.instant(entry.recorded_at),
        final=row.life == "finalized",
        life=talk.speech.code("life", row.life),
        since="" if row.since_at is None else talk.instant(row.since_at),
        by="" if at is None else talk.instant(block_instant(at)),
        flags=tuple(talk.speech.code("flag", flag.value) for flag in row.flags),
        texts=tuple(
            Quoted(talk.speech.field(one.name), one.text, lang, talk.other_language(lang))
            for one in own_words(entry.verb, row.values)
        ),
        files=tuple(talk.evidence(file.kind) for file in entry.evidence),
    )


def _steps(timeline: Timeline) -> list[Row]:
    return [row for row in timeline.rows if row.entry.kind not in ASIDE_KINDS]
