"""All pages, for the application. Does not: render one."""

from __future__ import annotations

from ledger_service.web import (
    act,
    files,
    follow,
    opened,
    operator,
    public,
    regulator,
    staff,
    start,
    verdicts,
    verifier,
    whole,
)
from ledger_service.web.answering import is_for_a_person, page_of_status
from ledger_service.web.public import Help, help_page
from ledger_service.web.site import Problem, Site
from ledger_service.web.talk import known

__all__ = ["ROUTES", "Help", "Problem", "Site", "help_page", "is_for_a_person", "known", "page_of_status"]

ROUTES = [
    *public.ROUTES,
    *follow.ROUTES,
    *start.ROUTES,
    *act.ROUTES,
    *files.ROUTES,
    *whole.ROUTES,
    *opened.ROUTES,
    *verdicts.ROUTES,
    *verifier.ROUTES,
    *staff.ROUTES,
    *regulator.ROUTES,
    *operator.ROUTES,
]
