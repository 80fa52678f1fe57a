"""What only a made-up file or node shows: refused, or told, as the rest is."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ledger_service.core import archive, quorum, verify_case_proof
from ledger_service.core.archive import ArchiveFormatError
from ledger_service.core.case_index import Indexed
from ledger_service.core.case_proof import CaseProofFormatError, case_proof_members, digest_of, parse_case_proof
from ledger_service.core.encoding import encode_document
from ledger_service.core.entry import encode_entry
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.report import Outcome
from tests.core.packages import ANSWERED, ASKED, READ, completeness


def test_a_directory_that_ends_before_its_last_member_is_refused() -> None:
    with pytest.raises(ArchiveFormatError, match="ends before its last member"):
        archive._members(b"", 1)


def test_a_completeness_file_has_an_object_beside_it_and_a_month_for_a_case() -> None:
    beside = {**case_proof_members(completeness()), "unprotected": []}
    with pytest.raises(CaseProofFormatError, match="an object is expected"):
        parse_case_proof(encode_document(beside))
    monthless: dict[str, Any] = case_proof_members(completeness())
    monthless["scope"] = {**monthless["scope"], "month": None}
    covered = {name: one for name, one in monthless.items() if name not in ("digest", "unprotected")}
    with pytest.raises(CaseProofFormatError, match="needs the month"):
        parse_case_proof(encode_document({**monthless, "digest": digest_of(covered)}))


def test_of_willing_nodes_the_highest_estimate_counts() -> None:
    views = cast(Any, [SimpleNamespace(estimate=SimpleNamespace(gas=gas)) for gas in (90_000, 120_000, 0)])

    assert cast(Any, quorum._estimate(2, views)).gas == 120_000
    assert cast(Any, quorum._estimate(3, views)).gas == 0


def test_an_entry_is_held_against_what_a_seal_counts() -> None:
    proof = completeness()
    last = leaf_hash(encode_entry(ANSWERED))

    def said(entry: Any, index: int, *counted: Indexed) -> tuple[Outcome, str]:
        receipt = cast(Any, SimpleNamespace(entry=encode_entry(entry), index=index))
        (found,) = verify_case_proof._check_receipts(proof, next(iter(counted), None), [receipt])
        return found.outcome, found.detail

    assert said(ANSWERED, 5, Indexed(3, last))[0] is Outcome.PASS
    outcome, detail = said(ASKED, 2, Indexed(3, last))
    assert (outcome, "receipts of all entries after it" in detail) == (Outcome.UNKNOWN, True)
    assert "came after the seal" in said(ANSWERED, proof.seal.index, Indexed(3, last))[1]
    assert "not on the chain" in said(READ, 4, Indexed(3, last))[1]
    assert "not on the chain" in said(dataclasses.replace(ANSWERED, return_id="77" * 16), 5, Indexed(3, last))[1]
    for counted in ((), (Indexed(2, bytes(32)),)):
        outcome, detail = said(ANSWERED, 5, *counted)
        assert (outcome, "leaves it out" in detail) == (Outcome.FAIL, True)
    outcome, detail = said(ANSWERED, 5, Indexed(3, bytes(32)))
    assert (outcome, "names another" in detail) == (Outcome.FAIL, True)
