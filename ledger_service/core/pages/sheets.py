"""The sheets below a timeline's rows: deadlines, quantities and money, custody, disputes, attempts, the three lists.

Promises: a sheet that has nothing to show is left out, the deadlines and the lists excepted.
Does not: choose words (`words.py`, `sentences.py`), or show rows (`timeline.py`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from ledger_service.core.balance import Balance
from ledger_service.core.clock import Clock, ClockState
from ledger_service.core.clock_kinds import Nature
from ledger_service.core.findings import Finding, FindingCode
from ledger_service.core.pages.escaping import escaped
from ledger_service.core.pages.speech import Speech
from ledger_service.core.pages.words import WORDS
from ledger_service.core.timeline import Timeline
from ledger_service.core.timeline_row import Flag

INDENT = "    "  # of a line that belongs to the one before it


def sheets(timeline: Timeline, speech: Speech) -> Iterator[tuple[str, list[str]]]:
    """Yield each sheet's heading with its lines."""
    clocks = [line for clock in timeline.clocks for line in _clock(clock, timeline, speech)]
    yield speech.say("clocks"), clocks or [speech.say("no_clocks")]
    before = [line for clock in timeline.clocks_before_corrections for line in _clock(clock, timeline, speech)]
    if before:
        yield speech.say("clocks_before"), before
    yield speech.say("balance"), list(_balance(timeline.balance, speech))
    yield speech.say("custody"), list(_custody(timeline, speech))
    for heading, body in (
        ("disputes", _disputes(timeline, speech)),
        ("attempts", _attempts(timeline, speech)),
        ("contradictions", _contradictions(timeline, speech)),
    ):
        if lines := list(body):
            yield speech.say(heading), lines
    found = timeline.findings
    for heading, findings in (("proven", found.proven), ("claimed", found.claimed), ("missing", found.missing)):
        yield speech.say(heading), [_finding(one, timeline, speech) for one in findings] or [speech.say("none")]


def _clock(clock: Clock, timeline: Timeline, speech: Speech) -> Iterator[str]:
    named = speech.clock(clock.clock_id, clock.subject, clock.words)
    yield f"{named}: {speech.code('clock_state', _state(clock))}"
    yield INDENT + speech.say(
        "clock_rule",
        rule=f"{clock.rule.id}@{clock.rule.version}",
        ground=speech.code("ground", clock.ground.value),
        citation=clock.citation or speech.say("none"),
        mark=clock.confidence.value,
        confidence=speech.code("confidence", clock.confidence.value),
    )
    role, entry = speech.code("role", clock.actor.value), speech.entries([timeline.places[clock.started_by]])
    if clock.start_at is None or clock.start_basis is None:
        yield INDENT + speech.say("clock_no_start", role=role, entry=entry)
    else:
        basis = speech.code("basis", clock.start_basis.value)
        start = speech.minute(clock.start_at)
        yield INDENT + speech.say("clock_start", role=role, entry=entry, start=start, basis=basis)
    for since, until in clock.pauses:
        yield INDENT + speech.say("clock_pause", since=speech.minute(since), until=speech.minute(until, none="now"))
    if clock.due_at is not None:
        yield INDENT + due_of(clock, speech)
    if clock.withheld_from is not None:
        until = speech.minute(clock.withheld_until, none="now")
        yield INDENT + speech.say("clock_withheld", since=speech.minute(clock.withheld_from), until=until)
    if clock.stopped_by is not None:
        stopped = speech.entries([timeline.places[clock.stopped_by]])
        yield INDENT + speech.say("clock_stop", entry=stopped, at=speech.minute(clock.stopped_at))
    if (margin := _margin(clock, timeline, speech)) is not None:
        yield INDENT + margin
    if clock.reason is not None:
        yield INDENT + why_of(clock, speech)


def due_of(clock: Clock, speech: Speech) -> str:
    """Return when a clock is due: the local day and the instant that is too late."""
    at = speech.minute(clock.due_at)
    if clock.due_date is None or clock.zone is None:
        return speech.say("clock_due_instant", at=at)
    return speech.say("clock_due", day=speech.day(clock.due_date), zone=clock.zone, at=at)


