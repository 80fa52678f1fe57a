"""Run simulated worlds: two workers, a database, nodes and a chain in one thread, all moved on by one seed each.

The code that anchors is the real one (`operations/anchor.py`, `anchor_plan.py`, `spending.py`, `core/anchoring.py`,
`quorum.py`, `fees.py`, `cadence.py`); what it stands on is simulated (`tests/simulator`). After every step its promises
are looked at, and at the end everything recorded must become final. A world that breaks one is run again, alone, by
`python -m tests.simulator --seed N --trace`.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterable

from tests.simulator.world import BrokenError, World

WORLDS, WORLDS_SHORT = 20_000, 500
STEPS = 300
PROCESSES = 2
CHUNK = 50  # worlds that a process takes at once
BROKEN_SHOWN = 3


def run(short: bool, seed: int) -> dict[str, object]:
    """Run the campaign; return what it counted.

    Args:
        short: 500 worlds in this process, for the test suite; else 20,000 in two processes.
        seed: Of the first world; the others follow it.

    Raises:
        AssertionError: Some worlds broke a promise; the message shows the first ones with their traces.
    """
    seeds = range(seed, seed + (WORLDS_SHORT if short else WORLDS))
    if short:
        return tally(map(run_world, seeds))
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        return tally(pool.imap(run_world, seeds, chunksize=CHUNK))


def run_world(seed: int) -> tuple[str, dict[str, int]]:
    """Run one world; return how it broke (empty: it held), and what was counted."""
    world = World(seed)
    try:
        world.run(STEPS)
    except BrokenError as error:
        return str(error), world.counts()
    return "", world.counts()


def tally(outcomes: Iterable[tuple[str, dict[str, int]]]) -> dict[str, object]:
    """Add up what the worlds counted.

    Raises:
        AssertionError: Some broke a promise.
    """
    counted: Counter[str] = Counter()
    broken: list[str] = []
    for problem, counts in outcomes:
        counted.update(counts)
        counted["worlds"] += 1
        if problem:
            broken.append(problem)
    shown = "\n\n".join(broken[:BROKEN_SHOWN])
    assert not broken, f"{len(broken)} of {counted['worlds']} worlds broke a promise:\n{shown}"
    return dict(sorted(counted.items()))
