"""Staff sign in at a provider of their own: the whole code flow over HTTP, and everything that must not sign in."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from ledger_service.operations.credentials import is_ours
from ledger_service.operations.sign_in import AWAY_SECONDS_MAX
from ledger_service.operations.staff import SESSION_SECONDS_MAX
from tests.api.asking import Asking, with_issuers
from tests.issuer import LIFE_SECONDS, SUBJECT
from tests.operations.cases import Story
from tests.provider import Provider, provider
from tests.web.browsing import HOST, Browser, Page

ADDRESS = f"https://{HOST}"  # as the provider knows the pages


@pytest.fixture
def ministry(service: Asking) -> Iterator[Provider]:
    """A provider that signs tokens by the ledger's clock."""
    with provider(lambda: service.ledger.clock().timestamp()) as running:
        yield running


@pytest.fixture
def pages(service: Asking, ministry: Provider, tmp_path: Path) -> Asking:
    """The service with that provider in its settings."""
    return with_issuers(service, tmp_path, ministry.issuer(ADDRESS, tmp_path))


def sent_away(browser: Browser, name: str = "ministry") -> str:
    """Press the button of a provider and return where the browser is sent."""
    answer = browser.raw("GET", f"/staff/at/{name}")
    assert answer.status_code == 303
    return str(answer.headers["location"])


def sent_back(away: str) -> str:
    """Be at the provider, and return where it sends the browser: path and query."""
    back = urlsplit(httpx.get(away, follow_redirects=False).headers["location"])
    return f"{back.path}?{back.query}"


def signed_in(pages: Asking) -> tuple[Browser, Page]:
    """Return a browser that went the whole way, and the page that it came back to."""
    browser = Browser(pages.app)
    assert "/staff/at/ministry" in browser.get("/staff").links
    return browser, browser.get(sent_back(sent_away(browser)))


def test_staff_sign_in_where_they_always_do_and_see_what_the_settings_allow(pages: Asking) -> None:
    Story(pages.ledger, pages.folder)
    browser, page = signed_in(pages)

    assert (page.status, page.headings) == (200, ["You are signed in"])
    assert "You are signed in as: regulator." in browser.get("/staff").text
    assert browser.get("/regulator").status == 200
    assert "away" not in browser.cookies
    assert SUBJECT not in page.html
    row = pages.ledger.store.rows("SELECT reference, issuer, credential FROM staff_sessions WHERE issuer IS NOT NULL")[
        -1
    ]
    assert SUBJECT.encode() not in bytes(row[0])
    assert (row[1], row[2]) == ("ministry", None)


def test_the_browser_is_sent_away_with_a_state_a_nonce_and_the_hash_of_a_verifier(
    pages: Asking, ministry: Provider
) -> None:
    browser = Browser(pages.app)

    answer = browser.raw("GET", "/staff/at/ministry")

    asked = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    name, state, nonce, verifier = browser.cookies["away"].split(".")
    assert answer.headers["location"].startswith(f"{ministry.url}/authorize?")
    assert (name, asked["state"], asked["nonce"]) == ("ministry", state, nonce)
    assert asked["redirect_uri"] == f"{ADDRESS}/staff/back"
    assert asked["code_challenge"] == base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
    assert verifier not in answer.headers["location"]
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert f"Max-Age={AWAY_SECONDS_MAX}" in cookie
    assert len({state, nonce, verifier}) == 3
    sent_away(browser)
    assert not {state, nonce, verifier} & set(browser.cookies["away"].split("."))


def test_the_session_ends_with_the_token_and_its_cookie_is_no_token(pages: Asking) -> None:
    browser = Browser(pages.app)
    back = sent_back(sent_away(browser))

    answer = browser.raw("GET", back)

    (cookie,) = [one for one in answer.headers.get_list("set-cookie") if one.startswith("staff=")]
    seconds = int(cookie.split("Max-Age=")[1].split(";")[0])
    assert LIFE_SECONDS - 5 <= seconds <= LIFE_SECONDS < SESSION_SECONDS_MAX
    assert "SameSite=strict" in cookie
    assert not is_ours(browser.cookies["staff"])
    assert pages.ask("GET", "/v1/returns", browser.cookies["staff"]).status_code == 401
    pages.ledger.store.change("UPDATE staff_sessions SET expires_at = '2026-01-01T00:00:00.000Z'")
    assert browser.get("/regulator").status == 401


@pytest.mark.parametrize("changed", ["state", "other_browser", "no_cookie", "iss", "error", "code", "no_code", "again"])
def test_a_code_counts_only_in_the_browser_that_was_sent_away_and_once(
    pages: Asking, ministry: Provider, changed: str
) -> None:
    browser = Browser(pages.app)
    back = sent_back(sent_away(browser))
    brought = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    if changed == "state":
        brought["state"] = brought["state"][:-1] + ("A" if brought["state"][-1] != "A" else "B")
    elif changed == "other_browser":
        sent_away(browser)  # another sign-in was begun: what is kept is of that one
    elif changed == "no_cookie":
        browser = Browser(pages.app)
    elif changed == "iss":
        brought["iss"] = "https://login.attacker.example"
    elif changed == "error":
        brought = {"error": "access_denied", "state": brought["state"]}
    elif changed == "code":
        brought["code"] = "of-somebody-else"
    elif changed == "no_code":
        del brought["code"]
    else:
        kept = browser.cookies["away"]
        assert browser.get(back).status == 200
        browser = Browser(pages.app)
        browser.cookies.set("away", kept, domain=HOST)

    page = browser.get(f"/staff/back?{urlencode(brought)}")

    assert page.status == 401
    assert "You are not signed in" in page.text
    assert "staff" not in browser.cookies
    assert ministry.url not in page.html