def why_of(clock: Clock, speech: Speech) -> str:
    """Return why a clock is unknown, or not missed, and what is missing."""
    reason = "" if clock.reason is None else speech.code("clock_reason", clock.reason.value)
    if clock.details:
        reason += f": {clock.details}"
    if not clock.missing:
        return speech.say("clock_why", reason=reason)
    return speech.say("clock_lacks", reason=reason, names=", ".join(map(speech.field, clock.missing)))


def _state(clock: Clock) -> str:
    lapsed = clock.state is ClockState.MISSED and clock.nature is Nature.RIGHT
    return "lapsed" if lapsed else clock.state.value


def _margin(clock: Clock, timeline: Timeline, speech: Speech) -> str | None:
    if clock.margin_seconds is None:
        return None
    spoken = speech.duration(clock.margin_seconds)
    if clock.state is not ClockState.MISSED:
        return speech.say("clock_spare" if clock.stopped_by is not None else "clock_left", duration=spoken)
    if clock.nature is Nature.DUTY:
        return speech.say("clock_missed", duration=spoken)
    if clock.stopped_by is None:
        return None
    used = next(row.entry.verb for row in timeline.rows if row.index == timeline.places[clock.stopped_by])
    return speech.say("clock_too_late", duration=spoken) if used in clock.stopping_steps else None


def _balance(balance: Balance, speech: Speech) -> Iterator[str]:
    notes = list(balance_notes(balance, speech))
    if not balance.complete:
        yield notes.pop(0)
    yield from _table(balance_rows(balance, speech))
    yield from notes


def balance_rows(balance: Balance, speech: Speech) -> list[list[str]]:
    """Return the quantities of each order line, under a row of headings."""
    columns = WORDS["column"]
    rows = [[speech.say("line"), *(speech.code("column", name) for name in columns)]]
    for line in balance.lines.values():
        cells = [escaped(line.line_id)]
        for name in columns:
            value = getattr(line, name)
            cells.append(speech.money(value, balance.currency) if name.endswith("_minor") else str(value))
        rows.append(cells)
    return rows


