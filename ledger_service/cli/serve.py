"""`rledger serve`: the API in processes of its own, and beside them the worker that keeps time, anchors and notifies.

The first process listens, starts the API processes on its socket, and is the worker; so that no request waits for the
chain, and one more processor is one more process. An API process that ends is started again; one whose first process
is gone ends by itself. Promises: at a signal the API processes finish what they are answering, then the worker its
step; nothing acknowledged is lost. Does not: go to the background by itself.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from ledger_service.cli import output
from ledger_service.cli.notify import notifying
from ledger_service.cli.run import before_anchoring, keep_working, open_to_anchor, stop_at_signal
from ledger_service.errors import SettingsError, StoreError

if TYPE_CHECKING:
    import uvicorn

    from ledger_service.settings import Settings

PROCESSES_MAX = 64
GARBAGE_THRESHOLD = 20_000  # objects that came and stayed before the collector looks at them; 700 by default
STOP_SECONDS_MAX = 30  # a graceful stop takes as long as the slowest answer; longer than this it is none
LIFE_SECONDS_MIN = 20.0  # a process that ends sooner did not come up: on a slow machine that alone takes ten
FAILURES_MAX = 3  # that many in a row, and it is not going to
PAUSE_SECONDS = 0.2  # between two looks at the processes
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where the client library of Prometheus adds the processes' figures up


def serve_command(
    host: Annotated[str, typer.Option(help="address to listen on", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on", min=1, max=65535, metavar="NUMBER")] = 8080,
    processes: Annotated[
        int, typer.Option(help="API processes; about one a processor", min=1, max=PROCESSES_MAX, metavar="NUMBER")
    ] = 1,
    worker: Annotated[bool, typer.Option(help="keep time, anchor and notify beside the API")] = True,
    listener: Annotated[int | None, typer.Option(help="the socket of an API process", hidden=True)] = None,
    appender: Annotated[int | None, typer.Option(help="the socket of what appends for one", hidden=True)] = None,
) -> None:
    """Serve the API and the public log, and anchor beside it.

    \b
    rledger serve
    rledger serve --host 0.0.0.0 --port 80 --processes 4
    """

    def run() -> None:
        from ledger_service.settings import load_settings

        settings = load_settings()
        if listener is not None:
            _serve_on(listener, settings, processes)
            return
        if appender is not None:
            _append_on(appender, settings)
            return
        _require_issuers(settings)
        stop = stop_at_signal()
        with _listen(host, port) as listening:
            shown = f"[{host}]" if ":" in host else host
            said = f"serving the log {{}} at http://{shown}:{port}/checkpoint; Ctrl-C stops"
            if worker:
                _serve_and_work(settings, listening, processes, stop, said)
            else:
                output.say(said.format(settings.origin))
                with _api(listening, processes, stop) as failed:
                    stop.wait()
                _raise(failed)

    output.run(run)


def _serve_and_work(
    settings: Settings, listening: socket.socket, processes: int, stop: threading.Event, said: str
) -> None:
    from ledger_service.operations.keep_time import TimeKeeper

    with open_to_anchor(settings) as (ledger, workers):  # what keeps it from writing keeps it from serving
        output.say(said.format(ledger.origin))
        with (
            notifying(ledger, stop, due_soon_hours=settings.webhook_due_soon_hours),
            _api(listening, processes, stop) as failed,
        ):
            keep_working(
                workers,
                stop,
                interval_seconds=settings.anchor_interval_seconds,
                before=before_anchoring(ledger, TimeKeeper(ledger), settings),
            )
    _raise(failed)


@contextmanager
def _api(listening: socket.socket, processes: int, stop: threading.Event) -> Iterator[list[str]]:
    """Keep API processes running on a socket until the end of the block; yield the list that says what failed."""
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="ledger-metrics-") as folder:
        if processes > 1:
            os.environ[METRICS_FOLDER] = folder
        keeper = threading.Thread(target=_keep_running, args=(listening, processes, stop, failed), name="api-processes")
        keeper.start()
        try:
            yield failed
        finally:
            stop.set()
            keeper.join()
            os.environ.pop(METRICS_FOLDER, None)


def _keep_running(listening: socket.socket, processes: int, stop: threading.Event, failed: list[str]) -> None:
    """Start the processes, and again what ends; stop them all in the end, and everything when they do not come up."""
    running = [_Process(listening, processes) for _ in range(processes)]
    failures = 0
    while not stop.wait(PAUSE_SECONDS):
        for place, process in enumerate(running):
            code = process.ended()
            if code is None:
                continue
            failures = failures + 1 if process.lived() < LIFE_SECONDS_MIN else 0
            if failures >= FAILURES_MAX:
                failed.append(f"an API process ended with exit code {code}, {failures} times in a row")
                stop.set()
                break
            output.say(f"an API process ended with exit code {code}; another one takes its place")
            process.wait()
            running[place] = _Process(listening, processes)
    for process in running:
        process.ask_to_stop()
    for process in running:
        process.wait()


class _Process:
    """One API process: a child that serves the socket it inherits, and ends when this process does."""

    def __init__(self, listening: socket.socket, processes: int) -> None:
        self._started = time.monotonic()
        descriptor = listening.fileno()
        given = ["--listener", str(descriptor), "--processes", str(processes)]
        self._child = subprocess.Popen(  # noqa: S603 - this program
            [sys.executable, "-m", "ledger_service", "serve", *given],
            stdin=subprocess.PIPE,  # closed with this process, however it ends
            pass_fds=[descriptor],
            start_new_session=True,  # Ctrl-C is for the first process, which stops the others in order
        )

    def ended(self) -> int | None:
        return self._child.poll()

    def lived(self) -> float:
        return time.monotonic() - self._started

    def ask_to_stop(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()

    def wait(self) -> None:
        try:
            self._child.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        assert self._child.stdin is not None
        self._child.stdin.close()


def _serve_on(descriptor: int, settings: Settings, processes: int) -> None:
    """Be one of so many API processes: serve until a signal, or standard input ends, which the first process holds."""
    import uvicorn

    from ledger_service.app import make_app
    from ledger_service.cli.connection import server_config
    from ledger_service.cli.door import SharingServer
    from ledger_service.cli.logs import configure_logs
    from ledger_service.wiring import open_ledger

    stop_at_signal()  # uvicorn hands a signal on when it has stopped; what follows must still be done
    # PostgreSQL waits for nobody's interpreter, and takes as many API processes as there are processors.
    on_sqlite = settings.database.startswith("sqlite:")
    apart = _appending if on_sqlite and settings.append_apart != "never" else None
    with socket.socket(fileno=descriptor) as listening, open_ledger(settings, write=True, apart=apart) as opened:
        configure_logs()  # once it serves: what went wrong before is told in words
        config = server_config(
            make_app(opened.ledger, settings, gate=opened.gate), trusted_proxies=settings.trusted_proxies
        )
        config.timeout_graceful_shutdown = STOP_SECONDS_MAX - 5
        server = uvicorn.Server(config) if processes == 1 else SharingServer(config)
        settle_memory()
        threading.Thread(target=_end_with_parent, args=(server,), name="parent", daemon=True).start()
        server.run(sockets=[listening])


def _appending(descriptor: int) -> list[str]:
    """Return the command line of the process that appends for an API process."""
    return [sys.executable, "-m", "ledger_service", "serve", "--appender", str(descriptor)]


def _append_on(descriptor: int, settings: Settings) -> None:
    """Append what an API process sends, until that closes its end or is gone."""
    from ledger_service.store.log_process import serve_log
    from ledger_service.wiring import log_writer, open_ledger

    for one in (signal.SIGINT, signal.SIGTERM):  # who asks everything to stop asks the API process too: that drains
        signal.signal(one, signal.SIG_IGN)
    with socket.socket(fileno=descriptor) as channel, open_ledger(settings, write=True) as opened:
        settle_memory()
        serve_log(channel, log_writer(opened.ledger, settings))


def _end_with_parent(server: uvicorn.Server) -> None:
    """Stop serving when the first process wants it, or is gone: its end of the pipe is closed then."""
    os.read(sys.stdin.fileno(), 1)
    server.should_exit = True


def _require_issuers(settings: Settings) -> None:
    """Refuse what the API processes would refuse, before there is one.

    Raises:
        SettingsError: The file that names the issuers cannot be read, or is refused.
    """
    from ledger_service.operations.issuers import load_issuers

    load_issuers(settings.oidc_file, allow_loopback=settings.oidc_allow_loopback)


def settle_memory() -> None:
    """Tell the collector that what was made at the start stays, and let it look at the rest less often.

    The libraries alone are hundreds of thousands of objects: walking them while requests wait took a third of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD, 20, 20)


def _raise(failed: list[str]) -> None:
    if failed:
        raise StoreError(failed[0], hint="its last lines above say why; `rledger doctor` looks at the settings")


def _listen(host: str, port: int) -> socket.socket:
    """Return the socket to serve on.

    Raises:
        SettingsError: The address is not ours, or in use.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(
            f"cannot listen on {host}, port {port}: {reason.lower()}", hint="name others: --host ADDRESS --port NUMBER"
        ) from None
