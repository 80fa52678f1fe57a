"""`rledger worker`: keep time, review erasures, seal, anchor and notify, on and on.

Promises: it stops at a signal after the step it is in; nothing acknowledged is lost. Does not: go to the background
by itself.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from ledger_service.cli import output
from ledger_service.cli.notify import notify_once, notifying
from ledger_service.errors import LedgerError

if TYPE_CHECKING:
    from ledger_service.operations.anchor_ports import Progress
    from ledger_service.operations.anchor_worker import TargetWorker
    from ledger_service.operations.gate import Gate
    from ledger_service.operations.keep_time import TimeKeeper
    from ledger_service.operations.ledger import Ledger
    from ledger_service.settings import Settings

DAY_SECONDS = 86_400
LOOK_SECONDS = 5  # between two looks at what waits; a node is asked only when something can be due
INDEX_ROOTS_KEPT = 1_000  # of the case index: a case is proved as of a seal whose root is among them
RETRY_SECONDS_MAX = 300  # the longest pause after failures in a row


def worker_command(
    once: Annotated[bool, typer.Option("--once", help="anchor what is there, then end")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="end a halt, once you know what was wrong, then go on")
    ] = False,
) -> None:
    """Record missed deadlines, review erasures, seal and anchor, tell webhooks, remove what expired, on and on.

    \b
    rledger worker
    rledger worker --once
    rledger worker --once --resume
    """

    def run() -> None:
        from ledger_service.operations.keep_time import TimeKeeper
        from ledger_service.settings import load_settings

        settings = load_settings()
        stop = None if once else stop_at_signal()
        with open_to_anchor(settings, now=once) as (ledger, workers):
            if resume:
                _resume(workers)
            keeper = TimeKeeper(ledger)
            if stop is None:
                ask = ask_witnesses(ledger, settings)
                _keep_time(keeper)
                _purge(ledger)
                _forget_answers(ledger)
                _review_erasures(ledger)
                said = _anchor_once(workers)
                ask()
                notify_once(ledger, due_soon_hours=settings.webhook_due_soon_hours)
                for line in said:
                    output.answer(line)
            else:
                output.say(
                    f"anchoring every {settings.anchor_interval_seconds} s; Ctrl-C stops after the step under way"
                )
                with notifying(ledger, stop, due_soon_hours=settings.webhook_due_soon_hours):
                    keep_working(
                        workers,
                        stop,
                        interval_seconds=settings.anchor_interval_seconds,
                        before=before_anchoring(ledger, keeper, settings),
                    )

    output.run(run)


def keep_working(
    workers: Sequence[TargetWorker],
    stop: threading.Event,
    *,
    interval_seconds: float,
    before: Mapping[str, Callable[[], None]],
) -> None:
    """Keep house and anchor at every target, each in a thread of its own, until told to stop."""
    threads = [
        threading.Thread(target=keep_anchoring, args=(worker, stop), kwargs={"interval_seconds": interval_seconds})
        for worker in workers
    ]
    for thread in threads:
        thread.start()
    try:
        keep_house(before, stop, interval_seconds=interval_seconds)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def keep_house(before: Mapping[str, Callable[[], None]], stop: threading.Event, *, interval_seconds: float) -> None:
    """Do what `before` names in each round until told to stop; that one of these fails keeps no other waiting."""
    while not stop.is_set():
        for what, work in before.items():
            try:
                work()
            except Exception as error:
                output.say(f"{what}, trying again: {_reason(error)}")
        stop.wait(interval_seconds)


def keep_anchoring(worker: TargetWorker, stop: threading.Event, *, interval_seconds: float) -> None:
    """Anchor at one target until told to stop; what fails is said and tried again after a pause that grows."""
    after_failure, said = interval_seconds, ""
    while not stop.is_set():
        try:
            found = worker.round(_say_steps)
            failed, line = found.failed, found.said if found.alarm is None else f"alarm {found.alarm}: {found.said}"
        except Exception as error:  # the worker goes on, whatever one round ran into
            failed, line = True, f"anchoring failed: {_reason(error)}"
        pause = min(interval_seconds, LOOK_SECONDS)
        if failed:
            pause, after_failure = after_failure, min(after_failure * 2, RETRY_SECONDS_MAX)
            output.say(f"{line}; trying again in {pause:g} s")
        else:
            after_failure = interval_seconds
            if line != said and line.startswith("alarm "):
                output.say(line)
        said = line
        stop.wait(pause)


def _anchor_once(workers: Sequence[TargetWorker]) -> list[str]:
    """Anchor what is there at every target, and return what each came to; one that fails keeps no other waiting.

    Raises:
        LedgerError: The first that failed, once all were tried.
    """
    said: list[str] = []
    failed: LedgerError | None = None
    for worker in workers:
        try:
            said.append(worker.anchorer.run(_say_steps).said)
        except LedgerError as error:
            if failed is not None or len(workers) > 1:
                output.say(f"one target was left: {error.message}")
            failed = failed or error
    if failed is not None:
        raise failed
    return said


def _resume(workers: Sequence[TargetWorker]) -> None:
    """End the halts, as whoever typed the command decided."""
    for worker in workers:
        halted = worker.anchorer.resume()
        if halted is not None:
            output.say(f"head {halted.sequence} is planned anew; it was halted: {halted.reason}")


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, LedgerError) else f"{type(error).__name__}: {error}"


def before_anchoring(ledger: Ledger, keeper: TimeKeeper, settings: Settings) -> dict[str, Callable[[], None]]:
    """Return what is done before each round, by what is said when it fails."""
    forgotten_at = float("-inf")

    def forget_answers() -> None:
        nonlocal forgotten_at
        if time.monotonic() - forgotten_at >= DAY_SECONDS:
            _forget_answers(ledger)
            forgotten_at = time.monotonic()

    return {
        "the clocks were not looked at": lambda: _keep_time(keeper),
        "erasures were not reviewed": lambda: _review_erasures(ledger),
        "expired uploads were not removed": lambda: _purge(ledger),
        "old answers were not removed": forget_answers,
        "the case index was not brought up to date": lambda: _keep_index(ledger),
        "cases were not counted ahead": lambda: _count_ahead(ledger),
        "witnesses were not asked": ask_witnesses(ledger, settings),
    }


def ask_witnesses(ledger: Ledger, settings: Settings) -> Callable[[], None]:
    """Return what asks the witnesses of the settings to cosign what was anchored, and says who did not.

    Raises:
        SettingsError: `LEDGER_WITNESSES` names none in its form.
    """
    from ledger_service.operations.cosign import Cosigning, parse_witnesses

    cosigning = Cosigning(ledger, parse_witnesses(settings.witnesses))

    def ask() -> None:
        for said in cosigning.run():
            output.say(said)

    return ask


def _forget_answers(ledger: Ledger) -> None:
    """Remove the answers to requests that nobody may repeat any more."""
    from ledger_service.operations.once import forget_old_answers

    forget_old_answers(ledger)


def _keep_index(ledger: Ledger) -> None:
    """Bring the case index up to date before a seal needs it, and throw away what no root needs any more."""
    from ledger_service.store import case_index

    case_index.catch_up(ledger.store)
    case_index.prune(ledger.store, keep=INDEX_ROOTS_KEPT)


def _count_ahead(ledger: Ledger) -> None:
    """Count what moved, so that whoever asks for statistics waits for little."""
    from ledger_service.operations.count_ahead import count_ahead

    count_ahead(ledger)


def _purge(ledger: Ledger) -> None:
    """Remove the files that no step used in time, and say how many there were."""
    from ledger_service.operations.uploads import purge_uploads

    purged = purge_uploads(ledger)
    if purged.uploads or purged.partial:
        output.say(f"removed {purged.uploads} expired uploads and {purged.partial} that never came whole")


def _keep_time(keeper: TimeKeeper) -> None:
    """Record what the clocks of the cases say, and say what that was."""
    for kept in keeper.run():
        output.say(f"return {kept.return_id}: {kept.what} recorded, clock {kept.clock_id}")


def _review_erasures(ledger: Ledger) -> None:
    """Finish and review erasures, and say what was decided; nobody's name is known here."""
    from ledger_service.operations.erase_again import review

    for erasure in review(ledger):
        output.say(f"erasure {erasure.id}: {erasure.outcome}")


