"""The client before an honest service: what it sends is recorded once, and what it returns was checked."""

from __future__ import annotations

import secrets
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from ledger_service.client import (
    BusyError,
    CredentialRefusedError,
    EvidenceFile,
    Ledger,
    Party,
    Role,
    StaleReturnError,
    StepNotAllowedError,
    UnknownError,
    UnreachableError,
    WrongAnswerError,
)
from ledger_service.core.entry import CaseEntry
from ledger_service.core.trust import encode_trust
from ledger_service.core.verify import verify
from ledger_service.errors import JsonFormatError, TrustFormatError
from ledger_service.operations import pseudonyms
from tests.api.asking import Asking
from tests.client.asking import Forward, Hurry, Wire, client_of
from tests.operations.world import BUYER, PLATFORM, REQUEST_FIELDS, SELLER

WORDS = {"reason": "found it under the sofa"}


def test_a_step_is_recorded_and_its_receipt_is_one_for_the_file(service: Asking) -> None:
    return_id = service.open_case()

    with client_of(service, BUYER) as (ledger, _):
        seen = ledger.show(return_id)
        step = ledger.record(return_id, "withdraw_request", WORDS, if_match=seen)
        after = ledger.show(return_id)

    assert (step.verb, step.state, step.replayed) == ("withdraw_request", "canceled", False)
    assert (after.last_index, after.head, after.state) == (step.index, step.leaf_hash, "canceled")
    report = verify(step.receipt, service.ledger.trust())
    assert report.verdict.value == "inconclusive"  # not anchored yet
    assert not [check for check in report.checks if check.outcome.value == "fail"]


def test_a_return_is_opened_with_its_files(service: Asking, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"\x89PNG\r\n\x1a\n" + secrets.token_bytes(64))
    digest = sha256(photo.read_bytes())

    with client_of(service, PLATFORM) as (ledger, _):
        uploaded = ledger.upload(photo)
        step = ledger.open_return(
            "request_return",
            REQUEST_FIELDS,
            asserted_by=Party(Role.BUYER, BUYER.reference),
            evidence=[EvidenceFile("product_photo", uploaded.sha256)],
            occurred_at="2026-11-03T10:20:00.000Z",
            parties=[Party(Role.SELLER, SELLER.reference)],
        )
        receipt = ledger.receipt(step.index)
    with client_of(service, SELLER) as (ledger, _):
        theirs = ledger.show(step.return_id)

    assert receipt.values["evidence:product_photo"] == digest.hexdigest()
    assert receipt.values["lines"] == REQUEST_FIELDS["lines"]
    assert theirs.state == "requested"


def test_entries_and_receipts_are_read_with_their_proofs(service: Asking) -> None:
    return_id = service.open_case()

    with client_of(service, BUYER) as (ledger, wire):
        index = ledger.show(return_id).last_index
        entry, genesis = ledger.entry(index), ledger.entry(0)
        receipt = ledger.receipt(index)
        newest = ledger.checkpoint()

    assert isinstance(entry.entry, CaseEntry)
    assert entry.entry.return_id == return_id
    assert genesis.leaf_hash == service.ledger.trust().genesis
    assert receipt.entry == entry.entry
    assert newest.size == service.ledger.read.size() > index
    asked = [request.url.path for request in wire.sent]
    assert asked.count("/v1/proofs/inclusion") == 2


def test_returns_come_page_by_page_and_each_once(service: Asking) -> None:
    shop = pseudonyms.Party(Role.SELLER, "client-shop")
    opened = sorted(service.open_case(members=(shop,)) for _ in range(3))

    def small_pages(request: httpx.Request, forward: Forward) -> httpx.Response:
        return forward(httpx.Request("GET", request.url.copy_merge_params({"limit": "2"}), headers=request.headers))

    with client_of(service, shop) as (ledger, wire):
        wire.lies["/v1/returns"] = small_pages
        found = [one.return_id for one in ledger.returns()]

    assert found == opened
    assert len(wire.sent) == 2


def test_a_step_whose_answer_is_lost_is_recorded_once(service: Asking) -> None:
    return_id = service.open_case()
    hurry = Hurry()
    lost: list[int] = []

    def lose_the_first(request: httpx.Request, forward: Forward) -> httpx.Response:
        answer = forward(request)
        if not lost:
            lost.append(answer.status_code)
            raise httpx.ReadError("the connection broke", request=request)
        return answer

    with client_of(service, BUYER, hurry=hurry) as (ledger, wire):
        ledger.checkpoint()
        size = service.ledger.read.size()
        wire.lies["/transitions"] = lose_the_first
        step = ledger.record(return_id, "withdraw_request", WORDS)

    assert lost == [201]
    assert step.replayed
    added = [service.ledger.read.entry(index).encoded for index in range(size, service.ledger.read.size())]
    assert sum(b'"kind":"seal"' not in entry for entry in added) == 1  # a seal may end the head between the two
    keys = {request.headers["idempotency-key"] for request in wire.posts()}
    assert (len(wire.posts()), keys) == (2, {step.idempotency_key})


