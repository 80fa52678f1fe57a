"""The case in the forms that others ask for: an issues list as ERC-1497 has it, and a card network's dispute form.

Promises: nothing is argued: a field holds what the record holds, or is empty and named as such. Does not: choose what
helps a party.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ledger_service.core.encoding import Json
from ledger_service.core.entry import Kind
from ledger_service.core.package_sheets import FileState, RegisterRow
from ledger_service.core.timeline import DisputeCourse, Timeline

TEXT_CHARACTERS_MAX = 20_000  # of one text field of a dispute form, as payment providers have it

_FILES: Final = {  # the file fields of a dispute form, and the kinds of evidence that answer them
    "customer_communication": ("message_log", "withdrawal_statement"),
    "receipt": ("order_snapshot",),
    "refund_policy": ("policy_snapshot",),
    "service_documentation": ("inspection_report", "receiving_report"),
    "shipping_documentation": ("delivery_proof_outbound", "proof_of_posting", "proof_of_delivery", "tracking_event"),
    "uncategorized_file": ("product_photo", "refund_record", "customs_declaration", "customs_notice"),
}
_REFUSALS = frozenset({"decline_return", "deny_refund", "refuse_offer"})
_RULINGS: Final = (
    ("buyer", "For the buyer", "The buyer's claim is upheld."),
    ("seller", "For the seller", "The buyer's claim is refused."),
    ("split", "Partly for each", "The orders of the ruling say what each party gets."),
)


def issues(timeline: Timeline, register: Sequence[RegisterRow]) -> dict[str, Json]:
    """Return what is to be decided: an issue for each dispute, or the return itself where there is none."""
    courses = timeline.disputes or (None,)
    return {
        "format": "ERC-1497 style: question and ruling options, evidence by file and SHA-256",
        "return_id": timeline.return_id,
        "issues": [_issue(timeline, course) for course in courses],
        "evidence": [
            {
                "name": f"entry {row.index}, {row.entry.evidence[row.position].kind}",
                "description": f"submitted by the {row.entry.asserted_by.role.value}, entry {row.index}",
                "fileURI": row.file,
                "fileHash": None if row.sha256 is None else row.sha256.hex(),
                "fileTypeExtension": None if row.file is None else row.file.rpartition(".")[2],
                "state": row.state.value,
            }
            for row in register
        ],
    }


def _issue(timeline: Timeline, course: DisputeCourse | None) -> Json:
    basis = timeline.request.entry.facts.get("legal_basis")
    claim = None if course is None else _value(timeline, course.indexes, "claim")
    return {
        "category": "return" if course is None else f"return, {course.type}",
        "title": f"Return {timeline.return_id}",
        "description": claim or f"A return on the basis {basis}, now {timeline.state}.",
        "question": "Is the buyer's claim upheld?",
        "dispute_id": None if course is None else course.dispute_id,
        "state": timeline.state if course is None else course.state,
        "outcome": None if course is None else course.outcome,
        "indexes": [timeline.request.index] if course is None else list(course.indexes),
        "rulingOptions": {
            "type": "single-select",
            "values": [code for code, _, _ in _RULINGS],
            "titles": [title for _, title, _ in _RULINGS],
            "descriptions": [words for _, _, words in _RULINGS],
        },
    }


def dispute_form(timeline: Timeline, register: Sequence[RegisterRow]) -> dict[str, Json]:
    """Return the fields of a card network's dispute form: texts of the record, and files of this package by name."""
    included = [row for row in register if row.state is FileState.INCLUDED]
    fields: dict[str, Json] = {
        name: [row.file for row in included if row.entry.evidence[row.position].kind in kinds]
        for name, kinds in _FILES.items()
    }
    refused = [row for row in timeline.rows if row.entry.verb in _REFUSALS and row.voided_by is None]
    refused = [row for row in refused if row.entry.kind is Kind.TRANSITION]
    fields["refund_refusal_explanation"] = _cut(
        "; ".join(
            f"entry {row.index}, {row.entry.verb}: {row.entry.facts.get('reason_code', '')}"
            + (f": {row.values['explanation']}" if "explanation" in row.values else "")
            for row in refused
        )
    )
    fields["refund_policy_disclosure"] = _cut(
        "; ".join(
            f"{row.file or 'not in this package'}, recorded {row.entry.recorded_at} in entry {row.index}"
            for row in register
            if row.entry.evidence[row.position].kind == "policy_snapshot"
        )
    )
    fields["shipping_tracking_number"] = ", ".join(dict.fromkeys(_tracking(timeline)))
    fields["uncategorized_text"] = _cut(
        f"Return {timeline.return_id} of the ledger {timeline.origin}: {timeline.state_words.en} as of {timeline.now}."
        " findings.txt says what is proven, only claimed and missing; every entry has its receipt in receipts/."
    )
    return {
        "return_id": timeline.return_id,
        "fields": fields,
        "empty": sorted(name for name, value in fields.items() if not value),
        "note": "file fields name files of this package; a field that the record cannot answer is empty",
    }


def _tracking(timeline: Timeline) -> Iterable[str]:
    for row in timeline.rows:
        if row.voided_by is not None or row.entry.kind is not Kind.TRANSITION:
            continue
        parcels = row.values.get("parcels")
        for parcel in parcels if isinstance(parcels, list) else []:
            if isinstance(parcel, dict) and isinstance(number := parcel.get("tracking_no"), str):
                yield number


def _value(timeline: Timeline, indexes: Sequence[int], name: str) -> str | None:
    rows = [row for row in timeline.rows if row.index in indexes and isinstance(row.values.get(name), str)]
    return str(rows[0].values[name]) if rows else None


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_CHARACTERS_MAX else text[: TEXT_CHARACTERS_MAX - 1] + "…"
