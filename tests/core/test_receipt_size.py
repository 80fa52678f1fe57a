"""How large receipts are at a log of a million entries, on a chain the size of a main network (made synthetically)."""

from __future__ import annotations

import time

import pytest

from ledger_service.core.receipt import encode_receipt, parse_receipt
from ledger_service.core.report import Verdict
from ledger_service.core.verify import verify
from tests.core.large import BYTES_MAX, STATED_BYTES_MAX, large

SECONDS_MAX = 0.5  # of processor time: ten times the limit of `scripts/bench verify --check`, for slow machines


@pytest.mark.parametrize(("stated", "least", "most"), [(False, 4_000, BYTES_MAX), (True, 20_000, STATED_BYTES_MAX)])
def test_a_receipt_is_small_with_and_without_state_proofs(stated: bool, least: int, most: int) -> None:
    made = large(stated=stated).receipt

    data = encode_receipt(made)

    assert parse_receipt(data) == made
    assert least < len(data) <= most


def test_it_verifies_with_one_block_hash_and_nobody_asked() -> None:
    made = large(stated=True)
    data = encode_receipt(made.receipt)

    assert verify(data, made.trust, (), block_hashes=(made.block_hash,)).verdict is Verdict.VALID
    assert verify(data, made.trust, ()).verdict is Verdict.INCONCLUSIVE


def test_verifying_it_takes_no_more_processor_time_than_a_person_notices() -> None:
    made = large(stated=True)
    data = encode_receipt(made.receipt)

    def once() -> float:
        started = time.thread_time()
        verify(data, made.trust, (), block_hashes=(made.block_hash,))
        return time.thread_time() - started

    assert min(once() for _ in range(5)) < SECONDS_MAX
