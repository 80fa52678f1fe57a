"""The case index of a large ledger: bringing it up to date, proving a case, and what appends beside it lose.

A real SQLite file with `CASES` cases, appended through the write path, and its whole index built once. Then 1,000 cases
move and the index follows, outside of the write lock (`catch_up`, as the worker calls it); a case is proved and the
proof checked; and appends are measured beside a process that brings the index up to date every second, and alone before
and after.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from ledger_service.core.case_index import key_of, parse_value, prove, read_proof
from ledger_service.store import case_index
from ledger_service.store.engine import Store, open_store
from ledger_service.store.ledger import LogWriter
from ledger_service.store.rules import Rules
from ledger_service.store.schema import upgrade
from tests.store import drafts

CASES = 1_000_000
CASES_SHORT = 20_000
MOVED = 1_000
GROUP = 250
PROOFS = 200
APPENDS = 5_000
ROUNDS = 5
_BESIDE = """
import sys, time
from ledger_service.store import case_index
from ledger_service.store.engine import open_store
store = open_store(sys.argv[1])
print("ready", flush=True)
while True:
    case_index.catch_up(store)
    time.sleep(1)  # a worker looks every five seconds
"""


def measure(short: bool) -> dict[str, Any]:
    """Return figures of the index and the ratio of appends beside it."""
    count = CASES_SHORT if short else CASES
    rounds = 3 if short else ROUNDS
    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as place:
        url = f"sqlite:///{Path(place) / 'ledger.db'}"
        upgrade(url)
        store = open_store(url)
        log = writer(store)
        log.append_group([drafts.genesis()])
        for start in range(0, count, GROUP):
            log.append_group([drafts.request(n) for n in range(start, start + GROUP)])
        built = seconds(partial(case_index.catch_up, store))
        draw, numbers = random.Random(7), dict.fromkeys(range(count), 1)
        updates = []
        for _ in range(rounds):
            move(log, draw.sample(range(count), MOVED), numbers)
            updates.append(seconds(partial(case_index.catch_up, store)))
        proving, checking = proofs(store, draw.sample(range(count), PROOFS))
        ratios = [appends_beside(url, log, count, numbers, draw) for _ in range(rounds)]
        log.close()
        store.close()
    return {
        "figures": {
            "cases": count,
            "moved": MOVED,
            "build_seconds": round(built, 2),
            "update_seconds": round(statistics.median(updates), 3),
            "prove_ms": round(statistics.median(proving) * 1000, 3),
            "check_ms": round(statistics.median(checking) * 1000, 3),
            "rounds": rounds,
        },
        "ratios": {"appends_beside_the_index": round(statistics.median(ratios), 3)},
    }


def writer(store: Store) -> LogWriter:
    """Return what appends to the store."""
    rules = Rules(sign=drafts.sign, clock=drafts.SteppingClock(), before_answer=drafts.MarkList().advance)
    return LogWriter(store, rules)


def seconds(work: partial[Any]) -> float:
    """Return how long something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def move(log: LogWriter, cases: list[int], numbers: dict[int, int]) -> None:
    """Append a step to each of these cases."""
    for start in range(0, len(cases), GROUP):
        group = cases[start : start + GROUP]
        outcomes = log.append_group([drafts.step(case, numbers[case]) for case in group])
        assert not [one for one in outcomes if isinstance(one, Exception)]
        for case in group:
            numbers[case] += 1


def proofs(store: Store, cases: list[int]) -> tuple[list[float], list[float]]:
    """Return the seconds that proving and checking each of these cases takes."""
    size = int(store.rows("SELECT MAX(size) FROM case_index_roots")[0][0])
    root = case_index.root_at(store, size)
    assert root is not None
    proving, checking = [], []
    for case in cases:
        return_id = drafts.return_id(case)
        (opened, counted) = store.rows("SELECT opened_at, count FROM cases WHERE return_id = ?", return_id)[0]
        key = key_of(return_id, buyer_country="DE", seller_country="CN", opened_at=opened)
        started = time.perf_counter()
        nodes = prove(root.hash, key.hex(), case_index.nodes_of(store, root))
        between = time.perf_counter()
        shown = read_proof(root.hash, key.hex(), nodes)
        checking.append(time.perf_counter() - between)
        proving.append(between - started)
        assert parse_value(shown[key]).count == counted
    return proving, checking


def appends_beside(url: str, log: LogWriter, count: int, numbers: dict[int, int], draw: random.Random) -> float:
    """Return the rate of appends beside a process that keeps the index, over the better rate alone: before or after."""
    work = min(APPENDS, count // 2)
    alone = [seconds(partial(move, log, draw.sample(range(count), work), numbers))]
    with subprocess.Popen([sys.executable, "-c", _BESIDE, url], stdout=subprocess.PIPE) as beside:
        assert beside.stdout is not None
        assert beside.stdout.readline() == b"ready\n"
        try:
            together = seconds(partial(move, log, draw.sample(range(count), work), numbers))
        finally:
            beside.kill()
    alone.append(seconds(partial(move, log, draw.sample(range(count), work), numbers)))
    return min(alone) / together
