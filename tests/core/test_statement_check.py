"""A receipt of a signed step says which wallet signed, fails where none did, and says nothing of what it cannot see."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger_service.core.disclosure import Record
from ledger_service.core.entry import Authenticity
from ledger_service.core.log_entry import Target
from ledger_service.core.report import Outcome
from ledger_service.core.signing import SIGNATURE_NAME
from ledger_service.core.statement_check import check_statement
from ledger_service.core.trust import PinnedTarget, Trust
from tests.core.signatures import BUYER, DOMAIN, address, signed_entry
from tests.core.worked import TRUST


def pinned(contract: bytes = DOMAIN.contract) -> Trust:
    """Return a trust file whose one target is the place that the statements name."""
    target = Target(DOMAIN.chain_id, bytes(32), contract, bytes(32), bytes(20), bytes(32))
    return replace(TRUST, origin=DOMAIN.origin, targets=(PinnedTarget("chain", target, None),))


def test_the_wallet_that_signed_is_named() -> None:
    entry, records = signed_entry()
    (check,) = check_statement(entry, records, pinned())

    assert (check.name, check.outcome) == ("statement", Outcome.PASS)
    assert "0x" + address(BUYER).hex() in check.detail


def test_a_signature_for_another_place_or_over_something_else_fails() -> None:
    entry, records = signed_entry()

    for other, trust in ((entry, pinned(bytes(20))), (replace(entry, verb="scan"), pinned())):
        (check,) = check_statement(other, records, trust)
        assert check.outcome is Outcome.FAIL


@pytest.mark.parametrize("hidden", [SIGNATURE_NAME, "note"])
def test_of_a_copy_that_withholds_something_nothing_is_said(hidden: str) -> None:
    entry, records = signed_entry()
    copy = [Record(one.name, None) if one.name == hidden else one for one in records]

    assert check_statement(entry, copy, pinned()) == []


def test_without_a_trust_file_or_of_a_step_that_is_not_signed_nothing_is_said() -> None:
    entry, records = signed_entry()

    assert check_statement(entry, records, None) == []
    assert check_statement(replace(entry, authenticity=Authenticity.WEBHOOK_VERIFIED), records, pinned()) == []
