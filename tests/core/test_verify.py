"""Verifying receipts: what is valid, and for every single thing that can be wrong, which check says so."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ledger_service.core import merkle
from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint, verifier_key
from ledger_service.core.disclosure import Record
from ledger_service.core.entry import encode_entry
from ledger_service.core.log_entry import key_change_message
from ledger_service.core.receipt import KeyChange, Receipt, encode_receipt
from ledger_service.core.report import Outcome, Report, Verdict
from ledger_service.core.trust import Trust
from ledger_service.core.verify import EvidenceFile, Sha256Hex, entry_of, fingerprints, questions, verify
from tests.core.entries import NEW_KEY, OLD_KEY, ORIGIN
from tests.core.receipts import (
    EMBEDDED,
    FIRST_KEY,
    GENESIS_AT,
    LOG,
    NOTE_WITHHELD,
    PHOTO,
    RECORDS,
    ROTATION,
    ROTATION_AT,
    SECOND_KEY,
    SEPOLIA,
    SERIAL_SHOWN,
    SIZE,
    STEP,
    STEP_AT,
    TRUST,
    answer,
    head,
    inclusion,
    question,
    receipt,
)

GOOD = receipt()
ANSWER = answer(EMBEDDED)
ROTATED = receipt(rotated=True)


def check(changed: Receipt, trust: Trust | None = TRUST, answers: Any = (ANSWER,), **more: Any) -> Report:
    return verify(encode_receipt(changed), trust, answers, **more)


def outcomes(report: Report, outcome: Outcome) -> list[str]:
    return [one.name for one in report.checks if one.outcome is outcome]


def fails(changed: Receipt, *names: str, trust: Trust | None = TRUST) -> None:
    """Assert that the receipt is invalid because of exactly these checks."""
    report = check(changed, trust)
    assert (report.verdict, outcomes(report, Outcome.FAIL)) == (Verdict.INVALID, list(names))


def test_a_final_receipt_is_valid_and_every_check_says_so_in_order() -> None:
    report = check(GOOD)

    assert report.verdict is Verdict.VALID
    assert [one.name for one in report.checks] == [
        "format", "trust", "entry", "disclosures", "checkpoint", "inclusion", "anchor", "chain", "finality", "policy",
        "time",
    ]  # fmt: skip
    assert outcomes(report, Outcome.PASS) == [one.name for one in report.checks]
    assert all(one.detail for one in report.checks)


@pytest.mark.parametrize("index", range(SIZE))
def test_every_entry_of_the_log_has_a_valid_receipt_under_both_keys(index: int) -> None:
    for rotated in (False, True):
        assert check(receipt(index, rotated=rotated)).verdict is Verdict.VALID


def test_a_receipt_that_was_just_issued_holds_so_far() -> None:
    report = check(receipt(on=()), answers=())

    assert report.verdict is Verdict.INCONCLUSIVE
    assert outcomes(report, Outcome.UNKNOWN) == ["policy"]
    assert "not anchored yet" in report.checks[-1].detail


# ── format and trust ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[" * 100_000, encode_receipt(GOOD)[:-2]])
def test_what_is_no_receipt_is_invalid_by_its_format_and_nothing_is_asked(data: bytes) -> None:
    report = verify(data, TRUST, (ANSWER,))

    assert (report.verdict, [one.name for one in report.checks]) == (Verdict.INVALID, ["format"])
    assert questions(data, TRUST) == ()
    assert entry_of(data) is None


def test_without_a_trust_file_nothing_is_ever_valid() -> None:
    report = check(GOOD, None)

    assert report.verdict is Verdict.INCONCLUSIVE
    assert outcomes(report, Outcome.UNKNOWN) == ["trust", "checkpoint", "anchor"]
    fresh = check(receipt(on=()), None)
    assert (fresh.verdict, outcomes(fresh, Outcome.UNKNOWN)) == (Verdict.INCONCLUSIVE, ["trust", "checkpoint"])
    assert check(ROTATED, None).verdict is Verdict.INCONCLUSIVE
    fails(dataclasses.replace(GOOD, index=STEP_AT + 1), "inclusion", trust=None)


def test_a_receipt_of_another_log_is_invalid() -> None:
    other = "another.example"
    pinned = dataclasses.replace(TRUST, origin=other, keys=(verifier_key(other, OLD_KEY),))

    fails(GOOD, "entry", "checkpoint", trust=pinned)


# ── entry and disclosures ────────────────────────────────────────────────────────────────────────────────────────────


def test_another_entry_is_invalid() -> None:
    fails(dataclasses.replace(GOOD, entry=GOOD.entry.replace(b'"grade":"b"', b'"grade":"a"')), "inclusion")
    fails(dataclasses.replace(GOOD, entry=GOOD.entry[:-1]), "entry", "inclusion")
    fails(dataclasses.replace(GOOD, entry=b""), "entry", "inclusion")
    fails(dataclasses.replace(GOOD, entry=GOOD.entry.replace(b'"version":1', b'"version":2')), "entry", "inclusion")


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ((), "not one for each commitment"),
        (RECORDS[:-1], "not one for each commitment"),
        (RECORDS[::-1], "not one for each commitment"),
        ((*RECORDS, Record("more", None)), "not one for each commitment"),
        ((*RECORDS[:-1], Record("not", None)), "not one for each commitment"),
        (
            (*RECORDS[:2], Record("serial_no", dataclasses.replace(SERIAL_SHOWN, value="SN-0043")), RECORDS[3]),
            "serial_no: value and salt do not open",
        ),
        (
            (*RECORDS[:2], Record("serial_no", dataclasses.replace(SERIAL_SHOWN, salt=bytes(32))), RECORDS[3]),
            "serial_no: value and salt do not open",
        ),
        ((*RECORDS[:3], Record("note", dataclasses.replace(NOTE_WITHHELD, value=None))), "note: value and salt"),
        (
            (*RECORDS[:2], Record("serial_no", dataclasses.replace(SERIAL_SHOWN, value="x" * 65_536)), RECORDS[3]),
            "serial_no: the most bytes of a committed value is 65536",
        ),
    ],
    ids=range(9),
)
def test_records_belong_to_the_commitments_one_by_one_and_open_them(records: tuple[Record, ...], reason: str) -> None:
    changed = dataclasses.replace(GOOD, records=records)

    fails(changed, "disclosures")
    assert any(reason in one.detail for one in check(changed).checks)


def test_what_is_withheld_or_shown_does_not_change_the_verdict() -> None:
    withheld = dataclasses.replace(GOOD, records=tuple(Record(one.name, None) for one in RECORDS))
    shown = dataclasses.replace(GOOD, records=(*RECORDS[:3], Record("note", NOTE_WITHHELD)))

    for changed, count in ((withheld, 0), (shown, 3)):
        report = check(changed)
        assert report.verdict is Verdict.VALID
        assert f"{count} of 4 committed values shown" in report.checks[3].detail


def test_a_step_of_the_log_has_no_records() -> None:
    fails(dataclasses.replace(receipt(ROTATION_AT), records=(Record("a", None),)), "disclosures")


# ── checkpoint and inclusion ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_checkpoint_by_another_key_or_with_another_content_is_invalid() -> None:
    fails(dataclasses.replace(GOOD, checkpoint=sign_checkpoint(head(), NEW_KEY)), "checkpoint")
    fails(
        dataclasses.replace(GOOD, checkpoint=GOOD.checkpoint.replace(b"\n9\n", b"\n8\n")),
        "checkpoint",
        "inclusion",
        "chain",
    )
    fails(dataclasses.replace(GOOD, checkpoint=b"no note"), "checkpoint")
    other = dataclasses.replace(head(), root=bytes(32))
    fails(dataclasses.replace(GOOD, checkpoint=sign_checkpoint(other, OLD_KEY)), "inclusion", "chain")


def test_a_receipts_checkpoint_has_nothing_that_no_check_covers() -> None:
    extra = GOOD.checkpoint + "\u2014 witness.example AAAAAAA=\n".encode()
    longer = sign_checkpoint(dataclasses.replace(head(), extensions=("more",)), OLD_KEY)

    fails(dataclasses.replace(GOOD, checkpoint=extra), "checkpoint")
    fails(dataclasses.replace(GOOD, checkpoint=longer), "checkpoint")


def test_size_and_root_come_from_the_signed_note_so_that_the_size_is_bound() -> None:
    """The inclusion proof alone would hold for 9 and for 10 leaves; the note's signature and the commitment decide."""
    lying = Checkpoint(ORIGIN, SIZE + 1, head().root)
    changed = dataclasses.replace(GOOD, checkpoint=sign_checkpoint(lying, OLD_KEY))

    merkle.verify_inclusion(merkle.leaf_hash(GOOD.entry), STEP_AT, SIZE + 1, GOOD.inclusion, head().root)
    fails(changed, "chain")
    unsigned = GOOD.checkpoint.replace(b"\n9\n", b"\n10\n")
    fails(dataclasses.replace(GOOD, checkpoint=unsigned), "checkpoint", "chain")


