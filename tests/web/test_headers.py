"""What a browser is told beside a page: no other site reads an answer, cookies stay where they were set (F13)."""

from __future__ import annotations

import asyncio
from http.cookies import Morsel, SimpleCookie

import httpx
import pytest

from ledger_service.api.problem_types import PROBLEM_TYPES
from ledger_service.core.entry import Role
from ledger_service.operations.pseudonyms import Party
from tests.api.asking import Asking
from tests.operations.world import PLATFORM
from tests.web.browsing import HOST, Browser
from tests.web.test_follow import link_to, opened
from tests.web.test_staff import key_for

ELSEWHERE = {"Origin": "https://elsewhere.example"}


def sent(service: Asking, scheme: str, path: str, fields: dict[str, str]) -> dict[str, Morsel[str]]:
    """Send a form over http or https and return the cookies that are set."""

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(service.app)
        async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://{HOST}") as client:
            return await client.post(path, data=fields, headers={"Origin": f"{scheme}://{HOST}"})

    answer = asyncio.run(run())
    assert answer.status_code == 303, answer.text
    found: SimpleCookie = SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        found.load(line)
    return dict(found)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_cookies_that_were_set_over_https_go_back_over_nothing_else(service: Asking, scheme: str) -> None:
    name = f"{scheme}@headers"
    link = link_to(service, service.open_case(name), Party(Role.BUYER, name))
    key = Browser(service.app).get("/open").form("/open").fields["key"]

    session = sent(service, scheme, "/open", {"link": link, "key": key})["session"]
    staff = sent(service, scheme, "/staff", {"key": key_for(service).token})["staff"]
    language = sent(service, scheme, "/language", {"tag": "zh-Hans", "back": "/"})["language"]

    for cookie, site in ((session, "strict"), (staff, "strict"), (language, "lax")):
        assert bool(cookie["secure"]) == (scheme == "https"), cookie.key
        assert (bool(cookie["httponly"]), cookie["samesite"].lower(), cookie["path"]) == (True, site, "/")
        assert cookie["domain"] == "", "it would go to the hosts under this one too"


def test_no_answer_may_be_read_by_another_site(service: Asking) -> None:
    browser, _, _ = opened(service, "cors@headers")
    asked = {**ELSEWHERE, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    paths = ["/", "/return", "/log", "/staff", "/verify", "/help", "/no/such", "/checkpoint", "/v1/entries/0"]
    answers = [browser.raw("GET", path, headers=ELSEWHERE) for path in paths]
    answers += [browser.raw("OPTIONS", path, headers=asked) for path in paths]
    answers.append(service.ask("GET", "/v1/returns", PLATFORM, headers=ELSEWHERE))

    allowed = [
        f"{answer.request.method} {answer.url.path}: {name}"
        for answer in answers
        for name in answer.headers
        if name.startswith("access-control-")
    ]
    assert allowed == []


def test_every_problem_is_found_from_the_foot_of_a_page(service: Asking) -> None:
    browser = Browser(service.app)

    page = browser.get("/help")

    assert "/help" in browser.get("/").links
    assert {one.url for one in PROBLEM_TYPES.values()} <= set(page.links)
    assert all(one.title in page.text for one in PROBLEM_TYPES.values())
