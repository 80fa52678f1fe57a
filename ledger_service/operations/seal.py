"""Seal the log: the entry that ends each anchored head, holds the case index, and quotes the newest final anchor.

The root of the case index commits the ledger to how many entries each case had before the seal. The block of the quoted
anchor could not be known before it existed, so whatever follows the seal was recorded after it (design §4).
Promises: called under the write lock, in whose commit the index stands. Does not: append.
"""

from __future__ import annotations

from collections.abc import Callable

from ledger_service.core.log_entry import SealEntry
from ledger_service.store.drafts import WriteView


def make_seal(origin: str) -> Callable[[WriteView, str], SealEntry]:
    """Return what the writer calls to make a seal of the log `origin`."""

    def make(view: WriteView, recorded_at: str) -> SealEntry:
        return SealEntry(
            origin=origin, recorded_at=recorded_at, case_index=view.case_index(), after=view.newest_final_anchor
        )

    return make
