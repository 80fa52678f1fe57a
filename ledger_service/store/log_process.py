"""A log that is appended to by a process of its own: what decides, signs and commits has a processor to itself.

On SQLite one process takes all requests; while its writer worked, none of them moved (one interpreter, one lock).
Promises: as `LogWriter`: an outcome is told only once it is durable and marked. Whatever happens to the process that
appends, its drafts get an outcome: the one it told, or that nobody knows it. It ends with whoever started it, and
finishes the group that it is at. Does not: append by itself, but for steps of the log, which are made of code of this
process.
"""

from __future__ import annotations

import select
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import groupby
from typing import Any

from ledger_service.errors import StoreError, UnknownOutcomeError
from ledger_service.store.carry import receive_drafts, receive_outcomes, send_drafts, send_outcomes
from ledger_service.store.connection import Database
from ledger_service.store.drafts import Appended, Draft, LogDraft
from ledger_service.store.ledger import LogWriter, Outcome
from ledger_service.store.log_by_load import MUCH, LogByLoad
from ledger_service.store.rules import Rules
from ledger_service.store.writer import Appending, Writer

STOP_SECONDS_MAX = 10.0  # for the group that it is at, and to close what it opened

Command = Callable[[int], Sequence[str]]  # from the descriptor of a socket to the command line that serves it


class LogProcess:
    """Sends groups to a process that appends them. For one thread."""

    def __init__(self, command: Command, here: LogWriter) -> None:
        """Start the process.

        Args:
            command: Its command line. It inherits the socket, and answers on it with `serve_log`.
            here: Appends the steps of the log.
        """
        self._command = command
        self._here = here
        self._child: _Child | None = _Child(command)

    def ready(self) -> bool:
        """Say, without a wait, whether the process has begun to take groups; one that ended is started again.

        Raises:
            StoreError: It ended before it began.
        """
        child = self._child = self._child or _Child(self._command)
        try:
            return child.has_begun()
        except (OSError, EOFError) as error:
            raise self._not_begun(child) from error

    def append_group(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """Append the drafts, in their order; as `LogWriter.append_group`. Waits for a process that has not begun.

        Raises:
            GateClosedError: The high-water mark contradicts this database; nothing more may be written.
            StoreError: The process cannot be started.
        """
        outcomes: list[Outcome] = []
        for made_here, part in groupby(drafts, key=lambda draft: isinstance(draft, LogDraft)):
            group = list(part)
            outcomes += self._here.append_group(group) if made_here else self._append_there(group)
        return outcomes

    def close(self) -> None:
        """Let the process finish and end."""
        self._here.close()
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _append_there(self, drafts: Sequence[Draft]) -> list[Outcome]:
        child = self._child = self._child or _Child(self._command)
        try:
            child.begin()
        except (OSError, EOFError) as error:
            raise self._not_begun(child) from error
        try:
            send_drafts(child.channel, drafts)
            return receive_outcomes(child.channel)
        except (OSError, EOFError):
            self._child = None
            lost = f"the process that appends ended with exit code {child.end()}: the entry may or may not be recorded"
            return [UnknownOutcomeError(lost, hint="retry with the same idempotency key") for _ in drafts]

    def _not_begun(self, child: _Child) -> StoreError:
        self._child = None
        return StoreError(
            f"the process that appends ended with exit code {child.end()} before it appended anything",
            hint="its last lines above say why; `rledger doctor` looks at the settings",
        )


class WriterApart(Writer):
    """A writer whose groups are appended by a process of its own while there is much to do."""

    def __init__(self, store: Database, *, command: Command, much: float = MUCH, **given: Any) -> None:
        """Start the process and the thread; `command` as `LogProcess`, `much` as `LogByLoad`, the rest as `Writer`."""
        self._command = command
        self._much = much
        super().__init__(store, **given)

    def make_log(self, store: Database, rules: Rules) -> Appending:
        """Return what chooses where a group is appended."""
        here = LogWriter(store, rules)
        return LogByLoad(here, LogProcess(self._command, here), much=self._much)


def serve_log(channel: socket.socket, log: Appending) -> None:
    """Say that it begins, and append what arrives until the other side closes or nothing more may be appended.

    Raises:
        BaseException: The error after which nothing more is appended; the other side was told.
    """
    send_outcomes(channel, ())
    while (drafts := receive_drafts(channel)) is not None:
        with _telling(channel):
            outcomes = [_proved(one) for one in log.append_group(drafts)]
        send_outcomes(channel, outcomes)


def _proved(outcome: Outcome) -> Outcome:
    """Return what was appended with its inclusion proof: shorter than the nodes of the commit, and made here."""
    if not isinstance(outcome, Appended) or outcome.nodes is None:
        return outcome
    return replace(outcome, nodes=None, inclusion=tuple(outcome.nodes.inclusion_proof(outcome.index)))


@contextmanager
def _telling(channel: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        with suppress(OSError):
            send_outcomes(channel, (), stopped=error)
        raise


class _Child:
    """A process with our end of the socket to it."""

    def __init__(self, command: Command) -> None:
        self._begun = False
        self.channel, theirs = socket.socketpair()
        with theirs:
            descriptor = theirs.fileno()
            self._process = subprocess.Popen(  # noqa: S603 - this program
                command(descriptor), stdin=subprocess.DEVNULL, pass_fds=[descriptor]
            )

    def begin(self) -> None:
        """Wait until it takes groups."""
        if not self._begun:
            receive_outcomes(self.channel)
            self._begun = True

    def has_begun(self) -> bool:
        """Say whether it takes groups."""
        if not self._begun and select.select([self.channel], [], [], 0)[0]:
            self.begin()
        return self._begun

    def end(self) -> int:
        """Close the socket, wait until it ended, and return its exit code."""
        self.channel.close()
        try:
            return self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
