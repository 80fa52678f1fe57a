"""Statistics of the cases that the caller may see, as JSON or as a table for a spreadsheet.

Promises: that figures were read is an entry beside each case that they count, durable before the answer. Does not:
count (`core/statistics.py`), or choose who sees what.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from ledger_service.api.identity import At, Exporter
from ledger_service.api.respond import PRIVATE, document
from ledger_service.api.wire import Answer, Index, Instant
from ledger_service.core.question import FORMS, parse_question
from ledger_service.core.statistics_sheets import statistics_sheet
from ledger_service.operations.statistics import answer

router = APIRouter(tags=["packages and exports"])
CSV = "text/csv"


class Share(Answer):
    """So many, of so many; nothing was rounded."""

    count: Index
    of: Index


class Seconds(Answer):
    """How many, the middle one in whole seconds, and the one that 95 of 100 do not exceed; null of none."""

    count: Index
    median_seconds: Index | None
    p95_seconds: Index | None


class Figures(Answer):
    """The figures of a group of returns: `declines` are refusals, `duties` deadlines that bind somebody."""

    opened: Index
    closed: Index
    disputed: Index
    decided: Index
    declined: Index
    declines: Index
    overturned: Index
    duties_met: Index
    duties_missed: Index
    holds_open: Index
    entries: Index
    anchored: Index
    holds: Seconds
    delays: Seconds
    ratios: dict[Literal["decline", "overturn", "missed", "anchored", "final"], Share]


class StatisticsAnswer(Answer):
    """Statistics as of `now`, in a log of `size` entries; the groups hold `Figures` and their own name."""

    question: dict[str, str]
    now: Instant
    size: Index
    totals: Figures
    months: list[dict[str, Any]]
    pairs: list[dict[str, Any]]
    sellers: list[dict[str, Any]]
    clocks: list[dict[str, Any]]
    declines: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    states: list[dict[str, Any]]


def _asked(name: str, description: str, *, alias: str | None = None) -> Any:
    return Query(pattern=f"^(?:{FORMS[name]})$", description=description, alias=alias)


@router.get(
    "/v1/statistics",
    responses={
        200: {
            "model": StatisticsAnswer,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/StatisticsAnswer"}},
                CSV: {"schema": {"type": "string"}},
            },
        }
    },
)
def show_statistics(
    service: At,
    principal: Exporter,
    buyer_country: Annotated[str | None, _asked("buyer_country", "only returns with a buyer there")] = None,
    seller_country: Annotated[str | None, _asked("seller_country", "only returns with a seller there")] = None,
    first: Annotated[str | None, _asked("from", "opened in this month or later", alias="from")] = None,
    last: Annotated[str | None, _asked("to", "opened in this month or earlier", alias="to")] = None,
    seller: Annotated[str | None, _asked("seller", "only this seller's, by its name in statistics")] = None,
    rule: Annotated[str | None, _asked("rule", "only returns with a deadline or a refusal under this rule set")] = None,
    verb: Annotated[str | None, _asked("verb", "only returns with a step of this verb")] = None,
    form: Annotated[Literal["json", "csv"], Query(alias="format", description="csv: a line for each figure")] = "json",
) -> Response:
    """Return statistics of the returns that the caller may see; that they were read stands beside each in the ledger.

    A return counts in the month in which it was opened, as in an export, so that an export can be counted again.
    """
    given = {
        "buyer_country": buyer_country, "seller_country": seller_country, "from": first, "to": last,
        "seller": seller, "rule": rule, "verb": verb,
    }  # fmt: skip
    question = parse_question({name: value for name, value in given.items() if value is not None})
    found = answer(service.ledger, principal, question)
    if form == "csv":
        sent = {**PRIVATE, "Content-Disposition": 'attachment; filename="statistics.csv"'}
        return Response(statistics_sheet(found.statistics), 200, sent, CSV)
    return document(found.members())
