"""Processes that serve: the ledger as `rledger serve` starts it, and the baselines.

Promises: whoever leaves the block finds them stopped. Does not: measure.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

START_SECONDS_MAX = 90.0  # a loaded machine imports web3 slowly
STOP_SECONDS_MAX = 30.0


@contextmanager
def served(command: Sequence[str], port: int, *, settings: Mapping[str, str] | None = None) -> Iterator[int]:
    """Start a process, wait until it listens on its port, and stop it in the end.

    Raises:
        AssertionError: It ended, or did not listen in time.
    """
    process = subprocess.Popen(
        [sys.executable, *command], env={**os.environ, **(settings or {})}, stdout=sys.stderr, stderr=sys.stderr
    )
    try:
        end = time.monotonic() + START_SECONDS_MAX
        while not _listens(port):
            assert process.poll() is None, f"{command} ended with {process.returncode}"
            assert time.monotonic() < end, f"{command} did not listen within {START_SECONDS_MAX} s"
            time.sleep(0.05)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def baseline(name: str, folder: Path) -> Iterator[int]:
    """Serve a baseline application."""
    port = free_port()
    with served(["-m", "tests.bench.http_kit.baselines", name, str(port), str(folder)], port):
        yield port


@contextmanager
def ledger(settings: Mapping[str, str], *, processes: int = 1) -> Iterator[int]:
    """Serve the ledger of these settings; its worker is another process, which nobody starts here."""
    port = free_port()
    command = ["-m", "ledger_service", "serve", "--no-worker", "--port", str(port), "--processes", str(processes)]
    with served(command, port, settings=settings):
        yield port


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
