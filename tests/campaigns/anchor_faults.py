"""Anchor on a chain that loses blocks, through nodes that lie, with workers that die: each head once, none too early.

Three parts, each on a simulated chain, a real SQLite database and the real worker: reorganisations of depth 1 to 64 at
every state of an anchor; calls of which three in ten go wrong in some way; and kills at five points with two workers,
some of whom only fall asleep and wake up when the other one has taken over. `anchoring/truth.py` judges each from the
chain itself; what waits is placed within a minute once all is well; memory stays flat.
"""

from __future__ import annotations

import ctypes
import gc
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import psutil

from ledger_service.core.anchor_record import UNFINISHED, AnchorState
from ledger_service.operations.anchor import Anchorer
from ledger_service.operations.anchor_worker import LEASE_SECONDS
from ledger_service.operations.spending import DAY_SECONDS
from tests.campaigns.anchoring.bench import Bench, Shape, Worker
from tests.campaigns.anchoring.crash import POINTS, KilledError
from tests.chain.lying_node.chain import Keep
from tests.chain.lying_node.faults import Fault

REORGS, CALLS, KILLS = 1_000, 10_000, 1_000
SHORT = 10  # the short form does a tenth
DEPTH_MAX = 64
RATE = 0.3
DRAIN_SECONDS_MAX = 60  # from the moment when all nodes are well
CALLS_A_ROUND = 50  # faulty calls between two healings
LOOKS = 40  # at the memory, if as many happen
REST_EVERY = 25  # losses or kills; then all becomes final, and a day passes: a worker looks back over a day
MEMORY_GROWTH_MAX = 0.05  # of the resident memory, from a quarter of the way to the end
FEW_BLOCKS = 8  # final soon, so that a minute is enough for two heads; no node lags further behind
STATES = (
    None,
    AnchorState.PLANNED,
    AnchorState.SIGNED,
    AnchorState.SUBMITTED,
    AnchorState.INCLUDED,
    AnchorState.FINALIZED,
)

Make = Callable[..., Anchorer]


