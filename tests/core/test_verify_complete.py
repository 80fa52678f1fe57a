"""A package is held against the seal that it shows, against its own anchored heads, and against receipts beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from ledger_service.core.case_proof import encode_case_proof
from ledger_service.core.checkpoint import sign_checkpoint
from ledger_service.core.package import HEAD_RECEIPT, receipt_name
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.report import Check, Outcome, Report, Verdict
from ledger_service.core.verify_case_proof import verify_case_proof
from ledger_service.core.verify_package import verify_package
from tests.core import packages
from tests.core.entries import OLD_KEY, RECORDED_AT
from tests.core.packages import Bytes
from tests.core.receipts import TRUST
from tests.core.sealed_twice import (
    ANSWERED_AT,
    ASKED_AT,
    EARLIER,
    FURTHER_AT,
    LATER,
    OF_CASE,
    RIVAL_AT,
    SEAL_AT,
    SIZE,
    answers,
    completeness,
    package,
    receipt,
)
from tests.core.sealed_twice import head as head_at


def check(data: bytes, *beside: int) -> Report:
    """Verify a package with the receipts of these entries beside it."""
    return verify_package(Bytes(data), TRUST, answers(), receipts=[receipt(index) for index in beside])


def named(report: Report, name: str) -> list[Check]:
    """Return the checks of this name."""
    return [one for one in report.checks if one.name == name]


def test_a_package_with_the_seal_of_its_newest_head_is_valid_and_says_how_old_that_is() -> None:
    report = check(package(proof=completeness()))

    assert report.verdict is Verdict.VALID, report
    assert [one.detail for one in named(report, "completeness")] == [
        "before the seal at entry 9, recorded 2026-11-03T10:22:06.000Z: exactly these 4 entries; "
        "the log had 0 entries after it, 0 of them on the chain of this return"
    ]


def until_first_seal(generated_at: str = LATER) -> bytes:
    """Return the package of the entries before the first seal, as of that seal."""
    proof = packages.completeness()
    return package(packages.OF_CASE, proof=proof, sizes=[EARLIER], generated_at=generated_at)


def test_an_older_package_is_valid_and_says_what_came_after_its_seal() -> None:
    """All of its receipts rest on the first head; what it counts ends there, and the log's size is said."""
    report = check(until_first_seal())

    assert report.verdict is Verdict.VALID, report
    (told,) = named(report, "completeness")
    assert told.detail.endswith("the log had 3 entries after it, 0 of them on the chain of this return")


@pytest.mark.parametrize("sizes", [(SIZE,), (SIZE, EARLIER), (EARLIER, EARLIER, EARLIER, SIZE)])
def test_a_seal_older_than_a_head_that_a_receipt_rests_on_shows_nothing_of_what_came_between(
    sizes: Sequence[int],
) -> None:
    """Entry 8 of the case is hidden: the second seal counts it, the first one cannot."""
    report = check(package(packages.OF_CASE, proof=packages.completeness(), sizes=sizes))

    assert report.verdict is Verdict.INCONCLUSIVE
    (told,) = named(report, "completeness")
    assert (told.outcome, told.decisive) == (Outcome.UNKNOWN, True)
    assert told.detail == (
        "the seal at entry 6, recorded 2026-11-03T10:22:05.000Z, is older than the one at entry 9 that a receipt rests"
        " on: what that counts is not shown"
    )


def test_a_hidden_entry_is_not_valid_with_the_seal_that_counts_it_and_not_without_any() -> None:
    counted = check(package(packages.OF_CASE, proof=completeness()))
    dropped = check(package(packages.OF_CASE))

    assert counted.verdict is Verdict.INVALID
    assert dropped.verdict is Verdict.INCONCLUSIVE
    (told,) = named(dropped, "completeness")
    assert (told.outcome, told.decisive) == (Outcome.UNKNOWN, True)
    assert told.detail == "no completeness file shows what the seal at entry 9 counts, which is anchored"


def test_one_anchored_receipt_is_enough_for_a_seal_to_be_asked_for() -> None:
    (none,) = named(check(package(sizes=[0])), "completeness")
    (one,) = named(check(package(sizes=[0, 0, 0, EARLIER, 0])), "completeness")

    assert (none.outcome, none.decisive) == (Outcome.UNKNOWN, False)
    assert none.detail == "no completeness file, and no receipt in the package is anchored yet"
    assert (one.outcome, one.decisive) == (Outcome.UNKNOWN, True)
    assert one.detail == "no completeness file shows what the seal at entry 6 counts, which is anchored"


def test_a_seal_that_is_not_anchored_shows_nothing_in_an_anchored_package() -> None:
    """Its index may say anything: nobody but the operator has seen it."""
    report = check(package(proof=completeness(anchored=False)))

    assert report.verdict is Verdict.INCONCLUSIVE
    (told,) = named(report, "completeness")
    assert (told.outcome, told.decisive) == (Outcome.UNKNOWN, True)


