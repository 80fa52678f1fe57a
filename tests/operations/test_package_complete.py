"""An honest package always shows what the seal of its newest anchored head counts, whenever it is made."""

from __future__ import annotations

import json
from pathlib import Path

from ledger_service.core.anchor_record import AnchorState
from ledger_service.core.package import COMPLETENESS, receipt_name
from ledger_service.core.report import Check, Outcome, Report, Verdict
from ledger_service.operations.access import local_reader
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.package import make_package, record_package
from ledger_service.operations.record import record
from ledger_service.operations.seal import make_seal
from ledger_service.store.drafts import LogDraft
from tests.operations.test_anchor import walk_to
from tests.operations.test_package import check, made, opened
from tests.operations.world import BUYER, World, answer_step, ask_step, open_case, photo


def completeness(report: Report) -> Check:
    """Return the check of this name."""
    (found,) = [one for one in report.checks if one.name == "completeness"]
    return found


def seal_of(data: bytes) -> int:
    """Return the index of the seal that a package shows."""
    return int(json.loads(opened(data).read(COMPLETENESS))["seal"]["index"])


def anchored(data: bytes, index: int) -> bool:
    """Say whether the receipt of an entry names an anchor."""
    return bool(json.loads(opened(data).read(receipt_name(index)))["anchors"])


def test_a_package_made_while_an_anchor_is_not_final_yet_is_valid_once_it_is(world: World, tmp_path: Path) -> None:
    """The newest final seal would be an older one: it counts one entry, and the second rests on the newer head."""
    with world.anchoring() as (ledger, _, anchorer):
        return_id = open_case(ledger, tmp_path).return_id
        anchorer.run()
        second = record(ledger, ask_step(return_id)).appended.index
        walk_to(anchorer, AnchorState.INCLUDED)
        ledger.require_writer().append(LogDraft(make_seal(ledger.origin)))  # one that no block holds yet
        data = made(ledger, local_reader(ledger, BUYER), return_id, tmp_path)
        young = check(world, ledger, data)
        anchorer.run()

        report = check(world, ledger, data)

    assert anchored(data, second)
    assert seal_of(data) == second + 1
    assert young.verdict is Verdict.INCONCLUSIVE
    assert completeness(young).outcome is Outcome.UNKNOWN
    assert report.verdict is Verdict.VALID, report
    assert "exactly these 2 entries" in completeness(report).detail


def test_a_package_made_again_grows_with_the_anchors(world: World, tmp_path: Path) -> None:
    """The seal that covers it came after the access: what the case has had since stands beside its chain."""
    with world.anchoring() as (ledger, _, anchorer):
        return_id = open_case(ledger, tmp_path).return_id
        before, now = record_package(ledger, local_reader(ledger, BUYER), return_id)
        first = again(ledger, return_id, before, now, tmp_path)
        record_package(ledger, local_reader(ledger, BUYER), return_id)
        anchorer.run()
        second = again(ledger, return_id, before, now, tmp_path)
        reports = [check(world, ledger, data) for data in (first, second)]

    assert [report.verdict for report in reports] == [Verdict.INCONCLUSIVE, Verdict.VALID], reports
    assert COMPLETENESS not in opened(first).namelist()
    assert seal_of(second) > before


def test_a_package_made_again_after_the_case_moved_on_is_not_called_incomplete(world: World, tmp_path: Path) -> None:
    """The newer seal counts what is not in it; so its receipts rest on the heads of before, as they did then."""
    with world.anchoring() as (ledger, _, anchorer):
        return_id = open_case(ledger, tmp_path).return_id
        anchorer.run()
        second = record(ledger, ask_step(return_id)).appended.index
        before, now = record_package(ledger, local_reader(ledger, BUYER), return_id)
        record(ledger, answer_step(return_id, photo(tmp_path)))
        anchorer.run()
        data = again(ledger, return_id, before, now, tmp_path)
        fresh = made(ledger, local_reader(ledger, BUYER), return_id, tmp_path)
        report, whole = (check(world, ledger, one) for one in (data, fresh))

    assert report.verdict is Verdict.INCONCLUSIVE
    assert not anchored(data, second)
    assert completeness(report).outcome is Outcome.PASS, report
    assert whole.verdict is Verdict.VALID
    assert seal_of(fresh) > before > seal_of(data)


def again(ledger: Ledger, return_id: str, before: int, now: str, folder: Path) -> bytes:
    """Return the package as of an access that was recorded before."""
    reader = local_reader(ledger, BUYER)
    with make_package(ledger, reader, return_id, before=before, now=now, folder=folder) as found:
        return b"".join(found.chunks())
