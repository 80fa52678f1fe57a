"""`rledger worker`: keep time, review erasures, seal, anchor and notify, on and on.

Promises: it stops at a signal after the step it is in; nothing acknowledged is lost. Does not: go to the background
by itself.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
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

RETRY_SECONDS_MAX = 300  # the longest pause after failures in a row


def worker_command(
    once: Annotated[bool, typer.Option("--once", help="anchor what is there, then end")] = False,
) -> None:
    """Record missed deadlines, review erasures, seal and anchor, tell webhooks, on and on.

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
                        keeper=keeper,
                        erasing=ledger,
                    )

    output.run(run)


def keep_anchoring(
    anchorer: Anchorer,
    stop: threading.Event,
    *,
    interval_seconds: float,
    keeper: TimeKeeper | None = None,
    erasing: Ledger | None = None,
) -> None:
    """Anchor until told to stop; what fails is said and tried again after a pause that grows.

    With a `keeper`, what the clocks say is recorded before each round; in the ledger `erasing`, erasures are finished
    and reviewed. That either fails never keeps a head waiting.
    """
    from ledger_service.errors import ContradictedError

    pause = after_failure = interval_seconds
    while not stop.is_set():
        if keeper is not None:
            try:
                _keep_time(keeper)
            except Exception as error:
                output.say(f"the clocks were not looked at, trying again: {_reason(error)}")
        if erasing is not None:
            try:
                _review_erasures(erasing)
            except Exception as error:
                output.say(f"erasures were not reviewed, trying again: {_reason(error)}")
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
