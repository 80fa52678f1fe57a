"""Files in a real browser: how far one is, what is said when it does not arrive, how it goes on, what is dropped."""

from __future__ import annotations

import secrets
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Route

from tests.api.asking import Asking
from tests.web.test_walk import choose, enter
from tests.web.walking import Walker, walker

pytestmark = pytest.mark.campaign
PART = 1 << 20  # bytes, as upload.js sends them
STEP = "/return/steps/add_evidence"
NOTE_VALUES = """() => {
  window.values = [];
  const note = (records) => records.forEach(({ target }) => window.values.push(target.value));
  new MutationObserver(note).observe(document.querySelector(".uploads"), { subtree: true, attributeFilter: ["value"] });
}"""
AT_ONCE = (
    "{ const wait = setTimeout; window.setTimeout = (work) => wait(work, 0); }"  # a pause between two tries is none
)


def at_step(service: Asking, address: str, chromium: Browser, name: str) -> tuple[Walker, BrowserContext]:
    """Return the browser of a buyer at the form of a step, which waits for nothing between two tries."""
    who, context = walker(chromium, address)
    context.add_init_script(AT_ONCE)
    enter(service, who, name)
    who.go(STEP)
    return who, context


def told(who: Walker) -> str:
    """Return what is said of a file that did not arrive."""
    who.page.wait_for_selector(".uploads .problem")
    assert who.page.locator(".uploads progress").count() == 0
    assert who.page.locator("[data-chosen] .file").count() == 0, "it is offered to the step"
    who.console.clear()  # requests that failed, and were meant to
    who.look()
    return who.page.inner_text(".uploads .problem p")


def test_the_bar_says_how_much_of_a_file_has_arrived(service: Asking, address: str, chromium: Browser) -> None:
    who, context = at_step(service, address, chromium, "bar@uploads")
    who.page.evaluate(NOTE_VALUES)
    size = 2 * PART + PART // 2

    choose(who.page, secrets.token_bytes(size))
    who.page.wait_for_selector(".uploads .arrived")

    assert who.page.evaluate("window.values") == [0, PART / size, 2 * PART / size, 1]
    assert who.page.get_attribute(".uploads progress", "aria-label")
    context.close()


def test_a_file_that_fails_goes_on_where_it_stopped_when_it_is_chosen_again(
    service: Asking, address: str, chromium: Browser
) -> None:
    who, context = at_step(service, address, chromium, "again@uploads")
    content, spans, broken = secrets.token_bytes(2 * PART + 9), list[str](), True

    def part(route: Route) -> None:
        if route.request.method == "PUT":
            spans.append(route.request.headers["content-range"].partition("-")[0])
            if broken and len(spans) > 1:
                route.abort("connectionreset")
                return
        route.continue_()

    who.page.route("**/return/parts/*", part)
    choose(who.page, content)
    assert told(who) == "Not sent. Choose it again: it goes on where it stopped."
    assert spans == ["bytes 0"] + [f"bytes {PART}"] * 5, "five tries of a part"

    broken = False
    spans.clear()
    who.page.reload()
    who.page.wait_for_load_state()
    choose(who.page, content)
    who.page.wait_for_selector(".uploads .arrived")

    assert spans == ["bytes 0", f"bytes {PART}", f"bytes {2 * PART}"], "the first is told where it stands"
    assert who.page.inner_text(".uploads code") == sha256(content).hexdigest()
    context.close()


def test_a_file_that_is_sent_after_the_session_is_over_says_so(
    service: Asking, address: str, chromium: Browser
) -> None:
    who, context = at_step(service, address, chromium, "over@uploads")
    context.clear_cookies()

    choose(who.page, secrets.token_bytes(64))

    assert told(who) == "The session is over. Open your return again, then choose the file again."
    context.close()


def test_a_file_that_is_dropped_anywhere_on_the_page_is_verified(
    address: str, chromium: Browser, tmp_path: Path
) -> None:
    who, context = walker(chromium, address)
    who.go("/verify")
    dropped = tmp_path / "a.receipt.json"
    dropped.write_bytes(b"{}")
    session = context.new_cdp_session(who.page)

    for kind in ("dragEnter", "dragOver", "drop"):  # on a heading, beside every field
        data = {"items": [], "files": [str(dropped)], "dragOperationsMask": 1}
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 150, "y": 250, "data": data})

    assert who.page.inner_text(".chosen label") == "a.receipt.json"
    who.page.click("[data-part=go]")
    assert who.page.inner_text(".report .mark") == "invalid"
    assert who.page.url == f"{address}/verify", "the browser opened the file in place of the page"
    who.look()
    context.close()