def test_busy_answers_are_waited_for_as_long_as_they_ask_and_no_longer_than_the_cap(service: Asking) -> None:
    return_id = service.open_case()
    hurry = Hurry()
    busy = [
        httpx.Response(503, headers={"Retry-After": "2"}),
        httpx.Response(429, headers={"Retry-After": "999"}),
        httpx.Response(503, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
    ]

    with client_of(service, BUYER, hurry=hurry) as (ledger, wire):
        wire.lies["/transitions"] = lambda request, forward: busy.pop(0) if busy else forward(request)
        step = ledger.record(return_id, "withdraw_request", WORDS)

    assert hurry.pauses == [2.0, 15.0, 1.0]
    assert {request.headers["idempotency-key"] for request in wire.posts()} == {step.idempotency_key}
    assert not step.replayed


@pytest.mark.parametrize("after", ["", "7", "3600"])
def test_a_service_that_stays_busy_ends_the_call_within_its_patience(service: Asking, after: str) -> None:
    return_id = service.open_case()
    hurry = Hurry()

    with client_of(service, BUYER, hurry=hurry) as (ledger, wire):
        ledger.checkpoint()
        wire.lies["/transitions"] = lambda *_: httpx.Response(503, headers={"Retry-After": after})
        with pytest.raises(BusyError) as caught:
            ledger.record(return_id, "withdraw_request", WORDS, key="mine")

    assert hurry.now < 30
    assert caught.value.idempotency_key == "mine"
    assert len(wire.posts()) > 1


def test_a_service_that_nobody_reaches_says_so_and_names_the_key(service: Asking) -> None:
    return_id = service.open_case()
    hurry = Hurry()

    def down(request: httpx.Request, _: Forward) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with client_of(service, BUYER, hurry=hurry) as (ledger, wire):
        ledger.checkpoint()
        wire.lies["/transitions"] = down
        with pytest.raises(UnreachableError) as caught:
            ledger.record(return_id, "withdraw_request", WORDS)
        wire.lies.clear()
        step = ledger.record(return_id, "withdraw_request", WORDS, key=caught.value.idempotency_key)

    assert hurry.now < 30
    assert step.state == "canceled"


def test_the_same_key_gets_the_same_entry_and_another_client_knows_it_as_replayed(service: Asking) -> None:
    return_id = service.open_case()

    with client_of(service, BUYER) as (ledger, _):
        first = ledger.record(return_id, "withdraw_request", WORDS, key="k-1")
        again = ledger.record(return_id, "withdraw_request", WORDS, key="k-1")
    service.open_case()
    with client_of(service, BUYER) as (ledger, _):
        later = ledger.record(return_id, "withdraw_request", WORDS, key="k-1")

    assert replace(again, replayed=False) == first
    assert replace(later, replayed=False) == first
    assert (again.replayed, later.replayed) == (True, True)


def test_refusals_have_classes_and_are_sent_once(service: Asking) -> None:
    return_id = service.open_case()
    hurry = Hurry()

    with client_of(service, SELLER, hurry=hurry) as (ledger, wire):
        with pytest.raises(StepNotAllowedError) as refused:
            ledger.record(return_id, "start_inspection")
        with pytest.raises(UnknownError):
            ledger.show("0" * 32)
        stale = ledger.show(return_id)
        ledger.record(return_id, "request_info", {"asked_for": ["product_photo"]}, if_match=stale)
        with pytest.raises(StaleReturnError):
            ledger.record(return_id, "request_info", {"asked_for": ["product_video"]}, if_match=stale)
        posts = len(wire.posts())
    wire = Wire(service.app)
    with (
        Ledger(
            "https://ledger.test", "rlk_nothing", trust=encode_trust(service.ledger.trust()), transport=wire
        ) as ledger,
        pytest.raises(CredentialRefusedError) as denied,
    ):
        ledger.show(return_id)

    assert "decline_return" in refused.value.allowed
    assert (refused.value.slug, refused.value.status) == ("step-not-allowed", 409)
    assert denied.value.status == 401
    assert "rlk_nothing" not in str(denied.value)
    assert posts == 3
    assert hurry.pauses == []


def test_a_step_after_another_names_it_and_its_place_is_checked(service: Asking) -> None:
    return_id = service.open_case()

    with client_of(service, SELLER) as (ledger, wire):
        seen = ledger.show(return_id)
        first = ledger.record(return_id, "request_info", {"asked_for": ["product_photo"]}, if_match=seen.last_index)
        with pytest.raises(StepNotAllowedError):
            ledger.record(return_id, "receive", if_match=first)

    assert [request.headers["if-match"] for request in wire.posts()] == [f'"{seen.last_index}"', f'"{first.index}"']


def test_what_cannot_be_sent_exactly_is_not_sent(service: Asking) -> None:
    with client_of(service, BUYER) as (ledger, wire):
        with pytest.raises(JsonFormatError):
            ledger.record("0" * 32, "note", {"amount": 1.5})
        with pytest.raises(ValueError, match="32 lower-case hex digits"):
            ledger.show("../keys")

    assert wire.sent == []


def test_a_trust_file_is_read_from_bytes_or_a_path_and_must_be_one(service: Asking, tmp_path: Path) -> None:
    pinned = tmp_path / "ledger.trust.json"
    pinned.write_bytes(encode_trust(service.ledger.trust()))

    with client_of(service, BUYER, trust=pinned) as (ledger, _):
        assert ledger.checkpoint().size == service.ledger.read.size()
    with pytest.raises(TrustFormatError):
        Ledger("https://ledger.test", None, trust=b"{}")


def test_a_note_kept_from_the_last_time_is_where_the_next_client_begins(service: Asking) -> None:
    with client_of(service, BUYER) as (ledger, _):
        kept = ledger.checkpoint()
        note = ledger.newest_note
    service.open_case()

    with client_of(service, BUYER, newest_note=note) as (ledger, wire):
        grown = ledger.checkpoint()
    assert grown.size > kept.size
    assert wire.sent[-1].url.params["from"] == str(kept.size)
    with (
        pytest.raises(WrongAnswerError, match="receipt_checkpoint"),
        client_of(service, BUYER, newest_note=note.replace(b"returns.example/test", b"returns.example/other")),
    ):
        pass
