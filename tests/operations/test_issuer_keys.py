"""The keys of issuers over time: kept, asked for anew when due and not before; who cannot be asked has not said no."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger_service.operations import issuer_keys as module
from ledger_service.operations.issuer_keys import (
    ASK_SECONDS_MIN,
    BELIEVED_SECONDS,
    FRESH_SECONDS,
    RETRY_SECONDS_MIN,
    IssuerKeys,
    IssuerUnreachableError,
    fetch_with,
)
from ledger_service.operations.issuers import Issuer, parse_issuers
from ledger_service.outbound.connection import Rules
from ledger_service.outbound.get import Got
from tests import receiver as behaves
from tests.issuer import COUNTS, key_set, settings_file
from tests.receiver import receiving

PLACE = "https://login.court.example/keys"


class Site:
    """What an issuer publishes, and a clock: `keys` None means that nobody answers."""

    def __init__(self, *algorithms: str) -> None:
        self.body: bytes | None = json.dumps(key_set(*algorithms)).encode()
        self.asked = 0
        self.now = 1000.0
        self.meanwhile: Callable[[], object] = lambda: None

    def fetch(self, url: str) -> Got:
        """Answer as the site does now."""
        assert url == PLACE
        self.asked += 1
        self.meanwhile()
        return Got(self.body, "200" if self.body is not None else "no connection")

    def publish(self, *algorithms: str, number: int = 0) -> None:
        """Publish other keys."""
        self.body = json.dumps(key_set(*algorithms, number=number)).encode()


@pytest.fixture
def site() -> Site:
    return Site("ES256")


@pytest.fixture
def keys(site: Site) -> IssuerKeys:
    return IssuerKeys(site.fetch, monotonic=lambda: site.now)


def issuer(name: str = "court") -> Issuer:
    """Return an issuer whose keys are at a URL."""
    (found,) = parse_issuers(settings_file({**COUNTS, "name": name, "keys": {"jwks_url": PLACE}}), folder=Path())
    return found


COURT = issuer()


def is_there(keys: IssuerKeys, kid: str = "es256-0") -> bool:
    """Say whether the court has this key; fails if it could not be asked."""
    return keys.find(COURT, kid) is not None


def test_keys_are_fetched_when_first_needed_and_kept(site: Site, keys: IssuerKeys) -> None:
    assert site.asked == 0
    for _ in range(100):
        assert is_there(keys)
    assert site.asked == 1


def test_an_unknown_kid_asks_once_a_minute_however_many_are_sent(site: Site, keys: IssuerKeys) -> None:
    assert is_there(keys)
    site.now += ASK_SECONDS_MIN
    for number in range(1000):
        assert not is_there(keys, f"made-up-{number}")
    assert site.asked == 2

    site.now += ASK_SECONDS_MIN - 0.001
    assert not is_there(keys, "made-up")
    assert site.asked == 2

    site.now += 0.001
    assert not is_there(keys, "made-up")
    assert site.asked == 3


def test_each_issuer_has_a_minute_of_its_own(site: Site, keys: IssuerKeys) -> None:
    assert is_there(keys)

    assert keys.find(issuer("second"), "es256-0") is not None
    assert site.asked == 2


def test_a_key_that_comes_is_found_and_one_that_goes_stops_counting(site: Site, keys: IssuerKeys) -> None:
    assert is_there(keys)
    site.publish("RS256")
    site.now += ASK_SECONDS_MIN

    assert is_there(keys, "rs256-0")  # an unknown kid: asked anew
    assert not is_there(keys)


def test_a_withdrawn_key_stops_counting_within_the_hour_though_nobody_sends_an_unknown_one(
    site: Site, keys: IssuerKeys
) -> None:
    assert is_there(keys)
    site.body = b'{"keys": []}'
    site.now += FRESH_SECONDS - 1
    assert is_there(keys)

    site.now += 1
    assert not is_there(keys)


def test_who_cannot_be_asked_has_not_said_no(site: Site, keys: IssuerKeys) -> None:
    site.body = None
    for _ in range(3):
        with pytest.raises(IssuerUnreachableError, match="no connection") as raised:
            is_there(keys)
    assert (site.asked, raised.value.retry_after_seconds) == (1, RETRY_SECONDS_MIN)

    site.now += 4
    with pytest.raises(IssuerUnreachableError) as raised:
        is_there(keys)
    assert raised.value.retry_after_seconds == RETRY_SECONDS_MIN - 4

    site.publish("ES256")
    site.now += RETRY_SECONDS_MIN - 4
    assert is_there(keys)
    assert site.asked == 2


@pytest.mark.parametrize("garbage", [b"<html>moved</html>", b"", b'{"keys": 1}', b"\xff\xfe"])
def test_an_answer_that_is_no_key_set_is_none(site: Site, keys: IssuerKeys, garbage: bytes) -> None:
    site.body = garbage

    with pytest.raises(IssuerUnreachableError, match="JWK Set"):
        is_there(keys)


def test_known_keys_count_for_a_day_while_their_issuer_is_away_and_unknown_ones_are_unknown(
    site: Site, keys: IssuerKeys
) -> None:
    assert is_there(keys)
    site.body = None
    site.now += FRESH_SECONDS
    assert is_there(keys)
    with pytest.raises(IssuerUnreachableError):
        is_there(keys, "another")

    site.now += BELIEVED_SECONDS - FRESH_SECONDS
    assert is_there(keys)
    site.now += 1
    with pytest.raises(IssuerUnreachableError):
        is_there(keys)


def test_nobody_waits_for_another_s_question(site: Site, keys: IssuerKeys) -> None:
    assert is_there(keys)
    site.now += ASK_SECONDS_MIN
    found: list[object] = []

    def meanwhile() -> None:
        found.append(is_there(keys))
        with pytest.raises(IssuerUnreachableError) as raised:  # no answer yet, so no "no" either
            is_there(keys, "another")
        found.append(raised.value.retry_after_seconds)

    def in_another_thread() -> None:
        thread = threading.Thread(target=meanwhile, daemon=True)
        thread.start()
        thread.join(timeout=30)  # whoever waits for the question that waits for it is found out, and hangs nobody

    site.meanwhile = in_another_thread
    assert not is_there(keys, "unknown")

    assert found == [True, 1]
    assert site.asked == 2


def test_a_fetch_that_breaks_leaves_the_next_one_free(site: Site, keys: IssuerKeys) -> None:
    def breaks() -> None:
        raise RuntimeError("a fault of ours")

    site.meanwhile = breaks
    with pytest.raises(RuntimeError):
        is_there(keys)
    site.meanwhile = lambda: None
    site.now += RETRY_SECONDS_MIN

    assert is_there(keys)


def test_keys_of_the_settings_are_never_asked_for(site: Site, keys: IssuerKeys) -> None:
    (fixed,) = parse_issuers(settings_file({**COUNTS, "keys": {"jwks": key_set("ES256")}}), folder=Path())

    assert keys.find(fixed, "es256-0") is not None
    assert keys.find(fixed, "another") is None
    assert list(keys.examine(fixed).keys) == ["es256-0"]
    assert site.asked == 0


def test_an_examination_asks_anew(site: Site, keys: IssuerKeys) -> None:
    assert list(keys.examine(COURT).keys) == ["es256-0"]
    assert list(keys.examine(COURT).keys) == ["es256-0"]
    assert site.asked == 2
    site.body = None
    with pytest.raises(IssuerUnreachableError):
        keys.examine(COURT)


def test_over_a_socket_the_size_of_an_answer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps(key_set("ES256")).encode()
    monkeypatch.setattr(module, "KEY_SET_BYTES_MAX", len(body))
    with receiving() as server:
        local = {**COUNTS, "keys": {"jwks_url": server.url("/keys")}}
        (found,) = parse_issuers(settings_file(local), folder=Path(), allow_loopback=True)
        server.behave = [behaves.answer(200, body + b" "), behaves.answer(200, body)]
        fetch = fetch_with(Rules(allow_loopback=True))

        with pytest.raises(IssuerUnreachableError, match="more than"):
            IssuerKeys(fetch).find(found, "es256-0")
        assert IssuerKeys(fetch).find(found, "es256-0") is not None