def say_gate(gate: Gate | None) -> None:
    """Say loudly that the ledger writes although the chain did not answer."""
    if gate is not None and not gate.confirmed:
        output.say(f"warning: not confirmed by the chain: {gate.reason}")


def _say_steps(progress: Progress) -> None:
    """Say what was done to a head; that nothing is left to do is the answer, not talk."""
    if progress.anchor is not None and not progress.waiting:
        output.say(progress.said)


@contextmanager
def open_to_anchor(settings: Settings, *, now: bool = False) -> Iterator[tuple[Ledger, list[TargetWorker]]]:
    """Open the ledger, and its chains to anchor on; `now`: whatever waits is anchored, whether or not it is due."""
    from ledger_service.core.cadence import Cadence
    from ledger_service.core.fees import GWEI, FeePolicy
    from ledger_service.operations.anchor_worker import TargetWorker, make_anchorer
    from ledger_service.wiring import load_signer, open_ledger, open_nodes, reachable

    with open_ledger(settings) as opened:
        targets = reachable(opened.ledger, settings)  # refuses before the folder of a chain is made
        for target in opened.ledger.targets():
            if target not in targets:
                name = opened.ledger.chains.name_of(target.chain_id)
                output.say(f"warning: no node of the chain {name} is named: nothing is anchored there")
    for target in targets:
        with open_nodes(settings, target.chain_id):
            pass  # a demonstration chain whose blocks are gone is said to be; opened to write it would start anew
    policy = FeePolicy(
        max_fee_ceiling=settings.fee_ceiling_gwei * GWEI,
        bump_after_seconds=settings.fee_bump_seconds,
        cheap_fee=settings.fee_cheap_gwei * GWEI or None,
        daily_budget=settings.fee_daily_budget_gwei * GWEI or None,
        promise_seconds=settings.anchor_promise_seconds,
    )
    cadence = Cadence(settings.anchor_interval_seconds, settings.anchor_count, settings.anchor_heartbeat_seconds)
    with ExitStack() as stack:
        nodes = [stack.enter_context(open_nodes(settings, target.chain_id, writable=True)) for target in targets]
        opened = stack.enter_context(open_ledger(settings, write=True, node=nodes[0][0]))
        say_gate(opened.gate)
        workers = []
        for target, of_target in zip(targets, nodes, strict=True):
            anchorer = make_anchorer(
                opened.ledger,
                of_target,
                load_signer(settings, target.chain_id),
                target=target,
                policy=policy,
                cadence=None if now else cadence,
                quorum=settings.rpc_quorum,
                leased=True,
            )
            stack.callback(anchorer.give_back)
            workers.append(
                TargetWorker(
                    opened.ledger,
                    anchorer,
                    promise_seconds=settings.anchor_promise_seconds,
                    cadence=None if now else cadence,
                )
            )
        yield opened.ledger, workers


def stop_at_signal() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set from now on."""
    stop = threading.Event()

    def request(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, request)
    signal.signal(signal.SIGINT, request)
    return stop
