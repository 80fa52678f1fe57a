"""Appends through the whole write path against raw inserts: how much of SQLite's own speed the ledger keeps.

Ours: 32 threads, each blocking on `Writer.append` of one prepared draft (fresh cases and steps after them), with every
table, tree node, signature, idempotency row and the high-water mark file. Baseline: one thread that inserts the same
entry bytes into one table with plain sqlite3, 100 rows a commit, WAL and `synchronous=FULL` alike. Rounds alternate,
each on fresh files in one folder; the ratio of a round compares neighbours in time, because a disk's fsync rate moves.
"""

from __future__ import annotations

import gc
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ledger_service.core.entry import encode_entry
from ledger_service.core.returns import Case, decide, evolve
from ledger_service.store.drafts import CaseDraft
from ledger_service.store.engine import open_store
from ledger_service.store.mark import HighWaterMark
from ledger_service.store.writer import Writer
from tests.store import drafts

THREADS = 32
STEPS = 4  # entries of one case: the request and three steps after it
ROUNDS = 7
ENTRIES = 16_384  # a round's entries: half a second to some seconds, long enough for many checkpoints of the WAL
ENTRIES_SHORT = 2_048
ROWS_A_COMMIT = 100
NOW = "2026-11-03T12:00:00.000Z"


def measure(short: bool) -> dict[str, Any]:
    """Return figures and ratios of appending; `short` takes fewer entries and rounds."""
    work = prepare(ENTRIES_SHORT if short else ENTRIES)
    rows = encode(work)
    gc.collect()
    gc.freeze()  # what was prepared is not the collector's business while rounds are measured
    gc.collect()
    gc.freeze()  # the prepared drafts are the harness's: a collector that walks them would measure the harness
    ours, raw, ratios, group_sizes = [], [], [], []
    for _ in range(3 if short else ROUNDS):
        with tempfile.TemporaryDirectory(prefix="ledger-bench-") as folder:
            raw.append(len(rows) / insert_raw(Path(folder) / "raw.db", rows))
            seconds, commits = append_ours(Path(folder), work)
            ours.append(len(rows) / seconds)
            group_sizes.append(len(rows) / commits)
            ratios.append(ours[-1] / raw[-1])
    gc.unfreeze()
    return {
        "figures": {
            "entries_per_second": round(statistics.median(ours)),
            "raw_rows_per_second": round(statistics.median(raw)),
            "entries_per_commit": round(statistics.median(group_sizes), 1),
            "entry_bytes": round(statistics.mean(map(len, rows))),
            "threads": THREADS,
            "entries_per_round": len(rows),
            "rounds": len(ratios),
        },
        "ratios": {"vs_raw_sqlite_100": round(statistics.median(ratios), 4)},
    }


def prepare(count: int) -> list[list[CaseDraft]]:
    """Return for each thread its drafts, in order; cases belong to one thread."""
    work = []
    for thread in range(THREADS):
        mine: list[CaseDraft] = []
        for case in range(count // THREADS // STEPS):
            name = (thread, case)
            mine.append(drafts.request(name, key=f"{thread}/{case}"))
            mine += [drafts.step(name, n, key=f"{thread}/{case}/{n}") for n in range(1, STEPS)]
        work.append(mine)
    return work


def encode(work: Sequence[Sequence[CaseDraft]]) -> list[bytes]:
    """Return the entry bytes that the drafts give, for the raw baseline."""
    encoded = []
    for mine in work:
        case: Case | None = None
        for draft in mine:
            previous = case if case is not None and case.return_id == draft.command.return_id else None
            entry = decide(previous, replace(draft.command, recorded_at=NOW))
            encoded.append(encode_entry(entry))
            case = evolve(previous, entry, encoded=encoded[-1])
    return encoded


def insert_raw(path: Path, rows: Sequence[bytes]) -> float:
    """Insert the rows into one plain table, 100 a commit; return the seconds it took."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE entries (idx INTEGER PRIMARY KEY, entry BLOB NOT NULL)")
        started = time.perf_counter()
        for start in range(0, len(rows), ROWS_A_COMMIT):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO entries (idx, entry) VALUES (?, ?)",
                [(start + n, row) for n, row in enumerate(rows[start : start + ROWS_A_COMMIT])],
            )
            connection.execute("COMMIT")
        return time.perf_counter() - started


def append_ours(folder: Path, work: Sequence[Sequence[CaseDraft]]) -> tuple[float, int]:
    """Append every thread's drafts, each waiting for its answer; return the seconds and the number of commits."""
    mark = HighWaterMark(folder / "mark")
    mark.create()
    commits = 0

    def before_answer(note: bytes, size: int, root: bytes) -> None:
        nonlocal commits
        commits += 1
        mark.advance(note, size, root)

    store = open_store(f"sqlite:///{folder / 'ledger.db'}", create=True)
    with (
        store,
        mark,
        Writer(store, sign=drafts.sign, clock=lambda: datetime.now(UTC), before_answer=before_answer) as writer,
    ):
        writer.append(drafts.genesis())
        commits = 0
        barrier = threading.Barrier(THREADS + 1)
        failures: list[BaseException] = []

        def client(mine: Sequence[CaseDraft]) -> None:
            barrier.wait()
            try:
                for draft in mine:
                    writer.append(draft)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=client, args=(mine,)) for mine in work]
        for thread in threads:
            thread.start()
        barrier.wait()
        started = time.perf_counter()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - started
    if failures:
        raise failures[0]
    return seconds, commits
