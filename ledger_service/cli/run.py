"""`rledger worker`: keep time, review erasures, seal, anchor and notify, on and on.

Promises: it stops at a signal after the step it is in; nothing acknowledged is lost. Does not: go to the background
by itself.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from ledger_service.cli import output
from ledger_service.cli.notify import notify_once, notifying
from ledger_service.errors import LedgerError

if TYPE_CHECKING:
    from ledger_service.operations.anchor import Anchorer, Progress
    from ledger_service.operations.gate import Gate
    from ledger_service.operations.keep_time import TimeKeeper
    from ledger_service.operations.ledger import Ledger
    from ledger_service.settings import Settings

DAY_SECONDS = 86_400
RETRY_SECONDS_MAX = 300  # the longest pause after failures in a row


def worker_command(
    once: Annotated[bool, typer.Option("--once", help="anchor what is there, then end")] = False,
) -> None:
    """Record missed deadlines, review erasures, seal and anchor, tell webhooks, remove what expired, on and on.

    \b
    rledger worker
    rledger worker --once
    """

    def run() -> None:
        from ledger_service.operations.keep_time import TimeKeeper
        from ledger_service.settings import load_settings

        settings = load_settings()
        stop = None if once else stop_at_signal()
        with open_to_anchor(settings) as (ledger, anchorer):
            keeper = TimeKeeper(ledger)
            if stop is None:
                _keep_time(keeper)
                _purge(ledger)
                _forget_answers(ledger)
                _review_erasures(ledger)
                progress = anchorer.run(_say_steps)
                notify_once(ledger, due_soon_hours=settings.webhook_due_soon_hours)
                output.answer(progress.said)
            else:
                output.say(
                    f"anchoring every {settings.anchor_interval_seconds} s; Ctrl-C stops after the step under way"
                )
                with notifying(ledger, stop, due_soon_hours=settings.webhook_due_soon_hours):
                    keep_anchoring(
                        anchorer,
                        stop,
                        interval_seconds=settings.anchor_interval_seconds,
                        before=before_anchoring(ledger, keeper),
                    )

    output.run(run)


def keep_anchoring(
    anchorer: Anchorer,
    stop: threading.Event,
    *,
    interval_seconds: float,
    before: Mapping[str, Callable[[], None]] | None = None,
) -> None:
    """Anchor until told to stop; what fails is said and tried again after a pause that grows.

    What `before` names is done before each round; that one of these fails keeps neither another nor a head waiting.
    """
    from ledger_service.errors import ContradictedError

    pause = after_failure = interval_seconds
    while not stop.is_set():
        for what, work in (before or {}).items():
            try:
                work()
            except Exception as error:
                output.say(f"{what}, trying again: {_reason(error)}")
        try:
            anchorer.run(_say_steps)
            pause = after_failure = interval_seconds
        except ContradictedError as error:
            output.say(f"alarm: {error.message}")
            pause = RETRY_SECONDS_MAX
        except Exception as error:  # the worker goes on, whatever one round ran into
            pause, after_failure = after_failure, min(after_failure * 2, RETRY_SECONDS_MAX)
            output.say(f"anchoring failed, trying again in {pause:g} s: {_reason(error)}")
        stop.wait(pause)


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, LedgerError) else f"{type(error).__name__}: {error}"


def before_anchoring(ledger: Ledger, keeper: TimeKeeper) -> dict[str, Callable[[], None]]:
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
    }


def _forget_answers(ledger: Ledger) -> None:
    """Remove the answers to requests that nobody may repeat any more."""
    from ledger_service.operations.once import forget_old_answers

    forget_old_answers(ledger)


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
def open_to_anchor(settings: Settings) -> Iterator[tuple[Ledger, Anchorer]]:
    """Open ledger and chain to anchor with."""
    from ledger_service.operations.anchor import Anchorer
    from ledger_service.wiring import load_signer, open_chain, open_ledger

    with open_ledger(settings) as opened:
        chain_id = opened.ledger.target().chain_id  # refuses before the folder of a chain is made
    with open_chain(settings):
        pass  # a demonstration chain whose blocks are gone is said to be; opened to write it would start anew
    with open_chain(settings, writable=True) as node, open_ledger(settings, write=True, node=node) as opened:
        say_gate(opened.gate)
        yield opened.ledger, Anchorer(opened.ledger, node, load_signer(settings, chain_id))


def stop_at_signal() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set from now on."""
    stop = threading.Event()

    def request(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, request)
    signal.signal(signal.SIGINT, request)
    return stop
