"""The running log, followed by programs that share nothing with it: Go's sumdb packages, and Python's standard library.

Go's needs Debian's golang-go and golang-golang-x-mod-dev, and is skipped where they are not installed; the other one
runs everywhere. Both must find an honest log correct, and each lie of a dishonest one.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from ledger_service.app import make_app
from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint
from ledger_service.core.tlog_proof import encode_tlog_proof, tlog_proof_of
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove import prove
from ledger_service.operations.seal import make_seal
from ledger_service.store.drafts import LogDraft
from tests.operations.conftest import make_world
from tests.operations.world import World, open_cases

HERE = Path(__file__).resolve().parent
GOPATH = Path("/usr/share/gocode")  # where Debian's packages put sources
SUMDB = GOPATH / "src/golang.org/x/mod/sumdb/tlog"
SECONDS = 120  # for one run, the compiler's first included

Body = Callable[[bytes], bytes]


class Spoiled:
    """The application with the bodies of some paths changed on their way out."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.changes: dict[str, Body] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer; what is changed keeps its length."""
        change = self.changes.get(scope.get("path", ""))

        async def changed(message: Any) -> None:
            if change is not None and message["type"] == "http.response.body" and message.get("body"):
                message = {**message, "body": change(message["body"])}
            await send(message)

        await self.app(scope, receive, changed)


@dataclass
class Served:
    """A ledger that is being served, and can grow and lie."""

    ledger: Ledger
    url: str
    spoiled: Spoiled
    folder: Path
    follower: list[str] = field(default_factory=list)

    def grow(self, size: int) -> None:
        """Append until the log has this size."""
        while self.ledger.read.size() < size:
            self.ledger.require_writer().append(LogDraft(make_seal(self.ledger.origin)))

    def proof(self, index: int) -> Path:
        """Write the log part of an entry's receipt."""
        path = self.folder / f"{index}.tlog-proof"
        path.write_bytes(encode_tlog_proof(tlog_proof_of(prove(self.ledger, index))))
        return path

    def follow(self, *proofs: Path, state: str = "state") -> tuple[int, str]:
        """Run the other program; return its exit code and what it said."""
        key = self.ledger.checkpoint_keys()[0].encode()
        words = [*self.follower, self.url, key, str(self.folder / state), *map(str, proofs)]
        ended = subprocess.run(
            words, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=self.folder, env={"NO_PROXY": "*"}
        )
        return ended.returncode, ended.stdout or ended.stderr


