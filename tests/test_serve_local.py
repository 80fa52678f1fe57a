"""`scripts/serve --chain hardhat_local`: a chain, a ledger on it and the service, and nothing of them afterwards."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger_service.chain.parameters import DEVELOPMENT_ADDRESSES, HARDHAT_CHAIN_ID
from ledger_service.chain.rpc import open_node
from ledger_service.core.trust import parse_trust
from ledger_service.errors import NodeUnreachableError
from tests.cli.program import ENGLISH
from tests.installed import not_installed

pytestmark = pytest.mark.node
WAIT_SECONDS_MAX = 120


def free_ports() -> tuple[int, int]:
    """Return two ports that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]


@contextmanager
def started(root: Path, folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], str, str]]:
    """Start the script and give it with the service's URL and the node's, once the service answers."""
    port, chain_port = free_ports()
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("LEDGER_")}
    command = [str(root / "scripts" / "serve"), "--chain", "hardhat_local", "--chain-port", str(chain_port)]
    with (folder / "talk.txt").open("wb") as talk:
        process = subprocess.Popen(
            [*command, "--port", str(port), *options],
            env=kept | ENGLISH | {"TMPDIR": str(folder)},
            stdout=talk,
            stderr=talk,
            start_new_session=True,
        )
    try:
        wait_for(process, f"http://127.0.0.1:{port}/health/live", folder)
        yield process, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{chain_port}"
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(60)


def wait_for(process: subprocess.Popen[bytes], url: str, folder: Path) -> None:
    end = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < end:
        assert process.poll() is None, (folder / "talk.txt").read_text()
        try:
            fetched(url)
        except OSError:
            continue
        return
    pytest.fail((folder / "talk.txt").read_text())


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return bytes(answer.read())


def test_the_service_runs_on_a_chain_that_ends_with_it(project_root: Path, tmp_path: Path) -> None:
    if not (project_root / "hardhat_local" / "node_modules" / "hardhat").is_dir():
        not_installed("hardhat is not among the packages of hardhat_local")
    with started(project_root, tmp_path) as (process, service, url):
        trust = parse_trust(fetched(f"{service}/.well-known/return-ledger"))
        with open_node(url) as node:
            heights = [node.block("latest"), node.block("latest")]
            assert node.chain_id() == HARDHAT_CHAIN_ID
            assert node.genesis_hash() == trust.targets[0].target.chain_genesis
            assert trust.targets[0].target.registrar == DEVELOPMENT_ADDRESSES[0]
        assert trust.targets[0].name == "hardhat_local"
        assert heights[0] == heights[1]
        assert listens_on_loopback_only(url)

        process.send_signal(signal.SIGTERM)
        code = process.wait(60)

        assert code == 0, (tmp_path / "talk.txt").read_text()
        with open_node(url, timeout_seconds=2) as node, pytest.raises(NodeUnreachableError):
            node.chain_id()
    assert [path.name for path in tmp_path.iterdir()] == ["talk.txt"]  # the ledger went with its chain


def test_blocks_come_by_the_clock_where_that_is_asked_for(project_root: Path, tmp_path: Path) -> None:
    if not (project_root / "hardhat_local" / "node_modules" / "hardhat").is_dir():
        not_installed("hardhat is not among the packages of hardhat_local")
    with started(project_root, tmp_path, "--block-seconds", "1") as (_, service, url), open_node(url) as node:
        assert json.loads(fetched(f"{service}/health/live"))
        first = node.block("latest")
        assert first is not None
        end = time.monotonic() + WAIT_SECONDS_MAX
        while (now := node.block("latest")) == first and time.monotonic() < end:
            continue

    assert now is not None
    assert now.number > first.number


def test_a_port_that_is_taken_is_told_and_nothing_is_left(project_root: Path, tmp_path: Path) -> None:
    if not (project_root / "hardhat_local" / "node_modules" / "hardhat").is_dir():
        not_installed("hardhat is not among the packages of hardhat_local")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command: Sequence[str | Path] = [
            project_root / "scripts" / "serve", "--chain", "hardhat_local",
            "--chain-port", str(taken.getsockname()[1]),
        ]  # fmt: skip
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )

    assert ended.returncode == 4, ended.stderr
    assert "the node ended by itself" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def listens_on_loopback_only(url: str) -> bool:
    """Say whether no address of this machine but 127.0.0.1 answers on the port."""
    port = int(url.rpartition(":")[2])
    wanted = f"{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{wanted}")}
    return listening == {f"0100007F:{wanted}"}
