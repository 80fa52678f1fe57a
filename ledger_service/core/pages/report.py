"""The arbitrator's report: everything of one case on paper, as a document in one language.

It says what timeline, sheets, register and integrity sheet of the package say, in the same words. Promises: the same
case gives the same document; what a party said is told as its claim. Does not: weigh anything, or choose what a reader
may see.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger_service.core.entry import Kind, RuleReference
from ledger_service.core.flags import CONTRADICTIONS
from ledger_service.core.package_case import Bound, blocks_after, case_members, held_by
from ledger_service.core.package_forms import issues
from ledger_service.core.package_sheets import RegisterRow, line_ids
from ledger_service.core.pages.document import (
    Document,
    Facts,
    Items,
    Part,
    Section,
    Table,
    Text,
    items_of,
)
from ledger_service.core.pages.language import Language
from ledger_service.core.pages.limits import LIMITS, LIMITS_ZH
from ledger_service.core.pages.report_evidence import evidence_parts, side_by_side
from ledger_service.core.pages.sheets import INDENT, balance_notes, balance_rows, sheets
from ledger_service.core.pages.speech import Speech
from ledger_service.core.pages.timeline_text import flags_of, said_in, times_of, way_of
from ledger_service.core.timeline_row import Flag, Row, block_instant

_BESIDE: Final = frozenset({Flag.VOIDED, Flag.CORRECTED, Flag.LATE_EVIDENCE, Flag.ON_BEHALF, Flag.RECORDED_LATE})
_MARKED: Final = CONTRADICTIONS | {Flag.RECORDED_LATE, Flag.LATE_EVIDENCE, Flag.VOIDED, Flag.IMPORTED_UNVERIFIED}


def report(bound: Bound, language: Language) -> Document:
    """Return the report of a package."""
    speech, timeline = Speech(language), bound.timeline
    told = dict(sheets(timeline, speech))
    limits = LIMITS_ZH if language is Language.ZH else LIMITS

    def sheet(name: str) -> tuple[Part, ...]:
        lines = told.get(speech.say(name), [])
        return (items_of(lines, indent=INDENT),) if lines else (Text(speech.say("none")),)

    names = ("proven", "claimed", "missing")
    findings = tuple(part for name in names for part in (Text(speech.say(name), strong=True), *sheet(name)))
    sections: tuple[tuple[str, tuple[Part, ...]], ...] = (
        ("report_case", tuple(_case(bound, speech))),
        ("report_findings", findings),
        ("report_issues", (_issues(bound, speech),)),
        ("report_timeline", (_timeline(bound, speech),)),
        ("clocks", (*sheet("clocks"), *_before(told, speech))),
        ("balance", tuple(_balance(bound, speech))),
        ("report_evidence", tuple(evidence_parts(bound, speech))),
        ("report_pictures", tuple(side_by_side(bound, speech))),
        ("custody", sheet("custody")),
        ("report_beside", (_beside(bound, speech),)),
        ("disputes", sheet("disputes")),
        ("attempts", sheet("attempts")),
        ("contradictions", sheet("contradictions")),
        ("report_integrity", tuple(_integrity(bound, speech))),
        ("report_limits", (Items(tuple((one,) for one in limits)),)),
    )
    return Document(
        language=language,
        title=speech.say("report_title", return_id=timeline.return_id),
        made_at=timeline.now,
        lead=(
            Text(speech.say("report_made", origin=timeline.origin, now=speech.minute(timeline.now),
                            role=speech.code("role", bound.reader.value))),
            Text(speech.say("report_no_proof"), strong=True),
        ),
        sections=tuple(Section(speech.say(heading), parts) for heading, parts in sections),
    )  # fmt: skip


def _case(bound: Bound, speech: Speech) -> Iterator[Part]:
    timeline, case, balance = bound.timeline, case_members(bound), bound.timeline.balance
    facts, rules, listed = timeline.request.entry.facts, case["rules"], case["parties"]
    assert isinstance(rules, list)
    assert isinstance(listed, list)  # `case_members` made them
    named = [RuleReference(one["id"], one["version"]) for one in rules]
    yield Facts(
        (
            (speech.say("fact_return"), timeline.return_id),
            (speech.say("fact_state"), speech.of(timeline.state_words)),
            (speech.say("fact_opened"), speech.minute(timeline.request.entry.recorded_at)),
            (speech.say("fact_basis"), speech.code("legal_basis", str(facts.get("legal_basis")))),
            (speech.say("fact_language"), str(facts.get("language"))),
            (speech.say("fact_order"), ", ".join(balance.lines) or speech.say("not_known")),
            (speech.say("fact_seller"), str(case["seller_of_record"] or speech.say("not_known"))),
            (speech.say("fact_paid"), speech.money(balance.paid_minor(), balance.currency)),
            (speech.say("fact_approved"), speech.money(balance.refund_approved_minor, balance.currency)),
            (speech.say("fact_refunded"), speech.money(balance.refunded_minor(), balance.currency)),
            (
                speech.say("fact_rules"),
                ", ".join(speech.rule(one) for one in named) or speech.say("none"),
            ),
        )
    )
    yield Table(
        caption=speech.say("report_parties"),
        head=(speech.say("col_role"), speech.say("col_party"), speech.say("col_country")),
        rows=tuple((speech.code("role", one["role"]), one["party"], one["country"] or "") for one in listed),
    )


def _issues(bound: Bound, speech: Speech) -> Part:
    listed = issues(bound.timeline, bound.register)["issues"]
    assert isinstance(listed, list)  # `issues` made it
    return Items(
        tuple(
            (
                speech.say("issue_return") if one["dispute_id"] is None
                else speech.say("issue_dispute", id=one["dispute_id"][:8]),
                one["description"],
                speech.say("issue_question"),
            )
            for one in listed
        )
    )  # fmt: skip


def _timeline(bound: Bound, speech: Speech) -> Part:
    rows, marked = [], set()
    for place, row in enumerate(bound.timeline.rows):
        if _MARKED.intersection(row.flags):
            marked.add(place)
        lines = line_ids(row)
        files = [one.file or f"{one.kind}: {speech.code('file_state', one.state.value)}" for one in _files(bound, row)]
        told = [speech.verb(row.entry.verb), way_of(row, speech), *flags_of(row, speech)]
        about = [speech.say("about_lines", lines=", ".join(lines))] if lines else []
        rows.append(
            (
                str(row.index),
                "\n".join(told),
                "\n".join(times_of(row, speech)),
                "\n".join(_who(row, speech)),
                "\n".join([*about, *said_in(row, speech), *files]),
            )
        )
    return Table(
        caption=speech.say("reading", entries=speech.count(len(rows))),
        head=tuple(speech.say(name) for name in ("col_entry", "col_step", "col_times", "col_who", "col_said")),
        rows=tuple(rows),
        marked=frozenset(marked),
    )


def _who(row: Row, speech: Speech) -> Iterator[str]:
    entry = row.entry
    yield speech.code("role", entry.asserted_by.role.value)
    yield speech.code("authenticity", entry.authenticity.value)
    if entry.asserted_by != entry.recorded_by:
        yield speech.say("recorded_for", role=speech.code("role", entry.recorded_by.role.value))
    if entry.rule is not None:
        yield speech.say("rule", rule=f"{entry.rule.id}@{entry.rule.version}")


def _before(told: dict[str, list[str]], speech: Speech) -> Iterator[Part]:
    if lines := told.get(heading := speech.say("clocks_before")):
        yield Text(heading, strong=True)
        yield items_of(lines, indent=INDENT)


def _balance(bound: Bound, speech: Speech) -> Iterator[Part]:
    balance = bound.timeline.balance
    head, *rows = balance_rows(balance, speech)
    yield Table(speech.say("balance"), tuple(head), tuple(tuple(row) for row in rows))
    if notes := list(balance_notes(balance, speech)):
        yield Items(tuple((one,) for one in notes))
    if deducted := tuple(_deductions(bound, speech)):
        head = [speech.say(name) for name in ("col_entry", "col_reason", "col_amount")]
        yield Table(speech.say("report_deductions"), tuple(head), deducted)


def _deductions(bound: Bound, speech: Speech) -> Iterator[tuple[str, str, str]]:
    for row in bound.timeline.rows:
        values = {**row.values, **({} if row.corrected is None else row.corrected)}
        for one in values.get("deductions") or ():
            amount = one["amount"]
            money = speech.money(amount["minor"], amount["currency"])
            yield str(row.index), speech.code("deduction", one["why"]), money


def _beside(bound: Bound, speech: Speech) -> Part:
    found = []
    for row in bound.timeline.rows:
        if row.entry.kind is Kind.CORRECTION or _BESIDE.intersection(row.flags):
            found.append((f"{speech.entries([row.index])}: {speech.verb(row.entry.verb)}", *flags_of(row, speech)))
    return Items(tuple(found)) if found else Text(speech.say("none"))


def _integrity(bound: Bound, speech: Speech) -> Iterator[Part]:
    rows = []
    for row in bound.timeline.rows:
        seq = "" if row.entry.seq is None else str(row.entry.seq)
        life = [speech.code("life", row.life)]
        for anchor in held_by(row, bound.anchors):
            block = anchor.block
            assert block is not None  # `held_by` takes no other
            after = blocks_after(anchor, bound.anchors)
            life.append(speech.say("in_block", chain=anchor.chain_id, block=block.number, after=after,
                                   at=speech.minute(block_instant(block.time))))  # fmt: skip
        if (since := row.placed.since) is not None:
            life.append(speech.say("after_block", chain=since.chain_id, block=since.block_number, seal=since.seal,
                                   at=speech.minute(block_instant(since.time))))  # fmt: skip
        delay = "" if row.anchored_after_seconds is None else speech.duration(row.anchored_after_seconds)
        rows.append((str(row.index), seq, row.placed.known.leaf.hex(), "\n".join(life), delay))
    names = ("col_entry", "col_seq", "col_leaf", "col_blocks", "col_delay")
    yield Table(speech.say("report_integrity"), tuple(speech.say(name) for name in names), tuple(rows))
    target = bound.trust.targets[0].target
    yield Facts(
        (
            (speech.say("fact_ledger"), bound.timeline.origin),
            (speech.say("fact_chain"), str(target.chain_id)),
            (speech.say("fact_contract"), "0x" + target.contract.hex()),
            (speech.say("fact_deployed"), _deployed(bound, speech)),
            (speech.say("fact_log"), "0x" + target.log_id.hex()),
        )
    )
    yield Text(speech.say("report_check"))


def _deployed(bound: Bound, speech: Speech) -> str:
    made = bound.deployed
    return speech.say("not_known") if made is None else f"{made.block_number}\n0x{made.block_hash.hex()}"


def _files(bound: Bound, row: Row) -> list[RegisterRow]:
    return [one for one in bound.register if one.index == row.index]