def balance_notes(balance: Balance, speech: Speech) -> Iterator[str]:
    """Yield what is said of money: first whether not everything can be counted, then refunds, remedies, charges."""
    if not balance.complete:
        yield speech.say("incomplete")
    currency = balance.currency
    if currency is not None:
        approved, sent = balance.refund_approved_minor, balance.refunded_minor()
        yield speech.say("money", approved=speech.money(approved, currency), refunded=speech.money(sent, currency))
    for refund in balance.refunds.values():
        yield speech.say(
            "refund",
            id=refund.refund_id,
            amount=speech.money(refund.minor, currency),
            method=speech.code("refund_method", refund.method),
            state=speech.code("refund_state", refund.state),
        )
    for remedy in balance.remedies.values():
        state = "done" if remedy.settled else "open" if remedy.kind in ("exchange", "repair") else "decided"
        kind = speech.code("remedy", remedy.kind)
        yield speech.say("remedy", id=remedy.remedy_id[:8], kind=kind, state=speech.say(state))
    if (offer := balance.offer) is not None:
        kind, offered = speech.code("remedy", offer.kind), speech.money(offer.minor, currency)
        yield speech.say("offer", id=offer.remedy_id[:8], kind=kind, amount=offered)
    for charge in balance.charges:
        amount = charge["amount"]
        assert isinstance(amount, dict)  # its form was checked when it was recorded
        yield speech.say(
            "charge",
            kind=speech.code("charge", str(charge["kind"])),
            amount=speech.money(amount["minor"], amount["currency"]),
            payer=speech.code("payer", str(charge["payer"])),
        )


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows with aligned columns; a Chinese character takes two places of a terminal."""
    widths = [max(_width(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(" " * (width - _width(cell)) + cell for cell, width in zip(row, widths, strict=True))


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _custody(timeline: Timeline, speech: Speech) -> Iterator[str]:
    for one in timeline.custody.holdings:
        yield speech.say(
            "holding",
            holder=speech.code("holder", one.holder.value),
            since=speech.minute(one.since),
            until=speech.minute(one.until, none="now"),
            entry=speech.entries([one.began]),
        )
    for gap in timeline.custody.gaps:
        yield speech.say(
            "gap",
            reason=speech.code("gap", gap.reason.value),
            since=speech.minute(gap.since),
            until=speech.minute(gap.until, none="now"),
            entries=speech.entries([gap.after] if gap.before is None else [gap.after, gap.before]),
        )


def _disputes(timeline: Timeline, speech: Speech) -> Iterator[str]:
    for one in timeline.disputes:
        outcome = "" if one.outcome is None else speech.code("dispute_outcome", one.outcome)
        yield speech.say(
            "dispute",
            id=one.dispute_id[:8],
            type=speech.code("dispute_type", str(one.type)),
            state=speech.dispute_state(one.state),
            outcome=speech.say("outcome", outcome=outcome) if outcome else "",
            entries=speech.entries(one.indexes),
        )


def _attempts(timeline: Timeline, speech: Speech) -> Iterator[str]:
    for one in timeline.attempts:
        yield speech.say(
            "attempt",
            entry=speech.entries([one.index]),
            at=speech.minute(one.recorded_at),
            role=speech.code("role", one.role.value),
            verb=speech.step(one.verb),
            refused=speech.refusal(one.refused, one.why),
        )


def _contradictions(timeline: Timeline, speech: Speech) -> Iterator[str]:
    for one in timeline.contradictions:
        entry, flag = speech.entries([one.index]), speech.code("flag", one.flag.value)
        if one.flag is Flag.DOES_NOT_BALANCE:
            yield speech.say("contradiction", entry=entry, flag=f"{flag}: {one.details}")
        else:
            against = "" if one.against is None else speech.say("against", entry=speech.entries([one.against]))
            said, other = speech.minute(one.said), speech.minute(one.other)
            yield speech.say("contradiction_times", entry=entry, flag=flag, said=said, other=other, against=against)


def _finding(finding: Finding, timeline: Timeline, speech: Speech) -> str:
    filled: dict[str, object] = {**finding.details, "entries": speech.entries(finding.indexes)}
    code = finding.code
    for name, group in (("role", "role"), ("authenticity", "authenticity"), ("life", "life")):
        if name in filled:
            filled[name] = speech.code(group, str(filled[name]))
    if code is FindingCode.FILES_FIXED:
        at = finding.details["at"]
        filled["by"] = "" if at is None else speech.say("files_by", at=speech.minute(str(at)))
    elif code is FindingCode.RECORDED_BY:
        filled["at"], since = speech.minute(str(finding.details["at"])), finding.details["since"]
        if since is not None:
            return speech.say("recorded_between", **filled | {"since": speech.minute(str(since))})
    elif code is FindingCode.SAYS:
        at = finding.details["at"]
        filled["at"] = speech.minute(None if at is None else str(at), none="no_time_said")
        filled["verb"] = speech.verb(str(finding.details["verb"]))
    elif code is FindingCode.EVIDENCE_NOT_HELD:
        filled["kind"] = speech.evidence(str(finding.details["kind"]))
    elif code is FindingCode.CLOCK_UNKNOWN:
        clock = _clock_of(finding, timeline)
        filled |= {"clock": speech.of(clock.words), "reason": why_of(clock, speech)}
    elif code is FindingCode.CUSTODY_GAP:
        since, until = finding.details["since"], finding.details["until"]
        filled["since"] = speech.minute(None if since is None else str(since))
        filled["until"] = speech.minute(None if until is None else str(until), none="now")
        filled["reason"] = speech.code("gap", str(finding.details["reason"]))
    elif code is FindingCode.VALUES_ERASED:
        names = finding.details["names"]
        assert isinstance(names, list)  # of names
        filled["names"] = ", ".join(speech.field(str(name)) for name in names)
    return speech.say(code.value, **filled)


def _clock_of(finding: Finding, timeline: Timeline) -> Clock:
    details, index = finding.details, finding.indexes[0]
    return next(
        clock
        for clock in timeline.clocks
        if (clock.clock_id, clock.rule.id) == (details["clock_id"], details["rule"])
        and timeline.places[clock.started_by] == index
    )
