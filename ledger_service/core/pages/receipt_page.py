"""A receipt on paper: what was recorded, on whose word, how far its proof has come, and what happens next.

Promises: what is shown of an entry is what its receipt shows, whole; a claim is called one; it says which file is the
proof, and that the paper is not. Does not: verify anything (`core/verify.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from ledger_service.core.clock import ClockState
from ledger_service.core.entry import CaseEntry
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.pages.document import Document, Facts, Items, Part, Section, Table, Text
from ledger_service.core.pages.language import Language
from ledger_service.core.pages.limits import LIMITS, LIMITS_ZH
from ledger_service.core.pages.sheets import due_of, why_of
from ledger_service.core.pages.speech import Speech
from ledger_service.core.pages.words import WORDS
from ledger_service.core.receipt import Receipt
from ledger_service.core.timeline import Timeline
from ledger_service.core.timeline_row import block_instant

WAITING: Final = (ClockState.RUNNING, ClockState.PAUSED, ClockState.UNKNOWN, ClockState.MISSED)
_LIMITS: Final = (0, 1, 5, 6)  # those that are about a receipt


def receipt_file(index: int) -> str:
    """Return the name of the file that is the proof.

    >>> receipt_file(12)
    'entry-12.receipt.json'
    """
    return f"entry-{index}.receipt.json"


def receipt_code(receipt: Receipt, entry: CaseEntry) -> str:
    """Return what a receipt's QR code holds: the ledger, the entry's number and its fingerprint, each on a line."""
    return f"{entry.origin}\n{receipt.index}\n{leaf_hash(receipt.entry).hex()}"


def receipt_document(receipt: Receipt, entry: CaseEntry, timeline: Timeline, language: Language) -> Document:
    """Return the page of a receipt.

    Args:
        receipt: As its reader may see it.
        entry: The one that its bytes hold.
        timeline: Of the case, as the same reader may see it; as of its `now`.
        language: Of the page.
    """
    speech = Speech(language)
    limits = LIMITS_ZH if language is Language.ZH else LIMITS
    sections: tuple[tuple[str, tuple[Part, ...]], ...] = (
        ("paper_recorded", (Facts(tuple(_recorded(receipt, entry, speech))),)),
        ("paper_said", tuple(_said(receipt, entry, speech))),
        ("paper_files", tuple(_files(receipt, entry, speech))),
        ("paper_proof", tuple(_proof(receipt, speech))),
        ("paper_next", tuple(_next(timeline, speech))),
        ("paper_check", (Text(speech.say("paper_how", file=receipt_file(receipt.index))),)),
        ("report_limits", (Items(tuple((limits[place],) for place in _LIMITS)),)),
    )
    return Document(
        language=language,
        title=speech.say("paper_title", index=receipt.index),
        made_at=timeline.now,
        lead=(
            Text(speech.say("paper_lead", origin=entry.origin, now=speech.minute(timeline.now))),
            Text(speech.say("paper_no_proof", file=receipt_file(receipt.index)), strong=True),
        ),
        sections=tuple(Section(speech.say(heading), parts) for heading, parts in sections),
    )


def _recorded(receipt: Receipt, entry: CaseEntry, speech: Speech) -> Iterator[tuple[str, str]]:
    yield speech.say("fact_return"), entry.return_id
    yield speech.say("col_entry"), str(receipt.index)
    yield speech.say("col_step"), speech.verb(entry.verb)
    yield speech.say("fact_said_by"), speech.code("role", entry.asserted_by.role.value)
    yield speech.say("fact_known"), speech.code("authenticity", entry.authenticity.value)
    yield speech.say("fact_recorder"), speech.code("role", entry.recorded_by.role.value)
    yield speech.say("fact_occurred"), speech.minute(entry.occurred_at)
    yield speech.say("col_recorded"), speech.minute(entry.recorded_at)
    if entry.rule is not None:
        yield speech.say("fact_rule"), speech.rule(entry.rule)
    yield speech.say("fact_leaf"), leaf_hash(receipt.entry).hex()


def _said(receipt: Receipt, entry: CaseEntry, speech: Speech) -> Iterator[Part]:
    values, hidden = dict(entry.facts), list[str]()
    for record in receipt.records[len(entry.evidence) :]:
        if record.disclosure is None:
            hidden.append(record.name)
        else:
            values[record.name] = record.disclosure.value
    rows = tuple((name, _text(value)) for name, value in sorted(values.items()))
    yield Facts(rows) if rows else Text(speech.say("none"))
    if hidden:
        yield Items(tuple((speech.say("paper_hidden", name=name),) for name in hidden))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _files(receipt: Receipt, entry: CaseEntry, speech: Speech) -> Iterator[Part]:
    rows = []
    for described, record in zip(entry.evidence, receipt.records, strict=False):
        shown = record.disclosure
        fingerprint = speech.say("withheld_file") if shown is None else str(shown.value)
        rows.append((speech.evidence(described.kind), f"{described.size}\n{described.media_type}", fingerprint))
    if not rows:
        yield Text(speech.say("none"))
        return
    head = tuple(speech.say(name) for name in ("col_kind", "col_size", "col_fingerprint"))
    yield Table(speech.say("paper_fingerprints"), head, tuple(rows))
    yield Text(speech.say("paper_originals"), strong=True)


def _proof(receipt: Receipt, speech: Speech) -> Iterator[Part]:
    state = str(receipt.unprotected.get("state"))
    yield Facts(((speech.say("fact_life"), speech.code("life", state) if state in WORDS["life"] else state),))
    if not receipt.anchors:
        yield Text(speech.say("paper_pending"))
        return
    rows = tuple(
        (
            str(one.chain_id),
            "0x" + one.contract.hex(),
            str(one.block_number),
            speech.minute(block_instant(one.time)),
        )
        for one in receipt.anchors
    )
    head = tuple(speech.say(name) for name in ("fact_chain", "fact_contract", "col_block", "col_block_time"))
    yield Table(speech.say("paper_anchors"), head, rows)
    yield Text(speech.say("paper_no_later"))
    if (after := receipt.after) is None:
        yield Text(speech.say("paper_no_since"))
        return
    chains = [one.chain_id for one in receipt.anchors if one.log_id == after.log_id]
    since, chain = speech.minute(block_instant(after.time)), chains[0] if chains else speech.say("not_known")
    yield Text(speech.say("paper_since", since=since, block=after.block_number, chain=chain))


def _next(timeline: Timeline, speech: Speech) -> Iterator[Part]:
    yield Facts(((speech.say("fact_state"), speech.of(timeline.state_words)),))
    waiting = [one for one in timeline.clocks if one.state in WAITING and one.stopped_by is None]
    found = []
    for clock in sorted(waiting, key=lambda one: one.due_at or "~"):
        what = speech.say(
            "paper_duty",
            role=speech.code("role", clock.actor.value),
            what=speech.of(clock.words),
            state=speech.code("clock_state", clock.state.value),
        )
        by = why_of(clock, speech) if clock.due_at is None else due_of(clock, speech)
        rule = speech.say("rule", rule=speech.rule(clock.rule))
        found.append((what, by, f"{rule} ({clock.citation})" if clock.citation else rule))
    yield Items(tuple(found)) if found else Text(speech.say("no_clocks"))
    yield Text(speech.say("paper_disagree"))
