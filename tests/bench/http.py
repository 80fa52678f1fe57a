"""A transition over HTTP against endpoints that do less: what the ledger costs a marketplace.

Ours: `rledger serve` in a process of its own, and POSTs of `…/transitions` that are authenticated, idempotent, judged
against their case, sealed, signed, appended to tree and log, and durable before they are answered with a receipt. Its
worker would be a process beside it, and is not started: the load generator has the second core. Baselines
(`http_kit/baselines.py`) take the same requests over the same server: one only checks the bodies, two also store their
bytes in groups (one of these syncs a mark beside the database, as the ledger does), one inserts each in a SQLModel
session. `orm_commit_each` does the same work as the ledger, as a web developer writes it first: key, idempotency,
return, state, signed entry, one commit for each request (`http_kit/orm_service.py`).

`two_processes_vs_one` is of the ledger itself on PostgreSQL (`http_kit/two_processes.py`).

Throughput is of 32 connections that never rest; rounds alternate between the endpoints. Latency is compared at one
rate of arrival for both, and counted from when a request was due, which the timers of the load tell by the millisecond:
`p99_vs_bare_group_commit` is at a tenth of what the ledger takes, where neither endpoint lets requests wait for each
other, and `p99_at_half_load_vs_bare_group_commit` at half of it, which the ledger feels and they do not.
`p99_at_full_load_vs_bare_group_commit` is of the 32 that never rest, and says little more than the throughput does.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.bench.http_kit import served
from tests.bench.http_kit.load import Measured, run_load
from tests.bench.http_kit.orm_service import prepare_service
from tests.bench.http_kit.prepared import BODIES, Prepared, lanes, prepare
from tests.bench.http_kit.two_processes import measure_processes

CONNECTIONS = 32
ROUNDS = 5
RETURNS = 500  # of a round; each is taken through all steps
RETURNS_SHORT = 100
SHARES = {"light": 0.1, "half": 0.5}  # of what the ledger takes, at which latencies are compared
BASELINES = (
    "validate_only", "orm_insert_each", "orm_commit_each", "orm_commit_each_wal", "bare_group_commit", "bare_one_sync",
)  # fmt: skip
REMEMBER = ("ledger", "orm_commit_each", "orm_commit_each_wal")  # these take a request once: each round has new ones


def measure(short: bool) -> dict[str, Any]:
    """Return figures and ratios of a transition over HTTP."""
    rounds, returns = (3, RETURNS_SHORT) if short else (ROUNDS, RETURNS)
    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as place, ExitStack() as stack:
        folder = Path(place)
        prepared = prepare(folder, returns=((1 + len(SHARES)) * rounds + 1) * returns)
        prepare_service(folder, prepared.token, list(prepared.return_ids))
        work = Work(prepared, returns)
        ports = {one: stack.enter_context(served.baseline(one, folder)) for one in BASELINES}
        ports["ledger"] = stack.enter_context(served.ledger(prepared.environment))
        for name, port in ports.items():
            run_load([port], work.take(name))  # warm: caches, imports
        full = alternate(ports, rounds, lambda name, port: run_load([port], work.take(name)))
        taken = statistics.median(one.per_second for one in full["ledger"])
        compared = {one: ports[one] for one in ("ledger", "bare_group_commit", "bare_one_sync")}
        paced = {load: at_rate(compared, rounds, share * taken, work) for load, share in SHARES.items()}
        apart = measure_processes(folder / "postgresql", rounds=rounds, returns=returns, connections=CONNECTIONS)
    return {
        "figures": figures(full | apart, paced, taken, len(BODIES) * returns),
        "ratios": ratios(full | apart, paced),
    }


class Work:
    """The requests of a ledger; each endpoint that remembers gets each once, others the first ones again and again."""

    def __init__(self, prepared: Prepared, returns: int) -> None:
        """Take the prepared ledger and how many returns a round takes."""
        self._prepared = prepared
        self._returns = returns
        self._taken = dict.fromkeys(REMEMBER, 0)

    def take(self, name: str) -> list[list[bytes]]:
        """Return the requests of a round of an endpoint."""
        start = self._taken.get(name, 0)
        if name in self._taken:
            self._taken[name] += self._returns
        chosen = self._prepared.return_ids[start : start + self._returns]
        assert len(chosen) == self._returns, "more rounds than returns were prepared for"
        return lanes(self._prepared, chosen, connections=CONNECTIONS)


Paced = Mapping[str, Mapping[str, Sequence[Measured]]]  # by load, then by endpoint


def at_rate(ports: Mapping[str, int], rounds: int, rate: float, work: Work) -> dict[str, list[Measured]]:
    """Return what each endpoint did in each round, with so many requests a second."""
    return alternate(ports, rounds, lambda name, port: run_load([port], work.take(name), rate=rate))


def alternate(ports: Mapping[str, int], rounds: int, run: Callable[[str, int], Measured]) -> dict[str, list[Measured]]:
    """Return what each endpoint did in each round; neighbours in time are compared."""
    measured: dict[str, list[Measured]] = {name: [] for name in ports}
    for _ in range(rounds):
        for name, port in ports.items():
            measured[name].append(run(name, port))
    return measured


def ratios(full: Mapping[str, Sequence[Measured]], paced: Paced) -> dict[str, float]:
    """Return the ratios, each the median over the rounds."""

    def throughput(baseline: str, *, of: str = "ledger") -> float:
        pairs = zip(full[of], full[baseline], strict=True)
        return round(statistics.median(ours.per_second / theirs.per_second for ours, theirs in pairs), 4)

    def latency(baseline: str, *, load: str = "light") -> float:
        return _of_p99(paced[load]["ledger"], paced[load][baseline])

    return {
        "vs_validate_only": throughput("validate_only"),
        "vs_orm_insert_each": throughput("orm_insert_each"),
        "vs_orm_commit_each": throughput("orm_commit_each"),
        "vs_orm_commit_each_wal": throughput("orm_commit_each_wal"),
        "vs_bare_group_commit": throughput("bare_group_commit"),
        "two_processes_vs_one": throughput("one_process", of="two_processes"),
        "p99_vs_bare_group_commit": latency("bare_group_commit"),
        "p99_vs_bare_one_sync": latency("bare_one_sync"),
        "p99_at_half_load_vs_bare_group_commit": latency("bare_group_commit", load="half"),
        "p99_at_full_load_vs_bare_group_commit": _of_p99(full["ledger"], full["bare_group_commit"]),
    }


def _of_p99(ours: Sequence[Measured], theirs: Sequence[Measured]) -> float:
    pairs = zip(ours, theirs, strict=True)
    return round(statistics.median(one.percentile(0.99) / other.percentile(0.99) for one, other in pairs), 4)


def figures(full: Mapping[str, Sequence[Measured]], paced: Paced, taken: float, count: int) -> dict[str, Any]:
    """Return what was measured, in requests a second and milliseconds."""
    shown: dict[str, Any] = {
        f"{name}_per_second": round(statistics.median(one.per_second for one in rounds))
        for name, rounds in full.items()
    }
    for name in ("ledger", "bare_group_commit"):
        shown[f"{name}_full_p99_ms"] = round(statistics.median(one.percentile(0.99) for one in full[name]), 2)
    for load, share in SHARES.items():
        ours, bare = paced[load]["ledger"], paced[load]["bare_group_commit"]
        shown |= {
            f"{load}_per_second": round(share * taken),
            f"{load}_p50_ms": round(statistics.median(one.percentile(0.5) for one in ours), 2),
            f"{load}_p99_ms": round(statistics.median(one.percentile(0.99) for one in ours), 2),
            f"{load}_bare_group_commit_p50_ms": round(statistics.median(one.percentile(0.5) for one in bare), 2),
            f"{load}_bare_group_commit_p99_ms": round(statistics.median(one.percentile(0.99) for one in bare), 2),
        }
    return shown | {
        "p99_ms": shown["light_p99_ms"],  # that of `p99_vs_bare_group_commit`
        "connections": CONNECTIONS,
        "requests_per_round": count,
        "rounds": len(full["ledger"]),
    }
