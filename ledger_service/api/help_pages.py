"""The pages that the `type` of a problem leads to: what happened and what to do, in plain words.

Does not: need a credential, or any script.
"""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from ledger_service.api.problem_types import HELP, PROBLEM_TYPES
from ledger_service.api.problems import ProblemError

router = APIRouter(tags=["help"])
_CACHED = {"Cache-Control": "public, max-age=3600"}


@router.get(HELP + "{slug}", response_class=HTMLResponse)
def problem_page(slug: str) -> Response:
    """Return the page of a problem type."""
    known = PROBLEM_TYPES.get(slug)
    if known is None:
        raise ProblemError("unknown-object", f"there is no problem type {slug!r:.60}")
    body = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(known.title)}</title></head>\n'
        f'<body><main><h1>{escape(known.title)}</h1><p lang="zh-Hans">{escape(known.title_zh)}</p>\n'
        f"<p>HTTP status {known.status}. {escape(known.meaning)}</p></main></body></html>\n"
    )
    return HTMLResponse(body, headers=_CACHED)
