"""A case as a package is made of it: a story with photos, weights, a deduction, a correction, and two chains."""

from __future__ import annotations

from dataclasses import replace

from ledger_service.core.anchor_record import Anchor, AnchorState, Block
from ledger_service.core.entry import EvidenceDescriptor, Kind, Role
from ledger_service.core.file_claims import FileClaims
from ledger_service.core.package_case import Bound
from ledger_service.core.package_sheets import FileState, RegisterRow
from ledger_service.core.trust import PinnedTarget
from tests.core.cases import EURO_20, GRADED, PARCELS, RECEIVED, Told, approved
from tests.core.receipts import EMBEDDED, SEPOLIA, TRUST

BLOCK_TIME = 1_772_500_000
HOSTILE = "</td><script>alert(1)</script>\u202e #let x = 1 *b* $a$ <img src=x onerror=y> \u7684"


def placed(pinned: PinnedTarget, sequence: int, size: int, number: int, state: AnchorState) -> Anchor:
    """Return a head that stands in a block of a chain."""
    block = Block(number, number.to_bytes(32, "big"), bytes(32), BLOCK_TIME + number)
    return Anchor(
        log_id=pinned.target.log_id, chain_id=pinned.target.chain_id, contract=pinned.target.contract,
        sequence=sequence, size=size, root=bytes(32), old_size=1, proof=(), state=state, planned_at=BLOCK_TIME,
        block=block,
    )  # fmt: skip


ANCHORS = (
    placed(EMBEDDED, 1, 15, 100, AnchorState.FINALIZED),
    placed(EMBEDDED, 2, 40, 107, AnchorState.INCLUDED),
    placed(SEPOLIA, 1, 15, 900, AnchorState.FINALIZED),
)


def told(words: str = HOSTILE) -> Told:
    """Return the case; `words` are those of a person in it."""
    case = approved()
    case.step("ship_back", fields={"parcels": [{**PARCELS["parcels"][0], "weight_grams": 900, "tracking_no": words}]})
    case.step("confirm_delivery")
    case.step("receive", fields={**RECEIVED, "weight_grams": 850})
    case.step("start_inspection")
    case.step("complete_inspection", fields=GRADED)
    lines = [{"line_id": "l1", "amount": EURO_20}]
    used = {"why": "used", "amount": {"minor": 500, "currency": "EUR"}}
    refund = case.step("approve_refund", fields={"lines": lines, "deductions": [used]})
    damaged = {"lines": lines, "deductions": [{**used, "why": "damaged"}]}
    case.step("correct", Role.PLATFORM, {"wrong_entry": refund, "reason": "incorrect_data", "corrected": damaged})
    case.step("open_dispute", fields={"dispute_id": "d1" * 16, "type": "adr", "claim": words})
    case.step("add_evidence", Role.SELLER, {"comment": words}, evidence=["product_photo"])
    case.aside(Kind.ATTEMPT, "close", {"refused": "wrong_state"}, why=words)
    case.aside(Kind.ACCESS, "export_package", {}, role=Role.BUYER)
    case.anchor(3, at=BLOCK_TIME + 100)
    return case


def bound(case: Told | None = None, *, reader: Role = Role.ARBITRATOR) -> Bound:
    """Return what a package of the case is about; its first entry has a photo, a text and a withheld file."""
    timeline = (told() if case is None else case).timeline()
    request, last = timeline.request, next(row for row in timeline.rows if row.entry.verb == "add_evidence")
    files = (
        EvidenceDescriptor("product_photo", 2_000, "image/png", bytes([1]) * 32),
        EvidenceDescriptor("order_snapshot", 300, "application/json", bytes([2]) * 32),
        EvidenceDescriptor("inspection_report", 400, "image/jpeg", bytes([3]) * 32),
    )
    first = replace(request.entry, evidence=files)
    other = replace(last.entry, evidence=files[2:], asserted_by=replace(last.entry.asserted_by, role=Role.INSPECTOR))
    register = (
        RegisterRow(request.index, 0, first, FileState.INCLUDED, bytes([1]) * 32, "evidence/00000010-00-a.png",
                    FileClaims(camera=HOSTILE, taken_at="2030:01:01 00:00:00")),
        RegisterRow(request.index, 1, first, FileState.INCLUDED, bytes([2]) * 32, "evidence/00000010-01-b.json"),
        RegisterRow(request.index, 2, first, FileState.WITHHELD, None, None),
        RegisterRow(last.index, 0, other, FileState.INCLUDED, bytes([3]) * 32, "evidence/00000030-00-c.jpg",
                    FileClaims(software="Editor")),
    )  # fmt: skip
    return Bound(timeline, register, ANCHORS, TRUST, reader)
