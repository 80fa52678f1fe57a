"""Seals: the last entry of their commit, and never too far apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ledger_service.core.entry import Kind
from ledger_service.core.log_entry import SealEntry
from ledger_service.errors import (
    EntryFormatError,
    SettingsError,
)
from ledger_service.store.drafts import Appended, LogDraft, WriteView
from ledger_service.store.engine import Store
from ledger_service.store.ledger import LogWriter
from ledger_service.store.read import LedgerReader
from tests.store import drafts
from tests.store.outcomes import appended
from tests.store.rederive import check

Make = Callable[..., LogWriter]


def test_a_seal_is_the_last_entry_of_its_commit(store: Store, make_log: Make) -> None:
    log = make_log(store)

    outcomes = log.append_group(
        [drafts.genesis(), drafts.request("a"), drafts.seal(), drafts.request("b"), drafts.seal(), drafts.seal()]
    )

    assert [appended(outcome).index for outcome in outcomes] == [0, 1, 2, 3, 4, 5]
    assert [checkpoint.size for checkpoint in LedgerReader(store).checkpoints()] == [3, 5, 6]
    assert check(store) == 6


def test_the_writer_seals_by_itself_before_too_many_entries(store: Store, make_log: Make) -> None:
    log = make_log(store, seal_every=4, make_seal=drafts.make_seal)

    outcomes = log.append_group([drafts.genesis(), *(drafts.request(n) for n in range(10))])

    kinds = [row.kind for row in LedgerReader(store).entries()]
    seals = [index for index, kind in enumerate(kinds) if kind == Kind.SEAL]
    assert all(isinstance(outcome, Appended) for outcome in outcomes)
    assert [after - before for before, after in zip([0, *seals], seals, strict=False)] == [4, 4, 4]
    sizes = [checkpoint.size for checkpoint in LedgerReader(store).checkpoints()]
    assert all(index + 1 in sizes for index in seals)
    assert check(store) == 14


def test_a_new_writer_goes_on_counting_from_the_last_seal(store: Store, make_log: Make) -> None:
    make_log(store).append_group([drafts.genesis(), drafts.request("a"), drafts.seal(), drafts.request("b")])

    make_log(store, seal_every=4, make_seal=drafts.make_seal).append_group([drafts.request("c"), drafts.request("d")])

    assert [row.index for row in LedgerReader(store).seals()] == [2, 6]


@pytest.mark.parametrize("rules", [{"seal_every": 1, "make_seal": drafts.make_seal}, {"seal_every": 5}])
def test_sealing_needs_a_sensible_interval_and_a_maker(store: Store, make_log: Make, rules: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        make_log(store, **rules)


def test_a_log_step_sees_the_log_as_it_is_in_its_group(store: Store, make_log: Make) -> None:
    seen: list[WriteView] = []

    def make(view: WriteView, now: str) -> SealEntry:
        seen.append(view)
        return drafts.make_seal(view, now)

    make_log(store).append_group([drafts.genesis(), drafts.request("a"), LogDraft(make), drafts.request("b")])

    read = LedgerReader(store)
    assert [(view.size, view.root, view.last_seal_size) for view in seen] == [(2, read.root(2), 1)]
    assert seen[0].newest_final_anchor is None


def test_a_log_step_that_writes_another_time_is_refused(store: Store, make_log: Make) -> None:
    log = make_log(store)
    log.append_group([drafts.genesis()])
    early = LogDraft(lambda view, _: drafts.make_seal(view, "2020-01-01T00:00:00.000Z"))

    (outcome,) = log.append_group([early])

    assert isinstance(outcome, EntryFormatError)
    assert check(store) == 1
