"""A process that appends for another one, over the socket that it inherits.

Run as `python -m tests.store.appending_child DESCRIPTOR URL HOW`. `HOW`: `well`; `gone` ends before it serves; `dies1`
and `dies2` end at their first or second group after the commit, unanswered; `closed` finds that the mark contradicts
the database.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence

from ledger_service.errors import GateClosedError
from ledger_service.store.drafts import Draft
from ledger_service.store.engine import open_store
from ledger_service.store.ledger import LogWriter, Outcome
from ledger_service.store.log_process import serve_log
from ledger_service.store.rules import Rules
from tests.store import drafts


class _Dying(LogWriter):
    left = 0

    def append_group(self, group: Sequence[Draft]) -> list[Outcome]:
        outcomes = super().append_group(group)
        self.left -= 1
        if not self.left:
            os._exit(9)
        return outcomes


def _refuse(note: bytes, size: int, root: bytes) -> None:
    raise GateClosedError("the mark is ahead", hint="look at it")


def main() -> None:
    """Serve until the other side closes."""
    descriptor, url, how = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    if how == "gone":
        sys.exit(3)
    mark = _refuse if how == "closed" else drafts.MarkList().advance
    rules = Rules(sign=drafts.sign, clock=drafts.SteppingClock(), before_answer=mark)
    with socket.socket(fileno=descriptor) as channel, open_store(url) as store:
        log = _Dying(store, rules)
        log.left = int(how.removeprefix("dies")) if how.startswith("dies") else 0
        serve_log(channel, log)


if __name__ == "__main__":
    main()
