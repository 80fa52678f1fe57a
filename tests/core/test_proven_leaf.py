"""What receipts prove against each other, and what none of them proves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from ledger_service.core.checkpoint import sign_checkpoint
from ledger_service.core.contradiction import Kind, encode_contradiction
from ledger_service.core.proven_leaf import ProvenLeaf, conflicts_among, contradict, prove_leaf
from ledger_service.core.receipt import Receipt
from ledger_service.core.report import Verdict
from ledger_service.core.verify_contradiction import verify_contradiction
from ledger_service.errors import LedgerError
from tests.core.entries import NEW_KEY, OLD_KEY
from tests.core.forks import OTHER, TRUE, forged_receipt
from tests.core.receipts import EMBEDDED, ROTATION_AT, STEP_AT, TRUST, anchor, receipt


def proven(entries: tuple[bytes, ...], index: int, size: int, *, rotated: bool = False) -> ProvenLeaf:
    """Return what the receipt of an entry proves."""
    return prove_leaf(forged_receipt(entries, index, size, rotated=rotated), TRUST)


def test_two_leaves_at_one_index_are_a_contradiction_that_verifies_offline() -> None:
    one, other = proven(TRUE, STEP_AT, 7), proven(OTHER, STEP_AT, 9)

    found = contradict(one, other)

    assert found is not None
    assert (found.kind, found.index) == (Kind.TWO_LEAVES, STEP_AT)
    assert [leaf.entry for leaf in found.leaves] == [None, None]  # whose case it is need not be shown
    assert verify_contradiction(encode_contradiction(found), TRUST).verdict is Verdict.VALID
    assert contradict(other, one) == found


def test_two_roots_for_one_size_are_one_whatever_entries_the_receipts_are_of() -> None:
    found = contradict(proven(TRUE, 1, 7), proven(OTHER, 2, 7))

    assert found is not None
    assert found.kind is Kind.TWO_ROOTS
    assert verify_contradiction(encode_contradiction(found), TRUST).verdict is Verdict.VALID


def test_a_key_that_a_key_change_brought_in_convicts_too() -> None:
    found = contradict(proven(TRUE, STEP_AT, 9, rotated=True), proven(OTHER, STEP_AT, 8))

    assert found is not None
    assert {len(head.key_changes) for head in found.heads} == {0, 1}
    assert verify_contradiction(encode_contradiction(found), TRUST).verdict is Verdict.VALID


def test_receipts_of_a_log_that_only_grew_never_conflict() -> None:
    leaves = [proven(TRUE, index, size) for size in range(1, len(TRUE) + 1) for index in range(size)]

    assert conflicts_among(leaves) == []


def test_each_other_leaf_or_root_is_told_once_against_the_first() -> None:
    leaves = [
        proven(TRUE, STEP_AT, 7),
        None,
        proven(TRUE, STEP_AT, 9),
        proven(OTHER, STEP_AT, 8),
        proven(OTHER, STEP_AT, 9),  # the leaf is known, the root of 9 entries is not
        proven(OTHER, 1, 7),
        proven(OTHER, 2, 7),
    ]

    found = [(one.one, one.other, one.contradiction.kind) for one in conflicts_among(leaves)]

    assert found == [(0, 3, Kind.TWO_LEAVES), (2, 4, Kind.TWO_LEAVES), (0, 5, Kind.TWO_ROOTS)]


SPOILED: dict[str, Callable[[Receipt], Receipt]] = {
    "another entry": lambda one: dataclasses.replace(one, entry=TRUE[1]),
    "another index": lambda one: dataclasses.replace(one, index=one.index - 1),
    "a hash of the proof": lambda one: dataclasses.replace(one, inclusion=(bytes(32), *one.inclusion[1:])),
    "another signature": lambda one: dataclasses.replace(
        one, checkpoint=one.checkpoint[:-8] + bytes(reversed(one.checkpoint[-8:-2])) + one.checkpoint[-2:]
    ),
    "a key that nobody pinned": lambda one: forged_receipt(OTHER, STEP_AT, 9, key=NEW_KEY),
    "two signatures": lambda one: dataclasses.replace(
        one, checkpoint=one.checkpoint + one.checkpoint.rpartition(b"\n\n")[2]
    ),
    "a key change that is none": lambda one: dataclasses.replace(
        one, key_changes=(dataclasses.replace(receipt(rotated=True).key_changes[0], index=ROTATION_AT - 1),)
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_receipt_proves_no_leaf(name: str) -> None:
    spoiled = SPOILED[name](forged_receipt(OTHER, STEP_AT, 9))

    with pytest.raises(LedgerError):
        prove_leaf(spoiled, TRUST)


def test_an_anchor_that_nobody_finds_changes_nothing_of_what_the_log_signed() -> None:
    claimed = dataclasses.replace(forged_receipt(OTHER, STEP_AT, 9), anchors=(anchor(EMBEDDED),))

    assert prove_leaf(claimed, TRUST) == proven(OTHER, STEP_AT, 9)


def test_another_log_s_receipt_proves_nothing_of_the_pinned_one() -> None:
    note = sign_checkpoint(dataclasses.replace(proven(OTHER, STEP_AT, 9).head, origin="b.example"), OLD_KEY)
    other = dataclasses.replace(forged_receipt(OTHER, STEP_AT, 9), checkpoint=note)

    with pytest.raises(LedgerError):
        prove_leaf(other, TRUST)
