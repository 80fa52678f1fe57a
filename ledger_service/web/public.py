"""Pages for everybody: what this ledger is, what it shows and what not, its tree head and anchors, its files.

Promises: nothing of a case is shown here, and nothing needs a session. Does not: ask a chain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ledger_service.core.anchor_record import Anchor
from ledger_service.core.lifecycle import Words
from ledger_service.core.timeline_row import block_instant
from ledger_service.operations.anchored import anchors_of, final_size
from ledger_service.operations.ledger import Ledger
from ledger_service.web.answering import Form, PageRoute, page, sent_form
from ledger_service.web.session import PageError, caller_of, is_secure
from ledger_service.web.site import (
    LANGUAGE_COOKIE,
    THREAD_POLICY,
    asset_path,
    assets,
    packed_assets,
    render,
    site_of,
    talk_of,
)

ANCHORS_SHOWN = 50  # the newest; the API lists all
YEAR_SECONDS = 365 * 86_400
_ACCEPTED = 1_000  # characters of a header that are read
_LOCAL_PATH = 600  # characters of a path that a form may lead back to
_MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@page
def home(request: Request) -> Response:
    """Return the first page."""
    return render(request, "home.html", signed_in=caller_of(request) is not None)


@page
def log(request: Request) -> Response:
    """Return the page of the public log."""
    ledger = site_of(request).ledger
    head = ledger.read.head()
    return render(
        request,
        "log.html",
        signed_in=caller_of(request) is not None,
        head=head,
        final=final_size(anchors_of(ledger), required=ledger.genesis()[0].required),
        anchors=anchor_rows(ledger),
    )


def anchor_rows(ledger: Ledger) -> list[dict[str, object]]:
    """Return the newest anchors as `anchors.html` shows them."""
    newest = sorted(anchors_of(ledger), key=lambda one: (one.size, one.sequence), reverse=True)[:ANCHORS_SHOWN]
    return [_anchor(ledger.chains.name_of(one.chain_id), _explorer(ledger, one), one) for one in newest]


@page
def proves(request: Request) -> Response:
    """Return the page that says what a receipt shows, and what it does not."""
    return render(request, "proves.html", signed_in=caller_of(request) is not None)


@dataclass(frozen=True, slots=True)
class Help:
    """What a problem of the API is about, for the page that its `type` leads to."""

    status: int
    title: Words
    meaning: Words


@page
def help_index(request: Request) -> Response:
    """Return the list of the problems that have a page."""
    spoken = talk_of(request)
    listed = [(one.path, spoken.speech.of(one.title), one.status) for one in site_of(request).problems]
    return render(request, "problems.html", signed_in=caller_of(request) is not None, listed=listed)


def help_page(request: Request, known: Help) -> Response:
    """Return the page of a problem type."""
    spoken = talk_of(request)
    languages = site_of(request).languages
    others = [(tag, languages.of(tag).speech.of(known.title)) for tag in languages.tags if tag != spoken.tag]
    return render(
        request, "problem.html", signed_in=caller_of(request) is not None, code=known.status,
        title=spoken.speech.of(known.title), meaning=spoken.speech.of(known.meaning), others=others,
    )  # fmt: skip


@sent_form
def speak(request: Request, form: Form) -> Response:
    """Remember the language that somebody chose, and go back to where it was chosen."""
    tag, back = form.get("tag", ""), form.get("back", "")
    if tag not in site_of(request).languages.tags:
        raise PageError("form", HTTPStatus.BAD_REQUEST)
    local = back.startswith("/") and not back.startswith(("//", "/\\")) and len(back) <= _LOCAL_PATH and back.isascii()
    answer = RedirectResponse(back if local and back.isprintable() else "/", int(HTTPStatus.SEE_OTHER))
    answer.set_cookie(
        LANGUAGE_COOKIE, tag, max_age=YEAR_SECONDS, path="/", httponly=True, samesite="lax", secure=is_secure(request)
    )
    return answer


@page
def static(request: Request) -> Response:
    """Return a file that pages are made of; its path names its content, so it never changes."""
    name = request.path_params["name"]
    if name not in assets() or request.url.path != asset_path(name):
        raise PageError("nothing", HTTPStatus.NOT_FOUND)
    headers = {"Cache-Control": f"public, max-age={YEAR_SECONDS}, immutable"}
    if name == "verifier.js":  # it is a thread of its page too, and a thread has the policy that comes with its script
        headers["Content-Security-Policy"] = THREAD_POLICY
    content, headers["Vary"] = assets()[name], "Accept-Encoding"
    if takes_gzip(request.headers.get("accept-encoding", "")):
        content, headers["Content-Encoding"] = packed_assets()[name], "gzip"
    return Response(content, media_type=_MEDIA_TYPES[name.rpartition(".")[2]], headers=headers)


def takes_gzip(accepted: str) -> bool:
    """Return whether an Accept-Encoding header (RFC 9110 §12.5.3) names gzip and does not refuse it.

    >>> takes_gzip("br, gzip;q=0.8"), takes_gzip("gzip; q=0"), takes_gzip("")
    (True, False, False)
    """
    for part in accepted[:_ACCEPTED].lower().split(","):
        name, _, weight = (one.strip() for one in part.partition(";"))
        if name == "gzip":
            return not re.fullmatch(r"q\s*=\s*0(\.0*)?", weight)
    return False


def _anchor(chain: str, explorer: str | None, anchor: Anchor) -> dict[str, object]:
    block = anchor.block
    return {
        "chain": chain,
        "sequence": anchor.sequence,
        "size": anchor.size,
        "root": anchor.root.hex(),
        "state": anchor.state.value,
        "block": None if block is None else block.number,
        "at": None if block is None else block_instant(block.time),
        "explorer": explorer,
    }


def _explorer(ledger: Ledger, anchor: Anchor) -> str | None:
    chain = ledger.chains.of_id(anchor.chain_id)
    if chain is None or chain.explorer is None or anchor.block is None:
        return None
    return chain.explorer.block.format(block=anchor.block.number)


ROUTES = [
    PageRoute("/", home),
    PageRoute("/log", log),
    PageRoute("/what-it-proves", proves),
    PageRoute("/help", help_index),
    PageRoute("/language", speak, methods=["POST"]),
    PageRoute("/static/{digest}/{name}", static),
]
