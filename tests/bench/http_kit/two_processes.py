"""Two service processes on PostgreSQL beside one, with the load generator on the same cores.

Both services have the same ledger, and one of them rests while the other is measured; rounds alternate. Promises: each
round takes returns that no round took before. Does not: start a worker.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from tests.bench.http_kit import served
from tests.bench.http_kit.load import Measured, run_load
from tests.bench.http_kit.prepared import lanes, prepare
from tests.postgres import PostgresServer, postgres_binaries

NAMES = {"one_process": 1, "two_processes": 2}


def measure_processes(folder: Path, *, rounds: int, returns: int, connections: int) -> dict[str, list[Measured]]:
    """Return what one process and two did in each round.

    Args:
        folder: Made for the ledger's home.
        rounds: How many, after one that warms up.
        returns: Of a round.
        connections: That never rest.

    Raises:
        AssertionError: PostgreSQL is not installed.
    """
    binaries = postgres_binaries()
    assert binaries is not None, "this needs PostgreSQL: scripts/install --test"
    folder.mkdir()
    measured: dict[str, list[Measured]] = {name: [] for name in NAMES}
    with ExitStack() as stack:
        server = PostgresServer(binaries)
        stack.callback(server.close)
        database = server.create_database()
        settings = {
            "LEDGER_DATABASE_URL": database.application_url,
            "LEDGER_MIGRATION_DATABASE_URL": database.owner_url,
            "LEDGER_APPLICATION_ROLE": database.application_role,
        }
        prepared = prepare(folder, returns=(rounds + 1) * len(NAMES) * returns, database=settings)
        ports = {
            name: stack.enter_context(served.ledger(prepared.environment, processes=count))
            for name, count in NAMES.items()
        }
        for turn in range((rounds + 1) * len(NAMES)):
            name = tuple(NAMES)[turn % len(NAMES)]
            chosen = prepared.return_ids[turn * returns : (turn + 1) * returns]
            done = run_load([ports[name]], lanes(prepared, chosen, connections=connections))
            if turn >= len(NAMES):
                measured[name].append(done)
    return measured