@pytest.mark.parametrize(
    "spoiled",
    [
        {"nonce": "of another sign-in"},
        {"nonce": ...},
        {"nonce": 7},
        {"aud": "return-ledger"},  # a token for the API is none for the pages
        {"aud": ["return-ledger-pages", "somebody"]},
        {"aud": ["return-ledger-pages", "somebody"], "azp": "somebody"},
        {"azp": "somebody"},
        {"iss": "https://login.court.example"},
        {"exp": 1},
        {"sub": ...},
    ],
)
def test_an_id_token_for_anything_else_signs_nobody_in(
    pages: Asking, ministry: Provider, spoiled: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    ministry.spoil = spoiled
    browser, page = signed_in(pages)

    assert (page.status, "staff" in browser.cookies) == (401, False)
    assert "token_refused" in capsys.readouterr().out  # the operator learns why; the page does not say


@pytest.mark.parametrize(
    "fitting", [{"aud": ["return-ledger-pages"]}, {"aud": ["x", "return-ledger-pages"], "azp": "return-ledger-pages"}]
)
def test_an_id_token_for_several_counts_where_it_says_for_whom(
    pages: Asking, ministry: Provider, fitting: dict[str, Any]
) -> None:
    ministry.spoil = fitting

    assert signed_in(pages)[1].status == 200


def test_a_token_with_another_signature_signs_nobody_in(pages: Asking, ministry: Provider) -> None:
    browser = Browser(pages.app)
    back = sent_back(sent_away(browser))
    code, asked = next(iter(ministry.codes.items()))
    verifier = browser.cookies["away"].split(".")[3]
    fields = {
        "code": code,
        "code_verifier": verifier,
        "client_id": ministry.client,
        "redirect_uri": f"{ADDRESS}/staff/back",
    }
    pair = base64.b64encode(f"{ministry.client}:a_secret%3A_with_%2B_and_%25".encode()).decode()
    _, right = ministry.exchange(fields, f"Basic {pair}")
    token = json.loads(right)["id_token"]
    ministry.codes[code] = asked
    ministry.answer = (
        200,
        json.dumps({"id_token": token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")}).encode(),
    )

    assert browser.get(back).status == 401


@pytest.mark.parametrize(
    "answer", [(500, b"{}"), (200, b"no JSON"), (200, b"[]"), (200, b'{"id_token": 7}'), (200, b" " * 70_000)]
)
def test_a_provider_that_does_not_answer_is_told_apart_from_a_refusal(
    pages: Asking, ministry: Provider, answer: tuple[int, bytes]
) -> None:
    ministry.answer = answer
    _, page = signed_in(pages)

    assert page.status == 503
    assert "Nothing is known against you" in page.text


def test_a_provider_that_is_not_there_is_told_apart_too(service: Asking, ministry: Provider, tmp_path: Path) -> None:
    issuer = ministry.issuer(ADDRESS, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        issuer["pages"]["token_url"] = f"http://127.0.0.1:{gone.getsockname()[1]}/token"
    pages = with_issuers(service, tmp_path, issuer)

    assert signed_in(pages)[1].status == 503


def test_a_wrong_secret_of_ours_signs_nobody_in(pages: Asking, ministry: Provider) -> None:
    ministry.secret = "another"

    assert signed_in(pages)[1].status == 401


def test_a_client_without_a_secret_is_known_by_its_verifier(
    service: Asking, ministry: Provider, tmp_path: Path
) -> None:
    ministry.secret = None
    pages = with_issuers(service, tmp_path, ministry.issuer(ADDRESS, tmp_path))

    assert signed_in(pages)[1].status == 200


def test_without_a_provider_only_the_form_for_a_key_is_shown(service: Asking, pages: Asking, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    issuer = pages.app.state.site.providers.issuers["ministry"]
    assert issuer.pages is not None
    bare = with_issuers(service, tmp_path / "bare")

    for without in (service, bare):
        page = Browser(without.app).get("/staff")
        assert not [link for link in page.links if link.startswith("/staff/at/")]
        assert "Your key" in page.text
    assert Browser(bare.app).get("/staff/at/court").status == 404
    assert Browser(pages.app).get("/staff/at/nobody").status == 404


def test_a_session_ends_when_the_issuer_leaves_the_settings_or_speaks_of_others(
    service: Asking, pages: Asking, ministry: Provider, tmp_path: Path
) -> None:
    browser, _ = signed_in(pages)
    found = []
    others: list[dict[str, Any]] = [
        {},
        {"countries": ["FR"]},
        {"name": "another"},
        {"role": "arbitrator", "countries": []},
        {"reference_prefix": "office/"},
    ]
    for number, changed in enumerate(others):
        (folder := tmp_path / str(number)).mkdir()
        with_other = with_issuers(service, folder, ministry.issuer(ADDRESS, folder, **changed))
        found.append(Browser(with_other.app, cookies=browser.cookies).get("/regulator").status)

    assert found == [200, 200, 401, 401, 401]
    pages.ledger.keys.destroy(pages.ledger.keys.key_for(f"party:ministry/{SUBJECT}")[0])
    assert browser.get("/regulator").status == 401


def test_signing_in_again_and_signing_out_end_a_session(pages: Asking) -> None:
    browser, _ = signed_in(pages)
    before = Browser(pages.app, cookies=browser.cookies)
    assert browser.get(sent_back(sent_away(browser))).status == 200

    assert before.get("/regulator").status == 401
    browser.send(browser.get("/staff"), "/staff/leave")
    assert browser.get("/regulator").status == 401
