"""With a keyboard alone: links, uploads, steps of each party, the package, statistics; what is wrong gets the focus."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from ledger_service.core.entry import Role
from ledger_service.operations.pseudonyms import Party
from tests.api.asking import Asking
from tests.operations.cases import COURT, Story
from tests.operations.world import BUYER, SELLER
from tests.web.all_pages import PRICED, WAREHOUSE
from tests.web.keyboard import attach, choose, holds_focus, press, reach, write
from tests.web.test_follow import link_to
from tests.web.test_staff import key_for
from tests.web.walking import Walker, walker

pytestmark = pytest.mark.campaign
RECORD = "main form.card button.button:not(.quiet)"
DONE = "Your step is recorded"


def entered(
    service: Asking, address: str, chromium: Browser, story: Story, party: Party
) -> tuple[Walker, BrowserContext]:
    """Return the browser of a party that opened its link, which stands in its field: the button has the focus."""
    who, context = walker(chromium, address)
    who.page.on("filechooser", lambda _: None)  # from now on the browser hands its dialogue to the test
    who.page.goto(f"{address}/open#{link_to(service, story.return_id, party).rpartition('#')[2]}")
    press(who.page, "main form button", before=0)
    return who, context


def test_a_return_is_led_from_seller_to_arbitrator_with_a_keyboard_alone(
    service: Asking, address: str, chromium: Browser, tmp_path: Path
) -> None:
    story, paper = Story(service.ledger, service.folder, lines=PRICED), tmp_path / "paper.pdf"
    paper.write_bytes(b"%PDF-1.4\n keyboard")

    who, context = entered(service, address, chromium, story, SELLER)
    press(who.page, "main a[href$='/approve_return']")
    attach(who.page, paper, "rma_document")
    reach(who.page, "a[href='/return']")  # past the end of the page, and around
    choose(who.page, "#return_cost_payer", "seller")
    press(who.page, RECORD)
    assert who.page.inner_text("h1") == DONE
    context.close()

    story.ship()
    who, context = entered(service, address, chromium, story, WAREHOUSE)
    press(who.page, "main a[href$='/receive']")
    attach(who.page, paper, "receiving_report")
    write(who.page, "#lines-0-received_qty", "1")
    press(who.page, RECORD)
    assert who.page.inner_text("h1") == DONE
    assert service.ledger.read.case(story.return_id).case.state == "received"
    context.close()

    who, context = entered(service, address, chromium, story, BUYER)
    press(who.page, "main a[href$='/open_dispute']")
    choose(who.page, "#type", "adr")
    write(who.page, "#claim", " ")
    write(who.page, "#statement", "It came broken.")
    press(who.page, RECORD)
    holds_focus(who.page, ".summary")  # what is wrong is read out first
    reach(who.page, ".summary a[href='#claim']", before=1)
    who.page.keyboard.press("Enter")
    holds_focus(who.page, "#claim")
    write(who.page, "#claim", "The whole price")
    press(who.page, RECORD)
    assert who.page.inner_text("h1") == DONE
    context.close()

    who, context = entered(service, address, chromium, story, COURT)
    press(who.page, "main a[href='/return/case']")
    reach(who.page, "form[action='/return/package'] button", before=120)
    with who.page.expect_download() as download:
        who.page.keyboard.press("Enter")
    assert zipfile.is_zipfile(download.value.path())
    context.close()


def test_a_regulator_signs_in_and_asks_with_a_keyboard_alone(service: Asking, address: str, chromium: Browser) -> None:
    Story(service.ledger, service.folder)
    who, context = walker(chromium, address)
    page = who.page

    page.goto(f"{address}/")
    press(page, "footer a[href='/staff']")
    write(page, "#key", key_for(service).token)
    press(page, "main form button")
    press(page, "main a[href='/regulator']")
    write(page, "#buyer_country", "de")
    press(page, "form[role=search] button")
    holds_focus(page, ".summary")
    write(page, "#buyer_country", "DE")
    choose(page, "#verb", "request_return")
    press(page, "form[role=search] button")

    assert "buyer_country=DE" in page.url
    assert page.locator("#totals").count() == 1
    context.close()


def test_what_is_wrong_has_the_focus_without_a_script_too(service: Asking, address: str, chromium: Browser) -> None:
    name = "noscript@keys"
    link = link_to(service, service.open_case(name), Party(Role.BUYER, name))
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/open")
    page.fill("#link", link)
    page.click("main form button")
    page.goto(f"{address}/return/steps/add_evidence")

    page.click(RECORD)

    holds_focus(page, ".summary")
    context.close()
