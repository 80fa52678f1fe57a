"""Staff of authorities, courts and the operator sign in, see who they are, and sign out.

Promises: a key comes in the body of a form, is exchanged for a session, and is shown and kept nowhere. Does not: show a
return.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ledger_service.errors import CredentialError
from ledger_service.operations.bearer import TokenRefusedError
from ledger_service.operations.issuer_keys import IssuerUnreachableError
from ledger_service.operations.issuers import REDIRECT_PATH
from ledger_service.operations.principal import Scope
from ledger_service.operations.sign_in import AWAY_SECONDS_MAX, ProviderError
from ledger_service.operations.staff import sign_in_with_key, sign_out
from ledger_service.web import session
from ledger_service.web.answering import Form, PageRoute, page, sent_form
from ledger_service.web.session import STAFF_COOKIE, PageError, sign_in, staff_caller_of
from ledger_service.web.site import render, site_of, talk_of

AWAY_COOKIE = "away"
_BROUGHT = (  # what providers bring back beside the code; only the first three are looked at
    "code", "state", "iss", "error", "error_description", "error_uri", "session_state", "scope", "authuser", "hd",
    "prompt", "client_info",
)  # fmt: skip


@page
def show(request: Request) -> Response:
    """Return the page that says who is signed in, or takes a key."""
    who = staff_caller_of(request)
    countries = [] if who is None else [talk_of(request).country(code) for code in sorted(who.countries)]
    export = who is not None and Scope.EXPORT in who.scopes
    operate = who is not None and Scope.OPERATE in who.scopes
    providers = site_of(request).providers.names
    return render(
        request,
        "staff.html",
        staff=who is not None,
        who=who,
        countries=countries,
        export=export,
        operate=operate,
        providers=providers,
    )


@sent_form
def enter(request: Request, form: Form) -> Response:
    """Exchange a key for a session."""
    ledger = site_of(request).ledger
    try:
        made = sign_in_with_key(ledger, form.get("key", "").strip())
    except CredentialError:
        raise PageError("staff_key", HTTPStatus.UNAUTHORIZED) from None
    sign_out(ledger, request.cookies.get(STAFF_COOKIE, ""))
    answer = RedirectResponse("/staff", int(HTTPStatus.SEE_OTHER))
    sign_in(request, answer, made.token, seconds=made.seconds, cookie=STAFF_COOKIE)
    return answer


@page
def send(request: Request) -> Response:
    """Send the browser to the provider of its staff; what it keeps until it is back is for it alone."""
    try:
        away = site_of(request).providers.send(request.path_params["name"])
    except CredentialError:
        raise PageError("nothing", HTTPStatus.NOT_FOUND) from None
    answer = RedirectResponse(away.url, int(HTTPStatus.SEE_OTHER), headers={"Cache-Control": "no-store"})
    session.sign_in(request, answer, away.kept, seconds=AWAY_SECONDS_MAX, cookie=AWAY_COOKIE, away=True)
    return answer


@page
def take_back(request: Request) -> Response:
    """Sign the browser in that comes back from its provider.

    The page is one and no redirect: a browser that was sent here from elsewhere sends the cookie of the session only
    with what is clicked on it.
    """
    site = site_of(request)
    try:
        made = site.providers.take_back(request.cookies.get(AWAY_COOKIE, ""), request.query_params)
    except TokenRefusedError as error:
        request.state.refused = error.reason.value  # for the operator's log alone: the page does not say why
        raise PageError("staff_back", HTTPStatus.UNAUTHORIZED) from None
    except CredentialError:
        raise PageError("staff_back", HTTPStatus.UNAUTHORIZED) from None
    except (ProviderError, IssuerUnreachableError):
        raise PageError("staff_provider", HTTPStatus.SERVICE_UNAVAILABLE) from None
    sign_out(site.ledger, request.cookies.get(STAFF_COOKIE, ""))
    answer = render(request, "signed_in.html")
    sign_in(request, answer, made.token, seconds=made.seconds, cookie=STAFF_COOKIE)
    session.sign_out(request, answer, cookie=AWAY_COOKIE)
    return answer


@sent_form
def leave(request: Request, _: Form) -> Response:
    """End the session, here and for whoever else holds it."""
    sign_out(site_of(request).ledger, request.cookies.get(STAFF_COOKIE, ""))
    answer = RedirectResponse("/staff", int(HTTPStatus.SEE_OTHER))
    session.sign_out(request, answer, cookie=STAFF_COOKIE)
    return answer


ROUTES = [
    PageRoute("/staff", show, methods=["GET"]),
    PageRoute("/staff", enter, methods=["POST"]),
    PageRoute("/staff/at/{name}", send, methods=["GET"]),
    PageRoute(REDIRECT_PATH, take_back, methods=["GET"], query=_BROUGHT),
    PageRoute("/staff/leave", leave, methods=["POST"]),
]