@pytest.fixture(scope="module")
def go_program(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The Go program, compiled once."""
    go = shutil.which("go")
    if go is None or not SUMDB.is_dir():
        pytest.skip("Go is not here: apt-get install golang-go golang-golang-x-mod-dev")
    folder = tmp_path_factory.mktemp("go")
    env = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GOPATH), "GOCACHE": str(folder / "cache")}
    words = [go, "build", "-o", str(folder / "follow_log"), str(HERE / "follow_log.go")]
    subprocess.run(words, env=env, check=True, timeout=SECONDS, capture_output=True)
    return [str(folder / "follow_log")]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A founded ledger with two cases."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.upper().startswith("LEDGER_")}
    folder = tmp_path_factory.mktemp("foreign")
    made = make_world(folder / "home")
    made.found()
    with made.opened() as opened:
        open_cases(opened.ledger, folder, 2)
    yield made
    os.environ.update(kept)


@pytest.fixture(params=["go", "python"])
def served(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> Iterator[Served]:
    """A copy of that ledger, served on a port of this machine, with a program that follows it."""
    isolated = [sys.executable, "-I", str(HERE / "follow_log.py")]  # -I: the project is not on its path
    follower = request.getfixturevalue("go_program") if request.param == "go" else isolated
    copy = world.copy(tmp_path / "home")
    with copy.opened() as opened, socket.create_server(("127.0.0.1", 0)) as listener:
        spoiled = Spoiled(make_app(opened.ledger, copy.settings))
        server = uvicorn.Server(uvicorn.Config(spoiled, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            yield Served(opened.ledger, url, spoiled, tmp_path, follower)
        finally:
            server.should_exit = True
            thread.join()


def test_an_honest_log_is_followed_from_size_to_size_over_the_edges_of_tiles(served: Served) -> None:
    assert served.follow(served.proof(0), served.proof(1)) == (0, "size 3, extends 0, proofs 2\n")
    seen = 3
    for size in (4, 256, 257, 300):
        served.grow(size)
        wanted = f"size {size}, extends {seen}, proofs 3\n"
        assert served.follow(*(served.proof(index) for index in (0, 2, size - 1))) == (0, wanted)
        seen = size
    assert served.follow() == (0, "size 300, extends 300, proofs 0\n")


def flipped(body: bytes) -> bytes:
    """Change one bit of the first byte."""
    return bytes([body[0] ^ 1]) + body[1:]


def test_each_lie_of_a_server_is_found(served: Served) -> None:
    ledger = served.ledger
    served.grow(260)
    assert served.follow(served.proof(1))[0] == 0
    served.grow(300)
    key = ledger.signing_key
    assert key is not None
    head = Checkpoint(ledger.origin, 300, ledger.read.root(300))
    fork = sign_checkpoint(Checkpoint(ledger.origin, 300, bytes(32)), key)
    shorter = sign_checkpoint(Checkpoint(ledger.origin, 200, ledger.read.root(200)), key)
    resized = sign_checkpoint(head, key).replace(b"\n300\n", b"\n301\n")
    lies: list[tuple[str, Body]] = [
        ("/tile/1/000.p/1", flipped),
        ("/tile/0/001.p/44", flipped),
        ("/checkpoint", lambda _: fork),
        ("/checkpoint", lambda _: shorter),
        ("/checkpoint", lambda _: resized),
        ("/v1/proofs/consistency", lambda body: body.replace(b'"hashes":["', b'"hashes":["00', 1)),
    ]
    told = []
    for path, change in lies:
        served.spoiled.changes = {path: _same_length(change)}
        code, said = served.follow()
        told.append((path, code, said.strip()))
    served.spoiled.changes = {}

    assert [code for _, code, _ in told] == [1] * len(lies), told
    assert len({said for _, _, said in told}) >= 4, told  # found each for its own reason
    assert served.follow() == (0, "size 300, extends 260, proofs 0\n")  # and the state is the honest one


def test_a_spoiled_proof_file_is_refused(served: Served) -> None:
    honest = served.proof(1).read_bytes()
    lines = honest.decode().split("\n")
    spoiled = [
        honest.replace(b"index 1", b"index 2"),
        honest.replace(lines[3].encode() + b"\n", b"", 1),
        honest.replace(lines[1].encode(), b"extra AAAA"),
    ]
    path = served.folder / "spoiled.tlog-proof"
    codes = []
    for data in spoiled:
        path.write_bytes(data)
        codes.append(served.follow(path)[0])

    assert codes == [1, 1, 1]


def test_another_key_opens_no_checkpoint(served: Served) -> None:
    ledger = served.ledger
    name, key_id, rest = ledger.checkpoint_keys()[0].encode().split("+", 2)
    wrong = f"{name}+{key_id}+{rest[:-4]}{'AAAA' if rest[-4:] != 'AAAA' else 'BBBB'}"

    ended = subprocess.run(
        [*served.follower, served.url, wrong, str(served.folder / "other")],
        capture_output=True, timeout=SECONDS, check=False, cwd=served.folder,
    )  # fmt: skip

    assert ended.returncode == 1
    assert not (served.folder / "other").exists()


def _same_length(change: Body) -> Body:
    """Fill up or cut what a lie says to the length that was announced."""

    def changed(body: bytes) -> bytes:
        return change(body)[: len(body)].ljust(len(body))

    return changed
