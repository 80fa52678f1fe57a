"""What a writer is given by whoever opens it: signing, the time, the high-water mark, and when seals are due.

Does not: hold a key or read a setting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ledger_service.core.checkpoint import Checkpoint
from ledger_service.core.log_entry import SealEntry
from ledger_service.errors import SettingsError
from ledger_service.store.drafts import WriteView


@dataclass(frozen=True, slots=True)
class Rules:
    """What the writer is given: how to sign a tree head, the time, the mark to advance, and when seals are due.

    `sign` returns the signed note of a checkpoint. `before_answer` gets (note, size, root) after each commit and
    returns once that is durable. `seal_every`: most entries from one seal to the next; `make_seal` makes one.
    """

    sign: Callable[[Checkpoint], bytes]
    clock: Callable[[], datetime]
    before_answer: Callable[[bytes, int, bytes], None]
    seal_every: int | None = None
    make_seal: Callable[[WriteView, str], SealEntry] | None = None

    def __post_init__(self) -> None:
        if self.seal_every is not None and (self.seal_every < 2 or self.make_seal is None):
            raise SettingsError("seal_every is at least 2 and needs make_seal")
