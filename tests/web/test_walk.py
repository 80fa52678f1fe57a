"""A consumer walks through a return in a real browser on a phone: link, photos, steps, receipts, in both languages."""

from __future__ import annotations

import json
import secrets
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route

from ledger_service.core.entry import Role
from ledger_service.core.verify import verify
from ledger_service.core.verify_package import verify_package
from ledger_service.operations.asked import Step
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import record
from tests.api.asking import Asking
from tests.core.packages import Bytes
from tests.operations.world import PLATFORM
from tests.web.test_follow import approve, link_to
from tests.web.walking import PHONE, Walker, walker

pytestmark = pytest.mark.campaign
WORDS = {
    "en": {"mine": "My return", "arrived": "Here, with its fingerprint", "done": "Your step is recorded",
           "missing": "Something is missing"},
    "zh-CN": {"mine": "我的退货", "arrived": "已收到，并已固定指纹", "done": "您的步骤已记录", "missing": "有内容缺失"},
}  # fmt: skip


def photo(side: int) -> bytes:
    """Return a photo as a phone makes one, noisy so that it stays large."""
    image = Image.frombytes("RGB", (side, side), secrets.token_bytes(3 * side * side))
    made = BytesIO()
    image.save(made, "JPEG", quality=90)
    return made.getvalue()


def heading(page: Page) -> str:
    """Return what a page is called."""
    return page.inner_text("h1")


def enter(service: Asking, who: Walker, name: str) -> str:
    """Open a new return by its link, as it stands in a message, and return its id."""
    return_id = service.open_case(name)
    token = link_to(service, return_id, Party(Role.BUYER, name)).rpartition("#")[2]
    who.go(f"/open#{token}")
    assert who.page.url == f"{who.address}/open", "the token stays in the address"
    assert who.page.input_value("#link") == token
    who.follow("main form button")
    return return_id


def choose(page: Page, *photos: bytes) -> None:
    """Choose files in the form of a step."""
    files = [
        {"name": f"IMG {n} \u202egpj.jpg", "mimeType": "image/jpeg", "buffer": one} for n, one in enumerate(photos)
    ]
    page.set_input_files("#file", files)  # type: ignore[arg-type]  # what playwright documents


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_consumer_sends_photos_and_leads_a_dispute(
    service: Asking, address: str, chromium: Browser, language: str, tmp_path: Path
) -> None:
    words, photos = WORDS[language], [photo(200), photo(300), photo(900)]
    who, context = walker(chromium, address, language=language)
    return_id = enter(service, who, f"walk-{language}@web")
    assert heading(who.page) == words["mine"]
    for path in ("/", "/log", "/what-it-proves", "/return/steps/no_such_step"):
        who.console.clear()
        who.page.goto(address + path)
        who.console.clear()  # a page that says 409 is an error to the console
        who.look()

    who.go("/return/steps/add_evidence")
    choose(who.page, *photos)
    who.page.wait_for_selector(".uploads .arrived >> nth=2")
    who.look()
    names = [r"IMG 0 \u202egpj.jpg", r"IMG 1 \u202egpj.jpg", r"IMG 2 \u202egpj.jpg"]
    assert who.page.locator(".uploads strong").all_inner_texts() == names, "what hides in them is shown"
    assert [one for one in who.page.locator("[data-chosen] label").all_inner_texts() if "IMG" in one] == names
    shown = who.page.locator(".uploads code").all_inner_texts()
    assert shown == [sha256(one).hexdigest() for one in photos], "the fingerprints of what the person holds"
    assert words["arrived"] in who.page.inner_text(".uploads")
    who.page.fill("#statement", "The seam is open. 线缝开了。")
    who.follow("main form.card button.button:not(.quiet)")

    assert heading(who.page) == words["done"]
    entry = json.loads(service.ledger.read.entries_of(return_id)[-1].encoded)
    assert [one["size"] for one in entry["evidence"]] == [
        *map(len, photos),
        len("The seam is open. 线缝开了。".encode()),
    ]
    with who.page.expect_download() as download:
        who.page.click("a[download]")
    kept = tmp_path / "step.receipt.json"
    download.value.save_as(kept)
    report = verify(kept.read_bytes(), service.ledger.trust(), ())
    assert {check.outcome.value for check in report.checks} <= {"pass", "unknown"}
    who.page.go_back()
    who.look()
    assert who.page.locator("[data-chosen] .file").count() == 0, "what a step holds is offered again"

    approve(service, return_id)
    who.go("/return/steps/open_dispute")
    who.page.evaluate("document.querySelectorAll('[required]').forEach((one) => one.required = false)")
    who.console.clear()
    with who.page.expect_navigation():
        who.page.click("main form.card button.button:not(.quiet)")
    who.console.clear()  # 422
    who.look()
    assert words["missing"] in who.page.inner_text(".summary")
    who.page.select_option("#type", "platform")
    who.page.fill("#claim", "All of it")
    who.page.fill("#statement", "You promised a refund.")
    who.follow("main form.card button.button:not(.quiet)")
    assert heading(who.page) == words["done"]

    context.close()


def test_an_upload_that_breaks_off_goes_on_where_it_stopped(service: Asking, address: str, chromium: Browser) -> None:
    who, context = walker(chromium, address)
    enter(service, who, "broken@web")
    content = secrets.token_bytes(3_500_000)
    sent: list[int] = []

    def part(route: Route) -> None:
        if route.request.method == "PUT":
            sent.append(len(route.request.post_data_buffer or b""))
            if len(sent) == 2:
                route.abort("connectionreset")
                return
        route.continue_()

    who.page.route("**/return/parts/*", part)
    who.go("/return/steps/add_evidence")
    choose(who.page, content)
    who.page.wait_for_selector(".uploads .arrived")

    assert len(sent) == 5, "four parts, one of them twice"
    assert who.page.inner_text(".uploads code") == sha256(content).hexdigest()
    context.close()


