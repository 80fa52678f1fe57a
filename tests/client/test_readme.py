"""The examples of the README's integration section run as they stand, over real HTTP."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from ledger_service.core.trust import encode_trust, parse_trust
from ledger_service.core.verify import entry_of, verify
from tests.api.asking import Asking
from tests.operations.world import SELLER

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "http://127.0.0.1:8080"


def example(language: str) -> str:
    """Return the one block of this language in the integration section."""
    section = re.search(r"^## Integrate in an afternoon$(.*?)^## ", (ROOT / "README.md").read_text(), re.M | re.S)
    assert section
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", section[1], re.M | re.S)
    assert ADDRESS in block
    return str(block)


@pytest.fixture(scope="module")
def address(service: Asking) -> Iterator[str]:
    """The service behind a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(service.app, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def run(service: Asking, address: str, folder: Path, command: list[str], text: str) -> subprocess.CompletedProcess[str]:
    """Run an example for a new return, in a folder that holds the shop's key and the trust file."""
    (folder / "ledger.key").write_text(service.token(SELLER) + "\n")
    (folder / "ledger.trust.json").write_bytes(encode_trust(service.ledger.trust()))
    environment = {**os.environ, "RETURN_ID": service.open_case()}
    return subprocess.run(
        [*command, text.replace(ADDRESS, address)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_python_example_records_a_step_and_keeps_its_receipt(service: Asking, address: str, tmp_path: Path) -> None:
    ended = run(service, address, tmp_path, [sys.executable, "-W", "error", "-c"], example("python"))

    assert ended.returncode == 0, ended.stderr
    assert "the return is info_requested" in ended.stdout
    (kept,) = tmp_path.glob("entry-*.receipt.json")
    entry = entry_of(kept.read_bytes())
    assert getattr(entry, "verb", None) == "request_info"
    report = verify(kept.read_bytes(), parse_trust((tmp_path / "ledger.trust.json").read_bytes()))
    assert not [check for check in report.checks if check.outcome.value == "fail"]


def test_the_python_example_refuses_another_log(service: Asking, address: str, tmp_path: Path) -> None:
    forged = example("python").replace(
        'Path("ledger.trust.json")', 'Path("ledger.trust.json").read_bytes().replace(G, Z)'
    )
    genesis = service.ledger.trust().genesis.hex()

    ended = run(service, address, tmp_path, [sys.executable, "-c"], f"G, Z = b'{genesis}', b'{'0' * 64}'\n{forged}")

    assert ended.returncode == 1
    assert "WrongAnswerError" in ended.stderr
    assert not list(tmp_path.glob("entry-*"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")
def test_the_curl_example_records_a_step(service: Asking, address: str, tmp_path: Path) -> None:
    ended = run(service, address, tmp_path, ["bash", "-euc"], example("sh"))

    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert '"state":"info_requested"' in ended.stdout
