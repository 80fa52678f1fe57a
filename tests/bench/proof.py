"""Proofs out of SQLite at one million entries: how long a reader waits, and how near that is to the read itself.

All nodes are stored in our own table, made by a bulk load through our guards. A proof is asked for as users ask: by
`LedgerReader.inclusion_proof` and `consistency_proof`. The baseline reads the same node ids by one plain sqlite3
query on a connection with the same settings, without our code, and folds nothing.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger_service.core.merkle import (
    Frontier,
    Node,
    nodes_for_inclusion,
    stored_count,
    stored_id,
    verify_consistency,
    verify_inclusion,
)
from ledger_service.store.engine import open_store
from ledger_service.store.read import LedgerReader

SIZE = 1_000_000
SIZE_SHORT = 100_000
QUERIES = 1_000  # proofs of one round
QUERIES_SHORT = 200
ROUNDS = 5
CHUNK = 10_000


def measure(short: bool) -> dict[str, Any]:
    """Return median times in milliseconds; `short` takes a smaller tree (its names say so)."""
    size, queries = (SIZE_SHORT, QUERIES_SHORT) if short else (SIZE, QUERIES)
    label = "100k" if short else "1m"
    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as folder:
        url = f"sqlite:///{Path(folder) / 'ledger.db'}"
        started = time.perf_counter()
        with open_store(url, create=True) as store, closing(_plain(Path(folder) / "ledger.db")) as plain:
            root = load(plain, size)
            loaded = time.perf_counter() - started
            read = LedgerReader(store)
            require_right(read, size, root)
            chance = random.Random(size)
            rounds: dict[str, list[float]] = {"inclusion": [], "consistency": [], "raw": [], "ratio": []}
            for _ in range(ROUNDS):
                indexes = [chance.randrange(size) for _ in range(queries)]
                olds = [chance.randrange(1, size) for _ in range(queries)]
                wanted = [nodes_for_inclusion(index, size) for index in indexes]
                rounds["raw"].append(timed(lambda nodes: read_plain(plain, nodes), wanted))
                rounds["inclusion"].append(timed(lambda index: read.inclusion_proof(index, size), indexes))
                rounds["consistency"].append(timed(lambda old: read.consistency_proof(old, size), olds))
                rounds["ratio"].append(rounds["inclusion"][-1] / rounds["raw"][-1])
    return {
        "figures": {
            f"inclusion_ms_{label}": round(statistics.median(rounds["inclusion"]), 4),
            f"consistency_ms_{label}": round(statistics.median(rounds["consistency"]), 4),
            f"raw_read_ms_{label}": round(statistics.median(rounds["raw"]), 4),
            "nodes": stored_count(size),
            "load_seconds": round(loaded, 1),
            "proofs_per_round": queries,
            "rounds": ROUNDS,
        },
        "ratios": {"inclusion_vs_raw_read": round(statistics.median(rounds["ratio"]), 3)},
    }


def load(connection: sqlite3.Connection, size: int) -> bytes:
    """Store every node of a tree of `size` made-up leaves, through the guards; return the root."""
    frontier = Frontier.empty()
    number = 0
    for first in range(0, size, CHUNK):
        rows: list[tuple[int, bytes]] = []
        for index in range(first, min(first + CHUNK, size)):
            for value in frontier.append(sha256(index.to_bytes(8, "big")).digest()):
                rows.append((number, value))
                number += 1
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO nodes (id, hash) VALUES (?, ?)", rows)
        connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return frontier.root()


def require_right(read: LedgerReader, size: int, root: bytes) -> None:
    """Verify some of the proofs that are about to be timed: a fast wrong proof is worth nothing."""
    for index in (0, 1, size // 3, size - 1):
        leaf = sha256(index.to_bytes(8, "big")).digest()
        verify_inclusion(leaf, index, size, read.inclusion_proof(index, size), root)
        older = index + 1
        verify_consistency(older, size, read.consistency_proof(older, size), read.root(older), root)


def timed(act: Callable[[Any], object], arguments: Sequence[Any]) -> float:
    """Return the median milliseconds of one call."""
    times = []
    for argument in arguments:
        started = time.perf_counter_ns()
        act(argument)
        times.append(time.perf_counter_ns() - started)
    return statistics.median(times) / 1e6


def read_plain(connection: sqlite3.Connection, nodes: Sequence[Node]) -> list[Any]:
    """Read the nodes' hashes by one query."""
    ids = [stored_id(level, position) for level, position in nodes]
    return connection.execute(f"SELECT id, hash FROM nodes WHERE id IN ({','.join('?' * len(ids))})", ids).fetchall()


def _plain(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=FULL")
    return connection