def test_without_a_script_a_photo_is_sent_by_the_form(service: Asking, address: str, chromium: Browser) -> None:
    return_id = service.open_case("noscript@web")
    link = link_to(service, return_id, Party(Role.BUYER, "noscript@web"))
    context = chromium.new_context(java_script_enabled=False)
    page, content = context.new_page(), photo(100)
    page.goto(f"{address}/open")
    page.fill("#link", link)
    page.click("main form button")

    page.goto(f"{address}/return/steps/add_evidence")
    choose(page, content)
    page.click("form[data-upload] button")
    page.click("main form.card:not([data-upload]) button.button:not(.quiet)")

    entry = json.loads(service.ledger.read.entries_of(return_id)[-1].encoded)
    assert [one["size"] for one in entry["evidence"]] == [len(content)]
    context.close()


def test_a_browser_without_digests_sends_by_the_form(service: Asking, address: str, chromium: Browser) -> None:
    who, context = walker(chromium, address)
    context.add_init_script("Object.defineProperty(crypto, 'subtle', { value: undefined })")
    enter(service, who, "nosubtle@web")
    who.go("/return/steps/add_evidence")
    choose(who.page, photo(50))
    who.follow("form[data-upload] button")

    assert who.page.locator("[data-chosen] .file").count() == 1
    context.close()


def test_the_way_through_a_step_is_open_to_a_keyboard(service: Asking, address: str, chromium: Browser) -> None:
    who, context = walker(chromium, address)
    return_id = enter(service, who, "keyboard@web")
    page = who.page

    def reach(selector: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("(wanted) => document.activeElement?.matches(wanted)", selector):
                outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", "no focus to be seen"
                return
        raise AssertionError(f"{selector} is not reached")

    page.goto(f"{address}/return")
    reach(".skip")
    with page.expect_navigation():
        reach('a[href="/return/steps/withdraw_request"]')
        page.keyboard.press("Enter")
    reach("textarea")
    page.keyboard.type("I keep it.")
    with page.expect_navigation():
        reach("main form button")
        page.keyboard.press("Enter")

    assert heading(page) == "Your step is recorded"
    assert service.ledger.read.case(return_id).case.state == "canceled"
    context.close()


def test_dark_wide_and_large_letters_look_right(service: Asking, address: str, chromium: Browser) -> None:
    who, context = walker(chromium, address, color_scheme="dark", viewport={"width": 1280, "height": 900})
    enter(service, who, "dark@web")
    for path in ("/return", "/return/steps/open_dispute", "/log"):
        who.go(path)
    who.page.set_viewport_size({"width": 320, "height": 640})  # 1280 pixels at 400 % (WCAG 1.4.10)
    for path in ("/return", "/return/steps/add_evidence", "/log", "/what-it-proves"):
        who.go(path)
    context.close()


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_an_arbitrator_reads_the_return_and_takes_the_package(
    service: Asking, address: str, chromium: Browser, language: str, tmp_path: Path
) -> None:
    return_id = service.open_case(f"decided-{language}@web")
    buyer, file = Party(Role.BUYER, f"decided-{language}@web"), tmp_path / "seam.jpg"
    file.write_bytes(photo(300))
    record(service.ledger, Step("add_evidence", buyer, PLATFORM, {}, [("product_photo", file)], return_id))
    approve(service, return_id)
    who, context = walker(chromium, address, language=language, viewport={"width": 1280, "height": 900})
    link = link_to(service, return_id, Party(Role.ARBITRATOR, f"adr-{language}"))
    who.go(f"/open#{link.rpartition('#')[2]}")
    who.follow("main form button")
    who.follow('a[href="/return/case"]')
    assert who.page.locator(".lanes circle").count() == 3
    who.follow('a[href="/return/pictures"]')
    drawn = "() => [...document.images].map((one) => one.complete && one.naturalWidth)"
    who.page.wait_for_load_state("networkidle")
    assert who.page.evaluate(drawn) == [0, 300], "the first begins like a picture and is none"
    who.go("/return/proofs")
    who.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    for path in ("/return/case", "/return/pictures", "/return/proofs"):
        who.go(path)
    who.go("/return/case")
    with who.page.expect_download() as download:
        who.page.click('form[action="/return/package"] button')
    kept = tmp_path / "case.zip"
    download.value.save_as(kept)

    with kept.open("rb") as archive:
        report = verify_package(Bytes(archive.read()), service.ledger.trust())
    assert [check.name for check in report.checks if check.outcome.value == "fail"] == []
    context.close()


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("<input type=text>", "label"),
        ("<button class=small>x</button>", "high"),
        ("<img src=http://127.0.0.2:9/x.png alt=x>", "127.0.0.2"),
        ("<p class=wide-one>x</p>", "wider"),
    ],
)
def test_what_is_wrong_with_a_page_is_found(address: str, chromium: Browser, planted: str, found: str) -> None:
    who, context = walker(chromium, address, bypass_csp=found in ("high", "wider"))
    who.go("/what-it-proves")
    if found in ("high", "wider"):
        rules = ".small { height: 20px; min-height: 0 } .wide-one { width: 900px }"
        who.page.add_style_tag(content=rules)

    who.page.evaluate("(html) => document.querySelector('main').insertAdjacentHTML('beforeend', html)", planted)

    with pytest.raises(AssertionError, match=found):
        who.look()
    context.close()
