"""Upload to a real server process over loopback: its memory while a large file comes, and kills in the middle of one.

The bytes are made on the fly and differ in every block. The server's resident memory is looked at all the while; what
it takes beyond what it took before is at most `MEMORY_BYTES_MAX`, whatever the size of the file. Killed with -9 in the
middle of an upload, the next process goes on where the last one was; nothing of the file is to be seen before it is
whole, and nothing is left of a form.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import psutil

from tests.api.forms import BOUNDARY, form_headers, part
from tests.api.test_evidence import request_with
from tests.operations.conftest import make_world

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20
BLOCK = MIB
MEMORY_BYTES_MAX = 64 * MIB  # threats T23
LARGE_BYTES, LARGE_BYTES_SHORT = 1024 * MIB, 128 * MIB
WARM_BYTES = 8 * MIB  # sent before the memory is looked at: threads, buffers and modules are there once
KILLS, KILLS_SHORT = 40, 4
KILLED_BYTES = 12 * MIB
LOOK_SECONDS = 0.01  # between two looks at the memory of the server, or at its folder
WAIT_SECONDS_MAX = 60.0
OCTETS = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True, slots=True)
class Made:
    """A file that is made as it is read: `size` bytes, a whole number of blocks, begun at a seed."""

    seed: int
    size: int

    def blocks(self, start: int = 0) -> Iterator[bytes]:
        """Yield the file from byte `start` on."""
        whole = random.Random(self.seed).randbytes(2 * BLOCK)
        for number in range(start // BLOCK, self.size // BLOCK):
            turn = number * 4_093 % BLOCK
            block = number.to_bytes(8, "big") + whole[turn : turn + BLOCK - 8]
            yield block[start - number * BLOCK :] if number * BLOCK < start else block

    def digest(self) -> str:
        """Return its SHA-256."""
        found = sha256()
        for block in self.blocks():
            found.update(block)
        return found.hexdigest()


class Served:
    """A server process over a home, and a client of it. Leaving the block kills it with -9."""

    def __init__(self, home: Path, kind: str = "sound") -> None:
        clean = {name: value for name, value in os.environ.items() if not name.upper().startswith("LEDGER_")}
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.campaigns.upload_server", str(home), kind],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=ROOT, env=clean | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert self.process.stderr is not None
        first = self.process.stderr.readline()
        assert first.startswith(b"{"), first + self.process.stderr.read()
        said = json.loads(first)
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{said['port']}", headers={"Authorization": f"Bearer {said['token']}"},
            timeout=WAIT_SECONDS_MAX, trust_env=False,
        )  # fmt: skip

    def __enter__(self) -> Served:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.kill()
        self.client.close()

    def kill(self) -> None:
        """End the process with -9."""
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()

    def put(self, file: Made, digest: str, *, start: int = 0, stop_at: int | None = None) -> httpx.Response:
        """Send a file from a byte on; with `stop_at`, hold the rest back and kill the server when it has that much."""
        headers = {**OCTETS, "Content-Range": f"bytes {start}-{file.size - 1}/{file.size}"}
        headers["Content-Length"] = str(file.size - start)
        content = file.blocks(start) if stop_at is None else self._until_killed(file.blocks(start), stop_at, start)
        return self.client.put(f"/v1/evidence/{digest}", content=content, headers=headers)

    def post(self, file: Made, *, stop_at: int | None = None, key: str = "form") -> httpx.Response:
        """Send a file as a form; else as `put`."""
        begin = f"--{BOUNDARY}\r\n".encode() + part(b"")
        end = f"\r\n--{BOUNDARY}--\r\n".encode()

        def content() -> Iterator[bytes]:
            yield begin
            yield from file.blocks() if stop_at is None else self._until_killed(file.blocks(), stop_at, 0)
            yield end

        headers = form_headers(**{"Idempotency-Key": key, "Content-Length": str(len(begin) + file.size + len(end))})
        return self.client.post("/v1/evidence", content=content(), headers=headers)

    def unfinished(self) -> int:
        """Return how many bytes lie in files that are not whole."""
        folders = [self.home / "files" / name for name in ("incoming", "partial")]
        return sum(path.stat().st_size for folder in folders if folder.is_dir() for path in folder.iterdir())

    def _until_killed(self, blocks: Iterator[bytes], stop_at: int, sent: int) -> Iterator[bytes]:
        for block in blocks:
            if sent >= stop_at:
                break
            sent += len(block)
            yield block
        _wait(lambda: self.unfinished() >= stop_at - 2 * BLOCK, "the server wrote nothing")
        self.kill()
        yield bytes(BLOCK)  # nobody takes it


def run(short: bool, seed: int) -> dict[str, object]:
    """Run the campaign; return what it counted.

    Raises:
        AssertionError: A promise was broken.
    """
    with tempfile.TemporaryDirectory(prefix="ledger-uploads-") as folder:
        home = Path(folder) / "home"
        make_world(home).found()
        size = LARGE_BYTES_SHORT if short else LARGE_BYTES
        return {
            "memory": measure_memory(home, size=size, seed=seed),
            "kills": kill_servers(home, kills=KILLS_SHORT if short else KILLS, chance=random.Random(seed)),
        }


def measure_memory(home: Path, *, size: int, seed: int, kind: str = "sound") -> dict[str, object]:
    """Send a file as a form and another in one part; return by how much the server grew at most.

    Raises:
        AssertionError: By more than it may.
    """
    with Served(home, kind) as served:
        for number in range(2):
            warm = Made(seed + number, WARM_BYTES)
            assert served.post(warm, key=f"warm-{number}").status_code == 201
            assert served.put(Made(seed + 2 + number, WARM_BYTES), _digest(seed + 2 + number)).status_code == 201
        as_form, as_part = Made(seed + 4, size), Made(seed + 5, size)
        digest = as_part.digest()
        with watched(served.process.pid) as peak:
            before, started = peak(), time.monotonic()
            sent = served.post(as_form, key="large")
            assert sent.status_code == 201, sent.text
            assert served.put(as_part, digest).status_code == 201
            seconds, grown = time.monotonic() - started, peak() - before
        assert sent.json()["size"] == size
    assert grown <= MEMORY_BYTES_MAX, f"the server grew by {grown / MIB:.0f} MiB under a file of {size // MIB} MiB"
    return {
        "file_mib": size // MIB, "rss_before_mib": round(before / MIB, 1), "rss_growth_mib": round(grown / MIB, 1),
        "mib_per_second": round(2 * size / MIB / seconds),
    }  # fmt: skip


def kill_servers(home: Path, *, kills: int, chance: random.Random) -> dict[str, object]:
    """Kill a server in the middle of an upload, again and again; the next one goes on.

    Raises:
        AssertionError: Something was half visible, or was lost.
    """
    counts = {"kills": 0, "resumed_at_bytes": 0, "forms": 0}
    for number in range(kills):
        file = Made(chance.randrange(2**32), KILLED_BYTES)
        digest, stop_at = file.digest(), chance.randrange(3 * BLOCK, KILLED_BYTES - BLOCK)
        with Served(home) as served:
            try:
                send: Callable[..., httpx.Response] = served.post if number % 4 == 3 else served.put
                send(*((file,) if number % 4 == 3 else (file, digest)), stop_at=stop_at)
            except httpx.TransportError:
                counts["kills"] += 1
            else:
                raise AssertionError("a killed server answered")
        with Served(home) as served:
            offset = _state(served, digest)
            refused = served.client.post("/v1/returns", json=request_with(digest), headers={"Idempotency-Key": digest})
            assert refused.status_code == 422, f"a half file was used: {refused.text}"
            if number % 4 == 3:
                assert (offset, served.unfinished()) == (0, 0), "something is left of a form"
                counts["forms"] += 1
            assert stop_at - 3 * BLOCK <= offset <= KILLED_BYTES or number % 4 == 3, f"only {offset} bytes were kept"
            done = served.put(file, digest, start=offset)
            assert (done.status_code, done.json().get("sha256")) == (201, digest), done.text
            opened = served.client.post("/v1/returns", json=request_with(digest), headers={"Idempotency-Key": digest})
            assert opened.status_code == 201, opened.text
            read = served.client.get(f"/v1/entries/{opened.json()['index']}/evidence/0")
            assert sha256(read.content).hexdigest() == digest
            counts["resumed_at_bytes"] += offset
    return dict(counts)


@contextmanager
def watched(process_id: int) -> Iterator[Callable[[], int]]:
    """Look at the resident memory of a process again and again; give what returns the most that was seen."""
    process, over = psutil.Process(process_id), threading.Event()
    most = [process.memory_info().rss]

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            most[0] = max(most[0], process.memory_info().rss)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield lambda: int(most[0])
    finally:
        over.set()
        watcher.join()


def _state(served: Served, digest: str) -> int:
    answer = served.client.get(f"/v1/evidence/{digest}")
    value: dict[str, Any] = answer.json()
    assert answer.status_code in (200, 404), answer.text
    assert not value.get("complete"), "a file that never came whole is whole"
    return int(value.get("offset", 0))


def _digest(seed: int) -> str:
    return Made(seed, WARM_BYTES).digest()


def _wait(done: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + WAIT_SECONDS_MAX
    while not done():
        assert time.monotonic() < end, what
        time.sleep(LOOK_SECONDS)
