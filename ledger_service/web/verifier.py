"""The verifier's page, and the same verifier as one file to keep, with its SHA-256.

Promises: nothing that is chosen on the page comes here; the browser is told so by a policy of its own. Does not: verify
(`static/verifier/` does, on the reader's device).
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ledger_service.operations.verifier_file import VERIFIER, verifier_file
from ledger_service.web.answering import PageRoute, page
from ledger_service.web.session import caller_of
from ledger_service.web.site import VERIFIER_POLICY, render

_FRESH = {"Cache-Control": "no-cache"}


@page
def verify(request: Request) -> Response:
    """Return the page that verifies what its reader holds, on the reader's device."""
    answer = render(request, "verify.html", signed_in=caller_of(request) is not None, digest=_digest())
    answer.headers["Content-Security-Policy"] = VERIFIER_POLICY
    return answer


@page
def file(_: Request) -> Response:
    """Return the verifier as one file: to keep, never as a page of ours, under whose policy it could not run."""
    headers = {**_FRESH, "Content-Disposition": f'attachment; filename="{VERIFIER}"'}
    return Response(verifier_file(), media_type="text/html", headers=headers)


@page
def file_digest(_: Request) -> Response:
    """Return the SHA-256 of that file, as `sha256sum --check` reads it."""
    return PlainTextResponse(f"{_digest()}  {VERIFIER}\n", headers=_FRESH)


@cache
def _digest() -> str:
    return sha256(verifier_file()).hexdigest()


ROUTES = [
    PageRoute("/verify", verify),
    PageRoute(f"/{VERIFIER}", file),
    PageRoute(f"/{VERIFIER}.sha256", file_digest),
]
