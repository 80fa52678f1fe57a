"""How the service is doing, for whoever runs it: room to write, anchoring, keys, webhooks that hear nothing.

Promises: read from the database and the disk alone; no secret and no name of a caller's return is among it. Does not:
change anything, or ask a chain.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from ledger_service.errors import StorageFullError
from ledger_service.operations.anchor_state import TargetState, anchoring
from ledger_service.operations.ledger import Ledger
from ledger_service.store.credentials import StoredCredential
from ledger_service.store.webhooks import StoredDelivery

SHOWN = 100  # rows of a list; the API and the command line list all


@dataclass(frozen=True, slots=True)
class Health:
    """The service now.

    `waiting`: steps that wait for the writer of this process, None where it only reads. `free_bytes`, `wanted_bytes`:
    of the disk, and below which nothing is recorded. `keys`: those that count or have ended, no links and no sessions.
    `disabled`: webhooks that are used no more; `failed`: the newest notices that were given up.
    """

    size: int
    waiting: int | None
    free_bytes: int
    wanted_bytes: int
    has_room: bool
    promise_seconds: int
    targets: tuple[TargetState, ...]
    keys: tuple[StoredCredential, ...]
    disabled: int
    undelivered: int
    failed: tuple[StoredDelivery, ...]


def look(ledger: Ledger) -> Health:
    """Return how a ledger that was founded is doing."""
    try:
        ledger.require_space()
        room = True
    except StorageFullError:
        room = False
    return Health(
        size=ledger.read.size(),
        waiting=None if ledger.writer is None else ledger.writer.waiting,
        free_bytes=shutil.disk_usage(ledger.mark.path.parent).free,
        wanted_bytes=ledger.free_bytes_min,
        has_room=room,
        promise_seconds=ledger.promise_seconds,
        targets=tuple(anchoring(ledger)),
        keys=tuple(ledger.credentials.keys(limit=SHOWN)),
        disabled=sum(one.disabled_at is not None for one in ledger.webhooks.all()),
        undelivered=ledger.webhooks.waiting(),
        failed=tuple(ledger.webhooks.failed(limit=SHOWN)),
    )
