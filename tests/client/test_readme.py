"""The examples of the README's integration section run as they stand, over real HTTP."""

from __future__ import annotations

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
from tests.operations.world import PLATFORM

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "http://127.0.0.1:8080"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256))


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
    """Run an example in a folder that holds the marketplace's key, the trust file and a photo."""
    (folder / "ledger.key").write_text(service.token(PLATFORM) + "\n")
    (folder / "photo.jpg").write_bytes(JPEG)
    (folder / "ledger.trust.json").write_bytes(encode_trust(service.ledger.trust()))
    return subprocess.run(
        [*command, text.replace(ADDRESS, address)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_python_example_opens_a_return_with_a_photo_and_keeps_its_receipts(
    service: Asking, address: str, tmp_path: Path
) -> None:
    ended = run(service, address, tmp_path, [sys.executable, "-W", "error", "-c"], example("python"))

    assert ended.returncode == 0, ended.stderr
    assert "the return is info_requested" in ended.stdout
    kept = sorted(tmp_path.glob("entry-*.receipt.json"), key=index_of)
    assert [getattr(entry_of(path.read_bytes()), "verb", None) for path in kept] == ["request_return", "request_info"]
    for path in kept:
        report = verify(path.read_bytes(), parse_trust((tmp_path / "ledger.trust.json").read_bytes()))
        assert not [check for check in report.checks if check.outcome.value == "fail"]
    assert opened_photo(service, kept[0]) == JPEG


def opened_photo(service: Asking, receipt: Path) -> bytes:
    """Return the photo of an entry, as the marketplace opens it."""
    return service.ask("GET", f"/v1/entries/{index_of(receipt)}/evidence/0", PLATFORM).content


def index_of(receipt: Path) -> int:
    """Return the index of an entry from the name of its receipt."""
    return int(receipt.name.removeprefix("entry-").removesuffix(".receipt.json"))


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
def test_the_curl_example_opens_a_return_with_a_photo(service: Asking, address: str, tmp_path: Path) -> None:
    ended = run(service, address, tmp_path, ["bash", "-euc"], example("sh"))

    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert '"media_type":"image/jpeg"' in ended.stdout
    assert '"state":"requested"' in ended.stdout
