"""A return's timeline as text for a terminal or a file.

Promises: every text from outside is escaped; a contradiction is shown beside the row that it is about.
Does not: read anything, or compute what is shown (`core/timeline.py`).
"""

from __future__ import annotations

import json

from ledger_service.core.entry import ASIDE_KINDS
from ledger_service.core.pages.escaping import escaped
from ledger_service.core.pages.language import Language
from ledger_service.core.pages.sheets import sheets
from ledger_service.core.pages.speech import Speech
from ledger_service.core.timeline import Timeline, parties
from ledger_service.core.timeline_row import Flag, Row, block_instant

VALUE_SHOWN_MAX = 100  # characters of one value; the receipt has all of it
PARTY_SHOWN = 8  # hex digits of a pseudonym: enough to tell the parties of one case apart


def format_timeline(timeline: Timeline, language: Language = Language.EN) -> str:
    """Return the timeline: what happened, who says so, when, what is final on chain, and what follows from it."""
    speech = Speech(language)
    lines = [*_header(timeline, speech), ""]
    for row in timeline.rows:
        lines += [*_row(row, speech), ""]
    for heading, body in sheets(timeline, speech):
        lines += [heading, *(f"  {line}" for line in body), ""]
    return "\n".join(lines)


def format_findings(timeline: Timeline, language: Language = Language.EN) -> str:
    """Return the finding of facts alone: what is proven, what is only claimed, what is missing."""
    speech = Speech(language)
    lines = [*_header(timeline, speech), ""]
    wanted = {speech.say(name) for name in ("proven", "claimed", "missing")}
    for heading, body in sheets(timeline, speech):
        if heading in wanted:
            lines += [heading, *(f"  {line}" for line in body), ""]
    return "\n".join(lines)


def _header(timeline: Timeline, speech: Speech) -> list[str]:
    facts = timeline.request.entry.facts
    words, now = speech.of(timeline.state_words), speech.minute(timeline.now)
    who = ", ".join(f"{speech.code('role', role)} {party[:PARTY_SHOWN]}…" for role, party in parties(timeline))
    return [
        speech.say("return", return_id=timeline.return_id),
        speech.say("state", words=words, state=timeline.state, now=now),
        speech.say(
            "header",
            origin=timeline.origin,
            opened=speech.minute(timeline.request.entry.recorded_at),
            buyer=facts.get("buyer_country"),
            seller=facts.get("seller_country"),
            basis=speech.code("legal_basis", str(facts.get("legal_basis"))),
            language=facts.get("language"),
        ),
        speech.say("parties", parties=who),
        speech.say("reading", entries=speech.count(len(timeline.rows))),
    ]


def _row(row: Row, speech: Speech) -> list[str]:
    entry = row.entry
    by = speech.say(
        "by",
        role=speech.code("role", entry.asserted_by.role.value),
        authenticity=speech.code("authenticity", entry.authenticity.value),
    )
    if entry.asserted_by != entry.recorded_by:
        by += speech.say("recorded_by_other", role=speech.code("role", entry.recorded_by.role.value))
    told = [speech.verb(entry.verb), by, *times_of(row, speech)]
    if entry.rule is not None:
        told.append(speech.say("rule", rule=f"{entry.rule.id}@{entry.rule.version}"))
    told += [*flags_of(row, speech), *said_in(row, speech)]
    return [f"{row.index:>6}  {escaped(entry.verb)}  ({way_of(row, speech)})", *(f"        {line}" for line in told)]


def way_of(row: Row, speech: Speech) -> str:
    """Return from which state to which a step leads, or what kind of entry stands beside the chain."""
    entry = row.entry
    if entry.kind in ASIDE_KINDS:
        return speech.code("kind", entry.kind.value)
    return f"{escaped(entry.from_state or speech.say('new'))} -> {escaped(str(entry.to_state))}"


def said_in(row: Row, speech: Speech) -> list[str]:
    """Return what an entry holds: values, as corrected too, files, and what is withheld, erased or not held."""
    entry = row.entry
    told = [f"{escaped(name)}: {_short(value)}" for name, value in sorted(row.values.items())]
    if row.corrected is not None:
        told += [
            speech.say("corrected_value", name=name, value=_short(value))
            for name, value in sorted(row.corrected.items())
        ]
    for file in entry.evidence:
        told.append(speech.say("file", kind=file.kind, media_type=file.media_type, size=file.size))
    told += [speech.say("withheld", name=name) for name in row.withheld]
    told += [speech.say("erased", name=name) for name in row.erased]
    told += [speech.say("not_held", kind=kind) for kind in entry.missing]
    return told


def times_of(row: Row, speech: Speech) -> list[str]:
    """Return when a step is said to have happened and was recorded, and how far its proof has come."""
    entry = row.entry
    times = speech.say(
        "times",
        occurred=speech.minute(entry.occurred_at),
        recorded=speech.minute(entry.recorded_at),
        gap=speech.after(row.recorded_after_seconds),
    )
    life, at = speech.code("life", row.life), row.placed.anchored_at
    if at is None:
        return [times, life]
    gap, until = speech.after(row.anchored_after_seconds), speech.minute(block_instant(at))
    if row.since_at is None:
        return [times, speech.say("life_by", life=life, at=until, gap=gap)]
    return [times, speech.say("life_between", life=life, since=speech.minute(row.since_at), at=until, gap=gap)]


def flags_of(row: Row, speech: Speech) -> list[str]:
    """Return what stands against a row."""
    by = {Flag.VOIDED: row.voided_by, Flag.CORRECTED: row.corrected_by}
    told, plain = [], []
    for flag in row.flags:
        words, index = speech.code("flag", flag.value), by.get(flag)
        if index is None:
            plain.append(words)
        else:
            told.append(speech.say("flagged_by", words=words, entry=speech.entries([index])))
    return [*([speech.say("flags", words="; ".join(plain))] if plain else []), *told]


def _short(value: object) -> str:
    text = escaped(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= VALUE_SHOWN_MAX else text[: VALUE_SHOWN_MAX - 1] + "…"
