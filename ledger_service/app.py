"""The application: every route of the service over one opened ledger, with what stands around each request.

Promises: an error of any kind becomes a problem document; OpenAPI describes every answer. Does not: open a ledger
(`wiring.py`) or listen (`cli/run.py`).
"""

from __future__ import annotations

import structlog
from fastapi import FastAPI
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
    webhooks,
)
from ledger_service.api.address import check_addresses
from ledger_service.api.middleware import Envelope
from ledger_service.api.observe import Observer
from ledger_service.api.openapi import describe, routes_of
from ledger_service.api.service import Service
from ledger_service.api.shortcut import Shortcut
from ledger_service.errors import LedgerError
from ledger_service.operations.ledger import Ledger
from ledger_service.settings import Settings

_PARTS = (
    returns,
    batch,
    cases,
    evidence,
    packages,
    entries,
    credentials,
    bundles,
    public,
    webhooks,
    erasures,
    metrics,
    help_pages,
)


def make_app(ledger: Ledger, settings: Settings) -> FastAPI:
    """Return the application over an opened ledger; opened to read, what would write answers as unavailable."""
    app = routed()
    registry, own = metrics.registries()
    registry.register(metrics.LedgerCollector(ledger))
    app.state.service = Service(ledger, settings)
    app.state.registry = registry
    app.add_exception_handler(LedgerError, problems.answer_ledger_error)
    app.add_exception_handler(problems.ProblemError, problems.answer_problem_error)
    app.add_exception_handler(RequestValidationError, problems.answer_validation_error)
    app.add_exception_handler(HTTPException, problems.answer_http_error)
    app.add_middleware(Envelope, observer=Observer(structlog.get_logger(), own), shortcut=_shortcut(app))
    describe(app)
    check_addresses(app)
    return app


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
    return app
