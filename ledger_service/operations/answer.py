"""The receipt that a caller gets at once: of a new entry, to the checkpoint of its own commit.

Promises: the same for the first answer and for every repetition of it, whatever was anchored since. Does not: look at
anchors; a receipt fetched later has grown (`prove.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger_service.core.disclosure import Disclosure, Record
from ledger_service.core.entry import CaseEntry
from ledger_service.core.receipt import Receipt
from ledger_service.operations.disclosing import unrestricted_names
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove import key_changes, records_of
from ledger_service.store.drafts import Appended


def receipt_of(ledger: Ledger, appended: Appended, disclosures: Sequence[Disclosure] | None = None) -> Receipt:
    """Return the receipt of an entry that was appended or replayed; whoever recorded it is shown all of it.

    Args:
        ledger: Where it stands.
        appended: The entry.
        disclosures: Its values in the order of its commitments, where they are at hand; None: they are read.
    """
    erased: list[str] = []
    if disclosures is not None:
        records = tuple(Record(one.name, one) for one in disclosures)
    else:
        entry = appended.entry
        # A retry by whoever recorded it shows what the first answer showed, but for what is restricted since then.
        show = unrestricted_names(ledger, appended.index, entry) if isinstance(entry, CaseEntry) else None
        records, erased = records_of(ledger, appended.index, entry, show)
    unprotected: dict[str, Any] = {"state": "checkpointed"}
    if erased:
        unprotected["erased"] = erased
    return Receipt(
        entry=appended.encoded,
        index=appended.index,
        records=records,
        inclusion=tuple(_inclusion_proof(ledger, appended)),
        checkpoint=appended.checkpoint,
        anchors=(),
        key_changes=key_changes(ledger, appended.checkpoint, appended.size),
        unprotected=unprotected,
    )


def _inclusion_proof(ledger: Ledger, appended: Appended) -> Sequence[bytes]:
    at_hand = appended.inclusion_proof()
    return ledger.read.inclusion_proof(appended.index, appended.size) if at_hand is None else at_hand
