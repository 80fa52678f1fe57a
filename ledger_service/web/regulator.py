"""The page of the regulator: statistics of the returns that it may see, as tables and charts, and to take along.

Promises: that figures were looked at or taken along stands beside each return that they count, as over the API; what
was asked for is in the URL, so that it can be kept. Does not: count (`operations/statistics.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from ledger_service.core import encoding
from ledger_service.core.case_index import Scope as CaseScope
from ledger_service.core.case_proof import encode_case_proof
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.question import FORMS, Question, QuestionFormatError, parse_question
from ledger_service.core.rules import RULE_SETS
from ledger_service.core.statistics_sheets import statistics_sheet
from ledger_service.errors import FormatError, LimitError
from ledger_service.operations.case_tallies import StillCountingError
from ledger_service.operations.export import choose_cases, choose_head
from ledger_service.operations.principal import Scope
from ledger_service.operations.prove_case import may_count, prove_scope_for
from ledger_service.operations.saved_questions import remove_question, save_question, saved_questions
from ledger_service.operations.statistics import answer
from ledger_service.web.answering import Form, PageRoute, page, sent_form
from ledger_service.web.charts import BAR, WIDTH, Chart, charts
from ledger_service.web.session import PageError, required_staff
from ledger_service.web.site import render, site_of, talk_of
from ledger_service.web.told_statistics import told_statistics

_FILE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_LINES = "application/x-ndjson"
_VERBS = (*LIFECYCLE.case.transitions, *LIFECYCLE.dispute.transitions)


@page
def show(request: Request) -> Response:
    """Return the page."""
    who, spoken, ledger = required_staff(request, Scope.EXPORT), talk_of(request), site_of(request).ledger
    given = {name: request.query_params.get(name, "") for name in FORMS}
    drawn: tuple[Chart, ...] = ()
    provable = False
    told, wrong, counting, too_many, status = None, "", None, False, HTTPStatus.OK
    try:
        question = parse_question(given)
        found, scope = answer(ledger, who, question), _scope(question)
        provable = scope is not None and may_count(who, scope)
        told, drawn = told_statistics(found, spoken), charts(found.statistics, spoken)
    except QuestionFormatError as error:
        wrong, status = error.member, HTTPStatus.BAD_REQUEST
    except StillCountingError as error:
        counting, status = error, HTTPStatus.SERVICE_UNAVAILABLE
    except LimitError:
        too_many, status = True, HTTPStatus.BAD_REQUEST
    query = urlencode({name: value for name, value in given.items() if value})
    made = render(
        request,
        "regulator.html",
        status=status,
        staff=True,
        who=who,
        saved=[(one.id, one.name, urlencode(one.question.members())) for one in saved_questions(ledger, who)],
        countries=[spoken.country(code) for code in sorted(who.countries)],
        given=given,
        query=query,
        told=told,
        provable=provable,
        charts=drawn,
        chart_width=WIDTH,
        bar_height=BAR,
        wrong=wrong,
        counting=counting,
        too_many=too_many,
        rules=list({one.id: spoken.speech.of(one.words) for one in RULE_SETS}.items()),
        verbs=[(verb, spoken.speech.verb(verb)) for verb in _VERBS],
    )
    if counting is not None:
        made.headers["Retry-After"] = "1"
    return made


@page
def sheet(request: Request) -> Response:
    """Return the figures as a table for a spreadsheet."""
    found = answer(site_of(request).ledger, required_staff(request, Scope.EXPORT), _question_in(request.query_params))
    headers = {**_FILE, "Content-Disposition": 'attachment; filename="statistics.csv"'}
    return Response(statistics_sheet(found.statistics), 200, headers, "text/csv")


@page
def document(request: Request) -> Response:
    """Return the figures as JSON."""
    found = answer(site_of(request).ledger, required_staff(request, Scope.EXPORT), _question_in(request.query_params))
    headers = {**_FILE, "Content-Disposition": 'attachment; filename="statistics.json"'}
    return Response(encoding.encode(found.members()), 200, headers, "application/json")


@sent_form
def export(request: Request, form: Form) -> Response:
    """Return the entries of the returns of the same countries and months, each with its proof."""
    who, ledger = required_staff(request, Scope.EXPORT), site_of(request).ledger
    ledger.require_writer()
    made = choose_cases(ledger, who, _question_in(form).filters(), head=choose_head(ledger, final=False))
    headers = {**_FILE, "Content-Disposition": 'attachment; filename="export.ndjson"'}
    return StreamingResponse(made.lines(), 200, headers, _LINES)


@page
def complete(request: Request) -> Response:
    """Return the proof of which returns of two countries there are, as a file: with the export it shows that none is
    left out."""
    who = required_staff(request, Scope.EXPORT)
    scope = _scope(_question_in(request.query_params))
    if scope is None:
        raise PageError("form", HTTPStatus.BAD_REQUEST)
    named = "-".join(one for one in (scope.buyer_country, scope.seller_country, scope.month) if one)
    headers = {**_FILE, "Content-Disposition": f'attachment; filename="{named}.completeness.json"'}
    proof = prove_scope_for(site_of(request).ledger, who, scope)
    return Response(encode_case_proof(proof), 200, headers, "application/json")


@sent_form
def save(request: Request, form: Form) -> Response:
    """Keep a question under a name."""
    who, question = required_staff(request, Scope.EXPORT), _question_in(form)
    save_question(site_of(request).ledger, who, form.get("name", ""), question)
    return RedirectResponse(f"/regulator?{urlencode(question.members())}", int(HTTPStatus.SEE_OTHER))


@sent_form
def remove(request: Request, form: Form) -> Response:
    """Remove a question that was kept."""
    remove_question(site_of(request).ledger, required_staff(request, Scope.EXPORT), form.get("id", ""))
    return RedirectResponse("/regulator", int(HTTPStatus.SEE_OTHER))


def _scope(question: Question) -> CaseScope | None:
    """Return the scope of the case index that a question asks about: two countries, and one month or all."""
    if question.buyer_country is None or question.seller_country is None or question.first != question.last:
        return None
    try:
        return CaseScope(question.buyer_country, question.seller_country, question.first)
    except FormatError:  # a month before 1970
        return None


def _question_in(given: Mapping[str, str]) -> Question:
    """Return the question that stands in a form or in a URL."""
    try:
        return parse_question({name: given.get(name, "") for name in FORMS})
    except QuestionFormatError:
        raise PageError("form", HTTPStatus.BAD_REQUEST) from None


ROUTES = [
    PageRoute("/regulator", show, methods=["GET"], query=FORMS),
    PageRoute("/regulator/statistics.csv", sheet, methods=["GET"], query=FORMS),
    PageRoute("/regulator/statistics.json", document, methods=["GET"], query=FORMS),
    PageRoute("/regulator/completeness.json", complete, methods=["GET"], query=FORMS),
    PageRoute("/regulator/export", export, methods=["POST"]),
    PageRoute("/regulator/saved", save, methods=["POST"]),
    PageRoute("/regulator/saved/remove", remove, methods=["POST"]),
]