def test_another_index_or_proof_is_invalid() -> None:
    for index in {*range(SIZE), SIZE, 2**53 - 1} - {STEP_AT}:
        fails(dataclasses.replace(GOOD, index=index), "inclusion")
    for place in range(len(GOOD.inclusion)):
        spoiled = bytearray(GOOD.inclusion[place])
        spoiled[place] ^= 1
        changed = (*GOOD.inclusion[:place], bytes(spoiled), *GOOD.inclusion[place + 1 :])
        fails(dataclasses.replace(GOOD, inclusion=changed), "inclusion")
        fails(dataclasses.replace(GOOD, inclusion=GOOD.inclusion[:place] + GOOD.inclusion[place + 1 :]), "inclusion")
    fails(dataclasses.replace(GOOD, inclusion=(*GOOD.inclusion, bytes(32))), "inclusion")


def test_the_entry_at_index_0_is_the_pinned_genesis_entry() -> None:
    genesis = receipt(GENESIS_AT)

    assert check(genesis).verdict is Verdict.VALID
    fails(genesis, "inclusion", trust=dataclasses.replace(TRUST, genesis=bytes(32)))
    assert check(genesis, None).verdict is Verdict.INCONCLUSIVE


# ── key changes ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_pinned_before_the_rotation_still_works_through_the_key_entry() -> None:
    report = check(ROTATED)

    assert report.verdict is Verdict.VALID
    assert "keys" in outcomes(report, Outcome.PASS)
    fails(dataclasses.replace(ROTATED, key_changes=()), "checkpoint")
    pinned_later = dataclasses.replace(TRUST, keys=(SECOND_KEY,))
    assert check(dataclasses.replace(ROTATED, key_changes=()), pinned_later).verdict is Verdict.VALID


