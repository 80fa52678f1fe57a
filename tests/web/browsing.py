"""A person with a browser that runs no script: it follows links, fills in the forms that a page holds, keeps cookies.

Promises: what is sent is what the page's own form would send; every page that comes is looked at (`look`).
"""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

import httpx
from fastapi import FastAPI

from ledger_service.operations.afterwards import finish
from ledger_service.web.site import POLICY, VERIFIER_POLICY

HOST = "ledger.test"
_VOID = frozenset({"input", "link", "meta", "br", "img", "hr"})


@dataclass
class Form:
    """A form of a page: where it goes, and its fields as they stand (buttons with a name left out).

    `boxes` are those that are not ticked: they are sent only where somebody ticks them.
    """

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    boxes: set[str] = field(default_factory=set)


class Page(HTMLParser):
    """A page as a browser reads it: its text, links, forms, headings and language."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.answer = answer
        self.status = answer.status_code
        self.html = answer.text
        self.language = ""
        self.links: list[str] = []
        self.forms: list[Form] = []
        self.headings: list[str] = []
        self.words: list[str] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.controls: list[str] = []
        self._open: list[str] = []
        self._area = ""
        self._select = ""
        self._in_template = False
        self.feed(self.html)
        self.close()
        assert not self._open, f"left open: {self._open}"

    @property
    def text(self) -> str:
        """What a reader sees, spaces aside."""
        return re.sub(r"\s+", " ", " ".join(self.words))

    def form(self, action: str) -> Form:
        """Return the form that goes to a path."""
        (found,) = [form for form in self.forms if form.action == action]
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "html":
            self.language = given["lang"]
        if "id" in given:
            self.ids.append(given["id"])
        assert "style" not in given
        assert not [name for name in given if name.startswith("on")], "a script in an attribute"
        if tag == "script":
            assert given["src"].startswith("/static/")
        if tag == "a":
            self.links.append(given["href"])
        elif tag == "form":
            looked_up = given.get("role") == "search"  # such a question has a URL
            assert given["method"] == ("get" if looked_up else "post")
            self.forms.append(Form(given["action"]))
        elif tag == "label":
            self.labelled.add(given["for"])
        elif tag in {"input", "textarea", "select"} and given.get("type") != "hidden":
            self.controls.append(given["id"])
        if tag == "template":
            self._in_template = True
        if self._in_template:
            return
        if tag == "input" and given.get("type") == "checkbox" and "checked" not in given:
            self.forms[-1].boxes.add(given["name"])
        elif tag == "input" and given.get("type") != "file":
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "textarea":
            self._area = given["name"]
            self.forms[-1].fields[self._area] = ""
        elif tag == "select":
            self._select = given["name"]
            self.forms[-1].fields[self._select] = ""
        elif tag == "option" and "selected" in given:
            self.forms[-1].fields[self._select] = given["value"]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "template":
            self._in_template = False
        if tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.forms[-1].fields[self._area] += data
        if self._open and self._open[-1] in {"h1", "h2", "h3"}:
            self.headings.append(data)
        assert self._open[-1:] != ["script"] or not data.strip(), "a script in a page"
        if self._open[-1:] != ["style"]:
            self.words.append(data)


def look(page: Page) -> None:
    """Assert what holds for every page."""
    headers = page.answer.headers
    expected = VERIFIER_POLICY if page.answer.url.path == "/verify" else POLICY
    assert headers["content-security-policy"] == expected
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["content-language"] == page.language
    assert page.html.count("<h1") == 1
    assert len(page.ids) == len(set(page.ids))
    assert set(page.controls) <= page.labelled, "a control without a label"
    for target in re.findall(r'(?:href|src|action)="([^"]*)"', page.html):
        assert target.startswith(("/", "#")) or 'rel="noreferrer"' in page.html, f"{target} leads elsewhere"
    for described in re.findall(r'aria-(?:describedby|labelledby)="([^"]*)"', page.html):
        assert set(described.split()) <= set(page.ids), f"{described} is on no element"
    assert "Traceback" not in page.html


@dataclass
class Browser:
    """One person's browser."""

    app: FastAPI
    accepts: str = "en"
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)

    def get(self, path: str) -> Page:
        """Open a path."""
        return self._page("GET", path)

    def send(self, page: Page, action: str, **filled: str) -> Page:
        """Fill in a form of a page, send it, and go where the answer leads."""
        form = page.form(action)
        unknown = {name for name in filled if name not in form.fields} - form.boxes - {"tag"}
        assert not unknown, f"the form has no {unknown}, it has {set(form.fields)}"
        return self.post(action, {**form.fields, **filled})

    def search(self, page: Page, action: str, **filled: str) -> Page:
        """Fill in a form that looks something up, and go where it leads."""
        form = page.form(action)
        assert set(filled) <= set(form.fields), f"the form has {set(form.fields)}"
        return self.get(f"{action}?{urlencode({**form.fields, **filled})}")

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Page:
        """Send a form and go where the answer leads."""
        return self._page("POST", path, fields, headers)

    def raw(self, method: str, path: str, **sent: object) -> httpx.Response:
        """Return an answer as it is."""

        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url=f"http://{HOST}", cookies=self.cookies
            ) as client:
                answer = await client.request(method, path, **sent)  # type: ignore[arg-type]
                self.cookies = client.cookies
            finish()  # the loop of a server goes on
            return answer

        # In a thread of its own: where a real browser is open too, this one's event loop runs already.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(run())).result()

    def _page(
        self, method: str, path: str, fields: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> Page:
        sent: dict[str, str] = {
            "Accept": "text/html,*/*;q=0.8",
            "Accept-Language": self.accepts,
            "Sec-Fetch-Site": "same-origin",
        }
        if method == "POST":
            sent["Origin"] = f"http://{HOST}"
        sent |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        answer = self.raw(method, path, data=fields, headers=sent)
        if answer.status_code == 303:
            return self._page("GET", answer.headers["location"])
        page = Page(answer)
        look(page)
        return page