def run(short: bool, seed: int) -> dict[str, object]:
    """Run the campaign; return what it counted.

    Args:
        short: A tenth, for the test suite.
        seed: Of all that is random.

    Raises:
        AssertionError: A promise was broken.
    """
    share = SHORT if short else 1
    with tempfile.TemporaryDirectory(prefix="ledger-anchors-") as folder:
        place = Path(folder)
        return {
            "reorgs": reorgs(place, Random(seed), REORGS // share),
            "calls": calls(place, Random(seed + 1), CALLS // share),
            "kills": kills(place, Random(seed + 2), KILLS // share),
        }


def reorgs(
    folder: Path, chance: Random, count: int, *, make: Make = Anchorer, rule: int | None = None
) -> dict[str, object]:
    """Lose blocks while an anchor is in each of its states; `rule`: what the worker takes for final, if not 64 blocks.

    Raises:
        AssertionError: A promise was broken.
    """
    with closing(Bench(folder, chance)) as bench:
        bench.confirmations = bench.confirmations if rule is None else rule
        return _reorgs(bench, chance, count, make)


def _reorgs(bench: Bench, chance: Random, count: int, make: Make) -> dict[str, object]:
    started = time.process_time()
    worker, reached, memory = Worker(bench, "one", make), Counter[str](), Memory(count)
    for number in range(count):
        bench.log.append(chance.randint(1, CAP_ENTRIES))
        _walk(bench, worker, STATES[number % len(STATES)], chance)
        reached[str(bench.state(worker))] += 1
        keep = chance.choice(list(Keep))
        depth = chance.randint(1, DEPTH_MAX)
        bench.chain.reorg(min(depth, bench.chain.height - 20), keep=keep, again=chance.random() < 0.5, chance=chance)
        worker.round()
        memory.look(number)
        if number % REST_EVERY == REST_EVERY - 1:
            bench.finish(worker)
            bench.pass_time(DAY_SECONDS)
            sys.stderr.write(f"anchor_faults: {number + 1} of {count} reorganisations\n")
    bench.finish(worker)
    return _report(bench, started, reorgs=count, blocks_lost=bench.chain.reorganised,
                   states=dict(sorted(reached.items())), memory_growth=memory.growth())  # fmt: skip


def calls(folder: Path, chance: Random, count: int, *, make: Make = Anchorer) -> dict[str, object]:
    """Ask nodes of whose answers three in ten are wrong, late or missing; then let them be well.

    Raises:
        AssertionError: A promise was broken.
    """
    found: dict[str, object] = {}
    tried: set[str] = set()
    shapes = (Shape(rule=FEW_BLOCKS), Shape(nodes=3, quorum=2, rule=FEW_BLOCKS))
    for shape in shapes:
        with closing(Bench(folder, chance, shape)) as bench:
            bench.truth.hidden = True
            found[f"{shape.quorum} of {shape.nodes}"] = _calls(bench, chance, count // len(shapes), make)
        tried |= {kind for node in bench.nodes for kind in node.faulted}
    assert tried == set(Fault), f"never tried: {set(Fault) - tried}"
    return found


def _calls(bench: Bench, chance: Random, share: int, make: Make) -> dict[str, object]:
    started, shape = time.process_time(), bench.shape
    worker, slowest = Worker(bench, "one", make), 0
    memory, done = Memory(share), 0
    while done < share:
        for node in bench.nodes:
            node.misbehave(RATE, chance=chance)
        wanted = done + CALLS_A_ROUND
        while done < wanted:
            bench.log.append(chance.randint(0, 3))
            worker.round()
            bench.pass_seconds(chance.choice([1, 2, 5, 30]))
            done = sum(sum(node.faulted.values()) for node in bench.nodes)
        for node in bench.nodes:
            node.heal()
        slowest = max(slowest, bench.settle(worker, seconds_max=DRAIN_SECONDS_MAX))
        memory.look(done)
        bench.pass_time(DAY_SECONDS / REST_EVERY)
    bench.finish(worker)
    sys.stderr.write(f"anchor_faults: {done} faulty calls, {shape.quorum} of {shape.nodes} nodes\n")
    kinds = sum((node.faulted for node in bench.nodes), Counter[str]())
    asked = sum(sum(node.asked.values()) for node in bench.nodes)
    return _report(bench, started, faulty_calls=done, calls=asked, kinds=dict(sorted(kinds.items())),
                   slowest_drain_seconds=slowest, covered_by_the_next=bench.truth.covered_by_the_next,
                   memory_growth=memory.growth())  # fmt: skip


def kills(folder: Path, chance: Random, count: int, *, make: Make = Anchorer) -> dict[str, object]:
    """Let one of two workers die at a point, or sleep while the other takes over.

    Raises:
        AssertionError: A promise was broken.
    """
    with closing(Bench(folder, chance)) as bench:
        return _kills(bench, chance, count, make)


def _kills(bench: Bench, chance: Random, count: int, make: Make) -> dict[str, object]:
    started = time.process_time()
    lives, died, slept, memory = 2, Counter[str](), Counter[str](), Memory(count)
    workers = [Worker(bench, f"worker-{life}", make) for life in range(2)]

    def die() -> None:
        raise KilledError

    for number in range(count):
        point = list(POINTS)[number % len(POINTS)]
        name = chance.choice(POINTS[point])
        bench.log.append(chance.randint(1, 3))
        asleep = chance.random() < 1 / 3
        turn = number % 2

        def sleep(other: int = 1 - turn) -> None:
            bench.pass_seconds(LEASE_SECONDS + 1)
            for _ in range(chance.randint(1, 4)):
                workers[other].round()
                bench.pass_seconds(10)

        bench.points.arm(name, sleep if asleep else die)
        try:
            _drive(bench, workers[turn])
            assert asleep, f"{name} was never reached"
            slept[point] += 1
        except KilledError:
            died[point] += 1
            workers[turn].close()  # what was in memory is gone, and its lease runs on
            workers[turn] = Worker(bench, f"worker-{lives}", make)
            lives += 1
        bench.pass_seconds(LEASE_SECONDS + 1)
        workers[chance.randint(0, 1)].round()
        memory.look(number)
        if number % REST_EVERY == REST_EVERY - 1:
            _rest(bench, workers)
            bench.pass_time(DAY_SECONDS)
            sys.stderr.write(f"anchor_faults: {number + 1} of {count} kills\n")
    _rest(bench, workers)
    return _report(bench, started, died=dict(sorted(died.items())), slept=dict(sorted(slept.items())),
                   lives=lives, memory_growth=memory.growth())  # fmt: skip


CAP_ENTRIES = 6  # at most in one go: below the cap, so that one head is often enough


def _walk(bench: Bench, worker: Worker, state: AnchorState | None, chance: Random) -> None:
    """Step until the newest anchor is in a state; None: until none is on its way."""
    for _ in range(40):
        now = bench.state(worker)
        if now is state or (state is None and now not in UNFINISHED):
            break
        if now is AnchorState.INCLUDED:
            bench.chain.mine(bench.shape.rule)  # else it waits for finality
        elif now is AnchorState.SUBMITTED:
            bench.pass_seconds(4 if chance.random() < 0.8 else 30)
        worker.step()
        if now is AnchorState.FINALIZED and bench.state(worker) is now:
            bench.log.append(1)
    bench.chain.mine(chance.randint(0, DEPTH_MAX // 2), take=False)


def _drive(bench: Bench, worker: Worker) -> None:
    """Anchor until the armed point was passed."""
    for _ in range(60):
        worker.step()
        if bench.points.armed is None:
            return
        state = bench.state(worker)
        if worker.anchorer.lease is None:
            bench.pass_seconds(LEASE_SECONDS + 1)  # the other one has it
        elif state is AnchorState.INCLUDED:
            bench.chain.mine(bench.shape.rule)
        elif state is AnchorState.SUBMITTED:
            bench.pass_seconds(4)
        elif state not in UNFINISHED and bench.truth.covered == bench.log.size():
            bench.log.append(1)
    raise AssertionError(f"{bench.points.armed} was never reached")


def _rest(bench: Bench, workers: list[Worker]) -> None:
    bench.pass_seconds(LEASE_SECONDS + 1)
    bench.finish(workers[0])
    bench.pass_seconds(LEASE_SECONDS + 1)


def _report(bench: Bench, started: float, **counted: object) -> dict[str, object]:
    growth = counted["memory_growth"]
    assert isinstance(growth, float)
    assert growth < MEMORY_GROWTH_MAX, f"memory: it grew by {growth:.1%}"
    return {
        **counted,
        "steps": bench.truth.steps,
        "heads": bench.truth.finals,
        "entries": bench.log.size(),
        "alarms": dict(sorted(bench.happened.items())),
        "processor_seconds": round(time.process_time() - started, 1),
    }


class Memory:
    """Looks at this process's resident memory: what it held in the second quarter of the way, and in the last."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._looked: dict[int, int] = {}  # one look for each fortieth of the way

    def look(self, number: int) -> None:
        """Look, if it is time."""
        place = LOOKS * number // self._count
        if place not in self._looked and place * 4 // LOOKS in (1, 3):
            self._looked[place] = _resident()

    def growth(self) -> float:
        """Return by which share it grew, by the medians."""
        early = [held for place, held in self._looked.items() if place * 2 < LOOKS]
        late = [held for place, held in self._looked.items() if place * 2 >= LOOKS]
        assert early, "memory: too short a run to tell"
        assert late, "memory: too short a run to tell"
        return statistics.median(late) / statistics.median(early) - 1


def _resident() -> int:
    """Return how many bytes this process holds, once what it has freed was given back."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc keeps what was freed; others may not have it
    if trim is not None:
        trim(0)
    return int(psutil.Process().memory_info().rss)
