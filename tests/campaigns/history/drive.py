"""Sixty-four clients against two `rledger serve` processes on one PostgreSQL, with kills: the driver.

Promises: the ledger, the database, the node and the processes are real; what was written down is checked against the
rows as they lie in the database at the end. The kills fall where the seed says, counted in requests.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ledger_service.chain.embedded import open_embedded
from ledger_service.core.entry import CaseEntry, Kind, Role, parse_entry
from ledger_service.operations.credentials import issue_key
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import ACTS_FOR_ALL, SCOPES_OF
from ledger_service.operations.record import Step, record
from ledger_service.store.read import LedgerReader
from tests.campaigns.history.check import Violation, check
from tests.campaigns.history.clients import ATTEMPTS_MAX, ATTEMPTS_PLANTED_MAX, CLIENTS, Clients, OpenCase
from tests.campaigns.history.notes import Logged, Outcome, Read
from tests.campaigns.history.servers import COUNT, Servers
from tests.chain.fake_node import FakeNode
from tests.operations.conftest import make_world
from tests.operations.world import BUYER, PLATFORM, SELLER, World, open_case, photo, registry
from tests.postgres import PostgresDatabase, PostgresServer, postgres_binaries

OPERATIONS, OPERATIONS_SHORT = 20_000, 600
KILL_EVERY, KILL_EVERY_SHORT = 500, 150  # requests between two kills, on the average
CASES = 24  # fewer than clients: several of them speak about one case at once
MAX_GROWTH = 500  # entries in one anchor at most: a seal comes at every 250th, and with each anchor


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run came to: counts for people, and what is wrong."""

    counts: dict[str, Any]
    violations: list[Violation]
    faults: list[str]
    stopped: bool
    said: str  # by the processes, at the end


def run(short: bool, seed: int) -> dict[str, Any]:
    """Run the campaign; return what it counted.

    Raises:
        AssertionError: The history is none of a sound ledger, or PostgreSQL is not installed.
    """
    binaries = postgres_binaries()
    assert binaries is not None, "this campaign needs PostgreSQL: scripts/install --test"
    server = PostgresServer(binaries)
    try:
        ran = run_once(
            server.create_database(),
            operations=OPERATIONS_SHORT if short else OPERATIONS,
            kill_every=KILL_EVERY_SHORT if short else KILL_EVERY,
            seed=seed,
        )
    finally:
        server.close()
    require_sound(ran)
    return ran.counts


def require_sound(ran: Ran) -> None:
    """Raise AssertionError unless nothing is wrong with a run."""
    assert not ran.violations, "\n".join(f"rule {one.rule}: {one.said}" for one in ran.violations[:20])
    assert not ran.faults, f"{', '.join(ran.faults[:20])}\n{ran.said}"
    assert not ran.stopped, f"a process stopped writing\n{ran.said}"


def run_once(
    database: PostgresDatabase,
    *,
    operations: int,
    kill_every: int | None,
    seed: int,
    fault: str = "",
    prepare: Callable[[PostgresDatabase], None] = lambda _: None,
) -> Ran:
    """Found a ledger on an empty database, let clients and kills loose on it, and check what they wrote down.

    Args:
        database: Empty.
        operations: How many requests the clients make.
        kill_every: Requests between two kills, on the average; None: nobody is killed.
        seed: Where the kills fall, and what the clients do.
        fault: The bug that is planted in the processes (`served.py`).
        prepare: What is done to the database once the processes run.
    """
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="ledger-history-") as name, ExitStack() as stack:
        folder = Path(name)
        world = make_world(
            folder / "home",
            max_growth=MAX_GROWTH,
            owner_url=database.owner_url,
            database_url=database.application_url,
            application_role=database.application_role,
        )
        world.clock.now = datetime.now(UTC)  # that of the processes: no deadline is missed before they begin
        world.found()
        with world.opened() as opened:
            token, cases = _people(opened.ledger), _cases(opened.ledger, folder)
        chain = open_embedded(world.home / "chain", read_only=False)
        stack.callback(chain.close)
        node = stack.enter_context(FakeNode(chain))
        servers = stack.enter_context(Servers(folder, _settings(world, database, node.url), fault=fault))
        prepare(database)
        clients = Clients(
            servers.urls,
            token,
            cases,
            operations=operations,
            chance=chance,
            attempts_max=ATTEMPTS_PLANTED_MAX if fault else ATTEMPTS_MAX,
        )
        kills = asyncio.run(_loose(servers, clients, operations, kill_every, chance))
        if not fault:
            servers.stop()
        with world.opened(write=False) as opened:
            ledger = opened.ledger
            log = _log(ledger.read, clients)
            if not fault:
                clients.history.reads.append(_anchored(world, ledger))
            found = check(clients.history, log, origin=ledger.origin, keys=ledger.checkpoint_keys())
        counts = _counts(clients, log) | {"kills": kills, "chain_requests": len(node.requests)}
        said = "\n".join(servers.said(number) for number in range(COUNT))
    return Ran(counts, found, clients.faults, clients.stopped, said)


