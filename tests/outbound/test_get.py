"""One GET of a small document: bounded in size and time, from the address that was checked, without redirects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger_service.outbound.connection import Rules
from ledger_service.outbound.get import Got, get
from tests import receiver as behaves
from tests.receiver import Receiver, receiving

LOCAL = Rules(allow_loopback=True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def test_a_small_document_comes_as_it_is(receiver: Receiver) -> None:
    receiver.behave = [behaves.answer(200, b'{"keys":[]}')]

    got = get(receiver.url("/keys?v=1"), LOCAL, bytes_max=11)

    assert got == Got(b'{"keys":[]}', "200")
    (asked,) = receiver.received
    assert (asked.method, asked.path, asked.body) == ("GET", "/keys?v=1", b"")
    assert set(asked.headers) == {"host", "user-agent", "accept", "accept-encoding", "connection"}


@pytest.mark.parametrize("body", [b"x" * 12, b"x" * 100_000])
def test_a_document_over_its_limit_is_no_answer(receiver: Receiver, body: bytes) -> None:
    receiver.behave = [behaves.answer(200, body)]

    assert get(receiver.url(), LOCAL, bytes_max=11) == Got(None, "more than 11 bytes")


def test_an_endless_document_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.behave = [behaves.flood]

    assert get(receiver.url(), LOCAL, bytes_max=65_536).body is None
    assert receiver.flooded < 64 * 1024**2  # what the buffers of two sockets hold


@pytest.mark.parametrize("code", [201, 204, 301, 302, 307, 401, 404, 500, 503])
def test_anything_but_200_is_no_answer_and_nothing_follows_a_redirect(receiver: Receiver, code: int) -> None:
    with receiving() as elsewhere:
        receiver.behave = [behaves.answer(code, location=elsewhere.url())]

        assert get(receiver.url(), LOCAL, bytes_max=11) == Got(None, str(code))
        assert elsewhere.received == []


@pytest.mark.parametrize("slow", [behaves.silence, behaves.drip, behaves.drip_body])
def test_an_attempt_ends_in_time_with_its_body(receiver: Receiver, slow: behaves.Behaviour) -> None:
    receiver.behave = [slow]

    got = get(receiver.url(), LOCAL, bytes_max=10**6, seconds_max=0.3)

    assert got == Got(None, "no answer in time")
    assert not receiver.finished.is_set()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://login.example.com/keys", "address refused"),
        ("https://127.0.0.1/keys", "address refused"),
        ("https://10.0.0.1/keys", "address refused"),
        ("https://nosuch.invalid/keys", "unknown name"),
        ("file:///etc/passwd", "address refused"),
    ],
)
def test_the_rules_for_strangers_hold(url: str, said: str) -> None:
    assert get(url, Rules(), bytes_max=11) == Got(None, said)


def test_a_name_that_leads_inside_gets_nothing(receiver: Receiver) -> None:
    rules = Rules(resolve=lambda host, port: ["8.8.8.8", "127.0.0.1"])

    assert get(f"https://login.example.com:{receiver.port}/keys", rules, bytes_max=11).said == "address refused"
    assert receiver.received == []


def test_who_does_not_listen_is_said_to() -> None:
    with receiving() as gone:
        url = gone.url()

    assert get(url, LOCAL, bytes_max=11) == Got(None, "no connection")
