"""State proofs are kept when an anchor becomes final, carried by receipts, and enough without a node."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

from ledger_service.core.anchor_record import parse_anchor_record
from ledger_service.core.entry import parse_entry
from ledger_service.core.log_entry import SealEntry
from ledger_service.core.receipt import Receipt, encode_receipt
from ledger_service.core.report import Outcome, Report, Verdict
from ledger_service.core.state_proof import read_header
from ledger_service.core.trust import Trust
from ledger_service.core.verify import verify
from ledger_service.operations import show
from ledger_service.operations.anchored import anchors_of
from ledger_service.operations.prove import prove
from ledger_service.operations.prove_state import keep_state_proofs, refresh_state_proof
from ledger_service.operations.since import since_of
from ledger_service.store.anchor_proofs import AnchorProofs
from ledger_service.store.anchors import AnchorHistory
from tests.operations.world import World, check, open_case


def block_of(receipt: Receipt) -> bytes:
    """Return the hash of the block whose state a receipt shows."""
    state = receipt.anchors[0].state
    assert state is not None
    return read_header(state.header).block_hash


def offline(receipt: Receipt, trust: Trust, *hashes: bytes) -> Report:
    """Verify a receipt with block hashes, and no node."""
    return verify(encode_receipt(receipt), trust, block_hashes=hashes)


def said(report: Report, name: str) -> list[str]:
    """Return what the checks of a name say."""
    return [check.detail for check in report.checks if check.name == name]


def test_every_receipt_of_a_final_entry_verifies_with_one_block_hash_and_no_node(
    each_world: World, tmp_path: Path
) -> None:
    with each_world.anchoring() as (ledger, node, anchorer):
        for _ in range(3):
            open_case(ledger, tmp_path)
            anchorer.run()
        trust = ledger.trust()
        for index in range(ledger.read.size()):
            receipt = prove(ledger, index)
            report = offline(receipt, trust, block_of(receipt))
            assert (report.verdict, receipt.anchors[0].block_hash) == (Verdict.VALID, None), report
            assert check(receipt, trust, node).verdict is Verdict.VALID

            unknown = offline(receipt, trust, bytes(32))
            assert unknown.verdict is Verdict.INCONCLUSIVE
            (line,) = said(unknown, "block")
            assert f"has the hash 0x{block_of(receipt).hex()}" in line
            assert "block explorer" in line
            assert "--rpc" in line


def test_a_receipt_says_after_which_block_and_until_which_it_was_recorded(each_world: World, tmp_path: Path) -> None:
    with each_world.anchoring() as (ledger, _, anchorer):
        for _ in range(3):
            open_case(ledger, tmp_path)
            anchorer.run()
            each_world.clock.now += timedelta(hours=1)
        trust = ledger.trust()
        first, last = prove(ledger, 1), prove(ledger, ledger.read.size() - 2)
        rows = AnchorHistory(ledger.store).current(ledger.target().log_id)
        blocks = [parse_anchor_record(row.record).block for row in rows]

    assert first.after is None
    assert "not known since when" in said(offline(first, trust, block_of(first)), "time")[0]
    assert last.after is not None  # the seal of head 2, which was made when head 1 was final
    assert last.after.storage is not None
    assert blocks[-1] is not None
    assert blocks[0] is not None
    assert (last.after.block_number, last.after.time) == (blocks[0].number, blocks[0].time)
    assert last.after.time < last.anchors[0].time == blocks[-1].time
    told = said(offline(last, trust, block_of(last)), "time")[0]
    assert told.startswith("recorded after ")
    assert f"(block {blocks[0].number}, or the block just before it) and no later than " in told
    assert told.endswith(f"(block {blocks[-1].number})")


def test_the_timeline_says_since_when_as_the_receipts_do(each_world: World, tmp_path: Path) -> None:
    with each_world.anchoring() as (ledger, _, anchorer):
        for _ in range(4):
            open_case(ledger, tmp_path)
            anchorer.run()
            each_world.clock.now += timedelta(hours=1)
        open_case(ledger, tmp_path)  # which no anchor holds yet
        anchors, size = anchors_of(ledger), ledger.read.size()
        since = since_of(ledger, anchors, range(size))
        for index in range(size):
            after, one = prove(ledger, index).after, since.get(index)
            shown = None if one is None else (one.seal, one.sequence, one.block_number, one.time)
            assert shown == (
                None if after is None else (after.index, after.sequence, after.block_number, after.time)
            ), index
            assert since_of(ledger, anchors, [index]) == ({} if one is None else {index: one})
        rows = [row for one in ledger.read.cases() for row in show.timeline(ledger, one.case.return_id).rows]

    assert len({one.time for one in since.values()}) == 2
    assert {row.index: row.placed.since for row in rows} == {row.index: since.get(row.index) for row in rows}
    assert (1 in since, size - 1 in since) == (False, False)


def test_the_head_before_says_nothing_of_the_time_since_when(world: World, tmp_path: Path) -> None:
    """Why the seal quotes a commitment: a tree head is frozen before its block, so it can be older than any block.

    The operator stops the clock of its log: head 2 is sealed, an entry follows, and only then is head 2 anchored. The
    entry stands behind head 2 and in head 3, yet it was recorded before the block of head 2. Its receipt bounds it by
    the block of head 1, which its seal quotes.
    """
    with world.anchoring() as (ledger, node, anchorer):
        open_case(ledger, tmp_path)
        anchorer.run()
        open_case(ledger, tmp_path)
        planned = anchorer.step().anchor  # sealed and planned; in no block yet
        assert planned is not None
        early = open_case(ledger, tmp_path).appended.index
        world.clock.now += timedelta(days=1)
        recorded_before = node.block("latest")
        anchorer.run()
        rows = {row.sequence: parse_anchor_record(row.record)
                for row in AnchorHistory(ledger.store).current(ledger.target().log_id)}  # fmt: skip
        receipt = prove(ledger, early)
        block = rows[planned.sequence].block

        assert planned.size <= early
        assert receipt.anchors[0].sequence > planned.sequence
        assert recorded_before is not None
        assert block is not None
        assert block.number > recorded_before.number  # head 2 would say "after this block", and that is false
        assert receipt.after is not None
        assert receipt.after.sequence == planned.sequence - 1
        assert receipt.after.block_number <= recorded_before.number
        assert offline(receipt, ledger.trust(), block_of(receipt)).verdict is Verdict.VALID


def test_the_proof_is_made_anew_at_a_newer_block(each_world: World, tmp_path: Path) -> None:
    with each_world.anchoring() as (ledger, node, anchorer):
        open_case(ledger, tmp_path)
        anchorer.run()
        target, before = ledger.target(), prove(ledger, 1)
        old = AnchorProofs(ledger.store).record(target.log_id, 1)
        node.mine(3)

        assert refresh_state_proof(ledger, [node], target, 1)
        after = prove(ledger, 1)

        assert block_of(before) != block_of(after)
        for receipt in (before, after):
            assert offline(receipt, ledger.trust(), block_of(receipt)).verdict is Verdict.VALID
            assert check(receipt, ledger.trust(), node).verdict is Verdict.VALID
        assert offline(after, ledger.trust(), block_of(before)).verdict is Verdict.INCONCLUSIVE
        assert old is not None
        AnchorProofs(ledger.store).save(target.log_id, 1, block_number=1, record=old)  # an older one never wins
        assert block_of(prove(ledger, 1)) == block_of(after)
        assert not refresh_state_proof(ledger, [node], target, 99)


def test_without_a_kept_proof_the_node_is_asked_for_both_anchors(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, node, anchorer):
        for _ in range(3):
            open_case(ledger, tmp_path)
            anchorer.run()
        world_receipt = prove(ledger, 5)
        assert world_receipt.after is not None
        with ledger.store.changing() as connection:
            connection.exec_driver_sql("DELETE FROM anchor_proofs")
        receipt = prove(ledger, 5)

        assert receipt.anchors[0].state is None
        assert receipt.after == dataclasses.replace(world_receipt.after, storage=None)
        assert check(receipt, ledger.trust(), node).verdict is Verdict.VALID
        report = check(receipt, ledger.trust(), None)
        assert report.verdict is Verdict.INCONCLUSIVE
        assert {one.name for one in report.checks if one.outcome is Outcome.UNKNOWN} == {"chain", "policy", "after"}
        assert keep_state_proofs(ledger, [node], ledger.target()) == 3
        assert prove(ledger, 5).after == world_receipt.after


def test_a_seal_quotes_the_anchor_that_its_receipts_show(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, _, anchorer):
        for _ in range(3):
            open_case(ledger, tmp_path)
            anchorer.run()
        after = prove(ledger, 5).after
        assert after is not None
        seal = parse_entry(after.seal)

    assert isinstance(seal, SealEntry)
    assert seal.after is not None
    assert (seal.after.log_id, seal.after.sequence) == (after.log_id, after.sequence)
