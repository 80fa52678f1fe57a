"""Two real API processes of `rledger serve` on one database and one home: started, killed with -9, started again.

They are started as `rledger serve` starts its own, each on a socket that it inherits, but without the first process,
which would put another in the place of one that was killed.

Promises: every process that was started has ended when the block is left, or could not be entered. What they say goes
to a file each.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS_MAX = 600.0  # only a hang: of low priority, among six programs on two cores, 120 s were not enough
STOP_SECONDS_MAX = 60.0
COUNT = 2


class Servers:
    """The processes, by number; each keeps its port over all its lives."""

    def __init__(self, folder: Path, settings: Mapping[str, str], *, fault: str = "") -> None:
        """Take where to keep what they say, their settings, and the bug that is planted in them, if any."""
        self._folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("LEDGER_")}
        self._environment = {**kept, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", **settings}
        self._module = ["tests.campaigns.history.served", fault] if fault else ["ledger_service"]
        self._ports = [_free_port() for _ in range(COUNT)]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        try:
            for number in range(COUNT):
                self.start(number)
            for number in range(COUNT):
                self.wait_until_ready(number)
        except BaseException:
            self._end()  # no block is entered, so none is left
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()
            _close_input(process)

    @property
    def urls(self) -> list[str]:
        """Where they listen."""
        return [f"http://127.0.0.1:{port}" for port in self._ports]

    def start(self, number: int) -> None:
        """Start a process; it may take a while until it answers."""
        with (
            (self._folder / f"serve-{number}.log").open("ab") as log,
            socket.create_server(("127.0.0.1", self._ports[number]), backlog=1024) as listening,
        ):
            descriptor = listening.fileno()
            self._processes[number] = subprocess.Popen(
                [sys.executable, "-m", *self._module, "serve", "--listener", str(descriptor)],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.PIPE,  # it serves until this ends
                stdout=log,
                stderr=log,
                pass_fds=[descriptor],
            )

    def kill(self, number: int) -> None:
        """Kill a process as a power cut would."""
        process = self._processes[number]
        process.kill()
        process.wait()
        _close_input(process)

    def wait_until_ready(self, number: int) -> None:
        """Return when a process answers that it can read its ledger.

        Raises:
            AssertionError: It ended, or took too long; the message says which, what it answered last and what it said.
        """
        deadline = time.monotonic() + START_SECONDS_MAX
        process, heard = self._processes[number], "nothing"
        while time.monotonic() < deadline and process.poll() is None:
            try:
                answer = httpx.get(self.urls[number] + "/health/ready", trust_env=False, timeout=5.0)
                if answer.status_code == 200:
                    return
                heard = f"{answer.status_code} {answer.text}"
            except httpx.HTTPError as error:
                heard = repr(error)
            time.sleep(0.05)  # not a wait for luck: a poll with a deadline
        state = f"it ended with {process.returncode}" if process.returncode is not None else "it runs"
        raise AssertionError(f"serve {number} is not ready: {state}, heard last: {heard}\n{self.said(number)}")

    def stop(self) -> None:
        """Stop all in good order.

        Raises:
            AssertionError: One did not stop, or not well.
        """
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for number, process in self._processes.items():
            try:
                code = process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                raise AssertionError(f"serve {number} does not stop:\n{self.said(number)}") from None
            assert code == 0, f"serve {number} stopped with {code}:\n{self.said(number)}"

    def said(self, number: int, lines: int = 25) -> str:
        """Return the end of what a process said in all its lives, without its request lines."""
        text = (self._folder / f"serve-{number}.log").read_text(errors="replace")
        talk = [line for line in text.splitlines() if '"event": "request"' not in line]
        return "\n".join(talk[-lines:])


def _close_input(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
