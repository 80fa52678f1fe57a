"""`rledger worker` and `rledger serve`: the processes that run.

Promises: both stop at a signal after the step they are in; nothing acknowledged is lost. Does not: go to the
background by itself.
"""

from __future__ import annotations

import signal
import socket
import threading
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

RETRY_SECONDS_MAX = 300  # the longest pause after failures in a row


def worker_command(
    once: Annotated[bool, typer.Option("--once", help="anchor what is there, then end")] = False,
) -> None:
    """Record missed deadlines, seal and anchor, tell webhooks, remove expired uploads, on and on.

    \b
    rledger worker
    rledger worker --once
    """

    def run() -> None:
        from ledger_service.operations.keep_time import TimeKeeper
        from ledger_service.settings import load_settings

        settings = load_settings()
        stop = None if once else _stop_at_signal()
        with _open_to_anchor(settings) as (ledger, anchorer):
            keeper = TimeKeeper(ledger)
            if stop is None:
                _keep_time(keeper)
                _purge(ledger)
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
                        before=_before_anchoring(ledger, keeper),
                    )

    output.run(run)


def serve_command(
    host: Annotated[str, typer.Option(help="address to listen on", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on", min=1, max=65535, metavar="NUMBER")] = 8080,
) -> None:
    """Serve the API and the public log, and anchor beside it.

    \b
    rledger serve
    rledger serve --host 0.0.0.0 --port 80
    """

    def run() -> None:
        import uvicorn

        from ledger_service.app import make_app
        from ledger_service.cli.logs import configure_logs
        from ledger_service.operations.keep_time import TimeKeeper
        from ledger_service.settings import load_settings

        settings = load_settings()
        stop = _stop_at_signal()  # uvicorn hands the signal on to this when it has stopped
        with _listen(host, port) as listener, _open_to_anchor(settings) as (ledger, anchorer):
            configure_logs()  # once it serves: what went wrong before is told in words
            worker = threading.Thread(
                target=keep_anchoring,
                args=(anchorer, stop),
                kwargs={
                    "interval_seconds": settings.anchor_interval_seconds,
                    "before": _before_anchoring(ledger, TimeKeeper(ledger)),
                },
                name="anchorer",
            )
            server = uvicorn.Server(uvicorn.Config(make_app(ledger, settings), log_level="warning", access_log=False))
            shown = f"[{host}]" if ":" in host else host
            output.say(f"serving the log {ledger.origin} at http://{shown}:{port}/checkpoint; Ctrl-C stops")
            worker.start()
            try:
                with notifying(ledger, stop, due_soon_hours=settings.webhook_due_soon_hours):
                    server.run(sockets=[listener])
            finally:
                stop.set()
                worker.join()

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


def _before_anchoring(ledger: Ledger, keeper: TimeKeeper) -> dict[str, Callable[[], None]]:
    """Return what is done before each round, by what is said when it fails."""
    return {
        "the clocks were not looked at": lambda: _keep_time(keeper),
        "expired uploads were not removed": lambda: _purge(ledger),
    }


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


def say_gate(gate: Gate | None) -> None:
    """Say loudly that the ledger writes although the chain did not answer."""
    if gate is not None and not gate.confirmed:
        output.say(f"warning: not confirmed by the chain: {gate.reason}")


def _say_steps(progress: Progress) -> None:
    """Say what was done to a head; that nothing is left to do is the answer, not talk."""
    if progress.anchor is not None and not progress.waiting:
        output.say(progress.said)


@contextmanager
def _open_to_anchor(settings: Settings) -> Iterator[tuple[Ledger, Anchorer]]:
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


def _listen(host: str, port: int) -> socket.socket:
    """Return the socket to serve on.

    Raises:
        SettingsError: The address is not ours, or in use.
    """
    from ledger_service.errors import SettingsError

    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(
            f"cannot listen on {host}, port {port}: {reason.lower()}", hint="name others: --host ADDRESS --port NUMBER"
        ) from None


def _stop_at_signal() -> threading.Event:
    stop = threading.Event()

    def request(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, request)
    signal.signal(signal.SIGINT, request)
    return stop
