"""Drafts that were judged at a head, that use something up, or that stand aside with values of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ledger_service.core.entry import NamedCommitment
from ledger_service.errors import CaseMovedError, EntryFormatError, SignatureRefusedError, StoreError
from ledger_service.store.drafts import Appended, Draft, IdempotencyKey, SealedValue
from ledger_service.store.engine import Store
from ledger_service.store.ledger import LogWriter
from ledger_service.store.read import LedgerReader
from tests.store import drafts

MakeLog = Callable[..., LogWriter]


def one(log: LogWriter, draft: Draft) -> Appended:
    """Append one draft, or raise what its caller would see."""
    (outcome,) = log.append_group([draft])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def test_a_step_is_written_at_the_head_that_it_was_judged_at_and_at_no_other(
    store: Store, make_log: Callable[..., LogWriter]
) -> None:
    log = make_log(store)
    log.append_group([drafts.genesis()])
    opened = one(log, drafts.request("a"))
    step = replace(drafts.step("a", 1), judged_at=opened.leaf_hash)
    one(log, step)

    with pytest.raises(CaseMovedError):
        one(log, replace(drafts.step("a", 2), judged_at=opened.leaf_hash))
    with pytest.raises(CaseMovedError):
        one(log, replace(drafts.request("b"), judged_at=opened.leaf_hash))


def test_of_two_steps_judged_at_one_head_in_one_commit_one_is_written(
    store: Store, make_log: Callable[..., LogWriter]
) -> None:
    log = make_log(store)
    log.append_group([drafts.genesis()])
    opened = one(log, drafts.request("a"))
    both = [replace(drafts.step("a", n), judged_at=opened.leaf_hash) for n in (1, 2)]
    outcomes = log.append_group(both)

    assert [type(outcome).__name__ for outcome in outcomes] == ["Appended", "CaseMovedError"]


def test_what_one_step_used_up_no_other_uses(store: Store, make_log: MakeLog) -> None:
    log = make_log(store)
    log.append_group([drafts.genesis()])
    token = IdempotencyKey("statement", "ab" * 32, bytes(32))
    first = one(log, replace(drafts.request("a", key="k"), used_up=token))

    with pytest.raises(SignatureRefusedError):
        one(log, replace(drafts.request("b"), used_up=token))
    again = one(log, replace(drafts.request("a", key="k"), used_up=token))
    assert (again.index, again.replayed) == (first.index, True)


def test_an_entry_aside_carries_values_and_is_written_once_under_its_key(
    store: Store, make_log: Callable[..., LogWriter]
) -> None:
    log = make_log(store)
    log.append_group([drafts.genesis()])
    one(log, drafts.request("a"))
    aside = drafts.aside("a")
    entry = replace(aside.entry, commitments=(NamedCommitment("why", bytes([3]) * 32),))
    value = SealedValue(0, "why", bytes(16), b"sealed")
    key = IdempotencyKey("system", "breach", bytes(32))
    draft = replace(aside, entry=entry, values=(value,), idempotency=key)
    first, again = one(log, draft), one(log, draft)

    read = LedgerReader(store)
    assert (again.index, again.replayed) == (first.index, True)
    assert read.sealed_values(first.index) == [value]
    assert read.values_of(drafts.return_id("a"))[first.index] == [value]
    assert read.was_used(key)
    assert not read.was_used(IdempotencyKey("system", "other", bytes(32)))
    with pytest.raises(StoreError, match="no commitment of its own"):
        one(log, replace(aside, values=(value,)))
    with pytest.raises(EntryFormatError):
        one(log, replace(drafts.aside("a"), entry=replace(entry, return_id="zz")))
