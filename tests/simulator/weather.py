"""What a seed makes of a world: how many nodes, which limits, and how often each thing goes wrong.

Each fault has in some worlds no chance, in some a small one and in some a large one, so that one does not hide what
another would show.

Promises: the same seed, the same weather. Does not: act (`world.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from ledger_service.core.cadence import Cadence
from ledger_service.core.fees import GWEI, FeePolicy
from tests.simulator.store import Luck

EVENTS: dict[str, float] = {  # how often each comes, of all; the faults among them times what the weather says
    "work": 50.0,
    "block": 22.0,
    "append": 7.0,
    "pass": 4.0,
    "reorg": 3.0,
    "trouble": 6.0,
    "fees": 2.0,
    "stranger": 2.0,
    "recheck": 1.5,
    "restart": 1.0,
    "resume": 1.5,
    "forget": 0.7,
    "owner": 0.5,
    "clock": 0.5,
    "deep": 0.0,
}
FAULTS = ("pass", "reorg", "trouble", "fees", "stranger", "restart", "forget", "owner", "clock")
DEEP_WORLDS = 0.15  # of all: those in which what was final is replaced
SPENT_A_HEAD = 5 * 10**15  # wei, about: 120,000 gas at 41 gwei


@dataclass(frozen=True, slots=True)
class Weather:
    """The world of one seed. Rates are of calls."""

    nodes: int
    quorum: int
    leased: bool
    final_depth: int
    balance: int
    policy: FeePolicy
    cadence: Cadence | None
    weights: tuple[float, ...]  # in the order of EVENTS
    dies: float
    sleeps: float
    loses: float
    moves: float
    luck: Luck
    liars: bool
    deep: bool


def draw(chance: Random) -> Weather:
    """Return the weather that these random numbers make."""

    def rate(large: float) -> float:
        return chance.choice((0.0, large / 6, large))

    several = chance.random() < 0.5
    deep = chance.random() < DEEP_WORLDS
    weights = dict(EVENTS)
    for fault in FAULTS:
        weights[fault] *= chance.choice((0.0, 0.7, 2.5))
    if deep:
        weights["deep"] = 2.0
    policy = FeePolicy(
        max_fee_ceiling=200 * GWEI,
        bump_after_seconds=chance.choice((30, 60, 180)),
        cheap_fee=chance.choice((None, None, 25 * GWEI)),
        daily_budget=chance.choice((None, 4 * SPENT_A_HEAD, 12 * SPENT_A_HEAD)),
        promise_seconds=3600,
        lead_seconds=900,
        foreign_seconds=600,
    )
    return Weather(
        nodes=3 if several else 1,
        quorum=2 if several else 1,
        leased=chance.random() < 0.85,
        final_depth=chance.choice((2, 3, 5, 8)),
        balance=chance.choice((10**18, 10**18, 3 * SPENT_A_HEAD)),
        policy=policy,
        cadence=chance.choice((None, Cadence(age_seconds=60, count=20, heartbeat_seconds=3600))),
        weights=tuple(weights.values()),
        dies=rate(0.02),
        sleeps=rate(0.03),
        loses=rate(0.12),
        moves=rate(0.06),
        luck=Luck(answer_lost=rate(0.06), rolled_back=rate(0.06), busy=rate(0.06)),
        liars=several and chance.random() < 0.6,
        deep=deep,
    )
