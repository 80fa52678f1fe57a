"""Uploads over a real socket: what a server makes of lengths that lie, bodies without one, and what comes after."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import pytest
import uvicorn

from ledger_service.api.receiving import BATCH_BYTES, Pace
from tests.api.asking import Asking
from tests.api.forms import BOUNDARY, form, part
from tests.api.test_evidence import files, photo
from tests.operations.world import PLATFORM

FORM = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"
OCTETS = "Content-Type: application/octet-stream"


@pytest.fixture(scope="module")
def port(service: Asking) -> Iterator[int]:
    """The service behind a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(service.app, log_level="critical", access_log=False, timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield int(listener.getsockname()[1])
        server.should_exit = True
        thread.join()


@contextmanager
def asked(service: Asking, port: int, line: str, *headers: str) -> Iterator[socket.socket]:
    """Send the head of a request on a new connection."""
    token = service.token(PLATFORM)
    head = [f"{line} HTTP/1.1", "Host: ledger.test", f"Authorization: Bearer {token}",
            f"Idempotency-Key: {secrets.token_hex(8)}", *headers]  # fmt: skip
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall("\r\n".join(head).encode("latin-1") + b"\r\n\r\n")
        yield connection


def status(connection: socket.socket) -> int:
    """Return the status of the answer; 0 if the connection just closed."""
    first = connection.makefile("rb").readline().split()
    return int(first[1]) if first else 0


def chunked(*pieces: bytes) -> bytes:
    """Return a body in chunks, without its length."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_a_form_in_chunks_without_a_length_is_taken(service: Asking, port: int) -> None:
    content = photo(3 * BATCH_BYTES)
    whole = form(part(content))
    with asked(service, port, "POST /v1/evidence", FORM, "Transfer-Encoding: chunked") as connection:
        connection.sendall(chunked(*(whole[start : start + 99_999] for start in range(0, len(whole), 99_999))))
        assert status(connection) == 201

    state = service.ask("GET", f"/v1/evidence/{sha256(content).hexdigest()}", PLATFORM)
    assert state.json()["complete"]


def test_a_part_in_chunks_needs_its_range(service: Asking, port: int) -> None:
    content = photo()
    path, size = f"PUT /v1/evidence/{sha256(content).hexdigest()}", len(content)
    with asked(service, port, path, OCTETS, "Transfer-Encoding: chunked") as connection:
        connection.sendall(chunked(content))
        assert status(connection) == 400
    ranged = f"Content-Range: bytes 0-{size - 1}/{size}"
    with asked(service, port, path, OCTETS, "Transfer-Encoding: chunked", ranged) as connection:
        connection.sendall(chunked(content))
        assert status(connection) == 201


@pytest.mark.parametrize("length", ["-1", "+5", "1e3", "0x10", "5, 6", "99999999999999999999999999", "nine", ""])
def test_a_length_that_is_none_is_refused_and_nothing_is_kept(service: Asking, port: int, length: str) -> None:
    before = files(service)
    with asked(service, port, "POST /v1/evidence", FORM, f"Content-Length: {length}") as connection:
        connection.sendall(form(part(photo())))
        assert status(connection) in (0, 400, 413)
    assert files(service) == before


def test_a_file_announced_as_too_large_is_refused_before_it_comes(service: Asking, port: int) -> None:
    for line, headers in (
        ("POST /v1/evidence", [FORM, f"Content-Length: {10 * 1024**3}"]),
        (f"PUT /v1/evidence/{'7' * 64}", [OCTETS, f"Content-Length: {10 * 1024**3}"]),
        (f"PUT /v1/evidence/{'7' * 64}", [OCTETS, "Content-Length: 5", f"Content-Range: bytes 0-4/{10 * 1024**3}"]),
    ):
        with asked(service, port, line, *headers) as connection:
            assert status(connection) == 413


def test_a_body_shorter_than_announced_keeps_nothing_of_a_form(service: Asking, port: int) -> None:
    whole, before = form(part(photo(1000))), files(service)
    with asked(service, port, "POST /v1/evidence", FORM, f"Content-Length: {len(whole)}") as connection:
        connection.sendall(whole[:700])
        connection.shutdown(socket.SHUT_WR)
        assert status(connection) == 0
    nobody, now = threading.Event(), service.app.state.service.receiving.now
    while now:  # the server hears of the end, then lets the file go
        nobody.wait(0.005)
    assert files(service) == before


def test_the_rest_of_a_body_that_stopped_is_not_read_as_a_request(
    service: Asking, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.app.state.service, "pace", Pace(idle_seconds=0.05))
    with asked(service, port, f"PUT /v1/evidence/{'8' * 64}", OCTETS, "Content-Length: 500") as connection:
        connection.sendall(b"x" * 100)
        answer = connection.makefile("rb")
        assert answer.readline().split()[1] == b"408"
        assert b"\r\n\r\n" in answer.read()  # to its end: the server closed


def test_a_client_that_asks_first_is_told_to_go_on(service: Asking, port: int) -> None:
    whole = form(part(photo()))
    expecting = [FORM, f"Content-Length: {len(whole)}", "Expect: 100-continue"]
    with asked(service, port, "POST /v1/evidence", *expecting) as connection:
        answer = connection.makefile("rb")
        assert answer.readline().split()[1] == b"100"
        assert answer.readline() == b"\r\n"
        connection.sendall(whole)
        assert answer.readline().split()[1] == b"201"