def test_a_seal_newer_than_the_tree_head_of_the_package_is_refused() -> None:
    draft = packages.Draft(packages.files())
    shrunk = dataclasses.replace(
        draft,
        files={**draft.files, HEAD_RECEIPT: young_head()},
        changed=lambda one: dataclasses.replace(one, size=EARLIER - 1, root=head_at(EARLIER - 1).root),
    )

    report = packages.check(shrunk.packed())

    (told,) = named(report, "completeness")
    assert (told.outcome, told.detail) == (
        Outcome.FAIL,
        "the seal at entry 6 is newer than the tree head of the package",
    )
    assert [one.name for one in report.checks if one.outcome is Outcome.FAIL] == ["completeness"]


def young_head() -> bytes:
    """Return the receipt of the genesis entry in the head before the first seal."""
    made = receipt(0, size=EARLIER - 1, anchored=False)
    assert made.checkpoint == sign_checkpoint(head_at(EARLIER - 1), OLD_KEY)
    return encode_receipt(made)


def test_a_receipt_of_an_entry_in_the_package_is_found_there() -> None:
    report = check(package(proof=completeness()), *OF_CASE)

    assert report.verdict is Verdict.VALID
    assert [(one.outcome, one.detail) for one in named(report, "receipt")] == [
        (Outcome.PASS, f"entry {index}, shown beside the package, is in it") for index in OF_CASE
    ]


def test_a_receipt_of_an_entry_whose_place_the_package_gives_to_another_is_found() -> None:
    """The seal lies too, and counts what the package has: without the receipt all of it is valid."""
    data = package(proof=completeness())

    report = check(data, RIVAL_AT)

    assert check(data).verdict is Verdict.VALID
    assert report.verdict is Verdict.INVALID
    assert [(one.outcome, one.detail) for one in named(report, "receipt")] == [
        (
            Outcome.FAIL,
            "entry 7, shown beside the package, has the place 1 of the return, where the package has entry 2",
        )
    ]


def test_a_receipt_of_an_entry_that_the_package_leaves_out_is_found_if_it_came_before() -> None:
    left_out = check(until_first_seal(LATER), FURTHER_AT)
    earlier = until_first_seal(RECORDED_AT)

    assert left_out.verdict is Verdict.INVALID
    assert [one.detail for one in named(left_out, "receipt")] == [
        "entry 8, shown beside the package, was recorded before the package, which leaves it out"
    ]
    assert check(earlier, FURTHER_AT).verdict is Verdict.VALID
    (told,) = named(check(earlier, FURTHER_AT), "receipt")
    assert (told.outcome, told.decisive) == (Outcome.UNKNOWN, False)
    assert told.detail == "entry 8, shown beside the package, came after the package was made"


def test_an_entry_before_the_seal_is_left_out_whenever_the_package_says_that_it_was_made() -> None:
    data = package(packages.OF_CASE, proof=completeness(), generated_at=RECORDED_AT)

    (told,) = named(check(data, FURTHER_AT), "receipt")

    assert told.outcome is Outcome.FAIL


def test_a_receipt_of_another_case_or_of_the_log_itself_says_nothing() -> None:
    report = check(package(proof=completeness()), 0, 3, SEAL_AT)

    assert report.verdict is Verdict.VALID
    assert [(one.outcome, one.decisive) for one in named(report, "receipt")] == [(Outcome.UNKNOWN, False)] * 3


def test_a_receipt_of_another_entry_at_an_index_of_the_package_is_found() -> None:
    """As a log with two faces shows them."""
    forked = dataclasses.replace(receipt(RIVAL_AT), index=ASKED_AT)

    report = verify_package(Bytes(package(proof=completeness())), TRUST, answers(), receipts=[forked])

    assert [one.detail for one in named(report, "receipt")] == [
        "entry 2, shown beside the package, is another than the package has at that index"
    ]


def test_a_package_whose_own_receipts_fail_is_compared_with_no_others() -> None:
    spoiled = packages.Draft({**packages.files(), receipt_name(60): b"{}\n"}).packed()

    (told,) = named(check(spoiled, ASKED_AT), "receipt")

    assert told.detail.startswith(receipt_name(60))


def proved(*beside: int) -> list[Outcome]:
    """Return what the completeness file as of the second seal says of the receipts of these entries."""
    data = encode_case_proof(completeness())
    report = verify_case_proof(data, TRUST, answers(), receipts=[receipt(index) for index in beside])
    return [one.outcome for one in report.checks if one.name == "receipts"]


def test_a_completeness_file_follows_the_case_back_from_its_last_entry() -> None:
    p, f, u = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN

    assert proved(1, ASKED_AT, ANSWERED_AT, FURTHER_AT) == [p, p, p, p]
    assert proved(RIVAL_AT) == [u]
    assert proved(RIVAL_AT, FURTHER_AT) == [u, p]
    assert proved(RIVAL_AT, FURTHER_AT, ANSWERED_AT) == [f, p, p]
    assert proved(ASKED_AT, RIVAL_AT, 3, 4, SEAL_AT) == [f, f, u, u, u]


def test_a_receipt_that_is_not_shown_to_be_counted_holds_the_completeness_file_back() -> None:
    data = encode_case_proof(completeness())

    alone = verify_case_proof(data, TRUST, answers())
    beside = verify_case_proof(data, TRUST, answers(), receipts=[receipt(RIVAL_AT)])

    assert (alone.verdict, beside.verdict) == (Verdict.VALID, Verdict.INCONCLUSIVE)
