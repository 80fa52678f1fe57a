"""Kill -9 a writer under sixteen clients, again and again: no acknowledged entry is lost or doubled.

After each kill the database is opened again and everything is derived anew from the entries' bytes: each
acknowledged entry stands at its index with its leaf hash exactly once, no index is missing, nodes and signed
checkpoints are those of the entries, the cases are their replay, and the high-water mark is not ahead. What was tried
and not answered is tried again in the next life, under the same idempotency key. On PostgreSQL some cycles kill the
server instead, with all its processes.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger_service.store.engine import open_store
from ledger_service.store.mark import HighWaterMark
from ledger_service.store.schema import upgrade
from tests.postgres import PostgresServer, postgres_binaries
from tests.store.rederive import Acknowledged, check

ROOT = Path(__file__).resolve().parents[2]
SQLITE_CYCLES = 100
POSTGRES_CYCLES = 20
CRASH_EVERY = 4  # on PostgreSQL, each fourth cycle kills the server instead of the writer
CYCLES_A_DATABASE = 10  # so that deriving everything anew stays a matter of seconds
ALIVE_SECONDS_MAX = 0.6  # from the first answer to the kill
START_SECONDS_MAX = 60.0


@dataclass(slots=True)
class History:
    """What the clients were told, over all lives of one database."""

    answers: dict[str, Acknowledged] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)
    retried: int = 0

    def tell(self, line: str) -> None:
        """Take in one line of the writer."""
        word, *rest = line.split()
        if word == "try" and rest[0] not in self.unanswered:
            self.unanswered.append(rest[0])
        elif word == "ack":
            key, answer = rest[0], Acknowledged(int(rest[1]), bytes.fromhex(rest[2]))
            assert self.answers.get(key, answer) == answer, f"the key {key} was answered twice, differently"
            self.answers[key] = answer
            self.unanswered.remove(key)


def run(short: bool, seed: int, database_url: str | None = None) -> dict[str, object]:
    """Run the campaign; return what it counted.

    Args:
        short: A few cycles, for the test suite.
        seed: Where the kills fall.
        database_url: Run all cycles on this migrated, empty PostgreSQL database, killing only the writer.

    Raises:
        AssertionError: A promise was broken.
    """
    chance = random.Random(seed)
    if database_url is not None:
        with tempfile.TemporaryDirectory(prefix="ledger-kill-") as folder:
            cycles = 2 if short else POSTGRES_CYCLES
            return run_cycles(lambda: database_url, Path(folder), cycles=cycles, chance=chance, fresh_every=cycles)
    counted: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="ledger-kill-") as folder:
        databases = iter(range(SQLITE_CYCLES))
        counted["sqlite"] = run_cycles(
            lambda: f"sqlite:///{Path(folder) / f'ledger-{next(databases)}.db'}",
            Path(folder),
            cycles=3 if short else SQLITE_CYCLES,
            chance=chance,
        )
    binaries = postgres_binaries()
    if binaries is not None:
        server = PostgresServer(binaries)
        try:
            counted["postgresql"] = _run_postgresql(server, cycles=3 if short else POSTGRES_CYCLES, chance=chance)
        finally:
            server.close()
    return counted


def _run_postgresql(server: PostgresServer, *, cycles: int, chance: random.Random) -> dict[str, object]:
    def fresh() -> str:
        database = server.create_database()
        upgrade(database.owner_url, application_role=database.application_role)
        return database.application_url

    with tempfile.TemporaryDirectory(prefix="ledger-kill-") as folder:
        return run_cycles(fresh, Path(folder), cycles=cycles, chance=chance, server=server)


def run_cycles(
    fresh_url: Callable[[], str],
    folder: Path,
    *,
    cycles: int,
    chance: random.Random,
    planted: bool = False,
    server: PostgresServer | None = None,
    fresh_every: int = CYCLES_A_DATABASE,
) -> dict[str, Any]:
    """Kill and check, `cycles` times; each `fresh_every` cycles take a new database from `fresh_url`.

    Raises:
        AssertionError: A promise was broken; the message names the cycle.
    """
    counts = {"cycles": 0, "server_crashes": 0, "acknowledged": 0, "retried": 0, "largest_database": 0}
    history, url, mark_path = History(), "", folder / "mark"
    for cycle in range(cycles):
        life = cycle % fresh_every
        if life == 0:
            history, url, mark_path = History(), fresh_url(), folder / f"mark-{cycle}"
        crash = server is not None and cycle % CRASH_EVERY == CRASH_EVERY - 2
        before = len(history.answers)
        counts["retried"] += len(history.unanswered)
        _live_and_die(history, [url, str(mark_path), str(life), "planted" if planted else "sound"],
                      alive=chance.uniform(0.0, ALIVE_SECONDS_MAX), server=server if crash else None)  # fmt: skip
        with open_store(url) as store:
            try:
                size = check(store, acknowledged=history.answers.values(), mark=HighWaterMark(mark_path).read())
            except AssertionError as error:
                raise AssertionError(f"cycle {cycle}: {error}") from error
        counts["cycles"] += 1
        counts["server_crashes"] += crash
        counts["acknowledged"] += len(history.answers) - before
        counts["largest_database"] = max(counts["largest_database"], size)
        sys.stderr.write(f"kill_writer: cycle {cycle + 1} of {cycles}, {counts['acknowledged']} acknowledged\n")
    return counts


def _live_and_die(history: History, arguments: list[str], *, alive: float, server: PostgresServer | None) -> None:
    """Start the writer, kill it (or the server under it) some time after its first answer, take in what it said."""
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.store.killed_writer", *arguments, *history.unanswered],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    answered = threading.Event()
    broken: list[AssertionError] = []

    def listen() -> None:
        assert writer.stdout is not None
        for line in writer.stdout:
            if line.endswith(b"\n"):  # a line cut short by the kill was never said
                try:
                    history.tell(line.decode())
                except AssertionError as error:
                    broken.append(error)
            if line.startswith(b"ack"):
                answered.set()

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        assert answered.wait(START_SECONDS_MAX), "the writer answered nobody"
        time.sleep(alive)  # the moment of the kill is what the campaign varies
        if server is not None:
            server.crash()
    finally:
        writer.kill()
        writer.wait()
        listener.join()
        assert writer.stdout is not None
        writer.stdout.close()
        if server is not None:
            server.restart()
    if broken:
        raise broken[0]
