"""The client before a service, or a wire, that lies: each lie is refused loudly, under the name of what is wrong.

Everything around the lie is true: the application, its ledger, and each proof and signature that the lie leaves alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.client import Party, Role, WrongAnswerError
from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint
from ledger_service.core.encoding import Json
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.receipt import receipt_members
from ledger_service.core.trust import encode_trust
from ledger_service.operations.prove import prove
from tests.api.asking import Asking
from tests.client.asking import Forward, Lie, changed, client_of, said
from tests.operations.world import BUYER, PLATFORM, SELLER

WORDS = {"reason": "found it under the sofa"}
FOR_THE_BUYER = Party(Role.BUYER, BUYER.reference)


def receipt_before(answer: httpx.Response, service: Asking) -> dict[str, Json]:
    """Return the receipt of a true entry that is not the one asked for: the one before it in its case."""
    return receipt_members(prove(service.ledger, service.ledger.read.entries_of(answer.json()["return_id"])[0].index))


def signed(service: Asking, checkpoint: Checkpoint, key: Ed25519PrivateKey | None = None) -> str:
    """Return a signed note, by the log's own key if no other is given."""
    private = key or service.ledger.signing_key
    assert private is not None
    return sign_checkpoint(checkpoint, private).decode()


def receipt_with(answer: httpx.Response, **members: Any) -> httpx.Response:
    """Return the answer with other members in its receipt."""
    return said(answer, receipt={**answer.json()["receipt"], **members})


def withheld(answer: httpx.Response) -> httpx.Response:
    """Return the answer with a receipt that shows no value."""
    return receipt_with(answer, records=[{"name": one["name"]} for one in answer.json()["receipt"]["records"]])


def head_of(answer: httpx.Response, service: Asking) -> Checkpoint:
    """Return the head of the tree that an answer is about."""
    size = answer.json()["size"]
    return Checkpoint(service.ledger.origin, size, service.ledger.read.root(size))


def resigned(answer: httpx.Response, service: Asking, key: Ed25519PrivateKey | None, **parts: Any) -> httpx.Response:
    """Return the answer with a checkpoint whose parts are others, signed."""
    return receipt_with(answer, checkpoint=signed(service, replace(head_of(answer, service), **parts), key))


