"""Receipts: at once, growing, showing what was chosen, and right after erasure and a change of key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.core.entry import Role
from ledger_service.core.receipt import encode_receipt, parse_receipt
from ledger_service.core.report import Outcome, Report, Verdict
from ledger_service.core.timeline import timeline_members
from ledger_service.errors import RefusedError, StoreError, UnknownReturnError
from ledger_service.operations import show
from ledger_service.operations.audit import audit
from ledger_service.operations.prove import prove
from ledger_service.operations.record import record
from ledger_service.operations.rotate import change_key
from tests.operations.world import World, answer_step, ask_step, check, open_case, photo, registry


def unknown(report: Report) -> list[str]:
    """Return the checks that could not be made."""
    return [item.name for item in report.checks if item.outcome is Outcome.UNKNOWN]


def test_a_receipt_is_there_at_once_and_only_the_policy_is_open(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        case = open_case(opened.ledger, tmp_path)
        receipt = prove(opened.ledger, case.appended.index)
        report = check(receipt, opened.ledger.trust(), None)

    assert (report.verdict, unknown(report)) == (Verdict.INCONCLUSIVE, ["policy"])
    assert receipt.checkpoint == case.appended.checkpoint
    assert receipt.unprotected == {"state": "checkpointed"}
    assert parse_receipt(encode_receipt(receipt)) == receipt


def test_a_receipt_grows_with_its_anchor_until_it_is_valid(each_world: World, tmp_path: Path) -> None:
    seen: list[tuple[str, Verdict]] = []
    with each_world.anchoring() as (ledger, node, anchorer):
        open_case(ledger, tmp_path)

        def look(_: object) -> None:
            receipt = prove(ledger, 1)
            row = (str(receipt.unprotected["state"]), check(receipt, ledger.trust(), node).verdict)
            if row not in seen:
                seen.append(row)

        anchorer.run(look)
        transactions = prove(ledger, 1).unprotected["transactions"]

    assert seen == [
        ("checkpointed", Verdict.INCONCLUSIVE),
        ("submitted", Verdict.INCONCLUSIVE),
        ("included", Verdict.INCONCLUSIVE),
        ("finalized", Verdict.VALID),
    ]
    assert isinstance(transactions, list)
    assert len(transactions) == 1


def test_every_entry_of_the_log_can_be_proved(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, node, anchorer):
        for _ in range(3):
            open_case(ledger, tmp_path)
            anchorer.run()
        verdicts = [check(prove(ledger, n), ledger.trust(), node).verdict for n in range(ledger.read.size())]
        open_case(ledger, tmp_path)

        assert verdicts == [Verdict.VALID] * 7
        assert prove(ledger, 1).anchors[0].sequence == 1  # the smallest head that covers it
        assert prove(ledger, 7).anchors == ()


@pytest.mark.parametrize("index", [-1, 1, 2**70])
def test_an_entry_that_is_not_there_is_refused(world: World, index: int) -> None:
    with world.opened(write=False) as opened, pytest.raises(RefusedError, match="there is no entry"):
        prove(opened.ledger, index)


@pytest.mark.parametrize("shown", [[], ["lines"], ["evidence:product_photo"], None])
def test_only_what_was_chosen_is_shown_and_the_receipt_verifies(
    world: World, tmp_path: Path, shown: list[str] | None
) -> None:
    with world.opened() as opened:
        open_case(opened.ledger, tmp_path)
        receipt = prove(opened.ledger, 1, show=shown)
        report = check(receipt, opened.ledger.trust(), None)

    opened_names = [row.name for row in receipt.records if row.disclosure is not None]
    assert opened_names == (["evidence:product_photo", "lines"] if shown is None else shown)
    assert unknown(report) == ["policy"]
    assert "erased" not in receipt.unprotected
    assert (b"damaged_in_transit" in encode_receipt(receipt)) == (shown is None or "lines" in shown)


def test_a_name_that_the_entry_does_not_commit_to_is_refused(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        open_case(opened.ledger, tmp_path)
        with pytest.raises(RefusedError, match="'phone'") as raised:
            prove(opened.ledger, 1, show=["lines", "phone"])

    assert "lines" in raised.value.hint


def test_after_erasure_the_values_are_gone_and_the_receipt_stays_valid(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, node, anchorer):
        case = open_case(ledger, tmp_path)
        record(ledger, ask_step(case.return_id))
        anchorer.run()
        found = ledger.keys.find("party:buyer-58113")
        assert found is not None
        ledger.keys.destroy(found[0])
        receipt = prove(ledger, 1)

        photo_row, lines_row = receipt.records
        assert photo_row.disclosure is None
        assert lines_row.disclosure is not None  # what is counted with is a fact of the case, not of one person
        assert receipt.unprotected["erased"] == ["evidence:product_photo"]
        assert check(receipt, ledger.trust(), node).verdict is Verdict.VALID
        assert "erased" not in prove(ledger, 2).unprotected  # what the platform said is not about the buyer alone
        assert show.timeline(ledger, case.return_id).rows[0].erased == ("evidence:product_photo",)


def test_an_altered_value_is_not_shown(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        open_case(opened.ledger, tmp_path)
    world.sql("UPDATE sealed_values SET ciphertext = zeroblob(80) WHERE position = 1")
    with world.opened(write=False) as opened, pytest.raises(StoreError, match="does not open"):
        prove(opened.ledger, 1)


def test_after_a_change_of_key_a_trust_file_pinned_before_still_verifies(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, node, anchorer):
        trust = ledger.trust()
        open_case(ledger, tmp_path)
        changed = change_key(ledger, Ed25519PrivateKey.generate()).index
        case = open_case(ledger, tmp_path)
        anchorer.run()
        before, after = prove(ledger, 1), prove(ledger, case.appended.index)

        assert len(ledger.checkpoint_keys()) == 2
        assert [change.index for change in after.key_changes] == [changed]
        assert before.checkpoint == after.checkpoint  # the seal's, by the new key
        for receipt in (before, after, prove(ledger, changed)):
            report = check(receipt, trust, node)
            assert report.verdict is Verdict.VALID, report
        assert audit(ledger, registry(ledger, node)).findings == []


def test_a_change_of_key_that_no_key_of_the_log_signed_is_found(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        right = ledger.signing_key
        ledger.signing_key = Ed25519PrivateKey.generate()  # a stranger's, as the old one
        change_key(ledger, Ed25519PrivateKey.generate())
        ledger.signing_key = right
        report = audit(ledger, None)

    assert any("none of the log's" in finding.what for finding in report.findings)


def test_the_timeline_of_a_return_tells_each_step_its_values_and_how_far_it_has_come(
    world: World, tmp_path: Path
) -> None:
    with world.anchoring() as (ledger, _, anchorer):
        case = open_case(ledger, tmp_path)
        record(ledger, ask_step(case.return_id))
        anchorer.run()
        record(ledger, answer_step(case.return_id, photo(tmp_path)))
        timeline = show.timeline(ledger, case.return_id)
        rows, members = timeline.rows, timeline_members(timeline)

        assert [(row.index, row.entry.verb, row.life) for row in rows] == [
            (1, "request_return", "finalized"),
            (2, "request_info", "finalized"),
            (4, "provide_info", "checkpointed"),
        ]
        assert rows[2].values["comment"] == "under the foot"
        assert rows[0].placed.anchored_at is not None
        told: Any = members["rows"]
        assert told[0]["asserted_by"]["role"] == "buyer"
        assert told[0]["anchored_at"].startswith("2026-11-03T12:")
        assert told[2]["anchored_at"] is None
        possible = {
            each.role: {one.verb for one in each.actions if not one.refused}
            for each in show.available(ledger, case.return_id)
        }
        assert set(possible) >= {Role.BUYER, Role.PLATFORM}
        assert {"withdraw_request", "open_dispute"} <= possible[Role.BUYER]
        assert Role.REGULATOR not in possible


def test_an_unknown_return_and_an_unknown_entry_are_refused(world: World) -> None:
    with world.opened(write=False) as opened:
        with pytest.raises(UnknownReturnError):
            show.timeline(opened.ledger, "ab" * 16)
        with pytest.raises(RefusedError):
            show.describe(opened.ledger, 1)


def test_the_summary_and_an_entry_are_told_for_machines(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, _, anchorer):
        case = open_case(ledger, tmp_path)
        anchorer.run()
        summary, entry = show.summarize(ledger), show.describe(ledger, 1)

    assert (summary["size"], [row["state"] for row in summary["anchors"]]) == (3, ["finalized"])
    assert [row["return_id"] for row in summary["cases"]] == [case.return_id]
    assert (entry["leaf_hash"], entry["state"]) == (case.appended.leaf_hash.hex(), "finalized")
    assert entry["entry"]["return_id"] == case.return_id