async def _loose(
    servers: Servers, clients: Clients, operations: int, kill_every: int | None, chance: random.Random
) -> int:
    """Run the clients, killing one process after another meanwhile; return how many were killed."""
    work = asyncio.create_task(clients.run())
    kills = 0
    next_kill = None if kill_every is None else chance.randint(kill_every // 4, kill_every)
    while not work.done():
        await asyncio.wait([work], timeout=0.01)
        if kill_every is not None and next_kill is not None and clients.done >= next_kill and not work.done():
            victims = range(COUNT) if chance.random() < 0.2 else [chance.randrange(COUNT)]
            for number in victims:
                servers.kill(number)
            for number in victims:
                servers.start(number)
            for number in victims:
                await asyncio.to_thread(servers.wait_until_ready, number)
            kills += len(victims)
            next_kill = clients.done + chance.randint(kill_every // 4, kill_every)
            sys.stderr.write(f"history: {clients.done} of {operations} requests, {kills} kills\n")
    await work
    return kills


def _settings(world: World, database: PostgresDatabase, rpc_url: str) -> dict[str, str]:
    return {
        "LEDGER_HOME": str(world.home),
        "LEDGER_DATABASE_URL": database.application_url,
        "LEDGER_APPLICATION_ROLE": database.application_role,
        "LEDGER_RPC_URL": rpc_url,
        "LEDGER_CONFIRMATIONS": "2",
        "LEDGER_ANCHOR_INTERVAL_SECONDS": "1",  # both processes anchor, through one node and from one account
        "LEDGER_REQUESTS_PER_SECOND_MAX": "0",
    }


def _people(ledger: Ledger) -> str:
    """Return a key of the platform, which hands in the steps of buyer and seller."""
    scopes = SCOPES_OF[Role.PLATFORM]
    return issue_key(ledger, PLATFORM, label="campaign", scopes=scopes, acts_for=ACTS_FOR_ALL).token


def _cases(ledger: Ledger, folder: Path) -> list[OpenCase]:
    """Open cases with a dispute each: its parties may say any number of times that they were served."""
    notice = photo(folder)
    cases = []
    for _ in range(CASES):
        opened = open_case(ledger, folder)
        disputed = record(
            ledger,
            Step(
                verb="open_dispute",
                asserted_by=BUYER,
                recorded_by=PLATFORM,
                fields={"type": "platform", "claim": "the lamp came broken"},
                evidence=[("dispute_notice", notice)],
                return_id=opened.return_id,
            ),
        )
        entry = disputed.appended.entry
        assert isinstance(entry, CaseEntry)
        speakers = tuple((party.role.value, party.reference) for party in (BUYER, SELLER))
        dispute_id = str(entry.facts["dispute_id"])
        cases.append(OpenCase(opened.return_id, dispute_id, disputed.appended.leaf_hash.hex(), speakers))
    return cases


def _log(read: LedgerReader, clients: Clients) -> list[Logged]:
    """Return the rows of the final log, each with the body of the request that its claimed time names."""
    bodies = {request.moment: request.body for request in clients.requests}
    rows = []
    for row in read.entries():
        entry = parse_entry(row.encoded)
        step = isinstance(entry, CaseEntry) and entry.kind is not Kind.ATTEMPT  # a refused try is no step
        body = bodies.get(str(getattr(entry, "occurred_at", None))) if step else None
        rows.append(Logged(row.index, row.leaf_hash, row.encoded, body))
    return rows


def _anchored(world: World, ledger: Ledger) -> Read:
    """Return the head that the two workers brought onto the chain, as one reader more was shown it."""
    with world.node(writable=False) as node:
        head = registry(ledger, node).head(ledger.target().log_id)
    return Read("the chain", 0.0, 0.0, head.size, head.root)


def _counts(clients: Clients, log: Sequence[Logged]) -> dict[str, Any]:
    attempts = clients.history.attempts
    answered = {one.key for one in attempts if one.outcome is Outcome.OK}
    return {
        "clients": CLIENTS,
        "processes": COUNT,
        "requests": len(clients.requests),
        "attempts": len(attempts),
        **{outcome.value: sum(one.outcome is outcome for one in attempts) for outcome in Outcome},
        "acknowledged": len(answered),
        "retried_into_ok": len(answered & {one.key for one in attempts if one.outcome is Outcome.UNKNOWN}),
        "reads": len(clients.history.reads),
        "entries": len(log),
    }