def changed_key(**members: Any) -> KeyChange:
    return KeyChange(encode_entry(dataclasses.replace(ROTATION, **members)), ROTATION_AT, inclusion(ROTATION_AT))


STRANGER = verifier_key("another.example", NEW_KEY)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (KeyChange(encode_entry(STEP), STEP_AT, inclusion(STEP_AT)), "does not start from a key"),
        (KeyChange(b"{}", ROTATION_AT, inclusion(ROTATION_AT)), "version 1"),
        (changed_key(origin="another.example"), "does not start from a key"),
        (changed_key(old_key=SECOND_KEY), "does not start from a key"),
        (changed_key(new_key=STRANGER), "a new key is not named like the log"),
        (changed_key(signature=bytes(64)), "the signature does not verify"),
        (changed_key(signature=NEW_KEY.sign(key_change_message(ORIGIN, SECOND_KEY))), "the signature does not verify"),
        (changed_key(signature=OLD_KEY.sign(key_change_message(ORIGIN, FIRST_KEY))), "the signature does not verify"),
        (changed_key(recorded_at="2026-11-03T10:22:06.000Z"), "another root"),
        (KeyChange(encode_entry(ROTATION), ROTATION_AT - 1, inclusion(ROTATION_AT)), "another root"),
        (KeyChange(encode_entry(ROTATION), SIZE, inclusion(ROTATION_AT)), "below the size"),
        (KeyChange(encode_entry(ROTATION), ROTATION_AT, inclusion(STEP_AT)[:-1]), "hashes, got"),
    ],
    ids=range(12),
)
def test_a_key_change_is_by_a_trusted_key_for_this_log_and_stands_in_the_tree(change: KeyChange, reason: str) -> None:
    """A key change that does not hold leaves the new key unpinned: the checkpoint under it fails too."""
    changed = dataclasses.replace(ROTATED, key_changes=(change,))

    fails(changed, "keys", "checkpoint")
    assert any(reason in one.detail for one in check(changed).checks if one.name == "keys")


