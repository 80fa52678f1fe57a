"""Clients find a log that shows each of them, or one of them twice, another tree, and hold what shows it to others."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from ledger_service.client import ContradictionError, Ledger, ProblemError, WrongAnswerError
from ledger_service.core.contradiction import Kind, parse_contradiction
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.report import Verdict
from ledger_service.core.trust import encode_trust
from ledger_service.core.verify_contradiction import verify_contradiction
from tests.client.asking import Hurry
from tests.core.entries import NEW_KEY, OLD_KEY, ORIGIN
from tests.core.forks import OTHER, forged_receipt
from tests.core.forks import TRUE as SMALL
from tests.core.receipts import STEP_AT, TRUST
from tests.watch.shown import ShownLog
from tests.watch.test_monitor import ENTRIES, OTHERS

TRUE = ShownLog(ORIGIN, OLD_KEY, ENTRIES[:300])


@pytest.fixture
def opened() -> Iterator[list[Ledger]]:
    """Clients that are closed at the end."""
    clients: list[Ledger] = []
    yield clients
    for client in clients:
        client.close()


def client_of(opened: list[Ledger], log: httpx.BaseTransport) -> Ledger:
    """Return a client of one view of the log."""
    client = Ledger("https://log.test", None, trust=encode_trust(TRUST), transport=log, patience=Hurry().patience(1.0))
    opened.append(client)
    return client


def shown(caught: pytest.ExceptionInfo[ContradictionError]) -> Kind:
    """Return the contradiction that an error holds; it verifies offline."""
    assert verify_contradiction(caught.value.evidence, TRUST).verdict is Verdict.VALID
    return parse_contradiction(caught.value.evidence).kind


@pytest.mark.parametrize("size", [1, 2, 256, 299, 300])
def test_clients_of_one_log_agree_whoever_saw_more(opened: list[Ledger], size: int) -> None:
    log = ShownLog(ORIGIN, OLD_KEY, ENTRIES[:300])
    one = client_of(opened, log)
    note = TRUE.note(size)

    assert one.compare(note) == TRUE.head(size)
    log.entries = ENTRIES[:400]
    assert one.compare(log.note()) == log.head()
    assert one.checkpoint().size == 400


def test_two_roots_of_one_size(opened: list[Ledger]) -> None:
    one = client_of(opened, TRUE)

    with pytest.raises(ContradictionError) as caught:
        one.compare(TRUE.fork(17, [OTHERS[0], *ENTRIES[18:300]]).note())

    assert shown(caught) is Kind.TWO_ROOTS
    assert caught.value.what == "fork"


def test_whoever_was_shown_the_larger_log_convicts_it(opened: list[Ledger]) -> None:
    lie = TRUE.fork(17, OTHERS[:500])
    one, other = client_of(opened, TRUE), client_of(opened, lie)
    one.checkpoint(), other.checkpoint()

    with pytest.raises(ProblemError):
        one.compare(other.newest_note)
    with pytest.raises(ContradictionError) as caught:
        other.compare(one.newest_note)

    assert shown(caught) is Kind.REWRITTEN


def test_one_client_alone_convicts_a_log_that_rewrites_what_it_showed(opened: list[Ledger]) -> None:
    log = ShownLog(ORIGIN, OLD_KEY, ENTRIES[:300])
    one = client_of(opened, log)
    one.checkpoint()
    log.entries = [*ENTRIES[:9], *OTHERS[:400]]

    with pytest.raises(ContradictionError) as caught:
        one.checkpoint()

    assert shown(caught) is Kind.REWRITTEN


def test_a_note_of_another_key_or_a_spoiled_proof_convicts_nobody(opened: list[Ledger]) -> None:
    log = ShownLog(ORIGIN, OLD_KEY, ENTRIES[:300])
    one = client_of(opened, log)
    with pytest.raises(WrongAnswerError) as stranger:
        one.compare(ShownLog(ORIGIN, NEW_KEY, OTHERS[:300]).note())

    lie = log.fork(100, OTHERS[:200])
    log.answers.append(lambda r: None if r.url.path == "/checkpoint" else lie.handle_request(r))
    with pytest.raises(WrongAnswerError) as spoiled:
        one.compare(TRUE.note(200))

    assert stranger.value.what == "receipt_checkpoint"
    assert spoiled.value.what == "fork"
    assert not isinstance(spoiled.value, ContradictionError)


class Receipts(httpx.BaseTransport):
    """A service that gives these receipts for one entry, one after the other, and proves how the true log grew."""

    def __init__(self, *files: bytes) -> None:
        self.files = list(files)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == f"/v1/entries/{STEP_AT}/receipt":
            return httpx.Response(200, content=self.files.pop(0))
        if request.url.path == "/v1/proofs/consistency":
            return ShownLog(ORIGIN, OLD_KEY, list(SMALL)).handle_request(request)
        return httpx.Response(404)


def test_a_client_keeps_the_leaf_of_a_receipt_and_convicts_whoever_gives_another(opened: list[Ledger]) -> None:
    """The heads of the two have no consistency proof, so the receipts alone convict it."""
    mine, theirs = forged_receipt(SMALL, STEP_AT, 7), forged_receipt(OTHER, STEP_AT, 9)
    one = client_of(opened, Receipts(encode_receipt(mine), encode_receipt(theirs)))
    one.receipt(STEP_AT)

    with pytest.raises(ContradictionError) as caught:
        one.receipt(STEP_AT)

    assert shown(caught) is Kind.TWO_LEAVES
    assert caught.value.answer == encode_receipt(theirs)


def test_a_receipt_that_has_grown_is_the_same_leaf(opened: list[Ledger]) -> None:
    young, grown = forged_receipt(SMALL, STEP_AT, 7), forged_receipt(SMALL, STEP_AT, 9, rotated=True)
    one = client_of(opened, Receipts(encode_receipt(young), encode_receipt(grown), encode_receipt(young)))

    assert [one.receipt(STEP_AT).size for _ in range(3)] == [7, 9, 7]
