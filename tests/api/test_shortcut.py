"""The shorter way to a transition and its route are one: whatever is sent, both answer the same bytes.

Each request is asked twice, once as it is and once under a prefix (`root_path`), which the shorter way leaves to the
route. That it did is seen in the scope: a router leaves the endpoint that it found there.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from ledger_service.core.entry import Role
from ledger_service.operations.afterwards import finish
from ledger_service.operations.credentials import issue_key
from ledger_service.operations.principal import Scope
from ledger_service.operations.pseudonyms import Party
from tests.api.asking import Asking, asking
from tests.api.test_json_gate import LARGE, MALFORMED
from tests.operations.conftest import make_world
from tests.operations.world import BUYER, PLATFORM, SELLER

ELSEWHERE = "/elsewhere"
STEP = {"verb": "withdraw_request", "fields": {}}
NOT_NOW = {"verb": "receive", "fields": {}}


@dataclass(frozen=True)
class Sent:
    """A request as an application gets it; a body of None: the client left before it was whole."""

    path: str
    body: bytes | None
    headers: tuple[tuple[bytes, bytes], ...]
    method: str = "POST"
    query: bytes = b""
    more: dict[str, Any] = field(default_factory=dict)

    def under(self, *named: tuple[str, str], without: str = "") -> Sent:
        """Return it with other headers."""
        gone = {name.encode() for name, _ in named} | {without.encode()}
        kept = tuple(pair for pair in self.headers if pair[0] not in gone)
        return replace(self, headers=kept + tuple((name.encode(), value.encode("latin-1")) for name, value in named))


@dataclass(frozen=True)
class Answered:
    """What came back, and whether a router found the way; a status of 0: nothing came."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    routed: bool


def sent(service: Asking, return_id: str, who: Party = BUYER, value: Any = STEP, *, key: str = "a-key") -> Sent:
    """Return a transition as a good client sends it."""
    headers = (
        (b"host", b"ledger.test"),
        (b"authorization", f"Bearer {service.token(who)}".encode()),
        (b"idempotency-key", key.encode()),
        (b"content-type", b"application/json"),
        (b"x-request-id", b"one-name-for-both"),
    )
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Sent(f"/v1/returns/{return_id}/transitions", body, headers)


def ask(service: Asking, request: Sent, *, root_path: str = "") -> Answered:
    """Ask the application without anything in between."""
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "method": request.method,
        "path": request.path, "raw_path": request.path.encode("utf-8", "replace"), "query_string": request.query,
        "root_path": root_path, "headers": list(request.headers), "client": ("203.0.113.7", 1234),
        "server": ("ledger.test", 80), "state": {}, **request.more,
    }  # fmt: skip
    halves = [] if request.body is None else [request.body[:7], request.body[7:]]
    messages = [{"type": "http.request", "body": half, "more_body": n == 0} for n, half in enumerate(halves)]
    messages += [{"type": "http.disconnect"}]
    came: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        came.append(message)

    async def run() -> None:
        await service.app(scope, receive, send)
        finish()  # the loop of a server goes on

    asyncio.run(run())
    start: dict[str, Any] = came[0] if came else {"status": 0, "headers": ()}
    body = b"".join(message.get("body", b"") for message in came[1:])
    return Answered(start["status"], tuple(start["headers"]), body, "endpoint" in scope)


def both(service: Asking, request: Sent) -> tuple[Answered, Answered]:
    """Ask by the shorter way and by the route."""
    short, routed = ask(service, request), ask(service, request, root_path=ELSEWHERE)
    assert not short.routed, "the shorter way was not taken"
    assert routed.routed, "the route was not asked"
    return short, replace(routed, routed=False)


@pytest.fixture(scope="module")
def return_id(service: Asking) -> str:
    """A return that nothing here moves."""
    return service.open_case(members=(SELLER,))


