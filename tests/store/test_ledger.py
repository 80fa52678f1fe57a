"""What one group of drafts becomes: its order, its refusals, its answers, and what a failed commit leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ledger_service.core.checkpoint import verifier_key, verify_checkpoint
from ledger_service.core.entry import CaseEntry
from ledger_service.core.log_entry import GenesisEntry, SealEntry
from ledger_service.core.merkle import verify_inclusion
from ledger_service.errors import (
    EntryFormatError,
    IdempotencyMismatchError,
    LedgerExistsError,
    LedgerMissingError,
    SettingsError,
    StaleHeadError,
    StoreError,
    UnknownReturnError,
    WrongStateError,
)
from ledger_service.store.drafts import CaseDraft, LogDraft, SealedValue, StoredFile, WriteView
from ledger_service.store.engine import Store
from ledger_service.store.ledger import LogWriter
from ledger_service.store.read import LedgerReader
from tests.store import drafts
from tests.store.conftest import Place
from tests.store.outcomes import appended
from tests.store.rederive import check

Make = Callable[..., LogWriter]


def test_a_group_is_appended_in_order_and_its_receipts_verify(store: Store, make_log: Make) -> None:
    outcomes = make_log(store).append_group(
        [drafts.genesis(), drafts.request("a"), drafts.aside("a"), drafts.step("a", 1), drafts.request("b")]
    )

    answers = [appended(outcome) for outcome in outcomes]
    assert [answer.index for answer in answers] == [0, 1, 2, 3, 4]
    read = LedgerReader(store)
    head = verify_checkpoint(answers[0].checkpoint, [verifier_key(drafts.ORIGIN, drafts.KEY)], origin=drafts.ORIGIN)
    assert head.size == 5
    for answer in answers:
        assert (answer.checkpoint, answer.size) == (answers[0].checkpoint, 5)
        proof = read.inclusion_proof(answer.index, answer.size)
        verify_inclusion(answer.leaf_hash, answer.index, answer.size, proof, head.root)
    assert check(store) == 5


def test_values_and_files_are_stored_with_their_entry(store: Store, make_log: Make) -> None:
    draft = drafts.request("a")
    outcomes = make_log(store).append_group([drafts.genesis(), draft])

    read = LedgerReader(store)
    assert tuple(read.sealed_values(appended(outcomes[1]).index)) == draft.values
    assert tuple(read.files(1)) == draft.files


def test_a_refused_draft_leaves_no_trace_and_costs_nobody_else(store: Store, make_log: Make) -> None:
    log = make_log(store)
    log.append_group([drafts.genesis(), drafts.request("a")])

    outcomes = log.append_group(
        [
            drafts.step("nobody", 1, key="k1"),
            drafts.request("a", key="k2"),
            drafts.step("a", 1),
            drafts.step("a", 2, expected_head=b"\x00" * 32, key="k3"),
        ]
    )

    assert isinstance(outcomes[0], UnknownReturnError)
    assert isinstance(outcomes[1], WrongStateError)
    assert appended(outcomes[2]).index == 2
    assert isinstance(outcomes[3], StaleHeadError)
    with store.reading() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM idempotency").scalar() == 0
    assert check(store) == 3


def test_a_group_of_refusals_writes_no_checkpoint(store: Store, make_log: Make, marks: drafts.MarkList) -> None:
    log = make_log(store)
    log.append_group([drafts.genesis()])

    log.append_group([drafts.step("nobody", 1)])

    assert [checkpoint.size for checkpoint in LedgerReader(store).checkpoints()] == [1]
    assert [size for _, size, _ in marks.given] == [1]


def test_nothing_comes_before_the_genesis_and_no_second_one_after(store: Store, make_log: Make) -> None:
    log = make_log(store)
    early = log.append_group([drafts.request("a"), drafts.aside("a"), drafts.seal()])
    assert all(isinstance(outcome, LedgerMissingError) for outcome in early)

    first, second = log.append_group([drafts.genesis(), drafts.genesis()])

    assert isinstance(appended(first).entry, GenesisEntry)
    assert isinstance(second, LedgerExistsError)


def test_an_entry_of_another_log_is_refused(store: Store, make_log: Make) -> None:
    log = make_log(store)
    log.append_group([drafts.genesis()])

    (outcome,) = log.append_group([drafts.request("a", origin="other.example/log")])

    assert isinstance(outcome, EntryFormatError)
    assert check(store) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        {"values": (SealedValue(2, "lines", b"k" * 16, b"c"),)},
        {"values": (SealedValue(0, "lines", b"k" * 15, b"c"),)},
        {"values": (SealedValue(0, "lines", b"k" * 16, b""),)},
        {"values": (SealedValue(0, "a", b"k" * 16, b"c"), SealedValue(0, "b", b"k" * 16, b"c"))},
        {"files": (StoredFile(1, "product_photo", "n", b"s" * 32, 1, "image/jpeg"),)},
        {"files": (StoredFile(0, "product_photo", "n", b"s" * 31, 1, "image/jpeg"),)},
        {"files": (StoredFile(0, "product_photo", "n", b"s" * 32, 0, "image/jpeg"),)},
    ],
)
def test_a_value_or_file_that_fits_no_commitment_is_refused(
    store: Store, make_log: Make, spoil: dict[str, Any]
) -> None:
    log = make_log(store)
    good = drafts.request("a")
    bad = CaseDraft(good.command, **{"values": good.values, "files": good.files} | spoil)

    outcomes = log.append_group([drafts.genesis(), bad, good])

    assert isinstance(outcomes[1], StoreError)
    assert appended(outcomes[2]).index == 1


def test_a_row_that_the_schema_refuses_costs_only_its_own_draft(store: Store, make_log: Make) -> None:
    log = make_log(store)
    good = drafts.request("bad")
    name = "\ud800"  # no database text holds a lone surrogate
    bad = CaseDraft(good.command, files=(StoredFile(0, name, "n", b"s" * 32, 1, "image/jpeg"),))

    outcomes = log.append_group([drafts.genesis(), drafts.request("a"), bad, drafts.request("b")])

    assert isinstance(outcomes[2], StoreError)
    assert [appended(outcome).index for outcome in (outcomes[0], outcomes[1], outcomes[3])] == [0, 1, 2]
    assert check(store) == 3


def test_the_same_key_and_request_give_the_same_answer(store: Store, make_log: Make) -> None:
    log = make_log(store)
    first = appended(log.append_group([drafts.genesis(), drafts.request("a", key="k")])[1])
    log.append_group([drafts.request("b")])

    (again,) = log.append_group([drafts.request("a", key="k")])

    replay = appended(again)
    assert replay.replayed
    assert not first.replayed
    assert (replay.index, replay.leaf_hash, replay.encoded, replay.entry, replay.checkpoint, replay.size) == (
        first.index,
        first.leaf_hash,
        first.encoded,
        first.entry,
        first.checkpoint,
        first.size,
    )
    assert check(store) == 3


def test_the_same_key_twice_in_one_group_appends_once(store: Store, make_log: Make) -> None:
    outcomes = make_log(store).append_group(
        [drafts.genesis(), drafts.request("a", key="k"), drafts.request("a", key="k")]
    )

    assert [appended(outcome).index for outcome in outcomes] == [0, 1, 1]
    assert [appended(outcome).replayed for outcome in outcomes] == [False, False, True]


def test_the_same_key_for_another_request_is_refused(store: Store, make_log: Make) -> None:
    log = make_log(store)
    log.append_group([drafts.genesis(), drafts.request("a", key="k")])

    (outcome,) = log.append_group([drafts.request("b", key="k", fingerprint=b"\x01" * 32)])

    assert isinstance(outcome, IdempotencyMismatchError)
    assert check(store) == 2


def test_recorded_times_never_go_back_with_the_clock(store: Store, make_log: Make) -> None:
    clock = drafts.SteppingClock()
    log = make_log(store, clock=clock)
    log.append_group([drafts.genesis(), drafts.request("a")])
    clock.now -= timedelta(hours=1)

    (outcome,) = log.append_group([drafts.step("a", 1)])

    rows = list(LedgerReader(store).entries())
    assert rows[2].recorded_at == rows[1].recorded_at
    entry = appended(outcome).entry
    assert isinstance(entry, CaseEntry)
    assert entry.recorded_at == rows[1].recorded_at


def test_a_new_writer_keeps_to_the_times_of_the_last(store: Store, make_log: Make) -> None:
    make_log(store).append_group([drafts.genesis()])
    late = drafts.SteppingClock(drafts.NOON - timedelta(days=1))

    make_log(store, clock=late).append_group([drafts.request("a")])

    assert check(store) == 2  # `check` compares every time with the one before


def test_a_clock_without_a_time_zone_is_refused(store: Store, make_log: Make) -> None:
    log = make_log(store, clock=lambda: drafts.NOON.replace(tzinfo=None))

    (outcome,) = log.append_group([drafts.genesis()])

    assert isinstance(outcome, SettingsError)


def test_an_unexpected_error_of_one_draft_is_its_callers_alone(store: Store, make_log: Make) -> None:
    def fail(_: WriteView, __: str) -> SealEntry:
        raise ZeroDivisionError

    outcomes = make_log(store).append_group([drafts.genesis(), LogDraft(fail), drafts.request("a")])

    assert isinstance(outcomes[1], ZeroDivisionError)
    assert appended(outcomes[2]).index == 1


def test_two_writers_take_turns_without_a_gap(place: Place, store: Store, make_log: Make) -> None:
    """Each sees that the other wrote, and reads the right edge of the tree again."""
    from ledger_service.store.engine import open_store

    with open_store(place.url) as other:
        writers = [make_log(store), make_log(other)]
        writers[0].append_group([drafts.genesis(), drafts.request("a")])
        for number in range(1, 9):
            outcomes = writers[number % 2].append_group([drafts.step("a", number)])
            assert appended(outcomes[0]).index == number + 1
        writers[1].close()

    assert check(store) == 10
