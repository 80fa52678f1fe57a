"""The dockets of cases: read once, kept up to date, and forgotten where a key was destroyed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ledger_service.core.docket import make_docket
from ledger_service.errors import StoreError, UnknownReturnError
from ledger_service.operations import dockets
from ledger_service.operations.appending import finish
from ledger_service.operations.dockets import Dockets, open_entries, read_docket
from ledger_service.operations.record import record, recording
from tests.cli.test_audit_command import change
from tests.operations.world import BUYER, PLATFORM, World, answer_step, ask_step, open_case, photo


def test_a_docket_follows_its_case_step_by_step(each_world: World, tmp_path: Path) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        case = open_case(ledger, tmp_path)
        assert ledger.dockets.of(case.return_id).head == case.appended.leaf_hash
        for step in (ask_step(case.return_id), answer_step(case.return_id, photo(tmp_path))):
            head = record(ledger, step).appended.leaf_hash
            docket = ledger.dockets.of(case.return_id)
            assert docket.head == head
            assert docket == read_docket(ledger.read, ledger.keys, case.return_id)
            assert docket == Dockets(ledger.read, ledger.keys).of(case.return_id)

        assert [one.values.get("comment") for one in docket.steps] == [None, None, "under the foot"]
        assert docket.balance.lines["line-1"].requested == 1
        rows = ledger.read.entries_of(case.return_id)
        assert make_docket(open_entries(ledger.read, ledger.keys, case.return_id, rows)) == docket


def test_what_was_opened_before_its_key_was_destroyed_is_not_remembered(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        case = open_case(ledger, tmp_path)
        record(ledger, ask_step(case.return_id))
        record(ledger, answer_step(case.return_id, photo(tmp_path)))
        assert ledger.dockets.of(case.return_id).steps[2].values["comment"] == "under the foot"
        found = ledger.keys.find("party:buyer-58113")
        assert found is not None
        ledger.keys.destroy(found[0])

        after = ledger.dockets.of(case.return_id)
        assert "comment" not in after.steps[2].values
        assert after.steps[2].erased == ("evidence:product_photo", "comment")
        assert after.balance.complete  # words are a person's, numbers are the case's


def test_a_case_that_does_not_exist_has_an_empty_docket_and_none_to_show(world: World) -> None:
    with world.opened() as opened:
        assert opened.ledger.dockets.of("00" * 16).steps == ()
        with pytest.raises(UnknownReturnError):
            read_docket(opened.ledger.read, opened.ledger.keys, "00" * 16)


def test_only_the_dockets_used_last_are_remembered(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dockets, "DOCKETS_REMEMBERED", 2)
    with world.opened() as opened:
        ledger = opened.ledger
        cases = [open_case(ledger, tmp_path).return_id for _ in range(3)]
        kept = Dockets(ledger.read, ledger.keys)
        for return_id in (*cases, cases[1]):
            kept.of(return_id)

        assert list(kept._known) == [cases[2], cases[1]]
        assert kept.of(cases[0]).head == ledger.read.case(cases[0]).case.head


def test_a_step_that_looks_at_nothing_before_it_waits_for_no_docket(world: World, tmp_path: Path) -> None:
    waiting: list[Callable[[], None]] = []
    with world.opened() as opened:
        case = open_case(opened.ledger, tmp_path)
    with world.opened() as opened:
        ledger = opened.ledger
        recorded = finish(ledger.require_writer(), recording(ledger, ask_step(case.return_id), later=waiting.append))
        assert not ledger.dockets.holds(case.return_id)
        for work in waiting:  # what no answer waits for
            work()
        assert ledger.dockets.holds(case.return_id)
        assert ledger.dockets.of(case.return_id).head == recorded.appended.leaf_hash

        record(ledger, ask_step(case.return_id, verb="withdraw_request", asserted_by=BUYER, fields={}))
        assert [one.entry.verb for one in ledger.dockets.of(case.return_id).steps][2:] == ["withdraw_request"]


def test_a_value_that_does_not_open_stops_the_step_that_looks_at_it_and_no_other(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        case = open_case(opened.ledger, tmp_path)
    change(world.settings.home, "UPDATE sealed_values SET ciphertext = zeroblob(64) WHERE name = 'lines'")
    with world.opened() as opened:
        ledger = opened.ledger
        assert not record(ledger, ask_step(case.return_id)).appended.replayed
        withdrawn = ask_step(case.return_id, verb="withdraw_request", asserted_by=BUYER, fields={})
        closed = replace(
            withdrawn,
            verb="close",
            asserted_by=PLATFORM,
            fields={"final_summary_digest": "5f" * 32, "retention_until": "2036-12-31T00:00:00.000Z"},
        )
        record(ledger, withdrawn)
        with pytest.raises(StoreError, match="does not open"):
            record(ledger, closed)
