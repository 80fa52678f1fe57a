"""What operators see of requests and appends: a structured line for each request, and figures for Prometheus.

Promises: neither holds a token, a body, a query or a person's reference: the route's template, the status, the public
prefix of the credential (of an issuer's token: the issuer, and a digest that leads to nobody), the request id.
Does not: decide anything.
"""

from __future__ import annotations

import traceback
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.requests import Request

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_APPEND_BUCKETS = (0.0005, *_BUCKETS)  # a commit without a wait takes less than a request


class Log(Protocol):
    """Where lines go: structlog's loggers are of this form."""

    def info(self, event: str, **values: Any) -> Any:
        """Write a line."""

    def error(self, event: str, **values: Any) -> Any:
        """Write a line that somebody should look at."""


class Observer:
    """Told of every request."""

    def __init__(self, log: Log, registry: CollectorRegistry) -> None:
        """Take where lines and figures go."""
        self._log = log
        self._figures: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}  # looked up once: it takes locks
        self._requests = Counter(
            "ledger_http_requests",
            "Requests by route, method and status.",
            ("route", "method", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "ledger_http_request_seconds",
            "Time to answer, by route and method.",
            ("route", "method"),
            buckets=_BUCKETS,
            registry=registry,
        )

    def served(self, request: Request, status: int, seconds: float) -> None:
        """Note an answered request."""
        route = route_of(request)
        refused = getattr(request.state, "refused", None)
        count, duration = self._figures_of(route, request.method, status)
        count.inc()
        duration.observe(seconds)
        self._log.info(
            "request",
            request_id=request.state.request_id,
            method=request.method,
            route=route,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            caller=getattr(request.state, "caller", None),
            **({"token_refused": refused} if refused else {}),
        )

    def _figures_of(self, route: str, method: str, status: int) -> tuple[Counter, Histogram]:
        found = self._figures.get((route, method, status))
        if found is None:
            found = self._requests.labels(route, method, str(status)), self._seconds.labels(route, method)
            self._figures[route, method, status] = found
        return found

    def failed(self, request: Request, error: Exception) -> None:
        """Note an error that nobody foresaw: where it happened, and not what its message says."""
        frames = traceback.extract_tb(error.__traceback__)[-5:]
        self._log.error(
            "unexpected_error",
            request_id=request.state.request_id,
            route=route_of(request),
            error=type(error).__name__,
            where=[f"{frame.name}:{frame.lineno}" for frame in frames],
        )


class AppendFigures:
    """Told of every group of steps that became durable with one commit (`Writer.observe`)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Take where figures go."""
        self._append = Histogram(
            "ledger_append_seconds",
            "Time from the queue to the durable answer, of the oldest step of each group.",
            buckets=_APPEND_BUCKETS,
            registry=registry,
        )
        self._commit = Histogram(
            "ledger_commit_seconds",
            "Time to judge, sign, write and commit a group of steps.",
            buckets=_APPEND_BUCKETS,
            registry=registry,
        )

    def group(self, waited: float, took: float) -> None:
        """Note a group: seconds that its oldest step waited, and that the group then took."""
        self._append.observe(waited + took)
        self._commit.observe(took)


def route_of(request: Request) -> str:
    """Return the template of the route that a request came to; never the path, which names cases."""
    route = request.scope.get("route")
    return str(getattr(route, "path", "none"))
