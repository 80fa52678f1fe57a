"""What every page works on: the opened ledger, where staff sign in, the templates, and who looks.

Promises: pages hold no script and no style of their own, and load nothing from elsewhere (the policy below says so to
the browser); whatever fills a template is escaped; the filter `visible` shows what hides in a text of others.
Does not: know a page.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ledger_service.core.lifecycle import Words
from ledger_service.core.pages.escaping import escaped_lines
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.sign_in import Providers
from ledger_service.web.talk import Languages, Talk

FOLDER = Path(__file__).parent
LANGUAGE_COOKIE = "language"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# The page that verifies may ask the nodes whose addresses its reader types. They cannot stand here beforehand: so https
# anywhere and the reader's own machine, and nothing of ours but the script, which is the page's thread too.
NODES = "https: http://localhost:* http://127.0.0.1:*"
VERIFIER_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self';"
    f" connect-src {NODES};"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
THREAD_POLICY = f"default-src 'none'; connect-src {NODES}"
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",  # with `no-referrer` a browser sends the forms of these pages as from nowhere
    "Vary": "Accept-Language, Cookie",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem that a program is told of: where its page is, the status of the answer, its title."""

    path: str
    status: int
    title: Words


@dataclass(frozen=True, slots=True)
class Site:
    """What the pages are about, and in which languages; `take` takes of a share, or says after how many seconds.
    `problems` are those that have a page."""

    ledger: Ledger
    providers: Providers
    take: Callable[[str], float]
    languages: Languages
    problems: tuple[Problem, ...]


def site_of(request: Request) -> Site:
    """Return what the pages of an application work on."""
    found = request.app.state.site
    assert isinstance(found, Site)
    return found


def talk_of(request: Request) -> Talk:
    """Return the language of whoever sent a request."""
    return site_of(request).languages.choose(
        cookie=request.cookies.get(LANGUAGE_COOKIE), accepted=request.headers.get("accept-language", "")[:1000]
    )


def render(
    request: Request,
    template: str,
    *,
    status: int = HTTPStatus.OK,
    signed_in: bool = False,
    staff: bool = False,
    **filled: Any,
) -> HTMLResponse:
    """Return a page in the language of whoever asks.

    Args:
        request: That it answers.
        template: Its file under `templates/`.
        status: Of the answer.
        signed_in: Whether it is a page of a session of a link.
        staff: Whether it is one of a session of staff.
        filled: What the template is filled with.
    """
    spoken = talk_of(request)
    body = (
        environment(spoken)
        .get_template(template)
        .render(
            talk=spoken,
            tags=site_of(request).languages.tags,
            name_of=lambda tag: site_of(request).languages.of(tag).own_name,
            style=asset_path("style.css"),
            here=request.url.path,
            back=f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path,
            signed_in=signed_in,
            staff=staff,
            origin=site_of(request).ledger.origin,
            largest_file=site_of(request).ledger.evidence_bytes_max,
            asset=asset_path,
            **filled,
        )
    )
    return HTMLResponse(body, int(status), {**PAGE_HEADERS, "Content-Language": spoken.tag})


@cache
def environment(spoken: Talk) -> Environment:
    """Return the templates with the messages of a language."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.filters["visible"] = escaped_lines  # whatever somebody else wrote, or named
    made.install_gettext_translations(spoken.translations, newstyle=True)  # type: ignore[attr-defined]
    return made


@cache
def assets() -> dict[str, bytes]:
    """Return the files of `static/` that pages are made of, by name; the one file of the verifier is none of them."""
    parts = (path for path in sorted((FOLDER / "static").iterdir()) if path.is_file() and path.suffix != ".html")
    return {path.name: path.read_bytes() for path in parts}


@cache
def packed_assets() -> dict[str, bytes]:
    """Return the same files as gzip (RFC 1952) of always the same bytes: the verifier has a third of its size."""
    return {name: gzip.compress(content, mtime=0) for name, content in assets().items()}


@cache
def asset_path(name: str) -> str:
    """Return where a file of `static/` is served: its content is in the path, so that it may be kept for ever."""
    return f"/static/{sha256(assets()[name]).hexdigest()[:16]}/{name}"
