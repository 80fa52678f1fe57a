"""The pages that the `type` of a problem leads to: what happened and what to do, in plain words.

How they look is not known here: the application hands in what makes them. Does not: need a credential, or any script.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from ledger_service.api.problem_types import HELP, PROBLEM_TYPES
from ledger_service.api.problems import ProblemError

router = APIRouter(tags=["help"])


@router.get(HELP + "{slug}", response_class=HTMLResponse)
def problem_page(request: Request, slug: str) -> Response:
    """Return the page of a problem type."""
    known = PROBLEM_TYPES.get(slug)
    if known is None:
        raise ProblemError("unknown-object", f"there is no problem type {slug!r:.60}")
    answer = request.app.state.help_page(request, known)
    assert isinstance(answer, Response)
    return answer
