"""One world: two workers, a log, a database, a chain and its nodes, all moved on by one seed in one thread.

Each step one thing happens: a worker takes a step, a block comes, entries are recorded, a node falls silent, and so
on. While a worker is inside a call, others may go on (it slept), or it dies. `settle` ends all faults and asks that
everything recorded becomes final.

Promises: the same seed, the same world, in every process; `BrokenError` names seed and step, and ends with the trace.
Does not: look at the clock of this machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from random import Random

from ledger_service.chain.account import TxRequest
from ledger_service.core.alarms import Alarm
from ledger_service.core.anchor_record import AnchorState
from ledger_service.errors import LedgerError
from ledger_service.operations.anchor import Anchorer
from ledger_service.operations.anchor_ports import Progress
from ledger_service.operations.spending import DAY_SECONDS
from ledger_service.operations.target_chain import TargetChain
from tests.simulator.chain import Chain
from tests.simulator.invariants import SKEW_SECONDS, Watch
from tests.simulator.log import SimulatedLog
from tests.simulator.nodes import Node, SimulatedTarget
from tests.simulator.store import Luck, SimulatedHistory, SimulatedLeases
from tests.simulator.troubles import Troubles
from tests.simulator.weather import EVENTS, Weather, draw
from tests.simulator.worker import Died, Parts, Worker

BEGINNING = 1_800_000_000  # seconds since 1970
SHOWN = 40  # lines of the trace in a failure
ROUNDS_MAX = 600  # of a calm world until everything is final: each one step of the worker and one block
ROUNDS_A_RECHECK = 20  # once a day in life, which is more rounds than a test has
SETTLED_SECONDS_MAX = 3 * 86_400  # a day's budget may have to be waited for
_HALTED = AnchorState.HALTED.value


class BrokenError(AssertionError):
    """A promise did not hold."""


class World:
    """The world of one seed."""

    def __init__(
        self,
        seed: int,
        *,
        weather: Weather | None = None,
        anchorer: type[Anchorer] = Anchorer,
        disguise: Callable[[TargetChain], TargetChain] | None = None,
        quorum: int | None = None,
        forget_final: bool = False,
    ) -> None:
        """Make the world of a seed.

        Args:
            seed: Decides everything.
            weather: Another one than the seed's.
            anchorer: The code under test, or one with a planted bug.
            disguise: Put around what a worker sees of the chain, to plant a bug.
            quorum: Another one than the weather's, to plant a bug.
            forget_final: Let no worker see what is final, to plant a bug.
        """
        self.seed = seed
        self.chance = Random(seed)
        drawn = draw(self.chance)
        self.weather = weather = weather or drawn
        self.now = BEGINNING
        self.step_number = 0
        self.trace: list[tuple[object, ...]] = []
        self.log = SimulatedLog(self.now)
        self.chain = Chain(self.chance, now=self.now, final_depth=weather.final_depth, balance=weather.balance)
        self.nodes = [Node(f"node {number}", self.chain.blocks) for number in range(weather.nodes)]
        self.leases = SimulatedLeases()
        self.watch = Watch(self.chain, self.log, weather.policy)
        self.history = SimulatedHistory(self.leases, self.chance, self.watch.committed)
        self.history.luck = weather.luck
        if forget_final:
            self.history.newest_final = lambda: None  # type: ignore[method-assign]
        self.watch.history = self.history
        self.watch.leases = self.leases if weather.leased else None
        self._skews = {"a": 0, "b": 0}  # what the workers' clocks are ahead, in seconds
        self._dies, self._sleeps = weather.dies, weather.sleeps
        self._asleep = self._is_calm = False
        self._looks = 0  # at what is final, since all is calm
        self._quorum = weather.quorum if quorum is None else quorum
        parts = Parts(
            log=self.log,
            history=self.history,
            leases=self.leases if weather.leased else None,
            make_chain=(lambda: disguise(self._target())) if disguise else self._target,
            policy=weather.policy,
            cadence=weather.cadence,
            anchorer=anchorer,
        )
        self.workers = [Worker("a", self, parts), Worker("b", self, parts)]
        self.troubles = Troubles(self)
        self._names = tuple(EVENTS)
        self._events: dict[str, Callable[[], object]] = {
            "work": lambda: self.work(self.chance.choice(self.workers)),
            "append": self._append,
            "recheck": lambda: self.work(self.chance.choice(self.workers), recheck=True),
            "restart": self._restart,
            "resume": self._resume,
            "clock": self._jump,
            **self.troubles.events(),
        }

    def run(self, steps: int) -> None:
        """Let so many things happen, then ask that everything settles.

        Raises:
            BrokenError: A promise did not hold, or an error came out that is none of the ledger's.
        """
        try:
            while self.step_number < steps:
                self.step_number += 1
                self.happen()
            self.settle()
        except Exception as error:  # a promise that was broken, or anything that the code under test let out
            said = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            raise BrokenError(f"seed {self.seed}, step {self.step_number}: {said}\n{self.shown(SHOWN)}") from error

    def happen(self) -> None:
        """Let one thing happen."""
        self.now += self.chance.randrange(4)
        self.log.now = self.now
        (name,) = self.chance.choices(self._names, self.weather.weights)
        self._events[name]()

    def work(self, worker: Worker, *, recheck: bool = False) -> Progress | None:
        """Let a worker take a step; it may die in it. A process begins by looking at what is final."""
        try:
            if recheck or worker.is_new:
                worker.is_new = False
                lost = worker.anchorer.recheck()
                self.note(worker.process, "looks again:", "not its turn" if lost is None else f"{len(lost)} lost")
                self._looks += lost is not None
                return None
            progress = worker.anchorer.step()
        except Died:
            worker.start()
            return None
        except LedgerError as error:
            self.note(worker.process, type(error).__name__, error.message)
            return None
        self.note(worker.process, progress.said)
        return progress

    def settle(self) -> None:
        """End all faults, and one worker with them; everything recorded becomes final, the lease passes on.

        Raises:
            AssertionError: Not within `ROUNDS_MAX` rounds, or `SETTLED_SECONDS_MAX`.
        """
        self.calm()
        survivor, began, days, was_settled = self.workers[1], self.now, 0, False
        self._looks = 0
        for number in range(ROUNDS_MAX):
            self.now += 15
            self.log.now = self.now
            self.troubles.block()
            if any(row.state == _HALTED for row in self.history.newest()):
                self._resume()
            progress = self.work(survivor, recheck=was_settled or number % ROUNDS_A_RECHECK == 0)
            if progress is not None and progress.alarm is Alarm.OVER_BUDGET:
                self.now += 3600
                days = (self.now - began) // DAY_SECONDS
            if progress is not None and (progress.alarm is Alarm.FEE_CEILING or days):
                self._raise_limits(survivor)
            if self._is_settled() and was_settled and self._looks:
                break  # it was looked at again since all is calm: not before the survivor has the lease
            was_settled = self._is_settled()
        final = self.history.newest_final()
        size = 0 if final is None else final.size
        assert self._is_settled(), f"of {self.log.size()} entries {size} are final after {ROUNDS_MAX} calm rounds"
        assert self.now - began <= SETTLED_SECONDS_MAX, f"settled only after {self.now - began} s"
        self.watch.settled()

    def calm(self) -> None:
        """End all faults."""
        self.note("calm")
        self.troubles.end()
        self._is_calm = True
        self._dies = self._sleeps = 0.0
        self.history.luck = Luck()

    def note(self, *words: object) -> None:
        """Add a line to the trace."""
        self.trace.append((self.step_number, self.now - BEGINNING, *words))

    def shown(self, most: int | None = None) -> str:
        """Return the trace, or the end of it."""
        lines = self.trace if most is None else self.trace[-most:]
        return "\n".join(f"{step:>4} {at:>7} s  {' '.join(str(word) for word in words)}" for step, at, *words in lines)

    def counts(self) -> dict[str, int]:
        """Return how often things happened."""
        counted = Counter({"steps": self.step_number, "blocks": len(self.chain.blocks), "entries": self.log.size()})
        counted.update(f"rows {row.state}" for rows in self.history.rows.values() for row in rows)
        words = {"dies at": "deaths", "sleeps at": "sleeps", "reorg of": "reorgs", "stranger": "strangers"}
        for _, _, *said in self.trace:
            for word in said[:2]:
                if (name := words.get(str(word))) is not None:
                    counted[name] += 1
        counted["deep reorgs"] = int(self.watch.deep)
        counted["worlds with a liar"] = int(self.watch.lied)
        return dict(counted)

    def moment(self, worker: str) -> int:
        """Return a worker's clock."""
        return self.now + self._skews[worker[0]]

    def interrupt(self, worker: str, call: str) -> None:
        """Let a worker die at a call, or sleep while others go on."""
        drawn = self.chance.random()
        if drawn < self._dies / 2:
            self.note(worker, "dies at", call)
            raise Died
        if drawn > 1 - self._sleeps / 2 and not self._asleep:
            self._sleep(worker, call)

    def signed(self, request: TxRequest) -> None:
        """Take note of what a signer was asked for."""
        self.watch.signed(request)

    def sends(self, raw: bytes) -> None:
        """Take note of what leaves a worker."""
        self.watch.sent(raw)

    def _sleep(self, worker: str, call: str) -> None:
        self._asleep = True
        self.note(worker, "sleeps at", call)
        other = self.workers[0] if worker[0] == "b" else self.workers[1]
        self.now += self.chance.choice((5, 60, 130, 400))
        for _ in range(self.chance.randrange(1, 6)):
            if self.chance.random() < 0.6:
                self.work(other)
            else:
                self.troubles.block()
        self.note(worker, "wakes up at", call)
        self._asleep = False

    def _target(self) -> TargetChain:
        return SimulatedTarget(
            self.chain, self.nodes, self.log, chance=self.chance, quorum=self._quorum, meanwhile=self._meanwhile
        )

    def _meanwhile(self) -> None:
        if not self._is_calm:
            self.troubles.meanwhile()

    def _append(self) -> None:
        self.log.append(self.chance.choice((1, 1, 2, 5, 20)), urgent=self.chance.random() < 0.1)

    def _jump(self) -> None:
        name = self.chance.choice(("a", "b"))
        self._skews[name] = self.chance.randint(-SKEW_SECONDS, SKEW_SECONDS)
        self.note(f"the clock of {name}", "is ahead by", self._skews[name])

    def _restart(self) -> None:
        worker = self.chance.choice(self.workers)
        self.note(worker.process, "ends")
        if self.chance.random() < 0.5:
            with suppress(Died):
                worker.anchorer.give_back()
        worker.start()

    def _resume(self) -> None:
        """An operator ends a halt, with a process of their own."""
        if not any(row.state == _HALTED for row in self.history.newest()):
            return
        self.watch.resuming = True
        worker = Worker("b", self, self.workers[0].parts, lives=1000)
        try:
            halted = worker.anchorer.resume()
            self.note("operator", "resumes", None if halted is None else halted.sequence)
        except (Died, LedgerError) as error:
            self.note("operator", "fails", type(error).__name__)
        self.watch.resuming = False

    def _raise_limits(self, worker: Worker) -> None:
        """An operator does what the alarm says: what a stranger left in the pool is in the way, and is dearer."""
        policy = worker.parts.policy
        budget = None if policy.daily_budget is None else 2 * policy.daily_budget
        policy = replace(policy, max_fee_ceiling=2 * policy.max_fee_ceiling, daily_budget=budget)
        self.watch.policy = policy
        worker.parts = replace(worker.parts, policy=policy)
        worker.start()
        self.note("operator", "raises the limits")

    def _is_settled(self) -> bool:
        final = self.history.newest_final()
        size = 1 if final is None else final.size
        return self.log.backlog(size, None).count == 0