HEADERS: dict[str, tuple[tuple[str, str], ...]] = {
    "an unknown key": (("authorization", "Bearer rlk_" + "0" * 16 + "_" + "A" * 43),),
    "a malformed key": (("authorization", "Bearer rlk_x"),),
    "another scheme": (("authorization", "Basic eDp5"),),
    "an empty credential": (("authorization", ""),),
    "a token of nobody": (("authorization", "Bearer a.b.c"),),
    "two credentials": (("authorization", "Bearer a"), ("authorization", "Bearer b")),
    "an empty idempotency key": (("idempotency-key", ""),),
    "two idempotency keys": (("idempotency-key", "a"), ("idempotency-key", "b")),
    "a space in the idempotency key": (("idempotency-key", "a b"),),
    "an idempotency key beyond ASCII": (("idempotency-key", "schl\xfcssel"),),
    "a long idempotency key": (("idempotency-key", "k" * 256),),
    "an old ETag": (("if-match", '"0"'),),
    "an ETag of the future": (("if-match", '"999999"'),),
    "a weak ETag": (("if-match", 'W/"1"'),),
    "any ETag": (("if-match", "*"),),
    "two ETags": (("if-match", '"1"'), ("if-match", '"2"')),
    "another media type": (("content-type", "text/plain"),),
    "another charset": (("content-type", "application/json; charset=utf-16"),),
    "two media types": (("content-type", "application/json"), ("content-type", "text/plain")),
    "a form": (("content-type", "application/x-www-form-urlencoded"),),
    "compressed": (("content-encoding", "gzip"),),
    "announced too long": (("content-length", "999999999"),),
    "a length that is none": (("content-length", "-1"),),
    "in Chinese": (("accept-language", "zh-CN,zh;q=0.9"), ("if-match", '"0"')),
    "a request id that is none": (("x-request-id", "a b"), ("if-match", '"0"')),
}
LEFT_OUT = ("authorization", "idempotency-key", "content-type")
BODIES: dict[str, Any] = {
    "not now": NOT_NOW,
    "no such step": {"verb": "levitate", "fields": {}},
    "a field too many": {"verb": "withdraw_request", "fields": {"colour": "red"}},
    "a member too many": {**STEP, "colour": "red"},
    "a value of another type": {"verb": 7, "fields": {}},
    "for somebody else": {**STEP, "asserted_by": {"role": "seller", "reference": SELLER.reference}},
    "vouched for": {**STEP, "authenticity": "webhook_verified"},
    "parties without the right": {**STEP, "parties": [{"role": "arbitrator", "reference": "x"}]},
    "a file that is not here": {**STEP, "evidence": [{"kind": "product_photo", "sha256": "0" * 64}]},
    "a signature of nobody": {
        **STEP,
        "signed": {
            "address": "0x" + "11" * 20, "signature": "0x" + "22" * 65, "nonce": "3" * 64, "deadline": 9_999_999_999,
            "previous": None,
        },
    },
    "a list": [STEP],
    "nothing": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
def test_every_header_leads_to_one_answer(service: Asking, return_id: str, name: str) -> None:
    request = sent(service, return_id, value=NOT_NOW).under(*HEADERS[name])

    short, routed = both(service, request)

    if name == "a request id that is none":  # each gets one of ours
        assert masked(short) == masked(routed)
    else:
        assert short == routed
    assert short.status >= 400


@pytest.mark.parametrize("name", LEFT_OUT)
def test_every_header_that_is_missing_leads_to_one_answer(service: Asking, return_id: str, name: str) -> None:
    short, routed = both(service, sent(service, return_id).under(without=name))

    assert short == routed
    assert short.status in (400, 401, 415)


@pytest.mark.parametrize("name", BODIES)
def test_every_body_that_is_refused_leads_to_one_answer(service: Asking, return_id: str, name: str) -> None:
    short, routed = both(service, sent(service, return_id, value=BODIES[name]))

    assert short == routed
    assert short.status >= 400


@pytest.mark.parametrize("name", [*MALFORMED, *LARGE])
def test_every_text_that_is_no_strict_json_leads_to_one_answer(service: Asking, return_id: str, name: str) -> None:
    body = MALFORMED[name][0] if name in MALFORMED else LARGE[name]

    short, routed = both(service, sent(service, return_id, value=body))

    assert short == routed
    assert short.status >= 400


def test_a_return_of_others_or_of_nobody_and_a_key_of_less_lead_to_one_answer(service: Asking, return_id: str) -> None:
    reading = issue_key(service.ledger, BUYER, label="reads", scopes=[Scope.READ]).token
    requests = [
        sent(service, return_id, Party(Role.SELLER, "another-shop")),
        sent(service, "0" * 32),
        sent(service, return_id).under(("authorization", f"Bearer {reading}")),
    ]

    for request, status in zip(requests, (404, 404, 403), strict=True):
        short, routed = both(service, request)
        assert short == routed
        assert short.status == status


def test_a_step_is_answered_alike_at_first_and_byte_for_byte_again(service: Asking) -> None:
    first, second = service.open_case(), service.open_case()
    request = sent(service, first, key="first")

    short = ask(service, request)
    routed = ask(service, sent(service, second, key="second"), root_path=ELSEWHERE)
    again, again_routed = both(service, request)
    other, other_routed = both(service, sent(service, first, value={**STEP, "occurred_at": None, "to_state": "closed"},
                                             key="first"))  # fmt: skip

    assert (short.status, routed.status) == (201, 201)
    assert (short.routed, routed.routed) == (False, True)
    assert [name for name, _ in short.headers] == [name for name, _ in routed.headers]
    assert shape(json.loads(short.body)) == shape(json.loads(routed.body))
    assert again == again_routed
    assert again.body == short.body
    assert dict(again.headers)[b"idempotent-replayed"] == b"true"
    assert other == other_routed
    assert other.status == 422


def test_a_client_that_leaves_is_answered_by_neither(service: Asking, return_id: str) -> None:
    short, routed = both(service, replace(sent(service, return_id), body=None))

    assert short == routed
    assert short.status == 0


def test_what_the_ledger_cannot_do_now_leads_to_one_answer(service: Asking, return_id: str) -> None:
    before = service.ledger.free_bytes_min
    service.ledger.free_bytes_min = 2**62
    try:
        short, routed = both(service, sent(service, return_id))
    finally:
        service.ledger.free_bytes_min = before

    assert short == routed
    assert short.status == 503


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Asking, str]]:
    """A service where a caller has one request, and a return of it."""
    monkeypatch.delenv("LEDGER_HOME", raising=False)
    world = make_world(tmp_path / "home", requests_per_second_max=0.000_001, requests_burst_max=1)
    world.found()
    with asking(world, tmp_path) as opened:
        yield opened, opened.open_case()


