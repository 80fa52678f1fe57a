"""A shorter way to the busiest operation: the functions of one route, called without what a framework does around them.

Finding the route among all, resolving its dependencies and the layers in between cost a step a fifth of its time.
Promises: what is served here is answered as its route answers it, byte for byte, by the same functions and handlers;
whatever is unusual about a request (another form of path, a query, a prefix) is left to the route. Does not: describe
the operation: OpenAPI is made from the route.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope, Send

Work = Callable[[Request, str], Awaitable[Response]]
Handlers = Mapping[Any, Callable[[Request, Exception], Any]]


class Shortcut:
    """The way to one POST route whose path holds one value."""

    def __init__(
        self,
        route: Route,
        path: re.Pattern[str],
        work: Callable[[Request, str], Awaitable[Response]],
        handlers: Handlers,
    ) -> None:
        """Take what is called.

        Args:
            route: That the requests are counted under.
            path: The paths that are served, whole; its one group is the value. None that the route would refuse.
            work: Asks and answers as the route does.
            handlers: The application's handlers of errors by class; none of them waits.
        """
        self._route = route
        self._fullmatch = path.fullmatch
        self._work = work
        self._handlers = handlers

    def value_of(self, scope: Scope) -> str | None:
        """Return the value in the path of a request that is served here, None if it is for the route."""
        if scope["method"] != "POST" or scope["query_string"] or scope.get("root_path"):
            return None
        match = self._fullmatch(scope["path"])
        return None if match is None else match[1]

    async def serve(self, request: Request, value: str, send: Send) -> None:
        """Answer a request.

        Raises:
            Exception: One that no handler is for, and that the client is gone.
        """
        request.scope["route"] = self._route  # as a router would: the observer reads it
        try:
            answer = await self._work(request, value)
        except Exception as error:
            handler = next((self._handlers[kind] for kind in type(error).__mro__ if kind in self._handlers), None)
            if handler is None:
                raise
            answer = handler(request, error)
            error.__traceback__ = None  # an error that is raised again would hold the frames of every request
        await answer(request.scope, request.receive, send)
