"""Promises of the package verifier: an honest package is valid, every hostile one is found, nothing is unpacked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from ledger_service.core.archive import ArchiveFormatError, read_directory
from ledger_service.core.case_index import prove
from ledger_service.core.case_proof import CaseProof, encode_case_proof
from ledger_service.core.entry import encode_entry
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.package import COMPLETENESS, HEAD_RECEIPT, VERIFIER, receipt_name
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.report import Outcome, Verdict
from ledger_service.core.verify_package import CHUNK_BYTES, questions_of_package, verify_package
from tests.core.entries import RECORDED_AT
from tests.core.hostile_packages import ARCHIVES, CONTENTS, HOSTILE
from tests.core.packages import (
    ASKED,
    INDEX_NODES,
    INDEX_ROOT,
    PHOTO_NAME,
    STRANGER,
    Bytes,
    Draft,
    answers,
    check,
    completeness,
    files,
    honest,
    pack,
    receipt,
)
from tests.core.receipts import TRUST as PINNED

NAMES = (
    "archive", "manifest", "trust", "head", "signature", "files", "receipts", "chain", "completeness", "evidence",
    "events", "pages",
)  # fmt: skip


def test_an_honest_package_is_valid_and_every_check_is_named() -> None:
    report = check(honest())

    assert [one.name for one in report.checks] == list(NAMES)
    assert report.verdict is Verdict.VALID


def test_the_verifier_in_a_package_is_a_file_of_it_like_every_other() -> None:
    honest_one = Draft({**files(), VERIFIER: b"<!doctype html>\n"})
    assert check(honest_one.packed()).verdict is Verdict.VALID

    report = check(pack({**honest_one.contents(), VERIFIER: b"<!doctype HTML>\n"}))

    failed = [one.detail for one in report.checks if one.outcome is Outcome.FAIL]
    assert failed == [f"{VERIFIER} has not the SHA-256 that the manifest says"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_package_is_found(name: str) -> None:
    report = check(HOSTILE[name]())

    assert report.verdict is Verdict.INVALID, report


def test_there_are_many_kinds_of_them_and_no_two_are_alike() -> None:
    made = {make() for make in HOSTILE.values()}

    assert len(ARCHIVES) >= 60
    assert len(CONTENTS) >= 50
    assert len(made) == len(HOSTILE)
    assert honest() not in made


@pytest.mark.parametrize("name", ARCHIVES)
def test_what_an_archive_hides_is_refused_before_anything_in_it_is_read(name: str) -> None:
    report = check(ARCHIVES[name]())

    assert [one.name for one in report.checks] == ["archive"]


@pytest.mark.parametrize("name", ["bytes before", "a name twice", "a link", "deflated", "local: size", "zip64"])
def test_a_hostile_archive_raises_where_it_is_only_read(name: str) -> None:
    with pytest.raises(ArchiveFormatError):
        read_directory(Bytes(ARCHIVES[name]()))


def test_every_bit_of_a_package_counts() -> None:
    """A bit at every 97th byte, in headers, names and content alike."""
    data = honest()
    for at in range(0, len(data), 97):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        assert check(bytes(changed)).verdict is Verdict.INVALID, at


def test_without_a_trust_file_nothing_is_valid_and_the_one_inside_pins_nothing() -> None:
    report = verify_package(Bytes(honest()), None)

    assert report.verdict is Verdict.INCONCLUSIVE
    unknown = {one.name for one in report.checks if one.outcome is Outcome.UNKNOWN}
    assert unknown == {"trust", "head", "signature", "receipt", "receipts", "completeness", "pages"}


def test_a_receipt_that_is_not_final_holds_the_package_back() -> None:
    young = {**files(), receipt_name(5): encode_receipt(receipt(5, anchored=False))}

    report = check(Draft(young).packed())

    assert report.verdict is Verdict.INCONCLUSIVE
    (named,) = [one for one in report.checks if one.name == "receipt"]
    assert named.detail.startswith(receipt_name(5) + ": policy")


def whole_month() -> CaseProof:
    """Return the completeness file of all cases of the month."""
    scope = dataclasses.replace(completeness(), return_id=None)
    return dataclasses.replace(scope, nodes=tuple(prove(INDEX_ROOT, scope.prefix, INDEX_NODES.__getitem__)))


def completeness_of(data: bytes) -> tuple[Outcome, str]:
    """Return what the check of completeness says."""
    (found,) = [one for one in check(data).checks if one.name == "completeness"]
    return found.outcome, found.detail


def test_the_entries_before_the_seal_are_those_that_it_counts() -> None:
    outcome, detail = completeness_of(honest())

    assert (outcome, detail) == (
        Outcome.PASS,
        f"before the seal at entry 6, recorded {RECORDED_AT}: exactly these 3 entries; "
        "the log had 0 entries after it, 0 of them on the chain of this return",
    )


def test_a_package_that_hides_the_last_entry_is_found() -> None:
    """By the operator itself: manifest and signature fit what is left."""
    left = {name: data for name, data in files().items() if name != receipt_name(5)}
    shorter = Draft(
        left,
        changed=lambda one: dataclasses.replace(one, entries=3, chain=2, head=leaf_hash(encode_entry(ASKED))),
    )

    assert completeness_of(shorter.packed()) == (
        Outcome.FAIL,
        "the seal at entry 6 counts 3 entries before it, the package has others",
    )
    assert check(shorter.packed()).verdict is Verdict.INVALID


def test_a_package_without_the_seal_that_its_anchors_end_in_is_not_valid() -> None:
    without = {name: data for name, data in files().items() if name != COMPLETENESS}

    report = check(Draft(without).packed())

    assert report.verdict is Verdict.INCONCLUSIVE
    assert completeness_of(Draft(without).packed()) == (
        Outcome.UNKNOWN,
        "no completeness file shows what the seal at entry 6 counts, which is anchored",
    )
    assert questions_of_package(Bytes(Draft(without).packed()), PINNED) == questions_of_package(Bytes(honest()), PINNED)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (lambda: completeness(STRANGER), "another case"),
        (lambda: whole_month(), "another case"),
        (lambda: dataclasses.replace(completeness(), nodes=()), "case_index: trie: a node is missing"),
        (lambda: dataclasses.replace(completeness(), seal=receipt(5)), "seal: the receipt is of an entry that is no"),
    ],
)
def test_a_completeness_file_that_does_not_fit_is_found(changed: Callable[[], CaseProof], why: str) -> None:
    spoiled = {**files(), COMPLETENESS: encode_case_proof(changed())}

    outcome, detail = completeness_of(Draft(spoiled).packed())

    assert outcome is Outcome.FAIL
    assert why in detail


def test_a_seal_that_counts_no_entry_of_the_case_is_found() -> None:
    month = dataclasses.replace(completeness().scope, month="2026-12")
    nowhere = dataclasses.replace(completeness(), scope=month)
    nodes = prove(INDEX_ROOT, nowhere.prefix, INDEX_NODES.__getitem__)
    absent = encode_case_proof(dataclasses.replace(nowhere, nodes=tuple(nodes)))

    outcome, detail = completeness_of(Draft({**files(), COMPLETENESS: absent}).packed())

    assert (outcome, detail) == (Outcome.FAIL, "the seal at entry 6 counts 0 entries before it, the package has others")


def test_nobody_asked_is_not_invalid() -> None:
    assert verify_package(Bytes(honest()), PINNED).verdict is Verdict.INCONCLUSIVE


def test_another_log_than_the_pinned_one_is_invalid() -> None:
    other = dataclasses.replace(PINNED, genesis=leaf_hash(b"another"))

    report = verify_package(Bytes(honest()), other, answers())

    assert "trust" in [one.name for one in report.checks if one.outcome is Outcome.FAIL]


def test_a_package_without_originals_is_a_package() -> None:
    some = {name: data for name, data in files().items() if name != PHOTO_NAME}

    assert check(Draft(some).packed()).verdict is Verdict.VALID


def test_no_more_than_a_chunk_is_asked_for_at_once() -> None:
    large = {**files(), "findings.txt": b"a line\n" * 600_000}
    source = Bytes(Draft(large).packed())

    report = verify_package(source, PINNED, answers())

    assert report.verdict is Verdict.VALID
    assert source.most <= CHUNK_BYTES


def test_many_receipts_that_fail_are_counted_and_some_are_named() -> None:
    bad = {receipt_name(index): b"{}\n" for index in range(1, 60)}

    report = check(Draft({**files(), **bad}).packed())

    assert sum(one.name == "receipt" for one in report.checks) == 20
    assert next(one for one in report.checks if one.name == "receipts").outcome is Outcome.FAIL


def test_what_is_no_package_asks_nothing() -> None:
    assert questions_of_package(Bytes(b"PK"), PINNED) == ()


def test_a_source_that_ends_early_is_an_archive_that_does() -> None:
    class Short(Bytes):
        def read(self, offset: int, count: int, /) -> bytes:
            return super().read(offset, count)[: count // 2]

    assert verify_package(Short(honest()), PINNED).verdict is Verdict.INVALID


def test_the_head_receipt_may_be_anchored_too() -> None:
    anchored = {**files(), HEAD_RECEIPT: encode_receipt(receipt(0))}

    assert check(Draft(anchored).packed()).verdict is Verdict.VALID
