"""Who may see which page: every route of the pages × nobody, sessions of one-time links, and staff of each role.

The table has a row for every route; a route without one fails. Whoever may see a page gets it, or is told what is
wrong with an empty form; whoever may not gets 401 without a session, 403 with one that lacks the scope.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import httpx
import pytest
from starlette.routing import Route

from ledger_service.api.openapi import routes_of
from ledger_service.app import make_app
from ledger_service.core.entry import Role
from ledger_service.operations.credentials import issue_key, issue_link, redeem_link
from ledger_service.operations.principal import SCOPES_OF, Scope
from ledger_service.operations.staff import sign_in_with_key
from ledger_service.web import pages
from ledger_service.web.session import COOKIE, STAFF_COOKIE
from tests.api.asking import PARTIES, Asking
from tests.operations.world import BUYER, PLATFORM
from tests.web.test_start import body

ANYBODY, LINK, START = "anybody", "a session of a link", "a session that opens a return"
Who = str | Scope
ROWS: dict[str, Who] = {
    "GET /": ANYBODY,
    "GET /log": ANYBODY,
    "GET /what-it-proves": ANYBODY,
    "GET /help": ANYBODY,
    "POST /language": ANYBODY,
    "GET /static/{digest}/{name}": ANYBODY,
    "GET /open": ANYBODY,
    "POST /open": ANYBODY,
    "GET /verify": ANYBODY,
    "GET /verifier.html": ANYBODY,
    "GET /verifier.html.sha256": ANYBODY,
    "GET /staff": ANYBODY,
    "POST /staff": ANYBODY,
    "GET /staff/at/{name}": ANYBODY,
    "GET /staff/back": ANYBODY,
    "POST /staff/leave": ANYBODY,
    "POST /leave": ANYBODY,
    "GET /return": LINK,
    "GET /return/receipts/{index}": LINK,
    "GET /return/entries/{index}": LINK,
    "GET /return/receipts/{index}/pdf": LINK,
    "GET /return/steps/request_return": START,
    "GET /return/steps/request_return/{basis}": START,
    "POST /return/steps/request_return/{basis}": START,
    "GET /return/steps/{verb}": LINK,
    "POST /return/steps/{verb}": LINK,
    "GET /return/steps/{verb}/{dispute_id}": LINK,
    "POST /return/steps/{verb}/{dispute_id}": LINK,
    "GET /return/recorded/{index}": LINK,
    "GET /return/recorded/{index}/again": LINK,
    "POST /return/files/{key}/{verb}": LINK,
    "POST /return/files/{key}/{verb}/{dispute_id}": LINK,
    "GET /return/parts/{sha256}": LINK,
    "PUT /return/parts/{sha256}": LINK,
    "GET /return/case": LINK,
    "GET /return/pictures": LINK,
    "GET /return/proofs": LINK,
    "GET /return/completeness": LINK,
    "GET /return/pictures/{index}/{position}": LINK,
    "GET /return/files/{index}/{position}": LINK,
    "POST /return/package": LINK,
    "GET /regulator": Scope.EXPORT,
    "GET /regulator/statistics.csv": Scope.EXPORT,
    "GET /regulator/statistics.json": Scope.EXPORT,
    "GET /regulator/completeness.json": Scope.EXPORT,
    "POST /regulator/export": Scope.EXPORT,
    "POST /regulator/saved": Scope.EXPORT,
    "POST /regulator/saved/remove": Scope.EXPORT,
    "GET /operator": Scope.OPERATE,
}
OURS = {"Origin": "http://ledger.test", "Sec-Fetch-Site": "same-origin"}


def names(routes: Iterable[object]) -> set[str]:
    """Return the routes of pages as `METHOD path`, HEAD aside."""
    found = [route for route in routes if isinstance(route, Route)]
    return {f"{method} {route.path}" for route in found for method in route.methods or () if method != "HEAD"}


def undescribed(service: Asking) -> set[str]:
    """Return the routes of the application that its description has not."""
    described = {f"{method} {route.path}" for route in routes_of(service.app) for method in route.methods or ()}
    return names(service.app.routes) - described - {"GET /openapi.json"}


def test_every_page_has_a_row_and_every_row_a_page(service: Asking) -> None:
    assert undescribed(service) == set(ROWS) == names(pages.ROUTES)


def nothing_to_see() -> str:
    """Answer a route that no row knows."""
    return ""


def test_a_new_page_is_noticed(service: Asking) -> None:
    app = make_app(service.ledger, service.app.state.service.settings)
    app.add_api_route("/backdoor", nothing_to_see, include_in_schema=False)

    assert undescribed(Asking(service.ledger, app, service.folder)) - set(ROWS) == {"GET /backdoor"}


@pytest.fixture(scope="module")
def places(service: Asking) -> dict[str, str]:
    """What stands in the paths: an entry of the return that the sessions of links are for."""
    return_id = service.open_case()
    index = service.ledger.read.case(return_id).last_index
    return {
        "return_id": return_id, "other": service.open_case("somebody-else"), "index": str(index), "position": "0",
        "verb": "withdraw_request", "basis": "statutory_withdrawal",
        "dispute_id": "0" * 32, "key": "0" * 32, "sha256": "0" * 64, "digest": "0" * 16, "name": "site.css",
    }  # fmt: skip


@pytest.fixture
def askers(service: Asking, places: dict[str, str]) -> dict[str, dict[str, str]]:
    """The cookies of whoever asks: new ones for each page, since two of them end a session."""
    ledger = service.ledger

    def redeemed(token: str) -> dict[str, str]:
        return {COOKIE: redeem_link(ledger, token, "try")[0].token}

    found: dict[str, dict[str, str]] = {"nobody": {}}
    found[LINK] = redeemed(issue_link(ledger, BUYER, places["return_id"], valid_seconds=600).token)
    found["a session of a link to another return"] = redeemed(
        issue_link(ledger, BUYER, places["other"], valid_seconds=600).token
    )
    found[START] = redeemed(service.post("/v1/links", PLATFORM, body("starts")).json()["token"])
    for role, party in PARTIES.items():
        key = issue_key(
            ledger, party, label="x", scopes=SCOPES_OF[role], countries=["DE"] if role is Role.REGULATOR else []
        )
        found[role.value] = {STAFF_COOKIE: sign_in_with_key(ledger, key.token).token}
    return found


def ask(service: Asking, row: str, places: dict[str, str], cookies: dict[str, str]) -> int:
    """Return the status of a page; a form is sent from a page of ours, with nothing in it."""
    method, path = row.split(" ")

    async def asked() -> int:
        transport = httpx.ASGITransport(service.app, raise_app_exceptions=False)
        headers = OURS | {"Content-Type": "application/x-www-form-urlencoded"} if method == "POST" else OURS
        async with httpx.AsyncClient(transport=transport, base_url="http://ledger.test", cookies=cookies) as client:
            return (await client.request(method, path.format(**places), headers=headers)).status_code

    return asyncio.run(asked())


@pytest.mark.parametrize("row", sorted(ROWS))
def test_everybody_gets_the_pages_that_are_theirs(
    service: Asking, places: dict[str, str], askers: dict[str, dict[str, str]], row: str
) -> None:
    for who, cookies in askers.items():
        status = ask(service, row, places, cookies)
        assert status < 500, (who, status)
        assert wanted(row, who, status), (who, status)


def wanted(row: str, who: str, status: int) -> bool:
    """Say whether a status is right for who asked."""
    needs, link = ROWS[row], who.startswith("a session")
    if needs == ANYBODY:
        # Whoever sends no key, or comes back from no provider, has not signed in yet.
        return status not in (401, 403) or row in ("POST /staff", "POST /open", "GET /staff/back")
    if needs in (LINK, START):
        if not link:
            return status == 401
        if "{index}" in row and who != LINK:
            return status == 404
        return status not in (401, 403)
    role = None if link or who == "nobody" else Role(who)
    if role is None:
        return status == 401
    return status not in (401, 403) if needs in SCOPES_OF[role] else status == 403
