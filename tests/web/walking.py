"""A person with a real browser: opens pages, looks at each with axe-core, and notes what no page may do.

Promises: on every page that is looked at there is no finding of axe-core, no violation of the content security policy,
no request to another host, no error in the console, and no more bytes than the budget. Does not: know a page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

from tests.chromium import AXE

PAGE_BYTES_MAX = 150_000  # of a page and all that it loads, photos aside
PHONE = {"width": 390, "height": 844}
TARGET_PIXELS_MIN = 44
_NOTE_VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""
_SMALL_TARGETS = """
(least) => [...document.querySelectorAll("a[href], button, select, textarea, input:not([type=hidden])")]
  .filter((one) => one.offsetParent !== null && !one.closest("p, li p, dd, .skip"))
  .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
  .filter(([, box]) => box.height > 0 && box.height < least)
  .map(([text, box]) => `${text} is ${box.height} high`)"""
_SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Walker:
    """One person's browser. `seen` are the addresses that were looked at, `opened` those of pages it went to."""

    page: Page
    address: str
    seen: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    opened: set[str] = field(default_factory=set)
    received: dict[str, Response] = field(default_factory=dict)

    def go(self, path: str) -> int:
        """Open a path, look at it, and return the status of the answer (0: there is none, it is a file)."""
        self.received.clear()
        answer = self.page.goto(self.address + path)
        self.look()
        return 0 if answer is None else answer.status

    def look(self) -> None:
        """Assert what holds for every page, in the state that it is in."""
        page = self.page
        page.wait_for_load_state("load")
        where = urlsplit(page.url).path
        page.evaluate(AXE.read_text())
        self.ask_axe("{ resultTypes: ['violations'] }")
        violations = page.evaluate("window.violations")
        assert violations == [], f"{where}: {violations}"
        small = page.evaluate(_SMALL_TARGETS, TARGET_PIXELS_MIN)
        assert small == [], f"{where}: {small}"
        assert page.evaluate(_SIDEWAYS) <= 0, f"{where} is wider than the screen"
        assert self.strangers == [], "a page asked another host"
        assert self.console == [], f"{where}: {self.console}"
        came = {url: size_of(response) for url, response in self.received.items()}
        assert sum(came.values()) <= PAGE_BYTES_MAX, f"{where}: {came}"
        self.seen.append(where)

    def look_in_the_dark(self) -> None:
        """Assert that a page that was looked at can be read in the dark too, which changes its colours alone."""
        self.page.emulate_media(color_scheme="dark")
        self.ask_axe("{ runOnly: ['color-contrast', 'link-in-text-block'] }")
        self.page.emulate_media(color_scheme="light")

    def ask_axe(self, options: str) -> None:
        """Assert that axe-core finds nothing on the page."""
        found = self.page.evaluate(f"async () => (await axe.run(document, {options})).violations")
        assert found == [], f"{urlsplit(self.page.url).path}: " + "; ".join(told(one) for one in found)

    def follow(self, selector: str) -> None:
        """Press a link or a button, wait for the page that it leads to, and look at it."""
        self.received.clear()
        with self.page.expect_navigation():
            self.page.click(selector)
        self.look()

    def note_request(self, request: Request) -> None:
        """Note a page that is gone to, and a request to somebody else."""
        if request.is_navigation_request():
            self.opened.add(request.url)
        if not request.url.startswith((self.address + "/", "blob:", "data:")):
            self.strangers.append(request.url)

    def note_response(self, response: Response) -> None:
        """Note what came for a page; what a file that is no page's own takes is not the page's."""
        aside = ("/return/parts/", "/return/pictures/")  # files and photos of the return
        own = response.url.startswith(self.address + "/") and not any(path in response.url for path in aside)
        sent = response.request.method == "GET" or response.headers.get("content-type", "").startswith("text/html")
        if own and sent and not self.address.startswith("file:"):
            self.received[response.url] = response

    def note_console(self, message: ConsoleMessage) -> None:
        """Note an error; that a page itself was answered with the status of an error is none."""
        about = str(message.location.get("url", ""))
        status = message.text.startswith("Failed to load resource: the server responded with a status of")
        if message.type == "error" and not (status and about in self.opened):
            self.console.append(message.text)


def size_of(response: Response) -> int:
    """Return how many bytes an answer has: as many as came, and as many as it said where it was kept from before."""
    response.finished()
    return max(int(response.request.sizes()["responseBodySize"]), int(response.headers.get("content-length", "0")))


def told(violation: dict[str, Any]) -> str:
    """Return a finding of axe-core as text."""
    nodes = ", ".join(str(node["html"])[:120] for node in violation["nodes"][:3])
    return f"{violation['id']} ({violation['help']}): {nodes}"


def walker(chromium: Browser, address: str, *, language: str = "en", **more: Any) -> tuple[Walker, BrowserContext]:
    """Return a person with a phone; `more` are options of playwright's context."""
    context = chromium.new_context(**{"viewport": PHONE, "locale": language, "reduced_motion": "reduce", **more})
    context.add_init_script(_NOTE_VIOLATIONS)
    page = context.new_page()
    page.set_default_timeout(20_000)
    made = Walker(page, address)
    page.on("request", made.note_request)
    page.on("response", made.note_response)
    page.on("console", made.note_console)
    page.on("pageerror", lambda error: made.console.append(str(error)))
    return made, context