def test_a_share_that_is_used_up_leads_to_one_answer(slow: tuple[Asking, str]) -> None:
    service, return_id = slow
    request = sent(service, return_id, value=NOT_NOW)
    assert ask(service, request).status in (409, 422)

    short, routed = both(service, request)

    assert masked(short) == masked(routed)
    assert short.status == 429


UNUSUAL: dict[str, Callable[[Sent], Sent]] = {
    "a query": lambda one: replace(one, query=b"x=1"),
    "capital digits": lambda one: replace(one, path=f"/v1/returns/{'ABCDEF01' * 4}/transitions"),
    "a slash at the end": lambda one: replace(one, path=one.path + "/"),
    "two slashes": lambda one: replace(one, path="/" + one.path),
    "a line break at the end": lambda one: replace(one, path=one.path + "\n"),
    "a NUL at the end": lambda one: replace(one, path=one.path + "\x00"),
    "a short name": lambda one: replace(one, path="/v1/returns/00/transitions"),
    "digits of another script": lambda one: replace(one, path="/v1/returns/" + "\u0661" * 32 + "/transitions"),
    "dots": lambda one: replace(one, path=f"/v1/returns/../{one.path[4:]}"),
    "another method": lambda one: replace(one, method="PUT"),
    "a method in small letters": lambda one: replace(one, method="post"),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_unusual_is_left_to_the_route(service: Asking, return_id: str, name: str) -> None:
    request = UNUSUAL[name](sent(service, return_id, value=NOT_NOW))

    here, there = ask(service, request), ask(service, request, root_path=ELSEWHERE)

    assert here == there
    assert here.status >= 400


def test_both_ways_are_counted_under_the_route(service: Asking, return_id: str) -> None:
    def counted() -> float:
        labels = {"route": "/v1/returns/{return_id}/transitions", "method": "POST", "status": "404"}
        return service.app.state.registry.get_sample_value("ledger_http_requests_total", labels) or 0.0

    before = counted()
    both(service, sent(service, "0" * 32, PLATFORM))

    assert counted() == before + 2


def masked(answer: Answered) -> Answered:
    """Return an answer without its numbers: of seconds, and of the request."""
    number = re.compile(rb"[0-9]+(\.[0-9]+)?|[0-9a-f]{16}-[0-9]+")
    headers = tuple((name, number.sub(b"#", value)) for name, value in answer.headers if name != b"content-length")
    return replace(answer, headers=headers, body=re.sub(rb'"instance":"[^"]*"', b"", number.sub(b"#", answer.body)))


def shape(value: Any) -> Any:
    """Return the names and types of a value; which hashes a proof has depends on its place."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape(one)) for one in value})
    return type(value).__name__
