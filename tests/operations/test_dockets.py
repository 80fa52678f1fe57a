"""The dockets of cases: read once, kept up to date, and forgotten where a key was destroyed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger_service.core.docket import make_docket
from ledger_service.errors import UnknownReturnError
from ledger_service.operations import dockets
from ledger_service.operations.dockets import Dockets, open_entries, read_docket
from ledger_service.operations.record import record
from tests.operations.world import World, answer_step, ask_step, open_case, photo


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
