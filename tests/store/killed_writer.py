"""The process that the campaign `kill_writer` kills: sixteen clients append, and say over a pipe what was answered.

Run as `python -m tests.store.killed_writer URL MARK CYCLE PLANTED KEY…`. Each line on standard output is one write:
`try KEY` before a client asks, `ack KEY INDEX LEAF` after it was answered. The keys given are those of the last
life that were tried and not answered: they are tried again first.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RootTransaction

from ledger_service.errors import LedgerError
from ledger_service.store.drafts import CaseDraft
from ledger_service.store.engine import open_store
from ledger_service.store.ledger import LogWriter, Outcome
from ledger_service.store.mark import HighWaterMark
from ledger_service.store.writer import Writer
from tests.store import drafts

CLIENTS = 16
STEPS = 5  # entries of one case


class HastyLog(LogWriter):
    """Planted bug: answers before COMMIT."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type] # whatever the real one takes
        self.ready: list[Outcome] = []
        self.slots: Sequence[object] = ()

    def _answer(self, *arguments: Any) -> Outcome:
        answer = super()._answer(*arguments)
        self.ready.append(answer)
        return answer

    def _commit(self, connection: Connection, transaction: RootTransaction) -> None:
        for slot, answer in zip(self.slots, self.ready, strict=False):
            slot.resolve(answer)  # type: ignore[attr-defined] # the writer's private slot
        self.ready.clear()
        time.sleep(0.02)  # what a slow disk takes: the window that the kill must hit
        super()._commit(connection, transaction)


class HastyWriter(Writer):
    """Planted bug: callers are answered by `HastyLog`."""

    def make_log(self, store: object, rules: object) -> LogWriter:
        return HastyLog(store, rules)

    def _append(self, group: Sequence[tuple[object, object]]) -> None:
        assert isinstance(self._log, HastyLog)
        self._log.ready.clear()
        self._log.slots = [slot for _, slot in group]
        outcomes = self._log.append_group([draft for draft, _ in group])  # type: ignore[misc] # drafts
        for (_, slot), outcome in zip(group, outcomes, strict=True):
            if not slot.done():  # type: ignore[attr-defined] # the writer's private slot
                slot.resolve(outcome)  # type: ignore[attr-defined]


def draft_of(key: str) -> CaseDraft:
    """Return the draft that a key stands for: `cycle/client/case/number`; the key names the request."""
    name, _, number = key.rpartition("/")
    return drafts.request(name, key=key) if number == "0" else drafts.step(name, int(number), key=key)


def say(line: str) -> None:
    """Write one line at once; a line below 4 KiB is never torn in a pipe."""
    os.write(1, (line + "\n").encode())


def ask(writer: Writer, key: str) -> None:
    """Try a key and say what was answered."""
    say(f"try {key}")
    answer = writer.append(draft_of(key))
    say(f"ack {key} {answer.index} {answer.leaf_hash.hex()}")


def client(writer: Writer, cycle: str, number: int) -> None:
    """Append case after case until killed; a database that is gone ends it."""
    case = 0
    try:
        while True:
            for step in range(STEPS):
                ask(writer, f"{cycle}/{number}/{case}/{step}")
            case += 1
    except LedgerError as error:
        say(f"end {type(error).__name__}")


def main(arguments: Sequence[str]) -> None:
    """Open the ledger, found it if it is new, retry what is unanswered, then append until killed."""
    url, mark_path, cycle, planted, *unanswered = arguments
    mark = HighWaterMark(Path(mark_path))
    if mark.read() is None:
        mark.create()
    kind = HastyWriter if planted == "planted" else Writer
    writer = kind(
        open_store(url, create=True), sign=drafts.sign, clock=lambda: datetime.now(UTC), before_answer=mark.advance
    )
    if cycle == "0":
        writer.append(drafts.genesis())
    for key in unanswered:
        ask(writer, key)
    threads = [threading.Thread(target=client, args=(writer, cycle, number)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1:])
