"""The application: every route of the service and every page over one opened ledger, and what stands around a request.

Promises: an error of any kind becomes a problem document, or on a page a page; OpenAPI describes every answer of the
API. Does not: open a ledger (`wiring.py`) or listen (`cli/run.py`).
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ledger_service import __version__
from ledger_service.api import (
    batch,
    bundles,
    cases,
    credentials,
    entries,
    erasures,
    evidence,
    help_pages,
    metrics,
    packages,
    problems,
    public,
    returns,
    statistics,
    webhooks,
)
from ledger_service.api.address import check_addresses
from ledger_service.api.middleware import Envelope
from ledger_service.api.observe import AppendFigures, Observer
from ledger_service.api.openapi import describe, routes_of
from ledger_service.api.problem_types import PROBLEM_TYPES, ProblemType
from ledger_service.api.service import Service
from ledger_service.api.shortcut import Shortcut
from ledger_service.core.lifecycle import Words
from ledger_service.errors import LedgerError
from ledger_service.operations.gate import Gate
from ledger_service.operations.ledger import Ledger
from ledger_service.settings import Settings
from ledger_service.web import pages

Answerer = Callable[[Request, Exception], Response]

_PARTS = (
    returns,
    batch,
    cases,
    evidence,
    packages,
    statistics,
    entries,
    credentials,
    bundles,
    public,
    webhooks,
    erasures,
    metrics,
    help_pages,
)


def make_app(ledger: Ledger, settings: Settings, *, gate: Gate | None = None) -> FastAPI:
    """Return the application over an opened ledger; opened to read, what would write answers as unavailable.

    `gate`: what the boot gate said, for the figures.
    """
    app = routed()
    registry, own = metrics.registries()
    registry.register(metrics.LedgerCollector(ledger, gate))
    if ledger.writer is not None:
        ledger.writer.observe = AppendFigures(own).group
    app.state.service = service = Service(ledger, settings)
    app.state.help_page = _help_page
    app.state.site = pages.Site(ledger, service.providers, service.limiter.take, pages.known(), _problems())
    app.state.registry = registry
    app.add_exception_handler(LedgerError, _told(problems.answer_ledger_error))
    app.add_exception_handler(problems.ProblemError, _told(problems.answer_problem_error))
    app.add_exception_handler(RequestValidationError, _told(problems.answer_validation_error))
    app.add_exception_handler(HTTPException, _told(problems.answer_http_error))
    observer = Observer(structlog.get_logger(), own)
    app.add_middleware(Envelope, observer=observer, shortcut=_shortcut(app), unforeseen=_unforeseen)
    describe(app)
    check_addresses(app)
    return app


def _told(answer: Answerer) -> Answerer:
    """Return what answers an error with a problem document, or where a person asks for a page, with a page."""

    def told(request: Request, error: Exception) -> Response:
        problem = answer(request, error)
        if not pages.is_for_a_person(request):
            return problem
        return pages.page_of_status(request, problem.status_code, allow=problem.headers.get("allow"))

    return told


def _unforeseen(request: Request) -> Response:
    if pages.is_for_a_person(request):
        return pages.page_of_status(request, 500)
    return problems.problem(request, "internal", PROBLEM_TYPES["internal"].meaning)


def _problems() -> tuple[pages.Problem, ...]:
    return tuple(pages.Problem(one.url, one.status, Words(one.title, one.title_zh)) for one in PROBLEM_TYPES.values())


def _help_page(request: Request, known: ProblemType) -> Response:
    title, meaning = Words(known.title, known.title_zh), Words(known.meaning, known.meaning_zh)
    return pages.help_page(request, pages.Help(known.status, title, meaning))


def _shortcut(app: FastAPI) -> Shortcut:
    (route,) = (one for one in routes_of(app) if one.endpoint is returns.record_transition)
    return Shortcut(route, returns.TRANSITIONS_PATH, returns.serve_transition, app.exception_handlers)


def routed() -> FastAPI:
    """Return an application with its routes and nothing behind them: enough to describe it."""
    app = FastAPI(
        title="return-ledger",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for part in _PARTS:
        app.router.routes.extend(part.router.routes)  # as they are: what is included is hidden from who describes it
    app.router.routes.extend(pages.ROUTES)
    return app
