"""Promises of the package verifier: an honest package is valid, every hostile one is found, nothing is unpacked."""

from __future__ import annotations

import dataclasses

import pytest

from ledger_service.core.archive import ArchiveFormatError, read_directory
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.package import HEAD_RECEIPT, receipt_name
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.report import Outcome, Verdict
from ledger_service.core.verify_package import CHUNK_BYTES, questions_of_package, verify_package
from tests.core.hostile_packages import ARCHIVES, CONTENTS, HOSTILE
from tests.core.packages import PHOTO_NAME, Bytes, Draft, answers, check, files, honest, receipt
from tests.core.receipts import TRUST as PINNED

NAMES = ("archive", "manifest", "trust", "head", "signature", "files", "receipts", "chain", "evidence")


def test_an_honest_package_is_valid_and_every_check_is_named() -> None:
    report = check(honest())

    assert [one.name for one in report.checks] == list(NAMES)
    assert report.verdict is Verdict.VALID


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
    assert unknown == {"trust", "head", "signature", "receipt", "receipts"}


def test_a_receipt_that_is_not_final_holds_the_package_back() -> None:
    young = {**files(), receipt_name(5): encode_receipt(receipt(5, anchored=False))}

    report = check(Draft(young).packed())

    assert report.verdict is Verdict.INCONCLUSIVE
    (named,) = [one for one in report.checks if one.name == "receipt"]
    assert named.detail.startswith(receipt_name(5) + ": policy")


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
