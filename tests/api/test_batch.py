"""A batch is what its lines would have been one by one: judged alone, answered in order, recorded once."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from ledger_service.api import batch
from ledger_service.core.entry import Role
from tests.api.asking import PARTIES, Asking
from tests.operations.world import BUYER, PLATFORM, SELLER

ASK = {"verb": "request_info", "fields": {"asked_for": ["product_photo"]}}
WITHDRAW = {"verb": "withdraw_request", "asserted_by": {"role": "buyer", "reference": BUYER.reference}}
CLOSE = {"verb": "close"}


def send(service: Asking, lines: list[Any], who: Any = PLATFORM, **more: Any) -> httpx.Response:
    """Post lines: bytes as they are, anything else as JSON."""
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    headers = {"Content-Type": "application/x-ndjson", **more.pop("headers", {})}
    return service.ask("POST", "/v1/returns:batch", who, content=b"\n".join([*texts, b""]), headers=headers, **more)


def answers(answer: httpx.Response) -> list[dict[str, Any]]:
    """Return the lines of an answer, each checked for its form."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    found = [json.loads(line) for line in answer.text.splitlines()]
    for number, line in enumerate(found, 1):
        batch.BatchAnswer.model_validate(line)
        assert line["line"] == number
        assert (line["recorded"] is None) == (line["status"] != 201)
        assert (line["problem"] is None) == (line["status"] == 201)
        assert line["problem"] is None or line["problem"]["status"] == line["status"]
    return found


def test_lines_of_one_return_are_taken_in_order_and_each_is_answered_as_if_alone(service: Asking) -> None:
    mine, other = service.open_case(), service.open_case()
    before = service.ledger.read.size()

    found = answers(
        send(
            service,
            [
                {**ASK, "return_id": mine},
                {**ASK, "return_id": other},
                {**WITHDRAW, "return_id": mine},
                {**CLOSE, "return_id": mine},
                {**CLOSE, "return_id": other},
            ],
        )
    )

    assert [line["status"] for line in found] == [201, 201, 201, 201, 409]
    assert found[4]["problem"]["allowed"]
    assert [found[n]["recorded"]["state"] for n in (0, 2, 3)] == ["info_requested", "canceled", "closed"]
    assert [entry.kind for entry in service.ledger.read.entries(before)].count("transition") == 4


def test_the_same_batch_again_is_recorded_once_wherever_it_broke_off(service: Asking) -> None:
    mine = service.open_case()
    lines = [{**ASK, "return_id": mine}, {**WITHDRAW, "return_id": mine}]
    first = answers(send(service, lines[:1], key="feed-7"))
    size = service.ledger.read.size()

    again = answers(send(service, lines, key="feed-7"))
    once_more = answers(send(service, lines, key="feed-7"))

    assert [line["replayed"] for line in again] == [True, False]
    assert again[0]["recorded"] == first[0]["recorded"]
    assert [line["replayed"] for line in once_more] == [True, True]
    assert [line["recorded"] for line in once_more] == [line["recorded"] for line in again]
    assert [entry.kind for entry in service.ledger.read.entries(size)].count("transition") == 1


def test_a_line_that_changed_under_the_same_key_is_refused_alone(service: Asking) -> None:
    mine = service.open_case()
    answers(send(service, [{**ASK, "return_id": mine}], key="feed-8"))

    found = answers(send(service, [{**WITHDRAW, "return_id": mine}, {**WITHDRAW, "return_id": mine}], key="feed-8"))

    assert [line["status"] for line in found] == [422, 201]
    assert found[0]["problem"]["type"].endswith("idempotency-key-reused")


def test_a_line_may_speak_of_the_return_of_an_earlier_line(service: Asking) -> None:
    mine = service.open_case()

    found = answers(
        send(service, [{**ASK, "return_id": mine}, {**WITHDRAW, "return_of": 1}, {**CLOSE, "return_of": 2}])
    )

    assert [line["status"] for line in found] == [201, 201, 201]
    assert {line["recorded"]["return_id"] for line in found} == {mine}


def test_a_line_whose_return_was_not_opened_says_which_line_was_to_open_it(service: Asking) -> None:
    found = answers(send(service, [CLOSE, {**ASK, "return_of": 1}]))

    assert [line["status"] for line in found] == [409, 404]
    assert "line 1 was not recorded" in found[1]["problem"]["detail"]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"verb": "close", "verb": "close"}', 400),
        (b'{"verb": 1.5}', 400),
        (b"\xef\xbb\xbf{}", 400),
        (b"\xff", 400),
        (b'"' + b"x" * batch.LINE_BYTES_MAX + b'"', 400),
        ({"verb": "close", "extra": 1}, 422),
        ({"verb": "close", "return_of": 2}, 422),
        ({"verb": "close", "return_of": 0}, 422),
        ({"verb": "close", "return_of": 1, "return_id": "0" * 32}, 422),
        ({"verb": "close", "return_id": "0" * 32}, 404),
        ({"verb": "no_such_verb"}, 422),
    ],
)
def test_a_bad_line_is_refused_alone(service: Asking, line: Any, status: int) -> None:
    mine = service.open_case()

    found = answers(send(service, [{**ASK, "return_id": mine}, line, {**WITHDRAW, "return_id": mine}]))

    assert [one["status"] for one in found] == [201, status, 201]


def test_another_partys_return_is_answered_like_one_that_there_is_not(service: Asking) -> None:
    foreign = service.open_case(members=())
    carrier = PARTIES[Role.CARRIER]

    found = answers(send(service, [{**ASK, "return_id": foreign}, {**ASK, "return_id": "0" * 32}], carrier))

    assert [line["status"] for line in found] == [404, 404]
    bodies = [{**line["problem"], "detail": ""} for line in found]
    assert bodies[0] == bodies[1]


def test_limits_and_media_type_are_said_before_any_line_is_taken(service: Asking) -> None:
    size = service.ledger.read.size()

    many = send(service, [CLOSE] * (batch.LINES_MAX + 1))
    large = service.ask(
        "POST", "/v1/returns:batch", PLATFORM, content=b" " * (batch.BATCH_BYTES_MAX + 1),
        headers={"Content-Type": "application/x-ndjson"},
    )  # fmt: skip
    other = send(service, [CLOSE], headers={"Content-Type": "application/json"})
    keyless = send(service, [CLOSE], key=None)

    assert [many.status_code, large.status_code, other.status_code, keyless.status_code] == [413, 413, 415, 400]
    assert many.json()["most"] == batch.LINES_MAX
    assert "transition" not in [entry.kind for entry in service.ledger.read.entries(size)]


def test_a_batch_of_nothing_is_answered_with_nothing(service: Asking) -> None:
    assert answers(service.ask("POST", "/v1/returns:batch", SELLER, content=b"",
                               headers={"Content-Type": "application/x-ndjson"})) == []  # fmt: skip


def test_a_batch_is_paced_by_the_callers_share_and_never_refused_for_it(service: Asking) -> None:
    mine = service.open_case()
    limiter = service.app.state.service.limiter
    rate, burst = limiter._rate, limiter._burst
    limiter._rate, limiter._burst = 500.0, 2
    limiter._left.clear()
    try:
        found = answers(send(service, [{**ASK, "return_id": mine}, *([{**CLOSE, "return_id": mine}] * 20)]))
    finally:
        limiter._rate, limiter._burst = rate, burst
        limiter._left.clear()

    assert [line["status"] for line in found] == [201, *([409] * 20)]