def test_key_changes_are_exactly_those_that_lead_to_the_key_which_signed() -> None:
    """A change that is doubled, or true but not needed, could otherwise be added to a receipt that stays valid."""
    change = ROTATED.key_changes[0]

    assert check(ROTATED).verdict is Verdict.VALID
    fails(dataclasses.replace(ROTATED, key_changes=(change, change)), "keys", "checkpoint")
    fails(dataclasses.replace(GOOD, key_changes=(change,)), "checkpoint")


def test_a_key_change_beside_a_checkpoint_that_is_no_note_fails_with_it() -> None:
    fails(dataclasses.replace(ROTATED, checkpoint=b"no note"), "keys", "checkpoint")


# ── evidence and what is shown ───────────────────────────────────────────────────────────────────────────────────────


def test_offered_files_are_compared_with_the_fingerprints_that_the_receipt_shows() -> None:
    photo, other = EvidenceFile("photo.jpg", Sha256Hex(PHOTO)), EvidenceFile("other.pdf", Sha256Hex("8e" * 32))
    every_file_shown = dataclasses.replace(receipt(), entry=encode_entry(LOG[1]), records=())

    assert check(GOOD, evidence=[photo]).verdict is Verdict.VALID
    report = check(GOOD, evidence=[photo, other])  # the slip is withheld: it could be its fingerprint
    assert (report.verdict, [one.outcome for one in report.checks[-2:]]) == (
        Verdict.INCONCLUSIVE,
        [Outcome.PASS, Outcome.UNKNOWN],
    )
    report = check(every_file_shown, evidence=[photo])
    assert (report.checks[-1].name, report.checks[-1].outcome) == ("evidence", Outcome.FAIL)
    assert "photo.jpg is not a file" in report.checks[-1].detail


def test_fingerprints_are_those_of_shown_files_and_of_nothing_else() -> None:
    field = dataclasses.replace(SERIAL_SHOWN, value="7d" * 32)
    odd = dataclasses.replace(RECORDS[0].disclosure or SERIAL_SHOWN, value=7)

    assert fingerprints(GOOD) == {PHOTO}
    assert fingerprints(dataclasses.replace(GOOD, records=(Record("serial_no", field), Record(odd.name, odd)))) == set()


def test_the_entry_of_a_receipt_can_be_shown_whatever_the_verdict() -> None:
    assert entry_of(encode_receipt(GOOD)) == STEP
    assert entry_of(encode_receipt(dataclasses.replace(GOOD, index=7))) == STEP
    assert entry_of(encode_receipt(dataclasses.replace(GOOD, entry=b"{}"))) is None


def test_the_questions_are_of_the_pinned_targets_and_take_nothing_else_from_the_receipt() -> None:
    both = receipt(on=(EMBEDDED, SEPOLIA))
    found = questions(encode_receipt(both), dataclasses.replace(TRUST, targets=(SEPOLIA,)))

    assert len(questions(encode_receipt(both), TRUST)) == 2
    assert found == (question(SEPOLIA),)
