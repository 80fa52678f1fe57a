"""A regulator walks through the statistics in a real browser, on a phone and on a desk, in both languages."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser

from ledger_service.cli.connection import server_config
from ledger_service.core.entry import Role
from ledger_service.operations.pseudonyms import Party
from tests.api.asking import Asking, with_issuers
from tests.operations.cases import Story
from tests.provider import provider
from tests.web.test_staff import key_for
from tests.web.walking import PHONE, walker

pytestmark = pytest.mark.campaign
DESK = {"width": 1280, "height": 900}
WORDS = {
    "en": {"page": "Statistics", "share": "overturned, of all refusals", "out": "Your key"},
    "zh-CN": {"page": "统计", "share": "推翻率（占全部拒绝）", "out": "您的密钥"},
}


@pytest.mark.parametrize(("language", "screen"), [("en", PHONE), ("zh-CN", DESK)])
def test_a_regulator_sees_the_numbers_change(
    service: Asking, address: str, chromium: Browser, language: str, screen: dict[str, int]
) -> None:
    words, seller = WORDS[language], Party(Role.SELLER, f"seller-{language}")
    story = Story(service.ledger, service.folder, seller=seller).decline()
    Story(service.ledger, service.folder).approve().ship().hold().release()
    who, context = walker(chromium, address, language=language, viewport=screen)

    def share() -> str:
        return who.page.inner_text(f"dt:text-is('{words['share']}') + dd")

    who.go("/staff")
    who.page.fill("#key", key_for(service).token)
    who.follow("main form button")
    who.follow("main a.button")
    assert who.page.inner_text("h1") == words["page"]
    before = share()
    story.overturn()
    who.go("/regulator")
    assert share() != before
    who.page.fill("#buyer_country", "DE")
    who.page.select_option("#verb", "decline_return")
    who.page.keyboard.press("Tab")
    who.follow("main form[role=search] button")
    assert "buyer_country=DE" in who.page.url
    assert who.page.locator("svg[role=img]").count() >= 2
    assert who.page.locator("#months").count() == 1
    who.page.fill("#name", "德国 / Germany")
    who.follow("form[action='/regulator/saved'] button")
    assert who.page.inner_text(".saved a") == "德国 / Germany"
    who.page.emulate_media(color_scheme="dark")
    who.look()
    who.page.emulate_media(media="print", color_scheme="light")
    assert who.page.evaluate("getComputedStyle(document.querySelector('.bar.first')).fill") == "rgb(0, 0, 0)"
    who.page.emulate_media(media="screen")
    who.page.fill("#buyer_country", "de")
    with who.page.expect_navigation():
        who.page.click("main form[role=search] button")
    who.console.clear()  # a page that says 400 is an error to the console
    who.look()
    who.follow("footer form button")
    assert words["out"] in who.page.inner_text("main")
    context.close()


def test_the_page_works_without_a_script(service: Asking, address: str, chromium: Browser) -> None:
    Story(service.ledger, service.folder).decline()
    context = chromium.new_context(java_script_enabled=False, locale="en", viewport=PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(address + "/staff")
    page.fill("#key", key_for(service).token)
    page.click("main form button")
    page.click("main a.button")
    page.fill("#from", "2026-11")
    page.click("main form[role=search] button")

    assert "from=2026-11" in page.url
    assert page.locator("#months").count() == 1
    with page.expect_download() as sent:
        page.click("form[action='/regulator/export'] button")
    assert sent.value.suggested_filename == "export.ndjson"
    context.close()


def test_staff_come_back_from_a_provider_on_another_site_signed_in(
    service: Asking, chromium: Browser, tmp_path: Path
) -> None:
    """Provider and pages are two sites to the browser: it decides which cookie goes along, as it would outside."""
    with (
        provider(lambda: service.ledger.clock().timestamp()) as ministry,
        socket.create_server(("127.0.0.1", 0)) as port,
    ):
        address = f"http://localhost:{port.getsockname()[1]}"
        app = with_issuers(service, tmp_path, ministry.issuer(address, tmp_path)).app
        server = uvicorn.Server(server_config(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [port]})
        thread.start()
        who, context = walker(chromium, address)
        who.go("/staff")
        with who.page.expect_navigation():
            who.page.click("main li a.button")
        assert any(path.startswith("/authorize?") for path in ministry.seen)
        assert who.page.url.startswith(f"{address}/staff/back?code=")
        assert [one for one in who.strangers if not one.startswith(f"{ministry.url}/authorize?")] == []
        who.strangers.clear()
        who.look()
        assert who.page.inner_text("h1") == "You are signed in"
        who.follow("main a.button")
        who.follow("main a.button")
        assert who.page.inner_text("h1") == "Statistics"
        context.close()
        server.should_exit = True
        thread.join()
