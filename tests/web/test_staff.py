"""Staff sign in with a key that is typed once, stay signed in as long as it counts, and sign out."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.core.entry import Role
from ledger_service.operations.access import local_reader
from ledger_service.operations.credentials import Issued, issue_key
from ledger_service.operations.principal import SCOPES_OF, Scope
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.revoke import revoke
from ledger_service.operations.staff import SESSION_SECONDS_MAX
from tests.api.asking import Asking
from tests.web.browsing import HOST, Browser
from tests.web.test_follow import link_to, opened

MINISTRY = Party(Role.REGULATOR, "ministry")


def key_for(service: Asking, party: Party = MINISTRY, **more: Any) -> Issued:
    """Return a key with all that its role may have; a regulator sees Germany."""
    given: dict[str, Any] = {"label": "x", "scopes": SCOPES_OF[party.role]}
    if party.role is Role.REGULATOR:
        given["countries"] = ("DE",)
    return issue_key(service.ledger, party, **(given | more))


def signed_in(service: Asking, party: Party = MINISTRY, *, accepts: str = "en", **more: Any) -> tuple[Browser, Issued]:
    """Return the browser of somebody who signed in, and the key."""
    browser, key = Browser(service.app, accepts=accepts), key_for(service, party, **more)
    assert browser.send(browser.get("/staff"), "/staff", key=key.token).status == 200
    return browser, key


def test_a_key_is_exchanged_for_a_session_and_stands_in_no_page_and_no_cookie(service: Asking) -> None:
    browser, key = signed_in(service)

    page = browser.get("/staff")

    assert "You are signed in as: regulator." in page.text
    assert "Germany" in page.text
    assert "/regulator" in page.links
    secret = key.token.split("_", 2)[2]
    assert secret not in page.html
    assert [name for name in browser.cookies if secret in (browser.cookies.get(name) or "")] == []


def test_the_session_is_in_a_cookie_that_no_script_and_no_other_site_gets(service: Asking) -> None:
    browser = Browser(service.app)
    sent = {"data": {"key": key_for(service).token}, "headers": {"Origin": f"http://{HOST}"}}

    cookie = browser.raw("POST", "/staff", **sent).headers["set-cookie"]

    assert cookie.startswith("staff=rlt_")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert f"Max-Age={SESSION_SECONDS_MAX}" in cookie


@pytest.mark.parametrize("kind", ["nothing", "guess", "link", "session", "revoked", "expired"])
def test_what_is_no_key_that_counts_signs_nobody_in(service: Asking, kind: str) -> None:
    key = key_for(service)
    token = key.token
    if kind == "nothing":
        token = ""
    elif kind == "guess":
        token = key.token[:-43] + "A" * 43
    elif kind == "link":
        token = link_to(service, service.open_case("a@staff"), Party(Role.BUYER, "a@staff")).rpartition("#")[2]
    elif kind == "session":
        of_link, _, _ = opened(service, "b@staff")
        token = of_link.cookies["session"]
    elif kind == "revoked":
        revoke(service.ledger, key.credential)
    else:
        now = service.ledger.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        service.ledger.store.change(
            "UPDATE credentials SET expires_at = ? WHERE prefix = ?", now, key.credential.prefix
        )
    browser = Browser(service.app)

    page = browser.send(browser.get("/staff"), "/staff", key=token)

    assert (page.status, dict(browser.cookies)) == (401, {})
    assert "This does not sign you in" in page.text


def test_a_session_ends_with_its_key(service: Asking) -> None:
    browser, key = signed_in(service)
    other, _ = signed_in(service)
    assert browser.get("/regulator").status == 200

    revoke(service.ledger, key.credential)

    assert browser.get("/regulator").status == 401
    assert "Your key" in browser.get("/staff").text
    assert other.get("/regulator").status == 200


def test_a_session_ends_when_it_is_signed_out_of_for_whoever_holds_it(service: Asking) -> None:
    browser, _ = signed_in(service)
    thief = Browser(service.app, cookies=browser.cookies)
    assert thief.get("/regulator").status == 200

    page = browser.send(browser.get("/staff"), "/staff/leave")

    assert "Your key" in page.text
    assert "staff" not in browser.cookies
    assert thief.get("/regulator").status == 401
    assert browser.post("/staff/leave", {}).status == 200  # once more does no harm


def test_a_session_ends_after_its_time_and_one_that_is_made_later_sweeps_it_away(service: Asking) -> None:
    browser, _ = signed_in(service)
    store = service.ledger.store
    store.change("UPDATE staff_sessions SET expires_at = '2026-01-01T00:00:00.000Z'")

    assert browser.get("/regulator").status == 401
    signed_in(service)
    assert store.rows("SELECT COUNT(*) FROM staff_sessions")[0][0] == 1


def test_signing_in_again_ends_the_session_before(service: Asking) -> None:
    browser, _ = signed_in(service)
    before = Browser(service.app, cookies=browser.cookies)
    token = browser.cookies["staff"]

    assert browser.post("/staff", {"key": key_for(service).token}).status == 200

    assert browser.cookies["staff"] != token
    assert before.get("/staff").text.count("Your key") == 1


def test_a_forged_session_is_none(service: Asking) -> None:
    browser, _ = signed_in(service)
    prefix = browser.cookies["staff"][:21]

    for token in (prefix + "A" * 43, "rlt_" + "0" * 16 + "_" + "A" * 43, "x", key_for(service).token):
        forged = Browser(service.app)
        forged.cookies.set("staff", token, domain=HOST)
        assert forged.get("/regulator").status == 401


def test_a_form_from_elsewhere_signs_nobody_in_or_out(service: Asking) -> None:
    browser, key = signed_in(service)
    headers = {"Origin": "https://elsewhere.example", "Sec_Fetch_Site": "cross-site"}

    assert Browser(service.app).post("/staff", {"key": key.token}, **headers).status == 403
    assert browser.post("/staff/leave", {}, **headers).status == 403
    assert browser.get("/regulator").status == 200


def test_a_staff_session_opens_no_return_and_a_link_no_statistics(service: Asking) -> None:
    staff, _ = signed_in(service)
    buyer, _, _ = opened(service, "c@staff")

    assert staff.get("/return").status == 401
    assert buyer.get("/regulator").status == 401


def test_a_key_without_the_scope_is_told_so(service: Asking) -> None:
    browser, _ = signed_in(service, Party(Role.REGULATOR, "looks"), scopes=[Scope.READ])

    page = browser.get("/regulator")

    assert page.status == 403
    assert "scope export" in page.text
    assert "/regulator" not in browser.get("/staff").links


def test_the_data_of_a_party_take_its_sessions_along(service: Asking) -> None:
    party = Party(Role.ARBITRATOR, "court-9")
    browser, _ = signed_in(service, party)
    assert "You are signed in as: arbitrator." in browser.get("/staff").text

    key_id, _ = service.ledger.keys.key_for("party:court-9")
    service.ledger.keys.destroy(key_id)

    assert "Your key" in browser.get("/staff").text
    assert service.ledger.erasures.holds_of(key_id, [local_reader(service.ledger, party).mark])
    service.ledger.erasures.take_out(keys=[key_id], marks=[], scopes=[])
    assert service.ledger.store.rows("SELECT COUNT(*) FROM staff_sessions WHERE key_id = ?", key_id)[0][0] == 0


def test_the_page_is_in_chinese_too(service: Asking) -> None:
    browser, _ = signed_in(service, accepts="zh")

    page = browser.get("/staff")

    assert page.language == "zh-Hans"
    assert "您的登录身份：监管机构。" in page.text
    assert "德国" in page.text
