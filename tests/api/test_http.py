"""HTTP as strangers speak it, over raw sockets to a real server process: 4xx or a closed connection, nothing stuck.

Each case is sent as bytes. After all of them the process still answers, and nothing unexpected stands in what it said.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ledger_service.cli.connection import DRAINED_BYTES_MAX, HEAD_BYTES_MAX, HEADERS_MAX
from tests.conftest import ROOT
from tests.operations.conftest import make_world

WAIT_SECONDS = 30.0  # far above every limit of the process: a test that needs it has failed
LIVE = b"GET /health/live HTTP/1.1\r\nHost: ledger.test\r\n\r\n"
POST = b"POST /v1/sessions HTTP/1.1\r\nHost: ledger.test\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n"


@contextmanager
def serving(*arguments: str, folder: Path) -> Iterator[int]:
    """Run the server process and give its port; it must answer at the end and have met nothing unexpected."""
    said = folder / "stderr"
    environment = {name: value for name, value in os.environ.items() if not name.upper().startswith("LEDGER_")}
    with said.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.api.served", *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
            env=environment | {"PYTHONPATH": str(ROOT)},
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, said.read_text()
        yield int(line)
        assert process.poll() is None, said.read_text()
        assert answer_to(int(line), LIVE)[0] == 200, "the process answers no more"
        assert "Traceback" not in said.read_text()
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The service over a founded ledger."""
    folder = tmp_path_factory.mktemp("served")
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.upper().startswith("LEDGER_")}
    make_world(folder / "home").found()
    os.environ.update(kept)
    with serving(str(folder / "home"), folder=folder) as found:
        yield found


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server that says what it understood."""
    with serving("echo", folder=tmp_path_factory.mktemp("echo")) as found:
        yield found


def said_to(port: int, sent: bytes) -> bytes:
    """Send bytes and return all that comes until the other side closes; what it resets is over too."""
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS) as connection:
        heard = b""
        with suppress(ConnectionResetError, BrokenPipeError):
            connection.sendall(sent)
        with suppress(ConnectionResetError):
            while chunk := connection.recv(65_536):
                heard += chunk
        return heard


def answer_to(port: int, sent: bytes) -> tuple[int, bytes]:
    """Return status and body of the one answer; 0 where the connection was closed without one."""
    heard = said_to(port, sent)
    if not heard:
        return 0, b""
    head, _, body = heard.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def with_headers(count: int) -> bytes:
    """Return a request with that many headers."""
    extra = b"".join(b"X-%d: 1\r\n" % number for number in range(count - 1))
    return b"GET /health/live HTTP/1.1\r\nHost: ledger.test\r\n" + extra + b"\r\n"


def test_a_request_is_answered_and_the_next_on_the_same_connection_too(port: int) -> None:
    heard = said_to(port, LIVE + LIVE)

    assert heard.count(b"HTTP/1.1 200 OK") == 2
    assert heard.count(b'{"live":true}') == 2


BAD = {
    "length and chunks": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + LIVE,
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + LIVE,
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}" + LIVE,
    "the same length twice": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a list of lengths": POST + b"Content-Length: 2, 2\r\n\r\n{}",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n{}",
    "a signed length": POST + b"Content-Length: +2\r\n\r\n{}",
    "a hexadecimal length": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "a length beyond 64 bits": POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "a length that is no number": POST + b"Content-Length: two\r\n\r\n{}",
    "chunks twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "another encoding last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + LIVE,
    "an unknown encoding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + LIVE,
    "identity": POST + b"Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
    "a tab before chunked": POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + LIVE,
    "a space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + LIVE,
    "a folded header": POST + b"X-Long: one\r\n two\r\nContent-Length: 2\r\n\r\n{}",
    "a chunk of negative size": POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
    "a chunk beyond 64 bits": POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "a chunk that is longer than it says": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
    "no host": b"GET /health/live HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a host with a path": b"GET /health/live HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a host with a user": b"GET /health/live HTTP/1.1\r\nHost: user@a\r\n\r\n",
    "a host with a space": b"GET /health/live HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a null in a header": b"GET /health/live HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    "a header without a name": b"GET /health/live HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
    "a header without a colon": b"GET /health/live HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n",
    "a space in a header's name": b"GET /health/live HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n",
    "no HTTP": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "HTTP/0.9": b"GET /health/live\r\n\r\n",
    "a version that there is not": b"GET /health/live HTTP/7.3\r\nHost: a\r\n\r\n",
    "HTTP/2 at once": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method in small letters": b"get /health/live HTTP/1.1\r\nHost: a\r\n\r\n",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    "bytes beyond ASCII in the path": b"GET /\xc3\xa9\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    "a control character in the path": b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a header too many": with_headers(HEADERS_MAX + 1),
    "ten thousand headers": with_headers(10_000),
    "a long header": b"GET /health/live HTTP/1.1\r\nHost: a\r\nX: " + b"a" * HEAD_BYTES_MAX + b"\r\n\r\n",
    "a header of a megabyte": b"GET /health/live HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 2**20 + b"\r\n\r\n",
    "a header that never ends": b"GET /health/live HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 2**22,
    "a name that never ends": b"GET /health/live HTTP/1.1\r\nHost: a\r\n" + b"a" * 2**22,
    "a path of a megabyte": b"GET /" + b"a" * 2**20 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "trailers without end": POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: 1\r\n" * 2**18,
    "a trailer without end": POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"1" * 2**22,
    "a chunk's extension without end": POST + b"Transfer-Encoding: chunked\r\n\r\n1;a=" + b"1" * 2**22,
}
TOO_LARGE = {"a header too many", "ten thousand headers", "a long header"}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_http_gets_one_refusal_and_the_connection_ends(port: int, name: str) -> None:
    heard = said_to(port, BAD[name])

    assert heard.count(b"HTTP/1.1 ") <= 1, "something was smuggled in"
    assert b'{"live":true}' not in heard
    if heard:
        status = int(heard.split()[1])
        assert status in ((431,) if name in TOO_LARGE else range(400, 500)), heard
        assert b"application/problem+json" in heard


ENDLESS = {
    "a header": b"GET / HTTP/1.1\r\nHost: a\r\nX: ",
    "a header's name": b"GET / HTTP/1.1\r\nHost: a\r\n",
    "a path": b"GET /",
    "a trailer": POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_ends_is_cut_off_while_it_comes(port: int, name: str) -> None:
    heard = said_to(port, ENDLESS[name] + b"a" * 2**20)

    assert b" 408 " not in heard, "all of it was listened to, until the time for it was over"


@pytest.mark.parametrize("name", ["no host", "no HTTP", "a header too many", "two lengths"])
def test_a_refusal_is_never_taken_for_the_answer_of_the_request_before(port: int, name: str) -> None:
    heard = said_to(port, LIVE + BAD[name])

    assert heard == b"" or heard.startswith(b"HTTP/1.1 200 OK")


def test_the_most_headers_and_the_longest_head_are_taken(port: int) -> None:
    room = HEAD_BYTES_MAX - 200
    closing = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: " + b"a" * room + b"\r\n\r\n"

    assert answer_to(port, with_headers(HEADERS_MAX))[0] == 200
    assert answer_to(port, closing)[0] == 200


@pytest.mark.parametrize("length", [262_145, 10**12])
def test_a_body_that_is_announced_too_long_is_refused_before_it_comes(port: int, length: int) -> None:
    status, body = answer_to(port, POST + b"Content-Length: %d\r\n\r\n" % length)

    assert status == 413
    assert b"/help/problems/body-too-large" in body


def test_a_body_that_nobody_reads_is_not_listened_to_for_ever(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS) as connection:
        connection.sendall(POST + b"Content-Length: %d\r\n\r\n" % 10**12)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")
        with pytest.raises(ConnectionError):
            connection.sendall(bytes(4 * DRAINED_BYTES_MAX))


def test_a_body_that_stops_after_its_answer_gets_no_second_one(port: int) -> None:
    assert said_to(port, POST + b"Content-Length: %d\r\n\r\n" % 10**12).count(b"HTTP/1.1 ") == 1


def test_a_body_without_a_length_is_cut_where_it_becomes_too_long(port: int) -> None:
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"

    assert answer_to(port, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 8)[0] == 413


@pytest.mark.parametrize(
    "host", [b"evil.example", b"127.0.0.1:1", b"[::1]:8080", b"localhost", b"xn--fiqs8s.example", b""]
)
def test_the_name_that_a_client_gives_the_host_changes_nothing(port: int, host: bytes) -> None:
    lines = [b"Host: " + host, b"X-Forwarded-Host: evil.example", b"X-Forwarded-Proto: https", b"Connection: close"]
    heard = said_to(port, b"GET /checkpoint HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\n\r\n")

    assert heard.startswith(b"HTTP/1.1 200 OK")
    assert b"evil" not in heard
    assert b"returns.example/test" in heard


def test_a_client_that_asks_for_another_protocol_is_answered_in_this_one(port: int) -> None:
    asked = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: "

    for protocol in (b"websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13", b"h2c"):
        assert answer_to(port, asked + protocol + b"\r\n\r\n")[0] == 200


def test_trailers_are_no_headers(echo: int) -> None:
    head = b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    status, body = answer_to(echo, head + b"2\r\nhi\r\n0\r\nAuthorization: Bearer x\r\n\r\n")

    assert status == 200
    assert json.loads(body) == {"path": "/x", "names": ["host", "connection", "transfer-encoding"], "bytes": 2}


def test_who_is_slow_to_say_anything_is_hung_up_on(port: int) -> None:
    assert said_to(port, b"") == b""
    assert said_to(port, b"\r\n\r\n") == b""


@pytest.mark.parametrize("begun", [b"GET /health/live HT", POST, POST[:-2], LIVE + b"GET /"])
def test_a_head_that_does_not_end_is_given_up(port: int, begun: bytes) -> None:
    heard = said_to(port, begun)

    assert b"HTTP/1.1 408 " in heard


@pytest.mark.parametrize("framing", [b"Content-Length: 1000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
def test_a_body_that_does_not_come_is_given_up(port: int, framing: bytes) -> None:
    status, body = answer_to(port, POST + framing)

    assert status == 408
    assert json.loads(body)["status"] == 408


@pytest.mark.parametrize("begun", [b"GET /", POST + b"Content-Length: 100000\r\n\r\n"])
def test_who_sends_a_byte_now_and_then_gains_no_time(port: int, begun: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS) as connection:
        connection.sendall(begun)
        until = time.monotonic() + WAIT_SECONDS
        while not select.select([connection], [], [], 0.05)[0]:  # a poll with an end: nothing came back yet
            assert time.monotonic() < until, "still listening"
            connection.sendall(b"a")
        assert connection.recv(4096).startswith(b"HTTP/1.1 408 ")


def test_two_hundred_slow_clients_keep_nobody_waiting(port: int) -> None:
    slow = [socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS) for _ in range(200)]
    try:
        for number, connection in enumerate(slow):
            connection.sendall(
                POST + b"Content-Length: 9\r\n\r\n{" if number % 2 else b"GET /checkpoint HTTP/1.1\r\nHo"
            )
        assert answer_to(port, b"GET /checkpoint HTTP/1.0\r\n\r\n")[0] == 200
        assert {connection.recv(12) for connection in slow} == {b"HTTP/1.1 408"}
    finally:
        for connection in slow:
            connection.close()


def test_who_leaves_in_the_middle_leaves_nothing_behind(port: int) -> None:
    for cut in range(1, len(POST), 7):
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS) as connection:
            connection.sendall(POST[:cut])
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS) as connection:
        connection.sendall(POST + b"Content-Length: 9\r\n\r\n{")

    assert answer_to(port, b"GET /health/live HTTP/1.0\r\n\r\n") == (200, b'{"live":true}')


def test_an_address_that_guesses_is_slowed_down_whatever_it_says_where_it_comes_from(tmp_path: Path) -> None:
    make_world(tmp_path / "home").found()
    guess = "GET /v1/returns HTTP/1.0\r\nAuthorization: Bearer rlk_{:016x}_{}\r\nX-Forwarded-For: 198.51.100.{}\r\n\r\n"
    link = b'{"link":"rll_0123456789abcdef_' + b"A" * 43 + b'"}'

    with serving(str(tmp_path / "home"), "3", folder=tmp_path) as port:
        statuses = [answer_to(port, guess.format(n, "A" * 43, n).encode())[0] for n in range(5)]
        by_link = answer_to(port, POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(link) + link)[0]

    assert statuses == [401, 401, 401, 429, 429]
    assert by_link == 429
