"""Where a group is appended: here while there is little to do, in a process of its own while there is much.

The way to another process and back costs a step that is alone a fifth of its time. Once steps come faster than they
are appended, they wait for the interpreter that their requests need too, and there they do not. Promises: as
`LogWriter`; a group is appended in one place, and both hold on to what the database says of the log; nobody waits for a
process that has not begun. Does not: append.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from ledger_service.store.drafts import Draft
from ledger_service.store.ledger import Outcome
from ledger_service.store.writer import Appending

MUCH = 0.5  # of the time that goes into appending: from here on it is done apart
LITTLE = 0.35  # and below this it is done here again
GROUPS = 16  # that the share is taken over, the last ones counting most


class Apart(Appending, Protocol):
    """What appends in a process of its own."""

    def ready(self) -> bool:
        """Say, without a wait, whether it would append at once."""


class LogByLoad:
    """Chooses for each group. For one thread."""

    def __init__(
        self, here: Appending, apart: Apart, *, much: float = MUCH, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with little to do.

        Args:
            here: Appends in this process; closed by `apart`.
            apart: Appends in one of its own.
            much: The share of time from which on that is used; 0: always, whoever waits for its beginning.
            clock: Seconds that only grow.
        """
        self._here, self._apart = here, apart
        self._much = much
        self._always = much <= 0
        self._clock = clock
        self._share = 0.0
        self._busy = False
        self._ended = clock()

    def append_group(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """Append the drafts, in their order; as `LogWriter.append_group`.

        Raises:
            GateClosedError: The high-water mark contradicts this database; nothing more may be written.
            StoreError: The other process cannot be started.
        """
        began = self._clock()
        try:
            apart = self._always or (self._busy and self._apart.ready())
            return (self._apart if apart else self._here).append_group(drafts)
        finally:
            self._count(began, self._clock())

    def close(self) -> None:
        """End both."""
        self._apart.close()

    def _count(self, began: float, ended: float) -> None:
        since, self._ended = ended - self._ended, ended
        taken = (ended - began) / since if since > 0 else 1.0
        self._share += (taken - self._share) / GROUPS
        if self._share >= self._much:
            self._busy = True
        elif self._share < LITTLE:
            self._busy = False