LIES: dict[str, tuple[str, Callable[[httpx.Response, Asking], httpx.Response]]] = {
    "another index": ("index", lambda a, _: said(a, index=a.json()["index"] + 1)),
    "another leaf hash": ("leaf_hash", lambda a, _: said(a, leaf_hash="00" * 32)),
    "another verb": ("verb", lambda a, _: said(a, verb="close")),
    "another return": ("return_id", lambda a, _: said(a, return_id="0" * 32)),
    "another state": ("state", lambda a, _: said(a, state="closed")),
    "another time": ("recorded_at", lambda a, _: said(a, recorded_at="2026-01-01T00:00:00.000Z")),
    "an older size": ("size", lambda a, _: said(a, size=a.json()["size"] - 1)),
    "another receipt": ("index", lambda a, s: said(a, receipt=receipt_before(a, s))),
    "no receipt": ("form", lambda a, _: said(a, receipt=None)),
    "a receipt of another format": ("receipt_format", lambda a, _: receipt_with(a, format="return-ledger/receipt@v2")),
    "the index of another in the receipt": ("receipt_inclusion", lambda a, _: receipt_with(a, index=0)),
    "no inclusion proof": ("receipt_inclusion", lambda a, _: receipt_with(a, inclusion=[])),
    "a value withheld": ("withheld", lambda a, _: withheld(a)),
    "another log's key": ("receipt_checkpoint", lambda a, s: resigned(a, s, Ed25519PrivateKey.generate())),
    "another log": ("receipt_checkpoint", lambda a, s: resigned(a, s, None, origin="returns.example/other")),
    "another root": ("receipt_inclusion", lambda a, s: resigned(a, s, None, root=bytes(32))),
    "text that is no JSON": ("form", lambda *_: httpx.Response(201, text="<html>ok</html>")),
    "no members": ("form", lambda *_: httpx.Response(201, json={})),
    "a redirect": ("redirect", lambda *_: httpx.Response(307, headers={"Location": "https://elsewhere.example/"})),
    "too much": ("size", lambda *_: httpx.Response(201, content=b" " * (4 * 1024 * 1024 + 1))),
    "a compressed body": ("form", lambda *_: httpx.Response(201, headers={"Content-Encoding": "br"}, content=b"x")),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_about_a_step_that_was_recorded_is_refused(service: Asking, name: str) -> None:
    what, tell = LIES[name]
    return_id = service.open_case()

    with client_of(service, BUYER) as (ledger, wire):
        wire.lies["/transitions"] = lambda request, forward: tell(forward(request), service)
        with pytest.raises(WrongAnswerError) as caught:
            ledger.record(return_id, "withdraw_request", WORDS)

    assert caught.value.what == what
    assert caught.value.idempotency_key == wire.posts()[0].headers["idempotency-key"]
    assert WORDS["reason"] not in str(caught.value)


STEPS: dict[str, tuple[str, dict[str, Any]]] = {
    "a value is dropped": ("fields", {"fields": {}}),
    "a value is changed": ("fields", {"fields": {"reason": "found it"}}),
    "another verb is recorded": (
        "verb",
        {"verb": "request_info", "asserted_by": None, "fields": {"asked_for": ["product_photo"]}},
    ),
    "the claimed time is dropped": ("occurred_at", {"occurred_at": None}),
    "a rule is added": ("rule", {"rule": {"id": "shop-policy", "version": "2026-01"}}),
    "the vouching is raised": ("authenticity", {"authenticity": "webhook_verified"}),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_is_recorded_otherwise_than_it_was_sent_is_refused_although_each_proof_holds(
    service: Asking, name: str
) -> None:
    what, members = STEPS[name]
    return_id = service.open_case()

    with client_of(service, PLATFORM) as (ledger, wire):
        wire.lies["/transitions"] = lambda request, forward: forward(changed(request, **members))
        with pytest.raises(WrongAnswerError) as caught:
            ledger.record(
                return_id,
                "withdraw_request",
                WORDS,
                asserted_by=FOR_THE_BUYER,
                occurred_at="2026-11-03T10:20:00.000Z",
            )

    assert caught.value.what == what


def test_a_step_recorded_for_another_return_or_party_is_refused(service: Asking) -> None:
    mine, other = service.open_case(), service.open_case()

    def elsewhere(request: httpx.Request, forward: Forward) -> httpx.Response:
        return forward(httpx.Request("POST", f"https://ledger.test/v1/returns/{other}/transitions",
                                     headers=request.headers, content=request.read()))  # fmt: skip

    def as_the_seller(request: httpx.Request, forward: Forward) -> httpx.Response:
        return forward(changed(request, asserted_by={"role": "seller", "reference": SELLER.reference}))

    with client_of(service, PLATFORM) as (ledger, wire):
        wire.lies["/transitions"] = elsewhere
        with pytest.raises(WrongAnswerError, match="return_id"):
            ledger.record(mine, "withdraw_request", WORDS, asserted_by=FOR_THE_BUYER)
        wire.lies["/transitions"] = as_the_seller
        with pytest.raises(WrongAnswerError, match="parties"):
            ledger.record(mine, "request_info", {"asked_for": ["product_photo"]})


def test_a_refused_attempt_is_not_taken_for_the_step(service: Asking) -> None:
    return_id = service.open_case()

    def attempt(request: httpx.Request, forward: Forward) -> httpx.Response:
        assert forward(request).status_code == 409
        index = service.ledger.read.size() - 1
        receipt = prove(service.ledger, index)
        body = {"return_id": return_id, "index": index, "leaf_hash": leaf_hash(receipt.entry).hex(),
                "verb": "receive", "state": None, "recorded_at": "2026-11-03T12:00:00.000Z", "size": index + 1,
                "receipt": receipt_members(receipt)}  # fmt: skip
        return httpx.Response(201, json=body)

    with client_of(service, SELLER) as (ledger, wire):
        wire.lies["/transitions"] = attempt
        with pytest.raises(WrongAnswerError, match="kind"):
            ledger.record(return_id, "start_inspection")


def replaying(header: dict[str, str]) -> Lie:
    """Return a wire that records the first step and gives its answer to each later one."""
    kept: list[httpx.Response] = []

    def lie(request: httpx.Request, forward: Forward) -> httpx.Response:
        if not kept:
            kept.append(forward(request))
            return kept[0]
        return httpx.Response(201, headers=header, content=kept[0].content)

    return lie


@pytest.mark.parametrize("header", [{}, {"Idempotent-Replayed": "true"}])
@pytest.mark.parametrize("keys", [(None, None), ("one", "two")])
def test_the_answer_to_another_key_is_refused(
    service: Asking, header: dict[str, str], keys: tuple[str | None, str | None]
) -> None:
    return_id = service.open_case()

    with client_of(service, BUYER) as (ledger, wire):
        wire.lies["/transitions"] = replaying(header)
        ledger.record(return_id, "withdraw_request", WORDS, key=keys[0] and keys[0] + return_id)
        with pytest.raises(WrongAnswerError, match="replayed"):
            ledger.record(return_id, "withdraw_request", WORDS, key=keys[1] and keys[1] + return_id)


def test_an_answer_older_than_the_request_is_refused_by_a_client_that_never_saw_it(service: Asking) -> None:
    return_id = service.open_case()
    lie = replaying({"Idempotent-Replayed": "true"})
    with client_of(service, BUYER) as (ledger, wire):
        wire.lies["/transitions"] = lie
        ledger.record(return_id, "withdraw_request", WORDS)

    with client_of(service, BUYER) as (ledger, wire):
        wire.lies["/transitions"] = lie
        with pytest.raises(WrongAnswerError, match="replayed"):
            ledger.record(return_id, "withdraw_request", WORDS)


def test_a_log_that_goes_back_is_refused(service: Asking) -> None:
    with client_of(service, BUYER) as (ledger, wire):
        ledger.checkpoint()
        older = ledger.newest_note
        service.open_case()
        ledger.checkpoint()
        wire.lies["/checkpoint"] = lambda *_: httpx.Response(200, content=older)
        with pytest.raises(WrongAnswerError, match="backwards"):
            ledger.checkpoint()


@pytest.mark.parametrize("growth", [0, 5, -1])
def test_a_head_that_does_not_continue_the_one_seen_is_refused_though_the_log_signed_it(
    service: Asking, growth: int
) -> None:
    with client_of(service, BUYER) as (ledger, wire):
        size = ledger.checkpoint().size + growth
        service.open_case()
        forked = Checkpoint(service.ledger.origin, size, bytes(32))
        wire.lies["/checkpoint"] = lambda *_: httpx.Response(200, text=signed(service, forked))
        with pytest.raises(WrongAnswerError) as caught:
            ledger.checkpoint()

    assert caught.value.what == ("backwards" if growth < 0 else "fork")


def test_another_log_of_the_same_name_and_key_is_refused_at_the_first_look(service: Asking) -> None:
    """What is pinned begins with the genesis entry: a head over another one is a fork of it."""
    other = replace(service.ledger.trust(), genesis=bytes(32))

    with (
        client_of(service, BUYER, trust=encode_trust(other)) as (ledger, _),
        pytest.raises(WrongAnswerError, match="fork"),
    ):
        ledger.checkpoint()


PROOFS: dict[str, Callable[[httpx.Response], httpx.Response]] = {
    "hashes of another": lambda a: said(a, hashes=[one[::-1] for one in a.json()["hashes"]] or ["00" * 32]),
    "no hashes": lambda a: said(a, hashes=[], sizes=a.json()["sizes"]),
    "other sizes": lambda a: said(a, sizes=[1, *a.json()["sizes"][1:]]),
    "other roots": lambda a: said(a, roots=["00" * 32 for _ in a.json()["roots"]]),
    "another kind": lambda a: said(a, kind="other"),
    "a refusal": lambda _: httpx.Response(404, json={"type": "/help/problems/unknown-path", "status": 404}),
}


@pytest.mark.parametrize("name", PROOFS)
def test_growth_that_is_not_proven_is_refused(service: Asking, name: str) -> None:
    service.open_case()
    with client_of(service, BUYER) as (ledger, wire):
        ledger.checkpoint()
        service.open_case()
        service.open_case()
        wire.lies["/v1/proofs/consistency"] = lambda request, forward: PROOFS[name](forward(request))
        with pytest.raises(WrongAnswerError) as caught:
            ledger.checkpoint()

    assert caught.value.what == ("form" if name == "another kind" else "fork")


def another_entry(index: int) -> Lie:
    """Return a wire that answers a question about one entry with another."""

    def lie(request: httpx.Request, forward: Forward) -> httpx.Response:
        path = request.url.path.replace(f"/{index}", f"/{index - 1}")
        return forward(httpx.Request("GET", f"https://ledger.test{path}", headers=request.headers))

    return lie


def test_another_entry_or_receipt_than_the_one_asked_for_is_refused(service: Asking) -> None:
    return_id = service.open_case()
    with client_of(service, BUYER) as (ledger, wire):
        index = ledger.record(return_id, "withdraw_request", WORDS).index
        wire.lies["/v1/entries"] = another_entry(index)
        with pytest.raises(WrongAnswerError, match="index"):
            ledger.entry(index)
        with pytest.raises(WrongAnswerError, match="index"):
            ledger.receipt(index)
        wire.lies["/v1/entries"] = lambda request, forward: said(another_entry(index)(request, forward), index=index)
        with pytest.raises(WrongAnswerError, match="fork"):
            ledger.entry(index)
        wire.lies["/v1/entries"] = lambda request, forward: said(forward(request), leaf_hash="00" * 32)
        with pytest.raises(WrongAnswerError, match="leaf_hash"):
            ledger.entry(index)


def test_another_return_or_an_endless_list_is_refused(service: Asking) -> None:
    mine, other = service.open_case(), service.open_case()
    with client_of(service, BUYER) as (ledger, wire):
        wire.lies[mine] = lambda request, forward: said(forward(request), return_id=other)
        with pytest.raises(WrongAnswerError, match="return_id"):
            ledger.show(mine)
        wire.lies["/v1/returns"] = lambda request, forward: said(forward(request), next=mine)
        with pytest.raises(WrongAnswerError, match="form"):
            list(ledger.returns())
