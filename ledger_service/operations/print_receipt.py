"""Print the receipt of a step as PDF, with the receipt itself inside, as its reader may see it.

Promises: what is printed is the receipt that is attached, and the deadlines of its case as of now. Does not: open a
case for somebody (`access.py`), or print entries of no case: nobody acts on them.
"""

from __future__ import annotations

from ledger_service.core.entry import CaseEntry, parse_entry
from ledger_service.core.pages.language import Language
from ledger_service.core.receipt import Receipt
from ledger_service.documents.printed import receipt_pdf
from ledger_service.errors import UnknownEntryError
from ledger_service.operations.disclosing import visible_names
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal
from ledger_service.operations.prove import prove
from ledger_service.operations.show import timeline


def print_own_receipt(ledger: Ledger, principal: Principal, index: int, language: Language) -> bytes:
    """Return the PDF of the receipt of an entry that the principal may see, with the values that they may be shown.

    Raises:
        UnknownEntryError: It is of no case.
        DocumentError: It could not be set.
    """
    entry = parse_entry(ledger.read.entry(index).encoded)
    shown = visible_names(ledger, index, entry, principal) if isinstance(entry, CaseEntry) else frozenset()
    return print_receipt(ledger, prove(ledger, index, show=shown), language, reader=principal)


def print_receipt(ledger: Ledger, receipt: Receipt, language: Language, *, reader: Principal | None = None) -> bytes:
    """Return the PDF of a receipt that was made; of its case nothing is shown but state and deadlines.

    Args:
        ledger: Opened to read or to write.
        receipt: What it shows is what is printed.
        language: Of the page.
        reader: Whose eyes the deadlines are for; None: the operator.

    Raises:
        UnknownEntryError: It is of no case.
        DocumentError: It could not be set.
    """
    entry = parse_entry(receipt.entry)
    if not isinstance(entry, CaseEntry):
        raise UnknownEntryError(
            f"entry {receipt.index} is of no return, and a step of one is what is printed", hint="take its receipt file"
        )
    return receipt_pdf(receipt, entry, timeline(ledger, entry.return_id, reader=reader), language)
