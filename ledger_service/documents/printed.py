"""What is printed: the arbitrator's report, and a receipt with the file that is the proof inside.

Promises: the words are those of `core/pages/`; the attached file is the receipt, byte for byte. Does not: read the
ledger.
"""

from __future__ import annotations

from ledger_service.core.entry import CaseEntry
from ledger_service.core.locator import Locator, encode_locator
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.package_case import Bound
from ledger_service.core.pages.language import Language
from ledger_service.core.pages.receipt_page import receipt_code, receipt_document, receipt_file
from ledger_service.core.pages.report import report
from ledger_service.core.pages.speech import Speech
from ledger_service.core.receipt import Receipt, encode_receipt
from ledger_service.core.timeline import Timeline
from ledger_service.documents.paper import Attached, Code, set_pdf


def report_pdf(bound: Bound, language: Language) -> bytes:
    """Return the report of a package as PDF.

    Raises:
        DocumentError: It could not be set.
    """
    speech, timeline = Speech(language), bound.timeline
    last = max(timeline.rows, key=lambda row: row.index)
    place = Locator(timeline.origin, last.index, last.placed.known.leaf)
    about = speech.say("report_code", origin=place.origin, index=place.index, leaf=place.leaf_hash.hex())
    footer = speech.say("report_foot", return_id=timeline.return_id, origin=timeline.origin)
    return set_pdf(report(bound, language), footer=footer, code=Code(encode_locator(place), about), wide=True)


def receipt_pdf(receipt: Receipt, entry: CaseEntry, timeline: Timeline, language: Language) -> bytes:
    """Return a receipt as PDF; the arguments are those of `receipt_document`.

    Raises:
        DocumentError: It could not be set.
    """
    speech, leaf = Speech(language), leaf_hash(receipt.entry).hex()
    about = speech.say("paper_code", origin=entry.origin, index=receipt.index, leaf=leaf)
    file = Attached(
        receipt_file(receipt.index), encode_receipt(receipt), "application/json", speech.say("paper_attached")
    )
    return set_pdf(
        receipt_document(receipt, entry, timeline, language),
        footer=speech.say("paper_foot", index=receipt.index, origin=entry.origin),
        code=Code(receipt_code(receipt, entry), about),
        files=[file],
    )
