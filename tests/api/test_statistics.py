"""Statistics over HTTP: JSON and CSV of the same figures, what may be asked, and who may not."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from pydantic import ValidationError

from ledger_service.api.statistics import StatisticsAnswer
from ledger_service.core.entry import Role
from ledger_service.operations import statistics
from ledger_service.operations.access import local_reader
from ledger_service.operations.credentials import issue_key
from ledger_service.operations.principal import Scope
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.statistics import seller_name
from tests.api.asking import PARTIES, Asking
from tests.operations.cases import Story

REGULATOR = PARTIES[Role.REGULATOR]


def asked(service: Asking, who: Any = REGULATOR, **query: str) -> dict[str, Any]:
    """Return statistics, which have the form that is described."""
    answer = service.ask("GET", "/v1/statistics", who, params=query)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-store"
    found: dict[str, Any] = answer.json()
    StatisticsAnswer.model_validate(found)
    return found


def test_a_decline_that_is_overturned_moves_the_rate_and_another_country_does_not(service: Asking) -> None:
    seller = Party(Role.SELLER, "seller-of-one-decline")
    story = Story(service.ledger, service.folder, seller=seller).decline()
    Story(service.ledger, service.folder, seller=seller, buyer_country="FR").decline()
    name = seller_name(local_reader(service.ledger, seller).mark)
    before = asked(service, seller=name)
    story.overturn()
    after = asked(service, seller=name)

    assert before["totals"]["ratios"]["overturn"] == {"count": 0, "of": 1}
    assert after["totals"]["ratios"]["overturn"] == {"count": 1, "of": 1}
    assert [pair["buyer_country"] for pair in after["pairs"]] == ["DE"]
    assert after["size"] > before["size"]
    assert asked(service, buyer_country="FR")["totals"]["opened"] == 0


def test_the_table_holds_what_the_json_does(service: Asking) -> None:
    Story(service.ledger, service.folder).decline()
    found = asked(service, verb="decline_return")

    answer = service.ask("GET", "/v1/statistics?format=csv&verb=decline_return", REGULATOR)
    rows = {tuple(row[:3]): row[3] for row in csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))}

    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="statistics.csv"'
    assert rows["all", "", "opened"] == str(found["totals"]["opened"])


def test_a_question_is_said_again_in_the_answer(service: Asking) -> None:
    question = {"from": "2026-10", "to": "2026-12", "rule": "EU", "seller_country": "CN"}

    assert asked(service, **question)["question"] == question


@pytest.mark.parametrize("query", ["from=2026-13", "buyer_country=de", "seller=x", "to=9999-12", "country=DE", "rule="])
def test_what_cannot_be_asked_is_refused(service: Asking, query: str) -> None:
    assert service.ask("GET", f"/v1/statistics?{query}", REGULATOR).status_code == 422


def test_months_that_end_before_they_begin_are_refused(service: Asking) -> None:
    answer = service.ask("GET", "/v1/statistics?from=2026-12&to=2026-11", REGULATOR)

    assert (answer.status_code, answer.json()["type"]) == (422, "/help/problems/invalid-request")


def test_a_key_that_may_only_look_gets_no_statistics(service: Asking) -> None:
    key = issue_key(service.ledger, Party(Role.REGULATOR, "looks"), label="x", scopes=[Scope.READ], countries=["DE"])

    assert service.ask("GET", "/v1/statistics", key.token).status_code == 403


def test_a_count_that_takes_longer_says_how_far_it_is(service: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        Story(service.ledger, service.folder)
    monkeypatch.setattr(statistics, "COUNTING_SECONDS", -1.0)
    answer = service.ask("GET", "/v1/statistics", REGULATOR)

    assert (answer.status_code, answer.json()["type"]) == (503, "/help/problems/still-counting")
    assert "are counted so far" in answer.json()["detail"]
    monkeypatch.undo()
    asked(service)


def test_the_described_form_is_one_that_an_answer_can_miss(service: Asking) -> None:
    found = asked(service)
    del found["totals"]["ratios"]["missed"]["of"]

    with pytest.raises(ValidationError):
        StatisticsAnswer.model_validate(found)
